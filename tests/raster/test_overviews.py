"""Every n-th pixel of a file, read from its overviews or some blocks at a time."""

import numpy as np
import pytest
import rasterio
import rioxarray
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.enums import Resampling
from rasterio.transform import from_origin

from ktextures.raster.open import open_scene
from ktextures.raster.read import read_sample, read_window
from ktextures.raster.source import direct_source
from ktextures.raster.thin import every_nth, has_overviews, read_every_nth, thin
from ktextures.widgets._preview import Preview

MARK = 200
"""What the tests write into overviews, so that they can be told from pixels."""


def write(path, height=300, width=400, factors=(2, 4, 8), nodata=None, mask=False):
    """A file of pixels 1..100, whose overviews hold 200 everywhere."""
    rng = np.random.default_rng(0)
    values = rng.integers(1, 100, (4, height, width)).astype("uint8")
    profile = {
        "driver": "GTiff",
        "count": 4,
        "height": height,
        "width": width,
        "dtype": "uint8",
        "crs": "EPSG:32632",
        "transform": from_origin(500_000, 5_000_000, 10, 10),
        "photometric": "MINISBLACK",
        "tiled": True,
        "blockxsize": 64,
        "blockysize": 64,
        "nodata": nodata,
    }
    with rasterio.open(path, "w", **profile) as file:
        file.write(np.full_like(values, MARK))
    if factors:
        with rasterio.open(path, "r+") as file:
            file.build_overviews(factors, Resampling.nearest)
    with rasterio.open(path, "r+") as file:
        file.write(values)
        if mask:
            with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
                file.write_mask(np.full((height, width), 255, "uint8"))
    return path, values


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    return write(tmp_path_factory.mktemp("overviews") / "marked.tif")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return write(tmp_path_factory.mktemp("overviews") / "plain.tif", factors=())


def test_the_preview_is_read_from_the_overviews(marked):
    path, values = marked
    scene = open_scene(path, chunks=128)
    preview = Preview(scene, 100)
    assert preview.step == 4
    assert preview.from_overviews
    assert (preview.values == MARK).all()
    assert preview.valid.all()
    np.testing.assert_array_equal(preview.thinned.x, scene.x[every_nth(scene, 4)["x"]])
    exact = preview.exact()
    np.testing.assert_array_equal(
        np.moveaxis(exact.values, -1, 0), values[:, 2::4, 2::4]
    )


@pytest.mark.parametrize("step", [3, 7, 64])
@pytest.mark.parametrize("part", [slice(None), slice(37, 290)])
def test_what_has_no_whole_square_is_taken_from_the_pixels(marked, step, part):
    path, values = marked
    scene = open_scene(path, bands=[3, 1], chunks=128)[:, part, part]
    found = read_every_nth(scene, step, overviews=True)
    expected = values[[2, 0], part, part][:, *every_nth(scene, step).values()]
    assert found.shape == expected.shape
    whole = [size // step for size in (scene.sizes["y"], scene.sizes["x"])]
    assert (found[:, : whole[0], : whole[1]] == MARK).all()
    for side in (np.s_[:, whole[0] :], np.s_[:, :, whole[1] :]):
        np.testing.assert_array_equal(found[side], expected[side])


def test_an_overview_shows_the_place_that_it_is_of(tmp_path):
    path = tmp_path / "ramp.tif"
    ramp = np.arange(512, dtype="uint16")
    values = np.stack([np.tile(ramp, (512, 1)), np.tile(ramp[:, None], 512)])
    profile = {"driver": "GTiff", "count": 2, "height": 512, "width": 512}
    profile |= {"crs": "EPSG:32632", "transform": from_origin(5e5, 5e6, 10, 10)}
    with rasterio.open(path, "w", dtype="uint16", **profile) as file:
        file.write(values)
        file.build_overviews([2, 4], Resampling.average)
    scene = open_scene(path, chunks=256)[:, 100:, 60:]
    found = read_every_nth(scene, 8, overviews=True).astype(float)
    expected = scene.isel(every_nth(scene, 8)).values
    assert has_overviews(scene, 8)
    assert np.abs(found - expected).max() <= 4


def test_neither_training_nor_other_reading_sees_overviews(marked):
    path, values = marked
    scene = open_scene(path, chunks=128)
    assert (thin(scene, 4) != MARK).all()
    assert (read_sample(scene, 10_000)[0] != MARK).all()
    assert (read_window(scene, 0, 0, 300, 400)[0] != MARK).all()
    np.testing.assert_array_equal(thin(scene, 5), values[:, 2::5, 2::5])


def test_steps_smaller_than_any_overview_take_pixels(tmp_path):
    path, values = write(tmp_path / "coarse.tif", factors=(8,))
    scene = open_scene(path, chunks=128)
    found = read_every_nth(scene, 4, overviews=True)
    np.testing.assert_array_equal(found, values[:, 2::4, 2::4])


@pytest.mark.parametrize(
    "change",
    [
        lambda scene: scene.compute(),
        lambda scene: scene + 0,
        lambda scene: scene.where(scene > 0),
    ],
)
def test_scenes_that_are_not_their_file_have_no_overviews(marked, change):
    assert not has_overviews(change(open_scene(marked[0], chunks=128)), 4)


def test_masked_files_are_read_with_their_mask(tmp_path):
    path, _ = write(tmp_path / "masked.tif", mask=True, nodata=7)
    scene = open_scene(path, chunks=128)
    assert not has_overviews(scene, 4)
    opened = rioxarray.open_rasterio(path, chunks=128, masked=True)
    assert not has_overviews(open_scene(opened), 4)
    assert not np.nanmax(Preview(scene, 100).values) == MARK


@settings(max_examples=30)
@given(step=st.integers(1, 90), chunk=st.integers(20, 500), top=st.integers(0, 200))
def test_every_nth_pixel_is_read_block_by_block(plain, step, chunk, top):
    path, values = plain
    scene = open_scene(path, chunks=chunk)[:, top:]
    every = every_nth(scene, step)
    found = read_every_nth(scene, step)
    np.testing.assert_array_equal(found, values[:, top:][:, *every.values()])


def test_a_few_blocks_are_in_memory(plain, monkeypatch):
    scene = open_scene(plain[0], chunks=100)
    source = type(direct_source(scene.data))
    read, pixels = source.read, []

    def spy(self, rows, cols):
        span = [part.stop - part.start for part in (rows, cols)]
        pixels.append(span[0] * span[1])
        return read(self, rows, cols)

    monkeypatch.setattr(source, "read", spy)
    read_every_nth(scene, 10)
    assert max(pixels) <= 100 * 100
    assert sum(pixels) <= 300 * 400
