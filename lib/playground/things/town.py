"""What people build outdoors in the playground.

Every function draws one thing, named in TOWN below, with a Pen (coordinates: x from -50 to 50, y from -100, the
top, to 0, where the thing stands) and the Dice that choose its colors and variants.
"""

from collections.abc import Callable

from ..canvas import Pen
from ..paint import Dice, Paint


def window_pane(pen: Pen, box: tuple[float, float, float, float], *, parts: tuple[str, ...], lit: Paint) -> None:
    """Draw a window of a building with its cross bars.

    Parameters
    ----------
    pen : Pen
    box : tuple of float
        Left, top, right and bottom in the thing's coordinates.
    parts : tuple of str
        Parts that the window belongs to.
    lit : Paint
        The glass.
    """
    left, top, right, bottom = box
    pen.box(box, lit, parts, shade=0.1)
    bar = lit.darker(0.45)
    pen.box(((left + right) / 2 - 0.7, top, (left + right) / 2 + 0.7, bottom), bar, parts, outline=False)
    pen.box((left, (top + bottom) / 2 - 0.7, right, (top + bottom) / 2 + 0.7), bar, parts, outline=False)


def house(pen: Pen, dice: Dice) -> None:
    """Draw a house with a gable roof, a door with a window in it, windows and maybe a chimney."""
    wall = dice.paint("white yellow pink blue grey") if dice.chance(0.6) else dice.paint("red brown", "brick", "bricks")
    tiles = dice.paint("red red brown grey blue orange", "tile", dice.pick(("shingles", "")), period=12)
    glass = dice.paint("blue white", "glass") if not pen.canvas.night else dice.paint("yellow", "glass")
    wood = dice.paint("brown red green blue white", "wood")
    if dice.chance(0.7):
        pen.box((20, -96, 31, -62), dice.paint("red brown", "brick", "bricks", period=10), "chimney")
    pen.box((-42, -52, 42, 0), wall)
    if dice.chance(0.6):
        pen.polygon([(-50, -50), (0, -94), (50, -50)], tiles, "roof")
    else:
        pen.polygon([(-52, -50), (-34, -86), (34, -86), (52, -50)], tiles, "roof")
    shift = dice.pick((-24, 0))
    pen.box((shift - 9, -34, shift + 9, 0), wood, "door")
    window_pane(pen, (shift - 5, -31, shift + 5, -20), parts=("door", "window"), lit=glass)
    pen.ellipse((shift + 5, -14, 2.2, 2.2), dice.paint("yellow grey", "metal"), ("door", "handle"))
    for x in (26,) if shift else (-27, 27):
        window_pane(pen, (x - 10, -40, x + 10, -18), parts=("window",), lit=glass)
    if shift:
        window_pane(pen, (-2, -40, 10, -18), parts=("window",), lit=glass)


def building(pen: Pen, dice: Dice) -> None:
    """Draw a block of flats or an office tower with rows of windows."""
    brick = dice.chance(0.4)
    wall = (
        dice.paint("red brown", "brick", "bricks") if brick else dice.paint("grey grey white yellow blue pink", "stone")
    )
    half, rows = dice.uniform(22, 34), dice.integer(4, 6)
    pen.box((-half, -98, half, 0), wall, shade=0.15)
    pen.box((-half - 2, -100, half + 2, -95), wall.darker(0.7), "roof")
    night = pen.canvas.night
    lit, dark = dice.paint("yellow" if night else "blue white", "glass"), dice.paint("black blue", "glass")
    balconies = dice.chance(0.4)
    for row in range(rows):
        top = -90 + row * 72 / rows
        for column in (-0.62, 0, 0.62):
            x, pane = column * half, lit if dice.chance(0.65) else dark
            pen.box((x - half * 0.19, top, x + half * 0.19, top + 42 / rows), pane, "window", shade=0.1)
        if balconies and row % 2:
            bottom = top + 42 / rows
            pen.box((-half * 0.9, bottom - 3, half * 0.9, bottom + 3), wall.darker(0.6), "balcony")
    pen.box((-7, -16, 7, 0), dice.paint("brown blue black", "wood"), "door")
    pen.box((-4, -14, 4, -8), lit, ("door", "window"))


def barn(pen: Pen, dice: Dice) -> None:
    """Draw a barn with a kinked roof and a crossed door."""
    wall, trim = dice.paint("red red brown", "wood", "striped", period=12), dice.paint("white", "wood")
    pen.polygon([(-40, 0), (-40, -50), (-28, -74), (0, -88), (28, -74), (40, -50), (40, 0)], wall)
    roof = dice.paint("grey brown black", "metal")
    left = [(-46, -46), (-32, -78), (0, -94), (0, -86), (-27, -72), (-38, -46)]
    pen.polygon(left, roof, "roof")
    pen.polygon([(-x, y) for x, y in left], roof, "roof")
    pen.box((-18, -36, 18, 0), wall.darker(0.8), "door")
    for ends in (((-18, -36), (18, 0)), ((18, -36), (-18, 0)), ((-18, -36), (18, -36)), ((0, -36), (0, 0))):
        pen.stroke(ends, 3, trim, part="door", outline=False)
    window_pane(pen, (-9, -70, 9, -52), parts=("window",), lit=dice.paint("white blue", "glass"))


def lighthouse(pen: Pen, dice: Dice) -> None:
    """Draw a lighthouse with bands."""
    white, band = dice.paint("white", "stone"), dice.paint("red red blue black", "stone")
    for k in range(5):
        top, bottom = -74 + k * 14.8, -59.2 + k * 14.8
        a, b = 11 + k * 2.2, 13.2 + k * 2.2
        pen.polygon([(-a, top), (a, top), (b, bottom), (-b, bottom)], (band, white)[k % 2], shade=0.3)
    pen.box((-15, -78, 15, -73), dice.paint("black grey", "metal"), "balcony")
    pen.box((-8, -90, 8, -78), dice.paint("yellow", "glass"), "window")
    pen.polygon([(-11, -89), (0, -100), (11, -89)], band, "roof")
    pen.box((-5, -14, 5, 0), dice.paint("brown", "wood"), "door")
    pen.box((-3, -48, 3, -40), dice.paint("black", "glass"), "window")


def fence(pen: Pen, dice: Dice) -> None:
    """Draw a wooden fence."""
    wood = dice.paint("brown white", "wood")
    for y in (-30, -14):
        pen.box((-50, y, 50, y + 6), wood.darker(0.88), outline=False)
    for x in range(-48, 50, 16):
        pen.polygon([(x - 4, 0), (x - 4, -36), (x, -43), (x + 4, -36), (x + 4, 0)], wood, "pole")


def bench(pen: Pen, dice: Dice) -> None:
    """Draw a park bench."""
    wood, iron = dice.paint("brown green red", "wood"), dice.paint("black grey", "metal")
    for x in (-34, 30):
        pen.box((x, -46, x + 4, 0), iron, "leg")
    for y in (-50, -39):
        pen.box((-44, y, 44, y + 8), wood, "back")
    pen.box((-46, -24, 46, -17), wood, "seat")


def streetlight(pen: Pen, dice: Dice) -> None:
    """Draw a street lamp."""
    iron = dice.paint("black grey green", "metal")
    pen.box((-2, -92, 2, 0), iron, "pole")
    pen.box((-5, -6, 5, 0), iron, "pole")
    pen.stroke(((0, -91), (16, -95)), 4, iron, part="pole")
    pen.polygon([(8, -90), (24, -90), (20, -98), (12, -98)], iron, "shade")
    pen.ellipse((16, -89, 6, 4), dice.paint("yellow white", "glass"), "headlight")


def traffic_light(pen: Pen, dice: Dice) -> None:
    """Draw a traffic light."""
    pen.box((-3, -60, 3, 0), dice.paint("grey black", "metal"), "pole")
    pen.pillow((-12, -100, 12, -54), dice.paint("black", "metal"), "frame")
    on = dice.integer(0, 2)
    for k, color in enumerate(("red", "yellow", "green")):
        paint = dice.paint(color, "glass")
        pen.ellipse(
            (0, -91 + 14 * k, 6, 6), paint.darker(1.1 if k == on else 0.55), ("frame", "headlight"), outline=False
        )


def umbrella(pen: Pen, dice: Dice) -> None:
    """Draw a sunshade in gores of two colors."""
    colors = [dice.paint("red blue yellow orange purple pink green", "fabric"), dice.paint("white yellow", "fabric")]
    pen.stroke(((0, 0), (0, -90)), 4, dice.paint("brown white", "wood"), part="pole")
    edges = (-48, -30, -10, 10, 30, 48)
    dome = {-48: -58, -30: -52, -10: -50, 10: -50, 30: -52, 48: -58}
    for k in range(5):
        a, b = edges[k], edges[k + 1]
        middle = [
            (b * 0.62, -84),
            (b, dome[b]),
            ((a + b) / 2, (dome[a] + dome[b]) / 2 - 5),
            (a, dome[a]),
            (a * 0.62, -84),
        ]
        pen.polygon([(0, -96), *middle], colors[k % 2], "shade")


def slide(pen: Pen, dice: Dice) -> None:
    """Draw a playground slide with a ladder."""
    metal, chute = dice.paint("grey blue", "metal"), dice.paint("red yellow blue orange green purple", "metal")
    for x in (-40, -24):
        pen.box((x - 2, -84, x + 2, 0), metal, "leg")
    for y in range(-70, 0, 14):
        pen.box((-40, y, -24, y + 4), metal, "leg", outline=False)
    pen.polygon([(-42, -66), (-20, -66), (24, -16), (48, -8), (48, 0), (20, -6), (-24, -56), (-42, -56)], chute, "seat")
    pen.stroke(((-20, -70), (26, -20)), 4, chute.darker(0.8), part="arm")


def swing(pen: Pen, dice: Dice) -> None:
    """Draw a swing with two seats."""
    frame, seat = dice.paint("red blue green yellow brown", "metal"), dice.paint("black red yellow blue", "wood")
    for x, lean in ((-44, -6), (-44, 8), (44, 6), (44, -8)):
        pen.stroke(((x * 0.96, -90), (x + lean, 0)), 4, frame, part="leg")
    pen.box((-46, -94, 46, -88), frame, "pole")
    for x in (-18, 18):
        sway = dice.uniform(-8, 8)
        for side in (-7, 7):
            pen.stroke(((x + side, -88), (x + side + sway, -26)), 1.6, seat.darker(0.5), part="seat", outline=False)
        pen.box((x + sway - 10, -28, x + sway + 10, -22), seat, "seat")


def ball(pen: Pen, dice: Dice) -> None:
    """Draw a ball with a band."""
    paint = dice.paint(
        "red blue yellow orange white", "", dice.pick(("", "striped", "dotted")), second="white red blue"
    )
    pen.ellipse((0, -45, 45, 45), paint, shade=0.45)


TOWN: dict[str, Callable[[Pen, Dice], None]] = {
    function.__name__.replace("_", " "): function
    for function in (
        house,
        building,
        barn,
        lighthouse,
        fence,
        bench,
        streetlight,
        traffic_light,
        umbrella,
        slide,
        swing,
        ball,
    )
}
