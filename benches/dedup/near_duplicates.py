#!/usr/bin/env python3
"""Checks near-duplicate removal against a corpus whose true similarities are known.

    near_duplicates.py CORPUS --corpusmill target/release/corpusmill [--threshold 0.7] [--work FOLDER]

CORPUS is a folder with

    corpus.jsonl.zst                    rows with `id` and `text`; other members are not given to the program
    truth_planted.jsonl.zst             pairs `a`, `b` with `target`, the similarity aimed at, and `j5`, the true one
    truth_all_pairs_ge_0.40.jsonl.zst   every pair of the corpus with `j5` of 0.40 or more

where j5 is the Jaccard similarity of the sets of 5-word windows, a Han character, kana or Hangul syllable being a word.
The pipeline is `dedup_minhash = {}` with 14 bands of 8 rows. It prints, and exits with 1 unless each holds:

1. Candidates. At each planted level, the share of pairs that share a band lies within the central 99.9 % of a binomial
   distribution around the mean of 1 - (1 - j^8)^14. Which pairs share a band shows in a run with a threshold next to 0,
   where every document that shares a band with a kept one is removed: a pair counts when the two hang together by links
   removed -> kept. Only pairs whose documents are in no other pair of the truth are counted, so that nothing but a
   chance band with an unrelated document can link them by a detour.
2. Precision. Of the removals at the threshold, the share whose stored pair has a true j5 at or above it: 0.999 or more.
   The stored similarity must be the true one, but for 2 in 1,000: the truth cuts a few scripts otherwise.
3. Recall. Of the same lone pairs at or above the threshold, those that share a band are all decided: one of the two is
   removed. The share of all true pairs of which not both stay is printed beside the share that the curve foresees.
4. The same rows are removed, for the same kept ones, with 1 thread and 256 MiB as with 2 threads and 2 GiB.

Needs Python's standard library and PyPI pyarrow.
"""

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow
import pyarrow.parquet

BANDS, ROWS = 14, 8
CONFIDENCE = 0.999
# The truth has four decimals.
ROUNDED = 1e-4
# In the truth a combining mark ends a word and the katakana middle dot is one; ours are those of `words.rs`.
MAX_DIFFERENT = 0.002
PIPELINE = """
[input]
paths = ["{input}"]
[output]
dir = "{output}"
documents = "none"
removed = "ids"
[[stage]]
dedup_minhash = {{ ngram = 5, bands = {bands}, rows = {rows}, threshold = {threshold} }}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--corpusmill", type=Path, required=True)
    parser.add_argument("--threshold", type=float, default=0.7)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "corpusmill-near-duplicates")
    args = parser.parse_args()
    args.corpusmill = args.corpusmill.resolve()
    args.work.mkdir(parents=True, exist_ok=True)
    strip(args.corpus, args.work)
    planted = list(read(args.corpus / "truth_planted.jsonl.zst"))
    truth = {key(pair["a"], pair["b"]): pair["j5"] for pair in read(args.corpus / "truth_all_pairs_ge_0.40.jsonl.zst")}
    # The planted levels below 0.40 are not in the list of all pairs.
    truth |= {key(pair["a"], pair["b"]): pair["j5"] for pair in planted}
    partners = Counter(document for pair in truth for document in pair)
    lone = {pair: j for pair, j in truth.items() if all(partners[document] == 1 for document in pair)}

    everything = run(args, 1e-9, threads=2, memory="2GiB")
    removed = run(args, args.threshold, threads=2, memory="2GiB")
    again = run(args, args.threshold, threads=1, memory="256MiB")
    cluster_of = clusters(everything)
    is_candidate = {pair: cluster_of(pair[0]) == cluster_of(pair[1]) for pair in lone}
    checks = [
        check_candidates(planted, lone, is_candidate),
        check_precision(removed, truth, args.threshold),
        check_recall(removed, truth, lone, is_candidate, args.threshold),
        report("same removals with other threads and memory", removed == again, f"{len(removed)} and {len(again)}"),
    ]
    sys.exit(0 if all(checks) else 1)


def check_candidates(planted, lone, is_candidate):
    """Compares the share of candidates at each planted level with the curve."""
    levels = defaultdict(list)
    for pair in planted:
        if key(pair["a"], pair["b"]) in lone:
            levels[pair["target"]].append((pair["j5"], is_candidate[key(pair["a"], pair["b"])]))
    print(f"{'level':>6} {'pairs':>6} {'mean j5':>8} {'candidates':>10} {'share':>7} {'curve':>7}  99.9 % interval")
    holds = True
    for level, pairs in sorted(levels.items(), key=lambda item: str(item[0]), reverse=True):
        n, found = len(pairs), sum(candidate for _, candidate in pairs)
        expected = sum(curve(j) for j, _ in pairs) / n
        least, most = interval(n, expected)
        inside = least <= found <= most
        holds &= inside
        mean = sum(j for j, _ in pairs) / n
        line = f"{level!s:>6} {n:>6} {mean:>8.3f} {found:>10} {found / n:>7.4f} {expected:>7.4f}"
        print(f"{line}  {least / n:.4f} to {most / n:.4f}{'' if inside else '  OUTSIDE'}")
    return report("candidates at every level lie on the curve", holds and bool(levels), f"{len(levels)} levels")


def check_precision(removed, truth, threshold):
    """Looks each removal up in the truth."""
    right = sum(truth.get(key(document, of), 0) >= threshold - ROUNDED for document, (of, _) in removed.items())
    differ = [
        (document, of, similarity)
        for document, (of, similarity) in removed.items()
        if abs(truth.get(key(document, of), similarity) - similarity) > ROUNDED
    ]
    for document, of, similarity in differ[:10]:
        print(f"  {document} of {of}: stored {similarity:.4f}, true {truth[key(document, of)]:.4f}")
    precision = right / max(len(removed), 1)
    exact = len(differ) <= MAX_DIFFERENT * len(removed)
    exact = report("stored similarities are the true ones", exact, f"{len(differ)} of {len(removed)} differ")
    return report("precision of removals", precision >= 0.999, f"{precision:.5f} of {len(removed)}") and exact


def check_recall(removed, truth, lone, is_candidate, threshold):
    """Asks whether every candidate at the threshold was decided, and how many pairs were found at all."""
    near = {pair: j for pair, j in truth.items() if j >= threshold}
    found = [pair for pair in near if pair[0] in removed or pair[1] in removed]
    foreseen = sum(map(curve, near.values()))
    share = len(found) / max(len(near), 1)
    print(f"true pairs at {threshold} or above: {len(near)}, of which not both stay: {share:.4f}; curve {foreseen / max(len(near), 1):.4f}")
    candidates = [pair for pair in near if pair in lone and is_candidate[pair]]
    decided = [pair for pair in candidates if pair[0] in removed or pair[1] in removed]
    return report("recall of the candidates", len(decided) == len(candidates), f"{len(decided)} of {len(candidates)} lone pairs")


def curve(j):
    return 1 - (1 - j**ROWS) ** BANDS


def interval(n, p):
    """Returns the central counts of a binomial distribution that have CONFIDENCE together."""
    p = min(max(p, 1e-12), 1 - 1e-12)
    log_of = [math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(p) + (n - k) * math.log1p(-p) for k in range(n + 1)]
    probability = [math.exp(log) for log in log_of]
    tail = (1 - CONFIDENCE) / 2
    least, below = 0, probability[0]
    while below < tail:
        least += 1
        below += probability[least]
    most, above = n, probability[n]
    while above < tail:
        most -= 1
        above += probability[most]
    return least, most


def clusters(removed):
    """Returns which cluster a document is in, by the links removed -> kept."""
    # A kept document was removed for nobody: one step leads to the root.
    return lambda document: removed[document][0] if document in removed else document


def run(args, threshold, threads, memory):
    """Runs the pipeline, and returns for each removed document the kept one and the similarity."""
    output = args.work / "out"
    shutil.rmtree(output, ignore_errors=True)
    pipeline = args.work / "pipeline.toml"
    values = {"input": args.work / "corpus.jsonl", "output": output, "threshold": f"{threshold:.9f}", "bands": BANDS, "rows": ROWS}
    pipeline.write_text(PIPELINE.format(**values))
    command = [args.corpusmill, "run", pipeline, "--threads", str(threads), "--memory", memory]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr}")
    removed = {}
    for path in sorted((output / "removed").glob("*.parquet")):
        table = pyarrow.parquet.read_table(path, columns=["id", "duplicate_of", "similarity"])
        for row in table.to_pylist():
            removed[row["id"]] = (row["duplicate_of"], row["similarity"])
    return removed


def strip(corpus, work):
    """Writes `id` and `text` alone: the rest may tell which documents were planted."""
    with open(work / "corpus.jsonl", "w", encoding="utf-8") as out:
        for row in read(corpus / "corpus.jsonl.zst"):
            json.dump({"id": row["id"], "text": row["text"]}, out, ensure_ascii=False)
            out.write("\n")


def read(path):
    with pyarrow.input_stream(str(path), compression="zstd") as file:
        for line in file.read().splitlines():
            yield json.loads(line)


def key(a, b):
    return (a, b) if a < b else (b, a)


def report(what, holds, found):
    print(f"{'ok  ' if holds else 'FAIL'}  {what}: {found}")
    return holds


if __name__ == "__main__":
    main()
