"""What grows, stands and shines outdoors in the playground.

Every function draws one thing, named in NATURE below, with a Pen (coordinates: x from -50 to 50, y from -100, the
top, to 0, where the thing stands) and the Dice that choose its colors and variants.
"""

import math
from collections.abc import Callable

from ..canvas import Pen
from ..paint import Dice

_RAYS = tuple((math.cos(k * math.pi / 12), math.sin(k * math.pi / 12)) for k in range(24))


def sun(pen: Pen, dice: Dice) -> None:
    """Draw a sun, sometimes with rays."""
    paint = dice.paint("yellow yellow orange")
    if dice.chance(0.4):
        pen.polygon(
            [(x * r, -50 + y * r) for r, (x, y) in zip((50, 36) * 12, _RAYS)], paint.darker(0.95), outline=False
        )
    pen.ellipse((0, -50, 32, 32), paint, shade=0.1)


def moon(pen: Pen, dice: Dice) -> None:
    """Draw a full moon or a crescent."""
    paint = dice.paint("white yellow")
    if dice.chance(0.5):
        pen.ellipse((0, -50, 34, 34), paint, shade=0.1)
        pen.ellipse((10, -58, 7, 7), paint.darker(0.85), outline=False)
        pen.ellipse((-10, -40, 5, 5), paint.darker(0.85), outline=False)
    else:
        outer = [(-4 + 36 * x, -50 + 36 * y) for x, y in _RAYS[2:23]]
        inner = [(12 + 28 * x, -50 + 30 * y) for x, y in reversed(_RAYS[3:22])]
        pen.polygon(outer + inner, paint, shade=0.1)


def cloud(pen: Pen, dice: Dice) -> None:
    """Draw a cloud."""
    paint = dice.paint("white white grey")
    puffs = ((-26, -38, 24, 20), (26, -38, 22, 18), (-6, -56, 26, 26), (14, -50, 20, 20))
    for cx, cy, rx, ry in puffs:
        pen.ellipse((cx, cy, rx + 2, ry + 2), paint.darker(0.86), outline=False)
    for puff in puffs:
        pen.ellipse(puff, paint, outline=False, shade=0.12)
    pen.box((-34, -36, 34, -20), paint, outline=False, shade=0.1)


def tree(pen: Pen, dice: Dice) -> None:
    """Draw a broad-leaved tree, sometimes with fruit."""
    bark = dice.paint("brown", "wood")
    leaves = dice.paint("green green green orange pink", "foliage", dice.pick(("", "speckled")))
    pen.polygon([(-5, -50), (5, -50), (8, 0), (-8, 0)], bark, "trunk")
    pen.stroke(((0, -38), (16, -54)), 4, bark, part="trunk")
    if dice.chance(0.4):
        pen.ellipse((0, -70, 36, 30), leaves, "crown", shade=0.4)
    else:
        pen.blob((-16, -60, 24, 20), leaves.darker(0.85), "crown", shade=0.3)
        pen.blob((18, -62, 24, 20), leaves.darker(0.92), "crown", shade=0.3)
        pen.blob((0, -78, 28, 22), leaves, "crown", shade=0.35)
    if dice.chance(0.3):
        fruit = dice.paint("red orange yellow")
        for x, y in ((-16, -66), (14, -60), (2, -84), (20, -76), (-2, -62)):
            pen.ellipse((x, y, 4.5, 4.5), fruit, ("crown", "fruit"))


def pine(pen: Pen, dice: Dice) -> None:
    """Draw a fir, sometimes under snow."""
    needles = dice.paint("green", "foliage")
    pen.box((-5, -16, 5, 0), dice.paint("brown", "wood"), "trunk")
    white = dice.paint("white", "snow") if pen.canvas.snow or dice.chance(0.15) else None
    for half, top, bottom in ((32, -56, -12), (26, -78, -38), (19, -100, -62)):
        pen.polygon([(0, top), (half, bottom), (0, bottom + 5), (-half, bottom)], needles, "crown", shade=0.35)
        if white:
            lower = top + (bottom - top) * 0.42
            pen.polygon([(0, top), (half * 0.42, lower), (0, lower - 5), (-half * 0.42, lower)], white, "crown")


def palm(pen: Pen, dice: Dice) -> None:
    """Draw a palm."""
    bark, leaves = dice.paint("brown", "wood"), dice.paint("green", "foliage")
    pen.polygon([(-6, 0), (6, 0), (9, -36), (17, -74), (10, -76), (1, -38)], bark, "trunk")
    for k in range(4):
        pen.stroke(
            ((-5 + k * 3, -12 - k * 16), (7 + k * 3, -14 - k * 16)), 1.5, bark.darker(0.7), part="trunk", outline=False
        )
    for x, y in ((-38, -72), (-34, -94), (58, -70), (54, -94), (14, -104), (-14, -56), (42, -54)):
        middle = ((13 + x) / 2, min(-76, (y - 76) / 2 - 12))
        pen.polygon([(13, -72), (middle[0] - 3, middle[1] - 5), (x, y), (middle[0] + 2, middle[1] + 8)], leaves, "leaf")
    if dice.chance(0.6):
        for x in (7, 15, 21):
            pen.ellipse((x, -69, 4.5, 5), dice.paint("brown"), "fruit")


def bush(pen: Pen, dice: Dice) -> None:
    """Draw a bush, sometimes with berries."""
    leaves = dice.paint("green", "foliage", dice.pick(("", "", "speckled")))
    pen.blob((-22, -22, 24, 22), leaves.darker(0.88), "crown")
    pen.blob((22, -22, 24, 22), leaves.darker(0.94), "crown")
    pen.blob((0, -34, 28, 32), leaves, "crown", shade=0.3)
    if dice.chance(0.4):
        berry = dice.paint("red pink purple")
        for x, y in ((-22, -26), (18, -20), (2, -46), (-6, -20), (14, -40)):
            pen.ellipse((x, y, 4, 4), berry, ("crown", "fruit"))


def flower(pen: Pen, dice: Dice) -> None:
    """Draw one flower."""
    petals, heart = dice.paint("red pink purple yellow white orange blue"), dice.paint("yellow brown")
    green = dice.paint("green", "foliage")
    pen.stroke(((0, 0), (0, -60)), 6, green, part="pole", outline=False)
    pen.polygon([(0, -14), (22, -34), (26, -20)], green, "leaf")
    pen.polygon([(0, -10), (-22, -30), (-26, -16)], green, "leaf")
    for x, y in ((0, -92), (20, -78), (13, -56), (-13, -56), (-20, -78)):
        pen.ellipse((x, y, 14, 14), petals, "petal")
    pen.ellipse((0, -72, 11, 11), heart)


def cactus(pen: Pen, dice: Dice) -> None:
    """Draw a cactus with arms."""
    skin = dice.paint("green", "", dice.pick(("", "striped")), period=12)
    for side, low, high in ((-1, -34, -66), (1, -44, -80)):
        pen.pillow((side * 30 - 7, high, side * 30 + 7, low + 7), skin, "arm")
        pen.pillow((min(0, side * 30), low - 6, max(0, side * 30), low + 8), skin, "arm")
    pen.pillow((-11, -98, 11, 0), skin, "trunk", shade=0.4)
    if dice.chance(0.5):
        pen.ellipse((0, -98, 7, 6), dice.paint("pink red yellow"), "petal")


def rock(pen: Pen, dice: Dice) -> None:
    """Draw a boulder."""
    stone = dice.paint("grey grey brown", "stone", dice.pick(("", "speckled")))
    top = dice.uniform(-62, -44)
    pen.polygon([(-46, 0), (-40, -28), (-18, top), (14, top - 6), (38, -34), (48, 0)], stone, shade=0.5)
    pen.polygon([(-18, top), (14, top - 6), (4, top + 16), (-12, top + 18)], stone.darker(1.12), outline=False)


NATURE: dict[str, Callable[[Pen, Dice], None]] = {
    function.__name__.replace("_", " "): function
    for function in (sun, moon, cloud, tree, pine, palm, bush, flower, cactus, rock)
}
