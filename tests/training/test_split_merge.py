"""Another k for a trained model: some classes change, the others stay."""

import numpy as np
import pytest

import ktextures as kt
from ktextures.errors import InputError
from ktextures.model.ktextures import from_bytes
from ktextures.raster.tile_set import read_padded
from ktextures.raster.windows import Window
from ktextures.training.head_sample import HeadSample
from ktextures.training.split_merge import LEAST_SHARE, _Head, regroup, revive


@pytest.fixture(scope="module")
def learned():
    """Scene of three classes, and a model that knows them."""
    scene = kt.datasets.synthetic(96, k=3, bands=4, seed=1, contrast="both").scene
    features = kt.FilterBank(scales=1, orientations=1)
    return scene, kt.train(
        scene, 3, features=features, steps=90, seed=1, progress=False
    )


def seen(scene, model):
    window = Window(0, 0, scene.sizes["y"], scene.sizes["x"])
    values, valid = read_padded(scene, window, model.reach, model.preparation)
    inner = slice(model.reach, -model.reach or None)
    return values, valid[inner, inner]


def classes_of(scene, model):
    return model.snapshot(*seen(scene, model)).classes


def test_one_class_more_cuts_one_and_leaves_the_others(learned):
    scene, model = learned
    before = classes_of(scene, model)
    made = regroup(model, 4, HeadSample.of_tiles(model, *seen(scene, model)))
    after = classes_of(scene, made.model)
    assert made.model.k == 4
    assert made.parents == (1, 2, 3, 0)
    cut = made.sources[3]
    for value in {1, 2, 3} - {cut}:
        same = (after == value)[before == value].mean()
        assert same > 0.98
    halves = (after == cut).sum(), (after == 4).sum()
    assert min(halves) > 0.1 * (before == cut).sum()
    assert np.isin(after[before == cut], (cut, 4)).mean() > 0.98


def shares_of(model, values, valid):
    masks = model.mask_network.logits(values).numpy().argmax(-1)[valid]
    return np.bincount(masks, minlength=model.k) / masks.size


@pytest.mark.parametrize("lost", [(0,), (2, 1)])
def test_lost_classes_become_parts_of_others(learned, lost):
    scene, model = learned
    model = from_bytes(model.to_bytes())
    values, valid = (each[None] for each in seen(scene, model))
    bias = model.mask_network.head.weights[1]
    silent = bias.numpy()
    silent[list(lost)] = -1e3
    bias.assign(silent)
    assert (shares_of(model, values, valid)[list(lost)] == 0).all()
    assert sorted(revive(model, HeadSample.of_tiles(model, values, valid))) == sorted(
        lost
    )
    assert (shares_of(model, values, valid) > LEAST_SHARE).all()


def test_reviving_leaves_a_model_without_lost_classes_alone(learned):
    scene, model = learned
    before = model.weight_arrays()
    assert revive(model, HeadSample.of_tiles(model, *seen(scene, model))) == []
    after = model.weight_arrays()
    assert all(np.array_equal(after[name], before[name]) for name in before)


def test_one_class_less_unites_two_and_leaves_the_others(learned):
    scene, model = learned
    before = classes_of(scene, model)
    made = regroup(model, 2, HeadSample.of_tiles(model, *seen(scene, model)))
    after = classes_of(scene, made.model)
    assert len(made.parents) == 2
    gone = ({1, 2, 3} - set(made.parents)).pop()
    for value, parent in enumerate(made.parents, 1):
        assert (after == value)[before == parent].mean() > 0.95
    # The pixels of the class that is gone are one other class now.
    counts = np.bincount(after[before == gone], minlength=3)
    assert counts.max() > 0.9 * counts.sum()


def test_names_and_colors_stay_with_their_classes(learned):
    scene, model = learned
    from dataclasses import replace

    table = model.record.classes.rename(2, "water").recolor(2, "#123456")
    record = model.record
    model.record = replace(record, classes=table)
    try:
        made = regroup(model, 5, HeadSample.of_tiles(model, *seen(scene, model))).model
    finally:
        model.record = record
    assert made.record.classes.names[1] == "water"
    assert made.record.classes.colors[:3] == table.colors
    assert len(set(made.record.classes.colors)) == 5


def test_the_model_itself_stays_and_the_new_one_can_be_trained(learned):
    scene, model = learned
    weights = model.weight_arrays()
    made = regroup(model, 4, HeadSample.of_tiles(model, *seen(scene, model))).model
    steps = made.record.steps
    further = kt.train(scene, model=made, steps=2, seed=1, progress=False)
    assert further.record.steps == steps + 2
    assert model.k == 3
    assert all(np.array_equal(weights[n], a) for n, a in model.weight_arrays().items())


def test_to_many_classes_and_back(learned):
    scene, model = learned
    many = regroup(model, 20, HeadSample.of_tiles(model, *seen(scene, model))).model
    assert len(np.unique(classes_of(scene, many))) >= 15
    few = regroup(many, 2, HeadSample.of_tiles(many, *seen(scene, many))).model
    assert set(np.unique(classes_of(scene, few))) == {1, 2}


def test_published_masks_cannot_be_regrouped(small, published):
    with pytest.raises(InputError, match="slices of one score"):
        regroup(published, 4, HeadSample(np.ones((9, 3)), np.ones((9, 4))))


def test_k_is_checked(learned):
    scene, model = learned
    with pytest.raises(InputError, match="from 2 to 128"):
        regroup(model, 1, HeadSample.of_tiles(model, *seen(scene, model)))


def head(places, counts, k, seed=0):
    """Last layer over blobs of pixels; the first class takes all of them."""
    generator = np.random.default_rng(seed)
    features = np.concatenate(
        [
            generator.normal(place, 0.1, (n, 2))
            for place, n in zip(places, counts, strict=True)
        ]
    )
    weights = np.zeros((k, 3))
    weights[1:, 2] = -100
    ones = np.ones((len(features), 1))
    numbers = list(range(k))
    return _Head(
        weights, np.hstack([features, ones]), features, list(numbers), list(numbers)
    )


def test_a_class_with_outliers_is_cut_into_parts_that_last():
    made = head([(0, 0), (9, 9)], [2000, 4], k=1)
    made.split(seed=0)
    sizes = np.bincount(made.chosen(), minlength=2)
    assert sizes.min() >= 2 * LEAST_SHARE * sizes.sum()


def test_all_lost_classes_are_filled_again():
    made = head([(0, 0), (5, 0), (0, 5)], [700, 200, 100], k=8)
    assert made.refill(seed=0) == list(range(1, 8))
    shares = np.bincount(made.chosen(), minlength=8) / 1000
    assert shares.min() >= LEAST_SHARE
