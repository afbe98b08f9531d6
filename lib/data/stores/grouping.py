"""Groups of the rows of a table by layer and range, with totals."""

from collections.abc import Iterator

import pandas as pd


def layers_and_ranges(table: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield the rows of all layers and ranges together, then of each layer and range, in the order of the table.

    Parameters
    ----------
    table : pandas.DataFrame
        With the columns `layer` and `range`.

    Yields
    ------
    layer, range : str
        An empty name means all together.
    rows : pandas.DataFrame
    """
    for layer in ("", *table["layer"].unique()):
        of_layer = table[table["layer"] == layer] if layer else table
        for name in ("", *table["range"].unique()):
            rows = of_layer[of_layer["range"] == name] if name else of_layer
            if len(rows):
                yield layer, name, rows
