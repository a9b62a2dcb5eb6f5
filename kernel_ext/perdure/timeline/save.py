"""A save: one commit on its way to the store, and the snapshots that are made of it there."""

from __future__ import annotations

import builtins
from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Any

from perdure.capture.covariables import Change, CoVariable, Scan
from perdure.errors import StoreUnreachable
from perdure.store import ChunkList, Snapshot, Writer
from perdure.store import Commit as Record
from perdure.timeline.loan import Loan

_BUILTINS = frozenset(vars(builtins))

#: A stream up to this many bytes is kept in its snapshot's own record.
INLINE = 8 * 1024

#: Content-defined chunks of streams, in bytes: smallest, average, largest.
STREAM_CHUNKS = (16 * 1024, 64 * 1024, 256 * 1024)


@dataclass(slots=True)
class Save:
    """The record without what only the store can tell, the scan, and the bytes that are new."""

    record: Record
    scan: Scan
    loan: Loan
    even_if_empty: bool = True

    @classmethod
    def of(cls, record: Record, scan: Scan, *, even_if_empty: bool = True) -> Save:
        return cls(record, scan, Loan(scan.changes), even_if_empty)


def put_snapshots(writer: Writer, scan: Scan, torn: Container[CoVariable]) -> dict[CoVariable, str]:
    """Save what has changed, but for what is torn; the snapshots' ids.

    Two co-variables of equal content stay two: they must not come back as one object.
    """
    saved: dict[CoVariable, str] = {}
    unchanged = {covariable for covariable, _, _ in scan.bindings.values()}
    unchanged -= {change.covariable for change in scan.changes}
    taken = {covariable.saved for covariable in unchanged if not covariable.constant}
    for change in scan.changes:
        if change.covariable in torn:
            continue
        snapshot, twin = _snapshot(writer, change), 0
        while not change.covariable.constant and snapshot.id in taken:
            twin += 1
            snapshot = replace(snapshot, meta={**snapshot.meta, "twin": twin})
        saved[change.covariable] = writer.put_snapshot(snapshot)
        taken.add(saved[change.covariable])
    return saved


def resolved(change: Change) -> bool:
    """Give the chunks that are known from earlier their ids; whether all chunks have one now."""
    for printed, sources in zip(change.fingerprint.buffers, change.sources, strict=True):
        for index, source in enumerate(sources):
            if source is not None and printed.ids[index] is None:
                printed.ids[index] = source[0].ids[source[1]]
    return all(chunk_id is not None for printed in change.fingerprint.buffers for chunk_id in printed.ids)


def _snapshot(writer: Writer, change: Change) -> Snapshot:
    if not resolved(change):
        raise StoreUnreachable("A part of a variable could not be saved earlier. It is saved with the next cell.")
    buffers = [
        ChunkList(printed.nbytes, tuple(chunk_id for chunk_id in printed.ids if chunk_id is not None))
        for printed in change.fingerprint.buffers
    ]
    stream, inline = change.stream, None
    if len(stream) <= INLINE:
        chunks, inline = ChunkList(len(stream), ()), stream
    else:
        chunks = ChunkList(len(stream), tuple(writer.put_many(_stream_chunks(stream), compress=True)))
    covariable = change.covariable
    meta: dict[str, Any] = {"roots": len(covariable.slots)}
    if covariable.references:
        meta["references"] = sorted(covariable.references)
    mentioned = covariable.reach.names - covariable.references - _BUILTINS
    if mentioned:
        meta["mentions"] = sorted(mentioned)
    return Snapshot(chunks, tuple(buffers), inline, meta)


def _stream_chunks(stream: bytes) -> list[memoryview]:
    """Cut a stream where its content says so, so that an edit moves no chunk but its own."""
    from pyfastcdc import FastCDC

    smallest, average, largest = STREAM_CHUNKS
    view = memoryview(stream)
    cutter = FastCDC(avg_size=average, min_size=smallest, max_size=largest)
    return [view[chunk.offset : chunk.offset + chunk.length] for chunk in cutter.cut_buf(stream)]
