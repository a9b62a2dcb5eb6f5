"""One version, readable like a dict, without touching the session."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from perdure.capture.world import is_world
from perdure.errors import NotCaptured, UnknownName
from perdure.store import Store
from perdure.timeline.loader import Loader
from perdure.timeline.manifest import Manifest


class Version(Mapping[str, Any]):
    """The variables of one commit; ``version["df"]`` reads the value, each call of ``at`` afresh.

    Its functions see the version's own variables as their globals.
    """

    def __init__(self, store: Store, session: str, commit: str | None, manifest: Manifest) -> None:
        self.commit = commit
        self._manifest = manifest
        self._globals = _Globals(self)
        self._loader = Loader(store, session, manifest, self._globals)

    def __getitem__(self, name: str) -> Any:
        if name in self._manifest.missing and name not in self._manifest.bindings:
            reason, _ = self._manifest.missing[name]
            raise NotCaptured(f"{name!r} could not be captured in this version: {reason}")
        try:
            return self._loader.value(name)
        except UnknownName as error:
            raise UnknownName(f"Version {(self.commit or 'empty')[:8]} has no variable {name!r}.") from error

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(name for name in self._manifest.bindings if not is_world(name)))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self._manifest.bindings

    def __repr__(self) -> str:
        return f"<Version {(self.commit or 'empty')[:8]} with {len(self)} variables>"


class _Globals(dict[str, Any]):
    """The globals of a version's functions, filled when they are asked for."""

    def __init__(self, version: Version) -> None:
        super().__init__(__name__="__main__", __builtins__=__builtins__)
        self._version = version

    def __missing__(self, name: str) -> Any:
        try:
            value = self[name] = self._version[name]
        except UnknownName:
            raise KeyError(name) from None
        return value
