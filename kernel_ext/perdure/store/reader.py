"""Records and chunks back from the packs, every byte of them verified before it is handed out."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from perdure.errors import Damaged, DamagedCatalog, DamagedPack, UnknownRef

from . import index
from .catalog import Catalog, damaged
from .digest import KEY_SIZE, Kind, digest
from .files import translated
from .frame import HEADER_SIZE, ZSTD, Frame, Header, salt_of, scan, unpacked
from .pack import Location, PackFiles
from .records import ChunkId, ChunkList, Commit, Malformed, Snapshot

_ONE_BY_ONE: Final = 100
_THREADS: Final = 2
_OVERLAP_ABOVE: Final = 4 << 20
"""Bytes above which a second thread pays: one reads the next chunk while the other verifies the last."""


class Reader:
    """Answers from the catalog, and from the packs themselves where the catalog is silent or wrong.

    Methods raise `DamagedPack` (bytes in a pack are wrong), `DamagedCatalog`, or `StoreUnreachable`.
    """

    def __init__(self, catalog: Catalog, packs: PackFiles) -> None:
        self._catalog = catalog
        self._packs = packs
        self._lock = threading.Lock()
        self._found: dict[bytes, Location] = {}
        self._searched: dict[str, int] = {}

    # -- records ---------------------------------------------------------------------------------------------------

    def commit(self, commit_id: str) -> Commit:
        """Raises `UnknownRef` where there is no such commit."""
        key = _key(commit_id)
        try:
            with self._catalog.reading() as connection:
                row = connection.execute("SELECT payload FROM commits WHERE id = ?", (key,)).fetchone()
        except DamagedCatalog:
            if self._search(key) is None:
                raise
            row = None
        return self.checked_commit(commit_id, None if row is None else row[0])

    def checked_commit(self, commit_id: str, payload: object) -> Commit:
        """The commit that the catalog's ``payload`` is, or, if it isn't that commit, the one in the packs."""
        key = _key(commit_id)
        if isinstance(payload, bytes) and digest(Kind.COMMIT, payload)[:KEY_SIZE] == key:
            return Commit.decode(payload)
        where = self._search(key)
        if where is None:
            if payload is None:
                raise UnknownRef(f"The store has no commit {commit_id}. `log` lists those there are.")
            raise damaged(self._catalog.path, f"the row of commit {commit_id} was changed, and no pack has the commit")
        return Commit.decode(self._record(Kind.COMMIT, key, where))

    def snapshot(self, snapshot_id: str) -> Snapshot:
        """Raises `UnknownRef` where there is no such snapshot."""
        key = _key(snapshot_id)
        try:
            return Snapshot.decode(self._record(Kind.SNAPSHOT, key, self.locate([key]).get(key)))
        except Malformed as error:
            raise DamagedPack(f"Snapshot {snapshot_id} is whole but unreadable: {error}. Upgrade perdure.") from error

    def _record(self, kind: Kind, key: bytes, where: Location | None) -> bytes:
        if where is not None:
            payload = self._verified(kind, key, where)
            if payload is not None:
                return payload
        again = self._search(key)
        if again is not None and again != where:
            payload = self._verified(kind, key, again)
            if payload is not None:
                return payload
        raise self._loss(kind, key, again or where)

    def _verified(self, kind: Kind, key: bytes, where: Location) -> bytes | None:
        try:
            with translated(self._packs.path(where.pack)):
                found = self._packs.record(where)
        except Exception as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise
        if found is None or found[0].kind != kind or found[0].digest[:KEY_SIZE] != key:
            return None
        return found[1]

    def _loss(self, kind: Kind, key: bytes, where: Location | None) -> Damaged | UnknownRef:
        what = f"{kind.name.lower()} {key.hex()}"
        if where is not None:
            return DamagedPack(
                f"{self._packs.path(where.pack)} is damaged: {what} at offset {where.offset} is not what was written. "
                "Run `perdure verify` to see what that affects."
            )
        if kind is Kind.SNAPSHOT:
            return UnknownRef(f"The store has no {what}.")
        return DamagedPack(f"No pack in {self._packs.directory} has {what} any more. Run `perdure verify`.")

    def ancestry(self, commit_id: str, limit: int | None, strict: bool) -> list[tuple[str, Commit]]:
        """See `Store.ancestry`."""
        first = self.commit(commit_id)
        line: list[tuple[str, Commit]] = [(commit_id, first)]
        wanted = first.parent
        if limit is None or limit > _ONE_BY_ONE:
            # One query for the whole session, and the way through it here, is faster than any recursion in SQL.
            with suppress(DamagedCatalog), self._catalog.reading() as connection:
                payloads: dict[bytes, object] = dict(
                    connection.execute("SELECT id, payload FROM commits WHERE session = ?", (first.session,)).fetchall()
                )
                while wanted is not None and len(line) != limit:
                    key = bytes.fromhex(wanted)
                    payload = payloads.get(key)
                    if not isinstance(payload, bytes) or digest(Kind.COMMIT, payload)[:KEY_SIZE] != key:
                        break
                    line.append((wanted, Commit.decode(payload)))
                    wanted = line[-1][1].parent
        # What is left: few commits, those of another session, and rows that are wrong.
        while wanted is not None and (limit is None or len(line) < limit):
            try:
                line.append((wanted, self.commit(wanted)))
            except (Damaged, UnknownRef) as error:
                if not strict:
                    break
                raise damaged(
                    self._catalog.path, f"commit {wanted}, the parent of {line[-1][0]}, is in no pack"
                ) from error
            wanted = line[-1][1].parent
        return line

    # -- chunks ----------------------------------------------------------------------------------------------------

    def locate(self, names: Iterable[bytes]) -> dict[bytes, Location]:
        """Where the catalog says that chunks or snapshots lie; those that it doesn't know are left out."""
        names = list(names)
        try:
            with self._catalog.reading() as connection:
                found = ((name, index.locate(connection, name)) for name in names)
                return {name: where for name, where in found if where is not None}
        except DamagedCatalog:
            # The packs know as well, if not as fast.
            searched = ((name, self._search(name)) for name in names)
            return {name: where for name, where in searched if where is not None}

    def has(self, names: Iterable[bytes]) -> set[bytes]:
        """Those that the catalog knows."""
        with self._catalog.reading() as connection:
            return {name for name in names if index.has_record(connection, name)}

    def read_into(self, parts: Sequence[tuple[ChunkId, memoryview]]) -> None:
        """Fill each writable view with its chunk. The views must have exactly the chunks' sizes."""
        where = self.locate({name for name, _ in parts})
        work = [
            (name, where.get(name), view.cast("B") if view.nbytes else memoryview(bytearray())) for name, view in parts
        ]
        # In the order of the disk; a chunk that the catalog doesn't know comes last, as finding it is slow.
        work.sort(key=lambda item: item[1] or Location("\uffff", 0, 0))
        if len(work) == 1 or sum(len(view) for _, _, view in work) < _OVERLAP_ABOVE:
            self._read_share(work)
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(_THREADS) as pool:
            shares = [pool.submit(self._read_share, work[number::_THREADS]) for number in range(_THREADS)]
            for share in shares:
                share.result()

    def read(self, chunks: ChunkList) -> bytearray:
        """The bytes that the chunks are together."""
        data = bytearray(chunks.nbytes)
        names = chunks.ids
        if len(names) == 1:
            self.read_into([(names[0], memoryview(data))])
            return data
        sizes = self.sizes(names)
        if sum(sizes) != chunks.nbytes:
            raise DamagedPack(
                f"A list of {len(names)} chunks is {sum(sizes)} bytes long and should be {chunks.nbytes}."
            )
        parts, position = [], 0
        for name, size in zip(names, sizes, strict=True):
            parts.append((name, memoryview(data)[position : position + size]))
            position += size
        self.read_into(parts)
        return data

    def sizes(self, names: Sequence[ChunkId]) -> list[int]:
        """The raw length of each chunk in bytes."""
        where = self.locate(set(names))
        lengths: dict[bytes, int] = {}
        for name in dict.fromkeys(names):
            header = self._header(name, where.get(name)) or self._header(name, self._search(name))
            if header is None:
                raise self._loss(Kind.CHUNK, name, where.get(name))
            lengths[name] = header.raw
        return [lengths[name] for name in names]

    def stored_chunk(self, name: ChunkId) -> tuple[Header, bytes]:
        """A chunk as it lies in its pack, verified."""
        for where in (self.locate([name]).get(name), self._search(name)):
            if where is None or self._verified(Kind.CHUNK, name[:KEY_SIZE], where) is None:
                continue
            with translated(self._packs.path(where.pack)):
                data = self._packs.pread(where.pack, where.length, where.offset)
            header = Header.decode(data)
            if header is not None:
                return header, data[HEADER_SIZE:]
        raise self._loss(Kind.CHUNK, name, self._search(name))

    def _header(self, name: ChunkId, where: Location | None) -> Header | None:
        if where is None:
            return None
        try:
            with translated(self._packs.path(where.pack)):
                header = Header.decode(self._packs.pread(where.pack, HEADER_SIZE, where.offset))
        except Exception as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise
        return header if header is not None and header.digest == name else None

    def _read_share(self, work: Iterable[tuple[ChunkId, Location | None, memoryview]]) -> None:
        for name, where, view in work:
            if where is not None and self._fill(name, where, view):
                continue
            moved = self.locate([name]).get(name)  # by a gc that ran meanwhile
            if moved is not None and moved != where and self._fill(name, moved, view):
                continue
            again = self._search(name)
            if again is None or again in (where, moved) or not self._fill(name, again, view):
                raise self._loss(Kind.CHUNK, name, again or where)

    def _fill(self, name: ChunkId, where: Location, view: memoryview) -> bool:
        """Whether ``view`` now holds the chunk."""
        head = bytearray(HEADER_SIZE)
        straight = where.length == HEADER_SIZE + len(view)
        stored = view if straight else memoryview(bytearray(max(where.length - HEADER_SIZE, 0)))
        try:
            with translated(self._packs.path(where.pack)):
                got = self._packs.pread_into(where.pack, [memoryview(head), stored], where.offset)
        except Exception as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return False
            raise
        header = Header.decode(head)
        if header is None or header.kind is not Kind.CHUNK or header.digest != name or got != where.length:
            return False
        if header.raw != len(view):
            raise ValueError(f"chunk {name.hex()} has {header.raw} bytes, not {len(view)}")
        if straight and not header.flags & ZSTD:
            return digest(Kind.CHUNK, view) == name
        raw = unpacked(header, bytes(stored))
        if raw is None:
            return False
        view[:] = raw
        return True

    # -- when the catalog is no help -----------------------------------------------------------------------------------

    def _search(self, name: bytes) -> Location | None:
        """Look for a record in the packs themselves, header by header."""
        key = name[:KEY_SIZE]
        with self._lock, translated(self._packs.directory):
            sizes = self._packs.sizes()
            for pack in self._searched.keys() - sizes.keys():  # gc has moved what was in there
                self._found = {known: at for known, at in self._found.items() if at.pack != pack}
                del self._searched[pack]
            for pack, size in sizes.items():
                start = self._searched.get(pack, 0)
                if size <= start:
                    continue
                with suppress(FileNotFoundError):  # gc was faster
                    for found in scan(partial(_pread, self._packs, pack), start, size, salt_of(pack)):
                        if isinstance(found, Frame):
                            at = Location(pack, found.offset, found.header.length)
                            self._found.setdefault(found.header.digest[:KEY_SIZE], at)
                    self._searched[pack] = size
            return self._found.get(key)


def _pread(packs: PackFiles, pack: str, length: int, offset: int) -> bytes:
    return packs.pread(pack, length, offset)


def _key(text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_SIZE:
        raise UnknownRef(f"{text!r} is not an id: an id is 40 hexadecimal digits.")
    return key
