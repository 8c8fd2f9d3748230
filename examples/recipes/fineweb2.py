#!/usr/bin/env python3
"""Writes fineweb2.toml from FineWeb-2's own configurations.

    fineweb2.py CONFIGS > fineweb2.toml

CONFIGS is the folder `configs` of https://github.com/huggingface/fineweb-2 (Apache-2.0), one YAML file a language. Needs PyYAML.
The languages are those below: those of its largest subsets that corpusmill's `language` rule can tell, by their tags.
"""

import json
import sys
from pathlib import Path

import yaml

LANGUAGES = {
    "af": "afr_Latn", "ar": "arb_Arab", "az": "azj_Latn", "be": "bel_Cyrl", "bg": "bul_Cyrl", "bn": "ben_Beng",
    "ca": "cat_Latn", "cs": "ces_Latn", "cy": "cym_Latn", "da": "dan_Latn", "de": "deu_Latn", "el": "ell_Grek",
    "eo": "epo_Latn", "es": "spa_Latn", "et": "ekk_Latn", "fa": "fas_Arab", "fi": "fin_Latn", "fr": "fra_Latn",
    "gu": "guj_Gujr", "he": "heb_Hebr", "hi": "hin_Deva", "hr": "hrv_Latn", "hu": "hun_Latn", "hy": "hye_Armn",
    "id": "ind_Latn", "it": "ita_Latn", "ja": "jpn_Jpan", "ka": "kat_Geor", "kn": "kan_Knda", "ko": "kor_Hang",
    "la": "lat_Latn", "lt": "lit_Latn", "lv": "lvs_Latn", "mk": "mkd_Cyrl", "ml": "mal_Mlym", "mr": "mar_Deva",
    "nb": "nob_Latn", "ne": "npi_Deva", "nl": "nld_Latn", "pl": "pol_Latn", "pt": "por_Latn", "ro": "ron_Latn",
    "ru": "rus_Cyrl", "sk": "slk_Latn", "sl": "slv_Latn", "sr": "srp_Cyrl", "sv": "swe_Latn", "ta": "tam_Taml",
    "te": "tel_Telu", "th": "tha_Thai", "tr": "tur_Latn", "uk": "ukr_Cyrl", "ur": "urd_Arab", "uz": "uzn_Latn",
    "vi": "vie_Latn", "zh": "cmn_Hani",
}

HEAD = """\
# FineWeb-2: Gopher's and FineWeb's rules with limits for each language. Written by fineweb2.py from the configurations of
# https://github.com/huggingface/fineweb-2 (Apache-2.0); Penedo et al. 2025, arXiv:2506.20920.
#
# Differs from the original: languages are found by whatlang, not GlotLID, so its scores are no limits here; words of languages
# without a cutter of their own in corpusmill are cut by the rules of Unicode; near copies are sought over all languages at once
# and verified. Languages that are not listed have Gopher's and FineWeb's English limits, and no stop words.

[input]
paths = ["raw/*.jsonl.zst"]

[output]
dir = "out/fineweb2"

[[stage]]
filter = [{ language = {} }]

# Before the filters, as in FineWeb-2.
[[stage]]
dedup_minhash = { ngram = 5, bands = 14, rows = 8 }

[[stage]]
words = "datatrove"
"""

TAIL = """
# FineWeb-2 repairs and scrubs what is left.
[[stage]]
filter = [{ unicode_repair = {} }, { pii = {} }]
"""


def main():
    folder = Path(sys.argv[1])
    configs = {tag: yaml.safe_load((folder / f"{name}.yml").read_text()) for tag, name in LANGUAGES.items()}

    def limit(key, other, value):
        values = {tag: value(config) for tag, config in configs.items()} | {"other": other}
        inner = ", ".join(f"{tag} = {json.dumps(value)}" for tag, value in values.items())
        return f"{key} = {{ {inner} }}"

    lines = ["\n[[stage.filter]]", "[stage.filter.gopher_repetition]"]
    lines += [
        "max_duplicate_paragraph_ratio = false",
        "max_duplicate_paragraph_char_ratio = false",
        limit("max_duplicate_line_ratio", 0.3, lambda config: config["dup_line_frac"]),
        "max_duplicate_line_char_ratio = false",
    ]
    for n, other in [(2, 0.2), (3, 0.18), (4, 0.16)]:
        lines.append(limit(f"max_top_{n}gram_char_ratio", other, lambda config: dict(config["top_n_grams"])[n]))
    for n, other in [(5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.1)]:
        lines.append(limit(f"max_duplicate_{n}gram_char_ratio", other, lambda config: dict(config["dup_n_grams"])[n]))
    lines += [
        "\n[[stage.filter]]",
        "[stage.filter.fineweb]",
        limit("min_ended_line_ratio", 0.12, lambda config: config["line_punct_thr"]),
        "max_short_line_ratio = false",
        "max_duplicate_line_char_ratio = 0.1",
        limit("max_newlines_per_word", 0.3, lambda config: config["new_line_ratio"]),
        "\n[[stage.filter]]",
        "[stage.filter.gopher_quality]",
        limit("min_mean_word_chars", 3, lambda config: config["min_avg_word_length"]),
        limit("max_mean_word_chars", 10, lambda config: config["max_avg_word_length"]),
        limit("min_letter_word_ratio", 0.8, lambda config: config["max_non_alpha_words_ratio"]),
        "min_stop_words = 2",
        "\n[stage.filter.gopher_quality.stop_words]",
    ]
    for tag, config in configs.items():
        words = ", ".join(json.dumps(word, ensure_ascii=False) for word in config["stopwords"])
        lines.append(f"{tag} = [{words}]")
    print(HEAD + "\n".join(lines) + "\n" + TAIL, end="")


if __name__ == "__main__":
    main()
