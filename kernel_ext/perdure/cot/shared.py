"""The one `Cot` that all cells of a kernel share, and the choice of models that lasts."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Mapping
from typing import Any, Final

from perdure.cot.client import Cot
from perdure.errors import UsageError

_MODELS: Final = "models"
"""The cache's setting that has the names chosen with ``%cot use``."""

_lock = threading.Lock()
_made: dict[str, Cot] = {}


def configured(settings: Mapping[str, Any]) -> Cot:
    """A `Cot` as the settings say, with the models that were chosen last with ``%cot use``."""
    cot = Cot(**settings)
    try:
        chosen = {role: str(name) for role, name in json.loads(cot.cache.setting(_MODELS) or b"{}").items()}
    except (ValueError, AttributeError):
        chosen = {}
    try:
        cot.use(**chosen)
    except UsageError as error:
        warnings.warn(
            f"The models chosen last can't be used, so the usual ones are. {error}", RuntimeWarning, stacklevel=2
        )
    return cot


def shared(settings: Mapping[str, Any]) -> Cot:
    """This process's `Cot`, made at the first call and again when the settings have changed."""
    key = json.dumps(dict(settings), sort_keys=True, default=str)
    with _lock:
        if key not in _made:
            for old in _made.values():
                old.close()
            _made.clear()
            _made[key] = configured(settings)
        return _made[key]


def choose(cot: Cot, *, master: str | None, apprentice: str | None) -> dict[str, str]:
    """Use other models from now on, and remember it; None leaves one as it is. The names of both.

    :raises UsageError: if there is no such model; then nothing has changed.
    """
    given = {"master": master, "apprentice": apprentice}
    cot.use(**{role: name for role, name in given.items() if name is not None})
    names = {
        "master": "none" if cot.master is None else cot.master.name,
        "apprentice": "none" if cot.apprentice is None else cot.apprentice.name,
    }
    cot.cache.set_setting(_MODELS, json.dumps(names).encode())
    return names
