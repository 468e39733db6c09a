"""Where a scene's pixels are put on a web map."""

import numpy as np
import pytest
from affine import Affine
from pyproj import Transformer

from ktextures.errors import InputError
from ktextures.raster.web_mercator import frame_in_mercator, frame_in_pixels

# (transform, CRS) of a scene of 120 x 160 pixels
PLACES = {
    "utm": (Affine(10, 0, 500_000, 0, -10, 7_000_000), "EPSG:32721"),
    "degrees": (Affine(1e-4, 0, -55.0, 0, -1e-4, -25.0), "EPSG:4326"),
    "mercator": (Affine(12, 0, -6_100_000, 0, -12, -2_900_000), "EPSG:3857"),
    "south up": (Affine(10, 0, 500_000, 0, 10, 7_000_000), "EPSG:32721"),
    "turned": (
        Affine(9, 4, 5e5, 4, -9, 7e6),
        "EPSG:32721",
    ),
}
HEIGHT, WIDTH = 120, 160


def on_picture(frame, longitude, latitude):
    """Row and column of the picture, fractional, as Leaflet stretches it."""
    forward = Transformer.from_crs(4326, 3857, always_xy=True).transform
    (south, west), (north, east) = frame.bounds
    left, bottom = forward(west, south)
    right, top = forward(east, north)
    x, y = forward(longitude, latitude)
    tall, wide = frame.index.shape
    return (top - y) / (top - bottom) * tall, (x - left) / (right - left) * wide


@pytest.mark.parametrize("place", PLACES)
def test_pixels_lie_within_one_pixel_of_their_place(place):
    transform, crs = PLACES[place]
    frame = frame_in_mercator((HEIGHT, WIDTH), (HEIGHT, WIDTH), transform, crs)
    rows, cols = np.mgrid[0:HEIGHT, 0:WIDTH]
    shown_rows, shown_cols = frame.warp(rows + 1) - 1, frame.warp(cols + 1) - 1
    to_degrees = Transformer.from_crs(crs, 4326, always_xy=True).transform
    generator = np.random.default_rng(1)
    for row, col in generator.integers(5, (HEIGHT - 5, WIDTH - 5), (50, 2)):
        a, b, c, d, e, f = tuple(transform)[:6]
        x, y = col + 0.5, row + 0.5
        lon, lat = to_degrees(a * x + b * y + c, d * x + e * y + f)
        i, j = (int(v) for v in on_picture(frame, lon, lat))
        assert abs(shown_rows[i, j] - row) <= 1
        assert abs(shown_cols[i, j] - col) <= 1
        there = frame.locate(lon, lat)
        assert np.allclose(there, (x, y), atol=1e-3)


def test_thinned_array_covers_the_whole_scene():
    transform, crs = PLACES["mercator"]
    whole = frame_in_mercator((HEIGHT, WIDTH), (HEIGHT, WIDTH), transform, crs)
    thin = frame_in_mercator((30, 40), (HEIGHT, WIDTH), transform, crs)
    assert np.allclose(whole.bounds, thin.bounds)
    values = np.arange(1200).reshape(30, 40)
    assert np.array_equal(thin.warp(values), values)


def test_what_is_off_the_scene_is_zero():
    transform, crs = PLACES["turned"]
    frame = frame_in_mercator((HEIGHT, WIDTH), (HEIGHT, WIDTH), transform, crs)
    shown = frame.warp(np.ones((HEIGHT, WIDTH), np.uint8))
    assert shown[0, 0] == 0
    assert 0.4 < shown.mean() < 0.95
    assert shown[shown.shape[0] // 2, shown.shape[1] // 2] == 1


def test_without_crs_rows_count_downwards():
    frame = frame_in_pixels((30, 40), (120, 160))
    assert frame.bounds == ((-120.0, 0.0), (0.0, 160.0))
    assert frame.center == (-60.0, 80.0)
    cols, rows = frame.locate([3.5], [-7.5])
    assert (cols[0], rows[0]) == (3.5, 7.5)


def test_arrays_of_another_size_are_refused():
    frame = frame_in_pixels((30, 40), (30, 40))
    with pytest.raises(InputError, match=r"\(40, 30\).*\(30, 40\)"):
        frame.warp(np.zeros((40, 30)))


def test_a_scene_at_the_pole_is_refused():
    transform = Affine(0.01, 0, 0, 0, -0.01, 90)
    with pytest.raises(InputError, match="outside the area of a web map"):
        frame_in_mercator((50, 50), (50, 50), transform, "EPSG:4326")
