"""One hint: its class, its place, its CRS."""

import json
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

import ktextures as kt
from ktextures.errors import InputError

POINT = {"type": "Point", "coordinates": [3, 4]}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (1, 1),
        (128, 128),
        (np.int16(3), 3),
        (2.0, 2),
        (np.float32(4), 4),
        ("water", "water"),
        ("  wet wood ", "wet wood"),
        ("3", "3"),
        ("Wälder", "Wälder"),
    ],
)
def test_classes_are_numbers_or_names(given, expected):
    found = kt.Hint(given, POINT).class_
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    "given",
    [0, -1, 1.5, float("nan"), float("inf"), True, np.True_, None, "", "  ", [1], 1j],
)
def test_what_is_no_class_is_refused(given):
    with pytest.raises(InputError, match=r"has the class .*; give the number of a cla"):
        kt.Hint(given, POINT)


def test_a_name_of_two_lines_is_refused():
    with pytest.raises(InputError, match="is not a class name: give printable text"):
        kt.Hint("wood\nland", POINT)


def test_a_pixel_is_given_by_row_and_column():
    hint = kt.Hint.at(row=30, col=12, class_="water")
    assert hint == kt.Hint("water", {"type": "Point", "coordinates": (12.0, 30.0)})
    assert hint.crs is None


def test_a_damaged_geometry_is_refused():
    with pytest.raises(InputError, match="give two numbers, x, y"):
        kt.Hint(1, {"type": "Point", "coordinates": [None, 2]})
    with pytest.raises(InputError, match="give two numbers, x, y"):
        kt.Hint.at("a", 2, 1)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("EPSG:32632", "EPSG:32632"),
        ("epsg:32632", "EPSG:32632"),
        (32632, "EPSG:32632"),
        ("urn:ogc:def:crs:EPSG::32632", "EPSG:32632"),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", "OGC:CRS84"),
        (None, None),
    ],
)
def test_crs_have_one_spelling(given, expected):
    assert kt.Hint(1, POINT, given).crs == expected


@pytest.mark.parametrize("given", ["", "EPSG:1", "mars", 0, 1.5])
def test_an_unknown_crs_is_refused(given):
    with pytest.raises(InputError, match=r"has the CRS .* unknown; give one such as"):
        kt.Hint(1, POINT, given)


def test_the_same_place_may_get_another_class():
    hint = kt.Hint(1, POINT, "EPSG:32632")
    other = hint.of_class("wood")
    assert other == kt.Hint("wood", POINT, "EPSG:32632")
    assert hint.class_ == 1
    with pytest.raises(InputError, match="has the class 0"):
        hint.of_class(0)


def test_hints_are_values():
    hint, same = kt.Hint(1, POINT), kt.Hint(1.0, {**POINT, "coordinates": (3.0, 4)})
    assert hint == same
    assert hash(hint) == hash(same)
    for other in (
        kt.Hint(2, POINT),
        kt.Hint("1", POINT),
        kt.Hint(1, POINT, "EPSG:32632"),
        kt.Hint.at(3, 4, 1),
    ):
        assert hint != other
    with pytest.raises(FrozenInstanceError):
        hint.class_ = 2


@pytest.mark.parametrize("crs", [None, "EPSG:32632"])
@pytest.mark.parametrize("class_", [7, "wood"])
def test_descriptions_survive_json(class_, crs):
    ring = [[0, 0], [4.1, 0], [4, 1 / 3], [0, 0]]
    hint = kt.Hint(class_, {"type": "Polygon", "coordinates": [ring]}, crs)
    described = json.loads(json.dumps(hint.to_dict()))
    assert set(described) == {"class", "geometry", "crs"}
    assert kt.Hint.from_dict(described) == hint


@pytest.mark.parametrize(
    "given", [None, [], "x", {}, {"class": 1}, {"geometry": POINT}]
)
def test_descriptions_with_gaps_are_refused(given):
    with pytest.raises(InputError, match=r"give what Hint.to_dict\(\) returned"):
        kt.Hint.from_dict(given)
