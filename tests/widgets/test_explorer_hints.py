"""Hints in the explorer: clicks and outlines, the list, files, and suggestions."""

import json

import numpy as np
import pytest
from explorer_tools import box, part
from test_explorer_point import click

import ktextures as kt
from ktextures.errors import InputError
from ktextures.widgets._hints_panel import HintsPanel


def wanted(explorer, row, col):
    """A class that the pixel does not have."""
    own = int(explorer.result.classes.values[row, col])
    return own % explorer.state.table.k + 1


@pytest.fixture
def drawn(explore, plain, trained, brief_hints):
    """Explorer of a scene without CRS, in which whatever is drawn is a hint."""
    explorer = explore(plain, model=trained)
    explorer.state.hinting = True
    return explorer


@pytest.mark.parametrize("located", [True, False])
@pytest.mark.usefixtures("compiled")
def test_a_click_becomes_a_hint_that_the_model_follows(
    explore, small, plain, trained, located
):
    explorer = explore(small if located else plain, model=trained)
    held, before = explorer.model.to_bytes(), explorer.model.record.steps
    value = wanted(explorer, 20, 30)
    click(explorer, 20, 30)
    assert len(explorer.state.hints) == 0
    explorer.state.hinting, explorer.state.hint_class = True, value
    click(explorer, 20, 30)
    assert explorer.wait(60)
    assert explorer.result.classes.values[20, 30] == value
    assert explorer.model.hints == explorer.state.hints
    assert explorer.state.message.endswith("with 1 hint.")
    assert explorer.model.record.steps == before + kt.presets.default.hinted_steps
    feature = explorer._hint_layer.layer.data["features"][0]
    x, y = feature["geometry"]["coordinates"]
    assert (y, x) == pytest.approx(explorer.preview.position(20, 30))
    color = explorer.state.table.colors[value - 1]
    assert feature["properties"]["style"]["fillColor"] == color
    assert explorer._hint_layer.layer in explorer.map.layers
    explorer.state.hints_visible = False
    assert explorer._hint_layer.layer not in explorer.map.layers
    explorer.remove_hint(0)
    assert explorer.wait(60)
    assert explorer.model.to_bytes() == held


def test_hints_are_applied_to_the_model_before_hints(drawn, brief_hints):
    before = drawn.model.record.steps
    first, second = wanted(drawn, 10, 10), wanted(drawn, 40, 40)
    drawn.hint(10, 10, first)
    drawn.hint(40, 40, second)
    assert drawn.wait(60)
    shown = drawn.result.classes.values
    assert (shown[10, 10], shown[40, 40]) == (first, second)
    assert drawn.model.record.steps == before + brief_hints


def test_an_outline_becomes_a_hint(drawn):
    value = wanted(drawn, 15, 15)
    drawn.state.hint_class = value
    drawn._drawn(box(10, 12, 20, 22))
    assert drawn.wait(60)
    assert drawn.state.area is None
    shown = drawn.result.classes.values[12:22, 10:20]
    assert (shown == value).mean() >= 0.95


def test_hints_are_moved_listed_and_deleted_in_the_panel(drawn):
    panel = part(drawn, HintsPanel)
    drawn.state.hint_class = wanted(drawn, 5, 6)
    click(drawn, 5, 6)
    assert drawn.wait(60)
    assert "row 5, column 6" in panel.rows[0].label.value
    panel.rows[0].move.click()
    assert drawn.state.message == "Click the map where hint 1 shall be."
    click(drawn, 8, 9)
    assert drawn.wait(60)
    assert len(drawn.state.hints) == 1
    assert drawn.state.hints[0].geometry["coordinates"] == (9, 8)
    panel.rows[0].delete.click()
    assert drawn.wait(60)
    assert panel.rows == []
    assert panel.count.value == "0 hints"


def test_hints_are_exported_and_imported_by_name(drawn, tmp_path):
    panel = part(drawn, HintsPanel)
    drawn.rename(2, "meadow")
    drawn.hint(5, 6, 2)
    assert drawn.wait(60)
    panel.path.value = str(tmp_path / "hints.geojson")
    panel.save.click()
    content = json.loads((tmp_path / "hints.geojson").read_text())
    assert content["features"][0]["properties"] == {"class": "meadow"}
    drawn.clear_hints()
    assert drawn.wait(60)
    panel.load.click()
    assert drawn.wait(60)
    assert [hint.class_ for hint in drawn.state.hints] == [2]
    panel.path.value = str(tmp_path / "missing.geojson")
    panel.load.click()
    assert "missing.geojson" in drawn.state.message


def test_hints_follow_merged_split_and_changed_classes(drawn):
    drawn.hint(5, 6, 2)
    assert drawn.wait(60)
    drawn.merge([1, 2])
    panel = part(drawn, HintsPanel)
    assert "1: class 1" in panel.rows[0].label.value
    drawn.undo()
    assert "2: class 2" in panel.rows[0].label.value
    drawn.state.k, drawn.state.steps = 4, 1
    drawn.resume()
    assert drawn.wait(60)
    (hint,) = drawn.state.hints
    assert hint.class_ == drawn.result.classes.values[5, 6]
    assert drawn.model.hints == drawn.state.hints


def test_a_hint_while_a_class_is_split_is_kept(drawn, monkeypatch):
    import ktextures.training.divide as divide

    own, value = divide.split, wanted(drawn, 5, 6)

    def hinting(*arguments, **options):
        drawn.hint(5, 6, value)
        return own(*arguments, **options)

    monkeypatch.setattr(divide, "split", hinting)
    drawn.split(3 if value != 3 else 2)
    assert drawn.wait(60)
    (hint,) = drawn.state.hints
    assert drawn.state.mapping[hint.class_ - 1] == value
    assert len(drawn.model.hints) == 0
    drawn.state.steps = 1
    drawn.resume()
    assert drawn.wait(60)
    assert drawn.model.hints == drawn.state.hints
    assert drawn.result.classes.values[5, 6] == value


def test_hints_before_training_guide_it(explore, plain):
    explorer = explore(plain, k=3, steps=40)
    explorer.hint(5, 6, 3)
    assert explorer.state.message == "The next training follows the hints; press Train."
    explorer.train()
    assert explorer.wait(120)
    assert explorer.result.classes.values[5, 6] == 3
    assert explorer.model.hints == explorer.state.hints


@pytest.mark.usefixtures("compiled")
def test_a_hint_during_a_training_is_followed(explore, plain):
    explorer = explore(plain, k=3, steps=100_000)
    explorer.train()
    until_step(explorer, 5)
    value = wanted(explorer, 5, 6)
    explorer.hint(5, 6, value)
    until_step(explorer, explorer.state.step + kt.presets.default.hinted_steps)
    explorer.stop()
    assert explorer.wait(60)
    assert explorer.result.classes.values[5, 6] == value


def until_step(explorer, step):
    from explorer_tools import until

    until(lambda: explorer.state.step >= step and explorer.result is not None, 120)


def test_hints_inside_the_area_guide_a_training_on_it(drawn):
    drawn.train_on(box(0, 0, 40, 40))
    value = wanted(drawn, 30, 10)
    drawn.hint(60, 60, wanted(drawn, 60, 60))
    drawn.hint(30, 10, value)
    assert drawn.wait(60)
    assert drawn.result.classes.values[30, 10] == value
    assert len(drawn.model.hints) == 2
    assert "with 1 of 2 hints; the others are outside" in drawn.state.message


def test_where_next_shows_a_place(drawn):
    panel = part(drawn, HintsPanel)
    panel.next.click()
    assert drawn.wait(60)
    row, col = drawn.state.place
    assert drawn.map.center == pytest.approx(drawn.preview.position(row, col))
    assert f"A hint at row {row}, column {col} would help most" in drawn.state.message
    assert drawn.state.hint_class == drawn.result.classes.values[row, col]


def test_hints_that_cannot_be_used_are_refused(drawn):
    with pytest.raises(InputError, match="outside the scene"):
        drawn.hint(1000, 0, 1)
    with pytest.raises(InputError, match="no class 9 to hint at"):
        drawn.hint(1, 1, 9)
    with pytest.raises(InputError, match="there is no hint 4 to move"):
        drawn.move_hint(3, 1, 1)
    with pytest.raises(InputError, match="there is no hint 1; there are 0"):
        drawn.remove_hint(0)
    click(drawn, -500, 3)
    assert len(drawn.state.hints) == 0


def test_a_new_training_keeps_number_name_and_color_of_hinted_classes(drawn):
    drawn.rename(3, "pond")
    drawn.recolor(3, "teal")
    drawn.hint(7, 8, 3)
    assert drawn.wait(60)
    drawn.state.steps = 40
    drawn.train()
    assert drawn.wait(120)
    assert drawn.result.classes.values[7, 8] == 3
    assert drawn.state.table.names[2] == "pond"
    assert drawn.state.table.colors[2] == "#008080"
    assert len(set(drawn.state.table.colors)) == 3
    assert np.unique(drawn.model.classes.names).size == 3
