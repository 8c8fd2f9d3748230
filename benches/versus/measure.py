"""Runs a command and prints one JSON line on stdout: what the whole process tree cost.

    measure.py COMMAND...

CPU seconds are user + system of every process under the command, also of those it never waits for (Python's forkserver
workers): this process becomes their subreaper. Peak memory is the largest sum, over the tree, of each process's
proportional share of its pages (sampled 20 times a second), and at least the largest single process. The command's own
stdout goes to stderr. Linux only; Python's standard library only.
"""

import ctypes
import json
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
SAMPLE_SECONDS = 0.05


def main():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    start = time.monotonic()
    process = subprocess.Popen(sys.argv[1:], stdout=sys.stderr)
    finished, peak = threading.Event(), [0]

    def watch():
        while not finished.wait(SAMPLE_SECONDS):
            peak[0] = max(peak[0], sum(memory_of(pid) for pid in descendants(os.getpid())))

    watcher = threading.Thread(target=watch)
    watcher.start()
    exit_code = process.wait()
    wall_s = time.monotonic() - start
    finished.set()
    watcher.join()
    while True:  # orphans that became ours
        try:
            os.wait()
        except ChildProcessError:
            break
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        json.dumps(
            {
                "exit_code": exit_code,
                "wall_s": round(wall_s, 3),
                "cpu_s": round(usage.ru_utime + usage.ru_stime, 3),
                "peak_mb": round(max(peak[0], usage.ru_maxrss * 1024) / 1e6, 1),
            }
        )
    )


def descendants(root):
    """Returns the ids of all living processes below `root`."""
    children = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue  # it ended while we looked
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.extend(below)
        waiting.extend(below)
    return found


def memory_of(pid):
    """Returns the bytes of `pid`, a page shared by n processes counted as 1/n."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return 0


if __name__ == "__main__":
    main()
