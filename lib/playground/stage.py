"""The stage of the playground: surfaces, things in perspective with shadows, and the final light."""

from collections.abc import Sequence
from functools import lru_cache

import numpy
from PIL import Image, ImageFilter

from .canvas import Canvas, Pen
from .paint import Dice, Paint
from .things.furniture import FURNITURE
from .things.household import HOUSEHOLD
from .things.movers import MOVERS
from .things.nature import NATURE
from .things.town import TOWN

THINGS = NATURE | TOWN | MOVERS | FURNITURE | HOUSEHOLD

# Size of a thing in the foreground: percent of the picture's height that 100 of its own units take.
SIZES = {
    "sun": 26, "moon": 22, "cloud": 28, "tree": 68, "pine": 74, "palm": 76, "bush": 28, "flower": 22, "cactus": 46,
    "rock": 24, "house": 64, "building": 92, "barn": 66, "lighthouse": 74, "fence": 34, "bench": 40, "streetlight": 64,
    "traffic light": 56, "umbrella": 48, "slide": 56, "swing": 58, "ball": 12, "car": 50, "bus": 66, "truck": 58,
    "bicycle": 40, "sailboat": 56, "ship": 62, "airplane": 46, "balloon": 58, "bird": 18, "cow": 40, "sheep": 30,
    "dog": 26, "person": 38, "bed": 74, "pillow": 16, "lamp": 34, "table": 50, "chair": 38, "sofa": 68, "cabinet": 46,
    "bookcase": 62, "book": 12, "refrigerator": 64, "stove": 46, "sink": 42, "bathtub": 60, "toilet": 40, "mirror": 30,
    "painting": 26, "window": 34, "door": 60, "curtain": 36, "rug": 60, "television": 38, "computer": 28, "desk": 58,
    "plant": 28, "clock": 15,
}  # fmt: skip
AFLOAT = frozenset({"sun", "moon", "cloud", "airplane", "balloon", "bird", "sailboat", "ship", "rug"})
_GRAIN_EDGE = 1024


class Stage:
    """Places surfaces and things on a canvas.

    Parameters
    ----------
    canvas : Canvas
        An empty canvas.
    dice : Dice
        The choices of this image.
    without : str
        Kind of thing that is left out, with its shadow; empty for none. All choices are the same as with it.
    """

    def __init__(self, canvas: Canvas, dice: Dice, *, without: str = "") -> None:
        self.canvas, self.dice, self._without = canvas, dice, without
        canvas.light = dice.pick((-1.0, 1.0))
        self._queue: list[tuple[float, str, float, float]] = []
        self._ground: tuple[str, Paint] | None = None

    def surface(
        self,
        points: Sequence[tuple[float, float]],
        name: str,
        paint: Paint,
        *,
        shade: float = 0.12,
        ground: bool = True,
    ) -> None:
        """Paint a polygon (percent of the picture) as a surface; if it is the ground, later shadows fall on it."""
        self.canvas.polygon(list(points), paint, objects=(name,), parts=(), shade=shade, outline=0)
        if ground:
            self._ground = (name, paint)

    def band(
        self, heights: tuple[float, float], name: str, paint: Paint, *, slope: float = 0, shade: float = 0.12
    ) -> None:
        """Paint a surface across the whole picture, its upper edge falling by `slope` percent to the right."""
        top, bottom = heights
        self.surface([(-1, top), (101, top + slope), (101, bottom), (-1, bottom)], name, paint, shade=shade)

    def put(
        self, name: str, x: float, y: float, *, size: float = 1.0, on: str = "", mirror: bool | None = None
    ) -> None:
        """Draw a thing now: it stands at (x, y), at `size` times its foreground size, as part of the surface `on`."""
        dice = self.dice
        full = SIZES[name] * size * dice.uniform(0.88, 1.12)
        pen = Pen(
            self.canvas,
            (name, on) if on else (name,),
            x=x,
            y=y,
            size=full,
            mirror=dice.chance(0.5) if mirror is None else mirror,
            tilt=dice.uniform(-0.12, 0.12) if name in ("airplane", "sailboat", "balloon", "ball", "bird") else 0.0,
        )
        self.canvas.hidden = name == self._without
        THINGS[name](pen, dice)
        self.canvas.hidden = False

    def later(self, name: str, x: float, y: float, *, size: float = 1.0) -> None:
        """Keep a thing until `settle`, which draws from the back to the front."""
        self._queue.append((y, name, x, size))

    def spread(
        self, names: str, count: tuple[int, int], *, between: tuple[float, float], horizon: float, far: float = 0.5
    ) -> None:
        """Scatter things over the ground, smaller the nearer they stand to the horizon.

        Parameters
        ----------
        names : str
            Candidates, joined by commas; repeated names are likelier.
        count : (int, int)
            Least and largest number of things.
        between : (float, float)
            Range of the height at which they stand, percent from the top.
        horizon : float
            Height of the horizon, percent from the top.
        far : float
            Size at the horizon, as a share of the foreground size.
        """
        dice, number = self.dice, self.dice.integer(*count)
        for k in range(number):
            x = 100 * (k + dice.uniform(0.1, 0.9)) / number
            y = dice.uniform(*between)
            self.later(dice.pick(names.split(",")), x, y, size=far + (1 - far) * (y - horizon) / (100 - horizon))

    def settle(self) -> None:
        """Draw the things that were kept, from the back to the front, each with its shadow."""
        for y, name, x, size in sorted(self._queue):
            if self._ground and name not in AFLOAT and name != self._without:
                surface, paint = self._ground
                half = SIZES[name] * size * 0.4
                shadow = Pen(self.canvas, (surface,), x=x, y=y, size=100, mirror=False, tilt=0)
                shadow.ellipse((-3 * self.canvas.light, 0, half, half * 0.14 + 0.6), paint.darker(0.78), outline=False)
            self.put(name, x, y, size=size)
        self._queue.clear()


@lru_cache(maxsize=1)
def _grain_field() -> numpy.ndarray:
    return numpy.random.default_rng(0).standard_normal((_GRAIN_EDGE, _GRAIN_EDGE), dtype=numpy.float32)


def light(
    picture: Image.Image, shading: numpy.ndarray, generator: numpy.random.Generator, *, night: bool
) -> Image.Image:
    """Light a flat picture: shading, brightness, tint, a gradient, noise, a mild blur.

    Parameters
    ----------
    picture : PIL.Image.Image
        The flat colors.
    shading : numpy.ndarray
        Gain per pixel, float32 of shape (height, width).
    generator : numpy.random.Generator
        Source of the choices and of the noise.
    night : bool
        Whether the picture is darker and bluer.

    Returns
    -------
    PIL.Image.Image
        The RGB picture.
    """
    height, width = shading.shape
    brightness, slope_x, slope_y, blur, noise = generator.random(5)
    tint = 1 + numpy.float32(0.1) * (generator.random(3, dtype=numpy.float32) - 0.5)
    if night:
        tint = tint * numpy.array([0.78, 0.82, 0.98], dtype=numpy.float32)
    across = numpy.linspace(-0.5, 0.5, width, dtype=numpy.float32)
    down = numpy.linspace(-0.5, 0.5, height, dtype=numpy.float32)[:, None]
    gain = shading * (numpy.float32(0.82 + 0.28 * brightness) * (1 + numpy.float32(0.24 * (slope_x - 0.5)) * across))
    gain *= 1 + numpy.float32(0.24 * (slope_y - 0.5)) * down
    if blur > 0.5:
        picture = picture.filter(ImageFilter.BoxBlur(float(blur) - 0.4))
    # A window of one large field of noise: fresh noise for every image would cost a tenth of the drawing.
    top, left = generator.integers(0, _GRAIN_EDGE - max(height, width), size=2)
    grain = _grain_field()[top : top + height, left : left + width] * numpy.float32(1.5 + 4 * noise)
    lit = numpy.empty((height, width, 3), dtype=numpy.uint8)
    flat = numpy.asarray(picture)
    for channel in range(3):
        values = flat[..., channel] * gain
        values *= tint[channel]
        values += grain
        numpy.clip(values, 0, 255, out=values)
        lit[..., channel] = values
    return Image.fromarray(lit)
