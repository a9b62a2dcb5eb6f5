"""Checkpoints on disk: where the one that the user named is, and which one it is."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Final

from blake3 import blake3

from perdure.errors import MissingExtra, ModelRefused, ModelUnavailable

_HUB_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_SMALL: Final = frozenset({".json", ".jinja", ".txt", ".model"})
_WANTED: Final = ["*.json", "*.jinja", "*.txt", "*.model", "*.safetensors"]
"""What is fetched of a hub repository: no pickles, no program."""
_BLOCK: Final = 4096
_BLOCKS: Final = 64
_LONGEST_HEADER: Final = 100 << 20


def find(place: str | os.PathLike[str], *, fetch: bool = True) -> Path:
    """The folder of the checkpoint that ``place`` names: a folder, or ORG/NAME on the Hugging Face hub.

    A copy in the hub's cache is used as it is; otherwise it is fetched, unless HF_HUB_OFFLINE is set or ``fetch`` is false.

    :raises ModelRefused: if there is none.
    :raises ModelUnavailable: if the hub can't be reached.
    """
    named = os.fspath(place)
    folder = Path(named).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelRefused(
                f"The folder {named} holds no checkpoint: config.json is missing. Name the folder that save_pretrained wrote."
            )
        return folder
    if not _HUB_ID.fullmatch(named):
        raise ModelRefused(f"There is no folder {named}. Name the folder of a checkpoint, or ORG/NAME on the hub.")
    return _from_hub(named, fetch=fetch)


def version(folder: Path) -> str:
    """Names the checkpoint by what is in it: the hub's commit, or a digest of the settings and of samples of the weights.

    The weights are read in part only (every tensor's name, type and place, and 64 blocks of each file), so that it
    takes milliseconds. Training changes nearly every number, so the samples show it.
    """
    real = folder.absolute()
    if real.parent.name == "snapshots" and _COMMIT.fullmatch(real.name):
        return real.name[:16]
    state = blake3()
    for path in sorted(folder.iterdir()):
        if path.suffix in _SMALL:
            content = path.read_bytes()
            state.update(f"{path.name} {len(content)} ".encode())
            state.update(content)
        elif path.suffix == ".safetensors":
            _sample(path, state)
    return state.hexdigest()[:16]


def _sample(path: Path, state: blake3) -> None:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        state.update(f"{path.name} {size} ".encode())
        file.seek(0)
        header = int.from_bytes(file.read(8), "little")
        state.update(file.read(min(header, _LONGEST_HEADER)))
        start = file.tell()
        last = max(size - _BLOCK, start)
        for n in range(_BLOCKS):
            file.seek(start + (last - start) * n // (_BLOCKS - 1))
            state.update(file.read(_BLOCK))


def whole(folder: Path) -> bool:
    """Whether the folder has settings and all weights that its index names."""
    if not (folder / "config.json").is_file():
        return False
    index = folder / "model.safetensors.index.json"
    try:
        names = set(json.loads(index.read_bytes())["weight_map"].values()) if index.is_file() else set()
    except (ValueError, KeyError, AttributeError, OSError):
        return False
    if names:
        return all((folder / name).is_file() for name in names)
    return any(folder.glob("*.safetensors"))


def _from_hub(name: str, *, fetch: bool) -> Path:
    try:
        import huggingface_hub
        from huggingface_hub import constants, errors
    except ImportError:
        raise MissingExtra("A local model needs transformers. Install it with: pip install 'perdure[cot]'") from None
    cached = huggingface_hub.try_to_load_from_cache(name, "config.json")
    if isinstance(cached, str) and whole(Path(cached).parent):
        return Path(cached).parent
    if constants.HF_HUB_OFFLINE or not fetch:
        raise ModelRefused(
            f"{name} is neither a folder nor in the hub's cache, and HF_HUB_OFFLINE is set. Unset it to fetch the model, or name a folder."
        )
    wrong: ModelRefused | ModelUnavailable
    try:
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=_WANTED))
    except (errors.RepositoryNotFoundError, errors.HFValidationError):
        wrong = ModelRefused(
            f"The hub has no model {name}, or shows it only to its members. Check the name, or log in: hf auth login"
        )
    except Exception as error:  # noqa: BLE001 - the hub's client raises what its network library raises
        wrong = ModelUnavailable(
            f"{name} can't be fetched from the hub ({type(error).__name__}). Check the network, or name a folder."
        )
    raise wrong
