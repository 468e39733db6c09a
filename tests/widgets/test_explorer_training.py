"""Real training of tiny scenes: progress, stop, pause, and another k."""

import time
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from explorer_tools import CHEAP, pixels_of, until

import ktextures as kt


def test_training_updates_the_map_and_gives_model_and_result(explore, small):
    explorer = explore(small, steps=4)
    urls, state = [], explorer.state
    explorer.overlays["classes"].observe(
        lambda change: urls.append(change["new"]), "url"
    )
    explorer.train()
    assert explorer.wait(120)
    assert (state.status, state.traceback) == ("done", "")
    assert (state.step, state.goal, len(state.losses)) == (4, 4, 4)
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
    state.steps = 1
    explorer.resume()
    assert explorer.wait(120)
    assert (state.step, explorer.model.record.steps) == (5, 5)


def test_the_map_is_colored_before_the_first_step(explore, small):
    explorer = explore(small, steps=1)
    seen = []
    explorer.state.observe(lambda _: seen.append(explorer.state.snapshot), "version")
    explorer.train()
    explorer.wait(120)
    assert [look.step for look in seen[:2]] == [0, 0]
    assert set(np.unique(seen[0].classes)) == {1, 2, 3}


def test_classes_keep_their_numbers_when_training_ends(explore, small, monkeypatch):
    # Not re-sorted by brightness: the user knows them by these numbers.
    monkeypatch.setattr(
        "ktextures.training.conclude.canonical_order",
        lambda light: np.arange(len(light))[::-1],
    )
    explorer = explore(small, steps=1)
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
    assert before <= explorer.model.record.steps <= before + 2
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


def test_pause_holds_and_continue_goes_on(explore, small):
    explorer = explore(small, steps=500)
    explorer.train()
    until(lambda: explorer.state.step >= 1)
    explorer.pause()
    assert explorer.state.status == "paused"
    until(lambda: explorer.state.step == len(explorer.model.record.losses["loss"]))
    held = explorer.model
    time.sleep(0.5)
    assert explorer.model is held
    assert explorer.state.step == held.record.steps
    explorer.rename(1, "held")
    explorer.resume()
    until(lambda: explorer.state.step > held.record.steps)
    explorer.pause()
    explorer.stop()
    assert explorer.wait(30)
    assert explorer.state.status == "done"
    assert explorer.model.classes.names[0] == "held"


def test_second_train_is_refused_with_a_message(explore, small):
    explorer = explore(small, steps=500)
    explorer.train()
    explorer.train()
    assert explorer.state.message == "Another task is running; press Stop first."
    assert explorer.state.status == "training"
    assert explorer.state.traceback == ""
    explorer.apply()
    explorer.stop()
    assert explorer.wait(60)


def test_more_classes_while_training_keep_the_colors_of_the_others(
    explore, small, trained
):
    explorer = explore(small, model=trained, steps=500)
    state, seen = explorer.state, []
    explorer.rename(1, "first")
    explorer.resume()
    until(lambda: state.step > trained.record.steps)
    state.observe(
        lambda _: seen.append((state.shown_classes(), state.table)), "version"
    )
    explorer.recolor(1, "#102030")
    colors = state.table.colors
    state.k = 4
    until(lambda: state.table.k == 4 or state.status != "training")
    explorer.stop()
    assert explorer.wait(60)
    assert (state.traceback, explorer.model.k) == ("", 4)
    assert state.table.colors[:3] == colors
    assert state.table.names[0] == "first"
    assert state.table.colors[3] not in colors
    # The classes that were not split stay where they were.
    index = next(i for i, (_, table) in enumerate(seen) if table.k == 4)
    before, after = seen[index - 1][0], seen[index][0]
    same = [(after[before == value] == value).mean() for value in (1, 2, 3)]
    assert sorted(same)[1] > 0.9


def test_fewer_classes_while_training(explore, small, trained):
    explorer = explore(small, model=trained, steps=500)
    explorer.resume()
    until(lambda: explorer.state.step > trained.record.steps)
    colors = set(explorer.state.table.colors)
    explorer.state.k = 2
    until(lambda: explorer.state.table.k == 2 or not explorer.state.busy)
    explorer.stop()
    assert explorer.wait(60)
    assert (explorer.state.traceback, explorer.model.k) == ("", 2)
    assert set(explorer.state.table.colors) < colors


def test_paper_preset_starts_over_with_another_k(explore, small):
    explorer = explore(small, preset="paper", steps=2)
    state, ks = explorer.state, []
    state.observe(lambda _: ks.append(len(state.snapshot.textures)), "version")
    state.observe(
        lambda change: setattr(state, "k", 4) if change["new"] == 1 else None, "step"
    )
    explorer.train()
    assert explorer.wait(200)
    assert state.traceback == ""
    assert set(ks) == {3, 4}
    assert (explorer.model.k, explorer.model.record.steps) == (4, 2)


def test_new_training_keeps_colors_where_classes_overlap(explore, small, trained):
    explorer = explore(small, model=trained, steps=1)
    explorer.recolor(1, "#ff0000")
    explorer.rename(1, "water")
    explorer.train()
    assert explorer.wait(60)
    assert explorer.model.record.steps == 1
    assert "#ff0000" in explorer.state.table.colors


def test_failures_are_shown_and_the_explorer_stays_usable(explore, small):
    class Broken(kt.FilterBank):
        def fit(self, *_):
            raise RuntimeError("no such luck")

    explorer = explore(small, steps=1, features=Broken(1, 1))
    explorer.train()
    assert explorer.wait(60)
    assert explorer.state.status == "failed"
    assert explorer.state.message == "RuntimeError: no such luck"
    assert "in fit" in explorer.state.traceback
    explorer._trainer.settings = replace(explorer._trainer.settings, **CHEAP)
    explorer.train()
    assert explorer.wait(60)
    assert (explorer.state.status, explorer.state.traceback) == ("done", "")


def test_reset_discards_everything_but_the_settings(explore, small, trained):
    explorer = explore(small, model=trained, steps=3)
    explorer.train_on(None)
    explorer.reset()
    state = explorer.state
    assert (state.status, state.message, state.step) == ("idle", "", 0)
    assert (state.losses, state.snapshot, state.classes) == ([], None, ())
    assert (explorer.model, explorer.result) == (None, None)
    assert (state.k, state.steps) == (3, 3)
    assert pixels_of(explorer.overlays["classes"].url).shape[:2] == (1, 1)
