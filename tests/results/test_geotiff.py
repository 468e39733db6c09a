import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from xml.dom import minidom
from xml.etree import ElementTree

import dask.array as da
import numpy as np
import pytest
import rasterio
import rasterio.shutil
import xarray as xr
from affine import Affine
from rasterio.enums import ColorInterp

from ktextures.classes.table import ClassTable
from ktextures.errors import InputError, OutputError
from ktextures.raster.georeference import scene_transform
from ktextures.results import paths, raster_writer
from ktextures.results.areas import class_areas
from ktextures.results.geotiff import write_classes
from ktextures.results.paths import check_writable
from ktextures.results.read_classes import read_classes
from ktextures.results.sidecars import pam_xml
from ktextures.results.write_layers import write_simulated

UPRIGHT = Affine(10, 0, 600_000, 0, -10, 5_800_000)
ROTATED = Affine(8, 6, 600_000, 6, -8, 5_800_000)
TABLE = ClassTable(
    ("open water", "Gehölz & <Moor>", "sand"), ("teal", "#a0b0c0", "red")
)


def raster(values, transform=UPRIGHT, crs=32632, attrs=None):
    """A (band, y, x) or (y, x) array on a grid."""
    values = np.asarray(values)
    height, width = values.shape[-2:]
    image = xr.DataArray(values, dims=("band", "y", "x")[-values.ndim :])
    if transform.is_rectilinear:
        image = image.assign_coords(
            y=transform.f + transform.e * (np.arange(height) + 0.5),
            x=transform.c + transform.a * (np.arange(width) + 0.5),
        )
    if crs is not None:
        image = image.rio.write_crs(crs).rio.write_transform(transform)
    image.attrs.update(attrs or {})
    return image


def class_map(height=37, width=53, k=3, seed=0, **grid):
    values = np.random.default_rng(seed).integers(0, k + 1, (height, width))
    return raster(values.astype(np.uint8), attrs=TABLE.attrs(), **grid)


def lazy(image, chunks):
    return image.copy(data=da.from_array(image.data, chunks=chunks))


def test_cog_is_complete_and_pixel_identical(tmp_path):
    classes = class_map(1100, 1300)

    written = write_classes(classes, tmp_path / "classes.tif")

    assert written == tmp_path / "classes.tif"
    with rasterio.open(written) as file:
        np.testing.assert_array_equal(file.read(1), classes.values)
        assert file.dtypes == ("uint8",)
        assert file.nodata == 0
        assert file.crs.to_epsg() == 32632
        assert file.transform == UPRIGHT
        assert file.descriptions == ("classes",)
        assert file.colorinterp == (ColorInterp.palette,)
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.tags(ns="IMAGE_STRUCTURE")["COMPRESSION"] == "DEFLATE"
        assert file.block_shapes == [(512, 512)]
        assert file.overviews(1) == [2, 4]
        colormap = file.colormap(1)
    assert colormap[0] == (0, 0, 0, 0)
    assert [colormap[value] for value in (1, 2, 3)] == [
        (0, 128, 128, 255),
        (160, 176, 192, 255),
        (255, 0, 0, 255),
    ]


def test_overviews_take_the_most_frequent_class_and_never_invent_one(tmp_path):
    values = np.ones((1024, 1024), np.uint8)
    values[::2, ::2] = 3
    write_classes(raster(values, attrs=TABLE.attrs()), tmp_path / "classes.tif")

    with rasterio.open(tmp_path / "classes.tif", overview_level=0) as overview:
        assert (overview.read(1) == 1).all()


def test_plain_geotiff_is_tiled_without_overviews(tmp_path):
    classes = class_map(600, 700)

    write_classes(classes, tmp_path / "classes.tif", driver="GTiff", sidecars=False)

    with rasterio.open(tmp_path / "classes.tif") as file:
        np.testing.assert_array_equal(file.read(1), classes.values)
        assert file.descriptions == ("classes",)
        assert file.block_shapes == [(512, 512)]
        assert file.overviews(1) == []
        assert file.colormap(1)[3] == (255, 0, 0, 255)


def test_categories_and_attribute_table_are_what_gdal_reads(tmp_path):
    classes = class_map()
    write_classes(classes, tmp_path / "classes.tif")

    # A VRT repeats what GDAL itself understood of the sidecar file.
    rasterio.shutil.copy(tmp_path / "classes.tif", tmp_path / "out.vrt", driver="VRT")
    band = ElementTree.parse(tmp_path / "out.vrt").getroot().find("VRTRasterBand")

    categories = [category.text for category in band.iter("Category")]
    assert categories == ["nodata", *TABLE.names]
    root = ElementTree.parse(tmp_path / "classes.tif.aux.xml").getroot()
    table = root.find("PAMRasterBand/GDALRasterAttributeTable")
    assert table.get("tableType") == "thematic"
    fields = [
        (field.findtext("Name"), field.findtext("Type"), field.findtext("Usage"))
        for field in table.findall("FieldDefn")
    ]
    # Type 0 integer, 2 text; usage 5 value, 2 name, 6-9 color, 1 pixel count.
    assert fields == [
        ("Value", "0", "5"),
        ("Class", "2", "2"),
        ("Red", "0", "6"),
        ("Green", "0", "7"),
        ("Blue", "0", "8"),
        ("Alpha", "0", "9"),
        ("Count", "0", "1"),
    ]
    rows = [[cell.text for cell in row] for row in table.findall("Row")]
    counts = np.bincount(classes.values.ravel(), minlength=4)
    assert rows == [
        ["1", "open water", "0", "128", "128", "255", str(counts[1])],
        ["2", "Gehölz & <Moor>", "160", "176", "192", "255", str(counts[2])],
        ["3", "sand", "255", "0", "0", "255", str(counts[3])],
    ]


def test_gdal_passes_names_and_the_attribute_table_on(tmp_path):
    classes = class_map()
    write_classes(classes, tmp_path / "classes.tif")

    # GDAL writes what it read, in its own way, beside a copy of the raster.
    rasterio.shutil.copy(tmp_path / "classes.tif", tmp_path / "out.tif", driver="GTiff")
    document = minidom.parse(str(tmp_path / "out.tif.aux.xml"))

    names = [node.firstChild.data for node in document.getElementsByTagName("Category")]
    assert names == ["nodata", *TABLE.names]
    table = document.getElementsByTagName("GDALRasterAttributeTable")[0]
    rows = [
        [cell.firstChild.data for cell in row.getElementsByTagName("F")]
        for row in table.getElementsByTagName("Row")
    ]
    counts = np.bincount(classes.values.ravel(), minlength=4)
    named = enumerate(TABLE.names, start=1)
    assert [row[:2] for row in rows] == [[str(value), name] for value, name in named]
    assert [int(row[-1]) for row in rows] == counts[1:].tolist()


def test_counts_beyond_32_bits_become_real_numbers():
    pixels = np.zeros(256, np.int64)
    pixels[1] = 3_000_000_000

    root = ElementTree.fromstring(pam_xml(TABLE, pixels))

    count = root.findall(".//FieldDefn")[-1]
    assert (count.findtext("Name"), count.findtext("Type")) == ("Count", "1")
    assert root.find(".//Row")[-1].text == "3000000000"


def test_qgis_style_has_one_entry_per_class(tmp_path):
    write_classes(class_map(), tmp_path / "classes.tif")

    text = (tmp_path / "classes.qml").read_text(encoding="utf-8")
    renderer = ElementTree.fromstring(text).find("pipe/rasterrenderer")

    assert text.startswith("<!DOCTYPE qgis")
    assert renderer.get("type") == "paletted"
    assert renderer.get("band") == "1"
    assert [
        (entry.get("value"), entry.get("label"), entry.get("color"))
        for entry in renderer.iter("paletteEntry")
    ] == [
        ("1", "open water", "#008080"),
        ("2", "Gehölz & <Moor>", "#a0b0c0"),
        ("3", "sand", "#ff0000"),
    ]


def test_nothing_but_the_named_files_is_left(tmp_path):
    write_classes(class_map(), tmp_path / "a.tif")
    write_classes(class_map(), tmp_path / "b.tif", sidecars=False)

    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["a.qml", "a.tif", "a.tif.aux.xml", "b.tif"]


@pytest.mark.parametrize("driver", ["COG", "GTiff"])
@pytest.mark.parametrize("chunks", [(100, 100), (512, 333), (700, 64)])
def test_lazy_classes_give_the_same_file(tmp_path, driver, chunks):
    classes = class_map(700, 650)

    write_classes(lazy(classes, chunks), tmp_path / "lazy.tif", driver=driver)
    write_classes(classes, tmp_path / "eager.tif", driver=driver)

    with (
        rasterio.open(tmp_path / "lazy.tif") as first,
        rasterio.open(tmp_path / "eager.tif") as second,
    ):
        np.testing.assert_array_equal(first.read(), classes.values[None])
        assert first.profile == second.profile
        assert first.tags() == second.tags()
    aux = [(tmp_path / f"{n}.tif.aux.xml").read_text() for n in ("lazy", "eager")]
    assert aux[0] == aux[1]


def test_lazy_classes_are_computed_once_and_in_bounded_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("ktextures.blocks.plan.SIDE", 200)
    classes = class_map(300, 450)
    computed, parts = [], []

    def load(block, block_info=None):
        computed.append(tuple(map(tuple, block_info[0]["array-location"])))
        return block

    source = lazy(classes, (100, 100)).data.map_blocks(load, dtype=np.uint8)
    computed_blocks = raster_writer.computed_blocks

    def watched(arrays):
        for window, (block,) in computed_blocks(arrays):
            parts.append(block.size)
            yield window, (block,)

    monkeypatch.setattr(raster_writer, "computed_blocks", watched)
    write_classes(classes.copy(data=source), tmp_path / "classes.tif")

    assert len(computed) == len(set(computed)) == 15
    assert max(parts) == 200 * 200
    assert sum(parts) == 300 * 450


@pytest.mark.parametrize("failing_block", [0, 3])
def test_interrupted_write_keeps_the_old_file_and_leaves_nothing(
    tmp_path, failing_block
):
    before = class_map(200, 200, seed=1)
    write_classes(before, tmp_path / "classes.tif")
    contents = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def fail(block, block_id=None):
        if block_id == (failing_block // 2, failing_block % 2):
            raise KeyboardInterrupt
        return block

    source = lazy(class_map(200, 200, seed=2), (100, 100))
    source = source.copy(data=source.data.map_blocks(fail, dtype=np.uint8))
    with pytest.raises(KeyboardInterrupt):
        write_classes(source, tmp_path / "classes.tif", overwrite=True)

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == contents


def test_existing_file_and_what_described_it_are_replaced(tmp_path):
    path = tmp_path / "classes.tif"
    write_classes(class_map(seed=1), path)
    (tmp_path / "classes.tif.ovr").write_bytes(b"overviews of the old file")
    classes = class_map(20, 30, seed=2)

    write_classes(classes, path, sidecars=False, overwrite=True)

    assert read_classes(path).values.tolist() == classes.values.tolist()
    assert not (tmp_path / "classes.tif.aux.xml").exists()
    assert not (tmp_path / "classes.tif.ovr").exists()


@pytest.mark.parametrize("transform", [UPRIGHT, ROTATED])
@pytest.mark.parametrize("driver", ["COG", "GTiff"])
def test_read_classes_restores_everything(tmp_path, transform, driver):
    classes = class_map(transform=transform)
    write_classes(classes, tmp_path / "classes.tif", driver=driver)

    restored = read_classes(tmp_path / "classes.tif")

    assert restored.chunks is None
    assert restored.name == "classes"
    assert restored.dims == ("y", "x")
    assert restored.dtype == np.uint8
    np.testing.assert_array_equal(restored.values, classes.values)
    assert restored.rio.crs == classes.rio.crs
    assert scene_transform(restored) == transform
    assert restored.rio.nodata == 0
    assert restored.attrs == {**TABLE.attrs(), "_FillValue": 0}
    assert ("y" in restored.coords) == (transform is UPRIGHT)
    assert class_areas(restored).equals(class_areas(classes))


@pytest.mark.filterwarnings("error::rasterio.errors.NotGeoreferencedWarning")
def test_classes_without_crs_round_trip_in_pixels(tmp_path):
    classes = class_map(transform=Affine.identity(), crs=None)
    write_classes(classes, tmp_path / "classes.tif")

    restored = read_classes(tmp_path / "classes.tif")

    assert restored.rio.crs is None
    assert restored["x"].values[:2].tolist() == [0.5, 1.5]
    assert restored["y"].values[:2].tolist() == [0.5, 1.5]
    np.testing.assert_array_equal(restored.values, classes.values)


def test_provenance_survives_as_text(tmp_path):
    classes = class_map().assign_attrs(seed=3, bands=["red", "nir"], note="Höhe")
    write_classes(classes, tmp_path / "classes.tif")

    attrs = read_classes(tmp_path / "classes.tif").attrs

    assert (attrs["seed"], attrs["bands"], attrs["note"]) == (
        "3",
        '["red", "nir"]',
        "Höhe",
    )


def test_read_classes_can_be_lazy(tmp_path):
    classes = class_map(300, 300)
    write_classes(classes, tmp_path / "classes.tif")

    restored = read_classes(tmp_path / "classes.tif", chunks=128)

    assert restored.chunks is not None
    np.testing.assert_array_equal(restored.values, classes.values)


def test_table_argument_overrides_attributes_and_defaults(tmp_path):
    classes = class_map()
    table = ClassTable.default(5).rename(4, "spare")
    write_classes(classes, tmp_path / "given.tif", table=table)
    classes.attrs = {}
    write_classes(classes, tmp_path / "bare.tif")

    given = read_classes(tmp_path / "given.tif")
    bare = read_classes(tmp_path / "bare.tif")

    assert ClassTable.from_attrs(given.attrs) == table
    assert ClassTable.from_attrs(bare.attrs) == ClassTable.default(3)


def test_read_classes_of_another_program_uses_categories_and_colors(tmp_path):
    path = tmp_path / "foreign.tif"
    grid = {"transform": UPRIGHT, "crs": "EPSG:32632", "nodata": 0}
    with rasterio.open(
        path, "w", driver="GTiff", width=2, height=1, count=1, dtype="uint8", **grid
    ) as file:
        file.write(np.array([[[1, 2]]], np.uint8))
        file.write_colormap(1, {1: (1, 2, 3), 2: (4, 5, 6)})
    expected = ClassTable.default(2).recolor(1, "#010203").recolor(2, "#040506")
    assert ClassTable.from_attrs(read_classes(path).attrs) == expected

    Path(f"{path}.aux.xml").write_text(
        "<PAMDataset><PAMRasterBand band='1'><CategoryNames><Category>none</Category>"
        "<Category>water</Category><Category/></CategoryNames></PAMRasterBand>"
        "</PAMDataset>"
    )
    table = ClassTable.from_attrs(read_classes(path).attrs)
    assert table == expected.rename(1, "water")


def test_read_classes_errors_name_what_came(tmp_path):
    with pytest.raises(InputError, match=r"cannot read '.*none\.tif' as a class map"):
        read_classes(tmp_path / "none.tif")
    write_simulated(raster(np.zeros((2, 4, 5), np.float32)), tmp_path / "float.tif")
    with pytest.raises(InputError, match=r"has 2 band\(s\) of float32, nodata nan"):
        read_classes(tmp_path / "float.tif")
    write_simulated(raster(np.zeros((2, 4, 5), np.uint8)), tmp_path / "two.tif")
    with pytest.raises(InputError, match=r"has 2 band\(s\) of uint8, nodata None"):
        read_classes(tmp_path / "two.tif")
    write_classes(class_map().assign_attrs(TABLE.attrs()), tmp_path / "classes.tif")
    with rasterio.open(
        tmp_path / "classes.tif", "r+", IGNORE_COG_LAYOUT_BREAK="YES"
    ) as f:
        f.update_tags(class_names="[broken")
    with pytest.raises(InputError, match=r"class_names is '\[broken': give"):
        read_classes(tmp_path / "classes.tif")


def test_damaged_sidecar_is_named(tmp_path):
    classes = class_map()
    classes.attrs = {}
    path = tmp_path / "classes.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=2,
        height=1,
        count=1,
        dtype="uint8",
        transform=UPRIGHT,
    ) as file:
        file.write(np.ones((1, 1, 2), np.uint8))
    Path(f"{path}.aux.xml").write_text("<PAMDataset>")
    with pytest.raises(InputError, match=r"\.aux\.xml' is damaged: .* delete it"):
        read_classes(path)


def test_write_classes_rejects_anything_but_class_maps(tmp_path):
    path = tmp_path / "classes.tif"
    with pytest.raises(InputError, match=r"classes are float64 with dims \('y', 'x'\)"):
        write_classes(class_map().astype(float), path)
    with pytest.raises(InputError, match=r"uint8 with dims \('band', 'y', 'x'\)"):
        write_classes(class_map().expand_dims("band"), path)
    with pytest.raises(InputError, match="driver is 'PNG': give 'COG' or 'GTiff'"):
        write_classes(class_map(), path, driver="PNG")
    with pytest.raises(InputError, match="holds class 3, but the table has 2 classes"):
        write_classes(class_map(), path, table=ClassTable.default(2))
    with pytest.raises(
        InputError, match=r"shape \(1, 0, 53\), so there is nothing to write"
    ):
        write_classes(class_map().isel(y=slice(0)), path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.qml", "A.QML", "a.tif.aux.xml", "a.tif.ovr"])
@pytest.mark.parametrize("write", [write_classes, write_simulated])
def test_rasters_do_not_take_the_names_of_sidecar_files(tmp_path, write, name):
    classes = class_map()
    image = classes if write is write_classes else classes.expand_dims("band")
    with pytest.raises(InputError, match=rf"{name}': names ending in .* use '\.tif'"):
        write(image, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_the_longest_name_that_the_file_system_takes_can_be_written(tmp_path):
    classes = class_map()
    path = tmp_path / ("n" * 251 + ".tif")

    for overwrite in (False, True):
        write_classes(classes, path, sidecars=False, overwrite=overwrite)

    np.testing.assert_array_equal(read_classes(path).values, classes.values)
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OutputError, match=r"sidecars=False .* name has 263 bytes"):
        write_classes(classes, path)
    with pytest.raises(OutputError, match=r"has 256 bytes, .* choose a shorter name"):
        write_classes(classes, tmp_path / ("n" * 252 + ".tif"), sidecars=False)


WRITER = """
import sys, time
import dask.array as da, numpy as np, xarray as xr
from ktextures.results.geotiff import write_classes

def wait(block):
    print("writing", flush=True)
    time.sleep(1)
    return block

values = da.from_array(np.ones((8, 8), np.uint8))
values = values.map_blocks(wait, meta=np.ones((0, 0), np.uint8))
write_classes(xr.DataArray(values, dims=("y", "x")), sys.argv[1], overwrite=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_terminated_process_keeps_the_old_file_and_leaves_nothing(tmp_path):
    path = tmp_path / "classes.tif"
    path.write_bytes(b"old")
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "writing\n"
        assert len(list(tmp_path.iterdir())) == 2
        process.terminate()
        assert process.wait(timeout=60) == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"old"


def test_check_writable_leaves_no_trace(tmp_path):
    existing = tmp_path / "old.tif"
    existing.write_bytes(b"old")
    before = existing.stat().st_mtime_ns

    check_writable(existing)
    check_writable(str(tmp_path / "new.tif"))

    assert [path.name for path in tmp_path.iterdir()] == ["old.tif"]
    assert existing.read_bytes() == b"old"
    assert existing.stat().st_mtime_ns == before


def test_check_writable_says_why_not(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="it is a folder; add a file name"):
        check_writable(tmp_path)
    with pytest.raises(OutputError, match=r"folder '.*none' does not exist; create it"):
        check_writable(tmp_path / "none" / "classes.tif")
    with pytest.raises(OutputError, match=r"file' is a file; choose another folder"):
        check_writable(tmp_path / "file" / "classes.tif")
    with pytest.raises(OutputError, match="it is not a regular file"):
        check_writable(os.devnull)


def test_check_writable_finds_a_folder_that_takes_no_files(tmp_path, monkeypatch):
    def refuse(*, dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(paths.tempfile, "TemporaryFile", refuse)
    with pytest.raises(
        OutputError, match=r"no file can be made .* \(Permission denied"
    ):
        check_writable(tmp_path / "classes.tif")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_check_writable_respects_permissions(tmp_path):
    path = tmp_path / "old.tif"
    path.write_bytes(b"")
    path.chmod(stat.S_IRUSR)
    with pytest.raises(OutputError, match="the file is read-only"):
        check_writable(path)
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(OutputError, match="no file can be made in folder"):
        check_writable(tmp_path / "new.tif")
    tmp_path.chmod(stat.S_IRWXU)


@pytest.mark.parametrize("write", [write_classes, write_simulated])
def test_writers_check_the_path_before_computing(tmp_path, write):
    def never(block):
        pytest.fail("computed although the path is not writable")

    classes = lazy(class_map(), (10, 10))
    image = classes if write is write_classes else classes.expand_dims("band")
    image = image.copy(data=image.data.map_blocks(never, meta=image.data))
    with pytest.raises(OutputError, match="does not exist; create it"):
        write(image, tmp_path / "none" / "classes.tif")


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int16", "int64"])
@pytest.mark.parametrize("driver", ["COG", "GTiff"])
def test_simulated_keeps_values_names_and_grid(tmp_path, dtype, driver):
    values = np.random.default_rng(0).normal(100, 20, (3, 90, 70)).astype(dtype)
    image = raster(values).assign_coords(band=["red", "nir", "b 3"])

    write_simulated(image, tmp_path / "simulated.tif", driver=driver)

    with rasterio.open(tmp_path / "simulated.tif") as file:
        np.testing.assert_array_equal(file.read(), values)
        assert set(file.dtypes) == {dtype}
        assert file.descriptions == ("red", "nir", "b 3")
        assert file.transform == UPRIGHT
        assert file.crs.to_epsg() == 32632
        if dtype.startswith("float"):
            assert np.isnan(file.nodata)
        else:
            assert file.nodata is None


def test_lazy_simulated_with_nodata_and_band_chunks(tmp_path):
    values = np.random.default_rng(0).normal(size=(4, 600, 700)).astype("float32")
    values[:, :5] = -9999
    image = raster(values).rio.write_nodata(-9999)

    write_simulated(lazy(image, (2, 256, 300)), tmp_path / "simulated.tif")

    with rasterio.open(tmp_path / "simulated.tif") as file:
        np.testing.assert_array_equal(file.read(), values)
        assert file.nodata == -9999
        assert file.overviews(1) == [2]
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


def test_write_simulated_rejects_unsupported_dtypes(tmp_path):
    path = tmp_path / "simulated.tif"
    image = raster(np.zeros((2, 4, 5)))
    with pytest.raises(InputError, match=r"dims \('y', 'x'\): give \('band', 'y', 'x'"):
        write_simulated(image[0], path)
    with pytest.raises(InputError, match="cannot hold float16: convert with"):
        write_simulated(image.astype("float16"), path)
    with pytest.raises(InputError, match="cannot hold bool: convert with"):
        write_simulated(image.astype(bool), path)
