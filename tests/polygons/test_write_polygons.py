"""Files of polygons, read back by other readers."""

import json
import sqlite3
from xml.etree import ElementTree

import geopandas as gpd
import numpy as np
import pyarrow.parquet
import pytest

import ktextures as kt
from ktextures.datasets import synthetic
from ktextures.errors import InputError, OutputError


@pytest.fixture(scope="module")
def polygons():
    table = kt.ClassTable.default(3).rename(1, 'Ödland & "Heide"')
    return kt.to_polygons(synthetic(64, k=3).truth, simplify=1, table=table)


@pytest.mark.parametrize("suffix", [".gpkg", ".parquet", ".fgb"])
def test_files_are_read_back_as_they_were(polygons, suffix, tmp_path):
    path = kt.write_polygons(polygons, tmp_path / f"fields{suffix}")
    read = gpd.read_parquet if suffix == ".parquet" else gpd.read_file
    found = read(path)
    assert found.crs == polygons.crs
    # FlatGeobuf orders features by place.
    order = ["class", "area_ha"]
    found = found.sort_values(order).reset_index(drop=True)
    wanted = polygons.sort_values(order).reset_index(drop=True)
    for name in ("class", "name", "color"):
        assert found[name].tolist() == wanted[name].tolist()
    np.testing.assert_allclose(found["area_ha"], wanted["area_ha"])
    assert found.geometry.geom_equals(wanted.geometry).all()


def test_geopackage_has_one_layer_with_its_crs(polygons, tmp_path):
    path = kt.write_polygons(polygons, tmp_path / "fields.gpkg")
    with sqlite3.connect(path) as database:
        rows = database.execute(
            "SELECT table_name, srs_id FROM gpkg_contents"
        ).fetchall()
        count = database.execute("SELECT count(*) FROM classes").fetchone()[0]
    database.close()
    assert rows == [("classes", polygons.crs.to_epsg())]
    assert count == len(polygons)


def test_geoparquet_describes_its_geometry(polygons, tmp_path):
    path = kt.write_polygons(polygons, tmp_path / "fields.parquet")
    metadata = json.loads(pyarrow.parquet.read_metadata(path).metadata[b"geo"])
    column = metadata["columns"][metadata["primary_column"]]
    assert column["encoding"] == "WKB"
    assert column["geometry_types"] == ["Polygon"]
    assert column["crs"]["id"]["code"] == polygons.crs.to_epsg()


def test_geojson_is_in_longitude_and_latitude(polygons, tmp_path):
    path = kt.write_polygons(polygons, tmp_path / "fields.geojson")
    content = json.loads(path.read_text("utf-8"))
    assert "crs" not in content
    assert len(content["features"]) == len(polygons)
    first = content["features"][0]
    assert set(first["properties"]) == {"class", "name", "color", "area_ha"}
    longitude, latitude = first["geometry"]["coordinates"][0][0]
    west, south, east, north = polygons.to_crs(4326).total_bounds
    assert west - 1e-9 <= longitude <= east + 1e-9
    assert south - 1e-9 <= latitude <= north + 1e-9


def test_qgis_style_has_a_symbol_for_each_class(polygons, tmp_path):
    kt.write_polygons(polygons, tmp_path / "fields.gpkg")
    root = ElementTree.parse(tmp_path / "fields.qml").getroot()
    renderer = root.find("renderer-v2")
    assert renderer.get("attr") == "class"
    categories = renderer.findall("categories/category")
    assert [each.get("value") for each in categories] == ["1", "2", "3"]
    assert categories[0].get("label") == 'Ödland & "Heide"'
    symbols = {each.get("name") for each in renderer.findall("symbols/symbol")}
    assert {each.get("symbol") for each in categories} == symbols
    color = renderer.find("symbols/symbol/layer/prop[@k='color']").get("v")
    assert color == "0,114,178,255"


def test_existing_files_are_kept_unless_asked(polygons, tmp_path):
    path = kt.write_polygons(polygons, tmp_path / "fields.gpkg")
    before = path.read_bytes()
    with pytest.raises(
        OutputError, match=r"fields.gpkg', '.*fields.qml' already exist"
    ):
        kt.write_polygons(polygons, path)
    assert path.read_bytes() == before
    kt.write_polygons(polygons[:1], path, overwrite=True)
    assert len(gpd.read_file(path)) == 1
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "fields.gpkg",
        "fields.qml",
    ]


def test_other_suffixes_and_folders_are_refused(polygons, tmp_path):
    with pytest.raises(InputError, match=r"give a name that ends in .gpkg, .geojson"):
        kt.write_polygons(polygons, tmp_path / "fields.doc")
    with pytest.raises(InputError, match=r"polygons is a list: give a GeoDataFrame"):
        kt.write_polygons([], tmp_path / "fields.gpkg")
    plain = polygons[["geometry", "class"]]
    with pytest.raises(InputError, match=r"no column 'name' and 'color', which the st"):
        kt.write_polygons(plain, tmp_path / "fields.gpkg")
    kt.write_polygons(plain, tmp_path / "plain.gpkg", sidecar=False)
    with pytest.raises(OutputError, match=r"does not exist; create it"):
        kt.write_polygons(polygons, tmp_path / "nowhere" / "fields.gpkg")
