"""Buttons and settings."""

import io
import math
from dataclasses import replace

import numpy as np
import pytest
import traitlets
from explorer_tools import part, until
from PIL import Image

from ktextures.training.presets import default
from ktextures.widgets._progress_panel import StatusPanel, loss_curve
from ktextures.widgets._train_panel import ControlsPanel
from ktextures.widgets._view_panel import ViewPanel


def test_buttons_follow_the_status(explore, small):
    explorer = explore(small, steps=500)
    panel, status = part(explorer, ControlsPanel), part(explorer, StatusPanel)
    assert status.stop.disabled
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
    status.stop.click()
    explorer.wait(60)
    assert status.stop.disabled
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
    assert fields["imitation weight"].value == default.loss_weights["imitation"]
    fields["imitation weight"].value = 0.7
    fields["learning rate"].value = 0.002
    explorer.train()
    assert explorer.wait(60)
    used = explorer.model.record.provenance["preset_settings"]
    assert used["loss_weights"] == {**default.loss_weights, "imitation": 0.7}
    assert used["learning_rate"] == 0.002
    explorer.state.loss_weights = {}
    assert fields["imitation weight"].value == default.loss_weights["imitation"]


def test_weights_are_those_of_the_preset(explore, small):
    explorer = explore(small, loss_weights={"dictionary": 2.0})
    explorer.state.preset = "paper"
    assert explorer.state.loss_weights == {}
    panel = part(explorer, ControlsPanel)
    names = [w.description for w in (panel.rate, *panel.weights.children)]
    assert names == ["learning rate", "features 1 weight", "features 2 weight"]
    explorer.state.loss_weights = {"features 2": 0.5}
    assert panel.weights.children[1].value == 0.5


def test_weights_of_unknown_losses_fail_with_a_message(explore, small):
    explorer = explore(small, loss_weights={"smooth": 1.0})
    explorer.train()
    assert explorer.wait(60)
    assert explorer.state.status == "failed"
    assert "dictionary, imitation" in explorer.state.message


def test_preset_object_is_used(explore, small):
    preset = replace(default, steps=2, tile_size=48, loss_weights={"imitation": 0.6})
    explorer = explore(small, preset=preset)
    assert (explorer.state.preset, explorer.state.steps) == ("default", 2)
    panel = part(explorer, ControlsPanel)
    assert [field.value for field in panel.weights.children] == [1.0, 0.6, 1.0, 0.3]
    explorer.train()
    assert explorer.wait(60)
    used = explorer.model.record.provenance["preset_settings"]
    assert used["tile_size"] == 48
    assert used["loss_weights"]["imitation"] == 0.6


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["opacity", "learning_rate", "texture_scale"])
def test_numbers_that_are_not_finite_are_refused(explore, small, name, number):
    state = explore(small).state
    before = getattr(state, name)
    with pytest.raises(traitlets.TraitError, match=f"{name}"):
        setattr(state, name, number)
    assert getattr(state, name) == before


def test_not_a_number_in_a_widget_is_taken_back(explore, small):
    explorer = explore(small)
    panel, view = part(explorer, ControlsPanel), part(explorer, ViewPanel)
    view.opacity.value = math.nan
    assert view.opacity.value == explorer.state.opacity == 0.8
    assert "opacity must be a finite number, got nan" in explorer.state.message
    field = panel.weights.children[0]
    field.value = math.nan
    assert field.value == 1.0
    assert explorer.state.loss_weights == {}
    with pytest.raises(traitlets.TraitError, match="must be a float"):
        explorer.state.loss_weights = {"dictionary": math.nan}


def test_only_say_writes_messages(explore, small):
    state = explore(small).state
    with pytest.raises(traitlets.TraitError, match="read-only"):
        state.message = "no"
    state.say("Ready.", "done")
    assert (state.message, state.status) == ("Ready.", "done")
