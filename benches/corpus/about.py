"""What a benchmark says of its text and of the machine."""

import json
import platform
from pathlib import Path

import pyarrow


def count_text(folder):
    documents = text_bytes = 0
    for path in sorted(folder.glob("*.jsonl.zst")):
        for line in pyarrow.input_stream(str(path), compression="zstd").read().splitlines():
            documents += 1
            text_bytes += len(json.loads(line)["text"].encode())
    return {"documents": documents, "text_bytes": text_bytes}


def cpu_model():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
