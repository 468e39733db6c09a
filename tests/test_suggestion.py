"""Where a hint would help most: real places, distinct ones, and the odd one first."""

from dataclasses import replace

import numpy as np
import pytest

import ktextures as kt
from ktextures import suggestion
from ktextures.errors import InputError, ModelFileError
from ktextures.suggestion import _middles


def quick(scene, k=None, **options):
    return kt.train(scene, k, **{"seed": 1, "progress": False, **options})


@pytest.fixture(scope="module")
def known():
    """Scene of two classes, its truth, and a model that knows them."""
    scene, truth = kt.datasets.synthetic(96, k=2, bands=3, seed=1, contrast="both")
    features = kt.FilterBank(scales=1, orientations=1)
    model = quick(scene, 2, steps=60, features=features, texture_scale=2.0)
    return scene, truth.values, model


def test_places_lie_in_the_scene_and_tell_its_classes(known):
    scene, _, model = known
    found = kt.suggest(scene, model, 8)
    classes = kt.segment(scene, model).classes.values
    assert len(found) == 8
    assert len({(each.row, each.col) for each in found}) == 8
    for each in found:
        assert type(each.row) is type(each.col) is type(each.class_) is int
        assert classes[each.row, each.col] == each.class_
        assert 1 <= each.pixels <= (classes == each.class_).sum()


def test_the_first_places_do_not_depend_on_how_many_are_asked_for(known):
    scene, _, model = known
    assert kt.suggest(scene, model) == kt.suggest(scene, model, 8)[:5]
    assert kt.suggest(scene, model, np.int64(1)) == kt.suggest(scene, model, 8)[:1]


def test_a_model_file_will_do(known, tmp_path):
    scene, _, model = known
    model.save(tmp_path / "model.ktx")
    for path in (tmp_path / "model.ktx", str(tmp_path / "model.ktx")):
        assert kt.suggest(scene, path, 2) == kt.suggest(scene, model, 2)


def test_pixels_without_data_are_not_suggested(known):
    _, _, model = known
    scene, truth = kt.datasets.synthetic(
        96, k=2, bands=3, seed=1, contrast="both", nodata_share=0.6
    )
    found = kt.suggest(scene, model, 1000)
    assert 5 < len(found) < 1000
    assert all(truth.values[each.row, each.col] for each in found)
    assert sum(each.pixels for each in found) == (truth.values > 0).sum()


def test_all_segments_together_are_the_scene(known):
    scene, _, model = known
    found = kt.suggest(scene, model, 10_000)
    assert sum(each.pixels for each in found) == 96 * 96


def odd_one(known, top, left, side=30):
    """The scene with a square that is between its classes, where the model doubts."""
    scene, truth, model = known
    values = scene.values.astype(float)
    first, second = (values[:, truth == class_].mean(1) for class_ in (1, 2))
    between = (0.3 * first + 0.7 * second)[:, None, None]
    noise = np.random.default_rng(0).normal(scale=60, size=(3, side, side))
    values[:, top : top + side, left : left + side] = between + noise
    scene = scene.copy(data=values.astype("uint16"))
    sure = kt.segment(scene, model, outputs=("classes", "confidence")).confidence.values
    odd = np.zeros(sure.shape, bool)
    odd[top : top + side, left : left + side] = True
    assert (1 - sure[odd]).mean() > 5 * (1 - sure[~odd]).mean()
    return scene, model


@pytest.mark.parametrize("corner", [(8, 50), (55, 12)])
def test_a_region_that_is_neither_is_suggested_first(corner, known):
    top, left = corner
    scene, model = odd_one(known, top, left)
    first = kt.suggest(scene, model, 1)[0]
    assert top <= first.row < top + 30
    assert left <= first.col < left + 30


def test_what_has_been_hinted_is_not_suggested_again(known):
    scene, model = odd_one(known, 8, 50)
    first = kt.suggest(scene, model, 1)[0]
    hints = [(first.row, first.col, first.class_)]
    hinted = quick(scene, model=model, hints=hints, steps=20)
    again = kt.suggest(scene, hinted, 1)[0]
    assert not (8 <= again.row < 38 and 50 <= again.col < 80)
    # Not because of what the model learned, but because of the hint.
    told = model.copy()
    told.record = replace(told.record, hints=hinted.hints)
    again = kt.suggest(scene, told, 1)[0]
    assert not (8 <= again.row < 38 and 50 <= again.col < 80)


def test_hints_of_other_scenes_do_not_count(known):
    scene, _, model = known
    x, y = float(scene.x[0]) - 5e4, float(scene.y[0])
    point = {"type": "Point", "coordinates": (x, y)}
    hinted = model.copy()
    hints = kt.Hints([kt.Hint(1, point, "EPSG:32633")])
    hinted.record = replace(hinted.record, hints=hints)
    assert kt.suggest(scene, hinted, 3) == kt.suggest(scene, model, 3)


def test_large_scenes_are_looked_at_in_windows(known, monkeypatch):
    scene, _, model = known
    monkeypatch.setattr(suggestion, "MOST_PIXELS", 4 * 24 * 24)
    classes = kt.segment(scene, model).classes.values
    for each in (scene, scene.chunk({"band": 1, "y": 50, "x": 40})):
        found = kt.suggest(each, model, 1000)
        assert sum(one.pixels for one in found) <= 4 * 24 * 24
        assert max(one.row for one in found) > 60
        assert max(one.col for one in found) > 60
        agree = [classes[one.row, one.col] == one.class_ for one in found]
        assert np.mean(agree) == 1


def test_middles_lie_deepest_in_their_segments():
    segments = np.zeros((9, 12), int)
    segments[:, 5:] = 1
    segments[2:7, 6:11] = 2
    segments[0, 0] = 3
    found = _middles(segments)
    assert [segments[row, col] for row, col in found] == [0, 1, 2, 3]
    assert found[2].tolist() == [4, 8]
    assert found[3].tolist() == [0, 0]


@pytest.mark.parametrize("n", [0, -1, 1.0, True, "2", None])
def test_a_strange_number_is_refused(n, known):
    scene, _, model = known
    with pytest.raises(InputError, match=rf"n is {n!r}; give a number of places, 1 or"):
        kt.suggest(scene, model, n)


def test_several_scenes_are_refused(known):
    scene, _, model = known
    with pytest.raises(InputError, match="scene is a list of 2; give one scene"):
        kt.suggest([scene, scene], model)
    assert kt.suggest([scene], model) == kt.suggest(scene, model)


def test_models_of_the_published_preset_are_refused(small, published):
    with pytest.raises(InputError, match=r"'paper' do not know how sure they are; tra"):
        kt.suggest(small, published)


def test_other_bands_and_no_models_are_refused(known, small, tmp_path):
    with pytest.raises(InputError, match="bands"):
        kt.suggest(small, known[2])
    with pytest.raises(FileNotFoundError, match="none"):
        kt.suggest(known[0], tmp_path / "none")
    (tmp_path / "damaged").write_bytes(b"no model")
    with pytest.raises(ModelFileError, match="damaged"):
        kt.suggest(known[0], tmp_path / "damaged")


def test_hints_that_agree_move_the_suggestion_too():
    """In a scene with noise, no other pixel looks exactly like a hinted one."""
    scene = kt.datasets.sentinel2()[:, :96, :96]
    model = kt.train(scene, 2, steps=20, seed=1, progress=False)
    places = []
    for _ in range(4):
        place = kt.suggest(scene, model, 1)[0]
        places.append((place.row, place.col))
        hints = [(*each, 1 + index % 2) for index, each in enumerate(places)]
        # As a model that follows them would have it; training would change its doubts.
        record = replace(model.record, hints=kt.Hints(hints))
        model = model.copy()
        model.record = record
    assert len(set(places)) == 4
