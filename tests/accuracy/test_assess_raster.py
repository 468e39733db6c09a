"""Accuracy by reference rasters, against scikit-learn and brute force."""

import dask.array as da
import numpy as np
import pyproj
import pytest
import xarray as xr
from accuracy_maps import UTM, class_map
from affine import Affine
from sklearn import metrics

import ktextures as kt
from ktextures.accuracy import crosstab
from ktextures.errors import InputError
from ktextures.raster.georeference import scene_transform

RNG = np.random.default_rng(5)
TRUTH = RNG.choice(4, (60, 80), p=[0.05, 0.15, 0.3, 0.5]).astype(np.uint8)
MAPPED = np.where(RNG.random(TRUTH.shape) < 0.2, RNG.integers(0, 4, TRUTH.shape), TRUTH)
NAMES = ("water", "wood", "open land")


@pytest.fixture
def classes():
    return class_map(MAPPED, names=NAMES)


@pytest.fixture
def reference():
    return class_map(TRUTH)


def check_against_scikit_learn(found, mapped, truth):
    known = (mapped > 0) & (truth > 0)
    a, b = truth[known], mapped[known]
    each = {"labels": [1, 2, 3], "average": None}
    table = metrics.confusion_matrix(b, a, labels=[1, 2, 3])
    np.testing.assert_array_equal(found.matrix, table)
    np.testing.assert_allclose(found.proportions, table / table.sum())
    assert found.compared == known.sum()
    assert found.overall == pytest.approx(metrics.accuracy_score(a, b))
    assert found.ari == pytest.approx(metrics.adjusted_rand_score(a, b))
    for column, score in {
        "users_accuracy": metrics.precision_score,
        "producers_accuracy": metrics.recall_score,
        "f1": metrics.f1_score,
        "iou": metrics.jaccard_score,
    }.items():
        np.testing.assert_allclose(found.classes[column], score(a, b, **each))
    counts = [np.bincount(each, minlength=4)[1:] for each in (b, a)]
    np.testing.assert_allclose(found.areas["mapped_ha"], 0.01 * counts[0])
    np.testing.assert_allclose(found.areas["estimated_ha"], 0.01 * counts[1])


def test_tables_are_those_of_scikit_learn(classes, reference):
    found = kt.assess(classes, reference)

    assert found.kind == "raster"
    check_against_scikit_learn(found, MAPPED, TRUTH)
    assert found.classes["class"].tolist() == [1, 2, 3]
    assert found.classes["name"].tolist() == list(NAMES)
    assert list(found.matrix.index) == list(found.matrix.columns) == list(NAMES)
    assert found.classes["color"].tolist() == list(
        kt.ClassTable.from_attrs(classes.attrs).colors
    )


def test_a_raster_has_no_intervals_and_says_why(classes, reference):
    found = kt.assess(classes, reference)

    assert np.isnan(found.overall_interval)
    intervals = [name for name in found.classes if name.endswith("interval")]
    assert found.classes[intervals].isna().all(axis=None)
    assert found.areas[["interval_ha", "share_interval"]].isna().all(axis=None)
    assert "no sampling error" in found.notes[0]


def test_only_known_pixels_count(classes, reference):
    partly = TRUTH.copy()
    partly[:, :50] = 0
    found = kt.assess(classes, class_map(partly))

    check_against_scikit_learn(found, MAPPED, partly)
    share = ((partly > 0) & (MAPPED > 0)).sum() / (MAPPED > 0).sum()
    assert f"about the {100 * share:.1f} % of the map" in found.notes[1]


def test_declared_nodata_and_nan_are_unknown(classes):
    declared = class_map(np.where(TRUTH == 0, 99, TRUTH)).rio.write_nodata(99)
    floating = class_map(np.where(TRUTH == 0, np.nan, TRUTH), dtype=np.float32)
    banded = class_map(TRUTH).expand_dims("band")
    for reference in (declared, floating, banded):
        check_against_scikit_learn(kt.assess(classes, reference), MAPPED, TRUTH)


@pytest.mark.parametrize("chunks", [(60, 80), (17, 23), (60, 1)])
def test_chunks_do_not_matter(classes, reference, chunks, monkeypatch):
    monkeypatch.setattr(crosstab, "_STRIP_PIXELS", 500)
    lazy = classes.copy(data=da.from_array(classes.data, chunks=chunks))
    other = reference.copy(data=da.from_array(reference.data, chunks=(11, 29)))
    for one, two in ((lazy, reference), (lazy, other), (classes, other)):
        check_against_scikit_learn(kt.assess(one, two), MAPPED, TRUTH)


# --- other grids -------------------------------------------------------------------


def nearest(classes, reference):
    """Value of the pixel of the reference that contains each center, 0 outside."""
    to = pyproj.Transformer.from_crs(classes.rio.crs, reference.rio.crs, always_xy=True)
    x, y = to.transform(*np.meshgrid(classes.x.values, classes.y.values))
    a = scene_transform(reference)
    cols = np.floor((x - a.c) / a.a).astype(int)
    rows = np.floor((y - a.f) / a.e).astype(int)
    height, width = reference.shape
    inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    values = reference.values[rows.clip(0, height - 1), cols.clip(0, width - 1)]
    return np.where(inside, values, 0)


def in_degrees():
    """A reference in longitude and latitude that covers most of the map."""
    to = pyproj.Transformer.from_crs(32632, 4326, always_xy=True)
    left, top = to.transform(500_100, 4_999_950)
    grid = Affine(9e-5, 0, left, 0, -7e-5, top)
    return class_map(RNG.integers(0, 4, (90, 100)), grid, 4326)


def finer():
    """A reference with smaller pixels that begin elsewhere."""
    grid = Affine(4, 0, 499_907, 0, -4, 5_000_031)
    return class_map(RNG.integers(0, 4, (170, 230)), grid)


@pytest.mark.parametrize("make", [in_degrees, finer])
@pytest.mark.parametrize("chunks", [None, (13, 80), (60, 31)])
def test_each_pixel_takes_the_reference_at_its_center(classes, make, chunks):
    reference = make()
    expected = nearest(classes, reference)
    assert 0.3 < (expected > 0).mean() < 0.99
    if chunks is not None:
        classes = classes.copy(data=da.from_array(classes.data, chunks=chunks))
        reference = reference.chunk({"y": 20, "x": 30})

    found = kt.assess(classes, reference, reproject=True)

    check_against_scikit_learn(found, MAPPED, expected)


def test_other_grids_are_refused_unless_asked_for(classes):
    with pytest.raises(InputError, match=r"has the CRS WGS 84, the map WGS 84 / UTM"):
        kt.assess(classes, in_degrees())
    with pytest.raises(InputError, match=r"other pixels than the map.*reproject=True"):
        kt.assess(classes, finer())
    moved = class_map(TRUTH, Affine(10, 0, 500_005, 0, -10, 5_000_000))
    with pytest.raises(InputError, match=r"other pixels than the map"):
        kt.assess(classes, moved)
    with pytest.raises(InputError, match="give both a CRS"):
        kt.assess(classes, class_map(TRUTH, crs=None), reproject=True)


def test_a_reference_elsewhere_is_refused(classes, reference):
    far = class_map(TRUTH, Affine(10, 0, 700_000, 0, -10, 5_000_000))
    for other in (far, reference * 0):
        with pytest.raises(InputError, match="no known pixel where the map has class"):
            kt.assess(classes, other, reproject=True)


def test_maps_without_crs_have_shares_only():
    found = kt.assess(class_map(MAPPED, crs=None), class_map(TRUTH, crs=None))

    known = (MAPPED > 0) & (TRUTH > 0)
    assert found.overall == pytest.approx((MAPPED == TRUTH)[known].mean())
    assert found.areas["mapped_ha"].isna().all()
    np.testing.assert_allclose(
        found.areas["estimated_share"],
        np.bincount(TRUTH[known], minlength=4)[1:] / known.sum(),
    )


def test_pixels_of_degrees_count_by_their_area():
    # The map is right in the north, where pixels are small.
    truth = np.ones((60, 10), np.uint8)
    mapped = truth.copy()
    mapped[30:] = 2
    grid = Affine(1, 0, 0, 0, -1, 60)
    found = kt.assess(class_map(mapped, grid, 4326), class_map(truth, grid, 4326))

    expected = (np.sin(np.pi / 3) - np.sin(np.pi / 6)) / np.sin(np.pi / 3)
    assert found.overall == pytest.approx(expected, rel=0.005)  # of a sphere


# --- names -------------------------------------------------------------------------


def test_names_of_the_reference_decide_not_its_numbers(classes):
    codes = np.array([0, 21, 7, 9], np.uint8)[TRUTH]
    legend = kt.Legend(["wood", "open land", "water"], codes=[7, 9, 21])
    named = class_map(codes, attrs=legend.attrs())

    check_against_scikit_learn(kt.assess(classes, named), MAPPED, TRUTH)
    given = kt.assess(classes, class_map(codes), legend=legend)
    check_against_scikit_learn(given, MAPPED, TRUTH)


def test_default_names_of_a_reference_say_nothing_but_the_number(classes):
    named = class_map(TRUTH, names=["class 1", "class 2", "class 3"])
    check_against_scikit_learn(kt.assess(classes, named), MAPPED, TRUTH)


def test_codes_that_the_map_does_not_have_are_columns_of_their_own(classes):
    reference = class_map(np.where(TRUTH == 3, 8, TRUTH))
    found = kt.assess(classes, reference)

    assert found.matrix.shape == (3, 4)
    assert found.matrix.columns[-1] == "class 8"
    assert found.classes["class"].tolist() == [1, 2, 3, 8]
    assert found.classes["users_accuracy"][3:].isna().all()
    assert found.classes["producers_accuracy"][3] == 0
    both = (TRUTH == 3) & (MAPPED > 0)
    assert found.areas["estimated_ha"][3] == pytest.approx(0.01 * both.sum())
    assert found.areas["mapped_ha"][3] == 0
    assert f"'class 8' ({both.sum():,})" in found.notes[-1]


def test_a_legend_is_assessed_by_its_entries(classes):
    table = kt.ClassTable.from_attrs(classes.attrs)
    table = table.assign({"wet": 1, "dry": [2, 3]}, {"wet": 11, "dry": 300})
    codes = np.array([0, 11, 300, 300], np.uint16)
    reference = class_map(codes[TRUTH], dtype=np.uint16)
    found = kt.assess(classes, reference, values="legend", table=table)

    known = (MAPPED > 0) & (TRUTH > 0)
    expected = (codes[MAPPED] == codes[TRUTH])[known].mean()
    assert found.overall == pytest.approx(expected)
    assert found.classes["class"].tolist() == [11, 300]
    # The same as that of the map of codes.
    coded = kt.to_legend(classes, table)
    assert kt.assess(coded, reference).matrix.equals(found.matrix)


def test_references_that_cannot_be_used(classes, reference):
    names = kt.Legend(["lake", "tree", "field"])
    with pytest.raises(InputError, match=r"no label .* holds 'lake', 'tree', 'field'"):
        kt.assess(classes, reference, legend=names)
    with pytest.raises(InputError, match="holds 3, which the legend does not have"):
        kt.assess(classes, reference, legend={"water": 1, "wood": 2})
    with pytest.raises(InputError, match=r"values from 0\.0 to 3\.5"):
        kt.assess(classes, class_map(np.where(TRUTH == 3, 3.5, TRUTH), dtype=float))
    with pytest.raises(InputError, match=r"a DataArray with dims \('x', 'y'\)"):
        kt.assess(classes, reference.transpose("x", "y"))
    with pytest.raises(InputError, match="the reference is bool"):
        kt.assess(classes, reference > 1)
    with pytest.raises(InputError, match="the reference is a ndarray"):
        kt.assess(classes, TRUTH)
    with pytest.raises(InputError, match="classes is a Dataset"):
        kt.assess(xr.Dataset(), reference)
    with pytest.raises(InputError, match="holds class 3, but the table has 2 classes"):
        kt.assess(classes, reference, table=kt.ClassTable.default(2))
    with pytest.raises(InputError, match="values is 'codes'"):
        kt.assess(classes, reference, values="codes")


def test_a_rotated_map_takes_the_reference_at_its_centers(reference):
    rotated = class_map([[1, 1], [2, 3]], Affine(6, 8, 500_200, 8, -6, 4_999_700))
    found = kt.assess(rotated, reference, reproject=True)

    a = scene_transform(rotated)
    expected = np.zeros((4, 4), int)
    for (row, col), value in np.ndenumerate(rotated.values):
        x = a.a * (col + 0.5) + a.b * (row + 0.5) + a.c
        y = a.d * (col + 0.5) + a.e * (row + 0.5) + a.f
        seen = TRUTH[int((UTM.f - y) // 10), int((x - UTM.c) // 10)]
        expected[value, seen] += 1
    by_value = found.matrix.to_numpy()
    rows = found.classes["class"].tolist()
    held = [int(name.split()[1]) for name in found.matrix.index]
    np.testing.assert_array_equal(by_value, expected[np.ix_(held, rows)])
