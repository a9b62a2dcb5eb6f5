"""Large values are saved while the user goes on: what is stored is what was there at the end of the cell, or nothing."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

from perdure.capture.covariables import Change, CoVariable
from perdure.capture.fingerprint import CHUNK, BufferPrint, Fingerprint
from perdure.errors import NotCaptured, StoreFull
from perdure.jupyter.config import Perdure
from perdure.jupyter.watcher import Watcher
from perdure.store import ChunkList, Commit, Refs, Snapshot, Store, Writer
from perdure.timeline import loan as loans
from perdure.timeline.loan import Loan, make_way
from timeline.living import Living

CELL = "import numpy as np\nx = np.random.default_rng(1).integers(0, 255, {}, 'u1')\ny = [1]"
LARGE = CELL.format(20 * CHUNK)  # more than is copied at once


def lent(living: Living) -> int:
    return sum(loan.lent_bytes for loan in living.session._recorder.saver._loans)


# -- a session ---------------------------------------------------------------------------------------------------------


def test_a_large_value_is_stored_as_the_cell_left_it(living: Living) -> None:
    living.hold()
    living.cell(LARGE)
    living.session.settle()
    assert lent(living) == 20 * CHUNK
    before = living.ns["x"].copy()
    living.cell("x[:] = 0")  # the next cell needs not wait for the disk
    assert lent(living) == 0
    living.release()
    assert (living.session.at("HEAD~1")["x"] == before).all()
    assert not living.session.at("HEAD")["x"].any()
    assert living.store.verify().ok


def test_before_user_code_nothing_is_on_loan(living: Living) -> None:
    living.hold()
    living.cell(f"b = bytearray({20 * CHUNK})\n" + LARGE + "\nv = np.frombuffer(b, 'u1')")
    living.session.settle()
    assert lent(living) > 0
    living.session.make_way()
    assert lent(living) == 0
    del living.ns["v"]
    living.ns["b"].extend(b"more")  # neither is possible while something reads them
    living.ns["x"].resize(10)
    living.release()
    assert living.session.at("HEAD")["x"].shape == (20 * CHUNK,)


def test_a_value_that_a_thread_changes_is_never_stored_wrong(living: Living) -> None:
    living.hold()
    living.cell(LARGE)
    living.session.settle()
    living.ns["x"][7 * CHUNK] ^= 1  # as a thread, a timer or a task may
    living.release()
    torn = living.session.head
    assert torn is not None
    commit = living.session.commit(torn)
    assert "changed by other code" in commit.not_captured["x"]
    assert living.session.at(torn)["y"] == [1]
    with pytest.raises(NotCaptured):
        living.session.at(torn)["x"]

    kept = living.commit("z = 3")  # which doesn't name it
    assert "x" in living.session.commit(kept).changed
    assert not living.session.not_captured
    assert (living.session.at(kept)["x"] == living.ns["x"]).all()
    before = living.ns["x"].copy()
    living.commit("x[7 * 524288] ^= 1")  # the bytes that were scanned, and never stored
    living.session.undo()
    assert (living.ns["x"] == before).all()
    assert living.store.verify().ok


def test_cells_that_ran_before_a_torn_value_was_noticed_are_kept_without_it(living: Living) -> None:
    living.hold()
    living.cell(LARGE)
    living.session.settle()
    living.ns["x"][0] ^= 1
    living.cell("w = 1")
    living.session.settle()
    living.ns["x"][0] ^= 1
    living.cell("x[-1] ^= 1")  # this version's first chunk is counted on to be stored already
    living.session.settle()
    living.release()
    assert living.session.at("HEAD")["w"] == 1
    for ref in ("HEAD", "HEAD~1", "HEAD~2"):
        with pytest.raises(NotCaptured, match="changed by other code"):
            living.session.at(ref)["x"]
    kept = living.commit("pass")
    assert (living.session.at(kept)["x"] == living.ns["x"]).all()
    assert living.store.verify().ok


def test_a_small_value_is_copied_at_once(living: Living) -> None:
    living.hold()
    living.cell(CELL.format(2 * CHUNK))
    living.session.settle()
    assert lent(living) == 0
    before = living.ns["x"].copy()
    living.ns["x"][:] = 0
    living.release()
    assert (living.session.at("HEAD")["x"] == before).all()


def test_a_full_disk_gives_everything_back(living: Living) -> None:
    living.disk.full = True
    living.cell(LARGE)
    with pytest.raises(StoreFull):
        living.session.flush()
    assert lent(living) == 0
    living.ns["x"].resize(21 * CHUNK)
    living.disk.full = False
    kept = living.commit("pass")
    assert (living.session.at(kept)["x"] == living.ns["x"]).all()


def test_callbacks_of_widgets_find_nothing_on_loan(living: Living) -> None:
    """Comms and ipykernel trigger these events around what runs without being a cell."""
    shell = InteractiveShell()
    watcher = Watcher(shell, living.session, Perdure())
    watcher.start()
    living.hold()
    living.cell(LARGE)
    living.session.settle()
    assert lent(living) > 0
    shell.events.trigger("pre_execute")
    assert lent(living) == 0
    living.release()
    watcher.stop()


# -- a loan ------------------------------------------------------------------------------------------------------------


def change_of(*buffers: Any) -> Change:
    views = [memoryview(buffer).cast("B") for buffer in buffers]
    printed = Fingerprint.of(b"", views)
    sources: list[list[tuple[BufferPrint, int] | None]] = [[None] * len(part.digests) for part in printed.buffers]
    return Change(CoVariable(()), 0, printed, b"", views, sources)


def stored(store: Store, writer: Writer, change: Change) -> list[bytes]:
    """What was written of each buffer."""
    lists = tuple(
        ChunkList(part.nbytes, tuple(name for name in part.ids if name is not None))
        for part in change.fingerprint.buffers
    )
    snapshot = writer.put_snapshot(Snapshot(ChunkList(0, ()), lists, b""))
    commit = Commit(writer.session, None, "", 1, "ok", 0.0, 0.0, {"x": (snapshot, 0)})
    writer.commit(commit, Refs(commit.id))
    return [bytes(store.read(chunks)) for chunks in lists]


def test_what_does_not_fit_memory_is_waited_for(living: Living, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loans, "AT_ONCE", 0)
    source = bytearray(random.Random(1).randbytes(9 * CHUNK + 5))
    before, change = bytes(source), change_of(source)
    loan = Loan([change])
    assert loan.copy(3 * CHUNK) == CHUNK - 5
    assert (loan.lent_bytes, loan.held_bytes) == (7 * CHUNK, 2 * CHUNK + 5)
    with pytest.raises(BufferError):
        source.append(0)

    def change_it() -> None:
        loan.wait()
        source[:] = b"changed"

    waiting = threading.Thread(target=change_it)
    waiting.start()
    writer = living.store.writer(living.store.create_session(notebook=None, meta={}).id)
    loan.put(writer)
    waiting.join()
    assert not loan.torn
    assert stored(living.store, writer, change) == [before]


def test_copying_and_writing_at_once(living: Living, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loans, "AT_ONCE", 0)
    monkeypatch.setattr(loans, "BATCH", 2 * CHUNK)
    draw = random.Random(2)
    writer = living.store.writer(living.store.create_session(notebook=None, meta={}).id)
    for limit in (0, 5 * CHUNK, 1 << 30):
        monkeypatch.setattr(loans, "COPY_LIMIT", limit)
        sources = [bytearray(draw.randbytes(draw.randrange(1, 12 * CHUNK))) for _ in range(4)]
        before = [bytes(source) for source in sources]
        changes = [change_of(*sources[:3]), change_of(sources[3])]
        loan = Loan(changes)

        def run_user_code(sources: Iterable[bytearray] = sources, loan: Loan = loan) -> None:
            make_way([loan])
            for source in sources:
                source.clear()

        user = threading.Thread(target=run_user_code)
        user.start()
        loan.put(writer)
        user.join()
        assert not loan.torn
        assert [data for change in changes for data in stored(living.store, writer, change)] == before
        assert (loan.lent_bytes, loan.held_bytes) == (0, 0)


def test_a_loan_that_ends_early_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loans, "AT_ONCE", 0)
    source = bytearray(3 * CHUNK)
    loan = Loan([change_of(source)])
    waiting = threading.Thread(target=loan.wait)
    waiting.start()
    loan.give_back()
    waiting.join()
    source.clear()


def test_a_torn_piece_is_left_out(living: Living, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loans, "AT_ONCE", 0)
    source = np.arange(3 * CHUNK // 8)
    whole = random.Random(3).randbytes(2 * CHUNK)
    torn, kept = change_of(source), change_of(whole)
    loan = Loan([torn, kept])
    source[CHUNK // 8] += 1
    writer = living.store.writer(living.store.create_session(notebook=None, meta={}).id)
    loan.put(writer)
    assert loan.torn == {torn.covariable}
    assert [name is None for name in torn.fingerprint.buffers[0].ids] == [False, True, False]
    assert stored(living.store, writer, kept) == [whole]
