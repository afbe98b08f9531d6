"""Quality of latents from stored activations: what dense arrays give, whatever the groups of directions."""

import numpy as np
import pandas as pd
import pytest
import torch

from lib.data.stores.activations import create_activations, seal_activations
from lib.data.stores.concepts import read_atoms
from lib.models.latents.latents import Latents
from lib.models.latents.training import random_directions, train_autoencoder
from lib.stages.activations import measure_latents as stage
from lib.stages.concepts.build_concepts import build_concepts
from lib.stages.playground.draw_playground import draw_playground

N_IMAGES, WIDTH, GRID = 9, 6, 8
ENTRY = {"sae": "codes", "kind": "topk", "seed": "0"}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Return a folder with concepts and activations: two units are the masks of concepts, others noise, the last one is dead."""
    folder = tmp_path_factory.mktemp("quality")
    data = str(folder / "playground")
    draw_playground(folder=data, n_images=N_IMAGES, image_size=64, validation_share=0.25, blurred=[], seed=3, threads=1)
    concepts = {"subset": "", "categories": ["color", "object"]}
    build_concepts(data=data, concept_set=str(folder / "set.zarr"), concepts=concepts, threads=1)
    atoms, _ = read_atoms(folder / "set.zarr")
    sizes = atoms.set_sizes() @ atoms.incidence()
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(N_IMAGES, WIDTH, GRID, GRID)).astype(np.float32)
    maps[:, -1] = 0
    for unit, concept in enumerate(np.argsort(-sizes)[:2]):
        mask = atoms.concept_mask(concept)
        step = mask.shape[1] // GRID
        maps[:, unit] = mask[:, ::step, ::step][:, :GRID, :GRID]
    store = create_activations(folder / "0-of-1/layer1.zarr", maps.shape, images_per_chunk=4)
    store[:] = maps
    seal_activations(folder / "0-of-1/layer1.zarr")
    samples = maps.transpose(0, 2, 3, 1).reshape(-1, WIDTH)
    training = {"n_latents": 16, "active": 2, "epochs": 3, "batch_size": 64, "learning_rate": 0.01, "seed": 0}
    codes = train_autoencoder(samples, kind="topk", device=torch.device("cpu"), **training)
    codes.tensors["encoder_bias"][5] = -1e6  # never active
    codes.write(folder / "codes.safetensors")
    random_directions(WIDTH, n_latents=16, seed=0).write(folder / "random.safetensors")
    return folder, samples, codes


def measured(folder, name, latents, **changes):
    paths = {kind: str(folder / f"{name}.{kind}.csv") for kind in ("sae_quality", "sae_concepts")}
    options = {"activations": [str(folder / "0-of-1")], "concept_set": str(folder / "set.zarr"), "network": "net"}
    options |= {"latents": latents, "layer": "layer1#codes", "entry": ENTRY, "quantile": 0.2, "seed": 0, "threads": 1}
    stage.measure_latents(**options | paths | changes)
    return tuple(pd.read_csv(path, keep_default_na=False, na_values={"explained": [""]}) for path in paths.values())


def test_codes_are_measured_as_dense_arrays_say(home):
    folder, samples, codes = home
    found, concepts = measured(folder, "codes", [str(folder / "codes.safetensors")])
    (row,) = found.itertuples(index=False)
    own = Latents(codes.tensors, codes.about).encode(torch.from_numpy(samples))
    rest = samples - codes.decode(own).numpy().astype(float)
    variance = np.square(samples - samples.mean(0, dtype=float)).sum()
    assert row.explained == pytest.approx(1 - np.square(rest).sum() / variance, abs=1e-5)
    assert row.l0 == pytest.approx((own != 0).sum(1).double().mean().item())
    assert row.dead == (own == 0).all(0).double().mean().item() >= 1 / 16
    assert (row.network, row.layer, row.sae, row.kind, row.seed) == ("net", "layer1", "codes", "topk", 0)
    assert row.n_scored <= 16 - 16 * row.dead and 0 < row.monosemanticity_low < row.monosemanticity < 1
    assert len(concepts) == row.n_concepts and concepts["iou"].mean() == pytest.approx(row.iou)
    assert (concepts["iou"] >= concepts["iou_single"]).all() and 5 not in concepts["unit"].tolist()
    assert row.n_found == (concepts["iou_unseen"] > 0.04).sum()


def test_units_that_are_concepts_are_found(home):
    folder, _, _ = home
    units = {"layer": "layer1", "entry": {"sae": "", "kind": "units", "seed": ""}, "quantile": 0.8}
    found, concepts = measured(folder, "units", [], **units)
    assert np.isnan(found["explained"][0]) and found["dead"][0] == 1 / WIDTH
    atoms, table = read_atoms(folder / "set.zarr")
    largest = np.argsort(-(atoms.set_sizes() @ atoms.incidence()))[:2]
    assert concepts["concept"].tolist() == table["name"].tolist()
    assert concepts["unit_single"][largest].tolist() == [0, 1] and (concepts["iou_unseen"][largest] > 0.3).all()


def test_directions_do_not_depend_on_their_groups_or_threads(home, monkeypatch):
    folder, _, _ = home
    whole = measured(folder, "random", str(folder / "random.safetensors"))
    monkeypatch.setattr(stage, "GROUP_BYTES", 3 * 4 * N_IMAGES * GRID * GRID)
    again = measured(folder, "again", str(folder / "random.safetensors"), threads=2)
    for first, second in zip(whole, again, strict=True):
        pd.testing.assert_frame_equal(first, second)
    assert whole[0]["n_latents"][0] == 16 and np.isnan(whole[0]["explained"][0]) and whole[0]["l0"][0] == 16
