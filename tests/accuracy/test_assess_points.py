"""Accuracy and areas by labeled points."""

import json
import sys

import dask.array as da
import geopandas
import numpy as np
import pytest
from accuracy_maps import class_map, pixels_at
from affine import Affine

import ktextures as kt
from ktextures.accuracy.estimator import estimate, strata_of_counts, strata_of_points
from ktextures.errors import InputError, MissingExtraError

NAMES = ("deforestation", "forest gain", "stable forest", "stable non-forest")
# Olofsson et al. 2014, section 5.
COUNTS = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
# 1 million pixels of 0.9 ha, divided like those 10 million of 0.09 ha.
SIDE = 10 * np.sqrt(90)
WEIGHTS = (20, 15, 320, 645)


@pytest.fixture(scope="module")
def published():
    """The map of the published example, and its points."""
    rows = np.repeat([1, 2, 3, 4], WEIGHTS)
    grid = Affine(SIDE, 0, 500_000, 0, -SIDE, 5_000_000)
    classes = class_map(np.repeat(rows[:, None], 1000, axis=1), grid, names=NAMES)
    points = kt.sample_points(classes, int(COUNTS.sum()), min_per_class=75)
    frames = []
    for value, counts in enumerate(COUNTS, 1):
        here = points[points["class"] == value]
        if len(here) < counts.sum():  # other numbers than the published ones
            here = kt.sample_points(classes, 1400, design="equal")
            here = here[here["class"] == value]
        here = here[: counts.sum()].copy()
        here["reference"] = np.repeat(NAMES, counts)
        frames.append(here)
    joined = geopandas.pd.concat(frames, ignore_index=True)
    return classes, joined


def test_the_published_example(published):
    found = kt.assess(*published)

    assert found.kind == "points"
    assert found.compared == COUNTS.sum()
    np.testing.assert_array_equal(found.matrix, COUNTS)
    users = found.classes["users_accuracy"].round(2).tolist()
    assert users == [0.88, 0.73, 0.93, 0.96]
    users = found.classes["users_accuracy_interval"].round(2).tolist()
    assert users == [0.07, 0.10, 0.04, 0.02]
    producers = found.classes["producers_accuracy"].round(2).tolist()
    assert producers == [0.75, 0.85, 0.93, 0.96]
    assert (round(found.overall, 2), round(found.overall_interval, 2)) == (0.95, 0.02)
    assert found.areas["mapped_ha"].round().tolist() == [18000, 13500, 288000, 580500]
    areas = found.areas["estimated_ha"].round().tolist()
    assert areas == [21158, 11686, 285770, 581386]
    intervals = found.areas["interval_ha"].round().tolist()
    assert intervals == [6158, 3756, 15510, 16282]
    shares = found.areas[["mapped_share", "estimated_share"]].sum().tolist()
    assert shares == pytest.approx([1, 1])


@pytest.mark.parametrize("chunks", [(300, 400), (1000, 90)])
def test_chunks_do_not_matter(published, chunks):
    classes, points = published
    lazy = classes.copy(data=da.from_array(classes.data, chunks=chunks))

    assert kt.assess(lazy, points).to_dict() == kt.assess(classes, points).to_dict()


def test_labels_are_numbers_or_names_however_they_are_written(published):
    classes, points = published
    expected = kt.assess(classes, points).matrix
    numbers = points["reference"].map({name: v for v, name in enumerate(NAMES, 1)})
    for labels in (
        numbers,
        numbers.astype(float),
        numbers.astype(str),
        numbers.map("class {}".format),
        points["reference"].str.upper() + " ",
    ):
        found = kt.assess(classes, points.assign(reference=labels.to_numpy()))
        assert found.matrix.equals(expected)
    other = points.rename(columns={"reference": "label"})
    assert kt.assess(classes, other, column="label").matrix.equals(expected)


def test_points_that_are_not_labeled_are_skipped_and_counted(published):
    classes, points = published
    points = points.copy()
    points["reference"] = points["reference"].astype(object)
    points.loc[[0, 100, 200, 300, 400], "reference"] = ["", " ", None, np.nan, 0]
    points.loc[500, "geometry"] = None

    found = kt.assess(classes, points)

    assert found.skipped == {"without geometry": 1, "not labeled": 5}
    assert found.compared == COUNTS.sum() - 6
    assert "Points left out: 1 without geometry, 5 not labeled." in found.notes


def test_points_outside_and_on_nodata_are_skipped_and_counted(published):
    classes, points = published
    part = classes[:, :600].copy()
    part[:, 500:] = 0
    _, cols = pixels_at(classes, points)

    found = kt.assess(part, points)

    outside, nodata = (
        int((cols >= 600).sum()),
        int(((cols >= 500) & (cols < 600)).sum()),
    )
    assert found.skipped == {"outside the map": outside, "on nodata": nodata}
    assert found.compared == len(points) - outside - nodata


def test_points_keep_their_place_in_files(published, tmp_path):
    classes, points = published
    expected = kt.assess(classes, points).to_dict()
    points.to_file(tmp_path / "points.gpkg")
    points.to_parquet(tmp_path / "points.parquet")
    for path in (tmp_path / "points.gpkg", str(tmp_path / "points.parquet")):
        found = kt.assess(classes, path).to_dict()
        assert {**found, "design": None} == {**expected, "design": None}
    degrees = points.to_crs(4326)
    with pytest.raises(InputError, match=r"CRS WGS 84, the map WGS 84 / UTM"):
        kt.assess(classes, degrees)
    assert kt.assess(classes, degrees, reproject=True).to_dict() == expected


def test_a_label_that_the_map_does_not_have_is_a_column_of_its_own(published):
    classes, points = published
    labels = points["reference"].astype(object)
    labels[:3] = "bog"
    found = kt.assess(classes, points.assign(reference=labels))

    assert found.matrix.columns.tolist() == [*NAMES, "bog"]
    bog = found.classes.iloc[-1]
    assert bog["class"] is geopandas.pd.NA
    assert np.isnan(bog["users_accuracy"])
    assert bog["producers_accuracy"] == 0
    assert found.areas["estimated_ha"].iloc[-1] == pytest.approx(18_000 * 3 / 75)
    assert found.areas["interval_ha"].iloc[-1] > 0
    assert "In the reference only (points): 'bog' (3)." in found.notes
    assert json.loads(json.dumps(found.to_dict()))["classes"][-1]["class"] is None


def test_points_drawn_from_another_map_are_refused(published):
    classes, points = published
    other = kt.relabel_classes(classes, [2, 1, 3, 4])
    with pytest.raises(InputError, match=r"150 of 640 points .* from another map"):
        kt.assess(other, points)
    # Without the column, nothing tells.
    assert kt.assess(other, points.drop(columns="class")).compared == 640
    # It may hold the labels itself.
    labels = points.assign(**{"class": points["reference"]})
    found = kt.assess(classes, labels, column="class")
    np.testing.assert_array_equal(found.matrix, COUNTS)


def test_too_few_points_for_an_interval(published):
    classes, points = published
    few = points[~((points["class"] == 2) & (points.index % 74 != 0))]
    counts = few["class"].value_counts()
    assert counts[2] == 1
    with pytest.raises(InputError, match=r"too few .*: class 2 'forest gain' has 1; "):
        kt.assess(classes, few)
    found = kt.assess(classes, few, intervals=False)
    assert np.isnan(found.overall_interval)
    assert found.areas["interval_ha"].isna().all()
    assert found.notes[0] == "No intervals, as asked for (intervals=False)."

    none = points[points["class"] != 2]
    with pytest.raises(InputError, match="'forest gain' has 0; label at least 2"):
        kt.assess(classes, none)
    found = kt.assess(classes, none, intervals=False)
    assert "left out of all estimates: 'forest gain' (1.5 % of the map)" in str(found)
    weights = np.array(WEIGHTS)[[0, 2, 3]] / 985
    rows = estimate(strata_of_counts(weights, COUNTS[[0, 2, 3]], [0, 2, 3]))
    assert found.overall == pytest.approx(float(rows.overall.value))
    total = found.areas["estimated_ha"].sum()
    assert total == pytest.approx(900_000 * 0.985)


def test_a_class_that_is_labeled_completely_needs_no_interval():
    values = np.ones((20, 20), np.uint8)
    values[0, 0] = 2
    classes = class_map(values)
    points = kt.sample_points(classes, 101)
    points["reference"] = np.where(np.arange(101) % 10, 1, 2)
    points.loc[points["class"] == 2, "reference"] = 2

    found = kt.assess(classes, points)

    assert found.classes["users_accuracy"][1] == 1
    assert found.classes["users_accuracy_interval"][1] == 0
    assert found.overall_interval > 0


def test_pixels_of_degrees_count_by_their_area():
    rng = np.random.default_rng(0)
    values = rng.integers(1, 3, (60, 40)).astype(np.uint8)
    classes = class_map(values, Affine(0.5, 0, 0, 0, -1, 60), 4326)
    points = kt.sample_points(classes, 200)
    rows, cols = pixels_at(classes, points)
    # Right in the north only.
    points["reference"] = np.where(
        rows < 30, values[rows, cols], 3 - values[rows, cols]
    )

    found = kt.assess(classes, points)

    sizes = kt.results.areas.row_areas(classes)
    shares = [sizes @ (values == value).sum(axis=1) for value in (1, 2)]
    expected = estimate(
        strata_of_points(
            np.array(shares) / sum(shares),
            [0, 1],
            points["class"] - 1,
            points["reference"] - 1,
            sizes[rows],
            2,
        )
    )
    assert found.overall == pytest.approx(float(expected.overall.value))
    assert found.overall_interval == pytest.approx(float(expected.overall.interval))
    plain = (points["class"] == points["reference"]).mean()
    assert found.overall < plain - 0.05
    assert found.areas["mapped_ha"].tolist() == pytest.approx(
        [share / 10_000 for share in shares]
    )


# --- legends -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def assigned():
    """A map whose classes 1 (rare, mostly wrong) and 3 are one entry of a legend."""
    values = np.repeat(np.repeat([1, 2, 3], (10, 50, 140))[:, None], 100, axis=1)
    classes = class_map(values)
    table = kt.ClassTable.default(3).assign({"wood": [1, 3], "water": 2})
    points = kt.sample_points(classes, 120, design="equal", table=table)
    points["reference"] = [
        "water" if value == 2 or (value == 1 and number % 4) else "wood"
        for number, value in zip(points["point"], points["class"], strict=True)
    ]
    return classes, table, points


def test_points_drawn_from_classes_keep_their_strata(assigned):
    classes, table, points = assigned
    found = kt.assess(classes, points, values="legend", table=table)

    right = (points["reference"] == "wood")[points["class"] == 1].mean()
    assert found.overall == pytest.approx(0.05 * right + 0.25 + 0.7)
    wood = found.classes[found.classes["name"] == "wood"].iloc[0]
    assert wood["users_accuracy"] == pytest.approx((0.05 * right + 0.7) / 0.75)
    # Pooled, the rare class would count as much as the large one.
    pooled = (points["reference"] == "wood")[points["class"] != 2].mean()
    assert wood["users_accuracy"] > pooled + 0.1
    assert found.matrix.to_numpy().sum() == 120


def test_points_drawn_from_the_legend_are_strata_of_its_entries(assigned):
    classes, table, _ = assigned
    points = kt.sample_points(classes, 100, table=table, values="legend")
    points["reference"] = np.where(points["point"] % 10 == 0, "water", points["name"])
    found = kt.assess(classes, points, values="legend", table=table)

    code = table.legend.code("wood")
    wood = points[points["class"] == code]
    expected = (wood["reference"] == "wood").mean()
    row = found.classes[found.classes["class"] == code].iloc[0]
    assert row["users_accuracy"] == pytest.approx(expected)
    with pytest.raises(InputError, match="from another map"):
        kt.assess(classes, points, table=table)


def test_too_few_points_are_named_by_their_class_or_entry(assigned):
    classes, table, points = assigned
    few = points[points["class"] != 1]
    with pytest.raises(InputError, match="class 1 'wood' has 0"):
        kt.assess(classes, few, values="legend", table=table)
    few = kt.sample_points(classes, 100, table=table, values="legend")
    few = few[few["name"] == "wood"].assign(reference="wood")
    with pytest.raises(InputError, match="interval: class 2 'water' has 0"):
        kt.assess(classes, few, values="legend", table=table)


def test_names_that_two_classes_have_must_be_told_apart(published):
    classes, points = published
    table = kt.ClassTable.from_attrs(classes.attrs).rename(4, "stable forest")
    with pytest.raises(InputError, match="3 and 4 are all named 'stable forest'"):
        kt.assess(classes, points, table=table)
    numbers = points["reference"].map({name: v for v, name in enumerate(NAMES, 1)})
    found = kt.assess(classes, points.assign(reference=numbers), table=table)
    assert found.matrix.index.tolist()[2:] == ["3 stable forest", "4 stable forest"]


# --- what cannot be used -----------------------------------------------------------


def test_points_that_cannot_be_used(published, tmp_path):
    classes, points = published
    cases = [
        (points.drop(columns="reference"), "and no 'reference': name the one with"),
        (points.assign(reference=""), "none of the 640 places .* is labeled"),
        (points.set_crs(None, allow_override=True), "the reference has no CRS"),
        (points.assign(reference=1.5), "a label is 1.5: give numbers or names"),
        (points.assign(reference=-1), "a label is -1: give numbers or names"),
        (points.assign(reference="tree"), "no label of the reference is a class"),
        (points.translate(1e6).to_frame("geometry").assign(reference=1), "none of the"),
        (points.buffer(3).boundary.to_frame("geometry").assign(reference=1), "LineStr"),
        (tmp_path / "none.gpkg", "there is no file"),
    ]
    for reference, message in cases:
        with pytest.raises(InputError, match=message):
            kt.assess(classes, reference)
    mixed = points.copy()
    mixed.loc[0, "geometry"] = points.geometry[0].buffer(2)
    with pytest.raises(InputError, match="holds Point and Polygon: give points"):
        kt.assess(classes, mixed)
    multi = points.dissolve().explode().dissolve()
    with pytest.raises(InputError, match=r"holds MultiPoint.*\(reference.explode"):
        kt.assess(classes, multi.assign(reference=1))
    with pytest.raises(InputError, match="the map has no CRS, which labeled points"):
        kt.assess(class_map(np.ones((3, 3)), crs=None), points)
    path = kt.write_classes(classes[:5, :5], tmp_path / "map.tif")
    with pytest.raises(InputError, match=r"cannot read .*map.tif.*ktextures.read_clas"):
        kt.assess(classes, path)


def test_without_geopandas_the_extra_is_named(published, monkeypatch):
    classes, _ = published
    monkeypatch.setitem(sys.modules, "geopandas", None)
    with pytest.raises(MissingExtraError, match="points to label need geopandas"):
        kt.sample_points(classes, 10)
    with pytest.raises(MissingExtraError, match="vector files need"):
        kt.assess(classes, "points.gpkg")


# --- how it is shown ---------------------------------------------------------------


def test_dictionary_holds_everything_in_plain_types(published):
    found = kt.assess(*published)
    back = json.loads(json.dumps(found.to_dict(), allow_nan=False))

    assert back["matrix"]["values"] == COUNTS.tolist()
    assert back["matrix"]["rows"] == list(NAMES)
    assert back["overall"] == found.overall
    assert back["areas"][0]["interval_ha"] == pytest.approx(6157.6, abs=0.1)
    assert back["confidence"] == 0.95


def test_text_and_html_show_the_numbers(published):
    classes, points = published
    table = kt.ClassTable.from_attrs(classes.attrs).rename(1, "a < b")
    labels = points["reference"].replace(NAMES[0], "a < b")
    found = kt.assess(classes, points.assign(reference=labels), table=table)

    for text in (repr(found), found._repr_html_()):
        assert "Accuracy by 640 labeled points" in text
        assert "0.947 ± 0.018" in text
        assert "21,158 ± 6,158" in text
        assert "0.880 ± 0.074" in text
    assert "a &lt; b" in found._repr_html_()
    assert "<b" not in found._repr_html_().replace("<b>", "").replace("<br>", "")
    with pytest.raises(AttributeError):
        found.overall = 1.0


# --- simulation --------------------------------------------------------------------


def test_intervals_cover_the_truth_of_a_map():
    rng = np.random.default_rng(11)
    truth = rng.choice([1, 2, 3], (120, 120), p=[0.06, 0.3, 0.64]).astype(np.uint8)
    wrong = rng.random(truth.shape) < 0.15
    mapped = np.where(wrong, rng.choice([1, 2, 3], truth.shape), truth)
    classes = class_map(mapped)
    overall = (mapped == truth).mean()
    areas = 0.01 * np.bincount(truth.ravel())[1:]

    hits, values = [], []
    for seed in range(50):
        points = kt.sample_points(classes, 150, seed=seed)
        points["reference"] = truth[pixels_at(classes, points)]
        found = kt.assess(classes, points)
        table = found.areas
        near = np.abs(table["estimated_ha"] - areas) <= table["interval_ha"]
        hits.append([abs(found.overall - overall) <= found.overall_interval, *near])
        values.append([found.overall, *table["estimated_ha"]])

    np.testing.assert_allclose(np.mean(values, axis=0), [overall, *areas], rtol=0.06)
    assert (np.mean(hits, axis=0) > 0.85).all()


def test_areas_of_classes_that_nobody_labeled_are_unknown():
    truth = kt.datasets.synthetic(64, k=3).truth
    points = kt.sample_points(truth, 90, design="equal")
    points["reference"] = points["class"].where(points["class"] != 2, 0)
    found = kt.assess(truth, points, intervals=False).areas.set_index("class")
    for column in ("estimated_ha", "mapped_share", "estimated_share"):
        assert np.isnan(found.loc[2, column])
    assert found.loc[2, "mapped_ha"] > 0
    # Every label is right, so the other estimates are as in the map.
    others = found.loc[[1, 3]]
    np.testing.assert_allclose(others["estimated_ha"], others["mapped_ha"])
    np.testing.assert_allclose(others["estimated_share"], others["mapped_share"])
    assert others["mapped_share"].sum() == pytest.approx(1)


def test_tables_without_geometry_are_refused_with_the_remedy(tmp_path):
    truth = kt.datasets.synthetic(64, k=3).truth
    (tmp_path / "points.csv").write_text("x,y,reference\n500005,4999995,1\n")
    with pytest.raises(InputError, match=r"without geometry, .*'reference'.*points_fr"):
        kt.assess(truth, tmp_path / "points.csv")
