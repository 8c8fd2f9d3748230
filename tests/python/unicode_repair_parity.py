"""Compares the rule `unicode_repair` with ftfy: pip install ftfy==6.3.1 zstandard

    python3 tests/python/unicode_repair_parity.py FILE.jsonl[.zst]...

Two questions. Of real texts, as they are: how often do both leave or write the same? Of the lines of these texts,
misread on purpose: how often does each get the original back?
"""

import io
import json
import subprocess
import sys

import ftfy
import zstandard

# What this project decides otherwise: curly quotes, full-width forms and Croatian digraphs stay.
OPTIONS = ftfy.TextFixerConfig(uncurl_quotes=False, fix_character_width=False)
SETS = ["latin-1", "windows-1252", "windows-1251", "windows-1250", "mac_roman", "gb2312"]


def read(path):
    data = open(path, "rb")
    if path.endswith(".zst"):
        data = zstandard.ZstdDecompressor().stream_reader(data)
    for line in io.TextIOWrapper(data, encoding="utf-8"):
        yield json.loads(line)["text"][:20_000]


def repair(texts):
    """Returns the texts as the rule leaves them."""
    command = ["cargo", "run", "-q", "--release", "-p", "corpusmill-filters", "--example", "judge", "--"]
    rows = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    config = '{"unicode_repair": {"max_blank_lines": false}}'
    done = subprocess.run([*command, config], input=rows.encode(), check=True, capture_output=True)
    after = [json.loads(row)["text"] for row in done.stdout.splitlines()]
    return [text if new is None else new for text, new in zip(texts, after)]


def misread(text, charset):
    """Returns the text read with the wrong set, or None if that loses something."""
    try:
        data = text.encode("gb2312" if charset == "gb2312" else "utf-8")
        wrong = data.decode("latin-1" if charset == "gb2312" else charset)
    except UnicodeError:
        return None
    return wrong if wrong != text else None


def main():
    texts = [text for path in sys.argv[1:] for text in read(path)]
    ours = repair(texts)
    theirs = [ftfy.fix_text(text, OPTIONS) for text in texts]
    same = sum(a == b for a, b in zip(ours, theirs))
    print(f"as they are: {len(texts)} texts, {same} the same; edited by us {sum(a != b for a, b in zip(texts, ours))}, "
          f"by ftfy {sum(a != b for a, b in zip(texts, theirs))}")
    lines = {line.strip() for text in texts for line in text.split("\n")}
    lines = [line for line in sorted(lines) if 10 <= len(line) <= 200 and not line.isascii()]
    lines = [line for line in lines if ftfy.fix_text(line, OPTIONS) == line][:20_000]
    for charset in SETS:
        pairs = [(line, misread(line, charset)) for line in lines]
        pairs = [(line, wrong) for line, wrong in pairs if wrong and not any(c in wrong for c in "\r\n\x85")]
        got = repair([wrong for _, wrong in pairs])
        we = sum(line == back for (line, _), back in zip(pairs, got))
        they = sum(line == ftfy.fix_text(wrong, OPTIONS) for line, wrong in pairs)
        print(f"misread as {charset}: {len(pairs)} lines, we get back {we}, ftfy {they}")


if __name__ == "__main__":
    main()
