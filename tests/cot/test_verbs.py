"""``perdure cot VERB`` in a shell, on a cache that a notebook has filled."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cot.painters import Painter, disc
from perdure.cli import main
from perdure.cot import Answer, Cot, Price

WHICH = "Which colour is the disc?"


@dataclass
class Said:
    status: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


Shell = Callable[..., Said]


@pytest.fixture
def shell(cache_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)

    def typed(*words: str) -> Said:
        done = CliRunner().invoke(main, ["cot", *words], prog_name="perdure", catch_exceptions=False)
        return Said(done.exit_code, done.stdout, done.stderr)

    return typed


@pytest.fixture
def cot(cache_folder: Path) -> Iterator[Cot]:
    with Cot(Painter("master"), Painter("apprentice", price=Price(call=0.001)), audit=0.0) as cot:
        yield cot


@pytest.fixture
def taught(cot: Cot) -> tuple[Answer, Answer]:
    """A master's answer, and an apprentice's that was shown it."""
    taught = cot.ask(WHICH, disc("green"), route="master")
    return taught, cot.ask(WHICH, disc("green", radius=14), route="apprentice")


def test_what_was_asked_is_listed_and_counted(shell: Shell, taught: tuple[Answer, Answer]) -> None:
    rows = shell("log", "--json").data
    assert [row["id"] for row in rows] == [answer.id for answer in reversed(taught)]
    assert rows[0] | {"source": "apprentice", "text": "green", "question": WHICH} == rows[0]
    assert "cache" not in rows[0]
    assert WHICH in shell("log").out
    assert shell("log", "--source", "master", "--json").data[0]["id"] == taught[0].id
    assert shell("log", "--grep", "nothing like it").out == "No answers.\n"
    stats = shell("stats", "--json").data
    assert (stats["entries"], stats["asks"], stats["cost"]) == (2, {"master": 1, "apprentice": 1}, pytest.approx(0.011))
    assert "2 answers" in shell("stats").out


def test_an_answer_is_shown_with_its_examples(shell: Shell, taught: tuple[Answer, Answer]) -> None:
    shown = shell("show", taught[1].id[:6])
    assert "green" in shown.out
    assert taught[0].entry in shown.out
    assert shell("show", taught[1].id, "--json").data["examples"][0]["entry"] == taught[0].entry


def test_forgetting_takes_what_rested_on_it(shell: Shell, cot: Cot, taught: tuple[Answer, Answer]) -> None:
    said = shell("forget", taught[0].id)
    assert said.out == "Forgot 2 kept answers and 2 questions that rested on it.\n"
    assert shell("log", "--json").data == []
    assert shell("stats", "--json").data["cost"] == pytest.approx(0.011)
    assert cot.ask(WHICH, disc("green"), route="master").source == "master"


def test_a_wrong_answer_is_corrected_and_rests_on_nothing(
    shell: Shell, cot: Cot, taught: tuple[Answer, Answer]
) -> None:
    said = shell("wrong", taught[0].id, "--right", "olive")
    assert "won't be used again" in said.out
    assert "'olive'" in said.out
    corrected = cot.ask(WHICH, disc("green"))
    assert (corrected.text, corrected.source, corrected.model) == ("olive", "exact", "user")


def test_answers_travel_in_a_file(shell: Shell, tmp_path: Path, taught: tuple[Answer, Answer]) -> None:
    assert "written to answers.cot" in shell("export", "answers.cot").out
    there = str(tmp_path / "there")
    assert shell("import", "answers.cot", "--cache", there).out.startswith("2 answers")
    assert shell("import", "answers.cot", "--cache", there).out.startswith("0 answers")
    (tmp_path / "answers.cot").write_bytes((tmp_path / "answers.cot").read_bytes()[:-100])
    said = shell("import", "answers.cot", "--cache", str(tmp_path / "elsewhere"))
    assert said.status == 1
    assert said.err.count("\n") == 1


def test_models_and_prices_are_chosen_and_remembered(shell: Shell) -> None:
    assert shell("models", "--json").data[0]["model"] == "embedded:master"
    assert shell("use", "--master", "openai:big@http://127.0.0.1:9/v1", "--apprentice", "none").status == 0
    assert [row["model"] for row in shell("models", "--json").data] == ["openai:big@http://127.0.0.1:9/v1", None]
    assert "$2.50 / $10.00" in shell("price", "openai:big@http://127.0.0.1:9/v1", "2.5/10").out
    assert "$2.50 / $10.00" in shell("models").out
    assert shell("use", "--master", "opnai:big").status == 1
    assert shell("models", "--json").data[0]["model"] == "openai:big@http://127.0.0.1:9/v1"


def test_without_a_verb_it_explains_itself(shell: Shell) -> None:
    said = shell()
    assert said.status == 0
    assert "  ask  " in said.out
    assert said.out.count("\n") > 15


def test_pinning_and_audits(shell: Shell, cot: Cot, taught: tuple[Answer, Answer]) -> None:
    assert "stays" in shell("pin", taught[0].id).out
    assert cot.cache.entry(taught[0].entry or "").pinned
    assert "make room" in shell("pin", taught[0].id, "--off").out
    assert "Near matches may be wrong 2.0% of the time." in shell("audit").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["shwo", "1"], "Did you mean 'show'?"),
        (["show", "zz"], "No answer has the id"),
        (["ask", "-o", "x", "What?"], "a shell has none"),
        (["ask", "-i", "nowhere.png", "What?"], "There is no file 'nowhere.png'"),
        (["ask", "-i", "http://127.0.0.1:9/a.png", "What?"], "URL"),
        (["map", "df", "-i", "p", "What?"], "In the notebook, type: %cot map"),
        (["log", "--commit", "HEAD"], "has no session yet"),
        (["export", "/nowhere/at/all"], "/nowhere"),
        (["import", "nothing.cot"], "nothing.cot"),
    ],
)
def test_what_can_not_be_done_is_one_sentence(
    shell: Shell, words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERDURE_STORE", str(tmp_path / "store"))
    if words[0] == "log":
        from perdure.store import Store

        Store.open(tmp_path / "store").close()
    said = shell(*words)
    assert said.status in {1, 2}
    assert message in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
