"""Polygons cover exactly what the classes cover, and share their borders."""

import numpy as np
import pytest
import shapely
import xarray as xr
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.features import rasterize
from skimage.measure import label

import ktextures as kt
from ktextures.cleaning import parts
from ktextures.datasets import synthetic
from ktextures.errors import InputError, MissingExtraError


@st.composite
def maps(draw):
    """Noise, which has more seams and corners than what hypothesis makes by itself."""
    shape = draw(st.sampled_from([(1, 9), (9, 1), (12, 13), (14, 10)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.integers(0, draw(st.integers(2, 5)), shape).astype(np.uint8)


MAPS = maps()
UTM = Affine(10, 0, 500_000, 0, -10, 5_000_000)


def class_map(values, transform=UTM, crs=32632):
    values = np.asarray(values, np.uint8)
    height, width = values.shape
    found = xr.DataArray(
        values,
        {
            "y": transform.f + transform.e * (np.arange(height) + 0.5),
            "x": transform.c + transform.a * (np.arange(width) + 0.5),
        },
        ("y", "x"),
    )
    return found.rio.write_crs(crs).rio.write_transform(transform)


@settings(max_examples=40)
@given(MAPS)
def test_polygons_are_the_connected_areas(values):
    polygons = kt.to_polygons(class_map(values))
    labels = label(values, background=0, connectivity=1)
    assert len(polygons) == labels.max()
    assert polygons.is_valid.all()
    assert set(polygons.geom_type) <= {"Polygon"}
    if len(polygons):
        shapes = zip(polygons.geometry, polygons["class"], strict=True)
        burned = rasterize(shapes, values.shape, transform=UTM, dtype=np.uint8)
        np.testing.assert_array_equal(burned, values)
    np.testing.assert_allclose(
        polygons["area_ha"], np.bincount(labels.ravel())[1:] / 100
    )


def test_chunks_and_windows_make_no_difference():
    rng = np.random.default_rng(0)
    for _ in range(15):
        values = rng.integers(0, rng.integers(2, 5), (11, 12)).astype(np.uint8)
        whole = kt.to_polygons(class_map(values), simplify=1)
        sizes = {"y": int(rng.integers(2, 9)), "x": int(rng.integers(2, 9))}
        chunked = kt.to_polygons(class_map(values).chunk(sizes), simplify=1)
        assert chunked.equals(whole)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(parts, "SIDE", sizes["y"])
            assert kt.to_polygons(class_map(values), simplify=1).equals(whole)


@settings(max_examples=40)
@given(MAPS, st.sampled_from([0.8, 1, 2, 5]), st.sampled_from([None, 3]))
def test_simplified_polygons_leave_no_gaps_and_no_overlaps(values, distance, min_area):
    polygons = kt.to_polygons(class_map(values), min_area, distance)
    assert polygons.is_valid.all()
    assert shapely.coverage_is_valid(polygons.geometry.array)
    valid = (values > 0).sum() / 100
    np.testing.assert_allclose(polygons["area_ha"].sum(), valid)
    # Areas add up to that of the union: nothing is counted twice.
    union = shapely.union_all(polygons.geometry.array)
    np.testing.assert_allclose(union.area / 1e4, valid)


def test_simplification_straightens_stairs():
    values = 1 + np.tri(40, dtype=np.uint8)
    plain = kt.to_polygons(class_map(values))
    simple = kt.to_polygons(class_map(values), simplify=1)
    assert shapely.get_num_coordinates(plain.geometry).sum() > 150
    assert shapely.get_num_coordinates(simple.geometry).sum() < 15


def test_names_colors_and_crs_come_along():
    truth = synthetic(64, k=3).truth
    table = kt.ClassTable.default(3).rename(2, "forest").recolor(2, "#00aa00")
    polygons = kt.to_polygons(truth, table=table)
    assert list(polygons) == ["class", "name", "color", "area_ha", "geometry"]
    forest = polygons[polygons["class"] == 2]
    assert set(forest["name"]) == {"forest"}
    assert set(forest["color"]) == {"#00aa00"}
    assert polygons.crs == truth.rio.crs
    areas = kt.class_areas(truth).set_index("class")["area_ha"]
    np.testing.assert_allclose(polygons.groupby("class")["area_ha"].sum(), areas)


def test_a_legend_merges_classes_into_one_polygon():
    truth = class_map([[1, 2, 3], [1, 2, 3]])
    table = kt.ClassTable.default(3).assign(
        {"wood": [1, 2], "water": 3}, {"wood": 41, "water": 11}
    )
    polygons = kt.to_polygons(truth, table=table, values="legend")
    assert polygons["class"].tolist() == [41, 11]
    assert polygons["name"].tolist() == ["wood", "water"]


@pytest.mark.parametrize("crs", [4326, 4267, 3857, 3395, 27572, 2263])
def test_areas_agree_with_those_of_the_pixels(crs):
    scale = 0.01 if crs in (4326, 4267) else 1000
    values = np.tile([[1, 2], [2, 1]], (5, 5)).repeat(3, axis=0)
    classes = class_map(values, Affine(scale, 0, 9, 0, -scale, 47 * scale * 100), crs)
    areas = kt.class_areas(classes).set_index("class")["area_ha"]
    polygons = kt.to_polygons(classes)
    np.testing.assert_allclose(
        polygons.groupby("class")["area_ha"].sum(), areas, rtol=1e-9
    )


def test_areas_in_degrees_agree_with_geodesic_ones():
    classes = class_map([[1, 1], [2, 1]], Affine(0.001, 0, 12, 0, -0.001, 47), 4326)
    polygons = kt.to_polygons(classes)
    geod = polygons.crs.get_geod()
    expected = [
        abs(geod.geometry_area_perimeter(shape)[0]) / 1e4 for shape in polygons.geometry
    ]
    np.testing.assert_allclose(polygons["area_ha"], expected, rtol=1e-5)


def test_a_rotated_grid_keeps_its_place():
    transform = Affine(8, 6, 500_000, 6, -8, 5_000_000)
    values = np.array([[1, 2], [1, 1]], np.uint8)
    scene = xr.DataArray(values[None], dims=("band", "y", "x"))
    scene = kt.open_scene(scene.rio.write_crs(32632).rio.write_transform(transform))
    polygons = kt.to_polygons(scene[0].astype(np.uint8))
    np.testing.assert_allclose(polygons["area_ha"], [0.03, 0.01])
    corner = polygons[polygons["class"] == 2].geometry.iloc[0].centroid
    expected = transform @ (1.5, 0.5)
    np.testing.assert_allclose([corner.x, corner.y], expected)


def test_a_map_of_nodata_has_no_polygons():
    polygons = kt.to_polygons(class_map(np.zeros((3, 4))), simplify=1)
    assert len(polygons) == 0
    assert list(polygons) == ["class", "name", "color", "area_ha", "geometry"]


def test_what_cannot_become_polygons_is_refused():
    plain = xr.DataArray(np.ones((2, 2), np.uint8), dims=("y", "x"))
    with pytest.raises(InputError, match=r"the map has no CRS.*rio.write_crs"):
        kt.to_polygons(plain)
    for wrong in (0, -1, True, "1 m", np.inf):
        with pytest.raises(InputError, match=r"simplify is .*: give a distance in"):
            kt.to_polygons(class_map([[1]]), simplify=wrong)
    with pytest.raises(InputError, match=r"min_area is 'small'"):
        kt.to_polygons(class_map([[1]]), "small")
    with pytest.raises(InputError, match=r"holds class 3, but the table has 2"):
        kt.to_polygons(class_map([[3]]), table=kt.ClassTable.default(2))


def test_a_missing_package_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "geopandas", None)
    with pytest.raises(MissingExtraError, match=r"polygons need geopandas.*products"):
        kt.to_polygons(class_map([[1]]))
