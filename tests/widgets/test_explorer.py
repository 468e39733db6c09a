"""The explorer without a browser: real training on tiny scenes, traits and pixels."""

import base64
import io
import math
import sys
import threading
import time

import ipyleaflet
import numpy as np
import pytest
import xarray as xr
from ipywidgets.widgets.widget import _instances
from PIL import Image, ImageColor
from pyproj import Transformer

import ktextures as kt
from ktextures.classes import relabel
from ktextures.errors import InputError, MissingExtraError
from ktextures.model.ktextures import from_bytes
from ktextures.training.dictionary_objective import LOSS_WEIGHTS
from ktextures.widgets._classes_panel import ClassesPanel
from ktextures.widgets._panels import LOSSES, ControlsPanel, loss_curve
from ktextures.widgets._trainer import PARTS

CHEAP = {"seed": 1, "features": kt.FilterBank(1, 1)}


@pytest.fixture
def trained(trained):
    """The shared model as a copy: an explorer writes names and colors into its own."""
    return from_bytes(trained.to_bytes())


@pytest.fixture
def explore(eager):
    """Open explorers that end with the test."""
    opened = []

    def opening(scene, k=3, **options):
        opened.append(kt.explore(scene, k=k, **{**CHEAP, **options}))
        return opened[-1]

    yield opening
    for explorer in opened:
        explorer.close()


@pytest.fixture
def shown(explore, small, trained):
    """Explorer of a scene in UTM whose model is given."""
    return explore(small, model=trained)


def pixels_of(url):
    kind, _, content = url.partition(",")
    assert kind == "data:image/png;base64"
    image = Image.open(io.BytesIO(base64.b64decode(content)))
    return np.asarray(image.convert("RGBA"))


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def part(explorer, kind):
    return next(p for p in explorer._parts if isinstance(p, kind))


# --- what is shown where -----------------------------------------------------------


@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:4326", "EPSG:3857"])
def test_pixels_of_the_overlay_have_the_color_of_their_class(
    explore, small, trained, crs
):
    scene = small if small.rio.crs == crs else small.rio.reproject(crs)
    explorer = explore(scene, model=trained)
    picture = pixels_of(explorer.overlays["classes"].url)
    classes = kt.segment(explorer.scene, trained).classes.values
    (south, west), (north, east) = explorer.overlays["classes"].bounds
    to_mercator = Transformer.from_crs(4326, 3857, always_xy=True).transform
    left, bottom = to_mercator(west, south)
    right, top = to_mercator(east, north)
    x = explorer.scene.x.values
    y = explorer.scene.y.values
    here = Transformer.from_crs(scene.rio.crs, 3857, always_xy=True).transform
    compared = 0
    for row in range(2, len(y) - 2, 3):
        for col in range(2, len(x) - 2, 3):
            around = classes[row - 1 : row + 2, col - 1 : col + 2]
            if around.min() != around.max() or around.max() == 0:
                continue
            easting, northing = here(x[col], y[row])
            i = int((top - northing) / (top - bottom) * picture.shape[0])
            j = int((easting - left) / (right - left) * picture.shape[1])
            color = explorer.state.table.colors[classes[row, col] - 1]
            assert tuple(picture[i, j]) == (*ImageColor.getrgb(color), 255)
            compared += 1
    assert compared > 50


def test_scene_without_crs_is_shown_in_pixels_without_scale_bar(explore, trained):
    values = np.asarray(kt.datasets.synthetic(64, k=3, bands=4, seed=1).scene.values)
    names = list(trained.config.bands)
    scene = xr.DataArray(values, dims=("band", "y", "x"), coords={"band": names})
    explorer = explore(scene, model=trained)
    overlay = explorer.overlays["classes"]
    assert explorer.map.crs["name"] == "Simple"
    assert list(overlay.bounds) == [(-64.0, 0.0), (0.0, 64.0)]
    kinds = {type(control) for control in explorer.map.controls}
    assert ipyleaflet.ScaleControl not in kinds
    classes = kt.segment(explorer.scene, trained).classes.values
    colors = [ImageColor.getrgb(c) for c in explorer.state.table.colors]
    assert np.array_equal(
        pixels_of(overlay.url)[..., :3], np.array(colors)[classes - 1]
    )
    with pytest.raises(InputError, match="no CRS"):
        explorer.attach(ipyleaflet.Map(layers=()))
    with pytest.raises(InputError, match="no CRS"):
        explorer.as_leaflet_layer()


def test_no_basemap_is_fetched(shown):
    assert not [
        each for each in shown.map.layers if isinstance(each, ipyleaflet.TileLayer)
    ]
    kinds = {type(control) for control in shown.map.controls}
    assert {ipyleaflet.ScaleControl, ipyleaflet.LayersControl} <= kinds


def test_nodata_is_transparent(explore, small, trained):
    scene = small.astype("float32").copy()
    scene[:, 20:40, 20:40] = np.nan
    explorer = explore(scene, model=trained)
    for view in ("classes", "simulated", "textures", "margin"):
        explorer.state.view = view
        picture = pixels_of(explorer.overlays[view].url)
        middle = [round(30 / 64 * side) for side in picture.shape[:2]]
        assert picture[*middle, 3] == 0
        assert picture[..., 3].max() == 255


def test_one_mask_and_hidden_classes(shown):
    state = shown.state
    whole = pixels_of(shown.overlays["classes"].url)
    state.view, state.chosen = "mask", 2
    mask = pixels_of(shown.overlays["mask"].url)
    second = ImageColor.getrgb(state.table.colors[1])
    assert {tuple(p) for p in mask[mask[..., 3] > 0]} == {(*second, 255)}
    state.view, state.hidden = "classes", frozenset({2})
    rest = pixels_of(shown.overlays["classes"].url)
    assert ((rest[..., 3] > 0) == (whole[..., 3] > 0) & (mask[..., 3] == 0)).all()


def test_the_view_alone_lies_on_the_map_and_split_shows_both(shown):
    state, layers = shown.state, shown.overlays
    state.view = "simulated"
    assert shown.map.layers == (layers["image"], layers["simulated"])
    state.opacity = 0.3
    assert layers["simulated"].opacity == pytest.approx(0.3)
    state.split = True
    (divider,) = (
        each
        for each in shown.map.controls
        if isinstance(each, ipyleaflet.SplitMapControl)
    )
    assert divider.left_layer.pane != divider.right_layer.pane
    assert divider.right_layer.url == layers["simulated"].url
    assert divider.left_layer.url == layers["image"].url
    state.split = False
    assert divider not in shown.map.controls


def test_large_scenes_are_thinned_and_applied_in_full(explore, small, trained):
    explorer = explore(small, model=trained, preview=32)
    assert explorer.preview.valid.shape == (32, 32)
    assert explorer.result.classes.shape == (32, 32)
    assert explorer.result.rio.bounds() == pytest.approx(small.rio.bounds(), abs=11)
    explorer.apply()
    assert explorer.wait(60)
    assert explorer.state.traceback == ""
    full = kt.segment(small, trained).classes
    xr.testing.assert_allclose(explorer.result.classes, full)
    assert explorer.result.rio.crs == small.rio.crs


def test_applying_can_be_canceled(explore, small, trained, monkeypatch):
    monkeypatch.setattr("ktextures.widgets._applying.BLOCK", 16)
    explorer = explore(small, model=trained, preview=32)
    explorer.state.observe(
        lambda change: change["new"] > 0 and explorer.stop(), "progress"
    )
    explorer.apply()
    assert explorer.wait(60)
    assert "Canceled" in explorer.state.message
    assert explorer.state.progress == pytest.approx(1 / 16)
    assert explorer.result.classes.shape == (32, 32)


# --- training -----------------------------------------------------------------------


def test_training_shows_itself_and_leaves_model_and_result(explore, small):
    explorer = explore(small, steps=6)
    urls, state = [], explorer.state
    explorer.overlays["classes"].observe(
        lambda change: urls.append(change["new"]), "url"
    )
    explorer.train()
    assert explorer.wait(120)
    assert (state.status, state.traceback) == ("done", "")
    assert (state.step, state.goal, len(state.losses)) == (6, 6, 6)
    assert len(urls) >= 3
    assert isinstance(explorer.model, kt.KTextures)
    result, table = explorer.result, state.table
    expected = kt.segment(explorer.scene, explorer.model).classes
    xr.testing.assert_equal(result.classes, expected)
    assert kt.ClassTable.from_attrs(result.classes.attrs) == table
    assert sum(row.pixels for row in state.classes) == 64 * 64
    assert sum(row.share for row in state.classes) == pytest.approx(1)
    area = sum(row.area_ha for row in state.classes)
    assert area == pytest.approx(kt.class_areas(expected)["area_ha"].sum())
    explorer.resume()
    assert explorer.wait(120)
    assert (state.step, explorer.model.record.steps) == (12, 12)


def test_the_map_is_colored_before_the_first_step(explore, small):
    explorer = explore(small, steps=3)
    seen = []
    explorer.state.observe(lambda _: seen.append(explorer.state.frame), "version")
    explorer.train()
    explorer.wait(120)
    assert [frame.step for frame in seen[:2]] == [0, 0]
    assert set(np.unique(seen[0].classes)) == {1, 2, 3}


def test_classes_keep_their_numbers_when_training_ends(explore, small, monkeypatch):
    # Whatever their brightness: the reader has seen them under these.
    monkeypatch.setattr(
        "ktextures.training.train.canonical_order",
        lambda light: np.arange(len(light))[::-1],
    )
    explorer = explore(small, steps=3)
    explorer.train()
    explorer.wait(60)
    assert explorer.state.status == "done"
    assert explorer.model.record.order.tolist() == [0, 1, 2]


def test_stop_ends_within_two_steps(explore, small):
    explorer = explore(small, steps=500)
    explorer.train()
    until(lambda: explorer.state.step >= 2)
    before = explorer.model.record.steps
    explorer.stop()
    assert explorer.wait(30)
    assert explorer.model.record.steps <= before + 2
    assert explorer.state.status == "done"
    assert explorer.state.step == explorer.model.record.steps
    assert "Stopped" in explorer.state.message


def test_stop_before_the_first_step_leaves_nothing(explore, small):
    explorer = explore(small, steps=500)
    explorer.train()
    explorer.stop()
    assert explorer.wait(60)
    assert (explorer.state.status, explorer.model) == ("idle", None)
    assert explorer.result is None


PREPARED = [f"Preparing: {part}." for part in PARTS.values()]


def test_stop_is_heard_while_training_is_prepared(explore, small):
    explorer = explore(small, steps=500)
    heard, looks = [], []
    explorer.state.observe(lambda change: looks.append(change["new"]), "version")

    def stop(change):
        heard.append(change["new"])
        if change["new"] == PREPARED[2]:
            explorer.stop()

    explorer.state.observe(stop, "message")
    explorer.train()
    assert explorer.wait(60)
    assert explorer.state.status == "idle"
    after = heard[heard.index(PREPARED[2]) + 1 :]
    assert after == ["Stopping.", "Stopped before the first step."]
    assert len(looks) == 1  # the model of the training was never there


def test_stop_in_the_preparation_keeps_the_model_there_was(explore, small, trained):
    explorer = explore(small, model=trained)
    steps = trained.record.steps
    explorer.state.observe(
        lambda change: explorer.stop() if change["new"] == PREPARED[2] else None,
        "message",
    )
    explorer.resume()
    assert explorer.wait(60)
    assert (explorer.state.status, explorer.model) == ("done", trained)
    assert explorer.model.record.steps == explorer.state.step == steps


def test_stop_in_the_preparation_of_a_new_training_keeps_the_one_before(shown):
    model, frame = shown.model, shown.state.frame
    shown.state.observe(
        lambda change: shown.stop() if change["new"] == PREPARED[0] else None, "message"
    )
    shown.train()
    assert shown.wait(60)
    assert (shown.state.status, shown.model) == ("done", model)
    assert shown.state.frame is frame
    assert shown.state.step == shown.state.goal == model.record.steps
    assert shown.state.message.endswith("The model before it stays.")


def test_another_k_is_heard_while_training_is_prepared(explore, small):
    explorer = explore(small, steps=2)
    heard = []

    def change_k(change):
        heard.append(change["new"])
        if change["new"] == PREPARED[2]:
            explorer.state.k = 4

    explorer.state.observe(change_k, "message")
    explorer.train()
    assert explorer.wait(60)
    assert explorer.model.k == explorer.state.table.k == 4
    assert heard.count(PREPARED[3]) == 1
    assert explorer.model.record.provenance["k"] == 4
    assert heard.count(PREPARED[0]) == 2


def test_pause_holds_the_preparation_too(explore, small):
    explorer = explore(small, steps=2)
    explorer.state.observe(
        lambda change: explorer.pause() if change["new"] == PREPARED[2] else None,
        "message",
    )
    explorer.train()
    until(lambda: explorer.state.status == "paused")
    assert not explorer.wait(2)
    assert explorer.model is None
    explorer.state.unobserve_all("message")
    explorer.resume()
    assert explorer.wait(60)
    assert explorer.state.step == 2


def test_pause_holds_and_continue_goes_on(explore, small):
    explorer = explore(small, steps=500)
    explorer.train()
    until(lambda: explorer.state.step >= 1)
    explorer.pause()
    assert explorer.state.status == "paused"
    time.sleep(1.0)
    held = explorer.model.record.steps
    time.sleep(3.0)
    assert explorer.model.record.steps == held == explorer.state.step
    explorer.rename(1, "held")
    explorer.resume()
    until(lambda: explorer.model.record.steps > held + 1)
    explorer.pause()
    explorer.stop()
    assert explorer.wait(30)
    assert explorer.state.status == "done"
    assert explorer.model.record.classes.names[0] == "held"


def test_second_train_is_refused_politely(explore, small):
    explorer = explore(small, steps=500)
    explorer.train()
    explorer.train()
    assert "Train has to wait" in explorer.state.message
    assert explorer.state.status == "training"
    assert explorer.state.traceback == ""
    explorer.apply()
    explorer.stop()
    assert explorer.wait(60)


def test_more_classes_while_training_keep_the_colors_of_the_others(explore, small):
    explorer = explore(small, steps=60)
    explorer.train()
    until(lambda: explorer.state.step >= 20)
    explorer.rename(1, "first")
    colors = explorer.state.table.colors
    state, frames = explorer.state, []
    state.observe(
        lambda _: frames.append((state.frame, state.mapping, state.table)), "version"
    )
    state.k = 4
    until(lambda: state.table.k == 4 or state.status != "training")
    explorer.stop()
    explorer.wait(60)
    assert (state.traceback, explorer.model.k) == ("", 4)
    assert state.table.colors[:3] == colors
    assert state.table.names[0] == "first"
    assert state.table.colors[3] not in colors
    # The classes that were not cut lie where they did.
    index = next(i for i, each in enumerate(frames) if each[2].k == 4)
    (old, before, _), (new, after, _) = frames[index - 1], frames[index]
    old_map = relabel(old.classes, np.array(before))
    new_map = relabel(new.classes, np.array(after))
    same = [(new_map == v)[old_map == v].mean() for v in (1, 2, 3)]
    assert sorted(same)[1] > 0.9


def test_fewer_classes_while_training(explore, small):
    explorer = explore(small, k=4, steps=60)
    explorer.train()
    until(lambda: explorer.state.step >= 20)
    colors = set(explorer.state.table.colors)
    explorer.state.k = 3
    until(lambda: explorer.state.table.k == 3 or not explorer.state.busy)
    explorer.stop()
    explorer.wait(60)
    assert (explorer.state.traceback, explorer.model.k) == ("", 3)
    assert set(explorer.state.table.colors) < colors


def test_published_masks_start_anew_with_another_k(explore, small):
    explorer = explore(small, preset="paper", steps=4)
    explorer.train()
    until(lambda: explorer.state.step >= 1)
    explorer.state.k = 4
    assert explorer.wait(200)
    assert explorer.state.traceback == ""
    assert (explorer.model.k, explorer.model.record.steps) == (4, 4)


def test_training_anew_keeps_colors_where_classes_overlap(explore, small):
    explorer = explore(small, steps=6)
    explorer.train()
    explorer.wait(60)
    explorer.recolor(1, "#ff0000")
    explorer.train()
    explorer.wait(60)
    assert "#ff0000" in explorer.state.table.colors
    assert explorer.state.table.names == ("class 1", "class 2", "class 3")


def test_what_fails_is_told_and_the_explorer_stays_usable(explore, small):
    class Broken(kt.FilterBank):
        def fit(self, *_):
            raise RuntimeError("no such luck")

    explorer = explore(small, steps=3, features=Broken(1, 1))
    explorer.train()
    assert explorer.wait(60)
    assert explorer.state.status == "failed"
    assert explorer.state.message == "RuntimeError: no such luck"
    assert "in fit" in explorer.state.traceback
    explorer._trainer.features = CHEAP["features"]
    explorer.train()
    assert explorer.wait(60)
    assert (explorer.state.status, explorer.state.traceback) == ("done", "")


def test_reset_forgets_all_but_the_settings(explore, small):
    explorer = explore(small, steps=3)
    explorer.train()
    explorer.wait(60)
    explorer.reset()
    state = explorer.state
    assert (state.status, state.step, state.losses) == ("idle", 0, [])
    assert (state.frame, state.classes, explorer.model) == (None, (), None)
    assert (state.k, state.steps) == (3, 3)
    assert pixels_of(explorer.overlays["classes"].url).shape[:2] == (1, 1)


# --- classes ------------------------------------------------------------------------


def test_rename_recolor_merge_and_undo(shown):
    state = shown.state
    first = shown.result.classes.values
    start = state.table
    shown.rename(2, "water")
    shown.recolor(2, "teal")
    shown.merge([2, 3])
    assert state.table.names == (start.names[0], "water")
    assert state.table.colors == (start.colors[0], "#008080")
    assert np.array_equal(shown.result.classes.values, np.minimum(first, 2))
    assert shown.result.sizes["class"] == 2
    picture = pixels_of(shown.overlays["classes"].url)
    colors = {tuple(p[:3]) for p in picture[picture[..., 3] > 0]}
    assert colors == {ImageColor.getrgb(c) for c in state.table.colors}
    shown.undo()
    assert np.array_equal(shown.result.classes.values, first)
    shown.undo()
    shown.undo()
    assert state.table == start
    shown.undo()
    assert state.table == start


def test_merged_classes_stay_merged_while_training_goes_on(explore, small):
    explorer = explore(small, steps=4)
    explorer.train()
    explorer.wait(60)
    explorer.merge([1, 3])
    explorer.resume()
    explorer.wait(60)
    assert explorer.state.mapping == (1, 2, 1)
    assert set(np.unique(explorer.result.classes)) <= {1, 2}
    assert explorer.model.k == 3


def test_impossible_edits_are_refused(shown):
    with pytest.raises(InputError, match="select two or more"):
        shown.merge([1])
    with pytest.raises(InputError, match=r"give a value 1\.\.3"):
        shown.rename(4, "far")
    with pytest.raises(InputError, match="not a color"):
        shown.recolor(1, "no color")


def test_rows_of_the_panel_show_and_change_classes(shown):
    panel, state = part(shown, ClassesPanel), shown.state
    assert [row.name.value for row in panel.rows] == list(state.table.names)
    assert [row.color.value for row in panel.rows] == list(state.table.colors)
    assert "ha" in panel.rows[0].size.value
    assert "%" in panel.rows[0].size.value
    panel.rows[1].name.value = "water"
    panel.rows[1].color.value = "#102030"
    assert state.table.names[1] == "water"
    assert state.table.colors[1] == "#102030"
    panel.rows[1].name.value = "  "
    assert "class name" in state.message
    assert panel.rows[1].name.value == "water"
    panel.rows[0].solo.value = True
    assert state.hidden == {2, 3}
    assert [row.visible.value for row in panel.rows] == [True, False, False]
    panel.rows[0].solo.value = False
    assert state.hidden == frozenset()
    panel.rows[0].pick.value = panel.rows[2].pick.value = True
    panel.merge.click()
    assert len(panel.rows) == state.table.k == 2
    panel.undo.click()
    assert len(panel.rows) == 3


# --- area ---------------------------------------------------------------------------


def box(left, top, right, bottom):
    """Rectangle in pixels as it is drawn on a map without CRS."""
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    return {"type": "Polygon", "coordinates": [[[x, -y] for x, y in corners]]}


@pytest.fixture
def plain(small):
    return xr.DataArray(
        small.values, dims=("band", "y", "x"), coords={"band": small.band.values}
    )


def test_training_on_an_area_is_shown_on_the_whole_scene(explore, plain):
    explorer = explore(plain, steps=3)
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


@pytest.mark.parametrize(
    ("geometry", "message"),
    [
        (box(100, 100, 200, 200), "off the scene"),
        (box(0, 0, 20, 60), "60 x 20 pixels"),
        ({"type": "Point", "coordinates": [1, 1]}, "rectangle or a polygon"),
    ],
)
def test_useless_areas_are_refused_in_the_panel(explore, plain, geometry, message):
    explorer = explore(plain)
    with pytest.raises(InputError, match=message):
        explorer.train_on(geometry)
    explorer._drawn(None, "created", {"geometry": geometry})
    assert message in explorer.state.message
    assert explorer.state.area is None


# --- panels, attaching, ending ------------------------------------------------------


def test_buttons_follow_the_status(explore, small):
    explorer = explore(small, steps=500)
    panel = part(explorer, ControlsPanel)
    assert panel.stop.disabled
    assert panel.pause.disabled
    panel.train.click()
    assert panel.train.disabled
    assert panel.pause.description == "Pause"
    until(lambda: explorer.state.step >= 1)
    panel.pause.click()
    assert panel.pause.description == "Continue"
    assert explorer.state.status == "paused"
    panel.pause.click()
    assert explorer.state.status == "training"
    panel.stop.click()
    explorer.wait(60)
    assert panel.stop.disabled
    assert not panel.train.disabled
    assert not panel.apply.disabled
    panel.k.value = 5
    assert explorer.state.k == 5
    explorer.state.k = 30
    assert panel.k.value == 30


def test_texture_scales_are_chosen_by_name_or_set(explore, small):
    explorer = explore(small, texture_scale=2.0)
    slider = part(explorer, ControlsPanel).scale
    assert slider.label == "2 px"
    slider.index = 0
    assert (slider.label, explorer.state.texture_scale) == ("auto", -1.0)
    explorer.state.texture_scale = 1.7
    assert (slider.label, slider.value) == ("1.7 px", 1.7)
    slider.label = "color only"
    assert explorer.state.texture_scale == 0


@pytest.mark.parametrize("losses", [[60.0, 5.0, 4.0], [2.0, 1.9], [1.0, 0.0, -1.0]])
def test_loss_curves_of_any_range_are_drawn(losses):
    drawn = np.asarray(Image.open(io.BytesIO(loss_curve(losses))).convert("RGBA"))
    blue = (drawn[..., 2] > drawn[..., 0] + 50) & (drawn[..., 3] > 128)
    rows = np.flatnonzero(blue.any(1))
    assert np.ptp(rows) > 0.4 * len(drawn)


def test_learning_rate_and_weights_reach_the_training(explore, small):
    explorer = explore(small, steps=2)
    panel = part(explorer, ControlsPanel)
    fields = {each.description: each for each in (panel.rate, *panel.weights.children)}
    assert fields["weight of imitation"].value == LOSS_WEIGHTS["imitation"]
    fields["weight of imitation"].value = 0.7
    fields["learning rate"].value = 0.002
    explorer.train()
    assert explorer.wait(60)
    provenance = explorer.model.record.provenance
    assert provenance["loss_weights"] == {"imitation": 0.7}
    assert provenance["learning_rate"] == 0.002
    explorer.state.loss_weights = {}
    assert fields["weight of imitation"].value == LOSS_WEIGHTS["imitation"]


def test_weights_are_those_of_the_preset(explore, small):
    explorer = explore(small, loss_weights={"dictionary": 2.0})
    assert LOSSES["default"] == LOSS_WEIGHTS
    explorer.state.preset = "paper"
    assert explorer.state.loss_weights == {}
    panel = part(explorer, ControlsPanel)
    names = [w.description for w in (panel.rate, *panel.weights.children)]
    assert names == ["learning rate", "weight of features 1", "weight of features 2"]
    explorer.state.loss_weights = {"features 2": 0.5}
    assert panel.weights.children[1].value == 0.5


def test_weights_of_losses_that_are_not_there_are_told(explore, small):
    explorer = explore(small, loss_weights={"smooth": 1.0})
    explorer.train()
    assert explorer.wait(60)
    assert explorer.state.status == "failed"
    assert "the losses of this training are dictionary" in explorer.state.message


def test_attach_to_a_map_and_leave_it(explore, small, trained):
    explorer = explore(small, model=trained)
    other = ipyleaflet.Map(layers=())
    marker = ipyleaflet.Marker(location=(0, 0))
    other.add(marker)
    before = other.controls
    explorer.attach(other)
    assert explorer.map is other
    assert explorer.overlays["classes"] in other.layers
    bounds = explorer.preview.frame.bounds
    assert bounds[0][0] < other.center[0] < bounds[1][0]
    other.add(explorer)
    assert other.layers[-1].url == explorer.overlays["classes"].url
    explorer.close()
    assert other.layers[0] is marker
    assert explorer.overlays["classes"] not in other.layers
    assert other.controls == before
    other.close()


def test_split_view_on_a_map_that_was_attached(explore, small, trained):
    explorer = explore(small, model=trained)
    marker = ipyleaflet.Marker(location=(0, 0))
    other = ipyleaflet.Map(layers=(marker,), panes={"own": {"zIndex": 700}})
    controls = other.controls
    explorer.state.split = True
    explorer.attach(other)
    (divider,) = set(other.controls) & {
        each for each in other.controls if isinstance(each, ipyleaflet.SplitMapControl)
    }
    assert set(other.panes) > {"own", divider.left_layer.pane}
    assert divider.right_layer.url == explorer.overlays["classes"].url
    explorer.state.split = False
    assert divider not in other.controls
    assert other.layers[-1] is explorer.overlays["classes"]
    explorer.state.split = True
    explorer.close()
    assert (other.layers, other.controls) == ((marker,), controls)
    other.close()


def test_maps_of_leafmap_are_attached_to(explore, small, trained, monkeypatch):
    monkeypatch.setenv("USE_MKDOCS", "true")  # no look for newer versions
    reason = "leafmap is not installed: pip install leafmap"
    leafmap = pytest.importorskip("leafmap.leafmap", reason=reason)
    explorer = explore(small, model=trained)
    other = leafmap.Map()
    explorer.attach(other)
    assert explorer.overlays["classes"] in other.layers
    before = len(other.layers)
    other.add(explorer.result)
    assert len(other.layers) == before + 1
    explorer.close()
    assert explorer.overlays["classes"] not in other.layers


def test_results_are_layers_of_a_map(explore, small, trained):
    explorer = explore(small, model=trained)
    for result in (explorer.result, kt.segment(small, trained)):
        other = ipyleaflet.Map(layers=())
        other.add(result)
        layer = other.layers[0]
        np.testing.assert_array_equal(layer.bounds, explorer.preview.frame.bounds)
        assert np.array_equal(
            pixels_of(layer.url), pixels_of(explorer.overlays["classes"].url)
        )
        other.close()


def test_what_has_no_place_is_no_layer(plain, trained):
    result = kt.segment(plain, trained)
    with pytest.raises(InputError, match="The result has no CRS"):
        result.as_leaflet_layer()
    with pytest.raises(InputError, match=r"'textures'\], but no 'classes'"):
        result[["textures"]].as_leaflet_layer()


def test_saved_notebooks_get_a_picture(shown):
    bundle = shown._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    picture = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert picture.size == (64, 64)


def test_close_ends_threads_widgets_and_observers(small, eager):
    before, threads = set(_instances), set(threading.enumerate())
    explorer = kt.explore(small, k=3, steps=500, **CHEAP)
    state = explorer.state
    explorer.train()
    until(lambda: state.step >= 1)
    explorer.close()
    explorer.close()
    left = {_instances[key] for key in set(_instances) - before}
    assert not left
    names = {t.name for t in set(threading.enumerate()) - threads}
    assert "ktextures-explorer" not in names
    assert not state._trait_notifiers
    state.k = 5


def test_unknown_options_are_refused(small):
    with pytest.raises(InputError, match="color_of_sky"):
        kt.explore(small, color_of_sky="blue")
    with pytest.raises(InputError, match="'k'"):
        kt.explore(small, k=1)
    with pytest.raises(InputError, match="no band 'infra'"):
        kt.explore(small, bands=["infra"])


def test_other_bands_than_the_model_has_are_refused(small, trained):
    with pytest.raises(InputError, match="was trained on"):
        kt.explore(small.isel(band=[0, 1, 2]), model=trained)


@pytest.mark.parametrize("library", ["ipyleaflet", "ipywidgets"])
def test_missing_extra_says_what_to_install(monkeypatch, small, library):
    for name in list(sys.modules):
        if name.startswith("ktextures.widgets._") or name.endswith("widgets.explorer"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=r'pip install "ktextures\[lab\]"'):
        kt.explore(small)


@pytest.mark.slow
def test_opening_and_closing_leaks_nothing():
    import gc
    from pathlib import Path

    def megabytes():
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * 4096 / 2**20

    scene, shown = kt.datasets.sentinel2(), []

    def cycle():
        explorer = kt.explore(scene, seed=1)
        explorer._repr_mimebundle_()
        explorer.close()
        shown.append(explorer)  # as the outputs of a notebook's cells are

    cycle()
    before = megabytes()
    for _ in range(20):
        cycle()
    assert megabytes() - before < 50


def test_areas_without_crs_are_in_pixels(explore, plain, trained):
    explorer = explore(plain, model=trained)
    assert all(math.isnan(row.area_ha) for row in explorer.state.classes)
    assert "px" in part(explorer, ClassesPanel).rows[0].size.value
