"""The one process that opens a folder's Chroma index: ``python -m perdure.cot.index.chroma_server FOLDER``.

Why there is one, and why it isn't ``chroma run``: docs/design/0006-one-owner-for-chroma.md. It speaks the part of Chroma's HTTP
API that we use, on loopback, to whoever sends the token from ``owner.json``, a file that only its user can read. It ends by itself
when nobody has been connected for a while, when its folder is gone, or on SIGTERM.
"""

from __future__ import annotations

import argparse
import contextlib
import hmac
import http.server
import json
import os
import secrets
import shutil
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from types import FrameType
from typing import Any, Final

from perdure.cot.index.chroma_shelf import Shelf

IDLE: Final = 600.0
"""Seconds without a connection after which the process ends."""
TAKEN: Final = 75
"""Exit status: another process owns the folder."""
DAMAGED: Final = 76
"""Exit status: Chroma can't use what is in the folder. Started with ``--fresh``, the process throws it away."""
STATE: Final = "owner.json"
"""The file that says where the owner listens: host, port, token, pid and when the process started."""
LOG: Final = "owner.log"
"""Where its complaints go."""
TOKEN_HEADER: Final = "x-chroma-token"  # noqa: S105 - a header's name

_SUCCESSION: Final = 5.0
"""Seconds to wait for the last owner's end, in case that it is ending."""
_LARGEST: Final = 1 << 28
"""Bytes that a request may have."""
_PATIENCE: Final = 30.0
"""Seconds that requests under way have to end in."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Own the folder until nobody is there; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--idle", type=float, default=IDLE)
    parser.add_argument("--fresh", action="store_true")
    told = parser.parse_args(arguments)
    folder: Path = told.folder
    lock = _lock(folder / "owner.lock")
    if lock is None:
        return TAKEN
    signal.signal(signal.SIGTERM, _leave)
    import chromadb  # noqa: F401 - if that fails, it isn't the data's fault

    (folder / LOG).write_bytes(b"")
    # The mark is there only between a proper end and the next start: without it, the last owner was killed.
    data, mark = folder / "data", folder / "clean"
    if told.fresh:
        shutil.rmtree(data, ignore_errors=True)
    killed = data.exists() and not mark.exists()
    mark.unlink(missing_ok=True)
    try:
        shelf = Shelf(data, check=killed)
    except Exception as error:  # noqa: BLE001 - whatever it raises, Chroma can't use the data
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return DAMAGED
    with contextlib.closing(lock), Owner(shelf, folder, told.idle) as owner:
        try:
            owner.serve()
        finally:
            if owner.finish() and data.exists():
                mark.touch()
    return 0


def _lock(file: Path) -> sqlite3.Connection | None:
    """A lock that ends with this process, however that ends; None if another has it. SQLite knows how on every system."""
    lock = sqlite3.connect(file, timeout=_SUCCESSION, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        lock.close()
        return None
    return lock


def _leave(signal: int, frame: FrameType | None) -> None:
    sys.exit(0)


class Owner(http.server.ThreadingHTTPServer):
    """The server, on a free port of 127.0.0.1. It counts who is connected, to know when it isn't needed."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, shelf: Shelf, folder: Path, idle: float) -> None:
        self.shelf: Final = shelf
        self.token: Final = secrets.token_urlsafe(32)
        self._state: Final = folder / STATE
        self._idle: Final = idle
        self._changed: Final = threading.Condition()
        self._clients = 0
        self._busy = 0
        self._ending = False
        self._last = time.monotonic()
        super().__init__(("127.0.0.1", 0), _Handler)
        self.timeout = min(5.0, max(idle / 4, 0.05))
        self._published: Final = self._publish()

    def _publish(self) -> str:
        import psutil

        process = psutil.Process()
        state = json.dumps(
            {
                "host": "127.0.0.1",
                "port": self.server_address[1],
                "token": self.token,
                "pid": process.pid,
                "started": process.create_time(),
            }
        )
        fresh = self._state.with_suffix(f".{process.pid}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(state)
        fresh.replace(self._state)
        return state

    def serve(self) -> None:
        """Answer until nobody has been there for the idle time, or the folder is gone."""
        while not self._over():
            self.handle_request()

    def _over(self) -> bool:
        with self._changed:
            idle = not self._clients and time.monotonic() - self._last > self._idle
        return idle or not self._ours()

    def _ours(self) -> bool:
        """Whether the folder is still the one that this process owns: it may have been deleted, and made again."""
        try:
            return self._state.read_text(encoding="ascii") == self._published
        except OSError:
            return False

    def finish(self) -> bool:
        """Take no more requests and wait for those under way; True once there are none."""
        if self._ours():
            self._state.unlink(missing_ok=True)
        with self._changed:
            self._ending = True
            return self._changed.wait_for(lambda: not self._busy, _PATIENCE)

    def arrived(self) -> None:
        """A client has shown the token."""
        with self._changed:
            self._clients += 1

    def left(self) -> None:
        """A client's connection has ended."""
        with self._changed:
            self._clients -= 1
            self._last = time.monotonic()

    @contextlib.contextmanager
    def working(self) -> Any:
        """Around every request: True, or False if it comes too late."""
        with self._changed:
            late = self._ending
            self._busy += not late
        try:
            yield not late
        finally:
            with self._changed:
                self._busy -= not late
                self._last = time.monotonic()
                self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in mid-sentence is nothing to write about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Owner
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body in one packet
    _known = False

    def _serve(self) -> None:
        given = self.headers.get(TOKEN_HEADER, "")
        length = self.headers.get("Content-Length", "0")
        if not hmac.compare_digest(given.encode(), self.server.token.encode()):
            return self._say(HTTPStatus.UNAUTHORIZED, {"error": "the token is missing or wrong"}, close=True)
        if not self._known:
            self._known = True
            self.server.arrived()
        if not length.isdecimal() or int(length) > _LARGEST:
            return self._say(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"error": "the request is too large"}, close=True)
        read = self.rfile.read(int(length))
        with self.server.working() as in_time:
            if not in_time:
                self.close_connection = True  # without a reply: the client looks for the next owner
                return None
            status, reply = self._answer(read)
            return self._say(status, reply)

    def _answer(self, read: bytes) -> tuple[HTTPStatus, Any]:
        try:
            return HTTPStatus.OK, self.server.shelf.do(self.command, self.path, json.loads(read or b"{}"))
        except LookupError as error:
            return HTTPStatus.NOT_FOUND, {"error": "NotFound", "message": str(error)}
        except (TypeError, ValueError) as error:
            return HTTPStatus.BAD_REQUEST, {"error": type(error).__name__, "message": str(error)}
        except Exception as error:  # noqa: BLE001 - Chroma's errors have no common base; the client decides
            return HTTPStatus.INTERNAL_SERVER_ERROR, {"error": type(error).__name__, "message": str(error)}

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - http.server's names

    def _say(self, status: HTTPStatus, reply: Any, *, close: bool = False) -> None:
        body = json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if close:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def finish(self) -> None:
        """The connection has ended."""
        with contextlib.suppress(OSError):
            super().finish()
        if self._known:
            self.server.left()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Requests are not logged: they come with every question."""


if __name__ == "__main__":
    sys.exit(main())
