import numpy as np
import pytest
import torch

from lib.kernels.activations.upsampling import exemplar_masks, faded_weights


def zero_padded(maps, size):
    """Resize with torch's grid sampling, zero outside."""
    identity = torch.eye(2, 3, dtype=torch.float64).expand(len(maps), 2, 3)
    grid = torch.nn.functional.affine_grid(identity, [len(maps), 1, size, size], align_corners=False)
    maps = torch.from_numpy(maps).double()[:, None]
    return torch.nn.functional.grid_sample(maps, grid, padding_mode="zeros", align_corners=False)[:, 0].numpy()


@pytest.mark.parametrize(
    ("height", "width", "size"), [(7, 7, 112), (4, 4, 112), (1, 2, 20), (6, 9, 31), (14, 14, 14), (28, 28, 9)]
)
def test_masks_equal_zero_padded_grid_sampling(height, width, size):
    rng = np.random.default_rng(height)
    maps = rng.normal(size=(5, height, width)).astype(np.float32)
    thresholds = np.array([0.0, 0.5, -0.5, 1.0, -np.inf])
    upsampled = zero_padded(maps, size)
    masks = exemplar_masks(maps, thresholds, size=size)
    clear = np.abs(upsampled - thresholds[:, None, None]) > 1e-5  # rounding decides nearer ones
    assert masks.dtype == np.uint8 and masks.shape == (5, size, size) and clear.mean() > 0.98
    np.testing.assert_array_equal(masks[clear], (upsampled > thresholds[:, None, None])[clear])


def test_weights_fade_at_the_border_only():
    sources, weights = faded_weights(4, 16)
    totals = weights.sum(axis=1)
    assert (totals[2:-2] == 1).all() and (totals[:2] < 1).all() and (totals[-2:] < 1).all()
    np.testing.assert_array_equal(weights, weights[::-1, ::-1])
    assert sources.min() == 0 and sources.max() == 3 and sources[2].tolist() == [0, 1]


def test_same_size_changes_nothing_and_the_threshold_is_strict():
    maps = np.array([[[0.0, 1.0], [2.0, 3.0]]], np.float32)
    assert exemplar_masks(maps, np.array([1.0]), size=2).tolist() == [[[0, 0], [1, 1]]]
    assert not exemplar_masks(np.full((1, 2, 2), np.nan, np.float32), np.array([-np.inf]), size=2).any()


def test_units_without_positions_have_no_mask():
    masks = exemplar_masks(np.zeros((2, 1, 1), np.float32), np.array([1.0, -1.0]), size=6)
    assert masks.dtype == np.uint8 and masks.shape == (2, 6, 6) and masks.all()
