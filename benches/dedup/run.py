#!/usr/bin/env python3
"""Shows what deduplication costs: MB of UTF-8 text per CPU second, peak memory, and whether cost grows with the input.

    run.py INPUT... --corpusmill target/release/corpusmill [--rounds 3] [--jobs exact minhash] [--work FOLDER]
    run.py --documents 1500000 --corpusmill ...

INPUT is a folder of *.jsonl.zst with `text`, such as the ones that benches/corpus/make.py writes. With --documents so many short
documents are made first, each of its own words: 14 rows of signatures a document. For each input these jobs run, JSONL.zst in and
out, one thread, `memory = "256MiB"`, documents at zstd level 1, `removed = "ids"`, interleaved:

    nothing     no stage: reading, parsing and writing
    exact       dedup_exact
    minhash     dedup_minhash: 14 bands x 8 rows over 5-grams of words, candidates verified by true Jaccard
    lines       dedup_lines
    substring   dedup_substring

Speed is of the whole run; `of nothing` is its cost over that of `nothing`. `bound` is the memory bound that `corpusmill check` prints.
Medians over the rounds. Every run is appended to runs/DATE.jsonl. Needs Linux, Python's standard library and PyPI pyarrow.
"""

import argparse
import datetime
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "corpus"))
from about import cpu_model, count_text  # noqa: E402

MEASURE = HERE.parent / "versus/measure.py"
JOBS = {
    "nothing": [],
    "exact": ["dedup_exact = {}"],
    "minhash": ["dedup_minhash = {}"],
    "lines": ["dedup_lines = {}"],
    "substring": ["dedup_substring = {}"],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("inputs", nargs="*", type=Path)
    parser.add_argument("--documents", type=int, default=0, help="short documents to make as another input")
    parser.add_argument("--corpusmill", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", nargs="*", default=["exact", "minhash"], choices=list(JOBS))
    parser.add_argument("--memory", default="256MiB")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "corpusmill-dedup")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    version = subprocess.check_output([args.corpusmill, "--version"], text=True).split()[-1]
    inputs = args.inputs + ([make_short(args.work, args.documents)] if args.documents else [])
    for folder in inputs:
        about = {
            "date": datetime.date.today().isoformat(),
            "input": f"{folder.resolve().parent.name}/{folder.name}",
            "cpu": cpu_model(),
            "corpusmill": version,
            "memory": args.memory,
            **count_text(folder),
        }
        runs = []
        for number in range(args.rounds):
            names = ["nothing", *args.jobs]
            for name in names if number % 2 == 0 else reversed(names):
                run = {"job": name, "round": number} | measure(folder, JOBS[name], args)
                record(about | run)
                runs.append(run)
        print_table(about, runs)


def measure(folder, stages, args):
    """Runs one job in an empty place, and returns its cost."""
    output, pipeline = args.work / "output", args.work / "pipeline.toml"
    shutil.rmtree(output, ignore_errors=True)
    pipeline.write_text(
        f'[input]\npaths = ["{folder.resolve()}/*.jsonl.zst"]\n'
        f'[output]\ndir = "{output}"\ndocuments = "jsonl.zst"\nzstd_level = 1\nremoved = "ids"\n'
        + "".join(f"[[stage]]\n{stage}\n" for stage in stages)
    )
    resources = ["--threads", "1", "--memory", args.memory]
    check = subprocess.run([args.corpusmill, "check", pipeline, *resources], stdout=subprocess.PIPE, text=True, check=True)
    command = [sys.executable, MEASURE, args.corpusmill, "run", pipeline, *resources, "--quiet"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    cost = json.loads(done.stdout)
    if cost.pop("exit_code") != 0:
        sys.exit(f"run.py: {pipeline} failed: {done.stderr}")
    manifest = json.loads((output / "manifest.json").read_text())
    bound = next(line for line in check.stdout.splitlines() if line.startswith("memory"))
    return cost | {"kept": manifest["kept"], "removed": manifest["removed"], "bound": bound.split(":")[0].split("most ")[1]}


def make_short(work, n_documents):
    """Writes documents of 12 words each, of which no two are alike."""
    folder = work / f"short-{n_documents}" / "zst"
    path = folder / "0.jsonl.zst"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        draw = random.Random(0)
        with pyarrow.output_stream(str(path), compression="zstd") as out:
            for number in range(n_documents):
                text = " ".join(f"w{draw.getrandbits(24):x}" for _ in range(12))
                out.write(json.dumps({"id": f"{number}", "text": text}).encode() + b"\n")
    return folder


def record(run):
    (HERE / "runs").mkdir(exist_ok=True)
    with open(HERE / "runs" / f"{run['date']}.jsonl", "a") as out:
        out.write(json.dumps(run) + "\n")


def print_table(about, runs):
    megabytes = about["text_bytes"] / 1e6
    print(f"{about['input']}: {about['documents']} documents, {megabytes:.1f} MB of text, memory = {about['memory']}")
    print(f"{'job':12}{'CPU s':>8}{'MB/s':>8}{'of nothing':>12}{'removed':>10}{'peak MB':>9}{'bound':>10}")
    cost = lambda name: statistics.median(run["cpu_s"] for run in runs if run["job"] == name)
    for name in dict.fromkeys(run["job"] for run in runs):
        of_job = [run for run in runs if run["job"] == name]
        removed, peak = sum(of_job[0]["removed"].values()), max(run["peak_mb"] for run in of_job)
        print(
            f"{name:12}{cost(name):8.2f}{megabytes / cost(name):8.1f}{cost(name) / cost('nothing'):12.2f}"
            f"{removed:10}{peak:9.1f}{of_job[0]['bound']:>10}"
        )
    print()


if __name__ == "__main__":
    main()
