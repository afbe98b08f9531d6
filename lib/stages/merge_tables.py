"""Stage: join the parts of a table that several jobs wrote."""

import pandas as pd

from lib.data.tables import read_table, write_table

OF_ALL_UNITS = ("ranges", "histograms", "explanations", "metrics")


def merge_tables(*, parts, merged, table, layers):
    """Write the rows of all parts, in their order, as one table.

    Parameters
    ----------
    parts : list of str
        Tables in the order of layers and, within these, of units.
    merged : str
        Output.
    table : str
        Kind of table, a key of `lib.data.tables.COLUMNS`.
    layers : list of str
        The layers in their order.

    Raises
    ------
    ValueError
        If the rows of a layer or of a unit are missing in a table that has some for all units.
    """
    rows = pd.concat([read_table(part, table) for part in parts], ignore_index=True)
    if table in OF_ALL_UNITS:
        units = rows.drop_duplicates(["layer", "unit"])
        missing = set(layers) - set(units["layer"])
        missing |= set(units["layer"][units["unit"] != units.groupby("layer").cumcount()])
        if missing:
            raise ValueError(
                f"units of {', '.join(sorted(missing))} are missing in the parts of {merged}: one was cut off. "
                f"Delete {', '.join(parts)} and run again to rebuild them."
            )
    write_table(rows, merged, table)
