"""Two class maps compared."""

import json

import dask.array as da
import numpy as np
import pytest
import rasterio
from accuracy_maps import UTM, class_map
from affine import Affine
from sklearn.metrics import adjusted_rand_score, confusion_matrix

import ktextures as kt
from ktextures.accuracy import crosstab
from ktextures.errors import InputError

RNG = np.random.default_rng(3)
A = RNG.choice(4, (60, 90), p=[0.05, 0.2, 0.3, 0.45]).astype(np.uint8)
CHANGED = np.where(RNG.random(A.shape) < 0.15, RNG.integers(0, 4, A.shape), A)
# Class 1 of a is 3 of b, 2 is 1, 3 is 2.
B = np.array([0, 3, 1, 2], np.uint8)[CHANGED]
KNOWN = (A > 0) & (B > 0)
NAMES = ("water", "wood", "open land")


@pytest.fixture
def a():
    return class_map(A, names=NAMES)


@pytest.fixture
def b():
    return class_map(B)


def check(found):
    table = confusion_matrix(A[KNOWN], CHANGED[KNOWN], labels=[1, 2, 3])
    np.testing.assert_array_equal(found.pixels, table)
    np.testing.assert_allclose(found.hectares, 0.01 * table)
    assert found.compared == KNOWN.sum()
    assert found.share == pytest.approx((A == CHANGED)[KNOWN].mean())
    assert found.ari == pytest.approx(adjusted_rand_score(A[KNOWN], B[KNOWN]))
    expected = np.where(KNOWN, np.where(A == CHANGED, 1, 2), 0)
    np.testing.assert_array_equal(found.agreement.values, expected)


def test_classes_are_matched_by_the_pixels_they_share(a, b):
    found = kt.compare(a, b)

    check(found)
    assert found.pixels.index.tolist() == list(NAMES)
    assert found.pixels.columns.tolist() == ["class 3", "class 1", "class 2"]
    matched = found.matched
    assert matched["class_a"].tolist() == [1, 2, 3]
    assert matched["class_b"].tolist() == [3, 1, 2]
    assert matched["name_b"].tolist() == ["class 3", "class 1", "class 2"]
    first = (A == 1) & KNOWN, (B == 3) & KNOWN
    assert matched["pixels"][0] == (first[0] & first[1]).sum()
    assert matched["iou"][0] == pytest.approx(
        (first[0] & first[1]).sum() / (first[0] | first[1]).sum()
    )


def test_matching_agrees_with_match_classes(a, b):
    renumbered = kt.match_classes(b, a)
    expected = (renumbered.values == A)[KNOWN].mean()
    assert kt.compare(a, b).share == pytest.approx(expected)


def test_numbers_as_they_are(a):
    later = class_map(CHANGED, names=NAMES)
    found = kt.compare(a, later, match=False)
    check(found)
    assert found.matched["class_b"].tolist() == [1, 2, 3]
    other = kt.compare(a, class_map(B), match=False)
    assert other.share == pytest.approx((A == B)[KNOWN].mean())
    assert (
        other.agreement.values[KNOWN].tolist() == np.where(A == B, 1, 2)[KNOWN].tolist()
    )


def test_changes_list_every_pair_that_differs(a):
    found = kt.compare(a, class_map(CHANGED, names=NAMES), match=False).changes

    assert len(found) == 6
    assert (np.diff(found["pixels"]) <= 0).all()
    assert found["pixels"].sum() == ((A != CHANGED) & KNOWN).sum()
    first = found.iloc[0]
    here = (A == first["class_a"]) & (CHANGED == first["class_b"])
    assert first["pixels"] == here.sum()
    assert first["area_ha"] == pytest.approx(0.01 * here.sum())
    assert first["share"] == pytest.approx(here.sum() / KNOWN.sum())
    assert first["name_a"] == NAMES[first["class_a"] - 1]
    assert first["color_b"] == kt.ClassTable.default(3).colors[first["class_b"] - 1]


@pytest.mark.parametrize("chunks", [(60, 90), (17, 23), (1, 90)])
def test_lazy_maps_stay_lazy_and_give_the_same(a, b, chunks, monkeypatch):
    monkeypatch.setattr(crosstab, "_STRIP_PIXELS", 300)
    lazy_a = a.copy(data=da.from_array(A, chunks=chunks))
    lazy_b = b.copy(data=da.from_array(B, chunks=(20, 31)))
    for one, other in ((lazy_a, lazy_b), (lazy_a, b), (a, lazy_b)):
        found = kt.compare(one, other)
        assert isinstance(found.agreement.data, da.Array)
        assert found.agreement.dtype == np.uint8
        check(found)
    assert not hasattr(kt.compare(a, b).agreement.data, "dask")


def test_the_map_of_agreement_is_written_with_names_and_colors(a, b, tmp_path):
    lazy = a.copy(data=da.from_array(A, chunks=(20, 20)))
    found = kt.compare(lazy, b)
    path = kt.write_classes(found.agreement, tmp_path / "agreement.tif")

    with rasterio.open(path) as file:
        assert file.crs.to_epsg() == 32632
        assert file.transform == UTM
        assert file.nodata == 0
        assert file.colormap(1)[2][:3] == (0xD5, 0x5E, 0x00)
        np.testing.assert_array_equal(file.read(1), found.agreement.values)
    back = kt.read_classes(path)
    assert kt.ClassTable.from_attrs(back.attrs).names == ("same", "different")


def test_classes_without_a_partner_never_agree(a):
    split = np.where((CHANGED == 3) & (np.arange(90) % 3 == 0), 4, CHANGED)
    found = kt.compare(a, class_map(split))

    assert found.matched["class_b"].tolist() == [1, 2, 3, 4]
    last = found.matched.iloc[-1]
    assert last[["name_a", "pixels", "area_ha", "iou"]].tolist() == ["", 0, 0.0, 0.0]
    assert found.pixels.columns.tolist() == [f"class {n}" for n in (1, 2, 3, 4)]
    known = (A > 0) & (split > 0)
    assert found.share == pytest.approx((A == split)[known].mean())
    assert (found.agreement.values[known & (split == 4)] == 2).all()
    # The other way around.
    back = kt.compare(class_map(split), a)
    assert back.share == pytest.approx(found.share)
    assert back.matched["class_a"].tolist() == [1, 2, 3, 4]


def test_classes_that_share_no_pixel_are_not_matched():
    one = class_map([[1] * 9 + [1, 2, 2, 2, 2]])
    two = class_map([[1] * 9 + [2, 1, 1, 1, 1]])
    found = kt.compare(one, two)
    assert found.matched["pixels"].tolist() == [9, 0, 0]
    assert found.matched["name_a"].tolist() == ["class 1", "class 2", ""]
    assert found.share == pytest.approx(9 / 14)


def test_codes_of_a_legend_are_compared_as_they_are():
    legend = kt.Legend(["wood", "water"], codes=[300, 11])
    codes = np.array([0, 300, 11, 11], np.uint16)
    one = class_map(codes[A], dtype=np.uint16, attrs=legend.attrs())
    two = class_map(codes[CHANGED], dtype=np.uint16, attrs=legend.attrs())
    found = kt.compare(one, two, match=False)

    assert found.pixels.index.tolist() == ["water", "wood"]
    assert found.share == pytest.approx((codes[A] == codes[CHANGED])[KNOWN].mean())


def test_maps_without_crs_are_compared_by_pixels():
    found = kt.compare(class_map(A, crs=None), class_map(B, crs=None))
    assert found.share == pytest.approx((A == CHANGED)[KNOWN].mean())
    assert found.hectares.isna().all(axis=None)
    assert not found.known_areas
    assert f"of {KNOWN.sum():,} pixels" in repr(found)
    assert found.to_dict()["hectares"]["values"][0] == [None] * 3


def test_pixels_of_degrees_count_by_their_area():
    grid = Affine(1, 0, 0, 0, -1, 60)
    one = np.ones((60, 10), np.uint8)
    two = np.repeat([1, 2], 30)[:, None] * one
    found = kt.compare(class_map(one, grid, 4326), class_map(two, grid, 4326), match=0)
    expected = (np.sin(np.pi / 3) - 0.5) / np.sin(np.pi / 3)
    assert found.share == pytest.approx(expected, rel=0.005)  # of a sphere


def test_maps_that_cannot_be_compared(a, b):
    cases = [
        (
            class_map(B[:50]),
            r"a has \(60, 90\) pixels, b \(50, 90\): .*reproject_match",
        ),
        (class_map(B, crs=4326), "a has the CRS WGS 84 / UTM zone 32N, b WGS 84: "),
        (
            class_map(B, Affine(10, 0, 500_010, 0, -10, 5_000_000)),
            "the pixels of a and b lie at other places: .*reproject_match",
        ),
        (class_map(B, crs=None), r"b has no CRS, .*b.rio.write_crs"),
        (class_map(np.where(A > 0, 0, 1)), "no pixel in which both maps have a class"),
        (B, "b is a ndarray: give a class map"),
        (b.astype(float), "b is float64 with dims"),
    ]
    for other, message in cases:
        with pytest.raises(InputError, match=message):
            kt.compare(a, other)
    # Without a CRS, nothing can be resampled.
    bare = [class_map(each, crs=None) for each in (A, B[:50])]
    with pytest.raises(InputError, match=r"b \(50, 90\): give maps of .*EPSG") as found:
        kt.compare(*bare)
    assert "reproject_match" not in str(found.value)
    # The remedy works.
    shifted = class_map(B, Affine(10, 0, 500_010, 0, -10, 5_000_000))
    moved = shifted.rio.write_nodata(0).rio.reproject_match(a)
    assert kt.compare(a, moved).compared > 4000


def test_text_html_and_dictionary(a, b):
    found = kt.compare(class_map(A, names=["a < b", "wood", "open"]), b)

    for text in (repr(found), found._repr_html_()):
        assert f"agree in {100 * found.share:.1f} % of" in text
        assert "Largest changes" in text
    assert "a &lt; b" in found._repr_html_()
    back = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert back["pixels"]["values"] == found.pixels.to_numpy().tolist()
    assert back["matched"][0]["name_a"] == "a < b"
    assert "none" in repr(kt.compare(a, a))
