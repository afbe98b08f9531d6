import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lib.data.stores import concepts as stores
from lib.data.stores.concepts import TABLES, read_atoms, read_concepts, write_atoms

CONCEPTS = pd.DataFrame(
    {"concept": [0, 1], "number": [7, 900], "name": ['nan, "é"\n', "猫"], "category": ["object", "part"]}
)


def chunk_files(path):
    return sorted(file for file in (path / "c").rglob("*") if file.is_file())


def atom_tables(n_images):
    rng = np.random.default_rng(1)
    tables = {
        "image_start": np.arange(n_images + 1) * 2,
        "atom_size": rng.integers(1, 9, 2 * n_images),
        "atom_set": np.zeros(2 * n_images, np.int64),
        "set_start": np.array([0, 0, 2]),
        "set_concepts": np.array([0, 1]),
    }
    return tables, rng.integers(0, 2, (n_images, 5, 4)).astype(np.uint16)


def write(path, n_images=5, **changes):
    tables, pixels = atom_tables(n_images)
    tables |= changes
    called = []

    def blocks():
        yield pixels[:3]
        yield pixels[3:]
        called.append("pixels")

    def last():
        called.append("tables")
        return tables

    write_atoms(path, last, pixel_blocks=blocks(), shape=pixels.shape, concepts=CONCEPTS)
    assert called == ["pixels", "tables"]
    return tables | {"pixel_atoms": pixels}


def test_atoms_come_back(tmp_path):
    expected = write(tmp_path / "set.zarr")
    atoms, concepts = read_atoms(tmp_path / "set.zarr")
    for name, values in expected.items():
        np.testing.assert_array_equal(getattr(atoms, name), values)
        assert getattr(atoms, name).dtype == values.dtype
    assert atoms.n_concepts == 2
    pd.testing.assert_frame_equal(concepts, CONCEPTS, check_dtype=False)
    pd.testing.assert_frame_equal(read_concepts(tmp_path / "set.zarr"), concepts)


def test_a_set_without_labels_comes_back(tmp_path):
    write(tmp_path / "set.zarr", set_start=np.array([0, 0]), set_concepts=np.empty(0, np.int64))
    assert read_atoms(tmp_path / "set.zarr")[0].set_concepts.shape == (0,)


def test_writing_anew_replaces_the_store(tmp_path):
    write(tmp_path / "set.zarr", n_images=7)
    expected = write(tmp_path / "set.zarr", n_images=4)
    assert len(read_atoms(tmp_path / "set.zarr")[0].pixel_atoms) == len(expected["pixel_atoms"])
    assert [path.name for path in tmp_path.iterdir()] == ["set.zarr"]


@pytest.mark.parametrize("n_images", [6, 7])
def test_each_chunk_is_written_once(tmp_path, monkeypatch, n_images):
    """A chunk of several blocks would be read and packed again for each of them."""
    monkeypatch.setattr(stores, "CHUNK_BYTES", 3 * 2 * 5 * 4)
    written, replace = [], Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, target: (written.append(Path(target)), replace(self, target))[1])
    tables, pixels = atom_tables(n_images)
    path, blocks = tmp_path / "set.zarr", np.split(pixels, [1, 2, 5])
    write_atoms(path, lambda: tables, pixel_blocks=iter(blocks), shape=pixels.shape, concepts=CONCEPTS)
    chunks = [file.parts[-3] for file in written if "pixel_atoms" in file.parts and "c" in file.parts]
    assert sorted(chunks) == sorted(set(chunks)) and len(chunks) == len(chunk_files(path / "pixel_atoms")) == -(
        -n_images // 3
    )
    np.testing.assert_array_equal(read_atoms(path)[0].pixel_atoms, pixels)


def test_an_interrupted_write_leaves_no_store(tmp_path):
    def blocks():
        yield np.zeros((2, 5, 4), np.uint16)
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        write_atoms(tmp_path / "set.zarr", dict, pixel_blocks=blocks(), shape=(4, 5, 4), concepts=CONCEPTS)
    assert list(tmp_path.iterdir()) == []
    write(tmp_path / "set.zarr")
    (tmp_path / "set.zarr/SHA256SUMS").unlink()
    with pytest.raises(ValueError, match="SHA256SUMS"):
        read_atoms(tmp_path / "set.zarr")
    write(tmp_path / "set.zarr")
    read_atoms(tmp_path / "set.zarr")


@pytest.mark.parametrize("damage", ["absent", "no_array", "no_chunk", "cut_chunk", "bad_json"])
def test_a_damaged_store_is_refused(tmp_path, damage):
    path = tmp_path / "set.zarr"
    if damage != "absent":
        write(path)
    if damage == "no_array":
        shutil.rmtree(path / "atom_set")
    elif damage == "no_chunk":
        chunk_files(path / "atom_set")[0].unlink()
    elif damage == "cut_chunk":
        chunk_files(path / "pixel_atoms")[0].write_bytes(b"")
    elif damage == "bad_json":
        (path / "zarr.json").write_text("{")
    with pytest.raises(ValueError, match="is no complete concept set.*delete it and run again"):
        read_atoms(path)


@pytest.mark.parametrize("table", [*TABLES, ""], ids=[*TABLES, "concepts"])
def test_every_flipped_bit_is_noticed(tmp_path, table):
    path = tmp_path / "set.zarr"
    write(path)
    file = chunk_files(path / table)[0] if table else path / "zarr.json"
    content = file.read_bytes()
    for place in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match="is no complete concept set.*delete it and run again"):
            read_atoms(path)
    file.write_bytes(content)
    read_atoms(path)
