"""Windows read from the file of a lazy scene are what dask computes of it."""

import pickle
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import dask.array as da
import numpy as np
import pytest
import rasterio
import rioxarray
import xarray as xr
from dask._task_spec import Alias
from dask.highlevelgraph import HighLevelGraph
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import from_origin

from ktextures.raster.open import open_scene
from ktextures.raster.read import read_sample, read_window
from ktextures.raster.scaling import BandScaler, Preparation
from ktextures.raster.scene_set import open_scenes
from ktextures.raster.source import direct_source
from ktextures.raster.tile_set import choose_tiles

BANDS, HEIGHT, WIDTH = 4, 50, 70


class Stored:
    """An array-like that is not NumPy, and counts the pixels read of it."""

    def __init__(self, values):
        self.values = values
        self.shape, self.dtype, self.ndim = values.shape, values.dtype, values.ndim
        self.pixels = 0
        self.lock = None

    def __getitem__(self, index):
        assert self.lock is None or self.lock.locked()
        block = self.values[index]
        self.pixels += block.size // len(block)
        return block


def values_of(bands=BANDS, height=HEIGHT, width=WIDTH, dtype="uint16"):
    size = bands * height * width
    return (np.arange(size).reshape(bands, height, width) % 60_000 + 1).astype(dtype)


def stored(chunks=(BANDS, 16, 16), **options):
    array = Stored(values_of())
    return array, da.from_array(array, chunks=chunks, **options)


@pytest.fixture(scope="module")
def write(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")

    def write_file(values=None, mask=None, **profile):
        values = values_of() if values is None else values
        count, height, width = values.shape
        path = folder / f"{len(list(folder.iterdir()))}.tif"
        profile = {
            "driver": "GTiff",
            "crs": "EPSG:32632",
            "transform": from_origin(500_000, 5_000_000, 10, 10),
            "photometric": "MINISBLACK",
            **profile,
            "count": count,
            "height": height,
            "width": width,
            "dtype": values.dtype,
        }
        with rasterio.open(path, "w", **profile) as file:
            file.write(values)
            if mask is not None:
                file.write_mask(mask)
        return path

    return write_file


@pytest.fixture(scope="module")
def scenes(write, tmp_path_factory):
    """Lazy scenes of files by name."""
    netcdf = tmp_path_factory.mktemp("netcdf") / "scene.nc"
    open_scene(write()).to_netcdf(netcdf)
    return {
        "GeoTIFF": open_scene(write(), chunks=16),
        "some bands": open_scene(write(), bands=[3, 1], chunks=16),
        "nodata": open_scene(write(nodata=7), chunks=16),
        "NetCDF": open_scene(netcdf, chunks=16),
        "opened before": open_scene(rioxarray.open_rasterio(write(), chunks=16)),
        "cut": open_scene(write(), chunks=16)[[2, 0], 5:47, 20:],
        "rechunked": open_scene(write(), chunks=16).chunk(y=30, x=11),
        "cut and rechunked": open_scene(write(), chunks=16)[1:, 9:].chunk(x=11),
    }


NAMES = [
    "GeoTIFF",
    "some bands",
    "nodata",
    "NetCDF",
    "opened before",
    "cut",
    "rechunked",
    "cut and rechunked",
]

# Not empty, since rioxarray cannot read nothing in steps.
starts, ends = st.integers(0, 35), st.integers(36, 90)
spans = st.builds(slice, starts, ends, st.integers(1, 9)) | st.builds(slice, ends)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30)
@given(rows=spans, cols=spans)
def test_windows_of_files_are_those_that_dask_computes(scenes, name, rows, cols):
    data = scenes[name].data
    source = direct_source(data)
    assert source is not None
    assert source.shape == data.shape
    expected = np.asarray(data[:, rows, cols])
    found = source.read(rows, cols)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


indices = st.lists(st.integers(0, BANDS - 1), min_size=1, max_size=5)
cuts = st.tuples(st.integers(0, 20), st.integers(30, 60)).map(lambda ends: slice(*ends))


@given(
    bands=indices | st.sampled_from([slice(None), slice(1, 3), slice(None, None, -1)]),
    rows=cuts,
    cols=cuts,
    again=cuts,
)
def test_selections_one_after_the_other_are_followed(bands, rows, cols, again):
    _, data = stored()
    data = data[bands][:, rows, cols][:, again]
    source = direct_source(data)
    if source is None:
        assert data.size == 0
    else:
        part = slice(2, 25, 3), slice(None)
        np.testing.assert_array_equal(source.read(*part), np.asarray(data[:, *part]))


def test_nothing_is_read_of_nothing():
    array, data = stored()
    assert direct_source(data).read(slice(5, 2), slice(None)).shape == (4, 0, 70)
    assert array.pixels == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data + 1,
        lambda data: data.astype("float32"),
        lambda data: da.where(data > 5, data, 0),
        lambda data: data.map_blocks(lambda block: block),
        lambda data: data[:, ::2],
        lambda data: data[:, ::-1],
        lambda data: data[:, :, [1, 2, 5]],
        lambda data: data[:, [3, 2, 1]],
        lambda data: data.transpose(0, 2, 1),
        lambda data: data.reshape(BANDS, HEIGHT * WIDTH),
        lambda data: data[1],
        lambda data: data[None, 1],
        lambda data: da.concatenate([data, data]),
        lambda data: da.concatenate([data, data], axis=1),
        lambda data: data.blocks[:, ::-1],
        lambda data: data.blocks[:, [0, 0, 2]],
        lambda data: da.roll(data, 3, axis=1),
        lambda data: data.persist(),
        lambda data: data.compute(),
        lambda data: data[data[:, 0, 0] > 0],
        lambda data: da.overlap.overlap(data, {1: 2}, boundary="reflect"),
        lambda data: da.from_array(data.compute(), chunks=16),
        lambda data: da.from_array(data.compute(), chunks=-1),
        lambda data: data.view("int16"),
    ],
)
def test_of_computed_arrays_nothing_is_read_directly(change):
    _, data = stored()
    assert direct_source(data) is not None
    assert direct_source(change(data)) is None


def test_chunks_that_are_no_rectangle_are_not_read_directly():
    """A graph whose chunks lie on a diagonal, where 2 x 2 chunks are equally large."""
    array = Stored(values_of(2, 32, 32))
    data = da.from_array(array, chunks=(2, 16, 16))
    below = data[:, 0:16, 0:32]
    tasks = {
        (below.name, 0, 0, 0): dict(below.dask)[(below.name, 0, 0, 0)],
        (below.name, 0, 0, 1): Alias((below.name, 0, 0, 1), (data.name, 0, 1, 1)),
    }
    graph = HighLevelGraph.from_collections(below.name, tasks, [data])
    mixed = da.Array(graph, below.name, below.chunks, dtype=data.dtype)
    assert direct_source(below) is not None
    assert direct_source(mixed) is None


def test_of_files_whose_pixels_are_masked_nothing_is_read_around_the_mask(write):
    mask = np.full((HEIGHT, WIDTH), 255, "uint8")
    mask[:20] = 0
    for options in ({"mask": mask}, {"mask": mask, "nodata": 9}):
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
            path = write(**options)
        scene = open_scene(path, chunks=16)
        _, valid = read_window(scene, 10, 0, 20, 30)
        assert not valid[:10].any()
        assert valid[10:].all()
        source = direct_source(scene.data)
        if source is not None:
            found = source.read(slice(10, 30), slice(30))
            np.testing.assert_array_equal(found, scene.data[:, 10:30, :30].compute())


def test_a_lock_is_held_while_reading():
    lock = threading.Lock()
    array, data = stored(lock=lock)
    array.lock = lock
    source = direct_source(data)
    source.read(slice(3), slice(3))
    assert array.pixels == 9
    assert not lock.locked()


def test_an_array_like_inside_the_tasks_is_found():
    _, data = stored(inline_array=True)
    part = slice(3, 9), slice(2)
    found = direct_source(data).read(*part)
    np.testing.assert_array_equal(found, np.asarray(data[:, *part]))


def test_threads_read_at_once(scenes):
    scene = scenes["GeoTIFF"]
    source, values = direct_source(scene.data), scene.values
    parts = [(slice(r, r + 9), slice(c, c + 7)) for r in range(40) for c in range(40)]
    with ThreadPoolExecutor(4) as pool:
        blocks = list(pool.map(lambda part: source.read(*part), parts))
    for block, part in zip(blocks, parts, strict=True):
        np.testing.assert_array_equal(block, values[:, *part])


@pytest.mark.parametrize("name", ["GeoTIFF", "NetCDF"])
def test_other_processes_read_too(scenes, name):
    scene = scenes[name]
    sent = pickle.dumps(direct_source(scene.data))
    assert len(sent) < 4000
    code = (
        "import pickle, sys; source = pickle.loads(sys.stdin.buffer.read());"
        "sys.stdout.buffer.write(source.read(slice(3, 9), slice(20, 31)).tobytes())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=sent, capture_output=True, check=True
    )
    assert done.stdout == scene.values[:, 3:9, 20:31].tobytes()


def scene_of(array, chunks):
    data = da.from_array(array, chunks=chunks)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return open_scene(xr.DataArray(data, dims=("band", "y", "x")))


def test_a_window_is_read_and_nothing_else():
    array = Stored(values_of(2, 400, 500))
    scene = scene_of(array, (2, 256, 256))
    values, valid = read_window(scene, 200, 230, 20, 60)
    assert array.pixels == 20 * 60
    np.testing.assert_array_equal(
        values, np.moveaxis(array.values, 0, -1)[200:220, 230:290]
    )
    assert valid.all()


def test_a_sample_is_that_of_the_same_scene_in_memory():
    array = Stored(values_of(2, 400, 500))
    scene = scene_of(array, (2, 256, 256))
    sample, share = read_sample(scene, 10_000)
    assert array.pixels <= 10_000
    expected, expected_share = read_sample(scene.compute(), 10_000)
    np.testing.assert_array_equal(sample, expected)
    assert share == expected_share == 1.0


def test_tiles_of_a_large_scene_are_read_and_not_their_chunks():
    values = np.random.default_rng(0).integers(0, 255, (2, 1200, 1200), "uint8")
    array = Stored(values)
    scene = scene_of(array, (2, 600, 600))
    preparation = Preparation(BandScaler.fixed([0, 0], [255, 255]), (0.5, 0.5))
    given = {"most": 5, "seed": 2, "shrink": True}
    tiles = choose_tiles(open_scenes(scene), 64, 8, preparation, **given)
    assert array.pixels <= 5 * 80 * 80
    same = choose_tiles(open_scenes(scene.compute()), 64, 8, preparation, **given)
    assert tiles.windows == same.windows
    np.testing.assert_array_equal(tiles.values, same.values)
