"""Where a folder's owner (`perdure.cot.index.chroma_server`) listens; it is started if there is none."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from perdure.cot.index.chroma_server import DAMAGED, IDLE, LOG, STATE, TAKEN, TOKEN_HEADER
from perdure.errors import MissingExtra, StoreUnreachable

if TYPE_CHECKING:
    import psutil

PATIENCE: Final = 60.0
"""Seconds that a server has to come up in: importing Chroma on a busy machine takes ten."""

_POLL: Final = 0.05
_CLOCK_SLACK: Final = 5.0
"""Seconds by which two readings of one process's start may differ."""

_DETACHED: Final[int] = getattr(subprocess, "DETACHED_PROCESS", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
"""Windows' words for a session of its own."""

_children: Final[list[subprocess.Popen[bytes]]] = []
"""Those that this process started, so that they can be reaped when they end before it does."""


class Address(NamedTuple):
    """Where a Chroma server listens, and what it wants to see."""

    host: str
    port: int
    headers: tuple[tuple[str, str], ...] = ()
    secure: bool = False


def address(folder: Path, idle: float = IDLE) -> Address:
    """The address of the folder's owner, which may be starting, or is started now.

    :raises StoreUnreachable: if it doesn't come up.
    :raises MissingExtra: if Chroma isn't installed.
    """
    found = running(folder)
    if found is None:
        if find_spec("chromadb") is None:
            raise MissingExtra("The index needs chromadb, which isn't installed. Run: pip install 'perdure[cot]'")
        found = _started(folder, idle)
    return found


def stop(folder: Path) -> None:
    """End the folder's owner, if it has one, and wait for its end."""
    import psutil

    process = _process(folder)
    if process is not None:
        with contextlib.suppress(psutil.Error):
            process.terminate()
            process.wait(PATIENCE)


def _started(folder: Path, idle: float) -> Address:
    _private(folder)
    fresh = False
    deadline = time.monotonic() + PATIENCE
    child = _spawn(folder, idle, fresh=fresh)
    while time.monotonic() < deadline:
        found = running(folder)
        if found is not None:
            _recall(child, folder)
            return found
        try:
            status = child.wait(_POLL)
        except subprocess.TimeoutExpired:
            continue
        if status in {0, TAKEN}:  # another one is still coming up
            child = _spawn(folder, idle, fresh=False)
        elif not fresh and _data_to_blame(status):
            fresh = True
            child = _spawn(folder, idle, fresh=True)
        else:
            raise StoreUnreachable(f"Chroma ended with status {status} in {folder}. Read {folder / LOG}.")
    raise StoreUnreachable(f"Chroma did not come up in {folder} within {PATIENCE:.0f} s. Read {folder / LOG}.")


def _recall(child: subprocess.Popen[bytes], folder: Path) -> None:
    """End the process that this one has started, if another's was first: it would wait to succeed that one."""
    owner = _process(folder)
    # On Windows the child may be a launcher, with the owner as its own child.
    if sys.platform != "win32" and owner is not None and owner.pid != child.pid:
        child.terminate()


def _data_to_blame(status: int) -> bool:
    """Whether the server said so, or crashed, as native code does over files that were torn."""
    return status == DAMAGED or status < 0 or status > 255


def _private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnreachable(f"The index's folder {folder} can't be made: {error}. Choose another place.") from error


def _spawn(folder: Path, idle: float, *, fresh: bool) -> subprocess.Popen[bytes]:
    """A process of its own: it outlives this one, hears none of its signals and writes nothing where the user would see it."""
    _children[:] = [child for child in _children if child.poll() is None]
    command = [
        sys.executable,
        "-P",
        "-m",
        "perdure.cot.index.chroma_server",
        str(folder.resolve()),
        "--idle",
        str(idle),
    ]
    if fresh:
        command.append("--fresh")
    # What configures Chroma, telemetry or proxies for the user's own code isn't meant for ours.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CHROMA_", "OTEL_"))}
    roots = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, roots))
    try:
        with (folder / LOG).open("ab") as log:
            child = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                creationflags=_DETACHED,
            )
    except OSError as error:
        raise StoreUnreachable(
            f"Chroma can't be started in {folder}: {error}. Check the folder's permissions."
        ) from error
    _children.append(child)
    return child


def running(folder: Path) -> Address | None:
    """The address of the folder's owner, if there is one."""
    state = _state(folder)
    if state is None or _process(folder) is None:
        return None
    return Address(str(state["host"]), int(str(state["port"])), ((TOKEN_HEADER, str(state["token"])),))


def _process(folder: Path) -> psutil.Process | None:
    """The living process that the state file speaks of."""
    import psutil

    state = _state(folder)
    if state is None:
        return None
    try:
        process = psutil.Process(int(str(state["pid"])))
        same = abs(process.create_time() - float(str(state["started"]))) < _CLOCK_SLACK
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.Error, ValueError):
        return None


def _state(folder: Path) -> dict[str, object] | None:
    try:
        read = json.loads((folder / STATE).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return read if isinstance(read, dict) and {"host", "port", "token", "pid", "started"} <= read.keys() else None
