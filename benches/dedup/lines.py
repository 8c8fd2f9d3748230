#!/usr/bin/env python3
"""Cuts repeated lines out of a corpus with known boilerplate, and counts what was cut.

    lines.py DATA BINARY [--work FOLDER] [--show N]

DATA holds corpus.jsonl.zst (`id`, `text`) and truth_boilerplate_lines.jsonl.zst: objects with `line` and `docs`, the
documents that the line was put into. All but one occurrence of each such line should go. Of the others a line is rightly
cut if an equal one, after the same normalization, stays; those that are not are counted, and should be none.

Prints, one a line: boilerplate lines, how often they were put in, how many of these stayed; other lines that were cut, how
many of these without an equal that stays; documents removed. `--show` prints the most frequent other lines that were cut.
Needs Python's standard library and the program `zstd`.
"""

import argparse
import collections
import json
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

PIPELINE = """
[input]
paths = ["{corpus}"]

[output]
dir = "{out}"
documents = "jsonl.zst"

[[stage]]
dedup_lines = {{}}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("binary", type=Path)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--show", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.work) as folder:
        measure(args, Path(folder))


def measure(args, folder):
    corpus = args.data.resolve() / "corpus.jsonl.zst"
    pipeline = folder / "lines.toml"
    pipeline.write_text(PIPELINE.format(corpus=corpus, out=folder / "out"))
    subprocess.run([args.binary.resolve(), "run", pipeline, "-q"], check=True)

    before = {row["id"]: lines_of(row["text"]) for row in read(corpus)}
    planted = [(row["line"], row["docs"]) for row in read(args.data / "truth_boilerplate_lines.jsonl.zst")]
    boilerplate = {line for line, _ in planted}
    after = {}
    for path in sorted((folder / "out/documents").glob("*.jsonl.zst")):
        after.update((row["id"], lines_of(row["text"])) for row in read(path))

    stayed = collections.Counter(line for lines in after.values() for line in lines)
    equals = collections.Counter()
    for line, n in stayed.items():
        equals[normalize(line)] += n
    cut = collections.Counter()
    for id, lines in before.items():
        lost = collections.Counter(lines)
        lost.subtract(after.get(id, []))
        assert min(lost.values(), default=0) >= 0, f"{id} has gained a line"
        cut.update(+lost)

    n_planted = sum(len(docs) for _, docs in planted)
    others = {line: n for line, n in cut.items() if line not in boilerplate}
    unmatched = sum(n for line, n in others.items() if not equals[normalize(line)])
    print(f"boilerplate lines              {len(planted):>8}")
    print(f"put into documents             {n_planted:>8}")
    print(f"of these cut                   {sum(cut[line] for line in boilerplate):>8}")
    print(f"of these in the output         {sum(stayed[line] for line in boilerplate):>8}")
    print(f"other lines cut                {sum(others.values()):>8}")
    print(f"of these with no equal left    {unmatched:>8}")
    print(f"documents removed              {len(before) - len(after):>8}")
    for line, n in sorted(others.items(), key=lambda item: -item[1])[: args.show]:
        print(f"{n:>8}  {line[:120]}")
    if unmatched:
        sys.exit("a line was cut that has no equal in the output")


def read(path):
    lines = subprocess.check_output(["zstd", "-dcq", path]).decode().split("\n")
    return [json.loads(line) for line in lines if line]


def lines_of(text):
    return [line.removesuffix("\r") for line in text.split("\n") if line.strip()]


def normalize(line):
    """A coarser equality than the stage's: no punctuation or symbol of any script, no white space at all."""
    chars = ("0" if unicodedata.category(c) == "Nd" else c for c in line.lower())
    return "".join(c for c in chars if unicodedata.category(c)[0] not in "PSCZ")


if __name__ == "__main__":
    main()
