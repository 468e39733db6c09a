"""Scenes of many files: what is on top, where nothing is, and what does not fit."""

import os
import warnings
from pathlib import Path

import dask
import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rasterio.enums import ColorInterp
from rasterio.windows import Window

from ktextures.errors import InputError
from ktextures.raster import mosaic_array
from ktextures.raster import open as opening
from ktextures.raster.file_headers import read_headers
from ktextures.raster.georeference import scene_transform
from ktextures.raster.mosaic import _covers, find_mosaic
from ktextures.raster.mosaic_reader import Part
from ktextures.raster.nodata import scene_nodata, valid_pixels
from ktextures.raster.open import open_scene
from ktextures.raster.read import is_lazy
from ktextures.raster.scene_set import open_scenes

NORTH_UP = Affine(10.0, 0.0, 500_000.0, 0.0, -10.0, 5_000_000.0)
SOUTH_UP = Affine(10.0, 0.0, 500_000.0, 0.0, 10.0, 4_000_000.0)
# A rotation of 30 degrees, written out because affine changes its operators.
ROTATED = Affine(8.66, 5.0, 500_000.0, 5.0, -8.66, 5_000_000.0)
UTM = "EPSG:32633"


def moved(transform, row, col):
    a, b, c, d, e, f = tuple(transform)[:6]
    return Affine(a, b, c + a * col + b * row, d, e, f + d * col + e * row)


def write(path, values, row=0, col=0, *, base=NORTH_UP, names=None, **options):
    """Write a GeoTIFF at a place of the grid."""
    values = np.asarray(values)
    values = values[None] if values.ndim == 2 else values
    mask, colors = options.pop("mask", None), options.pop("colors", None)
    profile = {"driver": "GTiff", "crs": UTM, "transform": moved(base, row, col)}
    profile |= dict(zip(("count", "height", "width"), values.shape, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(
            path, "w", **{**profile, "dtype": values.dtype, **options}
        ) as file:
            if colors:
                file.colorinterp = [ColorInterp[color] for color in colors]
            file.write(values)
            if names:
                file.descriptions = names
            if mask is not None:
                file.write_mask(mask)
    return str(path)


@pytest.fixture
def place(tmp_path):
    """Function that writes one file after another."""

    def placed(values, row=0, col=0, **options):
        number = len(list(tmp_path.glob("*.tif")))
        return write(tmp_path / f"f{number}.tif", values, row, col, **options)

    return placed


def full(value, height=4, width=5, bands=1, dtype="uint8"):
    return np.full((bands, height, width), value, dtype)


def shown(scene):
    """Values as floats, with NaN where a pixel is not valid."""
    valid = valid_pixels(scene.values, scene_nodata(scene))
    return np.where(valid, scene.values, np.nan)


# --- what is where ---------------------------------------------------------------


@st.composite
def tilings(draw):
    """Files at random places, some with nodata, NaN, or a mask, and the expected scene.

    The expected scene is made pixel by pixel.
    """
    dtype = np.dtype(draw(st.sampled_from(["uint8", "int16", "uint16", "float32"])))
    bands = draw(st.integers(1, 3))
    nodata = draw(st.sampled_from([None, 0, 7]))
    if dtype.kind == "f" and draw(st.booleans()):
        nodata = np.nan
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    files = []
    for _ in range(draw(st.integers(1, 5))):
        shape = (bands, *(draw(st.integers(1, 7)) for _ in range(2)))
        values = rng.integers(0, 9, shape).astype(dtype)
        if dtype.kind == "f":
            values[rng.random(shape) < 0.2] = np.nan
        mask = None
        if draw(st.integers(0, 3)) == 0:
            mask = (rng.random(shape[1:]) < 0.7).astype(np.uint8) * 255
        corner = draw(st.integers(-6, 6)), draw(st.integers(-6, 6))
        files.append((values, corner, mask))
    return files, nodata


def expected(files, nodata):
    """Valid pixels of the mosaic, each from the first file that has data there."""
    top = min(row for _, (row, _), _ in files)
    left = min(col for _, (_, col), _ in files)
    bottom = max(row + values.shape[1] for values, (row, _), _ in files)
    right = max(col + values.shape[2] for values, (_, col), _ in files)
    result = np.full((files[0][0].shape[0], bottom - top, right - left), np.nan)
    for row in range(top, bottom):
        for col in range(left, right):
            for values, (first_row, first_col), mask in files:
                y, x = row - first_row, col - first_col
                if not (0 <= y < values.shape[1] and 0 <= x < values.shape[2]):
                    continue
                pixel = values[:, y, x]
                if mask is not None and not mask[y, x]:
                    continue
                if any(v == nodata or v != v for v in pixel.tolist()):
                    continue
                result[:, row - top, col - left] = pixel
                break
    return result, (top, left)


@given(tilings(), st.sampled_from([None, 3, {"y": 2, "x": 5}, {"x": 4, "band": 1}]))
@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_each_pixel_is_from_the_first_file_that_has_data_there(
    tmp_path, tiling, chunks
):
    files, nodata = tiling
    paths = [
        write(tmp_path / f"{i}.tif", values, *corner, mask=mask, nodata=nodata)
        for i, (values, corner, mask) in enumerate(files)
    ]
    wanted, corner = expected(files, nodata)
    scene = open_scene(paths, chunks=chunks)
    assert is_lazy(scene) == (chunks is not None)
    np.testing.assert_array_equal(shown(scene), wanted)
    assert scene_transform(scene) == moved(NORTH_UP, *corner)
    assert scene.rio.transform() == moved(NORTH_UP, *corner)
    for path in paths:
        Path(path).unlink()
        Path(path + ".msk").unlink(missing_ok=True)


def test_the_first_file_is_on_top(place):
    paths = [place(full(1)), place(full(2), 2, 3)]
    assert open_scene(paths).values[0, 3, 4] == 1
    assert open_scene(paths[::-1]).values[0, 3, 4] == 2
    assert open_scene(tuple(map(Path, paths))).sizes == {"band": 1, "y": 6, "x": 8}


def test_a_pixel_is_from_one_file_in_all_bands(place):
    first, second = full(1, bands=2), full(2, bands=2)
    first[0, 1, 1] = 9
    paths = [place(first, nodata=9), place(second, nodata=9)]
    scene = open_scene(paths)
    assert scene.values[:, 1, 1].tolist() == [2, 2]
    assert scene.values[:, 1, 2].tolist() == [1, 1]
    # Of the bands that are read, the first file has the only one here.
    assert open_scene(paths, bands=2).values[0, 1, 1] == 1


def test_values_that_are_nodata_in_one_band_stay_if_no_file_has_data(place):
    values = full(1, bands=2)
    values[0, 1, 1] = 9
    scene = open_scene(
        [
            place(values, nodata=9),
            place(full(3, bands=2, dtype="uint8"), 0, 5, nodata=9),
        ]
    )
    assert scene.values[:, 1, 1].tolist() == [9, 1]


def test_without_holes_dtype_and_values_stay(place):
    paths = [place(full(0, dtype="uint16")), place(full(5, dtype="uint16"), 0, 5)]
    scene = open_scene(paths)
    assert scene.dtype == np.uint16
    assert scene.rio.nodata is None
    assert scene.values[0, 0].tolist() == [0] * 5 + [5] * 5
    assert valid_pixels(scene.values, scene_nodata(scene)).all()


@pytest.mark.parametrize(
    ("dtype", "wanted"),
    [("uint8", "float32"), ("int16", "float32"), ("int32", "float64")],
)
def test_holes_without_a_nodata_value_are_nan(place, dtype, wanted):
    paths = [place(full(0, dtype=dtype)), place(full(5, dtype=dtype), 1, 5)]
    for chunks in (None, 3):
        scene = open_scene(paths, chunks=chunks)
        assert scene.dtype == wanted
        assert np.isnan(scene.rio.nodata)
        assert np.isnan(scene.values[0, 0]).tolist() == [False] * 5 + [True] * 5
        assert np.isnan(scene.values).sum() == 10
        assert (scene.values[0, 0, :5] == 0).all()


def test_holes_have_the_nodata_value_that_files_declare(place):
    paths = [place(full(1), nodata=255), place(full(2), 1, 5, nodata=255)]
    scene = open_scene(paths)
    assert scene.dtype == np.uint8
    assert scene.rio.nodata == 255
    assert (scene.values == 255).sum() == 10


def test_a_nodata_value_beyond_the_dtype_marks_no_holes(place, tmp_path):
    place(full(0))
    paths = [
        vrt(tmp_path / f"{k}.vrt", [("f0.tif", 0, 0)], *size, nodata=-9999)
        for k, size in enumerate([(4, 5), (6, 3)])
    ]
    scene = open_scene(paths)
    assert scene.dtype == np.float32
    assert np.isnan(scene.values).sum() == 2 * 2


def sparse(path, col, *, nodata=None, interleave="pixel"):
    """Two bands of 2 x 2 tiles, of which the second and third are missing."""
    profile = {"count": 2, "height": 32, "width": 32, "dtype": "uint8", "crs": UTM}
    profile |= {"tiled": True, "blockxsize": 16, "blockysize": 16, "sparse_ok": True}
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        transform=moved(NORTH_UP, 0, col),
        nodata=nodata,
        interleave=interleave,
        **profile,
    ) as file:
        for row, start in ((0, 0), (16, 16)):
            window = Window(start, row, 16, 16)
            file.write(np.full((2, 16, 16), 3, np.uint8), window=window)
    return str(path)


@pytest.mark.parametrize("chunks", [None, 10])
@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize("nodata", [None, 9])
def test_missing_tiles_are_nodata(tmp_path, nodata, interleave, chunks):
    paths = [
        sparse(tmp_path / "a.tif", 0, nodata=nodata, interleave=interleave),
        sparse(tmp_path / "b.tif", 32, nodata=nodata, interleave=interleave),
    ]
    scene = open_scene(paths, chunks=chunks)
    wanted = np.full((2, 32, 64), np.nan)
    for start in (0, 32):
        wanted[:, :16, start : start + 16] = 3
        wanted[:, 16:, start + 16 : start + 32] = 3
    np.testing.assert_array_equal(shown(scene), wanted)
    assert scene.dtype == ("float32" if nodata is None else "uint8")


@pytest.mark.parametrize("chunks", [None, 10])
def test_a_tile_may_be_missing_in_one_band(tmp_path, chunks):
    profile = {"count": 2, "height": 40, "width": 48, "dtype": "uint8", "crs": UTM}
    profile |= {"tiled": True, "blockxsize": 32, "blockysize": 16, "sparse_ok": True}
    profile |= {"driver": "GTiff", "transform": NORTH_UP, "interleave": "band"}
    path = tmp_path / "a.tif"
    with rasterio.open(path, "w", **profile) as file:
        for band, col, row in ((1, 0, 0), (2, 0, 0), (1, 32, 32)):
            window = Window(col, row, min(32, 48 - col), min(16, 40 - row))
            size = (window.height, window.width)
            file.write(np.full(size, 3, np.uint8), band, window=window)
    wanted = np.full((40, 48), np.nan)
    wanted[:16, :32] = 3
    scene = open_scene([path], chunks=chunks)
    np.testing.assert_array_equal(shown(scene), [wanted, wanted])
    wanted[32:, 32:] = 3
    scene = open_scene([path], bands=1, chunks=chunks)
    np.testing.assert_array_equal(shown(scene), [wanted])


rectangles = st.tuples(*[st.integers(0, 4)] * 2, *[st.integers(1, 5)] * 2)


@given(st.lists(rectangles, min_size=1, max_size=9))
@settings(max_examples=300, deadline=None)
@example([(0, 0, 2, 2), (0, 3, 2, 2)])  # a gap between two
@example([(0, 0, 1, 5), (0, 1, 1, 2)])  # the widest is not the last
def test_holes_are_found(places):
    covered = np.zeros((9, 9), bool)
    for row, col, height, width in places:
        covered[row : row + height, col : col + width] = True
    height = max(row + height for row, _, height, _ in places)
    width = max(col + width for _, col, _, width in places)
    parts = [Part("", *place, False, False) for place in places]
    assert _covers(parts, height, width) == covered[:height, :width].all()


def test_what_is_below_shows_through_missing_tiles(tmp_path, place):
    below = place(full(0, 32, 32, bands=2))
    scene = open_scene([sparse(tmp_path / "sparse.tif", 0), below])
    assert scene.values[0, 0, [0, 20]].tolist() == [3, 0]
    assert not np.isnan(scene.values).any()


def test_a_list_of_one_sparse_file_has_holes_too(tmp_path):
    scene = open_scene([sparse(tmp_path / "sparse.tif", 0)])
    assert np.isnan(scene.values).mean() == 0.5


def test_nan_is_no_data_beside_a_nodata_value(place):
    first = full(1, dtype="float32")
    first[0, 0, 0], first[0, 0, 1] = np.nan, -9
    paths = [place(first, nodata=-9), place(full(2, dtype="float32"), nodata=-9)]
    assert open_scene(paths).values[0, 0, :3].tolist() == [2, 2, 1]


@pytest.mark.parametrize("internal", [True, False])
def test_masks_let_the_next_file_show_through(place, internal):
    mask = np.full((4, 5), 255, np.uint8)
    mask[:, 0] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal):
        paths = [place(full(1), mask=mask), place(full(2, 2, 5))]
    assert Path(paths[0] + ".msk").exists() != internal
    scene = open_scene(paths)
    np.testing.assert_array_equal(scene.values[0, :, 0], [2, 2, np.nan, np.nan])
    assert (scene.values[0, :, 1:] == 1).all()


def test_alpha_bands_let_the_next_file_show_through(place):
    colors = ["red", "green", "blue", "alpha"]
    first, second = full(1, bands=4), full(2, bands=4)
    first[3], second[3] = 255, 255
    first[3, :, 0], second[3, 0] = 0, 0
    paths = [
        place(each, colors=colors, photometric="RGB", alpha="YES")
        for each in (first, second)
    ]
    scene = open_scene(paths)
    assert scene.role.values.tolist() == ["red", "green", "blue"]
    np.testing.assert_array_equal(scene.values[0, :, 0], [np.nan, 2, 2, 2])
    assert (scene.values[:, :, 1:] == 1).all()


@pytest.mark.parametrize("base", [NORTH_UP, SOUTH_UP, ROTATED])
def test_any_transform_will_do(place, base):
    paths = [place(full(1), 3, 2, base=base), place(full(2), base=base)]
    scene = open_scene(paths)
    np.testing.assert_allclose(tuple(scene_transform(scene)), tuple(base), atol=1e-6)
    wanted = np.full((7, 7), np.nan)
    wanted[:4, :5] = 2
    wanted[3:, 2:] = 1
    np.testing.assert_array_equal(scene.values[0], wanted)
    assert scene.rio.crs.to_epsg() == 32633


def test_transforms_may_be_rounded(place):
    degrees = Affine(1 / 3600, 0.0, 13.0, 0.0, -1 / 3600, 46.0)
    paths = [place(full(k), 0, 5 * k, base=degrees, crs=4326) for k in range(3)]
    with rasterio.open(paths[2], "r+") as file:
        file.transform = Affine(*(round(v, 9) for v in tuple(file.transform)[:6]))
    scene = open_scene(paths)
    assert scene.values[0, 0].tolist() == np.repeat([0, 1, 2], 5).tolist()


# --- like one file ---------------------------------------------------------------


def test_one_file_in_a_list_is_that_file(place):
    path = place(full(3, bands=2), nodata=0, names=("red", "nir"))
    one, listed = open_scene(path), open_scene([path])
    assert one.identical(listed)
    assert listed.encoding["source"] == [path]
    bare = place(full(3), crs=None, transform=Affine.identity())
    assert open_scene(bare).identical(open_scene([bare]))
    assert is_lazy(open_scene([bare], chunks=2))


def test_bands_and_roles_are_those_of_the_first_file(place):
    names = ("blue", "b", "c")
    values = np.arange(3, dtype="uint8")[:, None, None] + full(1, bands=3)
    paths = [place(values, 0, col, names=names) for col in (0, 5)]
    scene = open_scene(paths, bands=["c", 1], roles={"nir": "c"})
    assert scene.band.values.tolist() == ["c", "blue"]
    assert scene.role.values.tolist() == ["nir", "blue"]
    assert scene.values[:, 0, 7].tolist() == [3, 1]
    with pytest.raises(InputError, match="there is no band 'd'"):
        open_scene(paths, bands=["d"])


def test_large_mosaics_are_lazy(place, monkeypatch):
    paths = [place(full(1)), place(full(2), 0, 5)]
    monkeypatch.setattr(opening, "_EAGER_BYTES", 39)
    scene = open_scene(paths)
    assert is_lazy(scene)
    monkeypatch.setattr(opening, "_EAGER_BYTES", 40)
    assert not is_lazy(open_scene(paths))


@pytest.mark.parametrize(
    ("chunks", "wanted"),
    [
        (3, ((2,), (3, 1), (3, 3, 3, 1))),
        ("auto", ((2,), (4,), (10,))),
        (-1, ((2,), (4,), (10,))),
        ({"x": 5}, ((2,), (4,), (5, 5))),
        ({"band": 1, "y": 2, "x": (4, 6)}, ((1, 1), (2, 2), (4, 6))),
    ],
)
def test_chunks_are_those_of_one_file(place, chunks, wanted):
    paths = [place(full(1, bands=2)), place(full(2, bands=2), 0, 5)]
    assert open_scene(paths, chunks=chunks).chunks == wanted


def test_chunks_read_only_the_files_they_touch(place):
    paths = [place(full(k), 0, 5 * k) for k in range(3)]
    scene = open_scene(paths, chunks=5)
    Path(paths[1]).unlink()
    assert scene[..., 10:].values.tolist() == full(2).tolist()
    with pytest.raises(InputError, match=r"cannot read .*f1\.tif'.* moved since"):
        scene.compute()


def test_other_processes_can_read(place, monkeypatch, tmp_path):
    place(full(1)), place(full(2), 1, 5)
    monkeypatch.chdir(tmp_path)
    scene = open_scene(["f0.tif", "f1.tif"], chunks=4)
    monkeypatch.chdir(Path.home())
    with dask.config.set(scheduler="processes", num_workers=1):
        values = scene.values
    np.testing.assert_array_equal(values, scene.compute(scheduler="sync"))
    assert np.nansum(values) == 60


def test_one_lazy_file_is_found_from_another_folder(place, monkeypatch, tmp_path):
    place(full(1))
    monkeypatch.chdir(tmp_path)
    scene = open_scene("f0.tif", chunks=4)
    scene.close()  # opened again when it is read
    monkeypatch.chdir(Path.home())
    assert (scene.values == 1).all()
    scene.close()


@pytest.mark.parametrize(
    "key",
    [
        np.s_[:, 1:3, 2:9],
        np.s_[1, ::2, ::-3],
        np.s_[::-1, 4, :],
        np.s_[:, [0, 3, 4], 5],
        np.s_[:, 2:2, :],
        np.s_[..., :3],
    ],
)
def test_parts_of_lazy_scenes_are_those_of_scenes_in_memory(place, monkeypatch, key):
    monkeypatch.setattr(mosaic_array, "_STRIP", 3)
    values = np.arange(40, dtype="uint8").reshape(2, 4, 5)
    paths = [place(values), place(values + 40, 2, 5)]
    whole, lazy = open_scene(paths).values, open_scene(paths, chunks=4)
    np.testing.assert_array_equal(lazy.data[key], whole[key])
    mosaic = find_mosaic(read_headers(paths), None, None)
    array = mosaic_array.MosaicArray(mosaic.reader, mosaic.parts, *mosaic.shape)
    if Ellipsis not in key:
        np.testing.assert_array_equal(array[key], whole[key])


def test_no_file_stays_open(place):
    paths = [place(full(1)), place(full(2), 0, 5)]
    scene = open_scene(paths, chunks=4)
    scene.compute()
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("needs Linux")
    links = (descriptors / name for name in os.listdir(descriptors))
    assert not {str(link.resolve()) for link in links} & set(paths)


def test_mosaics_can_be_written(place, tmp_path):
    scene = open_scene([place(full(1), nodata=0), place(full(2), 1, 5, nodata=0)])
    for name in ("out.tif", "out.nc"):
        target = tmp_path / "made" / name
        target.parent.mkdir(exist_ok=True)
        if name.endswith("nc"):
            scene.to_netcdf(target)
        else:
            scene.rio.to_raster(target)
        np.testing.assert_array_equal(open_scene(target).values, scene.values)


def test_scenes_of_many_files_in_a_list_of_scenes(place):
    size = (40, 40)
    paths = [place(full(k, *size), 0, 40 * (k - 1)) for k in (1, 2, 3)]
    assert open_scenes(paths).sizes == [size] * 3
    scenes = open_scenes([paths[:2], paths[2]])
    assert scenes.sizes == [(40, 80), size]
    assert scenes.labels == ("Scene 1 ('f0.tif ... f1.tif')", f"Scene 2 ({paths[2]!r})")
    assert open_scenes([paths]).sizes == [(40, 120)]
    with pytest.raises(InputError, match=r"Scene 2: the list of files is empty"):
        open_scenes([paths, []])


# --- what does not fit -----------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (
            {"crs": "EPSG:32634"},
            r"f1\.tif' has the CRS EPSG:32634, but '.*f0\.tif' has "
            r"EPSG:32633; reproject it",
        ),
        ({"crs": None}, r"f1\.tif' has the CRS None, but"),
        (
            {"base": Affine(20, 0, 5e5, 0, -20, 5e6)},
            r"f1\.tif' has pixels of 20 x 20, but '.*f0\.tif' has pixels of 10 x 10; ",
        ),
        ({"base": Affine(10.1, 0, 5e5, 0, -10, 5e6)}, "has pixels of 10.1 x 10, but"),
        ({"base": SOUTH_UP}, "10 x 10 and rows from south to north, but"),
        ({"base": ROTATED}, r"has the rotated transform \(8.66, 5.0, .*10 x 10; resam"),
        (
            {"base": moved(NORTH_UP, 0.5, 0.25)},
            r"f1\.tif' are shifted against those of '.*f0\.tif', by 0.50 rows and 0.25 "
            r"columns; resample",
        ),
        (
            {"names": ("a", "c")},
            r"f1\.tif' has the bands \['a', 'c'\], but '.*f0\.tif' has \['a', 'b'\]; ",
        ),
        ({"nodata": 3}, r"f1\.tif' has the nodata value 3.0, but '.*' has None; decl"),
        ({"transform": Affine.identity()}, r"f1\.tif' has no transform, so its place"),
    ],
)
def test_files_that_do_not_fit_are_named(place, options, match):
    first = place(full(1, bands=2), names=("a", "b"))
    other = place(full(1, bands=2), 4, 5, **{"names": ("a", "b"), **options})
    with pytest.raises(InputError, match=match):
        open_scene([first, other])


def test_files_with_other_dtypes_counts_or_scales_are_named(place):
    first = place(full(1))
    with pytest.raises(
        InputError,
        match=r"f1\.tif' has the dtype 'uint16', but .* has "
        r"'uint8'; convert",
    ):
        open_scene([first, place(full(1, dtype="uint16"))])
    with pytest.raises(
        InputError,
        match=r"has the bands \['band_1', 'band_2'\], but "
        r".* has 'band_1'; choose",
    ):
        open_scene([first, place(full(1, bands=2))])
    scaled = place(full(1), 0, 5)
    with rasterio.open(scaled, "r+") as file:
        file.offsets = (-1000.0,)
    with pytest.raises(InputError, match=r"the scale and offset \[1.0, -1000.0\], but"):
        open_scene([first, scaled])


def test_rotated_transforms_that_differ_are_refused(place):
    turned = Affine(8.66, -5.0, 500_000.0, -5.0, -8.66, 5_000_000.0)
    with pytest.raises(
        InputError, match=r"has the rotated transform .* but .* has the r"
    ):
        open_scene([place(full(1), base=ROTATED), place(full(1), base=turned)])


def test_files_without_georeference_have_no_place(place):
    bare = [place(full(1), crs=None, transform=Affine.identity()) for _ in range(2)]
    with pytest.raises(InputError, match=r"f0\.tif' has no transform, .*georeference"):
        open_scene(bare)


def test_lists_that_hold_no_files_are_refused(place, tmp_path):
    path = place(full(1))
    scene = open_scene(path)
    with pytest.raises(InputError, match="the list of files is empty; give at least"):
        open_scene([])
    with pytest.raises(
        InputError, match=r"cannot open '.*none\.tif', .*check the path"
    ):
        open_scene([path, tmp_path / "none.tif"])
    with pytest.raises(
        InputError, match=r"item 2 of the list is a DataArray; .*kt.trai"
    ):
        open_scene([path, scene])
    (tmp_path / "link.tif").symlink_to(path)
    for twice in (path, Path(path), tmp_path / "link.tif"):
        with pytest.raises(
            InputError, match=r"listed twice, as items 1 and 2; list ea"
        ):
            open_scene([path, twice])
    with pytest.raises(InputError, match=r"a\.nc' is no raster file .*open_mfdataset"):
        open_scene([path, "a.nc"])
    with pytest.raises(
        InputError, match="time is '2024-06', but the source has no dim"
    ):
        open_scene([path], time="2024-06")


def test_broken_files_are_named(place):
    paths = [place(full(1)), place(np.random.default_rng(0).random((1, 99, 99)), 4)]
    paths[0] = place(np.random.default_rng(1).random((1, 99, 99)), 4, 99)
    with open(paths[1], "r+b") as file:
        file.truncate(20_000)
    with pytest.raises(
        InputError, match=r"cannot read '.*f1\.tif', a file of the scene"
    ):
        open_scene(paths)


def test_headers_are_read_once(place, monkeypatch):
    paths = [place(full(k), 0, 5 * k) for k in range(20)]
    opened = []
    plain = rasterio.open
    monkeypatch.setattr(
        rasterio, "open", lambda p, *a: opened.append(p) or plain(p, *a)
    )
    open_scene(paths, chunks=5)
    # The first again, for its bands.
    assert sorted(opened) == sorted([paths[0], *paths])


# --- VRT -------------------------------------------------------------------------


def vrt(path, sources, height, width, *, nodata=None):
    """Write a VRT by hand: what gdalbuildvrt makes of files (name, row, col)."""
    declared = "" if nodata is None else f"<NoDataValue>{nodata}</NoDataValue>"
    parts = "".join(
        '<ComplexSource><SourceFilename relativeToVRT="1">'
        f"{name}</SourceFilename><SourceBand>1</SourceBand>"
        '<SrcRect xOff="0" yOff="0" xSize="5" ySize="4"/>'
        f'<DstRect xOff="{col}" yOff="{row}" xSize="5" ySize="4"/></ComplexSource>'
        for name, row, col in sources
    )
    numbers = ", ".join(map(str, NORTH_UP.to_gdal()))
    Path(path).write_text(
        f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}"><SRS>{UTM}</SRS>'
        f'<GeoTransform>{numbers}</GeoTransform><VRTRasterBand dataType="Byte" '
        f'band="1">{declared}{parts}</VRTRasterBand></VRTDataset>'
    )
    return str(path)


@pytest.mark.parametrize("chunks", [None, 3])
def test_vrt_files_with_holes_and_relative_paths(place, tmp_path, monkeypatch, chunks):
    place(full(1)), place(full(2))
    path = vrt(
        tmp_path / "a.vrt", [("f0.tif", 0, 0), ("f1.tif", 1, 5)], 5, 10, nodata=9
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for source in (path, "../a.vrt", [path]):
        scene = open_scene(source, chunks=chunks)
        assert scene.rio.nodata == 9
        assert scene.dtype == np.uint8
        assert (scene.values == 9).sum() == 10
        assert (scene.values[0, 1:, 5:] == 2).all()
        scene.close()


def test_vrt_files_can_be_in_a_list(place, tmp_path):
    below = place(full(7, 5, 10), nodata=9)
    place(full(1))
    path = vrt(tmp_path / "a.vrt", [("f1.tif", 0, 0)], 5, 10, nodata=9)
    scene = open_scene([path, below])
    assert (scene.values[0, :4, :5] == 1).all()
    assert (scene.values[0, :, 5:] == 7).all()
