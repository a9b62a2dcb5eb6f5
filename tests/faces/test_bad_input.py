"""Bad input: one sentence that says what is wrong and what to do, and nothing changed."""

from __future__ import annotations

import json
import shlex
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faces.conftest import Dead, Shell, is_sentence, refs_of
from kernel.driver import Kernel

#: What is typed, and what the sentence has to name.
REFUSED = [
    ("show nope", "nope"),
    ("diff nope", "nope"),
    ("checkout nope", "nope"),
    ("undo nope", "nope"),
    ("undo 0", "'undo'"),
    ("undo 10000", "at most"),
    ("redo", "nothing to redo"),
    ("switch nope", "branch 'nope'"),
    ("branch 'a b'", "a b"),
    ("branch abcdef", "abcdef"),
    ("branch new nope", "nope"),
    ("branch main", "main"),
    ("branch --delete main", "switch"),
    ("branch --delete nope", "nope"),
    ("tag --delete nope", "nope"),
    ("tag HEAD", "HEAD"),
    ("tag main", "branch 'main'"),
    ("show HEAD~1000", "HEAD~1000"),
    ("show In[4711]", "In[4711]"),
    ("blame 1x", "1x"),
    ("blame nope", "nope"),
    ("diff --var 1x", "1x"),
    ("diff --var nope", "nope"),
    ("get 1x", "1x"),
    ("get nope", "nope"),
    ("get x@nope", "nope"),
    ("get x as", "'as'"),
    ("log -n -1", "-1"),
    ("log -n many", "many"),
    ("log --jsn", "Did you mean '--json'"),
    ("lgo", "Did you mean 'log'?"),
    ("frobnicate", "--help"),
    ("log --session nope", "nope"),
    ("export nope file", "nope"),
    ("trust nope", "nope"),
    ("sessions --delete nope", "nope"),
    ("import no-such-file", "no-such-file"),
    ("gc --keep-days soon", "soon"),
    ("checkout HEAD x", "--only x"),
]

IPYTHONS = ["In", "Out", "_", "__", "_3", "_i", "_i3", "_ih", "get_ipython", "exit", "quit", "display", "__name__"]


@pytest.mark.parametrize(("line", "named"), REFUSED, ids=[line for line, _ in REFUSED])
def test_in_a_shell(shell: Shell, dead: Dead, line: str, named: str) -> None:
    before = refs_of(dead.store)
    said = shell(*shlex.split(line))
    assert said.status in (1, 2)
    assert said.out == ""
    assert is_sentence(said.err)
    assert named in said.err
    assert refs_of(dead.store) == before


def test_in_a_kernel(kernel: Kernel) -> None:
    kernel.ok("x = [1]", "x.append(2)")
    before = kernel.session("refs")
    more = [("checkout HEAD~1 --only nope", "nope"), ("get x@HEAD as 1x", "1x"), ('log "x', "quot")]
    more += [(f"get x as {word}", f"'{word}' is a word of Python's own") for word in ("class", "None")]
    more += [(f"get x as {name}", f"'{name}' is a name that IPython keeps") for name in IPYTHONS]
    for line, named in REFUSED + more:
        result = kernel.run(f"%dart {line}")
        assert result.status == "ok", line
        assert result.stdout == "", line
        assert is_sentence(result.stderr), line
        assert named in result.stderr, line
    assert kernel.session("refs") == before
    assert kernel.value("x") == [1, 2]
    assert kernel.value("type(In).__name__, callable(get_ipython)") == ("list", True)


def test_an_ambiguous_prefix(shell: Shell, dead: Dead) -> None:
    from dataclasses import replace

    from perdure.store import Store

    with Store.open(dead.store) as store:
        writer, refs = store.writer(dead.session), store.refs(dead.session)
        known = dict(store.commits(dead.session))
        record = known[refs.head]
        seen: dict[str, str] = {commit[:4]: commit for commit in known}
        while len(seen) == len(known):  # some 250 tries until two ids begin alike
            record = replace(record, source=f"{record.source}#")
            commit = writer.commit(record, refs)
            known[commit] = record
            seen.setdefault(commit[:4], commit)
    prefix = commit[:4]
    before = refs_of(dead.store)
    said = shell("checkout", prefix)
    assert said.status == 1
    assert is_sentence(said.err)
    assert "2 commits begin with" in said.err
    assert refs_of(dead.store) == before
    assert shell("show", commit, "--json").data["id"] == commit


def newer_marker(store: Path) -> None:
    marker = store / "perdure-store.json"
    marker.write_text(json.dumps({**json.loads(marker.read_text()), "format": 99}))


def newer_catalog(store: Path) -> None:
    marker = store / "perdure-store.json"
    marker.write_text(json.dumps({**json.loads(marker.read_text()), "catalog": 99}))
    with sqlite3.connect(store / "catalog.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


@pytest.mark.parametrize("newer", [newer_marker, newer_catalog])
def test_a_store_written_by_a_newer_version(
    shell: Shell, dead: Dead, start: Callable[..., Kernel], newer: Callable[[Path], None]
) -> None:
    newer(dead.store)
    files = {path: path.read_bytes() for path in (dead.store / "packs").iterdir()}
    for words in (["log"], ["undo"], ["gc"], ["verify"]):
        said = shell(*words)
        assert said.status == 1
        assert is_sentence(said.err)
        assert "Upgrade perdure" in said.err
    kernel = start(PERDURE_STORE=str(dead.store))
    result = kernel.ok("%load_ext perdure")
    assert "Upgrade perdure" in result.text
    assert is_sentence(result.text)
    assert kernel.ok("6 * 7").shown == "42\n"
    assert is_sentence(kernel.ok("%dart log").stderr)
    assert {path: path.read_bytes() for path in (dead.store / "packs").iterdir()} == files


@pytest.fixture
def read_only(dead: Dead) -> Iterator[Dead]:
    place = str(dead.store)
    if subprocess.run(["mount", "-o", "bind", place, place], check=False, capture_output=True).returncode:
        pytest.skip("mounting needs root")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", place], check=True)
        yield dead
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def test_a_read_only_store_is_read_and_not_written(shell: Shell, read_only: Dead, start: Callable[..., Kernel]) -> None:
    assert shell("log", "--json", "-n", "5").data == read_only.commits[::-1]
    assert shell("get", "x").out == "[1, 2, 3]\n"
    assert shell("sessions").status == 0
    for words in (["undo"], ["tag", "t"], ["branch", "b"], ["trust", read_only.session]):
        said = shell(*words)
        assert said.status == 1, words
        assert is_sentence(said.err), words
        assert "can't be written" in said.err or "read-only" in said.err.lower(), words
    kernel = start(PERDURE_STORE=str(read_only.store))
    assert is_sentence(kernel.ok("%load_ext perdure").text)
    assert kernel.ok("6 * 7").shown == "42\n"
    assert is_sentence(kernel.ok("%dart restore").stderr)


def test_a_session_that_is_open_in_another_live_kernel(
    shell: Shell, kernel: Kernel, start: Callable[..., Kernel]
) -> None:
    kernel.ok("x = 1", "x = 2")
    kernel.flush()
    assert kernel.store is not None
    before = refs_of(kernel.store)
    for words in (["undo"], ["checkout", "HEAD~1"], ["switch", "main"], ["tag", "t"], ["branch", "b"]):
        said = shell(*words, "--store", str(kernel.store))
        assert said.status == 1
        assert is_sentence(said.err)
        assert f"%dart {words[0]}" in said.err
        assert str(kernel.pid) in said.err
    said = shell("sessions", "--delete", kernel.session_id, "--store", str(kernel.store))
    assert is_sentence(said.err)
    assert str(kernel.pid) in shell("sessions", "--store", str(kernel.store)).out
    other = start(PERDURE_STORE=str(kernel.store))
    other.ok("%load_ext perdure", "mine = 1")
    own = other.value("__import__('perdure').current().id")
    for line in (f"restore {kernel.session_id}", f"restore {kernel.session_id} --take-over"):
        result = other.ok(f"%dart {line}")
        assert is_sentence(result.stderr)
        assert str(kernel.pid) in result.stderr
    assert other.value("__import__('perdure').current().id") == own
    assert other.state("mine", "x") == {"mine": 1}
    assert [refs for refs in refs_of(kernel.store) if refs[0] == kernel.session_id] == before
    assert other.ok(f"%dart get x --session {kernel.session_id}").stdout == "2\n"


def test_a_session_that_a_lost_machine_had_open(shell: Shell, dead: Dead, kernel: Kernel) -> None:
    with sqlite3.connect(dead.store / "catalog.db") as connection:
        connection.execute("INSERT OR REPLACE INTO owners VALUES (?, 'lost', 1, 1.0)", (dead.session,))
    connection.close()
    restore = f"%dart restore {dead.session} --store '{dead.store}'"
    refused = kernel.ok(restore)
    assert is_sentence(refused.stderr)
    assert "--take-over" in refused.stderr
    kernel.ok(f"{restore} --take-over")
    assert kernel.value("x") == [1, 2, 3]


def test_no_session_in_this_kernel(kernel: Kernel) -> None:
    kernel.ok("__import__('perdure').jupyter.attachment.detach()")
    for line in ("status", "log", "undo", "flush", "atomic", "sessions"):
        result = kernel.ok(f"%dart {line}")
        assert is_sentence(result.stderr)
        assert "%reload_ext perdure" in result.stderr
    kernel.ok("%reload_ext perdure")
    assert kernel.ok("%dart status").stderr == ""
