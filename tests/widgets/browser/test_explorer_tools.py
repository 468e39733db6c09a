"""The explorer's tools in a browser: rename, merge, draw, split view."""

import numpy as np
import pytest

from .explorers import colors

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROWS = ".widget-hbox:has(> .widget-colorpicker)"


@pytest.fixture
def trained(desk):
    """An explorer of a model with three classes."""
    desk.show_trained()
    assert len(colors(desk.pixels())) == 3
    return desk


def choose(rows, *numbers):
    """Select rows for merging by their first checkbox."""
    for number in numbers:
        rows.nth(number).locator("input[type=checkbox]").first.check()


def test_rename_recolor_and_merge(trained):
    desk, rows = trained, trained.page.locator(ROWS)
    desk.turn_to("Classes")
    assert rows.count() == 3
    name = rows.nth(0).locator(".widget-text input")
    name.fill("open water")
    name.press("Enter")
    desk.wait_until("ex.state.table.names[0] == 'open water'")
    assert desk.value("ex.result.classes.attrs['flag_meanings']").startswith("open")
    assert desk.value("ex.model.classes.names[0]") == "open water"

    desk.record()
    rows.nth(0).locator("input[type=color]").fill("#123456")
    image = desk.wait_for_images(1)[-1]
    assert (0x12, 0x34, 0x56) in colors(image)

    choose(rows, 0, 2)
    desk.press("Merge")
    merged = desk.wait_for_colors(2)
    # Both classes now have the color of the lowest value.
    before = np.all(image[..., :3] == (0x12, 0x34, 0x56), axis=-1).sum()
    assert np.all(merged[..., :3] == (0x12, 0x34, 0x56), axis=-1).sum() > before
    rows.nth(2).wait_for(state="detached")
    assert desk.value("ex.result.classes.values.max().item()") == 2

    desk.press("Undo")
    assert np.array_equal(desk.wait_for_colors(3), image)


def test_hide_a_class(trained):
    desk, rows = trained, trained.page.locator(ROWS)
    desk.turn_to("Classes")
    desk.record()
    before = desk.pixels()
    rows.nth(1).locator("input[type=checkbox]").last.uncheck()
    after = desk.wait_for_colors(2)
    assert (after[..., 3] == 0).sum() > (before[..., 3] == 0).sum()


def drag(desk, left, top, right, bottom):
    """Draw a rectangle on the map, in fractions of the image's sides."""
    desk.page.locator(".leaflet-draw-draw-rectangle").click()
    # After the click, which may have scrolled the page.
    box = desk.find("image").bounding_box()
    places = [
        (box["x"] + box["width"] * x, box["y"] + box["height"] * y)
        for x, y in ((left, top), ((left + right) / 2, top), (right, bottom))
    ]
    desk.page.mouse.move(*places[0])
    desk.page.mouse.down()
    desk.page.mouse.move(*places[1])
    desk.page.mouse.move(*places[2])
    desk.page.mouse.up()


# The right half is ten times as bright; a training that read it would scale to it.
HALVES = """
import numpy as np
import xarray as xr

values = np.random.default_rng(0).uniform(1, 2, (3, 96, 128))
values[:, :, 64:] *= 10
halves = kt.open_scene(xr.DataArray(values, dims=("band", "y", "x")))
"""


def test_draw_a_rectangle_and_train_on_it(desk):
    desk.execute(HALVES)
    desk.show("halves", steps=5, k=2)
    drag(desk, 0.02, 0.1, 0.45, 0.9)
    desk.wait_until("ex.state.area is not None")
    window = desk.value("[*ex.state.area.window]")
    assert np.allclose(window, [9.6, 2.6, 76.8, 55], atol=2)

    desk.press("Train")
    desk.wait_until("ex.state.status == 'done'")
    assert desk.value("float(np.max(ex.model.preparation.scaler.high))") < 2.1
    # The whole scene is classified nevertheless.
    assert np.all(desk.pixels()[..., 3] == 255)


def test_apply_to_the_full_scene(desk):
    desk.show_trained(more=", preview=48")
    assert desk.value("ex.result.classes.shape[0]") == 48
    desk.press("Apply to full scene")
    message = desk.page.get_by_role("status").get_by_text("Classified 96 x 96 pixels")
    message.wait_for()
    assert desk.value("ex.result.classes.shape[0]") == 96
    # The map still shows the preview: large scenes are never sent to the browser.
    assert desk.pixels().shape[:2] == (48, 48)


def test_small_rectangles_are_refused(desk):
    desk.show("scenes['sentinel2']")
    drag(desk, 0.4, 0.4, 0.5, 0.5)
    message = desk.page.get_by_role("status").get_by_text("draw a larger area")
    message.wait_for()
    assert desk.value("ex.state.area is None")


def flat_share(image, palette):
    """Share of the pixels of a screenshot that have the color of a class."""
    flat = [np.all(image == color, axis=-1) for color in palette]
    return np.any(flat, axis=0).mean()


def test_split_view_shows_both_sides(trained):
    desk, palette = trained, colors(trained.pixels())
    box = desk.find("classes").bounding_box()
    desk.page.get_by_label("split with image").check()
    divider = desk.page.locator(".leaflet-sbs-range")
    divider.wait_for(state="attached")
    width = desk.page.locator(".leaflet-container").bounding_box()
    shares = {}
    for place in (0.5, 0.9):
        divider.evaluate(
            "(range, place) => { range.value = place;"
            " range.dispatchEvent(new Event('input', {bubbles: true})); }",
            place,
        )
        desk.page.wait_for_timeout(500)
        rows = slice(int(box["y"]) + 20, int(box["y"] + box["height"]) - 20)
        shot = desk.shot()[rows]
        middle = int(width["x"] + width["width"] / 2)
        reach = int(box["width"] / 2) - 20
        left = shot[:, middle - reach : middle - 30]
        right = shot[:, middle + 30 : middle + reach]
        shares[place] = flat_share(left, palette), flat_share(right, palette)
    assert shares[0.5][0] < 0.05
    assert shares[0.5][1] > 0.4
    assert shares[0.9][1] < 0.05
