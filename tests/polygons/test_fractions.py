"""Shares of classes in parcels, partly covered pixels included."""

import geopandas as gpd
import numpy as np
import pytest
import xarray as xr
from shapely import Point, box

import ktextures as kt
from ktextures.errors import InputError


@pytest.fixture
def classes():
    values = np.array([[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 0, 0]], np.uint8)
    found = xr.DataArray(
        values, {"y": [25.0, 15, 5], "x": [5.0, 15, 25, 35]}, ("y", "x")
    )
    table = kt.ClassTable(("wood", "water", "sand"), ("green", "blue", "yellow"))
    found.attrs = table.attrs()
    return found.rio.write_crs(32632)


def parcels(*boxes, crs=32632):
    return gpd.GeoDataFrame(
        {"owner": range(len(boxes))},
        geometry=[box(*each) for each in boxes],
        crs=crs,
        index=[f"p{i}" for i in range(len(boxes))],
    )


def test_shares_count_parts_of_pixels(classes):
    found = kt.class_fractions(
        classes, parcels((5, 10, 35, 30), (15, 0, 25, 20), (20, 0, 40, 10))
    )
    assert found.index.tolist() == ["p0", "p1", "p2"]
    np.testing.assert_allclose(found.loc["p0", [1, 2, 3]].astype(float), [0.5, 0.5, 0])
    # Half of the parcel each: above wood and water, below sand and nodata.
    row = found.loc["p1"]
    np.testing.assert_allclose(
        row[[1, 2, 3]].astype(float), np.array([0.25, 0.25, 0.25]) / 0.75
    )
    assert row["covered"] == pytest.approx(0.75)
    empty = found.loc["p2"]
    assert (empty["covered"], empty["majority"], empty["majority_name"]) == (0, 0, "")
    assert empty[[1, 2, 3]].isna().all()


def test_majority_is_named_and_lazy_maps_give_the_same(classes):
    places = parcels((0, 0, 12, 30), (21, 10, 40, 30))
    found = kt.class_fractions(classes, places)
    assert found["majority_name"].tolist() == ["wood", "water"]
    lazy = kt.class_fractions(classes.chunk({"y": 2, "x": 3}), places)
    assert lazy.equals(found)
    assert places.join(found)["majority"].tolist() == [1, 2]


def test_another_crs_is_reprojected_only_on_request(classes, tmp_path):
    places = parcels((0, 10, 20, 30)).to_crs(32633)
    with pytest.raises(InputError, match=r"has the CRS .*33N, the map .*32N"):
        kt.class_fractions(classes, places)
    places.to_file(tmp_path / "parcels.gpkg")
    found = kt.class_fractions(classes, tmp_path / "parcels.gpkg", reproject=True)
    assert found[1].iloc[0] == pytest.approx(1, abs=1e-3)


def test_what_is_no_parcel_is_refused(classes, tmp_path):
    with pytest.raises(InputError, match=r"the geometries are \['Point'\]: give poly"):
        kt.class_fractions(classes, gpd.GeoDataFrame(geometry=[Point(1, 1)], crs=32632))
    with pytest.raises(InputError, match=r"no polygon overlaps the map"):
        kt.class_fractions(classes, parcels((1000, 0, 1010, 10)))
    with pytest.raises(InputError, match=r"the set of polygons has no CRS"):
        kt.class_fractions(classes, parcels((0, 0, 9, 9), crs=None))
    plain = classes.drop_vars("spatial_ref")
    with pytest.raises(InputError, match=r"the map has no CRS"):
        kt.class_fractions(plain, parcels((0, 0, 9, 9)))
    with pytest.raises(InputError, match=r"there is no file .*missing.gpkg"):
        kt.class_fractions(classes, tmp_path / "missing.gpkg")
    with pytest.raises(InputError, match=r"the set of polygons is a list"):
        kt.class_fractions(classes, [box(0, 0, 1, 1)])
