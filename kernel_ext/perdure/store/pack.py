"""Pack files as they are read: which there are, who writes them, and bytes at an offset."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from .digest import Kind
from .frame import HEADER_SIZE, Header, salt_of, unpacked
from .records import Owner

SUFFIX: Final = ".pack"
_OPEN_AT_ONCE: Final = 64
_BINARY: Final = getattr(os, "O_BINARY", 0)


class Location(NamedTuple):
    """Where a frame lies: the pack's name, the offset of its header and the length of the frame in bytes."""

    pack: str
    offset: int
    length: int


class _Descriptor:
    __slots__ = ("fd", "users")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.users = 0


class PackFiles:
    """The pack files of a store, for reading from any number of threads. Every method raises plain `OSError`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock = threading.Lock()
        self._open: dict[str, _Descriptor] = {}

    def path(self, name: str) -> Path:
        """The file of the pack called ``name``."""
        return self.directory / (name + SUFFIX)

    def sizes(self) -> dict[str, int]:
        """The packs that there are, in the order they were begun, and the length of each in bytes."""
        found = {}
        for entry in os.scandir(self.directory):
            if entry.name.endswith(SUFFIX):
                try:
                    found[entry.name.removesuffix(SUFFIX)] = Path(entry.path).stat().st_size
                except FileNotFoundError:
                    continue  # gc was faster
        return dict(sorted(found.items()))

    @contextmanager
    def _descriptor(self, name: str) -> Iterator[int]:
        with self._lock:
            held = self._open.get(name)
            if held is None:
                if len(self._open) >= _OPEN_AT_ONCE:
                    self._close_idle()
                held = self._open[name] = _Descriptor(os.open(self.path(name), os.O_RDONLY | _BINARY))
            held.users += 1
        try:
            yield held.fd
        finally:
            with self._lock:
                held.users -= 1

    def _close_idle(self) -> None:
        for name in [name for name, held in self._open.items() if not held.users]:
            os.close(self._open.pop(name).fd)

    def pread(self, name: str, length: int, offset: int) -> bytes:
        """Up to ``length`` bytes; fewer only at the end of the file."""
        buffer = bytearray(length)
        return bytes(buffer[: self.pread_into(name, [memoryview(buffer)], offset)])

    def pread_into(self, name: str, buffers: list[memoryview], offset: int) -> int:
        """Fill ``buffers`` one after the other; the number of bytes read is less than asked only at the end."""
        with self._descriptor(name) as fd:
            wanted = sum(map(len, buffers))
            done = self._read_once(fd, buffers, offset)
            while 0 < done < wanted:
                rest, skip = [], done
                for buffer in buffers:
                    if skip < len(buffer):
                        rest.append(buffer[skip:])
                    skip = max(skip - len(buffer), 0)
                got = self._read_once(fd, rest, offset + done)
                if got == 0:
                    break
                done += got
            return done

    def _read_once(self, fd: int, buffers: list[memoryview], offset: int) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(fd, buffers, offset)
        with self._lock:  # Windows: one position for all threads
            os.lseek(fd, offset, os.SEEK_SET)
            done = 0
            for buffer in buffers:
                data = os.read(fd, len(buffer))
                buffer[: len(data)] = data
                done += len(data)
                if len(data) < len(buffer):
                    break
            return done

    def record(self, where: Location) -> tuple[Header, bytes] | None:
        """The header and the raw payload at ``where``, or None if they aren't whole."""
        data = memoryview(self.pread(where.pack, where.length, where.offset))
        header = Header.decode(data)
        if header is None or header.length != len(data):
            return None
        raw = unpacked(header, data[HEADER_SIZE:])
        return None if raw is None else (header, bytes(raw))

    def owner(self, name: str) -> Owner | None:
        """Who wrote (or writes) the pack, or None if its first record doesn't say."""
        header = Header.decode(self.pread(name, HEADER_SIZE, 0))
        if header is None or header.kind != Kind.PACK or header.salt != salt_of(name):
            return None
        found = self.record(Location(name, 0, header.length))
        if found is None:
            return None
        fields = json.loads(found[1])
        return Owner(fields["host"], fields["pid"], fields["started"])

    def forget(self, name: str) -> None:
        """Let go of a pack that is about to be deleted."""
        with self._lock:
            held = self._open.get(name)
            if held is not None and not held.users:
                os.close(self._open.pop(name).fd)

    def close(self) -> None:
        """Let go of all of them."""
        with self._lock:
            self._close_idle()
