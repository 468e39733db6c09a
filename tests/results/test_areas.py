import dask.array as da
import numpy as np
import pyproj
import pytest
import xarray as xr
from affine import Affine

from ktextures.classes.table import ClassTable
from ktextures.errors import InputError
from ktextures.palette import class_colors
from ktextures.results.areas import class_areas


def class_map(values, transform=None, crs=None, table=None):
    classes = xr.DataArray(np.asarray(values, np.uint8), dims=("y", "x"))
    if table is not None:
        classes.attrs.update(table.attrs())
    if transform is not None:
        height, width = classes.shape
        if transform.is_rectilinear:
            classes = classes.assign_coords(
                y=transform.f + transform.e * (np.arange(height) + 0.5),
                x=transform.c + transform.a * (np.arange(width) + 0.5),
            )
        classes = classes.rio.write_transform(transform)
    if crs is not None:
        classes = classes.rio.write_crs(crs)
    return classes


def test_class_areas_of_utm_pixels():
    values = np.zeros((20, 30), np.uint8)
    values[:, :10] = 1
    values[:5, 10:] = 3
    table = ClassTable(("water", "wood", "sand"), class_colors(3))
    classes = class_map(values, Affine(10, 0, 5e5, 0, -10, 6e6), 32632, table)

    areas = class_areas(classes)

    assert list(areas) == ["class", "name", "color", "pixels", "share", "area_ha"]
    assert areas["class"].tolist() == [1, 2, 3]
    assert areas["name"].tolist() == ["water", "wood", "sand"]
    assert areas["color"].tolist() == class_colors(3)
    assert areas["pixels"].tolist() == [200, 0, 100]
    np.testing.assert_allclose(areas["share"], [2 / 3, 0, 1 / 3])
    np.testing.assert_allclose(areas["area_ha"], [2.0, 0.0, 1.0])


def test_class_areas_of_a_rotated_grid_and_of_feet():
    classes = class_map([[1, 1]], Affine(8, 6, 0, 6, -8, 0), 32632)
    feet = class_map([[1, 1]], Affine(10, 0, 0, 0, -10, 0), 2263)

    assert class_areas(classes)["area_ha"].tolist() == pytest.approx([0.02])
    # EPSG:2263 counts in US survey feet, 1200/3937 m.
    assert class_areas(feet)["area_ha"].tolist() == pytest.approx(
        [200 * (1200 / 3937) ** 2 / 1e4]
    )


def test_class_areas_of_the_globe_is_that_of_the_ellipsoid():
    grid = Affine(0.5, 0, -180, 0, -0.5, 90)
    values = np.ones((360, 720), np.uint8)
    values[180:] = 2
    classes = class_map(values, grid, 4326)

    areas = class_areas(classes)["area_ha"]

    # WGS 84: 510 065 621.724 km2.
    assert areas.sum() == pytest.approx(510_065_621.724 * 100, rel=1e-9)
    assert areas[0] == pytest.approx(areas[1], rel=1e-12)


def test_class_areas_of_degrees_agree_with_a_geodesic_polygon():
    grid = Affine(0.001, 0, 10, 0, -0.001, 60)
    geod = pyproj.Geod(ellps="WGS84")
    corners = [(10, 60), (10.001, 60), (10.001, 59.999), (10, 59.999)]
    expected, _ = geod.polygon_area_perimeter(*zip(*corners, strict=True))

    areas = class_areas(class_map(np.eye(2), grid, 4326).isel(y=[0], x=[0, 1]))

    assert areas["area_ha"].sum() == pytest.approx(abs(expected) / 1e4, rel=1e-6)


def test_class_areas_of_web_mercator_are_those_on_the_ground():
    transformer = pyproj.Transformer.from_crs(4326, 3857, always_xy=True)
    left, bottom = transformer.transform(10.0, 59.0)
    right, top = transformer.transform(10.5, 60.0)
    grid = Affine((right - left) / 20, 0, left, 0, -(top - bottom) / 50, top)
    degrees = Affine(0.5 / 20, 0, 10, 0, -1 / 50, 60)
    values = np.ones((50, 20), np.uint8)

    areas = class_areas(class_map(values, grid, 3857))["area_ha"]

    expected = class_areas(class_map(values, degrees, 4326))["area_ha"]
    np.testing.assert_allclose(areas, expected, rtol=1e-9)


def test_class_areas_without_crs_are_unknown():
    areas = class_areas(class_map([[1, 0], [2, 2]]))

    assert areas["area_ha"].isna().all()
    assert areas["name"].tolist() == ["class 1", "class 2"]
    np.testing.assert_allclose(areas["share"], [1 / 3, 2 / 3])


def test_class_areas_of_a_rotated_degree_grid_are_unknown():
    classes = class_map([[1, 1]], Affine(0.8, 0.6, 0, 0.6, -0.8, 0), 4326)

    assert class_areas(classes)["area_ha"].isna().all()


def test_class_areas_of_an_empty_map():
    areas = class_areas(class_map(np.zeros((2, 2))), ClassTable.default(2))

    assert areas["pixels"].tolist() == [0, 0]
    assert areas["share"].isna().all()


@pytest.mark.parametrize("chunks", [(7, 11), (100, 3), (1, 100)])
def test_class_areas_of_dask_equal_those_in_memory(chunks):
    rng = np.random.default_rng(2)
    grid = Affine(0.5, 0, 0, 0, -0.5, 60)
    classes = class_map(rng.integers(0, 5, (40, 60)), grid, 4326)
    lazy = classes.copy(data=da.from_array(classes.data, chunks=chunks))

    expected = class_areas(classes)
    areas = class_areas(lazy)

    assert areas.drop(columns="area_ha").equals(expected.drop(columns="area_ha"))
    np.testing.assert_allclose(areas["area_ha"], expected["area_ha"], rtol=1e-12)


def test_class_areas_of_large_maps_are_counted_in_strips(monkeypatch):
    monkeypatch.setattr("ktextures.results.areas._STRIP_PIXELS", 50)
    rng = np.random.default_rng(3)
    values = rng.integers(0, 3, (31, 20)).astype(np.uint8)

    pixels = class_areas(class_map(values))["pixels"]

    assert pixels.tolist() == [(values == 1).sum(), (values == 2).sum()]


def test_class_areas_errors_name_the_value():
    with pytest.raises(InputError, match="holds class 3, but the table has 2"):
        class_areas(class_map([[3]]), ClassTable.default(2))
    with pytest.raises(InputError, match=r"dims \('x', 'y'\): give a class map"):
        class_areas(class_map([[3]]).T)
    with pytest.raises(InputError, match="classes are float64: give uint8"):
        class_areas(class_map([[3]]).astype(float))
