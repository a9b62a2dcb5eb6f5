"""What can be set, in ``ipython_config.py`` (or an ipykernel's) as ``c.Perdure.NAME = VALUE``."""

from __future__ import annotations

import os
from pathlib import Path

from traitlets import Bool, Enum, Unicode
from traitlets.config import Configurable


class Perdure(Configurable):
    """Durable sessions."""

    store = Unicode(
        "", help="Folder of the store. PERDURE_STORE in the environment, else the Jupyter data folder, if empty."
    ).tag(config=True)
    on_error = Enum(
        ["keep", "rollback"],
        "keep",
        help="What happens to the variables when a cell raises or is interrupted: 'keep' them as the cell left them, or "
        "'rollback' to what they were before it, as %%dart atomic does for one cell.",
    ).tag(config=True)
    durability = Enum(
        ["background", "sync"],
        "background",
        help="Whether a cell's reply is sent before ('background') or after ('sync') its commit is on disk.",
    ).tag(config=True)
    watch_idle = Bool(
        True, help="Look for changes made outside cells (by widgets, threads or timers) while the kernel is idle."
    ).tag(config=True)


def store_path(configured: str | os.PathLike[str] | None = None) -> Path:
    """The folder of the store: the one given, else PERDURE_STORE, else ``perdure/store`` in the Jupyter data folder."""
    named = configured or os.environ.get("PERDURE_STORE")
    if named:
        return Path(named).expanduser().absolute()
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "perdure" / "store"
