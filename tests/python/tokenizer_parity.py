"""Compares the ids of corpusmill's tokenizers with those of the libraries whose files it loads.

    python3 -m venv venv
    venv/bin/pip install tokenizers tiktoken sentencepiece mistral-common zstandard   (versions: see the output)
    cargo build --release -p corpusmill-models --no-default-features --example encode_frames
    venv/bin/python tests/python/tokenizer_parity.py DATA RANKS > tests/python/tokenizer_parity.out

DATA: a folder; all of its *.jsonl.zst (the key `text`, or the line itself), *.wet.gz and *.txt below it are text.
RANKS: a folder with {r50k,cl100k,o200k}_base.tiktoken, such as `assets` of the crate tiktoken-rs.
Options: --fuzz N (1,000,000 random strings), --megabytes M (of the text, all by default), --only NAME...

Every text goes through the program `encode_frames`, which answers with ids, decoded text and whether that is the
normalized text. Exit status: 0 if all ids are equal and all texts come back, 1 otherwise.

Hugging Face's library runs with `encode_special_tokens`, since the text of a special token is ordinary text here. Its
Unigram takes such text, and that of a byte piece, for the token all the same; what differs there is counted apart.
"""

import argparse
import array
import base64
import gzip
import importlib.metadata
import io
import json
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile
import threading
import unicodedata

import mistral_common
import sentencepiece
import tiktoken
import zstandard
from mistral_common.tokens.tokenizers.tekken import Tekkenizer
from tokenizers import Tokenizer

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "target/release/examples/encode_frames"
MISTRAL = pathlib.Path(mistral_common.__file__).parent / "data"
CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
QWEN = CL100K.replace("{1,3}", "")
GPT2_TIKTOKEN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
CL100K_TIKTOKEN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]"
    r"|\s+(?!\S)|\s"
)
WORD = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
O200K_TIKTOKEN = (
    WORD + r"*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+" + CONTRACTION + "|" + WORD + r"+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*" + CONTRACTION
    + r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


# --- texts ---------------------------------------------------------------------------------------------------------


def read_texts(folder, max_bytes):
    """Yields all texts of a folder once, in the order of their files."""
    seen, n_bytes = set(), 0
    for path in sorted(folder.rglob("*")):
        for text in texts_of(path):
            if text and hash(text) not in seen:
                seen.add(hash(text))
                n_bytes += len(text.encode())
                if n_bytes > max_bytes:
                    return
                yield text


def texts_of(path):
    if path.name.endswith(".jsonl.zst"):
        with open(path, "rb") as file:
            stream = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
            for line in io.TextIOWrapper(stream, encoding="utf-8"):
                yield json.loads(line).get("text") or line
    elif path.name.endswith(".wet.gz"):
        whole = gzip.open(path).read().decode("utf-8", "replace")
        yield from whole.split("WARC/1.0\r\n")
    elif path.suffix == ".txt":
        yield path.read_bytes().decode("utf-8", "replace")


SCRIPTS = [
    (0x20, 0x7F), (0xA0, 0x250), (0x300, 0x370), (0x370, 0x400), (0x400, 0x530), (0x590, 0x700), (0x900, 0xE00),
    (0xE00, 0x1000), (0x1100, 0x1200), (0x1E00, 0x2000), (0x2000, 0x2100), (0x2100, 0x2C00), (0x2E80, 0x3100),
    (0x3100, 0x3400), (0x4E00, 0xA000), (0xAC00, 0xD7A4), (0xF900, 0xFB00), (0xFE00, 0x10000), (0x10000, 0x11000),
    (0x1D400, 0x1D800), (0x1F000, 0x1FB00), (0x20000, 0x2A6E0),
]
PARTS = [
    " ", "  ", "   ", "\n", "\r\n", "\n\n", "\t", "\u3000", "\u00a0", "\u0085", "\u2028", "\u200b", "\ufeff", "\0",
    "\x1b", "'s", "'LL", "'\u017f", "1", "12", "1234", "\u00bd", "\u2168", "\u2581", "\u2581\u2581", "<s>", "</s>",
    "<unk>", "<|endoftext|>", "<|im_end|>", "<think>", "</think>", "[INST]", "<0x41>", "<0xE4>", "<pad>", "the", " the",
    "hello", " world", "\u4f60\u597d", "\uff0c", "\u3002", "e\u0301", "\u0041\u030a", "\u1112\u1161\u11ab", "\ufb01",
    "\u2460", "I\u0307", "\u03a3", "//", "::", "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\U0001f1e8\U0001f1f3",
]


def fuzz(n, seed=5):
    """Yields random texts: mixed scripts, spaces, controls, text of special tokens, and any code point at all."""
    rng = random.Random(seed)
    for i in range(n):
        text, kind = [], rng.random()
        for _ in range(rng.randrange(1, 200 if i % 1000 == 0 else 14)):
            if rng.random() < 0.45:
                text.append(rng.choice(PARTS))
            elif kind < 0.15:
                text.append(random_character(rng, 0, 0x110000))
            else:
                low, high = rng.choice(SCRIPTS) if kind < 0.6 else SCRIPTS[int(kind * 1000) % len(SCRIPTS)]
                text.extend(random_character(rng, low, high) for _ in range(rng.randrange(1, 6)))
        yield "".join(text)


def random_character(rng, low, high):
    while True:
        code = rng.randrange(low, high)
        if not 0xD800 <= code < 0xE000:
            return chr(code)


# --- files of tokenizers -------------------------------------------------------------------------------------------


def spell_bytes():
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {byte: chr(256 + n) for n, byte in enumerate(others)}


def read_ranks(path):
    lines = (line.split() for line in path.read_bytes().splitlines())
    return {base64.b64decode(token): int(rank) for token, rank in lines}


def bpe_json(ranks, pattern, special, added=(), normalizer=None, ignore_merges=True, pre=None):
    """Returns a tokenizer.json of ranks, with each cut of a token into two as a merge, as transformers makes it."""
    spelling = spell_bytes()
    spell = {token: "".join(spelling[byte] for byte in token) for token in ranks}
    merges = []
    for token, rank in sorted(ranks.items(), key=lambda pair: pair[1]):
        cuts = [(token[:at], token[at:]) for at in range(1, len(token))]
        cuts = [cut for cut in cuts if cut[0] in ranks and cut[1] in ranks]
        cuts.sort(key=lambda cut: (ranks[cut[0]], ranks[cut[1]]))
        merges += [[spell[left], spell[right]] for left, right in cuts]
    vocab = {spell[token]: rank for token, rank in ranks.items()}
    added_tokens = []
    for content, is_special in [*((name, True) for name in special), *((name, False) for name in added)]:
        added_tokens.append({
            "id": len(vocab) + len(added_tokens), "content": content, "single_word": False, "lstrip": False,
            "rstrip": False, "normalized": False, "special": is_special,
        })
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added_tokens, "normalizer": normalizer,
        "pre_tokenizer": pre or {"type": "Sequence", "pretokenizers": [split, byte_level]}, "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": ignore_merges,
            "vocab": vocab, "merges": merges,
        },
    }


def special_added(processor):
    tokens = [i for i in range(processor.get_piece_size()) if processor.is_control(i) or processor.is_unknown(i)]
    return [
        {"id": i, "content": processor.id_to_piece(i), "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": True}
        for i in tokens
    ]


def llama_json(path, style):
    """Returns the tokenizer.json of a SentencePiece BPE, in the style of Llama 2 or of Gemma."""
    processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
    vocab = {processor.id_to_piece(i): i for i in range(processor.get_piece_size())}
    normal = [i for i in vocab.values()
              if not (processor.is_control(i) or processor.is_unknown(i) or processor.is_byte(i))]
    merges = []
    for i in sorted(normal, key=lambda i: (-processor.get_score(i), i)):
        piece = processor.id_to_piece(i)
        cuts = [(piece[:at], piece[at:]) for at in range(1, len(piece))]
        cuts = [cut for cut in cuts if cut[0] in vocab and cut[1] in vocab]
        merges += [list(cut) for cut in sorted(cuts, key=lambda cut: (vocab[cut[0]], vocab[cut[1]]))]
    space = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    llama = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, space]}
    split = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
    strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    unspace = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
    decoders = [unspace, {"type": "ByteFallback"}, {"type": "Fuse"}] + ([strip] if style == "llama" else [])
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special_added(processor),
        "normalizer": llama if style == "llama" else space,
        "pre_tokenizer": None if style == "llama" else split, "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": {
            "type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
            "vocab": vocab, "merges": merges,
        },
    }


def charsmap(path):
    """Returns the precompiled map of characters of a model file: field 2 of field 3."""
    def fields(data):
        at = 0
        def varint():
            nonlocal at
            value = shift = 0
            while True:
                byte = data[at]
                at += 1
                value |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    return value
        while at < len(data):
            key = varint()
            if key & 7 == 2:
                length = varint()
                yield key >> 3, data[at:at + length]
                at += length
            elif key & 7 == 0:
                varint()
            else:
                at += 4 if key & 7 == 5 else 8
    spec = next(value for number, value in fields(path.read_bytes()) if number == 3)
    return next(value for number, value in fields(spec) if number == 2)


def unigram_json(path, pre):
    """Returns the tokenizer.json of a SentencePiece unigram model, as transformers converts T5 and XLM-R."""
    processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
    vocab = [[processor.id_to_piece(i), processor.get_score(i)] for i in range(processor.get_piece_size())]
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    words = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special_added(processor),
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap(path)).decode()},
            {"type": "Strip", "strip_left": False, "strip_right": True},
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"},
        ]},
        "pre_tokenizer": words if pre == "words" else metaspace, "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "ByteFallback"}, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        ]},
        "model": {"type": "Unigram", "unk_id": processor.unk_id(), "vocab": vocab, "byte_fallback": True},
    }


def train(folder, texts, name, **options):
    """Trains a SentencePiece model, and returns its path."""
    path = folder / name
    lines = (line[:2000] for text in texts for line in text[:20_000].split("\n") if line.strip())
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=lines, model_prefix=str(path), minloglevel=2, num_threads=2, **options)
    return path.with_suffix(".model")


# --- references ----------------------------------------------------------------------------------------------------


def by_tiktoken(ranks, pattern, offset=0):
    encoding = tiktoken.Encoding("x", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    return lambda texts: [[i + offset for i in encoding.encode_ordinary(text)] for text in texts]


def by_tokenizers(path):
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.encode_special_tokens = True
    return lambda texts: [e.ids for e in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


def by_sentencepiece(path):
    processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
    return lambda texts: processor.encode(texts)


def by_mistral(path):
    tokenizer = Tekkenizer.from_file(path)
    return lambda texts: [tokenizer.encode(text, bos=False, eos=False) for text in texts]


def cases(folder, ranks_folder, texts):
    """Yields name, file, encoding, whether text comes back unchanged, and what makes the reference."""
    ranks = {name: read_ranks(ranks_folder / f"{name}_base.tiktoken") for name in ["r50k", "cl100k", "o200k"]}

    def write(name, value):
        path = folder / f"{name}.json"
        path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
        return path

    def json_case(name, value, is_plain):
        path = write(name, value)
        return name, path, None, is_plain, lambda: by_tokenizers(path)

    for name, pattern in [("r50k", GPT2_TIKTOKEN), ("cl100k", CL100K_TIKTOKEN), ("o200k", O200K_TIKTOKEN)]:
        file = ranks_folder / f"{name}_base.tiktoken"
        title = "gpt2 ranks" if name == "r50k" else f"{name} ranks"
        reference = lambda name=name, pattern=pattern: by_tiktoken(ranks[name], pattern)
        yield title, file, f"{name}_base", True, reference
    for name in ["tekken_240718", "tekken_240911"]:
        path = MISTRAL / f"{name}.json"
        yield name, path, None, True, lambda path=path: by_mistral(path)

    gpt2 = bpe_json(ranks["r50k"], "", ["<|endoftext|>"], ignore_merges=False, pre={
        "type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True})
    yield json_case("gpt2 tokenizer.json", gpt2, True)
    yield json_case("llama3 tokenizer.json", bpe_json(ranks["cl100k"], CL100K, ["<|end_of_text|>"]), True)
    yield json_case("qwen tokenizer.json", bpe_json(
        ranks["cl100k"], QWEN, ["<|endoftext|>", "<|im_end|>"], ["<think>", "</think>"], {"type": "NFC"},
        ignore_merges=False), False)
    prefixed = {"type": "Sequence", "pretokenizers": [
        {"type": "Digits", "individual_digits": True},
        {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}]}
    starcoder = bpe_json(ranks["r50k"], "", ["<|endoftext|>"], ["    ", "hello world"], {"type": "NFKC"},
                         ignore_merges=False, pre=prefixed)
    yield json_case("digits, prefix space, NFKC", starcoder, False)

    for name in ["tokenizer.model.v1", "mistral_instruct_tokenizer_241114.model.v7"]:
        path = MISTRAL / name
        yield f"sentencepiece bpe {name}", path, None, False, lambda path=path: by_sentencepiece(path)
    llama = MISTRAL / "tokenizer.model.v1"
    yield json_case("llama2 tokenizer.json", llama_json(llama, "llama"), False)
    yield json_case("gemma tokenizer.json", llama_json(llama, "gemma"), False)

    common = {"byte_fallback": True, "vocab_size": 8000, "character_coverage": 0.9995}
    unigram = train(folder, texts, "unigram", model_type="unigram", **common)
    yield "sentencepiece unigram, nmt_nfkc", unigram, None, False, lambda: by_sentencepiece(unigram)
    symbols = ["<think>", "the", "::", "\u2581\u2581"]
    kept = train(folder, texts, "kept", model_type="unigram", normalization_rule_name="identity",
                 remove_extra_whitespaces=False, add_dummy_prefix=False, user_defined_symbols=symbols, **common)
    yield "sentencepiece unigram, symbols", kept, None, False, lambda: by_sentencepiece(kept)
    bpe = train(folder, texts, "bpe", model_type="bpe", normalization_rule_name="nmt_nfkc_cf",
                user_defined_symbols=symbols, split_by_whitespace=False, **common)
    yield "sentencepiece bpe, symbols, cf", bpe, None, False, lambda: by_sentencepiece(bpe)
    common["byte_fallback"] = False
    for kind in ["unigram", "bpe"]:
        path = train(folder, texts, f"unknown-{kind}", model_type=kind, **common)
        yield f"sentencepiece {kind}, no bytes", path, None, False, lambda path=path: by_sentencepiece(path)
    yield json_case("t5 tokenizer.json", unigram_json(unigram, "words"), False)
    yield json_case("unigram tokenizer.json", unigram_json(unigram, "metaspace"), False)


# --- comparison ----------------------------------------------------------------------------------------------------


class Program:
    """The program that encodes, with a tokenizer."""

    def __init__(self, program, path, encoding):
        command = [program, path, *([encoding] if encoding else [])]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def encode(self, texts):
        """Yields flags, ids as bytes and decoded text for each text."""
        def feed():
            for text in texts:
                data = text.encode()
                self.process.stdin.write(struct.pack("<I", len(data)) + data)
            self.process.stdin.flush()
        thread = threading.Thread(target=feed)
        thread.start()
        out = self.process.stdout
        for _ in texts:
            flags, n_ids = struct.unpack("<BI", out.read(5))
            ids = out.read(4 * n_ids)
            (n_bytes,) = struct.unpack("<I", out.read(4))
            yield flags, ids, out.read(n_bytes)
        thread.join()

    def close(self):
        self.process.stdin.close()
        assert self.process.wait() == 0


EXCEPTED = re.compile(r"<0x[0-9A-F]{2}>|<s>|</s>|<unk>")


def compare(program, name, path, encoding, is_plain, reference, sets):
    encode, program, n_wrong = reference(), Program(program, path, encoding), 0
    for title, texts in sets:
        n_texts = n_bytes = n_ids = n_differ = n_lost = n_excepted = 0
        for at in range(0, len(texts), 2000):
            batch = texts[at:at + 2000]
            for text, expected, (flags, ids, decoded) in zip(batch, encode(batch), program.encode(batch)):
                n_texts += 1
                n_bytes += len(text.encode())
                n_ids += len(expected)
                comes_back = flags == 3 and decoded == text.encode() if is_plain else flags & 1
                if not comes_back:
                    n_lost += 1
                if ids != array.array("I", expected).tobytes():
                    ids = list(array.array("I", ids))
                    if "t5" in name or name.startswith("unigram"):
                        if EXCEPTED.search(unicodedata.normalize("NFKC", text)):
                            n_excepted += 1
                            continue
                    n_differ += 1
                    if n_differ <= 3:
                        first = next((i for i, pair in enumerate(zip(ids, expected)) if pair[0] != pair[1]),
                                     min(len(ids), len(expected)))
                        print(f"  {text[:80]!r}: id {first}: {ids[first:first + 6]}, expected "
                              f"{expected[first:first + 6]}", flush=True)
        excepted = f", {n_excepted} texts with special or byte text excepted" if n_excepted else ""
        print(f"{name:42} {title:7} {n_texts:9,} texts {n_bytes / 1e6:7.1f} MB {n_ids:12,} ids: "
              f"{n_differ} differ, {n_lost} do not come back{excepted}", flush=True)
        n_wrong += n_differ + n_lost
    program.close()
    return n_wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("ranks", type=pathlib.Path)
    parser.add_argument("--fuzz", type=int, default=1_000_000)
    parser.add_argument("--megabytes", type=float, default=float("inf"))
    parser.add_argument("--only", nargs="*", help="names, or parts of them")
    parser.add_argument("--program", type=pathlib.Path, default=PROGRAM)
    args = parser.parse_args()
    versions = ["tokenizers", "tiktoken", "sentencepiece", "mistral-common"]
    print(", ".join(f"{name} {importlib.metadata.version(name)}" for name in versions), flush=True)
    texts = list(read_texts(args.data, args.megabytes * 1e6))
    sets = [("text", texts), ("fuzzed", list(fuzz(args.fuzz)))]
    n_wrong = n_cases = 0
    with tempfile.TemporaryDirectory() as folder:
        sample = texts[:: max(1, len(texts) // 3000)]
        for name, path, encoding, is_plain, reference in cases(pathlib.Path(folder), args.ranks, sample):
            if not args.only or any(part in name for part in args.only):
                n_cases += 1
                n_wrong += compare(args.program, name, path, encoding, is_plain, reference, sets)
    print(f"{n_cases} tokenizers, {n_wrong} texts wrong")
    return 1 if n_wrong or not n_cases else 0


if __name__ == "__main__":
    sys.exit(main())
