"""Stage: draw the latents and classes from which a generator makes its images."""

import numpy as np

from ...data.images.inputs import write_samples
from ...data.stores.arrays import open_array


def draw_samples(*, latents: str | list[str], classes: str | list[str], samples: str, draw: dict, seed: int) -> None:
    """Write the samples of a generator; a sample does not depend on their number.

    Parameters
    ----------
    latents, classes : str or list of str
        The user's .npy files; an empty list to draw them.
    samples : str
        Output file, .npz.
    draw : dict
        n and latent_size (a number, or the shape), if there is no file of latents: they are standard normal. n_classes, if
        there is no file of classes: all are equally likely; without it there are none.
    seed : int

    Raises
    ------
    ValueError
        If a file has other contents.
    """
    of_latents, of_classes = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(2))
    values = _read(latents) if latents else _latents(of_latents, draw)
    numbers = _read(classes) if classes else None
    if "n_classes" in draw:
        numbers = of_classes.integers(draw["n_classes"], size=len(values))
    write_samples(samples, latents=values, classes=numbers)


def _latents(rng: np.random.Generator, draw: dict) -> np.ndarray:
    return rng.standard_normal((draw["n"], *np.atleast_1d(draw["latent_size"])), dtype=np.float32)


def _read(path: str) -> np.ndarray:
    try:
        return open_array(path)
    except ValueError as error:
        raise ValueError(f"{path} is no .npy file of numbers ({error}); see `samples` of the data set") from error
