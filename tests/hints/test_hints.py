"""Lists of hints: from every source, to files and back, and never changed."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ktextures as kt
from ktextures.errors import InputError, OutputError
from ktextures.hints.geometry import positions, transformed

ROWS = [(3, 5, "water"), (40, 12, "forest"), (8, 8, "water")]
NUMBERS = st.floats(-1e6, 1e6)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1)
CLASSES = st.one_of(st.integers(1, 128), NAMES)


def point(x, y):
    return {"type": "Point", "coordinates": [x, y]}


def feature(class_, geometry=None, **properties):
    return {
        "type": "Feature",
        "properties": {"class": class_, **properties},
        "geometry": geometry or point(9.5, 48.25),
    }


def collection(*features, **members):
    return {"type": "FeatureCollection", "features": list(features), **members}


def written(folder, content):
    path = folder / "hints.geojson"
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="utf-8")
    return path


@st.composite
def geometries(draw, numbers=NUMBERS):
    position = st.tuples(numbers, numbers)
    kind = draw(st.sampled_from(["Point", "MultiPoint", "LineString", "Polygon"]))
    if kind == "Point":
        return {"type": kind, "coordinates": draw(position)}
    several = draw(st.lists(position, min_size=3, max_size=6))
    if kind == "Polygon":
        several = [(*several, several[0])]
    return {"type": kind, "coordinates": several}


# --- sources ------------------------------------------------------------------------


def test_rows_give_points_in_columns_and_rows():
    hints = kt.Hints(ROWS)
    assert [hint.geometry["coordinates"] for hint in hints] == [
        (5, 3),
        (12, 40),
        (8, 8),
    ]
    assert {hint.crs for hint in hints} == {None}
    assert hints.classes == ("water", "forest")


@pytest.mark.parametrize(
    "source",
    [
        tuple(ROWS),
        (row for row in ROWS),
        list(map(list, ROWS)),
        [kt.Hint.at(*row) for row in ROWS],
        [kt.Hint.at(*ROWS[0]), *ROWS[1:]],
        kt.Hints(ROWS),
        pd.DataFrame(ROWS, columns=["row", "col", "class"]),
        pd.DataFrame(
            [(c, 0, x, r) for r, x, c in ROWS], columns=["class", "id", "col", "row"]
        ),
    ],
    ids=["tuple", "generator", "lists", "hints", "mixed", "Hints", "table", "columns"],
)
def test_other_forms_of_rows_give_the_same(source):
    assert kt.Hints(source) == kt.Hints(ROWS)


def test_numbers_of_a_table_may_be_of_any_type():
    table = pd.DataFrame({"row": [1.0, 2.0], "col": [3, 4], "class": [2.0, 1.0]})
    assert kt.Hints(table) == kt.Hints([(1, 3, 2), (2, 4, 1)])


def test_nothing_gives_no_hints():
    for nothing in ((), [], kt.Hints(), pd.DataFrame(columns=["row", "col", "class"])):
        assert len(kt.Hints(nothing)) == 0
    assert len(kt.Hints()) == 0


@pytest.mark.parametrize("source", [5, None, 2.5, object()])
def test_what_is_no_source_is_refused(source):
    with pytest.raises(InputError, match=r"hints is .*; give a GeoDataFrame, the path"):
        kt.Hints(source)


@pytest.mark.parametrize("row", ["abc", (1, 2), (1, 2, 3, 4), 7, {"row": 1}, None])
def test_rows_that_are_none_are_refused_by_number(row):
    with pytest.raises(InputError, match=r"Hint 2 is .*; give a GeoDataFrame"):
        kt.Hints([(1, 2, 3), row])


@pytest.mark.parametrize(
    ("row", "match"),
    [
        ((1, 2, 0), "Hint 2: a hint has the class 0"),
        ((1, None, 2), "Hint 2: a hint has the position"),
        ((float("nan"), 1, 2), "Hint 2: a hint has the position"),
    ],
)
def test_rows_that_cannot_be_used_are_refused_by_number(row, match):
    with pytest.raises(InputError, match=match):
        kt.Hints([(1, 2, 3), row])


def test_a_gap_in_the_classes_of_a_table_is_refused_by_number():
    table = pd.DataFrame({"row": [1, 2], "col": [3, 4], "class": [2.0, np.nan]})
    with pytest.raises(InputError, match="Hint 2: a hint has the class nan"):
        kt.Hints(table)


def test_missing_columns_are_named():
    table = pd.DataFrame({"row": [1], "column": [2], "label": ["a"]})
    match = r"columns \['row', 'column', 'label'\] and no 'col' and no 'class'; name"
    with pytest.raises(InputError, match=match):
        kt.Hints(table)


# --- GeoJSON ------------------------------------------------------------------------


def test_a_file_without_crs_holds_longitude_and_latitude(tmp_path):
    path = written(tmp_path, collection(feature("water"), feature(2.0)))
    for source in (path, str(path)):
        hints = kt.Hints(source)
        assert hints.classes == ("water", 2)
        assert {hint.crs for hint in hints} == {"OGC:CRS84"}
        assert hints[0].geometry["coordinates"] == (9.5, 48.25)


def test_a_file_whose_crs_is_null_holds_columns_and_rows(tmp_path):
    path = written(tmp_path, collection(feature(1, point(5, 3)), crs=None))
    assert kt.Hints(path) == kt.Hints([(3, 5, 1)])


@pytest.mark.parametrize(
    "name",
    ["EPSG:32632", "urn:ogc:def:crs:EPSG::32632", "urn:ogc:def:crs:EPSG:8:32632"],
)
def test_the_crs_that_older_programs_declare_counts(name, tmp_path):
    declared = {"type": "name", "properties": {"name": name}}
    path = written(tmp_path, collection(feature(1), crs=declared))
    assert kt.Hints(path)[0].crs == "EPSG:32632"


@pytest.mark.parametrize(
    "declared",
    [
        {"type": "name", "properties": {"name": "EPSG:1"}},
        {"type": "name", "properties": {}},
        {"type": "link", "properties": None},
        "mars",
        [],
        {},
        0,
    ],
)
def test_an_unknown_declared_crs_is_refused(declared, tmp_path):
    path = written(tmp_path, collection(feature(1), crs=declared))
    match = r'declares the CRS .*, which is unknown; remove its member "crs"'
    with pytest.raises(InputError, match=match):
        kt.Hints(path)


def test_a_single_feature_and_a_byte_order_mark_are_read(tmp_path):
    path = tmp_path / "one.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(feature("wood")).encode())
    assert kt.Hints(path).classes == ("wood",)


def test_a_mapping_is_read_like_a_file():
    hints = kt.Hints(collection(feature("wood"), feature("lake")))
    assert hints.classes == ("wood", "lake")
    assert hints[0].crs == "OGC:CRS84"


@pytest.mark.parametrize("content", ["", "x", '{"type":', "[" * 100_000])
def test_a_file_that_is_not_json_is_refused(content, tmp_path):
    match = r"hints.geojson' is not GeoJSON \(.*\). Other vector files: read them with"
    with pytest.raises(InputError, match=match):
        kt.Hints(written(tmp_path, content))


def test_a_binary_file_is_refused(tmp_path):
    path = tmp_path / "hints.gpkg"
    path.write_bytes(b"SQLite format 3\0\xff\xfe")
    with pytest.raises(InputError, match=r"hints.gpkg' is not GeoJSON .*geopandas"):
        kt.Hints(path)


@pytest.mark.parametrize("content", [[], [feature(1)], 3, "text", None])
def test_a_file_of_something_else_is_refused(content, tmp_path):
    path = written(tmp_path, json.dumps(content))
    match = f"holds a {type(content).__name__}; a GeoJSON file holds a FeatureColl"
    with pytest.raises(InputError, match=match):
        kt.Hints(path)


@pytest.mark.parametrize(
    "content",
    [
        {},
        point(1, 2),
        {"type": "FeatureCollection"},
        {"type": "FeatureCollection", "features": {"a": 1}},
        {"type": "FeatureCollection", "features": [1]},
    ],
)
def test_objects_without_features_are_refused(content):
    match = r"the hints are GeoJSON of type .*; give a FeatureCollection of points"
    with pytest.raises(InputError, match=match):
        kt.Hints(content)


def test_a_missing_file_is_told_as_python_tells_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="none"):
        kt.Hints(tmp_path / "none.geojson")


def test_a_huge_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("ktextures.hints.geojson.MOST_BYTES", 50)
    with pytest.raises(InputError, match="has more than 0 MB; give a file with fewer"):
        kt.Hints(written(tmp_path, collection(feature(1))))


def test_features_without_the_class_are_refused_with_what_they_have():
    other = {"type": "Feature", "properties": {"kind": 1, "id": 2}}
    match = r"Hint 2 has no property 'class', only \['id', 'kind'\]; name the property"
    with pytest.raises(InputError, match=match):
        kt.Hints(collection(feature(1), other))
    with pytest.raises(InputError, match=r"Hint 1 has no property 'class', only \[\]"):
        kt.Hints(collection({"type": "Feature", "properties": None}))


def test_features_without_a_geometry_are_refused():
    empty = {"type": "Feature", "properties": {"class": 1}, "geometry": None}
    with pytest.raises(InputError, match="Hint 2 has no geometry; leave it out"):
        kt.Hints(collection(feature(1), empty))


@pytest.mark.parametrize(
    ("damaged", "match"),
    [
        (feature(None), "Hint 1: a hint has the class None"),
        (feature(1, {"type": "LineString", "coordinates": [[1, 2]]}), "Hint 1: a line"),
        (feature(1, {"type": "Point", "coordinates": [1]}), "Hint 1: .* the position"),
    ],
)
def test_features_that_cannot_be_used_are_refused_by_number(damaged, match):
    with pytest.raises(InputError, match=match):
        kt.Hints(collection(damaged))


def geodataframe(crs, *features):
    return SimpleNamespace(__geo_interface__=collection(*features), crs=crs)


class Crs:
    """Prints itself as that of pyproj does."""

    def __str__(self):
        return "EPSG:32632"


def test_a_geodataframe_brings_its_crs():
    hints = kt.Hints(geodataframe(Crs(), feature("wood", point(5e5, 5e6), id=1)))
    assert hints == kt.Hints([kt.Hint("wood", point(5e5, 5e6), "EPSG:32632")])


def test_a_geodataframe_without_crs_is_refused():
    match = r"The hints have no CRS, .* Set it with hints.set_crs\(...\), or give rows"
    with pytest.raises(InputError, match=match):
        kt.Hints(geodataframe(None, feature(1)))
    with pytest.raises(InputError, match=match):
        kt.Hints(SimpleNamespace(__geo_interface__=collection(feature(1))))


def test_a_geodataframe_without_the_class_is_refused():
    other = {"type": "Feature", "properties": {"kind": 1}, "geometry": point(1, 2)}
    with pytest.raises(InputError, match=r"Hint 1 has no property 'class'.*or column"):
        kt.Hints(geodataframe("EPSG:32632", other))


# --- round trips --------------------------------------------------------------------


@given(st.lists(st.tuples(CLASSES, geometries()), max_size=5))
def test_files_of_hints_in_pixels_are_exact(tmp_path_factory, found):
    hints = kt.Hints([kt.Hint(class_, geometry) for class_, geometry in found])
    path = tmp_path_factory.mktemp("pixels") / "hints.geojson"
    hints.save(path)
    assert kt.Hints(path) == hints
    # Of no hints, there is no CRS to speak of.
    assert ("crs" in json.loads(path.read_text("utf-8"))) == bool(len(hints))


@given(st.lists(st.tuples(CLASSES, geometries(st.floats(4e5, 6e5))), max_size=5))
def test_files_of_hints_on_the_map_are_exact_to_a_micrometer(tmp_path_factory, found):
    hints = kt.Hints(
        [kt.Hint(class_, geometry, "EPSG:32632") for class_, geometry in found]
    )
    path = tmp_path_factory.mktemp("map") / "hints.geojson"
    hints.save(path)
    assert "crs" not in json.loads(path.read_text("utf-8"))
    back = kt.Hints(path)
    assert [each.class_ for each in back] == [each.class_ for each in hints]
    assert {each.crs for each in back} <= {"OGC:CRS84"}
    for one, other in zip(hints, back, strict=True):
        again = transformed(other.geometry, other.crs, "EPSG:32632")
        assert again["type"] == one.geometry["type"]
        np.testing.assert_allclose(
            positions(again), positions(one.geometry), rtol=0, atol=1e-6
        )


@given(
    st.lists(
        st.tuples(CLASSES, geometries(), st.sampled_from([None, "EPSG:32632"])),
        max_size=5,
    )
)
def test_lists_are_exact(found):
    hints = kt.Hints([kt.Hint(*each) for each in found])
    assert kt.Hints.from_list(json.loads(json.dumps(hints.to_list()))) == hints


def test_hints_with_and_without_crs_need_two_files(tmp_path):
    hints = kt.Hints([(1, 2, 3), kt.Hint(1, point(5e5, 5e6), "EPSG:32632")])
    for call in (hints.to_geojson, lambda: hints.save(tmp_path / "x.geojson")):
        with pytest.raises(InputError, match=r"one file cannot hold both\. Save them"):
            call()
    assert not list(tmp_path.iterdir())


def test_saving_replaces_a_file_and_needs_a_folder(tmp_path):
    path = tmp_path / "hints.geojson"
    kt.Hints(ROWS).save(path)
    kt.Hints(ROWS[:1]).save(str(path))
    assert kt.Hints(path) == kt.Hints(ROWS[:1])
    with pytest.raises(OutputError, match=r"cannot write .*hints.geojson"):
        kt.Hints(ROWS).save(tmp_path / "none" / "hints.geojson")


@pytest.mark.parametrize("described", [[{}], ["x"], [{"class": 1}]])
def test_lists_with_gaps_are_refused(described):
    with pytest.raises(InputError, match=r"give what Hint.to_dict\(\) returned"):
        kt.Hints.from_list(described)


# --- values -------------------------------------------------------------------------


def test_adding_makes_new_hints():
    hints = kt.Hints(ROWS[:1])
    for more in (ROWS[1:], kt.Hints(ROWS[1:]), tuple(ROWS[1:])):
        assert hints + more == kt.Hints(ROWS)
    assert len(hints) == 1
    added = hints
    added += ROWS[1:]
    assert (len(added), len(hints)) == (3, 1)
    with pytest.raises(InputError, match="hints is 5"):
        hints + 5


def test_slices_are_hints_and_places_are_single_ones():
    hints = kt.Hints(ROWS)
    assert hints[0] == kt.Hint.at(3, 5, "water")
    assert hints[-1] == kt.Hint.at(8, 8, "water")
    assert hints[1:] == kt.Hints(ROWS[1:])
    assert hints[::-1] == kt.Hints(ROWS[::-1])
    assert list(hints) == [hints[0], hints[1], hints[2]]
    assert hints[0] in hints
    with pytest.raises(IndexError):
        hints[3]


def test_one_may_be_left_out_or_replaced():
    hints, other = kt.Hints(ROWS), kt.Hint.at(0, 0, 1)
    assert hints.without(1) == kt.Hints([ROWS[0], ROWS[2]])
    assert hints.replaced(2, other) == kt.Hints([*ROWS[:2], other])
    assert hints == kt.Hints(ROWS)


@pytest.mark.parametrize("index", [-1, 3])
def test_places_that_do_not_exist_are_refused(index):
    hints = kt.Hints(ROWS)
    match = rf"there is no hint {index + 1}; there are 3"
    with pytest.raises(InputError, match=match):
        hints.without(index)
    with pytest.raises(InputError, match=match):
        hints.replaced(index, hints[0])


def test_all_classes_may_change():
    hints = kt.Hints(ROWS).of_classes([2, 1, "lake"])
    assert hints == kt.Hints([(3, 5, 2), (40, 12, 1), (8, 8, "lake")])
    with pytest.raises(InputError, match="2 classes for 3 hints; give one each"):
        hints.of_classes([1, 2])
    with pytest.raises(InputError, match="has the class 0"):
        hints.of_classes([1, 2, 0])


def test_equality_is_about_order_and_parts():
    hints = kt.Hints(ROWS)
    assert hints == kt.Hints(ROWS)
    assert hints != kt.Hints(ROWS[::-1])
    assert hints != ROWS
    with pytest.raises(TypeError, match="unhashable"):
        hash(hints)


def test_the_text_tells_number_and_classes():
    assert repr(kt.Hints(ROWS)) == "<Hints: 3 of classes ['water', 'forest']>"
