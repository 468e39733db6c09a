"""What hints say about pixels: nothing to unlike ones, most to the nearest."""

import numpy as np
import pytest

from ktextures.training import hint_spreading
from ktextures.training.hint_spreading import (
    EVERYWHERE,
    NOISE,
    HintSpreading,
    Points,
    hardened,
    softened,
)

K = 3


def generator():
    return np.random.default_rng(4)


SAMPLE = generator().normal(size=(500, 5))


def points_of(masks, descriptors=None, places=None, prior=None, scenes=None):
    count = len(masks)
    found = generator().normal(size=(count, 5)) if descriptors is None else descriptors
    return Points(
        np.asarray(found, float),
        np.zeros(count, int) if scenes is None else np.array(scenes),
        np.zeros((count, 2)) if places is None else np.array(places, float),
        np.array(masks),
        np.full((count, K), 1 / K) if prior is None else np.asarray(prior),
    )


def tile(height=6, width=7):
    descriptors = generator().normal(size=(height, width, 5))
    return descriptors, generator().dirichlet(np.ones(K), size=(height, width))


def one_pixel(spreading, descriptor, prior=None, scene=0, corner=(0, 0)):
    prior = np.full(K, 1 / K) if prior is None else prior
    return spreading.scores(descriptor[None, None], prior[None, None], scene, corner)[
        0, 0
    ]


def test_hints_that_the_prior_agrees_with_change_nothing():
    masks = [0, 2, 1]
    spreading = HintSpreading(points_of(masks, prior=np.eye(K)[masks]), SAMPLE)
    descriptors, prior = tile()
    found = spreading.scores(descriptors, prior, 0, (0, 0))
    np.testing.assert_array_equal(found, prior.astype("float32"))


def test_pixels_unlike_all_hints_keep_their_prior():
    spreading = HintSpreading(points_of([0, 2]), SAMPLE)
    descriptors, prior = tile()
    found = spreading.scores(descriptors + 100, prior, 0, (0, 0))
    np.testing.assert_allclose(found, prior, atol=1e-6)
    near = spreading.scores(descriptors, prior, 0, (0, 0))
    assert np.abs(near - prior).max() > 0.1


@pytest.mark.parametrize("mask", range(K))
def test_a_hinted_place_gets_its_class_whatever_the_prior_was(mask):
    for before in range(K):
        prior = np.eye(K)[[before]]
        points = points_of([mask], prior=prior, places=[(3, 4)])
        found = one_pixel(
            HintSpreading(points, SAMPLE), points.descriptors[0], prior[0], 0, (3, 4)
        )
        assert found.argmax() == mask
        # All but the noise is passed on.
        wanted = prior[0] + (np.eye(K)[mask] - prior[0]) / (1 + NOISE)
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_hints_at_unlike_places_are_all_followed():
    masks = [0, 1, 2, 1, 0]
    descriptors = 10 * np.eye(5)
    points = points_of(masks, descriptors, prior=np.eye(K)[[1, 2, 0, 0, 0]])
    spreading = HintSpreading(points, SAMPLE)
    found = [
        one_pixel(spreading, each, prior).argmax()
        for each, prior in zip(descriptors, points.prior, strict=True)
    ]
    assert found == masks


def test_scores_do_not_depend_on_how_masks_are_numbered():
    order = np.array([2, 0, 1])  # of each new mask, the old one
    masks, prior = np.array([0, 2, 1, 1]), generator().dirichlet(np.ones(K), 4)
    descriptors, before = tile()
    one = HintSpreading(points_of(masks, prior=prior), SAMPLE)
    other = HintSpreading(
        points_of(order.argsort()[masks], prior=prior[:, order]), SAMPLE
    )
    found = one.scores(descriptors, before, 0, (0, 0))
    again = other.scores(descriptors, before[..., order], 0, (0, 0))
    np.testing.assert_allclose(again, found[..., order], atol=1e-6)


def test_a_hint_counts_most_nearby_and_elsewhere_a_share():
    points = points_of([1], places=[(50, 50)])
    spreading = HintSpreading(points, SAMPLE)

    def gain(corner, scene=0):
        found = one_pixel(spreading, points.descriptors[0], None, scene, corner)
        return found[1] - 1 / K

    here, near, far = gain((50, 50)), gain((50, 70)), gain((50, 900))
    assert here > near > far
    assert far / here == pytest.approx(EVERYWHERE, abs=1e-5)
    assert gain((50, 50), scene=1) / here == pytest.approx(EVERYWHERE, abs=1e-5)
    assert gain((50, 70)) == pytest.approx(gain((70, 50)), abs=1e-6)


def test_many_hints_outweigh_a_prior_that_a_single_one_does_not():
    look, prior = np.zeros(5), np.array([0.7, 0.2, 0.1])
    around = 2.0 * np.concatenate([np.eye(5), -np.eye(5)])

    def found(count):
        before = np.tile(prior, (count, 1))
        points = points_of([1] * count, around[:count], prior=before)
        return one_pixel(HintSpreading(points, SAMPLE), look, prior, 1)

    assert found(1).argmax() == 0
    assert found(10).argmax() == 1
    assert found(10)[1] > found(5)[1] > found(1)[1]


def test_parts_of_a_tile_get_what_the_whole_gets(monkeypatch):
    points = points_of([0, 1], places=[(2, 2), (30, 40)])
    spreading = HintSpreading(points, SAMPLE)
    descriptors, prior = tile(12, 9)
    whole = spreading.scores(descriptors, prior, 0, (20, 30))
    part = spreading.scores(descriptors[5:, 3:], prior[5:, 3:], 0, (25, 33))
    np.testing.assert_allclose(part, whole[5:, 3:], atol=1e-6)
    monkeypatch.setattr(hint_spreading, "CHUNK", 7)
    again = spreading.scores(descriptors, prior, 0, (20, 30))
    np.testing.assert_allclose(again, whole, atol=1e-6)
    assert (whole.shape, whole.dtype) == (prior.shape, np.dtype("float32"))


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e4])
def test_units_of_descriptors_do_not_matter(factor):
    points = points_of([0, 2])
    scaled = points_of([0, 2], points.descriptors * factor)
    descriptors, prior = tile()
    one = HintSpreading(points, SAMPLE).scores(descriptors, prior, 0, (0, 0))
    other = HintSpreading(scaled, SAMPLE * factor).scores(
        descriptors * factor, prior, 0, (0, 0)
    )
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_uniform_scene_and_equal_hints_are_no_error():
    points = points_of([0, 1, 1], np.zeros((3, 5)))
    spreading = HintSpreading(points, np.zeros((50, 5)))
    found = one_pixel(spreading, np.zeros(5))
    assert np.isfinite(found).all()
    assert found.argmax() == 1


def test_softened_probabilities_sum_to_one_and_keep_their_order():
    given = generator().dirichlet(np.ones(K), size=(20, 30))
    given[0, 0] = (1, 0, 0)
    found = softened(given)
    np.testing.assert_allclose(found.sum(-1), 1, atol=1e-6)
    np.testing.assert_array_equal(found.argsort(-1)[1:], np.argsort(given, -1)[1:])
    assert (found.max(-1) <= given.max(-1) + 1e-6).all()
    assert found[0, 0, 0] < 0.99
    even = np.full(K, 1 / K)
    np.testing.assert_allclose(softened(even), even, atol=1e-6)


def test_hardened_labels_sum_to_one_and_unknown_ones_say_nothing():
    labels = np.array([[0, 2], [-1, 1]])
    found = hardened(labels, K)
    assert (found.shape, found.dtype) == ((2, 2, K), np.dtype("float32"))
    np.testing.assert_allclose(found.sum(-1), 1, atol=1e-6)
    np.testing.assert_allclose(found[1, 0], 1 / K, atol=1e-6)
    known = labels >= 0
    np.testing.assert_array_equal(found[known].argmax(-1), labels[known])
    # Half sure: a hint can turn it.
    np.testing.assert_allclose(found[known].max(-1), 0.5 / K + 0.5, atol=1e-6)
