"""Areas to train on."""

import math
import re

import numpy as np
import pytest
from explorer_tools import box
from pyproj import Transformer

from ktextures.errors import InputError


def test_training_on_an_area_is_shown_on_the_whole_scene(explore, plain):
    explorer = explore(plain, steps=1)
    explorer.train_on(box(10, 20, 50, 60.2))
    assert tuple(explorer.state.area.window) == (20, 10, 40, 40)
    cut = explorer.state.area.cut(explorer.scene)
    assert np.array_equal(cut.values, plain.values[:, 20:60, 10:50])
    explorer.train()
    explorer.wait(60)
    assert explorer.state.traceback == ""
    assert explorer.result.classes.shape == (64, 64)


def test_polygon_leaves_out_what_is_beside_it(explore, plain):
    explorer = explore(plain)
    triangle = box(0, 0, 64, 64)
    triangle["coordinates"][0] = [[0, 0], [64, 0], [0, -64], [0, 0]]
    explorer.train_on(triangle)
    cut = explorer.state.area.cut(explorer.scene)
    known = np.isfinite(cut.values).all(0)
    assert known[5, 5]
    assert not known[60, 60]
    assert known.mean() == pytest.approx(0.5, abs=0.03)
    explorer.train_on(None)
    assert explorer.state.area is None


def test_area_in_degrees_finds_its_pixels(explore, small, trained):
    explorer = explore(small, model=trained)
    to_degrees = Transformer.from_crs(small.rio.crs, 4326, always_xy=True).transform
    x, y = small.x.values, small.y.values
    corners = [(4, 8), (44, 8), (44, 56), (4, 56), (4, 8)]
    ring = [list(to_degrees(x[c] - 5, y[r] + 5)) for c, r in corners]
    explorer.train_on({"type": "Polygon", "coordinates": [ring]})
    assert tuple(explorer.state.area.window) == (8, 4, 48, 40)


def polygon(*points):
    return {"type": "Polygon", "coordinates": [[list(point) for point in points]]}


@pytest.mark.parametrize(
    ("geometry", "message"),
    [
        (box(100, 100, 200, 200), "the area lies off the scene; draw it on the image."),
        (box(0, 0, 20, 60), "is 60 x 20 pixels with 1200 inside its outline, but"),
        ({"type": "Point", "coordinates": [1, 1]}, "must be a GeoJSON Polygon, got"),
        ("Polygon", "must be a GeoJSON Polygon, got 'Polygon'"),
        ({"type": "Polygon"}, "the polygon has no usable coordinates; give"),
        ({"type": "Polygon", "coordinates": []}, "no usable coordinates"),
        ({"type": "Polygon", "coordinates": [[1, 2, 3]]}, "no usable coordinates"),
        ({"type": "Polygon", "coordinates": [[["a", "b"]]]}, "no usable coordinates"),
        (polygon((0, 0), (64,), (64, -64)), "no usable coordinates"),
        (polygon((0,), (64,), (1,)), "not finite pairs of numbers"),
        (polygon((0, 0), (math.nan, 0), (64, -64)), "not finite pairs of numbers"),
        (polygon((0, 0), (math.inf, 0), (64, -64)), "not finite pairs of numbers"),
        (polygon((0, 0), (64, -64)), "has 2 distinct points; give at least 3."),
        (polygon((0, 0), (64, -64), (0, 0), (0, 0)), "has 2 distinct points"),
        (polygon((0, 0), (64, -64), (64, 0), (0, -64)), "the polygon crosses itself"),
        (polygon(*((i % 60, -i // 60) for i in range(1100))), "give at most 1000."),
    ],
)
def test_unusable_areas_are_refused(explore, plain, geometry, message):
    explorer = explore(plain)
    with pytest.raises(InputError, match=re.escape(message)):
        explorer.train_on(geometry)
    explorer._drawn(geometry)
    assert message in explorer.state.message
    assert explorer.state.area is None


def test_outlines_that_only_touch_themselves_are_accepted(explore, plain):
    explorer = explore(plain)
    corners = ((0, 0), (64, 0), (32, -32), (64, -64), (0, -64), (32, -32))
    explorer.train_on(polygon(*corners))
    assert explorer.state.area.pixels == pytest.approx(64 * 64 / 2, abs=70)


def test_polygons_off_the_projection_are_refused(explore, small, trained):
    explorer = explore(small, model=trained)
    with pytest.raises(InputError, match="lies off the scene"):
        explorer.train_on(polygon((0, 1000), (10, 1000), (10, 2000)))


def test_areas_of_one_extent_are_prepared_anew(explore, plain):
    explorer = explore(plain, steps=2)
    heard = []
    explorer.state.observe(lambda change: heard.append(change["new"]), "message")
    for corners in (((8, 8), (56, 8), (56, 56)), ((8, 8), (56, 56), (8, 56))):
        heard.clear()
        explorer.train_on(polygon(*((x, -y) for x, y in corners)))
        explorer.train()
        assert explorer.wait(60)
        assert explorer.state.status == "done", explorer.state.message
        assert "Computing descriptors." in heard
