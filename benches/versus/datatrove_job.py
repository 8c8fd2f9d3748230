"""Runs one job with datatrove: JSONL.zst in, JSONL.zst out.

    datatrove_job.py {filters,minhash} INPUT OUTPUT [WORKERS]

Called by run.py with the Python of the environment that run.py makes. All settings are datatrove's defaults, which are
those of the papers and of FineWeb: the English tokenizer for every document, 14 bands of 8 rows over word 5-grams.
"""

import sys
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter


def filters(source, output, workers):
    logs = str(Path(output).with_suffix(".work") / "logs")
    rules = [GopherRepetitionFilter(), GopherQualityFilter(), C4QualityFilter(), FineWebQualityFilter()]
    execute([reader(source), *rules, writer(output)], workers, workers, logs)


def minhash(source, output, workers):
    work = Path(output).with_suffix(".work")
    signatures, buckets, removed = (str(work / name) for name in ("signatures", "buckets", "removed"))
    logs = str(work / "logs")
    config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)
    execute([reader(source), MinhashDedupSignature(signatures, config=config)], workers, workers, logs)
    execute([MinhashDedupBuckets(signatures, buckets, config=config)], config.num_buckets, workers, logs)
    execute([MinhashDedupCluster(buckets, removed, config=config)], 1, 1, logs)
    execute([reader(source), MinhashDedupFilter(removed), writer(output)], workers, workers, logs)


def reader(source):
    return JsonlReader(source, glob_pattern="*.jsonl.zst", compression="zstd", add_file_path=False)


def writer(output):
    return JsonlWriter(output, output_filename="${rank}.jsonl.zst", compression="zstd")


def execute(pipeline, tasks, workers, logs):
    """Runs the steps in this process when there is one worker, else in a pool."""
    executor = LocalPipelineExecutor(pipeline, tasks=tasks, workers=workers, logging_dir=logs, skip_completed=False)
    executor.run()


if __name__ == "__main__":
    job, source, output = sys.argv[1:4]
    {"filters": filters, "minhash": minhash}[job](source, output, int(sys.argv[4]) if len(sys.argv) > 4 else 1)
