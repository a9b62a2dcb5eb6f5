"""Questions about drawings, each in several wordings, with its negated, reversed and re-numbered neighbours. The truth is computed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.nearby.drawings import Drawing, Thing, named

Truth = Callable[[Drawing], str]

#: The share of questions worded in each way; "as it was" is the first wording.
SHARES = {"as it was": 0.5, "paraphrased": 0.28, "negated": 0.07, "reversed": 0.08, "re-numbered": 0.07}


@dataclass
class Ask:
    """One question: wordings that mean the same, and what the master says."""

    wordings: tuple[str, ...]
    truth: Truth
    twists: dict[str, Ask] = field(default_factory=dict)
    """The questions that look like it and ask something else, by how they were made."""


def _plural(kind: str) -> str:
    if kind == "shelf":
        return "shelves"
    return {"box": "boxes", "cross": "crosses", "fish": "fish"}.get(kind, f"{kind}s")


def _yes(said: bool) -> str:
    return "yes" if said else "no"


def _of(drawing: Drawing, kind: str, colour: str | None = None) -> list[Thing]:
    return [thing for thing in drawing.things if thing.kind == kind and (colour is None or thing.colour == colour)]


def _count(kind: str) -> Ask:
    many = _plural(kind)
    wordings = (
        f"How many {many} are there?",
        f"Count the {many}.",
        f"What is the number of {many}?",
        f"How many {many} are in the picture?",
        f"How many {many} can you see?",
        f"Please tell me how many {many} there are.",
        f"how many {many} are shown",
        f"Give the total number of {many} in this image.",
        f"What's the {kind} count?",
    )
    return Ask(wordings, lambda drawing: str(len(_of(drawing, kind))))


def _count_coloured(kind: str, colour: str) -> Ask:
    many = _plural(kind)
    ask = Ask(
        (
            f"How many {colour} {many} are there?",
            f"Count the {colour} {many}.",
            f"How many {colour} {many} do you see?",
            f"How many {colour} {many} does the picture show?",
            f"How many of the {many} are {colour}?",
        ),
        lambda drawing: str(len(_of(drawing, kind, colour))),
    )
    ask.twists["negated"] = Ask(
        (f"How many {many} are not {colour}?", f"How many {many} are there that are not {colour}?"),
        lambda drawing: str(len(_of(drawing, kind)) - len(_of(drawing, kind, colour))),
    )
    return ask


def _exists(kind: str, colour: str) -> Ask:
    many = _plural(kind)
    ask = Ask(
        (
            f"Is there a {colour} {kind}?",
            f"Are there any {colour} {many}?",
            f"Do you see a {colour} {kind}?",
            f"Is there a {colour} {kind} in the picture?",
            f"Can you see any {colour} {many}?",
            f"Does the image contain a {colour} {kind}?",
            f"Is any of the {many} {colour}?",
        ),
        lambda drawing: _yes(bool(_of(drawing, kind, colour))),
    )
    none = Ask(
        (
            f"Is there no {colour} {kind}?",
            f"Are there no {colour} {many}?",
            f"Is it true that there isn't a {colour} {kind}?",
        ),
        lambda drawing: _yes(not _of(drawing, kind, colour)),
    )
    ask.twists["negated"] = none
    return ask


def _number(kind: str, number: int) -> Ask:
    many = _plural(kind)

    def made(of: int) -> Ask:
        words = "zero one two three four five six seven eight nine ten eleven twelve".split()
        said = words[of] if of < len(words) else str(of)
        return Ask(
            (
                f"Are there {of} {many}?",
                f"Are there {said} {many}?",
                f"Are there {said} {many} in the picture?",
                f"Do you count {of} {many}?",
            ),
            lambda drawing: _yes(len(_of(drawing, kind)) == of),
        )

    ask = made(number)
    ask.twists["re-numbered"] = made(number + 1)
    return ask


def _more(kind: str, other: str) -> Ask:
    one, two = _plural(kind), _plural(other)

    def made(first: str, second: str, one: str, two: str) -> Ask:
        return Ask(
            (
                f"Are there more {one} than {two}?",
                f"Are there more {one} than {two} in the image?",
                f"Do the {one} outnumber the {two}?",
            ),
            lambda drawing: _yes(len(_of(drawing, first)) > len(_of(drawing, second))),
        )

    ask = made(kind, other, one, two)
    ask.twists["reversed"] = made(other, kind, two, one)
    ask.twists["negated"] = Ask(
        (f"Are there fewer {one} than {two}?",),
        lambda drawing: _yes(len(_of(drawing, kind)) < len(_of(drawing, other))),
    )
    return ask


def _colour_of(kind: str) -> Ask:
    def truth(drawing: Drawing) -> str:
        found = Counter(thing.colour for thing in _of(drawing, kind))
        return " and ".join(sorted(found)) or "there is none"

    return Ask(
        (
            f"What colour is the {kind}?",
            f"What color is the {kind}?",
            f"What is the colour of the {kind}?",
            f"What is the color of the {kind} in the picture?",
            f"Which colour does the {kind} have?",
            f"Tell me what colour the {kind} is.",
            f"The {kind} is what colour?",
        ),
        truth,
    )


def _background() -> Ask:
    wordings = (
        "What colour is the background?",
        "What is the color of the background?",
        "Which colour does the background have?",
    )
    return Ask(wordings, lambda drawing: named(drawing.background))


def _beside(kind: str, other: str) -> Ask:
    def made(first: str, second: str, side: str) -> Ask:
        def truth(drawing: Drawing) -> str:
            one, two = _of(drawing, first), _of(drawing, second)
            if not one or not two:
                return "they aren't both there"
            return _yes(one[0].x < two[0].x if side == "left" else one[0].x > two[0].x)

        return Ask(
            (
                f"Is the {first} to the {side} of the {second}?",
                f"Is the {first} {side} of the {second}?",
                f"In the picture, is the {first} to the {side} of the {second}?",
                f"Does the {first} lie {side} of the {second}?",
            ),
            truth,
        )

    ask = made(kind, other, "left")
    ask.twists["reversed"] = made(other, kind, "left")
    ask.twists["negated"] = made(kind, other, "right")
    return ask


def _outermost() -> Ask:
    def made(side: str) -> Ask:
        def truth(drawing: Drawing) -> str:
            if not drawing.things:
                return "nothing"
            small = [thing for thing in drawing.things if thing.width < 0.4] or list(drawing.things)
            pick = min if side == "left" else max
            thing = pick(small, key=lambda found: found.x)
            return f"{thing.colour} {thing.kind}"

        return Ask(
            (
                f"What is the thing furthest to the {side}?",
                f"What's the thing furthest to the {side}?",
                f"Name the object furthest {side}.",
            ),
            truth,
        )

    ask = made("left")
    ask.twists["reversed"] = made("right")
    return ask


def _flag() -> Ask:
    def truth(drawing: Drawing) -> str:
        # The name of a flag is its design: what is where, in which colour.
        parts = [f"{thing.kind} {thing.colour} {round(thing.x * 6)} {round(thing.y * 6)}" for thing in drawing.things]
        return "flag of " + ", ".join(parts)

    return Ask(
        (
            "Which country's flag is this?",
            "What country's flag is this?",
            "Which country's flag is shown?",
            "Which country's flag is shown in the image?",
            "Tell me which country's flag this is.",
            "What country does this flag belong to?",
        ),
        truth,
    )


def _first_stripe() -> Ask:
    def made(last: bool) -> Ask:
        def truth(drawing: Drawing) -> str:
            stripes = sorted(_of(drawing, "stripe"), key=lambda thing: (thing.y, thing.x))
            return stripes[-1 if last else 0].colour if stripes else "there is none"

        word = "last" if last else "first"
        return Ask(
            (
                f"What colour is the {word} stripe?",
                f"What color is the {word} stripe?",
                f"What is the colour of the {word} stripe?",
                f"What colour is the {word} stripe in the picture?",
            ),
            truth,
        )

    ask = made(last=False)
    ask.twists["re-numbered"] = made(last=True)
    return ask


_FACING = {
    "clock": (
        "What time does the clock show?",
        "Which time does the clock show?",
        "What time does the clock show in this picture?",
        "What time is it?",
    ),
    "arrow": (
        "Which way does the arrow point?",
        "What way does the arrow point?",
        "Please tell me which way does the arrow point",
        "Where is the arrow pointing?",
    ),
    "face": ("Is the face smiling?", "Is the face smiling in the picture?", "Does the face smile?"),
    "fish": ("Which way does the fish swim?", "What way does the fish swim?", "In which direction does the fish swim?"),
    "gauge": ("What does the gauge read?", "What does the gauge read in this image?", "What is the gauge's reading?"),
}


def _facing(kind: str) -> Ask:
    def truth(drawing: Drawing) -> str:
        found = _of(drawing, kind)
        if kind == "face":
            return _yes(bool(found) and found[0].faces == "smiling")
        return found[0].faces if found else "there is none"

    ask = Ask(_FACING[kind], truth)
    if kind == "face":
        ask.twists["negated"] = Ask(("Is the face not smiling?",), lambda drawing: _yes(truth(drawing) == "no"))
        ask.twists["reversed"] = Ask(
            ("Is the face frowning?", "Is the face frowning in the picture?"),
            lambda drawing: _yes(truth(drawing) == "no"),
        )
    return ask


def questions(drawing: Drawing, rng: random.Random, number: int) -> list[Ask]:
    """What people ask about a drawing, the likelier first."""
    kinds = Counter(thing.kind for thing in drawing.things)
    single = [kind for kind, times in kinds.items() if times == 1 and kind not in {"wall", "case", "pole"}]
    found: list[Ask] = [_facing(kind) for kind in _FACING if kinds[kind] == 1]
    if drawing.family == "flag":
        found += [_flag(), _first_stripe()]
    for kind in rng.sample(sorted(kinds), min(3, len(kinds))):
        colour = rng.choice(_of(drawing, kind)).colour
        found += [_count(kind), _exists(kind, colour), _count_coloured(kind, colour), _number(kind, kinds[kind])]
    found += [_colour_of(kind) for kind in rng.sample(single, min(3, len(single)))]
    if len(single) > 1:
        found += [_beside(*rng.sample(single, 2)) for _ in range(2)]
    if len(kinds) > 1:
        found.append(_more(*rng.sample(sorted(kinds), 2)))
    found += [_background(), _outermost()]
    rng.shuffle(found)
    return found[:number]
