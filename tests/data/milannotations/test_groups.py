"""The groups of annotated networks."""

import pytest

from lib.data.downloads.sources import find_source
from lib.data.milannotations.groups import BASE, GROUPS, HOLD_OUTS, NETWORKS, PUBLISHED, lacks_images, networks_of


def test_groups_are_the_published_ones():
    assert len(BASE) == 6 and (*BASE, "dino_vits8/imagenet") == NETWORKS
    assert list(PUBLISHED) == ["base", "cls", "gen", "imagenet", "places365", "alexnet", "resnet152", "biggan"]
    assert set(networks_of("cls")) | set(networks_of("gen")) == set(networks_of("base")) == set(BASE)
    assert networks_of("gen") == networks_of("biggan") == ("biggan/imagenet", "biggan/places365")
    assert networks_of("imagenet") == ("alexnet/imagenet", "resnet152/imagenet", "biggan/imagenet")
    assert networks_of("resnet152") == ("resnet152/imagenet", "resnet152/places365")
    assert networks_of("dino_vits8/imagenet") == ("dino_vits8/imagenet",)


def test_hold_outs_are_base_without_one():
    assert len(HOLD_OUTS) == 6
    assert set(BASE) - set(networks_of("not-biggan-places365")) == {"biggan/places365"}
    assert all(len(networks) == 5 for networks in HOLD_OUTS.values())


def test_every_network_and_published_group_has_a_source():
    for network in NETWORKS:
        assert find_source(f"annotations-{network.replace('/', '-')}").url.endswith(f"/{network.replace('/', '-')}.zip")
    for group in PUBLISHED:
        assert find_source(f"milan-{group}").url


def test_unknown_names_get_the_nearest():
    with pytest.raises(ValueError, match=r"'alexnet/imagnet' is neither.*alexnet/imagenet"):
        networks_of("alexnet/imagnet")
    assert "dino_vits8/imagenet" not in GROUPS


def test_missing_images_are_noticed(tmp_path):
    (tmp_path / "deep" / "conv1").mkdir(parents=True)
    (tmp_path / "deep" / "conv1" / "masks.npy").touch()
    assert lacks_images(tmp_path)
    (tmp_path / "deep" / "conv1" / "images.npy").touch()
    assert not lacks_images(tmp_path)
