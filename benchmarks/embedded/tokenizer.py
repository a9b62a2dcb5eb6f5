"""The small tokenizer that encoder, apprentice and master share: 2,000 byte-level BPE tokens, lower case."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.embedded import easy, emoji, phrasing, scenes

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENS: Final = 2_000
PAD: Final = "<pad>"
IMAGE: Final = "<image>"
USER: Final = "<user>"
ASSISTANT: Final = "<assistant>"
BEGIN: Final = "<begin>"
END: Final = "<end>"
"""Its id is the highest: open_clip takes the feature at the highest id."""
SPECIAL: Final = (PAD, IMAGE, USER, ASSISTANT, BEGIN, END)
CACHED: Final = Path(__file__).parents[2] / "build" / "embedded" / "tokenizer.json"


@cache
def tokenizer() -> Tokenizer:
    """The tokenizer, trained if it isn't there."""
    from tokenizers import Tokenizer

    if not CACHED.exists():
        CACHED.parent.mkdir(parents=True, exist_ok=True)
        train().save(str(CACHED))
    return Tokenizer.from_file(str(CACHED))


def train() -> Tokenizer:
    """Train it on the names that may be learned, our questions, and the English of Python's own documentation."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=TOKENS - len(SPECIAL), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    made.train_from_iterator(_corpus(), trainer)
    made.add_special_tokens(list(SPECIAL))
    return made


def _corpus() -> Iterator[str]:
    import pydoc_data.topics

    for concept in emoji.train():
        yield from [concept.name] * 8
    for asked in easy.questions("train")[:4_000]:
        yield asked.text
        yield asked.answer
    for seed in range(1_000):
        yield scenes.caption(scenes.scene(seed, "train"), scenes._rng(seed, "train", 2))  # noqa: SLF001 - one family
        for question in scenes.questions(seed, "train"):
            yield f"{question.text} {question.answer}"
    for words in (phrasing.NAMING, phrasing.DIGIT, phrasing.EVEN, phrasing.ODD, phrasing.OVER):
        for text in words:
            yield from [text] * 100
    yield from pydoc_data.topics.topics.values()
