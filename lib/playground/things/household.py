"""What stands, lies and hangs in the rooms of the playground, besides furniture.

Every function draws one thing, named in HOUSEHOLD below, with a Pen (coordinates: x from -50 to 50, y from -100, the
top, to 0, where the thing stands) and the Dice that choose its colors and variants.
"""

from collections.abc import Callable

from ..canvas import Pen
from ..paint import Dice
from .furniture import cloth


def lamp(pen: Pen, dice: Dice) -> None:
    """Draw a lamp with a shade."""
    stand, shade = (
        dice.paint("brown black grey yellow", "metal"),
        cloth(dice, "yellow white orange red pink", ("", "", "striped")),
    )
    pen.ellipse((0, -4, 17, 4.5), stand, "pole")
    pen.box((-3, -62, 3, -4), stand, "pole")
    pen.polygon([(-14, -98), (14, -98), (29, -60), (-29, -60)], shade, "shade", shade=0.3)


def pillow(pen: Pen, dice: Dice) -> None:
    """Draw a cushion."""
    paint = cloth(dice, "red blue yellow green purple pink orange")
    pen.polygon(
        [(-44, -90), (0, -82), (44, -90), (38, -46), (44, -4), (0, -10), (-44, -4), (-38, -46)], paint, shade=0.35
    )


def refrigerator(pen: Pen, dice: Dice) -> None:
    """Draw a refrigerator with two doors."""
    paint = dice.paint("white white grey blue red", "metal")
    pen.pillow((-28, -100, 28, 0), paint.darker(0.9), shade=0.1)
    for top, bottom in ((-98, -66), (-63, -3)):
        pen.pillow((-27, top, 27, bottom), paint, "door")
        pen.box((-21, bottom - 22, -18, bottom - 8), paint.darker(0.45), ("door", "handle"), outline=False)


def stove(pen: Pen, dice: Dice) -> None:
    """Draw a stove with an oven door and maybe a pot on top."""
    paint, knob = dice.paint("white grey black", "metal"), dice.paint("black red", "metal")
    pen.box((-38, -70, 38, 0), paint)
    pen.box((-40, -74, 40, -68), paint.darker(0.55), outline=False)
    for x in (-26, -9, 9, 26):
        pen.ellipse((x, -61, 4.4, 4.4), knob, "handle", outline=False)
    pen.box((-32, -52, 32, -6), paint.darker(0.9), "door")
    pen.box((-24, -38, 24, -14), dice.paint("black orange", "glass"), ("door", "window"), shade=0.3)
    pen.box((-26, -48, 26, -44), knob, ("door", "handle"), outline=False)
    if dice.chance(0.7):
        pot = dice.paint("red blue grey orange green", "metal")
        side = dice.pick((-18, 16))
        pen.box((side - 14, -94, side + 14, -74), pot, "pot")
        pen.box((side - 16, -97, side + 16, -93), pot.darker(0.8), "pot")
        pen.ellipse((side, -99, 3, 3), pot.darker(0.5), ("pot", "handle"))


def sink(pen: Pen, dice: Dice) -> None:
    """Draw a wash basin on a foot with a faucet."""
    white, steel = dice.paint("white white blue pink", "tile"), dice.paint("grey", "metal")
    pen.polygon([(-9, -50), (9, -50), (13, 0), (-13, 0)], white.darker(0.92), "pole")
    pen.box((-3, -88, 3, -70), steel, "faucet")
    pen.polygon([(-3, -90), (16, -90), (16, -82), (11, -82), (11, -85), (-3, -85)], steel, "faucet")
    pen.polygon([(-40, -72), (40, -72), (32, -50), (16, -42), (-16, -42), (-32, -50)], white, shade=0.3)
    pen.box((-42, -75, 42, -69), white)


def bathtub(pen: Pen, dice: Dice) -> None:
    """Draw a bath tub on feet, with a faucet."""
    tub, steel = dice.paint("white white pink blue", "tile"), dice.paint("grey yellow", "metal")
    for x in (-34, 26):
        pen.polygon([(x, -10), (x + 9, -10), (x + 6, 0), (x + 2, 0)], steel, "leg")
    pen.box((36, -72, 40, -44), steel, "faucet")
    pen.box((26, -72, 40, -67), steel, "faucet")
    if dice.chance(0.5):
        foam = dice.paint("white blue", "water")
        for x in (-26, -12, 2, 14):
            pen.ellipse((x, -46, 10, 8), foam)
    pen.polygon([(-46, -44), (46, -44), (40, -16), (30, -7), (-30, -7), (-40, -16)], tub, shade=0.35)
    pen.pillow((-50, -49, 50, -41), tub)


def toilet(pen: Pen, dice: Dice) -> None:
    """Draw a toilet."""
    white = dice.paint("white", "tile")
    pen.pillow((-34, -92, -8, -46), white, "back")
    pen.box((-36, -96, -6, -90), white.darker(0.95), "back")
    pen.box((-14, -86, -9, -83), dice.paint("grey", "metal"), ("back", "handle"), outline=False)
    pen.polygon([(-30, -44), (34, -44), (28, -22), (8, -14), (14, 0), (-26, 0), (-22, -16)], white, shade=0.35)
    pen.pillow((-30, -51, 37, -43), dice.paint("white brown blue pink", "wood"), "seat")


def mirror(pen: Pen, dice: Dice) -> None:
    """Draw a mirror, round or square."""
    frame, glass = dice.paint("brown yellow white black", "wood"), dice.paint("white blue", "glass")
    shape, inner = (0, -50, 38, 48), (0, -50, 31, 41)
    if dice.chance(0.5):
        pen.ellipse(shape, frame, "frame")
        pen.ellipse(inner, glass, shade=0.5)
    else:
        pen.box((-38, -96, 38, -4), frame, "frame")
        pen.box((-31, -89, 31, -11), glass, shade=0.5)
    pen.polygon([(-14, -38), (10, -70), (16, -66), (-8, -34)], glass.darker(1.2), outline=False)


def painting(pen: Pen, dice: Dice) -> None:
    """Draw a framed picture of hills, or an abstract one."""
    frame, bare = dice.paint("brown yellow black white", "wood"), pen.objects
    pen.box((-48, -80, 48, -10), frame, "frame")
    if dice.chance(0.5):
        pen.box((-41, -73, 41, -17), dice.paint("blue orange pink", "paper"), outline=False)
        pen.polygon(
            [(-41, -17), (-41, -36), (-18, -52), (4, -34), (22, -44), (41, -28), (41, -17)],
            dice.paint("green purple", "paper"),
        )
        pen.ellipse((22, -60, 7, 7), dice.paint("yellow white", "paper"), outline=False)
    else:
        pen.box(
            (-41, -73, 41, -17),
            dice.paint(
                "red blue yellow white", "paper", dice.pick(("grid", "zigzagged", "dotted")), second="black white red"
            ),
        )
    pen.objects = bare


def window(pen: Pen, dice: Dice) -> None:
    """Draw a window of a room, with its frame."""
    frame, glass = (
        dice.paint("white white brown", "wood"),
        dice.paint("black blue" if pen.canvas.night else "blue white", "glass"),
    )
    pen.box((-42, -96, 42, -4), frame, "frame")
    for left, top in ((-36, -90), (2, -90), (-36, -48), (2, -48)):
        pen.box((left, top, left + 34, top + 38), glass, shade=0.35)
    pen.box((-48, -6, 48, 0), frame, "frame")


def curtain(pen: Pen, dice: Dice) -> None:
    """Draw a pair of curtains on a rod, as wide as a window between them."""
    fabric = cloth(dice, "red blue green purple orange yellow pink", ("", "striped", "striped", "dotted", "zigzagged"))
    pen.box((-56, -104, 56, -100), dice.paint("brown black grey", "wood"), "pole")
    for side in (-1, 1):
        outline = [
            (side * 54, -101),
            (side * 28, -101),
            (side * 32, -60),
            (side * 44, -36),
            (side * 36, 10),
            (side * 56, 10),
        ]
        pen.polygon(outline, fabric)


def door(pen: Pen, dice: Dice) -> None:
    """Draw a door of a room."""
    wood = dice.paint("brown white brown green blue", "wood")
    pen.box((-27, -100, 27, 0), wood.darker(0.8), "frame")
    pen.box((-23, -96, 23, 0), wood)
    for top, bottom in ((-90, -56), (-46, -8)):
        pen.box((-15, top, 15, bottom), wood.darker(0.92), outline=True)
    pen.ellipse((18, -50, 3, 3), dice.paint("yellow grey", "metal"), "handle")


def rug(pen: Pen, dice: Dice) -> None:
    """Draw a rug lying on the floor."""
    cloth = dice.paint(
        "red blue green purple orange pink",
        "fabric",
        dice.pick(("striped", "zigzagged", "checkered", "dotted", "grid", "")),
        second="white yellow",
    )
    pen.polygon([(-42, -26), (42, -26), (54, 0), (-54, 0)], cloth, shade=0.1)


def television(pen: Pen, dice: Dice) -> None:
    """Draw a television set, on or off."""
    case = dice.paint("black grey", "metal")
    pen.polygon([(-16, 0), (16, 0), (8, -10), (-8, -10)], case)
    pen.pillow((-48, -66, 48, -8), case, "frame")
    screen = dice.paint("black blue", "glass") if dice.chance(0.5) else dice.paint("blue green orange purple", "glass")
    pen.box((-43, -61, 43, -13), screen, "screen", shade=0.5)
    if screen.color != "black":
        pen.polygon(
            [(-43, -13), (-20, -36), (0, -22), (18, -44), (43, -13)], screen.darker(0.65), "screen", outline=False
        )


def computer(pen: Pen, dice: Dice) -> None:
    """Draw a computer: monitor and keyboard."""
    case = dice.paint("grey white black", "metal")
    pen.box((-6, -28, 6, -12), case.darker(0.8), "pole")
    pen.pillow((-42, -88, 42, -24), case, "frame")
    pen.box((-37, -83, 37, -32), dice.paint("blue white black green", "glass"), "screen", shade=0.4)
    for y in (-76, -68, -60):
        pen.box((-30, y, dice.uniform(-10, 28), y + 3.5), dice.paint("white yellow"), "screen", outline=False)
    pen.polygon([(-36, -10), (36, -10), (42, 0), (-42, 0)], dice.paint("grey black white", "metal", "grid", period=10))


def plant(pen: Pen, dice: Dice) -> None:
    """Draw a potted plant."""
    leaves = dice.paint("green", "foliage")
    for x, y in ((-34, -66), (34, -66), (-24, -90), (24, -90), (0, -100)):
        pen.polygon([(0, -32), (x * 0.5 - 8, y * 0.74), (x, y), (x * 0.5 + 9, y * 0.66)], leaves, "leaf")
    if dice.chance(0.3):
        for x, y in ((-18, -78), (20, -80), (2, -92)):
            pen.ellipse((x, y, 6, 6), dice.paint("red pink yellow"), ("leaf", "petal"))
    pot = dice.paint(
        "orange brown blue white red",
        "tile",
        dice.pick(("", "", "striped", "zigzagged")),
        second="white yellow",
        period=10,
    )
    pen.polygon([(-21, -34), (21, -34), (15, 0), (-15, 0)], pot, "pot", shade=0.35)
    pen.box((-24, -38, 24, -31), pot.darker(0.9), "pot")


def clock(pen: Pen, dice: Dice) -> None:
    """Draw a wall clock."""
    pen.ellipse((0, -50, 46, 46), dice.paint("black red brown blue", "wood"), "frame")
    pen.ellipse((0, -50, 37, 37), dice.paint("white", "paper"), shade=0.1)
    black = dice.paint("black", "metal")
    pen.stroke(((0, -50), (0, -78)), 5, black, part="arm", outline=False)
    pen.stroke(((0, -50), (dice.pick((-20, 20)), dice.uniform(-60, -40))), 5, black, part="arm", outline=False)


HOUSEHOLD: dict[str, Callable[[Pen, Dice], None]] = {
    function.__name__.replace("_", " "): function
    for function in (
        lamp,
        pillow,
        refrigerator,
        stove,
        sink,
        bathtub,
        toilet,
        mirror,
        painting,
        window,
        curtain,
        door,
        rug,
        television,
        computer,
        plant,
        clock,
    )
}
