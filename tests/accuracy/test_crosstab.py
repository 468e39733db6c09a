"""Pairs of values, counted part by part."""

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ktextures.accuracy import crosstab
from ktextures.accuracy.crosstab import Pairs, count_pairs, over_parts, parts_of

RNG = np.random.default_rng(2)
A = RNG.integers(0, 5, (50, 70)).astype(np.uint8)
B = RNG.choice([0, 3, 41, 60_000], (50, 70)).astype(np.uint16)
WEIGHTS = np.linspace(1, 2, 50)


def expected():
    found = {}
    for (row, _), a in np.ndenumerate(A):
        b = int(B[row, _])
        if a and b:
            pixels, area = found.get((int(a), b), (0, 0.0))
            found[int(a), b] = (pixels + 1, area + WEIGHTS[row])
    return found


def as_dict(pairs):
    keys = zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)
    rows = zip(pairs.pixels.tolist(), pairs.areas.tolist(), strict=True)
    return dict(zip(keys, rows, strict=True))


def check(pairs):
    found, wanted = as_dict(pairs), expected()
    assert list(found) == sorted(wanted)
    for key, (pixels, area) in wanted.items():
        assert found[key] == (pixels, pytest.approx(area))


def test_pairs_are_counted_and_weighted():
    check(count_pairs(A, B, WEIGHTS))


@settings(max_examples=8)
@given(st.tuples(st.integers(9, 60), st.integers(9, 80)), st.integers(200, 4000))
def test_parts_do_not_matter(chunks, strip):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crosstab, "_STRIP_PIXELS", strip)
        lazy = da.from_array(A, chunks=chunks)
        for data in (A, lazy):
            parts = parts_of(data)
            assert sum(np.prod(part.shape) for part in parts) == A.size
            found = over_parts(
                lambda part, a, b: count_pairs(a, b, WEIGHTS[part.rows]),
                parts,
                lambda part, data=data: data[part],
                lambda part: B[part],
            )
            check(Pairs.joined(found))


def test_a_table_holds_what_is_listed():
    pairs = count_pairs(A, B, WEIGHTS)
    pixels, areas = pairs.table([2, 9], [60_000, 3])

    wanted = expected()
    assert pixels.tolist() == [[wanted[2, 60_000][0], wanted[2, 3][0]], [0, 0]]
    assert areas[0].tolist() == pytest.approx([wanted[2, 60_000][1], wanted[2, 3][1]])


def test_nothing_in_common_is_no_pairs():
    pairs = count_pairs(A, np.zeros_like(A), WEIGHTS)
    assert pairs.first.size == pairs.pixels.size == 0
    assert Pairs.joined([]).table([1], [1])[0].tolist() == [[0]]


def test_unknown_weights_leave_the_pixels():
    pairs = count_pairs(A, B, np.full(50, np.nan))
    assert np.isnan(pairs.areas).all()
    assert pairs.pixels.sum() == ((A > 0) & (B > 0)).sum()
