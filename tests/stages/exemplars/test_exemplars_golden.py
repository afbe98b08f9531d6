"""Exemplars of real photographs against those that the published program made."""

import json

import numpy as np
import pytest
from exemplar_stages import make_exemplars
from places import GOLDEN, NO_GOLDEN

from lib.data.formats.exemplars import read_exemplars
from lib.data.stores.tables import read_table
from lib.kernels.activations.upsampling import exemplar_masks
from lib.stages.exemplars.list_images import list_images

pytestmark = pytest.mark.skipif(not GOLDEN.exists(), reason=NO_GOLDEN)
LAYERS = ["layer3", "layer4"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exemplars")
    listed = {"images": str(folder / "images.csv"), "skipped": str(folder / "skipped.csv")}
    list_images(data=str(GOLDEN / "images"), **listed, subset="", column="path", threads=2)
    make_exemplars(
        folder,
        n_shards=2,
        weights=str(GOLDEN / "weights/resnet18_seed0.pth"),
        layers=LAYERS,
        network={"name": "resnet18", "normalisation": "imagenet", "seed": 0},
        geometry={"resize": 224, "crop": 224},
        k=5,
        output_size=224,
        batch_size=32,
    )
    return folder


@pytest.mark.parametrize("layer", LAYERS)
def test_exemplars_equal_the_published_ones(root, layer):
    """D25: thresholds are exact here; those of the published program depend on a global random state."""
    golden = json.loads((GOLDEN / "golden/exemplars/exemplars.json").read_text())["layers"][layer]
    wanted = read_exemplars(str(GOLDEN / "exemplars/resnet18/synthetic"), layer)
    ours = read_exemplars(str(root / "exemplars"), layer)
    rows = np.array(golden["units"])
    assert wanted.units.tolist() == golden["units"] and (ours.units[rows] == rows).all()
    np.testing.assert_array_equal(ours.ids[rows], golden["ids"])
    np.testing.assert_allclose(ours.activations[rows], golden["top_activations"], rtol=1e-4)
    published_text = (GOLDEN / f"exemplars/resnet18/synthetic/{layer}/activations.csv").read_text().split("\n")
    own = [[float(f"{value:.5e}") for value in row] for row in ours.activations[rows]]
    np.testing.assert_allclose(own, [list(map(float, row.split(","))) for row in published_text if row], rtol=2e-5)

    difference = ours.images[rows].astype(int) - wanted.images
    assert difference.min() >= 0 and difference.max() <= 1 and difference.mean() < 0.06
    assert (ours.masks[rows] == wanted.masks).mean() >= 0.9997
    units = read_table(str(root / "units.csv"), "units")
    thresholds = units[units["layer"] == layer]["threshold"].to_numpy()[rows]
    np.testing.assert_allclose(thresholds, golden["levels_exact"], rtol=1e-4)


@pytest.mark.parametrize("layer", LAYERS)
def test_masks_at_the_published_levels_are_the_published_masks(layer):
    golden = json.loads((GOLDEN / "golden/exemplars/exemplars.json").read_text())["layers"][layer]
    wanted = read_exemplars(str(GOLDEN / "exemplars/resnet18/synthetic"), layer)
    maps = np.load(GOLDEN / f"golden/exemplars/{layer}_activations_all.npy")
    for row, (ids, level) in enumerate(zip(golden["ids"], golden["levels_peer"], strict=True)):
        masks = exemplar_masks(maps[ids, row], np.full(len(ids), level), size=224)
        np.testing.assert_array_equal(masks, wanted.masks[row, :, 0])
