"""Everything that a user can name is documented, and the documents name nothing that isn't there."""

from __future__ import annotations

import re
import subprocess
import sys
from enum import Enum
from pathlib import Path
from types import ModuleType

import click
import pytest
from traitlets import Int
from traitlets.config import Configurable

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def test_the_reference_is_complete_and_up_to_date(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(root / "tools" / "reference.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_every_command_and_magic_is_in_the_reference(root: Path, reference: ModuleType) -> None:
    from perdure.cli import main

    headings = set(re.findall(r"^### (.+)$", (root / "docs" / "reference.md").read_text("utf-8"), re.MULTILINE))
    assert {name for name, command in reference.commands(main) if not command.hidden} <= headings
    assert {"%dart", "%%dart", "%cot", "%%cot"} <= headings


def test_every_public_name_and_setting_is_in_the_reference(root: Path) -> None:
    import perdure
    import perdure.cot
    from perdure.jupyter.config import Cot, Perdure

    text = (root / "docs" / "reference.md").read_text("utf-8")
    headings = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert {f"perdure.{name}" for name in perdure.__all__ if not name.startswith("__")} <= headings
    assert {f"perdure.cot.{name}" for name in perdure.cot.__all__} <= headings
    for settings in (Perdure, Cot):
        for name in settings.class_own_traits(config=True):
            assert f"| `c.{settings.__name__}.{name}` |" in text


def test_a_command_without_help_is_noticed(reference: ModuleType) -> None:
    group = click.Group("perdure", help="A group.")
    group.add_command(click.Command("told", help="It is told.", params=[click.Option(["--loud"])]))
    group.add_command(click.Command("untold"))
    page = reference.Reference()
    reference.add_commands(page, group)
    assert page.gaps == ["perdure told --loud", "perdure untold"]


def test_a_public_member_without_docstring_is_noticed(reference: ModuleType) -> None:
    class Thing:
        """A thing with a field: told."""

        told: int
        untold: int

        def method(self):
            pass

    page = reference.Reference()
    reference.add_class(page, "Thing", Thing)
    assert page.gaps == ["Thing.untold", "Thing.method"]


def test_a_parameter_a_setting_and_a_value_without_a_word_are_noticed(
    reference: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Maker:
        """Made by users.

        :param told: it is told.
        """

        def __init__(self, told: int, untold: int) -> None:
            pass

    class Settings(Configurable):
        """Some settings."""

        told = Int(1, help="It is told.").tag(config=True)
        untold = Int(1).tag(config=True)

    class Colour(Enum):
        """A colour."""

        TOLD = "told"
        """It is told."""
        UNTOLD = "untold"

    monkeypatch.setattr(reference, "MADE_BY_USERS", {"Maker"})
    page = reference.Reference()
    reference.add_class(page, "Maker", Maker)
    reference.add_configurable(page, "c.Settings", Settings)
    reference.add_class(page, "Colour", Colour)
    assert page.gaps == ["perdure.Maker (parameter untold)", "c.Settings.untold", "Colour.UNTOLD"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text("utf-8")
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (document.parent / path) if path else document
        if not there.exists():
            broken.append(target)
        elif anchor:
            headings = re.findall(r"^#+ (.+)$", there.read_text("utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
            if anchor not in slugs:
                broken.append(target)
    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_name_no_verb_that_is_not_there(document: Path) -> None:
    from perdure.cli import main

    code = re.findall(r"`([^`]+)`|^ {4}(.+)$", document.read_text("utf-8"), re.MULTILINE)
    named = {
        verb for inline, block in code for verb in re.findall(r"^(?:%dart|perdure) ([a-z]+)", (inline or block).strip())
    }
    assert named - set(main.commands) == set()
