"""Exemplars by shards: any kind of layer, killed and damaged tallies, images that are not cropped."""

import numpy as np
import pandas as pd
import pytest
import torch
from exemplar_stages import make_exemplars
from PIL import Image
from torchvision.models import VisionTransformer

from lib.data.formats.exemplars import read_exemplars
from lib.data.images.photographs import Geometry, load_batch
from lib.data.stores.tables import read_table, write_table
from lib.kernels.activations import tally as tally_kernel
from lib.models.build.loading import Network
from lib.runtime import blocks
from lib.stages.exemplars import tally_units as stage
from lib.stages.exemplars.collect_exemplars import collect_exemplars

N_IMAGES, SIZE = 26, 32
LAYERS = ["conv_proj", "encoder.layers.encoder_layer_0.mlp.0", "heads"]
OPTIONS = {"layers": LAYERS, "geometry": {"resize": SIZE, "crop": SIZE}, "k": 4, "output_size": 48}
OPTIONS["network"] = {"name": "tiny", "normalisation": "untrained", "seed": 0}


class Transformer(VisionTransformer):
    """A transformer on 2 x 2 patches that counts its batches and stops after some."""

    def __init__(self, n_batches):
        sizes = {"image_size": SIZE, "patch_size": 16, "num_layers": 1, "num_heads": 2, "hidden_dim": 8, "mlp_dim": 12}
        super().__init__(**sizes, num_classes=5)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
        self.left, self.calls = n_batches, 0

    def forward(self, images):
        if self.left == 0:
            raise RuntimeError("killed")
        self.left -= 1
        self.calls += 1
        return super().forward(images)


@pytest.fixture
def use(monkeypatch):
    """Put a tiny transformer in place of the network asked for; it is killed after some batches."""

    def put(n_batches=-1):
        network = Transformer(n_batches).eval()
        opened = Network(network, torch.device("cpu"), "untrained")
        monkeypatch.setattr(stage, "open_network", lambda name, **options: opened)
        return network

    monkeypatch.setattr(blocks, "IMAGES_PER_BLOCK", 8)
    put()
    return put


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 256, (N_IMAGES, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.fixture
def make(use, pictures, tmp_path):
    """Return a function that makes exemplars in a folder of the given name, which it returns."""

    def run(name, paths=None, **changes):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        if paths is None:
            paths = [str(tmp_path / f"{number}.png") for number in range(N_IMAGES)]
            for path, picture in zip(paths, pictures):
                Image.fromarray(picture).save(path)
        write_table(pd.DataFrame({"path": paths}), folder / "images.csv", "images")
        make_exemplars(folder, **OPTIONS | changes)
        return folder

    return run


def results_of(folder):
    paths = [path for path in sorted((folder / "exemplars").rglob("*")) if path.is_file()] + [folder / "units.csv"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.mark.parametrize("limit", [2**30, 0], ids=["exact", "histogram"])
def test_tokens_vectors_and_maps_are_the_same_in_any_shards(make, monkeypatch, limit):
    monkeypatch.setattr(tally_kernel, "TAIL_BYTES", limit)
    whole = make("1", batch_size=32)
    for n_shards in (2, 7):
        assert results_of(make(str(n_shards), n_shards=n_shards)) == results_of(whole)
    convolution, tokens, vector = (read_exemplars(whole / "exemplars", layer) for layer in LAYERS)
    assert [len(found.units) for found in (convolution, tokens, vector)] == [8, 12, 5]
    assert vector.masks.all() and not tokens.masks.all() and not convolution.masks.all()
    assert tokens.masks.any() and convolution.masks.any()


def test_exemplars_show_reduced_photographs_as_the_network_saw_them(make, tmp_path):
    paths = [str(tmp_path / f"{number}.jpg") for number in range(N_IMAGES)]
    large = (
        np.random.default_rng(1).integers(0, 256, (N_IMAGES, SIZE, SIZE, 3), dtype=np.uint8).repeat(6, 1).repeat(6, 2)
    )
    for path, picture in zip(paths, large):
        Image.fromarray(picture).save(path, quality=95)
    geometry = OPTIONS["geometry"] | {"reduced_jpeg": True}
    folder = make("reduced", paths=paths, geometry=geometry, output_size=SIZE)
    found = read_exemplars(folder / "exemplars", LAYERS[0])
    expected = load_batch(paths, Geometry(**geometry))
    assert np.array_equal(found.images.transpose(0, 1, 3, 4, 2), expected[found.ids])
    assert not np.array_equal(expected, load_batch(paths, Geometry(**OPTIONS["geometry"])))


def test_thresholds_from_histograms_are_within_their_bound(make, monkeypatch):
    exact = read_table(make("exact") / "units.csv", "units")
    monkeypatch.setattr(tally_kernel, "TAIL_BYTES", 0)
    found = read_table(make("histogram") / "units.csv", "units")
    assert not (found["threshold"] == exact["threshold"]).all()
    # interpolated between two values, each of which may be off
    near = np.maximum(exact["threshold"].abs(), exact["maximum"].abs())
    assert ((found["threshold"] - exact["threshold"]).abs() <= 2.0**-9 * near).all()


def kill(make, use, monkeypatch):
    """Kill a tally after two of four batches, which were saved."""
    monkeypatch.setattr(stage, "SECONDS_BETWEEN_SAVES", 0)
    use(2)
    with pytest.raises(RuntimeError, match="killed"):
        make("killed", threads=1)
    return use()


@pytest.mark.parametrize("limit", [2**30, 0], ids=["exact", "histogram"])
def test_a_killed_tally_goes_on_from_where_it_was_saved(make, use, monkeypatch, limit):
    monkeypatch.setattr(tally_kernel, "TAIL_BYTES", limit)
    expected = results_of(make("whole"))
    rest = kill(make, use, monkeypatch)
    folder = make("killed")
    assert results_of(folder) == expected
    assert rest.calls == 2
    assert [path.name for path in (folder / "tallies").iterdir()] == ["0-of-1"], "nothing partial is left"
    assert len(list((folder / "tallies/0-of-1").iterdir())) == len(LAYERS)


@pytest.mark.parametrize("change", [{"version": "2"}, {"k": 3}, {"quantile": 0.5}, {"max_units": 3}])
def test_another_tally_does_not_go_on(make, use, monkeypatch, change):
    rest = kill(make, use, monkeypatch)
    make("killed", **change)
    assert rest.calls == 4


def test_lost_and_damaged_tallies_are_named(make):
    folder = make("1", n_shards=2)
    tallies = [folder / "tallies" / name for name in ("0-of-2", "1-of-2")]
    options = {name: OPTIONS[name] for name in ("layers", "geometry", "output_size")} | {"batch_size": 8, "threads": 1}
    options |= {"weights": [], "network": None, "trusted_sha256": [], "device": "cpu"}
    options |= {name: str(folder / name) for name in ("exemplars", "units")} | {"images": str(folder / "images.csv")}
    with pytest.raises(FileNotFoundError, match=r"conv_proj.npz in .*0-of-2 cover 13 of 26 images"):
        collect_exemplars(chosen={}, seed=0, tallies=[str(tallies[0])], **options)
    file = tallies[1] / "heads.npz"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    for damaged in (content, content[:1000], b""):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"heads.npz is damaged .*delete .*1-of-2 and run again"):
            collect_exemplars(chosen={}, seed=0, tallies=list(map(str, tallies)), **options)


def test_more_shards_than_images_are_refused(make):
    with pytest.raises(ValueError, match=f"exemplars.shards=99 must be at most {N_IMAGES}"):
        make("1", n_shards=99)


@pytest.mark.parametrize("resize", [None, [SIZE, SIZE], SIZE])
def test_images_that_are_not_cropped_are_shown_whole(make, pictures, resize):
    whole = make("whole", geometry={"resize": resize, "crop": None}, output_size=SIZE)
    found = read_exemplars(whole / "exemplars", "heads")
    np.testing.assert_array_equal(found.images, pictures.transpose(0, 3, 1, 2)[found.ids])
    other = make("larger", geometry={"resize": resize, "crop": None})
    assert read_exemplars(other / "exemplars", "heads").images.shape[3:] == (48, 48)


def test_images_that_are_cropped_but_not_scaled_keep_their_size(make, pictures):
    whole = make("whole", geometry={"resize": None, "crop": SIZE}, output_size=SIZE)
    found = read_exemplars(whole / "exemplars", "heads")
    np.testing.assert_array_equal(found.images, pictures.transpose(0, 3, 1, 2)[found.ids])
    with pytest.raises(ValueError, match=f"set output_size={SIZE}, or give `resize`"):
        make("larger", geometry={"resize": None, "crop": SIZE})


def test_fewer_images_than_exemplars_are_told(make, caplog):
    make("all", k=N_IMAGES)
    assert "exemplars" not in caplog.text
    made = make("few", k=500)
    assert f"each unit gets {N_IMAGES} exemplars, one per image, instead of 500" in caplog.text
    assert read_exemplars(made / "exemplars", LAYERS[0]).images.shape[1] == N_IMAGES
