"""Hints steer a training: the division they ask for, their names, and their numbers."""

import contextlib
import io
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
import xarray as xr
from scipy.ndimage import distance_transform_edt
from sklearn.metrics import adjusted_rand_score

import ktextures as kt
from ktextures.datasets.mosaics import texture_noise
from ktextures.errors import InputError, ModelFileError
from ktextures.files.archive import pack, unpack
from ktextures.hints.pixels import find_pixels, placed_in
from ktextures.model.ktextures import from_bytes
from ktextures.raster.scene_set import open_scenes
from ktextures.training import dictionary_objective

SIDE = 96
pytestmark = pytest.mark.filterwarnings("error::UserWarning")
OPTIONS = {"seed": 1, "progress": False, "texture_scale": 2.0}


def cheap():
    return kt.FilterBank(scales=1, orientations=1)


def quick(scene, k=None, **options):
    wanted = {**OPTIONS, "features": cheap(), "steps": 6}
    return kt.train(scene, k, **{**wanted, **options})


def further(scene, model, k=None, **options):
    wanted = {"seed": 1, "progress": False, "steps": 6}
    return kt.train(scene, k, model=model, **{**wanted, **options})


def classes(scene, model):
    return kt.segment(scene, model).classes.values


def agreement(one, other):
    return adjusted_rand_score(one.ravel(), other.ravel())


def area(left, top, right, bottom, class_):
    """All pixels from left and top to right and bottom."""
    xs, ys = (left - 0.4, right + 0.4), (top - 0.4, bottom + 0.4)
    ring = [(xs[i], ys[j]) for i, j in ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))]
    return kt.Hint(class_, {"type": "Polygon", "coordinates": [ring]})


@contextlib.contextmanager
def eagerly():
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


# --- what hints decide --------------------------------------------------------------


@pytest.fixture(scope="module")
def ambiguous():
    """Scene of four quarters, two textures by two brightnesses, and both divisions."""
    half = SIDE // 2
    texture, brightness = np.ones((2, SIDE, SIDE), "uint8")
    texture[:, half:], brightness[half:] = 2, 2
    noise = texture_noise(texture, 2, 3, np.random.default_rng(3))
    values = 0.5 + 0.12 * noise + 0.2 * (brightness == 2) - 0.1
    units = (np.clip(values, 0, 1) * 10_000).astype("uint16")
    bands = {"band": ["red", "green", "blue"]}
    scene = xr.DataArray(units, dims=("band", "y", "x"), coords=bands)
    return scene, {"texture": texture, "brightness": brightness}


PLACES = [(12, 12), (14, 34), (36, 20), (30, 38)]


def handful(wanted):
    """Four hints in each quarter, with the numbers of a division."""
    half = SIDE // 2
    return [
        (row + down, col + across, int(wanted[row + down, col + across]))
        for row, col in PLACES
        for down in (0, half)
        for across in (0, half)
    ]


@pytest.fixture(scope="module")
def unsteered(ambiguous):
    return quick(ambiguous[0], 2, steps=80)


@pytest.mark.parametrize("by", ["brightness", "texture"])
def test_of_two_sensible_divisions_hints_select_one(by, ambiguous):
    scene, divisions = ambiguous
    model = quick(scene, 2, steps=80, hints=handful(divisions[by]))
    found = classes(scene, model)
    assert agreement(found, divisions[by]) > 0.8
    assert (found == divisions[by]).mean() > 0.9  # with the numbers asked for, too


def test_hints_turn_a_model_to_the_other_division(ambiguous, unsteered):
    scene, divisions = ambiguous
    before = unsteered.to_bytes()
    assert agreement(classes(scene, unsteered), divisions["brightness"]) < 0.1
    hints = handful(divisions["brightness"])
    model = kt.train(scene, model=unsteered, hints=hints, seed=1, progress=False)
    assert model.record.steps == 80 + 150
    assert agreement(classes(scene, model), divisions["brightness"]) > 0.8
    assert unsteered.to_bytes() == before
    assert not len(unsteered.hints)
    hints = handful(divisions["texture"])
    back = kt.train(scene, model=model, hints=hints, seed=1, progress=False)
    assert agreement(classes(scene, back), divisions["texture"]) > 0.7


def test_hints_that_a_model_agrees_with_change_little(ambiguous, unsteered):
    scene = ambiguous[0]
    before = classes(scene, unsteered)
    model = further(scene, unsteered, hints=handful(before), steps=40)
    assert (classes(scene, model) == before).mean() > 0.97


def test_default_steps_keep_points_and_areas(ambiguous):
    scene, divisions = ambiguous
    wanted = divisions["texture"].copy()
    wanted[60:72, 20:40] = 3  # looks like what is around it
    hints = [*handful(divisions["texture"]), area(20, 60, 39, 71, 3)]
    hints = [h for h in kt.Hints(hints) if h.class_ == 3 or not is_in(h, 60, 20)]
    model = quick(scene, 3, hints=hints, steps=None)
    told = model.record.provenance["hints"]
    assert told["count"] == len(hints)
    assert told["pixels"] == len(hints) - 1 + 12 * 20
    assert told["kept"] > 0.95
    found = classes(scene, model)
    assert (found[60:72, 20:40] == 3).mean() > 0.95
    assert followed(found, kt.Hints(hints[:-1])) > 0.95


def is_in(hint, top, left):
    col, row = hint.geometry["coordinates"]
    return top <= row < top + 12 and left <= col < left + 20


def followed(found, hints):
    """Share of hints for single pixels whose pixel has their number."""
    pairs = [(pixel_of(hint), hint.class_) for hint in hints]
    return np.mean([found[row, col] == class_ for (row, col), class_ in pairs])


def pixel_of(hint):
    """Row and column; synthetic scenes have pixels of 10 m, and begin here."""
    x, y = hint.geometry["coordinates"]
    if hint.crs is not None:
        x, y = (x - 500_000) / 10 - 0.5, (5_000_000 - y) / 10 - 0.5
    return round(y), round(x)


def placed(hints, scene):
    """Hints as a model of the scene keeps them."""
    return placed_in(kt.Hints(hints), open_scenes(scene))


# --- names, numbers, and records ----------------------------------------------------


@pytest.fixture(scope="module")
def known():
    """Scene of three classes, and their pixels."""
    scene, truth = kt.datasets.synthetic(64, k=3, bands=3, seed=1, contrast="both")
    return scene, truth.values


def inner(truth, class_, count=3):
    """Pixels (row, col) far within a class."""
    depth = distance_transform_edt(truth == class_)
    order = np.argsort(-depth, axis=None)[: 200 * count : 200]
    return [divmod(int(each), truth.shape[1]) for each in order]


def hints_for(truth, names):
    """Three hints for each class, by a name or number for each."""
    return [
        (row, col, name)
        for class_, name in enumerate(names, 1)
        for row, col in inner(truth, class_)
    ]


NAMES = ("wood", 2, "lake")


@pytest.fixture(scope="module")
def hinted(known):
    """Model that was trained with hints; do not change it."""
    scene, truth = known
    with eagerly():
        return quick(scene, 3, hints=hints_for(truth, NAMES), steps=30)


@pytest.fixture(scope="module")
def plain(known):
    """Model that was trained without; do not change it."""
    with eagerly():
        return quick(known[0], 3, steps=24)


def settings_of(content):
    return unpack(io.BytesIO(content), "model", "model")[0]


def test_without_hints_nothing_changes(known, eager):
    scene, truth = known
    whole = quick(scene, 3, steps=2).to_bytes()
    for nothing in (None, [], kt.Hints()):
        assert quick(scene, 3, steps=2, hints=nothing).to_bytes() == whole
    assert "hints" not in settings_of(whole)
    other = quick(scene, 3, steps=2, hints=hints_for(truth, NAMES))
    assert other.to_bytes() != whole


def test_the_same_hints_and_seed_give_the_same_model(known, eager):
    scene, truth = known
    one, other = (
        quick(scene, 3, steps=4, hints=hints_for(truth, NAMES)).to_bytes()
        for _ in range(2)
    )
    assert one == other


def test_classes_get_the_numbers_and_names_of_their_hints(known, hinted):
    scene, truth = known
    names = hinted.classes.names
    assert names[1] == "class 2"
    assert {names[0], names[2]} == {"wood", "lake"}
    found = classes(scene, hinted)
    values = [names.index("wood") + 1, 2, names.index("lake") + 1]
    assert [hint.class_ for hint in hinted.hints] == list(np.repeat(values, 3))
    assert followed(found, hinted.hints) == 1
    assert agreement(found, truth) > 0.8


@pytest.mark.parametrize("numbers", [(3, 1, 2), ("class 3", "class 1", 2.0)])
def test_numbers_count_and_default_names_are_numbers(numbers, known, eager):
    scene, truth = known
    model = quick(scene, 3, steps=24, hints=hints_for(truth, numbers))
    assert model.classes.names == ("class 1", "class 2", "class 3")
    found = classes(scene, model)
    for class_, number in enumerate((3, 1, 2), 1):
        assert {found[place] for place in inner(truth, class_)} == {number}


def test_some_classes_may_have_no_hints(known, eager):
    scene, truth = known
    hints = [(*inner(truth, 2, 1)[0], "wood")]
    model = quick(scene, 3, hints=hints, steps=24)
    assert sorted(model.classes.names)[-1] == "wood"
    assert len(set(model.classes.names)) == 3
    found = classes(scene, model)
    assert model.classes.names[found[hints[0][:2]] - 1] == "wood"


def test_provenance_tells_of_the_hints(hinted, plain):
    told = hinted.record.provenance["hints"]
    assert told == {"count": 9, "pixels": 9, "kept": 1.0}
    assert "hints" not in plain.record.provenance


def test_hints_survive_the_model_file(hinted, tmp_path):
    path = tmp_path / "model.ktx"
    hinted.save(path)
    assert kt.load(path).hints == hinted.hints
    assert kt.load(path).to_bytes() == hinted.to_bytes()


@pytest.mark.parametrize(
    "strange", [[{"class": 99}], [{"class": "wood"}], [{"geometry": None}], {"a": 1}]
)
def test_damaged_hints_of_a_model_file_are_refused(strange, hinted):
    settings, arrays = unpack(io.BytesIO(hinted.to_bytes()), "model", "model")
    good = settings["hints"]
    settings["hints"] = (
        strange if isinstance(strange, dict) else [good[0], good[1] | strange[0]]
    )
    with pytest.raises(ModelFileError, match="hint"):
        from_bytes(pack("model", settings, arrays))


# --- models trained further ---------------------------------------------------------


def test_a_model_gets_hints_and_stays_as_it_is(known, plain, eager):
    scene, truth = known
    before = plain.to_bytes()
    hints = kt.Hints([(*place, 1) for place in inner(truth, 3)])
    model = further(scene, plain, hints=hints, steps=20)
    assert model.hints == placed(hints, scene)
    assert followed(classes(scene, model), hints) == 1
    assert plain.to_bytes() == before


def test_hints_may_name_classes_of_the_model(known, plain, eager):
    scene, truth = known
    model = plain.rename({2: "wood"})
    hints = [(*place, "wood") for place in inner(truth, 1)]
    found = further(scene, model, hints=hints, steps=20)
    assert found.classes.names == model.classes.names
    assert {hint.class_ for hint in found.hints} == {2}
    assert followed(classes(scene, found), found.hints) == 1


def test_a_model_goes_on_following_its_hints(known, plain, hinted, eager):
    scene, truth = known
    wrong = kt.Hints([(*place, 1) for place in inner(truth, 3)])
    model = further(scene, plain, hints=wrong, steps=20)
    again = further(scene, model, steps=10)
    assert again.hints == placed(wrong, scene)
    assert followed(classes(scene, again), wrong) == 1
    assert again.record.provenance["hints"]["count"] == len(wrong)
    assert followed(classes(scene, further(scene, hinted)), hinted.hints) == 1


def test_hints_add_to_those_of_a_model(known, hinted, eager):
    scene, truth = known
    more = hinted.hints + kt.Hints([(*inner(truth, 1, 5)[-1], "wood")])
    model = further(scene, hinted, hints=more, steps=10)
    assert len(model.hints) == len(hinted.hints) + 1
    assert model.hints[: len(hinted.hints)] == hinted.hints
    assert followed(classes(scene, model), model.hints) == 1


def test_no_hints_remove_those_of_a_model(known, hinted, eager):
    model = further(known[0], hinted, hints=[])
    assert not len(model.hints)
    assert "hints" not in settings_of(model.to_bytes())
    assert "hints" not in model.record.provenance
    assert len(hinted.hints) == 9


def test_new_names_keep_hints(known, hinted, eager):
    scene, _ = known
    renamed = hinted.rename({2: "field"})
    assert renamed.hints == hinted.hints
    model = further(scene, renamed)
    assert model.classes.names[1] == "field"
    assert followed(classes(scene, model), model.hints) == 1


def test_another_k_keeps_hints(known, hinted, eager):
    scene, _ = known
    more = further(scene, hinted, 5)
    assert len(more.hints) == 9
    assert followed(classes(scene, more), more.hints) == 1
    fewer = further(scene, hinted, 2)
    assert len(fewer.hints) == 9
    assert {hint.class_ for hint in fewer.hints} == {1, 2}
    assert followed(classes(scene, fewer), fewer.hints) == 1


def test_hints_of_a_split_class_go_to_the_part_they_lie_in(known, eager):
    scene, truth = known
    pairs = hints_for(truth, ("both", "other", "both"))
    # Two classes of the scene as one, so that each of its parts gets hints.
    model = quick(scene, 2, steps=40, hints=pairs)
    assert followed(classes(scene, model), model.hints) == 1
    parts = kt.split(scene, model, "both")
    found = classes(scene, parts)
    assert followed(found, parts.hints) == 1
    both = [
        h.class_ for h, (*_, n) in zip(parts.hints, pairs, strict=True) if n == "both"
    ]
    assert len(set(both)) == 2
    again = kt.merge(parts, sorted(set(both)))
    assert again.hints == model.hints
    assert followed(classes(scene, again), again.hints) == 1


def test_hints_of_merged_classes_get_their_new_number(known, hinted):
    merged = kt.merge(hinted, [3, 1])
    numbers = {3: 2, 1: 2, 2: 1} if merged.classes.names[0] == "class 2" else None
    numbers = numbers or {3: 1, 1: 1, 2: 2}
    assert [hint.class_ for hint in merged.hints] == [
        numbers[hint.class_] for hint in hinted.hints
    ]
    assert followed(classes(known[0], merged), merged.hints) == 1


def test_hints_outside_the_training_tiles_count_too(eager):
    scene, truth = kt.datasets.synthetic(
        (96, 400), k=2, bands=3, seed=2, contrast="both"
    )
    truth = truth.values
    preset = replace(kt.presets.default, tile_size=64, max_tiles=1)
    # Two ends of the scene: one tile can hold neither.
    places = [
        (row, col, f"side {truth[row, col]}")
        for row in (10, 50, 90)
        for col in (5, 20, 380, 395)
    ]
    lazy = scene.chunk({"band": 1, "y": 50, "x": 70})
    model = quick(lazy, 2, preset=preset, steps=24, hints=places)
    assert followed(classes(scene, model), model.hints) > 0.95
    assert model.record.provenance["hints"]["pixels"] == len(places)


def test_a_model_with_hints_classifies_other_scenes(hinted):
    other = kt.datasets.synthetic((40, 70), k=3, bands=3, seed=5, contrast="both").scene
    found = classes(other, hinted)
    assert found.shape == (40, 70)
    assert found.min() >= 1


def test_several_scenes_share_hints_on_the_map(known, eager):
    scene, truth = known
    halves = scene[:, :, :32], scene[:, :, 32:]
    x, y = scene.x.values, scene.y.values
    hints = [
        kt.Hint(name, {"type": "Point", "coordinates": (x[col], y[row])}, "EPSG:32633")
        for row, col, name in hints_for(truth, NAMES)
    ]
    model = quick(halves, 3, hints=hints, steps=24)
    found = np.concatenate([classes(each, model) for each in halves], 1)
    names = model.classes.names
    for row, col, name in hints_for(truth, NAMES):
        assert names[found[row, col] - 1] == (name if name != 2 else "class 2")


def test_rows_and_columns_keep_their_place_in_other_scenes(known, hinted, eager):
    scene, truth = known
    row, col, _ = hints_for(truth, NAMES)[0]
    place = hinted.hints[0]
    assert place.crs == "EPSG:32633"
    x, y = float(scene.x[col]), float(scene.y[row])
    assert place.geometry["coordinates"] == pytest.approx((x, y))
    turned = scene.copy(data=scene.values[:, ::-1, ::-1])
    moved = turned.assign_coords(x=scene.x + 1e5)
    found = find_pixels(hinted.hints, open_scenes(moved), [1] * 9, strict=False)
    assert len(found) == 0


def test_rows_and_columns_without_crs_are_of_one_scene(known, eager):
    scene, truth = known
    bare = scene.drop_vars(["spatial_ref", "x", "y"])
    model = quick(bare, 3, hints=hints_for(truth, NAMES), steps=30)
    assert model.hints[0].crs is None
    assert further(bare, model, steps=1).record.provenance["hints"]["pixels"] == 9
    turned = bare.copy(data=bare.values[:, ::-1, ::-1])
    other = further(turned, model, steps=1)
    assert other.record.provenance["hints"]["pixels"] == 0
    assert other.hints == model.hints
    assert further(bare, other, steps=1).record.provenance["hints"]["pixels"] == 9


def test_hints_that_have_no_place_in_a_scene_stay(known, hinted, eager):
    scene, _ = known
    bare = scene.drop_vars(["spatial_ref", "x", "y"])
    assert bare.rio.crs is None
    point = {"type": "Point", "coordinates": (500_105.0, 4_999_795.0)}
    model = hinted.copy()
    hints = kt.Hints([kt.Hint(2, point, "EPSG:32633")])
    model.record = replace(model.record, hints=hints)
    assert further(bare, model, steps=1).hints == hints
    assert kt.split(bare, model, 2).hints == hints
    assert len(further(bare, model, 4, steps=1).hints) == 1
    west, east = scene[:, :, :32], scene[:, :, 32:]
    assert further([west, east], hinted, steps=1).hints == hinted.hints


# --- mistakes -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hints", "match"),
    [
        ([(1, 1, 4)], "A hint names class 4, but k is 3; use numbers from 1 to 3"),
        (
            [(1, 1, "a"), (2, 2, "b"), (3, 3, "c"), (4, 4, 1)],
            "The hints name 4 classes, but k is 3; train with k=4 or more",
        ),
        (["wood"], "Hint 1 is 'wood'; give a GeoDataFrame"),
        ([(64, 1, 1)], "Hint 1 of 1 is outside the scene"),
        (5, "hints is 5; give a GeoDataFrame"),
    ],
)
def test_hints_that_cannot_be_used_are_refused(hints, match, known):
    with pytest.raises(InputError, match=match):
        quick(known[0], 3, hints=hints)


def test_a_missing_file_of_hints_is_told(known, tmp_path):
    with pytest.raises(FileNotFoundError, match="none"):
        quick(known[0], 3, hints=tmp_path / "none.geojson")


@pytest.mark.parametrize("class_", ["bog", 4])
def test_unknown_classes_of_a_model_are_refused(class_, known, plain):
    match = rf"A hint cannot be used: There is no class {class_!r}; the classes are 1 "
    with pytest.raises(InputError, match=match):
        further(known[0], plain, hints=[(1, 1, class_)])


def test_the_published_preset_follows_no_hints(small, published):
    with pytest.raises(InputError, match=r"Preset 'paper' cannot follow hints\. Leave"):
        quick(small, 3, preset="paper", hints=[(1, 1, 1)])
    with pytest.raises(InputError, match=r"Models of preset 'paper' cannot follow hin"):
        kt.train(small, model=published, hints=[(1, 1, 1)], progress=False)


def test_contradicting_hints_are_told_and_the_later_counts(known, eager):
    scene, truth = known
    row, col = inner(truth, 1, 1)[0]
    hints = [(row, col, 2), (row, col, 1), (*inner(truth, 2, 1)[0], 2)]
    with pytest.warns(UserWarning, match=r"contradict each other: 1 and 2 \(1 pixel\)"):
        model = quick(scene, 3, hints=hints, steps=24)
    assert classes(scene, model)[row, col] == 1


def test_hints_that_cannot_be_followed_are_told(known, eager):
    scene, _ = known
    hints = [(row, col, 1 + (row + col) % 3) for row in range(20) for col in range(20)]
    with pytest.warns(UserWarning, match=r"Only \d+% of the hinted pixels have their"):
        quick(scene, 3, hints=hints)


# --- checkpoints --------------------------------------------------------------------


class StopAfter(keras.callbacks.Callback):
    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = batch + 1 >= self.steps


@pytest.mark.parametrize("is_new", [True, False])
def test_a_stopped_training_with_hints_goes_on_to_the_same_end(
    is_new, known, plain, eager, tmp_path
):
    scene, truth = known
    hints = hints_for(truth, (2, 3, 1))

    def run(**options):
        wanted = {"hints": hints, "steps": 6, **options}
        return quick(scene, 3, **wanted) if is_new else further(scene, plain, **wanted)

    for steps in (2, 3):
        run(callbacks=[StopAfter(steps)], checkpoint=tmp_path)
    assert run(checkpoint=tmp_path).to_bytes() == run().to_bytes()


def test_other_hints_are_another_training(known, eager, tmp_path):
    scene, truth = known
    hints = hints_for(truth, NAMES)
    with pytest.warns(UserWarning, match="have their class"):  # of one step
        quick(scene, 3, hints=hints, steps=1, checkpoint=tmp_path)
    for other in (None, hints[:-1]):
        with pytest.raises(InputError, match="is the state of another training"):
            quick(scene, 3, hints=other, steps=1, checkpoint=tmp_path)


def test_labels_of_revived_classes_survive_a_stop(
    known, plain, eager, tmp_path, monkeypatch
):
    scene, truth = known
    revived = []

    def lost(self, labels):
        return {0, 1, 2} - self.absent if hasattr(self, "textures") else set()

    def refilled(self):
        revived.append(self)
        return True

    objective = dictionary_objective.DictionaryObjective
    monkeypatch.setattr(dictionary_objective, "REVIEW", 2)
    monkeypatch.setattr(objective, "_lost", lost)
    monkeypatch.setattr(objective, "_refill", refilled)
    hints = [(*place, 1) for place in inner(truth, 3)]
    preset = replace(kt.presets.default, hinted_steps=2)

    def run(**options):
        return further(scene, plain, hints=hints, steps=16, preset=preset, **options)

    run(callbacks=[StopAfter(13)], checkpoint=tmp_path)
    assert len(revived) > 1
    assert run(checkpoint=tmp_path).to_bytes() == run().to_bytes()
