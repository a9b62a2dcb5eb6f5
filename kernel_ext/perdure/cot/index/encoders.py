"""Encoders by their names."""

from __future__ import annotations

import threading
from pathlib import Path

from perdure.cot.index.efficientnet import NAME, EfficientNetEncoder
from perdure.cot.index.embedding import EMBEDDED, CheckpointEncoder, Encoder, LoadedEncoder, OpenClipEncoder
from perdure.errors import UsageError

_shared: dict[str, LoadedEncoder] = {}
_shared_lock = threading.Lock()


def embedded_encoder() -> Encoder:
    """The encoder that ships with us, one for the whole process."""
    return encoder_named("embedded")


def encoder_named(name: str) -> Encoder:
    """The encoder that a user names, one for the whole process: ``embedded``, ``efficientnet-lite0``, a folder, or ``open_clip:MODEL@FILE``.

    :raises UsageError: if there is no such encoder.
    :raises MissingExtra: if what it needs isn't installed.
    """
    with _shared_lock:
        if name not in _shared:
            _shared[name] = _new(name)
        return _shared[name]


def _new(name: str) -> LoadedEncoder:
    kind, _, rest = name.partition(":")
    if kind == "open_clip" and rest:
        model, _, file = rest.partition("@")
        if not file:
            raise UsageError(f"{name} needs its weights as a file on this machine. Name it: {name}@FILE")
        return CheckpointEncoder(model, file)
    if name == NAME:
        return EfficientNetEncoder()
    folder = EMBEDDED if name == "embedded" else Path(name)
    if not (folder / "encoder.json").is_file():
        raise UsageError(
            f"There is no encoder {name!r}. Name 'embedded', '{NAME}', a folder with an encoder.json, or open_clip:MODEL@FILE."
        )
    return OpenClipEncoder(folder)
