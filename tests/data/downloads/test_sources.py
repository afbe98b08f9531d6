"""Tests of the table of sources."""

import csv
from urllib.parse import urlsplit

import pytest

from lib.data.downloads.sources import TABLE, Source, all_sources, find_source

SOURCES = list(all_sources().values())


def test_names_are_unique():
    with TABLE.open(encoding="utf-8") as file:
        names = [row["name"] for row in csv.DictReader(file)]
    assert names == [source.name for source in SOURCES] and len(names) > 30


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_every_row_is_complete(source: Source):
    assert source.licence and source.citation and source.version
    for url in filter(None, [source.url, *source.mirrors]):
        parts = urlsplit(url)
        assert parts.scheme in ("http", "https") and "." in parts.netloc and len(parts.path) > 5
    assert source.url or "give the folder" in source.note
    assert not source.sha256 or (8 <= len(source.sha256) <= 64 and int(source.sha256, 16) >= 0)
    assert not source.md5 or len(source.md5) == 32
    assert source.sha256 or source.md5 or not source.url or "No digest" in source.note or "not confirmed" in source.note


def test_torchvision_agrees():
    models = pytest.importorskip("torchvision.models")
    rows = [source for source in SOURCES if source.name.endswith("-imagenet") and source.version == "IMAGENET1K_V1"]
    assert len(rows) == 16
    for source in rows:
        weights = models.get_model_weights(source.name.removesuffix("-imagenet"))[source.version]
        assert weights.url == source.url and source.sha256 in source.url


def test_open_clip_agrees():
    """A published CLIP may hold code, which is trusted for its digest: all of it must be known."""
    pretrained = pytest.importorskip("open_clip.pretrained")
    rows = [source for source in SOURCES if source.name.startswith("clip-")]
    assert len(rows) == 8
    for source in rows:
        name, tag = source.name.removeprefix("clip-").rsplit("-", 1)
        facts = pretrained.get_pretrained_cfg(name, tag)
        if tag == "openai":
            assert source.url == facts["url"] and len(source.sha256) == 64 and source.sha256 in source.url
        else:
            assert facts["hf_hub"] in source.url and source.url.endswith(".safetensors")


@pytest.mark.parametrize("group", ["base", "cls", "gen", "imagenet", "places365", "alexnet", "resnet152", "biggan"])
def test_the_milan_weights_are_listed(group):
    assert find_source(f"milan-{group}").url.endswith(f"/milan-{group}.pth")


def test_unknown_names_get_the_nearest():
    with pytest.raises(ValueError, match="no source 'broden_224'.*broden1_224"):
        find_source("broden_224")
