"""How long does the panel's server take to answer about 10,000 commits, and how soon does it know of a new one?"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from benchmarks.kernels import Kernel
from benchmarks.measure import Floor, Row, Section, Settings, at_most, clock, median, ms

_NAMES = 300
_PAGE = 0.050
_VISIBLE = 1.0


def measure(settings: Settings, floor: Floor) -> Section:
    count = 2000 if settings.quick else 10_000
    section = Section(
        "panel",
        "The panel's server",
        f"A session of {count:,} commits over {_NAMES} variables, asked about over HTTP from a Jupyter server in a process of its "
        "own. *first* is the first time that a new server is asked, with the store not yet open; *again* the median of the times "
        "after that. Targets: 50 ms for a page; a new commit within a second of its cell's reply. *busy*: while a kernel "
        "holds its interpreter in native code.",
    )
    rounds = settings.times(15, 5)
    store = settings.folder / "store"
    session = _long_session(store, count)
    section.rows += _reading(store, session, rounds, settings.folder)
    section.rows += _following(store, rounds, settings.folder)
    return section


def _reading(store: Path, session: str, rounds: int, folder: Path) -> list[Row]:
    here = f"sessions/{session}"
    cases: dict[str, tuple[str, dict[str, Any], float | None]] = {
        "a page of 100 rows": (f"{here}/commits", {"limit": 100}, _PAGE),
        "a page of 100 rows from the middle": (f"{here}/commits", {"limit": 100, "offset": 5000}, _PAGE),
        "the graph": (f"{here}/graph", {}, _PAGE),
        "the session": (here, {}, _PAGE),
        "is anything new?": (f"{here}/graph", {"revision": "?"}, None),
        "one commit with its changes": (f"{here}/commits/HEAD", {}, None),
        "a search in all code": (f"{here}/commits", {"q": "compute(77)"}, None),
        "all variables": (f"{here}/variables", {}, None),
        "a plan, half the history back": (f"{here}/plan", {"ref": "HEAD~1000"}, None),
    }
    rows = []
    for case, (path, given, target) in cases.items():
        with Server(store, folder) as server:
            known = {"revision": server.get(path)["revision"]} if "revision" in given else {}
            ask = partial(server.get, path, **{**given, **known})
            first, again = clock(ask), [clock(ask) for _ in range(rounds)]
        shown = {"first": ms(first), "again": ms(median(again))}
        raw = {"first": first, "again": again}
        judged = {} if target is None else {"target": f"≤ {ms(target)}", **at_most(median(again), target)}
        rows.append(Row(case, shown, raw=raw, **judged))
    return rows


def _following(store: Path, rounds: int, folder: Path) -> list[Row]:
    with Server(store, folder) as server, Kernel(folder / "kernel", perdure=True, store=store) as kernel:
        session = kernel.ask("perdure.current().id")
        here = f"sessions/{str(session).strip(chr(39))}"
        visible = []
        for number in range(rounds):
            kernel.run(f"fresh = {number}")
            visible.append(clock(partial(_until, server, here, number)))
        kernel.run("import threading, sys\ndef work():\n    while on: sum(range(10_000_000))\non = True")
        kernel.run("sys.setswitchinterval(5); threading.Thread(target=work, daemon=True).start()")
        busy = [clock(lambda: server.get(f"{here}/commits", limit=100)) for _ in range(rounds)]
    return [
        Row(
            "a new commit, from its cell's reply on",
            {"again": ms(median(visible))},
            target=f"≤ {ms(_VISIBLE)}",
            raw={"visible": visible},
            **at_most(median(visible), _VISIBLE),
        ),
        Row(
            "a page of 100 rows, busy",
            {"again": ms(median(busy))},
            target=f"≤ {ms(_PAGE)}",
            raw={"busy": busy},
            **at_most(median(busy), _PAGE),
        ),
    ]


def _until(server: Server, here: str, number: int) -> None:
    while server.get(f"{here}/commits", limit=1)["commits"][0]["title"] != f"fresh = {number}":
        time.sleep(0.005)


class Server:
    """A Jupyter server over ``store``, in a process of its own."""

    def __init__(self, store: Path, folder: Path) -> None:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        self._token = secrets.token_hex(16)
        self._base = f"http://127.0.0.1:{port}/perdure/api"
        home = {
            name: str(folder / "server") for name in ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR")
        }
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", f"--ServerApp.root_dir={folder}",
                f"--ServerApp.port={port}", f"--IdentityProvider.token={self._token}",
                "--ServerApp.jpserver_extensions=perdure=True",
            ],
            env={**os.environ, **home, "PERDURE_STORE": str(store)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._wait(lambda: self.get("nowhere"))

    def _wait(self, ask: Callable[[], Any]) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                ask()
            except urllib.error.HTTPError:
                return  # it answers, if only that there is no such page
            except OSError:
                time.sleep(0.1)
        raise TimeoutError("the Jupyter server did not start")

    def get(self, path: str, **given: Any) -> Any:
        request = urllib.request.Request(f"{self._base}/{path}?{urlencode(given)}")
        request.add_header("Authorization", f"token {self._token}")
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.loads(response.read())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(20)
        self._process.kill()


def _long_session(path: Path, count: int) -> str:
    """A session as a notebook of so many cells leaves it; made through the store, as that many cells would take minutes."""
    from perdure.capture.preview import preview
    from perdure.store import ChunkList, Commit, Refs, Snapshot, Store

    with Store.open(path) as store:
        session = store.create_session(notebook=None, meta={}).id
        writer = store.writer(session)
        refs = Refs()
        for number in range(count):
            name = f"x_{number % _NAMES}"
            values: dict[str, Any] = {name: float(number), "total": list(range(number % 40))}
            bindings = {}
            for key, value in values.items():
                data = f"{key} {value!r}".encode()
                bindings[key] = (writer.put_snapshot(Snapshot(ChunkList(len(data), ()), (), data)), 0)
            commit = Commit(
                session,
                refs.head,
                f"# cell {number}\n{name} = compute({number})\ntotal += {name}\nprint(total)",
                number + 1,
                "ok",
                1e9 + number,
                0.01,
                bindings,
                meta={"previews": {key: preview(value) for key, value in values.items()}},
            )
            refs = Refs(commit.id, "main", {"main": commit.id})
            writer.commit(commit, refs)
        writer.close()
    return session
