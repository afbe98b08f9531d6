import copy
import re

import pytest
from small_config import CONFIG

from lib.config.requested import check_targets

RULES = ["all", "analyses", "list_sources"]
# as Snakemake gives them
OUTPUTS = [
    "results/{model,[^/]+}/{dataset,[^/]+}/units.csv",
    "results/{model,[^/]+}/{dataset,[^/]+}/layers.csv",
    "results/{model,[^/]+}/{dataset,[^/]+}/catalog",
    "results/{model,[^/]+}/{dataset,[^/]+}/{table,descriptions|n_best}.csv",
    "results/{model,[^/]+}/{dataset,[^/]+}/{concepts,[^/]+}/{table,ranges|metrics}.csv",
    "results/{model,[^/]+}/{dataset,[^/]+}/{concepts,[^/]+}/pictures/{layer,[^/]+}",
    "results/planted/playground/recovery.csv",
    "results/comparison.csv",
    "resources/weights/playground/{model}.safetensors",
]
UNITS = "results/resnet18/playground"


def is_made(path):
    fits = (re.sub(r"\{\w+(,([^}]*))?\}", lambda found: f"({found[2] or '.+'})", output) for output in OUTPUTS)
    return any(re.fullmatch(pattern, path) for pattern in fits)


def check(*targets, **changes):
    config = copy.deepcopy(CONFIG) | changes
    config["datasets"]["drawn"] = {"weights": "none", "images": "generated", "milan": "base"}
    for entry in config["datasets"].values():
        entry["input_size"] = 72
    check_targets(targets, config=config, rules=RULES, outputs=OUTPUTS, is_made=is_made)


@pytest.mark.parametrize(
    "target",
    [
        *(
            "all",
            "analyses",
            f"{UNITS}/units.csv",
            f"./{UNITS}/catalog/",
            f"{UNITS}/n_best.csv",
            "results/comparison.csv",
        ),
        *(f"{UNITS}/ade20k/metrics.csv", f"{UNITS}/ade20k/pictures/layer4", "results/resnet18~random/mine/units.csv"),
        *("results/planted/playground/recovery.csv", "results/resnet18/drawn/units.csv"),
        *("results/mobilenet_v3_small/mine/layers.csv", "resources/weights/playground/alexnet.safetensors"),
    ],
)
def test_right_targets_pass(target):
    check(target)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("results/resnet81/playground/units.csv", "'resnet81' is not in .*`models`.*Did you mean 'resnet18'"),
        ("results/resnet81~random/playground/units.csv", "Did you mean 'resnet18'"),
        ("results/resnet18/plaground/units.csv", "'plaground' is not in .*`datasets`.*Did you mean 'playground'"),
        (f"{UNITS}/ade2k/ranges.csv", "'ade2k' is not in .*`concepts`.*Did you mean 'ade20k'"),
        ("results/planted/playground/ade20k/ranges.csv", "'planted' is not in .*`models`"),
        ("results/planted/playground/recover.csv", r"recovery\.csv.*Did you mean 'recovery\.csv'"),
        ("resources/weights/playground/alexnt.safetensors", "Did you mean 'alexnet'"),
        (
            f"{UNITS}/ade20k/pictures/layer5",
            r"'layer5' is not among the layers of resnet18: layer4\. Did you mean 'layer4'",
        ),
        ("results/mobilenet_v3_small/mine/units.csv", r"models\.mobilenet_v3_small has no layers; .*layers\.csv lists"),
        ("results/resnet18/drawn/ade20k/ranges.csv", "generated and carry no labels"),
        (
            f"{UNITS}/unit.csv",
            rf"in {UNITS} there .* catalog, descriptions\.csv, layers\.csv, n_best.*mean 'units\.csv'\?",
        ),
        (f"{UNITS}/ade20k/rangs.csv", rf"in {UNITS}/ade20k there can be metrics\.csv, ranges\.csv\. .*'ranges\.csv'"),
        (UNITS, rf"no rule makes it; in {UNITS} there can be catalog, "),
        (f"{UNITS}/ade20k", rf"in {UNITS}/ade20k there can be metrics\.csv, ranges\.csv\."),
        ("results/comparsion.csv", r"in results there can be comparison\.csv\. Did you mean 'comparison\.csv'"),
        (f"{UNITS}/catalog/index.html", f"it is a part of {UNITS}/catalog, which is the target to name"),
        ("list_sorces", r"no rule makes it or has this name\. Did you mean 'list_sources'"),
    ],
)
def test_a_wrong_target_is_refused_in_one_line(target, message):
    with pytest.raises(ValueError, match=f"^target {target}: .*{message}") as caught:
        check("all", target)
    assert "\n" not in str(caught.value)


def test_every_wrong_target_has_its_line():
    with pytest.raises(ValueError, match="target a: .*\ntarget results/b/mine/units.csv: 'b' is not") as caught:
        check("a", f"{UNITS}/units.csv", "results/b/mine/units.csv")
    assert len(str(caught.value).splitlines()) == 2


def test_the_users_own_files_are_no_concern_of_rules(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").touch()
    check("mine.csv")
    (tmp_path / UNITS / "catalog").mkdir(parents=True)
    (tmp_path / UNITS / "catalog/index.html").touch()
    with pytest.raises(ValueError, match="which is the target to name"):
        check(f"{UNITS}/catalog/index.html")
