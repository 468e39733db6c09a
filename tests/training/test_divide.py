"""Splitting a class into parts, and merging classes, of a trained model."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from sklearn.metrics import adjusted_rand_score

import ktextures as kt
from ktextures.errors import InputError
from ktextures.model.checks import MOST_ROWS
from ktextures.model.ktextures import from_bytes
from ktextures.raster.tile_set import read_padded
from ktextures.raster.windows import Window
from ktextures.training.head_sample import HeadSample
from ktextures.training.split_merge import regroup, revive

FEATURES = {"features": kt.FilterBank(scales=1, orientations=1), "progress": False}
NAMES = {1: "water", 2: "forest"}


@pytest.fixture(scope="module")
def pairs():
    """Scene of four classes, its truth, and a model that unites them in pairs."""
    scene, truth = kt.datasets.synthetic(128, k=4, seed=1, contrast="both")
    features = kt.FilterBank()
    model = kt.train(scene, 2, steps=24, seed=1, features=features, progress=False)
    return scene, truth.values, model.rename(NAMES)


@pytest.fixture(scope="module")
def four():
    """Scene of four classes, another one, and a model that knows them."""
    scene = kt.datasets.synthetic(96, k=4, seed=2, contrast="both").scene
    other = kt.datasets.synthetic((70, 90), k=4, seed=5, contrast="both").scene
    return scene, other, kt.train(scene, 4, steps=24, seed=1, **FEATURES)


@pytest.fixture(scope="module")
def plain():
    """Scene of two halves without texture, and a model that knows them."""
    values = np.full((3, 64, 64), 200, "uint16")
    values[:, :, 32:] = 1000
    scene = xr.DataArray(values, dims=("band", "y", "x"))
    return scene, kt.train(scene, 2, steps=6, seed=1, texture_scale=0, progress=False)


def classes(scene, model):
    return kt.segment(scene, model).classes.values


def agreement(one, other):
    return adjusted_rand_score(one.ravel(), other.ravel())


def seen(scene, model):
    window = Window(0, 0, scene.sizes["y"], scene.sizes["x"])
    values, valid = read_padded(scene, window, model.reach, model.preparation)
    inner = slice(model.reach, -model.reach or None)
    return values[None], valid[inner, inner][None]


@pytest.mark.parametrize("value", [1, 2])
def test_a_split_finds_the_true_parts_and_leaves_the_other_class(pairs, value):
    scene, truth, model = pairs
    before = classes(scene, model)
    made = kt.split(scene, model, value)
    after = classes(scene, made)
    mine = before == value
    assert agreement(after[mine], truth[mine]) > 0.95
    assert np.isin(after[mine], (value, 3)).mean() >= 0.99
    assert (after == before)[~mine].mean() >= 0.99
    # The larger part keeps the number.
    assert (after == value).sum() >= (after == 3).sum()
    # The parts differ clearly, although the other class hardly changes.
    confidence = kt.segment(scene, made, outputs="confidence").confidence.values
    assert confidence[mine].mean() > 0.9


def test_parts_segment_another_scene(pairs):
    scene, _, model = pairs
    made = kt.split(scene[:, :, :96], model, 1)
    rest = scene[:, :, 96:]
    whole = classes(scene, made)[:, 96:]
    # Apart from the edge, where there is no context.
    assert (classes(rest, made) == whole)[:, made.reach :].all()


def test_names_colors_and_origins_of_parts(pairs):
    scene, _, model = pairs
    once = kt.split(scene, model, "forest").classes
    assert once.names == ("water", "forest", "forest, part 2")
    assert once.colors[:2] == model.classes.colors
    assert len(set(once.colors)) == 3
    assert [once.ancestors(value) for value in (1, 2, 3)] == [
        (),
        ("forest",),
        ("forest",),
    ]
    twice = kt.split(scene, kt.split(scene, model, 2), "forest, part 2", into=3).classes
    assert twice.names[3:] == ("forest, part 2, part 2", "forest, part 2, part 3")
    assert twice.ancestors(5) == ("forest, part 2", "forest")
    again = kt.split(scene, kt.split(scene, model, 2), "forest").classes
    assert again.names[3] == "forest, part 3"


def test_textures_of_parts_have_the_colors_of_the_parts(pairs):
    scene, _, model = pairs
    made = kt.split(scene, model, 1)
    after = classes(scene, made)
    scaled = made.preparation(scene.values.transpose(1, 2, 0), np.ones_like(after) > 0)
    means = [scaled[after == value].mean(0) for value in (1, 3)]
    drawn = made.draw_textures().mean((1, 2))
    textures = drawn[[0, 2]]
    step = means[1] - means[0]
    assert np.linalg.norm(textures[1] - textures[0] - step) < 0.3 * np.linalg.norm(step)
    np.testing.assert_allclose(
        drawn[1], model.draw_textures().mean((1, 2))[1], atol=0.1
    )


def test_the_same_seed_gives_the_same_parts_and_is_recorded(pairs):
    scene, _, model = pairs
    one, other = (kt.split(scene, model, 1, seed=3) for _ in range(2))
    assert one.to_bytes() == other.to_bytes()
    assert one.record.provenance["changes"] == [{"split": 1, "into": 2, "seed": 3}]


def test_merging_is_exact_in_any_scene(four):
    scene, other, model = four
    merged = kt.merge(model, [4, 2])
    # 4 moves to the place of 3, since 2 is gone.
    moved = np.array([0, 1, 3, 2, 3], "uint8")
    for each in (scene, other, other[:, 3:40, 7:]):
        np.testing.assert_array_equal(
            classes(each, merged), moved[classes(each, model)], strict=True
        )


def test_equal_logits_are_merged_exactly(four):
    scene, _, model = four
    model = from_bytes(model.to_bytes())
    model.record = replace(model.record, order=np.array([1, 2, 0, 3]))
    for weight in model.mask_network.head.weights:
        weight.assign(np.zeros_like(weight.numpy()))
    # Of equal logits, that of the first mask counts, which is class 3.
    assert (classes(scene, model) == 3).all()
    assert (classes(scene, kt.merge(model, [1, 4])) == 3).all()
    assert (classes(scene, kt.merge(model, [1, 3])) == 1).all()


def test_name_color_texture_and_origin_of_a_merged_class(four):
    _, _, model = four
    table = model.classes
    made = kt.merge(model.rename({4: "oak", 2: "beech"}), ["oak", 2], name="wood")
    assert made.classes.names == ("class 1", "class 3", "wood")
    assert made.classes.colors == tuple(table.colors[v - 1] for v in (1, 3, 4))
    assert made.classes.ancestors(3) == ("oak", "beech")
    assert made.classes.ancestors(2) == ()
    for new, old in zip(
        made.texture_bank.weights, model.texture_bank.weights, strict=True
    ):
        masks = model.record.order[[0, 2, 3]]
        np.testing.assert_array_equal(new.numpy(), old.numpy()[masks])


def test_probabilities_of_merged_classes(four):
    scene, _, model = four
    result = kt.segment(
        scene, kt.merge(model, [1, 2]), outputs=("classes", "probabilities")
    )
    total = result.probabilities.sum("class").values
    np.testing.assert_allclose(total, 1, atol=1e-5)
    best = result.probabilities.argmax("class").values + 1
    assert (best == result.classes.values).mean() > 0.9999


def test_a_merged_class_can_be_split_into_what_it_was(four):
    scene, _, model = four
    before = classes(scene, model)
    merged = kt.merge(model, [1, 2, 3], name="all but one")
    parts = kt.split(scene, merged, 1, into=3)
    after = classes(scene, parts)
    assert agreement(after[before < 4], before[before < 4]) > 0.8
    assert (after == 2)[before == 4].mean() >= 0.99
    assert parts.classes.ancestors(4) == (
        "all but one",
        "class 1",
        "class 2",
        "class 3",
    )


@pytest.mark.parametrize("change", ["split", "merge", "both"])
def test_a_saved_model_is_the_same_bit_for_bit(four, tmp_path, change):
    scene, _, model = four
    made = kt.merge(model, [1, 3]) if change != "split" else model
    made = kt.split(scene, made, 1) if change != "merge" else made
    made.save(tmp_path / "made")
    loaded = kt.load(tmp_path / "made")
    outputs = ("classes", "probabilities", "simulated")
    one, other = (kt.segment(scene, m, outputs=outputs) for m in (made, loaded))
    for each in (*one.values(), *other.values()):
        # NaN differs from NaN in the attributes of older versions of xarray.
        each.attrs["_FillValue"] = str(each.attrs.get("_FillValue"))
    xr.testing.assert_identical(one, other)
    assert loaded.config == made.config
    assert loaded.classes.origins == made.classes.origins
    assert any(loaded.classes.origins)
    assert loaded.to_bytes() == made.to_bytes()


def test_the_model_itself_stays(four):
    scene, _, model = four
    before = model.to_bytes()
    kt.split(scene, model, 1)
    kt.merge(model, [1, 2])
    assert model.to_bytes() == before


def test_names_and_colors_can_change_and_origins_stay(four):
    _, _, model = four
    made = kt.merge(model, [1, 2]).rename({1: "a"}, colors={1: "red"})
    table = kt.ClassTable(("x", "y", "z"), made.classes.colors)
    assert made.with_classes(table).classes.ancestors(1) == ("class 1", "class 2")


@pytest.mark.parametrize("k", [None, 2])
def test_a_merged_model_can_be_trained_further(four, eager, k):
    scene, _, model = four
    merged = kt.split(scene, kt.merge(model, [1, 2]), 1)
    assert len(merged.config.masks_options["groups"]) == 6
    trained = kt.train(scene, k, model=merged, steps=3, seed=1, progress=False)
    assert trained.record.steps == model.record.steps + 3
    assert trained.k == (k or 4)
    before, after = classes(scene, merged), classes(scene, trained)
    if k is None:
        assert (before == after).mean() > 0.95
        changed = [
            not np.array_equal(a, b)
            for a, b in zip(
                merged.weight_arrays().values(),
                trained.weight_arrays().values(),
                strict=True,
            )
        ]
        assert any(changed)
    assert set(np.unique(after)) == set(range(1, trained.k + 1))


def test_another_k_of_a_merged_model_records_origins(four):
    scene, _, model = four
    merged = kt.merge(model, [1, 2], name="both")
    more = regroup(
        merged, 5, HeadSample.of_tiles(merged, *seen(scene, merged))
    ).model.classes
    assert {more.ancestors(4)[0], more.ancestors(5)[0]} <= set(merged.classes.names)
    fewer = regroup(
        merged, 2, HeadSample.of_tiles(merged, *seen(scene, merged))
    ).model.classes
    united = [fewer.ancestors(value) for value in (1, 2)]
    assert sorted(map(len, united))[1] >= 2


@pytest.mark.parametrize("lost", [0, 1])
def test_lost_classes_of_a_merged_model_are_revived(four, lost):
    scene, _, model = four
    merged = kt.merge(model, [1, 2])
    values, valid = seen(scene, merged)
    groups = np.array(merged.mask_network.groups)
    bias = merged.mask_network.head.weights[1]
    bias.assign(np.where(groups == lost, -1e3, bias.numpy()))
    assert revive(merged, HeadSample.of_tiles(merged, values, valid)) == [lost]
    shares = np.bincount(merged.chosen(values)[valid], minlength=3) / valid.sum()
    assert shares.min() > 0.01


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((9,), "There is no class 9; the classes are 1 'water', 2 'forest'"),
        ((0,), "There is no class 0"),
        ((True,), "There is no class True"),
        (("sand",), "There is no class 'sand'; the classes are 1 'water'"),
        ((1, 1), "into is 1; give a number of parts, 2 or more"),
        ((1, 2.5), "into is 2.5; give a number of parts"),
        ((1, 128), "into=128 would make 129 classes of 2, and there may be 128"),
    ],
)
def test_arguments_of_split_are_checked(pairs, arguments, message):
    scene, _, model = pairs
    with pytest.raises(InputError, match=message):
        kt.split(scene, model, *arguments)
    with pytest.raises(InputError, match="seed is -1"):
        kt.split(scene, model, 1, seed=-1)


def test_a_name_of_two_classes_is_ambiguous(pairs):
    scene, _, model = pairs
    model = model.rename({1: "forest"})
    with pytest.raises(InputError, match="1 and 2 are all named 'forest'; give the nu"):
        kt.split(scene, model, "forest")


def test_another_scene_is_refused_by_its_bands(pairs):
    scene, _, model = pairs
    with pytest.raises(InputError, match="the model was trained on"):
        kt.split(scene[:3], model, 1)


@pytest.mark.parametrize(
    ("into", "message"),
    [
        (2, r"Class 1 \('class 1'\) is uniform: it has no parts"),
        (40, "is uniform"),
        (50, "2048 pixels in the tiles looked at, too few for 50 parts of at least 50"),
    ],
)
def test_a_uniform_class_has_no_parts(plain, into, message):
    scene, model = plain
    with pytest.raises(InputError, match=message):
        kt.split(scene, model, 1, into)


def test_a_class_of_two_colors_has_two_parts(plain):
    scene, model = plain
    three = scene.copy()
    three[:, :, 8:16] = 400
    with pytest.raises(InputError, match=r"for 3 parts: only 2 .* Choose into=2"):
        kt.split(three, model, 1, 3)
    parts = kt.split(three, model, 1, 2)
    assert (classes(three, parts)[0, ::8] == (1, 3, 1, 1, 2, 2, 2, 2)).all()


def test_a_scene_without_the_class_is_refused(plain):
    scene, model = plain
    with pytest.raises(InputError, match=r"Class 1 .* has no pixels in the tiles"):
        kt.split(scene[:, :, 32:], model, 1)


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ([1], r"classes is \[1\]; give at least two classes"),
        (2, "classes is 2; give a list"),
        ("class 1", "classes is 'class 1'; give a list"),
        ([1, 2, "class 1"], r"Class 1 \('class 1'\) is listed more than once"),
        ([1, 7], "There is no class 7"),
        ([1, 2, 3, 4], "Merging all 4 classes would leave one"),
    ],
)
def test_arguments_of_merge_are_checked(four, listed, message):
    with pytest.raises(InputError, match=message):
        kt.merge(four[2], listed)
    with pytest.raises(InputError, match="is not a class name"):
        kt.merge(four[2], [1, 2], name="\n")


def test_published_masks_have_no_rows(small, published):
    with pytest.raises(InputError, match=r"merged in models of preset 'paper'.*slices"):
        kt.merge(published, [1, 2])
    with pytest.raises(InputError, match=r"split in models of preset 'paper'.*slices"):
        kt.split(small, published, 1)


def test_rows_do_not_multiply_without_end(four):
    scene, _, model = four
    options = {**model.config.masks_options, "groups": (0, 1, 2, 3, *[3] * 400)}
    wide = kt.KTextures(replace(model.config, masks_options=options), model.preparation)
    with pytest.raises(InputError, match=f"merged of 401 .* 805 rows.* {MOST_ROWS}"):
        kt.split(scene, wide, 4)
    options["groups"] = (0, 1) * 200
    config = replace(model.config, k=2, masks_options=options)
    wide = kt.KTextures(config, model.preparation)
    with pytest.raises(InputError, match="merged of 400 parts, of which there may be"):
        regroup(wide, 3, HeadSample.of_tiles(wide, *seen(scene, wide)))
