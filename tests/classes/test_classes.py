import json
from xml.etree import ElementTree

import numpy as np
import pytest
import rioxarray
import xarray as xr

from ktextures.classes.arrays import canonical_order, match_to, relabel
from ktextures.classes.origins import Ancestor, Origin
from ktextures.classes.table import ClassTable, table_of
from ktextures.errors import InputError
from ktextures.palette import class_colors

NAMES = ("open water", "Gehölz, dicht", "砂 & <sand>", 'say "hi"')


def class_map(values, table):
    classes = xr.DataArray(np.asarray(values, np.uint8), dims=("y", "x"))
    return classes.assign_attrs(table.attrs())


def test_default_table_has_numbered_names_and_the_palette():
    table = ClassTable.default(3)

    assert table.k == 3
    assert table.names == ("class 1", "class 2", "class 3")
    assert table.colors == tuple(class_colors(3))


def test_rename_and_recolor_give_new_tables():
    table = ClassTable.default(2)

    changed = table.rename(2, " open water ").recolor(1, "Teal")

    assert changed.names == ("class 1", "open water")
    assert changed.colors == ("#008080", table.colors[1])
    assert table == ClassTable.default(2)


@pytest.mark.parametrize("value", [0, 3, -1, 1.0, True, "1"])
def test_rename_and_recolor_name_the_wrong_class(value):
    table = ClassTable.default(2)
    with pytest.raises(
        InputError, match=rf"no class '?{value}'? in a table of 2: give a value 1..2"
    ):
        table.rename(value, "water")
    with pytest.raises(
        InputError, match=rf"no class '?{value}'? in a table of 2: give a value 1..2"
    ):
        table.recolor(value, "#000000")


def test_invalid_names_and_colors_are_rejected():
    table = ClassTable.default(2)
    for name in ("", "  ", "two\nlines", None, 3):
        with pytest.raises(InputError, match="give printable text on one line"):
            table.rename(1, name)
    with pytest.raises(InputError, match="'blau' is not a color"):
        table.recolor(1, "blau")
    with pytest.raises(InputError, match="2 names but 1 colors"):
        ClassTable(("a", "b"), ("#000000",))
    with pytest.raises(InputError, match="a table has 1 to 255 classes, got 0"):
        ClassTable((), ())
    with pytest.raises(InputError, match="names is 'ab': give a list of text"):
        ClassTable("ab", ("#000000", "#ffffff"))


def test_table_keeps_lists_as_tuples_so_that_it_stays_frozen():
    table = ClassTable(["a"], ["#ABCDEF"])

    assert table == ClassTable(("a",), ("#abcdef",))
    assert hash(table) == hash(ClassTable(("a",), ("#abcdef",)))


def test_attrs_follow_the_flag_conventions():
    table = ClassTable(("open water", "a/b", "a b"), ("#000001", "#000002", "#000003"))

    attrs = table.attrs()

    assert attrs == {
        "long_name": "class",
        "flag_values": [1, 2, 3],
        "flag_meanings": "open_water a_b a_b_3",
        "flag_colors": "#000001 #000002 #000003",
        "class_names": '["open water", "a/b", "a b"]',
    }


def test_attrs_round_trip():
    table = ClassTable(NAMES, class_colors(4))

    assert ClassTable.from_attrs(table.attrs()) == table
    assert len(table.attrs()["flag_meanings"].split()) == 4


@pytest.mark.parametrize("k", [1, 2, 128])
def test_attrs_round_trip_as_text_of_arrays(k):
    table = ClassTable.default(k)
    attrs = {
        key: str(np.array(value)) if isinstance(value, list) else value
        for key, value in table.attrs().items()
    }

    assert ClassTable.from_attrs(attrs) == table


@pytest.mark.parametrize("k", [1, 3])
def test_attrs_round_trip_through_netcdf(tmp_path, k):
    table = ClassTable.default(k).rename(1, NAMES[1])
    classes = class_map([[1]], table).rename("classes")
    classes.to_netcdf(tmp_path / "classes.nc", engine="h5netcdf")

    with xr.open_dataarray(tmp_path / "classes.nc", engine="h5netcdf") as opened:
        assert ClassTable.from_attrs(opened.attrs) == table


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_attrs_round_trip_through_rioxarray_geotiff(tmp_path):
    table = ClassTable(NAMES, class_colors(4))
    class_map([[1, 2]], table).rio.to_raster(tmp_path / "classes.tif")

    with rioxarray.open_rasterio(tmp_path / "classes.tif") as opened:
        assert ClassTable.from_attrs(opened.attrs) == table


def test_from_attrs_without_names_in_full_uses_the_meanings():
    table = ClassTable.from_attrs({"flag_meanings": "water open_land"})

    assert table == ClassTable(("water", "open_land"), class_colors(2))


def test_from_attrs_errors_name_what_came():
    with pytest.raises(InputError, match=r"\['units'\] hold no class names: give"):
        ClassTable.from_attrs({"units": "1"})
    with pytest.raises(InputError, match=r"flag_values are \[0, 1\] for 2 class names"):
        ClassTable.from_attrs({"flag_meanings": "a b", "flag_values": "[0 1]"})
    with pytest.raises(InputError, match=r"class_names is '\[broken': give a JSON"):
        ClassTable.from_attrs({"class_names": "[broken"})
    with pytest.raises(InputError, match=r"class_names is '3': give a JSON"):
        ClassTable.from_attrs({"class_names": "3"})
    with pytest.raises(InputError, match="2 names but 1 colors"):
        ClassTable.from_attrs({"flag_meanings": "a b", "flag_colors": "#000000"})


def test_dict_round_trip_survives_json():
    table = ClassTable(NAMES, class_colors(4))

    assert ClassTable.from_dict(json.loads(json.dumps(table.to_dict()))) == table
    with pytest.raises(InputError, match="class table has no colors: give what"):
        ClassTable.from_dict({"names": ["a"]})


def test_notebooks_show_a_table_with_its_colors():
    table = ClassTable(("a & <b>", "c"), ("#0072b2", "#e69f00"))

    shown = table._repr_html_()

    root = ElementTree.fromstring(shown)  # so the markup is complete
    rows = [[cell.text for cell in row] for row in root.iter("tr")]
    assert rows[1:] == [["1", None, "a & <b>"], ["2", None, "c"]]
    swatches = [each.get("style") for each in root.iter("div")]
    assert ["#0072b2" in swatches[0], "#e69f00" in swatches[1]] == [True, True]


def test_table_of_attributes_without_names_is_none():
    assert table_of({"long_name": "true class"}) is None
    table = ClassTable.default(2)
    assert table_of(table.attrs()) == table


def test_matched_keeps_rows_and_invents_new_ones_with_free_colors():
    first, second, third = class_colors(3)
    table = ClassTable(("water", "wood"), (second, first))

    matched = table.matched([2, 3, 1])

    assert matched.names == ("wood", "class 2", "water")
    assert matched.colors == (first, third, second)
    assert table.matched([2]).names == ("wood",)
    with pytest.raises(InputError, match=r"mapping is \[1, 1\]: give distinct"):
        table.matched([1, 1])


def test_canonical_order_is_dark_to_bright_with_empty_classes_last():
    brightness = [0.7, np.nan, 0.2, 0.7, 0.1, np.nan]

    assert canonical_order(brightness).tolist() == [4, 2, 0, 3, 1, 5]


def test_canonical_order_wants_one_number_per_class():
    with pytest.raises(InputError, match=r"brightness has shape \(2, 1\)"):
        canonical_order([[1.0], [2.0]])


def test_relabel_keeps_nodata_and_merges():
    classes = np.array([[0, 1], [2, 3]], np.uint8)

    relabeled = relabel(classes, [2, 2, 200])

    assert relabeled.dtype == np.uint8
    assert relabeled.tolist() == [[0, 2], [2, 200]]
    assert classes.tolist() == [[0, 1], [2, 3]]


def test_relabel_errors_name_the_value():
    classes = np.array([[3]], np.uint8)
    with pytest.raises(InputError, match="class 3 is not in the mapping of 2"):
        relabel(classes, [1, 2])
    with pytest.raises(
        InputError, match=r"mapping is \[1, 2, -1\]: give values 0..255"
    ):
        relabel(classes, [1, 2, -1])
    with pytest.raises(InputError, match=r"give values 0\.\.255"):
        relabel(classes, [1, 2, 256])
    with pytest.raises(InputError, match="mapping is float64 with shape"):
        relabel(classes, [1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="classes are int64: give uint8"):
        relabel(classes.astype(int), [1, 2, 3])


def test_match_to_undoes_any_permutation():
    rng = np.random.default_rng(0)
    old = rng.integers(0, 7, (40, 50)).astype(np.uint8)
    order = rng.permutation(6)

    new = relabel(old, order + 1)

    np.testing.assert_array_equal(relabel(new, match_to(new, old, 6, 6)), old)


def test_match_to_finds_the_largest_total_not_the_largest_pair():
    # Shared pixels: new 1 with old 1: 5, with old 2: 4; new 2 with old 1: 4, else 0.
    new = np.array([[1] * 9 + [2] * 4], np.uint8)
    old = np.array([[1] * 5 + [2] * 4 + [1] * 4], np.uint8)

    assert match_to(new, old, 2, 2).tolist() == [2, 1]


def test_match_to_gives_new_classes_unused_values():
    old = np.array([[1, 1, 1, 2, 2, 2]], np.uint8)
    new = np.array([[4, 4, 1, 3, 2, 2]], np.uint8)

    assert match_to(new, old, 4, 2).tolist() == [4, 2, 3, 1]


def test_match_to_fewer_classes_keeps_the_values_they_match():
    old = np.array([[1, 2, 3, 4]], np.uint8)
    new = np.array([[2, 2, 2, 1]], np.uint8)

    mapping = match_to(new, old, 2, 4)

    assert mapping[0] == 4
    assert mapping[1] in (1, 2, 3)


def test_match_to_leaves_values_alone_where_nothing_is_shared():
    nothing = np.zeros((2, 2), np.uint8)

    assert match_to(nothing, nothing, 4, 3).tolist() == [1, 2, 3, 4]


def test_match_to_errors_name_the_value():
    classes = np.array([[3]], np.uint8)
    with pytest.raises(InputError, match=r"shapes \(1, 1\) and \(1, 3\)"):
        match_to(classes, classes.repeat(3, axis=1), 3, 3)
    with pytest.raises(InputError, match="a map of k=2 classes holds class 3"):
        match_to(classes, classes, 2, 3)
    with pytest.raises(InputError, match="classes are int64: give uint8"):
        match_to(classes.astype(int), classes, 3, 3)


def made_table():
    """Beech and oak became wood, which was then split."""
    wood = Origin("merge", (Ancestor("beech", 2), Ancestor("oak", 4)))
    part = Origin("split", (Ancestor("wood", 2, wood),))
    return ClassTable(("water", "tall", "low"), class_colors(3), (None, part, part))


def test_ancestors_are_listed_parents_first():
    table = made_table()

    assert table.ancestors(1) == ()
    assert table.ancestors(2) == ("wood", "beech", "oak")
    assert ClassTable.default(2).origins == (None, None)
    with pytest.raises(InputError, match="there is no class 4"):
        table.ancestors(4)


def test_origins_stay_with_their_classes():
    table = made_table().rename(2, "old").recolor(1, "red")

    assert table.origins == made_table().origins
    moved = table.matched([3, 1, 9])
    assert moved.origins == (table.origins[2], None, None)


def test_origins_survive_json_and_are_not_in_attributes():
    table = made_table()

    read = ClassTable.from_dict(json.loads(json.dumps(table.to_dict())))

    assert read.origins == table.origins
    assert "origins" not in ClassTable.default(2).to_dict()
    assert "wood" not in str(table.attrs())
    # Names and colors make tables equal, as files of class maps hold no more.
    assert ClassTable.from_attrs(table.attrs()) == table


def test_notebooks_show_what_classes_were_made_of():
    root = ElementTree.fromstring(made_table()._repr_html_())

    rows = [[cell.text for cell in row] for row in root.iter("tr")]
    assert rows[0] == ["value", "color", "name", "made of"]
    assert [row[3] for row in rows[1:]] == [None, "part of wood", "part of wood"]


@pytest.mark.parametrize(
    ("origins", "message"),
    [
        ((None,), "give one Origin or None for every class"),
        (("split", None), "give one Origin or None for every class"),
    ],
)
def test_origins_of_a_table_are_checked(origins, message):
    with pytest.raises(InputError, match=message):
        ClassTable(("a", "b"), class_colors(2), origins)


def nested(depth):
    origin = None
    for _ in range(depth):
        parent = {"name": "a", "value": 1, "origin": origin}
        origin = {"kind": "split", "parents": [parent]}
    return origin


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        ("split", "must have kind, parents, and nothing else"),
        ({"kind": "split"}, "must have kind, parents"),
        ({"kind": "split", "parents": []}, "0 parents do not make a split"),
        ({"kind": "merge", "parents": []}, "0 parents do not make a merge"),
        ({"kind": "eval", "parents": []}, "an origin is 'eval'"),
        ({"kind": "merge", "parents": "ab"}, "must list at most 255 parents"),
        ({"kind": "merge", "parents": [1, 2]}, "a parent must have name, value"),
        (
            {"kind": "split", "parents": [{"name": "", "value": 1, "origin": None}]},
            "is not a class name",
        ),
        (
            {"kind": "split", "parents": [{"name": "a", "value": 0, "origin": None}]},
            "the number 0",
        ),
        (nested(17), "more than 16 generations"),
        (nested(5000), "more than 16 generations"),
    ],
)
def test_origins_in_files_are_checked(origin, message):
    described = {**ClassTable.default(1).to_dict(), "origins": [origin]}
    with pytest.raises(InputError, match=message):
        ClassTable.from_dict(described)


def test_ancestors_do_not_pile_up():
    origin = None
    for _ in range(40):
        part = Origin("split", (Ancestor("a", 1, origin),))
        origin = Origin("merge", (Ancestor("a", 1, part), Ancestor("b", 2, part)))

    assert 100 < len(origin.ancestors()) <= 512
    assert len(Origin("split", (Ancestor("a", 1, origin),)).ancestors()) <= 512
    table = ClassTable(("a",), ("#000000",), (origin,))
    assert ClassTable.from_dict(table.to_dict()).origins == table.origins
