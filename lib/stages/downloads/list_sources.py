"""Stage: list all downloads and the config keys for local copies."""

from dataclasses import asdict

import pandas as pd

from ...data.downloads.sources import all_sources
from ...data.stores.tables import write_table


def list_sources(*, sources: str, local: dict[str, str]) -> None:
    """Write the table of sources with the local copies of the config.

    Parameters
    ----------
    sources : str
        Output table.
    local : dict of str to str
        Local copies by name of the source.
    """
    table = pd.DataFrame([asdict(source) for source in all_sources().values()])
    table["config_key"] = "downloads.local." + table["name"]
    table["local"] = table["name"].map(local).fillna("")
    write_table(table[["name", "version", "url", "size", "licence", "config_key", "local"]], sources, "sources")
