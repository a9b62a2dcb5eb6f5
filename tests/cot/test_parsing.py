"""Replies as models write them, the messy ones too, and what counts as the same answer."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from perdure.cot.questions.question import AnswerFormat, Question, question
from perdure.cot.replies.parsing import parse, ready, reduced, same
from perdure.errors import UnusableReply, UsageError

ANIMALS = ("dog", "Cat", "black cat")
LETTERS = ("A", "B", "C")
TEXT = question("What is it?")
NUMBER = question("How many?", format="number")
BOOL = question("Is it?", format="bool")
JSON = question("What is there?", format="json")
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def refused(reply: str, asked: Question) -> str:
    with pytest.raises(UnusableReply) as caught:
        parse(reply, asked)
    return str(caught.value)


def of(*choices: str) -> Question:
    return question("Which is it?", choices=choices)


# -- choices ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "meant"),
    [
        ("Cat", "Cat"),
        ("cat", "Cat"),
        ("CAT!!!", "Cat"),
        ("The answer is: Cat.", "Cat"),
        ("**Cat**", "Cat"),
        ('"cat"', "Cat"),
        ("`dog`", "dog"),
        ("Cat\n\nThe ears are pointed.", "Cat"),
        ("It is a black cat.", "black cat"),
        ("a black-cat", "black cat"),
        ("It's a cat, not a dog.", "Cat"),
        ("a cat not a dog", "Cat"),
        ("a dog (not a cat)", "dog"),
        ("It is not a cat but a dog", "dog"),
        ("Both a cat and a dog are there. Answer: dog", "dog"),
        ("B", "Cat"),
        ("b", "Cat"),
        ("[A]", "dog"),
        ("(b) cat", "Cat"),
        ("B - cat", "Cat"),
        ("C. black cat", "black cat"),
        ("**Answer:** B", "Cat"),
        ("The answer is B because of the ears", "Cat"),
        ("B) Cat, because dogs have longer ears", "Cat"),
        ("B, because dogs don't", "Cat"),
        ("I'd choose option C.", "black cat"),
        ("The correct choice is (b).", "Cat"),
        ("A cat", "Cat"),
    ],
)
def test_a_choice_is_found_however_it_is_said(reply: str, meant: str) -> None:
    assert parse(reply, of(*ANIMALS)) == meant


@pytest.mark.parametrize(
    "reply",
    [
        "bird",
        "cats",
        "catalogue",
        "D",
        "cat or dog",
        "neither cat nor dog",
        "It is not a dog",
        "The dog is not there",
        "I can't tell if it is a cat",
        "Dog. Not sure, though",
        "(b) dog",
        "B: The answer is dog",
        "A, B",
        "(A) and (B)",
        "B and also (a)",
        "Not A",
        "not option B",
        "Answer: (a) or (b)",
    ],
)
def test_a_choice_that_is_not_clear_is_refused(reply: str) -> None:
    refused(reply, of(*ANIMALS))


@pytest.mark.parametrize(
    ("choices", "reply", "meant"),
    [
        (LETTERS, "b", "B"),
        (LETTERS, "The letter is A.", "A"),
        (LETTERS, "(C)", "C"),
        (LETTERS, "Option B", "B"),
        (LETTERS, "A cat", None),
        (LETTERS, "A or B", None),
        (LETTERS, "not B", None),
        (("C", "D", "x"), "C", "C"),
        (("C", "D", "x"), "A", None),
        (("C", "D", "x"), "(x)", "x"),
        (("C", "C++", "c"), "C++", "C++"),
        (("C", "C++", "c"), "c", "c"),
        (("C", "C++", "c"), "It's C++.", "C++"),
        (("yes", "no"), "Yes, there is no dog", "yes"),
        (("no", "yes"), "no", "no"),
        (("Yes", "No"), "not sure", None),
        (("not visible", "visible"), "It is not visible.", "not visible"),
        (("light-blue", "blue"), "light blue", "light-blue"),
        (("1", "2", "12"), "12", "12"),
        (("1", "2", "12"), "There are 2.", "2"),
        (("1", "2", "12"), "1.5", None),
        (("1", "2", "12"), "-1", None),
        (("1", "2", "12"), "A", "1"),
        (("unknown", "known"), "unknown", "unknown"),
        (("?", "!"), "!", "!"),
        (("\u732b", "\u72ac"), "\u732b\u3002", "\u732b"),
        (("\u732b", "\u72ac"), "B", "\u72ac"),
    ],
)
def test_options_that_are_letters_numbers_or_parts_of_each_other(
    choices: tuple[str, ...], reply: str, meant: str | None
) -> None:
    if meant is None:
        refused(reply, of(*choices))
    else:
        assert parse(reply, of(*choices)) == meant


@given(
    st.lists(st.text(min_size=1, max_size=12).map(str.strip).filter(bool), min_size=2, max_size=5, unique=True),
    st.data(),
)
def test_an_option_said_as_it_is_spelled_is_always_that_option(choices: list[str], data: st.DataObject) -> None:
    asked = of(*choices)
    option = data.draw(st.sampled_from(asked.choices))
    try:
        assert parse(f"  {option}\n", asked) == option
    except UnusableReply:
        assert not any(each.isprintable() and not each.isspace() for each in option)


# -- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        ("3", 3),
        ("There are 3.", 3),
        ("3.0", 3.0),
        (".5", 0.5),
        ("007", 7),
        ("+7", 7),
        ("-3", -3),
        ("\u22123", -3),
        ("-1,234", -1234),
        ("1,234", 1234),
        ("1\u202f234", 1234),
        ("1,234,567.5", 1234567.5),
        ("1.2e3", 1200.0),
        ("about 3 apples", 3),
        ("~3", 3),
        ("- 3 apples", 3),
        ("5kg", 5),
        ("5%", 5),
        ("5 percent", 5),
        ("$5.99", 5.99),
        ("2 + 3 = 5", 5),
        ("The answer is **42**.", 42),
        ("I see 3 red and 2 blue ones. Answer: 5", 5),
        ("B12 has 3 apples", 3),
        ("three", 3),
        ("Twenty", 20),
        ("twenty-one", 21),
        ("Ninety nine", 99),
        ("minus three", -3),
        ("3 (three)", 3),
        ("The one on the left shows 3", 3),
        ("one", 1),
    ],
)
def test_a_number_is_found_however_it_is_said(reply: str, value: float) -> None:
    parsed = parse(reply, NUMBER)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    "reply",
    [
        "none",
        "nan",
        "inf",
        "1e999",
        "9" * 400,
        "3 or 4",
        "10-20",
        "3\u20135",
        "between 3 and 5",
        "3/4",
        "3/3",
        "3:45",
        "2024-01-05",
        "1.2.3",
        "1,2",
        "0,500",
        "1 234",
        "5 \u00b1 1",
        "3+",
        "3 or more",
        "more than 3",
        "at least 3",
        "not 3",
        "3k",
        "3 million",
        "3 dozen",
        "two hundred",
        "two thirds",
        "1.5 and a half",
        "2\u00bd",
        "10\u00b2",
        "10^3",
        "m\u00b2",
        "B12",
        "GPT-4",
        "0x1F",
        "3rd",
        "no one",
        "one of the apples",
        "I'm not sure, maybe 3",
        "Answer: 3 apples and 2 pears",
    ],
)
def test_what_is_not_one_number_is_refused(reply: str) -> None:
    refused(reply, NUMBER)


@given(st.integers(-(10**30), 10**30))
def test_every_integer_is_read_back(value: int) -> None:
    assert parse(f"{value}", NUMBER) == value
    assert parse(f"The answer is {value:,}.", NUMBER) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_is_read_back(value: float) -> None:
    assert same(parse(repr(value), NUMBER), value, NUMBER)


# -- yes and no ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        ("yes", True),
        ("No.", False),
        ("TRUE", True),
        ("False, it is not", False),
        ("**Yes**", True),
        ('"no"', False),
        ("Yes, there is no dog", True),
        ("No there isn't", False),
        ("No, it's true that it was there", False),
        ("No - because", False),
        ("The answer is yes.", True),
        ("So the answer is no", False),
        ("I think it's true.", True),
    ],
)
def test_yes_and_no_are_found(reply: str, value: bool) -> None:
    assert parse(reply, BOOL) is value


@pytest.mark.parametrize(
    "reply",
    [
        "not sure",
        "I cannot tell. No",
        "maybe",
        "Maybe yes",
        "No idea",
        "No way to tell",
        "No one",
        "No dogs are visible",
        "There is no dog",
        "That is not true.",
        "yes and no",
        "yes\nno",
        "Yes or no",
        "True or false?",
        "Nothing",
        "yesterday",
        "1",
    ],
)
def test_what_is_not_a_plain_yes_or_no_is_refused(reply: str) -> None:
    refused(reply, BOOL)


# -- JSON ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ("```\n[1,\n2]\n```", [1, 2]),
        ('Sure:\n```json\n{"a": "{"}\n```\nDone.', {"a": "{"}),
        ('Here: {"a": [1]} as asked.', {"a": [1]}),
        ('{"a": "Answer: {x}"}', {"a": "Answer: {x}"}),
        ("3", 3),
        ('"x"', "x"),
        ("null", None),
    ],
)
def test_json_bare_fenced_or_with_words_around_it(reply: str, value: object) -> None:
    assert parse(reply, JSON) == value


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("nope", "none"),
        ('{"a": 1} {"b": 2}', "several"),
        ("```json\n1\n```\n```json\n2\n```", "several"),
        ('{"a": 1', "broken"),
        ('{"a": NaN}', "NaN"),
        ('{"a": 1, "a": 2}', "twice"),
        ("[" * 5000 + "]" * 5000, "deeply"),
        ("[" * 150 + "]" * 150, "deeply"),
        ('"\\ud800"', "character"),
        ("9" * 5000, ""),
    ],
)
def test_what_is_not_one_piece_of_json_is_refused_with_the_reason(reply: str, why: str) -> None:
    message = refused(reply, JSON)
    assert why in message
    assert len(message) < 500


def test_json_is_checked_against_the_schema() -> None:
    asked = question("How many?", schema=SCHEMA)
    ready(asked)
    assert parse('{"n": 1}', asked) == {"n": 1}
    assert "$.n" in refused('{"n": "1"}', asked)
    assert "'n' is a required property" in refused("{}", asked)


def test_a_schema_that_is_none_is_noticed_before_anything_is_asked() -> None:
    with pytest.raises(UsageError, match="no JSON schema"):
        ready(question("How many?", schema={"type": "whole"}))


def test_a_schema_fetches_nothing() -> None:
    asked = question("How many?", schema={"$ref": "http://127.0.0.1:9/schema.json"})
    with pytest.raises(UsageError, match="refers to"):
        parse("{}", asked)


# -- all of them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [TEXT, NUMBER, BOOL, JSON, of(*ANIMALS)], ids=lambda asked: asked.format)
@pytest.mark.parametrize("reply", ["", "  \n", "\u200b", "\x00", "\ud800"])
def test_an_empty_reply_is_refused(reply: str, asked: Question) -> None:
    refused(reply, asked)


def test_text_is_the_text_itself() -> None:
    assert parse(" A *red* cat.\n", TEXT) == "A *red* cat."
    assert parse("?", TEXT) == "?"


WORDS = st.sampled_from(
    [
        *"AaBbIi.,;:!?()[]{}*`'\"-=/+%\n",
        *"yes no not or and answer is option Answer: cat dog black 1 2 12 3.5 1,2 ``` ```json".split(),
    ]
)
REPLIES = st.one_of(
    st.text(max_size=60), st.lists(WORDS, max_size=12).map(" ".join), st.lists(WORDS, max_size=12).map("".join)
)


@given(
    REPLIES,
    st.sampled_from([TEXT, NUMBER, BOOL, JSON, of(*ANIMALS), of(*LETTERS), of("yes", "no"), of("1", "2", "12")]),
)
@example("\u0130", of("\u0130", "i"))
def test_any_reply_is_parsed_to_the_form_or_refused_in_a_sentence(reply: str, asked: Question) -> None:
    try:
        value = parse(reply, asked)
    except UnusableReply as error:
        value, message = None, str(error)
    else:
        message = ""
    if message:
        assert message.endswith(".")
        assert len(message) < 600
        return
    match asked.format:
        case AnswerFormat.TEXT:
            assert value
        case AnswerFormat.CHOICE:
            assert value in asked.choices
        case AnswerFormat.NUMBER:
            assert type(value) in {int, float}
            assert math.isfinite(value)
        case AnswerFormat.BOOL:
            assert type(value) is bool
        case AnswerFormat.JSON:
            json.dumps(value, allow_nan=False).encode()
    assert same(value, value, asked)


# -- the same answer -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A cat.", "cat"),
        ("The Cat", "a cat!"),
        ("two dogs", "2 dogs"),
        ("T-shirt", "t shirt"),
        ("1,234", "1234"),
        ("don't", "don\u2019t"),
        ("red, blue", "red blue"),
        ("**red**", "red"),
        ("caf\u00e9", "cafe\u0301"),
    ],
)
def test_text_that_says_the_same(one: str, other: str) -> None:
    assert same(one, other, TEXT)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cat", "cats"),
        ("3.5", "35"),
        ("3:45", "345"),
        ("-3", "3"),
        ("C++", "C"),
        ("$5", "5"),
        ("5%", "5"),
        ("vitamin A", "vitamin"),
        ("A", "the"),
        ("A", "B"),
        ("red", "not red"),
        ("A before B", "B before A"),
        ("caf\u00e9", "cafe"),
        ("\U0001f600", "\U0001f601"),
        ("?", "!"),
    ],
)
def test_text_that_says_another_thing(one: str, other: str) -> None:
    assert not same(one, other, TEXT)


@pytest.mark.parametrize(
    ("asked", "one", "other", "equal"),
    [
        (NUMBER, 3, 3.0, True),
        (NUMBER, 3, 4, False),
        (NUMBER, 10**6, 10**6 + 1, False),
        (NUMBER, 1.0, 1.0000001, True),
        (NUMBER, 1.0, 1.0001, False),
        (NUMBER, 10**400, 10**400, True),
        (NUMBER, 10**400, 1.0, False),
        (NUMBER, None, None, False),
        (BOOL, True, True, True),
        (BOOL, True, False, False),
        (of(*ANIMALS), "dog", "dog", True),
        (of("C", "c"), "C", "c", False),
        (JSON, {"a": [1, "The X"]}, {"a": [1.0000000001, "x"]}, True),
        (JSON, {"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        (JSON, {"a": 1}, {"A": 1}, False),
        (JSON, [1, 2], [2, 1], False),
        (JSON, True, 1, False),
        (JSON, "3", 3, False),
        (JSON, None, None, True),
    ],
)
def test_values_that_are_the_same_answer(asked: Question, one: Any, other: Any, equal: bool) -> None:
    assert same(one, other, asked) is equal
    assert same(other, one, asked) is equal


@given(st.text(max_size=30), st.text(max_size=30))
def test_being_the_same_text_is_symmetric_and_survives_reduction(one: str, other: str) -> None:
    assert same(one, one, TEXT)
    assert same(one, other, TEXT) == same(other, one, TEXT)
    assert reduced(one) == reduced(one.casefold())
