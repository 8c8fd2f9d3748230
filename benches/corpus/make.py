#!/usr/bin/env python3
"""Makes large corpora of natural text for benchmarks, with planted duplicates.

    make.py FOLDER --size 10 50        downloads what is missing, then writes FOLDER/c10 and FOLDER/c50

The text is documentation that Debian packages in up to 11 languages: technical, heavy on punctuation, with many
natural near-duplicates. It is good for measuring speed, not for judging quality. A size is in MB of UTF-8 text; a
smaller set is the head of a larger one made in the same call. Sizes up to 50 need 10 packages (75 MB), larger ones
all of them (about 1 GB). Every step whose result is already in FOLDER is skipped:

    FOLDER/debs/*.deb                          what apt-get downloaded
    FOLDER/raw-{few,all}.jsonl.zst             one document per source file, exact copies removed
    FOLDER/cN/{jsonl,gz,zst,parquet}/*         the same rows in four formats, 4 shards (8 from 1,000 MB)
    FOLDER/cN/planted.tsv, FOLDER/cN/info.json copy, original, kind; counts and bytes

The same packages give the same bytes. Needs apt-get and dpkg-deb (Debian 12) and PyPI pyarrow; installs nothing.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from extract import extract_packages
from pack import pack

FEW = """
    libreoffice-help-zh-cn libreoffice-help-en-us libreoffice-help-de libreoffice-help-fr libreoffice-help-ja
    linux-doc-6.1 python3.11-doc postgresql-doc-15 manpages-zh manpages-dev
""".split()
MORE = """
    libreoffice-help-zh-tw libreoffice-help-ru libreoffice-help-es libreoffice-help-ko libreoffice-help-pt-br
    libreoffice-help-it rust-doc openjdk-17-doc libboost1.81-doc libboost1.74-doc manpages manpages-de manpages-fr
    manpages-es manpages-ja debian-reference-zh-cn debian-reference-en installation-guide-amd64 gnome-user-docs
    python-pandas-doc python-django-doc python-scipy-doc python-sympy-doc bible-kjv-text fortunes perl-doc octave-doc
    sagemath-doc qtbase5-doc-html libgtk-3-doc libglib2.0-doc erlang-doc debian-policy developers-reference
    maint-guide gap-doc maxima-doc nethack-spoilers doc-debian zsh-doc kicad-doc-zh linux-source-6.1
""".split()
MAX_SIZE_OF_FEW = 50


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, nargs="+", default=[50, 200, 1000], help="MB of text; several allowed")
    parser.add_argument("--jobs", type=int, default=2, help="packages unpacked at a time")
    args = parser.parse_args()

    name, packages = ("few", FEW) if max(args.size) <= MAX_SIZE_OF_FEW else ("all", FEW + MORE)
    raw = args.folder / f"raw-{name}.jsonl.zst"
    if not raw.exists():
        debs = download(packages, args.folder / "debs")
        extract_packages(debs, raw, args.jobs)
    pack(raw, args.folder, sorted(args.size))


def download(packages, folder):
    """Returns the .deb files of `packages`, downloading those that `folder` lacks, skipping those that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    debs = []
    for package in packages:
        if not list(folder.glob(f"{package}_*.deb")):
            done = subprocess.run(["apt-get", "download", package], cwd=folder, capture_output=True, text=True)
            if done.returncode != 0:
                print(f"skipped {package}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
                continue
        debs.extend(sorted(folder.glob(f"{package}_*.deb"))[-1:])
    if not debs:
        sys.exit("make.py: no package could be downloaded (has apt-get update been run?)")
    return debs


if __name__ == "__main__":
    main()
