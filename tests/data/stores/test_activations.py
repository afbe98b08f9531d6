import shutil

import numpy as np
import pytest

from lib.data.stores import activations as activation_store
from lib.data.stores.activations import (
    create_activations,
    images_per_block,
    iterate_units,
    open_activations,
    seal_activations,
)


def record(folder, values, *, images_per_chunk):
    array = create_activations(folder / "0-of-1/features.3.zarr", values.shape, images_per_chunk=images_per_chunk)
    array[:] = values
    seal_activations(folder / "0-of-1/features.3.zarr")
    return open_activations(folder / "0-of-1", "features.3")


def chunk_files(path):
    return sorted(file for file in (path / "c").rglob("*") if file.is_file())


@pytest.mark.parametrize("images_per_chunk", [1, 4, 100])
def test_units_come_back_in_order(tmp_path, monkeypatch, images_per_chunk):
    monkeypatch.setattr(activation_store, "CHUNK_BYTES", 4 * min(images_per_chunk, 10) * 6 * 3)
    values = np.random.default_rng(0).normal(size=(10, 8, 2, 3)).astype(np.float32)
    values[3, 4] = np.nan
    values[5, 5] = np.inf
    store = record(tmp_path, values, images_per_chunk=images_per_chunk)
    assert store.shape == values.shape and store.units_per_chunk == 3
    wanted = [0, 2, 3, 7]
    found = list(iterate_units(store, wanted))
    assert [unit for unit, _ in found] == wanted
    for unit, maps in found:
        (block,) = maps
        np.testing.assert_array_equal(block, values[:, unit])
        assert block.flags.c_contiguous and maps.shape == (10, 2, 3)
    assert list(iterate_units(store, [])) == []


def test_each_chunk_is_read_once(tmp_path, monkeypatch):
    monkeypatch.setattr(activation_store, "CHUNK_BYTES", 4 * 4 * 4 * 3)
    store = record(tmp_path, np.zeros((4, 8, 2, 2), np.float32), images_per_chunk=4)

    class Counting:
        units_per_chunk, bytes_per_unit, shape, reads = store.units_per_chunk, store.bytes_per_unit, store.shape, []

        def read(self, units):
            self.reads.append((units.start, units.stop))
            return store.read(units)

    counting = Counting()
    assert [unit for unit, _ in iterate_units(counting, [0, 1, 2, 6, 7])] == [0, 1, 2, 6, 7]
    assert counting.reads == [(0, 3), (6, 9)]


@pytest.mark.parametrize("bounds", [(0, 5, 10), (0, 1, 2, 10)])
def test_shards_read_like_one_store(tmp_path, monkeypatch, bounds):
    monkeypatch.setattr(activation_store, "CHUNK_BYTES", 4 * 4 * 6 * 3)
    values = np.random.default_rng(0).normal(size=(10, 8, 2, 3)).astype(np.float32)
    n = len(bounds) - 1
    folders = [tmp_path / f"{i}-of-{n}" for i in range(n)]
    for folder, first, last in zip(folders, bounds, bounds[1:]):
        array = create_activations(folder / "a.zarr", (last - first, 8, 2, 3), images_per_chunk=4)
        array[:] = values[first:last]
        seal_activations(folder / "a.zarr")
    store = open_activations([tmp_path / f"0-of-{n}", *folders[1:]], "a")
    assert store.shape == values.shape
    np.testing.assert_array_equal(store.read(slice(None)), values)
    for unit, maps in iterate_units(store, range(8)):
        np.testing.assert_array_equal(np.concatenate(list(maps)), values[:, unit])
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
    record(tmp_path, np.random.default_rng(0).normal(size=(4, 2, 8, 8)).astype(np.float32), images_per_chunk=4)
    chunk = chunk_files(tmp_path / "0-of-1/features.3.zarr")[0]
    chunk.write_bytes(damage(chunk.read_bytes()))
    with pytest.raises(ValueError, match=r"(is empty|cannot be read).*run again"):
        list(iterate_units(open_activations(tmp_path / "0-of-1", "features.3"), [0, 1]))


def test_blocks_fit_the_buffer():
    assert images_per_block([(512, 7, 7)]) == 512
    assert images_per_block([(1024, 200, 200)]) == 1
    n = images_per_block([(64, 56, 56), (128, 28, 28)])
    assert 1 < n < 512 and n * 4 * (64 * 56 * 56 + 128 * 28 * 28) <= activation_store.BUFFER_BYTES


@pytest.mark.parametrize("n_shards", [1, 2])
def test_large_maps_are_read_in_blocks_of_images(tmp_path, monkeypatch, n_shards):
    """A unit whose maps on all images exceed the bounds has a chunk to itself and is never in memory as a whole."""
    monkeypatch.setattr(activation_store, "READ_BYTES", 4 * 11 * 5 * 4)
    monkeypatch.setattr(activation_store, "BLOCK_BYTES", 4 * 4 * 5 * 4)
    values = np.random.default_rng(0).normal(size=(22, 3, 5, 4)).astype(np.float32)
    folders = [tmp_path / f"{i}-of-{n_shards}" for i in range(n_shards)]
    for folder, part in zip(folders, np.split(values, n_shards)):
        array = create_activations(folder / "a.zarr", part.shape, images_per_chunk=2, n_images=22)
        array[:] = part
        seal_activations(folder / "a.zarr")
    store = open_activations(folders, "a")
    assert store.units_per_chunk == 1
    for unit, maps in iterate_units(store, [0, 2]):
        for _ in range(2):
            blocks = list(maps)
            assert max(map(len, blocks)) == 4 and len(blocks) >= 6
            np.testing.assert_array_equal(np.concatenate(blocks), values[:, unit])
        np.testing.assert_array_equal(maps.take(np.array([21, 3, 4])), values[[21, 3, 4], unit])


def test_different_processors_are_noticed(tmp_path, caplog):
    for shard, processor in (("0-of-2", "A, AVX2"), ("1-of-2", "B, AVX512")):
        array = create_activations(
            tmp_path / shard / "a.zarr", (2, 1, 1, 1), images_per_chunk=2, n_images=4, processor=processor
        )
        array[:] = 0
        seal_activations(tmp_path / shard / "a.zarr")
    open_activations([tmp_path / "0-of-2"] * 2, "a")
    assert not caplog.records
    open_activations([tmp_path / "0-of-2", tmp_path / "1-of-2"], "a")
    assert "0-of-2/a.zarr on A, AVX2; " in caplog.text and "different processors" in caplog.text
