"""Accuracy by labeled polygons, against a test of every pixel center."""

import dask.array as da
import geopandas
import numpy as np
import pytest
import shapely
from accuracy_maps import UTM, class_map

import ktextures as kt
from ktextures.accuracy import crosstab
from ktextures.errors import InputError

RNG = np.random.default_rng(8)
VALUES = RNG.integers(0, 4, (50, 70)).astype(np.uint8)
NAMES = ("water", "wood", "open land")


@pytest.fixture
def classes():
    return class_map(VALUES, names=NAMES)


def polygons():
    """Overlapping polygons, one with a hole, one of two parts, one without a center."""
    x, y = UTM.c, UTM.f
    ring = shapely.Point(x + 260, y - 170).buffer(103)
    two = [(3, 478, 92, 401), (602, 461, 803, 382)]
    shapes = [
        shapely.Point(x + 150, y - 150).buffer(120),
        ring - shapely.box(x + 201, y - 203, x + 259, y - 151),
        shapely.box(x + 400, y - 300, x + 690, y - 3),
        shapely.MultiPolygon(
            [shapely.box(x + a, y - b, x + c, y - d) for a, b, c, d in two]
        ),
        shapely.box(x + 301, y - 404, x + 304, y - 402),
    ]
    labels = ["water", "wood", "open land", "2", "water"]
    return geopandas.GeoDataFrame({"reference": labels}, geometry=shapes, crs=32632)


def expected_labels(classes, frame, numbers):
    """Label of the last polygon that contains the center of each pixel."""
    x, y = np.meshgrid(classes.x.values, classes.y.values)
    labels = np.zeros(classes.shape, int)
    for shape, number in zip(frame.geometry, numbers, strict=True):
        labels[shapely.contains_xy(shape, x, y)] = number
    return labels


def check(found):
    classes = class_map(VALUES)
    labels = expected_labels(classes, polygons(), [1, 2, 3, 2, 1])
    known = (VALUES > 0) & (labels > 0)
    table = np.zeros((4, 4), int)
    np.add.at(table, (VALUES[known], labels[known]), 1)
    np.testing.assert_array_equal(found.matrix, table[1:, 1:])
    assert found.compared == known.sum()
    # Each class counts by its share of the whole map.
    weights = np.bincount(VALUES.ravel())[1:] / (VALUES > 0).sum()
    shares = table[1:, 1:] / table[1:, 1:].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.proportions, weights[:, None] * shares)
    assert found.overall == pytest.approx(weights @ np.diag(shares))
    hectares = 0.01 * (VALUES > 0).sum() * (weights @ shares)
    np.testing.assert_allclose(found.areas["estimated_ha"], hectares)


def test_pixels_count_by_their_centers(classes):
    found = kt.assess(classes, polygons())

    check(found)
    assert found.kind == "polygons"
    assert found.skipped == {"without a pixel of their own": 1}
    assert np.isnan(found.overall_interval)
    assert found.areas["interval_ha"].isna().all()
    assert "polygons are not a random sample" in found.notes[0]


@pytest.mark.parametrize("chunks", [(50, 70), (13, 19), (1, 70)])
def test_chunks_do_not_matter(classes, chunks, monkeypatch):
    check(
        kt.assess(classes.copy(data=da.from_array(VALUES, chunks=chunks)), polygons())
    )
    monkeypatch.setattr(crosstab, "_STRIP_PIXELS", 100)
    check(kt.assess(classes, polygons()))


def test_files_and_other_crss(classes, tmp_path):
    polygons().to_file(tmp_path / "areas.gpkg")
    polygons().to_file(tmp_path / "areas.geojson")  # keeps the CRS
    for name in ("areas.gpkg", "areas.geojson"):
        check(kt.assess(classes, tmp_path / name))
    degrees = polygons().to_crs(4326)
    with pytest.raises(InputError, match=r"the CRS WGS 84, the map .*reproject=True"):
        kt.assess(classes, degrees)
    check(kt.assess(classes, degrees, reproject=True))


def test_classes_without_a_polygon_are_left_out(classes):
    values = VALUES.copy()
    values[:, :30] = np.where(values[:, :30] == 3, 1, values[:, :30])
    left = polygons().iloc[:1]
    found = kt.assess(class_map(values, names=NAMES), left)

    assert "left out of all estimates: 'open land'" in found.notes[1]
    assert found.classes["users_accuracy"].isna().tolist() == [False, False, True]
    inside = (expected_labels(classes, left, [1]) > 0) & (values > 0)
    of_two = np.bincount(values.ravel())[1:3]
    right = (values[inside] == 1).sum() > 0
    assert right
    assert found.overall == pytest.approx(of_two[0] / of_two.sum())


def test_legends_name_the_numbers_of_polygons(classes):
    codes = polygons().assign(reference=[7, 9, 11, 9, 7])
    found = kt.assess(classes, codes, legend={"water": 7, "wood": 9, "open land": 11})
    check(found)


def test_polygons_elsewhere_are_refused(classes):
    far = polygons().translate(50_000).to_frame("geometry").assign(reference=1)
    with pytest.raises(InputError, match="no polygon contains the center of a pixel"):
        kt.assess(classes, far)
    small = polygons().iloc[4:]
    with pytest.raises(InputError, match="no polygon contains the center of a pixel"):
        kt.assess(classes, small)
