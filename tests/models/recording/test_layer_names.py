import pytest

from lib.models.build.zoo import layer_names
from lib.models.recording.layer_names import expand_layers, is_glob

KNOWN = ["layer1", "layer1.0", "layer1.0.conv1", "layer1.1", "layer1.1.conv1", "layer2", "layer2.0", "fc", "x-1"]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["layer*"], ["layer1", "layer2"]),
        (["layer?.0"], ["layer1.0", "layer2.0"]),
        (["layer1.*.conv1"], ["layer1.0.conv1", "layer1.1.conv1"]),
        (["**.conv1"], ["layer1.0.conv1", "layer1.1.conv1"]),
        (["layer1.[1-9]", "fc"], ["layer1.1", "fc"]),
        (["layer1.[!1]"], ["layer1.0"]),
        (["layer2", "layer*", "fc", "fc"], ["layer2", "layer1", "fc"]),
        (["*"], ["layer1", "layer2", "fc", "x-1"]),
        ([], []),
    ],
)
def test_globs_stand_for_layers_of_a_level(patterns, expected):
    assert expand_layers(patterns, KNOWN, model="net") == expected


@pytest.mark.parametrize("pattern", ["layer3", "conv*", "layer1.0.conv", "a?b", "layer.", "Layer*"])
def test_what_stands_for_nothing_is_answered_with_the_nearest(pattern):
    with pytest.raises(ValueError, match=r"net has no layer .*nearest names are .*layers\.csv.*models\.net\.layers"):
        expand_layers([pattern], KNOWN, model="net")


@pytest.mark.parametrize("pattern", ["*", "**", "a*", "a?b"])
def test_layers_whose_names_cannot_be_those_of_files_are_not_left_out_silently(pattern):
    known = [*KNOWN, "a/b", "a b", "a+b"]
    with pytest.raises(ValueError, match=r"The layers 'a/b', 'a b', 'a\+b' of the network net.*narrower globs"):
        expand_layers([pattern], known, model="net")
    assert expand_layers(["layer*", "x-*"], known, model="net") == ["layer1", "layer2", "x-1"]


def test_what_is_a_glob():
    assert [name for name in ("layer1", "layer*", "a.b_1", "x-1", "a.[12]", "a?") if is_glob(name)] == [
        "layer*",
        "a.[12]",
        "a?",
    ]


def test_on_a_real_network():
    assert expand_layers(["layer*"], layer_names("resnet18"), model="resnet18") == [f"layer{i}" for i in range(1, 5)]
    with pytest.raises(ValueError, match=r"resnet18 has no layer 'layer5'.*layer4"):
        expand_layers(["layer4", "layer5"], layer_names("resnet18"), model="resnet18")
