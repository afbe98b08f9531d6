import numpy as np
import pytest

from lib.data.exemplars import create_exemplars, read_exemplars, read_layers


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 50, (3, 4))
    activations = -np.sort(-rng.normal(size=(3, 4)), axis=1)
    for layer in ("layer2", "features.10"):
        images, masks = create_exemplars(
            tmp_path / "exemplars", layer, units=np.array([1, 5, 9]), ids=ids, activations=activations, size=6
        )
        images[:] = rng.integers(0, 256, images.shape)
        masks[:] = rng.integers(0, 2, masks.shape)
        images.flush(), masks.flush()
    return tmp_path / "exemplars", ids, activations, np.array(images), np.array(masks)


def test_what_was_written_comes_back(folder):
    """D15: the numbers of a subset of units are part of the folder."""
    root, ids, activations, images, masks = folder
    assert read_layers(root) == ["features.10", "layer2"]
    found = read_exemplars(root, "features.10")
    assert found.layer == "features.10" and found.units.tolist() == [1, 5, 9]
    np.testing.assert_array_equal(found.images, images)
    np.testing.assert_array_equal(found.masks, masks)
    np.testing.assert_array_equal(found.ids, ids)
    np.testing.assert_allclose(found.activations, activations, rtol=1e-5)  # five digits, as MILAN writes them
    assert isinstance(found.images, np.memmap) and found.images.dtype == found.masks.dtype == np.uint8
    assert found.images.shape == (3, 4, 3, 6, 6) and found.masks.shape == (3, 4, 1, 6, 6)
    assert found.units.dtype == found.ids.dtype == np.int64


def test_a_folder_of_milan_without_units_numbers_them(folder):
    root = folder[0]
    (root / "layer2" / "units.npy").unlink()
    assert read_exemplars(root, "layer2").units.tolist() == [0, 1, 2]


@pytest.mark.parametrize("n_units, k", [(1, 1), (1, 3), (3, 1)])
def test_a_single_unit_or_exemplar_keeps_its_shape(tmp_path, n_units, k):
    values = np.zeros((n_units, k))
    create_exemplars(tmp_path, "a", units=np.arange(n_units), ids=values.astype(int), activations=values, size=2)
    found = read_exemplars(tmp_path, "a")
    assert found.ids.shape == found.activations.shape == (n_units, k)


def test_minus_infinity_comes_back(tmp_path):
    create_exemplars(
        tmp_path, "a", units=[0], ids=np.array([[0, 1]]), activations=np.array([[-np.inf, -np.inf]]), size=2
    )
    assert (read_exemplars(tmp_path, "a").activations == -np.inf).all()


@pytest.mark.parametrize("name", ["images.npy", "masks.npy", "ids.csv", "activations.csv"])
def test_a_missing_file_is_named(folder, name):
    (folder[0] / "layer2" / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        read_exemplars(folder[0], "layer2")


def test_files_that_do_not_fit_are_refused(folder):
    root = folder[0]
    np.savetxt(root / "layer2" / "ids.csv", np.zeros((2, 4)), fmt="%d", delimiter=",")
    with pytest.raises(ValueError, match="do not describe the same exemplars"):
        read_exemplars(root, "layer2")


def test_an_empty_root_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="collect_exemplars"):
        read_layers(tmp_path)
