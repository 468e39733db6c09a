"""Sweeps in the explorer, and the adoption of one k."""

import numpy as np
import pytest
from explorer_tools import part, pixels_of, until

import ktextures as kt
from ktextures.selection import sweep as module
from ktextures.widgets._choose_panel import ChoosePanel
from ktextures.widgets._progress_panel import StatusPanel


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setattr(module, "STEPS", 2)
    monkeypatch.setattr(module, "IMITATION", 1.0)


@pytest.fixture
def explorer(explore, small):
    opened = explore(small, k=3, steps=1)
    opened.state.first_k, opened.state.last_k = 2, 4
    return opened


def test_a_sweep_shows_each_k_as_it_is_found(explorer):
    seen = []
    explorer.state.observe(
        lambda change: (
            change["new"] is not None and seen.append(change["new"].k.values.tolist())
        ),
        "sweep",
    )
    panel = part(explorer, ChoosePanel)
    panel.sweep.click()
    assert panel.sweep.disabled
    assert explorer.wait(120)
    assert seen == [[2], [2, 3], [2, 3, 4]]
    assert sorted(panel.tiles) == [2, 3, 4]
    chosen = explorer.state.sweep.attrs["recommended_k"]
    for k, tile in panel.tiles.items():
        assert tile.button.description == f"k = {k}"
        assert ("recommended" in tile.text.value) == (k == chosen)
        assert f".{tile.name} {{ background-image: url(data:image/png" in (
            panel.style.value
        )
    assert "How classes divide from k = 2 to 4" in panel.lineage.value
    assert f"recommended: k = {chosen}" in explorer.state.message


def test_adopting_a_k_carries_colors_and_names_over(explorer, small):
    explorer.train()
    assert explorer.wait(60)
    explorer.rename(1, "water")
    before, held = explorer.result.classes.values, explorer.model
    explorer.sweep()
    assert explorer.wait(120)
    found = explorer.state.sweep
    part(explorer, ChoosePanel).tiles[4].button.click()
    assert explorer.wait(60)
    state = explorer.state
    assert (state.k, explorer.model.k, state.table.k) == (4, 4, 4)
    assert state.table.colors == tuple(found.color.sel(k=4).values)
    np.testing.assert_array_equal(explorer.result.classes, found.classes.sel(k=4))
    assert state.table.names.count("water") == 1
    segmented = kt.segment(small, explorer.model)
    np.testing.assert_array_equal(segmented.classes, explorer.result.classes)
    explorer.undo()
    np.testing.assert_array_equal(explorer.result.classes, before)
    assert explorer.model.to_bytes() == held.to_bytes()
    explorer.redo()
    assert explorer.model.k == 4
    explorer.resume()
    assert explorer.wait(60)
    assert explorer.model.record.steps == 3


def test_stop_keeps_what_a_sweep_has_found(explorer, monkeypatch):
    monkeypatch.setattr(module, "STEPS", 40)
    explorer.state.last_k = 12
    explorer.sweep()
    until(lambda: explorer.state.sweep is not None)
    assert not part(explorer, StatusPanel).stop.disabled
    explorer.stop()
    assert explorer.wait(30)
    count = explorer.state.sweep.sizes["k"]
    assert 1 <= count < 11
    assert f"Swept over {count} of 11 values" in explorer.state.message


def test_a_sweep_stopped_before_its_first_k_says_so(explorer, monkeypatch):
    monkeypatch.setattr(module, "STEPS", 100_000)
    explorer.sweep()
    until(lambda: explorer.state.message.startswith("Sweeping"))
    explorer.stop()
    assert explorer.wait(30)
    assert explorer.state.message == "The sweep was stopped before its first k."
    assert explorer.state.sweep is None


def test_a_sweep_that_fails_keeps_the_one_before(explorer, monkeypatch):
    explorer.sweep()
    assert explorer.wait(120)
    found = explorer.state.sweep
    explorer.state.first_k = 5
    explorer.sweep()
    assert explorer.wait(30)
    assert explorer.state.sweep is found
    explorer.state.first_k = 2
    monkeypatch.setattr(module, "STEPS", 100_000)
    explorer.sweep()
    until(lambda: explorer.state.message.startswith("Sweeping"))
    explorer.stop()
    assert explorer.wait(30)
    assert explorer.state.sweep is found


def test_undo_of_an_adoption_shows_the_progress_of_the_model_before(explorer):
    explorer.train()
    assert explorer.wait(60)
    losses = list(explorer.state.losses)
    explorer.sweep()
    assert explorer.wait(120)
    explorer.adopt(4)
    assert explorer.wait(60)
    assert len(explorer.state.losses) == 2
    explorer.undo()
    assert explorer.state.losses == losses
    assert explorer.state.message == "Undid the last change."


def test_two_tasks_at_once_are_refused(explorer, monkeypatch):
    monkeypatch.setattr(module, "STEPS", 100_000)
    explorer.sweep()
    for command in (explorer.sweep, explorer.train, lambda: explorer.adopt(3)):
        command()
        assert explorer.state.message == "Another task is running; press Stop first."
    explorer.stop()
    assert explorer.wait(30)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"first_k": 5, "last_k": 3}, "from k = 5 to 3"),
        ({"preset": "paper"}, "needs preset 'default'"),
        ({"last_k": 120, "first_k": 119}, "choose a smaller k"),
    ],
)
def test_impossible_sweeps_say_why(explore, settings, message):
    scene = kt.datasets.synthetic(64, k=2, seed=1).scene
    few = (scene > scene.mean()).astype("float32")  # 2 values in each band
    explorer = explore(few if settings.get("last_k") == 120 else scene)
    for name, value in settings.items():
        setattr(explorer.state, name, value)
    explorer.sweep()
    assert explorer.wait(60)
    assert message in explorer.state.message
    assert explorer.state.sweep is None


def test_adopting_without_a_sweep_says_why(explorer):
    explorer.adopt(3)
    assert explorer.wait(30)
    assert explorer.state.message == "there is no sweep yet; press Sweep first."


def test_small_maps_follow_the_view(explorer):
    explorer.sweep()
    assert explorer.wait(120)
    panel = part(explorer, ChoosePanel)
    (south, west), (north, east) = explorer.preview.frame.bounds
    middle = (south + north) / 2, (west + east) / 2
    whole = pictures(panel)
    explorer.map.set_trait("bounds", ((middle[0], west), (north, middle[1])))
    part_of = pictures(panel)
    for k in (2, 3, 4):
        height, width = whole[k].shape[:2]
        quarter = whole[k][: height // 2, : width // 2]
        rows, cols = part_of[k].shape[:2]
        assert abs(rows - height // 2) <= 1
        assert abs(cols - width // 2) <= 1
        same = (part_of[k][: height // 2, : width // 2] == quarter[:rows, :cols]).all(
            -1
        )
        assert same.mean() > 0.9


def pictures(panel):
    """Pixels of the small maps, by k."""
    found = {}
    for k, tile in panel.tiles.items():
        rule = panel.style.value.split(f".{tile.name} {{")[1]
        found[k] = pixels_of(rule.split("url(")[1].split(")")[0])
    return found
