"""The notebooks about image questions: one runs and means what it says, the other is valid; and no `%cot` line anywhere is out of date."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import nbformat
import pytest

from kernel.conftest import start  # noqa: F401 - a fixture
from kernel.driver import Kernel, Result
from perdure.verbs.cot.commands import cot

ROOT = Path(__file__).resolve().parents[2]
TOUR, HOSTED = (ROOT / "notebooks" / f"{name}.ipynb" for name in ("image-questions", "hosted-models"))
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/**/*.md"))]

_LINE = re.compile(r"^(?:(%%cot)\b|%cot\b|perdure cot\b)(.*)$")


def cells(path: Path) -> list[Any]:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return list(notebook.cells)


def code(path: Path) -> list[str]:
    return [cell.source for cell in cells(path) if cell.cell_type == "code"]


def cot_lines(path: Path) -> Iterator[str]:
    """What a reader of a document or a notebook may type: whole lines of code, and code between backticks."""
    if path.suffix == ".ipynb":
        text = [line for source in code(path) for line in source.splitlines()]
        prose = "\n".join(cell.source for cell in cells(path) if cell.cell_type == "markdown")
    else:
        prose = path.read_text("utf-8")
        text = [line[4:] for line in prose.splitlines() if line.startswith("    ")]
    text += re.findall(r"`([^`]+)`", prose)
    yield from (line for line in map(str.strip, text) if _LINE.match(line))


def trouble(line: str) -> str | None:
    """What click has to say against a line; None if it parses. A verb that stands alone is only named, and need not be whole."""
    found = _LINE.match(line)
    assert found is not None
    try:
        words = shlex.split(found[2])
    except ValueError:
        words = found[2].split()
    if found[1] and (not words or words[0] not in {"ask", "map"}):
        words = ["ask", *words]
    if not words or words[0] in {"VERB", "--help"}:
        return None
    command = cot.commands.get(words[0])
    if command is None:
        return f"there is no verb {words[0]!r}"
    if len(words) == 1:
        return None
    try:
        command.make_context(words[0], words[1:]).close()
    except click.exceptions.Exit:  # --help
        return None
    except click.ClickException as error:
        return error.format_message()
    return None


@pytest.mark.parametrize("path", [*DOCUMENTS, TOUR, HOSTED], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_cot_line_is_one_that_there_is(path: Path) -> None:
    assert {line: wrong for line in cot_lines(path) if (wrong := trouble(line)) is not None} == {}


def test_a_line_that_is_out_of_date_is_noticed() -> None:
    assert trouble("%cot ask -i photo What is it?") is None
    assert trouble("%%cot -i photo -f bool") is None
    assert trouble("%cot aks -i photo What is it?") == "there is no verb 'aks'"
    assert "No such option" in (trouble("%cot stats --loudly") or "")
    assert "No such option" in (trouble("%%cot -i photo --loudly") or "")
    assert trouble("perdure cot price gpt 2.5/10 extra") is not None
    assert trouble("%cot ask -f essay What is it?") is not None


def test_enough_lines_are_looked_at() -> None:
    """If code were set otherwise, nothing would be found, and nothing would be wrong."""
    assert len(list(cot_lines(ROOT / "docs" / "image-questions.md"))) > 30
    assert len(list(cot_lines(ROOT / "README.md"))) > 4
    assert len(list(cot_lines(TOUR))) > 15
    assert len(list(cot_lines(HOSTED))) > 15


def test_every_verb_is_in_the_guide() -> None:
    text = (ROOT / "docs" / "image-questions.md").read_text("utf-8")
    named = set(re.findall(r"%cot (\w+)", text))
    assert set(cot.commands) - named == set()


@pytest.mark.parametrize("path", [TOUR, HOSTED], ids=lambda path: path.stem)
def test_the_notebooks_are_valid_and_carry_no_output(path: Path) -> None:
    assert [cell for cell in cells(path) if cell.get("outputs") or cell.get("execution_count")] == []


class Tour:
    """The first notebook in a kernel, a stretch at a time."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._left = code(TOUR)

    def until(self, begin: str) -> Result:
        """Run on, up to and with the next cell that begins so. No cell may raise, and no verb may complain."""
        while self._left:
            source = self._left.pop(0)
            result = self.kernel.ok(source)
            complaints = [line for line in re.split(r"[\r\n]", result.stderr) if line.strip() and "%|" not in line]
            assert complaints == [], f"{source}\n{result.text}"
            if source.startswith(begin):
                return result
        raise AssertionError(f"no cell is left that begins with {begin!r}")

    def see(self, expression: str) -> Any:
        return self.kernel.value(expression)

    @property
    def ended(self) -> bool:
        return not self._left


@pytest.mark.slow
def test_the_tour_runs_and_means_what_it_says(start: Callable[..., Kernel], tmp_path: Path) -> None:  # noqa: F811 - the fixture
    kernel = start(PERDURE_STORE=str(tmp_path / "store"), PERDURE_COT=str(tmp_path / "users"), HF_HUB_OFFLINE="1")
    tour = Tour(kernel)

    # Ask; ask again; the same pixels in another file, and other words for the same.
    assert "demo model" in tour.until("%cot ask -i photo -o first").text
    assert tour.see("first.source.value") in {"apprentice", "master"}
    tour.until("second.source")
    assert tour.see("(second.source.value, second.text == first.text, second.cost)") == ("exact", True, 0.0)
    tour.until("third.source")
    assert tour.see("(third.source.value, third.entry == first.entry)") == ("exact", True)
    tour.until("other.source")
    assert tour.see("other.source.value") != "exact"
    tour.until("is_there.value")
    assert tour.see("(is_there.question, type(is_there.value) is bool)") == ("Is there a green shape?", True)

    # A frame, twice.
    assert "answers of 18 rows" in tour.until("%cot map shapes -i picture -o seen").stdout
    assert re.fullmatch(r"'\d+ of 18'", tour.until("right = ").shown.strip())
    assert "100% hits" in tour.until("%cot map shapes -i picture -o seen").stderr
    assert "True" in tour.until('(shapes["seen"] == before)').shown

    # Costs, and a batch that may cost three cents.
    assert "asked" in tour.until("%cot stats").stdout
    assert "$0.01 a call" in tour.until("%cot price embedded:master 0.01/call").stdout
    spent = tour.until("%cot map shapes -i picture -o colour_seen --cap 0.03")
    assert "answers of 18 rows" in spent.stdout
    listed = tour.until("%cot log -n 18").stdout
    assert listed.count("What color is the shape?") == 18
    assert sum(float(dollars) for dollars in re.findall(r"\$(\d\S*)", listed)) <= 0.03 + 1e-9
    assert "free" in tour.until("%cot price embedded:master 0").stdout

    # Wrong, right, forgotten.
    assert "From now on the answer is 'crimson'" in tour.until("%cot wrong").stdout
    tour.until("corrected.text")
    assert tour.see("(corrected.text, corrected.source.value, corrected.model)") == ("crimson", "exact", "user")
    assert "Forgot 1 kept answer" in tour.until("%cot forget").stdout
    tour.until("asked_anew.source")
    assert tour.see("asked_anew.model") != "user"
    assert tour.see("asked_anew.source.value") != "exact"

    # The session.
    bound = tour.until("%cot log --commit").stdout
    assert tour.see("first.id") in bound
    assert len(bound.splitlines()) == 1
    tour.until("%dart undo")
    assert "False" in tour.until('"regretted" in globals()').shown
    tour.until("regretted.source")
    assert tour.see("regretted.source.value") == "exact"
    assert tour.ended

    assert not (tmp_path / "users").exists(), "the tour has touched the user's own cache"
