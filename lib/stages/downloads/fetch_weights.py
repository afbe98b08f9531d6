"""Stage: fetch the published weights of a network."""

import re
from dataclasses import replace

from ...data.downloads.obtain import obtain_file
from ...data.downloads.sources import all_sources, find_source
from ...models.build.zoo import imagenet_weights_url

REFERENCE = "resnet18-imagenet"  # licence and citation of the ImageNet weights that torchvision publishes


def fetch_weights(*, model: str, weights_set: str, target: str, local: str | None, config_key: str) -> None:
    """Download the weights of a network and verify them, or link to a local copy.

    ImageNet weights that are not in `lib/data/sources.csv` are taken from torchvision's list.

    Parameters
    ----------
    model : str
        Name of the network in torchvision.
    weights_set : str
        `imagenet` or `places365`.
    target : str
        Path of the checkpoint to create.
    local : str or None
        Path of a local copy (which becomes a symbolic link) or another URL; None for the published URL.
    config_key : str
        Config key of `local`, for error messages.

    Raises
    ------
    ValueError
        If no such weights are published; the message gives the nearest ones.
    OSError
        If the download fails.
    """
    name = f"{model}-{weights_set}"
    if name not in all_sources() and weights_set == "imagenet":
        url = imagenet_weights_url(model)
        digest = re.search(r"-([0-9a-f]{8,})\.pth$", url)
        source = replace(
            find_source(REFERENCE), name=name, url=url, mirrors=(), sha256=digest[1] if digest else "", size=None
        )
    else:
        source = find_source(name)
    obtain_file(source, target, local=local, config_key=config_key)
