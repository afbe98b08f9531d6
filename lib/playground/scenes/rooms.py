"""The rooms of the playground: wall and floor with typical things, many of which occur in several rooms.

Every function draws one kind of scene, named in ROOMS below, on a stage whose dice choose what occurs and where.
"""

from collections.abc import Callable

from ..stage import Stage

_ANY_WALL = "white grey blue yellow green pink purple orange red"


def _room(
    stage: Stage, *, walls: str, floors: tuple[str, ...], carpets: str = "grey green red", wall_material: str = ""
) -> float:
    """Paint wall and floor of a room and return the height of the floor's edge; one room in ten has unusual walls."""
    dice, edge = stage.dice, stage.dice.uniform(60, 70)
    walls = _ANY_WALL if dice.chance(0.1) else walls
    pattern = dice.pick(("tiles", "checkered", "tiles", "") if wall_material else ("", "", "", "striped", "dotted"))
    paint = dice.paint(walls, wall_material, pattern, second="white" if wall_material else "")
    stage.band((-1, edge + 1), "wall", paint, shade=0.15)
    kind = dice.pick(floors)
    if kind == "wood":
        floor = dice.paint("brown brown orange", "wood", "planks", period=dice.pick((14, 20)))
    elif kind == "tile":
        floor = dice.paint(
            "white grey blue", "tile", dice.pick(("checkered", "grid")), second="grey black white", period=24
        )
    else:
        floor = dice.paint(carpets, "fabric", dice.pick(("", "speckled")))
    stage.band((edge, 101), "floor", floor)
    board = dice.paint("white brown")
    stage.canvas.polygon(
        [(-1, edge - 2), (101, edge - 2), (101, edge), (-1, edge)],
        board,
        objects=("wall",),
        parts=(),
        shade=0,
        outline=0,
    )
    return edge


def _on_wall(stage: Stage, candidates: str, places: tuple[float, ...]) -> None:
    dice = stage.dice
    for x in places:
        name = dice.pick(candidates.split(","))
        x, y = x + dice.uniform(-5, 5), dice.uniform(36, 44)
        if name == "window":
            stage.put("window", x, y, on="wall", mirror=False)
            if dice.chance(0.6):
                stage.put("curtain", x, y, on="wall", size=0.98)
        elif name:
            stage.put(name, x, y - (8 if name == "clock" else 3), on="wall")


def kitchen(stage: Stage) -> None:
    """Draw a kitchen: stove, refrigerator, cabinets, a table."""
    dice = stage.dice
    edge = _room(stage, walls="yellow yellow white orange", floors=("tile",))
    _on_wall(stage, "window,clock,cabinet,painting,", (30, 66))
    names = ["refrigerator", "stove", "cabinet", dice.pick(("sink", "cabinet"))]
    start, step = dice.integer(0, 3), dice.pick((1, 3))
    for k in range(dice.integer(3, 4)):
        stage.later(
            names[(start + step * k) % 4], 14 + 25 * k + dice.uniform(-3, 3), edge + dice.uniform(4, 7), size=0.8
        )
    if dice.chance(0.6):
        x = dice.uniform(25, 75)
        stage.later("table", x, 94, size=0.9)
        stage.spread("chair,chair,person", (1, 2), between=(90, 97), horizon=20)
        stage.settle()
        stage.put(dice.pick(("plant", "book")), x, 94 - 25, size=0.6)
    stage.settle()


def bedroom(stage: Stage) -> None:
    """Draw a bedroom: bed, lamp, chest of drawers."""
    dice = stage.dice
    edge = _room(stage, walls="pink purple blue pink", floors=("carpet", "carpet", "wood"), carpets="blue purple red")
    _on_wall(stage, "window,painting,painting,window,mirror,clock,", (22, 58, 86))
    side = dice.pick((-1, 1))
    if dice.chance(0.4):
        stage.put("rug", dice.uniform(35, 65), 98, on="floor", size=0.9)
    x = 50 + side * dice.uniform(20, 32)
    stage.later("cabinet", x, edge + 6, size=dice.uniform(0.6, 0.75))
    stage.settle()
    if dice.chance(0.6):
        stage.put(dice.pick(("lamp", "plant", "book")), x, edge + 6 - 22, size=0.6)
    stage.later("bed", 50 - side * dice.uniform(6, 16), dice.uniform(86, 95), size=dice.uniform(0.95, 1.15))
    stage.spread("lamp,chair,dog,plant,ball,bookcase", (0, 2), between=(edge + 6, edge + 14), horizon=20)
    stage.settle()


def living_room(stage: Stage) -> None:
    """Draw a living room: sofa, television, rug, bookcase."""
    dice = stage.dice
    edge = _room(stage, walls="green orange red green", floors=("wood", "wood", "carpet"))
    _on_wall(stage, "window,painting,painting,clock,window,", (20, 52, 84))
    if dice.chance(0.5):
        stage.put("rug", dice.uniform(35, 65), 98, on="floor")
    side = dice.pick((-1, 1))
    x = 50 + side * dice.uniform(22, 34)
    other = dice.pick(("television", "bookcase", "television"))
    if other == "television":
        stage.later("cabinet", x, edge + 7, size=0.6)
        stage.settle()
        stage.put("television", x, edge + 7 - 20, size=0.85)
    else:
        stage.later("bookcase", x, edge + 6, size=0.9)
    stage.later("sofa", 50 - side * dice.uniform(8, 20), dice.uniform(82, 90), size=dice.uniform(0.85, 1.05))
    stage.spread("lamp,plant,lamp,person,dog,table,chair", (1, 3), between=(edge + 8, 96), horizon=20)
    stage.settle()


def bathroom(stage: Stage) -> None:
    """Draw a bathroom: bath tub, toilet, wash basin with a mirror."""
    dice = stage.dice
    edge = _room(stage, walls="blue white blue green", floors=("tile",), wall_material="tile")
    side = dice.pick((-1, 1))
    x = 50 + side * dice.uniform(24, 36)
    stage.put("mirror", x, edge - 24, on="wall", size=0.9)
    _on_wall(stage, "window,painting,clock,,", (50 - side * 26,))
    if dice.chance(0.4):
        stage.put("rug", dice.uniform(35, 65), 98, on="floor", size=0.8)
    stage.later("sink", x, edge + 8, size=0.95)
    stage.later("bathtub", 50 - side * dice.uniform(10, 18), dice.uniform(80, 92), size=dice.uniform(0.9, 1.1))
    if dice.chance(0.7):
        stage.later("toilet", 50 + side * dice.uniform(4, 16), edge + dice.uniform(8, 16), size=0.9)
    stage.spread("plant,cabinet,person,chair", (0, 1), between=(edge + 6, 92), horizon=20)
    stage.settle()


def office(stage: Stage) -> None:
    """Draw an office: desk, computer, chair, bookcase."""
    dice = stage.dice
    edge = _room(stage, walls="grey white", floors=("carpet", "carpet", "wood"), carpets="grey")
    _on_wall(stage, "window,clock,painting,window,", (24, 58, 84))
    side = dice.pick((-1, 1))
    stage.spread("bookcase,cabinet,door,plant,bookcase", (1, 2), between=(edge + 3, edge + 6), horizon=0, far=0.8)
    stage.settle()
    x, y, size = 50 - side * dice.uniform(4, 18), dice.uniform(82, 92), dice.uniform(0.95, 1.15)
    stage.later("desk", x, y, size=size)
    stage.settle()
    stage.put("computer", x - 5, y - 33 * size, size=0.95)
    if dice.chance(0.5):
        stage.put(dice.pick(("lamp", "book", "plant")), x + 20, y - 33 * size, size=0.6)
    stage.later("chair", x + dice.uniform(-12, 12), 98, size=dice.uniform(0.8, 1))
    stage.spread("person,plant,lamp", (0, 1), between=(edge + 14, 96), horizon=20)
    stage.settle()


ROOMS: dict[str, Callable[[Stage], None]] = {
    function.__name__: function for function in (kitchen, bedroom, living_room, bathroom, office)
}
