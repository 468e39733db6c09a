"""STAC items of written maps, read back with pystac and loaded with odc-stac."""

import datetime
import json
import os
import re

import numpy as np
import odc.stac
import pandas as pd
import pystac
import pytest
import rasterio
import shapely
import xarray as xr
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pystac.extensions.classification import ClassificationExtension
from pystac.extensions.projection import ProjectionExtension
from pystac.extensions.raster import RasterExtension

import ktextures as kt
from ktextures.errors import InputError, OutputError
from ktextures.raster.georeference import georeference
from ktextures.results.footprint import footprint
from ktextures.results.stac_assets import _machine_names

NAMES = ("open water", "Gehölz & <Moor>", "Straße")
TABLE = kt.ClassTable(NAMES, ("teal", "#a0b0c0", "red"))
GRID = Affine(10, 0, 600_000, 0, -10, 5_800_000)


def layer(values, *dims, grid=GRID, crs=32632):
    array = xr.DataArray(values, dims=(*dims, "y", "x"))
    return array.rio.write_crs(crs).rio.write_transform(grid)


def class_map(height=40, width=30, **place):
    values = np.random.default_rng(0).integers(0, 4, (height, width), np.uint8)
    return layer(values, **place).assign_attrs(TABLE.attrs())


@pytest.fixture
def folder(tmp_path):
    """All files of a map."""
    classes = class_map()
    folder = tmp_path / "out"
    folder.mkdir()
    masks = np.stack([classes.values == value for value in (1, 2, 3)])
    kt.write_classes(classes, folder / "classes.tif")
    kt.write_masks(layer(masks, "class"), folder / "masks.tif", table=TABLE)
    shares = np.random.default_rng(0).random((2, 40, 30), np.float32)
    kt.write_confidence(layer(shares[0]), folder / "confidence.tif", driver="GTiff")
    kt.write_confidence(layer(shares, "class"), folder / "probabilities.tif")
    simulated = layer(shares, "band").assign_coords(band=["red", "nir"])
    simulated.attrs["long_name"] = "simulated image: masks x textures"
    kt.write_simulated(simulated, folder / "simulated.tif")
    for name in ("polygons.gpkg", "overview.png", "areas.csv", "notes.txt", ".hidden"):
        (folder / name).write_bytes(b"")
    return folder


def read(path):
    """The item in a file, checked against the schema that comes with pystac."""
    from pystac.validation import validate_dict  # takes seconds to import

    content = json.loads(path.read_text("utf-8"))
    # Schemas of extensions are not at hand without a network.
    assert validate_dict({**content, "stac_extensions": []})
    return pystac.Item.from_file(str(path))


def test_an_item_describes_all_files_of_a_folder(folder):
    path = kt.write_stac_item(kt.stac_item(folder, datetime="2024-06-03T10:20:00Z"))

    assert path == folder / "classes.json"
    item = read(path)
    assert item.id == "out-classes"
    assert item.datetime == datetime.datetime(2024, 6, 3, 10, 20, tzinfo=datetime.UTC)
    assert "ktextures:datetime" not in item.properties
    roles = {key: asset.roles for key, asset in item.assets.items()}
    assert roles == {
        "classes": ["data", "classes"],
        "masks": ["data", "masks"],
        "confidence": ["data", "confidence"],
        "probabilities": ["data", "probabilities"],
        "simulated": ["data", "simulated"],
        "classes.qml": ["metadata", "style"],
        "classes.tif.aux.xml": ["metadata"],
        "polygons.gpkg": ["data", "polygons"],
        "overview.png": ["overview"],
        "areas.csv": ["metadata"],
    }
    assert next(iter(item.assets)) == "classes"
    for asset in item.assets.values():
        assert asset.href == f"./{os.path.basename(asset.href)}"
        assert os.path.exists(asset.get_absolute_href())
    assert item.assets["masks"].media_type == pystac.MediaType.COG
    assert item.assets["confidence"].media_type == pystac.MediaType.GEOTIFF
    assert str(folder) not in path.read_text("utf-8")


def test_classes_have_names_colors_and_nodata(folder):
    item = read(kt.write_stac_item(kt.stac_item(folder)))
    classes = ClassificationExtension.ext(item.assets["classes"]).classes
    assert [each.value for each in classes] == [0, 1, 2, 3]
    assert classes[0].nodata is True
    found = [(each.name, each.title, each.color_hint) for each in classes[1:]]
    assert found == [
        ("open_water", "open water", "008080"),
        ("Geholz_Moor", "Gehölz & <Moor>", "A0B0C0"),
        ("Strasse", "Straße", "FF0000"),
    ]
    assert [each.description for each in classes[1:]] == list(NAMES)
    others = [each for key, each in item.assets.items() if key != "classes"]
    assert all("classification:classes" not in each.extra_fields for each in others)


@settings(deadline=None)
@given(st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=20))
def test_machine_names_are_distinct_words(names):
    words = _machine_names([*names, "nodata", "Nodata", "???"])
    assert all(re.fullmatch("[0-9A-Za-z_-]+", word) for word in words)
    assert len({*words, "nodata"}) == len(names) + 4


def test_pixels_are_where_the_projection_says(folder):
    item = read(kt.write_stac_item(kt.stac_item(folder)))
    projection = ProjectionExtension.ext(item)
    assert projection.code == "EPSG:32632"
    assert projection.shape == [40, 30]
    assert projection.transform == list(GRID)[:6]
    assert projection.bbox == [600_000, 5_799_600, 600_300, 5_800_000]
    bands = RasterExtension.ext(item.assets["masks"]).bands
    assert [(b.data_type, b.nodata, b.spatial_resolution) for b in bands] == [
        ("uint8", 255, 10.0)
    ] * 3
    bands = RasterExtension.ext(item.assets["confidence"]).bands
    assert [(b.data_type, b.nodata) for b in bands] == [("float32", "nan")]
    names = [band["name"] for band in item.assets["masks"].extra_fields["bands"]]
    assert names == list(NAMES)


def test_odc_stac_loads_a_map_from_its_item(folder):
    item = read(kt.write_stac_item(kt.stac_item(folder)))
    loaded = odc.stac.load([item], bands=["classes"]).isel(time=0)
    np.testing.assert_array_equal(loaded.classes.values, class_map().values)
    assert loaded.rio.crs.to_epsg() == 32632
    assert loaded.rio.transform() == GRID


def test_a_list_of_files_and_another_place_for_the_item(folder, tmp_path):
    files = [folder / "masks.tif", folder / "classes.tif", folder / "notes.txt"]
    item = kt.stac_item(files, item_id="part", datetime="2024-06-03")
    assert list(item.assets) == ["classes", "masks", "notes.txt"]
    assert item.assets["notes.txt"].media_type is None

    path = kt.write_stac_item(item, tmp_path / "part.json")

    read_back = read(path)
    assert read_back.id == "part"
    assert read_back.assets["classes"].href == "./out/classes.tif"
    assert item.assets["classes"].href == "./classes.tif"
    with rasterio.open(read_back.assets["masks"].get_absolute_href()) as file:
        assert file.count == 3


def test_an_existing_item_is_replaced_only_on_request(folder):
    item = kt.stac_item(folder, datetime="2024-06-03")
    path = kt.write_stac_item(item)
    first = path.read_bytes()
    # The file of an earlier item is not part of the map.
    other = kt.stac_item(folder, datetime="2024-07-01")
    assert other.assets.keys() == item.assets.keys()
    with pytest.raises(
        OutputError, match=r"classes\.json' already exists; .*overwrite"
    ):
        kt.write_stac_item(other)
    assert path.read_bytes() == first
    kt.write_stac_item(other, overwrite=True)
    assert read(path).datetime.month == 7
    with pytest.raises(OutputError, match="does not exist; create it"):
        kt.write_stac_item(other, folder / "none" / "item.json")


UTC = datetime.UTC
MORNING = datetime.datetime(2024, 6, 3, 10, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2024-06-03", datetime.datetime(2024, 6, 3, tzinfo=UTC)),
        ("2024-06-03T10:20", MORNING),
        ("2024-06-03T12:20:00+02:00", MORNING),
        (datetime.date(2024, 6, 3), datetime.datetime(2024, 6, 3, tzinfo=UTC)),
        (datetime.datetime(2024, 6, 3, 10, 20), MORNING),
        (MORNING, MORNING),
        (pd.Timestamp("2024-06-03T10:20"), MORNING),
        (np.datetime64("2024-06-03T10:20", "ns"), MORNING),
        (np.datetime64("2024-06-03"), datetime.datetime(2024, 6, 3, tzinfo=UTC)),
    ],
    ids=repr,
)
def test_the_date_of_the_image_can_be_given_in_many_ways(folder, given, expected):
    item = read(kt.write_stac_item(kt.stac_item(folder, datetime=given)))
    assert item.datetime == expected
    assert "ktextures:datetime" not in item.properties


def test_several_dates_are_a_span(folder):
    item = kt.stac_item(folder, datetime=("2024-06-03", np.datetime64("2024-07-01")))
    item = read(kt.write_stac_item(item))
    assert item.datetime is None
    assert item.properties["start_datetime"] == "2024-06-03T00:00:00Z"
    assert item.common_metadata.end_datetime.month == 7


def test_without_a_date_the_item_says_that_it_is_that_of_the_file(folder):
    os.utime(folder / "classes.tif", (1_700_000_000, 1_700_000_000))
    item = read(kt.write_stac_item(kt.stac_item(folder)))
    assert item.datetime == datetime.datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert item.common_metadata.created == item.datetime
    assert "the date of the image is not known" in item.properties["ktextures:datetime"]


@pytest.mark.parametrize(
    "wrong", ["summer", 20240603, np.datetime64("NaT"), pd.NaT, ("2024-06-03",) * 3]
)
def test_what_is_no_date_is_refused(folder, wrong):
    with pytest.raises(InputError, match=r"datetime is .*; give a date"):
        kt.stac_item(folder, datetime=wrong)


def test_a_span_that_ends_before_it_begins_is_refused(folder):
    with pytest.raises(InputError, match="give the earlier date first"):
        kt.stac_item(folder, datetime=("2024-07-01", "2024-06-03"))


@pytest.mark.usefixtures("eager")
def test_the_training_is_told_by_the_map_or_the_model(tmp_path):
    scene, _ = kt.datasets.synthetic(64, k=2, seed=1)
    model = kt.train(scene, k=2, steps=4, seed=7, progress=False)
    classes = kt.segment(scene, model).classes
    bare = georeference(classes.values, scene, dims=("y", "x"), name=None)
    for name, result in (("tags", classes), ("model", bare)):
        folder = tmp_path / name
        folder.mkdir()
        kt.write_classes(result, folder / "classes.tif")
        if name == "model":
            model.save(folder / "model.ktextures")
        found = read(kt.write_stac_item(kt.stac_item(folder))).properties
        assert [found[f"ktextures:{key}"] for key in ("k", "seed", "steps")] == [
            2,
            7,
            4,
        ]
        assert found["ktextures:preset"] == "default"
        assert found["processing:software"] == {"ktextures": kt.__version__}


def test_classes_of_another_program_are_described_too(tmp_path):
    grid = {"transform": GRID, "crs": "EPSG:32632", "nodata": 0}
    with rasterio.open(
        tmp_path / "land.tif",
        "w",
        driver="GTiff",
        width=2,
        height=1,
        count=1,
        dtype="uint8",
        **grid,
    ) as file:
        file.write(np.array([[[1, 2]]], np.uint8))
        file.write_colormap(1, {1: (1, 2, 3), 2: (4, 5, 6)})
    item = kt.stac_item(tmp_path / "land.tif")
    classes = ClassificationExtension.ext(item.assets["land"]).classes
    assert [each.color_hint for each in classes[1:]] == ["010203", "040506"]
    assert item.properties["ktextures:version"] == kt.__version__


def test_codes_of_a_legend_are_the_values(tmp_path):
    legend = {"water": {"code": 11}, "forest": {"code": 311}}
    table = TABLE.assign({"water": 1, "forest": [2, 3]}, legend)
    path = kt.write_classes(
        class_map(), tmp_path / "codes.tif", table=table, values="legend"
    )
    classes = ClassificationExtension.ext(kt.stac_item(path).assets["codes"]).classes
    assert [(each.value, each.name) for each in classes] == [
        (0, "nodata"),
        (11, "water"),
        (311, "forest"),
    ]


def test_files_that_make_no_item_are_refused(folder, tmp_path):
    def refused(message):
        return pytest.raises(InputError, match=message)

    with refused(r"there is no file '.*none\.tif'; check the path"):
        kt.stac_item(folder / "none.tif")
    with refused(r"no GeoTIFF among \['areas\.csv'\]; give the file that"):
        kt.stac_item([folder / "areas.csv"])
    with refused("is a folder; give it alone, or files"):
        kt.stac_item([folder, folder / "classes.tif"])
    elsewhere = kt.write_classes(
        class_map(grid=Affine(10, 0, 700_000, 0, -10, 5_800_000)), tmp_path / "b.tif"
    )
    with refused(r"'classes\.tif' and 'b\.tif' do not cover the same area"):
        kt.stac_item([folder / "classes.tif", elsewhere])
    (folder / "broken.tif").write_bytes(b"no raster")
    with refused(r"cannot read '.*broken\.tif' as a raster: .*; leave it out"):
        kt.stac_item(folder)
    with refused("item is a dict; give what"):
        kt.write_stac_item({})
    with refused("no place of its own; pass the path"):
        kt.write_stac_item(pystac.Item("a", None, None, MORNING, {}))


@pytest.mark.filterwarnings("error::rasterio.errors.NotGeoreferencedWarning")
def test_maps_without_a_place_on_the_earth_are_refused(tmp_path):
    bare = xr.DataArray(np.ones((4, 5), np.uint8), dims=("y", "x"))
    kt.write_classes(bare, tmp_path / "bare.tif")
    with pytest.raises(InputError, match=r"'bare\.tif' has no CRS, .*write_crs\("):
        kt.stac_item(tmp_path / "bare.tif")
    site = rasterio.CRS.from_wkt('LOCAL_CS["site",UNIT["metre",1]]')
    kt.write_classes(class_map(crs=site), tmp_path / "site.tif")
    with pytest.raises(
        InputError, match="the place on the Earth is unknown for the CRS"
    ):
        kt.stac_item(tmp_path / "site.tif")


# --- outlines on the Earth -------------------------------------------------------


def outline(crs, grid, width, height):
    found = footprint(rasterio.CRS.from_user_input(crs), grid, width, height)
    shape = shapely.geometry.shape(found.geometry)
    assert shape.is_valid
    for part in getattr(shape, "geoms", [shape]):
        assert part.exterior.is_ccw
    return shape, found.bbox


@settings(deadline=None, max_examples=30)
@given(
    st.integers(1, 60),
    st.floats(100_000, 800_000),
    st.floats(-4_000_000, 9_000_000),
    st.floats(-np.pi, np.pi),
    st.booleans(),
)
def test_all_pixels_are_inside_the_outline(zone, x, y, angle, mirrored):
    cosine, sine = 100 * np.cos(angle), 100 * np.sin(angle)
    across = -1 if mirrored else 1
    grid = Affine(across * cosine, sine, x, across * sine, -cosine, y)
    shape, bbox = outline(32600 + zone, grid, 90, 70)
    columns, rows = np.random.default_rng(0).uniform(0.1, 0.9, (2, 20)) * [[90], [70]]
    longitudes, latitudes = rasterio.warp.transform(
        f"EPSG:{32600 + zone}",
        "OGC:CRS84",
        grid.a * columns + grid.b * rows + grid.c,
        grid.d * columns + grid.e * rows + grid.f,
    )
    west, south, east, north = bbox
    for longitude, latitude in zip(longitudes, latitudes, strict=True):
        assert shape.buffer(1e-6).covers(shapely.Point(longitude, latitude))
        assert south <= latitude <= north
        if west <= east:
            assert west <= longitude <= east
        else:
            assert longitude >= west or longitude <= east


def test_edges_follow_their_curves():
    # 600 km along a parallel of latitude in UTM are not straight in degrees.
    shape, bbox = outline(32632, Affine(1000, 0, 200_000, 0, -1000, 7_000_000), 600, 10)
    middle = rasterio.warp.transform(32632, 4326, [500_000], [7_000_000])
    corner = rasterio.warp.transform(32632, 4326, [200_000], [7_000_000])
    assert bbox[3] == pytest.approx(middle[1][0], abs=1e-6)
    assert bbox[3] - corner[1][0] > 0.1
    assert len(shape.exterior.coords) == 81


def test_an_outline_across_the_antimeridian_has_two_parts():
    for crs, grid, width, height in (
        (32601, Affine(1000, 0, 100_000, 0, -1000, 5_900_000), 300, 300),
        (32660, Affine(1000, 0, 500_000, 0, -1000, 5_900_000), 400, 300),
        (4326, Affine(0.1, 0, 179, 0, -0.1, 51), 30, 10),
        (4326, Affine(0.1, 0, -182, 0, -0.1, 51), 30, 10),
    ):
        shape, (west, _, east, _) = outline(crs, grid, width, height)
        assert shape.geom_type == "MultiPolygon"
        assert 170 < west <= 180
        assert -180 <= east < -170


def test_outlines_of_the_whole_earth_and_of_a_pole():
    for left in (-180, 0):
        shape, bbox = outline(4326, Affine(1, 0, left, 0, -1, 90), 360, 180)
        assert bbox == [-180, -90, 180, 90]
        assert shape.area == pytest.approx(360 * 180)
    _, bbox = outline(3413, Affine(1000, 0, -100_000, 0, -1000, 100_000), 200, 200)
    assert (bbox[0], *bbox[2:]) == (-180, 180, 90)
    assert 88 < bbox[1] < 89
