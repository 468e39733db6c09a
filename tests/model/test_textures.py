"""Texture generators: one per class, any size, drawn by seed, some without seams."""

import numpy as np
import pytest
import tensorflow as tf

from ktextures.model.textures import (
    PublishedTextures,
    TextureGenerator,
    TileableTextures,
    octave_noise,
    wrapped_conv,
)

KINDS = [PublishedTextures, TileableTextures]
# For 4 bands: five 3x3 convolutions and four batch normalizations, as published.
PUBLISHED_PARAMETERS = 7_956
SEED = tf.constant([7, 1], "int32")


def built(kind, k=3, bands=4, **options):
    bank = kind(k, bands, **options)
    bank.build()
    return bank


def drawn(bank, height=24, width=32, seed=SEED, **options):
    return bank(bank.noise(height, width, seed), **options).numpy()


def test_published_generators_have_the_published_parameters():
    generator = TextureGenerator(4)
    generator.build()
    assert generator.count_params() == PUBLISHED_PARAMETERS
    assert built(PublishedTextures, 6).count_params() == 6 * PUBLISHED_PARAMETERS


def test_published_generators_take_noise_of_144_for_textures_of_128():
    bank = built(PublishedTextures, 2)
    noise = bank.noise(128, 128, SEED)
    assert noise.shape == (2, 144, 144, 1)
    assert bank(noise).shape == (2, 128, 128, 4)


def test_published_layers_are_in_the_published_order():
    kinds = [type(layer).__name__ for layer in TextureGenerator(4).stack]
    assert kinds == ["Conv2D", "BatchNormalization", "LeakyReLU"] * 4 + ["Conv2D"]
    widths = [layer.filters for layer in TextureGenerator(5).stack[::3]]
    assert widths == [16, 16, 16, 16, 5]


def trained(compute, generator, noise):
    """Texture, gradients and moving averages after a look in training."""
    with tf.GradientTape() as tape:
        texture = compute(noise)
        loss = tf.reduce_mean(texture**2)
    gradients = tape.gradient(loss, generator.trainable_variables)
    averages = [each.numpy() for each in generator.non_trainable_variables]
    return [texture.numpy(), *(each.numpy() for each in gradients), *averages]


def test_published_generators_are_normalized_as_by_keras():
    noise = 3 + 2 * tf.random.stateless_normal((1, 40, 48, 1), SEED)
    ours, keras_own = TextureGenerator(4, seed=3), TextureGenerator(4, seed=3)
    for generator in (ours, keras_own):
        generator.build()
        for layer in generator.stack[1::3]:
            layer.momentum = 0.0  # so that averages are those of this look alone

    def by_layers(maps):
        for layer in keras_own.stack:
            maps = layer(maps, training=True)
        return maps[:, 8:-8, 8:-8]

    found = trained(lambda maps: ours(maps, training=True), ours, noise)
    for mine, wanted in zip(found, trained(by_layers, keras_own, noise), strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bands", [1, 7])
def test_textures_are_in_0_to_1_and_of_any_band_count(kind, bands):
    textures = drawn(built(kind, 2, bands))
    assert textures.shape == (2, 24, 32, bands)
    assert textures.dtype == np.float32
    assert 0 <= textures.min() < textures.max() <= 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(1, 1), (8, 40), (13, 7)])
def test_any_size_is_drawn(kind, size):
    textures = drawn(built(kind), *size)
    assert textures.shape[1] >= size[0]
    assert textures.shape[2] >= size[1]
    if kind is PublishedTextures:
        assert textures.shape[1:3] == size


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_draws_the_same(kind):
    bank = built(kind)
    np.testing.assert_array_equal(drawn(bank), drawn(bank))
    for other in ([7, 2], [8, 1]):
        assert (
            drawn(bank) != drawn(bank, seed=tf.constant(other, "int32"))
        ).mean() > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_weights_depend_on_the_seed_alone(kind):
    np.testing.assert_array_equal(
        drawn(built(kind, seed=1)), drawn(built(kind, seed=1))
    )
    assert (drawn(built(kind, seed=1)) != drawn(built(kind, seed=2))).mean() > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_classes_have_noise_and_weights_of_their_own(kind):
    bank = built(kind)
    noise = bank.noise(24, 32, SEED).numpy()
    textures = drawn(bank)
    alike = bank(tf.constant(np.repeat(noise[:1], 3, 0))).numpy()
    for one, other in [(0, 1), (1, 2), (0, 2)]:
        assert (noise[one] != noise[other]).mean() > 0.9
        assert (textures[one] != textures[other]).mean() > 0.9
        assert (alike[one] != alike[other]).mean() > 0.9


def test_convolutions_wrap_around_and_each_class_has_its_own():
    generator = np.random.default_rng(0)
    maps = generator.random((2, 5, 6, 3), "float32")
    kernels = generator.random((2, 27, 4), "float32")
    found = wrapped_conv(tf.constant(maps), tf.constant(kernels)).numpy()
    wanted = sum(
        np.einsum(
            "kyxc,kcd->kyxd",
            np.roll(maps, (1 - row, 1 - col), (1, 2)),
            kernels.reshape(2, 3, 3, 3, 4)[:, col, row],
        )
        for row in range(3)
        for col in range(3)
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_noise_has_unit_variance_and_is_linear_between_its_numbers():
    noise = octave_noise((4, 256, 256), 4, SEED).numpy()
    np.testing.assert_allclose(noise.std((0, 1, 2)), 1, atol=0.05)
    for axis in (1, 2):
        bend = np.roll(noise, 1, axis) - 2 * noise + np.roll(noise, -1, axis)
        straight = np.abs(bend).max(axis=(0, 3 - axis)) < 1e-4  # (place, octave)
        assert straight.sum(0).tolist() == [0, 128, 192, 224]


@pytest.mark.parametrize("shift", [(1, 0), (0, 5), (-7, 11)])
def test_rolling_the_noise_rolls_a_tileable_texture(shift):
    bank = built(TileableTextures)
    noise = bank.noise(32, 40, SEED)
    textures = bank(noise).numpy()
    rolled = bank(tf.roll(noise, shift, (1, 2))).numpy()
    np.testing.assert_allclose(rolled, np.roll(textures, shift, (1, 2)), atol=1e-5)


def test_rolling_the_noise_does_not_roll_a_published_texture():
    bank = built(PublishedTextures)
    noise = bank.noise(32, 40, SEED)
    rolled = bank(tf.roll(noise, 5, 1)).numpy()
    assert np.abs(rolled - np.roll(bank(noise).numpy(), 5, 1)).max() > 1e-3


def test_the_noise_of_tileable_textures_has_coarse_and_fine_parts():
    noise = built(TileableTextures).noise(256, 256, SEED).numpy()
    for octave in range(noise.shape[-1]):
        independent = noise[..., octave].size / 4**octave
        assert abs(noise[..., octave].mean()) < 5 / np.sqrt(independent)
    flat = noise.reshape(-1, noise.shape[-1])
    off_diagonal = np.corrcoef(flat.T) - np.eye(flat.shape[1])
    assert np.abs(off_diagonal).max() < 0.05


@pytest.mark.parametrize("chosen", [[0], [2, 0], [1, 1], [0, 1, 2]])
def test_a_choice_of_classes_is_drawn_as_among_all(chosen):
    bank = built(TileableTextures)
    noise = bank.noise(16, 16, SEED)
    index = tf.constant(chosen, "int32")
    part = bank(tf.gather(noise, index), classes=index)
    np.testing.assert_allclose(part, bank(noise).numpy()[chosen], atol=1e-6)


def test_tileable_textures_start_at_the_colors_they_are_given():
    bank = built(TileableTextures, 3, 2)
    colors = np.array([[0.2, 0.8], [0.5, 0.5], [0.0, 1.0]])
    bank.adapt(colors)
    bank.kernels[-1].assign(tf.zeros_like(bank.kernels[-1]))
    means = drawn(bank).mean((1, 2))
    np.testing.assert_allclose(means[:2], colors[:2], atol=1e-4)
    assert np.isfinite(means).all()
    assert 0 < means[2, 0] < 0.05 < 0.95 < means[2, 1] < 1


def test_batch_normalization_learns_in_training_only():
    bank = built(PublishedTextures, 2)
    before = [weight.numpy().copy() for weight in bank.non_trainable_weights]
    assert before
    drawn(bank)
    for weight, old in zip(bank.non_trainable_weights, before, strict=True):
        np.testing.assert_array_equal(weight, old)
    drawn(bank, training=True)
    assert all(
        (weight.numpy() != old).any()
        for weight, old in zip(bank.non_trainable_weights, before, strict=True)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_reach_the_generators_of_all_classes(kind):
    bank = built(kind)
    noise = bank.noise(16, 16, SEED)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((bank(noise, training=True) - 0.3) ** 2)
    gradients = tape.gradient(loss, bank.trainable_variables)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    # A bias before batch normalization has a true gradient of 0.
    kernels = [g for g in gradients if len(g.shape) >= 3]
    assert all(np.abs(gradient).max() > 0 for gradient in kernels)
    if kind is TileableTextures:
        assert all(
            np.abs(gradient).reshape(3, -1).max(1).min() > 0 for gradient in kernels
        )


@pytest.mark.parametrize("kind", KINDS)
def test_configuration_goes_round(kind):
    bank = built(kind, 5, 3, seed=4)
    again = kind.from_config(bank.get_config())
    again.build()
    assert again.get_config() == bank.get_config()
    np.testing.assert_array_equal(drawn(bank), drawn(again))


def test_a_generator_s_configuration_goes_round():
    generator = TextureGenerator(2, width=3, depth=2, margin=1, seed=4)
    again = TextureGenerator.from_config(generator.get_config())
    assert again.get_config() == generator.get_config()
    noise = tf.random.stateless_normal((1, 6, 7, 1), SEED)
    assert generator(noise).shape == (1, 4, 5, 2)
    np.testing.assert_array_equal(generator(noise), again(noise))
