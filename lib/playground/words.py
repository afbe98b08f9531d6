"""English for the captions: plurals, hypernyms, adjectives, and phrases for scenes."""

UNCOUNTABLE = frozenset(
    {"sky", "grass", "sand", "sea", "ground", "snow", "foliage", "water", "fruit", "wood", "paper", "sun", "moon"}
)
SURFACES = frozenset({"sky", "grass", "sand", "sea", "road", "sidewalk", "ground", "snow", "floor", "wall", "mountain"})
_IRREGULAR = {
    "person": "people",
    "sheep": "sheep",
    "leaf": "leaves",
    "shelf": "shelves",
    "bus": "buses",
    "body": "bodies",
    "crown": "tops",
}

GROUPS = {
    "vehicles": ("car", "bus", "truck", "bicycle"),
    "animals": ("cow", "sheep", "dog", "bird"),
    "boats": ("sailboat", "ship"),
    "buildings": ("house", "building", "barn", "lighthouse"),
    "trees": ("tree", "pine", "palm", "bush"),
    "furniture": ("bed", "table", "chair", "sofa", "cabinet", "bookcase", "desk"),
}

ADJECTIVE_MATERIALS = frozenset({"wood", "brick", "glass", "metal"})  # nobody writes "fabric people"
MADE_OF = {"wood": "wooden", "sand": "sandy", "foliage": "leafy", "snow": "snowy"}
WITH = {"striped": "stripes", "dotted": "dots", "checkered": "checks", "wavy": "waves", "zigzagged": "zigzags"}

_SCENES = {
    "beach": "on beaches",
    "street": "in streets",
    "night_street": "at night",
    "snowy_mountain": "on snowy mountains",
    "playground": "on playgrounds",
    "sky": "in the sky",
    "farm": "on farms",
    "meadow": "on meadows",
}


def plural(name: str) -> str:
    """Return the noun as people use it for several things.

    Parameters
    ----------
    name : str
        Name of an object or part, singular; a list of synonyms keeps its first.
    """
    word = name.split(",")[0].replace("_", " ").strip().lower()
    if word in UNCOUNTABLE:
        return word
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith(("s", "x", "ch", "sh")):
        return f"{word}es"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}s"


def describe_scene(name: str) -> str:
    """Return where things are, for example `in kitchens`, from the name of a scene label."""
    word = name.removesuffix("-s")
    return _SCENES.get(word) or f"in {plural(word)}"
