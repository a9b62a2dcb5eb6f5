"""Every write that the store makes to the operating system, in one place, so that a test can make each of them fail."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from perdure.errors import StoreFull, StoreReadOnly, StoreUnreachable, UsageError

from .digest import Buffer

_FULL: Final = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_FORBIDDEN: Final = {errno.EROFS, errno.EACCES, errno.EPERM}
_BUFFERS_AT_ONCE: Final = 512  # below every system's IOV_MAX
_BINARY: Final = getattr(os, "O_BINARY", 0)


@contextmanager
def translated(path: Path | str) -> Iterator[None]:
    """Turn what the operating system says about ``path`` into a `StoreError` that says what to do.

    Raises `StoreFull`, `StoreReadOnly` or `StoreUnreachable`.
    """
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        if error.errno in _FULL:
            raise StoreFull(
                f"{path} can't be written: {why}. Make room on that disk; what was acknowledged is safe."
            ) from error
        if error.errno in _FORBIDDEN:
            raise StoreReadOnly(
                f"{path} can't be written: {why}. Name another store (PERDURE_STORE) or mend the permissions."
            ) from error
        raise StoreUnreachable(f"{path} can't be used: {why}. Check the disk, or name another store.") from error


@contextmanager
def reading_file(path: Path) -> Iterator[None]:
    """Turn what the operating system says about a file that the user named, and that is no part of a store.

    Raises `UsageError`.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {path}. Check its name, and the folder that it starts from.") from error
    except OSError as error:
        raise UsageError(
            f"{path} can't be read: {error.strerror or error}. Mend its permissions, or name another file."
        ) from error


@contextmanager
def writing_file(path: Path) -> Iterator[None]:
    """The same for a file that is to be written.

    Raises `UsageError`, or `StoreFull` if its disk is full.
    """
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        if error.errno in _FULL:
            raise StoreFull(
                f"{path} can't be written: {why}. Make room on that disk, or name a file on another."
            ) from error
        raise UsageError(
            f"{path} can't be written: {why}. Name a file in a folder that is there and that you can write to."
        ) from error


class Files:
    """The system calls that change files; each raises the plain `OSError`."""

    def create(self, path: Path) -> int:
        """A descriptor of a new file for reading and writing; the file must not exist."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o644)

    def write(self, fd: int, buffers: Sequence[Buffer]) -> None:
        """Write all of ``buffers`` at the descriptor's position."""
        if not hasattr(os, "writev"):
            for part in buffers:
                self._write_rest(fd, memoryview(part))
            return
        for first in range(0, len(buffers), _BUFFERS_AT_ONCE):
            batch = buffers[first : first + _BUFFERS_AT_ONCE]
            written = os.writev(fd, batch)
            for part in batch:
                if written < len(part):
                    self._write_rest(fd, memoryview(part)[max(written, 0) :])
                written -= len(part)

    def _write_rest(self, fd: int, view: memoryview) -> None:
        while view:
            view = view[os.write(fd, view) :]

    def sync(self, fd: int) -> None:
        """Make all that was written durable."""
        os.fsync(fd)

    def sync_data(self, fd: int) -> None:
        """Make the bytes durable that were written, ahead of the `sync` that also sees to the file's length and the like."""
        getattr(os, "fdatasync", os.fsync)(fd)

    def sync_directory(self, path: Path) -> None:
        """Make the names in a directory durable; Windows has no such call and needs none."""
        if os.name == "nt":
            return
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def truncate(self, fd: int, length: int) -> None:
        """Cut the file, and go on writing at its new end."""
        os.ftruncate(fd, length)
        os.lseek(fd, length, os.SEEK_SET)

    def make_directory(self, path: Path) -> None:
        """With its parents; it may be there already."""
        path.mkdir(parents=True, exist_ok=True)

    def replace(self, source: Path, target: Path) -> None:
        """Give a file another's name and place."""
        source.replace(target)

    def unlink(self, path: Path) -> None:
        """Delete a file that may be gone already."""
        path.unlink(missing_ok=True)

    def publish(self, path: Path, data: bytes, *, replace: bool = False) -> bool:
        """Put a small file in place as a whole, durably; False if it was there and ``replace`` is not set."""
        scratch = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(3).hex()}")
        fd = self.create(scratch)
        try:
            try:
                self.write(fd, [data])
                self.sync(fd)
            finally:
                os.close(fd)
            if replace:
                self.replace(scratch, path)
            elif not self._link(scratch, path):
                return False
            self.sync_directory(path.parent)
            return True
        finally:
            self.unlink(scratch)

    def _link(self, source: Path, target: Path) -> bool:
        """Name ``source`` also ``target``, unless something is called that already."""
        try:
            os.link(source, target)
        except FileExistsError:
            return False
        except (OSError, NotImplementedError, AttributeError):
            # A file system without hard links: two makers in the same instant could both win here.
            if target.exists():
                return False
            self.replace(source, target)
        return True
