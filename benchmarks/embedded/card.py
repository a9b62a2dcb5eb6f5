"""The model card: ``MODEL_CARD.md`` beside the weights, written from what the evaluation and the training's log say.

python -m benchmarks.embedded.card [--folder DIR]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

from benchmarks.embedded import emoji
from benchmarks.embedded.encoder import replace
from benchmarks.embedded.evaluate import EMBEDDED

SETS: Final = {
    "easy": "easy-VQA, test questions",
    "scenes": "drawn scenes, test seeds",
    "digits": "handwritten digits, test",
}
NAMES: Final = (
    ("trained names bare", "emoji that it was trained on, no example"),
    ("new names bare", "emoji that it never saw, no example"),
    ("new names, right one among 1", "... the right example alone"),
    ("new names, right one among 2", "... the right example among 2"),
    ("new names, right one among 4", "... the right example among 4"),
    ("new names, right one among 4 of its kind", "... among 4 of the same kind (which look alike)"),
)


def card(found: dict[str, Any], log: list[dict[str, Any]], size: int) -> str:
    """The card's text."""
    models = ("apprentice", "master")
    base, count = found["baselines"], found["questions"]
    lines = [
        "# Embedded demo models",
        "",
        "Three small models that ship with perdure, so that `%cot` runs on a fresh machine with no key and no network. They are **demo",
        "models**: they show how the cache, the retrieval and the routing work. They know nothing but what is listed here.",
        "",
        "Trained again with `python -m benchmarks.train_embedded all` (see `--help`; add `--minutes N` for a quick try), measured with",
        "`python -m benchmarks.embedded.evaluate`, and this card written with `python -m benchmarks.embedded.card`. Every number below",
        "comes from `evaluation.json` and `training.jsonl` beside this file.",
        "",
        "| | architecture | parameters | trained for |",
        "|---|---|---|---|",
        f"| `encoder` | open_clip `CLIP`, ViT, 64 x 64 pictures, 128 dimensions | {found['encoder']['parameters']:,} | {spent(log, 'encoder')} |",
        *(
            f"| `{name}` | transformers `LlavaForConditionalGeneration`: CLIP eyes, Qwen2 | {found[name]['parameters']:,} | {spent(log, name)} |"
            for name in models
        ),
        "",
        f"{size / 1e6:.1f} MB in half precision; computed in single precision. All three share a byte-level BPE tokenizer of 2,000 tokens that makes",
        "everything lower case. A picture is 17 tokens. The apprentice's eyes began as the encoder's; the master began as the apprentice, grown. Both",
        "were first told patch by patch what is to be seen (`benchmarks/embedded/eyes.py`).",
        "",
        "## Accuracy",
        "",
        "The share of answers that are right word for word, by greedy decoding, on questions kept apart from training. *Majority* always",
        "gives the commonest answer, *question only* the commonest answer to that wording, both as counted in the training split.",
        "*Behind 1 or 4* means after so many random examples: they should do no harm.",
        "",
        "| | questions | majority | question only | apprentice | behind 1 | behind 4 | master | behind 1 | behind 4 |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for task, words in SETS.items():
        cells = [
            _share(found[name].get(f"{task} {how}"))
            for name in models
            for how in ("bare", "behind 1 random", "behind 4 random")
        ]
        lines.append(
            f"| {words} | {count[f'{task} bare']:,} | {_share(base.get(task, {}).get('majority'))} "
            f"| {_share(base.get(task, {}).get('question only'))} | " + " | ".join(cells) + " |"
        )
    lines += ["", "Naming: an example drawn by one vendor (Noto), asked about a drawing by another (Twemoji).", ""]
    lines += ['| "What is this called?" | questions | apprentice | master |', "|---|---|---|---|"]
    for name, words in NAMES:
        lines.append(f"| {words} | {count[name]:,} | " + " | ".join(_share(found[m][name]) for m in models) + " |")
    lines += ["", "Encoder: how often the nearest by cosine is the right one.", "", "| | |", "|---|---|"]
    lines += [f"| {what} | {_share(share)} |" for what, share in found["encoder"].items() if what != "parameters"]
    trained, new = len(emoji.train()), len(emoji.held_out())
    lines += [
        "",
        "## Data",
        "",
        "| | | licence |",
        "|---|---|---|",
        "| easy-VQA (PyPI `easy-vqa`) | 4,000 pictures, 38,575 questions for training; 9,673 questions on 1,000 pictures apart | MIT |",
        "| handwritten digits (scikit-learn; UCI) | 1,297 for training, 500 apart | CC-BY 4.0 |",
        "| scenes that we draw (`benchmarks/embedded/scenes.py`) | 16,000 for training; other seeds for tests | ours |",
        *(f"| emoji, npm `{v.package}` {v.version} | | {v.licence} |" for v in emoji.VENDORS.values()),
        "",
        f"Emoji: {trained} concepts for training and {new} kept from all training, split by a hash of their code points, without flags, keycaps, skin tones and",
        "joined figures. Names are the short names of `emoji-datasource`.",
        "",
        "## What they are not good for",
        "",
        "- Photographs, text in pictures, anything that isn't listed above: they will answer, and be wrong.",
        "- Questions in other words than those of `benchmarks/embedded/phrasing.py` and easy-VQA, or in other languages than English.",
        "- Choosing among examples: given several, they copy the name in any of them, hardly oftener the right one than by chance.",
        "- Reasoning, JSON, more than about four examples, names with capitals (all is lower case).",
        "- As a measure of any hosted model: the apprentice and the master differ far less than a 2 B and a 70 B model do.",
        "",
    ]
    return "\n".join(lines)


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"


def spent(log: list[dict[str, Any]], name: str) -> str:
    """Steps and time of all its stages: the steps are counted anew in each, and the minutes also where a stage was resumed."""
    mine = [line for line in log if line["training"] == name]
    if not mine:
        return ""
    ends = {count: _ends(mine, count) for count in ("step", "minutes")}
    steps, minutes = (sum(line[count] for line in ends[count]) for count in ends)
    stages = f" in {len(ends['step'])} stages" if len(ends["step"]) > 1 else ""
    return f"{steps:,} steps{stages}, {minutes:.0f} min of one core"


def _ends(lines: list[dict[str, Any]], count: str) -> list[dict[str, Any]]:
    """The lines after which the count begins anew, and the last."""
    pairs = zip(lines, [*lines[1:], None], strict=True)
    return [line for line, after in pairs if after is None or after[count] <= line[count]]


def main() -> None:
    """Write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=EMBEDDED)
    folder = parser.parse_args().folder
    found = json.loads((folder / "evaluation.json").read_text())
    log = [json.loads(line) for line in (folder / "training.jsonl").read_text().splitlines()]
    size = sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
    replace(folder / "MODEL_CARD.md", card(found, log, size).encode())


if __name__ == "__main__":
    main()
