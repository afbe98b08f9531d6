"""Choose concepts of a data set by name, and label numbers that mean nothing."""

import dataclasses
import difflib
from collections.abc import Sequence

import numpy as np

from .broden import LARGEST_LABEL, BrodenDataset


def choose_concepts(
    dataset: BrodenDataset, *, include: Sequence[str] = (), exclude: Sequence[str] = (), ignore: Sequence[int] = ()
) -> BrodenDataset:
    """Return a data set with some of its concepts; the images stay the same.

    Parameters
    ----------
    dataset : BrodenDataset
    include : sequence of str
        Names of the concepts that are kept; empty for all.
    exclude : sequence of str
        Names of those that are left out.
    ignore : sequence of int
        Label numbers that mean no label; they need not be in the label table.

    Raises
    ------
    ValueError
        If a name is unknown, or no concept is left.
    """
    names = dataset.concepts["name"].tolist()
    for key, given in (("include", include), ("exclude", exclude)):
        if unknown := [name for name in given if name not in names]:
            near = difflib.get_close_matches(unknown[0], names, n=3) or names[:3]
            raise ValueError(
                f"{unknown[0]!r}, in `{key}` of the concept set in the config, is none of the {len(names)} concepts of "
                f"{dataset.folder}, such as {', '.join(near)}."
            )
    kept = dataset.concepts[
        (dataset.concepts["name"].isin(include) if include else True)
        & ~dataset.concepts["name"].isin(exclude)
        & ~dataset.concepts["number"].isin(ignore)
    ]
    if kept.empty:
        raise ValueError(
            f"None of the {len(names)} concepts of {dataset.folder} is left; see `include`, `exclude` and `ignore` of the "
            "concept set in the config."
        )
    kept = kept.reset_index(drop=True).assign(concept=np.arange(len(kept)))
    concept_of = np.full(LARGEST_LABEL + 1, -1, dtype=np.int32)
    concept_of[kept["number"]] = kept["concept"]
    known = dataset.known.copy()
    known[list(ignore)] = True
    return dataclasses.replace(dataset, concepts=kept, concept_of=concept_of, known=known)
