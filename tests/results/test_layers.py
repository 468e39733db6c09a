"""Masks, confidence and simulated images as files, read back by other programs."""

import dask.array as da
import numpy as np
import pytest
import rasterio
import rioxarray
import xarray as xr
from affine import Affine
from rasterio.enums import ColorInterp

import ktextures as kt
from ktextures.classes.table import ClassTable
from ktextures.datasets import synthetic
from ktextures.errors import InputError

GRID = Affine(10, 0, 600_000, 0, -10, 5_800_000)
TABLE = ClassTable(("water", "Gehölz & <Moor>", "sand"), ("teal", "green", "red"))


def layer(values, *dims, **coords):
    array = xr.DataArray(values, dims=(*dims, "y", "x"), coords=coords)
    return array.rio.write_crs(32632).rio.write_transform(GRID)


def class_map(height=90, width=70, seed=0):
    values = np.random.default_rng(seed).integers(0, 4, (height, width), np.uint8)
    return layer(values).assign_attrs(TABLE.attrs())


def masks_of(classes):
    values = [1, 2, 3]
    masks = classes == xr.DataArray(values, dims="class", coords={"class": values})
    return masks.transpose("class", "y", "x").drop_attrs(deep=False)


@pytest.mark.parametrize("driver", ["COG", "GTiff"])
def test_masks_have_a_band_for_each_class(tmp_path, driver):
    classes = class_map()

    path = kt.write_masks(
        masks_of(classes), tmp_path / "masks.tif", table=TABLE, driver=driver
    )

    expected = [classes == value for value in (1, 2, 3)]
    expected = np.where(classes == 0, 255, np.array(expected))
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(), expected)
        assert file.dtypes == ("uint8",) * 3
        assert file.nodatavals == (255,) * 3
        assert file.descriptions == TABLE.names
        assert (file.crs.to_epsg(), file.transform) == (32632, GRID)
        assert [file.tags(band)["class_value"] for band in (1, 2, 3)] == ["1", "2", "3"]
        np.testing.assert_array_equal(file.dataset_mask() > 0, classes > 0)
    assert [each.name for each in tmp_path.iterdir()] == ["masks.tif"]
    other = rioxarray.open_rasterio(path, masked=True)
    np.testing.assert_array_equal(other.isnull().any("band"), classes == 0)
    assert other.attrs["long_name"] == TABLE.names


@pytest.mark.parametrize("bands", [2, 3, 4, 5])
@pytest.mark.parametrize("driver", ["COG", "GTiff"])
def test_no_mask_is_taken_for_a_color_or_for_alpha(tmp_path, bands, driver):
    masks = layer(np.eye(bands, dtype=bool).repeat(4).reshape(bands, bands, 4), "class")
    kt.write_masks(masks, tmp_path / "masks.tif", driver=driver)
    with rasterio.open(tmp_path / "masks.tif") as file:
        gray, *others = file.colorinterp
        assert gray == ColorInterp.gray
        assert set(others) == {ColorInterp.undefined}
    assert kt.open_scene(tmp_path / "masks.tif").sizes["band"] == bands


def test_overviews_of_masks_hold_the_most_frequent_value_without_nodata(tmp_path):
    classes = np.full((1024, 1024), 2, np.uint8)
    classes[::2, ::2] = 1
    classes[512:, ::2] = 0
    classes[512:, 1::4] = 0
    kt.write_masks(masks_of(layer(classes)), tmp_path / "masks.tif")

    with rasterio.open(tmp_path / "masks.tif", overview_level=0) as overview:
        first, second, _ = overview.read()
        assert overview.nodata == 255
    assert (first[:256] == 0).all()
    assert (second[:256] == 1).all()
    assert (second[256:, ::2] == 255).all()
    assert (second[256:, 1::2] == 1).all()


def test_overviews_of_classes_have_colors_and_nodata_too(tmp_path):
    values = np.random.default_rng(0).integers(0, 4, (1024, 1024)).astype(np.uint8)
    path = kt.write_classes(
        layer(values).assign_attrs(TABLE.attrs()), tmp_path / "a.tif"
    )

    blocks = values.reshape(512, 2, 512, 2).swapaxes(1, 2).reshape(512, 512, 4)
    counts = np.stack([(blocks == value).sum(-1) for value in range(4)])
    counts[0] = 0
    with rasterio.open(path, overview_level=0) as overview:
        found = overview.read(1)
        assert overview.nodata == 0
        assert overview.colormap(1)[3] == (255, 0, 0, 255)
    known = counts.max(0) > 0
    chosen = np.take_along_axis(counts, found[None].astype(int), 0)[0]
    np.testing.assert_array_equal(chosen[known], counts.max(0)[known])
    assert (found[~known] == 0).all()


def test_masks_of_some_classes_know_nodata_from_the_class_map(tmp_path):
    classes = class_map()
    some = masks_of(classes).sel({"class": [3, 1]})

    kt.write_masks(some, tmp_path / "some.tif", classes=classes)
    kt.write_masks(some, tmp_path / "alone.tif")

    with rasterio.open(tmp_path / "some.tif") as file:
        np.testing.assert_array_equal(file.read() == 255, [classes == 0] * 2)
        np.testing.assert_array_equal(file.read(1) == 1, classes == 3)
        assert file.descriptions == ("sand", "water")
        assert file.tags(1)["class_value"] == "3"
    with rasterio.open(tmp_path / "alone.tif") as file:
        outside = (classes == 0) | (classes == 2)
        np.testing.assert_array_equal(file.read(1) == 255, outside)
        assert file.descriptions == ("class 3", "class 1")


@pytest.mark.parametrize("chunks", [(1, 40, 33), (3, 90, 10)])
def test_lazy_layers_give_the_same_files(tmp_path, chunks):
    masks = masks_of(class_map())
    shares = layer(np.random.default_rng(1).random((3, 90, 70), np.float32), "class")
    for name, write, image in (
        ("masks", kt.write_masks, masks),
        ("shares", kt.write_confidence, shares),
    ):
        lazy = image.copy(data=da.from_array(image.data, chunks=chunks))
        paths = [tmp_path / f"{name}{number}.tif" for number in (1, 2)]
        write(image, paths[0])
        write(lazy, paths[1])
        with rasterio.open(paths[0]) as first, rasterio.open(paths[1]) as second:
            np.testing.assert_array_equal(first.read(), second.read())
            assert repr(first.profile) == repr(second.profile)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_confidence_is_float32_with_nan_for_nodata(tmp_path, dtype):
    values = np.random.default_rng(0).random((1024, 1100)).astype(dtype)
    values[:100] = np.nan
    confidence = layer(values).assign_attrs(long_name="lead of the first class")

    path = kt.write_confidence(confidence, tmp_path / "confidence.tif")

    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(1), values.astype("float32"))
        assert np.isnan(file.nodata)
        assert file.descriptions == ("confidence",)
        assert file.tags()["long_name"] == "lead of the first class"
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    with rasterio.open(path, overview_level=0) as overview:
        means = values[100:].reshape(462, 2, 550, 2).mean((1, 3))
        np.testing.assert_allclose(overview.read(1)[50:], means, atol=1e-6)
        assert np.isnan(overview.read(1)[:50]).all()
    opened = xr.open_dataarray(path, engine="rasterio")
    assert (opened.dtype, opened.shape) == (np.float32, (1, 1024, 1100))


def test_probabilities_have_a_band_for_each_class(tmp_path):
    values = np.random.default_rng(0).dirichlet([1, 1, 1], (40, 30)).transpose(2, 0, 1)
    names = ("class", list(TABLE.names))
    shares = layer(values.astype("float32"), "class", class_name=names)

    path = kt.write_confidence(shares, tmp_path / "probabilities.tif")

    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(), shares.values)
        assert file.descriptions == TABLE.names
    opened = kt.open_scene(path)
    assert opened.band.values.tolist() == list(TABLE.names)
    np.testing.assert_allclose(opened.sum("band"), 1, atol=1e-6)


@pytest.mark.usefixtures("eager")
def test_every_output_of_segment_can_be_written(tmp_path):
    scene, _ = synthetic(64, k=2, seed=1)
    scene = scene.astype("float32")
    scene[:, :8] = np.nan
    model = kt.train(scene, k=2, steps=4, seed=1, progress=False)
    model = model.rename({1: "dark", 2: "bright"})
    outputs = ("classes", "masks", "simulated", "probabilities", "confidence")
    result = kt.segment(scene, model, outputs=outputs)
    assert result.class_name.values.tolist() == ["dark", "bright"]

    kt.write_masks(result.masks, tmp_path / "masks.tif")
    kt.write_confidence(result.confidence, tmp_path / "confidence.tif")
    kt.write_confidence(result.probabilities, tmp_path / "probabilities.tif")
    kt.write_simulated(result.simulated, tmp_path / "simulated.tif")

    classes = result.classes.values
    with rasterio.open(tmp_path / "masks.tif") as file:
        masks = file.read()
        assert file.descriptions == ("dark", "bright")
    np.testing.assert_array_equal(masks == 255, [classes == 0] * 2)
    np.testing.assert_array_equal(masks == 1, [classes == 1, classes == 2])
    for name in ("confidence", "probabilities", "simulated"):
        with rasterio.open(tmp_path / f"{name}.tif") as file:
            np.testing.assert_array_equal(file.read(1, masked=True).mask, classes == 0)
            assert file.crs == scene.rio.crs


def test_simulated_bands_are_shown_in_the_colors_of_their_roles(tmp_path):
    values = np.zeros((4, 20, 30), np.uint8)
    names = ["blue", "green", "red", "nir"]
    scene = kt.open_scene(layer(values, "band", band=names))

    kt.write_simulated(scene, tmp_path / "simulated.tif")

    with rasterio.open(tmp_path / "simulated.tif") as file:
        colors = [color.name for color in file.colorinterp]
    assert colors == ["blue", "green", "red", "undefined"]
    assert kt.open_scene(tmp_path / "simulated.tif").role.values.tolist() == names


def refused(message):
    return pytest.raises(InputError, match=message)


def test_layers_of_other_kinds_are_refused(tmp_path):
    classes, path = class_map(), tmp_path / "a.tif"
    masks, shares = masks_of(classes), layer(np.zeros((3, 9, 8), np.float32), "class")
    third, one = shares[2:].assign_coords({"class": [3]}), ClassTable.default(1)
    with refused(r"masks are uint8 with dims \('y', 'x'\): give"):
        kt.write_masks(classes, path)
    with refused(r"masks are uint8 with dims \('class', 'y', 'x'"):
        kt.write_masks(masks.astype(np.uint8), path)
    with refused(r"classes have .* shape \(5, 70\), but masks"):
        kt.write_masks(masks, path, classes=classes[:5])
    with refused("a layer of class 3, but the table has 2 classes"):
        kt.write_masks(masks, path, table=ClassTable.default(2))
    with refused("a layer of class 3, but the table has 1 classes"):
        kt.write_confidence(third, path, table=one)
    with refused("confidence is uint8 with dims .*: give float32"):
        kt.write_confidence(classes, path)
    with refused(r"confidence is float32 with dims \('band', "):
        kt.write_confidence(shares.rename({"class": "band"}), path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("wrong", "text"), [(85, "85"), (-0.1, "-0.1"), (np.inf, "inf")]
)
def test_confidence_that_is_no_share_is_refused(tmp_path, wrong, text):
    confidence = layer(np.full((20, 30), 0.5, np.float32))
    confidence[3, 4] = wrong
    with pytest.raises(
        InputError, match=rf"confidence holds {text}: give values 0\.\.1"
    ):
        kt.write_confidence(confidence, tmp_path / "a.tif")
    assert list(tmp_path.iterdir()) == []
