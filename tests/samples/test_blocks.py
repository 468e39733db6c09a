"""Blocks of ground: what is in one split is far enough from what is in another."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.spatial import KDTree

from ktextures.errors import InputError
from ktextures.samples.blocks import (
    DROPPED,
    Spans,
    divide_blocks,
    largest_block_size,
    splits_of,
)
from ktextures.samples.plan import Blocks, choose_block_size, divide

FRACTIONS = (0.6, 0.2, 0.2)


def grid(rows, columns, size, step, left=0.0, top=0.0):
    """Boxes of chips on a regular grid."""
    places = np.stack(np.divmod(np.arange(rows * columns), columns)[::-1], axis=1)
    corners = np.array([left, top]) + step * places
    return np.hstack([corners, corners + size])


@st.composite
def layouts(draw):
    """Boxes, as of chips that may overlap, with a block size and a buffer."""
    size = draw(st.integers(1, 6))
    boxes = grid(
        draw(st.integers(1, 7)),
        draw(st.integers(1, 7)),
        size,
        draw(st.integers(1, size + 3)),
        draw(st.floats(-40, 40)),
        draw(st.floats(-40, 40)),
    )
    buffer = draw(st.integers(0, 7))
    return boxes, draw(st.integers(size + buffer, 30)), buffer


def pixels_of(boxes):
    """Centers (n, 2) of the pixels of boxes."""
    centers = [
        np.stack(
            np.meshgrid(np.arange(left + 0.5, right), np.arange(top + 0.5, bottom)),
            axis=-1,
        ).reshape(-1, 2)
        for left, top, right, bottom in boxes
    ]
    return np.concatenate(centers) if centers else np.zeros((0, 2))


def closest(boxes, splits):
    """Smallest distance, along the rows or columns, of pixels of different splits."""
    trees = [
        KDTree(pixels_of(boxes[splits == split])) if (splits == split).any() else None
        for split in range(3)
    ]
    found = [
        one.query(other.data, p=np.inf)[0].min()
        for place, one in enumerate(trees)
        for other in trees[:place]
        if one is not None and other is not None
    ]
    return min(found, default=np.inf)


@given(layouts(), st.integers(0, 5))
@settings(max_examples=50)
def test_no_pixel_of_one_split_is_within_the_buffer_of_another(layout, seed):
    boxes, block_size, buffer = layout
    counts = np.ones((len(boxes), 1), int)

    found = divide(boxes, counts, Blocks(block_size, buffer, FRACTIONS), seed)

    assert closest(boxes, found.splits) > buffer


@given(layouts(), layouts(), st.integers(0, 5))
@settings(max_examples=30)
def test_ground_keeps_its_split_when_more_boxes_come(first, second, seed):
    boxes, block_size, buffer = first
    block_size = max(block_size, second[1])
    blocks = Blocks(block_size, buffer, FRACTIONS)
    before = divide(boxes, np.ones((len(boxes), 1), int), blocks, seed)
    more = np.vstack([second[0], boxes])
    blocks = Blocks(block_size, buffer, FRACTIONS, before.blocks, (1, 2, 3))

    after = divide(more, np.ones((len(more), 1), int), blocks, seed + 1)

    assert before.blocks.items() <= after.blocks.items()
    np.testing.assert_array_equal(after.splits[len(second[0]) :], before.splits)
    together = np.concatenate([before.splits, after.splits])
    assert closest(np.vstack([boxes, more]), together) > buffer


@pytest.mark.parametrize("seed", range(4))
def test_fractions_are_met_where_blocks_are_many(seed):
    boxes = grid(40, 40, 8, 8)
    counts = np.ones((len(boxes), 2), int)

    found = divide(boxes, counts, Blocks(32, 0, (0.7, 0.15, 0.15)), seed)

    np.testing.assert_allclose(found.shares, (0.7, 0.15, 0.15), atol=0.02)
    # Aligned blocks without a buffer lose nothing.
    assert not (found.splits == DROPPED).any()


def test_each_split_gets_a_block_if_there_are_just_enough():
    boxes = grid(1, 3, 8, 10)
    found = divide(boxes, np.ones((3, 1), int), Blocks(10, 0, (0.98, 0.01, 0.01)), 0)
    assert sorted(found.splits.tolist()) == [0, 1, 2]


def test_a_split_of_fraction_0_gets_nothing():
    boxes = grid(5, 5, 8, 10)
    found = divide(boxes, np.ones((25, 1), int), Blocks(10, 0, (0.5, 0, 0.5)), 0)
    assert set(found.splits.tolist()) == {0, 2}


@pytest.mark.parametrize("seed", range(8))
def test_every_split_sees_every_class_if_it_can(seed):
    # Two halves of one class each: a split of few blocks by chance often has only one.
    boxes = grid(8, 8, 8, 10)
    counts = np.where(np.arange(64)[:, None] % 8 < 4, [[64, 0]], [[0, 64]])
    found = divide(boxes, counts, Blocks(20, 0, (0.6, 0.2, 0.2)), seed)
    for split in range(3):
        assert (counts[found.splits == split].sum(axis=0) > 0).all()
    np.testing.assert_allclose(found.shares, (0.6, 0.2, 0.2), atol=0.07)


def test_blocks_without_a_whole_box_join_their_neighbor():
    # The third box reaches a block that holds no box; nothing is lost by that.
    boxes = np.vstack([grid(1, 3, 8, 8), grid(1, 2, 8, 8, left=100)])
    spans = Spans.of(boxes, 20, 0)
    seen = set()
    for seed in range(8):
        blocks = divide_blocks(spans, (0.5, 0.5, 0), seed, {}, np.zeros(3, int))
        splits = splits_of(spans, blocks)[spans.places].tolist()
        seen.add(tuple(splits))
    assert seen == {(0, 0, 0, 1, 1), (1, 1, 1, 0, 0)}


def test_boxes_across_blocks_of_one_split_are_kept():
    boxes = grid(4, 4, 8, 8)
    spans = Spans.of(boxes, 12, 2)
    everything = {(col, row): 0 for col in range(-1, 4) for row in range(-1, 4)}
    assert (splits_of(spans, everything) == 0).all()
    one_other = splits_of(spans, everything | {(1, 1): 2})[spans.places]
    assert (one_other == DROPPED).sum() == 9


def test_blocks_that_have_no_split_drop_boxes():
    spans = Spans.of(grid(1, 2, 8, 10), 10, 0)
    assert splits_of(spans, {(0, 0): 1})[spans.places].tolist() == [1, DROPPED]


@given(layouts(), st.integers(2, 4), st.integers(10, 60))
@settings(max_examples=30)
def test_the_largest_block_size_works_and_no_larger_one_does(layout, needed, below):
    boxes, _, buffer = layout
    works = [
        size
        for size in range(1, below + 1)
        if len(Spans.of(boxes, size, buffer).own_blocks()[0]) >= needed
    ]
    assume(below not in works)

    found = largest_block_size(boxes, buffer, needed, below)

    assert found == max(works, default=None)


def test_a_size_that_is_too_large_is_refused_with_the_largest_that_works():
    boxes = grid(6, 6, 8, 8, left=1003.5, top=-577.25)
    counts = np.ones((36, 1), int)
    blocks = Blocks(0, 2, FRACTIONS)

    with pytest.raises(InputError, match=r"works is block_size=\d+$") as caught:
        choose_block_size(boxes, counts, blocks, 400, 0)

    best = int(str(caught.value).rpartition("=")[2])
    assert choose_block_size(boxes, counts, blocks, best, 0) == best
    found = divide(boxes, counts, Blocks(best, 2, FRACTIONS), 0)
    assert set(found.splits.tolist()) - {DROPPED} == {0, 1, 2}
    for size in range(best + 1, 401):
        with pytest.raises(InputError, match=f"works is block_size={best}$"):
            choose_block_size(boxes, counts, blocks, size, 0)


def test_without_a_size_small_scenes_get_one_that_works():
    leasts = []
    for rows, columns in ((5, 5), (8, 9), (40, 40)):
        boxes = grid(rows, columns, 8, 8, left=3.0, top=1.0)
        counts = np.ones((len(boxes), 1), int)
        blocks = Blocks(0, 2, FRACTIONS)
        size = choose_block_size(boxes, counts, blocks, None, 0)
        splits = divide(boxes, counts, Blocks(size, 2, FRACTIONS), 0).splits
        leasts.append(min((splits == split).mean() for split in range(3)))
    assert size == 66  # 8 boxes and the buffer
    # Where blocks are few, their place counts: enough lies in each split.
    assert all(least >= 0.07 for least in leasts)


def test_boxes_that_nothing_divides_are_refused():
    boxes = grid(1, 2, 8, 8)
    with pytest.raises(InputError, match="2 samples with data, which no blocks divide"):
        choose_block_size(boxes, np.ones((2, 1), int), Blocks(0, 0, FRACTIONS), None, 0)
