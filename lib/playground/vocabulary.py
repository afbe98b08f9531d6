"""The words of the playground: its labels by category, their numbers, and the shades of its colors."""

CATEGORIES = ("color", "object", "part", "material", "scene", "texture")

SHADES: dict[str, tuple[tuple[int, int, int], ...]] = {
    "black": ((30, 30, 34), (42, 40, 42), (22, 24, 32)),
    "blue": ((58, 110, 200), (90, 160, 226), (38, 72, 150), (70, 135, 215)),
    "brown": ((134, 88, 50), (110, 70, 42), (156, 108, 66), (92, 60, 40)),
    "green": ((84, 152, 70), (60, 122, 62), (112, 176, 80), (46, 104, 66)),
    "grey": ((140, 142, 146), (112, 114, 120), (164, 165, 168), (90, 94, 100)),
    "orange": ((240, 140, 44), (228, 116, 36), (246, 160, 70)),
    "pink": ((242, 158, 186), (234, 124, 164), (246, 182, 204)),
    "purple": ((130, 82, 170), (104, 62, 146), (158, 110, 196)),
    "red": ((208, 48, 46), (184, 36, 44), (226, 68, 58)),
    "white": ((244, 244, 240), (232, 234, 238), (250, 246, 236)),
    "yellow": ((246, 208, 62), (238, 190, 48), (250, 222, 96)),
}

OBJECTS = (
    "sky", "grass", "sand", "sea", "road", "sidewalk", "ground", "snow", "floor", "wall", "mountain", "sun", "moon",
    "cloud", "tree", "pine", "palm", "bush", "flower", "cactus", "rock", "house", "building", "barn", "lighthouse",
    "fence", "bench", "streetlight", "traffic light", "umbrella", "slide", "swing", "car", "bus", "truck", "bicycle",
    "sailboat", "ship", "airplane", "balloon", "bird", "cow", "sheep", "dog", "person", "ball", "bed", "pillow",
    "lamp", "table", "chair", "sofa", "cabinet", "bookcase", "book", "refrigerator", "stove", "sink", "bathtub",
    "toilet", "mirror", "painting", "window", "door", "curtain", "rug", "television", "computer", "desk", "plant",
    "clock",
)  # fmt: skip

PARTS = (
    "roof", "door", "window", "chimney", "wheel", "headlight", "leg", "arm", "head", "ear", "tail", "body", "wing",
    "beak", "trunk", "crown", "fruit", "handle", "sail", "hull", "mast", "seat", "back", "drawer", "screen", "shade",
    "pole", "basket", "petal", "shelf", "headboard", "blanket", "frame", "pot", "leaf", "faucet", "balcony",
)  # fmt: skip

MATERIALS = (
    "wood", "metal", "brick", "glass", "fabric", "stone", "sand", "water", "grass", "foliage", "snow", "tile", "paper",
)  # fmt: skip

TEXTURES = ("striped", "dotted", "checkered", "grid", "zigzagged", "wavy", "speckled")

SCENES = (
    "meadow", "farm", "beach", "harbor", "street", "night_street", "forest", "desert", "snowy_mountain", "playground",
    "sky", "kitchen", "bedroom", "living_room", "bathroom", "office",
)  # fmt: skip

NAMES: dict[str, tuple[str, ...]] = {
    "color": tuple(f"{name}-c" for name in SHADES),
    "object": OBJECTS,
    "part": PARTS,
    "material": MATERIALS,
    "scene": tuple(f"{name}-s" for name in SCENES),
    "texture": TEXTURES,
}

# A name that two categories share (the windows of houses, the windows of rooms) is one label, as in Broden.
NUMBERS: dict[str, int] = {
    name: number
    for number, name in enumerate(dict.fromkeys(name for category in CATEGORIES for name in NAMES[category]), start=1)
}
