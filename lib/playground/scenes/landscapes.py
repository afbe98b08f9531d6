"""The outdoor scenes of the playground: surfaces with typical things, many of which occur in several scenes.

Every function draws one kind of scene, named in LANDSCAPES below, on a stage whose dice choose what occurs and where.
"""

from collections.abc import Callable

from ..paint import Paint
from ..stage import Stage


def _sky(stage: Stage, bottom: float, *, colors: str = "blue blue blue white orange pink grey") -> None:
    """Paint a sky with a sun, clouds, and what flies."""
    dice = stage.dice
    stage.band((-1, bottom), "sky", dice.paint(colors).paler(dice.uniform(0.0, 0.4)), shade=-0.2)
    if dice.chance(0.4):
        stage.put("sun", dice.uniform(8, 92), dice.uniform(0.35, 1.05) * bottom, on="sky", size=dice.uniform(0.5, 0.9))
    for k in range(dice.integer(0, 3)):
        x, y = 12 + 32 * k + dice.uniform(-8, 22), dice.uniform(0.25, 0.75) * bottom
        stage.put("cloud", x, y, on="sky", size=dice.uniform(0.6, 1.1))
    if dice.chance(0.25):
        x, y = dice.uniform(15, 85), dice.uniform(0.5, 0.9) * bottom
        stage.put(dice.pick(("bird", "bird", "airplane", "balloon")), x, y, on="sky", size=0.5)


def _hills(stage: Stage, horizon: float, name: str, paint: Paint, *, height: float) -> None:
    dice, points = stage.dice, [(-1.0, horizon + 2)]
    for k in range(7):
        points.append((-1 + 17 * k, horizon - height * dice.uniform(0.25, 1) * (1 if k % 2 else 0.6)))
    stage.surface([*points, (101, horizon + 2)], name, paint)


def _lawn(stage: Stage, horizon: float) -> None:
    dice = stage.dice
    paint = dice.paint("green green green yellow", "grass", dice.pick(("", "speckled")), period=14)
    stage.band((horizon, 101), "grass", paint, slope=dice.uniform(-3, 3))


def _peaks(stage: Stage, horizon: float, *, colors: str, height: float) -> None:
    """Paint mountains, some with snow on top."""
    dice = stage.dice
    for _ in range(dice.integer(2, 4)):
        x, half, top = dice.uniform(0, 100), dice.uniform(22, 40), horizon - height * dice.uniform(0.6, 1.0)
        stone = dice.paint(colors, "stone")
        stage.surface([(x - half, horizon + 1), (x, top), (x + half, horizon + 1)], "mountain", stone, shade=0.35)
        side = stage.canvas.light * half
        face = [
            (x, top),
            (x + side, horizon + 1),
            (x + side * 0.25, horizon + 1),
            (x - side * 0.1, (top + horizon) / 2),
        ]
        stage.surface(face, "mountain", stone.darker(0.8))
        share = dice.uniform(0.25, 0.45)
        low = top + (horizon - top) * share
        cap = [
            (x, top),
            (x + half * share, low),
            (x + half * share * 0.4, low - 3),
            (x, low + 3),
            (x - half * share, low),
        ]
        stage.canvas.polygon(
            cap, dice.paint("white", "snow"), objects=("snow", "mountain"), parts=(), shade=0.1, outline=0
        )


def meadow(stage: Stage) -> None:
    """Draw a meadow with flowers, trees and animals."""
    dice, horizon = stage.dice, stage.dice.uniform(38, 58)
    _sky(stage, horizon + 4)
    if dice.chance(0.5):
        _hills(stage, horizon, "mountain", dice.paint("green blue purple").darker(0.9), height=16)
    _lawn(stage, horizon)
    stage.spread("tree,tree,bush,house", (1, 3), between=(horizon + 4, horizon + 16), horizon=horizon, far=0.45)
    stage.spread("flower", (5, 10), between=(72, 99), horizon=horizon)
    stage.spread("sheep,cow,bird,rock,person,bush,dog", (0, 2), between=(66, 90), horizon=horizon)
    stage.settle()


def farm(stage: Stage) -> None:
    """Draw a farm: barn, fence, field and animals."""
    dice, horizon = stage.dice, stage.dice.uniform(34, 50)
    _sky(stage, horizon + 4)
    _lawn(stage, horizon)
    if dice.chance(0.5):
        field = dice.paint("brown yellow", "", "striped", period=dice.pick((15, 18, 21)))
        x = dice.uniform(20, 80)
        stage.surface(
            [(x - 12, horizon + 5), (x + 20, horizon + 5), (x + 40, 101), (x - 50, 101)], "ground", field, ground=False
        )
    stage.later("barn", dice.uniform(24, 76), horizon + dice.uniform(8, 18), size=dice.uniform(0.6, 0.9))
    stage.spread("tree,house,truck,bush", (1, 2), between=(horizon + 5, horizon + 14), horizon=horizon, far=0.5)
    stage.spread("cow,sheep,cow,dog,person", (2, 4), between=(70, 94), horizon=horizon)
    if dice.chance(0.7):
        y = dice.uniform(84, 97)
        for k in range(4):
            stage.later("fence", 12 + 30 * k, y, size=0.86)
    stage.settle()


def beach(stage: Stage) -> None:
    """Draw a beach: sand, sea, sunshades and palms."""
    dice, horizon = stage.dice, stage.dice.uniform(28, 44)
    shore = dice.uniform(50, 64)
    _sky(stage, horizon + 1)
    water = dice.paint("blue blue green", "water", dice.pick(("", "wavy")), second="white", period=24)
    stage.band((horizon, shore + 6), "sea", water)
    for _ in range(dice.integer(0, 2)):
        stage.put(
            dice.pick(("sailboat", "ship")), dice.uniform(10, 90), dice.uniform(horizon + 3, shore - 4), size=0.34
        )
    stage.band(
        (shore, 101),
        "sand",
        dice.paint("yellow white orange", "sand", dice.pick(("", "speckled"))),
        slope=dice.uniform(-5, 5),
    )
    stage.spread("umbrella,umbrella,palm,person", (2, 4), between=(shore + 10, 92), horizon=horizon)
    stage.spread("ball,person,rock,dog,bird", (0, 3), between=(76, 97), horizon=horizon)
    stage.settle()


def harbor(stage: Stage) -> None:
    """Draw a harbor: boats on the water, a quay, a lighthouse."""
    dice, horizon = stage.dice, stage.dice.uniform(34, 52)
    _sky(stage, horizon + 1)
    if dice.chance(0.5):
        for k in range(dice.integer(2, 5)):
            stage.put(dice.pick(("house", "building")), 10 + 21 * k + dice.uniform(-6, 6), horizon + 2, size=0.3)
    pattern = dice.pick(("", "wavy", "wavy"))
    stage.band(
        (horizon, 101), "sea", dice.paint("blue blue green grey", "water", pattern, second="white blue", period=24)
    )
    stage.spread("sailboat,sailboat,ship", (2, 4), between=(horizon + 6, 88), horizon=horizon, far=0.35)
    stage.settle()
    quay = dice.uniform(86, 95)
    if dice.chance(0.6):
        stage.band((quay, 101), "sidewalk", dice.paint("grey brown", "stone", dice.pick(("bricks", "tiles"))))
        stage.spread("person,streetlight,bench,bicycle,dog", (1, 2), between=(quay + 2, 99), horizon=horizon)
    if dice.chance(0.5):
        x = dice.pick((dice.uniform(8, 22), dice.uniform(78, 92)))
        stage.later("rock", x, 96, size=1.5)
        stage.later("lighthouse", x, 96.5, size=dice.uniform(0.9, 1.1))
    stage.settle()


def _town(stage: Stage, *, night: bool) -> None:
    dice, curb = stage.dice, stage.dice.uniform(60, 70)
    x = dice.uniform(4, 14)
    while x < 104:
        name = dice.pick(("building", "building", "house") if not night else ("building",))
        stage.put(name, x, curb + 1, size=dice.uniform(0.42, 0.62) if night else dice.uniform(0.5, 0.78))
        x += dice.uniform(24, 36)
    pavement = dice.paint("grey white brown", "stone", dice.pick(("", "tiles", "bricks")))
    stage.band((curb, curb + 9), "sidewalk", pavement if not night else pavement.darker(0.7))
    stage.spread(
        "streetlight,tree,person,person,bench,traffic light,bicycle,bush,dog",
        (2, 5),
        between=(curb + 3, curb + 8),
        horizon=20,
    )
    stage.settle()
    stage.band((curb + 9, 101), "road", dice.paint("grey grey black", "stone", dice.pick(("", "speckled"))))
    line = dice.paint("white yellow")
    middle = (curb + 110) / 2 - 2
    for k in range(5):
        points = [(4 + 22 * k, middle), (15 + 22 * k, middle), (14 + 22 * k, middle + 2), (3 + 22 * k, middle + 2)]
        stage.canvas.polygon(points, line, objects=("road",), parts=(), shade=0, outline=0)
    stage.spread("car,car,car,bus,truck,bicycle", (1, 2), between=(middle - 3, middle + 1), horizon=30)
    stage.spread("car,car,bus,bicycle", (0, 1), between=(97, 99), horizon=30)
    stage.settle()


def street(stage: Stage) -> None:
    """Draw a street by day."""
    _sky(stage, 72)
    _town(stage, night=False)


def night_street(stage: Stage) -> None:
    """Draw a street by night, with lit windows, moon and stars."""
    stage.canvas.night = True
    dice = stage.dice
    stage.band((-1, 72), "sky", dice.paint("black blue purple").darker(0.6), shade=-0.3)
    for _ in range(dice.integer(10, 26)):
        x, y, r = dice.uniform(0, 100), dice.uniform(0, 50), dice.uniform(0.25, 0.6)
        points = [(x - r, y), (x, y - r), (x + r, y), (x, y + r)]
        stage.canvas.polygon(points, dice.paint("white yellow"), objects=("sky",), parts=(), shade=0, outline=0)
    if dice.chance(0.7):
        stage.put("moon", dice.uniform(8, 92), dice.uniform(16, 30), on="sky", size=dice.uniform(0.6, 1))
    _town(stage, night=True)


def forest(stage: Stage) -> None:
    """Draw a forest with a path or a clearing."""
    dice, horizon = stage.dice, stage.dice.uniform(30, 54)
    _sky(stage, horizon + 4)
    _hills(stage, horizon, "tree", dice.paint("green", "foliage", "speckled").darker(0.7), height=18)
    stage.band((horizon, 101), "ground", dice.paint("brown green green", "grass", dice.pick(("", "speckled"))))
    if dice.chance(0.4):
        x = dice.uniform(30, 70)
        path = [
            (x - 3, horizon + 1),
            (x + 3, horizon + 1),
            (x + dice.uniform(10, 30), 101),
            (x - dice.uniform(10, 30), 101),
        ]
        stage.surface(path, "ground", dice.paint("brown yellow grey", "sand"), ground=False)
    kinds = dice.pick(("tree", "pine", "tree,pine", "pine,pine,tree"))
    stage.spread(kinds, (5, 7), between=(horizon + 3, horizon + 16), horizon=horizon, far=0.6)
    stage.spread(kinds, (2, 4), between=(horizon + 18, 96), horizon=horizon, far=0.6)
    stage.spread("bush,rock,bird,flower,person,dog", (1, 4), between=(74, 98), horizon=horizon)
    stage.settle()


def desert(stage: Stage) -> None:
    """Draw a desert with dunes, cacti and rocks."""
    dice, horizon = stage.dice, stage.dice.uniform(36, 56)
    _sky(stage, horizon + 4, colors="blue orange yellow white pink")
    if dice.chance(0.5):
        _hills(stage, horizon, "mountain", dice.paint("orange brown purple red", "stone"), height=24)
    for k in range(3):
        paint = dice.paint("orange yellow brown", "sand", dice.pick(("", "speckled", "wavy")))
        top = horizon + k * (100 - horizon) / 3.5
        _hills(stage, top + 3, "sand", paint, height=8)
        stage.band((top, 101), "sand", paint)
    stage.spread("cactus,cactus,rock", (3, 5), between=(horizon + 6, 94), horizon=horizon)
    stage.spread("truck,person,bird,bush,palm", (0, 1), between=(66, 90), horizon=horizon)
    stage.settle()


def snowy_mountain(stage: Stage) -> None:
    """Draw snowy mountains above a snow field."""
    stage.canvas.snow = True
    dice, horizon = stage.dice, stage.dice.uniform(50, 66)
    _sky(stage, horizon + 2)
    _peaks(stage, horizon, colors="grey blue purple brown", height=horizon * 0.85)
    stage.band(
        (horizon, 101),
        "snow",
        dice.paint("white", "snow", dice.pick(("", "speckled"))).darker(0.99),
        slope=dice.uniform(-6, 6),
    )
    stage.spread("pine,pine,pine,rock", (2, 5), between=(horizon + 4, horizon + 20), horizon=horizon, far=0.45)
    stage.spread("house,person,pine,rock,dog", (0, 2), between=(80, 96), horizon=horizon, far=0.45)
    stage.settle()


def playground(stage: Stage) -> None:
    """Draw a playground: slide, swing, children and a ball."""
    dice, horizon = stage.dice, stage.dice.uniform(34, 52)
    _sky(stage, horizon + 4)
    stage.spread("tree,house,building,bush,tree", (2, 4), between=(horizon + 2, horizon + 6), horizon=horizon, far=0.5)
    _lawn(stage, horizon)
    if dice.chance(0.5):
        y = dice.uniform(66, 74)
        stage.surface(
            [(14, y), (88, y), (104, 101), (-4, 101)], "sand", dice.paint("yellow orange brown", "sand", "speckled")
        )
    stage.settle()
    if dice.chance(0.5):
        for k in range(4):
            stage.put("fence", 12 + 30 * k, horizon + 10, size=0.86)
    left = dice.chance(0.5)
    stage.later("slide" if left else "swing", dice.uniform(18, 36), dice.uniform(72, 90), size=dice.uniform(0.75, 1))
    stage.later("swing" if left else "slide", dice.uniform(62, 82), dice.uniform(72, 90), size=dice.uniform(0.75, 1))
    stage.spread("person,ball,ball,dog,bicycle,bench,person", (2, 4), between=(76, 97), horizon=horizon)
    stage.settle()


def sky(stage: Stage) -> None:
    """Draw the open sky with what flies in it."""
    dice = stage.dice
    stage.band(
        (-1, 101),
        "sky",
        dice.paint("blue blue blue orange pink purple white").paler(dice.uniform(0.0, 0.35)),
        shade=-0.3,
    )
    if dice.chance(0.4):
        stage.put("sun", dice.uniform(10, 90), dice.uniform(20, 50), on="sky", size=dice.uniform(0.6, 1))
    for k in range(dice.integer(2, 5)):
        stage.put(
            "cloud", 10 + 22 * k + dice.uniform(-12, 12), dice.uniform(15, 95), on="sky", size=dice.uniform(0.7, 1.5)
        )
    for k in range(dice.integer(1, 3)):
        name = dice.pick(("balloon", "balloon", "airplane", "airplane", "bird"))
        x, y = 20 + 30 * k + dice.uniform(-10, 12), dice.uniform(45, 85)
        stage.put(name, x, y, on="sky", size=dice.uniform(0.6, 1.1))
    for _ in range(dice.integer(0, 3)):
        stage.put("bird", dice.uniform(8, 92), dice.uniform(20, 95), on="sky", size=dice.uniform(0.5, 1))
    if dice.chance(0.3):
        _peaks(stage, 101, colors="grey blue green", height=24)


LANDSCAPES: dict[str, Callable[[Stage], None]] = {
    function.__name__: function
    for function in (meadow, farm, beach, harbor, street, night_street, forest, desert, snowy_mountain, playground, sky)
}
