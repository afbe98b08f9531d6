"""Bounding boxes and largest inscribed rectangles of concept and formula masks, image by image."""

import numpy as np
from numba import njit

from ..search.atoms import Atoms


@njit(cache=True, nogil=True)
def _measure(pixel_atoms, image_start, holds, images, boxes, inscribed):
    height, width = pixel_atoms.shape[1:]
    # The column beyond the right border stays empty, so that every rectangle of a row ends before it.
    tall, stack = np.zeros(width + 1, np.int64), np.empty(width + 1, np.int64)
    for n in range(images.size):
        image = images[n]
        base = image_start[image]
        if not holds[base : image_start[image + 1]].any():
            continue
        tall[:] = 0
        largest = 0
        top, bottom, left, right = height, 0, width, 0
        for y in range(height):
            n_open = 0
            for x in range(width + 1):
                if x < width:
                    if holds[base + pixel_atoms[image, y, x]]:
                        tall[x] += 1
                        top, bottom = min(top, y), y + 1
                        left, right = min(left, x), max(right, x + 1)
                    else:
                        tall[x] = 0
                while n_open and tall[stack[n_open - 1]] >= tall[x]:
                    n_open -= 1
                    rows = tall[stack[n_open]]
                    first = stack[n_open - 1] + 1 if n_open else 0
                    if rows * (x - first) > largest:
                        largest = rows * (x - first)
                        inscribed[n, 0], inscribed[n, 1] = y + 1 - rows, y + 1
                        inscribed[n, 2], inscribed[n, 3] = first, x
                stack[n_open] = x
                n_open += 1
        if largest:
            boxes[n, 0], boxes[n, 1], boxes[n, 2], boxes[n, 3] = top, bottom, left, right


def measure_rectangles(atoms: Atoms, holds: np.ndarray, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find, in each image, the smallest rectangle around a mask and a largest one inside it.

    Parameters
    ----------
    atoms : Atoms
    holds : numpy.ndarray of shape (n_sets,), bool
        The concept sets whose pixels make up the mask.
    images : numpy.ndarray of shape (n,), int64

    Returns
    -------
    boxes, inscribed : numpy.ndarray of shape (n, 4), int64
        (top, bottom, left, right) in pixels of the mask grid, bottom and right excluded; zeros where the mask is empty.

    References
    ----------
    The largest rectangle of a histogram by a stack of its rising columns, once per row.
    """
    boxes, inscribed = np.zeros((len(images), 4), np.int64), np.zeros((len(images), 4), np.int64)
    _measure(atoms.pixel_atoms, atoms.image_start, holds[atoms.atom_set], images, boxes, inscribed)
    return boxes, inscribed


def shared_area(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the pixels that rectangles share, pair by pair.

    Parameters
    ----------
    first, second : numpy.ndarray of shape (n, 4), int64
        As `measure_rectangles` returns them.

    Returns
    -------
    numpy.ndarray of shape (n,), int64
    """
    rows = np.minimum(first[:, 1], second[:, 1]) - np.maximum(first[:, 0], second[:, 0])
    columns = np.minimum(first[:, 3], second[:, 3]) - np.maximum(first[:, 2], second[:, 2])
    return np.maximum(rows, 0) * np.maximum(columns, 0)


def overlap_limits(
    mask: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray], areas: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Bound the pixels that two masks share by their areas and rectangles.

    Parameters
    ----------
    mask, other : tuple of numpy.ndarray
        (boxes, inscribed) of `measure_rectangles`, row by row the same images.
    areas : tuple of numpy.ndarray of shape (n,), int64
        Pixels of the two masks.

    Returns
    -------
    least, most : numpy.ndarray of shape (n,), int64

    Notes
    -----
    Two masks share at most what their boxes share, and at least: what their inscribed rectangles share; the pixels of
    one that its box cannot hold beside the other's inscribed rectangle; and the pixels of both that the union of the
    boxes cannot hold side by side.
    """
    (box_a, inside_a), (box_b, inside_b) = mask, other
    area_a, area_b = areas
    shared = shared_area(box_a, box_b)
    around_a, around_b = shared_area(box_a, box_a), shared_area(box_b, box_b)
    least = np.maximum.reduce(
        [
            shared_area(inside_a, inside_b),
            area_a - around_a + shared_area(inside_b, box_a),
            area_b - around_b + shared_area(inside_a, box_b),
            area_a + area_b - (around_a + around_b - shared),
        ]
    )
    return np.maximum(least, 0), np.minimum(shared, np.minimum(area_a, area_b))
