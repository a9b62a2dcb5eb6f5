"""Manifests: what every name of a version is bound to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from perdure.capture.covariables import Scan
from perdure.store import Commit as Record


@dataclass(slots=True)
class Manifest:
    """A version: each name's snapshot and place in it, and for each name that has none, why and since which commit."""

    bindings: dict[str, tuple[str, int]] = field(default_factory=dict)
    missing: dict[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, ancestry: Iterable[tuple[str, Record]]) -> Manifest:
        """Put the deltas of a line of commits (newest first) together."""
        manifest = cls()
        settled: set[str] = set()
        for commit_id, record in ancestry:
            for name, (snapshot, slot) in record.bindings.items():
                if name not in settled:
                    manifest.bindings[name] = (snapshot, slot)
            for name, reason in record.not_captured.items():
                if name not in settled:
                    manifest.missing[name] = (reason, commit_id)
            settled.update(record.bindings, record.deleted, record.not_captured)
        return manifest

    @classmethod
    def now(cls, scan: Scan, before: Manifest) -> Manifest:
        """What a scan found. A co-variable that isn't saved gets an id that no snapshot has.

        :param before: the version that the scan was compared with.
        """
        manifest = cls()
        for name, (covariable, _, slot) in scan.bindings.items():
            manifest.bindings[name] = (covariable.snapshot or f"unsaved {id(covariable)}", slot)
        for name, (reason, _) in scan.missing.items():
            known = before.missing.get(name)
            manifest.missing[name] = known if known is not None and name not in scan.touched else (reason, "now")
        return manifest

    @property
    def names(self) -> set[str]:
        return self.bindings.keys() | self.missing.keys()
