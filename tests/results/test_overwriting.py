"""Existing files are refused or replaced as a whole, also if the disk is full."""

import os
import resource

import dask.array as da
import numpy as np
import pytest
import rasterio
import xarray as xr

import ktextures as kt
from ktextures.datasets import synthetic
from ktextures.errors import OutputError

SIDE = 120
SCENE, TRUTH = synthetic(SIDE, k=3, seed=0)
RANDOM = np.random.default_rng(0)  # what cannot be compressed fills a disk
NOISE = RANDOM.random((4, SIDE, SIDE), np.float32)
CLASSES = TRUTH.copy(data=RANDOM.integers(1, 4, (SIDE, SIDE), np.uint8))
MASKS = (CLASSES == xr.DataArray([1, 2, 3], dims="class")).transpose("class", "y", "x")
CONFIDENCE = TRUTH.astype("float32").copy(data=NOISE[0])
SIMULATED = SCENE.astype("float32").copy(data=NOISE)

WRITERS = {
    "classes": (kt.write_classes, CLASSES),
    "masks": (kt.write_masks, MASKS),
    "confidence": (kt.write_confidence, CONFIDENCE),
    "simulated": (kt.write_simulated, SIMULATED),
}
writers = pytest.mark.parametrize("name", WRITERS)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@writers
def test_an_existing_raster_is_refused_before_anything_is_computed(name, tmp_path):
    write, layer = WRITERS[name]
    write(layer, tmp_path / "a.tif")
    before = contents(tmp_path)

    def never(block):
        pytest.fail("computed although the file exists")

    lazy = layer.copy(data=da.from_array(layer.data).map_blocks(never, meta=layer.data))
    with pytest.raises(OutputError, match=r"a\.tif'.* already exists?; .* overwrite="):
        write(lazy, tmp_path / "a.tif")
    assert contents(tmp_path) == before


@writers
@pytest.mark.parametrize("end", ["aux.xml", "ovr", "msk"])
def test_files_that_would_describe_the_raster_are_refused(name, end, tmp_path):
    write, layer = WRITERS[name]
    (tmp_path / f"a.tif.{end}").write_text("of another program")
    with pytest.raises(OutputError, match=rf"a\.tif\.{end}' already exists; choose"):
        write(layer, tmp_path / "a.tif")
    assert contents(tmp_path) == {f"a.tif.{end}": b"of another program"}

    write(layer, tmp_path / "a.tif", overwrite=True)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"a.tif"} | (
        {"a.tif.aux.xml", "a.qml"} if name == "classes" else set()
    )


def test_all_files_in_the_way_are_named_together(tmp_path):
    kt.write_classes(TRUTH, tmp_path / "a.tif")
    with pytest.raises(
        OutputError,
        match=r"'.*a\.tif', '.*a\.tif\.aux\.xml', '.*a\.qml' already exist;",
    ):
        kt.write_classes(TRUTH, tmp_path / "a.tif")


def test_a_style_is_in_the_way_only_of_a_style(tmp_path):
    (tmp_path / "a.qml").write_text("drawn by hand")
    with pytest.raises(OutputError, match=r"a\.qml' already exists"):
        kt.write_classes(TRUTH, tmp_path / "a.tif")
    kt.write_classes(TRUTH, tmp_path / "a.tif", sidecars=False)
    assert (tmp_path / "a.qml").read_text() == "drawn by hand"


@writers
def test_a_file_that_appears_meanwhile_is_not_replaced(name, tmp_path):
    write, layer = WRITERS[name]

    def appear(block):
        (tmp_path / "a.tif").write_bytes(b"of another process")
        return block

    lazy = da.from_array(layer.data).map_blocks(appear, meta=layer.data)
    with pytest.raises(OutputError, match=r"a\.tif' already exists"):
        write(layer.copy(data=lazy), tmp_path / "a.tif")
    assert contents(tmp_path) == {"a.tif": b"of another process"}


def test_what_is_no_file_cannot_be_replaced(tmp_path):
    (tmp_path / "a.qml").mkdir()
    with pytest.raises(OutputError, match=r"cannot write '.*a\.qml': it is a folder"):
        kt.write_classes(TRUTH, tmp_path / "a.tif", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.qml"]


def fill(disk, pages):
    """Leave room for so many pages."""
    (disk / "filler").write_bytes(b"")
    state = os.statvfs(disk)
    (disk / "filler").write_bytes(bytes((state.f_bavail - pages) * state.f_frsize))


@writers
@pytest.mark.parametrize("driver", ["COG", "GTiff"])
def test_a_full_disk_keeps_the_old_file_and_leaves_nothing(name, driver, small_disk):
    write, layer = WRITERS[name]
    path = small_disk / "a.tif"
    for old in small_disk.iterdir():
        old.unlink()
    outcomes = []
    for pages in (*range(6), *range(6, 32, 5), *range(32, 160, 16), 200):
        path.write_bytes(b"old")
        fill(small_disk, pages)
        before = contents(small_disk)
        try:
            write(layer, path, driver=driver, overwrite=True)
        except OutputError as error:
            outcomes.append(str(error).partition("(")[0])
            assert contents(small_disk) == before
            continue
        with rasterio.open(path) as file:
            first = file.read(1)
        expected = layer.values.reshape(-1, SIDE, SIDE)[0]
        np.testing.assert_array_equal(first, expected.astype(first.dtype))
        assert (file.count, file.crs) == (layer.size // SIDE**2, TRUTH.rio.crs)
        for described in small_disk.glob("a.*"):
            described.unlink()
        outcomes.append("written")
    assert outcomes == sorted(outcomes)
    assert set(outcomes) == {f"cannot write '{path}': the disk is full ", "written"}


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
@writers
def test_a_file_that_may_not_grow_is_an_error(name, share, tmp_path):
    write, layer = WRITERS[name]
    size = write(layer, tmp_path / "a.tif", driver="GTiff").stat().st_size
    before = contents(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(share * size), limits[1]))
    try:
        with pytest.raises(
            OutputError, match=r"cannot write '.*a\.tif': .*; check the"
        ):
            write(layer, tmp_path / "a.tif", driver="GTiff", overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert contents(tmp_path) == before
