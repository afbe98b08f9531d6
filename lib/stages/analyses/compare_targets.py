"""Stage: compare the formulas of several networks, data sets and concept sets."""

from dataclasses import dataclass

import pandas as pd

from ...data.stores.concepts import read_concepts
from ...data.stores.tables import read_table, write_table
from ...kernels.metrics.comparison import category_mix, jaccard
from ...kernels.search.formula import canonical, parse_formula


@dataclass(frozen=True)
class _Group:
    """Units of a layer (or of all) in one range (or in any), and their explanations."""

    n_units: int
    n_explained: int
    mix: dict  # from `category_mix`
    sets: dict  # measure of agreement: formulas or concepts


def compare_targets(
    *, explanations: list[str], concept_sets: list[str], entries: list[list[str]], iou: float, comparison: str
) -> None:
    """Write the share of explained units of each target, the categories of its concepts, and the agreement of targets.

    Parameters
    ----------
    explanations : list of str
        Table of the formulas of each target.
    concept_sets : list of str
        Store of the atoms of each target.
    entries : list of list of str
        Model, data set and concept set of each target.
    iou : float
        Formulas with a lower or equal IoU are ignored.
    comparison : str
        Output table in long form. Layer and range are empty for all together, where a unit is explained if it is in any
        range. The subject is the category of `category_share`; for `formula_agreement` and `concept_agreement` it is
        the other target, a later one with the same concept set (and a layer of the same name), as `model/dataset`.
    """
    tables = [read_table(path, "explanations") for path in explanations]
    groups = [_groups(table, read_concepts(path), iou) for table, path in zip(tables, concept_sets)]
    rows = []
    for number, (model, dataset, concepts) in enumerate(entries):
        later = [
            (f"{entry[0]}/{entry[1]}", groups[other])
            for other, entry in enumerate(entries)
            if other > number and entry[2] == concepts
        ]
        for key, group in groups[number].items():
            found = [("n_units", "", group.n_units), ("share_explained", "", group.n_explained / group.n_units)]
            found += [("category_share", category, share) for category, (_, share) in group.mix.items()]
            found += [
                (measure, subject, jaccard(own, others[key].sets[measure]))
                for subject, others in later
                if key in others
                for measure, own in group.sets.items()
            ]
            rows += [(model, dataset, concepts, *key, *values) for values in found]
    columns = ["model", "dataset", "concepts", "layer", "range", "measure", "subject", "value"]
    write_table(pd.DataFrame(rows, columns=columns), comparison, "comparison")


def _groups(table: pd.DataFrame, concepts: pd.DataFrame, iou: float) -> dict[tuple[str, str], _Group]:
    """Return {(layer, range): _Group}, with empty names for all layers and for all ranges."""
    names, categories = concepts["name"].tolist(), concepts["category"].tolist()
    explained = table["iou"] > iou
    parsed = {text: parse_formula(text, names) for text in table.loc[explained, "formula"].unique()}
    found = {}
    for layer in ("", *table["layer"].unique()):
        for name in ("", *table["range"].unique()):
            inside = table["layer"].isin([layer] if layer else table["layer"])
            inside &= table["range"].isin([name] if name else table["range"])
            n_units, n_explained = (
                len(table.loc[chosen, ["layer", "unit"]].drop_duplicates()) for chosen in (inside, inside & explained)
            )
            if n_units:
                formulas = [parsed[text] for text in table.loc[inside & explained, "formula"]]
                sets = {
                    "formula_agreement": set(map(canonical, formulas)),
                    "concept_agreement": {concept for formula in formulas for concept in formula.asserted},
                }
                found[layer, name] = _Group(n_units, n_explained, category_mix(formulas, categories), sets)
    return found
