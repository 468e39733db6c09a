"""Scenes from files and arrays: the contract and its violations."""

import os
import warnings
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import rasterio
import rasterio.windows
import rioxarray
import xarray as xr
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning

from ktextures.errors import InputError
from ktextures.raster import open as opening
from ktextures.raster import read as reading
from ktextures.raster.bands import role_indices
from ktextures.raster.georeference import georeference, pixel_meters, scene_transform
from ktextures.raster.nodata import require_valid, scene_nodata, valid_pixels
from ktextures.raster.open import open_scene
from ktextures.raster.read import is_lazy, read_sample, read_window

NORTH_UP = Affine(10.0, 0.0, 500_000.0, 0.0, -10.0, 5_000_000.0)
SOUTH_UP = Affine(10.0, 0.0, 500_000.0, 0.0, 10.0, 4_000_000.0)
# A rotation of 30 degrees, written out because affine changes its operators.
ROTATED = Affine(8.66, 5.0, 500_000.0, 5.0, -8.66, 5_000_000.0)
UTM = "EPSG:32633"


def pixels(bands=4, height=6, width=9, dtype="uint16", low=1):
    size = bands * height * width
    return (np.arange(size).reshape(bands, height, width) + low).astype(dtype)


def array_of(values, **coords):
    return xr.DataArray(values, dims=("band", "y", "x"), coords=coords)


@pytest.fixture
def write(tmp_path):
    """Write a GeoTIFF with whatever metadata a test needs."""

    def write_file(values, *, names=None, colors=None, mask=None, **profile):
        path = tmp_path / f"scene{len(list(tmp_path.iterdir()))}.tif"
        count, height, width = values.shape
        profile = {"crs": UTM, "transform": NORTH_UP, **profile}
        profile |= {"count": count, "height": height, "width": width}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(
                path, "w", driver="GTiff", dtype=values.dtype, **profile
            ) as file:
                if colors:
                    file.colorinterp = [ColorInterp[color] for color in colors]
                file.write(values)
                if names:
                    file.descriptions = names
                if mask is not None:
                    file.write_mask(mask)
        return path

    return write_file


def check_contract(scene):
    assert scene.dims == ("band", "y", "x")
    assert {"band", "role"} <= set(scene.coords)
    places = set(scene.coords) - {"band", "role", "spatial_ref"}
    assert places in ({"y", "x"}, {"row", "column"})
    names = scene.band.values.tolist()
    assert all(isinstance(name, str) for name in names)
    assert len(set(names)) == len(names)
    assert set(scene.role.values) <= {"red", "green", "blue", "nir", ""}
    assert set(scene.attrs) <= {"_FillValue"}
    assert scene.name is None
    assert scene.dtype.kind in "iuf"


# --- files -----------------------------------------------------------------------


def test_geotiff_keeps_values_names_crs_transform_nodata(write):
    path = write(pixels(), names=["blue", "green", "red", "nir"], nodata=7)
    scene = open_scene(path)
    check_contract(scene)
    assert not is_lazy(scene)
    assert scene.dtype == np.uint16
    np.testing.assert_array_equal(scene.values, pixels())
    assert scene.band.values.tolist() == ["blue", "green", "red", "nir"]
    assert scene.role.values.tolist() == ["blue", "green", "red", "nir"]
    assert scene.rio.crs.to_epsg() == 32633
    assert scene.rio.transform() == NORTH_UP
    assert scene_transform(scene) == NORTH_UP
    assert scene.rio.nodata == scene_nodata(scene) == 7
    np.testing.assert_array_equal(scene.x[:2], [500_005, 500_015])
    np.testing.assert_array_equal(scene.y[:2], [4_999_995, 4_999_985])


def test_opening_a_scene_again_changes_nothing(write):
    once = open_scene(write(pixels(), nodata=7), roles={"nir": 4, "red": 1})
    twice = open_scene(once)
    xr.testing.assert_identical(once, twice)
    assert np.shares_memory(once.values, twice.values)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux")
def test_files_are_closed_when_read_at_once_or_when_the_scene_is(write, tmp_path):
    def still_open():
        found = (Path(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd"))
        return {f.resolve() for f in found} & {path, path.with_suffix(".nc")}

    path = write(pixels())
    scene = open_scene(str(path))
    scene.to_netcdf(path.with_suffix(".nc"))
    open_scene(path.with_suffix(".nc"))
    assert not still_open()
    lazy = open_scene(path, chunks=4)
    assert still_open() == {path}
    lazy.close()
    assert not still_open()
    np.testing.assert_array_equal(scene.values, pixels())


def test_chunks_make_files_lazy_and_select_before_reading(write):
    path = write(pixels(), names=["a", "b", "red", "nir"])
    scene = open_scene(path, bands=["nir", 1], chunks=4)
    check_contract(scene)
    assert scene.chunks == ((2,), (4, 2), (4, 4, 1))
    np.testing.assert_array_equal(scene.values, pixels()[[3, 0]])
    assert scene.rio.transform() == NORTH_UP
    scene.close()


def test_large_files_are_opened_lazily(write, monkeypatch):
    monkeypatch.setattr(opening, "_EAGER_BYTES", 100)
    scene = open_scene(write(pixels()))
    assert is_lazy(scene)
    assert not is_lazy(open_scene(write(pixels(1, 5, 10))))
    scene.close()


def test_rotated_transform_is_kept_with_pixel_coordinates(write, tmp_path):
    scene = open_scene(write(pixels(), transform=ROTATED))
    check_contract(scene)
    np.testing.assert_array_equal(scene.row, np.arange(6) + 0.5)
    np.testing.assert_array_equal(scene.column, np.arange(9) + 0.5)
    assert scene_transform(scene) == scene.rio.transform() == ROTATED
    xr.testing.assert_identical(open_scene(scene), scene)
    scene.to_netcdf(tmp_path / "scene.nc")
    assert scene_transform(open_scene(tmp_path / "scene.nc")[:, 1:]) == moved(0, 1)
    classes = georeference(scene.values[0], scene, dims=("y", "x"), name="classes")
    assert transform_in_file(classes, tmp_path) == ROTATED


def moved(columns, rows, transform=ROTATED, scale=1):
    """A transform whose origin is moved by pixels, and its pixels scaled."""
    a, b, c, d, e, f = tuple(transform)[:6]
    x, y = a * columns + b * rows + c, d * columns + e * rows + f
    return Affine(a * scale, b * scale, x, d * scale, e * scale, y)


def transform_in_file(array, folder):
    with warnings.catch_warnings():
        # rioxarray reports that it keeps the rotated transform, which is intended.
        warnings.filterwarnings("ignore", message="Transform that is non-rectilinear")
        array.rio.to_raster(folder / "out.tif")
    with rasterio.open(folder / "out.tif") as file:
        assert file.crs.to_epsg() == 32633
        return file.transform


def test_slices_of_a_rotated_scene_lie_where_they_did(write, tmp_path):
    path = write(pixels(), transform=ROTATED)
    part = open_scene(path)[:, 1:][:, 1:, 3:]

    assert scene_transform(part) == moved(3, 2)
    # The cached transform is out of date until the part is opened or georeferenced.
    assert open_scene(part).rio.transform() == moved(3, 2)
    classes = georeference(part.values[0], part, dims=("y", "x"), name="classes")
    assert scene_transform(classes) == moved(3, 2)
    assert transform_in_file(classes, tmp_path) == moved(3, 2)
    assert scene_transform(classes[1:, 1:]) == moved(4, 3)
    with rasterio.open(path) as file:
        window = rasterio.windows.Window(3, 2, 6, 4)
        assert scene_transform(part).almost_equals(file.window_transform(window))
    with pytest.raises(InputError, match="'row' is unevenly spaced"):
        scene_transform(open_scene(path).isel(y=[0, 1, 4]))


def test_thinned_and_coarsened_rotated_scenes_have_larger_pixels(write):
    scene = open_scene(write(pixels(), transform=ROTATED))
    assert scene_transform(scene[:, 1::3, 1::3]).almost_equals(moved(0, 0, scale=3))
    coarse = scene.coarsen(y=3, x=3).mean()
    assert scene_transform(coarse).almost_equals(moved(0, 0, scale=3))
    upside_down = scene_transform(scene[:, ::-1])
    assert (upside_down.b, upside_down.e) == (-ROTATED.b, -ROTATED.e)


def test_windows_cut_by_rioxarray_from_a_rotated_scene_lie_where_they_did(write):
    scene = open_scene(write(pixels(), transform=ROTATED))
    part = scene.rio.isel_window(rasterio.windows.Window(3, 2, 6, 4))
    assert part.shape == (4, 4, 6)
    assert scene_transform(part) == moved(3, 2)


def test_width_of_a_rotated_pixel():
    array = array_of(pixels()).rio.write_crs(UTM).rio.write_transform(ROTATED)
    assert pixel_meters(open_scene(array)) == pytest.approx(10, abs=1e-3)
    assert pixel_meters(open_scene(array_of(pixels()))) is None


def test_south_up_rasters_are_not_flipped(write):
    scene = open_scene(write(pixels(), transform=SOUTH_UP))
    np.testing.assert_array_equal(scene.values, pixels())
    assert scene.y.values[0] < scene.y.values[-1]
    assert scene_transform(scene) == SOUTH_UP


def test_files_without_georeference_have_pixel_coordinates_and_no_warning(write):
    path = write(pixels(), crs=None, transform=None)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        scene = open_scene(path)
    assert not [w for w in heard if w.category is NotGeoreferencedWarning]
    check_contract(scene)
    assert scene.rio.crs is None
    assert scene_transform(scene) == Affine.identity()
    np.testing.assert_array_equal(scene.x[:3], [0.5, 1.5, 2.5])
    np.testing.assert_array_equal(scene.y[:3], [0.5, 1.5, 2.5])


def test_internal_mask_becomes_nan(write):
    mask = np.full((6, 9), 255, "uint8")
    mask[0, :4] = 0
    values = pixels(2)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        path = write(values, mask=mask)
    for chunks in (None, 4):
        scene = open_scene(path, chunks=chunks)
        assert scene.dtype == np.float32
        assert np.isnan(scene.rio.nodata)
        assert scene_nodata(scene) is None
        np.testing.assert_array_equal(np.isnan(scene.values[1]), mask == 0)
        np.testing.assert_array_equal(scene.values[:, 1:], values[:, 1:])


@pytest.mark.parametrize("chunks", [None, 4])
@pytest.mark.parametrize("nodata", [None, 5])
def test_alpha_is_transparency_not_a_band(write, chunks, nodata):
    values = pixels(4, dtype="uint8")
    values[3] = 255
    values[3, 2:4] = 0
    hidden = values[3] == 0
    path = write(values, colors=["red", "green", "blue", "alpha"], nodata=nodata)
    scene = open_scene(path, chunks=chunks)
    check_contract(scene)
    assert scene.role.values.tolist() == ["red", "green", "blue"]
    if nodata:
        hidden = hidden | (values[0] == nodata)
    np.testing.assert_array_equal(np.isnan(scene.values[0]), hidden)
    np.testing.assert_array_equal(scene.values[0][~hidden], values[0][~hidden])


def test_alpha_is_kept_as_a_band_on_request(write):
    colors = ["red", "green", "blue", "alpha"]
    values = pixels(4, dtype="uint8")
    named = open_scene(write(values, colors=colors, names=[*"abc", "nir"]))
    np.testing.assert_array_equal(named.values, values)
    assert named.dtype == np.uint8
    assert named.role.values.tolist() == ["", "", "", "nir"]
    path = write(values, colors=colors)
    listed = open_scene(path, bands=[4, 1])
    np.testing.assert_array_equal(listed.values, values[[3, 0]])
    given = open_scene(path, roles={"nir": 4})
    np.testing.assert_array_equal(given.values, values)
    assert given.role.values.tolist() == ["red", "green", "blue", "nir"]


def test_alpha_with_many_values_is_read_as_a_band_with_a_warning(write):
    colors = ["red", "green", "blue", "alpha"]
    values = np.random.default_rng(0).integers(0, 255, (4, 300, 500), "uint8")
    path = write(values, colors=colors)
    message = r"band 4 of .* marked as alpha, but .* is read as a band"
    with pytest.warns(UserWarning, match=message) as heard:
        scene = open_scene(path)
    assert heard[0].filename == __file__
    np.testing.assert_array_equal(scene.values, values)
    # What the warning advises for transparency.
    clear = open_scene(scene.drop_isel(band=3).where(scene[3] != 0))
    assert clear.band.values.tolist() == ["band_1", "band_2", "band_3"]
    np.testing.assert_array_equal(np.isnan(clear.values[0]), values[3] == 0)
    np.testing.assert_array_equal(open_scene(path, bands=[1, 2]).values, values[:2])


def test_alpha_with_soft_edges_is_transparency(write):
    values = pixels(4, 40, 60, dtype="uint8")
    values[3] = 255
    values[3, :, :5] = 0
    values[3, :, 5:12] = np.arange(20, 160, 20)
    scene = open_scene(write(values, colors=["red", "green", "blue", "alpha"]))
    assert scene.sizes["band"] == 3
    np.testing.assert_array_equal(np.isnan(scene.values[0]), values[3] == 0)


def test_palette_indices_are_reported(write):
    path = write(pixels(1, dtype="uint8"))
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, {1: (1, 2, 3), 2: (4, 5, 6)})
    with pytest.warns(UserWarning, match=r"band 1 of .* palette.*gdal_translate"):
        scene = open_scene(path)
    np.testing.assert_array_equal(scene.values, pixels(1, dtype="uint8"))


def test_netcdf_round_trip(write, tmp_path):
    scene = open_scene(write(pixels(), names=["a", "b", "red", "nir"], nodata=7))
    scene.to_netcdf(tmp_path / "scene.nc")
    for chunks in (None, 4):
        back = open_scene(tmp_path / "scene.nc", chunks=chunks)
        check_contract(back)
        assert is_lazy(back) == (chunks is not None)
        assert back.dtype == np.uint16
        xr.testing.assert_equal(back, scene)
        assert back.rio.crs == scene.rio.crs
        assert scene_transform(back) == NORTH_UP
        assert back.rio.nodata == 7
        back.close()


def test_netcdf_with_one_variable_per_band_and_packed_values(tmp_path):
    values = np.array([[0.0, 0.5, np.nan], [1.0, 1.5, 2.0]])
    dataset = xr.Dataset(
        {name: (("lat", "lon"), values + i) for i, name in enumerate(["red", "nir"])},
        coords={"lat": [1.0, 0.0], "lon": [5.0, 6.0, 7.0]},
    )
    packing = {"scale_factor": 0.5, "dtype": "int16", "_FillValue": -1}
    path = tmp_path / "packed.nc"
    dataset.to_netcdf(path, encoding={"red": packing, "nir": packing})
    scene = open_scene(path)
    check_contract(scene)
    np.testing.assert_array_equal(scene.values, [values, values + 1])
    assert scene.role.values.tolist() == ["red", "nir"]
    assert scene.rio.crs is None


def test_gcp_files_warn_that_the_points_are_ignored(tmp_path):
    points = [
        GroundControlPoint(row, col, 10.0 + col, 50.0 - row)
        for row, col in [(0, 0), (0, 9), (6, 0), (6, 9)]
    ]
    path = tmp_path / "gcps.tif"
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=6, width=9, dtype="uint16"
    ) as file:
        file.write(pixels(1))
        file.gcps = (points, rasterio.CRS.from_epsg(4326))
    with pytest.warns(UserWarning, match="ground control points, which are ignored"):
        scene = open_scene(path)
    assert scene.sizes == {"band": 1, "y": 6, "x": 9}


@pytest.mark.parametrize("name", ["missing.tif", "missing.nc", "text.tif", "text.nc"])
def test_unreadable_files_are_named(tmp_path, name):
    if name.startswith("text"):
        (tmp_path / name).write_text("not a raster")
    with pytest.raises(InputError, match=rf"(?s)cannot open .*{name}.*check the path"):
        open_scene(tmp_path / name)


def test_files_of_subdatasets_list_them(tmp_path):
    path = tmp_path / "two.tiff"
    dataset = xr.Dataset({n: (("y", "x"), np.ones((3, 4))) for n in "ab"})
    dataset.to_netcdf(tmp_path / "two.nc")
    (tmp_path / "two.nc").rename(path)
    try:
        with rasterio.open(path) as file:
            subdatasets = file.subdatasets
    except rasterio.errors.RasterioIOError:
        pytest.skip("this rasterio has no NetCDF or HDF5 driver")
    assert len(subdatasets) == 2
    with pytest.raises(InputError, match=r"subdatasets.*open one of them"):
        open_scene(path)


# --- arrays ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "dims",
    [
        ("band", "y", "x"),
        ("y", "x", "band"),
        ("x", "band", "y"),
        ("channel", "lat", "lon"),
        ("lon", "lat", "level"),
        ("Latitude", "Longitude", "wavelength"),
        ("northing", "b", "easting"),
        ("cols", "rows", "band"),
        ("variable", "row", "column"),
    ],
)
def test_dims_in_any_order_and_naming(dims):
    rows = {"y", "lat", "latitude", "northing", "row", "rows"}
    columns = {"x", "lon", "longitude", "easting", "col", "cols", "column"}
    order = [
        1 if dim.lower() in rows else 2 if dim.lower() in columns else 0 for dim in dims
    ]
    scene = open_scene(xr.DataArray(pixels().transpose(order), dims=dims))
    check_contract(scene)
    np.testing.assert_array_equal(scene.values, pixels())


def test_dims_set_through_rio():
    array = xr.DataArray(pixels().transpose(1, 0, 2), dims=("v", "band", "u"))
    scene = open_scene(array.rio.set_spatial_dims(x_dim="u", y_dim="v"))
    np.testing.assert_array_equal(scene.values, pixels())


def test_two_dims_are_one_band_and_single_extra_dims_are_dropped():
    flat = open_scene(xr.DataArray(pixels(1)[0], dims=("y", "x"), name="red"))
    assert flat.band.values.tolist() == ["red"]
    assert flat.role.values.tolist() == ["red"]
    np.testing.assert_array_equal(flat.values, pixels(1))
    timed = xr.DataArray(pixels()[None], dims=("time", "band", "y", "x"))
    np.testing.assert_array_equal(open_scene(timed).values, pixels())
    single = xr.DataArray(
        pixels(1)[None],
        dims=("time", "band", "y", "x"),
        coords={"band": ["nir"], "time": [0]},
    )
    assert open_scene(single).band.values.tolist() == ["nir"]


@pytest.mark.parametrize(
    ("dims", "shape", "message"),
    [
        (("dim_0", "dim_1"), (3, 4), r"rows and columns are unknown .*'dim_0'.*rename"),
        (("level", "band", "y", "x"), (2, 3, 4, 5), r"\['level', 'band'\].*transpose"),
        (("x",), (3,), "rows and columns are unknown"),
    ],
)
def test_unclear_dims_are_refused(dims, shape, message):
    with pytest.raises(InputError, match=message):
        open_scene(xr.DataArray(np.ones(shape), dims=dims))


@pytest.mark.parametrize("source", [np.ones((3, 4, 5)), None, 5])
def test_other_types_are_refused(source):
    with pytest.raises(InputError, match=f"{type(source).__name__} as a scene"):
        open_scene(source)


@pytest.mark.parametrize(
    "dtype", ["complex64", "U3", "datetime64[ns]", "timedelta64[s]"]
)
def test_unusable_dtypes_are_refused(dtype):
    with pytest.raises(InputError, match=r"integer or float.*got dtype"):
        open_scene(array_of(np.zeros((1, 2, 2), dtype=dtype)))


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "float32", "float64"])
def test_numeric_dtypes_are_kept(dtype):
    assert open_scene(array_of(pixels(dtype=dtype))).dtype == dtype


def test_bool_and_foreign_byte_order_are_converted():
    assert open_scene(array_of(pixels() > 50)).dtype == np.uint8
    swapped = open_scene(array_of(pixels().astype(">u2")))
    assert swapped.dtype.isnative
    np.testing.assert_array_equal(swapped.values, pixels())


@pytest.mark.parametrize("shape", [(2, 0, 4), (2, 4, 0)])
def test_empty_scenes_are_refused(shape):
    with pytest.raises(
        InputError, match=f"empty: {shape[1]} rows x {shape[2]} columns"
    ):
        open_scene(array_of(np.ones(shape)))


def test_scene_without_bands_is_refused():
    with pytest.raises(InputError, match="selects no band"):
        open_scene(array_of(np.ones((0, 3, 3))))


def test_attributes_do_not_leak_into_the_scene():
    array = array_of(pixels()).assign_attrs(scale_factor=2.0, history="x", nodata=3)
    array = array.assign_coords(time=0, quality=("y", np.zeros(6)))
    array.encoding = {"scale_factor": 2.0}
    scene = open_scene(array)
    check_contract(scene)
    assert scene.attrs == {"_FillValue": 3}
    assert "scale_factor" not in scene.encoding


@pytest.mark.parametrize("nodata", [-9999, 70000, 0.5, np.nan])
def test_nodata_that_the_dtype_cannot_hold_is_ignored(nodata):
    scene = open_scene(array_of(pixels()).assign_attrs(_FillValue=nodata))
    assert scene_nodata(scene) is None
    assert valid_pixels(scene.values, nodata).all()


def test_input_stays_unchanged():
    array = array_of(pixels(), band=list("abcd")).assign_attrs(_FillValue=3, note="x")
    before = array.copy(deep=True)
    open_scene(array, bands=["b"], roles={"red": "b"})
    xr.testing.assert_identical(array, before)


# --- names, roles, selection -----------------------------------------------------


def roles_of(*names, **options):
    scene = open_scene(array_of(pixels(len(names)), band=list(names)), **options)
    return scene.role.values.tolist()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("Red", "GREEN", "blue", "NIR"), ["red", "green", "blue", "nir"]),
        (("B02", "B03", "B04", "B08"), ["blue", "green", "red", "nir"]),
        (("Near Infrared", "near-infrared2"), ["nir", ""]),
        (("B8A", "nir08", "red edge"), ["", "nir", ""]),
        (("nir", "nir08"), ["nir", ""]),  # the plain name goes before the alias
        (("B04", "near_infrared", "b08"), ["red", "", ""]),  # claimed twice
        (("B1", "B2", "B3", "B4"), ["", "", "", ""]),  # differs between sensors
        (("infrared", "redness"), ["", ""]),
    ],
)
def test_roles_from_names(names, expected):
    assert roles_of(*names) == expected


def test_given_roles_override_names():
    assert roles_of("a", "b", "nir", roles={"nir": "a", "red": 2}) == ["nir", "red", ""]
    assert roles_of("red", "b", roles={"nir": "red"}) == ["nir", ""]


def test_colors_give_roles_only_if_names_do_not(write):
    colors = ["red", "green", "blue"]
    assert open_scene(write(pixels(3), colors=colors)).role.values.tolist() == colors
    false_color = write(pixels(3), colors=colors, names=["nir", "red", "green"])
    assert open_scene(false_color).role.values.tolist() == ["nir", "red", "green"]
    other = write(pixels(3), colors=colors, names=["swir1", "swir2", "Band 3"])
    assert open_scene(other).role.values.tolist() == ["", "", "blue"]


def test_partly_described_and_repeated_names_become_unique(write):
    scene = open_scene(write(pixels(), names=["gray", None, "gray", "band_2"]))
    assert scene.band.values.tolist() == ["gray_1", "band_2_2", "gray_3", "band_2_4"]


def test_names_follow_the_bands_of_an_array_opened_by_rioxarray(write):
    path = write(pixels(), names=["blue", "green", "red", "nir"])
    opened = rioxarray.open_rasterio(path)
    assert open_scene(opened).band.values.tolist() == ["blue", "green", "red", "nir"]
    chosen = open_scene(opened.sel(band=[4, 3]))
    assert chosen.band.values.tolist() == ["nir", "red"]
    np.testing.assert_array_equal(chosen.values, pixels()[[3, 2]])
    plain = rioxarray.open_rasterio(write(pixels())).sel(band=[4, 2])
    assert open_scene(plain).band.values.tolist() == ["band_4", "band_2"]
    opened.close()


@pytest.mark.parametrize(
    ("bands", "positions"),
    [
        (["B08", "B02"], [3, 0]),
        (["nir", "red"], [3, 2]),
        ([4, "blue", 2], [3, 0, 1]),
        ("nir", [3]),
        (1, [0]),
        (np.array([2, 1]), [1, 0]),
    ],
)
def test_selection_by_name_role_and_number_keeps_the_order(bands, positions):
    names = ["B02", "B03", "B04", "B08"]
    scene = open_scene(array_of(pixels(), band=names), bands=bands)
    np.testing.assert_array_equal(scene.values, pixels()[positions])
    assert scene.band.values.tolist() == [names[i] for i in positions]
    roles = ["blue", "green", "red", "nir"]
    assert scene.role.values.tolist() == [roles[i] for i in positions]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bands": ["swir"]}, r"no band 'swir'.*1: 'B04' \(red\), 2: 'x'"),
        ({"bands": [0]}, "no band 0"),
        ({"bands": [3]}, "no band 3"),
        ({"bands": [True]}, "no band True"),
        ({"bands": [""]}, "no band ''"),
        ({"bands": []}, r"bands=\[\] selects no band; choose from 1: 'B04'"),
        ({"bands": ["red", "B04"]}, "selects a band twice"),
        (
            {"roles": {"swir": 1}},
            "'swir' is not a role; the roles are red, green, blue, nir",
        ),
        ({"roles": {"nir": "y"}}, r"roles\['nir'\]: there is no band 'y'"),
        ({"roles": {"nir": 1, "red": "B04"}}, "one band two roles"),
        ({"chunks": 0}, "chunks=0"),
        ({"chunks": "big"}, "chunks='big'"),
        ({"chunks": True}, "chunks=True"),
        ({"chunks": {"time": 1}}, "chunks="),
    ],
)
def test_bad_options_list_what_there_is(options, message):
    with pytest.raises(InputError, match=message):
        open_scene(array_of(pixels(2), band=["B04", "x"]), **options)


def test_role_indices():
    scene = open_scene(array_of(pixels(), band=["B02", "B03", "B04", "B08"]))
    assert role_indices(scene, ("red", "green", "blue")) == [2, 1, 0]
    assert role_indices(scene[:3], ("nir",)) is None


# --- grid ------------------------------------------------------------------------


def test_coordinates_override_an_outdated_transform(write):
    scene = open_scene(write(pixels()))
    part = scene[:, 2:5, 3:]
    expected = Affine(10.0, 0.0, 500_030.0, 0.0, -10.0, 4_999_980.0)
    assert scene_transform(part) == expected
    assert open_scene(part).rio.transform() == expected
    assert scene_transform(scene[:, 2:3, 3:4]) == expected  # no spacing of its own
    reversed_rows = open_scene(scene[:, ::-1])
    assert scene_transform(reversed_rows).e == 10.0
    np.testing.assert_array_equal(reversed_rows.values, pixels()[:, ::-1])


def test_transform_without_coordinates_makes_them():
    array = array_of(pixels()).rio.write_crs(UTM).rio.write_transform(NORTH_UP)
    scene = open_scene(array)
    np.testing.assert_array_equal(scene.x[:2], [500_005, 500_015])
    assert scene.rio.transform() == NORTH_UP


def test_rotated_transform_overrides_pixel_numbers():
    array = array_of(pixels(), y=np.arange(6), x=np.arange(9))
    scene = open_scene(array.rio.write_crs(UTM).rio.write_transform(ROTATED))
    assert scene_transform(scene) == scene.rio.transform() == ROTATED
    assert "x" not in scene.coords


def test_coordinates_alone_make_the_transform():
    array = array_of(pixels(), y=np.arange(6) * -2.0, x=np.arange(9) * 2.0 + 100)
    scene = open_scene(array)
    assert scene_transform(scene) == Affine(2.0, 0.0, 99.0, 0.0, -2.0, 1.0)


def test_float32_coordinates_pass_as_even():
    x = (-112.909 + 0.0002695 * np.arange(9)).astype("float32")
    assert open_scene(array_of(pixels(), x=x, y=np.arange(6))).sizes["x"] == 9


@pytest.mark.parametrize(
    ("coords", "message"),
    [
        ({"x": [0, 1, 2, 3, 4, 5, 6, 7, 9]}, "'x' is unevenly spaced.*from 1 to 2"),
        ({"x": [0, 1, 2.2, 3, 4, 5, 6, 7, 8]}, "'x' is unevenly spaced"),
        ({"y": [5, 5, 5, 5, 5, 5]}, "'y' is unevenly"),
        ({"y": [0, 1, 2, 3, 4, np.nan]}, "finite numbers"),
        ({"x": list("abcdefghi")}, "finite numbers, got dtype"),
        ({"x": np.arange(9)}, "only one of rows and columns"),
    ],
)
def test_unusable_coordinates_are_refused(coords, message):
    with pytest.raises(InputError, match=message):
        open_scene(array_of(pixels(), **coords))


def test_crs_without_a_transform_is_refused():
    with pytest.raises(
        InputError, match=r"CRS EPSG:32633 but neither.*write_transform"
    ):
        open_scene(array_of(pixels()).rio.write_crs(UTM))


# --- datasets --------------------------------------------------------------------


def dataset_of(crs=UTM, **variables):
    coords = {"y": [30.0, 20.0, 10.0], "x": [0.0, 10.0, 20.0, 30.0]}
    dataset = xr.Dataset({n: (("y", "x"), v) for n, v in variables.items()}, coords)
    return dataset if crs is None else dataset.rio.write_crs(crs)


@pytest.mark.parametrize("chunks", [None, 2])
def test_dataset_with_one_variable_per_band(chunks):
    first, second = pixels(2, 3, 4)
    dataset = dataset_of(B04=first, other=second.astype("int32"))
    dataset["quality"] = 3
    dataset["bounds"] = ("y", "bnds"), np.zeros((3, 2))
    scene = open_scene(dataset, chunks=chunks)
    check_contract(scene)
    assert is_lazy(scene) == (chunks is not None)
    assert scene.band.values.tolist() == ["B04", "other"]
    assert scene.role.values.tolist() == ["red", ""]
    assert scene.dtype == np.int32
    np.testing.assert_array_equal(scene.values, [first, second])
    assert scene.rio.crs.to_epsg() == 32633
    assert scene_transform(scene) == Affine(10.0, 0.0, -5.0, 0.0, -10.0, 35.0)
    assert open_scene(dataset, bands=["red"]).band.values.tolist() == ["B04"]


def test_dataset_with_one_cube():
    dataset = array_of(pixels(), band=list("abcd")).to_dataset(name="reflectance")
    np.testing.assert_array_equal(open_scene(dataset).values, pixels())


def test_dataset_nodata_shared_or_turned_to_nan():
    first, second = pixels(2, 3, 4)
    dataset = dataset_of(a=first, b=second)
    for name in "ab":
        dataset[name].attrs["_FillValue"] = 1
    shared = open_scene(dataset)
    assert shared.dtype == np.uint16
    assert shared.rio.nodata == 1
    dataset["b"].attrs["_FillValue"] = 14
    mixed = open_scene(dataset)
    assert np.isnan(mixed.rio.nodata)
    np.testing.assert_array_equal(np.isnan(mixed.values), [first == 1, second == 14])


def test_dataset_variables_must_share_grid_and_crs():
    values = pixels(1, 3, 4)[0]
    with pytest.raises(InputError, match="'a' and 'b' have different grids"):
        open_scene(xr.Dataset({"a": (("y", "x"), values), "b": (("v", "u"), values)}))
    cubes = {n: (("level", "y", "x"), pixels(2, 3, 4)) for n in "ab"}
    with pytest.raises(InputError, match=r"'a' has dims .*'level'.*dataset\['a'\]"):
        open_scene(xr.Dataset(cubes))
    with pytest.raises(InputError, match=r"no variable .* rows and columns.*rename"):
        open_scene(xr.Dataset({"a": ("time", [1, 2])}))
    dataset = dataset_of(crs=None, a=values, b=values)
    for name, code in (("a", 32633), ("b", 32634)):
        reference = dataset.rio.write_crs(code, grid_mapping_name=f"crs_{name}")
        dataset = dataset.assign_coords({f"crs_{name}": reference[f"crs_{name}"]})
        dataset[name].attrs["grid_mapping"] = f"crs_{name}"
    with pytest.raises(InputError, match=r"different CRSs.*32633.*32634.*reproject"):
        open_scene(dataset)


# --- lazy scenes and reading -----------------------------------------------------


def forbidden(height=40, width=60, chunk=10, allowed=(), bands=2):
    """Make a scene whose chunks raise when computed, but for the allowed ones."""

    def block(block_info=None):
        location = block_info[None]["chunk-location"][1:]
        if location not in allowed:
            raise RuntimeError(f"chunk {location} was computed")
        (_, (top, bottom), (left, right)) = block_info[None]["array-location"]
        grid = np.add.outer(np.arange(top, bottom) * 100, np.arange(left, right))
        return np.stack([grid, grid + 10_000]).astype("uint16")

    rows, cols = (chunk,) * (height // chunk), (chunk,) * (width // chunk)
    values = da.map_blocks(
        block, chunks=((bands,), rows, cols), dtype="uint16", meta=np.empty(0, "uint16")
    )
    return array_of(values)


def test_lazy_arrays_stay_lazy_through_open_and_georeference():
    array = forbidden().transpose("y", "x", "band")
    scene = open_scene(array, bands=[2])
    assert is_lazy(scene)
    assert scene.name is None
    classes = georeference(scene.data[0], scene, dims=("y", "x"), name=None, nodata=0)
    assert is_lazy(classes)
    assert classes.name is None
    with pytest.raises(RuntimeError, match="was computed"):
        classes.compute(scheduler="synchronous")


def test_read_window_computes_its_chunks_only():
    scene = open_scene(forbidden(allowed=[(1, 2), (1, 3)]))
    values, valid = read_window(scene, 12, 25, 3, 10)
    assert values.shape == (3, 10, 2)
    assert values.dtype == np.float32
    expected = np.add.outer(np.arange(12, 15) * 100, np.arange(25, 35))
    np.testing.assert_array_equal(values[..., 0], expected)
    np.testing.assert_array_equal(values[..., 1], expected + 10_000)
    assert valid.all()
    with pytest.raises(RuntimeError, match=r"chunk \(0, 2\)"):
        read_window(scene, 9, 25, 3, 5)


def test_read_window_marks_pixels_invalid_in_any_band():
    values = pixels(2, 3, 4, dtype="int16")
    values[1, 0, 0] = -1
    scene = open_scene(array_of(values).assign_attrs(_FillValue=-1))
    window, valid = read_window(scene, 0, 0, 3, 4)
    assert not valid[0, 0]
    assert valid.sum() == 11
    np.testing.assert_array_equal(window, values.transpose(1, 2, 0))
    floats = np.ones((2, 2, 2))
    floats[0, 0, 0], floats[1, 1, 1] = np.nan, np.inf
    window, valid = read_window(open_scene(array_of(floats)), 0, 0, 2, 2)
    assert window.dtype == np.float64
    np.testing.assert_array_equal(valid, [[False, True], [True, False]])


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("uint8", "f4"),
        ("int16", "f4"),
        ("float32", "f4"),
        ("int32", "f8"),
        ("u8", "f8"),
    ],
)
def test_read_window_dtype_holds_every_value(dtype, expected):
    scene = open_scene(array_of(pixels(1, 2, 2, dtype=dtype)))
    assert read_window(scene, 0, 0, 2, 2)[0].dtype == expected


@pytest.mark.parametrize(
    "window", [(-1, 0, 2, 2), (0, 0, 7, 2), (0, 8, 2, 2), (0, 0, 0, 2), (0, 0, 2, -1)]
)
def test_read_window_stays_within_the_scene(window):
    with pytest.raises(InputError, match="not within the scene of 6 x 9"):
        read_window(open_scene(array_of(pixels())), *window)


def test_float32_nodata_is_compared_as_float32():
    values = np.array([[[0.1, 1.0]]], dtype="float32")
    for nodata in (0.1, np.float64(0.1)):
        np.testing.assert_array_equal(valid_pixels(values, nodata), [[False, True]])


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("nodata", [1e300, -1.7976931348623157e308, np.float64(3.5e38)])
def test_nodata_beyond_float32_is_the_largest_float32(write, nodata):
    values = pixels(1, dtype="float32")
    largest = float(np.copysign(float(np.finfo(np.float32).max), nodata))
    values[0, 0, :3] = largest
    for attributes in ({"_FillValue": nodata}, {"nodata": nodata}):
        scene = open_scene(array_of(values).assign_attrs(attributes))
        assert scene_nodata(scene) == largest
        assert read_window(scene, 0, 0, 6, 9)[1].sum() == 6 * 9 - 3
    scene = open_scene(write(values, nodata=largest))
    assert scene_nodata(scene) == largest


@pytest.mark.filterwarnings("error")
def test_huge_values_are_read_as_they_are():
    values = np.array([[[1e300, -1e300], [0.0, 1.0]]])
    scene = open_scene(array_of(values))
    sample, share = read_sample(scene)
    np.testing.assert_array_equal(sample[:, 0], values.ravel())
    assert share == 1


def test_small_scenes_are_sampled_whole():
    values = pixels(2, 5, 8)
    scene = open_scene(array_of(values).assign_attrs(_FillValue=1))
    sample, share = read_sample(scene)
    assert share == 39 / 40
    np.testing.assert_array_equal(sample, values.reshape(2, -1).T[1:])
    assert sample.dtype == np.float32
    missing, share = read_sample(open_scene(array_of(np.full((2, 3, 3), np.nan))))
    assert missing.shape == (0, 2)
    assert share == 0.0


def test_large_scenes_are_sampled_in_the_same_windows_to_the_edges():
    scene = open_scene(array_of(pixels(1, 400, 600, dtype="int32")))
    sample, share = read_sample(scene, max_pixels=2000)
    assert share == 1.0
    assert 1500 < len(sample) <= 2000
    assert sample.min() == 1  # the first pixel and the last
    assert sample.max() == 400 * 600
    again, _ = read_sample(scene.chunk({"y": 70, "x": 90}), max_pixels=2000)
    np.testing.assert_array_equal(sample, again)


@pytest.mark.parametrize(
    "shape", [(4096, 4096), (300, 90_000), (50_000, 120), (1, 10**7)]
)
@pytest.mark.parametrize("max_pixels", [1, 1000, 300_000, 4_000_000])
def testsample_windows_fit_do_not_overlap_and_reach_the_edges(shape, max_pixels):
    windows = reading.sample_windows(*shape, max_pixels)
    assert sum(height * width for *_, height, width in windows) <= max_pixels
    assert len(windows) <= 64
    seen = set()
    for row, col, height, width in windows:
        assert 0 <= row <= row + height <= shape[0]
        assert 0 <= col <= col + width <= shape[1]
        for other_row, other_col in seen:
            assert abs(other_row - row) >= height or abs(other_col - col) >= width
        seen.add((row, col))
    if len(windows) > 1:
        assert max(row + height for row, _, height, _ in windows) == shape[0]
        assert max(col + width for _, col, _, width in windows) == shape[1]


def test_sample_of_a_lazy_scene_computes_its_windows_only():
    windows = reading.sample_windows(40, 60, 16)
    chunks = {
        (row // 10, col // 10)
        for top, left, height, width in windows
        for row in range(top, top + height)
        for col in range(left, left + width)
    }
    assert len(chunks) < 24
    scene = open_scene(forbidden(allowed=chunks))
    sample, share = read_sample(scene, max_pixels=16)
    assert share == 1.0
    assert sample.shape == (sum(h * w for *_, h, w in windows), 2)


def test_sample_of_no_pixels_is_refused():
    with pytest.raises(InputError, match="max_pixels must be at least 1, got 0"):
        read_sample(open_scene(array_of(pixels())), max_pixels=0)


def test_require_valid():
    require_valid(5, 5, "training")
    with pytest.raises(InputError, match=r"training needs at least 5 valid.*got 4"):
        require_valid(4, 5, "training")


# --- back to rasters -------------------------------------------------------------


@pytest.mark.parametrize("transform", [NORTH_UP, SOUTH_UP])
def test_georeferenced_arrays_reopen_where_they_were(write, tmp_path, transform):
    scene = open_scene(write(pixels(), transform=transform, nodata=9))
    classes = georeference(
        np.full((6, 9), 2, "uint8"),
        scene,
        dims=("y", "x"),
        name="classes",
        attrs={"long_name": "class"},
        nodata=0,
    )
    assert classes.name == "classes"
    assert classes.attrs == {"long_name": "class", "_FillValue": 0}
    assert set(classes.coords) == {"y", "x", "spatial_ref"}
    classes.rio.to_raster(tmp_path / "classes.tif")
    with rasterio.open(tmp_path / "classes.tif") as file:
        assert file.crs.to_epsg() == 32633
        assert file.transform == transform
        assert file.nodata == 0
        assert (file.read(1) == 2).all()


def test_georeference_follows_a_sliced_scene(write, tmp_path):
    part = open_scene(write(pixels(), nodata=7))[:, 2:, 3:]
    bands = georeference(
        part.values,
        part,
        dims=("band", "y", "x"),
        name="simulated",
        coords={"band": part.band.values},
    )
    assert bands.attrs == {}
    bands.rio.to_raster(tmp_path / "part.tif")
    with rasterio.open(tmp_path / "part.tif") as file:
        assert file.transform == Affine(10.0, 0.0, 500_030.0, 0.0, -10.0, 4_999_980.0)
        np.testing.assert_array_equal(file.read(), pixels()[:, 2:, 3:])


def test_georeference_of_a_scene_without_crs_has_none():
    scene = open_scene(array_of(pixels()))
    classes = georeference(scene.values[0], scene, dims=("y", "x"), name="c")
    assert classes.rio.crs is None
    assert set(classes.coords) == {"y", "x"}


@pytest.mark.parametrize(
    ("values", "dims", "message"),
    [
        (np.ones((6, 8)), ("y", "x"), "6 x 8 pixels does not fit a scene of 6 x 9"),
        (np.ones((6, 9)), ("band", "y", "x"), r"must name the 2 axes"),
        (np.ones((6, 9)), ("row", "col"), "including 'y' and 'x'"),
    ],
)
def test_georeference_refuses_other_sizes_and_dims(values, dims, message):
    with pytest.raises(InputError, match=message):
        georeference(values, open_scene(array_of(pixels())), dims=dims, name=None)
