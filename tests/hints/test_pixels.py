"""Hints on scenes: exactly the pixels that they cover, and a reason for any refusal."""

import time
import warnings

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from affine import Affine
from hypothesis import assume, given
from hypothesis import strategies as st
from rasterio.warp import transform

import ktextures as kt
from ktextures.errors import InputError
from ktextures.hints import burning, pixels
from ktextures.hints.pixels import find_pixels
from ktextures.raster.scene_set import open_scenes

UTM = "EPSG:32632"
NORTH_UP = Affine(10.0, 0.0, 500_000.0, 0.0, -10.0, 5_000_000.0)
SOUTH_UP = Affine(10.0, 0.0, 500_000.0, 0.0, 10.0, 4_000_000.0)
ROTATED = Affine(8.66, 5.0, 500_000.0, 5.0, -8.66, 5_000_000.0)
TRANSFORMS = {"north": NORTH_UP, "south": SOUTH_UP, "rotated": ROTATED}
HEIGHT, WIDTH = 40, 50


def scene_of(place=NORTH_UP, crs=UTM, size=(HEIGHT, WIDTH), missing=None, lazy=False):
    values = np.full((2, *size), 7, "uint16")
    if missing is not None:
        values[:, missing] = 0
    array = xr.DataArray(values, dims=("band", "y", "x"))
    if crs is not None:
        array = array.rio.write_crs(crs).rio.write_transform(place)
    array = array.rio.write_nodata(0)
    return array.chunk({"band": 1, "y": 30, "x": 17}) if lazy else array


def found_in(hints, *scenes, **options):
    hints = kt.Hints(hints)
    values = [hint.class_ for hint in hints]
    return find_pixels(hints, open_scenes(list(scenes)), values, **options)


def places(found):
    return list(zip(found.rows.tolist(), found.cols.tolist(), strict=True))


def on_map(place, row, col):
    """Map coordinates of a place in rows and columns of pixel centers."""
    x, y = col + 0.5, row + 0.5
    return place.a * x + place.b * y + place.c, place.d * x + place.e * y + place.f


def hint(kind, coordinates, crs=None, class_=1):
    return kt.Hint(class_, {"type": kind, "coordinates": coordinates}, crs)


def closed(corners):
    return [[*corners, corners[0]]]


OPENED = {name: open_scenes(scene_of(place)) for name, place in TRANSFORMS.items()}

ROWS, COLS = st.integers(0, HEIGHT - 1), st.integers(0, WIDTH - 1)
PARTS = st.floats(-0.49, 0.49)


@given(st.sampled_from(list(TRANSFORMS)), ROWS, COLS, PARTS, PARTS)
def test_a_point_on_the_map_is_the_pixel_it_lies_in(name, row, col, down, across):
    xy = on_map(TRANSFORMS[name], row + down, col + across)
    found = find_pixels(kt.Hints([hint("Point", xy, UTM)]), OPENED[name], [1])
    assert (places(found), found.scenes.tolist()) == ([(row, col)], [0])


@given(st.sampled_from(list(TRANSFORMS)), ROWS, COLS, PARTS, PARTS)
def test_a_point_in_degrees_is_the_pixel_it_lies_in(name, row, col, down, across):
    x, y = on_map(TRANSFORMS[name], row + down, col + across)
    (lon,), (lat,) = transform(UTM, "OGC:CRS84", [x], [y])
    point = hint("Point", (lon, lat), "OGC:CRS84")
    assert places(find_pixels(kt.Hints([point]), OPENED[name], [1])) == [(row, col)]


@given(ROWS, COLS, PARTS, PARTS)
def test_a_point_in_rows_and_columns_is_the_nearest_pixel(row, col, down, across):
    hints = kt.Hints([(row + down, col + across, 1)])
    assert places(find_pixels(hints, OPENED["rotated"], [1])) == [(row, col)]


@given(st.lists(st.tuples(ROWS, COLS), min_size=1, max_size=8))
def test_saved_hints_are_read_back_to_the_same_pixels(tmp_path_factory, given_at):
    path = tmp_path_factory.mktemp("hints") / "hints.geojson"
    xys = [on_map(ROTATED, *each) for each in given_at]
    hints = kt.Hints([hint("MultiPoint", xys, UTM), hint("Point", xys[0], UTM, "wood")])
    hints.save(path)
    one, other = (
        find_pixels(each, OPENED["rotated"], [1, 1]) for each in (hints, kt.Hints(path))
    )
    assert set(places(one)) == set(given_at)
    for name in ("hints", "scenes", "rows", "cols"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


# --- areas --------------------------------------------------------------------------


def held_by(corners):
    """Pixels (y, x) whose centers a polygon holds, and those on its edge."""
    y, x = np.indices((HEIGHT, WIDTH)).astype(float)
    inside, edge = np.zeros((2, HEIGHT, WIDTH), bool)
    for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True):
        across = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
        near = np.abs(across) <= 1e-6 * max(np.hypot(bx - ax, by - ay), 1e-6)
        for first, last, value in ((ax, bx, x), (ay, by, y)):
            near &= (min(first, last) - 1e-6 <= value) & (
                value <= max(first, last) + 1e-6
            )
        edge |= near
        if ay != by:
            # Edges may be so short that a quotient overflows: far from any crossing.
            with np.errstate(over="ignore", invalid="ignore"):
                crossing = ((ay > y) != (by > y)) & (
                    x < ax + (y - ay) / (by - ay) * (bx - ax)
                )
            inside ^= crossing
    return inside & ~edge, edge


CORNERS = st.lists(
    st.tuples(st.floats(-20, WIDTH + 20), st.floats(-20, HEIGHT + 20)),
    min_size=3,
    max_size=7,
)


@given(st.sampled_from([None, *TRANSFORMS]), CORNERS)
def test_a_polygon_covers_the_pixels_whose_centers_it_holds(name, corners):
    """Also of one that crosses itself, and of one that reaches beyond the scene."""
    wanted, edge = held_by(corners)
    assume(wanted.any())
    if name is not None:
        corners = [on_map(TRANSFORMS[name], y, x) for x, y in corners]
    area = hint("Polygon", closed(corners), UTM if name else None)
    found = find_pixels(kt.Hints([area]), OPENED[name or "north"], [1])
    covered = np.zeros((HEIGHT, WIDTH), int)
    np.add.at(covered, (found.rows, found.cols), 1)
    assert covered.max() == 1
    np.testing.assert_array_equal(covered[~edge] == 1, wanted[~edge])


def test_holes_are_not_covered_and_parts_all_are():
    outer = [(9.6, 9.6), (20.4, 9.6), (20.4, 20.4), (9.6, 20.4)]
    hole = [(12.6, 12.6), (17.4, 12.6), (17.4, 17.4), (12.6, 17.4)]
    far = [(29.6, 29.6), (31.4, 29.6), (31.4, 30.4), (29.6, 30.4)]
    area = hint("MultiPolygon", [[*closed(outer), *closed(hole)], closed(far)])
    wanted = np.zeros((HEIGHT, WIDTH), bool)
    wanted[10:21, 10:21] = True
    wanted[13:18, 13:18] = False
    wanted[30, 30:32] = True
    found = found_in([area], scene_of())
    assert sorted(places(found)) == sorted(map(tuple, np.argwhere(wanted).tolist()))


@given(ROWS, COLS, st.floats(0.1, 0.3), st.floats(0.1, 0.3))
def test_a_polygon_smaller_than_a_pixel_is_that_pixel(row, col, down, across):
    y, x = row + down, col + across
    tiny = closed([(x, y), (x + 0.1, y), (x, y + 0.1)])
    assert places(
        find_pixels(kt.Hints([hint("Polygon", tiny)]), OPENED["north"], [1])
    ) == [(row, col)]


def test_a_line_is_every_pixel_that_it_crosses():
    line = hint("LineString", [(2, 3), (6, 3), (6, 5)])
    assert set(places(found_in([line], scene_of()))) == {
        *((3, col) for col in range(2, 7)),
        (4, 6),
        (5, 6),
    }
    two = hint("MultiLineString", [[(0, 0), (0, 2)], [(9, 9), (11, 9)]])
    assert set(places(found_in([two], scene_of()))) == {
        *((row, 0) for row in range(3)),
        *((9, col) for col in range(9, 12)),
    }


def test_a_line_out_of_the_scene_is_cut():
    line = hint("LineString", [(-30, 4), (3, 4)])
    assert places(found_in([line], scene_of())) == [(4, col) for col in range(4)]


def test_an_area_far_larger_than_the_scene_covers_all_of_it():
    far = 1e7
    area = hint("Polygon", closed([(-far, -far), (far, -far), (far, far), (-far, far)]))
    assert len(found_in([area], scene_of())) == HEIGHT * WIDTH


def test_a_point_at_corners_of_the_scene_counts_once():
    corners = [(0, 0), (0, WIDTH - 1), (HEIGHT - 1, 0), (HEIGHT - 1, WIDTH - 1)]
    found = found_in([(*each, 1) for each in corners], scene_of())
    assert places(found) == corners
    assert found.hints.tolist() == [0, 1, 2, 3]


# --- refusals -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "outside",
    [
        (-1, 3, 1),
        (HEIGHT, 3, 1),
        (3, -0.6, 1),
        (3, WIDTH - 0.4, 1),
        (1e30, 3, 1),
        hint("Point", on_map(NORTH_UP, -1, 0), UTM),
        hint("LineString", [(-9, -9), (-3, -3)]),
        hint("Polygon", closed([(60, 2), (70, 2), (70, 9)])),
    ],
)
def test_hints_outside_are_refused_by_number(outside):
    match = r"Hint 2 of 3 is outside the scene \(the first at .*\); move or remove it\."
    with pytest.raises(InputError, match=match):
        found_in([(1, 1, 1), outside, (2, 2, 1)], scene_of())


def test_several_hints_outside_are_listed():
    hints = [(1, 1, 1), *[(-2, 4, 1)] * 2]
    match = r"Hints 2, 3 of 3 are outside the scene \(the first at row -2, column 4\)"
    with pytest.raises(InputError, match=match):
        found_in(hints, scene_of())
    with pytest.raises(InputError, match="Hints 1, 2, 3, 4, 5 and 2 more of 7 are"):
        found_in([(-2, 4, 1)] * 7, scene_of())


def test_a_hint_whose_map_place_is_elsewhere_is_outside():
    point = hint("Point", (-60.0, -10.0), "OGC:CRS84")
    with pytest.raises(InputError, match="Hint 1 of 1 is outside the scene"):
        found_in([point], scene_of())


def test_hints_on_nodata_are_refused_by_number():
    missing = np.zeros((HEIGHT, WIDTH), bool)
    missing[10:20] = True
    match = r"Hint 2 of 2 is on pixels without data \(the first at row 12, column 5\)"
    with pytest.raises(InputError, match=match):
        found_in([(1, 1, 1), (12, 5, 1)], scene_of(missing=missing))


def test_nodata_within_an_area_is_left_out():
    missing = np.zeros((HEIGHT, WIDTH), bool)
    missing[10:12] = True
    area = hint("Polygon", closed([(-1, 8.6), (2.4, 8.6), (2.4, 12.4), (-1, 12.4)]))
    found = found_in([area], scene_of(missing=missing))
    assert places(found) == [(row, col) for row in (9, 12) for col in (0, 1, 2)]


def test_what_cannot_be_used_may_be_left_out():
    missing = np.zeros((HEIGHT, WIDTH), bool)
    missing[10:20] = True
    found = found_in(
        [(-1, 1, 1), (12, 5, 1), (2, 3, 1)], scene_of(missing=missing), strict=False
    )
    assert (places(found), found.hints.tolist()) == ([(2, 3)], [2])
    assert len(found_in([(-1, 1, 1)], scene_of(), strict=False)) == 0


def test_what_fits_no_scene_may_be_left_out():
    """So that a model whose hints have no place here can still be trained further."""
    point = hint("Point", on_map(NORTH_UP, 1, 2), UTM)
    bare = scene_of(crs=None)
    found = found_in([point, (2, 3, 1)], bare, strict=False)
    assert (places(found), found.hints.tolist()) == ([(2, 3)], [1])
    found = found_in([(2, 3, 1), point], scene_of(), scene_of(SOUTH_UP), strict=False)
    assert (places(found), found.hints.tolist()) == ([(1, 2)], [1])
    lost = hint("Point", (9.0, 1e4), "OGC:CRS84")
    assert len(found_in([lost], scene_of(), strict=False)) == 0


def test_a_scene_without_crs_takes_rows_and_columns_only():
    bare = scene_of(crs=None)
    assert places(found_in([(3, 4, 1)], bare)) == [(3, 4)]
    match = r"Hint 2 has the CRS EPSG:32632, but the scene has none; give rows and col"
    with pytest.raises(InputError, match=match):
        found_in([(3, 4, 1), hint("Point", (4, 3), UTM)], bare)


# --- contradictions -----------------------------------------------------------------


def test_of_contradicting_hints_the_later_counts_with_a_warning():
    area = hint("Polygon", closed([(1.6, 1.6), (4.4, 1.6), (4.4, 3.4), (1.6, 3.4)]))
    hints = [area, (2, 3, 2), (3, 3, 3), (9, 9, 1)]
    match = (
        r"Hints contradict each other: 1 and 2 \(1 pixel\), 1 and 3 \(1 pixel\)\. "
        r"Where .* the later one counts\."
    )
    with pytest.warns(UserWarning, match=match):
        found = found_in(hints, scene_of())
    decided = dict(zip(places(found), found.hints.tolist(), strict=True))
    assert decided == {
        **dict.fromkeys([(2, 2), (2, 4), (3, 2), (3, 4)], 0),
        **{(2, 3): 1, (3, 3): 2, (9, 9): 3},
    }


def test_pixels_of_a_contradiction_are_counted_and_pairs_are_limited():
    area = hint("Polygon", closed([(1.6, 1.6), (4.4, 1.6), (4.4, 3.4), (1.6, 3.4)]))
    with pytest.warns(UserWarning, match=r"1 and 2 \(6 pixels\)\. Where"):
        found = found_in([area, area.of_class(2)], scene_of())
    assert set(found.hints.tolist()) == {1}
    hints = [(row, 1, 1) for row in range(7)] + [(row, 1, 2) for row in range(7)]
    with pytest.warns(UserWarning, match=r"5 and 12 \(1 pixel\), 2 more pairs\. Where"):
        found_in(hints, scene_of())


def test_hints_of_one_class_never_contradict_each_other():
    hints = kt.Hints([(1, 1, 2), (1, 1, "class 2"), (2, 2, 1)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = find_pixels(hints, open_scenes(scene_of()), [2, 2, 1])
    assert found.hints.tolist() == [1, 2]


def test_without_strictness_nothing_is_told():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = found_in([(1, 1, 1), (1, 1, 2)], scene_of(), strict=False)
    assert found.hints.tolist() == [1]


# --- CRS and several scenes ---------------------------------------------------------


def in_other_crs(crs, row=7, col=9):
    x, y = on_map(NORTH_UP, row, col)
    (lon,), (lat,) = transform(UTM, crs, [x], [y])
    return hint("Point", (lon, lat), crs)


def test_a_reprojection_is_told():
    match = (
        r"2 hints were reprojected from EPSG:3857 and EPSG:4326 to the CRS of the sce"
    )
    with pytest.warns(UserWarning, match=match):
        found = found_in(
            [(7, 9, 1), in_other_crs("EPSG:3857"), in_other_crs("EPSG:4326")],
            scene_of(),
        )
    assert places(found) == [(7, 9)]


@pytest.mark.parametrize("crs", ["OGC:CRS84", UTM])
def test_that_of_geojson_is_not(crs):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = found_in([in_other_crs(crs)], scene_of())
    assert places(found) == [(7, 9)]


def test_a_scene_in_degrees():
    scene = scene_of(Affine(1e-4, 0, 9.0, 0, -1e-4, 45.0), "EPSG:4326")
    point = hint("Point", (9.0 + 9.5e-4, 45.0 - 7.5e-4), "OGC:CRS84")
    assert places(found_in([point], scene)) == [(7, 9)]


def test_of_several_scenes_each_hint_finds_its_own():
    east = Affine(10.0, 0.0, 700_000.0, 0.0, -10.0, 5_000_000.0)
    scenes = scene_of(), scene_of(east), scene_of(SOUTH_UP, "EPSG:32633")
    hints = [
        hint("Point", on_map(east, 5, 6), UTM),
        hint("Point", on_map(NORTH_UP, 7, 8), UTM),
        hint("Point", on_map(SOUTH_UP, 1, 2), "EPSG:32633"),
        hint("MultiPoint", [on_map(NORTH_UP, 0, 1), on_map(east, 2, 3)], UTM),
    ]
    found = found_in(hints, *scenes)
    rows = zip(
        *(getattr(found, n) for n in ("hints", "scenes")), places(found), strict=True
    )
    assert [(int(a), int(b), c) for a, b, c in rows] == [
        (0, 1, (5, 6)),
        (1, 0, (7, 8)),
        (2, 2, (1, 2)),
        (3, 0, (0, 1)),
        (3, 1, (2, 3)),
    ]


def test_where_scenes_overlap_a_hint_counts_in_both():
    shifted = Affine(10.0, 0.0, 500_050.0, 0.0, -10.0, 5_000_000.0)
    found = found_in(
        [hint("Point", on_map(NORTH_UP, 7, 8), UTM)], scene_of(), scene_of(shifted)
    )
    assert found.scenes.tolist() == [0, 1]
    assert places(found) == [(7, 8), (7, 3)]


def test_rows_and_columns_of_several_scenes_are_refused():
    match = r"Hint 2 is given in columns and rows, but there are 2 scenes; give hints w"
    with pytest.raises(InputError, match=match):
        found_in([in_other_crs(UTM), (1, 1, 1)], scene_of(), scene_of())


# --- large and lazy -----------------------------------------------------------------


def test_a_large_area_is_sampled_alike_each_time():
    scene = scene_of(size=(300, 300))
    area = hint("Polygon", closed([(9.6, 9.6), (290.4, 9.6), (9.6, 290.4)]))
    one, other = found_in([area], scene), found_in([area], scene)
    assert len(one) == len(set(places(one))) == 2_000
    assert places(one) == places(other)
    assert (one.rows + one.cols).max() <= 300
    # From all over the area, not from where it begins.
    assert {(row > 100, col > 100) for row, col in places(one)} == {
        (False, False),
        (False, True),
        (True, False),
        (True, True),
    }


def test_of_a_huge_area_few_parts_are_read(monkeypatch):
    monkeypatch.setattr(pixels, "CELL", 64)
    monkeypatch.setattr(burning, "CELL", 64)
    read = []

    def block(info):
        read.append(info["array-location"])
        return np.full([stop - start for start, stop in info["array-location"]], 7.0)

    lazy = da.map_blocks(
        lambda block_info: block(block_info[None]),
        chunks=((1,), (64,) * 8, (64,) * 8),
        dtype="float64",
        meta=np.zeros((0, 0, 0)),
    )
    scene = open_scenes(xr.DataArray(lazy, dims=("band", "y", "x")))
    read.clear()
    area = hint("Polygon", closed([(-1, -1), (513, -1), (513, 513), (-1, 513)]))
    found = find_pixels(kt.Hints([area]), scene, [1])
    assert len(found) == 2_000
    assert len(read) <= 16


@pytest.mark.parametrize("name", list(TRANSFORMS))
def test_lazy_scenes_give_the_same(name):
    place = TRANSFORMS[name]
    missing = np.zeros((HEIGHT, WIDTH), bool)
    missing[::3, ::4] = True
    hints = [
        hint("Point", on_map(place, 7, 9), UTM),
        hint(
            "Polygon",
            closed([on_map(place, *p) for p in [(2, 3), (30, 8), (9, 40)]]),
            UTM,
        ),
    ]
    one, other = (
        found_in(hints, scene_of(place, missing=missing, lazy=lazy))
        for lazy in (False, True)
    )
    assert len(one) > 100
    for part in ("hints", "scenes", "rows", "cols"):
        np.testing.assert_array_equal(getattr(one, part), getattr(other, part))


def test_no_hints_are_no_pixels():
    assert len(found_in([], scene_of())) == 0


def test_a_huge_area_takes_little_time_and_few_pixels():
    scene = xr.DataArray(da.full((1, 20_000, 20_000), 7, "uint8", chunks=(1, 500, 500)))
    scene = scene.rename(dim_0="band", dim_1="y", dim_2="x")
    corners = [(-5, -5), (30_000, -5), (30_000, 30_000), (-5, 30_000)]
    begun = time.perf_counter()
    found = found_in([hint("Polygon", closed(corners))], scene)
    assert time.perf_counter() - begun < 5
    assert len(found) == 2_000
    assert len({(r // 256, c // 256) for r, c in places(found)}) <= 16


def test_an_area_of_which_little_has_data_is_found():
    scene = scene_of(size=(200, 200))
    scene = scene.copy(data=np.zeros(scene.shape, "uint16"))
    scene[:, 150:155, 20:25] = 7
    corners = [(-1, -1), (199, -1), (199, 199), (-1, 199)]
    assert len(found_in([hint("Polygon", closed(corners))], scene)) == 25


def test_a_place_that_one_of_several_scenes_cannot_know_is_in_another():
    far = scene_of(crs="+proj=ortho +lat_0=-50 +lon_0=-170")
    point = hint("Point", on_map(NORTH_UP, 4, 5), UTM)
    found = found_in([point], far, scene_of())
    assert (found.scenes.tolist(), places(found)) == ([1], [(4, 5)])
