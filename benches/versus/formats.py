#!/usr/bin/env python3
"""Reads every export back with the reader of the trainer that it is for, and compares all tokens and all document bounds.

    formats.py INPUT RANKS --corpusmill target/release/corpusmill [--limit 2000] [--work FOLDER] > runs/DATE-formats.txt

INPUT is a pattern of JSONL files with `text`; RANKS is `cl100k_base.tiktoken`, as the crate tiktoken-rs carries it. Two datasets are made
of the first documents: one with a tokenizer of 4,096 ids that is trained on them, whose ids take two bytes, and one with cl100k, whose
ids take four. Both have several shards. The truth is read from the shards themselves by numpy, and from the tables beside them.

    megatron   megatron-core: IndexedDataset
    datatrove  datatrove: DatatroveFileDataset, with positions
    olmo       ai2-olmo-core: load_array_slice, iter_document_indices by the .csv.gz and by scanning for the end
    nanogpt    numpy.memmap, as train.py has it
    llmc       the checks of llmc/dataloader.h and dev/data/data_common.py, in numpy
    mds        mosaicml-streaming: StreamingDataset, plain and zstd, arrays and bytes
    litdata    litdata: StreamingDataset with TokensLoader
    parquet    datasets: load_dataset, documents and sequences
    arrow      datasets: load_from_disk

Ends with status 1 if anything differs. Needs, in a virtual environment:

    pip install --index-url https://download.pytorch.org/whl/cpu torch      (or torch from PyPI)
    pip install numpy pyarrow datasets datatrove litdata transformers google-cloud-storage boto3 cached_path bettermap omegaconf \\
        dataclass-extensions rich zstd python-snappy brotli tqdm azure-storage-blob oci paramiko catalogue py7zr
    pip install --no-deps megatron-core ai2-olmo-core mosaicml-streaming torchvision
"""

import argparse
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

PACKAGES = ["megatron-core", "datatrove", "ai2-olmo-core", "mosaicml-streaming", "litdata", "datasets", "torch", "numpy"]
SPLITS = ["train", "validation"]
N_FAILED = 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input")
    parser.add_argument("ranks", type=Path)
    parser.add_argument("--corpusmill", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=2000, help="documents")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "corpusmill-formats")
    args = parser.parse_args()
    shutil.rmtree(args.work, ignore_errors=True)
    args.work.mkdir(parents=True)
    print(", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES))
    trained = "train = { vocab_size = 4096 }"
    loaded = f'load = "{args.ranks.resolve()}", encoding = "cl100k_base", end_of_document = "<|endoftext|>"'
    for name, tokenizer in [("trained, 4,096 ids", trained), ("cl100k", loaded)]:
        dataset = args.work / name.split(",")[0]
        make_dataset(args, dataset, tokenizer)
        truth = {split: read_shards(dataset / "tokens" / split) for split in SPLITS}
        n_documents = sum(len(documents) for _, documents in truth.values())
        n_tokens = sum(len(ids) for ids, _ in truth.values())
        print(f"\n{name}: {n_documents:,} documents, {n_tokens:,} tokens, ids of {next(iter(truth.values()))[0].dtype}")
        end = int(truth["train"][0][-1])
        check_all(args, dataset, truth, end)
    sys.exit(1 if N_FAILED else 0)


def make_dataset(args, dataset, tokenizer):
    pipeline = args.work / "pipeline.toml"
    pipeline.write_text(f"""
[input]
paths = ["{args.input}"]
limit = {args.limit}
[output]
dir = "{dataset}"
[[stage]]
tokenize = {{ {tokenizer} }}
[[stage]]
shards = {{ shard_tokens = 400_000, validation_ratio = 0.1 }}
""")
    run(args.corpusmill, "run", pipeline, "--quiet")


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")


def read_shards(folder):
    """Returns all ids of a split, and the lengths of its documents."""
    ids, lengths = [], []
    for path in sorted(folder.glob("*.bin")):
        table = pq.read_table(path.with_suffix(".documents.parquet"))
        counts = table["tokens"].to_numpy()
        dtype = {2: np.uint16, 4: np.int32}[path.stat().st_size // int(counts.sum())]
        ids.append(np.fromfile(path, dtype=dtype))
        lengths.extend(counts.tolist())
    return np.concatenate(ids), np.array(lengths)


def check_all(args, dataset, truth, end):
    checks = [
        ("megatron", [], megatron),
        ("datatrove", [], datatrove),
        ("olmo", [], olmo),
        ("olmo", ["--dtype", "uint32"], olmo),
        ("nanogpt", [], nanogpt),
        ("llmc", [], llmc),
        ("mds", [], mds),
        ("mds", ["--zstd", "3"], mds),
        ("mds", ["--bytes"], mds_bytes),
        ("mds", ["--sequence-tokens", "513"], mds_sequences),
        ("litdata", ["--block-tokens", "129"], litdata),
        ("parquet", [], parquet),
        ("parquet", ["--sequence-tokens", "512"], parquet),
        ("arrow", [], arrow),
    ]
    for format, options, check in checks:
        export = args.work / "export"
        shutil.rmtree(export, ignore_errors=True)
        shutil.rmtree(args.work / "cache", ignore_errors=True)
        if format == "nanogpt" and truth["train"][0].dtype != np.uint16:
            done = subprocess.run(
                [args.corpusmill, "export", dataset, "--to", format, "--output", export], capture_output=True, text=True
            )
            is_refused = done.returncode != 0 and not (export / "manifest.json").exists()
            say(format, options, is_refused, "refused: " + done.stderr.strip().splitlines()[0].split(": ", 1)[-1])
            continue
        run(args.corpusmill, "export", dataset, "--to", format, "--output", export, *options)
        try:
            found = {split: check(export, split, truth[split], end) for split in SPLITS}
        except Exception as error:  # a reader that refuses the files is a result too
            say(format, options, False, f"{type(error).__name__}: {error}")
            continue
        is_equal, n = True, 0
        for split, (ids, lengths) in found.items():
            expected_ids, expected_lengths = truth[split]
            is_equal &= len(ids) == len(expected_ids) and bool(np.array_equal(ids, expected_ids))
            if lengths is not None:
                is_equal &= bool(np.array_equal(lengths, expected_lengths))
            n += len(ids)
        bounds = "and all bounds" if all(lengths is not None for _, lengths in found.values()) else ""
        say(format, options, is_equal, f"{n:,} tokens {bounds}")


def say(format, options, is_good, what):
    global N_FAILED
    N_FAILED += not is_good
    print(f"{'ok   ' if is_good else 'WRONG'} {format:<10} {' '.join(options):<22} {what}", flush=True)


def join(documents):
    documents = [np.asarray(document) for document in documents]
    return np.concatenate(documents), np.array([len(document) for document in documents])


def megatron(export, split, truth, end):
    from megatron.core.datasets.indexed_dataset import IndexedDataset

    documents = []
    for path in sorted((export / split).glob("*.bin")):
        dataset = IndexedDataset(str(path.with_suffix("")))
        assert list(dataset.document_indices) == list(range(len(dataset) + 1))
        documents.extend(np.array(dataset[i]) for i in range(len(dataset)))
    return join(documents)


def datatrove(export, split, truth, end):
    from datatrove.utils.dataset import DatatroveFileDataset

    documents = []
    for path in sorted((export / split).glob("*.ds")):
        size = int((path.parent / f"{path.name}.metadata").read_text().splitlines()[0].split("|")[1])
        # One window of the whole file, so that no tail is left out; positions start anew at each document.
        n = path.stat().st_size // size
        item = DatatroveFileDataset(str(path), n - 1, token_size=size, return_positions=True)[0]
        starts = np.flatnonzero(item["positions"].numpy() == 0)
        documents.extend(np.split(item["input_ids"].numpy(), starts[1:]))
    return join(documents)


def olmo(export, split, truth, end):
    from olmo_core.data.utils import iter_document_indices, load_array_slice

    documents = []
    manifest = json.loads((export / "manifest.json").read_text())
    dtype = np.dtype(manifest["dtype"]).type
    for path in sorted((export / split).glob("*.npy")):
        by_index = list(iter_document_indices(path, use_array_if_local=False))
        by_scan = list(iter_document_indices(path, use_array_if_local=True, eos_token_id=end, dtype=dtype))
        assert by_index == by_scan, "the .csv.gz and the ends in the file differ"
        documents.extend(load_array_slice(path, start, stop, dtype) for start, stop in by_index)
    return join(documents)


def nanogpt(export, split, truth, end):
    return np.memmap(export / {"train": "train.bin", "validation": "val.bin"}[split], dtype=np.uint16, mode="r"), None


def llmc(export, split, truth, end):
    documents = []
    for path in sorted(export.glob(f"*_{split[:3] if split == 'validation' else split}_*.bin")):
        header = np.fromfile(path, dtype=np.int32, count=256)
        magic, version, n = (int(value) for value in header[:3])
        dtype = {(20240520, 1): np.uint16, (20240801, 7): np.uint32}[magic, version]
        assert path.stat().st_size == 1024 + n * np.dtype(dtype).itemsize and not header[3:].any()
        ids = np.fromfile(path, dtype=dtype, offset=1024)
        assert ids[0] == end
        starts = np.flatnonzero(ids == end)
        # The end that stands before a document here stands behind it in the dataset.
        documents.extend(np.append(part[1:], end) for part in np.split(ids, starts[1:]))
    return join(documents)


def mds_samples(export, split):
    from streaming import StreamingDataset
    from streaming.base.util import clean_stale_shared_memory

    clean_stale_shared_memory()
    # Compressed shards are unpacked beside themselves: into a copy.
    local = export.parent / "cache" / split
    dataset = StreamingDataset(remote=str(export / split), local=str(local), shuffle=False, batch_size=1)
    return [dataset[i]["tokens"] for i in range(dataset.num_samples)]


def mds(export, split, truth, end):
    return join(mds_samples(export, split))


def mds_bytes(export, split, truth, end):
    return join([np.frombuffer(sample, dtype=np.int64) for sample in mds_samples(export, split)])


def mds_sequences(export, split, truth, end):
    samples = mds_samples(export, split)
    assert all(len(sample) == 513 for sample in samples[:-1])
    return np.concatenate(samples), None


def litdata(export, split, truth, end):
    from litdata.streaming import StreamingDataset, TokensLoader

    os.environ["DATA_OPTIMIZER_CACHE_FOLDER"] = str(export.parent / "cache")
    dataset = StreamingDataset(str(export / split), item_loader=TokensLoader(block_size=129), shuffle=False, drop_last=False)
    ids = np.concatenate([np.asarray(dataset[i]) for i in range(len(dataset))])
    padding = json.loads((export / "manifest.json").read_text())["splits"][split]["padding_tokens"]
    assert (ids[len(ids) - padding:] == end).all() and padding < 129
    return ids[: len(ids) - padding], None


def rows(dataset, truth):
    ids, lengths = join(dataset.with_format("numpy")["input_ids"])
    is_documents = len(lengths) == len(truth[1])
    assert is_documents or (lengths[:-1] == 512).all()
    return ids, lengths if is_documents else None


def parquet(export, split, truth, end):
    from datasets import load_dataset

    return rows(load_dataset(str(export), cache_dir=str(export.parent / "cache"))[split], truth)


def arrow(export, split, truth, end):
    from datasets import load_from_disk

    return rows(load_from_disk(str(export))[split], truth)


if __name__ == "__main__":
    main()
