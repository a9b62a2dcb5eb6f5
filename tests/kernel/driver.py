"""Real ipykernels for tests, driven over their own sockets. Nothing here sleeps: every wait is for a message."""

from __future__ import annotations

import ast
import os
import queue
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

#: Seconds after which a reply is not expected any more.
PATIENCE = 120.0

SESSION = "__import__('perdure').current()"


class KernelDied(Exception):
    """The kernel's process ended while a reply was awaited."""


@dataclass
class Result:
    """What one request brought: everything printed and displayed, and how it ended."""

    status: str = ""
    stdout: str = ""
    stderr: str = ""
    shown: str = ""
    ename: str = ""
    evalue: str = ""
    count: int | None = None
    expressions: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return self.stdout + self.shown + self.stderr

    def take(self, message: dict[str, Any]) -> None:
        kind, content = message["msg_type"], message["content"]
        if kind == "stream":
            setattr(self, content["name"], getattr(self, content["name"]) + content["text"])
        elif kind in ("execute_result", "display_data"):
            self.shown += content["data"].get("text/plain", "") + "\n"
        elif kind == "error":
            self.ename, self.evalue = content["ename"], content["evalue"]


class Request:
    """A request on its way: what came of it so far, and the rest."""

    def __init__(self, kernel: Kernel, message_id: str) -> None:
        self._kernel = kernel
        self._id = message_id
        self._idle = False
        self.result = Result()

    def _step(self) -> None:
        message = self._kernel.receive(self._kernel.client.get_iopub_msg)
        if message["parent_header"].get("msg_id") != self._id:
            if message["msg_type"] == "stream":
                self._kernel.late += message["content"]["text"]
            return
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            self._idle = True
        self.result.take(message)

    def until(self, text: str) -> Self:
        """Wait until the cell has printed ``text``."""
        while text not in self.result.stdout:
            assert not self._idle, f"the cell ended without printing {text!r}: {self.result}"
            self._step()
        return self

    def finish(self) -> Result:
        """Wait for the reply and for all that was printed."""
        while not self._idle:
            self._step()
        while (reply := self._kernel.receive(self._kernel.client.get_shell_msg))["parent_header"].get(
            "msg_id"
        ) != self._id:
            pass
        content = reply["content"]
        self.result.status = content["status"]
        self.result.count = content.get("execution_count")
        self.result.expressions = content.get("user_expressions", {})
        return self.result


class Kernel:
    """One ipykernel, and after :meth:`restart` the next one in its place."""

    def __init__(self, folder: Path, arguments: Iterable[str] = (), environment: dict[str, str] | None = None) -> None:
        self._folder = folder
        self._arguments = list(arguments)
        self._environment = environment or {}
        self.session_id = ""
        self.store: Path | None = None
        #: What was printed after the request that it belongs to was answered.
        self.late = ""
        self._ready = False
        self._launch()

    def _launch(self) -> None:
        home = {
            "IPYTHONDIR": str(self._folder / "ipython"),
            "JUPYTER_DATA_DIR": str(self._folder / "data"),
            "JUPYTER_CONFIG_DIR": str(self._folder / "config"),
            "MPLBACKEND": "agg",
        }
        self.manager = KernelManager(kernel_name="python3", connection_file="")
        self.manager.start_kernel(
            env={**os.environ, **home, **self._environment},
            extra_arguments=["--HistoryManager.hist_file=:memory:", *self._arguments],
            cwd=str(self._folder),
        )
        self.client: BlockingKernelClient = self.manager.blocking_client()
        self.client.start_channels()
        self._ready = False

    @property
    def pid(self) -> int:
        return self.manager.provisioner.pid

    def ready(self) -> Self:
        if not self._ready:
            self.client.wait_for_ready(timeout=PATIENCE)
            self._ready = True
        return self

    def receive(self, get: Callable[..., dict[str, Any]]) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with suppress(queue.Empty):
                return get(timeout=1.0)
            if not self.manager.is_alive():
                raise KernelDied
        raise TimeoutError("the kernel did not answer")

    # -- requests ----------------------------------------------------------------------------------------------

    def send(self, code: str, **options: Any) -> Request:
        """Ask for ``code`` to be run, without waiting for it."""
        self.ready()
        return Request(self, self.client.execute(code, **options))

    def run(self, code: str, **options: Any) -> Result:
        """Run a cell to its end, however it ends."""
        return self.send(code, **options).finish()

    def ok(self, *cells: str) -> Result:
        """Run cells that must not raise; the last one's result."""
        for code in cells:
            result = self.run(code)
            assert result.status == "ok", f"{code}\n{result}"
        return result

    def quietly(self, code: str) -> Result:
        """Run a silent request, as the panel does."""
        result = self.run(code, silent=True, store_history=False)
        assert result.status == "ok", f"{code}\n{result}"
        return result

    def value(self, expression: str) -> Any:
        """The value of a side-effect-free expression in the kernel: as itself if it is a literal, else its ``repr``."""
        found = self.run("", silent=True, user_expressions={"it": f"__import__('builtins').repr(({expression}))"})
        it = found.expressions["it"]
        assert it["status"] == "ok", f"{expression}: {it.get('ename')}: {it.get('evalue')}"
        text = ast.literal_eval(it["data"]["text/plain"])
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError):
            return text

    def raises(self, expression: str) -> tuple[str, str]:
        """The name and message of what an expression raises."""
        found = self.run("", silent=True, user_expressions={"it": expression})
        it = found.expressions["it"]
        assert it["status"] == "error", f"{expression} did not raise"
        return it["ename"], it["evalue"]

    # -- perdure -----------------------------------------------------------------------------------------------

    def load(self, store: Path) -> Self:
        """``%load_ext perdure`` with that store."""
        self.late = ""
        self.use_store(store)
        self.ok("%load_ext perdure")
        self.session_id = self.value(f"{SESSION}.id")
        return self

    def use_store(self, store: Path) -> None:
        self.store = store
        self.quietly(f"__import__('os').environ['PERDURE_STORE'] = {str(store)!r}")

    def session(self, expression: str) -> Any:
        """``session.<expression>``: read something of the session."""
        return self.value(f"{SESSION}.{expression}")

    def do(self, call: str) -> Result:
        """``session.<call>`` as a silent request: undo, checkout and the like."""
        return self.quietly(f"{SESSION}.{call}")

    def refused(self, call: str) -> tuple[str, str]:
        """The error that ``session.<call>`` raises."""
        result = self.run(f"{SESSION}.{call}", silent=True, store_history=False)
        assert result.status == "error", f"{call} was not refused"
        return result.ename, result.evalue

    def flush(self) -> None:
        self.do("flush()")

    def log(self, limit: int | None = None) -> list[dict[str, Any]]:
        """All commits up to HEAD, newest first."""
        return self.value(f"[c.to_json() for c in {SESSION}.log({limit})]")

    def last(self) -> dict[str, Any]:
        """The newest commit."""
        return self.log(1)[0]

    def state(self, *names: str) -> dict[str, Any]:
        """The values of these names, of those that there are."""
        return self.value(f"{{n: globals()[n] for n in {names!r} if n in globals()}}")

    # -- life and death ----------------------------------------------------------------------------------------

    def kill(self) -> None:
        """SIGKILL. Returns once the process is gone."""
        os.kill(self.pid, signal.SIGKILL)
        self.manager.provisioner.process.wait(PATIENCE)
        self.close()

    def restart(self) -> Self:
        """Kill the process, if it lives, and start another."""
        if self.manager.is_alive():
            self.kill()
        self._launch()
        return self.ready()

    def die_and_restore(self) -> str:
        """Wait for durability, SIGKILL, a new kernel, ``perdure.restore``; what that printed."""
        self.flush()
        store = self.store
        assert store is not None
        self.restart()
        self.use_store(store)
        self.ok("%load_ext perdure")
        report = self.ok(f"print(__import__('perdure').restore({self.session_id!r}))").text
        assert self.value(f"{SESSION}.id") == self.session_id
        return report

    def close(self) -> None:
        self.client.stop_channels()
        if self.manager.is_alive():
            self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


_RESET = """
get_ipython().run_line_magic("unload_ext", "perdure")
get_ipython().reset(new_session=True)
"""


class Pool:
    """Kernels that were used by one test and can be by the next one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._idle: list[Kernel] = []

    @contextmanager
    def lend(self, store: Path) -> Iterator[Kernel]:
        kernel = self._idle.pop() if self._idle else Kernel(self._folder)
        try:
            yield kernel.load(store)
        except BaseException:
            kernel.close()
            raise
        if kernel.manager.is_alive() and kernel.run(_RESET).status == "ok" and kernel.value("len(Out)") == 0:
            self._idle.append(kernel)
        else:
            kernel.close()

    def close(self) -> None:
        for kernel in self._idle:
            kernel.close()
