"""Bounds of the pixels that a formula joined to a concept has inside and outside a bitmap, from counts per image."""

import numpy as np
from numba import njit

from ..search.formula import AND, AND_NOT, OR


@njit(cache=True, nogil=True)
def bound_by_areas(start, images, area, formula, bitmap, n_pixels):
    """Return the most pixels in the bitmap and the fewest outside, int64 (2, 3 operators, n_concepts)."""
    n_concepts = start.size - 1
    bounds = np.zeros((2, 3, n_concepts), np.int64)
    alone_inside, alone_outside = 0, 0
    for i in range(formula.size):
        alone_inside += min(formula[i], bitmap[i])
        alone_outside += max(0, formula[i] - bitmap[i])
    for concept in range(n_concepts):
        # In images without the concept, OR and AND NOT leave the formula as it is.
        for operator in (OR, AND_NOT):
            bounds[0, operator, concept], bounds[1, operator, concept] = alone_inside, alone_outside
        for k in range(start[concept], start[concept + 1]):
            f, c, b = formula[images[k]], area[k], bitmap[images[k]]
            inside, outside = min(f, b), max(0, f - b)
            bounds[0, OR, concept] += min(b, f + c) - inside
            bounds[1, OR, concept] += max(0, max(f, c) - b) - outside
            bounds[0, AND, concept] += min(b, f, c)
            bounds[1, AND, concept] += max(0, f + c - n_pixels - b)
            bounds[0, AND_NOT, concept] += min(b, f, n_pixels - c) - inside
            bounds[1, AND_NOT, concept] += max(0, f - c - b) - outside
    return bounds


@njit(cache=True, nogil=True)
def bound_by_overlaps(start, images, concept_in, concept_out, formula_in, formula_out, free_in, free_out, least, most):
    """Return the most pixels in the bitmap and the fewest outside, int64 (2, 3 operators, n_concepts).

    The pixels that formula and concept share are split by the bitmap into two numbers, each limited by what the two
    masks have on that side and, through the limits of the sum, by the other number.
    """
    n_concepts = start.size - 1
    bounds = np.zeros((2, 3, n_concepts), np.int64)
    alone_inside, alone_outside = formula_in.sum(), formula_out.sum()
    for concept in range(n_concepts):
        for operator in (OR, AND_NOT):
            bounds[0, operator, concept], bounds[1, operator, concept] = alone_inside, alone_outside
        for k in range(start[concept], start[concept + 1]):
            i = images[k]
            low_in, high_in = max(0, formula_in[i] + concept_in[k] - free_in[i]), min(formula_in[i], concept_in[k])
            low_out, high_out = (
                max(0, formula_out[i] + concept_out[k] - free_out[i]),
                min(formula_out[i], concept_out[k]),
            )
            fewest_in, most_in = max(low_in, least[k] - high_out), min(high_in, most[k] - low_out)
            fewest_out, most_out = max(low_out, least[k] - high_in), min(high_out, most[k] - low_in)
            bounds[0, OR, concept] += concept_in[k] - fewest_in
            bounds[1, OR, concept] += concept_out[k] - most_out
            bounds[0, AND, concept] += most_in
            bounds[1, AND, concept] += fewest_out
            bounds[0, AND_NOT, concept] -= fewest_in
            bounds[1, AND_NOT, concept] -= most_out
    return bounds
