"""The table of everything that can be downloaded: URL, digest, licence, citation."""

import csv
import difflib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

TABLE = Path(__file__).with_name("sources.csv")


@dataclass(frozen=True)
class Source:
    """One downloadable file.

    Attributes
    ----------
    name : str
        Key of the source: a data set (`broden1_224`) or weights (`resnet18-places365`).
    version : str
        Version of the file.
    url : str
        Address; empty if the file must be downloaded manually (see `note`).
    mirrors : tuple of str
        Further URLs of the same file.
    sha256 : str
        Digest or its first digits (at least 8); empty if none is published.
    md5 : str
        Digest; empty if none is published.
    size : int or None
        Size in bytes; None if not known.
    licence, citation, note : str
        Terms of use, the paper to cite, and remarks.
    """

    name: str
    version: str
    url: str
    mirrors: tuple[str, ...]
    sha256: str
    md5: str
    size: int | None
    licence: str
    citation: str
    note: str


@cache
def all_sources() -> dict[str, Source]:
    """Read the table of sources.

    Returns
    -------
    dict of str to Source
        The sources by name, in the order of the table.
    """
    with TABLE.open(newline="", encoding="utf-8") as file:
        return {row["name"]: _source(row) for row in csv.DictReader(file, strict=True)}


def find_source(name: str) -> Source:
    """Look up a source.

    Parameters
    ----------
    name : str
        Its name, such as `broden1_224`, `resnet18-places365` or `milan-base`.

    Returns
    -------
    Source
        Its row in the table.

    Raises
    ------
    ValueError
        If there is none of this name; the message gives the nearest ones.
    """
    sources = all_sources()
    if name not in sources:
        nearest = difflib.get_close_matches(name, sources, n=5, cutoff=0.3) or list(sources)
        raise ValueError(f"There is no source {name!r} in {TABLE.name}; the nearest names are {', '.join(nearest)}.")
    return sources[name]


def _source(row: dict[str, str]) -> Source:
    size = int(row["size"]) if row["size"] else None
    return Source(**{**row, "mirrors": tuple(row["mirrors"].split()), "size": size})


def is_url(text: str) -> bool:
    """Tell whether a text is a web address rather than a path."""
    return urlsplit(text).scheme.lower() in ("http", "https")
