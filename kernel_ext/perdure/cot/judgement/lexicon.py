"""The English words that `perdure.cot.judgement.wording` knows. Short on purpose: a word that isn't here must be the same in both questions."""

from __future__ import annotations

from typing import Final

_UNITS: Final = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
NUMBERS: Final = {word: value for value, word in enumerate(_UNITS.split())}
"""Number words under twenty."""
TENS: Final = {
    word: 10 * value for value, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}
"""Twenty to ninety."""
_ORDINALS: Final = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
ORDINALS: Final = {word: value for value, word in enumerate(_ORDINALS.split(), 1)}
"""Ordinals as words."""

_GROUPS: Final = (
    "colour color",
    "colours colors",
    "grey gray",
    "big large",
    "bigger larger",
    "biggest largest",
    "little small",
    "smaller littler",
    "smallest littlest",
    "car automobile",
    "cars automobiles",
    "bicycle bike",
    "bicycles bikes",
    "airplane aeroplane",
    "airplanes aeroplanes",
    "television tv",
    "kid child",
    "kids children",
    "people persons",
    "object item thing",
    "objects items things",
    "below beneath underneath",
    "inside within",
)
SYNONYMS: Final = {word: group.split()[0] for group in _GROUPS for word in group.split()[1:]}
"""The first word of its group for each further one."""

CONTRACTIONS: Final = {
    **{f"{verb}n't": [verb, "not"] for verb in "is are was were do does did has have had could would should".split()},
    "can't": ["can", "not"],
    "cannot": ["can", "not"],
    "won't": ["will", "not"],
    "what's": ["what", "is"],
    "who's": ["who", "is"],
    "where's": ["where", "is"],
    "how's": ["how", "is"],
    "there's": ["there", "is"],
    "it's": ["it", "is"],
    "that's": ["that", "is"],
    "i'd": ["i", "would"],
}
"""Contractions, in full."""

NEGATIONS: Final = frozenset(
    "no not never none nothing nobody neither nor without lacks lack lacking missing absent except but excluding unless".split()
)
"""Words that turn a question round."""

_PAIRS: Final = (
    "left right",
    "above below",
    "above under",
    "over under",
    "top bottom",
    "upper lower",
    "up down",
    "more fewer",
    "more less",
    "most least",
    "most fewest",
    "first last",
    "before after",
    "bigger smaller",
    "biggest smallest",
    "big little",
    "taller shorter",
    "tallest shortest",
    "tall short",
    "longer shorter",
    "longest shortest",
    "long short",
    "higher lower",
    "highest lowest",
    "older younger",
    "oldest youngest",
    "old young",
    "old new",
    "nearer farther",
    "nearest farthest",
    "closer farther",
    "closest farthest",
    "inside outside",
    "in out",
    "open closed",
    "open shut",
    "on off",
    "full empty",
    "front behind",
    "before-of behind",
    "same different",
    "dark bright",
    "dark light",
    "darker lighter",
    "darkest lightest",
    "wet dry",
    "hot cold",
    "all any",
    "every any",
    "all some",
    "with without",
    "clockwise counterclockwise",
    "horizontal vertical",
    "north south",
    "east west",
    "enable disable",
    "black white",
    "male female",
    "man woman",
    "many few",
    "at-least at-most",
    "minimum maximum",
    "start end",
    "enter leave",
    "smiling frowning",
    "happy sad",
)


def _opposites() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for pair in _PAIRS:
        one, other = pair.split()
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return {word: frozenset(others) for word, others in found.items()}


OPPOSITES: Final = _opposites()
"""The opposites of a word. They only give the reason: any two different words keep questions apart."""

ATTRIBUTES: Final = frozenset("colour shape size material brand breed pattern height width age".split())
"""What is asked of one thing: "what X is Y" and "what is the X of Y" are one."""

COLOURS: Final = frozenset(
    "red orange yellow green blue purple violet pink brown black white grey cyan turquoise teal magenta beige gold golden silver maroon navy lime "
    "olive crimson indigo tan cream colour colours coloured colored colourful colorful dark darker darkest light lighter lightest bright brighter "
    "brightest pale shade shades hue tint tone lit day night sunny ripe".split()
)
"""Words that make an answer depend on colours or on light."""
SIDES: Final = frozenset(
    "left right leftmost rightmost side sides east west clockwise counterclockwise anticlockwise where direction way facing face faces faced toward "
    "towards point points pointing pointed heading turn turned turning mirror mirrored mirrored flipped read reads reading say says said written write "
    "text word words letter letters letter-a spell spelled number numbers digit digits sign plate label title caption name named time clock hour "
    "hours minute minutes o'clock hand hands order sequence before-of before after next last start starts end ends corner diagonal slope rising falling "
    "increasing decreasing flag country map position located location beside between near nearest closest sideways orientation handed".split()
)
"""Words that make an answer depend on which side is which, on order or on text: what a mirror changes."""
