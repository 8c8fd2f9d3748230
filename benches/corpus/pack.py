"""Shuffles documents, plants duplicates among them, and writes sets of several sizes in four formats."""

import gzip
import heapq
import json
import random
import re
import sys

import pyarrow
from pyarrow import parquet

SEED = 7
MAX_DISTANCE = 3000  # a copy stands at most so many documents after its original
PLANTED_SHARES = {  # of the documents
    "exact": 0.02,  # the same text
    "near2": 0.03,  # 2 % of the words replaced
    "near8": 0.02,  # 8 % of the words replaced
    "trunc": 0.02,  # cut to 80 % of the lines, with a footer
    "head": 0.01,  # with a header
}
FOOTER = "\n\nThis page was last edited on 3 March 2021. Back to top."
HEADER = "Mirror copy of this page. Contact webmaster@example.org or 192.0.2.17 for help.\n\n"


def pack(raw, folder, sizes):
    """Writes `folder/cN` for each N (MB of text) of the ascending `sizes`; stops early when the text runs out."""
    documents, planted, n_bytes = [], [], 0
    sizes = list(sizes)
    for doc_id, text, original, kind in with_duplicates(read_texts(raw)):
        documents.append((doc_id, text))
        n_bytes += len(text.encode())
        if original:
            planted.append((doc_id, original, kind))
        while sizes and n_bytes >= sizes[0] * 1e6:
            write_set(folder / f"c{sizes.pop(0)}", documents, planted)
        if not sizes:
            return
    print(f"only {n_bytes / 1e6:.0f} MB of text: c{sizes[0]} is short", file=sys.stderr)
    write_set(folder / f"c{sizes[0]}", documents, planted)


def read_texts(raw):
    with pyarrow.input_stream(str(raw), compression="zstd", buffer_size=1 << 20) as stream:
        return [json.loads(line)["text"] for line in stream.read().splitlines()]


def with_duplicates(texts):
    """Yields (id, text, original's id or None, kind or None) of the shuffled originals and of their copies."""
    rng = random.Random(SEED)
    rng.shuffle(texts)
    words = [word for text in texts[:3000] for word in text.split()[:40]]
    waiting = []  # heap of copies by the position at which they appear
    for position, text in enumerate(texts):
        doc_id = f"d{position:07d}"
        yield doc_id, text, None, None
        kind = draw_kind(rng)
        if kind:
            at = position + rng.randint(1, MAX_DISTANCE)
            heapq.heappush(waiting, (at, f"{doc_id}-{kind}", make_copy(text, kind, rng, words), doc_id, kind))
        while waiting and waiting[0][0] <= position:
            yield heapq.heappop(waiting)[1:]


def draw_kind(rng):
    drawn = rng.random()
    for kind, share in PLANTED_SHARES.items():
        if drawn < share:
            return kind
        drawn -= share
    return None


def make_copy(text, kind, rng, words):
    if kind == "exact":
        return text
    if kind == "near2":
        return replace_words(text, 0.02, rng, words)
    if kind == "near8":
        return replace_words(text, 0.08, rng, words)
    if kind == "trunc":
        lines = text.split("\n")
        return "\n".join(lines[: max(1, int(len(lines) * 0.8))]) + FOOTER
    return HEADER + text


def replace_words(text, share, rng, words):
    parts = re.split(r"(\s+)", text)
    places = [i for i in range(0, len(parts), 2) if parts[i]]
    for _ in range(max(1, int(len(places) * share))):
        parts[rng.choice(places)] = rng.choice(words)
    return "".join(parts)


def write_set(folder, documents, planted):
    """Writes the rows round-robin into shards, each shard in every format."""
    n_bytes = sum(len(text.encode()) for _, text in documents)
    n_shards = 8 if n_bytes >= 1e9 else 4
    for name in ("jsonl", "gz", "zst", "parquet"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    zstd = pyarrow.Codec("zstd", compression_level=3)
    for shard in range(n_shards):
        rows = documents[shard::n_shards]
        lines = (json.dumps({"id": i, "text": t}, ensure_ascii=False, separators=(",", ":")) + "\n" for i, t in rows)
        data = "".join(lines).encode()
        (folder / f"jsonl/{shard:03d}.jsonl").write_bytes(data)
        (folder / f"gz/{shard:03d}.jsonl.gz").write_bytes(gzip.compress(data, 6, mtime=0))
        (folder / f"zst/{shard:03d}.jsonl.zst").write_bytes(zstd.compress(data, asbytes=True))
        table = pyarrow.table({"id": [i for i, _ in rows], "text": [t for _, t in rows]})
        path = folder / f"parquet/{shard:03d}.parquet"
        parquet.write_table(table, path, compression="zstd", row_group_size=4096)
    (folder / "planted.tsv").write_text("".join("\t".join(row) + "\n" for row in planted))
    info = {"documents": len(documents), "planted": len(planted), "text_bytes": n_bytes, "shards": n_shards}
    for name in ("jsonl", "gz", "zst", "parquet"):
        info[f"{name}_bytes"] = sum(path.stat().st_size for path in (folder / name).iterdir())
    (folder / "info.json").write_text(json.dumps(info, indent=1) + "\n")
    print(folder.name, info, file=sys.stderr)
