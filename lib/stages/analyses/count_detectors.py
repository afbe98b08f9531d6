"""Stage: count the units that detect single concepts, as Network Dissection does."""

import pandas as pd

from ...data.stores.concepts import read_concepts
from ...data.stores.grouping import layers_and_ranges
from ...data.stores.tables import read_table, write_table
from ...kernels.metrics.formulas import EXPLAINED_ABOVE
from ...kernels.search.formula import parse_formula


def count_detectors(*, dissection: str, concept_set: str, detectors: str) -> None:
    """Write, by layer, range and category, how many units detect a concept, and the number of different concepts.

    Parameters
    ----------
    dissection : str
        Table of the explanations by single concepts.
    concept_set : str
        Store of the atoms.
    detectors : str
        Output table: `n_units` units, of which `n_detectors` have an IoU above 0.04 with a concept of the category, and
        `n_unique` different concepts of these. An empty layer means all layers together, an empty category all
        categories.
    """
    concepts = read_concepts(concept_set)
    names, categories = concepts["name"].tolist(), concepts["category"].tolist()
    rows = []
    for layer, name, group in layers_and_ranges(read_table(dissection, "explanations")):
        if not name:
            continue
        texts = group.loc[group["iou"] > EXPLAINED_ABOVE, "formula"]
        found = [parse_formula(text, names).concepts[0] for text in texts]
        for category in ("", *sorted(set(categories))):
            detected = [concept for concept in found if category in ("", categories[concept])]
            rows.append((layer, name, category, len(group), len(detected), len(set(detected))))
    columns = ["layer", "range", "category", "n_units", "n_detectors", "n_unique"]
    write_table(pd.DataFrame(rows, columns=columns), detectors, "detectors")
