"""Clicks on the map."""

import numpy as np
import pytest
from explorer_tools import part

import ktextures as kt
from ktextures.widgets._point import PointPanel


def click(explorer, row, col):
    """Click the middle of a pixel of the preview."""
    position = explorer.preview.position(row, col)
    for handler in explorer.map._interaction_callbacks.callbacks:
        handler(type="click", coordinates=list(position))


@pytest.mark.parametrize("located", [True, False])
def test_a_click_shows_class_confidence_and_values(
    explore, small, plain, trained, located
):
    explorer = explore(small if located else plain, model=trained)
    click(explorer, 20, 30)
    point = explorer.point
    assert (point.row, point.col) == (20, 30)
    assert point.class_ == explorer.result.classes.values[20, 30]
    confidence = kt.segment(small, trained, outputs=["confidence"]).confidence
    assert point.confidence == pytest.approx(float(confidence[20, 30]), abs=1e-5)
    np.testing.assert_allclose(list(point.values.values()), small.values[:, 20, 30])
    text = part(explorer, PointPanel).widget.value
    assert f"<b>{point.class_}: class {point.class_}</b>" in text
    assert "Row 20, column 30" in text
    assert explorer._overlays._marker in explorer.map.layers


def test_the_point_follows_the_classes(shown):
    click(shown, 5, 5)
    shown.rename(shown.point.class_, "<water>")
    assert "&lt;water&gt;" in part(shown, PointPanel).widget.value
    assert shown.point.name == "<water>"


def test_a_click_outside_forgets_the_point(shown):
    click(shown, 5, 5)
    click(shown, -100, 5)
    assert shown.point is None
    assert "Click the map" in part(shown, PointPanel).widget.value
    assert shown._overlays._marker not in shown.map.layers


def test_points_of_a_thinned_preview_are_rows_of_the_scene(explore, small, trained):
    explorer = explore(small, model=trained, preview=small.sizes["x"] // 2)
    click(explorer, 3, 4)
    point = explorer.point
    assert (point.row, point.col) == (7, 9)
    np.testing.assert_allclose(list(point.values.values()), small.values[:, 7, 9])


def test_only_clicks_count(shown):
    for handler in shown.map._interaction_callbacks.callbacks:
        handler(type="mousemove", coordinates=[0.0, 0.0])
    assert shown.point is None
