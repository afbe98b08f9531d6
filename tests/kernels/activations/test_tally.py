import numpy as np
import pytest

from lib.kernels.activations import tally as module
from lib.kernels.activations.tally import UnitTally

N_IMAGES, N_UNITS, GRID = 30, 6, (3, 4)


def draw(seed):
    maps = np.random.default_rng(seed).integers(-3, 4, (N_IMAGES, N_UNITS, *GRID)).astype(np.float32)  # many ties
    maps[:, 1], maps[:, 2], maps[5, 3, 1, 1], maps[7, 4, 0, 0] = 0, -1.5, np.nan, np.inf
    return maps


def tally_of(maps, first, *, k=4, quantile=0.9, parts=1):
    tally = UnitTally(
        np.arange(N_UNITS), GRID, n_images=N_IMAGES, k=k, quantile=quantile, first=first, n_here=len(maps)
    )
    for part in np.array_split(maps, parts):
        tally.add(part)
    return tally


def result_of(tally):
    return [*tally.best(), tally.maps(), tally.thresholds(), *tally.bounds()]


@pytest.mark.parametrize("limit", [2**30, 0], ids=["exact", "histogram"])
@pytest.mark.parametrize("n_shards", [2, 7, 30])
@pytest.mark.parametrize("k", [1, 4, 30])
def test_merged_tallies_are_the_tally_of_all(monkeypatch, limit, n_shards, k):
    monkeypatch.setattr(module, "TAIL_BYTES", limit)
    maps = draw(n_shards)
    whole = tally_of(maps, 0, k=k, parts=3)
    assert whole.is_exact == bool(limit)
    bounds = [number * N_IMAGES // n_shards for number in range(n_shards + 1)]
    shards = [tally_of(maps[a:b], a, k=k).arrays() for a, b in zip(bounds, bounds[1:])]
    merged = UnitTally.restore(shards[0], n_here=N_IMAGES)
    for arrays in shards[1:]:
        merged.merge(arrays)
    for found, expected in zip(result_of(merged), result_of(whole), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert whole.bounds()[2].tolist() == ["ok", "dead", "constant", "nan", "nan", "ok"]
    pooled = np.nan_to_num(maps.max(axis=(2, 3)), nan=-np.inf, posinf=np.inf)
    for unit in range(N_UNITS):
        ids = sorted(range(N_IMAGES), key=lambda image: (-pooled[image, unit], image))[:k]
        assert merged.best()[0][unit].tolist() == ids, "of equal images the lower id comes first"
        np.testing.assert_array_equal(merged.maps()[unit], maps[ids, unit])


def test_constant_units_keep_their_value_as_threshold_in_a_histogram(monkeypatch):
    monkeypatch.setattr(module, "TAIL_BYTES", 0)
    assert tally_of(draw(0), 0).thresholds()[[1, 2]].tolist() == [0, -1.5]


@pytest.mark.parametrize(
    ("first", "options", "words"),
    [
        (15, {"k": 3}, "k differs"),
        (15, {"quantile": 0.5}, "quantile differs"),
        (16, {}, "the images from 16 on does not follow one of 15 images from 0 on"),
    ],
)
def test_tallies_that_do_not_fit_are_refused(first, options, words):
    maps = draw(0)
    tally = tally_of(maps[:15], 0)
    with pytest.raises(ValueError, match=words):
        tally.merge(tally_of(maps[15:], first, **options).arrays())


def test_maps_of_another_size_are_refused():
    with pytest.raises(ValueError, match="maps of 2 x 2 follow maps of 3 x 4; bring all images to one size"):
        tally_of(draw(0), 0).add(np.zeros((1, N_UNITS, 2, 2), np.float32))
