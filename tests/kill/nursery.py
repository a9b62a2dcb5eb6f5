"""Children that can be had quickly and killed at any moment, seen from the test's side."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

TESTS = Path(__file__).parent.parent

#: Seconds after which something that should happen is taken for something that won't.
PATIENCE = 60.0

Message = dict[str, Any]


class Child:
    """A process that says JSON objects until it ends or is killed."""

    def __init__(self, nursery: Nursery, pid: int, end: socket.socket) -> None:
        self.pid = pid
        self._nursery = nursery
        self._end = end
        self._rest = b""
        self._gone = False
        self._heard: list[Message] = []

    def fileno(self) -> int:
        return self._end.fileno()

    @property
    def over(self) -> bool:
        """Whether it has closed its end, as every process does that is no more."""
        return self._gone

    def read(self) -> None:
        """Take what has arrived, waiting if nothing has."""
        data = b""
        with suppress(ConnectionResetError):  # it was killed before it had read what it was told
            data = self._end.recv(1 << 20)
        if not data:
            self._gone = True
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._heard += map(json.loads, lines)

    def taken(self) -> list[Message]:
        """What it has said since this was last asked.

        :raises AssertionError: if it ended with an exception.
        """
        heard, self._heard = self._heard, []
        for message in heard:
            assert "crash" not in message, message["crash"]
        return heard

    def until(self, key: str) -> list[Message]:
        """What it says up to the first message that has ``key``."""
        found: list[Message] = []
        deadline = time.monotonic() + PATIENCE
        while not any(key in message for message in found):
            assert not self._gone, f"the child ended before it said {key!r}: {found}"
            assert wait([self], deadline), f"the child did not say {key!r} within {PATIENCE:.0f} s: {found}"
            self.read()
            found += self.taken()
        return found

    def tell(self, text: str) -> None:
        """Send it a line."""
        self._end.sendall(text.encode() + b"\n")

    def ask(self, text: str, key: str) -> Message:
        """Send it a line, and give its answer."""
        self.tell(text)
        return self.until(key)[-1]

    def finish(self) -> list[Message]:
        """Wait for its end; what it has said until then."""
        deadline = time.monotonic() + PATIENCE
        while not self._gone:
            assert wait([self], deadline), f"the child did not end within {PATIENCE:.0f} s"
            self.read()
        self._nursery.reap(self)
        return self.taken()

    def kill(self) -> list[Message]:
        """SIGKILL. Returns what it had said by then, once it is gone."""
        os.kill(self.pid, signal.SIGKILL)  # it is not reaped before, so the id is its own
        return self.finish()

    def close(self) -> None:
        self._end.close()


def wait(children: list[Child], deadline: float) -> list[Child]:
    """Those that have something to be read; an empty list once the time has come."""
    return select.select(children, [], [], max(deadline - time.monotonic(), 0.0))[0]


class Nursery:
    """The warm process.

    :param modules: those of the tests whose functions children will run.
    """

    def __init__(self, *modules: str) -> None:
        import perdure

        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._requests = ours
        self._alive: dict[int, Child] = {}
        roots = [str(Path(perdure.__file__).parents[1]), str(TESTS)]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(roots),
            "OPENBLAS_NUM_THREADS": "1",  # a process with threads is not to be forked
        }
        self._process = subprocess.Popen(
            [sys.executable, str(TESTS / "kill" / "warm.py"), str(theirs.fileno()), *modules],
            pass_fds=[theirs.fileno()],
            env=environment,
        )
        theirs.close()
        ours.settimeout(PATIENCE)

    def fork(self, task: str, **arguments: Any) -> Child:
        """Run ``module:function`` of tests in a child, with a `Line` and the arguments."""
        ours, theirs = socket.socketpair()
        socket.send_fds(
            self._requests, [json.dumps({"task": task, "arguments": arguments}).encode()], [theirs.fileno()]
        )
        theirs.close()
        child = Child(self, json.loads(self._requests.recv(1 << 16))["pid"], ours)
        self._alive[child.pid] = child
        return child

    def reap(self, child: Child) -> None:
        """Wait until a child that has ended is no process any more."""
        if self._alive.pop(child.pid, None) is not None:
            self._requests.send(json.dumps({"reap": child.pid}).encode())
            self._requests.recv(1 << 16)
            child.close()

    def clear(self) -> None:
        """End the children that a test has left."""
        for child in list(self._alive.values()):
            os.kill(child.pid, signal.SIGKILL)
            self.reap(child)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()
        self._requests.close()
        self._process.wait(PATIENCE)
