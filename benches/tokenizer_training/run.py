#!/usr/bin/env python3
"""Times the training of a byte-level BPE: corpusmill, Hugging Face tokenizers and rustbpe, on the same text and settings.

  pip install tokenizers==0.23.3 rustbpe==0.1.0 zstandard
  run.py CORPUSMILL TEXT [TEXT ...] [--megabytes 8] [--vocab 16384 32768] [--repeat 3] > runs/NAME.json

A TEXT is a .jsonl or .jsonl.zst whose lines have `text`; of each one the first --megabytes are learnt from. All use the
pattern of cl100k. Every measurement is a process of its own with one thread; trainers take turns, --repeat rounds. CPU
seconds are those of the process and its children, less those of the same process that reads the text and learns nothing;
so is the memory ("extra"): peak resident size less that of the same process without learning. corpusmill's process reads
and parses the file while it learns and is charged for it: the process it is compared with learns from one line.
Prints JSON; a table goes to stderr.
"""
import argparse, importlib.metadata, io, json, os, platform, subprocess, sys, tempfile, time
from statistics import median

CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line)["text"] for line in file]


def child(trainer, path, vocab):
    """Learns in this process; `none` only reads and imports."""
    texts = read(path)
    if trainer.endswith("tokenizers"):
        from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(CL100K), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ])
        options = trainers.BpeTrainer(
            vocab_size=vocab, min_frequency=2, show_progress=False,
            special_tokens=["<|end_of_document|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        )
        if not trainer.startswith("no "):
            tokenizer.train_from_iterator(texts, options)
    else:
        import rustbpe
        tokenizer = rustbpe.Tokenizer()
        if not trainer.startswith("no "):
            tokenizer.train_from_iterator(iter(texts), vocab - 1, pattern=CL100K)


def measure(command):
    """Returns CPU seconds of the process tree, wall seconds, and the peak resident size in MB."""
    environment = dict(os.environ, RAYON_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")
    begin = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    stderr = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command}: {stderr.decode()}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - begin, usage.ru_maxrss / 1024


def sample(path, folder, limit):
    """Writes the first `limit` bytes of text as JSONL; returns the path and the bytes."""
    import zstandard
    name = os.path.basename(path).split(".")[0]
    out, size = os.path.join(folder, name + ".jsonl"), 0
    with open(path, "rb") as raw, open(out, "w", encoding="utf-8") as file:
        lines = zstandard.ZstdDecompressor().stream_reader(raw) if path.endswith(".zst") else raw
        for line in io.TextIOWrapper(lines, encoding="utf-8"):
            text = json.loads(line)["text"]
            file.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
            size += len(text.encode())
            if size >= limit:
                break
    return name, out, size


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("texts", nargs="+")
    parser.add_argument("--megabytes", type=float, default=8)
    parser.add_argument("--vocab", type=int, nargs="+", default=[16384, 32768])
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        line = os.path.join(folder, "line.jsonl")
        with open(line, "w", encoding="utf-8") as file:
            file.write('{"text": "one line"}\n')
        for path in args.texts:
            name, text, size = sample(path, folder, args.megabytes * 1e6)
            for vocab in args.vocab:
                def ours(text):
                    return [args.program, "tokenizer", "train", text, "--vocab-size", str(vocab), "--threads", "1",
                            "--max-word-bytes", "1000000000", "--output", os.path.join(folder, "out.json")]

                def theirs(trainer):
                    return [sys.executable, __file__, "--child", trainer, text, str(vocab)]

                commands = {"corpusmill": ours(text), "no corpusmill": ours(line)}
                for trainer in ("tokenizers", "rustbpe"):
                    commands |= {trainer: theirs(trainer), "no " + trainer: theirs("no " + trainer)}
                found = {trainer: [] for trainer in commands}
                for _ in range(args.repeat):
                    for trainer, command in commands.items():
                        found[trainer].append(measure(command))
                for trainer in ("corpusmill", "tokenizers", "rustbpe"):
                    middle = lambda runs, at: median(run[at] for run in runs)
                    cpu, wall, rss = (
                        middle(found[trainer], at) - middle(found["no " + trainer], at) for at in range(3)
                    )
                    rows.append({
                        "text": name, "bytes": size, "vocab": vocab, "trainer": trainer, "cpu_s": round(cpu, 3),
                        "wall_s": round(wall, 3), "extra_mb": round(rss, 1), "mb_per_cpu_s": round(size / 1e6 / cpu, 2),
                        "runs": found[trainer], "runs_without": found["no " + trainer],
                    })
                    mine = rows[-1 - ("corpusmill", "tokenizers", "rustbpe").index(trainer)]
                    print(f"{name} {size / 1e6:.1f} MB, {vocab}: {trainer:11} {cpu:8.2f} CPU s, {size / 1e6 / cpu:6.2f} MB/s, "
                          f"{rss:7.1f} MB extra; corpusmill is {cpu / mine['cpu_s']:.1f} x as fast and takes "
                          f"{100 * mine['extra_mb'] / max(rss, 0.1):.0f} % of the memory", file=sys.stderr, flush=True)
    versions = {package: importlib.metadata.version(package) for package in ("tokenizers", "rustbpe")}
    machine = {"cpus": os.cpu_count(), "processor": platform.processor() or platform.machine()}
    print(json.dumps({"versions": versions, "machine": machine, "rows": rows}, indent=1))


if len(sys.argv) > 1 and sys.argv[1] == "--child":
    child(sys.argv[2], sys.argv[3], int(sys.argv[4]))
else:
    main()
