"""Atoms made from dense masks, the common ground of the kernels' tests."""

import numpy as np
import pytest

from lib.kernels.search.atoms import AtomCollector, Atoms, image_atoms


def atoms_of_masks(masks):
    """Return the Atoms of dense masks, bool of shape (n_concepts, n_images, H, W), one label map per concept."""
    collector, pixels = AtomCollector(), []
    for image in range(masks.shape[1]):
        maps = [np.where(masks[c, image], c, -1) for c in range(len(masks))]
        found, sizes, sets = image_atoms(maps, [], shape=masks.shape[2:])
        collector.add(sizes, sets)
        pixels.append(found)
    return Atoms(np.stack(pixels), **collector.tables(), n_concepts=len(masks))


@pytest.fixture(scope="session")
def make_atoms():
    return atoms_of_masks
