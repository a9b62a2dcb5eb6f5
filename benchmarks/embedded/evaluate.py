"""Measures the saved models as a user has them, through the Auto classes, on test splits: writes ``evaluation.json`` beside them.

python -m benchmarks.embedded.evaluate [encoder|apprentice|master ...] [--folder DIR] [--count 2000]
"""

from __future__ import annotations

import argparse
import io
import json
import os
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.embedded import digits, easy, emoji, phrasing, scenes
from benchmarks.embedded.encoder import Encoder, replace
from benchmarks.embedded.turns import Turn, messages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image

EMBEDDED: Final = Path(__file__).parents[2] / "kernel_ext" / "perdure" / "cot" / "embedded"
BATCH: Final = 50
ASKED: Final = "What is this called?"


class Tests:
    """Conversations of the test splits, the last turn of each being the question; the same at each call."""

    def __init__(self, count: int) -> None:
        rng = np.random.default_rng(5)
        self.pictures: list[np.ndarray] = []
        self.sets: dict[str, list[list[Turn]]] = {}
        for task, turns in (
            ("easy", self._easy(rng, count)),
            ("scenes", self._scenes(count)),
            ("digits", self._digits(rng)),
        ):
            self.sets[f"{task} bare"] = [[turn] for turn in turns]
            for shown in (1, 4) if task != "digits" else ():
                self.sets[f"{task} behind {shown} random"] = [
                    [*(turns[int(n)] for n in rng.choice(len(turns), shown, replace=False)), turn] for turn in turns
                ]
        drawn = {c: [self._add(emoji.picture(c, v)) for v in ("noto", "twemoji")] for c in emoji.concepts()}
        self.sets["trained names bare"] = [[Turn(drawn[c][1], ASKED, c.name)] for c in emoji.train()]
        new = emoji.held_out()
        kinds: dict[str, list[emoji.Concept]] = defaultdict(list)
        for concept in new:
            kinds[concept.group].append(concept)
        self.sets["new names bare"] = [[Turn(drawn[c][1], ASKED, c.name)] for c in new]
        for shown in (1, 2, 4):
            self.sets[f"new names, right one among {shown}"] = [
                self._named(drawn, c, rng.choice([o for o in new if o is not c], shown - 1, replace=False), rng)
                for c in new
            ]
        self.sets["new names, right one among 4 of its kind"] = [
            self._named(drawn, c, rng.permutation([o for o in kinds[c.group] if o is not c])[:3], rng)
            for c in new
            if len(kinds[c.group]) >= 4
        ]
        self.sets = {name: conversations[:count] for name, conversations in self.sets.items()}

    def _add(self, image: Image) -> int:
        self.pictures.append(np.asarray(image, dtype=np.uint8))
        return len(self.pictures) - 1

    def _easy(self, rng: np.random.Generator, count: int) -> list[Turn]:
        rows = easy.questions("test")
        numbers = {number: self._add(easy.picture(number, "test")) for number in easy.pictures("test")}
        picked = [rows[int(n)] for n in rng.choice(len(rows), count, replace=False)]
        return [Turn(numbers[row.picture], row.text, row.answer) for row in picked]

    def _scenes(self, count: int) -> list[Turn]:
        turns: list[Turn] = []
        for seed in range(count):
            index = self._add(scenes.draw(scenes.scene(seed, "test")))
            turns += [Turn(index, asked.text, asked.answer) for asked in scenes.questions(seed, "test", 4)]
        return turns[:count]

    def _digits(self, rng: np.random.Generator) -> list[Turn]:
        turns = []
        for number, label in enumerate(digits.labels("test")):
            text, answer = digits.questions(label, rng)[number % 4]
            turns.append(Turn(self._add(digits.picture(number, "test")), text, answer))
        return turns

    @staticmethod
    def _named(
        drawn: dict[emoji.Concept, list[int]],
        right: emoji.Concept,
        others: Sequence[emoji.Concept],
        rng: np.random.Generator,
    ) -> list[Turn]:
        shown = [right, *others]
        examples = [Turn(drawn[shown[int(n)]][0], ASKED, shown[int(n)].name) for n in rng.permutation(len(shown))]
        return [*examples, Turn(drawn[right][1], ASKED, right.name)]


def model_scores(folder: Path, tests: Tests, device: str) -> dict[str, Any]:
    """Accuracy of a model on each set: the share of answers that are right word for word."""
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    model = (
        AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
        .to(device)
        .eval()
    )
    processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
    scores: dict[str, Any] = {"parameters": sum(value.numel() for value in model.parameters())}
    for name, conversations in tests.sets.items():
        right = 0
        for first in range(0, len(conversations), BATCH):
            some = conversations[first : first + BATCH]
            inputs = processor.apply_chat_template(
                [messages(turns, tests.pictures) for turns in some],
                add_generation_prompt=True,
                tokenize=True,
                return_dict=True,
                return_tensors="pt",
                processor_kwargs={"padding": True},
            ).to(device)
            with torch.inference_mode():
                made = model.generate(**inputs, max_new_tokens=20, do_sample=False)
            said = processor.batch_decode(made[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
            right += sum(text.strip() == turns[-1].answer for text, turns in zip(said, some, strict=True))
        scores[name] = round(right / len(conversations), 4)
        print(folder.name, name, scores[name], flush=True)
    return scores


def baselines(tests: Tests) -> dict[str, dict[str, float]]:
    """What the commonest answer gives, and the commonest answer to each question, as counted in the training splits."""
    known: dict[str, list[tuple[str, str]]] = {
        "easy": [(row.text, row.answer) for row in easy.questions("train")],
        "scenes": [(a.text, a.answer) for seed in range(16_000) for a in scenes.questions(seed, "train", 8)],
    }
    found = {}
    for task, rows in known.items():
        overall = Counter(answer for _, answer in rows)
        by_question: dict[str, Counter[str]] = defaultdict(Counter)
        for text, answer in rows:
            by_question[text][answer] += 1
        turns = [turns[-1] for turns in tests.sets[f"{task} bare"]]
        most = overall.most_common(1)[0][0]
        found[task] = {
            "majority": round(float(np.mean([turn.answer == most for turn in turns])), 4),
            "question only": round(
                float(
                    np.mean([by_question.get(turn.text, overall).most_common(1)[0][0] == turn.answer for turn in turns])
                ),
                4,
            ),
        }
    return found


def encoder_scores(folder: Path) -> dict[str, float]:
    """How often the nearest is the right one, for drawings, copies, names and wordings."""
    encoder = Encoder(folder)
    scores: dict[str, float] = {"parameters": sum(value.numel() for value in encoder.model.parameters())}
    for label, concepts in (("new", emoji.held_out()), ("trained", emoji.train())):
        noto, twemoji = ([emoji.picture(concept, vendor) for concept in concepts] for vendor in ("noto", "twemoji"))
        base = encoder.pictures(noto)
        scores[f"{label} concepts, other vendor's drawing is nearest"] = _first(encoder.pictures(twemoji) @ base.T)
        scores[f"{label} concepts, other vendor's drawing is among 5 nearest"] = _first(
            encoder.pictures(twemoji) @ base.T, 5
        )
        names = encoder.texts([concept.name for concept in concepts])
        scores[f"{label} concepts, own name is nearest"] = _first(base @ names.T)
        if label == "new":
            for change, altered in _COPIES.items():
                scores[f"copies, {change}, original is nearest"] = _first(
                    encoder.pictures([altered(p) for p in noto]) @ base.T
                )
    first, second = [], []
    for wordings in (phrasing.NAMING, phrasing.DIGIT, phrasing.EVEN, phrasing.ODD, *phrasing.EASY):
        first.append(wordings[0])
        second.append(wordings[1])
    for things in ("red circles", "blue stars", "yellow rings", "squares", "green crosses"):
        thing = things.removesuffix("es") if things.endswith("sses") else things.removesuffix("s")
        for wordings in (phrasing.COUNT, phrasing.EXISTS, phrasing.ABSENT, phrasing.COLOUR):
            slots = {"things": things, "thing": thing, "a_thing": phrasing.article(thing)}
            first.append(wordings[0].format(**slots))
            second.append(wordings[-1].format(**slots))
    scores["paraphrase is nearest"] = _first(encoder.texts(first) @ encoder.texts(second).T)
    return scores


def _first(scores: Any, among: int = 1) -> float:
    best = scores.topk(among, dim=1).indices
    right = best == np.arange(len(best))[:, None]
    return round(float(np.asarray(right).any(axis=1).mean()), 4)


def _jpeg(image: Image) -> Image:
    from PIL import Image as Images

    out = io.BytesIO()
    image.save(out, "JPEG", quality=60)
    return Images.open(out).convert("RGB")


_COPIES: Final = {
    "JPEG quality 60": _jpeg,
    "made smaller by half": lambda image: image.resize((32, 32)),
    "cropped by 4 pixels on each side": lambda image: image.crop((4, 4, 60, 60)),
}


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["encoder", "apprentice", "master"])
    parser.add_argument("--folder", type=Path, default=EMBEDDED)
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch

    from perdure.cot.models.torchvision_ops import make_importable

    make_importable()
    torch.set_num_threads(1)
    path = given.folder / "evaluation.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    tests = Tests(given.count)
    for name in given.models:
        if name == "encoder":
            found[name] = encoder_scores(given.folder / name)
            print(json.dumps(found[name], indent=1))
        else:
            found[name] = model_scores(given.folder / name, tests, given.device)
        replace(path, json.dumps(found, indent=2).encode())
    found["baselines"] = baselines(tests)
    found["questions"] = {name: len(conversations) for name, conversations in tests.sets.items()}
    replace(path, json.dumps(found, indent=2).encode())


if __name__ == "__main__":
    main()
