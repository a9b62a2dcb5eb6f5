"""One question for every row of a DataFrame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from cot.painters import Painter, disc
from perdure.cot import Cot, Price, Prompt
from perdure.errors import UsageError

WHICH = "Which colour is the disc?"


@pytest.fixture
def master() -> Painter:
    return Painter("master")


@pytest.fixture
def cot(master: Painter) -> Iterator[Cot]:
    with Cot(master, None) as made:
        yield made


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    found = []
    for name in ("red", "blue", "red", "green"):
        found.append(str(tmp_path / f"{name}.png"))
        disc(name).save(found[-1])
    return found


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_a_column_of_paths_gets_a_column_of_answers(
    cot: Cot, master: Painter, files: list[str], library: object
) -> None:
    frame = library.DataFrame({"photo": files, "price": [1, 2, 3, 4]})
    result = cot.map(frame, WHICH, image="photo", out="colour", progress=False)
    assert type(result) is type(frame)
    assert list(result["colour"]) == ["red", "blue", "red", "green"]
    assert list(result.columns) == ["photo", "price", "colour"]
    assert "colour" not in frame.columns
    assert master.calls == 3


def test_a_row_that_fails_keeps_its_reason_and_the_others_their_answers(
    cot: Cot, files: list[str], tmp_path: Path
) -> None:
    (tmp_path / "torn.png").write_bytes(Path(files[0]).read_bytes()[:100])
    frame = pd.DataFrame({"photo": [files[0], str(tmp_path / "torn.png"), str(tmp_path / "none.png"), files[1]]})
    result = cot.map(frame, WHICH, image="photo", progress=False)
    assert [value if isinstance(value, str) else None for value in result["answer"]] == ["red", None, None, "blue"]
    assert "torn.png" in result["answer_error"][1]
    assert "none.png" in result["answer_error"][2]
    assert not result["answer_error"].notna()[0]


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_a_reason_goes_when_its_row_has_an_answer(cot: Cot, files: list[str], tmp_path: Path, library: object) -> None:
    late = [tmp_path / "late.png", tmp_path / "later.png"]
    frame = library.DataFrame({"photo": [files[0], *map(str, late)]})
    first = cot.map(frame, WHICH, image="photo", progress=False)
    assert [isinstance(reason, str) for reason in first["answer_error"]] == [False, True, True]
    disc("blue").save(late[0])
    second = cot.map(first, WHICH, image="photo", where=[False, True, False], progress=False)
    assert list(second["answer"])[:2] == ["red", "blue"]
    assert [isinstance(reason, str) for reason in second["answer_error"]] == [False, False, True]
    disc("green").save(late[1])
    third = cot.map(second, WHICH, image="photo", progress=False)
    assert list(third["answer"]) == ["red", "blue", "green"]
    assert list(third.columns) == ["photo", "answer"]
    assert "answer_error" in second.columns


def test_a_column_of_the_users_that_is_called_like_that_of_reasons_stays(cot: Cot, files: list[str]) -> None:
    frame = pd.DataFrame({"photo": files, "answer_error": [0.1, 0.2, 0.3, 0.4]})
    result = cot.map(frame, WHICH, image="photo", progress=False)
    assert list(result["answer_error"]) == [0.1, 0.2, 0.3, 0.4]


def test_columns_are_filled_into_the_question(cot: Cot, master: Painter, files: list[str]) -> None:
    frame = pd.DataFrame({"photo": files, "what.it.is": ["disc", "disc", "circle", "disc"]})
    cot.map(frame, "Which colour is the {what.it.is}? {{really}}", image="photo", progress=False)
    asked = {str(prompt[-1].parts[-1]) for prompt in master.prompts}
    assert asked == {"Which colour is the disc? {really}", "Which colour is the circle? {really}"}


def test_only_the_chosen_rows_are_asked_and_the_others_keep_what_they_had(
    cot: Cot, master: Painter, files: list[str]
) -> None:
    frame = pd.DataFrame({"photo": files, "answer": ["?", "?", "?", "?"]})
    result = cot.map(frame, WHICH, image="photo", where=[True, False, False, True], progress=False)
    assert list(result["answer"]) == ["red", "?", "?", "green"]
    assert master.calls == 2


def test_a_cap_is_kept_and_the_rest_goes_on_later(cot: Cot, master: Painter, files: list[str]) -> None:
    frame = pd.DataFrame({"photo": files})
    first = cot.map(frame, WHICH, image="photo", cap=0.025, progress=False)
    assert first["answer"].notna().sum() == 3  # two were paid for, and one was the same picture
    second = cot.map(frame, WHICH, image="photo", progress=False)
    assert list(second["answer"]) == ["red", "blue", "red", "green"]
    assert master.calls == 3


def test_an_interrupt_loses_nothing_that_was_paid_for(cot: Cot, master: Painter, files: list[str]) -> None:
    def stop(colour: str, prompt: Prompt) -> str:
        if colour == "green":
            raise KeyboardInterrupt
        return colour

    master.says = stop
    frame = pd.DataFrame({"photo": files})
    with pytest.raises(KeyboardInterrupt):
        cot.map(frame, WHICH, image="photo", progress=False)
    master.says = lambda colour, prompt: colour
    paid = cot.stats().calls["master"]
    assert list(cot.map(frame, WHICH, image="photo", progress=False)["answer"]) == ["red", "blue", "red", "green"]
    assert cot.stats().calls["master"] == 3
    assert paid >= 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"image": "foto"}, "no column 'foto'"),
        ({"question": "Is it {colour}?"}, "no column 'colour'"),
        ({"question": "Is it {?"}, "brace"),
        ({"question": ""}, "The question is empty"),
        ({"question": " \n"}, "The question is empty"),
        ({"where": [True]}, "1 values for 4 rows"),
    ],
)
def test_what_makes_no_sense_is_said(cot: Cot, files: list[str], given: dict[str, object], message: str) -> None:
    frame = pd.DataFrame({"photo": files})
    with pytest.raises(UsageError, match=message):
        cot.map(frame, **({"question": WHICH, "image": "photo", "progress": False} | given))


def test_the_bar_tells_hits_and_costs(cot: Cot, files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    cot.cache.set_price("master", Price(call=0.5))
    cot.map(pd.DataFrame({"photo": files}), WHICH, image="photo")
    shown = capsys.readouterr().err
    assert "25% hits" in shown
    assert "$1.50 so far" in shown
