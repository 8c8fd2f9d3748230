#!/usr/bin/env python3
"""Checks tokenizers that `corpusmill tokenizer train` makes against Hugging Face's library and tiktoken.

  pip install tokenizers==0.23.3 tiktoken==0.14.0 zstandard
  trained_tokenizer.py CORPUSMILL DATA [MEGABYTES]

CORPUSMILL is the program; DATA a folder with corpora/*.jsonl.zst, whose lines have `text`. For each corpus, its first
MEGABYTES (default 6) are learnt from by corpusmill and by BpeTrainer, with the same pattern and size. Then
1. merges and vocabulary must be equal;
2. tokenizer.json, loaded by `tokenizers`, must give the ids of `corpusmill tokenizer encode` on all documents;
3. so must the ranks, loaded by tiktoken.
Ends with status 1 if anything differs.
"""
import glob, io, json, os, subprocess, sys, tempfile
import tiktoken, zstandard
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from tiktoken.load import load_tiktoken_bpe

# tiktoken would keep the first file of ranks for all that have its path.
os.environ["TIKTOKEN_CACHE_DIR"] = ""
PROGRAM, DATA = sys.argv[1], sys.argv[2]
LIMIT = int(float(sys.argv[3] if len(sys.argv) > 3 else 6) * 1e6)
END = "<|end_of_document|>"
CASES = [("cl100k", 16384), ("gpt2", 4096), ("qwen2", 32000), ("o200k", 16384), ("deepseek_v3", 8192)]


def texts(path):
    size, found = 0, []
    with open(path, "rb") as file:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8"):
            text = json.loads(line)["text"]
            size += len(text.encode())
            found.append(text)
            if size >= LIMIT:
                break
    return found


def theirs(documents, tokenizer, size, min_frequency):
    """Trains BpeTrainer with the pre-tokenizer of our file."""
    spec = json.loads(tokenizer)
    splits = [
        pre_tokenizers.Split(Regex(step["pattern"]["Regex"]), "isolated")
        for step in spec["pre_tokenizer"]["pretokenizers"]
        if step["type"] == "Split"
    ]
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(splits + [byte_level])
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=min_frequency,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(documents, trainer)
    return json.loads(made.to_str())["model"]


def main():
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        text, output, ranks = (os.path.join(folder, name) for name in ("t.jsonl", "t.json", "t.tiktoken"))
        for number, path in enumerate(sorted(glob.glob(os.path.join(DATA, "corpora", "*.jsonl.zst")))):
            documents = texts(path)
            with open(text, "w", encoding="utf-8") as file:
                file.writelines(json.dumps({"text": d}, ensure_ascii=False) + "\n" for d in documents)
            pattern, size = CASES[number % len(CASES)]
            command = [PROGRAM, "tokenizer", "train", text, "--output", output, "--vocab-size", str(size)]
            command += ["--pattern", pattern, "--max-word-bytes", "1000000000"]
            single = pattern != "deepseek_v3"
            subprocess.run(command + (["--ranks", ranks] if single else []), check=True, stderr=subprocess.DEVNULL)
            with open(output, encoding="utf-8") as file:
                made = file.read()
            ours, model = json.loads(made)["model"], theirs(documents, made, size, 2)
            same = ours["merges"] == model["merges"] and ours["vocab"] == model["vocab"]
            encoded = subprocess.run(
                [PROGRAM, "tokenizer", "encode", output, "--jsonl"],
                check=True, stdin=open(text, "rb"), stdout=subprocess.PIPE,
            ).stdout.decode().splitlines()
            expected = [json.loads(line)["ids"] for line in encoded]
            loaded = Tokenizer.from_file(output)
            # Text of a special token is ordinary text for corpusmill.
            plain = [(d, ids) for d, ids in zip(documents, expected) if END not in d]
            wrong = sum(loaded.encode(d).ids != ids for d, ids in plain)
            wrong_ranks = None
            if single:
                with open(ranks + ".json", encoding="utf-8") as file:
                    about = json.load(file)
                encoding = tiktoken.Encoding(
                    about["name"], pat_str=about["pat_str"], mergeable_ranks=load_tiktoken_bpe(ranks),
                    special_tokens=about["special_tokens"],
                )
                wrong_ranks = sum(encoding.encode_ordinary(d) != ids for d, ids in plain)
            failed |= not same or wrong > 0 or bool(wrong_ranks)
            tiktoken_says = "not one pattern" if wrong_ranks is None else f"{wrong_ranks} differ"
            print(
                f"{os.path.basename(path)}: {sum(len(d.encode()) for d in documents):,} bytes, {pattern}, {size} ids: "
                f"{len(ours['merges']):,} merges {'equal' if same else 'DIFFER'}; ids of {len(plain):,} documents: "
                f"tokenizers {wrong} differ, tiktoken {tiktoken_says}",
                flush=True,
            )
    sys.exit(failed)


main()
