"""Furniture of the playground.

Every function draws one thing, named in FURNITURE below, with a Pen (coordinates: x from -50 to 50, y from -100, the
top, to 0, where the thing stands) and the Dice that choose its colors and variants.
"""

from collections.abc import Callable

from ..canvas import Pen
from ..paint import Dice, Paint

_PATTERNS = ("", "", "striped", "dotted", "checkered", "zigzagged")


def cloth(dice: Dice, colors: str, patterns: tuple[str, ...] = _PATTERNS) -> Paint:
    """Return a paint for fabric, plain or patterned.

    Parameters
    ----------
    dice : Dice
    colors : str
        Names to choose from, separated by blanks.
    patterns : tuple of str
        Textures to choose from.
    """
    return dice.paint(colors, "fabric", dice.pick(patterns), second="white yellow blue red")


def bed(pen: Pen, dice: Dice) -> None:
    """Draw a bed from the side, with pillow and blanket."""
    wood, sheet = dice.paint("brown white black", "wood"), dice.paint("white", "fabric")
    blanket = cloth(dice, "blue red green purple pink orange yellow")
    for x in (-48, 42):
        pen.box((x, -16, x + 6, 0), wood, "leg")
    pen.pillow((-50, -62, -42, -8), wood, "headboard")
    pen.box((-46, -20, 46, -11), wood, "frame")
    pen.pillow((-44, -32, 47, -17), sheet)
    pen.polygon([(-14, -38), (44, -36), (49, -30), (49, -14), (-14, -14)], blanket, "blanket")
    pen.box((-18, -38, -10, -14), sheet.darker(0.95), "blanket")
    pen.pillow((43, -40, 50, -8), wood, "headboard")
    pillow_paint = cloth(dice, "white pink blue yellow")
    here = pen.objects
    pen.objects = ("pillow", *here)
    pen.pillow((-41, -46, -20, -31), pillow_paint)
    pen.objects = here


def table(pen: Pen, dice: Dice) -> None:
    """Draw a table, sometimes with a table cloth."""
    wood = dice.paint("brown brown white black", "wood")
    for x in (-42, 36):
        pen.box((x, -50, x + 6, 0), wood, "leg")
    pen.box((-50, -57, 50, -49), wood)
    if dice.chance(0.4):
        fabric = cloth(dice, "red blue white green yellow", ("", "checkered", "striped", "dotted"))
        pen.polygon([(-50, -58), (50, -58), (52, -36), (26, -32), (0, -36), (-26, -32), (-52, -36)], fabric, "blanket")


def chair(pen: Pen, dice: Dice) -> None:
    """Draw a chair from a slight angle."""
    wood, cushion = (
        dice.paint("brown white red black blue", "wood"),
        dice.paint("red blue green yellow orange", "fabric"),
    )
    for x in (-26, 18):
        pen.box((x + 3, -92, x + 8, 0), wood.darker(0.85), "leg")
    for y in (-96, -80, -64):
        pen.box((-26, y, 28, y + 9), wood, "back")
    for x in (-30, 26):
        pen.box((x, -40, x + 6, 0), wood, "leg")
    pen.polygon([(-28, -48), (28, -48), (34, -38), (-32, -38)], cushion, "seat")


def sofa(pen: Pen, dice: Dice) -> None:
    """Draw a sofa, sometimes with cushions on it."""
    fabric = cloth(dice, "red blue green purple grey brown orange pink", ("", "", "", "striped", "dotted"))
    for x in (-42, 36):
        pen.box((x, -8, x + 6, 0), dice.paint("brown black", "wood"), "leg")
    pen.pillow((-44, -62, 44, -16), fabric, "back")
    pen.pillow((-40, -34, 1, -14), fabric, "seat")
    pen.pillow((-1, -34, 40, -14), fabric, "seat")
    pen.box((-44, -18, 44, -7), fabric)
    for x in (-50, 38):
        pen.pillow((x, -46, x + 12, -6), fabric, "arm", shade=0.35)
    if dice.chance(0.7):
        here = pen.objects
        pen.objects = ("pillow", *here)
        for x in (-26, 22)[: dice.integer(1, 2)]:
            cushion = cloth(dice, "yellow white red blue pink")
            pen.polygon(
                [(x - 10, -50), (x, -48), (x + 10, -50), (x + 9, -40), (x + 10, -30), (x, -31), (x - 10, -30)], cushion
            )
        pen.objects = here


def _front(pen: Pen, box: tuple[float, float, float, float], paint: Paint, part: str, knob: Paint) -> None:
    """Draw a drawer or a door with its handle."""
    left, top, right, bottom = box
    pen.box(box, paint, part, shade=0.12)
    if part == "drawer":
        middle, y = (left + right) / 2, (top + bottom) / 2
        pen.box((middle - 6, y - 1.6, middle + 6, y + 1.6), knob, (part, "handle"), outline=False)
    else:
        pen.box(
            (right - 6, (top + bottom) / 2 - 6, right - 3, (top + bottom) / 2 + 6),
            knob,
            (part, "handle"),
            outline=False,
        )


def cabinet(pen: Pen, dice: Dice) -> None:
    """Draw a chest of drawers or a cupboard with doors."""
    wood = dice.paint("brown white blue green grey red", "wood", dice.pick(("", "", "planks")))
    knob = dice.paint("yellow black grey", "metal")
    pen.box((-42, -6, -34, 0), wood.darker(0.7), "leg")
    pen.box((34, -6, 42, 0), wood.darker(0.7), "leg")
    pen.box((-44, -70, 44, -5), wood)
    kind = dice.integer(0, 2)
    if kind != 1:
        for top in (-66, -46, -26) if kind == 0 else (-66,):
            _front(pen, (-40, top, 40 if kind == 0 else -1, top + 18), wood, "drawer", knob)
            if kind == 2:
                _front(pen, (1, top, 40, top + 18), wood, "drawer", knob)
    if kind:
        top = -66 if kind == 1 else -46
        _front(pen, (-40, top, -1, -9), wood, "door", knob)
        _front(pen, (1, top, 40, -9), wood, "door", knob)
    pen.box((-47, -74, 47, -69), wood.darker(0.9))


def bookcase(pen: Pen, dice: Dice) -> None:
    """Draw a bookcase full of books."""
    wood = dice.paint("brown brown white black", "wood")
    pen.box((-36, -98, 36, 0), wood)
    here = pen.objects
    for row in range(3):
        top, bottom = -93 + row * 31, -66 + row * 31
        pen.objects = here
        pen.box((-32, top, 32, bottom), wood.darker(0.5), "shelf", shade=0.1)
        pen.objects = ("book", *here)
        x = -31.0
        while x < 22:
            width = dice.uniform(5, 9)
            high = dice.uniform(0.62, 0.95) * (bottom - top)
            paint = dice.paint("red blue green yellow purple orange white black", "paper")
            pen.box((x, bottom - high, x + width, bottom), paint, "shelf", shade=0.3)
            x += width + (dice.uniform(4, 10) if dice.chance(0.15) else 0.4)
    pen.objects = here


def book(pen: Pen, dice: Dice) -> None:
    """Draw a pile of books."""
    for k in range(dice.integer(2, 4)):
        shift, paint = dice.uniform(-8, 8), dice.paint("red blue green yellow purple orange", "paper")
        pen.box((shift - 38, -20 - 20 * k, shift + 38, -20 * k), paint)
        pen.box((shift + 30, -16 - 20 * k, shift + 38, -4 - 20 * k), dice.paint("white", "paper"), outline=False)


def desk(pen: Pen, dice: Dice) -> None:
    """Draw a desk with drawers on one side."""
    wood, knob = dice.paint("brown white grey", "wood"), dice.paint("black grey", "metal")
    pen.box((-46, -52, -40, 0), wood, "leg")
    pen.box((14, -52, 46, 0), wood.darker(0.92))
    for top in (-48, -32, -16):
        _front(pen, (17, top, 43, top + 14), wood, "drawer", knob)
    pen.box((-50, -58, 50, -51), wood)


FURNITURE: dict[str, Callable[[Pen, Dice], None]] = {
    function.__name__.replace("_", " "): function
    for function in (bed, table, chair, sofa, cabinet, bookcase, book, desk)
}
