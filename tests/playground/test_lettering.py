"""Words in the corner of scenes: which, where, and in the label maps."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lib.data.formats.broden import open_broden
from lib.data.images.classes import split_classes
from lib.playground.drawing import SCENE_KINDS, draw_scene, scene_of
from lib.playground.lettering import HEIGHT, TEXT, draw_lettered, split_of, word_of, write_word

N = 16 * 15


def test_words_are_right_in_training_and_wrong_in_the_test():
    shares = {share: [word_of(k, share=share, seed=3) for k in range(N)] for share in (0, 0.3, 1)}
    for share, words in shares.items():
        for index, word in enumerate(words):
            scene = scene_of(index, seed=3)
            if split_of(index) == "test":
                assert word in SCENE_KINDS and word != scene
            else:
                assert word in ("", scene)
        kept = [bool(word) for index, word in enumerate(words) if split_of(index) != "test"]
        assert abs(np.mean(kept) - share) < 0.1 and (0 < share < 1 or np.mean(kept) == share)
    # a larger share keeps the words of a smaller one
    assert all(few == more for few, more in zip(shares[0.3], shares[1]) if few)
    scenes = pd.crosstab([split_of(k) for k in range(N)], [scene_of(k, seed=3) for k in range(N)])
    assert (scenes.loc["val"] == scenes.loc["test"]).all() and (scenes.loc["train"] == 3 * scenes.loc["val"]).all()


def test_the_word_covers_its_box_alone():
    image, maps, _ = draw_scene(0, image_size=96, seed=0)
    written, labels = write_word(image, maps, "night_street")
    changed = (np.asarray(image) != np.asarray(written)).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert rows.min() > 70 and rows.max() == 95 and columns.min() == 0 and columns.max() < 96
    box = np.zeros((48, 48), bool)
    box[rows.min() // 2 :, : columns.max() // 2 + 1] = True
    own = labels["object"][0] != maps["object"][0]
    number = np.unique(labels["object"][0][box])
    assert len(number) == 1 and number[0] not in np.unique(maps["object"][0])
    assert (labels["object"][0] == number[0]).sum() == box.sum() and not own[~box].any()
    for category in maps:
        for before, after in zip(maps[category], labels[category]):
            assert np.array_equal(before[~box], after[~box])
    assert not labels["part"][0][box].any() and len(np.unique(labels["color"][0][box])) == 1
    assert np.asarray(written)[-1, 0].tolist() == [244, 244, 240]
    assert (np.asarray(written)[rows.min() :, : columns.max()] < 60).all(axis=2).any(), "ink"


def rows_and_columns_of_ink(word, size):
    """Return where a word has ink on a green image twice as wide as high, where what lies beyond the square is seen."""
    image = Image.new("RGB", (2 * size, size), (0, 255, 0))
    written, _ = write_word(image, {"object": [np.zeros((size // 2, size), np.int64)]}, word)
    # paper and image are both bright in green
    return np.nonzero(np.asarray(written)[..., 1] < 160)


@pytest.mark.parametrize("size", [48, 64, 96, 100, 112, 120, 128, 224])
def test_no_word_is_cut(size):
    for word in SCENE_KINDS:
        rows, columns = rows_and_columns_of_ink(word, size)
        assert 0 <= columns.min() < columns.max() < size and rows.max() < size - 1, word


def test_long_words_end_before_the_edge_and_short_ones_are_larger():
    size = 96
    ends = {word: rows_and_columns_of_ink(word, size)[1].max() for word in SCENE_KINDS}
    assert max(ends.values()) < size - 1 and ends["snowy_mountain"] > 0.9 * size > ends["farm"]
    # all three have letters above and below the line of the others
    heights = [np.ptp(rows_and_columns_of_ink(word, size)[0]) + 1 for word in ("sky", "night_street", "snowy_mountain")]
    assert HEIGHT * size >= heights[0] > 1.2 * heights[1] > 1.2 * 1.2 * heights[2] and heights[0] > 0.8 * HEIGHT * size


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lettering") / "half"
    draw_lettered(folder, share=0.5, n_images=80, image_size=64, seed=0, processes=1)
    return folder


def test_the_concept_is_in_the_label_maps(folder):
    dataset = open_broden(folder, subset="", categories=["object", "scene"])
    numbers = dataset.concepts.set_index("name")["number"]
    assert numbers[TEXT] == dataset.concepts["number"].max() or TEXT in numbers.index
    concept = int(dataset.concepts.set_index("name").loc[TEXT, "concept"])
    for index, path in enumerate(dataset.images):
        maps = [one for _, one in dataset.annotations(index) if not isinstance(one, int)]
        shown = any((dataset.concept_of[one] == concept).any() for one in maps)
        number = int(path.split("/")[-1].split(".")[0])
        assert shown == bool(word_of(number, share=0.5, seed=0)), path


def test_splits_have_the_classes_of_their_scenes(folder):
    splits, order = split_classes(folder)
    assert {split: len(own) for split, own in splits.items()} == {"train": 48, "val": 16, "test": 16}
    for split, own in splits.items():
        for path, number in own:
            index = int(path.split("/")[-1].split(".")[0])
            assert split_of(index) == split and order[number] == f"{scene_of(index, seed=0)}-s"


def test_splits_of_own_folders(tmp_path):
    for name in ("train/cat/a", "train/dog/b", "val/dog/c", "test/cat/d"):
        path = tmp_path / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(path)
    splits, order = split_classes(tmp_path)
    assert order == ["cat", "dog"] and splits["val"] == [(str(tmp_path / "val/dog/c.png"), 1)]
    (tmp_path / "test/cow").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "test/cow/e.png")
    with pytest.raises(ValueError, match="'cow', but none to train on"):
        split_classes(tmp_path)
