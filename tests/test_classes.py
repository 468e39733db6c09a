import json

import dask.array as da
import numpy as np
import pyproj
import pytest
import rioxarray
import xarray as xr
from affine import Affine

from ktextures.classes import (
    ClassTable,
    canonical_order,
    class_areas,
    match_to,
    order_to_mapping,
    relabel,
)
from ktextures.errors import InputError
from ktextures.rendering import class_colors

NAMES = ("open water", "Gehölz, dicht", "砂 & <sand>", 'say "hi"')


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


def test_default_table_has_numbered_names_and_the_palette():
    table = ClassTable.default(3)

    assert table.k == 3
    assert table.names == ("class 1", "class 2", "class 3")
    assert table.colors == tuple(class_colors(3))


def test_rename_and_recolour_give_new_tables():
    table = ClassTable.default(2)

    changed = table.rename(2, " open water ").recolour(1, "Teal")

    assert changed.names == ("class 1", "open water")
    assert changed.colors == ("#008080", table.colors[1])
    assert table == ClassTable.default(2)


@pytest.mark.parametrize("value", [0, 3, -1, 1.0, True, "1"])
def test_rename_and_recolour_name_the_wrong_class(value):
    table = ClassTable.default(2)
    with pytest.raises(InputError, match=rf"class '?{value}'? of 2: give a value 1..2"):
        table.rename(value, "water")
    with pytest.raises(InputError, match=rf"class '?{value}'? of 2: give a value 1..2"):
        table.recolour(value, "#000000")


def test_table_rejects_what_is_no_name_or_color():
    table = ClassTable.default(2)
    for name in ("", "  ", "two\nlines", None, 3):
        with pytest.raises(InputError, match="give printable text on one line"):
            table.rename(1, name)
    with pytest.raises(InputError, match="'blau' is not a colour"):
        table.recolour(1, "blau")
    with pytest.raises(InputError, match="2 names but 1 colours"):
        ClassTable(("a", "b"), ("#000000",))
    with pytest.raises(InputError, match="a table of 0 classes: give 1 to 255"):
        ClassTable((), ())
    with pytest.raises(InputError, match="names is 'ab': give a list of text"):
        ClassTable("ab", ("#000000", "#ffffff"))


def test_table_keeps_lists_as_tuples_so_that_it_stays_frozen():
    table = ClassTable(["a"], ["#ABCDEF"])

    assert table == ClassTable(("a",), ("#abcdef",))
    assert hash(table) == hash(ClassTable(("a",), ("#abcdef",)))


def test_attrs_follow_the_flag_conventions():
    table = ClassTable(("open water", "a/b", "a b"), ("#000001", "#000002", "#000003"))

    attrs = table.attrs()

    assert attrs == {
        "long_name": "class",
        "flag_values": [1, 2, 3],
        "flag_meanings": "open_water a_b a_b_3",
        "flag_colors": "#000001 #000002 #000003",
        "class_names": '["open water", "a/b", "a b"]',
    }


def test_attrs_round_trip():
    table = ClassTable(NAMES, class_colors(4))

    assert ClassTable.from_attrs(table.attrs()) == table
    assert len(table.attrs()["flag_meanings"].split()) == 4


@pytest.mark.parametrize("k", [1, 2, 128])
def test_attrs_round_trip_as_text_of_arrays(k):
    table = ClassTable.default(k)
    attrs = {
        key: str(np.array(value)) if isinstance(value, list) else value
        for key, value in table.attrs().items()
    }

    assert ClassTable.from_attrs(attrs) == table


@pytest.mark.parametrize("k", [1, 3])
def test_attrs_round_trip_through_netcdf(tmp_path, k):
    table = ClassTable.default(k).rename(1, NAMES[1])
    classes = class_map([[1]], table=table).rename("classes")
    classes.to_netcdf(tmp_path / "classes.nc", engine="h5netcdf")

    with xr.open_dataarray(tmp_path / "classes.nc", engine="h5netcdf") as opened:
        assert ClassTable.from_attrs(opened.attrs) == table


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_attrs_round_trip_through_rioxarray_geotiff(tmp_path):
    table = ClassTable(NAMES, class_colors(4))
    class_map([[1, 2]], table=table).rio.to_raster(tmp_path / "classes.tif")

    with rioxarray.open_rasterio(tmp_path / "classes.tif") as opened:
        assert ClassTable.from_attrs(opened.attrs) == table


def test_from_attrs_without_names_in_full_uses_the_meanings():
    table = ClassTable.from_attrs({"flag_meanings": "water open_land"})

    assert table == ClassTable(("water", "open_land"), class_colors(2))


def test_from_attrs_errors_name_what_came():
    with pytest.raises(InputError, match=r"no class names among .* \['units'\]"):
        ClassTable.from_attrs({"units": "1"})
    with pytest.raises(InputError, match=r"flag_values are \[0, 1\] for 2 class names"):
        ClassTable.from_attrs({"flag_meanings": "a b", "flag_values": "[0 1]"})
    with pytest.raises(InputError, match=r"class_names is '\[broken': give a JSON"):
        ClassTable.from_attrs({"class_names": "[broken"})
    with pytest.raises(InputError, match=r"class_names is '3': give a JSON"):
        ClassTable.from_attrs({"class_names": "3"})
    with pytest.raises(InputError, match="2 names but 1 colours"):
        ClassTable.from_attrs({"flag_meanings": "a b", "flag_colors": "#000000"})


def test_dict_round_trip_survives_json():
    table = ClassTable(NAMES, class_colors(4))

    assert ClassTable.from_dict(json.loads(json.dumps(table.to_dict()))) == table
    with pytest.raises(InputError, match="class table without colors: give what"):
        ClassTable.from_dict({"names": ["a"]})


def test_permuted_takes_rows_in_the_given_order():
    table = ClassTable(("a", "b", "c"), class_colors(3))

    permuted = table.permuted([2, 0, 1])

    assert permuted.names == ("c", "a", "b")
    assert permuted.colors == tuple(class_colors(3)[i] for i in (2, 0, 1))


@pytest.mark.parametrize("order", [[0, 1], [0, 1, 1], [1, 2, 3], [0.0, 1.0, 2.0]])
def test_permuted_rejects_what_is_no_order(order):
    with pytest.raises(InputError, match=r"order is \[.*\]: give each of 0..2 exactly"):
        ClassTable.default(3).permuted(order)


def test_matched_keeps_rows_and_invents_new_ones_with_free_colors():
    table = ClassTable(("water", "wood"), class_colors(3)[1:])

    matched = table.matched([2, 3, 1])

    assert matched.names == ("wood", "class 2", "water")
    assert matched.colors == (
        class_colors(3)[2],
        class_colors(3)[0],
        class_colors(3)[1],
    )
    assert table.matched([2]).names == ("wood",)
    with pytest.raises(InputError, match=r"mapping is \[1, 1\]: give distinct"):
        table.matched([1, 1])


def test_canonical_order_is_dark_to_bright_with_empty_classes_last():
    brightness = [0.7, np.nan, 0.2, 0.7, 0.1, np.nan]

    assert canonical_order(brightness).tolist() == [4, 2, 0, 3, 1, 5]


def test_canonical_order_applied_makes_class_values_rise_with_brightness():
    classes = np.array([[1, 2, 3, 0]], np.uint8)
    order = canonical_order([9.0, 1.0, 5.0])

    relabelled = relabel(classes, order_to_mapping(order))

    assert relabelled.tolist() == [[3, 1, 2, 0]]
    # The table moves with the values: a class keeps its row.
    table = ClassTable(("bright", "dark", "middle"), class_colors(3))
    assert table.permuted(order).names == ("dark", "middle", "bright")


def test_canonical_order_wants_one_number_per_class():
    with pytest.raises(InputError, match=r"brightness has shape \(2, 1\)"):
        canonical_order([[1.0], [2.0]])


def test_relabel_keeps_nodata_and_merges():
    classes = np.array([[0, 1], [2, 3]], np.uint8)

    relabelled = relabel(classes, [2, 2, 200])

    assert relabelled.dtype == np.uint8
    assert relabelled.tolist() == [[0, 2], [2, 200]]
    assert classes.tolist() == [[0, 1], [2, 3]]


def test_relabel_errors_name_the_value():
    classes = np.array([[3]], np.uint8)
    with pytest.raises(InputError, match="class 3 is not in the mapping of 2"):
        relabel(classes, [1, 2])
    with pytest.raises(InputError, match=r"mapping is \[1, 2, 0\]: give values 1..255"):
        relabel(classes, [1, 2, 0])
    with pytest.raises(InputError, match=r"give values 1\.\.255"):
        relabel(classes, [1, 2, 256])
    with pytest.raises(InputError, match="mapping is float64 with shape"):
        relabel(classes, [1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="classes are int64: give uint8"):
        relabel(classes.astype(int), [1, 2, 3])


def test_match_to_undoes_any_permutation():
    rng = np.random.default_rng(0)
    old = rng.integers(0, 7, (40, 50)).astype(np.uint8)
    order = rng.permutation(6)

    new = relabel(old, order + 1)

    np.testing.assert_array_equal(relabel(new, match_to(new, old, 6, 6)), old)


def test_match_to_finds_the_largest_total_not_the_largest_pair():
    # Shared pixels: new 1 with old 1: 5, with old 2: 4; new 2 with old 1: 4, else 0.
    new = np.array([[1] * 9 + [2] * 4], np.uint8)
    old = np.array([[1] * 5 + [2] * 4 + [1] * 4], np.uint8)

    assert match_to(new, old, 2, 2).tolist() == [2, 1]


def test_match_to_gives_new_classes_unused_values():
    old = np.array([[1, 1, 1, 2, 2, 2]], np.uint8)
    new = np.array([[4, 4, 1, 3, 2, 2]], np.uint8)

    assert match_to(new, old, 4, 2).tolist() == [4, 2, 3, 1]


def test_match_to_fewer_classes_keeps_the_values_they_match():
    old = np.array([[1, 2, 3, 4]], np.uint8)
    new = np.array([[2, 2, 2, 1]], np.uint8)

    mapping = match_to(new, old, 2, 4)

    assert mapping[0] == 4
    assert mapping[1] in (1, 2, 3)


def test_match_to_leaves_values_alone_where_nothing_is_shared():
    nothing = np.zeros((2, 2), np.uint8)

    assert match_to(nothing, nothing, 4, 3).tolist() == [1, 2, 3, 4]


def test_match_to_errors_name_the_value():
    classes = np.array([[3]], np.uint8)
    with pytest.raises(InputError, match=r"maps of shape \(1, 1\) and \(1, 3\)"):
        match_to(classes, classes.repeat(3, axis=1), 3, 3)
    with pytest.raises(InputError, match="class 3 in a map of k=2"):
        match_to(classes, classes, 2, 3)
    with pytest.raises(InputError, match="classes are int64: give uint8"):
        match_to(classes.astype(int), classes, 3, 3)


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
    monkeypatch.setattr("ktextures.areas._STRIP_PIXELS", 50)
    rng = np.random.default_rng(3)
    values = rng.integers(0, 3, (31, 20)).astype(np.uint8)

    pixels = class_areas(class_map(values))["pixels"]

    assert pixels.tolist() == [(values == 1).sum(), (values == 2).sum()]


def test_class_areas_errors_name_the_value():
    with pytest.raises(InputError, match="holds class 3 but the table has 2"):
        class_areas(class_map([[3]]), ClassTable.default(2))
    with pytest.raises(InputError, match=r"dims \('x', 'y'\): give a class map"):
        class_areas(class_map([[3]]).T)
    with pytest.raises(InputError, match="classes are float64: give uint8"):
        class_areas(class_map([[3]]).astype(float))
