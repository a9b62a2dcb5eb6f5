"""Real kernels, driven as a front end drives them, with a stopwatch."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from jupyter_client.manager import KernelManager


class CellFailed(Exception):
    """A cell of a benchmark raised; its traceback."""


@dataclass(frozen=True, slots=True)
class Busy:
    """How long a cell kept its kernel from answering.

    ``reply`` is the time to the cell's own reply, ``next`` that to the reply to an empty request sent right after it, and
    ``cpu`` what the kernel's main thread computed from before the first until a moment after the second.
    """

    reply: float
    next: float
    cpu: float

    @property
    def both(self) -> float:
        return self.reply + self.next


class Kernel:
    """An ipykernel: plain, or with perdure loaded.

    :param folder: its IPython profile and its store lie there, so that nothing of the user's is touched.
    :param python: another interpreter than this one.
    """

    def __init__(
        self,
        folder: Path,
        *,
        perdure: bool,
        python: str | None = None,
        store: Path | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        import perdure as package

        folder.mkdir(parents=True, exist_ok=True)
        self.store = store or folder / "store"
        source = Path(package.__file__).parents[1]
        paths = [str(source), str(Path(__file__).parent / "inside")]
        if found := os.environ.get("PYTHONPATH"):
            paths.append(found)
        environment = {
            **os.environ,
            "IPYTHONDIR": str(folder / "ipython"),
            "JUPYTER_DATA_DIR": str(folder / "jupyter"),
            "PERDURE_STORE": str(self.store),
            "PYTHONPATH": os.pathsep.join(paths),
            **(env or {}),
        }
        # Named as Jupyter's server names it: Kishu finds its kernel by this name.
        self._manager = KernelManager(connection_file=str(folder / f"kernel-{uuid.uuid4()}.json"))
        if python is not None:
            assert self._manager.kernel_spec is not None
            self._manager.kernel_spec.argv[0] = python
        self._manager.start_kernel(cwd=str(folder), env=environment, stderr=subprocess.DEVNULL)
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=120)
        self.count = 0
        self.pid = int(self.ask("__import__('os').getpid()"))
        if perdure:
            self.run("%load_ext perdure")
            self.run("import perdure")
            self.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- cells -------------------------------------------------------------------------------------------------------

    def run(self, code: str, *, timeout: float = 600, may_fail: bool = False) -> float:
        """Run a cell; seconds from sending the request to having the reply."""
        began = time.perf_counter()
        sent = self._client.execute(code, stop_on_error=False)
        reply = self._reply(sent, timeout)
        seconds = time.perf_counter() - began
        self._drain()
        self.count = int(reply.get("execution_count") or 0)
        if reply["status"] != "ok" and not may_fail:
            raise CellFailed(f"{code}\n" + "\n".join(reply.get("traceback", [])))
        return seconds

    def busy(self, code: str, *, settle: float = 0.25, may_fail: bool = False) -> Busy:
        """Run a cell and, at once, an empty one; see :class:`Busy`."""
        cpu = self.cpu()
        reply = self.run(code, may_fail=may_fail)
        following = self.run("pass")
        time.sleep(settle)
        return Busy(reply, following, self.cpu() - cpu)

    def ask(self, expression: str, *, timeout: float = 600) -> Any:
        """The value of an expression that can be written as JSON."""
        wanted = f"__import__('json').dumps({expression})"
        sent = self._client.execute("", silent=True, user_expressions={"it": wanted})
        reply = self._reply(sent, timeout)
        self._drain()
        found = reply["user_expressions"]["it"]
        if found["status"] != "ok":
            raise CellFailed(f"{expression}: {found.get('evalue')}")
        return json.loads(ast.literal_eval(found["data"]["text/plain"]))

    def _reply(self, sent: str, timeout: float) -> dict[str, Any]:
        ends = time.monotonic() + timeout
        while True:
            message = self._client.get_shell_msg(timeout=max(ends - time.monotonic(), 0.01))
            if message["parent_header"].get("msg_id") == sent:
                return dict(message["content"])

    def _drain(self) -> None:
        while self._client.iopub_channel.msg_ready():
            with suppress(Exception):
                self._client.get_iopub_msg(timeout=0.01)

    def cpu(self) -> float:
        """Seconds that the kernel's main thread has computed so far; 0 where the system doesn't tell."""
        with suppress(OSError):
            return int(Path(f"/proc/{self.pid}/task/{self.pid}/schedstat").read_text().split()[0]) / 1e9
        return 0.0

    # -- perdure --------------------------------------------------------------------------------------------------------

    def flush(self) -> float:
        """Wait until all is durable."""
        return self.run("%dart flush")  # no commit of its own

    @property
    def session(self) -> str:
        return str(self.ask("perdure.current().id"))

    # -- the end --------------------------------------------------------------------------------------------------------

    def kill(self) -> None:
        """End it with SIGKILL, as the system does when memory runs out."""
        os.kill(self.pid, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        with suppress(Exception):
            self._client.stop_channels()
        with suppress(Exception):
            self._manager.shutdown_kernel(now=True)
