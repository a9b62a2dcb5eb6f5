"""Puts the JupyterLab panel into a wheel, if it has been built.

Whoever installs from a checkout without Node gets all of perdure but the panel; `make panel` builds it. An editable install never
copies it: `make panel` links it instead, so that the next build is seen at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = "kernel_ext/perdure/labextension"


class Panel(BuildHookInterface[Any]):
    """Adds the built panel to a wheel's shared data."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        built = Path(self.root, BUILT)
        if version != "editable" and Path(built, "package.json").is_file():
            build_data["shared_data"][str(built)] = "share/jupyter/labextensions/perdure"
