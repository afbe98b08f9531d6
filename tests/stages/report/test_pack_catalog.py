"""A catalog in one file: complete, the same bytes each time, and it opens where it is unpacked."""

import os
import zipfile
from pathlib import Path

import pytest
from small_catalog import varied_inputs

from lib.reporting.catalog.pages import write_catalog
from lib.stages.report.pack_catalog import pack_catalog


def test_the_zip_holds_the_catalog_and_is_the_same_each_time(tmp_path):
    arguments = varied_inputs(tmp_path)
    write_catalog(**arguments)
    catalog = tmp_path / "catalog"
    (catalog / ".snakemake_timestamp").touch()
    (tmp_path / "provenance.json").write_text('{"seed": 0}')
    first, second = tmp_path / "one.zip", tmp_path / "two.zip"
    sources = {"catalog": str(catalog), "provenance": str(tmp_path / "provenance.json")}
    pack_catalog(**sources, name="resnet18-playground", archive=str(first))
    for path in catalog.rglob("*"):
        os.utime(path, (1_500_000_000, 1_500_000_000))
    pack_catalog(**sources, name="resnet18-playground", archive=str(second))
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as packed:
        assert packed.testzip() is None
        packed.extractall(tmp_path / "elsewhere")
    unpacked = tmp_path / "elsewhere/resnet18-playground"
    written = {path.relative_to(catalog): path.read_bytes() for path in catalog.rglob("*") if path.is_file()}
    written = {path: content for path, content in written.items() if path.name != ".snakemake_timestamp"}
    written[Path("provenance.json")] = b'{"seed": 0}'
    assert {path.relative_to(unpacked): path.read_bytes() for path in unpacked.rglob("*") if path.is_file()} == written
    assert len(written) > 15


def test_what_is_no_catalog_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty has no index\.html"):
        pack_catalog(catalog=str(tmp_path / "empty"), provenance="p.json", name="a", archive=str(tmp_path / "a.zip"))
    assert not (tmp_path / "a.zip").exists()
