"""Masks are found again in what was simulated with them."""

import numpy as np
import pytest
import tensorflow as tf

import ktextures as kt
from ktextures.model.masks import ContextualMasks
from ktextures.training.simulation import _moved, _shares, simulate


@pytest.fixture(scope="module")
def plan():
    scene = kt.datasets.synthetic(96, k=3, bands=4, seed=1, contrast="both").scene
    return kt.plan_training(scene, 3)


@pytest.fixture(scope="module")
def textures(plan):
    bank = plan.model.texture_bank
    return bank(bank.noise(96, 96, tf.constant([0, 0], "int32"))).numpy()


def simulated(plan, textures, seed=0, labels=None):
    own = plan.objective
    labels = own.labels if labels is None else labels
    return simulate(plan.model, textures, labels, own.batches.patterns, seed)


def test_shares_are_those_of_the_neighborhood():
    network = ContextualMasks(3, texture_scale=2.0)
    side = 10 + 2 * network.reach
    labels = np.zeros((side, side), int)
    labels[:, side // 2 :] = 2
    shares = _shares(network, labels, 3, np.arange(100))
    assert shares.shape == (100, 1 + len(network.sigmas), 3)
    np.testing.assert_allclose(shares.sum(-1), 1, atol=1e-4)
    own, near, far = shares[:, :, 2].reshape(10, 10, -1).transpose(2, 0, 1)
    np.testing.assert_array_equal(own[0], [0] * 5 + [1] * 5)
    assert near[0, 5] == pytest.approx(0.6, abs=0.05)
    assert 0.3 < far[0, 2] < 0.5
    assert shares[..., 1].max() == 0


def test_classes_are_moved_to_where_they_really_are(plan):
    # The local means of real pixels are known mixtures here; moved means must agree.
    network = plan.model.mask_network
    generator = np.random.default_rng(0)
    distances, channels = (
        len(network.distances),
        plan.objective.batches.patterns.shape[-1],
    )
    shares = generator.dirichlet([0.3] * 3, size=(4000, distances)).astype("float32")
    patterns = generator.normal(size=(4000, channels)).astype("float32")
    wrong = generator.normal(size=(3, channels))
    real = patterns.copy()
    for index, part in enumerate(network.distances):
        real[:, part] += shares[:, index] @ wrong[:, part]
    moved = _moved(network, patterns, real, shares)
    np.testing.assert_allclose(moved, real, atol=0.02)


def test_the_same_seed_simulates_the_same(plan, textures):
    first, again = (simulated(plan, textures) for _ in range(2))
    np.testing.assert_array_equal(first.patterns, again.patterns)
    np.testing.assert_array_equal(first.labels, again.labels)
    assert first.patterns.dtype == np.float16
    assert np.isfinite(first.patterns).all()
    other = simulated(plan, textures, seed=1)
    assert not np.array_equal(first.labels, other.labels)


def test_pixels_without_a_class_are_left_out(plan, textures):
    labels = plan.objective.labels.copy()
    labels[:, :, :40] = -1
    found = simulated(plan, textures, labels=labels)
    assert found.labels.min() >= 0
    assert set(found.labels) == set(np.unique(labels)) - {-1}


def test_batches_are_drawn_by_seed(plan, textures):
    found = simulated(plan, textures)
    patterns, labels = found.batch(50, [1, 2])
    assert patterns.shape == (50, plan.objective.batches.patterns.shape[-1])
    np.testing.assert_array_equal(labels, found.batch(50, [1, 2])[1])
    assert not np.array_equal(labels, found.batch(50, [1, 3])[1])


def test_masks_that_fit_the_textures_find_them_again(plan, textures):
    # A linear classifier of what the masks see tells nearly all simulated pixels apart.
    found = simulated(plan, textures)
    rows = np.c_[found.patterns.astype("float64"), np.ones(len(found.labels))]
    half = len(rows) // 2
    wanted = np.eye(3)[found.labels[:half]]
    weights, *_ = np.linalg.lstsq(rows[:half], wanted, rcond=None)
    right = (rows[half:] @ weights).argmax(1) == found.labels[half:]
    assert right.mean() > 0.9


def test_training_without_simulation_differs_only_after_imitation():
    from dataclasses import replace

    scene = kt.datasets.synthetic(48, k=2, seed=1, contrast="both").scene

    def losses(weight):
        preset = replace(
            kt.presets.default, loss_weights={"simulation": weight}, imitation_share=0.5
        )
        model = kt.train(scene, 2, preset=preset, steps=6, seed=1, progress=False)
        return np.array(model.record.losses["dictionary"])

    with_it, without = losses(0.3), losses(0.0)
    np.testing.assert_array_equal(with_it[:4], without[:4])
    assert (with_it[4:] != without[4:]).any()
