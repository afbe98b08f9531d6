"""Stage: measure a unit's response to the pixels of its formula alone."""

from collections import defaultdict

import numpy as np
import torch
from scipy import sparse
from torch.nn.functional import interpolate

from ...data.formats.broden import open_broden
from ...data.images.photographs import Geometry, load_batch
from ...data.stores.columns import COLUMNS
from ...data.stores.concepts import read_atoms
from ...data.stores.tables import read_table, write_table
from ...kernels.evidence.intervals import mean_interval
from ...kernels.metrics.masking import noisy_mask, range_similarity
from ...kernels.search.atoms import Atoms
from ...kernels.search.beam import ConceptCounts
from ...kernels.search.formula import Formula, evaluate, parse_formula
from ...models.build.loading import open_network
from ...models.recording.recorder import open_recorder
from ...runtime.blocks import whole_blocks
from ...runtime.parallel import map_in_order
from ...runtime.progress import Progress


def measure_label_masking(
    *,
    data: str,
    weights: str | list[str],
    explanations: str,
    concept_set: str,
    label_masking: str,
    layer: str,
    network: dict,
    concepts: dict,
    input_size: list[int],
    n_images: int | None,
    seed: int,
    trusted_sha256: list[str],
    device: str,
    batch_size: int,
    threads: int,
) -> None:
    """Write, for each unit and range, the mean similarity of its maps on whole and on masked images, with its interval.

    In a masked image only the pixels of the formula are kept; the others are multiplied by uniform noise, which depends
    on the seed and the image alone. Units and ranges with the same formula share their masked images, and each image is
    read once.

    Parameters
    ----------
    data : str
        Folder of the concept data set, in Broden's format.
    weights : str or list of str
        Checkpoint; an empty list for random weights.
    explanations : str
        Table of the formulas.
    concept_set : str
        Store of the atoms.
    label_masking : str
        Output table, rows as in `explanations`; empty where there is no formula. The interval is that of Student's t over
        the images, and stays within the values that a cosine can have.
    layer : str
    network : dict
        Settings for `open_network`.
    concepts : dict
        subset, categories: arguments of `open_broden`.
    input_size : list of int
        Height and width of the network's input, in pixels.
    n_images : int or None
        Maximum number of images per formula, evenly spaced among those that contain it; None for all.
    seed : int
    trusted_sha256 : list of str
        Checkpoints and archives that may run the code in them.
    device : str
    batch_size : int
        Images per batch, rounded up to whole blocks (`runtime.blocks`); it does not change results.
    threads : int
    """
    atoms, names = read_atoms(concept_set)
    table = read_table(explanations, "explanations")
    groups = list(table[table["status"] == "ok"].groupby("formula", sort=False))
    formulas = [parse_formula(text, names["name"].tolist()) for text, _ in groups]
    rows = [group.index.to_numpy() for _, group in groups]
    wanted = _images_of_formulas(formulas, atoms, n_images)
    images = open_broden(data, **concepts).images
    model = open_network(network, weights=weights or None, trusted_sha256=trusted_sha256, device=device)
    geometry = Geometry(resize=tuple(input_size), crop=None)
    incidence = atoms.incidence().astype(bool)
    units = torch.tensor(table["unit"].tolist())
    lower, upper = table["lower"].to_numpy(), table["upper"].to_numpy()
    totals, squares, counts = np.zeros(len(table)), np.zeros(len(table)), np.zeros(len(table), np.int64)

    per_batch = whole_blocks(batch_size)
    with open_recorder(model, [layer]) as recorder:

        def compare(block: list[int]) -> list:
            batch = model.to_input(load_batch([images[image] for image in block], geometry, threads=1))
            whole = recorder(batch)[layer]
            pairs = [(place, formula) for place, image in enumerate(block) for formula in wanted[image]]
            masks = [_Masks(image, atoms, incidence, seed=seed) for image in block]
            found = []
            for first in range(0, len(pairs), per_batch):
                some = pairs[first : first + per_batch]
                places = torch.tensor([place for place, _ in some])
                kept = np.stack([masks[place].of(formulas[formula]) for place, formula in some])
                masked = batch[places] * _resize(kept, batch)
                maps = recorder(masked)[layer]
                chosen = np.concatenate([rows[formula] for _, formula in some])
                item = torch.from_numpy(np.repeat(np.arange(len(some)), [len(rows[formula]) for _, formula in some]))
                before, after = whole[places[item], units[chosen]], maps[item, units[chosen]]
                before, after = (part.flatten(1).cpu().numpy() for part in (before, after))
                found.append((chosen, range_similarity(before, after, lower=lower[chosen], upper=upper[chosen])))
            return found

        with Progress(total=len(wanted), unit="image") as progress:
            blocks = _blocks(wanted, per_batch)
            for block, found in zip(blocks, map_in_order(compare, blocks, threads=threads)):
                for chosen, similarities in found:
                    # one by one in the order of images, independent of the blocks
                    np.add.at(totals, chosen, similarities)
                    np.add.at(squares, chosen, similarities**2)
                    np.add.at(counts, chosen, 1)
                progress.update(len(block))
    table["n_images"] = counts
    table["label_masking"] = np.divide(totals, counts, out=np.full(len(table), np.nan), where=counts > 0)
    low, high = mean_interval(totals, squares, counts)
    table["label_masking_low"], table["label_masking_high"] = np.maximum(low, -1), np.minimum(high, 1)
    write_table(table[list(COLUMNS["label_masking"])], label_masking, "label_masking")


def _images_of_formulas(formulas: list[Formula], atoms: Atoms, n_images: int | None) -> dict[int, list[int]]:
    """Return {image: formulas that mask it}, images ascending."""
    counts, atom_images = ConceptCounts(atoms), atoms.atom_images()
    wanted = defaultdict(list)
    for number, formula in enumerate(formulas):
        found = np.unique(atom_images[counts.holds(formula)[atoms.atom_set]])
        n = len(found) if n_images is None else min(n_images, len(found))
        for image in found[np.arange(n) * len(found) // max(1, n)].tolist():
            wanted[image].append(number)
    return dict(sorted(wanted.items()))


def _blocks(wanted: dict[int, list[int]], per_batch: int) -> list[list[int]]:
    """Group images so that the masked images of each group fill a batch."""
    blocks, n_pairs = [[]], 0
    for image, formulas in wanted.items():
        if n_pairs >= per_batch:
            blocks.append([])
            n_pairs = 0
        blocks[-1].append(image)
        n_pairs += len(formulas)
    return [block for block in blocks if block]


class _Masks:
    """The formulas' masks of one image, with noise outside."""

    def __init__(self, image: int, atoms: Atoms, incidence: sparse.csr_matrix, *, seed: int) -> None:
        sets = atoms.atom_set[atoms.image_start[image] : atoms.image_start[image + 1]]
        self._holds, self._pixels = incidence[sets].toarray(), atoms.pixel_atoms[image]
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(image,)))
        self._noise = rng.random(self._pixels.shape, np.float32)

    def of(self, formula: Formula) -> np.ndarray:
        """Return the factors of the pixels of the image, float32 of shape (H, W)."""
        inside = evaluate(formula, lambda concept: self._holds[:, concept])
        return noisy_mask(inside[self._pixels], self._noise)


def _resize(masks: np.ndarray, images: torch.Tensor) -> torch.Tensor:
    """Resize masks bilinearly to the size of the images, on their device."""
    masks = torch.from_numpy(masks)[:, None].to(images.device)
    return interpolate(masks, size=images.shape[-2:], mode="bilinear", align_corners=False)
