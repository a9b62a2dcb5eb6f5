"""A disk that is full: cells run on undisturbed, the session says once that it isn't durable, and is again when it can be."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from damage.remote import Made, Remote, reports
from kernel.conftest import start  # noqa: F401 - a fixture
from kernel.driver import Kernel
from kill.nursery import Nursery

BEGIN = "import numpy as np\nbig = np.arange(200_000.0)\nwords = ['first']\ncounter = 0"

#: What runs while the disk is full.
CELLS = ["counter += 1\nbig[counter * 1000] = -counter", "words.append(str(counter))", "fresh = np.full(1000, counter)"]


def run_all(remote: Remote, cells: list[str]) -> str:
    """Run cells, each to the end of its commit or of the attempt; all that they printed."""
    text = ""
    for cell in cells:
        text += remote.ok(cell)
        remote.flush()
    return text


def is_not_durable(remote: Remote) -> bool:
    """Whether it is so; session and status agree on that, and both say why."""
    remote.flush()
    trouble = remote.state()["trouble"]
    assert remote.state()["durable"] == (trouble is None)
    status = remote.ok("%dart status")
    assert f"durable     {'all' if trouble is None else f'no: {trouble}'}" in status.splitlines(), status
    return trouble is not None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lasting", "code"),
    [(True, errno.ENOSPC), (False, errno.ENOSPC), (True, errno.EIO), (True, errno.EDQUOT), (True, errno.EROFS)],
)
def test_every_write_fails_in_turn(nursery: Nursery, tmp_path: Path, lasting: bool, code: int) -> None:
    remote = Remote(nursery, tmp_path / "store")
    assert remote.load() == ""
    made = Made(tmp_path / "store")
    remote.ok(BEGIN)
    made.note(remote)
    at, fired = 0, True
    while fired:
        at += 1
        remote.printed = ""
        remote.arm(at, lasting=lasting, code=code)
        text = run_all(remote, CELLS)
        assert set(text.splitlines()) <= set(reports(text)), f"cells that print nothing have printed: {text}"
        if lasting and remote.state()["trouble"]:
            assert is_not_durable(remote)
            run_all(remote, CELLS)  # still no room: nothing new to be said
            remote.flush()
        fired = remote.disarm()
        remote.ok("counter += 1")
        made.note(remote)
        assert not is_not_durable(remote)
        said = reports(remote.printed)
        assert len(said) <= 1, said
        if fired and lasting:
            assert len(said) == 1, text
            assert os.strerror(code) in said[0], said[0]
    remote.kill()
    assert at > 5
    found = made.read()
    assert not found.errors
    assert found.right == made.all
    print(f"{at - 1} writes, each of which has failed")


@pytest.mark.parametrize("verb", ["undo", "checkout here", "switch other", "tag new", "branch new", "undo 2"])
@pytest.mark.parametrize("lasting", [True, False])
def test_moves_on_a_full_disk_are_made_or_refused(nursery: Nursery, tmp_path: Path, verb: str, lasting: bool) -> None:
    at, fired = 0, True
    while fired:
        at += 1
        made = Made(tmp_path / f"s{at}")
        remote = Remote(nursery, made.store)
        remote.load()
        for cell in (BEGIN, "%dart tag here", "%dart branch other", "words.append('more')", "big[7] = 7; x = [words]"):
            remote.ok(cell)
            made.note(remote)
        before, head = remote.values(), made.head
        remote.arm(at, lasting=lasting)
        ran = remote.run(f"%dart {verb}")
        assert ran["error"] is None, ran
        after = remote.values()
        fired = remote.disarm()
        if fired and ran["err"]:
            assert len(ran["err"].splitlines()) == 1, ran
            assert "Traceback" not in ran["err"]
            if verb.split(maxsplit=1)[0] not in ("tag", "branch"):
                assert after == before, "it was refused, and has changed the variables all the same"
            assert remote.durable() == head
        remote.ok("words.append('after')")
        made.note(remote)
        remote.kill()
        found = made.read()
        assert not found.errors
        assert found.right == made.all
    assert at > 1


@pytest.mark.parametrize("lasting", [True, False])
def test_loading_on_a_full_disk(nursery: Nursery, tmp_path: Path, lasting: bool) -> None:
    at, fired = 0, True
    while fired:
        at += 1
        remote = Remote(nursery, tmp_path / f"s{at}")
        remote.arm(at, lasting=lasting)
        text = remote.load()
        text += remote.ok("x = 1", "x + 1")
        assert "Out[3]: 2" in text.splitlines()
        fired = remote.disarm()
        assert "Traceback" not in text
        assert len(reports(text)) <= 1
        # Once there is room, it can be loaded.
        remote.ok("%reload_ext perdure", "y = [x]")
        assert remote.durable()
        remote.kill()
    assert at > 5


@pytest.mark.parametrize("lasting", [True, False])
def test_restoring_on_a_full_disk(nursery: Nursery, tmp_path: Path, lasting: bool) -> None:
    first = Made.of(nursery, tmp_path / "first", [BEGIN, *CELLS])
    at, fired = 0, True
    while fired:
        at += 1
        made = first.copy(tmp_path / f"s{at}")
        remote = Remote(nursery, made.store)
        remote.arm(at, lasting=lasting)
        remote.load()
        brought = remote.restore(made.session)
        fired = remote.disarm()
        for name, value in brought["values"].items():
            assert made.versions[made.head][name] == value
        assert fired or brought["error"] is None
        if brought["error"] is not None:
            remote.ok("%reload_ext perdure")
            brought = remote.restore(made.session)
        assert brought["error"] is None
        assert brought["values"] == made.versions[made.head]
        remote.ok("words.append('after')")
        made.note(remote)
        remote.kill()
        assert made.read().right == made.all
    assert at > 3


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a disk of 32 MB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "none", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting needs root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path, leave: int) -> Path:
    """Fill the disk but for ``leave`` bytes; the file that does it."""
    filler = place / "filler"
    stat = os.statvfs(place)
    with filler.open("wb") as file:
        file.write(bytes(max(stat.f_bavail * stat.f_frsize - leave, 0)))
    return filler


@pytest.mark.slow
def test_a_really_full_disk(nursery: Nursery, small_disk: Path) -> None:
    made = Made(small_disk / "store")
    remote = Remote(nursery, made.store)
    remote.load()
    remote.ok(BEGIN)
    made.note(remote)
    failures = 0
    # SQLite's turn comes where there is room for the pack and no more: steps of a page find it.
    for leave in [0, *range(4096, 100_000, 4096), 300_000]:
        filler = fill(small_disk, leave)
        text = run_all(remote, CELLS * 2)
        assert len(reports(text)) <= 1, text
        assert set(text.splitlines()) == set(reports(text)), text
        if reports(text) or remote.state()["trouble"]:
            failures += 1
            assert is_not_durable(remote)
        remote.flush()
        filler.unlink()
        remote.ok("counter += 1\nfresh = None")
        made.note(remote)
    assert failures > 5
    remote.kill()
    assert made.read().right == made.all
    print(f"the disk was full {failures} times")


@pytest.mark.slow
def test_a_session_ends_on_a_full_disk(nursery: Nursery, small_disk: Path) -> None:
    made = Made(small_disk / "store")
    remote = Remote(nursery, made.store)
    remote.load()
    remote.ok(BEGIN)
    made.note(remote)
    filler = fill(small_disk, 0)
    run_all(remote, CELLS)
    assert is_not_durable(remote)
    remote.kill()
    # It can be read while there is no room at all.
    assert made.read().right == made.all
    other = Remote(nursery, made.store)
    said = other.load()
    assert "Traceback" not in said
    brought = other.restore(made.session)
    if brought["error"] is None:
        assert brought["values"] == made.versions[made.head]
    else:
        assert "full" in brought["error"] or "No space" in brought["error"], brought["error"]
    filler.unlink()
    other.ok("%reload_ext perdure")
    if brought["error"] is not None:
        brought = other.restore(made.session)
    assert brought["values"] == made.versions[made.head]
    other.ok("counter += 1")
    made.note(other)
    other.kill()
    assert made.read().right == made.all


def printed(kernel: Kernel) -> list[str]:
    """Everything that the kernel prints from now on, also what comes after a cell's end."""
    text: list[str] = []
    receive = kernel.receive

    def received(get: Callable[..., Any]) -> dict[str, Any]:
        message = receive(get)
        if message["msg_type"] == "stream":
            text.append(message["content"]["text"])
        return message

    kernel.receive = received
    return text


@pytest.mark.slow
def test_a_kernel_on_a_full_disk(start: Callable[..., Kernel], small_disk: Path) -> None:  # noqa: F811
    kernel = start().load(small_disk / "store")
    kernel.ok(BEGIN)
    kernel.flush()
    filler = fill(small_disk, 0)
    text = printed(kernel)
    kernel.ok(*CELLS * 4)
    assert kernel.session("durable") is False
    assert len(reports("".join(text))) == 1, text
    assert reports("".join(text)) == "".join(text).splitlines()
    assert "\ndurable     no: " in kernel.ok("%dart status").text
    filler.unlink()
    kernel.ok("counter += 1")
    kernel.flush()
    assert kernel.session("trouble") is None
    report = kernel.die_and_restore()
    assert "could not" not in report
    assert kernel.value("(counter, len(words), float(big[4000]))") == (5, 5, -4.0)
