"""Stage: join the parts of a table that several jobs wrote."""

from lib.data.tables import merge_tables as merge


def merge_tables(*, parts, merged, table):
    """Write the rows of all parts, in their order, as one table.

    Parameters
    ----------
    parts : list of str
    merged : str
        Output.
    table : str
        Kind of table, a key of `lib.data.tables.COLUMNS`.
    """
    merge(parts, merged, table)
