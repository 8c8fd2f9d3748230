"""Compares the ids of a tokenizer.json in corpusmill with those of Hugging Face's tokenizers.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install tokenizers    (0.23.3 was used)
    /tmp/venv/bin/python tests/python/tokenizer_parity.py tokenizer.json encoded.jsonl

Arguments: the tokenizer.json, and a JSONL file of {"text", "ids"} that corpusmill wrote with it.
Exit status: 0 if all ids are equal and all texts come back from their ids, 1 otherwise.
"""

import json
import sys

from tokenizers import Tokenizer


def main(tokenizer_path: str, encoded_path: str) -> int:
    tokenizer = Tokenizer.from_file(tokenizer_path)
    # corpusmill reads the text of a special token inside a document as ordinary text.
    tokenizer.encode_special_tokens = True
    n_texts = n_ids = n_wrong = 0
    with open(encoded_path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            row = json.loads(line)
            ids = tokenizer.encode(row["text"], add_special_tokens=False).ids
            n_texts += 1
            n_ids += len(ids)
            ours = row["ids"]
            if ids != ours:
                n_wrong += 1
                pairs = enumerate(zip(ids, ours))
                at = next((i for i, (a, b) in pairs if a != b), min(len(ids), len(ours)))
                print(f"line {number}: id {at}: {ours[at:at + 5]}, tokenizers {ids[at:at + 5]}")
            elif tokenizer.decode(ids, skip_special_tokens=False) != row["text"]:
                n_wrong += 1
                print(f"line {number}: tokenizers decodes to another text")
    print(f"{n_texts} texts, {n_ids} ids, {n_wrong} texts differ")
    return 1 if n_wrong or not n_texts else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2]))
