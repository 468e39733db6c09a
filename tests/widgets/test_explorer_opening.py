"""Opening, applying, showing in a notebook, and closing."""

import base64
import io
import math
import re
import sys
import threading
from inspect import signature

import numpy as np
import pytest
import xarray as xr
from explorer_tools import CHEAP, pixels_of, until
from ipywidgets.widgets.widget import _instances
from PIL import Image, ImageColor

import ktextures as kt
from ktextures.errors import InputError, MissingExtraError


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


@pytest.mark.filterwarnings("ignore:the chunks of the scene are")
def test_applying_can_be_canceled(explore, small, trained, monkeypatch):
    monkeypatch.setattr("ktextures.widgets._applying.BLOCK", 16)
    monkeypatch.setattr("ktextures.blocks.plan.SIDE", 16)
    explorer = explore(small, model=trained, preview=32)
    explorer.state.observe(
        lambda change: change["new"] > 0 and explorer.stop(), "progress"
    )
    explorer.apply()
    assert explorer.wait(60)
    assert "Canceled" in explorer.state.message
    assert explorer.state.progress == pytest.approx(1 / 16)
    assert explorer.result.classes.shape == (32, 32)


def test_saved_notebooks_get_a_picture(shown):
    bundle = shown._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    picture = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert picture.size == (64, 64)
    assert bundle["image/png"] in bundle["text/html"]
    for kind in ("text/html", "text/plain"):
        assert "live map needs a running kernel and Jupyter widgets" in bundle[kind]


def test_state_has_a_picture_and_facts_in_notebooks(explore, small, trained):
    state = explore(small, model=trained).state
    state.say("<b>7 & 8</b>")
    html = state._repr_html_()
    assert "k = 3 · done · step 6 of 6 · &lt;b&gt;7 &amp; 8&lt;/b&gt;" in html
    picture = pixels_of(re.search('src="([^"]+)"', html)[1])
    colors = np.array([ImageColor.getrgb(color) for color in state.table.colors])
    assert np.array_equal(picture[..., :3], colors[state.snapshot.classes - 1])


def test_state_before_training_has_facts_alone(explore, small):
    html = explore(small).state._repr_html_()
    assert "k = 3 · idle · step 0 of 0" in html
    assert "<img" not in html


def test_picture_of_a_large_preview_is_small(explore, trained):
    scene = kt.datasets.synthetic(300, k=3, bands=4, seed=1).scene
    html = explore(scene, model=trained).state._repr_html_()
    assert pixels_of(re.search('src="([^"]+)"', html)[1]).shape[:2] == (150, 150)


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


def test_unknown_arguments_are_a_type_error(small):
    with pytest.raises(TypeError, match="unexpected keyword argument 'color_of_sky'"):
        kt.explore(small, color_of_sky="blue")


def test_explore_and_explorer_take_the_same_arguments():
    first, second = (
        [
            (each.name, each.kind, each.default)
            for each in signature(of).parameters.values()
        ]
        for of in (kt.explore, kt.Explorer)
    )
    assert first == second


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 1}, "k must be a whole number from 2 to 128, got 1."),
        ({"k": "6"}, "k must be a whole number from 2 to 128, got '6'."),
        ({"steps": 0}, "steps must be a whole number from 1 to 1000000, got 0."),
        ({"steps": True}, "steps must be a whole number from 1 to 1000000, got True."),
        ({"seed": -1}, "seed must be a whole number from 0 to 2147483647"),
        ({"texture_scale": -1.0}, "texture_scale must be 0 (color only) to 16 pixels"),
        ({"texture_scale": "fine"}, "or 'auto', got 'fine'."),
        ({"learning_rate": 0}, "learning_rate must be a number above 0 and up to 1"),
        ({"learning_rate": math.nan}, "learning_rate must be a number above 0"),
        ({"loss_weights": {"imitation": math.nan}}, "loss_weights must be a mapping"),
        ({"loss_weights": 0.3}, "loss_weights must be a mapping of loss names"),
        ({"preset": "best"}, "preset is 'best'; choose from default, paper"),
        ({"bands": ["infra"]}, "no band 'infra'"),
        ({"preview": 0}, "preview must be a whole number of at least 1 pixel, got 0."),
        ({"preview": 100.5}, "preview must be a whole number of at least 1 pixel"),
        ({"preview": "large"}, "at least 1 pixel, got 'large'."),
        ({"preview": True}, "at least 1 pixel, got True."),
    ],
)
def test_unusable_arguments_are_refused(small, arguments, message):
    with pytest.raises(InputError, match=re.escape(message)):
        kt.explore(small, **arguments)


def test_numbers_of_numpy_are_accepted(explore, small):
    given = {"k": np.int64(4), "steps": np.int32(5), "preview": np.int64(32)}
    state = explore(small, texture_scale=np.float32(1.5), **given).state
    assert (state.k, state.steps, state.texture_scale) == (4, 5, 1.5)


def test_steps_are_those_of_the_preset(explore, small):
    assert explore(small).state.steps == 600
    assert explore(small, preset="paper").state.steps == 10_240


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
