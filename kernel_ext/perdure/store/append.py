"""Appending records to packs of one's own, with the means to take back what was not accepted."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from perdure.errors import StoreError

from .digest import Buffer, Kind, digest
from .errand import Errand
from .files import Files, translated
from .frame import ZSTD, Header, packed, salt_of
from .pack import SUFFIX, Location
from .process import this_process

PACK_LIMIT: Final = 256 << 20
"""Bytes at which a pack is full and the next one is begun."""

EARLY: Final = 64 << 20
"""Bytes after which the disk is told to begin with what was written, so that the last sync finds little left."""

_COPY_BELOW: Final = 64 << 10
_FLUSH_ABOVE: Final = 4 << 20
_FAILED: Final = "An earlier write to the store failed. Give up the pending commit before the next one."


class Extent(NamedTuple):
    """How much of a pack is durable: its name, its length in bytes, and whether nothing will be added to it."""

    pack: str
    length: int
    sealed: bool


class _Pack:
    """A pack that this process writes; ``length`` counts what is still in memory, ``accepted`` is what is kept."""

    def __init__(self, name: str, path: Path, fd: int) -> None:
        self.name, self.path, self.fd = name, path, fd
        self.salt = salt_of(name)
        self.length = self.accepted = 0


class Appender:
    """Records go into memory or the file with `add`, are durable after `sync`, and stay for good after `accept`.

    After any exception call `abort`, which forgets everything since the last `accept`; then it can be used again.
    Used from one thread at a time. Methods raise `StoreFull`, `StoreReadOnly` or `StoreUnreachable`.
    """

    def __init__(self, files: Files, directory: Path, *, limit: int = PACK_LIMIT) -> None:
        self.pending_bytes = 0
        self._files = files
        self._directory = directory
        self._limit = limit
        self._pid = os.getpid()
        self._pack: _Pack | None = None
        self._full: list[_Pack] = []
        self._buffers: list[Buffer] = []
        self._buffered = 0
        self._unsynced = 0
        self._writing = Errand("perdure-write")
        self._syncing = Errand("perdure-sync")
        self._named = False
        self._failed = False

    def add(
        self, kind: Kind, payload: Buffer, name: bytes | None = None, *, compress: bool = False, hold: bool = False
    ) -> Location:
        """Append one record. With ``hold`` the payload is only referred to: see `flush_aside`."""
        small = packed(payload) if compress else None
        header = Header(
            kind, ZSTD if small else 0, 0, len(small or payload), len(payload), name or digest(kind, payload)
        )
        return self.add_stored(header, small or payload, hold=hold)

    def add_stored(self, header: Header, stored: Buffer, *, hold: bool = False) -> Location:
        """Append a record as it lies in another pack."""
        if not hold and self._pack is not None and self._pack.length >= self._limit:
            self.roll()
        pack = self._writable()
        head = Header(header.kind, header.flags, pack.salt, header.stored, header.raw, header.digest).encode()
        where = Location(pack.name, pack.length, header.length)
        large = len(stored) >= _COPY_BELOW
        self._queue(pack, head, stored if large or hold else bytes(stored))
        if not hold and (large or self._buffered > _FLUSH_ABOVE):
            self.flush()
        return where

    def _queue(self, pack: _Pack, *buffers: Buffer) -> None:
        for buffer in buffers:
            self._buffers.append(buffer)
            self._buffered += len(buffer)
            pack.length += len(buffer)
            self.pending_bytes += len(buffer)

    def _writable(self) -> _Pack:
        if self._failed:
            raise StoreError(_FAILED)
        if os.getpid() != self._pid:
            raise StoreError("The store was opened before a fork, and only the parent may write. Open it again here.")
        if self._pack is None:
            self._pack = self._begin()
        return self._pack

    def _begin(self) -> _Pack:
        name = f"{time.time_ns():016x}-{os.urandom(3).hex()}"
        path = self._directory / (name + SUFFIX)
        with translated(path):
            pack = _Pack(name, path, self._files.create(path))
        self._named = True
        owner = this_process()
        about = json.dumps({"host": owner.host, "pid": owner.pid, "started": owner.started}).encode()
        head = Header(Kind.PACK, 0, pack.salt, len(about), len(about), digest(Kind.PACK, about))
        self._queue(pack, head.encode(), about)
        return pack

    @property
    def full(self) -> bool:
        """Whether the current pack has reached its limit; `add` with ``hold`` leaves it to the caller to `roll`."""
        return self._pack is not None and self._pack.length >= self._limit

    def roll(self) -> None:
        """Finish the current pack; the next record begins another."""
        self.flush()
        if self._pack is not None:
            with self._or_failed():
                self._sync_early(0)
            self._full.append(self._pack)
            self._pack = None

    # -- to the disk -----------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Hand everything to the operating system."""
        with self._or_failed():
            self._drain()
            self._sync_early(EARLY)

    def flush_aside(self) -> None:
        """Begin to hand everything to the operating system, on another thread.

        What was added with ``hold`` must stay as it is until the next `flush_aside`, `wait` or `flush`
        has returned.
        """
        with self._or_failed():
            self._writing.wait()
            self._sync_early(EARLY)
            pack, buffers = self._take()
            if pack is not None and buffers:
                self._writing.start(partial(self._write, pack, buffers))

    def wait(self) -> None:
        """Wait for what `flush_aside` began."""
        with self._or_failed():
            self._writing.wait()

    def _drain(self) -> None:
        self._writing.wait()
        pack, buffers = self._take()
        if pack is not None and buffers:
            self._write(pack, buffers)

    def _take(self) -> tuple[_Pack | None, list[Buffer]]:
        buffers, self._buffers = self._buffers, []
        self._unsynced += self._buffered
        self._buffered = 0
        return self._pack, buffers

    def _write(self, pack: _Pack, buffers: Sequence[Buffer]) -> None:
        with translated(pack.path):
            self._files.write(pack.fd, buffers)

    def _sync_early(self, enough: int) -> None:
        """Have the disk begin with the current pack, unless it is busy with the last time. A failure fails what comes next."""
        if self._pack is None or self._unsynced < enough or self._syncing.running:
            return
        self._unsynced = 0
        self._syncing.start(partial(self._sync_data, self._pack))

    def _sync_data(self, pack: _Pack) -> None:
        with translated(pack.path):
            self._files.sync_data(pack.fd)

    @contextmanager
    def _or_failed(self) -> Iterator[None]:
        """After a failure nothing may be acknowledged before `abort`: a system tells only once that it lost something."""
        try:
            yield
        except BaseException:
            self._failed = True
            raise

    def sync(self) -> list[Extent]:
        """Make everything added durable; what to tell the catalog about each pack."""
        if self._failed:
            raise StoreError(_FAILED)
        with self._or_failed():
            self._drain()
        packs = [(pack, True) for pack in self._full]
        if self._pack is not None and self._pack.length > self._pack.accepted:
            packs.append((self._pack, False))
        with self._or_failed():
            self._syncing.wait()
            self._unsynced = 0
            for pack, _ in packs:
                with translated(pack.path):
                    self._files.sync(pack.fd)
                    pack.path.stat()  # a file that somebody has deleted can still be written, and lasts no longer than we
            if self._named:
                with translated(self._directory):
                    self._files.sync_directory(self._directory)
                self._named = False
        return [Extent(pack.name, pack.length, sealed) for pack, sealed in packs]

    def accept(self) -> None:
        """What was synced is in the catalog: keep it."""
        for pack in self._full:
            os.close(pack.fd)
        self._full.clear()
        if self._pack is not None:
            self._pack.accepted = self._pack.length
        self.pending_bytes = 0

    def abort(self, indexed: Callable[[str], int]) -> None:
        """Forget what was not accepted. ``indexed`` tells how many bytes of a pack the catalog counts on.

        Never raises: where the tail can't be cut off, the pack is left as it is and another one begun.
        """
        if os.getpid() != self._pid:
            return  # a forked child: the packs are the parent's
        for errand in (self._writing, self._syncing):
            with suppress(Exception):  # what it wrote is forgotten
                errand.wait()
        packs = self._full + ([self._pack] if self._pack is not None else [])
        self._full, self._pack, self._buffers, self._buffered = [], None, [], 0
        self.pending_bytes, self._unsynced, self._failed, self._named = 0, 0, False, True
        for pack in packs:
            try:
                # An error of the catalog's may have hidden a success: then the records are needed, and stay.
                if indexed(pack.name) == pack.accepted:
                    if pack.accepted:
                        self._files.truncate(pack.fd, pack.accepted)
                        pack.length = pack.accepted
                        self._pack = pack
                        continue
                    self._files.unlink(pack.path)
            except Exception:  # noqa: BLE001 - whatever it is, the tail stays
                pass  # a tail that nothing refers to does no harm
            os.close(pack.fd)

    def close(self) -> str | None:
        """Let go of the files; the name of the pack that ends here. Call `accept` or `abort` first."""
        pack, self._pack = self._pack, None
        if pack is None or os.getpid() != self._pid:
            return None
        os.close(pack.fd)
        return pack.name
