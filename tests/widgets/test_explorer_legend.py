"""Classes assigned to a legend in the explorer, with undo, files, and colors."""

import numpy as np
import pytest
from explorer_tools import part, pixels_of
from PIL import ImageColor

import ktextures as kt
from ktextures.errors import InputError
from ktextures.widgets._classes_panel import ClassesPanel
from ktextures.widgets._legend_panel import LegendPanel

NLCD = {"water": 11, "forest": 41}


def select(explorer, *values):
    for row in part(explorer, ClassesPanel).rows:
        row.pick.value = row.value in values


def assignment(explorer):
    found = explorer.state.table.assignment
    return None if found is None else found.classes()


def test_assign_selected_makes_a_legend_and_is_undone(shown):
    panel = part(shown, LegendPanel)
    assert panel.entries == []
    select(shown, 1, 3)
    panel.name.value = "forest"
    panel.assign.click()
    assert assignment(shown) == {"forest": (1, 3)}
    assert [entry.value for entry in panel.entries] == ["forest", "no entry", "forest"]
    panel.entries[0].value = "no entry"
    assert assignment(shown) == {"forest": (3,)}
    select(shown, 2)
    panel.name.value = "water"
    panel.assign.click()
    assert assignment(shown) == {"forest": (3,), "water": (2,)}
    assert shown.legend.codes == (1, 2)
    for wanted in ({"forest": (3,)}, {"forest": (1, 3)}, None):
        shown.undo()
        assert assignment(shown) == wanted
    assert panel.entries == []
    shown.redo()
    assert assignment(shown) == {"forest": (1, 3)}


def test_the_map_is_drawn_in_the_colors_of_the_legend(shown):
    shown.use_legend({"water": "#0000ff", "forest": "#00ff00"})
    shown.assign([1, 2], "forest")
    own = ImageColor.getrgb(shown.state.table.colors[2])
    panel = part(shown, LegendPanel)
    panel.by_legend.value = True
    image = pixels_of(shown.overlays["classes"].url)
    found = {tuple(c[:3]) for c in np.unique(image.reshape(-1, 4), axis=0) if c[3]}
    assert found == {(0, 255, 0), own}
    panel.by_legend.value = False
    image = pixels_of(shown.overlays["classes"].url)
    assert len(np.unique(image[image[..., 3] > 0], axis=0)) == 3


def test_results_and_models_hold_the_legend(shown):
    legend = kt.Legend(tuple(NLCD), ("#0000ff", "#00ff00"), tuple(NLCD.values()))
    shown.use_legend(legend)
    shown.assign([1], "water")
    shown.assign([2, 3], "forest")
    codes = kt.to_legend(shown.result.classes).values
    classes = shown.result.classes.values
    np.testing.assert_array_equal(codes == 41, np.isin(classes, [2, 3]))
    assert shown.model.assignment == {"water": (1,), "forest": (2, 3)}
    shown.merge([1, 2])
    assert assignment(shown) == {"water": (1,), "forest": (2,)}
    shown.discard([1])
    assert assignment(shown) == {"forest": (1,)}


def test_parts_of_a_class_have_its_entry(shown):
    shown.assign([3], "forest")
    shown.split(3)
    assert shown.wait(60)
    assert assignment(shown) == {"forest": (3, 4)}
    assert shown.model.assignment == {"forest": (3, 4)}


def test_legends_are_loaded_and_saved(shown, tmp_path):
    panel = part(shown, LegendPanel)
    path = tmp_path / "nlcd.csv"
    path.write_text("name,color,code\nwater,#0000ff,11\nforest,#00ff00,41\n")
    shown.rename(2, "forest")
    panel.path.value = str(path)
    panel.load.click()
    assert shown.state.message == "The legend has 2 entries."
    assert assignment(shown) == {"forest": (2,)}
    panel.path.value = str(tmp_path / "mine.csv")
    panel.save.click()
    assert kt.Legend.read(tmp_path / "mine.csv") == shown.legend
    panel.path.value = str(tmp_path / "missing.csv")
    panel.load.click()
    assert "missing.csv" in shown.state.message
    shown.use_legend(None)
    with pytest.raises(InputError, match="no legend to save"):
        shown.save_legend(tmp_path / "none.csv")


def test_assignments_that_cannot_be_made_are_refused(shown):
    panel = part(shown, LegendPanel)
    select(shown)
    panel.name.value = "forest"
    panel.assign.click()
    assert shown.state.message == "select one class or more to assign."
    with pytest.raises(InputError, match="there is no class 9"):
        shown.assign([9], "forest")
    with pytest.raises(InputError, match="is not a"):
        shown.assign([1], "two\nlines")
    assert assignment(shown) is None


@pytest.mark.usefixtures("compiled")
def test_hints_and_a_new_training_keep_the_assignment(shown, brief_hints):
    shown.assign([1, 2], "land")
    shown.hint(5, 6, 2)
    assert shown.wait(60)
    assert shown.model.assignment == {"land": (1, 2)}
    shown.state.steps = 40
    shown.train()
    assert shown.wait(120)
    assert len(assignment(shown)["land"]) == 2
    assert 2 in assignment(shown)["land"]
