#!/usr/bin/env python3
"""Tells how many of the spans planted in a corpus `dedup_substring` finds, to the very byte.

    substrings.py DATA BINARY [--lengths words=40 words=50 chars=200] [--threads 1] [--work FOLDER]

DATA is a folder with corpus.jsonl.zst (`id`, `text`) and truth_substrings.jsonl.zst (`a`, `b`, `tokens`, `piece`): `piece` was
copied from document a into document b, or the other way round; a token is a word as `min_repeat_words` counts them. For each
length the pipeline runs once with `action = "annotate"`, so that ranges and whole texts stand side by side, and each planted
span that is long enough is looked up in the later of its two documents:

    whole     every byte of the span lies in a range
    words     every byte from its first to its last word does; marks at its ends are no words, and may differ
    missed    the others, which are listed

The remainder of the table: bytes of text, bytes in ranges, documents with a range, seconds of the run, MB of text per CPU second.
Independently of the truth, each range of a sample of documents is checked: its first window must stand earlier in the corpus.
Needs PyPI pyarrow.
"""

import argparse
import json
import re
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import pyarrow

PIPELINE = """
[input]
paths = [{corpus}]

[output]
dir = {output}
documents = "jsonl.zst"

[[stage]]
dedup_substring = {{ {key} = {length}, action = "annotate" }}
"""
ALONE = r"\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
WORD = re.compile(rf"[{ALONE}]|[^\W_{ALONE}]+")
SAMPLE = 500


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("binary", type=Path)
    parser.add_argument("--lengths", nargs="+", default=["words=40", "words=50", "chars=200"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", type=Path, default=None)
    args = parser.parse_args()
    truth = list(read(args.data / "truth_substrings.jsonl.zst"))
    for length in args.lengths:
        unit, number = length.split("=")
        with tempfile.TemporaryDirectory(dir=args.work) as work:
            report(args, truth, unit, int(number), Path(work))


def report(args, truth, unit, length, work):
    pipeline = work / "substrings.toml"
    corpus, output = json.dumps(str(args.data.resolve() / "corpus.jsonl.zst")), json.dumps(str(work / "out"))
    key = f"min_repeat_{unit}"
    pipeline.write_text(PIPELINE.format(corpus=corpus, output=output, key=key, length=length))
    cpu, begin = cpu_seconds(), time.monotonic()
    subprocess.run([args.binary.resolve(), "run", pipeline, "--threads", str(args.threads), "-q"], check=True)
    cpu, wall = cpu_seconds() - cpu, time.monotonic() - begin

    documents, texts = {}, 0
    n_ranges = n_with = cut = 0
    planted = {row[key] for row in truth for key in "ab"}
    paths = sorted((work / "out/documents").glob("*.jsonl.zst"))
    all_texts, to_check = [], []
    for number, row in enumerate(row for path in paths for row in read(path)):
        text = row["text"].encode()
        ranges = [(edge["start"], edge["end"]) for edge in row.get("dedup_substring.ranges", [])]
        texts += len(text)
        cut += sum(end - start for start, end in ranges)
        n_ranges += len(ranges)
        n_with += bool(ranges)
        all_texts.append(text)
        if ranges and len(to_check) < SAMPLE:
            to_check.append((number, ranges))
        if row["id"] in planted:
            documents[row["id"]] = (number, text, ranges)

    wanted = [row for row in truth if (row["tokens"] if unit == "words" else row["chars"]) >= length]
    whole = words = 0
    missed = []
    for row in wanted:
        _, text, ranges = max(documents[row[key]] for key in "ab")
        found = list(WORD.finditer(row["piece"]))
        inner = row["piece"][found[0].start() : found[-1].end()]
        if is_covered(text, row["piece"].encode(), ranges):
            whole += 1
        elif is_covered(text, inner.encode(), ranges):
            words += 1
        else:
            missed.append(row)
    print(f"{key} = {length}: {len(wanted)} spans planted, {whole} whole, {words} words, {len(missed)} missed")
    for row in missed:
        print(f"  missed: {row['a']} {row['b']} {row['tokens']} tokens: {row['piece'][:60]!r}")
    print(
        f"  {texts} bytes of text, {cut} in {n_ranges} ranges of {n_with} documents; "
        f"{wall:.1f} s, {texts / 1e6 / cpu:.1f} MB per CPU second"
    )
    wrong = [check for check in to_check if not stands_earlier(all_texts, *check, unit, length)]
    print(f"  first window of each range stands earlier: {len(to_check) - len(wrong)} of {len(to_check)} documents checked")


def is_covered(text, piece, ranges):
    """Says whether the piece lies in the ranges wherever it stands, if it stands anywhere."""
    at = text.find(piece)
    if at < 0:
        return False
    while at >= 0:
        if not any(start <= at and at + len(piece) <= end for start, end in ranges):
            return False
        at = text.find(piece, at + 1)
    return True


def stands_earlier(texts, number, ranges, unit, length):
    text = texts[number]
    for start, end in ranges:
        part = text[start:end].decode()
        window = part[:length].encode() if unit == "chars" else first_words(part, length)
        # A window that overlaps its copy is no repeat.
        earlier = text[:start].find(window) >= 0 or any(window in other for other in texts[:number])
        if not earlier:
            print(f"  no earlier copy: document {number}, bytes {start} to {end}: {window[:60]!r}")
            return False
    return True


def first_words(part, length):
    found = list(WORD.finditer(part))[:length]
    return part[: found[-1].end()].encode()


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def read(path):
    for line in pyarrow.input_stream(str(path), compression="zstd").read().splitlines():
        yield json.loads(line)


if __name__ == "__main__":
    main()
