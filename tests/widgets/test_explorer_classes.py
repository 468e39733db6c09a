"""Names, colors, merges, and the panel of classes."""

import math

import numpy as np
import pytest
from explorer_tools import part, pixels_of
from PIL import ImageColor

from ktextures.errors import InputError
from ktextures.widgets._classes_panel import ClassesPanel


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


def test_merged_classes_stay_merged_in_a_continued_training(explore, small, trained):
    explorer = explore(small, model=trained, steps=1)
    explorer.merge([1, 3])
    explorer.resume()
    assert explorer.wait(60)
    assert explorer.model.record.steps == trained.record.steps + 1
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


def test_areas_without_crs_are_in_pixels(explore, plain, trained):
    explorer = explore(plain, model=trained)
    assert all(math.isnan(row.area_ha) for row in explorer.state.classes)
    assert "px" in part(explorer, ClassesPanel).rows[0].size.value
