"""Split, set to nodata, undo and redo, profiles, and what a class has learned."""

import numpy as np
import pytest
from explorer_tools import part, pixels_of

import ktextures as kt
from ktextures.errors import InputError
from ktextures.widgets._classes_panel import ClassesPanel


@pytest.fixture(scope="module")
def varied():
    """Scene and model of two classes, the second of which holds two textures."""
    scene = kt.datasets.synthetic(96, k=3, seed=1, contrast="both").scene
    model = kt.train(scene, k=3, steps=6, seed=1, progress=False)
    return scene, kt.merge(model, [2, 3], name="meadow")


@pytest.fixture
def explorer(explore, varied):
    scene, model = varied
    return explore(scene, model=model)


def test_split_keeps_the_other_classes(explorer, varied):
    before = explorer.result.classes.values
    explorer.split(2, into=2)
    assert explorer.wait(60)
    after = explorer.result.classes.values
    assert explorer.state.table.names == ("class 1", "meadow", "meadow, part 2")
    assert (after[before == 1] == 1).mean() > 0.99
    assert np.isin(after[before == 2], [2, 3]).mean() > 0.99
    assert explorer.model.k == explorer.state.k == 3
    assert explorer.model.classes.ancestors(3) == ("meadow", "class 2", "class 3")
    assert varied[1].k == 2


def test_undo_and_redo_of_a_split(explorer):
    before, held = explorer.result.classes.values, explorer.model
    explorer.split(2)
    assert explorer.wait(60)
    split = explorer.result.classes.values
    explorer.rename(3, "swamp")
    explorer.undo()
    assert explorer.state.table.names[2] == "meadow, part 2"
    explorer.undo()
    np.testing.assert_array_equal(explorer.result.classes, before)
    assert (explorer.model.k, explorer.state.k) == (2, 2)
    assert explorer.model.to_bytes() == held.to_bytes()
    assert not explorer.state.can_undo
    explorer.redo()
    explorer.redo()
    np.testing.assert_array_equal(explorer.result.classes, split)
    assert explorer.state.table.names[2] == "swamp"
    assert explorer.model.classes.names[2] == "swamp"
    assert not explorer.state.can_redo
    explorer.redo()
    assert explorer.state.message == "There is nothing to redo."


def test_a_new_change_ends_redo(explorer):
    explorer.rename(1, "water")
    explorer.undo()
    assert explorer.state.can_redo
    explorer.recolor(1, "teal")
    assert not explorer.state.can_redo


def test_further_training_makes_a_split_final(explorer):
    explorer.split(2)
    assert explorer.wait(60)
    explorer.state.steps = 1
    explorer.resume()
    assert explorer.wait(60)
    assert explorer.model.k == 3
    assert not explorer.state.can_undo


def test_split_of_a_merged_class_takes_it_as_a_whole(explorer):
    explorer.split(2)
    assert explorer.wait(60)
    explorer.merge([2, 3])
    merged = explorer.result.classes.values
    explorer.split(2)
    assert explorer.wait(60)
    after = explorer.result.classes.values
    assert explorer.state.table.k == 3
    assert np.isin(after[merged == 2], [2, 3]).mean() > 0.99
    assert (after[merged == 1] == 1).mean() > 0.99


def test_a_split_that_is_not_possible_says_why(explorer):
    explorer.split(2, into=127)
    assert explorer.wait(60)
    assert explorer.state.status == "done"
    assert "too few for 127 parts" in explorer.state.message
    assert explorer.model.k == 2
    with pytest.raises(InputError, match="there is no class 3"):
        explorer.split(3)


def test_nodata_and_undo(explorer):
    explorer.split(2)
    assert explorer.wait(60)
    before = explorer.result.classes.values
    explorer.discard([2])
    after = explorer.result.classes.values
    np.testing.assert_array_equal(after == 0, before == 2)
    np.testing.assert_array_equal(after == 2, before == 3)
    assert explorer.state.table.names == ("class 1", "meadow, part 2")
    assert explorer.model.classes.names == ("class 1", "meadow", "meadow, part 2")
    explorer.rename(2, "swamp")
    assert explorer.model.classes.names == ("class 1", "meadow", "swamp")
    explorer.state.steps = 1
    explorer.resume()
    assert explorer.wait(60)
    assert explorer.state.mapping == (1, 0, 2)
    assert set(np.unique(explorer.result.classes)) == {0, 1, 2}


def test_all_classes_cannot_be_merged_or_nodata(explorer):
    with pytest.raises(InputError, match="cannot merge all 2 classes"):
        explorer.merge([1, 2])
    for values in ([], [1, 2]):
        with pytest.raises(InputError, match="but not all"):
            explorer.discard(values)
    with pytest.raises(InputError, match="there is no class 7"):
        explorer.discard([7])


def test_changes_without_classes_are_refused(explore, small):
    explorer = explore(small)
    for change in (explorer.split, lambda v: explorer.discard([v])):
        with pytest.raises(InputError, match="press Train first"):
            change(1)
    with pytest.raises(InputError, match="press Train first"):
        explorer.describe()


def test_describe_gives_the_profiles_of_what_is_shown(explorer):
    explorer.rename(2, "swamp")
    profiles = explorer.describe()
    assert profiles.name.values.tolist() == ["class 1", "swamp"]
    areas = kt.class_areas(explorer.result.classes)
    np.testing.assert_array_equal(profiles.pixels, areas["pixels"])
    np.testing.assert_allclose(profiles.area_ha, areas["area_ha"])
    assert kt.plot_classes(profiles)._repr_png_()


def test_buttons_act_on_the_selected_classes(explorer):
    panel, state = part(explorer, ClassesPanel), explorer.state
    panel.split.click()
    assert state.message == "Select exactly one class to split."
    panel.rows[1].pick.value = True
    panel.describe.click()
    assert explorer.wait(60)
    assert 'alt="Profiles of meadow"' in panel.profile.value
    panel.learned.click()
    assert (state.chosen, state.view, state.within) == (2, "simulated", True)
    panel.split.click()
    assert explorer.wait(60)
    assert len(panel.rows) == 3
    assert panel.profile.value == ""
    panel.rows[0].pick.value = True
    panel.discard.click()
    assert len(panel.rows) == 2
    panel.undo.click()
    assert len(panel.rows) == 3
    panel.redo.click()
    assert len(panel.rows) == 2


def test_learned_shows_image_and_simulation_within_the_class(explorer):
    inside = explorer.result.classes.values == 2
    shown = explorer.preview.frame.warp(inside.astype("uint8")) > 0
    explorer.show_learned(2)
    for side in explorer._overlays.sides:
        np.testing.assert_array_equal(pixels_of(side.url)[..., 3] > 0, shown)
    explorer.state.within = False
    left = pixels_of(explorer._overlays.sides[0].url)[..., 3] > 0
    assert left.sum() > shown.sum()


def test_a_split_cannot_be_undone_while_a_training_runs(explorer):
    explorer.split(2)
    assert explorer.wait(60)
    with explorer.state.lock:
        explorer.state.status = "training"
        explorer.undo()
        assert explorer.state.message == "Another task is running; press Stop first."
        explorer.state.status = "done"
    assert explorer.model.k == 3


def test_changes_made_while_a_class_is_split_are_not_lost(explorer, monkeypatch):
    from ktextures.widgets import _splitting

    def rename(*arguments):
        explorer.rename(1, "water")
        return snapshot(*arguments)

    snapshot = _splitting.snapshot_of
    monkeypatch.setattr(_splitting, "snapshot_of", rename)
    explorer.split(2)
    assert explorer.wait(60)
    assert "changed while meadow was split" in explorer.state.message
    assert explorer.state.table.names == ("water", "meadow")
    assert explorer.model.k == 2


def test_profiles_of_classes_that_have_changed_are_not_shown(explorer, monkeypatch):
    def describe():
        explorer.rename(1, "water")
        return describe_now()

    describe_now = explorer.describe
    monkeypatch.setattr(explorer, "describe", describe)
    explorer.describe_in_background()
    assert explorer.wait(60)
    assert explorer.state.profiles is None
    assert "press Profile again" in explorer.state.message


def test_reset_and_close_forget_what_could_be_undone(explorer):
    explorer.split(2)
    assert explorer.wait(60)
    explorer.reset()
    assert not explorer.state.can_undo
    explorer.undo()
    assert explorer.state.message == "There is nothing to undo."
    assert explorer.result is None
    explorer.state.place = (3, 3)
    explorer.close()
    assert explorer.point is None
    assert not explorer._book._history._past


def test_a_part_of_a_nodata_class_is_nodata_too(explorer):
    explorer.split(2)
    assert explorer.wait(60)
    explorer.discard([1])
    snapshot = explorer.state.snapshot
    state, book = explorer.state, explorer._book
    four = type(snapshot)(
        snapshot.step,
        snapshot.classes,
        snapshot.simulated,
        np.concatenate([snapshot.textures, snapshot.textures[:1]]),
        snapshot.losses,
    )
    book.regrouped(four, (1, 2, 3, 0), ((1,), (2,), (3,), (1,)))
    assert state.mapping == (0, 1, 2, 0)
    two = type(snapshot)(
        snapshot.step,
        np.minimum(snapshot.classes, 2),
        snapshot.simulated,
        snapshot.textures[:2],
        snapshot.losses,
    )
    book.regrouped(two, (1, 2), ((1, 3, 4), (2,)))
    assert state.mapping == (2, 1)
    assert state.table.k == 2


def test_profiles_of_a_thinned_preview_have_rows_of_the_scene(explore, varied):
    scene, model = varied
    explorer = explore(scene, model=model, preview=scene.sizes["x"] // 2)
    profiles = explorer.describe()
    side = profiles.sizes["patch_y"]
    for value in (1, 2):
        one = profiles.sel({"class": value})
        row, col = int(one.patch_row), int(one.patch_col)
        every = (slice(row + 1, row + 2 * side, 2), slice(col + 1, col + 2 * side, 2))
        found = scene.values[:, *every]
        np.testing.assert_array_equal(one.patch, found)
