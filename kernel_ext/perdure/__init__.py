"""perdure: notebook sessions that last.

``%load_ext perdure`` makes every cell of an IPython or Jupyter session a durable commit. This module is the same from Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure._version import __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell
    from jupyter_server.serverapp import ServerApp

    from perdure.jupyter.attachment import attach, current, open, restore, sessions  # noqa: A004 - perdure.open, as gzip.open
    from perdure.timeline.commit import Commit
    from perdure.timeline.history import History
    from perdure.timeline.report import Report
    from perdure.timeline.session import Session

__all__ = [
    "Commit",
    "History",
    "Report",
    "Session",
    "__version__",
    "attach",
    "current",
    "open",
    "restore",
    "sessions",
]

#: Where each public name lives. They are imported when they are first used: ``import perdure`` stays light.
_HOMES = {
    "Commit": "perdure.timeline.commit",
    "History": "perdure.timeline.history",
    "Report": "perdure.timeline.report",
    "Session": "perdure.timeline.session",
    "attach": "perdure.jupyter.attachment",
    "current": "perdure.jupyter.attachment",
    "open": "perdure.jupyter.attachment",
    "restore": "perdure.jupyter.attachment",
    "sessions": "perdure.jupyter.attachment",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'perdure' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """``%load_ext perdure``: from here on, every cell is a commit."""
    from perdure.jupyter.extension import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """``%unload_ext perdure``: save what is left and stop watching."""
    from perdure.jupyter.extension import unload

    unload(shell)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """What a Jupyter server loads: this module."""
    return [{"module": "perdure"}]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    """The panel's server part: it reads the store, and answers while kernels are busy or dead."""
    from perdure.jupyter.server.app import load

    load(server)
