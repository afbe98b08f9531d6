"""A wrong config or a missing source stops the run at once, with one message that says what to do."""

import pytest
from tiny_workflow import Workflow

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    return Workflow(tmp_path_factory.mktemp("empty"))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"explanations": {"beem": 3}}, ["beem"]),
        ({"explanations": {"beam": "many"}}, ["many", "integer"]),
        ({"explanations": {"beam": 0}}, ["0", "minimum"]),
        ({"ranges": {"quantile": 1.5}}, ["1.5"]),
        ({"sede": 1}, ["sede"]),
        ({"targets": [{"model": "resnet81", "dataset": "playground", "concepts": []}]}, ["resnet81", "'resnet18'"]),
        ({"targets": [{"model": "resnet18", "dataset": "place365", "concepts": []}]}, ["place365", "'places365'"]),
        (
            {"targets": [{"model": "resnet18", "dataset": "playground", "concepts": ["ade2k"]}]},
            ["ade2k", "'ade20k'"],
        ),
        ({"models": {"resnet18": {"layers": ["layer5"]}}}, ["layer5", "models.resnet18", "layer4"]),
        ({"models": {"resnext18": {"layers": ["layer4"]}}}, ["resnext18", "resnet18"]),
        (
            {"milan": {"training": {"networks": ["resnet18", "mobilenet_v3_small"]}}},
            ["resnet18", "milan.training.networks"],
        ),
        ({"datasets": {"imagenet": {"milan": "bass"}}}, ["bass", "datasets.imagenet.milan", "'base'"]),
        (
            {"milan": {"strategy": "beam+clip", "clip": {"weights": "no/such.pt"}}},
            ["no/such.pt", "`milan.clip.weights`"],
        ),
        ({"resources": {"device": "gpu"}}, ["gpu"]),
    ],
)
def test_a_wrong_config_stops_before_any_job(empty, settings, words):
    status, text = empty.run("--dry-run", settings=settings)
    assert status != 0
    assert all(word in text for word in words), text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("results/resnet81/playground/descriptions.csv", ["resnet81", "'resnet18'"]),
        ("results/resnet18/plaground/descriptions.csv", ["plaground", "'playground'"]),
        ("results/resnet18/playground/ade2k/metrics.csv", ["ade2k", "'ade20k'"]),
    ],
)
def test_an_unknown_target_is_answered_with_the_nearest_name(empty, target, words):
    status, text = empty.run("--dry-run", target)
    assert status != 0
    assert all(word in text for word in words), text


def test_the_full_real_workflow_is_planned(empty):
    text = empty.must_run("--dry-run", "results/resnet18/places365/descriptions.csv")
    for rule in ("fetch_weights", "fetch_data", "fetch_milan", "convert_milan", "collect_exemplars", "describe_units"):
        assert f"rule {rule}:" in text


def test_without_network_the_first_download_says_what_to_do(tmp_path):
    workflow = Workflow(tmp_path)
    nowhere = "http://127.0.0.1:9/resnet18_places365.pth.tar"
    status, text = workflow.run(
        "results/resnet18/places365/units.csv",
        settings={
            "downloads": {"local": {"resnet18-places365": nowhere, "places365_val": "http://127.0.0.1:9/val_256.tar"}}
        },
    )
    assert status != 0
    assert nowhere in text or "val_256.tar" in text
    assert "downloads.local." in text
    assert not list(tmp_path.glob("resources/**/*.pth")) and not (tmp_path / "resources/data/places365_val").exists()


def test_imagenet_asks_for_a_folder(tmp_path):
    status, text = Workflow(tmp_path).run("resources/data/imagenet_val")
    assert status != 0
    assert "downloads.local.imagenet_val" in text
