"""The explorer's tabs in a browser: split, nodata, profiles, sweeps, and the layout."""

import numpy as np
import pytest
from PIL import ImageColor

from .explorers import colors, kept

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BRIEF = """
import ktextures.selection.sweep as sweeping
sweeping.STEPS, sweeping.IMITATION = 2, 1.0
"""

UNNAMED = """() => {
  const found = [];
  const area = document.querySelector(".jp-OutputArea-output");
  // Handles of sliders and swatches of colors have no name in ipywidgets; the field
  // beside each does the same and has one.
  const controls = "input:not([type=color]), button, select, textarea";
  for (const each of area.querySelectorAll(controls)) {
    if (!each.checkVisibility({visibilityProperty: true})) continue;
    const label = each.labels?.[0]?.textContent || each.getAttribute("aria-label");
    if (!(label || each.title || each.innerText || "").trim())
      found.push(each.tagName + " " + each.className);
  }
  return found;
}"""


@pytest.fixture
def trained(desk):
    """An explorer of a model with three classes."""
    desk.execute(BRIEF)
    desk.show_trained()
    assert len(colors(desk.pixels())) == 3
    return desk


def choose(desk, *values):
    for value in values:
        desk.page.get_by_label(f"select class {value}").check()


def test_split_a_class_and_undo(trained):
    desk = trained
    desk.turn_to("Classes")
    before = desk.pixels()
    desk.record()
    choose(desk, 1)
    desk.press("Split into")
    after = desk.wait_for_colors(4)
    color = ImageColor.getrgb(desk.value("ex.state.table.colors[0]"))
    shares = kept(before, after)
    assert min(share for each, share in shares.items() if each != color) > 0.99
    assert shares[color] < 0.9
    desk.press("Undo")
    assert np.array_equal(desk.wait_for_colors(3), before)
    desk.press("Redo")
    assert np.array_equal(desk.wait_for_colors(4), after)


def test_set_a_class_to_nodata(trained):
    desk = trained
    desk.turn_to("Classes")
    color = ImageColor.getrgb(desk.value("ex.state.table.colors[1]"))
    was = np.all(desk.pixels()[..., :3] == color, axis=-1)
    desk.record()
    choose(desk, 2)
    desk.press("Set to nodata")
    after = desk.wait_for_colors(2)
    assert np.array_equal(after[..., 3] == 0, was)


def test_profile_of_a_class_appears(trained):
    desk = trained
    desk.turn_to("Classes")
    choose(desk, 1, 3)
    desk.press("Profile")
    picture = desk.page.locator("img[alt^='Profiles of class 1, class 3']")
    picture.wait_for()
    box = picture.bounding_box()
    assert box["width"] > 300
    part = desk.shot()[int(box["y"]) :, int(box["x"]) :][: int(box["height"])]
    assert len(np.unique(part.reshape(-1, 3), axis=0)) > 500


def test_what_a_class_has_learned_is_shown_within_it(trained):
    desk = trained
    desk.turn_to("Classes")
    choose(desk, 2)
    desk.press("What it has learned")
    desk.page.locator(".leaflet-sbs-range").wait_for(state="attached")
    assert desk.page.get_by_label("only this class").is_checked()
    shown = np.array(desk.value("(ex.state.shown_classes() == 2).tolist()"))
    frame = desk.value("ex.preview.frame.warp(ex.state.shown_classes()).tolist()")
    for side in (0, 1):
        url = desk.value(f"ex._overlays.sides[{side}].url")
        desk.page.wait_for_function("url => tests.mark(url, 'side')", arg=url)
    assert shown.any()
    assert np.array(frame).max() == 3


def test_sweep_and_adopt_with_the_keyboard(trained):
    desk = trained
    desk.turn_to("Choose k")
    desk.page.get_by_label("first k").fill("2")
    desk.page.get_by_label("last k").fill("4")
    desk.page.get_by_label("last k").press("Tab")
    desk.wait_until("ex.state.last_k == 4")
    desk.press("Sweep")
    desk.button("k = 4").wait_for()
    desk.wait_until("ex.state.task == ''")
    wanted = desk.value("ex.state.sweep.color.sel(k=4).values[:4].tolist()")
    palette = {ImageColor.getrgb(color) for color in wanted}
    tile = desk.button("k = 4")
    tile.scroll_into_view_if_needed()
    box = tile.bounding_box()
    rows = slice(int(box["y"]), int(box["y"] + box["height"]))
    cols = slice(int(box["x"]), int(box["x"] + box["width"]))
    seen = desk.shot()[rows, cols].reshape(-1, 3)
    shares = [np.all(seen == color, axis=-1).mean() for color in palette]
    assert sum(shares) > 0.4

    desk.record()
    tile.focus()
    tile.press("Enter")
    adopted = desk.wait_for_colors(4)
    assert colors(adopted) == palette
    assert desk.page.locator("img[alt^='How classes divide']").is_visible()


def test_a_click_on_the_map_shows_the_pixel(trained):
    desk = trained
    # A click on a map that is partly out of sight would scroll the page first.
    desk.page.locator(".leaflet-container").evaluate("map => map.focus()")
    desk.page.wait_for_timeout(500)
    box = desk.find("classes").bounding_box()
    desk.page.mouse.click(
        box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.5
    )
    desk.wait_until("ex.point is not None")
    row, col = desk.value("[ex.point.row, ex.point.col]")
    assert abs(row - 48) <= 2
    assert abs(col - 24) <= 2
    desk.page.get_by_text(f"Row {row}, column {col}").wait_for()


def test_the_layout_fits_a_laptop_and_the_map_keeps_its_place(trained):
    desk = trained
    usual = desk.page.viewport_size
    try:
        desk.page.set_viewport_size({"width": 1440, "height": 900})
        area = desk.page.locator(".jp-OutputArea-output").last
        area.scroll_into_view_if_needed()
        desk.page.wait_for_timeout(500)
        notebook = desk.page.locator(".jp-WindowedPanel-outer").bounding_box()
        assert area.bounding_box()["height"] <= notebook["height"]
        place = desk.page.locator(".leaflet-container").bounding_box()
        assert place["height"] >= 500
        for title in ("Classes", "Hints", "Choose k", "Export", "Train"):
            desk.turn_to(title)
            desk.page.wait_for_timeout(200)
            now = desk.page.locator(".leaflet-container").bounding_box()
            assert now["width"] == place["width"]
            assert now["height"] == place["height"]
        desk.page.set_viewport_size({"width": 1024, "height": 768})
        desk.page.wait_for_timeout(500)
        box = area.bounding_box()
        beyond = area.evaluate("area => area.scrollWidth - area.clientWidth")
        assert beyond <= 1
        assert box["x"] + box["width"] <= 1024
    finally:
        desk.page.set_viewport_size(usual)
        # Maps that earlier tests have closed still listen to the size of the window.
        known = "Cannot convert undefined or null to object"
        desk.complaints[:] = [each for each in desk.complaints if each != known]


def test_files_are_written_from_the_page(trained, folder):
    desk = trained
    desk.turn_to("Export")
    desk.page.get_by_label("areas", exact=True).check()
    desk.page.get_by_label("folder", exact=True).fill("mine")
    desk.page.get_by_label("folder", exact=True).press("Tab")
    desk.press("Write files")
    desk.page.get_by_role("status").get_by_text("Exported 2 files to").wait_for()
    desk.page.get_by_text("mine/areas.csv").wait_for()
    names = {path.name for path in (folder / "mine").iterdir()}
    assert {"areas.csv", "classes.tif"} <= names


def test_every_control_has_a_name(trained):
    desk = trained
    for title in ("Train", "Classes", "Hints", "Choose k", "Export"):
        desk.turn_to(title)
        desk.page.wait_for_timeout(200)
        assert desk.page.evaluate(UNNAMED) == []
