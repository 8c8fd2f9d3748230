#!/usr/bin/env python3
"""Compares what corpusmill and datatrove keep, filter by filter, document by document.

    verdicts.py INPUT... --corpusmill target/release/corpusmill [--limit 0] [--differences 20] [--work FOLDER]

INPUT is a *.jsonl.zst file with `text`, or a folder of such files. Each of datatrove's filters runs in this process on
each document as it came, and corpusmill runs once for each filter with `words = "datatrove"` and the same limits:

    gopher_quality, gopher_repetition, fineweb    datatrove's defaults; for Chinese those of FineWeb-2 for cmn_Hani
    c4, c4_no_terminal_mark                       datatrove's defaults; without the test of the mark at the end of lines

Chinese is what is mostly Han, by the same measure as corpusmill's; all else goes through as English (`eng_Latn`), whatever
it is, since that is the tokenizer which is followed exactly. Prints the agreement of keep and remove for each filter, and
each document that differs with both reasons. A document that both keep, but with another text, counts as one that
agrees, and is counted apart. Exits with 1 if a filter agrees on less than --target of the documents.

Needs the Python of an environment with datatrove[io,processing]==0.10.1, spacy==3.8.18 and jieba==0.42.1; run.py makes
one with all but the last.
"""

import argparse
import json
import logging
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pyarrow
import pyarrow.parquet
from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)

# FineWeb-2's configuration for cmn_Hani; 0 and 999 switch a limit off there.
STOP_WORDS = "的 年 在 月 是 和 日 了 於 · 為 有 被 人 中 为 他 與 後 也 而 由".split()
TOP_NGRAMS = ((2, 0.256), (3, 0.201), (4, 0.171))
DUPLICATE_NGRAMS = ((5, 0.198), (6, 0.182), (7, 0.167), (8, 0.154), (9, 0.14), (10, 0.127))

# Name, corpusmill's rule, datatrove's filter; by language. Limits that are not named are the defaults of both.
FILTERS = {
    "en": [
        ("gopher_quality", "gopher_quality = {}", lambda: GopherQualityFilter()),
        ("gopher_repetition", "gopher_repetition = {}", lambda: GopherRepetitionFilter()),
        ("c4", "c4 = {}", lambda: C4QualityFilter()),
        (
            "c4_no_terminal_mark",
            "c4 = { require_terminal_mark = false }",
            lambda: C4QualityFilter(filter_no_terminal_punct=False),
        ),
        ("fineweb", "fineweb = {}", lambda: FineWebQualityFilter()),
    ],
    "zh": [
        (
            "gopher_quality",
            "gopher_quality = {}",
            lambda: GopherQualityFilter(
                min_avg_word_length=1,
                max_avg_word_length=5,
                max_non_alpha_words_ratio=0.735,
                stop_words=STOP_WORDS,
                language="cmn_Hani",
            ),
        ),
        (
            "gopher_repetition",
            "gopher_repetition = { max_duplicate_paragraph_ratio = false, max_duplicate_paragraph_char_ratio = false, "
            "max_duplicate_line_char_ratio = false }",
            lambda: GopherRepetitionFilter(
                dup_line_frac=0.287,
                dup_para_frac=0,
                dup_line_char_frac=0,
                dup_para_char_frac=0,
                top_n_grams=TOP_NGRAMS,
                dup_n_grams=DUPLICATE_NGRAMS,
                language="cmn_Hani",
            ),
        ),
        ("c4", 'c4 = { terminal_marks_zh = "" }', lambda: C4QualityFilter(language="cmn_Hani")),
        (
            "c4_no_terminal_mark",
            "c4 = { require_terminal_mark = false }",
            lambda: C4QualityFilter(filter_no_terminal_punct=False, language="cmn_Hani"),
        ),
        (
            "fineweb",
            "fineweb = {}",
            lambda: FineWebQualityFilter(
                line_punct_thr=0.106,
                short_line_thr=999,
                char_duplicates_ratio=0.1,
                new_line_ratio=0.178,
                language="cmn_Hani",
            ),
        ),
    ],
}

PIPELINE = """
[input]
paths = ["{source}"]

[output]
dir = "{output}"
documents = "jsonl.zst"

[[stage]]
words = "datatrove"
filter = [{{ {rule} }}]
"""


def main():
    args = parse_args()
    corpus = {"en": [], "zh": []}
    for text in read(args.input, args.limit):
        corpus["zh" if is_mostly_han(text) else "en"].append(text)
    work = Path(args.work or tempfile.mkdtemp(prefix="corpusmill-verdicts-"))
    work.mkdir(parents=True, exist_ok=True)
    n_documents, agreed, edited, listed = Counter(), Counter(), Counter(), []
    for language, texts in corpus.items():
        if not texts:
            continue
        source = work / f"{language}.jsonl.zst"
        write(source, language, texts)
        for name, rule, make in FILTERS[language]:
            theirs = judge(make(), texts)
            ours = run(args.corpusmill, work / f"{language}-{name}", source, rule)
            for at, (their, our) in enumerate(zip(theirs, ours, strict=True)):
                n_documents[name] += 1
                if (their[0] is None) == (our[0] is None):
                    agreed[name] += 1
                    edited[name] += their[1] != our[1]
                else:
                    listed.append((name, language, at, their[0], our[0]))
    for name, language, at, their, our in listed[: args.differences]:
        print(f"{name}  {language}:{at}  datatrove: {their or 'keep'}  corpusmill: {our or 'keep'}")
    print(f"{'filter':<24}{'documents':>10}{'agree':>9}{'%':>9}{'other text':>12}")
    for name, n in n_documents.items():
        print(f"{name:<24}{n:>10}{agreed[name]:>9}{100 * agreed[name] / n:>9.2f}{edited[name]:>12}")
    return any(agreed[name] < args.target * n for name, n in n_documents.items())


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", nargs="+", type=Path)
    parser.add_argument("--corpusmill", required=True, type=Path)
    parser.add_argument("--limit", type=int, default=0, help="documents of each INPUT; 0 is all")
    parser.add_argument("--differences", type=int, default=20, help="how many documents that differ are listed")
    parser.add_argument("--target", type=float, default=0.995)
    parser.add_argument("--work", type=Path, help="an empty folder; a temporary one unless it is given")
    return parser.parse_args()


def read(inputs, limit):
    """Yields the texts of all inputs."""
    for path in inputs:
        files = sorted(path.rglob("*.jsonl.zst")) if path.is_dir() else [path]
        lines = (line for file in files for line in open_zstd(file).splitlines())
        for at, line in enumerate(lines):
            if limit and at == limit:
                break
            yield json.loads(line)["text"]


def open_zstd(path):
    return pyarrow.input_stream(str(path), compression="zstd").read()


def write(path, language, texts):
    rows = ({"id": str(at), "text": text, "language": language} for at, text in enumerate(texts))
    with pyarrow.output_stream(str(path), compression="zstd") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")


def is_mostly_han(text):
    """Tells Chinese as corpusmill's `segment::is_mostly_han` does."""
    head = text[:1000]
    han = sum(0x3400 <= ord(char) <= 0x9FFF or 0x20000 <= ord(char) <= 0x323AF for char in head)
    kana = sum(0x3040 <= ord(char) <= 0x30FF for char in head)
    return 2 * han > sum(char.isalpha() for char in head) and 20 * kana < han


def judge(rule, texts):
    """Returns datatrove's reason (or None) and the text it leaves, for each text."""
    verdicts = []
    for text in texts:
        doc = Document(text=text, id="")
        try:
            result = rule.filter(doc)
        except ZeroDivisionError:
            result = (False, "ZeroDivisionError")
        keeps, reason = result if isinstance(result, tuple) else (result, "")
        verdicts.append((None, doc.text) if keeps else (str(reason), None))
    return verdicts


def run(corpusmill, output, source, rule):
    """Returns the same for corpusmill's rule."""
    pipeline = output.with_suffix(".toml")
    pipeline.write_text(PIPELINE.format(source=source, output=output, rule=rule))
    subprocess.run([corpusmill, "run", "-q", pipeline], check=True)
    kept, removed = {}, {}
    for path in sorted((output / "documents").glob("*.jsonl.zst")):
        rows = map(json.loads, open_zstd(path).splitlines())
        kept |= {int(row["id"]): (None, row["text"]) for row in rows}
    for path in sorted((output / "removed").glob("*.parquet")):
        rows = pyarrow.parquet.read_table(path, columns=["id", "check", "value"]).to_pylist()
        removed |= {int(row["id"]): (f"{row['check']} = {row['value']:.4g}", None) for row in rows}
    both = kept | removed
    return [both[at] for at in range(len(both))]


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    sys.exit(main())
