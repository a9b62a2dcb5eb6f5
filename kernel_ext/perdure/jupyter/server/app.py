"""The Jupyter server extension: what the server calls when it starts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from perdure.jupyter.config import Cot, Perdure, store_path

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp


def load(server: ServerApp) -> None:
    """Add the panel's routes. The store is opened by the first request that needs it."""
    from perdure.cot.cache import default_folder
    from perdure.jupyter.server.handlers import routes
    from perdure.jupyter.server.library import Library
    from perdure.jupyter.server.panel import Panel

    cot = Cot(parent=server)
    panel = Panel(store_path(Perdure(parent=server).store), Path(server.root_dir).absolute())
    folder = Path(cot.cache).expanduser() if cot.cache else default_folder()
    library = Library(folder, panel.shelf, delta=cot.delta, master=cot.master)
    server.web_app.add_handlers(".*$", routes(panel, library, server.base_url))  # type: ignore[no-untyped-call]
    server.log.info("perdure: the panel reads the store %s", panel.shelf.path)
