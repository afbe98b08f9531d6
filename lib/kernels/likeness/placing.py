"""A map of all units: those with the same features lie together (regularised correspondence analysis)."""

import numpy as np
from scipy.sparse import csr_array, hstack
from scipy.sparse.linalg import svds
from scipy.stats import rankdata

SIZE = 1000
"""Coordinates are whole numbers from 0 to SIZE."""

_COMMON, _SPREAD = 0.2, 0.01
"""Weight of a feature that all units have, as a share of each kind of features, and by how much it varies.

It ties units to the others that have nothing in common with them. As it varies by what a unit has, no two dimensions are
equally strong, so that each has one direction only."""

_LEAST = 1e-6
"""Singular values up to here are zeros; the largest is 1."""

_STEPS = 1_000_000
"""Coordinates are rounded to this part of their range before they are ranked: far above the last digits, in which processors
differ, and far below what a map shows."""


def place_units(kinds: list[csr_array]) -> np.ndarray:
    """Place units on a map by two dimensions of a correspondence analysis of their features.

    Each kind of features counts the same, and so does each unit. Along each axis the order of the units is kept and their
    distances are not: the map is evenly filled.

    Parameters
    ----------
    kinds : list of scipy.sparse.csr_array of shape (U, F)
        Which unit has which feature, 0 or 1.

    Returns
    -------
    numpy.ndarray of shape (U, 2), int64
        From 0 to `SIZE`, equal where features are; -1 for units without any. The same on every processor.
    """
    n = kinds[0].shape[0] if kinds else 0
    places = np.full((n, 2), -1)
    rows = np.flatnonzero(sum((found.sum(axis=1) for found in kinds), np.zeros(n, np.int64)))
    if len(rows) == 0:
        return places
    columns = _coordinates([found[rows] for found in kinds])
    for axis, values in enumerate(columns):
        extent = np.abs(values).max()
        whole = np.rint(values / extent * _STEPS).astype(np.int64) if extent > 1e-9 else np.zeros(len(rows), np.int64)
        # the largest of all coordinates is positive
        whole *= 1 if whole[np.argmax(np.abs(whole))] >= 0 else -1
        ranks = np.rint(2 * rankdata(whole, "average")).astype(np.int64) - 2
        places[rows, axis] = SIZE * ranks // max(1, 2 * (len(rows) - 1))
    return places


def _coordinates(kinds: list[csr_array]) -> list[np.ndarray]:
    """Return two columns of coordinates of units, each of which has a feature."""
    parts = []
    for found in kinds:
        counts = found.sum(axis=1)
        scaled = found.astype(np.float64).tocsr()
        scaled.data /= np.repeat(np.maximum(counts, 1), np.diff(scaled.indptr))
        parts.append(scaled)
    table = hstack(parts, format="csr")
    # depends on what a unit has only, so that equal units stay equal
    kind = np.bincount(
        np.repeat(np.arange(table.shape[0]), np.diff(table.indptr)), table.indices % 101, minlength=table.shape[0]
    )
    common = len(kinds) * _COMMON * (1 + _SPREAD * (kind % 101) / 101)
    table = hstack([table, csr_array(common[:, None])], format="csr")
    table = table[:, np.flatnonzero(table.sum(axis=0))]  # without those of units that are left out
    mass, weight = table.sum(axis=1), table.sum(axis=0)
    scaled = table.multiply(1 / np.sqrt(mass)[:, None]).multiply(1 / np.sqrt(weight)[None, :]).tocsr()
    if min(scaled.shape) <= 8:
        left, sizes, _ = np.linalg.svd(scaled.toarray(), full_matrices=False)
    else:
        left, sizes, _ = svds(scaled, k=3, v0=np.ones(min(scaled.shape)), solver="arpack")
    order = np.argsort(-sizes, kind="stable")[1:3]  # the first dimension is the same for all units
    # where there is no further dimension, its direction is chance
    found = [left[:, place] / np.sqrt(mass) for place in order if sizes[place] > _LEAST]
    return found + [np.zeros(len(mass))] * (2 - len(found))
