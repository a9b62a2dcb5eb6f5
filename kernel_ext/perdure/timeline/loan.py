"""Changed bytes on their way to the store, on loan from live objects.

Copying them all at once would keep the kernel busy after each large change. They are copied a few megabytes at a time, as
they are written; only where the user's code is about to run again first, all that is left is copied or waited for.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perdure.capture.covariables import Change, CoVariable
from perdure.capture.fingerprint import CHUNK, BufferPrint
from perdure.store import Writer

#: Bytes that are copied and written in one go. They should fit the processor's cache.
BATCH = 2 * 1024 * 1024

#: Bytes of changes that aren't worth lending.
AT_ONCE = 4 * 1024 * 1024

#: Bytes of changes that are copied at least when user code is about to run, so that it needs not wait for the disk.
COPY_LIMIT = 256 * 1024 * 1024


@dataclass(slots=True)
class Piece:
    """A chunk of a buffer that the store lacks; ``view`` is of live memory until it is copied."""

    covariable: CoVariable
    printed: BufferPrint
    index: int
    view: memoryview

    def keep(self, copy: memoryview) -> None:
        """Go on with a copy, and let the object that the bytes belong to go: its owner may resize it again."""
        self.view.release()
        self.view = copy

    @property
    def whole(self) -> bool:
        """Whether the bytes are still those that were scanned."""
        return BufferPrint.of(self.view).digests == [self.printed.digests[self.index]]


class Loan:
    """What one scan has found to be new in out-of-band buffers.

    The saver's thread takes from the front, and the main thread copies from the back: no live memory is read but under
    the lock, and none once :meth:`wait` has returned.

    :param changes: they give their buffers away.
    """

    def __init__(self, changes: Sequence[Change]) -> None:
        self._turn = threading.Condition()
        self._lent: deque[Piece] = deque(piece for change in changes for piece in _pieces(change))
        self._held: deque[Piece] = deque()
        self.lent_bytes = sum(piece.view.nbytes for piece in self._lent)
        self.held_bytes = 0
        #: Those that were changed after the scan, by a thread or a task: their bytes are of no one moment.
        self.torn: set[CoVariable] = set()
        if self.lent_bytes <= AT_ONCE:
            self.copy(AT_ONCE)

    # -- for whoever lends -------------------------------------------------------------------------------------

    def copy(self, room: int) -> int:
        """Copy what was not taken, from the last on, as far as there is room. Returns how much room is left."""
        while True:
            with self._turn:
                if not self._lent or self._lent[-1].view.nbytes > room:
                    return room
                piece = self._lent[-1]
                try:
                    piece.keep(memoryview(bytes(piece.view)))
                except MemoryError:
                    return 0
                self._held.appendleft(self._lent.pop())
                size = piece.view.nbytes
                self.lent_bytes -= size
                self.held_bytes += size
                room -= size
                self._turn.notify_all()

    def wait(self) -> None:
        """Wait until no live memory is on loan."""
        with self._turn:
            self._turn.wait_for(lambda: not self._lent)

    # -- for whoever borrows -----------------------------------------------------------------------------------

    def put(self, writer: Writer) -> None:
        """Write the pieces, and note the ids of those that were whole."""
        written: list[tuple[BufferPrint, int]] = []
        ids = writer.put_batches(self._batches(written))
        for (printed, index), chunk_id in zip(written, ids, strict=True):
            printed.ids[index] = chunk_id

    def _batches(self, written: list[tuple[BufferPrint, int]]) -> Iterator[list[memoryview]]:
        """The pieces' copies, checked. The writer reads one batch while the next is copied: two places do for all."""
        size = min(BATCH, self.lent_bytes)
        places = itertools.cycle([memoryview(bytearray(size)), memoryview(bytearray(size))])
        while pieces := self._take(next(places)):
            batch = []
            for piece in pieces:
                if piece.whole:
                    batch.append(piece.view)
                    written.append((piece.printed, piece.index))
                else:
                    self.torn.add(piece.covariable)
            yield batch

    def _take(self, place: memoryview) -> list[Piece]:
        """The next few pieces; those on loan are copied into ``place``."""
        taken: list[Piece] = []
        size = 0
        with self._turn:
            while size < BATCH and (self._lent or self._held):
                if self._lent:
                    end = size + self._lent[0].view.nbytes
                    if end > place.nbytes:
                        break
                    piece = self._lent.popleft()
                    place[size:end] = piece.view
                    piece.keep(place[size:end])
                    self.lent_bytes -= piece.view.nbytes
                else:
                    piece = self._held.popleft()
                    self.held_bytes -= piece.view.nbytes
                size += piece.view.nbytes
                taken.append(piece)
            self._turn.notify_all()
        return taken

    def give_back(self) -> None:
        """End the loan, whatever is left of it."""
        with self._turn:
            for piece in self._lent:
                piece.view.release()
            self._lent.clear()
            self._held.clear()
            self.lent_bytes = self.held_bytes = 0
            self._turn.notify_all()


def _pieces(change: Change) -> Iterator[Piece]:
    for printed, view, sources in zip(change.fingerprint.buffers, change.buffers, change.sources, strict=True):
        for index, source in enumerate(sources):
            if source is None:
                yield Piece(change.covariable, printed, index, view[index * CHUNK : (index + 1) * CHUNK])
        view.release()
    change.buffers = []


def make_way(loans: Sequence[Loan]) -> None:
    """User code is about to run: copy what is on loan if memory allows, and wait for the rest to be written."""
    lent = sum(loan.lent_bytes for loan in loans)
    if not lent:
        return
    room = COPY_LIMIT
    if lent > room:
        import psutil

        room = max(room, psutil.virtual_memory().available // 4)
    room -= sum(loan.held_bytes for loan in loans)
    for loan in loans:
        room = loan.copy(room)
    for loan in loans:
        loan.wait()
