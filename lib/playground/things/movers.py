"""Vehicles, animals and people of the playground.

Every function draws one thing, named in MOVERS below, with a Pen (coordinates: x from -50 to 50, y from -100, the
top, to 0, where the thing stands) and the Dice that choose its colors and variants.
"""

import math
from collections.abc import Callable

from ..canvas import Pen
from ..paint import Dice, Paint

_BODY_COLORS = "red blue yellow green white black grey orange purple pink"


_SKINS = (
    Paint((246, 198, 176), "pink"),
    Paint((236, 182, 158), "pink"),
    Paint((176, 120, 82), "brown"),
    Paint((118, 76, 52), "brown"),
)


def _wheel(pen: Pen, x: float, radius: float, dice: Dice) -> None:
    pen.ellipse((x, -radius, radius, radius), dice.paint("black"), "wheel", shade=0.1)
    pen.ellipse((x, -radius, radius * 0.45, radius * 0.45), dice.paint("grey white", "metal"), "wheel", outline=False)


def _glass(pen: Pen, dice: Dice) -> Paint:
    return dice.paint("yellow white" if pen.canvas.night else "blue white", "glass")


def car(pen: Pen, dice: Dice) -> None:
    """Draw a car from the side."""
    body, glass = dice.paint(_BODY_COLORS, "metal"), _glass(pen, dice)
    high = dice.uniform(-50, -42)
    pen.polygon([(-30, -27), (-20, high), (12, high), (28, -27)], body, "roof")
    pen.polygon([(-25, -28), (-17, high + 4), (-5, high + 4), (-5, -28)], glass, "window", shade=0.1)
    pen.polygon([(-1, -28), (-1, high + 4), (10, high + 4), (22, -28)], glass, "window", shade=0.1)
    pen.polygon([(-49, -10), (-48, -24), (-30, -29), (28, -29), (46, -22), (49, -10)], body, "body", shade=0.3)
    pen.box((-18, -27, 8, -11), body, "door", shade=0)
    pen.box((-15, -24, -9, -22), body.darker(0.4), ("door", "handle"), outline=False)
    pen.ellipse((45, -19, 3.4, 3.4), dice.paint("yellow white", "glass"), "headlight")
    _wheel(pen, -28, 10.5, dice)
    _wheel(pen, 29, 10.5, dice)


def bus(pen: Pen, dice: Dice) -> None:
    """Draw a bus with a row of windows."""
    body, glass = dice.paint("red yellow blue green orange white", "metal"), _glass(pen, dice)
    pen.pillow((-50, -58, 50, -9), body, "body")
    pen.box((-48, -59, 48, -54), body.darker(0.8), "roof")
    for k in range(4):
        pen.box((-45 + k * 18, -49, -31 + k * 18, -33), glass, "window", shade=0.1)
    pen.box((-50, -27, 50, -22), dice.paint("white yellow red"), "body", outline=False)
    pen.box((30, -50, 43, -11), glass.darker(0.9), "door", shade=0.1)
    pen.ellipse((48, -17, 2.6, 3.2), dice.paint("yellow white", "glass"), "headlight")
    _wheel(pen, -28, 10, dice)
    _wheel(pen, 20, 10, dice)


def truck(pen: Pen, dice: Dice) -> None:
    """Draw a truck with a box, sometimes with a pattern on it."""
    cab = dice.paint(_BODY_COLORS, "metal")
    box = dice.paint(
        "white grey blue orange brown", "metal", dice.pick(("", "striped", "zigzagged")), second="red blue white"
    )
    pen.box((-50, -62, 14, -12), box, "body")
    pen.polygon([(16, -12), (16, -50), (34, -50), (48, -30), (48, -12)], cab, "head")
    pen.polygon([(22, -30), (22, -45), (33, -45), (43, -30)], _glass(pen, dice), ("head", "window"), shade=0.1)
    pen.box((-48, -14, 48, -8), dice.paint("black grey", "metal"), "body")
    pen.ellipse((46, -18, 3, 3), dice.paint("yellow", "glass"), ("head", "headlight"))
    for x in (-36, -12, 32):
        _wheel(pen, x, 10, dice)


def bicycle(pen: Pen, dice: Dice) -> None:
    """Draw a bicycle."""
    paint, rubber = dice.paint("red blue green orange black purple", "metal"), dice.paint("black")
    for x in (-28, 28):
        for k in range(0, 24, 2):
            a, b = _ring(k), _ring(k + 2)
            ends = ((x + 20 * a[0], -20 + 20 * a[1]), (x + 20 * b[0], -20 + 20 * b[1]))
            pen.stroke(ends, 4, rubber, part="wheel", outline=False, shade=0)
        for a in (_ring(0), _ring(4), _ring(8)):
            pen.stroke(
                ((x - 20 * a[0], -20 - 20 * a[1]), (x + 20 * a[0], -20 + 20 * a[1])),
                1,
                rubber.darker(2),
                part="wheel",
                outline=False,
            )
    joints = {"rear": (-28, -20), "pedal": (-4, -18), "saddle": (-12, -48), "head": (20, -50), "front": (28, -20)}
    for a, b in (
        ("rear", "pedal"),
        ("rear", "saddle"),
        ("pedal", "saddle"),
        ("saddle", "head"),
        ("pedal", "head"),
        ("head", "front"),
    ):
        pen.stroke((joints[a], joints[b]), 4.5, paint, part="frame", outline=False)
    pen.stroke(((20, -50), (18, -60)), 4, paint, part="handle", outline=False)
    pen.stroke(((12, -62), (26, -60)), 4, rubber, part="handle", outline=False)
    pen.pillow((-22, -55, -4, -49), rubber, "seat")


def _ring(k: int) -> tuple[float, float]:
    return math.cos(k * math.pi / 12), math.sin(k * math.pi / 12)


def sailboat(pen: Pen, dice: Dice) -> None:
    """Draw a sailing boat."""
    hull = dice.paint("brown red blue white black", "wood")
    pattern = dice.pick(("", "", "striped", "checkered"))
    sail = dice.paint("white white red orange yellow", "fabric", pattern, second="red blue white")
    pen.stroke(((0, -14), (0, -98)), 3, dice.paint("brown", "wood"), part="mast")
    pen.polygon([(4, -94), (40, -22), (4, -22)], sail, "sail")
    pen.polygon([(-4, -84), (-30, -22), (-4, -22)], sail.darker(0.92) if not pattern else sail, "sail")
    pen.polygon([(-44, -18), (48, -18), (34, 0), (-32, 0)], hull, "hull")
    pen.polygon(
        [(-44, -18), (48, -18), (45, -14), (-42, -14)], dice.paint("white yellow", "wood"), "hull", outline=False
    )


def ship(pen: Pen, dice: Dice) -> None:
    """Draw a steamer with portholes and funnels."""
    hull, house = dice.paint("black red blue grey", "metal"), dice.paint("white yellow", "metal")
    for x in (-10, 10):
        pen.box((x - 5, -72, x + 5, -42), dice.paint("red black orange", "metal"), "chimney")
    pen.box((-28, -44, 28, -22), house)
    pen.box((-20, -54, 20, -42), house)
    for x in range(-22, 26, 11):
        pen.box((x - 3, -38, x + 3, -31), _glass(pen, dice), "window", shade=0)
    pen.polygon([(-48, -24), (50, -28), (38, 0), (-40, 0)], hull, "hull")
    for x in range(-30, 34, 15):
        pen.ellipse((x, -14, 3, 3), dice.paint("white blue", "glass"), ("hull", "window"), outline=False)


def airplane(pen: Pen, dice: Dice) -> None:
    """Draw an airliner from the side."""
    body, wing = dice.paint("white white grey yellow", "metal"), dice.paint("grey red blue orange", "metal")
    pen.polygon([(-46, -76), (-34, -76), (-20, -52), (-40, -50)], wing, "tail")
    pen.polygon([(2, -52), (-12, -80), (-4, -80), (20, -54)], wing.darker(0.85), "wing")
    pen.polygon(
        [(-48, -52), (-36, -58), (34, -58), (46, -52), (50, -46), (42, -40), (-30, -40)], body, "body", shade=0.35
    )
    for x in range(-24, 30, 8):
        pen.ellipse((x, -51, 2.4, 2.4), dice.paint("blue", "glass"), ("body", "window"), outline=False)
    pen.polygon([(36, -55), (44, -52), (46, -49), (36, -49)], dice.paint("blue", "glass"), ("body", "window"))
    pen.polygon([(6, -46), (22, -46), (-12, -18), (-22, -18)], wing, "wing")


def balloon(pen: Pen, dice: Dice) -> None:
    """Draw a hot-air balloon in gores or with a pattern."""
    first, second = (
        dice.paint("red yellow orange purple blue pink", "fabric"),
        dice.paint("white yellow green red", "fabric"),
    )
    if dice.chance(0.4):
        paint = dice.paint(
            "red purple blue orange", "fabric", dice.pick(("checkered", "zigzagged", "dotted")), second="yellow white"
        )
        pen.polygon(_envelope(-36, 36), paint, "crown", shade=0.4)
    else:
        pen.polygon(_envelope(-36, 36), first, "crown", shade=0.4)
        pen.polygon(_envelope(-22, 22), second, "crown", outline=False, shade=0.3)
        pen.polygon(_envelope(-8, 8), first, "crown", outline=False, shade=0.3)
    for x in (-7, 7):
        pen.stroke(((x, -34), (x * 0.8, -14)), 1.2, dice.paint("brown"), part="basket", outline=False)
    pen.pillow((-8, -16, 8, 0), dice.paint("brown", "wood", "checkered", period=10), "basket")


def _envelope(left: float, right: float) -> list[tuple[float, float]]:
    profile = ((0.2, -34), (0.7, -46), (0.96, -60), (1.0, -72), (0.9, -84), (0.6, -95), (0.2, -100))
    return [(right * w, y) for w, y in profile] + [(left * w, y) for w, y in reversed(profile)]


def bird(pen: Pen, dice: Dice) -> None:
    """Draw a bird, flying or standing."""
    coat = dice.paint("blue red yellow white brown black grey")
    pen.polygon([(-18, -52), (-48, -62), (-46, -44)], coat.darker(0.8), "tail")
    pen.ellipse((0, -48, 26, 17), coat, "body", shade=0.35)
    pen.ellipse((24, -62, 14, 13), coat, "head")
    pen.polygon([(36, -66), (50, -60), (36, -56)], dice.paint("orange yellow"), ("head", "beak"))
    pen.ellipse((27, -65, 2.6, 2.6), dice.paint("black"), "head", outline=False)
    if dice.chance(0.6):
        pen.polygon([(-10, -52), (12, -52), (-6, -98), (-26, -92)], coat.darker(0.85), "wing")
    else:
        pen.ellipse((-4, -48, 16, 9), coat.darker(0.8), "wing")
        for x in (-4, 6):
            pen.box((x, -32, x + 3, -12), dice.paint("orange"), "leg", outline=False)


def _legs(pen: Pen, places: tuple[float, ...], height: float, width: float, paint: Paint) -> None:
    for x in places:
        pen.box((x, -height, x + width, 0), paint, "leg")


def cow(pen: Pen, dice: Dice) -> None:
    """Draw a cow with patches."""
    coat, patch = dice.paint("white brown white"), dice.paint("black brown")
    pink = dice.paint("pink")
    pen.stroke(((-38, -60), (-47, -26)), 3, coat.darker(0.8), part="tail")
    _legs(pen, (-34, -20, 12, 24), 32, 9, coat)
    pen.pillow((-40, -68, 36, -24), coat, "body", shade=0.25)
    for x, y, rx, ry in ((-20, -52, 13, 11), (10, -42, 11, 9), (22, -60, 9, 6)):
        pen.ellipse((x, y, rx, ry), patch, "body", outline=False)
    pen.ellipse((-12, -26, 9, 6), pink, "body", outline=False)
    pen.polygon([(28, -76), (18, -84), (24, -70)], coat, ("head", "ear"))
    pen.pillow((26, -82, 50, -48), coat, "head")
    pen.pillow((28, -60, 52, -46), pink, "head")
    pen.ellipse((38, -70, 2.6, 2.6), dice.paint("black"), "head", outline=False)


def sheep(pen: Pen, dice: Dice) -> None:
    """Draw a sheep."""
    wool, skin = dice.paint("white white white brown", "fabric"), dice.paint("black grey brown")
    _legs(pen, (-24, -12, 8, 20), 24, 7, skin)
    pen.blob((-2, -42, 40, 30), wool, "body", shade=0.3)
    pen.ellipse((36, -54, 13, 16), skin, "head")
    pen.polygon([(28, -66), (14, -62), (26, -56)], skin, ("head", "ear"))
    pen.ellipse((39, -58, 2.4, 2.4), dice.paint("white"), "head", outline=False)


def dog(pen: Pen, dice: Dice) -> None:
    """Draw a dog."""
    coat = dice.paint("brown black white grey orange")
    pen.stroke(((-32, -48), (-46, -72)), 6, coat, part="tail")
    _legs(pen, (-32, -22, 12, 22), 30, 7, coat)
    pen.pillow((-36, -56, 32, -24), coat, "body", shade=0.3)
    pen.box((18, -55, 30, -46), dice.paint("red blue"), outline=False)
    pen.pillow((18, -84, 42, -54), coat, "head")
    pen.pillow((34, -70, 52, -56), coat, "head")
    pen.ellipse((51, -67, 4, 4), dice.paint("black"), "head", outline=False)
    pen.ellipse((36, -75, 2.6, 2.6), coat.darker(0.15), "head", outline=False)
    pen.polygon([(18, -84), (27, -84), (22, -60), (13, -62)], coat.darker(0.7), ("head", "ear"))


def person(pen: Pen, dice: Dice) -> None:
    """Draw a person standing."""
    skin, hair = dice.pick(_SKINS), dice.paint("black brown yellow orange")
    shirt = dice.paint(
        _BODY_COLORS,
        "fabric",
        dice.pick(("", "", "striped", "dotted", "checkered")),
        second="white black red",
        period=12,
    )
    trousers = dice.paint("blue black grey brown green", "fabric")
    for x in (-11, 2):
        pen.box((x, -40, x + 9, -3), trousers, "leg")
        pen.pillow((x - 1, -5, x + 12, 0), dice.paint("black brown"), "leg")
    wave = dice.chance(0.3)
    pen.stroke(((-12, -66), (-22, -40)), 7, shirt, part="arm")
    pen.ellipse((-22, -38, 4, 4), skin, "arm")
    hand = (24, -84) if wave else (22, -40)
    pen.stroke(((12, -66), hand), 7, shirt, part="arm")
    pen.ellipse((*hand, 4, 4), skin, "arm")
    pen.pillow((-14, -72, 14, -36), shirt, "body")
    pen.ellipse((0, -87, 12, 13), hair, "head")
    pen.ellipse((1.5, -84, 10, 10.5), skin, "head")
    for x in (-2, 6):
        pen.ellipse((x, -85, 1.5, 1.8), dice.paint("black"), "head", outline=False)


MOVERS: dict[str, Callable[[Pen, Dice], None]] = {
    function.__name__.replace("_", " "): function
    for function in (car, bus, truck, bicycle, sailboat, ship, airplane, balloon, bird, cow, sheep, dog, person)
}
