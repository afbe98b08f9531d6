"""The annotated networks of MILANNOTATIONS and the groups on which captioning models are trained."""

import difflib
from pathlib import Path

BASE = tuple(
    f"{model}/{images}" for model in ("alexnet", "resnet152", "biggan") for images in ("imagenet", "places365")
)
NETWORKS = (*BASE, "dino_vits8/imagenet")
PUBLISHED = {
    "base": BASE,
    "cls": tuple(name for name in BASE if not name.startswith("biggan/")),
    "gen": tuple(name for name in BASE if name.startswith("biggan/")),
    **{images: tuple(name for name in BASE if name.endswith(f"/{images}")) for images in ("imagenet", "places365")},
    **{
        model: tuple(name for name in BASE if name.startswith(f"{model}/"))
        for model in ("alexnet", "resnet152", "biggan")
    },
}
HOLD_OUTS = {f"not-{held_out.replace('/', '-')}": tuple(name for name in BASE if name != held_out) for held_out in BASE}
GROUPS = PUBLISHED | HOLD_OUTS


def networks_of(name: str) -> tuple[str, ...]:
    """Return the networks of a group, or the one network of that name.

    Parameters
    ----------
    name : str
        A group (`base`, `cls`, `gen`, `imagenet`, `places365`, `alexnet`, `resnet152`, `biggan`, or `not-` and a
        network of `base`, such as `not-alexnet-imagenet`, for all others), or a network, such as `alexnet/imagenet`.

    Returns
    -------
    tuple of str
        Networks, as `model/images`.

    Raises
    ------
    ValueError
        If the name is unknown; the message gives the nearest names.
    """
    known = GROUPS | {network: (network,) for network in NETWORKS}
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=3) or list(known)
        raise ValueError(f"{name!r} is neither a group of MILANNOTATIONS nor a network in it; try {', '.join(nearest)}")
    return known[name]


def lacks_images(folder: str | Path) -> bool:
    """Return whether unpacked annotations lack the images of a layer.

    Parameters
    ----------
    folder : str or pathlib.Path
        A folder of layers, or one that holds such a folder.

    Returns
    -------
    bool
        True if some `masks.npy` has no `images.npy` beside it.
    """
    return any(not path.with_name("images.npy").is_file() for path in Path(folder).rglob("masks.npy"))
