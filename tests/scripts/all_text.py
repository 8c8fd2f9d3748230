#!/usr/bin/env python3
"""Runs corpusmill on all text of a data folder and checks what must always hold.

    all_text.py DATA_FOLDER BINARY [--only clean labelled] [--kills 10] [--work FOLDER]

DATA_FOLDER holds JSONL (zstd) in the folders web, clean, corpora, labelled and neardup; every file whose rows have a
`text` is taken, at present 160,000 documents and 266 MB. The script copies them into WORK/input first; from neardup it
leaves `meta` out, for it marks the rows that were planted. One pipeline then goes from text to token shards:

1. rows are conserved: each stage's report balances, what one stage kept the next one saw, and the rows of documents/
   and removed/ are, id by id, those of the input;
2. `corpusmill verify` passes;
3. the dataset has the same bytes with one and with two threads (all files but report.* and work/);
4. it has the same bytes after kill -9 at a random moment and `run` again, ten times; the moments follow from --seed.

Exits 0 when all hold, else 1. Needs PyPI pyarrow; installs nothing.
"""

import argparse
import hashlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pyarrow
from pyarrow import parquet

FOLDERS = ["web", "clean", "corpora", "labelled", "neardup"]
WITHOUT_META = {"neardup"}
MAY_DIFFER = ("report.json", "report.html", "work/")
PIPELINE = """\
seed = 0

[input]
paths = ["{input}/*.jsonl.zst"]
columns = {{ text = "text", url = "meta.url" }}

[output]
dir = "{output}"

[[stage]]
filter = [
  {{ language = {{}} }},
  {{ gopher_repetition = {{}} }},
  {{ gopher_quality = {{}} }},
  {{ pii = {{}} }},
]

[[stage]]
dedup_exact = {{}}

[[stage]]
dedup_minhash = {{ ngram = 5, bands = 14, rows = 8 }}

[[stage]]
tokenize = {{ train = {{ vocab_size = 8_000 }} }}

[[stage]]
shards = {{ shard_tokens = 5_000_000 }}
"""


class Failed(Exception):
    """Something that must hold does not."""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("binary", type=Path)
    parser.add_argument("--only", nargs="+", choices=FOLDERS, default=FOLDERS)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "corpusmill-all-text")
    args = parser.parse_args()
    binary = args.binary.resolve()
    shutil.rmtree(args.work, ignore_errors=True)
    (args.work / "input").mkdir(parents=True)
    ids = copy_inputs(args.data, args.only, args.work / "input")
    say(f"input: {ids.total():,} rows")

    try:
        reference, seconds = args.work / "one-thread", time.monotonic()
        run(binary, args.work, reference, threads=1)
        seconds = time.monotonic() - seconds
        say(f"one thread: {seconds:.1f} s")
        check_conservation(reference, ids)
        run_or_fail([binary, "verify", reference], "verify")
        expected = digests(reference)
        seconds = time.monotonic()
        run(binary, args.work, args.work / "two-threads", threads=2)
        seconds = time.monotonic() - seconds
        compare(expected, args.work / "two-threads", "two threads")
        check_kills(binary, args, expected, seconds)
    except Failed as failure:
        sys.exit(f"all_text.py: {failure}")
    say("all held")


def copy_inputs(data, folders, target):
    """Copies every file whose rows have a text, and returns how often each id occurs."""
    ids = Counter()
    for folder in folders:
        for path in sorted((data / folder).glob("*.jsonl.zst")):
            if not isinstance(next(read_rows(path)).get("text"), str):
                continue
            with pyarrow.CompressedOutputStream(str(target / f"{folder}-{path.name}"), "zstd") as out:
                for row in read_rows(path):
                    if folder in WITHOUT_META:
                        row.pop("meta", None)
                    ids[row["id"]] += 1
                    out.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    if not ids:
        sys.exit(f"all_text.py: {data}: no JSONL with a `text` in {', '.join(folders)}")
    return ids


def read_rows(path):
    with pyarrow.input_stream(str(path), compression="zstd") as stream:
        for line in stream.read().split(b"\n"):
            if line:
                yield json.loads(line)


def command(binary, work, output, threads):
    pipeline = work / f"{output.name}.toml"
    pipeline.write_text(PIPELINE.format(input=work / "input", output=output))
    return [binary, "run", pipeline, "--threads", str(threads), "--output", output]


def run(binary, work, output, threads):
    run_or_fail(command(binary, work, output, threads), output.name)


def run_or_fail(arguments, what):
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"{what}: exit {done.returncode}\n{done.stderr[-2000:]}")


def check_conservation(dataset, ids):
    """Compares the report's sums, and the ids of documents/ and removed/, with the input."""
    report = json.loads((dataset / "report.json").read_text())
    for stage in report["stages"]:
        gone = sum(stage["removed"].values())
        if stage["seen"] != stage["kept"] + gone:
            raise Failed(f"{stage['name']}: {stage['seen']} seen, {stage['kept']} kept, {gone} removed")
    for before, after in zip(report["stages"], report["stages"][1:], strict=False):
        if before["kept"] != after["seen"]:
            raise Failed(f"{before['name']} kept {before['kept']}, {after['name']} saw {after['seen']}")
    found = {part: ids_of(dataset / part) for part in ("documents", "removed")}
    if found["documents"] + found["removed"] != ids:
        lost, made = ids - found["documents"] - found["removed"], found["documents"] + found["removed"] - ids
        raise Failed(f"{lost.total()} rows lost, {made.total()} made: {list(lost)[:5]} {list(made)[:5]}")
    say(f"conserved: {found['documents'].total():,} kept, {found['removed'].total():,} removed")


def ids_of(folder):
    ids = Counter()
    for path in sorted(folder.rglob("*.parquet")):
        ids.update(parquet.read_table(path, columns=["id"])["id"].to_pylist())
    return ids


def digests(dataset):
    """Returns the digest of each file of the dataset that must not depend on how it was made."""
    found = {}
    for path in sorted(dataset.rglob("*")):
        name = path.relative_to(dataset).as_posix()
        if path.is_file() and not name.startswith(MAY_DIFFER):
            with open(path, "rb") as data:
                found[name] = hashlib.file_digest(data, "blake2b").hexdigest()
    return found


def compare(expected, dataset, what):
    found = digests(dataset)
    different = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if different:
        raise Failed(f"{what}: {len(different)} files differ: {', '.join(different[:10])}")
    say(f"{what}: {len(found)} files, the same bytes")


def check_kills(binary, args, expected, seconds):
    """Kills a run of two threads at random moments, each in a new folder, finishes it, and compares the dataset."""
    rng = random.Random(args.seed)
    for n in range(args.kills):
        output, moment = args.work / f"killed-{n}", rng.uniform(0.02, 0.98) * seconds
        process = subprocess.Popen(command(binary, args.work, output, 2), stderr=subprocess.DEVNULL)
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if not (output / "manifest.json").exists():  # otherwise it was done before the moment came
            run(binary, args.work, output, threads=1 + n % 2)
        compare(expected, output, f"killed after {moment:.2f} s")
        shutil.rmtree(output)


def say(line):
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
