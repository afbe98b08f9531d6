"""Stage: draw scenes of the playground, each also without one kind of thing."""

from pathlib import Path

from ...data.stores.tables import write_table
from ...playground import twins as playground_twins


def draw_twins(*, folder: str, twins: str, n_scenes: int, image_size: int, seed: int, threads: int) -> None:
    """Write scenes and their twins in Broden's on-disk format, with a table of which is whose.

    Parameters
    ----------
    folder : str
        Output folder.
    twins : str
        Output table.
    n_scenes : int
    image_size : int
        Height and width of the images, pixels.
    seed : int
    threads : int
        Number of processes; it does not change results.
    """
    settings = {"n_scenes": n_scenes, "image_size": image_size, "seed": seed}
    write_table(playground_twins.draw_twins(Path(folder), **settings, processes=threads), twins, "twins")
