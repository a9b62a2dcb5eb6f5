"""Checking every byte: the records of the packs against their digests, the catalog against the records."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from perdure.errors import DamagedCatalog

from . import index
from .catalog import Catalog
from .digest import KEY_SIZE, Kind, digest
from .files import translated
from .pack import Location, PackFiles
from .process import this_process
from .records import Commit, Malformed
from .recover import Damage, Harvest, is_left


@dataclass(frozen=True, slots=True)
class Finding:
    """One damage: what is damaged and where, and the commits, sessions and names that it affects."""

    what: str
    where: str
    commits: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(slots=True)
class VerifyReport:
    """What was checked (records, and bytes of packs) and every damage that was found."""

    records: int = 0
    nbytes: int = 0
    findings: list[Finding] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    """Tails of writers that were killed: never acknowledged, so no damage."""

    @property
    def ok(self) -> bool:
        """Whether all is as it was written."""
        return not self.findings


def verify(catalog: Catalog, packs: PackFiles, progress: Callable[[int, int], None] | None) -> VerifyReport:
    """Check the whole store; ``progress`` is told the bytes done and the bytes in all."""
    report = VerifyReport()
    try:
        with catalog.reading() as connection:
            _check(connection, packs, report, progress)
            complaints = [row[0] for row in connection.execute("PRAGMA integrity_check(20)")]
        report.findings += [Finding(text, str(catalog.path)) for text in complaints if text != "ok"]
    except DamagedCatalog as error:
        report.findings.append(Finding(str(error), str(catalog.path)))
    return report


def _check(
    connection: sqlite3.Connection, packs: PackFiles, report: VerifyReport, progress: Callable[[int, int], None] | None
) -> None:
    rows = {name: row for name, row in index.packs(connection).items() if row.state != index.REPLACED}
    harvest = Harvest()
    with translated(packs.directory):
        spans = _spans(packs, rows)
        total = sum(spans.values())
        for name, end in spans.items():
            harvest.take(packs, name, 0, end)
            if progress is not None:
                progress(harvest.nbytes, total)
    report.records, report.nbytes = harvest.count, harvest.nbytes
    commits = _commits(connection, report)
    affected = _Affected(harvest, commits)
    for damage in harvest.damages:
        row = rows.get(damage.pack)
        if damage.offset >= (row.indexed if row else 0):
            report.unfinished.append(f"{packs.path(damage.pack)} from offset {damage.offset} on")
            continue
        lost = _lost(connection, row.number if row else -1, damage)
        kind = damage.header.kind.name.lower() if damage.header else "record"
        names = ", ".join(name.hex() for name in lost)
        where = f"{packs.path(damage.pack)} at offset {damage.offset}, {damage.length} bytes"
        report.findings.append(affected.finding(f"{kind} {names}".strip(), where, lost))
    for name, row in rows.items():
        size = spans.get(name, 0)
        if size < row.indexed:
            lost = _beyond(connection, row.number, size)
            what = (
                "the pack is missing" if name not in spans else f"the pack was cut from {row.indexed} bytes to {size}"
            )
            report.findings.append(affected.finding(what, str(packs.path(name)), lost))
    _check_rows(connection, packs, harvest, rows, spans, report, affected)


def _spans(packs: PackFiles, rows: dict[str, index.PackRow]) -> dict[str, int]:
    """How far each pack is to be read: no further than it is indexed while somebody writes to it."""
    spans = {}
    for name, size in packs.sizes().items():
        row = rows.get(name)
        if row is not None and row.state == index.GROWING and not is_left(packs, name):
            spans[name] = min(size, row.indexed)
        elif row is not None or packs.owner(name) != this_process():
            spans[name] = size if row is not None or is_left(packs, name) else 0
    return spans


def _commits(connection: sqlite3.Connection, report: VerifyReport) -> dict[str, Commit]:
    commits = {}
    for key, session, parent, payload in connection.execute("SELECT id, session, parent, payload FROM commits"):
        try:
            if digest(Kind.COMMIT, payload)[:KEY_SIZE] != key:
                raise Malformed("changed")
            commit = Commit.decode(payload)
            if (commit.session, commit.parent) != (session, parent.hex() if parent else None):
                raise Malformed("contradicts itself")
        except (Malformed, TypeError, AttributeError):
            report.findings.append(Finding(f"the row of commit {_hex(key)} was changed", "catalog", (_hex(key),)))
            continue
        commits[key.hex()] = commit
    return commits


def _hex(key: object) -> str:
    return key.hex() if isinstance(key, bytes) else repr(key)


def _lost(connection: sqlite3.Connection, number: int, damage: Damage) -> set[bytes]:
    """Keys of the records that lay where the damage is."""
    if damage.header is not None:
        return {damage.header.digest[:KEY_SIZE]}
    end = damage.offset + damage.length
    lost: set[bytes] = set()
    for table in ("records", "commits"):
        found = connection.execute(
            f"SELECT id FROM {table} WHERE pack = ? AND offset >= ? AND offset < ?",  # noqa: S608 - a constant
            (number, damage.offset, end),
        )
        lost.update(row[0] for row in found)
    return lost


def _beyond(connection: sqlite3.Connection, number: int, size: int) -> set[bytes]:
    lost: set[bytes] = set()
    for table in ("records", "commits"):
        found = connection.execute(
            f"SELECT id FROM {table} WHERE pack = ? AND offset + length > ?",  # noqa: S608 - a constant
            (number, size),
        )
        lost.update(row[0] for row in found)
    return lost


class _Affected:
    """From lost records to the commits that need them."""

    def __init__(self, harvest: Harvest, commits: dict[str, Commit]) -> None:
        self._commits = {**{name: found[0] for name, found in harvest.commits.items()}, **commits}
        self._chunks = {name: {chunk[:KEY_SIZE] for chunk in of} for name, of in harvest.snapshots.items()}

    def finding(self, what: str, where: str, lost: Iterable[bytes]) -> Finding:
        gone = set(lost)
        snapshots = {name.hex() for name, chunks in self._chunks.items() if name in gone or chunks & gone}
        snapshots |= {name.hex() for name in gone}
        commits, sessions, names = [], set(), set()
        for commit_id, commit in self._commits.items():
            bound = {name for name, (snapshot, _) in commit.bindings.items() if snapshot in snapshots}
            if bound or bytes.fromhex(commit_id) in gone or commit.snapshots() & snapshots:
                commits.append(commit_id)
                sessions.add(commit.session)
                names |= bound
        return Finding(what, where, tuple(commits), tuple(sorted(sessions)), tuple(sorted(names)))


def _check_rows(
    connection: sqlite3.Connection,
    packs: PackFiles,
    harvest: Harvest,
    rows: dict[str, index.PackRow],
    spans: dict[str, int],
    report: VerifyReport,
    affected: _Affected,
) -> None:
    by_number = {row.number: row.name for row in rows.values()}
    whole = {name[:KEY_SIZE]: at for name, (_, at) in harvest.records.items()}
    known = {name for finding in report.findings for name in finding.what.replace(",", "").split()}
    seen = set()
    for key, kind, number, offset, length in connection.execute("SELECT id, kind, pack, offset, length FROM records"):
        seen.add(key)
        at = whole.get(key)
        if at is not None and (by_number.get(number), offset, length) == tuple(at):
            continue
        name = by_number.get(number)
        if at is None and (_hex(key) in known or (name is not None and spans.get(name, 0) < rows[name].indexed)):
            continue  # named already
        again = index.locate(connection, key)
        with translated(packs.directory):
            found = packs.record(again) if again is not None and name is not None and name in spans else None
        if found is None or found[0].digest[:KEY_SIZE] != key or found[0].kind != kind:
            report.findings.append(affected.finding(f"the row of record {_hex(key)} is wrong", "catalog", {key}))
    indexed = {name: row.indexed for name, row in rows.items()}
    _check_missing(connection, harvest, whole, seen, indexed, report, affected)
    _check_sessions(connection, harvest, indexed, report)


def _check_missing(
    connection: sqlite3.Connection,
    harvest: Harvest,
    whole: dict[bytes, Location],
    seen: set[bytes],
    indexed: dict[str, int],
    report: VerifyReport,
    affected: _Affected,
) -> None:
    for key, at in whole.items():
        if key not in seen and at.offset < indexed.get(at.pack, 0):
            report.findings.append(affected.finding(f"the row of record {key.hex()} is missing", "catalog", {key}))
    for commit_id, (_, _, at) in harvest.commits.items():
        if at.offset < indexed.get(at.pack, 0) and not index.has_commit(connection, commit_id):
            report.findings.append(Finding(f"the row of commit {commit_id} is missing", "catalog", (commit_id,)))


def _check_sessions(
    connection: sqlite3.Connection, harvest: Harvest, indexed: dict[str, int], report: VerifyReport
) -> None:
    newest: dict[str, int] = {}
    for move, at in harvest.moves:
        # One that lies further on was never acknowledged; one to a commit that was not whole was left out with it.
        known = move.refs.head is None or index.has_commit(connection, move.refs.head)
        if known and at.offset < indexed.get(at.pack, 0):
            newest[move.session] = max(move.stamp, newest.get(move.session, 0))
    for row in index.session_rows(connection):
        session = row.record.id
        if newest.get(session, 0) > row.move.stamp:
            report.findings.append(Finding(f"the refs of session {session} are old", "catalog", (), (session,)))
        for tip in row.move.refs.tips():
            if not index.has_commit(connection, tip):
                what = f"session {session} refers to commit {tip}, which is not there"
                report.findings.append(Finding(what, "catalog", (tip,), (session,)))
