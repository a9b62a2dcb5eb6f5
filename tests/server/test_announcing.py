"""What a kernel tells front ends over its comm, in a real kernel."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from kernel.driver import PATIENCE, Kernel


class Listener:
    """A front end: opens a comm, and takes in what comes over it on whatever message it waits for."""

    def __init__(self, kernel: Kernel) -> None:
        self._client = kernel.manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=PATIENCE)
        self.messages: list[tuple[str, str, Any]] = []

    def open(self) -> str:
        comm = uuid4().hex
        content = {"comm_id": comm, "target_name": "perdure", "data": {}}
        self._client.shell_channel.send(self._client.session.msg("comm_open", content))
        return comm

    def until(self, wanted: Callable[[str, str, Any], bool]) -> Any:
        """The data of the first message, of those that have come and those to come, that is wanted."""
        end = time.monotonic() + PATIENCE
        at = 0
        while True:
            for message in self.messages[at:]:
                if wanted(*message):
                    return message[2]
            at = len(self.messages)
            assert time.monotonic() < end, self.messages
            try:
                message = self._client.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            if message["msg_type"].startswith("comm_"):
                content = message["content"]
                self.messages.append((message["msg_type"], content["comm_id"], content["data"]))

    def kinds(self, comm: str) -> list[str]:
        return [data["kind"] for _, its, data in self.messages if its == comm and "kind" in data]

    def close(self) -> None:
        self._client.stop_channels()


@pytest.fixture
def listen() -> Iterator[Callable[[Kernel], Listener]]:
    made: list[Listener] = []

    def listen(kernel: Kernel) -> Listener:
        made.append(Listener(kernel))
        return made[-1]

    yield listen
    for listener in made:
        listener.close()


Listen = Callable[[Kernel], Listener]


def kind(wanted: str, comm: str | None = None) -> Callable[[str, str, Any], bool]:
    return lambda _, its, data: data.get("kind") == wanted and comm in (None, its)


def test_a_kernel_that_attaches_opens_a_comm(start: Callable[..., Kernel], listen: Listen, tmp_path: Path) -> None:
    kernel = start()
    listener = listen(kernel)
    kernel.load(tmp_path / "store")
    attached = listener.until(lambda type_, _, data: type_ == "comm_open" and data["kind"] == "attached")
    assert attached == {"kind": "attached", "session": kernel.session_id, "store": str(tmp_path / "store")}


def test_a_front_end_that_opens_a_comm_is_answered_and_told_of_each_commit(kernel: Kernel, listen: Listen) -> None:
    listener = listen(kernel)
    comm = listener.open()
    attached = listener.until(kind("attached", comm))
    assert (attached["session"], attached["store"]) == (kernel.session_id, str(kernel.store))
    kernel.ok("x = 1")
    told = listener.until(kind("commit", comm))
    assert told == {"kind": "commit", **{k: attached[k] for k in ("session", "store")}, "commit": kernel.last()["id"]}
    assert listener.kinds(comm) == ["attached", "saving", "commit"]


def test_moves_are_told(kernel: Kernel, listen: Listen) -> None:
    kernel.ok("x = 1", "x = 2")
    kernel.flush()
    listener = listen(kernel)
    comm = listener.open()
    listener.until(kind("attached", comm))
    kernel.do("undo()")
    listener.until(kind("moved", comm))
    kernel.do("tag('kept')")
    listener.until(lambda *_: listener.kinds(comm) == ["attached", "moved", "moved"])


def test_a_cell_that_only_looks_on_announces_no_saving(kernel: Kernel, listen: Listen) -> None:
    listener = listen(kernel)
    comm = listener.open()
    listener.until(kind("attached", comm))
    kernel.ok("%dart log")
    kernel.ok("y = 1")
    listener.until(kind("commit", comm))
    assert listener.kinds(comm) == ["attached", "saving", "commit"]


def test_trouble_is_told_in_a_sentence(kernel: Kernel, listen: Listen) -> None:
    kernel.ok("x = 1")
    kernel.flush()
    listener = listen(kernel)
    comm = listener.open()
    listener.until(kind("attached", comm))
    assert kernel.store is not None
    away = kernel.store.with_name("away")
    kernel.store.rename(away)
    try:
        kernel.run("y = [1]")
        told = listener.until(kind("trouble", comm))
    finally:
        away.rename(kernel.store)
    assert len(told["message"]) > 20
    kernel.ok("z = 1")
    listener.until(kind("commit", comm))


def test_leaving_closes_the_comm_and_attaching_again_opens_one(kernel: Kernel, listen: Listen) -> None:
    listener = listen(kernel)
    comm = listener.open()
    listener.until(kind("attached", comm))
    kernel.ok("%unload_ext perdure")
    listener.until(lambda type_, its, _: (type_, its) == ("comm_close", comm))
    kernel.ok("%load_ext perdure")
    listener.until(lambda type_, _, data: type_ == "comm_open" and data["kind"] == "attached")


def test_a_front_end_that_closes_its_comm_is_not_told_any_more(kernel: Kernel, listen: Listen) -> None:
    listener = listen(kernel)
    comm, other = listener.open(), listener.open()
    listener.until(kind("attached", comm))
    listener.until(kind("attached", other))
    client = listener._client
    client.shell_channel.send(client.session.msg("comm_close", {"comm_id": comm, "data": {}}))
    kernel.ok("x = 1")
    listener.until(kind("commit", other))
    kernel.ok("y = 1")
    listener.until(lambda *_: listener.kinds(other).count("commit") == 2)
    assert listener.kinds(comm).count("commit") <= 1  # the first may have been on its way


def test_no_name_is_added_and_a_closed_kernel_socket_harms_no_cell(kernel: Kernel) -> None:
    assert kernel.value("[n for n in globals() if 'comm' in n or 'announc' in n]") == []
    kernel.ok(
        "import comm as _c\n_m = _c.get_comm_manager()\n"
        "def _broken(*given, **named): raise RuntimeError('gone')\n"
        "for _one in _m.comms.values(): _one.send = _one.publish_msg = _broken"
    )
    kernel.ok("x = 1")
    kernel.flush()
    assert kernel.last()["source"] == "x = 1"


def test_the_cell_s_id_is_kept(kernel: Kernel) -> None:
    message = kernel.client.session.msg(
        "execute_request",
        {"code": "x = 1", "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False},
        metadata={"cellId": "f00d-cafe"},
    )
    kernel.client.shell_channel.send(message)
    kernel.ok("y = 1")
    kernel.flush()
    session = "__import__('perdure').current()"
    found = kernel.value(f"[r.meta.get('cell_id') for _, r in {session}.store.ancestry({session}.head, 2)]")
    assert found == [None, "f00d-cafe"]
