"""Frozen models: what TensorFlow says, wherever a window begins, and nothing else."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ktextures as kt
from ktextures.inference import contextual
from ktextures.inference.block import BlockClassifier
from ktextures.inference.freeze import freeze
from ktextures.model.config import ModelConfig
from ktextures.model.network import TEXTURE_SIDE
from ktextures.raster.scaling import Preparation
from ktextures.raster.windows import Window, grow, mirror

MOST_BYTES = 100_000
"""Of a frozen model that is sent to a worker."""

PRECISION = 2e-5
"""Of probabilities: both are computed in float32, in another order of operations."""

SOFT = ("classes", "probabilities", "confidence")

ELSEWHERE = """
import pickle, sys
import numpy as np

with open(sys.argv[1], "rb") as file:
    model, values, expected = pickle.load(file)
valid = np.ones(values.shape[1:], bool)
reach = model.reach
height, width = (side - 2 * reach for side in values.shape[1:])
from ktextures.raster.windows import Window
whole = Window(0, 0, *values.shape[1:])
planes = model.prepared(values, valid, whole, ((0, 0), (0, 0)))
found = np.concatenate([model.values[strip.chosen] for strip in model.strips(planes)])
assert found.shape == (height, width)
np.testing.assert_array_equal(found, expected)
heavy = {"tensorflow", "keras", "xarray", "sklearn", "dask", "matplotlib"}
print(sorted(heavy & sys.modules.keys()))
"""


def train(scene, k, **options):
    features = kt.FilterBank(scales=1, orientations=1)
    options = {"steps": 4, "seed": 1, "progress": False, **options}
    return kt.train(scene, k, features=features, **options)


def balanced(model, tile):
    """Shift what a network decides by, so that a tile has several classes."""
    network = model.mask_network
    if network.has_probabilities:
        mean = network.row_logits(tile).numpy().mean((0, 1, 2))
        network.head.bias.assign(network.head.bias - mean)
        return
    maps = tile
    for layer in network.stack[:-2]:
        maps = layer(maps, training=False)
    last = network.stack[-2]
    last.moving_mean.assign(maps.numpy().mean((0, 1, 2)))
    last.moving_variance.assign(maps.numpy().var((0, 1, 2)))


def with_scale(small, scale, k=3):
    model = train(small, k, texture_scale=scale)
    assert model.mask_network.texture_scale == scale
    return model


@pytest.fixture(scope="module")
def models(small, trained, published, eagerly):
    """Models by name, of all kinds of masks."""
    with eagerly():
        scaled = {f"scale {scale}": with_scale(small, scale) for scale in (0, 2, 6)}
        many = with_scale(small, 2, k=7)
    merged = kt.merge(kt.merge(many, [2, 5, 7]), [1, 3])
    paper = published.copy()
    balanced(paper, prepared(paper, small)[0])
    return {**scaled, "merged": merged, "many": many, "paper": paper}


KINDS = ("scale 0", "scale 2", "scale 6", "merged", "many", "paper")


@pytest.fixture(params=KINDS)
def model(request, models):
    return models[request.param]


@pytest.fixture(scope="module")
def large():
    scene = kt.datasets.synthetic((150, 170), k=3, seed=8, contrast="both").scene
    scene[1, 30:44, 50:55] = 0
    return scene.rio.write_nodata(0)


def prepared(model, scene):
    """Scaled pixels (1, y, x, band) with a halo, by what training uses."""
    values = scene.values.transpose(1, 2, 0)
    valid = (scene.values != 0).all(0)
    tile = model.preparation(values, valid)
    return mirror(tile, ((model.reach,) * 2,) * 2)[None], valid


def logits_of(frozen, values, window, size):
    """Logits (y, row, x) and masks of a window of a scene."""
    inside, padding = grow(window, frozen.reach, *size)
    planes = frozen.prepared(values, np.ones(size, bool), inside, padding)
    # A strip is overwritten by the next one.
    strips = [
        (strip.chosen.copy(), None if strip.logits is None else strip.logits.copy())
        for strip in frozen.strips(planes)
    ]
    chosen = np.concatenate([chosen for chosen, _ in strips])
    if strips[0][1] is None:
        return None, chosen
    return np.concatenate([logits for _, logits in strips]), chosen


# --- the same as TensorFlow ----------------------------------------------------------


def test_classes_and_probabilities_are_those_of_the_network(model, large):
    tile, valid = prepared(model, large)
    wanted = model.infer(tile)
    outputs = SOFT if model.mask_network.has_probabilities else ("classes",)
    found = kt.segment(large, model, outputs=outputs)
    for name in outputs[1:]:
        array = wanted[name][0]
        array = array.transpose(2, 0, 1) if array.ndim == 3 else array
        np.testing.assert_allclose(
            found[name].values[..., valid], array[..., valid], atol=PRECISION
        )
    classes, other = found.classes.values, wanted["classes"][0]
    assert (classes[~valid] == 0).all()
    differ = valid & (classes != other)
    # The last digits decide where two classes are as probable as each other.
    if len(outputs) > 1:
        assert wanted["confidence"][0][differ].max(initial=0) < PRECISION
        assert differ.sum() <= 1
    else:
        assert differ.sum() <= 2


@pytest.mark.parametrize("name", [name for name in KINDS if name != "paper"])
def test_several_classes_appear(models, large, name):
    """So that these comparisons say something; "paper" has 4 steps, and shows one."""
    found = kt.segment(large, models[name]).classes.values
    assert len(np.unique(found[found > 0])) > 1


def test_merged_classes_have_exactly_the_pixels_of_their_parts(models, large):
    many = kt.segment(large, models["many"]).classes.values
    merged = kt.segment(large, models["merged"]).classes.values
    pairs = np.unique(np.stack([many.ravel(), merged.ravel()]), axis=1).T.tolist()
    to = dict(pairs)
    assert len(pairs) == len(to)
    assert to.get(2, 0) == to.get(5, to.get(2, 0)) == to.get(7, to.get(2, 0))
    assert to.get(1, 0) == to.get(3, to.get(1, 0))
    assert models["merged"].k == 4
    assert len(freeze(models["merged"]).masks.groups) == 7


def test_order_of_classes_is_that_of_the_model(trained, large):
    frozen = freeze(trained)
    assert sorted(frozen.values.tolist()) == [1, 2, 3]
    assert frozen.values[trained.record.order].tolist() == [1, 2, 3]
    logits = np.random.default_rng(0).normal(size=(4, 3, 5)).astype("float32")
    united = frozen.united(logits)
    for mask, value in enumerate(frozen.values):
        np.testing.assert_array_equal(united[:, value - 1], logits[:, mask])


def test_paper_masks_have_no_logits_to_unite(published):
    with pytest.raises(TypeError, match="masks of preset 'paper' have no logits"):
        freeze(published).united(np.zeros((1, 3, 1), "float32"))


def untrained(masks, k, bands):
    """A model with random weights, and what it sees standardized at random."""
    names = tuple(f"b{number}" for number in range(bands))
    config = ModelConfig(
        k,
        names,
        ("other",) * bands,
        "default" if masks == "contextual" else "paper",
        seed=2,
        masks=masks,
        textures="tileable",
        masks_options={"texture_scale": 6} if masks == "contextual" else {},
    )
    scaler = kt.BandScaler((0.0,) * bands, (255.0,) * bands)
    model = kt.KTextures(config, Preparation(scaler, (0.5,) * bands))
    random = np.random.default_rng(5)
    if masks == "contextual":
        network = model.mask_network
        network.adapt(random.uniform(0, 1, (500, bands)))
        shape = network.pattern_mean.shape
        network.adapt_patterns(random.normal(size=shape), random.uniform(0.5, 2, shape))
    model.record.order[:] = random.permutation(k)
    return model


@pytest.mark.parametrize("masks", ["contextual", "published"])
@pytest.mark.parametrize(("k", "bands"), [(2, 1), (3, 2), (5, 13), (128, 4)])
def test_any_number_of_classes_and_bands(masks, k, bands):
    model = untrained(masks, k, bands)
    values = np.random.default_rng(k).integers(1, 256, (bands, 47, 83), "uint8")
    # Smooth in parts, so that not every pixel is in doubt.
    values[:, :, 40:] = values[:, ::2, ::2].repeat(2, 1).repeat(2, 2)[:, :47, 40:83]
    tile = mirror(
        model.preparation(values.transpose(1, 2, 0), np.ones((47, 83), bool)),
        ((model.reach,) * 2,) * 2,
    )
    balanced(model, tile[None])
    wanted = model.infer(tile[None])
    textures = np.zeros((k, bands, 1, 1), "float32")
    outputs = ("classes", "probabilities") if masks == "contextual" else ("classes",)
    classifier = BlockClassifier(freeze(model), textures, None, outputs)
    found = classifier(values, Window(0, 0, 47, 83), 47, 83)
    assert (found["classes"] != wanted["classes"][0]).sum() <= 2
    # Of so few bands, two or three random classes leave one everywhere.
    assert len(np.unique(found["classes"])) > 1 or k < 5
    if masks == "contextual":
        soft = wanted["probabilities"][0].transpose(2, 0, 1)
        np.testing.assert_allclose(found["probabilities"], soft, atol=PRECISION)


# --- independent of position ---------------------------------------------------------


@given(
    st.sampled_from(KINDS),
    st.tuples(st.integers(0, 149), st.integers(0, 169)),
    st.tuples(st.integers(1, 150), st.integers(1, 170)),
)
@settings(max_examples=60)
def test_logits_are_the_same_bits_wherever_a_window_begins(
    models, large, kind, corner, size
):
    frozen = freeze(models[kind])
    whole, masks = logits_of(frozen, large.values, Window(0, 0, 150, 170), (150, 170))
    row, col = corner
    window = Window(row, col, min(size[0], 150 - row), min(size[1], 170 - col))
    part, there = logits_of(frozen, large.values, window, (150, 170))
    rows, cols = window.slices
    np.testing.assert_array_equal(there, masks[window.slices])
    if part is not None:
        assert part.tobytes() == whole[rows, :, cols].tobytes()


@pytest.mark.parametrize("rows", [1, 3, 32, 500])
def test_strips_of_any_height_give_the_same_bits(models, large, rows, monkeypatch):
    frozen = freeze(models["scale 6"])
    window = Window(3, 5, 101, 77)
    wanted, _ = logits_of(frozen, large.values, window, (150, 170))
    monkeypatch.setattr(contextual, "ROWS", rows)
    found, _ = logits_of(frozen, large.values, window, (150, 170))
    assert found.tobytes() == wanted.tobytes()


# --- a copy of its own ---------------------------------------------------------------


def test_training_that_goes_on_does_not_change_a_frozen_model(small, large, eager):
    seen = []

    class Freeze(kt.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                frozen = freeze(self.model)
                seen.append((frozen, pickle.dumps(frozen), freeze(self.model.copy())))

    model = train(small, 3, steps=9, callbacks=[Freeze()])
    ((frozen, before, copied),) = seen
    assert pickle.dumps(frozen) == before
    window, size = Window(0, 0, 150, 170), (150, 170)
    now, _ = logits_of(frozen, large.values, window, size)
    then, _ = logits_of(copied, large.values, window, size)
    last, _ = logits_of(freeze(model), large.values, window, size)
    assert now.tobytes() == then.tobytes()
    assert now.tobytes() != last.tobytes()


def test_frozen_models_are_small(model):
    frozen = freeze(model)
    assert len(pickle.dumps(frozen)) < MOST_BYTES
    # Scratch arrays are not sent.
    size = (frozen.reach + 90, frozen.reach + 80)
    values = np.ones((4, *size), "uint8")
    logits_of(frozen, values, Window(0, 0, *size), size)
    assert len(pickle.dumps(frozen)) < MOST_BYTES


def test_classifiers_are_small_without_their_textures(trained):
    textures = trained.draw_textures(TEXTURE_SIDE, TEXTURE_SIDE, 0)
    classifier = BlockClassifier(freeze(trained), textures, 0, ("classes",))
    content = pickle.dumps(classifier)
    assert len(content) - textures.nbytes < MOST_BYTES
    assert pickle.loads(content).reach == trained.reach


@pytest.mark.parametrize("kind", ["scale 6", "merged", "paper"])
def test_other_processes_classify_without_tensorflow(kind, models, large, tmp_path):
    frozen = freeze(models[kind])
    reach = frozen.reach
    expected = kt.segment(large.rio.write_nodata(None), models[kind]).classes.values
    content = (
        frozen,
        np.ascontiguousarray(large.values),
        expected[reach : 150 - reach, reach : 170 - reach],
    )
    (tmp_path / "frozen").write_bytes(pickle.dumps(content))
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, tmp_path / "frozen"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "tensorflow" not in done.stdout
    assert "keras" not in done.stdout
