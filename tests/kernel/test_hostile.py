"""Objects whose pickling raises, never ends, hangs or lies: they are named, and nothing else suffers."""

from __future__ import annotations

import pytest

from kernel.driver import SESSION, Kernel

HOSTILE = {
    "raises": "class H:\n    def __reduce__(self): raise RuntimeError('no way')",
    "raises a base exception": "class H:\n    def __reduce__(self): raise SystemExit(3)",
    "raises an interrupt": "class H:\n    def __reduce__(self): raise KeyboardInterrupt",
    "raises without a message": "class H:\n    def __reduce__(self): raise ValueError",
    "returns nonsense": "class H:\n    def __reduce__(self): return 5",
    "returns a name that isn't there": "class H:\n    def __reduce__(self): return 'nowhere'",
    "recurses": "class H:\n    def __reduce__(self): return self.__reduce__()",
    "getstate raises": "class H:\n    def __getstate__(self): raise OSError('gone')",
    "nests for ever": "class H:\n    def __reduce__(self): return H, (), {'next': H()}",
    "module lies": "class H:\n    __module__ = 5\n    def __reduce__(self): raise TypeError('lies')",
    "class lies": "class H:\n    @property\n    def __class__(self): raise RuntimeError('no class')\n    def __reduce__(self): raise TypeError('lies')",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_it_is_named_and_the_rest_is_kept(kernel: Kernel, kind: str) -> None:
    kernel.ok(HOSTILE[kind])
    kernel.ok("h = H(); good = [1]; pair = [good]; box = {'inside': h}; other = (h, good)")
    commit = kernel.last()
    assert set(commit["not_captured"]) == {"h", "box", "other"}
    assert all(reason.strip() for reason in commit["not_captured"].values())
    assert {"good", "pair"} <= set(commit["changed"])
    kernel.ok("good.append(2)", "good.append(3)")
    assert kernel.session("at('HEAD')['good']") == [1, 2, 3]
    assert set(kernel.session("not_captured")) == {"h", "box", "other"}
    report = kernel.die_and_restore()
    assert "could not be captured" in report
    assert kernel.value("good, pair[0] is good, 'h' in globals()") == ([1, 2, 3], True, False)
    kernel.ok("h = H(); good.append(4)")
    assert kernel.session("at('HEAD')['good']") == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "body",
    ["time.sleep(1e9)", "while True: pass", "threading.Event().wait()"],
    ids=["sleeps", "spins", "waits"],
)
def test_a_pickling_that_never_ends_is_given_up_and_not_tried_again(kernel: Kernel, body: str) -> None:
    kernel.quietly("__import__('perdure.capture.guard').capture.guard.STALL = 1.0")
    kernel.ok(
        f"import time, threading\nclass H:\n    def __reduce__(self):\n        tried.append(1)\n        {body}\ntried = []"
    )
    kernel.ok("good = [1]; h = H()")
    kernel.ok("good.append(2); h.x = 1")
    assert kernel.session("at('HEAD')['good']") == [1, 2]
    assert set(kernel.session("not_captured")) == {"h"}
    tried = kernel.value("len(tried)")
    kernel.ok("good.append(3); h.x = 2", "h.x = 3", "print(h.x)")
    assert kernel.value("len(tried)") == tried
    kernel.die_and_restore()
    assert kernel.value("good, 'h' in globals()") == ([1, 2, 3], False)


def test_the_reason_says_what_was_raised(kernel: Kernel) -> None:
    kernel.ok(HOSTILE["raises"])
    kernel.ok("h = H()")
    assert "RuntimeError: no way" in kernel.last()["not_captured"]["h"]
    name, message = kernel.refused("at('HEAD')['h']")
    assert name == "NotCaptured"
    assert "no way" in message


def test_an_object_that_can_be_captured_later_is(kernel: Kernel) -> None:
    kernel.ok("import threading\nclass Box: pass\nb = Box(); b.data = [1]; b.lock = threading.Lock(); keep = b.data")
    assert set(kernel.last()["not_captured"]) == {"b"}
    kernel.ok("keep.append(2)")
    kernel.ok("del b.lock")
    assert "b" in kernel.last()["changed"]
    kernel.die_and_restore()
    assert kernel.value("b.data is keep, keep") == (True, [1, 2])


def test_undo_does_not_bring_back_a_stale_object_as_if_it_were_the_old_one(kernel: Kernel) -> None:
    """``gen`` can't be captured: after undo it has either its state of then or a word that it has not."""
    kernel.ok("l = [1, 2, 3]\ngen = (x for x in l)", "first = next(gen)", "second = next(gen)")
    result = kernel.ok(f"print({SESSION}.undo())")
    assert kernel.value("first, globals().get('second')") == (1, None)
    assert "gen" in result.stdout
    assert "could not be captured" in result.stdout


def test_what_was_not_captured_is_gone_or_said_after_a_checkout(kernel: Kernel) -> None:
    kernel.ok("import threading", "lock = threading.Lock()", "lock = 5")
    report = kernel.ok(f"print({SESSION}.checkout('HEAD~1'))").stdout
    assert kernel.value("'lock' in globals()") is False
    assert "lock" in report
    assert "could not be captured" in report


def test_a_pickle_that_differs_each_time_does_not_fill_the_store(kernel: Kernel) -> None:
    kernel.ok(
        "import os\nclass Noise:\n    def __reduce__(self): return make, (os.urandom(1 << 20),)\ndef make(b): return Noise()",
        "noise = Noise(); good = [0]",
    )
    for n in range(100):
        kernel.ok(f"noise.x = {n}; good[0] = {n}")
    kernel.flush()
    assert kernel.store is not None
    size = sum(path.stat().st_size for path in kernel.store.rglob("*") if path.is_file())
    assert size < 40 * 1024 * 1024
    assert kernel.session("at('HEAD')['good']") == [99]
    assert (
        "noise" in kernel.session("not_captured") or kernel.session("at('HEAD')['noise'].__class__.__name__") == "Noise"
    )


def test_a_namespace_full_of_hostile_names(kernel: Kernel) -> None:
    kernel.ok("globals()['not an identifier'] = 1; globals()['Out[5x]'] = 2; globals()[''] = 3; x = [1]")
    kernel.ok("globals()[5] = 6; x.append(2)")
    assert kernel.session("at('HEAD')['x']") == [1, 2]
    kernel.ok("del globals()[5]")
    kernel.die_and_restore()
    assert kernel.value("x") == [1, 2]


def test_what_could_not_be_saved_is_saved_later(kernel: Kernel) -> None:
    """No file may grow for a while: cells run as ever, one line says so, and later all is saved."""
    kernel.ok("x = [1]")
    kernel.flush()
    kernel.quietly(
        "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))\ndel resource"
    )
    cells = ["x.append(2)", "x.append(3)", "big = bytearray(1_000_000)"]
    said = "".join(kernel.ok(cell).text for cell in cells)
    assert kernel.session("trouble")
    assert (said + kernel.late).count("not durable") == 1
    kernel.quietly(
        "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\ndel resource"
    )
    kernel.ok("x.append(5)")
    kernel.flush()
    assert kernel.session("trouble") is None
    kernel.die_and_restore()
    assert kernel.value("x, len(big)") == ([1, 2, 3, 5], 1_000_000)
