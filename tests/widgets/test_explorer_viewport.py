"""Zoomed into a large scene, the map shows it in full resolution."""

import threading
import time

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from explorer_tools import pixels_of, until
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageColor

import ktextures as kt
from ktextures.raster.windows import Window
from ktextures.widgets import _viewport as viewport
from ktextures.widgets._preview import Preview
from ktextures.widgets._viewport import Closeup, classes_of, view_of

SIZE = 200


@pytest.fixture(scope="module")
def large():
    return kt.datasets.synthetic(SIZE, k=3, bands=4, seed=2).scene


@pytest.fixture(scope="module")
def truth(large, trained):
    """Classes of the whole scene, as `segment` finds them."""
    return kt.segment(large, trained).classes.values


@pytest.fixture
def unlocated(large):
    return xr.DataArray(
        large.values, dims=("band", "y", "x"), coords={"band": large.band.values}
    )


def look(explorer, part=(0.25, 0.25, 0.5, 0.5)):
    """Let the map show a part of the scene: top, left, bottom and right, 0..1."""
    (south, west), (north, east) = explorer.preview.frame.bounds
    top, left, bottom, right = part
    tall, wide = north - south, east - west
    seen = (
        (north - bottom * tall, west + left * wide),
        (north - top * tall, west + right * wide),
    )
    if explorer.preview.located:
        explorer.map.set_trait("bounds", seen)
    else:
        # As ipyleaflet has it: latitudes are limited, as if they were degrees.
        limited = tuple((max(lat, -90.0), lon) for lat, lon in seen)
        explorer.map.set_trait("bounds", limited)
        scale = 2**explorer.map.zoom
        (south, west), (north, east) = seen
        corners = (west * scale, -north * scale), (east * scale, -south * scale)
        explorer.map.set_trait("pixel_bounds", corners)
    return explorer.state


def labels(state):
    """Classes in detail once they are there, and the window that they are of."""
    until(lambda: state.viewport is not None and state.viewport.classes is not None)
    return state.viewport.classes, state.viewport.view.window.slices


def drawn(explorer):
    """The detail layers that are on the map, by name."""
    detail = explorer._overlays.detail.layers
    return {name for name, layer in detail.items() if layer in explorer.map.layers}


windows = st.tuples(
    st.integers(0, SIZE - 5),
    st.integers(0, SIZE - 5),
    st.integers(1, SIZE),
    st.integers(1, SIZE),
)


@settings(max_examples=12)
@given(place=windows)
@pytest.mark.parametrize("lazy", [False, True])
def test_labels_are_those_of_the_whole_scene(large, trained, truth, lazy, place):
    row, col, height, width = place
    window = Window(row, col, min(height, SIZE - row), min(width, SIZE - col))
    scene = large.chunk({"y": 64, "x": 90}) if lazy else large
    found = classes_of(scene, trained, window)
    np.testing.assert_array_equal(found, truth[window.slices])


@pytest.mark.parametrize(("zoom", "expected"), [(0, True), (-1, False)])
def test_a_view_at_the_resolution_of_the_screen_is_classified_however_slowly(
    explore, unlocated, trained, monkeypatch, zoom, expected
):
    monkeypatch.setattr(viewport, "FIRST_PACE", 1)
    explorer = explore(unlocated, model=trained, preview=40)
    explorer.map.zoom = zoom
    state = look(explorer)
    until(lambda: state.viewport is not None)
    if expected:
        labels(state)
    else:
        time.sleep(1)
        assert state.viewport.classes is None


@pytest.mark.parametrize("part", [(0.3, 0.2, 0.6, 0.5), (0, 0, 0.3, 0.3)])
@pytest.mark.parametrize("located", [True, False])
def test_a_view_shows_the_labels_of_its_pixels(
    explore, large, unlocated, trained, truth, located, part
):
    scene = large if located else unlocated
    explorer = explore(scene, model=trained, preview=40)
    state = look(explorer, part)
    found, window = labels(state)
    np.testing.assert_array_equal(found, truth[window])
    assert found.size < 0.2 * truth.size

    # Each pixel of the picture has the color of the class at its place.
    until(lambda: drawn(explorer) == {"image", "classes"})
    layer = explorer._overlays.detail.layers["classes"]
    picture = pixels_of(layer.url)
    (south, west), (north, east) = layer.bounds
    tall, wide = picture.shape[:2]
    down, across = 7, 11
    lat = north - (down + 0.5) / tall * (north - south)
    lon = west + (across + 0.5) / wide * (east - west)
    cols, rows = explorer.preview.frame.locate([lon], [lat])
    value = truth[int(rows[0]), int(cols[0])]
    color = ImageColor.getrgb(state.table.colors[value - 1])
    assert tuple(picture[down, across, :3]) == color
    ground = pixels_of(explorer._overlays.detail.layers["image"].url)
    assert ground.shape == picture.shape


def test_no_picture_is_larger_than_the_map(explore, large, trained):
    explorer = explore(large, model=trained, preview=40)
    state = look(explorer)
    labels(state)
    (_, west), (_, east) = explorer.map.bounds
    wide = (east - west) / 360 * 256 * 2**explorer.map.zoom
    picture = pixels_of(explorer._overlays.detail.layers["classes"].url)
    assert max(picture.shape[:2]) <= np.ceil(wide) + 1


def test_it_goes_when_the_preview_is_enough(explore, large, trained):
    explorer = explore(large, model=trained, preview=40)
    state = look(explorer)
    labels(state)
    explorer.map.zoom = explorer.map.zoom - 4
    until(lambda: state.viewport is None)
    assert not drawn(explorer)
    assert explorer.overlays["classes"] in explorer.map.layers


def test_no_view_of_what_is_too_large_or_elsewhere(large, monkeypatch):
    preview = Preview(large, 40)
    (south, _), (north, east) = bounds = preview.frame.bounds
    zoom = 14
    assert view_of(preview, bounds, zoom).window == Window(0, 0, SIZE, SIZE)
    aside = ((south, east + 1), (north, east + 2))
    assert view_of(preview, aside, zoom) is None
    assert view_of(preview, (), zoom) is None
    assert view_of(Preview(large, SIZE), bounds, zoom) is None
    monkeypatch.setattr(viewport, "MOST_PIXELS", SIZE * SIZE - 1)
    assert view_of(preview, bounds, zoom) is None


def test_it_follows_merges_colors_hidden_classes_and_views(
    explore, large, trained, truth
):
    explorer = explore(large, model=trained, preview=40)
    state, layers = look(explorer), explorer._overlays.detail.layers
    _, window = labels(state)
    first = state.viewport.classes
    explorer.recolor(1, "#123456")
    assert (0x12, 0x34, 0x56) in colors(layers["classes"].url)
    state.hidden = frozenset({1})
    assert (0x12, 0x34, 0x56) not in colors(layers["classes"].url)
    state.hidden = frozenset()
    state.view, state.chosen = "mask", 2
    only = {ImageColor.getrgb(state.table.colors[1])} if (first == 2).any() else set()
    assert colors(layers["classes"].url) == only
    state.view = "classes"
    before = len(colors(layers["classes"].url))
    explorer.merge([1, 2])
    assert len(colors(layers["classes"].url)) == before - 1
    assert state.viewport.classes is first
    state.opacity = 0.25
    assert layers["classes"].opacity == 0.25
    state.view = "confidence"
    assert not drawn(explorer)
    np.testing.assert_array_equal(first, truth[window])


def colors(url):
    picture = pixels_of(url)
    return {tuple(c) for c in picture[picture[..., 3] > 0][:, :3].tolist()}


def test_a_split_view_shows_the_image_left_and_classes_right(explore, large, trained):
    explorer = explore(large, model=trained, preview=40)
    state = look(explorer)
    labels(state)
    state.split = True
    assert drawn(explorer) == {"left", "right"}
    layers = explorer._overlays.detail.layers
    assert layers["left"].pane != layers["right"].pane
    assert layers["left"].url != layers["right"].url
    state.split = False
    assert drawn(explorer) == {"image", "classes"}


def test_before_training_the_image_alone_is_shown_below_the_classes(explore, large):
    explorer = explore(large, preview=40)
    state = look(explorer)
    until(lambda: drawn(explorer) == {"image"})
    assert state.viewport.classes is None
    shown = list(explorer.map.layers)
    detail = explorer._overlays.detail.layers["image"]
    assert shown.index(detail) < shown.index(explorer.overlays["classes"])
    row = state.viewport.view.window.row
    assert row == SIZE // 4
    assert len(np.unique(pixels_of(detail.url)[..., 0])) > 10


def test_a_move_cancels_what_is_computed(explore, large, trained, monkeypatch):
    begun, canceled = threading.Event(), []

    def slow(scene, model, window, stopped):
        begun.set()
        until(stopped)
        canceled.append(window)

    explorer = explore(large, model=trained, preview=40)
    monkeypatch.setattr(viewport, "classes_of", slow)
    state = look(explorer)
    assert begun.wait(10)
    monkeypatch.undo()
    look(explorer, (0.5, 0.5, 0.8, 0.8))
    _, window = labels(state)
    assert len(canceled) == 1
    assert window[0].start == pytest.approx(0.5 * SIZE, abs=1)


def test_moves_in_quick_succession_are_one(explore, large, trained, monkeypatch):
    calls = []
    compute = classes_of

    def counted(*args):
        calls.append(args[2])
        return compute(*args)

    monkeypatch.setattr(viewport, "classes_of", counted)
    explorer = explore(large, model=trained, preview=40)
    for step in range(8):
        state = look(explorer, (0.05 * step, 0.1, 0.05 * step + 0.3, 0.4))
        time.sleep(0.02)
    labels(state)
    assert len(calls) == 1


def test_training_is_interrupted_every_few_seconds_at_most(
    explore, large, trained, monkeypatch
):
    times = []
    compute = classes_of

    def timed(*args):
        times.append(time.monotonic())
        return compute(*args)

    monkeypatch.setattr(viewport, "classes_of", timed)
    monkeypatch.setattr(viewport, "PAUSE", 1.0)
    explorer = explore(large, model=trained, preview=40, steps=4000)
    state = look(explorer)
    labels(state)
    explorer.resume()
    until(lambda: len(times) >= 3)
    during = times[:]  # once the training has ended, the last model is shown at once
    explorer.stop()
    explorer.wait()
    assert min(np.diff(during)) >= 1.0
    # What is shown in the end is of the last model.
    until(lambda: state.viewport.snapshot is state.snapshot)
    found, window = labels(state)
    last = kt.segment(large, explorer.model).classes.values
    np.testing.assert_array_equal(found, last[window])


def test_a_lazy_scene_is_read_where_it_is_shown_only(large, trained):
    class Stored:
        def __init__(self, values):
            self.values, self.pixels = values, 0
            self.shape, self.dtype, self.ndim = values.shape, values.dtype, 3

        def __getitem__(self, index):
            block = self.values[index]
            self.pixels += block.size // len(block)
            return block

    stored = Stored(large.values)
    lazy = large.copy(data=da.from_array(stored, chunks=(4, 100, 100)))
    classes_of(lazy, trained, Window(90, 80, 20, 30))
    reach = trained.reach
    assert stored.pixels == (20 + 2 * reach) * (30 + 2 * reach)


def test_a_failure_is_told_and_the_next_view_works(
    explore, large, trained, monkeypatch
):
    def fail(*_):
        raise OSError("the file is gone")

    explorer = explore(large, model=trained, preview=40)
    monkeypatch.setattr(viewport, "read_part", fail)
    state = look(explorer)
    until(lambda: "the file is gone" in state.message)
    assert state.viewport is None
    monkeypatch.undo()
    look(explorer, (0.1, 0.1, 0.4, 0.4))
    labels(state)


def test_close_ends_the_thread(large, trained, eager):
    explorer = kt.explore(large, model=trained, preview=40)
    state = look(explorer)
    labels(state)
    assert any(t.name == "ktextures-viewport" for t in threading.enumerate())
    explorer.close()
    assert not any(t.name == "ktextures-viewport" for t in threading.enumerate())
    assert not state._trait_notifiers
    assert state.viewport is None


def test_scenes_that_the_preview_shows_whole_need_no_thread(explore, small, trained):
    explorer = explore(small, model=trained)
    look(explorer)
    time.sleep(0.5)
    closeup = explorer._closeup
    assert isinstance(closeup, Closeup)
    assert not any(t.name == "ktextures-viewport" for t in threading.enumerate())
