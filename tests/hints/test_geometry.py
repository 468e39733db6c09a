"""Geometries of hints: what is one, and how it is moved and reprojected."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasterio.warp import transform

from ktextures.errors import InputError
from ktextures.hints.geometry import check_geometry, mapped, positions, transformed

RING = [[0, 0], [4, 0], [4, 3], [0, 0]]
VALID = [
    ("Point", [1, 2]),
    ("MultiPoint", [[1, 2], [3, 4]]),
    ("LineString", [[1, 2], [3, 4]]),
    ("MultiLineString", [[[1, 2], [3, 4]], [[5, 6], [7, 8], [9, 10]]]),
    ("Polygon", [RING]),
    ("Polygon", [RING, [[1, 1], [2, 1], [2, 2], [1, 1]]]),
    ("MultiPolygon", [[RING], [RING, RING]]),
]


def nested_tuples(value):
    if isinstance(value, list):
        return tuple(map(nested_tuples, value))
    return float(value)


@pytest.mark.parametrize(("kind", "coordinates"), VALID)
def test_every_kind_is_brought_to_tuples_of_floats(kind, coordinates):
    found = check_geometry({"type": kind, "coordinates": coordinates, "bbox": [0]})
    assert found == {"type": kind, "coordinates": nested_tuples(coordinates)}
    assert all(type(value) is float for pair in positions(found) for value in pair)
    assert check_geometry(found) == found


def test_a_height_is_dropped_and_numbers_of_numpy_become_plain():
    given = {"type": "Point", "coordinates": (np.float32(1.5), np.int64(2), 99.0)}
    x, y = check_geometry(given)["coordinates"]
    assert (x, y) == (1.5, 2.0)
    assert type(x) is type(y) is float


@pytest.mark.parametrize(
    "geometry", [None, 5, "Point", [1, 2], {}, {"type": "Circle"}, {"type": None}]
)
def test_what_is_no_geometry_is_refused(geometry):
    with pytest.raises(InputError, match=r"has the geometry .* give one of Point, Mul"):
        check_geometry(geometry)


def test_a_collection_is_refused_by_its_name():
    with pytest.raises(InputError, match="geometry 'GeometryCollection'; give one of"):
        check_geometry({"type": "GeometryCollection", "geometries": []})


@pytest.mark.parametrize(
    ("kind", "coordinates", "count"),
    [
        ("MultiPoint", [], 0),
        ("LineString", [[1, 2]], 1),
        ("LineString", [], 0),
        ("Polygon", [], 0),
        ("Polygon", [RING[:3]], 3),
        ("Polygon", [RING, RING[:2]], 2),
        ("MultiPolygon", [[RING], [RING[:3]]], 3),
    ],
)
def test_too_few_positions_are_refused(kind, coordinates, count):
    with pytest.raises(InputError, match=rf"has {count} positions; .* at least 4"):
        check_geometry({"type": kind, "coordinates": coordinates})


@pytest.mark.parametrize(
    ("kind", "coordinates"),
    [
        ("Point", None),
        ("Point", "12"),
        ("Point", 7),
        ("LineString", [1, 2]),
        ("LineString", "abc"),
        ("Polygon", [[0, 1, 2, 3]]),
        ("Polygon", {"a": 1}),
    ],
)
def test_coordinates_that_are_no_lists_are_refused(kind, coordinates):
    with pytest.raises(InputError, match=r"has the coordinates .*; give lists of x, y"):
        check_geometry({"type": kind, "coordinates": coordinates})


@pytest.mark.parametrize(
    "position",
    [
        [],
        [1],
        [1, None],
        [float("nan"), 1],
        [1, float("inf")],
        ["1", 2],
        [True, 2],
        [[1], 2],
        [1j, 2],
    ],
)
def test_positions_that_are_no_finite_numbers_are_refused(position):
    with pytest.raises(InputError, match=r"has the position .*; give two numbers, x, "):
        check_geometry({"type": "Point", "coordinates": position})


@pytest.mark.parametrize(("kind", "coordinates"), VALID)
def test_mapping_changes_each_position_and_nothing_else(kind, coordinates):
    geometry = check_geometry({"type": kind, "coordinates": coordinates})
    moved = mapped(geometry, lambda x, y: (2 * x + 1, -y))
    assert moved["type"] == kind
    assert positions(moved) == [(2 * x + 1, -y) for x, y in positions(geometry)]
    back = mapped(moved, lambda x, y: ((x - 1) / 2, -y))
    assert back == geometry


@given(st.floats(6, 12), st.floats(-70, 70))
def test_reprojection_agrees_with_that_of_points_and_can_be_undone(lon, lat):
    point = check_geometry({"type": "Point", "coordinates": (lon, lat)})
    there = transformed(point, "OGC:CRS84", "EPSG:32632")
    (x,), (y,) = transform("EPSG:4326", "EPSG:32632", [lon], [lat])
    np.testing.assert_allclose(there["coordinates"], (x, y), atol=1e-3)
    back = transformed(there, "EPSG:32632", "OGC:CRS84")
    np.testing.assert_allclose(back["coordinates"], (lon, lat), atol=1e-9)


def test_a_position_without_a_place_in_the_target_is_refused():
    point = {"type": "Point", "coordinates": (9.0, 1e4)}
    match = r"could not be reprojected from 'OGC:CRS84' to 'EPSG:32632': .* Check the"
    with pytest.raises(InputError, match=match):
        transformed(point, "OGC:CRS84", "EPSG:32632")


def test_an_unknown_crs_is_refused():
    point = {"type": "Point", "coordinates": (9.0, 1.0)}
    with pytest.raises(InputError, match="could not be reprojected from 'EPSG:32632'"):
        transformed(point, "EPSG:32632", "EPSG:1")
