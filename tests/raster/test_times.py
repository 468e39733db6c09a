"""Scenes from sources with several dates, such as what odc-stac loads."""

import datetime

import dask.array as da
import numpy as np
import odc.stac
import pandas as pd
import pystac
import pytest
import rasterio
import rioxarray
import xarray as xr
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from pystac.extensions.projection import ProjectionExtension

from ktextures.errors import InputError
from ktextures.raster.georeference import scene_transform
from ktextures.raster.open import open_scene
from ktextures.raster.read import is_lazy
from ktextures.raster.times import Steps, dated_names

GRID = Affine(10, 0, 600_000, 0, -10, 5_800_000)
DAYS = ["2024-06-03T10:20:21", "2024-06-13T10:20:25", "2024-07-01T10:20:19"]
HEIGHT, WIDTH = 20, 30


def value(day, band):
    """What all pixels of a band hold on one day."""
    return 10 * day + band + 1


def images(num_days=3, num_bands=2, dtype="uint16"):
    """Distinct pixels, shape (time, band, y, x)."""
    shape = (num_days, num_bands, HEIGHT, WIDTH)
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def cube(values=None, times=DAYS, band=("B04", "B08"), **coords):
    """A DataArray (time, band, y, x) with centers, CRS and transform."""
    values = images() if values is None else values
    dims = ("time", "band", "y", "x")[-values.ndim :] if values.ndim != 3 else None
    array = xr.DataArray(values, dims=dims or ("time", "y", "x"), coords=coords)
    array = array.assign_coords(
        y=GRID.f - 10 * (np.arange(HEIGHT) + 0.5),
        x=GRID.c + 10 * (np.arange(WIDTH) + 0.5),
    )
    if "band" in array.dims:
        array = array.assign_coords(band=list(band))
    if times is not None:
        array = array.assign_coords(time=np.array(times, "datetime64[ns]"))
    return array.rio.write_crs(32632).rio.write_transform(GRID)


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    """Items of a catalog with one GeoTIFF for each date and band."""
    folder = tmp_path_factory.mktemp("catalog")
    return [item_of(folder, number, day) for number, day in enumerate(DAYS)]


def item_of(folder, number, day):
    box = [10.4, 52.3, 10.5, 52.4]
    west, south, east, north = box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    item = pystac.Item(
        id=f"scene-{number}",
        geometry={"type": "Polygon", "coordinates": [ring]},
        bbox=box,
        datetime=datetime.datetime.fromisoformat(f"{day}+00:00"),
        properties={},
    )
    for band, name in enumerate(("B04", "B08")):
        path = folder / f"{day[:10]}-{name}.tif"
        pixels = np.full((1, HEIGHT, WIDTH), value(number, band), "uint16")
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            width=WIDTH,
            height=HEIGHT,
            count=1,
            dtype="uint16",
            crs="EPSG:32632",
            transform=GRID,
            nodata=0,
        ) as file:
            file.write(pixels)
        item.add_asset(
            name,
            pystac.Asset(
                str(path),
                media_type=pystac.MediaType.GEOTIFF,
                roles=["data"],
                extra_fields={"raster:bands": [{"data_type": "uint16", "nodata": 0}]},
            ),
        )
    projection = ProjectionExtension.ext(item, add_if_missing=True)
    projection.epsg = 32632
    projection.shape, projection.transform = [HEIGHT, WIDTH], list(GRID)[:6]
    return item


@pytest.mark.parametrize("chunks", [None, {"x": 16, "y": 16}])
def test_what_odc_stac_loads_is_a_scene_of_one_date(items, chunks):
    dataset = odc.stac.load(items, chunks=chunks)

    scene = open_scene(dataset, time="2024-06-13")

    assert is_lazy(scene) == (chunks is not None)
    assert scene.dims == ("band", "y", "x")
    assert scene.dtype == np.uint16
    assert scene.band.values.tolist() == ["B04", "B08"]
    assert scene.role.values.tolist() == ["red", "nir"]
    assert scene.rio.crs.to_epsg() == 32632
    assert scene_transform(scene) == GRID
    assert scene.rio.nodata == 0
    assert {*scene.coords} == {"band", "role", "y", "x", "spatial_ref"}
    assert [np.unique(band).tolist() for band in scene] == [[11], [12]]


def test_what_odc_stac_loads_is_a_scene_of_all_dates(items):
    dataset = odc.stac.load(items, chunks={})

    scene = open_scene(dataset, time="all")

    assert is_lazy(scene)
    assert scene.band.values.tolist() == [
        f"{band}_{day[:10]}" for day in DAYS for band in ("B04", "B08")
    ]
    assert set(scene.role.values.tolist()) == {""}
    assert scene_transform(scene) == GRID
    assert [np.unique(band).tolist() for band in scene] == [
        [value(day, band)] for day in range(3) for band in range(2)
    ]


def test_an_array_of_odc_stac_is_the_same_scene(items):
    dataset = odc.stac.load(items)
    for time in ("2024-07", "all"):
        expected = open_scene(dataset, time=time)
        scene = open_scene(dataset.to_dataarray("band"), time=time)
        xr.testing.assert_equal(scene, expected)
        assert scene.rio.crs == expected.rio.crs
        assert scene_transform(scene) == GRID


def test_several_dates_need_a_choice(items):
    message = (
        r"the source has 3 steps along 'time' \(2024-06-03, 2024-06-13, 2024-07-01\); "
        r"choose one with open_scene\(source, time='2024-06-03'\), or .* time='all'"
    )
    for source in (odc.stac.load(items, chunks={}), cube()):
        with pytest.raises(InputError, match=message):
            open_scene(source)
    with pytest.raises(InputError, match=r"500 steps along 'time' .*, and 488 more"):
        open_scene(cube(np.zeros((500, HEIGHT, WIDTH)), None))


@pytest.mark.parametrize("dim", ["time", "Date", "t"])
def test_steps_without_labels_are_chosen_by_index(dim):
    values = images()[:, 0]
    array = xr.DataArray(values, dims=(dim, "y", "x"))
    message = rf"3 steps along '{dim}' \(index 0, index 1, index 2\); .*time=0\)"
    with pytest.raises(InputError, match=message):
        open_scene(array)
    np.testing.assert_array_equal(open_scene(array, time=1).values, values[1:2])
    scene = open_scene(array, time="all")
    assert scene.band.values.tolist() == [f"{dim}_{number}" for number in range(3)]
    np.testing.assert_array_equal(scene.values, values)


def test_dates_along_a_dim_of_any_name_are_time():
    array = cube(images()[:, 0]).rename(time="z")
    with pytest.raises(InputError, match="3 steps along 'z'"):
        open_scene(array)
    assert open_scene(array, time=-1).sizes["band"] == 1


ONE_STEP = [
    "2024-06-13",
    "2024-06-13T10",
    "2024-06-13 10:20",
    "2024-06-13T10:20:25Z",
    "2024-06-13T12:20:25+02:00",
    "20240613",
    datetime.date(2024, 6, 13),
    datetime.datetime(2024, 6, 13),
    datetime.datetime(2024, 6, 13, 10, 20, 25),
    datetime.datetime(2024, 6, 13, 10, 20, 25, tzinfo=datetime.UTC),
    pd.Timestamp("2024-06-13"),
    pd.Timestamp("2024-06-13T12:20:25", tz="Europe/Paris"),
    np.datetime64("2024-06-13"),
    np.datetime64("2024-06-13T10:20:25", "ns"),
    1,
    np.int64(1),
    -2,
]


@pytest.mark.parametrize("time", ONE_STEP, ids=repr)
@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_one_date_can_be_given_in_many_ways(time, unit):
    array = cube()
    array = array.assign_coords(time=array.time.values.astype(f"datetime64[{unit}]"))
    np.testing.assert_array_equal(open_scene(array, time=time).values, images()[1])


@pytest.mark.parametrize(
    ("time", "message"),
    [
        (
            "2024-06",
            r"2 steps are in time='2024-06' \(2024-06-03, 2024-06-13\); .*\[0, ",
        ),
        ("2024", r"3 steps are in time='2024' .*; give more .* index \(0 to 2\)"),
        ("2023-01-01", "no step along 'time' is in time='2023-01-01'; .*2024-06-13"),
        (datetime.date(2024, 6, 4), "no step along 'time' is in time='2024-06-04'"),
        ("03/06/2024", "time='03/06/2024' is not a date such as '2024-06-03'; choose"),
        ("summer", "time='summer' is not a date"),
        ("", "time='' is not a date"),
        (pd.NaT, "time='NaT' is not a date"),
        (np.datetime64("NaT"), "time='NaT' is not a date"),
        (3, "there is no step 3 among 3 along 'time'; give an index from 0 to 2"),
        (-4, "there is no step -4 among 3"),
        (True, "time is True; give a date such as"),
        (2.0, r"time is 2\.0; give a date such as"),
    ],
)
def test_what_is_not_one_date_is_refused(time, message):
    with pytest.raises(InputError, match=message):
        open_scene(cube(), time=time)


def test_two_images_of_a_day_are_told_apart():
    days = ["2024-06-03T00:00", "2024-06-03T10:30", "2024-06-04T00:00"]
    array = cube(times=days)
    with pytest.raises(InputError, match=r"2 steps are in time='2024-06-03' .*T10:30"):
        open_scene(array, time="2024-06-03")
    for time in ("2024-06-03T00:00", array.time.values[0], pd.Timestamp(days[0]), 0):
        np.testing.assert_array_equal(open_scene(array, time=time), images()[0])
    names = open_scene(array, bands="B04", time="all").band.values
    assert names.tolist() == [f"B04_{day}" for day in days]


def test_equal_dates_are_told_apart_by_index():
    array = cube(images()[:, 0], times=["2024-06-03"] * 3)
    with pytest.raises(InputError, match=r"3 steps are in .* an index \(0 to 2\)"):
        open_scene(array, time="2024-06-03")
    names = open_scene(array, time="all").band.values
    assert len(set(names)) == 3
    np.testing.assert_array_equal(open_scene(array, time=2)[0], images()[2, 0])


def test_all_dates_keep_values_and_laziness():
    array = cube()
    lazy = array.copy(data=da.from_array(array.data, chunks=(1, 2, 8, 8)))
    for source, chunked in ((array, False), (lazy, True)):
        scene = open_scene(source, time="all")
        assert is_lazy(scene) == chunked
        np.testing.assert_array_equal(scene, images().reshape(6, HEIGHT, WIDTH))
        assert scene_transform(scene) == GRID
    chunks = open_scene(array, time="all", chunks=10).chunks
    assert chunks == ((6,), (10, 10), (10, 10, 10))


def test_only_the_chosen_date_is_computed():
    def load(block, block_info=None):
        computed.append(block_info[0]["chunk-location"][0])
        return block

    computed = []
    source = da.from_array(images(), chunks=(1, 2, HEIGHT, WIDTH))
    array = cube().copy(data=source.map_blocks(load, dtype="uint16"))
    scene = open_scene(array, time=1)
    assert computed == []
    scene.compute()
    assert computed == [1]


def test_bands_of_all_dates_are_chosen_by_name_role_or_number():
    array = cube()

    def names(*bands, **options):
        scene = open_scene(array, bands=list(bands), time="all", **options)
        order = [f"{b}_{d[:10]}" for d in DAYS for b in ("B04", "B08")]
        flat = images().reshape(6, HEIGHT, WIDTH)
        places = [order.index(name) for name in scene.band.values]
        np.testing.assert_array_equal(scene.values, flat[places])
        return scene.band.values.tolist()

    dates = [day[:10] for day in DAYS]
    assert names("B08") == [f"B08_{date}" for date in dates]
    assert names("red") == [f"B04_{date}" for date in dates]
    assert names("B08_2024-07-01", "red")[0] == "B08_2024-07-01"
    assert names(2, 1) == ["B08_2024-06-03", "B04_2024-06-03"]
    with pytest.raises(
        InputError, match=r"there is no band 'B11'; choose .*B04_2024-0"
    ):
        names("B11")
    scene = open_scene(array, time="all", roles={"red": "B04_2024-07-01"})
    assert [*scene.role.values].count("red") == 1


def test_variables_without_time_appear_once():
    height = cube(images(1, 1)[0, 0].astype("float32"), None)
    dataset = xr.Dataset({"B04": cube()[:, 0].drop_vars("band"), "height": height})

    scene = open_scene(dataset, time="all")
    one = open_scene(dataset, time="2024-07")

    days = [day[:10] for day in DAYS]
    assert scene.band.values.tolist() == [
        f"B04_{days[0]}",
        "height",
        f"B04_{days[1]}",
        f"B04_{days[2]}",
    ]
    np.testing.assert_array_equal(scene.sel(band="height"), height)
    assert one.band.values.tolist() == ["B04", "height"]
    np.testing.assert_array_equal(one[0], images()[2, 0])
    assert open_scene(dataset, bands=["height", "B04"], time="all").sizes["band"] == 4


def test_a_single_date_needs_no_choice():
    array = cube()[:1]
    for time in (None, "all", "2024-06-03", 0):
        scene = open_scene(array, time=time)
        assert scene.band.values.tolist() == ["B04", "B08"]
        assert scene.role.values.tolist() == ["red", "nir"]
    with pytest.raises(InputError, match="no step along 'time' is in time='2024-07'"):
        open_scene(array, time="2024-07")


def test_time_of_a_source_without_dates_is_refused(tmp_path):
    array = cube().isel(time=0)
    array.rio.to_raster(tmp_path / "a.tif")
    for source in (array, tmp_path / "a.tif", array.to_dataset("band")):
        with pytest.raises(InputError, match=r"time is '2024', but .* no dim of time"):
            open_scene(source, time="2024")


def test_labels_that_are_not_dates():
    seasons = cube(images()[:, 0], None).rename(time="season")
    seasons = seasons.assign_coords(season=["winter", "spring", "summer"])
    np.testing.assert_array_equal(open_scene(seasons, time="spring")[0], images()[1, 0])
    scene = open_scene(seasons.rename("ndvi"), time="all")
    assert scene.band.values.tolist() == ["ndvi_winter", "ndvi_spring", "ndvi_summer"]
    with pytest.raises(InputError, match="no step along 'season' is in time='win'"):
        open_scene(seasons, time="win")
    years = cube(images()[:, 0], None).rename(time="year")
    years = years.assign_coords(year=[2019, 2020, 2021])
    np.testing.assert_array_equal(open_scene(years, time="2020")[0], images()[1, 0])


@pytest.mark.parametrize("engine", ["xarray", "rioxarray"])
def test_dates_of_a_netcdf_file(tmp_path, engine):
    path = tmp_path / "cube.nc"
    cube()[:, 0].drop_vars("band").rename("B04").to_netcdf(path)
    source = path
    if engine == "rioxarray":
        # Decoded, its dates need cftime.
        source = rioxarray.open_rasterio(path, decode_times=False)
    with pytest.raises(InputError, match="2024-06-03, 2024-06-13, 2024-07-01"):
        open_scene(source)
    scene = open_scene(source, time="2024-07-01")
    np.testing.assert_array_equal(scene[0], images()[2, 0])
    assert scene.band.values.tolist() == ["B04"]
    lazy = open_scene(source, time="all", chunks=10)
    np.testing.assert_array_equal(lazy, images()[:, 0])
    assert lazy.band.values.tolist()[2] == "B04_2024-07-01"


class Day:
    """A date as cftime has it, which is not always installed."""

    def __init__(self, text, calendar):
        self.text, self.calendar = text, calendar

    def isoformat(self):
        return self.text


@pytest.mark.parametrize("last", ["2024-07-01T00:00:00", "2024-02-30T00:00:00"])
def test_dates_of_other_calendars(last):
    days = np.array(
        [Day("2024-06-03T10:00:00", "360_day"), Day(last, "360_day")], object
    )
    array = cube(images(2)[:, 0], None).assign_coords(time=np.array(days))
    for time in (last[:7], last[:10], last, -1):
        np.testing.assert_array_equal(open_scene(array, time=time)[0], images(2)[1, 0])
    with pytest.raises(InputError, match=r"time='2024-0'.*; choose"):
        open_scene(array, time="2024-0")


def test_dates_that_xarray_cannot_read_are_numbers():
    array = cube(images()[:, 0], None).assign_coords(time=[0, 30, 60])
    array.time.attrs.update(units="days since 2024-02-30", calendar="360_day")
    np.testing.assert_array_equal(open_scene(array, time="30")[0], images()[1, 0])


# Older versions of pandas hold dates up to 2262.
DATES = st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2262, 1, 1))


@given(
    st.lists(DATES, min_size=2, max_size=9),
    st.lists(st.text("ab_", max_size=3), min_size=1, max_size=3, unique=True),
)
def test_names_of_all_dates_are_unique_and_start_with_the_band(dates, names):
    steps = Steps("time", [str(date) for date in dates], pd.DatetimeIndex(dates))
    found = dated_names(steps, names)
    flat = [name for part in found for name in part]
    assert len(found) == len(dates)
    assert all(len(part) == len(names) for part in found)
    assert all(
        a.startswith(b) for part in found for a, b in zip(part, names, strict=True)
    )
    assert len(set(flat)) == len(flat)


def test_no_band_of_all_dates_has_a_role():
    flat = cube()[:, 0].drop_vars("band")
    dataset = xr.Dataset({"B04": flat, "nir": flat[0].drop_vars("time")})
    scene = open_scene(dataset, time="all")
    assert scene.band.values.tolist()[1] == "nir"
    assert set(scene.role.values.tolist()) == {""}
    colors = flat.rename(time="season").assign_coords(season=["red", "b", "c"])
    assert set(open_scene(colors, time="all").role.values.tolist()) == {""}


def test_of_two_dims_of_time_the_longer_one_needs_a_choice():
    flat = cube()[:, 0].drop_vars("band")
    array = flat.expand_dims(valid_time=[np.datetime64("2024-01-01", "ns")])
    assert open_scene(array, time="2024-07").sizes["band"] == 1
    months = (
        cube(images()[:, 0], None).rename(time="month").assign_coords(month=[6, 7, 8])
    )
    array = months.expand_dims(time=[np.datetime64("2024-01-01", "ns")])
    np.testing.assert_array_equal(open_scene(array, time="7")[0], images()[1, 0])
