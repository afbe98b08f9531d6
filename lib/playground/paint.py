"""Paints, patterns and dice of the playground: what surfaces look like, and the choices that vary them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar

import numpy

from .vocabulary import SHADES

T = TypeVar("T")

PATTERN_TEXTURES = {"bricks": "", "tiles": "grid", "shingles": "", "planks": ""}  # other patterns are textures

Rgb = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Paint:
    """What a surface is made of: a shade of a color, maybe a material, maybe a pattern in a second color."""

    rgb: Rgb
    color: str
    material: str = ""
    pattern: str = ""
    second: "Paint | None" = None
    period: int = 0

    def darker(self, factor: float) -> "Paint":
        """Return the same surface in a darker (factor < 1) or lighter shade, without its pattern."""
        r, g, b = self.rgb
        return Paint(
            (min(255, int(r * factor)), min(255, int(g * factor)), min(255, int(b * factor))), self.color, self.material
        )

    def paler(self, share: float) -> "Paint":
        """Return the same surface mixed with a share of white, without its pattern."""
        r, g, b = (int(c + (255 - c) * share) for c in self.rgb)
        return Paint((r, g, b), self.color, self.material)


class Dice:
    """Cheap random choices: uniform numbers are drawn in blocks, everything else is made of them."""

    def __init__(self, generator: numpy.random.Generator) -> None:
        self._generator = generator
        self._values: list[float] = []

    def random(self) -> float:
        """Return a number in [0, 1)."""
        if not self._values:
            self._values = self._generator.random(512).tolist()
        return self._values.pop()

    def uniform(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return low + (high - low) * self.random()

    def integer(self, low: int, high: int) -> int:
        """Return an integer in [low, high], both ends included."""
        return low + int((high - low + 1) * self.random())

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self.random() < probability

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[int(len(items) * self.random())]

    def paint(self, colors: str, material: str = "", pattern: str = "", *, second: str = "", period: int = 0) -> Paint:
        """Return a paint in a random shade of one of the colors (names joined by spaces).

        Parameters
        ----------
        colors : str
            Candidate colors.
        material : str
            Material label, empty for none.
        pattern : str
            A texture or a pattern without a texture label, empty for a plain surface.
        second : str
            Candidate colors of the pattern; empty for a darker shade of the first color.
        period : int
            Period of the pattern in supersampled pixels; 0 for a random one.
        """
        color = self.pick(colors.split())
        light = self.uniform(0.93, 1.06)
        rgb = tuple(min(255, max(0, int(c * light + self.uniform(-6, 6)))) for c in self.pick(SHADES[color]))
        paint = Paint(rgb, color, material)
        if not pattern:
            return paint
        others = [name for name in second.split() if name != color]
        other = self.paint(self.pick(others), material) if others else paint.darker(self.uniform(0.74, 0.88))
        return replace(paint, pattern=pattern, second=other, period=period or self.pick((14, 18, 24)))


@lru_cache(maxsize=256)
def pattern(name: str, period: int, edge: int) -> numpy.ndarray:
    """Return where a pattern shows its second color.

    Parameters
    ----------
    name : str
        A texture of the vocabulary, or bricks, tiles, shingles, planks.
    period : int
        Period in supersampled pixels.
    edge : int
        Edge of the square that it fills, pixels.

    Returns
    -------
    numpy.ndarray
        Booleans of shape (edge, edge).

    Raises
    ------
    ValueError
        If there is no such pattern.
    """
    y, x = numpy.mgrid[:edge, :edge]
    u, v = x % period, y % period
    line = max(2, period // 8)
    if name == "striped":
        # The period also decides the direction, so that stripes are not all alike.
        across = (x, y, x + y)[period % 3]
        return across % period < period // 2
    if name == "dotted":
        shifted = (x + (y // period % 2) * (period // 2)) % period
        return (shifted - period / 2) ** 2 + (v - period / 2) ** 2 < (0.3 * period) ** 2
    if name == "checkered":
        return (u < period // 2) ^ (v < period // 2)
    if name in ("grid", "tiles"):
        return (u < line) | (v < line)
    if name == "zigzagged":
        return (y + numpy.abs(u - period // 2)) % period < period * 0.45
    if name == "wavy":
        return (y + 0.12 * period * numpy.sin(2 * numpy.pi * x / (2.5 * period))) % period < 0.22 * period
    if name == "speckled":
        # A hash of the cell, not a generator: the speckles must not depend on what was drawn before.
        cell = max(2, period // 7)
        return ((x // cell * 73_856_093) ^ (y // cell * 19_349_663)) * 2_654_435_761 % 2**32 < 0.16 * 2**32
    if name in ("bricks", "shingles"):
        height = period // 2
        shifted = (x + (y // height % 2) * (period // 2)) % period
        return (y % height < 2) | (shifted < 2)
    if name == "planks":
        return v < 2
    raise ValueError(f"There is no pattern {name!r}: use a texture of the vocabulary, bricks, tiles, shingles, planks.")
