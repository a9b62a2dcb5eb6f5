"""The watcher: tells the session when cells begin and end, and gives it the kernel's idle moments.

What is done before a reply is felt, so all that happens there is noting the time; the live objects are read by a callback
of the kernel's event loop, which runs after the reply has gone out and before the next request is taken up.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from perdure.capture.reach import EVERYTHING, Reach, only_commands, reach_of_cell
from perdure.errors import PerdureError
from perdure.jupyter.config import Perdure
from perdure.jupyter.shell_state import file_of
from perdure.timeline.cell import Cell
from perdure.timeline.session import Session
from perdure.verbs.words import typed_here

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell

#: Seconds of idleness before the first look at what no cell has touched, then before the second, and between all others.
#: One slice is enough for a small session; a large one is left in peace while its user is at work.
IDLE_FIRST, IDLE_SECOND, IDLE_NEXT = 1.0, 4.0, 0.2

#: Seconds that one such look may take: a cell that arrives meanwhile waits for it.
IDLE_SLICE = 0.003

#: The longest id of a cell, in characters: notebooks allow no more (nbformat 4.5).
_CELL_ID = 64


class Watcher:
    """Follows the cells of one shell.

    :param saving: is told when a cell has run whose commit is on its way.
    """

    def __init__(
        self, shell: InteractiveShell, session: Session, config: Perdure, saving: Callable[[], None] | None = None
    ) -> None:
        self._shell = shell
        self._session = session
        self._config = config
        self._saving = saving
        self._nested: dict[int, list[Cell]] = {}
        self._baseline = set(threading.enumerate())
        self._idle: asyncio.TimerHandle | None = None
        self._suspicious = False
        self._looks = 0

    def start(self) -> None:
        for event, handler in self._handlers():
            self._shell.events.register(event, handler)
        configurables: list[Any] = self._shell.configurables  # where %config looks
        configurables.append(self._config)
        self._adopt_running_cell()

    def stop(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        configurables: list[Any] = self._shell.configurables
        with contextlib.suppress(ValueError):
            configurables.remove(self._config)
        for event, handler in self._handlers():
            with contextlib.suppress(ValueError):  # someone has cleared the shell's events
                self._shell.events.unregister(event, handler)

    def _handlers(self) -> list[tuple[str, Callable[..., None]]]:
        return [
            ("pre_execute", self._before_anything),
            ("pre_run_cell", self._before_cell),
            ("post_run_cell", self._after_cell),
            ("post_execute", self._after_anything),
        ]

    def _adopt_running_cell(self) -> None:
        """The cell that attached, if a cell did, is running already; it is the session's first."""
        history = self._shell.history_manager
        running = self._shell.displayhook.exec_result  # set for as long as a cell runs
        if running is None or running.info is None or running.info.silent:  # a silent one is not reported as ended
            return
        source = history.input_hist_raw[-1] if history is not None and len(history.input_hist_raw) > 1 else ""
        cell = Cell(source, EVERYTHING, quiet=True, started=time.time())
        self._nested[threading.get_ident()] = [cell]
        self._session.begin(cell)

    # -- cells -------------------------------------------------------------------------------------------------

    def _before_cell(self, info: ExecutionInfo) -> None:
        cells = self._nested.setdefault(threading.get_ident(), [])
        transformed = info.transformed_cell
        if transformed is None:
            transformed = str(self._shell.transform_cell(info.raw_cell or ""))  # type: ignore[no-untyped-call]
        cell = Cell(
            info.raw_cell or "",
            reach_of_cell(transformed),
            started=time.time(),
            quiet=only_commands(transformed, "dart"),
        )
        cells.append(cell)
        cell_id = getattr(info, "cell_id", None)  # by which the front end knows its cells
        if isinstance(cell_id, str):
            cell.meta["cell_id"] = cell_id[:_CELL_ID]
        file = file_of(self._shell, cell.source, transformed)
        if file is not None:
            cell.meta["file"] = file
        if len(cells) == 1:
            if self._idle is not None:
                self._idle.cancel()
            if threading.current_thread() is threading.main_thread():
                self._session.begin(cell)

    def _after_cell(self, result: ExecutionResult) -> None:
        cells = self._nested.get(threading.get_ident())
        if not cells:
            return
        cell = cells.pop()
        cell.duration = time.time() - cell.started
        if cells:  # run by another cell, whose commit it is a part of
            cells[-1].reach |= cell.reach
            return
        error = result.error_before_exec or result.error_in_exec
        cell.execution_count = result.execution_count if result.info is None or result.info.store_history else None
        if error is not None:
            cell.outcome = "interrupted" if isinstance(error, KeyboardInterrupt) else "error"
            cell.error = f"{type(error).__name__}: {error}"[:1000]
        if self._code_in_background():
            cell.reach |= EVERYTHING
            self._suspicious = True
        if error is not None and cell.quiet:
            cell.quiet = cell.meta.get("kind") != "atomic"
        if cell.outcome != "ok" and (self._config.on_error == "rollback" or cell.meta.get("atomic")):
            self._roll_back(cell)
        else:
            self._session.end(cell)
        if self._saving is not None and not cell.quiet:  # a quiet one may have changed nothing, and is no commit then
            self._saving()
        if self._config.durability == "sync":
            with contextlib.suppress(PerdureError):  # the session has said so itself
                self._session.flush()
        self._when_idle(self._session.settle)
        self._look_around_later()

    def _roll_back(self, cell: Cell) -> None:
        try:
            report = self._session.roll_back(cell)
        except PerdureError as problem:
            self._session.end(cell)
            print(typed_here(f"perdure could not roll this cell back. {problem}", kernel=True))
        else:
            print(report.as_text(every_name=False))

    def _after_anything(self) -> None:
        """A silent request or a widget's callback has run; nothing tells what it did, but a request has its code."""
        if self._nested.get(threading.get_ident()):
            return
        code = self._silent_code()
        if code is None:
            self._suspicious = True
            self._look_around_later()
            return
        transformed = str(self._shell.transform_cell(code))  # type: ignore[no-untyped-call]
        reach = reach_of_cell(transformed)
        if only_commands(transformed, "dart"):
            reach = Reach(reach.names)
        self._session.end(Cell(code, reach, started=time.time(), quiet=True, meta={"kind": "silent"}))
        self._when_idle(self._session.settle)

    def _before_anything(self) -> None:
        """Code is about to run, of a cell or of a callback. A cell is told of again, with its code."""
        request = self._request()
        if request is not None and not request.get("silent"):
            return
        code = self._silent_code()
        if code is None or not only_commands(str(self._shell.transform_cell(code)), "dart"):  # type: ignore[no-untyped-call]
            self._session.make_way()

    def _silent_code(self) -> str | None:
        request = self._request()
        return str(request.get("code", "")) if request is not None and request.get("silent") else None

    def _request(self) -> dict[str, Any] | None:
        """What the execute request says that is being handled, if it is one."""
        try:
            parent: dict[str, Any] = self._shell.get_parent()  # type: ignore[attr-defined]
            is_request = parent.get("header", {}).get("msg_type") == "execute_request"
            return dict(parent.get("content", {})) if is_request else None
        except (AttributeError, LookupError):
            return None

    def mark_atomic(self) -> None:
        """The running cell is to be rolled back if it fails."""
        for cell in self._nested.get(threading.get_ident(), [])[:1]:
            cell.meta["atomic"] = True
            cell.quiet = False

    def _code_in_background(self) -> bool:
        """Whether threads or tasks are alive that the user's code started: they may change anything at any time."""
        return self._user_threads() or self._user_tasks()

    def _user_tasks(self) -> bool:
        loop = self._loop()
        if loop is None or threading.current_thread() is not threading.main_thread():
            return False
        frames = [getattr(task.get_coro(), "cr_frame", None) for task in asyncio.all_tasks(loop)]
        return any(frame is not None and frame.f_globals is self._shell.user_ns for frame in frames)

    def _user_threads(self) -> bool:
        return any(
            thread not in self._baseline
            and type(thread).__module__.partition(".")[0]
            not in ("tqdm", "ipykernel", "IPython", "zmq", "debugpy", "tornado")
            and not thread.name.startswith(
                ("perdure", "asyncio_", "IOPub", "Heartbeat", "pydevd", "Tqdm", "Subshell", "subshell")
            )
            and thread is not threading.main_thread()
            for thread in threading.enumerate()
        )

    # -- idle moments ------------------------------------------------------------------------------------------

    def _loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that handles the kernel's requests; plain IPython has none that runs between cells."""
        kernel = getattr(self._shell, "kernel", None)
        if kernel is None:
            return None
        loop = getattr(getattr(kernel, "io_loop", None), "asyncio_loop", None)
        return loop if loop is not None and loop.is_running() else None

    def _when_idle(self, work: Callable[[], Any]) -> None:
        loop = self._loop()
        if loop is None:
            work()
        elif threading.current_thread() is threading.main_thread():
            loop.call_soon(work)
        else:
            loop.call_soon_threadsafe(work)

    def _look_around_later(self) -> None:
        loop = self._loop()
        if loop is None or not self._config.watch_idle or threading.current_thread() is not threading.main_thread():
            return
        if self._idle is not None:
            self._idle.cancel()
        self._looks = 0
        self._idle = loop.call_later(IDLE_FIRST, self._look_around)

    def _look_around(self) -> None:
        loop = self._loop()
        if loop is None or any(self._nested.values()):
            return
        # Large values are only looked at if something ran that may have changed them, and one at a time.
        if self._session.recheck(IDLE_SLICE, large=self._suspicious):
            self._looks += 1
            pause = 0.0 if self._suspicious else IDLE_SECOND if self._looks == 1 else IDLE_NEXT
            self._idle = loop.call_later(pause, self._look_around)
        else:
            self._suspicious = False
