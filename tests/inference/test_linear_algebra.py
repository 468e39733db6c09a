"""The library of linear algebra: used only where pixels come out alike everywhere."""

import numpy as np

from ktextures.inference import linear_algebra
from ktextures.inference.dense import product
from ktextures.inference.linear_algebra import is_regular


def test_pixels_are_the_same_in_rows_of_any_width_and_at_any_place():
    library = is_regular(64, 84)  # or else our own loop, on any machine
    random = np.random.default_rng(3)
    weights = random.normal(size=(64, 84)).astype("float32")
    bias, pixel = np.zeros(64, "float32"), random.normal(size=84).astype("float32")
    found = set()
    for width in (32, 96, 480, 512):
        for place in (0, 1, 30, width - 1):
            maps = random.normal(size=(84, width)).astype("float32")
            maps[:, place] = pixel
            out = np.zeros((64, width), "float32")
            product(weights, bias, maps, out, library)
            found.add(out[:, place].tobytes())
    assert len(found) == 1


def test_a_library_that_is_not_regular_is_noticed(monkeypatch):
    def irregular(weights, maps, out):
        # As if sums were in another order in the last columns.
        np.dot(weights, maps, out)
        out[:, -8:] = weights[:, ::-1] @ maps[::-1, -8:]

    monkeypatch.setattr(linear_algebra, "multiplied", irregular)
    assert not is_regular.__wrapped__(64, 84)
