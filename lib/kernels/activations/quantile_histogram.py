"""Quantiles of streams that are too long to store their upper tails: a histogram with bins of constant relative width."""

import numpy as np
from numba import njit

from .quantiles import SCANNED_AT_ONCE, StreamQuantile, UpperTail, interpolate_order_statistics

MANTISSA_BITS = 9
BINADES = 24
REACH = BINADES << MANTISSA_BITS
# bins in the order of their values: REACH negative ones, that of zero, REACH positive ones
N_BINS = 2 * REACH + 1
_DROPPED = 23 - MANTISSA_BITS
_INFINITY = np.int32(0x7F800000)


@njit(cache=True, nogil=True)
def _raise_base(counts, base, new):
    """Move the bins of a unit to a higher base; what falls below it joins the zeros."""
    lost = min(new - base, REACH)
    for sign in (-1, 1):
        for i in range(1, lost + 1):
            counts[REACH] += counts[REACH + sign * i]
        for i in range(1, REACH + 1):
            counts[REACH + sign * i] = counts[REACH + sign * (i + lost)] if i + lost <= REACH else 0


@njit(cache=True, nogil=True)
def _count(values, bits, counts, bases, floors, n_above, n_needed):
    """Count float32 values, given their bits too, but those below a unit's floor, above which enough are known."""
    n_blocks, n_units, size = values.shape
    one = np.empty(1, np.int32)
    for unit in range(n_units):
        row, base, floor, n = counts[unit], bases[unit], floors[unit], n_above[unit]
        for block in range(n_blocks):
            line, line_bits = values[block, unit], bits[block, unit]
            # without branches, by which the processor looks at many values at a time; NaN is no magnitude
            largest = np.int32(0)
            for pattern in line_bits:
                magnitude = pattern & np.int32(0x7FFFFFFF)
                largest = max(largest, magnitude if magnitude <= _INFINITY else np.int32(0))
            if (largest >> _DROPPED) - base >= REACH:
                new = (((largest >> 23) + 1) << MANTISSA_BITS) - REACH
                _raise_base(row, base, new)
                base = new
            for first in range(0, size, SCANNED_AT_ONCE):
                found = np.int32(0)
                for value in line[first : first + SCANNED_AT_ONCE]:
                    found += np.int32(value >= floor)
                if found == 0:
                    continue
                n += found
                for i in range(first, min(first + SCANNED_AT_ONCE, size)):
                    if not line[i] >= floor:
                        continue
                    place = ((line_bits[i] & 0x7FFFFFFF) >> _DROPPED) - base
                    if place < 0:
                        row[REACH] += 1
                    elif line_bits[i] < 0:
                        row[REACH - 1 - place] += 1
                    else:
                        row[REACH + 1 + place] += 1
            if n >= 2 * n_needed:
                n = 0
                for place in range(REACH - 1, -1, -1):
                    n += row[REACH + 1 + place]
                    if n >= n_needed:
                        one[0] = (base + place) << _DROPPED
                        floor = one.view(np.float32)[0]
                        break
                else:
                    n = 0
        bases[unit], floors[unit], n_above[unit] = base, floor, n


class UpperHistogram:
    """A quantile of each unit over a stream of activations, from a histogram of fixed size; used as `UpperTail` is.

    A bin holds the numbers that share sign, exponent and the first 9 bits of the mantissa, for the 24 exponents up to that
    of the unit's largest magnitude; what is smaller counts as zero. So the relevant bins depend on the values only, not on
    their order or on how they are split and merged. Values are assumed to be uniform within a bin. Each of
    the two order statistics that are interpolated is off by at most 2^-9 (0.2 %) of itself, or 2^-23 of the unit's largest
    magnitude (or 2^-135) if that is more. Needs 192 KiB per unit.

    Parameters
    ----------
    n_units : int
    n_values : int
        Values per unit in the whole stream.
    q : float
        In (0, 1).
    """

    def __init__(self, n_units: int, n_values: int, q: float) -> None:
        self._stream = StreamQuantile(n_values, q)
        self._n_needed = UpperTail.needed(n_values, q)
        self._counts = np.zeros((n_units, N_BINS), dtype=np.int64)
        # the upper bits of the smallest magnitude that has a bin of its own; zero is always below
        self._bases = np.ones(n_units, dtype=np.int64)
        self._floors = np.full(n_units, -np.inf, dtype=np.float32)
        self._n_above = np.zeros(n_units, dtype=np.int64)

    def add(self, values: np.ndarray) -> None:
        """Add the next values, float32 of shape (n_blocks, n_units, n); NaN counts as the smallest value."""
        self._stream.n_seen += values.shape[0] * values.shape[2]
        values = np.ascontiguousarray(values)
        state = (self._counts, self._bases, self._floors, self._n_above)
        _count(values, values.view(np.int32), *state, self._n_needed)

    def state(self) -> dict[str, int | np.ndarray]:
        """Return what `merge` takes: `n_seen`, `bases`, and the occupied bins of all units as `places` and `counts`."""
        places = np.flatnonzero(self._counts)
        counts = self._counts.reshape(-1)[places]
        return {"n_seen": self._stream.n_seen, "bases": self._bases, "places": places, "counts": counts}

    def merge(self, state: dict[str, int | np.ndarray]) -> None:
        """Add the values of another stream."""
        self._stream.n_seen += int(state["n_seen"])
        ends = np.searchsorted(state["places"], np.arange(len(self._bases) + 1) * N_BINS)
        for unit, (first, last) in enumerate(zip(ends, ends[1:])):
            row = np.zeros(N_BINS, dtype=np.int64)
            row[state["places"][first:last] - unit * N_BINS] = state["counts"][first:last]
            own, other = int(self._bases[unit]), int(state["bases"][unit])
            if own < other:
                _raise_base(self._counts[unit], own, other)
            elif other < own:
                _raise_base(row, other, own)
            self._counts[unit] += row
            self._bases[unit] = max(own, other)
            self._n_above[unit] += row.sum()

    def quantile(self) -> np.ndarray:
        """Return the quantile of each unit, float64 of shape (n_units,).

        Raises
        ------
        ValueError
            If fewer or more values came than were announced.
        """
        stream = self._stream
        stream.check()
        # rank from the top, counted from 1
        ranks = [stream.n_values - stream.below, stream.n_values - stream.above]
        found = [self._order_statistics(unit, ranks) for unit in range(len(self._counts))]
        low, high = np.array(found, dtype=np.float64).reshape(-1, 2).T
        return interpolate_order_statistics(low, high, stream.share)

    def _order_statistics(self, unit: int, ranks: list[int]) -> list[float]:
        counts = self._counts[unit, ::-1]
        from_top = np.cumsum(counts)
        values = []
        for rank in ranks:
            place = int(np.searchsorted(from_top, rank))
            if place == N_BINS:
                values.append(-np.inf)  # among the NaN
            elif place == REACH:
                values.append(0.0)
            else:
                share = (from_top[place] - rank + 0.5) / counts[place]
                distance = REACH - place
                value = self._value(unit, abs(distance), share if distance > 0 else 1 - share)
                values.append(np.copysign(value, distance))
        return values

    def _value(self, unit: int, distance: int, share: float) -> float:
        """Return the magnitude a share of the way through a bin, given by its distance from that of zero."""
        first = int(self._bases[unit] + distance - 1) << _DROPPED
        last = min(first + (1 << _DROPPED) - 1, _INFINITY)
        low, high = np.array([first, last], dtype=np.int32).view(np.float32).astype(np.float64)
        return low if first == _INFINITY else low + (high - low) * share
