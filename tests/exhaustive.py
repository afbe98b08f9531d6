"""Exhaustive truth for the formula searches: every formula up to three concepts, compared as exact fractions."""

from fractions import Fraction

import numpy as np
from numba import njit

from lib.kernels.formula import Formula


def set_bits(counts):
    rows = np.repeat(np.arange(counts.n_sets), np.diff(counts.set_start))
    bits = np.zeros(counts.n_sets, np.int64)
    np.bitwise_or.at(bits, rows, np.int64(1) << counts.set_concepts)
    return bits


@njit
def _join(operator, left, right):
    if operator == 0:
        return left or right
    if operator == 1:
        return left and right
    return left and not right


@njit
def exhaustive(bits, values, sizes, n_concepts, length, exact, counts):
    """Go through all formulas in the order of preference; write the first best into `exact`, its counts into `counts`.

    Compares fractions by cross multiplication: no floats.
    """
    n_bitmap = values.sum()
    best_in, best_union = np.int64(0), np.int64(1)
    for size in range(1, length + 1):
        for code in range(n_concepts**size):
            concepts = np.zeros(3, np.int64)
            rest = code
            for i in range(size - 1, -1, -1):
                concepts[i] = rest % n_concepts
                rest //= n_concepts
            if (size > 1 and concepts[0] == concepts[1]) or (
                size > 2 and (concepts[2] == concepts[0] or concepts[2] == concepts[1])
            ):
                continue
            for operators in range(3 ** (size - 1)):
                first, second = (operators, 0) if size < 3 else (operators // 3, operators % 3)
                inside, covered = np.int64(0), np.int64(0)
                for row in range(bits.size):
                    value = bits[row] >> concepts[0] & 1 == 1
                    if size > 1:
                        value = _join(first, value, bits[row] >> concepts[1] & 1 == 1)
                    if size > 2:
                        value = _join(second, value, bits[row] >> concepts[2] & 1 == 1)
                    if value:
                        inside += values[row]
                        covered += sizes[row]
                union = n_bitmap + covered - inside
                if inside * best_union > best_in * union:
                    best_in, best_union = inside, union
                    exact[0], exact[1], exact[2] = size, first, second
                    exact[3:] = concepts
                    counts[0], counts[1] = inside, covered


def brute_force(values, counts, length):
    exact, found = np.zeros(6, np.int64), np.zeros(2, np.int64)
    exhaustive(set_bits(counts), values, counts.sizes, counts.n_concepts, length, exact, found)
    if exact[0] == 0:
        return None
    size = int(exact[0])
    formula = Formula(tuple(int(c) for c in exact[3 : 3 + size]), tuple(int(o) for o in exact[1:size]))
    inside, covered = (int(x) for x in found)
    return formula, Fraction(inside, int(values.sum()) + covered - inside)
