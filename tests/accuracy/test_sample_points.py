"""Points drawn from maps."""

import dask.array as da
import geopandas
import numpy as np
import pytest
from accuracy_maps import UTM, class_map, pixels_at
from affine import Affine

import ktextures as kt
from ktextures.errors import InputError

RNG = np.random.default_rng(0)
VALUES = RNG.choice(4, (80, 120), p=[0.1, 0.05, 0.25, 0.6])
NAMES = ("water", "wood", "open land")


@pytest.fixture
def classes():
    return class_map(VALUES, names=NAMES)


def test_points_are_centers_of_distinct_pixels_of_their_class(classes):
    points = kt.sample_points(classes, 300, seed=4)

    assert list(points) == ["point", "class", "name", "reference", "geometry"]
    assert points["point"].tolist() == list(range(1, 301))
    assert points.crs.to_epsg() == 32632
    rows, cols = pixels_at(classes, points)
    np.testing.assert_allclose(points.geometry.x, classes.x.values[cols])
    np.testing.assert_allclose(points.geometry.y, classes.y.values[rows])
    np.testing.assert_array_equal(points["class"], VALUES[rows, cols])
    assert (points["class"] > 0).all()
    assert len(set(zip(rows, cols, strict=True))) == 300
    assert (points["name"] == [NAMES[v - 1] for v in points["class"]]).all()
    assert (points["reference"] == "").all()


def test_points_are_in_random_order(classes):
    found = kt.sample_points(classes, 300)["class"].to_numpy()
    # Of neighbors in the list, about as many are of the same class as of any two.
    same = (found[1:] == found[:-1]).mean()
    counts = np.bincount(found)
    expected = (counts * (counts - 1)).sum() / (300 * 299)
    assert same == pytest.approx(expected, abs=0.1)


def test_attributes_hold_design_seed_and_strata(classes):
    points = kt.sample_points(classes, 120, design="equal", seed=9)

    assert points.attrs["design"] == "equal"
    assert points.attrs["seed"] == 9
    strata = points.attrs["strata"]
    assert [each["class"] for each in strata] == [1, 2, 3]
    assert [each["name"] for each in strata] == list(NAMES)
    assert [each["pixels"] for each in strata] == np.bincount(VALUES.ravel())[
        1:
    ].tolist()
    assert sum(each["share"] for each in strata) == pytest.approx(1)
    assert [each["points"] for each in strata] == [40, 40, 40]
    assert {type(v) for each in strata for v in each.values()} == {int, str, float}


@pytest.mark.parametrize("design", ["stratified", "proportional", "equal", "simple"])
@pytest.mark.parametrize("chunks", [(17, 29), (80, 40), (1, 120)])
def test_chunks_do_not_matter(classes, design, chunks):
    lazy = classes.copy(data=da.from_array(VALUES.astype(np.uint8), chunks=chunks))

    one = kt.sample_points(classes, 200, design=design, seed=2)
    other = kt.sample_points(lazy, 200, design=design, seed=2)

    assert one.equals(other)
    assert one.attrs["strata"] == other.attrs["strata"]


def test_seeds_give_other_points(classes):
    one, other = (kt.sample_points(classes, 50, seed=seed) for seed in (0, 1))
    assert not one.geometry.equals(other.geometry)
    assert one.equals(kt.sample_points(classes, 50, seed=0))


def test_points_survive_a_file(classes, tmp_path):
    points = kt.sample_points(classes, 30)
    points.to_file(tmp_path / "points.gpkg")
    back = geopandas.read_file(tmp_path / "points.gpkg")

    assert back.crs == points.crs
    assert back["class"].tolist() == points["class"].tolist()
    assert back.geometry.geom_equals(points.geometry).all()


def test_a_rotated_map(classes):
    rotated = class_map([[1, 1, 2], [2, 2, 1]], Affine(8, 6, 100, 6, -8, 200))
    points = kt.sample_points(rotated, 6, design="simple")

    expected = {
        (8 * (c + 0.5) + 6 * (r + 0.5) + 100, 6 * (c + 0.5) - 8 * (r + 0.5) + 200)
        for r in range(2)
        for c in range(3)
    }
    found = set(zip(points.geometry.x, points.geometry.y, strict=True))
    assert found == expected


def test_a_legend_is_drawn_by_its_entries(classes):
    table = kt.ClassTable.from_attrs(classes.attrs)
    legend = {"land": {"code": 300}, "water": {"code": 11}}
    table = table.assign({"water": 1, "land": [2, 3]}, legend)
    points = kt.sample_points(classes, 60, design="equal", table=table, values="legend")

    counts = points.groupby("name")["class"].agg(["first", "size"])
    assert counts.loc["land"].tolist() == [300, 30]
    assert counts.loc["water"].tolist() == [11, 30]


def test_shares_are_those_of_the_area_where_pixels_differ(classes):
    # Class 1 in the north, where pixels of degrees are half as large.
    values = np.repeat([[1], [2]], 30, axis=0)
    degrees = class_map(np.repeat(values, 20, axis=1), Affine(1, 0, 0, 0, -1, 60), 4326)
    strata = kt.sample_points(degrees, 40).attrs["strata"]

    ratio = strata[0]["share"] / strata[1]["share"]
    expected = (np.sin(np.pi / 3) - 0.5) / 0.5
    assert ratio == pytest.approx(expected, rel=0.01)
    # Areas are unknown where the grid is rotated, and pixels count.
    rotated = class_map([[1, 1], [2, 1]], Affine(0.8, 0.6, 0, 0.6, -0.8, 0), 4326)
    points = kt.sample_points(rotated, 4, design="simple")
    assert [each["share"] for each in points.attrs["strata"]] == [0.75, 0.25]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n is 0: give a whole number, at least 1"),
        ({"n": 2.5}, "n is 2.5: give a whole number"),
        ({"n": 50, "seed": -1}, "seed is -1: give a whole number, at least 0"),
        ({"n": 50, "design": "random"}, "design is 'random': give one of 'stratified'"),
        ({"n": 10**6}, r"n is 1000000, but the map has \d+ pixels with classes"),
        ({"n": 5}, "n is 5, which is too few for design='stratified'"),
        (
            {"n": 50, "design": "equal", "min_per_class": 5},
            "min_per_class is 5, which design='equal' does not use",
        ),
        ({"n": 50, "min_per_class": -1}, "min_per_class is -1: give a whole number"),
    ],
)
def test_arguments_out_of_range(classes, arguments, message):
    with pytest.raises(InputError, match=message):
        kt.sample_points(classes, **arguments)


def test_maps_that_cannot_be_drawn_from(classes):
    with pytest.raises(InputError, match=r"no CRS, which points to label need: set it"):
        kt.sample_points(class_map(VALUES, crs=None), 50)
    with pytest.raises(InputError, match="classes is a ndarray: give a class map"):
        kt.sample_points(VALUES, 50)
    with pytest.raises(InputError, match="classes is float64 with dims"):
        kt.sample_points(classes.astype(float), 50)
    with pytest.raises(InputError, match="the map has 0 pixels with classes"):
        kt.sample_points(class_map(np.zeros((3, 3)), UTM), 1)
