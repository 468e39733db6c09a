"""The map figure: lengths, directions, colors and words, compared with known ones."""

import math

import dask.array as da
import numpy as np
import pyproj
import pytest
import rasterio
import xarray as xr
from affine import Affine
from figure_tools import check_texts, visible_boxes
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

import ktextures as kt
from ktextures.errors import InputError
from ktextures.raster.georeference import georeference
from ktextures.raster.open import open_scene
from ktextures.rendering import classes_to_rgba
from ktextures.results.map_furniture import north_angle, scale_bar

UTM = Affine(10, 0, 600_000, 0, -10, 5_800_000)
SOUTH_UP = Affine(10, 0, 600_000, 0, 10, 5_700_000)
MIRRORED = Affine(-10, 0, 600_000, 0, -10, 5_800_000)
ROTATED = Affine(8, 6, 600_000, 6, -8, 5_800_000)
DEGREES = Affine(0.001, 0, 10, 0, -0.001, 60.03)
NAMES = ("open water", "dense coniferous forest, old", "meadow", "cost of $x and $y")


def class_map(height=60, width=80, k=4, grid=UTM, crs=32632, chunks=None):
    """Every class in equal stripes, with nodata in the first column."""
    values = (np.arange(width) % k + 1).astype(np.uint8) * np.ones(
        (height, 1), np.uint8
    )
    values[:, 0] = 0
    data = da.from_array(values, chunks=chunks) if chunks else values
    array = xr.DataArray(data, dims=("y", "x"))
    if grid.b == grid.d == 0:
        array = array.assign_coords(
            y=grid.f + grid.e * (np.arange(height) + 0.5),
            x=grid.c + grid.a * (np.arange(width) + 0.5),
        )
    if crs is not None:
        array = array.rio.write_crs(crs).rio.write_transform(grid)
    names = (*NAMES, *(f"class {value}" for value in range(5, k + 1)))[:k]
    table = kt.ClassTable(names, kt.ClassTable.default(k).colors)
    return array.assign_attrs(table.attrs())


def texts(figure):
    return [text for text, _ in visible_boxes(figure)]


def picture(figure):
    return np.asarray(map_axes(figure).images[0].get_array())


def map_axes(figure):
    return next(axes for axes in figure.axes if axes.images)


def part(figure, name):
    return next((axes for axes in figure.axes if axes.get_gid() == name), None)


def bar_share(figure):
    """Length of the scale bar as a share of the width of the map, as drawn."""
    (bar, area) = (part(figure, "scale bar"), map_axes(figure))
    return bar.get_position().width / area.get_position().width


def test_a_map_has_colors_names_shares_and_areas():
    classes = class_map()

    figure = kt.plot_map(classes, title="Land cover", attribution="© somebody")

    assert isinstance(figure, Figure)
    table = kt.ClassTable.from_attrs(classes.attrs)
    expected = classes_to_rgba(classes.values, table.colors)
    np.testing.assert_array_equal(picture(figure), expected)
    found = texts(figure)
    assert {"Land cover", "© somebody", *NAMES, "nodata", "N"} <= set(found)
    # 20 columns of each class, of which the first has lost one to nodata.
    assert {"24.1 %", "11.4 ha", "25.3 %", "12.0 ha"} <= set(found)
    assert found.count("12.0 ha") == 3
    assert {"easting (m)", "northing (m)", "600 400"} <= {
        text.replace("\N{NARROW NO-BREAK SPACE}", " ") for text in found
    }


def test_the_scale_bar_of_a_projected_map():
    figure = kt.plot_map(class_map(height=400, width=480))
    assert bar_share(figure) == pytest.approx(1000 / 4800, rel=1e-3)
    assert {"0", "0.5", "1 km"} <= set(texts(figure))
    figure = kt.plot_map(class_map(height=20, width=24, grid=Affine(2, 0, 0, 0, -2, 9)))
    assert bar_share(figure) == pytest.approx(10 / 48, rel=1e-3)
    assert {"0", "5", "10 m"} <= set(texts(figure))


def test_the_scale_bar_of_degrees_holds_at_the_center():
    figure = kt.plot_map(class_map(height=60, width=400, grid=DEGREES, crs=4326))
    geod = pyproj.Geod(ellps="WGS84")
    _, _, length = geod.inv(10, 60, 10.4, 60)
    assert bar_share(figure) == pytest.approx(5000 / length, rel=1e-3)
    assert {"5 km", "at 60.0° N"} <= set(texts(figure))


def test_the_scale_bar_of_a_web_map_has_meters_on_the_ground():
    y = 6_378_137 * math.log(math.tan(math.pi / 4 + math.radians(-60) / 2))
    grid = Affine(10, 0, 1_000_000, 0, -10, y + 1000)
    figure = kt.plot_map(class_map(height=200, width=300, grid=grid, crs=3857))
    geod, longitude = pyproj.Geod(ellps="WGS84"), math.degrees(3000 / 6_378_137)
    _, _, length = geod.inv(0, -60, longitude, -60)
    assert bar_share(figure) == pytest.approx(200 / length, rel=1e-3)
    assert {"200 m", "at 60.0° S"} <= set(texts(figure))


def test_without_crs_lengths_are_pixels_and_there_is_no_north():
    figure = kt.plot_map(class_map(grid=Affine.identity(), crs=None))
    assert bar_share(figure) == pytest.approx(20 / 80, rel=1e-3)
    assert {"20 pixels", "column (pixel)", "row (pixel)"} <= set(texts(figure))
    assert part(figure, "north arrow") is None
    assert "N" not in texts(figure)
    assert not any(text.endswith("ha") for text in texts(figure))


@given(st.floats(1e-3, 1e6), st.integers(1, 20_000), st.floats(0.5, 8))
def test_scale_bars_are_round_and_neither_long_nor_short(pixel, columns, map_width):
    grid = Affine(pixel, 0, 0, 0, -pixel, 0)
    crs = rasterio.CRS.from_epsg(32632)
    bar = scale_bar(crs, grid, (columns, 9), map_width, 2.0)
    assert 2.0 / 2.5 * 0.999 < bar.width <= 2.0
    meters = bar.length * {"m": 1, "km": 1000}[bar.unit]
    digits = f"{meters:.6e}"
    assert digits[:8] in ("1.000000", "2.000000", "5.000000")
    assert meters / (columns * pixel) == pytest.approx(bar.width / map_width)
    assert (bar.unit == "km") == (meters >= 1000)


@pytest.mark.parametrize(
    ("grid", "angle"),
    [
        (UTM, 0),
        (SOUTH_UP, 180),
        (MIRRORED, 0),
        (ROTATED, math.degrees(math.atan2(6, 8))),
        (Affine(0, 10, 600_000, 10, 0, 5_800_000), 90),
        (Affine(0, -10, 600_000, 10, 0, 5_800_000), 90),
        (Affine(0, 10, 600_000, -10, 0, 5_800_000), -90),
    ],
)
def test_the_arrow_points_where_the_grid_has_north(grid, angle):
    figure = kt.plot_map(class_map(grid=grid))
    found = north_angle(rasterio.CRS.from_epsg(32632), grid, (80, 60))
    assert (found - angle + 180) % 360 - 180 == pytest.approx(0, abs=1e-9)
    axes = part(figure, "north arrow")
    (letter,) = axes.texts
    right, down = np.array(letter.get_position()) - 0.25
    assert math.atan2(right, -down) == pytest.approx(math.radians(angle))
    # A pixel further that way has a larger northing.
    turned = math.radians(angle)
    column, row = math.sin(turned), -math.cos(turned)
    assert grid.d * column + grid.e * row == pytest.approx(10)


@pytest.mark.parametrize("longitude", [-150, -45, 0, 45, 120])
def test_the_arrow_points_to_true_north_where_grid_north_is_far_from_it(longitude):
    crs = pyproj.CRS.from_epsg(3413)
    x, y = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform(
        longitude, 70
    )
    grid = Affine(100, 0, x - 4000, 0, -100, y + 3000)
    found = north_angle(rasterio.CRS.from_epsg(3413), grid, (80, 60))
    convergence = pyproj.Proj(crs).get_factors(longitude, 70).meridian_convergence
    assert abs(found) == pytest.approx(abs(convergence), abs=1e-3)
    # The pole is at the origin.
    assert math.sin(math.radians(found)) == pytest.approx(
        -x / math.hypot(x, y), abs=1e-6
    )
    assert math.cos(math.radians(found)) == pytest.approx(
        -y / math.hypot(x, y), abs=1e-6
    )


def test_at_a_pole_there_is_no_north():
    grid = Affine(100, 0, -4000, 0, -100, 3000)
    figure = kt.plot_map(class_map(grid=grid, crs=3413))
    assert part(figure, "north arrow") is None


def test_a_scene_shows_through_and_alone_where_nodata_is():
    classes = class_map()
    values = np.zeros((3, 60, 80), np.uint8)
    values[:, :, 40:] = 255
    scene = open_scene(
        georeference(values, classes, dims=("band", "y", "x"), name=None)
    )
    mixed = picture(kt.plot_map(classes, scene=scene, opacity=0.25)).astype(int)
    plain = picture(kt.plot_map(classes)).astype(int)
    image = np.where(np.arange(80) >= 40, 255, 0)[:, None]
    expected = np.rint(0.25 * plain[..., :3] + 0.75 * image)
    np.testing.assert_array_equal(mixed[:, 1:, :3], expected[:, 1:])
    np.testing.assert_array_equal(mixed[:, 0], [[0, 0, 0, 255]] * 60)
    opaque = picture(kt.plot_map(classes, scene=scene, opacity=1))
    np.testing.assert_array_equal(opaque[:, 1:], plain[:, 1:])


def test_maps_of_a_legend_show_its_entries():
    classes = class_map()
    table = kt.ClassTable.from_attrs(classes.attrs).assign(
        {"water": 1, "land": [2, 3, 4]}, {"water": 11, "land": 40, "ice": 12}
    )
    figure = kt.plot_map(classes, table=table, values="legend")
    found = set(texts(figure))
    assert {"water", "land", "24.1 %", "75.9 %"} <= found
    assert "ice" not in found
    coded = kt.plot_map(kt.to_legend(classes, table))
    np.testing.assert_array_equal(picture(coded), picture(figure))


def test_large_maps_are_thinned_and_lazy_ones_computed_once():
    calls = []

    def count(block, block_info=None):
        calls.append(tuple(block_info[0]["chunk-location"]))
        return block

    classes = class_map(height=1500, width=4100, k=2)
    lazy = da.from_array(classes.values, chunks=700).map_blocks(count, dtype=np.uint8)
    exact = kt.plot_map(classes)
    estimated = kt.plot_map(classes.copy(data=lazy))

    assert picture(exact).shape == (500, 1367, 4)
    np.testing.assert_array_equal(picture(estimated), picture(exact))
    assert len(calls) == len(set(calls)) == 3 * 6
    note = "Shares and areas are estimated from 1 in 9 pixels."
    assert note in texts(estimated)
    assert note not in texts(exact)
    area = {text.replace("\N{NARROW NO-BREAK SPACE}", "") for text in texts(exact)}
    assert {"30750 ha", "30735 ha"} <= area
    small = class_map(chunks=20)
    small = small.copy(data=small.data.map_blocks(count, dtype=np.uint8))
    calls.clear()
    assert note not in texts(kt.plot_map(small))
    assert len(calls) == 3 * 4


SHAPES = [(60, 80, 4), (20, 300, 15), (300, 60, 15)]
PAGES = [
    *((*shape, *grid) for shape in SHAPES for grid in ((DEGREES, 4326), (UTM, 32632))),
    (60, 80, 4, ROTATED, 32632),
    (60, 60, 15, Affine.identity(), None),
    (60, 60, 60, UTM, 32632),
    (10, 400, 2, Affine.identity(), None),
    (400, 10, 3, UTM, 32632),
    (1, 1, 1, UTM, 32632),
]


@pytest.mark.parametrize(("height", "width", "k", "grid", "crs"), PAGES)
def test_no_text_overlaps_another_or_leaves_the_page(height, width, k, grid, crs):
    classes = class_map(height, width, k, grid, crs)
    figure = kt.plot_map(
        classes,
        title="Land cover of a district with a rather long name, in the dry season",
        attribution="Contains modified Copernicus Sentinel data. " * 4,
    )
    check_texts(figure)
    bar = part(figure, "scale bar")
    assert bar.get_position().x1 <= 1
    assert bar.get_position().width > 0


def test_long_titles_and_attributions_are_shown_in_full():
    title = "One word after another " * 8
    figure = kt.plot_map(
        class_map(height=300, width=60), title=title, attribution=title
    )
    lines = " ".join(texts(figure))
    assert lines.count(" ".join(title.split())) == 2


def test_what_is_no_map_is_refused():
    classes = class_map()
    scene = open_scene(
        np.ones((3, 5, 6)) * xr.DataArray(1.0).expand_dims({"band": 3, "y": 5, "x": 6})
    )
    with pytest.raises(InputError, match=r"classes are ndarray: give a class map"):
        kt.plot_map(classes.values)
    with pytest.raises(InputError, match=r"classes are \('band', 'y', 'x'\): give"):
        kt.plot_map(classes.expand_dims("band"))
    with pytest.raises(
        InputError, match=r"shape \(0, 80\), so there is nothing to draw"
    ):
        kt.plot_map(classes[:0])
    with pytest.raises(InputError, match="classes are float64: give uint8"):
        kt.plot_map(classes.astype(float))
    with pytest.raises(
        InputError, match=r"scene has \(5, 6\) pixels, but the map \(60"
    ):
        kt.plot_map(classes, scene=scene)
    with pytest.raises(InputError, match="opacity is 60; give a number from 0 to 1"):
        kt.plot_map(classes, opacity=60)
    with pytest.raises(InputError, match="holds class 4, but the table has 3 classes"):
        kt.plot_map(classes, table=kt.ClassTable.default(3))
