"""The published estimates of a formula's IoU, in a Python session."""

from typing import Any

import pandas as pd

from ..kernels.estimates.estimator import Estimator
from ..kernels.search.formula import OPERATOR_NAMES
from .concepts import Concepts
from .ranges import count_ranges


def areas(formula: str, bitmap: Any, concepts: Concepts) -> pd.DataFrame:
    """Bound the IoU of a formula joined to any concept by the areas of formula, concept and bitmap in each image.

    Parameters are those of `mmesh`, and so are the result and the errors.
    """
    return _estimate("areas", formula, bitmap, concepts)


def cfh(formula: str, bitmap: Any, concepts: Concepts) -> pd.DataFrame:
    """Bound it by the areas, and by what formula and concept each share with the bitmap in each image.

    Parameters are those of `mmesh`, and so are the result and the errors.
    """
    return _estimate("cfh", formula, bitmap, concepts)


def mmesh(formula: str, bitmap: Any, concepts: Concepts) -> pd.DataFrame:
    """Bound it as `cfh`, and by bounding boxes and largest inscribed rectangles of formula and concept in each image.

    Parameters
    ----------
    formula : str
        As for `score`.
    bitmap : array of shape (n, H, W) or (n, m), bool
        Of the size of the mask grid.
    concepts : Concepts

    Returns
    -------
    pandas.DataFrame
        One row per concept, columns `OR`, `AND` and `AND NOT`: no such formula has a larger IoU.

    Raises
    ------
    ValueError
        If the bitmap does not fit the concepts, or the formula cannot be read.

    References
    ----------
    Clustered Compositional Explanations (La Rosa et al. 2023), section 3.3 and appendix; made admissible here.
    """
    return _estimate("mmesh", formula, bitmap, concepts)


def _estimate(name: str, formula: str, bitmap: Any, concepts: Concepts) -> pd.DataFrame:
    maps, _, counted = count_ranges(bitmap, concepts, None)
    if maps.dtype != bool:
        raise ValueError(f"an estimate is of a bitmap, bool, not of activations of type {maps.dtype}")
    bounds = Estimator(counted[0], concepts.occurrences, estimate=name).bounds(concepts.parse(formula))
    return pd.DataFrame(bounds.T, index=concepts.names, columns=list(OPERATOR_NAMES))
