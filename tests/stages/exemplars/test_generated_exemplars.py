"""Units of generators: their samples, and exemplars that are the images made of these."""

from pathlib import Path

import numpy as np
import pytest
from exemplar_stages import make_exemplars
from places import HELPERS

from lib.data.formats.exemplars import read_exemplars
from lib.data.images.inputs import Samples
from lib.data.stores.tables import read_table
from lib.stages.activations.list_layers import list_layers
from lib.stages.exemplars.draw_samples import draw_samples

FILE = str(HELPERS / "own_generators.py")
OWN, PLAYGROUND = f"{FILE}:by_class", "playground_generator"
OPTIONS = {"geometry": None, "k": 3, "output_size": 16}


def network(factory, normalisation="none"):
    recipe = {"factory": factory}
    return {"name": "g", "normalisation": normalisation, "seed": 0, "recipe": recipe}


@pytest.fixture
def draw(tmp_path):
    """Return a function that draws samples and returns their file."""

    def run(latents=(), classes=(), seed=0, **drawn):
        path = str(tmp_path / "samples.npz")
        draw_samples(latents=latents, classes=classes, samples=path, draw=drawn, seed=seed)
        return path

    return run


def test_samples_come_back_as_they_were_drawn(draw):
    """D16: what is saved of a generator's inputs can be read; one input or two, by number."""
    latents, classes = Samples(draw(n=40, latent_size=[5, 2], n_classes=3)).load(range(40))
    assert latents.shape == (40, 5, 2) and latents.dtype == np.float32
    assert abs(latents.mean()) < 0.2 and abs(latents.std() - 1) < 0.1
    assert set(classes) == {0, 1, 2} and classes.dtype == np.int64
    for found, whole in zip(Samples(draw(n=7, latent_size=[5, 2], n_classes=3)).load([6, 2]), (latents, classes)):
        assert np.array_equal(found, whole[[6, 2]]), "a sample depends on how many there are"
    (others,) = Samples(draw(n=40, latent_size=[5, 2], seed=1)).load(range(40))
    assert not np.array_equal(others, latents)


def test_own_latents_and_classes_are_read(draw, tmp_path):
    values, numbers = np.arange(12.0).reshape(4, 3), np.array([3, 1, 0, 2], dtype=np.uint8)
    np.save(tmp_path / "z.npy", values)
    np.save(tmp_path / "y.npy", numbers)
    latents, classes = Samples(draw(str(tmp_path / "z.npy"), str(tmp_path / "y.npy"))).load([0, 3])
    assert np.array_equal(latents, values[[0, 3]]) and np.array_equal(classes, [3, 2])


@pytest.mark.parametrize(
    ("latents", "classes", "words"),
    [
        (np.zeros(3), None, r"shape \(3,\) must be finite numbers"),
        (np.full((3, 2), np.inf), None, "must be finite numbers"),
        (np.zeros((3, 2)), np.zeros(2, int), "must be 3 whole numbers"),
        (np.zeros((3, 2)), np.array([0, -1, 0]), "must be 3 whole numbers"),
        (np.array([[object()]]), None, r"z\.npy is no \.npy file of numbers"),
    ],
)
def test_files_of_something_else_are_refused(draw, tmp_path, latents, classes, words):
    np.save(tmp_path / "z.npy", latents)
    if classes is not None:
        np.save(tmp_path / "y.npy", classes)
    with pytest.raises(ValueError, match=words):
        draw(str(tmp_path / "z.npy"), [] if classes is None else str(tmp_path / "y.npy"))
    assert not (tmp_path / "samples.npz").exists()


def test_exemplars_are_the_images_that_a_generator_makes(draw, tmp_path):
    samples = draw(n=30, latent_size=4, n_classes=4)
    latents, classes = Samples(samples).load(range(30))
    make_exemplars(tmp_path, images=samples, layers=["place"], network=network(OWN), quantile=0.9, **OPTIONS)
    found = read_exemplars(tmp_path / "exemplars", "place")
    best = np.argsort(-latents[:, 0])[:3]
    assert np.array_equal(found.ids[0], best)
    assert np.allclose(found.activations[0], latents[best, 0], rtol=1e-4)
    colors = np.linspace(0.1, 0.6, 12).reshape(4, 3)[classes[best]]
    assert np.abs(found.images[0, :, :, 15, 15] / 255 - colors).max() < 0.0021
    bright = colors + 0.1 * np.minimum(latents[best, 0], 3)[:, None]
    assert np.abs(found.images[0, :, :, 0, 0] / 255 - bright).max() < 0.0021
    assert found.masks[0, :, 0, 1:6, 1:6].all(), "the mask shows where the unit is active"
    assert not found.masks[0, :, 0, 10:].any()
    assert classes[found.ids[1]].min() == 3
    assert read_table(tmp_path / "units.csv", "units")["status"].tolist() == ["ok", "ok"]


def test_exemplars_depend_neither_on_batches_nor_on_shards(draw, tmp_path):
    samples, results = draw(n=21, latent_size=32), []
    for name, options in (("a", {"batch_size": 8}), ("b", {"batch_size": 5, "n_shards": 4, "threads": 1})):
        (tmp_path / name).mkdir()
        layers, generator = ["layer1", "layer3"], network(PLAYGROUND, "untrained")
        make_exemplars(tmp_path / name, images=samples, layers=layers, network=generator, **OPTIONS, **options)
        files = sorted(path for path in (tmp_path / name / "exemplars").rglob("*") if path.is_file())
        results.append([path.read_bytes() for path in [*files, tmp_path / name / "units.csv"]])
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("factory", "drawn", "words"),
    [
        (OWN, {"n": 9, "latent_size": 4}, r"fails on latents \(1, 4\): TypeError.*`samples` of the data set"),
        (
            OWN,
            {"n": 9, "latent_size": 4, "n_classes": 1000},
            r"fails on latents \(1, 4\) and classes \(1,\): IndexError",
        ),
        (PLAYGROUND, {"n": 9, "latent_size": 31}, "fails on latents.*RuntimeError"),
        (f"{FILE}:constant", {"n": 9, "latent_size": 4}, r"makes \(1, 3\) of latents.* instead of \(images, 3, height"),
        (f"{FILE}:broken", {"n": 9, "latent_size": 4}, "not finite"),
    ],
)
def test_what_is_no_generator_of_the_samples_is_refused(draw, tmp_path, factory, drawn, words):
    with pytest.raises(ValueError, match=words):
        make_exemplars(tmp_path, images=draw(**drawn), layers=["place"], network=network(factory), **OPTIONS)


def test_damaged_samples_are_refused(draw, tmp_path):
    path = draw(n=9, latent_size=4)
    Path(path).write_bytes(Path(path).read_bytes()[:150])
    with pytest.raises(ValueError, match=r"samples\.npz is damaged.*delete it"):
        make_exemplars(tmp_path, images=path, layers=["place"], network=network(OWN), **OPTIONS)


def test_the_layers_of_a_generator_are_listed(draw, tmp_path):
    samples, path = draw(n=2, latent_size=32), str(tmp_path / "layers.csv")
    generator = network(PLAYGROUND)
    options = {"weights": [], "input_size": None, "trusted_sha256": [], "device": "cpu"}
    list_layers(samples=samples, layers=path, network=generator, **options)
    table = read_table(path, "layers").set_index("layer")
    assert table.loc["layer1"].tolist()[:4] == ["Sequential", 64, 8, 8]
    assert table.loc["layer4"].tolist()[:4] == ["Sequential", 16, 64, 64]
