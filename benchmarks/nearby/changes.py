"""What happens to a picture on its way, done to the pixels and to the truth alike: the master sees the changed picture."""

from __future__ import annotations

import colorsys
import io
import random
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageOps

from benchmarks.nearby.drawings import RGB, Drawing, Thing


@dataclass(frozen=True)
class Change:
    """One variant of a picture. The fields are applied in their order."""

    kind: str
    crop: tuple[float, float, float, float] | None = None
    """Left, top, right and bottom, from 0 to 1."""
    mirrored: bool = False
    tint: tuple[float, float, float] | None = None
    """What each channel is multiplied by."""
    hue: float = 0.0
    grey: bool = False
    scale: float = 1.0
    codec: str = "png"
    quality: int = 100

    def image(self, drawn: Image.Image) -> Image.Image:
        picture = drawn
        if self.crop:
            wide, high = picture.size
            left, top, right, bottom = self.crop
            picture = picture.crop((round(left * wide), round(top * high), round(right * wide), round(bottom * high)))
        if self.mirrored:
            picture = ImageOps.mirror(picture)
        if self.tint or self.hue or self.grey:
            picture = Image.fromarray(self._recoloured(np.asarray(picture)))
        if self.scale != 1.0:
            size = (round(picture.width * self.scale), round(picture.height * self.scale))
            picture = picture.resize(size, Image.Resampling.BICUBIC)
        if self.codec != "png":
            out = io.BytesIO()
            picture.save(out, self.codec, quality=self.quality)
            picture = Image.open(out).convert("RGB")
        return picture

    def seen(self, drawing: Drawing) -> Drawing:
        """What there is to see afterwards."""
        things = [self._thing(thing) for thing in drawing.things if self._shows(thing)]
        return replace(drawing, things=tuple(things), background=self._rgb(drawing.background))

    def _shows(self, thing: Thing) -> bool:
        """Whether nearly half of a thing is left."""
        if not self.crop:
            return True
        left, top, right, bottom = self.crop
        wide = min(right, thing.x + thing.width / 2) - max(left, thing.x - thing.width / 2)
        high = min(bottom, thing.y + thing.height / 2) - max(top, thing.y - thing.height / 2)
        return wide > 0 and high > 0 and wide * high > 0.45 * thing.width * thing.height

    def _thing(self, thing: Thing) -> Thing:
        left, top, right, bottom = self.crop or (0.0, 0.0, 1.0, 1.0)
        x, y = (thing.x - left) / (right - left), (thing.y - top) / (bottom - top)
        faces = thing.faces
        if self.mirrored:
            x = 1 - x
            faces = {"left": "right", "right": "left"}.get(faces, faces)
            if ":" in faces:
                hour, minute = (int(part) for part in faces.split(":"))
                turned = (720 - (hour * 60 + minute)) % 720
                faces = f"{turned // 60 or 12}:{turned % 60:02d}"
            elif faces.isdigit():
                faces = str(10 - int(faces))
        return replace(thing, rgb=self._rgb(thing.rgb), x=x, y=y, faces=faces)

    def _rgb(self, rgb: RGB) -> RGB:
        if not (self.tint or self.hue or self.grey):
            return rgb
        return tuple(int(value) for value in self._recoloured(np.array([[rgb]], dtype=np.uint8))[0, 0])  # type: ignore[return-value]

    def _recoloured(self, pixels: np.ndarray) -> np.ndarray:
        out = pixels.astype(np.float32)
        if self.hue:
            # A turn of the colour circle is linear in RGB when it keeps the luminance.
            out = out @ _turn(self.hue).T
        if self.grey:
            out = np.repeat(out @ np.array([[0.299], [0.587], [0.114]], dtype=np.float32), 3, axis=-1)
        if self.tint:
            out *= np.array(self.tint, dtype=np.float32)
        return np.clip(np.round(out), 0, 255).astype(np.uint8)


def _turn(part: float) -> np.ndarray:
    rows = []
    for channel in range(3):
        unit = [1.0 if at == channel else 0.0 for at in range(3)]
        y, i, q = colorsys.rgb_to_yiq(*unit)
        cos, sin = np.cos(2 * np.pi * part), np.sin(2 * np.pi * part)
        i, q = i * cos - q * sin, i * sin + q * cos
        rows.append([y + 0.9468 * i + 0.6235 * q, y - 0.2748 * i - 0.6357 * q, y - 1.1086 * i + 1.709 * q])
    return np.array(rows, dtype=np.float32).T


#: The share of questions about a picture changed in each way; "as it was" is the first drawing.
SHARES = {
    "as it was": 0.38,
    "same pixels, saved anew": 0.08,
    "re-encoded": 0.16,
    "resized": 0.1,
    "cropped": 0.08,
    "recoloured": 0.08,
    "mirrored": 0.05,
    "several at once": 0.07,
}


def changes(rng: random.Random) -> list[Change]:
    """The variants that one drawing comes in."""
    lossy = [("jpeg", rng.randrange(85, 96)), ("jpeg", rng.randrange(45, 85)), ("webp", rng.randrange(50, 95))]
    found = [Change("as it was"), Change("same pixels, saved anew")]
    found += [Change("re-encoded", codec=codec, quality=quality) for codec, quality in lossy]
    found += [Change("resized", scale=rng.uniform(0.4, 0.9)), Change("resized", scale=rng.uniform(1.1, 2.0))]
    found += [Change("cropped", crop=_crop(rng, 0.04)), Change("cropped", crop=_crop(rng, 0.11))]
    light = rng.choice((rng.uniform(0.8, 0.95), rng.uniform(1.05, 1.2)))
    found += [
        Change("recoloured", tint=(light, light, light)),
        Change("recoloured", tint=(rng.uniform(0.85, 1.15), 1.0, rng.uniform(0.85, 1.15))),
        Change("recoloured", hue=rng.uniform(0.1, 0.9)) if rng.random() < 0.6 else Change("recoloured", grey=True),
    ]
    found.append(Change("mirrored", mirrored=True))
    found += [
        Change("several at once", crop=_crop(rng, 0.05), scale=rng.uniform(0.5, 1.5), codec="jpeg", quality=rng.randrange(60, 95)),
        Change(
            "several at once", mirrored=rng.random() < 0.3, tint=(light, light, light), scale=rng.uniform(0.5, 1.5),
            codec="webp", quality=rng.randrange(60, 95),
        ),
    ]  # fmt: skip
    return found


def _crop(rng: random.Random, most: float) -> tuple[float, float, float, float]:
    return rng.uniform(0, most), rng.uniform(0, most), 1 - rng.uniform(0, most), 1 - rng.uniform(0, most)
