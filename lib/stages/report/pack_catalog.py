"""Stage: pack a catalog into one file that can be sent."""

import shutil
import zipfile
from pathlib import Path

from ...runtime.atomic import new_file

DATE = (1980, 1, 1, 0, 0, 0)
"""Time of every member, the earliest that a zip knows: the same catalog gives the same bytes."""

STORED = {".jpg"}
"""Endings of members that are compressed already."""


def pack_catalog(*, catalog: str, provenance: str, name: str, archive: str) -> None:
    """Write a zip of a catalog's folder, with provenance.json in it; unpacked anywhere, its `index.html` opens.

    Parameters
    ----------
    catalog : str
        Folder of the catalog.
    provenance : str
        provenance.json of the network.
    name : str
        Name of the folder in the zip.
    archive : str
        Output: the zip.

    Raises
    ------
    ValueError
        If the folder has no `index.html`.
    """
    root = Path(catalog)
    if not (root / "index.html").is_file():
        raise ValueError(f"{catalog} has no index.html, so that it is no catalog; delete it and run again")
    files = {
        path.relative_to(root).as_posix(): path
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }
    files["provenance.json"] = Path(provenance)
    with new_file(archive) as draft, zipfile.ZipFile(draft, "w") as target:
        for place_in_folder, path in files.items():
            member = zipfile.ZipInfo(f"{name}/{place_in_folder}", DATE)
            member.compress_type = zipfile.ZIP_STORED if path.suffix in STORED else zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            with path.open("rb") as source, target.open(member, "w") as place:
                shutil.copyfileobj(source, place, 1 << 20)
