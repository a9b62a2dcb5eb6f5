"""One flipped bit anywhere in a store: it is named, nothing wrong comes back, and all that it does not touch does."""

from __future__ import annotations

from pathlib import Path

import pytest

from damage.flips import Survey, closed, flip, fresh, largest_pack, positions, template, verify  # noqa: F401 - fixtures
from damage.remote import Made
from kill.nursery import Nursery

FLIPS = 36


@pytest.mark.slow
def test_in_a_pack(nursery: Nursery, closed: Made, tmp_path: Path) -> None:  # noqa: F811
    lost, partly = 0, 0
    packs = sorted((closed.store / "packs").iterdir())
    for pack in packs:
        for position in positions(pack, FLIPS if pack == largest_pack(closed.store) else 8, 1):
            made = fresh(closed, tmp_path / "s")
            hurt = made.store / "packs" / pack.name
            flip(hurt, position)
            survey = Survey.of(nursery, made)
            assert not survey.verified.ok, f"verify overlooks a bit flipped at {position} of {pack.name}"
            assert hurt.name in survey.verified.text
            if not survey.is_whole(made):
                lost += 1
                # One bit, one record: of what depends on it the names are told, the rest is there.
                assert any(hurt.name in text for text in survey.said), survey.said
                assert all("damaged" in why for why in survey.failed.values()), survey.failed
                partly += bool(survey.failed) and bool(survey.restored)
                named = [name for name in survey.failed if not name.startswith("<")]
                assert all(name in survey.verified.text for name in named), (named, survey.verified.text)
            right = survey.right
            repaired = verify(made.store, "--repair")
            assert repaired.ok, repaired.text
            assert Survey.of(nursery, made).right >= right
    assert lost > 10
    assert partly > 10
    print(f"{lost} flips hit a value; {partly} restores brought the rest")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("state", "name"), [("closed", "catalog.db"), ("killed", "catalog.db"), ("killed", "catalog.db-wal")]
)
def test_in_the_catalog(
    nursery: Nursery,
    template: Made,  # noqa: F811
    closed: Made,  # noqa: F811
    tmp_path: Path,
    state: str,
    name: str,
) -> None:
    whole = closed if state == "closed" else template
    refused = 0
    for position in positions(whole.store / name, FLIPS, 2):
        made = fresh(whole, tmp_path / "s")
        (made.store / "catalog.db-shm").unlink(missing_ok=True)
        flip(made.store / name, position)
        survey = Survey.of(nursery, made)
        if not survey.is_whole(made):
            refused += 1
            assert any("catalog.db" in text and "--repair" in text for text in survey.said), (position, survey.said)
            assert not survey.verified.ok, position
        if not survey.verified.ok:
            assert "catalog" in survey.verified.text
            repaired = verify(made.store, "--repair")
            assert repaired.ok, repaired.text
            again = Survey.of(nursery, made)
            assert again.is_whole(made), (position, again.said)
            assert again.verified.ok, again.verified.text
    assert refused > 0 or state == "killed"  # then every page that counts is in the log, and every commit in a pack
    print(f"{refused} flips made the catalog unusable until it was repaired")


@pytest.mark.slow
def test_in_the_marker(nursery: Nursery, closed: Made, tmp_path: Path) -> None:  # noqa: F811
    marker = closed.store / "perdure-store.json"
    for position in range(marker.stat().st_size):
        made = fresh(closed, tmp_path / "s")
        flip(made.store / marker.name, position)
        survey = Survey.of(nursery, made)
        if not survey.is_whole(made):
            assert survey.said
            # A number with a flipped bit is another number: such a store passes for a newer one.
            assert all(marker.name in text or "Upgrade perdure" in text for text in survey.said), survey.said
