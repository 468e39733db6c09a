"""Helpers for tests of the explorer without a browser."""

import base64
import io
import time

import numpy as np
from PIL import Image

import ktextures as kt

CHEAP = {"seed": 1, "features": kt.FilterBank(1, 1)}


def pixels_of(url):
    """Pixels (y, x, RGBA) of a PNG in a data URL."""
    kind, _, content = url.partition(",")
    assert kind == "data:image/png;base64"
    image = Image.open(io.BytesIO(base64.b64decode(content)))
    return np.asarray(image.convert("RGBA"))


def until(condition, seconds=60):
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.01)


def part(explorer, kind):
    """The panel of this class."""
    return next(p for p in explorer._parts if isinstance(p, kind))


def box(left, top, right, bottom):
    """Rectangle in pixels, as drawn on the map of a scene without CRS."""
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    return {"type": "Polygon", "coordinates": [[[x, -y] for x, y in corners]]}
