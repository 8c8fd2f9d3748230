#!/usr/bin/env python3
"""Makes the three kinds of text of the tokenizer benchmark: English and Chinese prose, and Chinese poems.

    text.py RAW POEMS FOLDER [--megabytes 40]

RAW is `raw-all.jsonl.zst` as `benches/corpus/make.py --size 900` leaves it: documentation of Debian packages. POEMS is the package that
`npm pack chinese-poetry` (2.0.1, MIT) downloads. Written are FOLDER/{english,chinese,poems}.txt, documents ended by a NUL byte:

    english   the documentation of Linux, and of perl
    chinese   manual pages, help of LibreOffice, Debian's handbook, KiCad's, and the translations of Linux's documentation
    poems     Tang and Song poems, one a document

The same packages give the same bytes. Needs the command zstd.
"""

import argparse
import json
import re
import subprocess
import tarfile
from pathlib import Path

ENGLISH = ("linux-doc-6.1:", "perl-doc:")
CHINESE = ("manpages-zh:", "libreoffice-help-zh-cn:", "libreoffice-help-zh-tw:", "debian-reference-zh-cn:", "kicad-doc-zh:", "linux-doc-6.1:")
HAN = re.compile("[\u3400-\u9fff]")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("raw", type=Path)
    parser.add_argument("poems", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--megabytes", type=int, default=40, help="the most of each kind")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    limit = args.megabytes * 1_000_000
    kinds = {"english": [], "chinese": []}
    with subprocess.Popen(["zstd", "-dc", args.raw], stdout=subprocess.PIPE) as zstd:
        for line in zstd.stdout:
            row = json.loads(line)
            is_chinese = len(HAN.findall(row["text"])) > len(row["text"]) / 5
            if is_chinese and row["id"].startswith(CHINESE):
                kinds["chinese"].append(row["text"])
            elif not HAN.search(row["text"]) and row["id"].startswith(ENGLISH):
                kinds["english"].append(row["text"])
    kinds["poems"] = poems(args.poems)
    for kind, texts in kinds.items():
        n_bytes = n_documents = 0
        with open(args.folder / f"{kind}.txt", "wb") as out:
            for text in texts:
                text = text.replace("\0", " ").encode() + b"\0"
                if n_bytes + len(text) > limit:
                    break
                out.write(text)
                n_bytes += len(text)
                n_documents += 1
        print(f"{kind}: {n_documents:,} documents, {n_bytes / 1e6:.1f} MB")


def poems(path):
    with tarfile.open(path) as package:
        for member in sorted(package.getmembers(), key=lambda member: member.name):
            if not member.name.endswith(".json") or "/poet." not in member.name:
                continue
            for poem in json.load(package.extractfile(member)):
                if poem.get("paragraphs"):
                    yield f"{poem.get('title', '')}\n{poem.get('author', '')}\n\n" + "\n".join(poem["paragraphs"]) + "\n"


main()
