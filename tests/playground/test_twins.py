"""Twins of scenes: nothing changes but the pixels of the thing, its shadow and what it hid."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw, ImageFilter
from places import ROOT

from lib.config.schema import read_schema
from lib.data.formats.broden import open_broden
from lib.playground import twins
from lib.playground.canvas import Canvas, Pen
from lib.playground.drawing import INDEX_CATEGORIES, draw_scene
from lib.playground.stage import AFLOAT, THINGS, Stage
from lib.playground.twins import draw_scene_and_twins, draw_twins, visible_labels
from lib.playground.vocabulary import NUMBERS

SIZE, SEED = 96, 5
# pixels to which antialiasing and blur can carry a change
REACH = 3


class Tracer:
    """Draws where the shapes of one kind of thing and their shadows lie, beside the drawing itself."""

    def __init__(self, monkeypatch, name):
        self.mask = Image.new("1", (2 * SIZE, 2 * SIZE))
        self._draw, self._name, self._inside = ImageDraw.Draw(self.mask), name, False
        polygon, put, settle = Canvas.polygon, Stage.put, Stage.settle

        def traced_polygon(canvas, points, paint, **options):
            if self._name in options["objects"] or self._shadow_of(options):
                corners = [(x * canvas.scale, y * canvas.scale) for x, y in points]
                self._draw.polygon(corners, fill=1)
                self._draw.line([*corners, corners[0]], fill=1, width=3)
            polygon(canvas, points, paint, **options)

        def traced_settle(stage):
            self._queue = [name for _, name, _, _ in sorted(stage._queue)]
            self._inside = bool(stage._ground)
            settle(stage)
            self._inside = False

        def traced_put(stage, *arguments, **options):
            inside, self._inside = self._inside, False
            put(stage, *arguments, **options)
            self._inside = inside
            if inside:
                self._queue.pop(0)

        monkeypatch.setattr(Canvas, "polygon", traced_polygon)
        monkeypatch.setattr(Stage, "settle", traced_settle)
        monkeypatch.setattr(Stage, "put", traced_put)

    def _shadow_of(self, options):
        # while things are settled, shapes outside `put` are shadows of the next thing
        return self._inside and self._queue[0] == self._name

    def region(self):
        """Return the pixels of the picture that may differ."""
        grown = self.mask.convert("L").reduce(2).point(lambda v: 255 * (v > 0))
        return np.asarray(grown.filter(ImageFilter.MaxFilter(2 * REACH + 1))) > 0


def test_only_the_thing_its_shadow_and_what_it_hid_change(monkeypatch):
    n_removed = n_outside = 0
    for index in range(16):
        drawn = list(draw_scene_and_twins(index, image_size=SIZE, seed=SEED))
        (whole, maps, kind), plain = drawn[0][1], draw_scene(index, image_size=SIZE, seed=SEED)
        assert np.array_equal(whole, plain[0])
        for name, (twin, twin_maps, twin_kind) in drawn[1:]:
            with monkeypatch.context() as patch:
                tracer = Tracer(patch, name)
                draw_scene(index, image_size=SIZE, seed=SEED)
            region = tracer.region()
            changed = (np.asarray(whole) != np.asarray(twin)).any(-1)
            assert changed.any() and not (changed & ~region).any(), (index, name)
            assert twin_kind == kind
            blank = np.zeros((SIZE // 2, SIZE // 2), np.uint16)
            for category in maps | twin_maps:
                pair = [[*found.get(category, ()), blank, blank][:2] for found in (maps, twin_maps)]
                differs = (np.array(pair[0]) != np.array(pair[1])).any(0)
                assert not (differs & ~(region.reshape(SIZE // 2, 2, -1, 2).any((1, 3)))).any(), (index, name, category)
            painted = kind == "forest" and name == "tree"  # hills of trees are a surface
            assert painted or NUMBERS[name] not in visible_labels({"object": twin_maps["object"]}), (index, name)
            n_removed += 1
            n_outside += (~region).mean() > 0.3
    assert n_removed > 60 and n_outside > 0.8 * n_removed, "the check is about small regions"


def test_leaving_out_what_is_not_there_changes_nothing():
    plain = draw_scene(3, image_size=64, seed=SEED)
    absent = next(name for name in THINGS if NUMBERS[name] not in visible_labels(plain[1]))
    other = draw_scene(3, image_size=64, seed=SEED, without=absent)
    assert np.array_equal(plain[0], other[0])


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("twins") / "twins"
    return folder, draw_twins(folder, n_scenes=20, image_size=64, seed=SEED, processes=2)


def test_bytes_do_not_depend_on_processes_nor_scenes_on_their_number(drawn, tmp_path):
    folder, table = drawn
    again = draw_twins(tmp_path / "twins", n_scenes=20, image_size=64, seed=SEED, processes=1)
    pd.testing.assert_frame_equal(table, again)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        assert path.read_bytes() == (tmp_path / "twins" / path.relative_to(folder)).read_bytes()
    fewer = draw_twins(tmp_path / "fewer", n_scenes=3, image_size=64, seed=SEED, processes=1)
    pd.testing.assert_frame_equal(table[: len(fewer)], fewer)


def test_the_table_says_what_is_gone(drawn):
    folder, table = drawn
    data = open_broden(folder, subset="", categories=list(INDEX_CATEGORIES))
    names = data.concepts.set_index("number")["name"]
    labels = [
        {int(n) for _, found in data.annotations(i) for n in np.unique(found) if n} for i in range(len(data.images))
    ]
    assert len(labels) == len(table) and (table["image"] == range(len(table))).all()
    for row in table.itertuples():
        gone = labels[row.whole] - labels[row.image]
        assert set(filter(None, row.gone.split(";"))) == {names[number] for number in gone}
        assert (row.removed == "") == (row.whole == row.image)
    assert table["gone"].str.contains("person").any() and table["gone"].str.contains("-c").any()


def test_images_are_stored_without_loss(drawn):
    folder, table = drawn
    data = open_broden(folder, subset="", categories=["color"])
    scene = twins.FIRST_SCENE + 1
    first = table.index[table["whole"] > 0][0]
    for k, (_, (image, _, _)) in enumerate(draw_scene_and_twins(scene, image_size=64, seed=SEED)):
        assert np.array_equal(Image.open(data.images[first + k]), image)


def test_no_data_set_holds_their_scenes():
    schema = read_schema(ROOT / "rules/schemas/config.schema.yaml")
    assert schema["properties"]["playground"]["properties"]["n_images"]["maximum"] <= twins.FIRST_SCENE


def test_the_shadow_goes_with_the_thing(monkeypatch):
    """Shadows are the only shapes without an outline that are drawn while things are settled, outside `put`."""
    shadows, put, ellipse = [], Stage.put, Pen.ellipse

    def traced_put(stage, *arguments, **options):
        n_before = len(shadows)
        put(stage, *arguments, **options)
        del shadows[n_before:]

    def traced_ellipse(pen, shape, paint, part=(), **options):
        shadows.append(options.get("outline"))
        ellipse(pen, shape, paint, part, **options)

    monkeypatch.setattr(Stage, "put", traced_put)
    monkeypatch.setattr(Pen, "ellipse", traced_ellipse)
    settled = []
    later = Stage.later
    monkeypatch.setattr(
        Stage, "later", lambda stage, name, *a, **o: settled.append(name) or later(stage, name, *a, **o)
    )

    def count(index, without):
        shadows.clear(), settled.clear()
        draw_scene(index, image_size=64, seed=SEED, without=without)
        assert not any(shadows)
        return len(shadows), settled.copy()

    n_gone = 0
    for index in range(12):
        whole, names = count(index, "")
        for name in sorted(set(names) - AFLOAT):
            assert whole - count(index, name)[0] == names.count(name)
            n_gone += names.count(name)
    assert n_gone > 20
