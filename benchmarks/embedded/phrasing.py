"""The questions in several wordings each. Two wordings of one list mean the same."""

from __future__ import annotations

from typing import Final

NAMING: Final = (
    "What is this called?",
    "What is this?",
    "What does this picture show?",
    "What is shown here?",
    "Name this.",
    "What do you call this?",
    "What is the name of this?",
    "Which thing is this?",
    "What can be seen in this picture?",
    "Can you name what is drawn here?",
)
DIGIT: Final = (
    "What digit is this?",
    "Which digit is shown?",
    "What number is written here?",
    "Which number do you see?",
    "Read the digit.",
)
EVEN: Final = ("Is this number even?", "Is the digit even?", "Is an even number written here?")
ODD: Final = ("Is this number odd?", "Is the digit odd?", "Is an odd number written here?")
OVER: Final = ("Is the digit greater than {n}?", "Is this number larger than {n}?", "Is the number above {n}?")

COUNT: Final = (
    "How many {things} are there?",
    "How many {things} do you see?",
    "What is the number of {things}?",
    "Count the {things}.",
    "How many {things} are in the picture?",
)
EXISTS: Final = (
    "Is there {a_thing}?",
    "Is there {a_thing} in the picture?",
    "Do you see {a_thing}?",
    "Does the picture show {a_thing}?",
    "Can {a_thing} be seen?",
)
ABSENT: Final = (
    "Is there no {thing}?",
    "Is there no {thing} in the picture?",
    "Is the picture without {a_thing}?",
)
COLOUR: Final = (
    "What color is the {thing}?",
    "Which color does the {thing} have?",
    "What is the color of the {thing}?",
    "The {thing} has what color?",
)
SHAPE: Final = (
    "What shape is the {thing}?",
    "Which shape does the {thing} have?",
    "What is the shape of the {thing}?",
)
LEFT: Final = (
    "Is the {one} left of the {two}?",
    "Is the {one} to the left of the {two}?",
    "Is the {one} further left than the {two}?",
)
RIGHT: Final = (
    "Is the {one} right of the {two}?",
    "Is the {one} to the right of the {two}?",
    "Is the {one} further right than the {two}?",
)
ABOVE: Final = ("Is the {one} above the {two}?", "Is the {one} higher than the {two}?", "Is the {one} over the {two}?")
BELOW: Final = ("Is the {one} below the {two}?", "Is the {one} lower than the {two}?", "Is the {one} under the {two}?")
MORE: Final = ("Are there more {ones} than {twos}?", "Do you see more {ones} than {twos}?")
FEWER: Final = ("Are there fewer {ones} than {twos}?", "Do you see fewer {ones} than {twos}?")
LARGEST: Final = ("What color is the largest shape?", "Which color does the biggest shape have?")
"""Of scenes in which one shape alone is large."""
EASY: Final = (
    ("what color is the shape?", "what is the color of the shape?", "which color does the shape have?"),
    ("what shape is in the image?", "what shape is present?", "what shape does the image contain?"),
)


def article(noun: str) -> str:
    """The noun with "a" or "an"."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
