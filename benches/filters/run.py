#!/usr/bin/env python3
"""Shows what each rule costs: MB of UTF-8 text per CPU second, alone and together, and whether cost grows with the input.

    run.py INPUT... --corpusmill target/release/corpusmill [--rounds 3] [--rules gopher_quality ...] [--work FOLDER]

INPUT is a folder of *.jsonl.zst with `text`. For each input these jobs run, JSONL.zst in and out, one thread, interleaved:

    nothing     an empty list of rules: reading, parsing and writing
    together    Gopher repetition, Gopher quality, C4, FineWeb, as in ../versus
    measured    the same four with `mode = "annotate"`, so that every limit is measured in every document
    RULE        each rule alone, with its defaults; it only annotates, so that all documents are judged and written

The cost of a rule is that of its job less that of `nothing`. Medians over the rounds. Every run is appended to
runs/DATE.jsonl. Needs Linux, Python's standard library and PyPI pyarrow (to count the text).
"""

import argparse
import datetime
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "corpus"))
from about import cpu_model, count_text  # noqa: E402

MEASURE = HERE.parent / "versus/measure.py"
TOGETHER = ["gopher_repetition", "gopher_quality", "c4", "fineweb"]
RULES = TOGETHER + [
    "unicode_repair", "language", "url", "c4_paragraphs", "bad_words", "refinedweb_lines", "madlad", "chinese", "length", "lines",
    "characters", "compression", "token_repetition", "boilerplate", "code", "redpajama", "pii",
]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("inputs", nargs="+", type=Path)
    parser.add_argument("--corpusmill", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rules", nargs="*", default=RULES)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "corpusmill-filters")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    version = subprocess.check_output([args.corpusmill, "--version"], text=True).split()[-1]
    jobs = {"nothing": ([], "remove"), "together": (TOGETHER, "remove"), "measured": (TOGETHER, "annotate")}
    jobs |= {rule: ([rule], "annotate") for rule in args.rules}
    for folder in args.inputs:
        about = {
            "date": datetime.date.today().isoformat(),
            "input": f"{folder.resolve().parent.name}/{folder.name}",
            "cpu": cpu_model(),
            "corpusmill": version,
            **count_text(folder),
        }
        runs = []
        for number in range(args.rounds):
            names = list(jobs) if number % 2 == 0 else list(jobs)[::-1]
            for name in names:
                run = {"job": name, "round": number} | measure(folder, *jobs[name], args)
                record(about | run)
                runs.append(run)
        print_table(about, runs, jobs)


def measure(folder, rules, mode, args):
    """Runs one job in an empty place, and returns its cost."""
    output, pipeline = args.work / "output", args.work / "pipeline.toml"
    shutil.rmtree(output, ignore_errors=True)
    listed = ", ".join(f"{{ {rule} = {{}} }}" for rule in rules)
    pipeline.write_text(
        f'[input]\npaths = ["{folder.resolve()}/*.jsonl.zst"]\n[output]\ndir = "{output}"\ndocuments = "jsonl.zst"\n'
        f'[[stage]]\nmode = "{mode}"\nfilter = [{listed}]\n'
    )
    command = [sys.executable, MEASURE, args.corpusmill, "run", pipeline, "--threads", "1", "--quiet"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    cost = json.loads(done.stdout)
    if cost.pop("exit_code") != 0:
        sys.exit(f"run.py: {pipeline} failed: {done.stderr}")
    return cost


def record(run):
    (HERE / "runs").mkdir(exist_ok=True)
    with open(HERE / "runs" / f"{run['date']}.jsonl", "a") as out:
        out.write(json.dumps(run) + "\n")


def print_table(about, runs, jobs):
    megabytes = about["text_bytes"] / 1e6
    print(f"{about['input']}: {about['documents']} documents, {megabytes:.1f} MB of text")
    print(f"{'job':20}{'CPU s':>8}{'MB/s':>10}{'less nothing, s':>17}{'MB/s':>10}{'peak MB':>10}")
    costs = {name: statistics.median(run["cpu_s"] for run in runs if run["job"] == name) for name in jobs}
    for name, cost in costs.items():
        peak = max(run["peak_mb"] for run in runs if run["job"] == name)
        alone = cost - costs["nothing"]
        speed = f"{megabytes / alone:10.1f}" if alone > 0.005 else f"{'–':>10}"
        print(f"{name:20}{cost:8.2f}{megabytes / cost:10.1f}{alone:17.2f}{speed}{peak:10.1f}")
    print()


if __name__ == "__main__":
    main()
