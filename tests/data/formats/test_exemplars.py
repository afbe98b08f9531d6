import subprocess
import sys

import numpy as np
import pytest
from places import ROOT
from small_disk import Mount

from lib.data.formats.exemplars import create_exemplars, read_exemplars, read_layers
from lib.runtime.checksums import seal_folder

# in a process of its own, which the kernel kills if it writes to a mapped file that the disk has no space for
FILL = """
import sys
import numpy as np
from lib.data.formats.exemplars import create_exemplars

values = np.zeros((20, 5))
try:
    images, masks = create_exemplars(
        sys.argv[1], "a", units=np.arange(20), ids=values.astype(int), activations=values, size=32
    )
    images[:] = 1
except OSError as error:
    print(error.errno, error)
"""


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


def test_a_full_disk_is_an_error_and_no_death(tmp_path):
    with Mount(tmp_path / "disk", "size=100k") as disk:
        done = subprocess.run([sys.executable, "-c", FILL, disk], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"killed by signal {-done.returncode}"
    size = 20 * 5 * 3 * 32 * 32 + 128
    assert done.stdout.startswith("28 ") and f"{size} bytes are needed: '{disk}/a/images.npy'" in done.stdout


@pytest.mark.parametrize("name", ["images.npy", "masks.npy", "units.npy", "ids.csv", "activations.csv"])
@pytest.mark.parametrize("length", [-1, 20, 9, 0])
def test_a_truncated_file_is_named_with_the_cure(folder, name, length):
    path = folder[0] / "layer2" / name
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match=rf"{name} is damaged.*; delete .*exemplars and run again"):
        read_exemplars(folder[0], "layer2")


def test_arrays_of_other_dimensions_are_refused(folder):
    for name in ("images.npy", "masks.npy"):
        path = folder[0] / "layer2" / name
        content = path.read_bytes()
        np.save(path, np.zeros(3, np.uint8))
        with pytest.raises(ValueError, match="do not describe the same exemplars; delete"):
            read_exemplars(folder[0], "layer2")
        path.write_bytes(content)
    for name, channels in (("images.npy", 3), ("masks.npy", 1)):
        np.save(folder[0] / "layer2" / name, np.zeros((3, 4, channels, 6), np.uint8))
    with pytest.raises(ValueError, match="do not describe the same exemplars; delete"):
        read_exemplars(folder[0], "layer2")


def test_a_missing_layer_and_one_without_masks_are_named(folder):
    (folder[0] / "layer2" / "masks.npy").unlink()
    assert read_layers(folder[0]) == ["features.10", "layer2"], "it is not left out silently"
    with pytest.raises(FileNotFoundError, match=r"layer3 is missing; delete .*exemplars and run again"):
        read_exemplars(folder[0], "layer3")


def test_an_empty_root_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="collect_exemplars"):
        read_layers(tmp_path)


@pytest.mark.parametrize("name", ["images.npy", "masks.npy", "units.npy", "ids.csv", "activations.csv"])
def test_a_changed_byte_is_refused(folder, name):
    """A figure that still reads as a number, or a pixel of another colour, would show another image as the exemplar."""
    root = folder[0]
    seal_folder(root / "layer2")
    read_exemplars(root, "layer2")
    path = root / "layer2" / name
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"layer2: {name} is not as it was written.*delete .*exemplars and run again"):
        read_exemplars(root, "layer2")
