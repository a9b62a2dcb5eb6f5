"""One session as one file: framed records like a pack's, between a header record and a trailer that counts them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from blake3 import blake3

from perdure.errors import DamagedBundle, StoreTooNew

from . import index
from .digest import KEY_SIZE, Buffer, Kind, digest
from .files import Files, reading_file, writing_file
from .frame import HEADER_SIZE, ZSTD, Header, packed, unpacked
from .opening import FORMAT
from .reader import Reader
from .records import Commit, Malformed, RefsMove, SessionRecord, Snapshot

_Read = Callable[[int], bytes]

Sign = Callable[[str], str | None]
"""Makes a signature of a file's digest."""

_RAW_LIMIT: Final = 1 << 30
"""Bytes that one record may unpack to; a file from a stranger could claim any number."""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What went into the file; ``nbytes`` is its length in bytes."""

    path: Path
    commits: int
    chunks: int
    nbytes: int


class _Output:
    def __init__(self, files: Files, fd: int) -> None:
        self._files, self._fd = files, fd
        self._sum = blake3()
        self.count = self.nbytes = 0

    def add(self, kind: Kind, payload: Buffer) -> None:
        small = packed(payload) if kind is not Kind.CHUNK else None
        self.add_stored(
            Header(kind, ZSTD if small else 0, 0, len(small or payload), len(payload), digest(kind, payload)),
            small or payload,
        )

    def add_stored(self, header: Header, stored: Buffer) -> None:
        head = replace(header, salt=0).encode()
        self._files.write(self._fd, [head, stored])
        self._sum.update(header.digest)
        self.count += 1
        self.nbytes += header.length

    def finish(self, sign: Sign | None) -> None:
        digest = self._sum.hexdigest()
        trailer = {"records": self.count, "digest": digest, "signature": sign(digest) if sign else None}
        self.add(Kind.TRAILER, json.dumps(trailer).encode())
        self._files.sync(self._fd)


def export(
    row: index.SessionRow, commits: dict[str, Commit], reader: Reader, files: Files, path: Path, sign: Sign | None
) -> ExportReport:
    """See `Store.export`."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}.part")
    with writing_file(path):
        files.unlink(scratch)
        fd = files.create(scratch)
    try:
        try:
            with writing_file(path):
                output = _Output(files, fd)
                about = {"format": FORMAT, "session": row.record.id, "made": time.time()}
                output.add(Kind.BUNDLE, json.dumps(about).encode())
                output.add(Kind.SESSION, row.record.encode())
                chunks: set[bytes] = set()
                snapshots: set[str] = set()
                for commit in sorted(commits.values(), key=lambda commit: commit.started):
                    for name in sorted(commit.snapshots() - snapshots):
                        snapshots.add(name)
                        snapshot = reader.snapshot(name)
                        for chunk in dict.fromkeys(snapshot.chunks()):
                            if chunk not in chunks:
                                chunks.add(chunk)
                                output.add_stored(*reader.stored_chunk(chunk))
                        output.add(Kind.SNAPSHOT, snapshot.encode())
                    output.add(Kind.COMMIT, commit.encode())
                output.add(Kind.REFS, RefsMove(row.record.id, row.move.stamp, row.move.refs).encode())
                output.finish(sign)
        finally:
            os.close(fd)
        with writing_file(path):
            files.replace(scratch, path)
            files.sync_directory(path.parent)
    except BaseException:
        with writing_file(path):
            files.unlink(scratch)
        raise
    return ExportReport(path, len(commits), len(chunks), output.nbytes)


@dataclass(frozen=True, slots=True)
class Bundle:
    """An exported file that has been read and verified to the last byte."""

    path: Path
    session: SessionRecord
    refs: RefsMove
    commits: dict[str, Commit]
    records: tuple[tuple[Header, int], ...]
    """Every chunk, snapshot and commit record, and the offset of its header in the file."""
    digest: str
    signature: str | None

    @classmethod
    def read(cls, path: Path) -> Bundle:
        """Raises `DamagedBundle`, `StoreTooNew`, or `UsageError` if it can't be read."""
        with reading_file(path):
            size = path.stat().st_size
            with path.open("rb") as file:
                try:
                    content = _Content(path)
                    for header, offset, payload in _records(path, size, file.read):
                        content.take(header, offset, payload)
                    return content.finished()
                except (Malformed, ValueError, KeyError, TypeError, AttributeError) as error:
                    raise _damaged(path, f"{error}") from error


def _records(path: Path, size: int, read: _Read) -> Iterator[tuple[Header, int, bytes]]:
    """Every record with its offset and its raw payload, verified."""
    offset = 0
    while offset < size:
        header = Header.decode(read(HEADER_SIZE))
        if header is None or offset + header.length > size or header.raw > _RAW_LIMIT:
            raise _damaged(path, f"there is no whole record at offset {offset}")
        if (header.kind is Kind.BUNDLE) != (offset == 0):
            raise _damaged(path, f"the record at offset {offset} is not one that `perdure export` puts there")
        payload = unpacked(header, read(header.stored))
        if payload is None:
            raise _damaged(path, f"the {header.kind.name.lower()} at offset {offset} is not what was written")
        yield header, offset, bytes(payload)
        offset += header.length


class _Content:
    """What has been read of a file so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sum = blake3()
        self._count = 0
        self._trailer: bytes | None = None
        self._session: SessionRecord | None = None
        self._refs: RefsMove | None = None
        self._commits: dict[str, Commit] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._chunks: set[bytes] = set()
        self._records: list[tuple[Header, int]] = []

    def take(self, header: Header, offset: int, payload: bytes) -> None:
        if self._trailer is not None:
            raise _damaged(self._path, "it goes on after its end")
        name = header.digest[:KEY_SIZE].hex()
        match header.kind:
            case Kind.BUNDLE:
                _check_format(self._path, json.loads(payload))
            case Kind.SESSION:
                self._session = SessionRecord.decode(payload)
            case Kind.REFS:
                self._refs = RefsMove.decode(payload)
            case Kind.CHUNK:
                self._chunks.add(header.digest)
            case Kind.SNAPSHOT:
                self._snapshots[name] = Snapshot.decode(payload)
            case Kind.COMMIT:
                self._commits[name] = Commit.decode(payload)
            case Kind.TRAILER:
                self._trailer = payload
                return
        if header.kind in (Kind.CHUNK, Kind.SNAPSHOT, Kind.COMMIT):
            self._records.append((header, offset))
        self._sum.update(header.digest)
        self._count += 1

    def finished(self) -> Bundle:
        if self._trailer is None or self._session is None or self._refs is None:
            raise _damaged(self._path, "its end is missing")
        trailer, digest = json.loads(self._trailer), self._sum.hexdigest()
        if (trailer["records"], trailer["digest"]) != (self._count, digest):
            raise _damaged(self._path, "records are missing")
        _check_whole(self._path, self._session, self._refs, self._commits, self._snapshots, self._chunks)
        return Bundle(
            self._path, self._session, self._refs, self._commits, tuple(self._records), digest, trailer.get("signature")
        )


def _check_format(path: Path, about: dict[str, int]) -> None:
    if about["format"] > FORMAT:
        raise StoreTooNew(
            f"{path} was written by perdure format {about['format']}; this one reads up to {FORMAT}. Upgrade perdure."
        )


def _check_whole(
    path: Path,
    session: SessionRecord,
    refs: RefsMove,
    commits: dict[str, Commit],
    snapshots: dict[str, Snapshot],
    chunks: set[bytes],
) -> None:
    """A file may be whole and yet lack what its commits need, if somebody made it so."""
    for commit_id, commit in commits.items():
        if commit.parent is not None and commit.parent not in commits:
            raise _damaged(path, f"the parent of commit {commit_id} is missing")
        float(commit.started), float(commit.duration)
        for name in commit.snapshots():
            if name not in snapshots or not chunks.issuperset(snapshots[name].chunks()):
                raise _damaged(path, f"data of commit {commit_id} is missing")
    if refs.session != session.id or refs.advance or not refs.refs.tips() <= commits.keys():
        raise _damaged(path, "its branches lead nowhere")
    if not 6 <= len(session.id) <= 64 or not set(session.id) <= set("0123456789abcdef"):
        raise _damaged(path, "its session has no proper id")


def _damaged(path: Path, why: str) -> DamagedBundle:
    return DamagedBundle(f"{path} is damaged: {why}. Nothing was imported; export it again, or copy it again.")
