"""Lists of sessions, one session, and how cheap it is to ask whether anything is new."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from perdure.store import Store
from server.conftest import Get
from server.making import chain, long_session, written


def session_of(store: Path, notebook: str | None, cells: int = 2) -> str:
    with written(store, notebook) as writer:
        chain(writer, [f"x = {n}" for n in range(cells)])
    return writer.session


async def test_sessions_are_listed_newest_first_in_pages(store: Path, get: Get) -> None:
    made = [session_of(store, f"/work/{n}.ipynb", n + 1) for n in range(5)]
    first, rest = await get("sessions", limit=2), await get("sessions", offset=2, limit=500)
    assert first["total"] == rest["total"] == 5
    listed = first["sessions"] + rest["sessions"]
    assert [one["id"] for one in listed] == made[::-1]
    assert [(one["commits"], one["variables"]) for one in listed] == [(n, 1) for n in (5, 4, 3, 2, 1)]
    assert not any(one["live"] or one["same_name"] or one["owner"] for one in listed)


async def test_sessions_are_searched_by_notebook_and_id(store: Path, get: Get) -> None:
    one, _ = session_of(store, "/a/Training.ipynb"), session_of(store, None)
    assert [found["id"] for found in (await get("sessions", q="training"))["sessions"]] == [one]
    assert [found["id"] for found in (await get("sessions", q=one[3:9]))["sessions"]] == [one]


async def test_a_notebook_s_sessions_come_before_those_of_its_namesakes(
    store: Path, get: Get, jp_root_dir: Path
) -> None:
    own = session_of(store, str(jp_root_dir / "sub" / "demo é.ipynb"))
    moved = session_of(store, "/another/machine/demo é.ipynb")
    windows = session_of(store, r"C:\work\demo é.ipynb")
    session_of(store, "/another/other.ipynb")
    answer = await get("sessions", notebook="sub/demo é.ipynb")
    found = [(one["id"], one["same_name"]) for one in answer["sessions"]]
    assert found[0] == (own, False)
    assert sorted(found[1:]) == sorted([(windows, True), (moved, True)])


async def test_a_session_tells_where_its_notebook_can_be_opened(store: Path, get: Get, jp_root_dir: Path) -> None:
    (jp_root_dir / "sub").mkdir()
    (jp_root_dir / "sub" / "é.ipynb").touch()
    (jp_root_dir.parent / "out.ipynb").touch()
    there = session_of(store, str(jp_root_dir / "sub" / "é.ipynb"))
    assert (await get("sessions", there))["path"] == "sub/é.ipynb"
    gone, folder, outside = jp_root_dir / "gone.ipynb", jp_root_dir / "sub", jp_root_dir / ".." / "out.ipynb"
    for notebook in (str(gone), str(folder), str(outside), "sub/é.ipynb", "", None):
        assert (await get("sessions", session_of(store, notebook)))["path"] is None, notebook


async def test_a_notebook_outside_the_server_s_root_is_refused(store: Path, get: Get) -> None:
    session_of(store, "/etc/passwd")
    for notebook in ("../demo.ipynb", "a/../../demo.ipynb", "/etc/passwd", "..", r"..\demo.ipynb", "/", "sub/.."):
        answer = await get("sessions", notebook=notebook, status=400)
        assert "root" in answer["message"]


async def test_one_session_in_full(store: Path, get: Get) -> None:
    session = session_of(store, "/work/demo.ipynb", 3)
    with Store.open(store) as opened:
        refs = opened.refs(session)
        opened.move_refs(session, replace(refs, tags={"kept": refs.head or ""}))
    found = await get("sessions", session)
    assert found["refs"] == {
        "head": refs.head, "branch": "main", "branches": {"main": refs.head}, "tags": {"kept": refs.head},
    }  # fmt: skip
    assert (found["commits"], found["variables"], found["not_captured"]) == (3, 1, {})
    assert (found["store"], found["trusted"], found["live"]) == (str(store), True, False)
    assert found["store_size"] > 1000


UNKNOWN = ["nowhere", "..", "../..", "%2e%2e%2fstore", "0" * 12, "\0", "é", "'; DROP TABLE sessions --", "*", "~", " "]


async def test_an_unknown_session_is_not_found(store: Path, get: Get) -> None:
    session_of(store, None)
    whats = [(), ("graph",), ("commits",), ("commits", "HEAD"), ("variables", "x"), ("plan",), ("notebook",)]
    for session, what in product(UNKNOWN, whats):
        answer = await get("sessions", session, *what, status=404)
        assert answer["error"] == "UnknownSession", (session, what)


async def test_the_beginning_of_an_id_is_not_enough(store: Path, get: Get) -> None:
    session = session_of(store, None)
    assert (await get("sessions", session[:11], status=404))["error"] == "UnknownSession"


async def test_a_deleted_session_is_gone(store: Path, get: Get) -> None:
    session = session_of(store, None)
    await get("sessions", session, "graph")
    with Store.open(store) as opened:
        opened.delete_session(session)
    assert (await get("sessions"))["total"] == 0
    assert (await get("sessions", session, "graph", status=404))["error"] == "UnknownSession"


@pytest.mark.parametrize("what", [(), ("graph",), ("commits",)])
async def test_a_revision_stays_until_anything_happens(store: Path, get: Get, what: tuple[str, ...]) -> None:
    session = session_of(store, None)

    async def revision() -> str:
        answer: dict[str, Any] = await get("sessions", session, *what)
        same = await get("sessions", session, *what, revision=answer["revision"])
        assert same == {"revision": answer["revision"], "unchanged": True}
        return str(answer["revision"])

    seen = [await revision()]
    with Store.open(store) as opened:
        opened.claim(session)
        seen.append(await revision())
        writer = opened.writer(session)
        refs = chain(writer, ["y"], opened.refs(session))
        writer.close()
        seen.append(await revision())
        opened.move_refs(session, replace(refs, tags={"t": refs.head or ""}))
        seen.append(await revision())
        opened.move_refs(session, refs)
        seen.append(await revision())
        opened.update_session(session, notebook="/elsewhere.ipynb")
        seen.append(await revision())
        opened.release(session)
        seen.append(await revision())
    assert len(set(seen)) == len(seen)
    assert (await get("sessions", session, *what, revision="nonsense"))["revision"] == seen[-1]


async def test_a_session_that_a_process_has_open_is_live(store: Path, get: Get) -> None:
    session = session_of(store, None)
    with Store.open(store) as opened:
        opened.claim(session)
        found = await get("sessions", session)
        assert found["live"] is True
        assert found["owner"]["pid"] > 0
        opened.release(session)
    assert (await get("sessions", session))["owner"] is None


async def test_a_long_history_is_only_read_when_asked_to(store: Path, get: Get) -> None:
    session = long_session(store, 1200)
    assert (await get("sessions"))["sessions"][0]["variables"] is None
    found = await get("sessions", session)
    assert (found["commits"], found["variables"], found["not_captured"]) == (1200, None, None)
    whole = await get("sessions", session, full=1)
    assert (whole["variables"], whole["not_captured"]) == (301, {})
    assert (await get("sessions", session))["variables"] == 301
    assert (await get("sessions"))["sessions"][0]["variables"] == 301
    page = await get("sessions", session, "commits", q="compute(7)")
    assert [row["execution_count"] for row in page["commits"]] == [8]
    assert len((await get("sessions", session, "variables", "x_7"))["history"]) == 4
