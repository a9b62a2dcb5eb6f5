"""A warm process that forks children: IPython, NumPy and perdure are imported once, and a child is there in milliseconds.

Runs as a script; ``nursery.py`` is its other end. A request is a JSON object with the child's socket beside it: ``task``
(``module:function``) and ``arguments``; or ``reap``, the id of a child whose end is to be waited for.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any

import IPython.core.interactiveshell  # noqa: F401 - so that children have it
import numpy  # noqa: F401 - the same
import psutil  # noqa: F401 - the same
import pyfastcdc  # noqa: F401 - the same
import zstandard  # noqa: F401 - the same


class Line:
    """A child's end of its socket: it says JSON objects and hears lines."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        # Whoever listens and is busy stops who speaks: a child gets no further than its last few messages.
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self._file = end.makefile("r")

    def say(self, **message: Any) -> None:
        """Send one object, whole or (where the process is killed meanwhile) not at all."""
        self._end.sendall(json.dumps(message).encode() + b"\n")

    def hear(self) -> str:
        """Wait for a line from the other end; empty when it has gone."""
        return self._file.readline().strip()


def _child(request: dict[str, Any], end: socket.socket) -> None:
    line = Line(end)
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        module, _, name = request["task"].partition(":")
        task: Callable[..., None] = getattr(importlib.import_module(module), name)
        task(line, **request["arguments"])
    except BaseException:
        line.say(crash=traceback.format_exc())
    finally:
        os._exit(0)  # as abrupt as a kill: nothing that a dying process might still do hides a fault


def main(descriptor: str, *modules: str) -> None:
    requests = socket.socket(fileno=int(descriptor))
    for module in modules:
        importlib.import_module(module)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        data, descriptors, _, _ = socket.recv_fds(requests, 1 << 16, 1)
        if not data:
            return
        request = json.loads(data)
        if "reap" in request:
            _, status = os.waitpid(request["reap"], 0)
            requests.send(json.dumps({"status": status}).encode())
            continue
        end = socket.socket(fileno=descriptors[0])
        pid = os.fork()
        if pid == 0:
            requests.close()
            _child(request, end)
        end.close()
        requests.send(json.dumps({"pid": pid}).encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
