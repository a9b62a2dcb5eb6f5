"""The graph, pages of rows, search, and one commit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from perdure.store import Refs, Store
from server.conftest import Get
from server.making import chain, commit, written


def branched(store: Path) -> tuple[str, Refs]:
    """A session whose second commit has two lines after it, and an unreachable commit."""
    with written(store) as writer:
        first = chain(writer, ["a = 1", "b = 2"])
        main = commit(writer, first, "on_main = 3", {"on_main": 3}, started=1e9 + 3, execution_count=3)
        fork = replace(main, head=first.head, branch="feature/x", branches={**main.branches, "feature/x": first.head})
        other = commit(writer, fork, "elsewhere = 4", {"elsewhere": 4}, started=1e9 + 2.5, execution_count=4)
        lost = commit(writer, other, "dropped = 5", {"dropped": 5}, started=1e9 + 9)
        assert lost.head is not None
        refs = replace(other, tags={"v1.0": first.head})
    with Store.open(store) as opened:
        opened.move_refs(writer.session, refs)
    return writer.session, refs


async def graph_of(get: Get, session: str) -> list[tuple[str, str | None]]:
    graph = await get("sessions", session, "graph")
    assert graph["total"] == len(graph["commits"]) == len(graph["parents"])
    ids = graph["commits"]
    return [
        (commit, ids[parent] if parent >= 0 else None) for commit, parent in zip(ids, graph["parents"], strict=True)
    ]


async def test_the_graph_has_what_refs_reach_newest_first(store: Path, get: Get) -> None:
    session, refs = branched(store)
    graph = await graph_of(get, session)
    main, other, first = refs.branches["main"], refs.branches["feature/x"], refs.tags["v1.0"]
    assert [commit for commit, _ in graph][:3] == [main, other, first]
    assert [parent for _, parent in graph][:2] == [first, first]
    assert graph[3][1] is None
    assert len(graph) == 4


async def test_children_come_before_parents_whatever_the_clock_said(store: Path, get: Get) -> None:
    with written(store) as writer:
        refs = Refs()
        for at in (50.0, 40.0, 90.0, 10.0):
            refs = commit(writer, refs, "x", {"x": at}, started=at)
    graph = await graph_of(get, writer.session)
    assert [parent for _, parent in graph] == [*[commit for commit, _ in graph][1:], None]


async def test_a_session_without_commits_has_an_empty_graph(store: Path, get: Get) -> None:
    with written(store) as writer:
        pass
    assert await graph_of(get, writer.session) == []
    assert (await get("sessions", writer.session, "commits"))["commits"] == []
    assert (await get("sessions", writer.session))["head"] is None
    assert "Run a cell" in (await get("sessions", writer.session, "variables", status=404))["message"]


async def test_pages_are_the_graph_s_order(store: Path, get: Get) -> None:
    with written(store) as writer:
        chain(writer, [f"# {n}\nx = {n}\ny" for n in range(25)])
    ids = (await get("sessions", writer.session, "graph"))["commits"]
    rows: list[dict[str, Any]] = []
    for offset in (0, 10, 20):
        page = await get("sessions", writer.session, "commits", offset=offset, limit=10)
        assert (page["total"], page["offset"]) == (25, offset)
        rows += page["commits"]
    assert [row["id"] for row in rows] == ids
    assert rows[0]["title"] == "x = 24"
    assert (rows[0]["execution_count"], rows[0]["changed"], rows[0]["kind"]) == (25, ["x"], "cell")
    beyond = await get("sessions", writer.session, "commits", offset=1000)
    assert (beyond["total"], beyond["commits"]) == (25, [])


async def test_pages_of_the_graph_make_the_whole(store: Path, get: Get) -> None:
    session, _ = branched(store)
    here = ("sessions", session, "graph")
    whole = await get(*here)
    assert whole["offset"] == 0
    pages = [await get(*here, offset=offset, limit=3) for offset in (0, 3, 6)]
    assert [(page["offset"], len(page["commits"]), page["total"]) for page in pages] == [
        (0, 3, 4),
        (3, 1, 4),
        (6, 0, 4),
    ]
    for key in ("commits", "parents"):
        assert [one for page in pages for one in page[key]] == whole[key]
    assert pages[0]["parents"] == [2, 2, 3]  # a place in the whole graph, though it is on the next page
    assert {page["revision"] for page in pages} == {whole["revision"]}
    rest = await get(*here, offset=1)
    assert rest["commits"] == whole["commits"][1:]
    assert (await get(*here, offset=1, limit=3, revision=whole["revision"]))["unchanged"]


async def test_a_page_of_the_graph_that_makes_no_sense_is_refused(store: Path, get: Get) -> None:
    session, _ = branched(store)
    for given in ({"limit": "0"}, {"limit": "-1"}, {"limit": "ten"}, {"offset": "-1"}, {"offset": "9" * 30}):
        assert (await get("sessions", session, "graph", status=400, **given))["error"] == "UsageError"


NONSENSE = [
    {"limit": "0"}, {"limit": "501"}, {"limit": "-1"}, {"limit": "ten"}, {"limit": "1e2"}, {"limit": "²"},
    {"offset": "-1"}, {"offset": "9" * 30}, {"offset": "0x10"}, {"outcome": "lost"}, {"outcome": "OK"},
]  # fmt: skip


async def test_a_page_that_makes_no_sense_is_refused(store: Path, get: Get) -> None:
    with written(store) as writer:
        chain(writer, ["x"])
    for given in NONSENSE:
        assert (await get("sessions", writer.session, "commits", status=400, **given))["error"] == "UsageError"


async def test_filters(store: Path, get: Get) -> None:
    with written(store) as writer:
        refs = chain(writer, ["Alpha = load('Ångström')", "x = 2"])
        refs = commit(writer, refs, "1 / 0", {}, outcome="error", meta={"error": "ZeroDivisionError: division by zero"})
        refs = commit(writer, refs, "del x", {}, deleted=("x",))
        refs = commit(writer, refs, "lock = Lock()", {}, not_captured={"lock": "a lock can't be pickled"})
    session = writer.session
    with Store.open(store) as opened:
        opened.move_refs(session, replace(refs, tags={"Release-1": (await graph_of(get, session))[3][0]}))
    ids = [commit for commit, _ in await graph_of(get, session)]

    async def found(**given: str) -> list[int]:
        page = await get("sessions", session, "commits", **given)
        assert page["total"] == len(page["commits"])
        assert [row["id"] for row in page["commits"]] == [ids[row["index"]] for row in page["commits"]]
        return [row["index"] for row in page["commits"]]

    assert await found(q="ALPHA") == [4]
    assert await found(q="ångSTRÖM") == [4]
    assert await found(q="release") == [3]
    assert await found(q="main") == [0]
    assert await found(q=ids[2][:7]) == [2]
    assert await found(q="nowhere") == []
    assert await found(var="x") == [1, 3, 4]
    assert await found(var="lock") == [0]
    assert await found(outcome="error") == [2]
    assert await found(outcome="ok", var="x", q="del") == [1]
    page = await get("sessions", session, "commits", var="x", offset=1, limit=1)
    assert (page["total"], [row["index"] for row in page["commits"]]) == (3, [3])


async def test_one_commit_in_full(store: Path, get: Get) -> None:
    with written(store) as writer:
        refs = commit(writer, Refs(), "x = 1; gone = 5", {"x": 1, "gone": 5}, started=1.0)
        refs = commit(
            writer, refs, "x = 'two'\ny = 3\nraise ValueError", {"x": "two", "y": 3}, deleted=("gone",), started=2.0,
            not_captured={"lock": "no"}, outcome="error", meta={"error": "ValueError: ", "asks": ["aaaaaaaaaaaa"], "cell_id": "first"},
        )  # fmt: skip
    found = await get("sessions", writer.session, "commits", "HEAD")
    assert found["id"] == refs.head
    assert found["source"].startswith("x = 'two'")
    assert (found["error"], found["rolled_back"], found["cot"]) == ("ValueError: ", False, ["aaaaaaaaaaaa"])
    assert (found["session"], found["cell_id"]) == (writer.session, "first")
    assert (await get("sessions", writer.session, "commits", "HEAD~1"))["cell_id"] is None
    changes = {one.pop("name"): one for one in found["variables"]}
    assert [(name, one["kind"]) for name, one in changes.items()] == [
        ("gone", "deleted"), ("lock", "not captured"), ("x", "changed"), ("y", "added"),
    ]  # fmt: skip
    assert (changes["x"]["before"]["repr"], changes["x"]["after"]["repr"]) == ("1", "'two'")
    assert (changes["gone"]["before"]["repr"], changes["gone"]["after"]) == ("5", None)
    assert (changes["lock"]["reason"], changes["y"]["before"]) == ("no", None)


async def test_refs_are_what_a_person_writes(store: Path, get: Get) -> None:
    session, refs = branched(store)
    main, other, first = refs.branches["main"], refs.branches["feature/x"], refs.tags["v1.0"]
    for ref, commit_id in {
        "HEAD": other, "@": other, "HEAD~1": first, "HEAD^": first, "main": main, "feature/x": other, "v1.0": first,
        "feature/x~1": first, "In[3]": main, main: main, main[:10]: main,
    }.items():  # fmt: skip
        assert (await get("sessions", session, "commits", ref))["id"] == commit_id, ref
    # A proxy may have undone the escaping.
    assert (await get("sessions", session, "diff", before="main", after="feature/x"))["after"]["id"] == other


NOWHERE = [
    "nowhere", "HEAD~99", "HEAD~" + "9" * 5000, "HEAD~0000000000001", "In[77]", "..", "../../catalog.db", "a/../b", "%2e%2e", "\0", "é", "💥",
    "' OR 1=1 --", "<script>", "0" * 40, "f" * 4000, "*", "?", "#", "~~~", "^^^", " ",
]  # fmt: skip


async def test_refs_that_name_nothing_are_not_found(store: Path, get: Get) -> None:
    with written(store) as writer:
        chain(writer, ["x"])
    for ref in NOWHERE:
        answer = await get("sessions", writer.session, "commits", ref, status=404)
        assert answer["error"] == "UnknownRef", ref
    assert (await get("sessions", writer.session, "commits", " HEAD\n"))["title"] == "x"  # a person's spaces


async def test_an_ambiguous_prefix_is_told(store: Path, get: Get) -> None:
    with written(store) as writer:
        refs = Refs()
        seen: dict[str, str] = {}
        clash = None
        while clash is None:
            refs = commit(writer, refs, "x", {"x": len(seen)})
            assert refs.head is not None
            clash = refs.head[:4] if refs.head[:4] in seen else None
            seen[refs.head[:4]] = refs.head
    answer = await get("sessions", writer.session, "commits", clash, status=400)
    assert answer["error"] == "AmbiguousRef"
