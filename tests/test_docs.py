"""README and manual: links, make targets, config keys and examples are real."""

import copy
import re

import pytest
import torch
import yaml
from places import ROOT
from torchvision.models import resnet18

from lib.config.schema import RENAMED, complete, read_schema
from lib.models.build.factories import Recipe, build
from lib.models.recording.recorder import Recorder

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
SCHEMA = read_schema(ROOT / "rules/schemas/config.schema.yaml")
FILE_ENDINGS = ("csv", "png", "npy", "npz", "json", "parquet", "safetensors", "smk", "py", "html", "zip")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)


def blocks(text, language):
    """Return the contents of the blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def prose(text):
    """Return a page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)


def anchors(text):
    """Return the names of the headings of a page, as links give them."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def is_key(parts, schema):
    """Return whether the schema has a key; `*` stands for all keys of a section."""
    if not parts or parts == ["*"]:
        return True
    named = schema.get("properties", {})
    extra = schema.get("additionalProperties")
    found = [named[parts[0]]] if parts[0] in named else [extra] if isinstance(extra, dict) else []
    return any(is_key(parts[1:], part) for part in found)


def unknown_keys(text):
    """Return what reads like a config key, `section.key` in backticks, and is none."""
    keys = re.findall(r"`(\w+(?:\.(?:[\w-]+|\*))+)(?:: [^`]*)?`", prose(text))
    sections = {*SCHEMA["properties"], *(old.split(".")[0] for old in RENAMED)}
    named = [key for key in keys if key.split(".")[0] in sections and not key.endswith(FILE_ENDINGS)]
    return [key for key in named if not is_key(key.split("."), SCHEMA)]


def merged(base, change):
    both = isinstance(base, dict) and isinstance(change, dict)
    return {**base, **{key: merged(base.get(key), value) for key, value in change.items()}} if both else change


def make_targets(text):
    """Return what a page runs with make."""
    code = "\n".join(re.findall(r"`([^`\n]+)`", prose(text)) + blocks(text, "sh"))
    return set(re.findall(r"^make ([a-z][a-z-]*)", code, re.M))


def test_the_readme_is_short_and_starts_with_two_commands():
    text = (ROOT / "README.md").read_bytes()
    assert len(text) <= 9000
    first_screen = text.decode().splitlines()[:15]
    assert any(line.startswith("make demo") for line in first_screen)
    assert any(line.startswith("make test") for line in first_screen)


@each_page
def test_relative_links_resolve(page):
    links = re.findall(r"\[([^\]]*)\]\(([^)#\s]*)(?:#([^)\s]*))?\)", prose(page.read_text(encoding="utf-8")))
    for text, place, anchor in links:
        assert text, f"GitHub shows nothing for a link without text: {place}"
        if re.match(r"[a-z]+:", place):
            continue
        linked = page.parent / place if place else page
        assert linked.exists(), place
        assert not anchor or anchor in anchors(linked.read_text(encoding="utf-8")), f"{place}#{anchor}"


def test_pictures_are_small_and_shown():
    """All that `docs/pictures.py` takes, and no other."""
    names = set(re.findall(r'^    "(\w+\.png)": ', (ROOT / "docs/pictures.py").read_text(encoding="utf-8"), re.M))
    assert len(names) == 4 and {path.name for path in (ROOT / "docs").glob("*.png")} == names
    manual = "".join(page.read_text(encoding="utf-8") for page in PAGES if page.parent.name == "docs")
    for name in names:
        assert (ROOT / "docs" / name).stat().st_size < 400_000, f"{name}: the repository keeps every version of it"
        assert f"]({name})" in manual and f"](docs/{name})" in PAGES[0].read_text(encoding="utf-8")


@each_page
def test_make_targets_exist(page):
    known = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert make_targets(page.read_text(encoding="utf-8")) <= known


@each_page
def test_config_keys_exist(page):
    assert not unknown_keys(page.read_text(encoding="utf-8"))


def test_wrong_config_keys_are_found():
    text = "`ranges.quantile`, `milan.*`, `ranges.clusters: 1`, `models.vit.layers`, `metrics.csv`"
    text += "`ranges.n`, `milan.clip.x`, `training.sizes`"
    assert unknown_keys(text) == ["ranges.n", "milan.clip.x", "training.sizes"]


@each_page
def test_yaml_examples_are_valid_configs(page):
    for block in blocks(page.read_text(encoding="utf-8"), "yaml"):
        complete(merged(copy.deepcopy(CONFIG), yaml.safe_load(block)), SCHEMA)


@each_page
def test_every_page_of_the_manual_is_in_its_contents(page):
    if page.parent.name == "docs" and page.stem != "index":
        contents = "\n".join(blocks((ROOT / "docs/index.md").read_text(encoding="utf-8"), "{toctree}"))
        assert page.stem in contents.splitlines()


def test_the_example_of_a_sparse_autoencoder(tmp_path):
    page = (ROOT / "docs/own_network.md").read_text(encoding="utf-8")
    code = page.split("<!-- sae example -->\n")[1]
    (tmp_path / "sae.py").write_text(blocks(code, "python")[0], encoding="utf-8")
    network, weight, bias = resnet18(), torch.randn(32, 256), torch.randn(32)
    torch.save(network.state_dict(), tmp_path / "resnet18.pth")
    torch.save({"weight": weight, "bias": bias}, tmp_path / "encoder.pth")
    entry = yaml.safe_load(blocks(code, "yaml")[0])["models"]["sae"]
    files = {key: str(tmp_path / value) for key, value in entry["arguments"].items() if key != "n_latents"}
    recipe = Recipe(f"{tmp_path}/{entry['factory']}", {**files, "n_latents": 32}, own_weights=True)
    joined = build(recipe, n_classes=None, seed=0, trusted_sha256=[])
    images = torch.randn(2, 3, 64, 64)
    with Recorder(network, ["layer3"]) as recorder:
        maps = recorder(images)["layer3"]
    with Recorder(joined, entry["layers"]) as recorder:
        latents = recorder(images)["latents"]
    expected = torch.einsum("nchw,uc->nuhw", maps, weight) + bias[:, None, None]
    torch.testing.assert_close(latents, expected.relu(), rtol=1e-3, atol=1e-3)
