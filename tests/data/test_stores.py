import shutil

import numpy as np
import pandas as pd
import pytest

from lib.data import stores
from lib.data.stores import (
    create_activations,
    images_per_block,
    iterate_units,
    open_activations,
    read_atoms,
    write_atoms,
)

CONCEPTS = pd.DataFrame(
    {"concept": [0, 1], "number": [7, 900], "name": ['nan, "é"\n', "猫"], "category": ["object", "part"]}
)


def record(folder, values, *, images_per_chunk):
    array = create_activations(folder / "0-of-1/features.3.zarr", values.shape, images_per_chunk=images_per_chunk)
    array[:] = values
    return open_activations(folder / "0-of-1", "features.3")


def chunk_files(path):
    return sorted(file for file in (path / "c").rglob("*") if file.is_file())


@pytest.mark.parametrize("images_per_chunk", [1, 4, 100])
def test_units_come_back_in_order(tmp_path, monkeypatch, images_per_chunk):
    monkeypatch.setattr(stores, "CHUNK_BYTES", 4 * images_per_chunk * 6 * 3)
    values = np.random.default_rng(0).normal(size=(10, 8, 2, 3)).astype(np.float32)
    values[3, 4] = np.nan
    values[5, 5] = np.inf
    store = record(tmp_path, values, images_per_chunk=images_per_chunk)
    assert store.shape == values.shape and store.units_per_chunk == 3
    wanted = [0, 2, 3, 7]
    found = list(iterate_units(store, wanted))
    assert [unit for unit, _ in found] == wanted
    for unit, maps in found:
        np.testing.assert_array_equal(maps, values[:, unit])
        assert maps.flags.c_contiguous
    assert list(iterate_units(store, [])) == []


def test_each_chunk_is_read_once(tmp_path, monkeypatch):
    monkeypatch.setattr(stores, "CHUNK_BYTES", 4 * 4 * 4 * 3)
    store = record(tmp_path, np.zeros((4, 8, 2, 2), np.float32), images_per_chunk=4)

    class Counting:
        units_per_chunk, reads = store.units_per_chunk, []

        def read(self, units):
            self.reads.append((units.start, units.stop))
            return store.read(units)

    counting = Counting()
    assert [unit for unit, _ in iterate_units(counting, [0, 1, 2, 6, 7])] == [0, 1, 2, 6, 7]
    assert counting.reads == [(0, 3), (6, 9)]


@pytest.mark.parametrize("bounds", [(0, 5, 10), (0, 1, 2, 10)])
def test_shards_read_like_one_store(tmp_path, monkeypatch, bounds):
    monkeypatch.setattr(stores, "CHUNK_BYTES", 4 * 4 * 6 * 3)
    values = np.random.default_rng(0).normal(size=(10, 8, 2, 3)).astype(np.float32)
    n = len(bounds) - 1
    folders = [tmp_path / f"{i}-of-{n}" for i in range(n)]
    for folder, first, last in zip(folders, bounds, bounds[1:]):
        array = create_activations(folder / "a.zarr", (last - first, 8, 2, 3), images_per_chunk=4)
        array[:] = values[first:last]
    store = open_activations([tmp_path / f"0-of-{n}", *folders[1:]], "a")
    assert store.shape == values.shape
    np.testing.assert_array_equal(store.read(slice(None)), values)
    for unit, maps in iterate_units(store, range(8)):
        np.testing.assert_array_equal(maps, values[:, unit])
    shutil.rmtree(folders[1] / "a.zarr")
    with pytest.raises(FileNotFoundError, match=f"{n - 1} of {n} stores a.zarr"):
        open_activations(folders, "a")


def test_a_missing_layer_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="0 of 1 stores layer9.zarr"):
        open_activations(tmp_path / "0-of-1", "layer9")


def test_a_lost_chunk_is_noticed(tmp_path):
    record(tmp_path, np.zeros((4, 2, 2, 2), np.float32), images_per_chunk=2)
    chunk_files(tmp_path / "0-of-1/features.3.zarr")[0].unlink()
    with pytest.raises(ValueError, match="1 of its 2 chunks are missing.*run again"):
        open_activations(tmp_path / "0-of-1", "features.3")


def test_chunks_that_hold_only_nan_are_no_damage(tmp_path):
    record(tmp_path, np.full((4, 2, 2, 2), np.nan, np.float32), images_per_chunk=2)


def test_damaged_metadata_is_noticed(tmp_path):
    record(tmp_path, np.zeros((4, 2, 2, 2), np.float32), images_per_chunk=2)
    for content in ("{", "{}"):
        (tmp_path / "0-of-1/features.3.zarr" / "zarr.json").write_text(content)
        with pytest.raises(ValueError, match="damaged.*run again"):
            open_activations(tmp_path / "0-of-1", "features.3")
    (tmp_path / "0-of-1/features.3.zarr" / "zarr.json").unlink()
    with pytest.raises(ValueError, match="damaged.*run again"):
        open_activations(tmp_path / "0-of-1", "features.3")


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:10], lambda data: data[:60], lambda data: data[:-1],
                                    lambda data: data[:99] + bytes([data[99] ^ 1]) + data[100:]])  # fmt: skip
def test_a_damaged_chunk_is_noticed(tmp_path, damage):
    store = record(tmp_path, np.random.default_rng(0).normal(size=(4, 2, 8, 8)).astype(np.float32), images_per_chunk=4)
    chunk = chunk_files(tmp_path / "0-of-1/features.3.zarr")[0]
    chunk.write_bytes(damage(chunk.read_bytes()))
    with pytest.raises(ValueError, match="cannot be read.*run again"):
        list(iterate_units(store, [0, 1]))


def test_blocks_fit_the_buffer():
    assert images_per_block([(512, 7, 7)]) == 512
    assert images_per_block([(1024, 200, 200)]) == 1
    n = images_per_block([(64, 56, 56), (128, 28, 28)])
    assert 1 < n < 512 and n * 4 * (64 * 56 * 56 + 128 * 28 * 28) <= stores.BUFFER_BYTES


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
    found, concepts = read_atoms(tmp_path / "set.zarr")
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)
        assert found[name].dtype == values.dtype
    pd.testing.assert_frame_equal(concepts, CONCEPTS, check_dtype=False)


def test_a_set_without_labels_comes_back(tmp_path):
    write(tmp_path / "set.zarr", set_start=np.array([0, 0]), set_concepts=np.empty(0, np.int64))
    assert read_atoms(tmp_path / "set.zarr")[0]["set_concepts"].shape == (0,)


def test_writing_anew_replaces_the_store(tmp_path):
    write(tmp_path / "set.zarr", n_images=7)
    expected = write(tmp_path / "set.zarr", n_images=4)
    assert len(read_atoms(tmp_path / "set.zarr")[0]["pixel_atoms"]) == len(expected["pixel_atoms"])
    assert [path.name for path in tmp_path.iterdir()] == ["set.zarr"]


def test_an_interrupted_write_leaves_no_store(tmp_path):
    def blocks():
        yield np.zeros((2, 5, 4), np.uint16)
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        write_atoms(tmp_path / "set.zarr", dict, pixel_blocks=blocks(), shape=(4, 5, 4), concepts=CONCEPTS)
    assert not (tmp_path / "set.zarr").exists()
    shutil.copytree(tmp_path / "set.zarr.part", tmp_path / "set.zarr")
    with pytest.raises(ValueError, match="not written to its end"):
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
