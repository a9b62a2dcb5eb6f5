from __future__ import annotations

import itertools
import time

import pytest

from perdure.cot.judgement.wording import Verdict, compare

PARAPHRASES = (
    ("How many dogs are there?", "Count the dogs.", "What is the number of dogs?", "how many dogs can you see", "Please count the dogs in the image."),
    ("How many red stars are there in total?", "Number of red stars?", "Tell me how many red stars there are.", "How many red stars does the picture show?"),
    ("What color is the car?", "What's the colour of the car", "Which colour does the car have?", "Tell me what color the car is"),
    ("Is there a red circle?", "Are there any red circles in this photo?", "Do you see a red circle?", "Does the image show a red circle?"),
    ("Which animal is this?", "What animal is shown in the picture?", "What animal do you see?"),
    ("Are there 3 stars?", "are there three stars", "Are there three stars in the picture?"),
    ("Is the circle to the left of the square?", "Is the circle left of the square?", "In the picture, is the circle to the left of the square?"),
    ("What is on the first shelf?", "What is on the 1st shelf?"),
    ("How many twenty-one signs are there?", "How many 21 signs are there?"),
    ("Where is the cat?", "In the image, where is the cat?"),
)  # fmt: skip

DIFFERENT = (
    ("Is there a dog?", "Is there no dog?", "one of them is negated"),
    ("Is there a dog?", "Isn't there a dog?", "one of them is negated"),
    ("How many dogs are black?", "How many dogs are not black?", "one of them is negated"),
    ("What can you eat with salt?", "What can you eat without salt?", "one of them is negated"),
    ("Is the circle left of the square?", "Is the square left of the circle?", "the order of the words differs"),
    ("Are there more dogs than cats?", "Are there more cats than dogs?", "the order of the words differs"),
    ("Did A come before B?", "Did B come before A?", "the order of the words differs"),
    ("Are there 3 stars?", "Are there 4 stars?", "the numbers differ"),
    ("Are there three stars?", "Are there four stars?", "the numbers differ"),
    ("Are there twenty one stars?", "Are there twenty two stars?", "the numbers differ"),
    ("What is on the first shelf?", "What is on the second shelf?", "the numbers differ"),
    ("What is 1.5 plus 2?", "What is 15 plus 2?", "the numbers differ"),
    ("Which is bigger, the cat or the dog?", "Which is smaller, the cat or the dog?", "they ask for opposites"),
    ("Is the door open?", "Is the door closed?", "they ask for opposites"),
    ("What is above the table?", "What is below the table?", "they ask for opposites"),
    ("What color is the car?", "What shape is the car?", "they ask for different things"),
    ("How many birds are there?", "How many birds are there in the tree?", "the words differ"),
    ("How many houses are there?", "What is the number of the house?", "the words differ"),
    ("What is in the photo on the wall?", "What is on the wall?", "the words differ"),
    ("How many legs does the dog have?", "How many legs do the dogs have?", "the words differ"),
    ("Is this a photo?", "Is this a picture?", "the words differ"),
    ("How many people are in the first picture?", "How many people are in the second picture?", "the numbers differ"),
    ("Is it 5' tall?", 'Is it 5" tall?', "the words differ"),
    ("What is 3-5?", "What is 3+5?", "the words differ"),
)  # fmt: skip

OTHER_LANGUAGES = (
    ("Wie viele Hunde sind links?", "Wie viele Hunde sind rechts?"),
    ("Ist das ein Hund?", "Ist das kein Hund?"),
    ("Was ist das?", "Ist das?"),
    ("¿Hay un perro?", "¿No hay un perro?"),
    ("左の犬は何色ですか?", "右の犬は何色ですか?"),
    ("Combien de chats y a-t-il ?", "Combien de chiens y a-t-il ?"),
)


@pytest.mark.parametrize("group", PARAPHRASES, ids=lambda group: group[0])
def test_paraphrases_are_known_in_both_directions(group: tuple[str, ...]) -> None:
    for one, other in itertools.permutations(group, 2):
        assert compare(one, other).verdict is Verdict.PARAPHRASE, (one, other)


@pytest.mark.parametrize(("one", "other", "reason"), DIFFERENT)
def test_what_asks_for_something_else_is_no_match_and_the_reason_is_told(one: str, other: str, reason: str) -> None:
    assert not compare(one, other)
    assert not compare(other, one)
    assert compare(one, other).reason == reason


def test_no_group_of_paraphrases_matches_another_one() -> None:
    for group, others in itertools.permutations(PARAPHRASES, 2):
        for one, other in itertools.product(group, others):
            assert not compare(one, other), (one, other)


@pytest.mark.parametrize(("one", "other"), OTHER_LANGUAGES)
def test_other_languages_pass_only_when_the_words_are_the_same(one: str, other: str) -> None:
    assert not compare(one, other)
    assert compare(one, f"  {one.upper()} !") or one.upper().casefold() != one.casefold()


def test_punctuation_spaces_and_capitals_are_the_same_words() -> None:
    assert compare("Is it  a cat, or a dog?", "is it a cat or a DOG").verdict is Verdict.SAME


def test_what_a_question_depends_on() -> None:
    assert compare("How many dogs are there?", "Count the dogs").counts
    assert compare("Is there a red car?", "Is there a red car").colours
    assert compare("What colour is it?", "What colour is it").colours
    assert compare("Is the cat left of the dog?", "Is the cat left of the dog").sides
    assert compare("What does the sign say?", "What does the sign say").sides
    assert not compare("How many dogs are there?", "Count the dogs").sides
    assert compare("Wie spät ist es?", "wie spät ist es").sides, "a language that it doesn't know: anything may matter"


def test_it_never_raises_and_long_texts_take_no_time() -> None:
    odd = [
        "",
        " ",
        "?",
        "\x00",
        "\ud800",
        "12-",
        "-'",
        "'s",
        "' '",
        "is",
        "how many",
        "a" * 1000,
        "🐶 🐱",
        "_",
        "1st",
        "twenty-",
        "-",
    ]
    for one, other in itertools.product(odd, odd):
        compare(one, other)
    began = time.perf_counter()
    long = "how many is the picture of " * 4_000
    assert compare(long, long).verdict is Verdict.SAME
    assert not compare(long, long[:-40])
    for text in ("how many " * 110, "in the picture " * 66, "please " * 140, "what is the colour of " * 45):
        compare(text, text[:-2])
    assert time.perf_counter() - began < 5
