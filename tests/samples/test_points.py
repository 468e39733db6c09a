"""Points for pixel classifiers."""

import os
import sqlite3

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from samples_tools import write
from scipy.spatial import KDTree

import ktextures as kt
from ktextures.errors import InputError, OutputError
from ktextures.samples import points as points_module


@pytest.fixture(scope="module")
def pair():
    return kt.datasets.synthetic(
        (160, 200), k=3, seed=1, contrast="color", nodata_share=0.2
    )


def places(points):
    """Row and column of each point, from its coordinates."""
    columns = (points.geometry.x.to_numpy() - 500_000) / 10 - 0.5
    rows = (5_000_000 - points.geometry.y.to_numpy()) / 10 - 0.5
    assert (columns % 1 == 0).all()
    assert (rows % 1 == 0).all()
    return rows.astype(int), columns.astype(int)


def closest(points):
    """Smallest distance of points of different splits, in pixels."""
    found = np.stack(places(points), axis=1)
    splits = points["split"].to_numpy()
    trees = {split: KDTree(found[splits == split]) for split in set(splits)}
    assert len(trees) == 3
    return min(
        one.query(other.data, p=np.inf)[0].min()
        for one in trees.values()
        for other in trees.values()
        if one is not other
    )


def test_points_have_the_class_and_values_of_their_pixels(pair):
    scene, truth = pair
    points = kt.training_points(scene, truth, 300)
    rows, columns = places(points)
    assert list(points.columns) == [
        *("class", "name", "split"),
        *("red", "green", "blue", "nir", "geometry"),
    ]
    np.testing.assert_array_equal(points["class"], truth.values[rows, columns])
    for band in scene.band.values:
        expected = scene.sel(band=band).values[rows, columns]
        np.testing.assert_array_equal(points[band], expected)
        assert points[band].dtype == scene.dtype
    assert points["name"].tolist() == [f"class {n}" for n in points["class"]]
    assert points.crs == scene.rio.crs
    assert len(set(zip(rows, columns, strict=True))) == 300


def test_equal_and_proportional_numbers(pair):
    scene, truth = pair
    equal = kt.training_points(scene, truth, 100)["class"].value_counts()
    assert equal.sort_index().tolist() == [34, 33, 33]
    pixels = np.bincount(truth.values.ravel())[1:]
    found = kt.training_points(scene, truth, 1000, design="proportional")
    shares = found["class"].value_counts().sort_index() / 1000
    np.testing.assert_allclose(shares, pixels / pixels.sum(), atol=0.001)
    assert len(found) == 1000


@pytest.mark.parametrize("buffer", [0, 5, None])
def test_splits_are_apart(pair, buffer):
    points = kt.training_points(*pair, 1500, buffer=buffer)
    assert closest(points) > (16 if buffer is None else buffer)
    shares = points["split"].value_counts(normalize=True)
    assert abs(shares["train"] - 0.7) < 0.15


def test_the_same_seed_gives_the_same_points(pair):
    scene, truth = pair
    one, two = (kt.training_points(scene, truth, 60, seed=3) for _ in range(2))
    assert one.equals(two)
    assert not one.equals(kt.training_points(scene, truth, 60, seed=4))
    for chunks in ({"y": 17, "x": 100}, {"y": 64, "x": 64}):
        lazy = kt.training_points(scene.chunk(chunks), truth.chunk(chunks), 60, seed=3)
        assert lazy.equals(one)


def test_points_share_the_splits_of_chips(pair, tmp_path):
    scene, truth = pair
    samples = write(scene, truth, tmp_path / "s", buffer=6)
    points = kt.training_points(scene, truth, 900, samples=samples)
    again = kt.training_points(scene, truth, 900, samples=tmp_path / "s")
    assert points.equals(again)
    rows, columns = places(points)
    found = np.stack([rows, columns], axis=1)
    for split in samples.chips:
        chips = samples.manifest[samples.manifest["split"] != split]
        inside = np.stack(np.indices((16, 16)), axis=-1)
        corners = chips[["row", "column"]].to_numpy()[:, None, None]
        pixels = (corners + inside).reshape(-1, 2)
        mine = found[points["split"] == split]
        assert len(mine)
        assert KDTree(pixels).query(mine, p=np.inf)[0].min() > 6


def test_chips_of_a_small_part_are_enough_to_divide_points(pair, tmp_path):
    scene, truth = pair
    part = scene[:, :80, 100:164], truth[:80, 100:164]
    samples = write(*part, tmp_path / "s", size=8)
    points = kt.training_points(scene, truth, 12, samples=samples)
    rows, columns = places(points)
    assert len(points) == 12
    # Beyond the chips, blocks go on.
    block = samples.description["split"]["block_size"]
    assert rows.max() < 80 + block
    assert 100 - block <= columns.min() <= columns.max() < 164 + block


def test_rare_classes_give_all_they_have(pair):
    scene, truth = pair
    rare = truth.where(truth != 3, 1)
    rare[100, 100:105] = 3
    points = kt.training_points(scene, rare, 300, fractions=(1, 0, 0), buffer=0)
    assert points["class"].value_counts().to_dict() == {1: 100, 2: 100, 3: 5}


def test_pixels_without_data_are_not_drawn(pair):
    scene, truth = pair
    everywhere = truth.copy(data=np.ones_like(truth.values))
    points = kt.training_points(scene, everywhere, 2000)
    assert (points[["red", "green", "blue", "nir"]] != 0).all(axis=None)
    assert len(points) == 2000


def test_legend_codes_are_kept(pair):
    scene, truth = pair
    table = kt.ClassTable.default(3).assign(
        {"forest": [2, 3], "lake": [1]}, {"forest": 311, "lake": 512}
    )
    points = kt.training_points(scene, truth, 60, table=table, values="legend")
    assert points.groupby("class")["name"].unique().map(list).to_dict() == {
        311: ["forest"],
        512: ["lake"],
    }


@pytest.mark.parametrize("suffix", [".gpkg", ".csv"])
def test_files_are_written_and_not_replaced(pair, tmp_path, suffix):
    path = tmp_path / f"points{suffix}"
    points = kt.training_points(*pair, 50, path)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    if suffix == ".gpkg":
        found = gpd.read_file(path)
        assert found.crs == points.crs
        assert found.geometry.geom_equals(points.geometry).all()
        assert found["red"].tolist() == points["red"].tolist()
    else:
        found = pd.read_csv(path)
        assert list(found)[-2:] == ["x", "y"]
        assert found["x"].tolist() == points.geometry.x.tolist()
    assert found["name"].tolist() == points["name"].tolist()
    before = path.read_bytes()
    with pytest.raises(OutputError, match="already exists; choose another name, or"):
        kt.training_points(*pair, 20, path)
    assert path.read_bytes() == before
    kt.training_points(*pair, 20, path, overwrite=True)
    assert path.read_bytes() != before


def test_the_format_is_that_of_the_path_that_was_given(pair, tmp_path):
    (tmp_path / "points.gpkg").symlink_to(tmp_path / "data.csv")
    points = kt.training_points(*pair, 9, tmp_path / "points.gpkg")
    with sqlite3.connect(tmp_path / "data.csv") as database:
        rows = database.execute("SELECT table_name FROM gpkg_contents").fetchall()
    database.close()
    assert rows == [("training_points",)]
    found = gpd.read_file(tmp_path / "points.gpkg")
    assert found["class"].tolist() == points["class"].tolist()


@pytest.mark.parametrize("suffix", [".gpkg", ".csv"])
def test_failures_are_told_and_leave_what_was_there(
    pair, tmp_path, monkeypatch, suffix
):
    path = tmp_path / f"points{suffix}"
    path.write_text("mine")

    def failing(source, target):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(OutputError, match=rf"cannot write '.*{path.name}': no space"):
        kt.training_points(*pair, 9, path, overwrite=True)
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_what_gdal_refuses_is_told(pair, tmp_path, monkeypatch):
    monkeypatch.setattr(points_module, "_GEOPACKAGE", ())
    odd = pair[0].assign_coords(band=["geom", "b", "c", "d"])
    with pytest.raises(OutputError, match=r"cannot write '.*points.gpkg': .*'geom'"):
        kt.training_points(odd, pair[1], 9, tmp_path / "points.gpkg")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("bands", "message"),
    [
        (["Class", "b", "c", "d"], "the band name 'Class' is, whatever its case, th"),
        (
            ["a", "GEOM", "c", "d"],
            "the band name 'GEOM' is, whatever its case, th",
        ),
        (["a", "b", "fid", "d"], "the band name 'fid' is, whatever its case, th"),
        (["a", "b", "c", "A"], "the band name 'A' is, whatever its case, th"),
    ],
)
def test_band_names_that_a_geopackage_cannot_tell_apart(pair, tmp_path, bands, message):
    scene = pair[0].assign_coords(band=bands)
    with pytest.raises(InputError, match=message):
        kt.training_points(scene, pair[1], 9, tmp_path / "points.gpkg")
    assert list(tmp_path.iterdir()) == []
    kt.training_points(scene, pair[1], 9, tmp_path / "points.csv")
    assert list(pd.read_csv(tmp_path / "points.csv"))[3:7] == bands


def test_a_forest_learns_from_them(pair):
    from sklearn.ensemble import RandomForestClassifier

    points = kt.training_points(*pair, 600)
    bands = ["red", "green", "blue", "nir"]
    train, test = (points[points["split"] == each] for each in ("train", "test"))
    forest = RandomForestClassifier(30, random_state=0)
    forest.fit(train[bands], train["class"])
    assert forest.score(test[bands], test["class"]) > 0.9


@pytest.mark.parametrize(
    ("n", "options", "message"),
    [
        (0, {}, "n is 0: give a whole number, at least 1"),
        (9, {"design": "random"}, "design is 'random': give 'equal' or 'proportional'"),
        (9, {"fractions": (1, 1, 1)}, "which sum to 1"),
        (9, {"block_size": 10}, "block_size is 10: give a whole number, at least 17"),
        (900, {"block_size": 9000}, r"works is block_size=\d+"),
        (9, {"out": "points.shp"}, "give a name that ends in .gpkg or .csv"),
        (9, {"values": "legend"}, "are not assigned to a legend"),
        (
            9,
            {"table": kt.ClassTable.default(2)},
            "class 3, but the table has 2 classes",
        ),
        (9, {"table": kt.Legend(["a", "b"], codes=[3, 1])}, "the map holds the code 2"),
    ],
)
def test_what_cannot_be_used_is_refused(pair, n, options, message):
    with pytest.raises(InputError, match=message):
        kt.training_points(*pair, n, **options)


def test_samples_that_do_not_fit_are_refused(pair, tmp_path):
    scene, truth = (each[..., :80, 100:] for each in pair)
    samples = write(scene, truth, tmp_path / "s", fractions=(1, 0, 0))
    with pytest.raises(InputError, match="samples and block_size or buffer are given"):
        kt.training_points(scene, truth, 9, samples=samples, buffer=3)
    far = [each.assign_coords(x=each.x + 1e5) for each in pair]
    far = [each.rio.write_transform(each.rio.transform(recalc=True)) for each in far]
    with pytest.raises(InputError, match="no pixel lies on ground that the samples"):
        kt.training_points(*far, 9, samples=samples)
    undivided = write(scene, truth, tmp_path / "t", split=None)
    with pytest.raises(InputError, match=r"are not divided \(split=None\)"):
        kt.training_points(scene, truth, 9, samples=undivided)


def test_maps_without_classes_and_odd_bands_are_refused(pair):
    scene, truth = pair
    with pytest.raises(InputError, match="no pixel of the class map has a class"):
        kt.training_points(scene, truth * 0, 9)
    odd = scene.assign_coords(band=["class", "b", "c", "d"])
    with pytest.raises(InputError, match="the band name 'class' is that of another"):
        kt.training_points(odd, truth, 9)
    with pytest.raises(InputError, match="there are 2 scenes: draw points in one"):
        kt.training_points([scene] * 2, [truth] * 2, 9)
