"""Mask networks: hard in prediction, trainable in training, alike in any tile."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from ktextures.errors import InputError
from ktextures.model.masks import ContextualMasks, PublishedMasks, check_k
from ktextures.model.ops import blur, blur_reach, crop, hard_masks, score_slices

KINDS = [PublishedMasks, ContextualMasks]
# For 4 bands: three 1x1 convolutions and three batch normalizations, as published.
PUBLISHED_PARAMETERS = 5_061


def built(kind, k=6, bands=4, **options):
    network = kind(k, **options)
    network.build((None, None, None, bands))
    return network


def tiles(network, height=24, width=20, bands=4, seed=0, count=1):
    halo = 2 * network.reach
    shape = (count, height + halo, width + halo, bands)
    return tf.constant(np.random.default_rng(seed).random(shape, "float32"))


def used(network, bands):
    """Let batch normalization, where there is any, see some tiles."""
    for seed in range(3):
        network(tiles(network, bands=bands, seed=seed), training=True)
    return network


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [2, 6, 128])
@pytest.mark.parametrize("bands", [1, 7])
def test_prediction_gives_masks_of_0_and_1_that_sum_to_1(kind, k, bands):
    network = used(built(kind, k, bands), bands)
    masks = network(tiles(network, bands=bands, count=2), training=False).numpy()
    assert masks.shape == (2, 24, 20, k)
    assert masks.dtype == np.float32
    assert set(np.unique(masks)) == {0.0, 1.0}
    assert (masks.sum(-1) == 1).all()


@pytest.mark.parametrize("kind", KINDS)
def test_masks_in_training_are_hard_up_to_a_few_ramps(kind):
    network = built(kind)
    masks = network(tiles(network), training=True).numpy()
    np.testing.assert_allclose(masks.sum(-1), 1, atol=1e-5)
    assert (np.abs(masks - masks.round()) > 1e-5).mean() < 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_reach_every_trainable_weight(kind):
    network = built(kind, seed=3)
    inputs = tiles(network, 64, 64)
    aims = tf.constant(np.random.default_rng(1).random((1, 64, 64, 6), "float32"))
    options = {}
    if kind is PublishedMasks:
        options["noise_seed"] = tf.constant([1, 2])
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((network(inputs, training=True, **options) - aims) ** 2)
    gradients = tape.gradient(loss, network.trainable_variables)
    largest = {
        weight.path: float(tf.reduce_max(tf.abs(gradient)))
        for weight, gradient in zip(network.trainable_variables, gradients, strict=True)
    }
    dead = [path for path, size in largest.items() if not size > 0]
    # Batch normalization takes a bias off again, so that its true gradient is 0.
    if kind is PublishedMasks:
        dead = [path for path in dead if not re.search(r"conv2d\w*/bias", path)]
    assert dead == []
    assert all(np.isfinite(list(largest.values())))


def test_published_network_has_the_published_parameters():
    network = built(PublishedMasks)
    assert network.count_params() == PUBLISHED_PARAMETERS
    assert network.reach == 4
    assert (network.slope, network.noise, network.width) == (5000.0, 0.0005, 64)
    # Not one of them depends on k.
    assert built(PublishedMasks, 128).count_params() == PUBLISHED_PARAMETERS


def test_published_layers_are_in_the_published_order():
    kinds = [type(layer).__name__ for layer in built(PublishedMasks).stack]
    assert kinds == ["Conv2D", "BatchNormalization", "Activation"] * 3
    activations = [
        layer.activation.__name__
        for layer in built(PublishedMasks).stack
        if isinstance(layer, keras.layers.Activation)
    ]
    assert activations == ["elu", "elu", "sigmoid"]


def test_slices_of_a_known_score():
    score = tf.constant([0.0, 0.2, 0.3, 0.4, 0.6, 0.7, 0.99, 1.0])[None, :, None, None]
    slices = score_slices(score, 3, 5000.0).numpy()[0, :, 0]
    assert slices.argmax(-1).tolist() == [0, 0, 0, 1, 1, 2, 2, 2]
    assert set(np.unique(slices)) == {0.0, 1.0}


def test_the_step_rises_over_one_part_in_slope_and_has_a_gradient_only_there():
    offsets = [-0.6, -0.5, -0.25, 0.0, 0.25, 0.5, 0.6]
    score = tf.Variable([0.5 + offset / 5000 for offset in offsets])
    with tf.GradientTape() as tape:
        upper = score_slices(score[None, :, None, None], 2, 5000.0)[0, :, 0, 1]
    np.testing.assert_allclose(upper, [0, 0, 0.25, 0.5, 0.75, 1, 1], atol=2e-3)
    gradient = tape.gradient(upper, score).numpy()
    assert gradient[[0, -1]].tolist() == [0, 0]
    np.testing.assert_allclose(gradient[2:5], 5000)


@pytest.mark.parametrize("k", [2, 3, 6, 7, 128])
def test_prediction_cuts_the_score_where_training_does(k):
    network = built(PublishedMasks, k)
    score = np.random.default_rng(0).random((1, 50, 50, 1), "float32")
    network.score = lambda *_, **__: tf.constant(score)
    predicted = network(tiles(network)).numpy()
    trained = network(tiles(network), training=True).numpy()
    on_ramp = (np.abs(trained - trained.round()) > 0).any(-1)
    assert on_ramp.mean() < 0.05
    np.testing.assert_array_equal(predicted[~on_ramp], trained[~on_ramp])


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_the_ends_of_the_score_are_in_the_outer_slices(value):
    network = built(PublishedMasks, 5)
    network.score = lambda *_, **__: tf.fill((1, 2, 2, 1), value)
    masks = network(tiles(network)).numpy()
    assert (masks.argmax(-1) == (4 if value else 0)).all()
    assert (masks.sum(-1) == 1).all()


def test_training_noise_is_drawn_by_its_seed_and_has_the_published_size():
    network = built(PublishedMasks, 2, slope=1.0)  # so gentle that nothing is clipped
    inputs = tiles(network, 100, 100)

    def upper(seed):
        noise_seed = None if seed is None else tf.constant([seed, 0])
        return network(inputs, training=True, noise_seed=noise_seed).numpy()[..., 1]

    assert (upper(1) == upper(1)).all()
    assert (upper(1) != upper(2)).any()
    assert 0.00049 < (upper(1) - upper(None)).std() < 0.00051


@pytest.mark.parametrize(
    "options", [{}, {"texture_scale": 0}, {"texture_scale": 1}, {"texture_scale": 3.5}]
)
def test_logits_of_a_crop_are_those_of_the_whole(options):
    network = built(ContextualMasks, **options)
    whole = tiles(network, 40, 36)
    logits = network.logits(whole).numpy()
    assert logits.shape == (1, 40, 36, 6)
    halo = 2 * network.reach
    for row, col, height, width in [(0, 0, 40, 20), (7, 9, 11, 13), (39, 35, 1, 1)]:
        part = whole[:, row : row + height + halo, col : col + width + halo]
        np.testing.assert_allclose(
            network.logits(part),
            logits[:, row : row + height, col : col + width],
            rtol=1e-4,
            atol=1e-5,
        )


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (PublishedMasks, {}),
        (ContextualMasks, {}),
        (ContextualMasks, {"texture_scale": 0}),
        (ContextualMasks, {"texture_scale": 5.0}),
    ],
)
def test_a_pixel_depends_on_nothing_beyond_the_reach(kind, options):
    network = built(kind, 5, **options)
    inputs = tiles(network, 9, 9).numpy()
    outputs = network.score if kind is PublishedMasks else network.logits
    before = outputs(tf.constant(inputs)).numpy()[0, 4, 4]
    distance = np.abs(np.arange(inputs.shape[1]) - 4 - network.reach)
    beyond = (distance[:, None] > network.reach) | (distance > network.reach)
    inputs[0, beyond] = 1000.0
    np.testing.assert_allclose(
        outputs(tf.constant(inputs)).numpy()[0, 4, 4], before, rtol=1e-6
    )


def test_texture_scale_0_sees_the_pixel_only():
    network = built(ContextualMasks, texture_scale=0)
    assert network.reach == 0
    assert built(ContextualMasks, texture_scale=2).reach > 0


def mixed_pixels(bands=3, seed=0):
    """Pixels whose bands are correlated."""
    generator = np.random.default_rng(seed)
    mixing = generator.normal(size=(bands, bands)) + 2 * np.eye(bands)
    return generator.normal(size=(4000, bands)) @ mixing + 5


def test_bands_are_decorrelated_by_what_was_frozen():
    network = built(ContextualMasks, 3, bands=3, texture_scale=0)
    pixels = mixed_pixels()
    network.adapt(pixels)
    seen = network.patterns(tf.constant(pixels[None, None], "float32")).numpy()[0, 0]
    np.testing.assert_allclose(seen.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(np.cov(seen.T), np.eye(3), atol=0.02)
    frozen = {"mean", "whiten", "pattern_mean", "pattern_spread"}
    assert frozen <= {weight.name for weight in network.weights}
    assert not frozen & {weight.name for weight in network.trainable_variables}


def test_the_strongest_combination_of_bands_comes_first():
    network = built(ContextualMasks, 3, bands=3, texture_scale=0)
    generator = np.random.default_rng(0)
    network.adapt(generator.normal(size=(4000, 3)) * [0.1, 3.0, 1.0])
    assert np.abs(network.whiten.numpy()).argmax(0).tolist()[:2] == [1, 2]


def test_a_combination_of_bands_that_hardly_varies_is_not_blown_up():
    network = built(ContextualMasks, 3, bands=2, texture_scale=0)
    gray = np.random.default_rng(0).normal(size=(4000, 1))
    pixels = np.repeat(gray, 2, 1) + [0.0, 1e-6] * gray[::-1]
    network.adapt(pixels)
    seen = network.patterns(tf.constant(pixels[None, None], "float32")).numpy()[0, 0]
    np.testing.assert_allclose(seen.std(0), [1, 0], atol=0.01)


def test_units_of_the_bands_do_not_matter_once_adapted():
    one, other = (built(ContextualMasks, 3, bands=3, seed=1) for _ in "ab")
    pixels = mixed_pixels()
    one.adapt(pixels)
    other.adapt(20 * pixels + 7)
    inputs = tiles(one, bands=3) * 5
    np.testing.assert_allclose(
        other.logits(20 * inputs + 7), one.logits(inputs), rtol=1e-2, atol=1e-3
    )


def test_patterns_are_standardized_by_what_was_frozen():
    network = built(ContextualMasks, 3)
    inputs = tiles(network)
    raw = network.patterns(inputs).numpy()
    mean, spread = raw.mean((0, 1, 2)), raw.std((0, 1, 2))
    network.adapt_patterns(mean, spread)
    seen = network.patterns(inputs).numpy()
    np.testing.assert_allclose(seen.mean((0, 1, 2)), 0, atol=1e-3)
    np.testing.assert_allclose(seen.std((0, 1, 2)), 1, atol=1e-2)


def test_logits_are_what_is_classified_by_patterns():
    network = built(ContextualMasks, 3, seed=2)
    inputs = tiles(network)
    logits = network.logits(inputs)
    np.testing.assert_array_equal(network.classify(network.patterns(inputs)), logits)
    np.testing.assert_array_equal(network.head(network.context(inputs)), logits)


@pytest.mark.parametrize("texture_scale", [0.0, 2.0, 6.0])
def test_a_pixel_of_another_color_stays_visible(texture_scale):
    network = built(ContextualMasks, bands=3, texture_scale=texture_scale)
    network.adapt(mixed_pixels())
    inputs = np.full(tiles(network, 9, 9, bands=3).shape, 0.5, "float32")
    inputs[0, 4 + network.reach, 4 + network.reach] = [0.1, 0.9, 0.2]
    seen = network.patterns(tf.constant(inputs)).numpy()[0]
    # The first channels are those of the pixel itself, which nothing blurs.
    own = inputs[0, network.reach :, network.reach :][:9, :9]
    wanted = (own - network.mean.numpy()) @ network.whiten.numpy()
    np.testing.assert_allclose(seen[..., :3], wanted, atol=1e-5)
    apart = np.abs(seen - seen[0, 0])[..., :3].max(-1) > 1e-3
    assert np.argwhere(apart).tolist() == [[4, 4]]


@pytest.mark.parametrize("texture_scale", [0.0, 1.0, 2.0, 6.0])
def test_patterns_of_windows_are_those_of_the_whole(texture_scale):
    network = built(ContextualMasks, texture_scale=texture_scale)
    network.adapt(mixed_pixels(4))
    inputs = tiles(network, 30, 26)
    raw = network.patterns(inputs).numpy()
    network.adapt_patterns(raw.mean((0, 1, 2)), raw.std((0, 1, 2)))
    whole = network.patterns(inputs).numpy()
    assert whole.shape[:3] == (1, 30, 26)
    halo = 2 * network.reach
    for row, col, height, width in [(0, 0, 15, 26), (15, 0, 15, 13), (29, 25, 1, 1)]:
        part = inputs[:, row : row + height + halo, col : col + width + halo]
        np.testing.assert_allclose(
            network.patterns(part),
            whole[:, row : row + height, col : col + width],
            atol=2e-3,
        )


def test_a_wide_texture_scale_adds_wider_means():
    near, wide = (built(ContextualMasks, texture_scale=each) for each in (2.0, 6.0))
    assert near.sigmas == (2.0, 6.0)
    assert wide.sigmas == (2.0, 6.0, 12.0)
    assert wide.reach > near.reach
    assert built(ContextualMasks).hidden == 64


@pytest.mark.parametrize("kind", KINDS)
def test_weights_depend_on_the_seed_alone(kind):
    one, same, other = built(kind, seed=1), built(kind, seed=1), built(kind, seed=2)
    for first, second in zip(one.weights, same.weights, strict=True):
        np.testing.assert_array_equal(first, second)
    assert any(
        (first.numpy() != second.numpy()).any()
        for first, second in zip(one.weights, other.weights, strict=True)
    )


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (
            PublishedMasks,
            {"k": 7, "width": 8, "slope": 100.0, "noise": 0.1, "margin": 2},
        ),
        (PublishedMasks, {"k": 2}),
        (ContextualMasks, {"k": 7, "texture_scale": 1.5, "hidden": 9, "seed": 9}),
        (ContextualMasks, {"k": 2, "texture_scale": 0}),
        (ContextualMasks, {"k": 3, "groups": (2, 0, 1, 0)}),
    ],
)
def test_configuration_goes_round(kind, options):
    network = kind(**options)
    again = kind.from_config(network.get_config())
    assert again.get_config() == network.get_config()
    for name, value in options.items():
        assert getattr(again, name) == value
    network.build((None, None, None, 4))
    again.build((None, None, None, 4))
    assert again.reach == network.reach
    again.set_weights(network.get_weights())
    inputs = tiles(network)
    np.testing.assert_array_equal(network(inputs), again(inputs))


def test_the_logit_of_a_mask_is_the_largest_of_its_rows():
    network = built(ContextualMasks, k=3, groups=(2, 0, 1, 0))
    inputs = tiles(network)
    rows = network.row_logits(inputs).numpy()
    assert rows.shape[-1] == 4
    expected = [np.maximum(rows[..., 1], rows[..., 3]), rows[..., 2], rows[..., 0]]
    np.testing.assert_array_equal(network.logits(inputs), np.stack(expected, -1))
    masks = network(inputs).numpy()
    np.testing.assert_array_equal(masks.argmax(-1), np.argmax(expected, 0))


def test_gradients_reach_all_rows_of_a_mask():
    network = built(ContextualMasks, k=2, groups=(0, 1, 0), texture_scale=0)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(network.logits(tiles(network, 64, 64))[..., 0])
    (gradient,) = tape.gradient(loss, [network.head.weights[1]])
    shares = gradient.numpy()
    assert shares[1] == 0
    assert min(shares[0], shares[2]) > 0
    assert shares.sum() == pytest.approx(1)


@pytest.mark.parametrize("k", [2, np.int64(6), 128])
def test_a_good_k_is_an_int(k):
    assert check_k(k) == k
    assert type(check_k(k)) is int


@pytest.mark.parametrize("k", [1, 0, -3, 129, 10**6])
def test_a_k_out_of_range_is_refused(k):
    with pytest.raises(InputError, match=rf"k is {k}; choose .* from 2 to 128"):
        check_k(k)


@pytest.mark.parametrize("k", [2.0, "6", None, True, [6]])
def test_a_k_that_is_no_whole_number_is_refused(k):
    with pytest.raises(
        InputError, match=rf"k is {re.escape(repr(k))}; .* whole number"
    ):
        check_k(k)


def test_hard_masks_are_one_hot_with_the_gradient_of_softmax():
    logits = tf.Variable([[[[1.0, 3.0, 2.0], [5.0, 5.0, 0.0]]]])
    weights = tf.constant([0.2, 0.5, 0.9])
    with tf.GradientTape(persistent=True) as tape:
        hard = tf.reduce_sum(hard_masks(logits) * weights)
        soft = tf.reduce_sum(tf.nn.softmax(logits) * weights)
    np.testing.assert_allclose(
        hard_masks(logits)[0, 0], [[0, 1, 0], [1, 0, 0]], atol=1e-6
    )
    np.testing.assert_allclose(
        tape.gradient(hard, logits), tape.gradient(soft, logits), rtol=1e-5
    )


@pytest.mark.parametrize("sigma", [0.6, 2.0, 4.3])
def test_blur_is_a_gaussian_mean(sigma):
    from scipy.ndimage import gaussian_filter

    maps = np.random.default_rng(0).random((2, 60, 50, 3), "float32")
    radius = blur_reach(sigma)
    found = blur(tf.constant(maps), sigma).numpy()
    assert found.shape == (2, 60 - 2 * radius, 50 - 2 * radius, 3)
    wanted = gaussian_filter(maps, (0, sigma, sigma, 0), radius=(0, radius, radius, 0))
    np.testing.assert_allclose(found, crop(wanted, radius), rtol=1e-4)
    np.testing.assert_allclose(blur(tf.ones((1, 60, 50, 1)), sigma), 1, rtol=1e-5)


def test_crop_by_nothing_is_the_whole():
    maps = np.arange(12).reshape(1, 3, 4, 1)
    assert crop(maps, 0) is maps
    assert crop(tf.constant(maps), 1).numpy().tolist() == [[[[5], [6]]]]


def test_crop_of_tiles_whose_size_is_not_known_yet():
    maps = np.arange(24.0).reshape(2, 3, 4, 1)
    wanted = maps[:, 1:-1, 1:-1]
    sizes = [(None, 3, 4, 1), (2, None, None, 1), (None, None, None, 1)]
    for size in sizes:
        signature = [tf.TensorSpec(size, tf.float64)]
        cropped = tf.function(lambda each: crop(each, 1), input_signature=signature)
        np.testing.assert_array_equal(cropped(tf.constant(maps)), wanted)
