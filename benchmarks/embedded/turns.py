"""Conversations as token ids: what `perdure.cot.questions.prompting.prompt` and the saved chat template make of them, only faster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from benchmarks.embedded.tokenizer import ASSISTANT, END, IMAGE, PAD, USER, tokenizer
from perdure.cot.picture import Picture
from perdure.cot.questions.prompting import Shown, prompt
from perdure.cot.questions.question import question

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Turn:
    """A question about a picture, and the answer to learn; ``weight`` 0 if it can't be known."""

    picture: int
    text: str
    answer: str
    weight: float = 1.0
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Conversations in tensors."""

    ids: Tensor
    pictures: Tensor
    """One for each run of image tokens, row by row."""
    places: Tensor
    """Flat places whose hidden state must tell the next token."""
    targets: Tensor
    weights: Tensor
    turns: Tensor
    """The number of the turn that each target belongs to."""


class Assembler:
    """Turns conversations into batches."""

    def __init__(self, tokens_per_picture: int) -> None:
        words = tokenizer()
        self._words = words
        self._user, self._image, self._assistant, self._end, self._pad = (
            words.token_to_id(token) for token in (USER, IMAGE, ASSISTANT, END, PAD)
        )
        self._eye = [self._user] + [self._image] * tokens_per_picture
        self._known: dict[str, list[int]] = {}

    def ids(self, text: str) -> list[int]:
        """Token ids of a text, remembered."""
        found = self._known.get(text)
        if found is None:
            if len(self._known) > 200_000:
                self._known.clear()
            found = self._known[text] = self._words.encode(text, add_special_tokens=False).ids
        return found

    def row(self, turns: Sequence[Turn]) -> tuple[list[int], list[tuple[int, int, int]]]:
        """A conversation's ids, and (turn, first place, last place + 1) of each answer with its end."""
        ids: list[int] = []
        answers = []
        for number, turn in enumerate(turns):
            ids += self._eye
            ids += self.ids(asked(turn.text, turn.choices))
            ids.append(self._assistant)
            start = len(ids)
            ids += self.ids(turn.answer)
            ids.append(self._end)
            answers.append((number, start, len(ids)))
        return ids, answers

    def batch(self, conversations: Sequence[Sequence[Turn]]) -> Batch:
        """Padded to the longest."""
        import torch

        rows = [self.row(turns) for turns in conversations]
        length = max(len(ids) for ids, _ in rows)
        places, targets, weights, turns, before = [], [], [], [], 0
        for index, ((ids, answers), conversation) in enumerate(zip(rows, conversations, strict=True)):
            for number, start, stop in answers:
                turn = conversation[number]
                if turn.weight > 0:
                    places += range(index * length + start - 1, index * length + stop - 1)
                    targets += ids[start:stop]
                    weights += [turn.weight] * (stop - start)
                    turns += [before + number] * (stop - start)
            before += len(conversation)
        return Batch(
            torch.tensor([ids + [self._pad] * (length - len(ids)) for ids, _ in rows]),
            torch.tensor([turn.picture for conversation in conversations for turn in conversation]),
            torch.tensor(places),
            torch.tensor(targets),
            torch.tensor(weights),
            torch.tensor(turns),
        )


@lru_cache(maxsize=100_000)
def asked(text: str, choices: tuple[str, ...]) -> str:
    """The words of a user's turn, as `prompt` has them."""
    words = prompt(question(text, choices=choices or None), reason=False)[-1].parts[-1]
    assert isinstance(words, str)
    return words


def messages(turns: Sequence[Turn], images: Sequence[Any]) -> list[dict[str, Any]]:
    """The conversation that asks the last turn, the others being examples, through `prompt`, as a chat template takes it.

    ``images`` are arrays of bytes, numbered as the turns have them.
    """
    from PIL import Image

    pictures = [Picture(Image.fromarray(images[turn.picture])) for turn in turns]
    shown = [
        Shown((picture,), turn.text, turn.choices, turn.answer)
        for picture, turn in zip(pictures[:-1], turns, strict=False)
    ]
    asking = question(turns[-1].text, pictures[-1:], choices=turns[-1].choices or None)
    return [
        {
            "role": turn.role,
            "content": [
                {"type": "text", "text": part} if isinstance(part, str) else {"type": "image", "image": part.image}
                for part in turn.parts
            ],
        }
        for turn in prompt(asking, shown, reason=False)
    ]


def check(assembler: Assembler, processor: Any, conversations: Sequence[Sequence[Turn]], images: Sequence[Any]) -> None:
    """Make sure that what is trained is what is asked."""
    for turns in conversations:
        said = processor.apply_chat_template(
            messages(turns, images), add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        )
        ids, answers = assembler.row(turns)
        if said["input_ids"][0].tolist() != ids[: answers[-1][1]]:
            raise AssertionError(f"The chat template gives other tokens than the training: {turns}")
