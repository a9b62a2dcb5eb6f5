"""Run the demo notebook in a real kernel, kill the kernel half way, restore its session in a new one and go on there.

Prints what came back and how long it took. The exit status is 0 only when every value came back equal (or had been
reported, when its cell ran, as one that can't be captured) and every cell did what it should.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.manager import KernelManager

HERE = Path(__file__).resolve().parent
NOTEBOOK = HERE.parent / "notebooks" / "demo.ipynb"
PROBE = HERE / "demo_probe.py"
KILL_HERE, MEANT_TO_FAIL = "kill-here", "raises-exception"
PATIENCE = 120

Description = dict[str, dict[str, str]]


class DemoFailed(Exception):
    """Something did not go as it should; the message says what."""


@dataclass
class Ran:
    """What one execution did."""

    status: str
    seconds: float
    count: int | None
    text: str
    error: str = ""
    values: dict[str, Any] = field(default_factory=dict)


class Kernel:
    """A real ipykernel in a process of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.stopped = False
        begun = time.perf_counter()
        # Sockets in the demo's own folder: no port is opened, so nobody else on the machine can listen.
        sockets = Path(environment["JUPYTER_RUNTIME_DIR"])
        sockets.mkdir(parents=True, exist_ok=True)
        self.manager = KernelManager(kernel_name="python3", transport="ipc", ip=str(sockets / "k"))
        self.manager.start_kernel(env=environment, cwd=str(NOTEBOOK.parent))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=PATIENCE)
        self.started_in = time.perf_counter() - begun

    def run(self, source: str, *, silent: bool = False, ask: dict[str, str] | None = None) -> Ran:
        """Execute a cell, as a front end does, and collect what it printed and showed."""
        shown: list[str] = []

        def hook(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "stream":
                shown.append(content["text"])
            elif message["msg_type"] in {"execute_result", "display_data"}:
                shown.append(content["data"].get("text/plain", "") + "\n")

        begun = time.perf_counter()
        reply = self.client.execute_interactive(
            source,
            silent=silent,
            store_history=not silent,
            user_expressions=ask,
            allow_stdin=False,
            output_hook=hook,
            timeout=PATIENCE,
        )
        seconds = time.perf_counter() - begun
        content = reply["content"]
        error = ": ".join((content["ename"], content["evalue"])) if content["status"] == "error" else ""
        return Ran(
            content["status"],
            seconds,
            content.get("execution_count"),
            "".join(shown),
            error,
            content.get("user_expressions", {}),
        )

    def ask(self, expression: str) -> str:
        """Evaluate an expression without a trace in the session, and return its printed form."""
        answer = self.run("", silent=True, ask={"answer": expression}).values["answer"]
        if answer["status"] != "ok":
            raise DemoFailed(f"{expression} raised {answer['ename']}: {answer['evalue']}")
        return answer["data"]["text/plain"]

    def describe(self, target: Path) -> Description:
        """Have the probe describe every name of the session."""
        self.ask(
            f"__import__('runpy').run_path({str(PROBE)!r})['write']"
            f"(get_ipython().user_ns, get_ipython().user_ns_hidden, {str(target)!r})"
        )
        return json.loads(target.read_text())

    def kill(self) -> None:
        """Send SIGKILL: the process gets no chance to do anything more."""
        self.manager.signal_kernel(signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE
        while self.manager.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.stop()

    def stop(self) -> None:
        """Shut the kernel down, whatever state it is in; a second time does nothing."""
        if self.stopped:
            return
        self.stopped = True
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


@contextmanager
def kernel(environment: dict[str, str]) -> Iterator[Kernel]:
    """Start a kernel and make sure that it doesn't outlive its use."""
    running = Kernel(environment)
    try:
        yield running
    finally:
        running.stop()


def halves() -> tuple[list[Any], list[Any]]:
    """Return the notebook's code cells before and after the cell that is tagged as the place to kill."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    at = next(i for i, cell in enumerate(notebook.cells) if KILL_HERE in cell.metadata.get("tags", ()))
    code = [[cell for cell in part if cell.cell_type == "code"] for part in (notebook.cells[:at], notebook.cells[at:])]
    return code[0], code[1]


def run_cells(running: Kernel, cells: list[Any]) -> None:
    """Run cells one after the other, a line for each, and complain where one doesn't do what it should."""
    for cell in cells:
        ran = running.run(cell.source)
        first, *more = cell.source.splitlines()
        line = f"  In[{ran.count}]".ljust(10) + f"{ran.seconds:6.2f} s   {first}{' ...' if more else ''}"
        print(line + (f"   -> {ran.error}" if ran.error else ""))
        expected = "error" if MEANT_TO_FAIL in cell.metadata.get("tags", ()) else "ok"
        if ran.status != expected:
            raise DemoFailed(f"the cell that begins with {first!r} ended with {ran.error or 'no error'}\n{ran.text}")


def environment_in(folder: Path) -> dict[str, str]:
    """Return an environment in which neither the user's Jupyter settings nor their sessions are touched."""
    return {
        **os.environ,
        "PERDURE_STORE": str(folder / "store"),
        "JPY_SESSION_NAME": str(NOTEBOOK),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "jupyter"),
        "JUPYTER_DATA_DIR": str(folder / "jupyter-data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "jupyter-runtime"),
    }


def compare(before: Description, after: Description, uncaptured: set[str]) -> tuple[list[str], list[str]]:
    """Return the names that are wrong after the restore, and those that are missing as was said."""
    wrong = [name for name, now in after.items() if now != before.get(name)]
    missing = [name for name in before if name not in after]
    return wrong + [name for name in missing if name not in uncaptured], [n for n in missing if n in uncaptured]


def size_of(folder: Path) -> float:
    """Return the megabytes that a folder's files take."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def demo(folder: Path) -> None:
    """Tell the whole story once."""
    environment = environment_in(folder)
    first, second = halves()

    print(f"1. A kernel runs the first {len(first)} cells of notebooks/{NOTEBOOK.name}:")
    with kernel(environment) as running:
        run_cells(running, first)
        flushed = running.run("%dart flush", silent=True)
        if flushed.status != "ok":
            raise DemoFailed(f"%dart flush: {flushed.error}")
        session = running.ask("__import__('perdure').current().id").strip("'")
        names = "sorted({n for c in __import__('perdure').current().log() for n in c.not_captured})"
        uncaptured = set(json.loads(running.ask(f"__import__('json').dumps({names})").strip("'")))
        before = running.describe(folder / "before.json")
        print(f"\n2. Its session {session} is on the disk ({size_of(folder / 'store'):.0f} MB). kill -9, now.")
        running.kill()

    print("\n3. A new kernel restores it with `%load_ext perdure` and `%dart restore`:")
    with kernel(environment) as running:
        loaded = running.run("%load_ext perdure")
        restored = running.run(f"%dart restore {session}")
        for ran in (loaded, restored):
            if ran.status != "ok":
                raise DemoFailed(f"{ran.error}\n{ran.text}")
        after = running.describe(folder / "after.json")
        if not restored.text.strip():
            raise DemoFailed("%dart restore printed no report")
        print("".join(f"  {line}\n" for line in restored.text.rstrip().splitlines()))
        wrong, missing = compare(before, after, uncaptured)
        if wrong:
            raise DemoFailed(f"not as they were before the kill: {', '.join(sorted(wrong))}")
        print(
            f"  Compared value by value with the killed kernel: {len(after)} of {len(before)} names are equal"
            + (f", and {', '.join(missing)} could not be captured, which the commit says." if missing else ".")
            + f"\n  Restoring took {restored.seconds:.2f} s, after {running.started_in:.2f} s to start the kernel "
            f"and {loaded.seconds:.2f} s to load perdure."
        )

        print(f"\n4. The other {len(second)} cells run in the new kernel:")
        run_cells(running, second)
    print("\nAll is well: the notebook went on as if nothing had happened.")


def main() -> int:
    """Parse the command line and tell the story in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="leave the store behind and say where it is")
    keep = parser.parse_args().keep
    print(f"perdure demo, Python {platform.python_version()} on {platform.machine()} {platform.system()}\n")
    folder = Path(tempfile.mkdtemp(prefix="perdure-demo-"))
    try:
        demo(folder)
    except DemoFailed as failure:
        print(f"\nThe demo failed: {failure}", file=sys.stderr)
        return 1
    finally:
        if keep:
            print(f"The store is {folder / 'store'}.")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
