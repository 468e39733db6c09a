"""The tab Hints in a browser: clicks, outlines, the list, and suggestions."""

import json

import numpy as np
import pytest
from PIL import ImageColor

from .explorers import colors

pytestmark = [pytest.mark.browser, pytest.mark.slow]

READY = "ex.state.status == 'done' and ex.model.hints == ex.state.hints"


@pytest.fixture
def steered(desk):
    """An explorer of three classes, in which clicks become hints."""
    desk.show_trained(steps=20)
    assert len(colors(desk.pixels())) == 3
    desk.turn_to("Hints")
    desk.press("Place hints")
    desk.wait_until("ex.state.hinting")
    # A click on a map that is partly out of sight would scroll the page first.
    desk.page.locator(".leaflet-container").evaluate("map => map.focus()")
    desk.page.wait_for_timeout(500)
    return desk


def pick(desk, value):
    """Choose the class of the next hint."""
    desk.page.get_by_label("class", exact=True).last.select_option(index=value - 1)
    desk.wait_until(f"ex.state.hint_class == {value}")


def place_of(desk, row, col):
    """Where on the screen the middle of a pixel of the scene is."""
    box = desk.find("classes").bounding_box()
    return box["x"] + box["width"] * (col + 0.5) / 96, box["y"] + box["height"] * (
        row + 0.5
    ) / 96


def other_class(desk, row, col):
    own = desk.value(f"int(ex.result.classes.values[{row}, {col}])")
    return own % 3 + 1


def color_of(desk, value):
    return ImageColor.getrgb(desk.value(f"ex.state.table.colors[{value - 1}]"))


def share(image, row, col, color, reach=2):
    part = image[row - reach : row + reach + 1, col - reach : col + reach + 1, :3]
    return np.all(part == color, axis=-1).mean()


def test_a_click_changes_the_classes_around_it(steered):
    desk, (row, col) = steered, (60, 40)
    value = other_class(desk, row, col)
    color = color_of(desk, value)
    before = share(desk.pixels(), row, col, color)
    pick(desk, value)
    desk.record()
    desk.page.mouse.click(*place_of(desk, row, col))
    desk.wait_until("len(ex.state.hints) == 1")
    desk.wait_until(READY)
    found = desk.value("ex.state.hints[0].geometry['coordinates']")
    assert np.abs(np.subtract(found, (col, row))).max() <= 1
    shown = [share(image, row, col, color) for image in desk.wait_for_images(2)]
    assert before < 0.5 < shown[-1]
    # The hint itself is drawn in the color of its class.
    name = desk.value(f"ex.state.table.colors[{value - 1}]")
    dot = desk.page.locator(f"path.leaflet-interactive[fill='{name}']")
    dot.wait_for()
    desk.page.get_by_label("show on the map").uncheck()
    dot.wait_for(state="detached")
    desk.page.get_by_label("show on the map").check()
    desk.press("Delete")
    desk.wait_until(f"len(ex.state.hints) == 0 and {READY}")
    assert share(desk.pixels(), row, col, color) == before


def test_hints_are_moved_with_the_list(steered):
    desk = steered
    pick(desk, other_class(desk, 30, 30))
    desk.page.mouse.click(*place_of(desk, 30, 30))
    desk.wait_until(f"len(ex.state.hints) == 1 and {READY}")
    desk.press("Move")
    desk.page.mouse.click(*place_of(desk, 70, 50))
    desk.wait_until(
        "abs(ex.state.hints[0].geometry['coordinates'][1] - 70) <= 1 and "
        f"len(ex.state.hints) == 1 and {READY}"
    )


def test_an_outline_becomes_a_hint_and_is_exported(steered, folder):
    desk = steered
    value = other_class(desk, 50, 50)
    pick(desk, value)
    desk.page.locator("a.leaflet-draw-draw-rectangle").click()
    desk.page.mouse.move(*place_of(desk, 44, 44))
    desk.page.mouse.down()
    desk.page.mouse.move(*place_of(desk, 56, 56), steps=4)
    desk.page.mouse.up()
    desk.wait_until(f"len(ex.state.hints) == 1 and {READY}")
    inside = desk.value("ex.result.classes.values[46:55, 46:55].tolist()")
    assert (np.array(inside) == value).mean() >= 0.95
    assert desk.value("ex.state.area is None")
    desk.page.get_by_label("file of hints").fill("mine.geojson")
    desk.page.get_by_label("file of hints").press("Tab")
    desk.press("Export")
    desk.page.get_by_text("Saved 1 hint as mine.geojson").wait_for()
    content = json.loads((folder / "mine.geojson").read_text())
    assert content["features"][0]["geometry"]["type"] == "Polygon"


def test_where_next_moves_the_map(steered):
    desk = steered
    before = desk.page.locator(".leaflet-container").screenshot()
    desk.press("Where next?")
    desk.wait_until("ex.state.place is not None and ex.state.task == ''")
    row, col = desk.value("ex.state.place")
    desk.page.get_by_text(f"A hint at row {row}, column {col}").wait_for()
    desk.page.wait_for_timeout(1000)
    x, y = place_of(desk, row, col)
    box = desk.page.locator(".leaflet-container").bounding_box()
    assert abs(x - box["x"] - box["width"] / 2) < 5
    assert abs(y - box["y"] - box["height"] / 2) < 5
    assert desk.page.locator(".leaflet-container").screenshot() != before
