"""A scene and a model, written as the products that are wanted."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pystac
import pytest
import rasterio
import xarray as xr

import ktextures as kt
from ktextures.errors import InputError, OutputError
from ktextures.products import classified as classified_module
from ktextures.products.shown import Shown

EVERYTHING = ("classes", "masks", "simulated", "confidence", "polygons", "areas")


@pytest.fixture(scope="module")
def scene():
    return kt.datasets.synthetic(96, k=3, seed=1).scene


@pytest.fixture(scope="module")
def model(scene):
    return kt.train(scene, k=3, steps=6, seed=1, progress=False)


@pytest.fixture(scope="module")
def expected(scene, model):
    outputs = ("classes", "simulated", "confidence", "masks")
    return kt.segment(scene, model, outputs=outputs)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("lazy", [False, True])
def test_products_are_those_of_segment(scene, model, expected, lazy, tmp_path):
    given = scene.chunk({"y": 40, "x": 50}) if lazy else scene
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classified_module, "BLOCK", 40)  # several blocks
        patch.setattr("ktextures.blocks.plan.SIDE", 40)
        found = kt.export(given, model, tmp_path / "out", EVERYTHING)
    assert not found.canceled
    assert list(found.paths) == list(EVERYTHING)
    classes = kt.read_classes(found.paths["classes"])
    np.testing.assert_array_equal(classes.values, expected.classes.values)
    assert classes.rio.transform() == scene.rio.transform()
    with rasterio.open(found.paths["masks"]) as file:
        np.testing.assert_array_equal(file.read() == 1, expected.masks.values)
        assert file.descriptions == ("class 1", "class 2", "class 3")
    for name in ("simulated", "confidence"):
        with rasterio.open(found.paths[name]) as file:
            np.testing.assert_allclose(
                file.read().squeeze(), expected[name].values.squeeze(), rtol=1e-5
            )
    polygons = gpd.read_file(found.paths["polygons"])
    areas = pd.read_csv(found.paths["areas"])
    np.testing.assert_allclose(polygons["area_ha"].sum(), areas["area_ha"].sum())
    assert names(tmp_path / "out") == [
        "areas.csv",
        "classes.qml",
        "classes.tif",
        "classes.tif.aux.xml",
        "confidence.tif",
        "masks.tif",
        "polygons.gpkg",
        "polygons.qml",
        "simulated.tif",
    ]


def test_small_areas_are_merged_in_every_product(scene, model, tmp_path):
    found = kt.export(
        scene,
        model,
        tmp_path,
        ["classes", "polygons", "masks"],
        name="north",
        min_area="4 ha",
        simplify=1,
    )
    assert found.paths["classes"].name == "north_classes.tif"
    classes = kt.read_classes(found.paths["classes"])
    polygons = gpd.read_file(found.paths["polygons"])
    assert len(polygons) == len(kt.to_polygons(classes))
    assert kt.to_polygons(classes)["area_ha"].min() >= 4
    changes = found.changes.set_index("class")
    counts = np.bincount(classes.values.ravel(), minlength=4)[1:]
    assert changes["pixels_after"].tolist() == counts.tolist()
    assert changes["lost"].sum() > 0
    with rasterio.open(found.paths["masks"]) as file:
        np.testing.assert_array_equal(file.read(2) == 1, classes.values == 2)


def test_classes_are_written_as_shown(scene, model, expected, tmp_path):
    table = kt.ClassTable(("wood", "field"), ("#00aa00", "#eeee00"))
    found = kt.export(
        scene,
        model,
        tmp_path,
        ["classes", "masks", "overview"],
        shown=Shown((1, 2, 1), table),
    )
    classes = kt.read_classes(found.paths["classes"])
    np.testing.assert_array_equal(
        classes.values, np.array([0, 1, 2, 1])[expected.classes.values]
    )
    assert kt.ClassTable.from_attrs(classes.attrs) == table
    with rasterio.open(found.paths["masks"]) as file:
        assert file.descriptions == ("wood", "field")


def test_the_model_is_written_and_makes_the_same_map(scene, model, expected, tmp_path):
    found = kt.export(scene, model, tmp_path, "model")
    again = kt.segment(scene, found.paths["model"])
    np.testing.assert_array_equal(again.classes.values, expected.classes.values)


def test_progress_grows_to_the_end(scene, model, tmp_path):
    seen = []
    kt.export(
        scene, model, tmp_path, "classes", progress=lambda *each: seen.append(each)
    )
    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert any("classes.tif" in what for _, what in seen)


@pytest.mark.parametrize("blocks", [0, 3])
def test_a_canceled_export_leaves_nothing_behind(scene, model, blocks, tmp_path):
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classified_module, "BLOCK", 40)
        patch.setattr("ktextures.blocks.plan.SIDE", 40)
        found = kt.export(
            scene,
            model,
            tmp_path,
            stopped=lambda: asked.append(1) or len(asked) > blocks,
        )
    assert found.canceled
    assert found.paths == {}
    assert names(tmp_path) == []


def test_what_is_complete_when_it_is_canceled_is_kept(scene, model, tmp_path):
    found = kt.export(
        scene,
        model,
        tmp_path,
        ["classes", "areas"],
        stopped=lambda: (tmp_path / "classes.tif").exists(),
    )
    assert found.canceled
    assert list(found.paths) == ["classes"]
    assert "areas.csv" not in names(tmp_path)


def test_existing_files_are_found_before_the_work_begins(scene, model, tmp_path):
    (tmp_path / "areas.csv").write_text("mine")
    begun = []
    with pytest.raises(OutputError, match=r"areas.csv' already exists; choose"):
        kt.export(
            scene,
            model,
            tmp_path,
            ["classes", "areas"],
            progress=lambda *each: begun.append(each),
        )
    assert not begun
    assert (tmp_path / "areas.csv").read_text() == "mine"
    kt.export(scene, model, tmp_path, ["classes", "areas"], overwrite=True)
    assert "pixels" in (tmp_path / "areas.csv").read_text()


def test_what_cannot_be_exported_is_refused(scene, model, tmp_path):
    with pytest.raises(InputError, match=r"products are \['shapes'\]: choose from"):
        kt.export(scene, model, tmp_path, "shapes")
    with pytest.raises(InputError, match=r"products are none"):
        kt.export(scene, model, tmp_path, [])
    with pytest.raises(InputError, match=r"name is 'a/b': give the beginning"):
        kt.export(scene, model, tmp_path, name="a/b")
    plain = xr.DataArray(scene.values, {"band": scene.band}, ("band", "y", "x"))
    with pytest.raises(InputError, match=r"polygons and stac need the place"):
        kt.export(plain, model, tmp_path, ["polygons", "stac"])
    with pytest.raises(InputError, match=r"min_area is '1 ha', but the map has no"):
        kt.export(plain, model, tmp_path, min_area="1 ha")
    assert names(tmp_path) == []


def test_the_stac_item_lists_the_files_beside_it(scene, model, tmp_path):
    found = kt.export(
        scene,
        model,
        tmp_path,
        ["classes", "polygons", "model", "stac"],
        name="north",
        datetime="2024-06-03",
    )
    item = pystac.Item.from_file(found.paths["stac"])
    assert item.id == "north"
    assert item.datetime.date().isoformat() == "2024-06-03"
    for asset in item.assets.values():
        assert (tmp_path / asset.href).exists()
    classes = item.assets["north_classes"].extra_fields["classification:classes"]
    assert [each["value"] for each in classes if not each.get("nodata")] == [1, 2, 3]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"simplify": -1}, r"simplify is -1: give a distance"),
        ({"datetime": "yesterday"}, r"datetime is 'yesterday'; give a date"),
        ({"min_area": "much"}, r"min_area is 'much'"),
    ],
)
def test_wrong_settings_are_found_before_the_work_begins(
    scene, model, wrong, message, tmp_path
):
    begun = []
    with pytest.raises(InputError, match=message):
        kt.export(
            scene,
            model,
            tmp_path / "out",
            ["polygons", "stac"],
            progress=lambda *each: begun.append(each),
            **wrong,
        )
    assert not begun
    assert not (tmp_path / "out").exists()
