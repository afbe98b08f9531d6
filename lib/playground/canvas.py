"""The canvas of the playground: every painted shape has an identity, and an identity knows its labels and its color.

One integer image holds, per supersampled pixel, the shape on top. The picture and all the label maps are read off
that image through tables, so a map can never disagree with the picture.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy
from PIL import Image, ImageDraw

from .paint import PATTERN_TEXTURES, Paint, Rgb, pattern
from .vocabulary import NUMBERS

SUPERSAMPLING = 2
MAP_SLOTS = {"color": 1, "object": 2, "part": 2, "material": 1, "texture": 1}
_CIRCLE = tuple((math.cos(2 * math.pi * k / 24), math.sin(2 * math.pi * k / 24)) for k in range(24))
_SMALL_RADIUS = 4.0  # percent of the picture; a smaller circle is drawn with half the corners

Point = tuple[float, float]


class Canvas:
    """An identity image with a table of what each identity is.

    Parameters
    ----------
    size : int
        Edge of the finished picture, pixels; even.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.edge = size * SUPERSAMPLING
        self.scale = self.edge / 100
        self._image = Image.new("I", (self.edge, self.edge))
        self._draw = ImageDraw.Draw(self._image)
        self._rows: list[tuple] = []
        self._patterns: list[tuple] = []
        self.light = 1.0  # where shapes are brighter: +1 on the left, -1 on the right
        self.night = False
        self.snow = False
        self.hidden = False  # whether shapes are left out

    def _identity(self, rgb: Rgb, labels: tuple[int, ...], shading: tuple[float, float, float]) -> int:
        self._rows.append((rgb, labels, shading))
        return len(self._rows) - 1

    def polygon(
        self, points: list[Point], paint: Paint, *, objects: tuple, parts: tuple, shade: float, outline: float
    ) -> None:
        """Paint a polygon.

        Parameters
        ----------
        points : list of (float, float)
            Corners in percent of the picture, x right, y down.
        paint : Paint
            Its surface.
        objects, parts : tuple of str
            Labels, at most two of each; with several, the pixel carries them all.
        shade : float
            Strength of the shading across the shape; 0 is flat.
        outline : float
            Width of the outline, pixels of the finished picture; 0 for none.
        """
        if self.hidden:
            return
        scale = self.scale
        corners = [(x * scale, y * scale) for x, y in points]
        xs, ys = [p[0] for p in corners], [p[1] for p in corners]
        left, right, top, bottom = min(xs), max(xs), min(ys), max(ys)
        if right < 0 or bottom < 0 or left >= self.edge or top >= self.edge:
            return
        dx, dy = -shade * self.light / max(right - left, 1), -shade / max(bottom - top, 1)
        shading = (1 - dx * (left + right) / 2 - dy * (top + bottom) / 2, dx, dy)
        texture = PATTERN_TEXTURES.get(paint.pattern, paint.pattern)
        labels = _labels(paint.color, objects, parts, paint.material, texture)
        identity = self._identity(paint.rgb, labels, shading)
        self._draw.polygon(corners, fill=identity)
        if paint.second is not None:
            box = tuple(min(self.edge, max(0, int(v))) for v in (left - 1, top - 1, right + 2, bottom + 2))
            second = _labels(paint.second.color, objects, parts, paint.second.material, texture)
            other = self._identity(paint.second.rgb, second, shading)
            self._patterns.append((identity, other, box, paint.pattern, paint.period))
        if outline:
            line = self._identity(paint.darker(0.5).rgb, labels, (1.0, 0.0, 0.0))
            self._draw.line([*corners, corners[0], corners[1]], fill=line, width=max(1, round(outline * SUPERSAMPLING)))

    def identities(self) -> numpy.ndarray:
        """Return the identity per supersampled pixel, patterns applied, as intp of shape (2 size, 2 size)."""
        identities = numpy.array(self._image, dtype=numpy.intp)
        # A pattern only changes pixels that still show its shape, so applying it last respects the painter's order.
        for identity, other, (left, top, right, bottom), name, period in self._patterns:
            region = identities[top:bottom, left:right]
            tile = pattern(name, period, self.edge)[: bottom - top, : right - left]
            region[(region == identity) & tile] = other
        return identities

    def picture(self, identities: numpy.ndarray) -> tuple[Image.Image, numpy.ndarray]:
        """Render the picture without lighting.

        Parameters
        ----------
        identities : numpy.ndarray
            What `identities` returned.

        Returns
        -------
        picture : PIL.Image.Image
            RGBX image of size x size: the flat colors, antialiased.
        shading : numpy.ndarray
            Gain of each pixel by the shading of its shape, float32 of shape (size, size).
        """
        rgbx = numpy.array([(*rgb, 255) for rgb, _, _ in self._rows], dtype=numpy.uint8).view(numpy.uint32)[:, 0]
        flat = Image.frombuffer("RGBX", (self.edge, self.edge), rgbx.take(identities), "raw", "RGBX", 0, 1)
        gains = numpy.array([shading for _, _, shading in self._rows], dtype=numpy.float32).T.copy()
        coarse = numpy.ascontiguousarray(identities[::SUPERSAMPLING, ::SUPERSAMPLING])
        axis = numpy.arange(self.size, dtype=numpy.float32) * SUPERSAMPLING
        gain = gains[1].take(coarse)
        gain *= axis
        down = gains[2].take(coarse)
        down *= axis[:, None]
        gain += down
        gain += gains[0].take(coarse)
        return flat.reduce(SUPERSAMPLING), gain

    def maps(self, identities: numpy.ndarray) -> dict[str, list[numpy.ndarray]]:
        """Read the label maps off the identities.

        Parameters
        ----------
        identities : numpy.ndarray
            What `identities` returned.

        Returns
        -------
        dict of str to list of numpy.ndarray
            For each category its maps, uint16 of shape (size / 2, size / 2), 0 = no label; maps without any label are
            left out.
        """
        step = 2 * SUPERSAMPLING
        sampled = numpy.ascontiguousarray(identities[step // 2 :: step, step // 2 :: step])
        table = numpy.array([labels for _, labels, _ in self._rows], dtype=numpy.uint16).T.copy()
        maps, column = {}, 0
        for category, slots in MAP_SLOTS.items():
            found = [table[column + slot].take(sampled) for slot in range(slots)]
            maps[category] = [labels for labels in found if labels.any()]
            column += slots
        return maps


class Pen:
    """Draws one thing in its own coordinates: x from -50 to 50, y from -100 (top) to 0 (where it stands).

    Parameters
    ----------
    canvas : Canvas
        The picture.
    objects : tuple of str
        What the thing is called, and what it lies on.
    x, y : float
        Where the thing stands on the canvas, percent of its edge.
    size : float
        Height of the thing, percent of the canvas.
    mirror : bool
        Whether left and right are swapped.
    tilt : float
        Turn, radians.
    """

    def __init__(
        self, canvas: Canvas, objects: tuple[str, ...], *, x: float, y: float, size: float, mirror: bool, tilt: float
    ) -> None:
        self.canvas = canvas
        self.objects = objects
        self._origin, self._size = (x, y), size / 100
        cosine, sine = math.cos(tilt) * size / 100, math.sin(tilt) * size / 100
        flip = -1 if mirror else 1
        self._matrix = (flip * cosine, -sine, flip * sine, cosine)
        self.outline = min(1.0, 0.45 + size / 60)

    def polygon(
        self,
        points: Sequence[Point],
        paint: Paint,
        part: str | tuple[str, ...] = (),
        *,
        on: str = "",
        shade: float = 0.2,
        outline: bool = True,
    ) -> None:
        """Paint a polygon; `part` names its part or nested parts, `on` a second object that its pixels belong to."""
        a, b, c, d = self._matrix
        x0, y0 = self._origin
        self.canvas.polygon(
            [(x0 + a * x + b * y, y0 + c * x + d * y) for x, y in points],
            paint,
            objects=(*self.objects, on) if on else self.objects,
            parts=(part,) if isinstance(part, str) else part,
            shade=shade,
            outline=self.outline if outline else 0,
        )

    def box(self, corners: tuple[float, float, float, float], paint: Paint, part: str | tuple = (), **options) -> None:
        """Paint the rectangle (left, top, right, bottom)."""
        left, top, right, bottom = corners
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], paint, part, **options)

    def pillow(
        self, corners: tuple[float, float, float, float], paint: Paint, part: str | tuple = (), **options
    ) -> None:
        """Paint the rectangle (left, top, right, bottom) with cut corners."""
        left, top, right, bottom = corners
        cut = min(right - left, bottom - top) * 0.22
        xs, ys = (left, left + cut, right - cut, right), (top, top + cut, bottom - cut, bottom)
        ring = ((0, 1), (1, 0), (2, 0), (3, 1), (3, 2), (2, 3), (1, 3), (0, 2))
        self.polygon([(xs[i], ys[j]) for i, j in ring], paint, part, **options)

    def ellipse(
        self, shape: tuple[float, float, float, float], paint: Paint, part: str | tuple = (), **options
    ) -> None:
        """Paint the ellipse (center x, center y, radius x, radius y)."""
        cx, cy, rx, ry = shape
        circle = _CIRCLE[::2] if max(rx, ry) * self._size < _SMALL_RADIUS else _CIRCLE
        self.polygon([(cx + rx * u, cy + ry * v) for u, v in circle], paint, part, **options)

    def blob(self, shape: tuple[float, float, float, float], paint: Paint, part: str | tuple = (), **options) -> None:
        """Paint an ellipse with a scalloped rim, for foliage and clouds."""
        cx, cy, rx, ry = shape
        rim = [1.0 if k % 4 in (1, 2, 3) else 0.84 for k in range(24)]
        self.polygon([(cx + rx * r * u, cy + ry * r * v) for r, (u, v) in zip(rim, _CIRCLE)], paint, part, **options)

    def stroke(
        self, ends: tuple[Point, Point], width: float, paint: Paint, *, part: str | tuple = (), **options
    ) -> None:
        """Paint a straight bar of the given width between two points."""
        (x0, y0), (x1, y1) = ends
        length = math.hypot(x1 - x0, y1 - y0) or 1.0
        u, v = -(y1 - y0) / length * width / 2, (x1 - x0) / length * width / 2
        self.polygon([(x0 + u, y0 + v), (x1 + u, y1 + v), (x1 - u, y1 - v), (x0 - u, y0 - v)], paint, part, **options)


@lru_cache(maxsize=8192)
def _labels(color: str, objects: tuple, parts: tuple, material: str, texture: str) -> tuple[int, ...]:
    """Return the label numbers of a surface, one per slot of MAP_SLOTS."""
    numbers = [NUMBERS[f"{color}-c"]]
    for names, slots in ((objects, MAP_SLOTS["object"]), (parts, MAP_SLOTS["part"])):
        numbers += [NUMBERS[name] for name in names] + [0] * (slots - len(names))
    return (*numbers, NUMBERS.get(material, 0), NUMBERS.get(texture, 0))
