#!/usr/bin/env python3
"""Times corpusmill and datatrove on the same jobs and the same text, interleaved, and prints the ratios.

    run.py INPUT --corpusmill target/release/corpusmill [--rounds 5] [--jobs filters minhash] [--only datatrove]

INPUT is a folder of *.jsonl.zst with `id` and `text`, such as the `c10/zst` that benches/corpus/make.py writes.

    filters   Gopher repetition, Gopher quality, C4, FineWeb; one pass
    minhash   14 bands x 8 rows over word 5-grams; the whole job, all four of datatrove's stages

Speed is MB of UTF-8 text per CPU second of the whole process tree (see measure.py). Start-up, the same job on one short
document, is measured too, and subtracted for a second figure. Medians over all runs; within a round the two programs
alternate, and corpusmill runs three times in its turn: a run of seconds feels a cold machine more than one of minutes.
Each program runs as it comes: corpusmill keeps what it removed in removed/, datatrove throws it away.

Every single run is appended to runs/DATE.jsonl. Makes a virtual environment in WORK/venv (WORK is a folder
`corpusmill-versus` below the system's temporary folder unless it is given) and installs into it, from PyPI:
datatrove[io,processing] and spacy, which bring pyarrow. Needs Linux.
"""

import argparse
import datetime
import json
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = ["datatrove[io,processing]==0.10.1", "spacy==3.8.18"]
JOBS = ["filters", "minhash"]
PROGRAMS = ["datatrove", "corpusmill"]
RUNS_IN_TURN = {"datatrove": 1, "corpusmill": 3}
TINY_TEXT = (
    "The mill stands at the end of the lane, and the water that drives it comes down from the hills in all seasons. "
    "When the days are short, the miller lights a lamp and sits by the window with a book that his father gave him. "
    "He has read it many times, but he says that there is always a page which seems to be new to him. "
    "In spring the farmers bring what they have left, and in autumn they come with full carts and with news. "
    "Nobody can say how old the wheel is, for the parish register was lost in a fire.\n"
)
COUNT_TEXT = """
import json, pathlib, sys, pyarrow
documents = text_bytes = 0
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.jsonl.zst")):
    for line in pyarrow.input_stream(str(path), compression="zstd").read().splitlines():
        documents += 1
        text_bytes += len(json.loads(line)["text"].encode())
print(json.dumps({"documents": documents, "text_bytes": text_bytes}))
"""
PRINT_VERSIONS = """
import json, sys
from importlib.metadata import version
print(json.dumps({name: version(name) for name in sys.argv[1:]}))
"""
WRITE_TINY = """
import json, sys, pyarrow
line = json.dumps({"id": "tiny", "text": sys.argv[2]}) + "\\n"
with pyarrow.CompressedOutputStream(sys.argv[1], "zstd") as out:
    out.write(line.encode())
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", type=Path, help="folder of *.jsonl.zst")
    parser.add_argument("--corpusmill", type=Path, help="the binary to time")
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=JOBS)
    parser.add_argument("--only", choices=PROGRAMS, help="time one of the two programs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="threads of corpusmill, workers of datatrove")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "corpusmill-versus")
    parser.add_argument("--name", help="what the input is called in the records (default: its folder's parent)")
    args = parser.parse_args()
    programs = [args.only] if args.only else PROGRAMS
    if "corpusmill" in programs and not (args.corpusmill and args.corpusmill.is_file()):
        parser.error("--corpusmill must name the binary (or use --only datatrove)")

    args.work.mkdir(parents=True, exist_ok=True)
    python = make_environment(args.work / "venv")
    inputs = {"tiny": write_tiny_input(python, args.work), "full": args.input.resolve()}
    about = {
        "date": datetime.date.today().isoformat(),
        "input": args.name or inputs["full"].parent.name,
        **count_text(python, inputs["full"]),
        "threads": args.threads,
        "cpu": cpu_model(),
        "versions": versions(python, args.corpusmill if "corpusmill" in programs else None),
    }

    runs = []
    for round_number in range(args.rounds):
        for job in args.jobs:
            for size, source in inputs.items():
                turns = programs if round_number % 2 == 0 else programs[::-1]
                for program in [program for program in turns for _ in range(RUNS_IN_TURN[program])]:
                    output = args.work / "output"
                    command = command_for(program, job, source, output, args, python)
                    run = {"job": job, "program": program, "size": size, "round": round_number}
                    if program == "corpusmill":
                        run["pipeline"] = (HERE / f"{job}.toml").read_text()
                    run |= measure(command, output, args.work / f"{program}-{job}-{size}.log")
                    if size == "full":
                        found = count_text(python, output if program == "datatrove" else output / "documents")
                        run |= {"kept_documents": found["documents"], "kept_text_bytes": found["text_bytes"]}
                    record(about | run)
                    runs.append(run)
    print_table(runs, about["text_bytes"])


def make_environment(folder):
    """Returns the Python of a virtual environment that has datatrove, making it when it is not there."""
    python = folder / "bin/python"
    if not (folder / "installed").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
        (folder / "installed").write_text("\n".join(REQUIREMENTS))
    return python


def write_tiny_input(python, work):
    folder = work / "tiny"
    folder.mkdir(exist_ok=True)
    subprocess.run([python, "-c", WRITE_TINY, folder / "0.jsonl.zst", TINY_TEXT], check=True)
    return folder


def count_text(python, folder):
    return json.loads(subprocess.check_output([python, "-c", COUNT_TEXT, folder]))


def cpu_model():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def versions(python, corpusmill):
    names = [requirement.partition("==")[0].partition("[")[0] for requirement in REQUIREMENTS]
    found = json.loads(subprocess.check_output([python, "-c", PRINT_VERSIONS, *names]))
    found["python"] = subprocess.check_output([python, "--version"], text=True).split()[1]
    if corpusmill:
        found["corpusmill"] = subprocess.check_output([corpusmill, "--version"], text=True).split()[-1]
    return found


def command_for(program, job, source, output, args, python):
    if program == "datatrove":
        return [python, HERE / "datatrove_job.py", job, source, output, str(args.threads)]
    template = (HERE / f"{job}.toml").read_text()
    pipeline = args.work / f"{job}.toml"
    pipeline.write_text(template.replace("INPUT", str(source)).replace("OUTPUT", str(output)))
    return [args.corpusmill, "run", pipeline, "--threads", str(args.threads), "--output", output]


def measure(command, output, log):
    """Runs the command in an empty place and returns its cost; stops everything when it fails."""
    for left_over in (output, output.with_suffix(".work")):
        shutil.rmtree(left_over, ignore_errors=True)
    with open(log, "w") as stderr:
        done = subprocess.run([sys.executable, HERE / "measure.py", *command], stdout=subprocess.PIPE, stderr=stderr)
    cost = json.loads(done.stdout)
    if cost.pop("exit_code") != 0:
        sys.exit(f"run.py: {' '.join(map(str, command))} failed, see {log}")
    return cost


def record(run):
    runs = HERE / "runs"
    runs.mkdir(exist_ok=True)
    with open(runs / f"{run['date']}.jsonl", "a") as out:
        out.write(json.dumps(run) + "\n")


def print_table(runs, text_bytes):
    """Prints per job and program the speed, the speed without start-up, and memory; then the ratios."""
    columns = f"{'MB/s per core':>15}{'less start-up':>15}{'start-up s':>12}{'wall s':>10}{'peak MB':>10}"
    print(f"{'job':10}{'program':12}{columns}")
    for job in dict.fromkeys(run["job"] for run in runs):
        speeds = {}
        for program in PROGRAMS:
            full = median(runs, job, program, "full")
            tiny = median(runs, job, program, "tiny")
            if full is None:
                continue
            megabytes = text_bytes / 1e6
            speed = megabytes / full["cpu_s"]
            warm = megabytes / max(full["cpu_s"] - tiny["cpu_s"], 1e-3)
            speeds[program] = speed, warm, full["peak_mb"]
            print(
                f"{job:10}{program:12}{speed:15.3f}{warm:15.3f}{tiny['cpu_s']:12.2f}"
                f"{full['wall_s']:10.2f}{full['peak_mb']:10.1f}"
            )
        if len(speeds) == 2:
            ours, theirs = speeds["corpusmill"], speeds["datatrove"]
            print(
                f"{job:10}{'ratio':12}{ours[0] / theirs[0]:15.1f}{ours[1] / theirs[1]:15.1f}"
                f"{'':22}{ours[2] / theirs[2]:10.3f}"
            )


def median(runs, job, program, size):
    """Returns the median of each cost over the rounds, or None when there was no such run."""
    wanted = [run for run in runs if (run["job"], run["program"], run["size"]) == (job, program, size)]
    if not wanted:
        return None
    return {key: statistics.median(run[key] for run in wanted) for key in ("cpu_s", "wall_s", "peak_mb")}


if __name__ == "__main__":
    main()
