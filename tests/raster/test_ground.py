"""Sizes of pixels on the ground, compared with closed forms."""

import numpy as np
import pytest
import rasterio
from affine import Affine

from ktextures.raster.ground import ground_size

RADIUS, ECCENTRICITY2 = 6_378_137.0, 0.00669437999014  # of WGS 84


def degree_lengths(latitude):
    """Meters of a degree of longitude and of latitude on the ellipsoid."""
    sine2 = np.sin(np.radians(latitude)) ** 2
    normal = RADIUS / np.sqrt(1 - ECCENTRICITY2 * sine2)
    meridian = normal * (1 - ECCENTRICITY2) / (1 - ECCENTRICITY2 * sine2)
    across = normal * np.cos(np.radians(latitude))
    return np.radians(across), np.radians(meridian)


def size(epsg, grid, width=100, height=80):
    crs = None if epsg is None else rasterio.CRS.from_epsg(epsg)
    return ground_size(crs, grid, width, height)


def test_projected_pixels_have_the_size_of_the_transform():
    assert size(32632, Affine(10, 0, 6e5, 0, -20, 5e6)) == (10, 20)
    rotated = size(32632, Affine(8, 6, 6e5, 6, -8, 5e6))
    assert rotated == pytest.approx((10, 10))
    feet = size(2225, Affine(10, 0, 6e6, 0, -10, 2e6))
    assert feet == pytest.approx((3.048006, 3.048006), rel=1e-6)


@pytest.mark.parametrize("latitude", [-60, 0, 45, 75])
def test_degrees_are_measured_at_the_center(latitude):
    grid = Affine(0.001, 0, 10, 0, -0.001, latitude + 0.04)
    expected = np.array(degree_lengths(latitude)) * 0.001
    assert size(4326, grid) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("latitude", [0, 60])
def test_meters_of_web_maps_shrink_with_latitude(latitude):
    angle = np.radians(latitude)
    y = RADIUS * np.log(np.tan(np.pi / 4 + angle / 2))
    found = size(3857, Affine(10, 0, 1e6 - 500, 0, -10, y + 400))
    across, down = degree_lengths(latitude)
    turn = np.radians(1) * RADIUS  # meters of the map in a degree at the equator
    expected = (10 * across / turn, 10 * down / turn * np.cos(angle))
    assert found == pytest.approx(expected, rel=1e-6)


def test_without_a_place_there_is_no_size():
    assert size(None, Affine(1, 0, 0, 0, -1, 0)) is None
    site = rasterio.CRS.from_wkt('LOCAL_CS["site",UNIT["metre",1]]')
    assert ground_size(site, Affine(1, 0, 0, 0, -1, 0), 4, 4) is None
