"""Prints what a rule measures on texts, by language or label: the quantiles that its limits were chosen by.

    pip install zstandard
    python3 tests/python/rule_values.py '{"compression": {}}' FILE.jsonl[.zst]...

A row is {"text", "meta": {"lang" or "label"}}; a rule with `name` and limits says in the last column how many it removes.
"""

import collections
import io
import json
import subprocess
import sys

import zstandard


def read(path):
    data = open(path, "rb")
    if path.endswith(".zst"):
        data = zstandard.ZstdDecompressor().stream_reader(data)
    for line in io.TextIOWrapper(data, encoding="utf-8"):
        yield json.loads(line)


def main():
    config, *paths = sys.argv[1:]
    rows = [(path.rsplit("/", 1)[-1].split(".")[0], row) for path in paths for row in read(path)]
    command = ["cargo", "run", "-q", "--release", "-p", "corpusmill-filters", "--example", "judge", "--", config]
    texts = "".join(json.dumps({"text": row["text"]}) + "\n" for _, row in rows)
    done = subprocess.run(command, input=texts.encode(), check=True, capture_output=True)
    values, removed = collections.defaultdict(list), collections.Counter()
    for (path, row), line in zip(rows, done.stdout.splitlines()):
        meta, result = row.get("meta", {}), json.loads(line)
        group = f"{path} {meta.get('lang') or meta.get('language') or meta.get('label', '')}"
        for check, value in result["measures"].items():
            values[check, group].append(value)
        removed[result["removed"], group] += 1
    for (check, group), measured in sorted(values.items()):
        measured.sort()
        at = [measured[min(int(q * len(measured)), len(measured) - 1)] for q in (0, 0.01, 0.05, 0.5, 0.95, 0.99, 1)]
        if len(measured) >= 10:
            print(f"{check:28} {group:40} {len(measured):5}", *(f"{value:.3f}" for value in at), removed[check, group])


if __name__ == "__main__":
    main()
