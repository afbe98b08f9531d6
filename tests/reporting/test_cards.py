"""Cards of units: what they say, that texts fit and stay text."""

import base64
import io
import json
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import pandas as pd
import pytest
from PIL import Image, ImageFont
from small_catalog import HOSTILE, LAYERS, RANGES, hostile_inputs, varied_inputs

from lib.data.formats.exemplars import read_exemplars
from lib.kernels.search.formula import AND_NOT, split_formula
from lib.reporting.cards import EDGE, WIDTH, draw_card
from lib.reporting.catalog.outlines import outline

SVG = "{http://www.w3.org/2000/svg}"
NEEDED = (
    "descriptions",
    "exemplars",
    "explanations",
    "ranges",
    "verdicts",
    "concept_sets",
    "model",
    "dataset",
    "opacity",
)


@pytest.fixture(scope="module")
def varied(tmp_path_factory):
    return varied_inputs(tmp_path_factory.mktemp("varied"))


def draw(arguments, path, **changes):
    """Draw a card; return its root."""
    draw_card(**{name: arguments[name] for name in NEEDED} | changes, card=str(path))
    return ElementTree.parse(path).getroot()


def lines_of(root):
    """(x, size, text) of each line."""
    found = root.findall(f"{SVG}text")
    return [(float(node.get("x")), int(node.get("font-size")), "".join(node.itertext())) for node in found]


def test_a_card_says_what_the_tables_say(varied, tmp_path):
    explained = pd.read_csv(varied["explanations"][0], keep_default_na=False).set_index(["layer", "unit", "range"])
    judged = pd.read_csv(varied["verdicts"][0], keep_default_na=False).set_index(["layer", "unit", "range"])
    described = pd.read_csv(varied["descriptions"], keep_default_na=False).set_index(["layer", "unit"])
    bounds = pd.read_csv(varied["ranges"][0]).set_index(["layer", "unit", "range"])
    words = {0: "or", 1: "and", 2: "and not"}
    negated = 0
    for unit in range(9):
        root = draw(varied, tmp_path / "card.svg", layer="layer10", unit=str(unit))
        texts = [text for _, _, text in lines_of(root)]
        assert texts[:2] == ["resnet18 · playground", f"layer10/{unit}"]
        assert texts[2] == (described.loc[("layer10", unit), "description"] or "no sentence (ok)")
        struck = {span.text for span in root.iter(f"{SVG}tspan") if span.get("text-decoration") == "line-through"}
        expected = set()
        for name in RANGES:
            row = explained.loc[("layer10", unit, name)]
            assert name in texts
            if not row["formula"]:
                assert row["status"] in texts
                continue
            names, operators = json.loads(row["shown_names"]), split_formula(row["formula"])[1]
            said = names[0]
            for operator, other in zip(operators, names[1:], strict=True):
                said = f"({said} {words[operator]} {other})"
            said = said[1:-1] if operators else said
            assert said in texts
            expected |= {text for text, operator in zip(names[1:], operators) if operator == AND_NOT}
            verdict = judged.loc[("layer10", unit, name), "verdict"]
            n_activations = bounds.loc[("layer10", unit, name), "n_activations"]
            iou = float(row["iou"])
            digits = 3 if iou * (1 - iou) / n_activations < 0.01**2 else 2
            assert f"IoU {iou:.{digits}f} {verdict}" in texts
        assert struck == expected
        negated += len(struck)
    assert negated, "some concept is under NOT"


def test_pictures_are_the_exemplars_with_their_outlines(varied, tmp_path):
    root = draw(varied, tmp_path / "card.svg", layer="layer1", unit="5")
    found = read_exemplars(varied["exemplars"], "layer1")
    pictures = root.findall(f"{SVG}svg")
    assert len(pictures) == found.images.shape[1]
    for rank, picture in enumerate(pictures):
        [image] = picture.findall(f"{SVG}image")
        header, data = image.get("href").split(",")
        assert header == "data:image/jpeg;base64"
        pixels = Image.open(io.BytesIO(base64.b64decode(data)))
        assert abs(pixels.getpixel((8, 8))[0] - int(found.images[5, rank, 0, 8, 8])) < 3
        path = outline(found.masks[5, rank, 0], tolerance=0.5)
        assert [node.get("d") for node in picture.findall(f"{SVG}path")][1:] == [path, path]
        assert picture.find(f"{SVG}path").get("d").endswith(path)


def test_nothing_is_asked_for_and_the_same_bytes_come_again(varied, tmp_path):
    for name in ("a", "b"):
        draw(varied, tmp_path / f"{name}.svg", layer="layer1", unit="5")
    text = (tmp_path / "a.svg").read_text()
    assert (tmp_path / "b.svg").read_text() == text
    assert text.count("http") == 1, "the name space alone"
    assert "<script" not in text


def test_hostile_texts_stay_text_and_fit(tmp_path):
    arguments = hostile_inputs(tmp_path)
    fonts = Path(matplotlib.get_data_path(), "fonts/ttf")
    for layer in LAYERS:
        for unit in (*range(len(HOSTILE)), 10):
            root = draw(arguments, tmp_path / "card.svg", layer=layer, unit=str(unit))
            assert {node.tag for node in root.iter()} <= {
                f"{SVG}{tag}" for tag in ("svg", "title", "rect", "text", "tspan", "image", "path")
            }
            for x, size, text in lines_of(root):
                font = ImageFont.truetype(fonts / "DejaVuSans.ttf", size, layout_engine=ImageFont.Layout.BASIC)
                assert x + font.getlength(text) <= WIDTH - EDGE + 1, text
            assert root.find(f"{SVG}title").text.startswith(f"{layer}/{unit} of resnet<18>")
    assert "no sentence (dead)" in [text for _, _, text in lines_of(root)]
    root = draw(arguments, tmp_path / "card.svg", layer=LAYERS[0], unit="2")
    assert HOSTILE[2] in [text for _, _, text in lines_of(root)]


def test_control_characters_and_long_sentences(varied, tmp_path):
    table = pd.read_csv(varied["descriptions"], keep_default_na=False)
    table["description"] = "a\x00b " + "many words " * 200
    table.to_csv(tmp_path / "descriptions.csv", index=False)
    root = draw(
        varied, tmp_path / "card.svg", layer="layer1", unit="0", descriptions=str(tmp_path / "descriptions.csv")
    )
    lines = [text for _, size, text in lines_of(root) if size == 28]
    assert lines[0].startswith("a\ufffdb many") and len(lines) == 4 and lines[-1].endswith("…")


def test_without_concepts_and_verdicts(varied, tmp_path):
    none = {"explanations": [], "ranges": [], "verdicts": [], "concept_sets": []}
    assert len(lines_of(draw(varied, tmp_path / "card.svg", layer="layer1", unit="0", **none))) == 3
    root = draw(varied, tmp_path / "card.svg", layer="layer1", unit="0", verdicts=[])
    assert not any("supported" in text for _, _, text in lines_of(root))


def test_units_that_are_not_there_are_named(varied, tmp_path):
    with pytest.raises(ValueError, match="no layer 'layer9'; its layers are layer1, layer1/1, layer10"):
        draw(varied, tmp_path / "card.svg", layer="layer9", unit="0")
    with pytest.raises(ValueError, match="layer layer10 has no unit 9; its 9 units are 0 to 8"):
        draw(varied, tmp_path / "card.svg", layer="layer10", unit="9")
