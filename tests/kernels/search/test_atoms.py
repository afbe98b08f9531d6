import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.kernels.search.atoms import AtomCollector, Atoms, image_atoms
from lib.kernels.search.beam import ConceptCounts
from lib.kernels.search.formula import evaluate
from lib.kernels.search.optimal import search_optimal


def collect(images, *, shape, n_concepts):
    collector, pixels = AtomCollector(), []
    for maps, whole in images:
        found, sizes, sets = image_atoms(maps, whole, shape=shape)
        collector.add(sizes, sets)
        pixels.append(found)
    return Atoms(np.stack(pixels), **collector.tables(), n_concepts=n_concepts)


def dense(images, *, shape, n_concepts):
    masks = np.zeros((n_concepts, len(images), *shape), bool)
    for i, (maps, whole) in enumerate(images):
        for c in range(n_concepts):
            masks[c, i] = c in whole
            for labels in maps:
                masks[c, i] |= labels == c
    return masks


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(0, 4), st.integers(1, 7))
@settings(max_examples=60)
def test_masks_and_sizes_come_back(seed, n_images, n_maps, n_concepts):
    rng = np.random.default_rng(seed)
    shape = (5, 7)
    images = [
        (
            [rng.integers(-1, n_concepts, shape) for _ in range(rng.integers(0, n_maps + 1))],
            rng.integers(0, n_concepts, rng.integers(0, 3)).tolist(),
        )
        for _ in range(n_images)
    ]
    atoms = collect(images, shape=shape, n_concepts=n_concepts)
    masks = dense(images, shape=shape, n_concepts=n_concepts)
    for concept in range(n_concepts):
        np.testing.assert_array_equal(atoms.concept_mask(concept), masks[concept])
    incidence = atoms.incidence().toarray()
    np.testing.assert_array_equal(atoms.set_sizes() @ incidence, masks.sum(axis=(1, 2, 3)))
    assert atoms.atom_size.sum() == n_images * 35 and (atoms.atom_size > 0).all()
    assert len({tuple(row) for row in incidence}) == atoms.n_sets, "a concept set occurs twice"
    for image in range(n_images):
        here = slice(atoms.image_start[image], atoms.image_start[image + 1])
        np.testing.assert_array_equal(np.bincount(atoms.pixel_atoms[image].reshape(-1)), atoms.atom_size[here])
        assert len(set(atoms.atom_set[here])) == here.stop - here.start, "an image has two atoms with one concept set"
        assert (atoms.atom_images()[here] == image).all()


def test_the_same_concept_in_two_maps_counts_once():
    labels = np.array([[0, -1], [1, 1]])
    pixels, sizes, sets = image_atoms([labels, labels.T, labels], [1], shape=(2, 2))
    assert sorted(sets) == [(0, 1), (1,)]
    assert sizes[sets.index((0, 1))] == 1 and sizes[sets.index((1,))] == 3
    assert pixels.dtype == np.uint16 and (pixels == sets.index((0, 1))).sum() == 1


def test_an_image_without_labels_is_one_empty_atom():
    for maps in ([], [np.full((3, 4), -1)]):
        pixels, sizes, sets = image_atoms(maps, [], shape=(3, 4))
        assert sets == [()] and sizes.tolist() == [12] and not pixels.any()
    atoms = collect([([], []), ([], [])], shape=(3, 4), n_concepts=2)
    assert atoms.n_sets == 1 and atoms.set_concepts.size == 0 and not atoms.concept_mask(1).any()


def test_images_share_concept_sets():
    labels = np.array([[0, 1], [-1, 1]])
    atoms = collect([([labels], []), ([labels[::-1]], []), ([], [1])], shape=(2, 2), n_concepts=2)
    assert atoms.n_sets == 3 and len(atoms.atom_size) == 7
    assert atoms.set_sizes().sum() == 12


def test_many_label_sets_fit_16_bits_and_more_are_refused():
    labels = np.arange(65_536).reshape(256, 256)
    pixels, sizes, sets = image_atoms([labels], [], shape=(256, 256))
    assert len(sets) == 65_536 and (sizes == 1).all() and len(np.unique(pixels)) == 65_536
    labels = np.arange(-1, 65_536).reshape(1, -1)
    with pytest.raises(ValueError, match="65537 different label sets"):
        image_atoms([labels], [], shape=labels.shape)


def test_a_map_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="does not fit the mask grid"):
        image_atoms([np.zeros((3, 3), int)], [], shape=(2, 2))


def test_maps_of_small_integer_types_do_not_overflow():
    first, second = (np.arange(256, dtype=np.uint8).reshape(16, 16) % n for n in (251, 241))
    _, sizes, sets = image_atoms([first, second, first.T.copy()], [], shape=(16, 16))
    expected = {tuple(sorted({int(a), int(b), int(c)})) for a, b, c in zip(first.flat, second.flat, first.T.flat)}
    assert set(sets) == expected and sizes.sum() == 256


def test_a_pixel_may_carry_forty_labels():
    rng = np.random.default_rng(40)
    images = [([np.where(rng.random((4, 5)) < 0.9, c, -1) for c in range(39)], [39]) for _ in range(2)]
    images[0] = ([np.full((4, 5), c) for c in range(39)], [39])
    atoms = collect(images, shape=(4, 5), n_concepts=40)
    assert np.diff(atoms.set_start).max() == 40
    masks = dense(images, shape=(4, 5), n_concepts=40)
    for concept in range(40):
        np.testing.assert_array_equal(atoms.concept_mask(concept), masks[concept])
    bitmap = rng.random((2, 4, 5)) < 0.5
    numbers = atoms.image_start[:-1, None, None] + atoms.pixel_atoms
    values = np.bincount(atoms.atom_set[numbers[bitmap]], minlength=atoms.n_sets)
    optimum = search_optimal(values, ConceptCounts(atoms), length=3, beam=2, seconds=None)
    covered = evaluate(optimum.scored.formula, masks)
    assert optimum.optimal and optimum.scored.iou == (covered & bitmap).sum() / (covered | bitmap).sum()
