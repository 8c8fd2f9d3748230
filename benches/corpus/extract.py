"""Turns Debian packages into documents: HTML, DocBook, man pages and plain text, cut at 64,000 characters."""

import gzip
import hashlib
import html
import json
import multiprocessing
import re
import subprocess
import sys
import tarfile
import zlib
from pathlib import PurePosixPath

import pyarrow

MIN_FILE_BYTES, MAX_FILE_BYTES = 200, 20_000_000
MIN_DOCUMENT_CHARS, MAX_DOCUMENT_CHARS = 120, 64_000
MAX_PACKAGE_CHARS = 220_000_000

WANTED = re.compile(r"(?i)\.(html?|xhtml|page|docbook|xml|txt|rst|md|text|asc|adoc|[1-9][a-z]*|gz)$|/doc/|/games/")
UNWANTED = re.compile(r"(?i)\.(png|jpe?g|svg|js|css|gif|pdf|epub|ico|woff2?|qch|ttf|index|tag)$")
MARKUP_NAME = re.compile(r"\.(html?|xhtml|page|docbook|xml)$")
MAN_PAGE_NAME = re.compile(r"/man/.*\.[1-9][a-z]*$")
TEXT_NAME = re.compile(
    r"(\.(txt|rst|md|text|asc|tex|texi|nroff|adoc|org)|changelog|changelog\.debian|news|readme|copyright)$"
)

HIDDEN = re.compile(r"(?is)<(script|style|head|nav|svg|noscript)\b.*?</\1\s*>|<!--.*?-->")
BLOCK = re.compile(
    r"(?i)</?(p|div|li|ul|ol|tr|table|h[1-6]|br|pre|section|dt|dd|dl|blockquote|article|header|footer|title|para"
    r"|listitem|item|row|entry)\b[^>]*>"
)
TAG = re.compile(r"<[^<>]{1,2000}>")
TROFF_REQUEST = re.compile(
    r"(?m)^[.'][ \t]*(?:(?:TH|ie|el|if|de|nr|ds|so|in|ti|ne|nh|hy|ad|ft|sp|RS|RE|PP|P|LP|TP|IP|HP|Pp|Sp|Vb|Ve|fi|nf"
    r"|Bl|El)\b|\\\"|\.).*$"
)
TROFF_MACRO = re.compile(r"(?m)^[.'][A-Za-z]{1,3}\b *\"?")
TROFF_FONT = re.compile(r"\\f[BIRPC]|\\f\(..|\\f\[.*?\]|\\s[+-]?\d+|\\&|\\/|\\,|\\\|")
TROFF_CHARACTER = re.compile(r"\\\(..|\\\[..\]")
SPACES = re.compile(r"[ \t\u00a0]+")
BLANK_LINES = re.compile(r"\n\s*\n\s*\n+")


def extract_packages(debs, raw, jobs):
    """Writes the documents of all packages to `raw` (JSONL, zstd), without exact copies."""
    seen, n_docs, n_bytes = set(), 0, 0
    unfinished = raw.with_name(raw.name + ".tmp")
    with pyarrow.CompressedOutputStream(str(unfinished), "zstd") as out, multiprocessing.Pool(jobs) as pool:
        for deb, documents in zip(debs, pool.imap(documents_of_package, debs), strict=True):
            for doc_id, text in documents:
                encoded = text.encode()
                digest = hashlib.blake2b(encoded, digest_size=16).digest()
                if digest in seen:
                    continue
                seen.add(digest)
                out.write(json.dumps({"id": doc_id, "text": text}, ensure_ascii=False).encode() + b"\n")
                n_docs += 1
                n_bytes += len(encoded)
            print(f"{deb.name}: {n_docs:,} documents, {n_bytes / 1e6:.1f} MB so far", file=sys.stderr)
    unfinished.rename(raw)


def documents_of_package(deb):
    """Returns (id, text) of each document in one package."""
    package, documents, n_chars = deb.name.split("_")[0], [], 0
    unpacking = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE)
    with tarfile.open(fileobj=unpacking.stdout, mode="r|") as archive:
        for name, data in files_of(archive):
            if n_chars > MAX_PACKAGE_CHARS:
                continue  # the rest is still read, so that dpkg-deb does not die of a broken pipe
            for part, text in enumerate(documents_of_file(name, data)):
                documents.append((f"{package}:{name}:{part}", text))
                n_chars += len(text)
    unpacking.wait()
    return documents


def files_of(archive):
    """Yields (name, bytes) of each wanted file, and of the documentation inside a kernel source."""
    for member in archive:
        if not member.isfile():
            continue
        if "linux-source" in member.name and member.name.endswith(".tar.xz"):
            with tarfile.open(fileobj=archive.extractfile(member), mode="r|xz") as source:
                for inner in source:
                    if inner.isfile() and "/Documentation/" in inner.name:
                        yield f"/doc/{inner.name}", source.extractfile(inner).read()
        elif WANTED.search(member.name) and not UNWANTED.search(member.name):
            yield f"/{member.name}", archive.extractfile(member).read()


def documents_of_file(name, data):
    """Returns the texts of one file: none when it is not text, several when it is long."""
    if name.endswith(".gz"):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            return []
        name = name[:-3]
    if not MIN_FILE_BYTES <= len(data) <= MAX_FILE_BYTES:
        return []
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return []
    name = name.lower()
    if MARKUP_NAME.search(name):
        text = text_of_markup(text)
    elif MAN_PAGE_NAME.search(name):
        text = text_of_man_page(text)
    elif not TEXT_NAME.search(name) and "/games/" not in name:
        if "/doc/" not in name or PurePosixPath(name).suffix:
            return []
    return [part for part in cut(tidy(text)) if len(part) >= MIN_DOCUMENT_CHARS]


def text_of_markup(text):
    text = BLOCK.sub("\n", HIDDEN.sub(" ", text))
    return html.unescape(TAG.sub("", text))


def text_of_man_page(text):
    text = TROFF_MACRO.sub("", TROFF_REQUEST.sub("", text))
    text = TROFF_CHARACTER.sub(" ", TROFF_FONT.sub("", text))
    return text.replace("\\-", "-").replace("\\e", "\\").replace("\\ ", " ")


def tidy(text):
    """Collapses spaces, strips lines, leaves at most one blank line in a row."""
    lines = text.replace("\r\n", "\n").replace("\x00", "").split("\n")
    return BLANK_LINES.sub("\n\n", "\n".join(SPACES.sub(" ", line).strip() for line in lines)).strip()


def cut(text):
    """Splits a text longer than the limit at blank lines, into parts of about 60 % of the limit."""
    if len(text) <= MAX_DOCUMENT_CHARS:
        return [text]
    parts, current, n_chars = [], [], 0
    for paragraph in text.split("\n\n"):
        while len(paragraph) > MAX_DOCUMENT_CHARS:
            parts.append(paragraph[:MAX_DOCUMENT_CHARS])
            paragraph = paragraph[MAX_DOCUMENT_CHARS:]
        if current and n_chars + len(paragraph) > MAX_DOCUMENT_CHARS * 0.6:
            parts.append("\n\n".join(current))
            current, n_chars = [], 0
        current.append(paragraph)
        n_chars += len(paragraph) + 2
    return parts + ["\n\n".join(current)]
