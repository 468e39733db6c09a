"""Classes assigned to the entries of a legend, and what keeps the assignment."""

import json

import numpy as np
import pytest
import xarray as xr

import ktextures as kt
from ktextures.classes.assignment import Assignment
from ktextures.errors import InputError
from ktextures.training.lineage import merged_table, split_table

LEGEND = kt.Legend(["forest", "water", "bare"], ["green", "blue", "tan"], [41, 11, 31])
FIVE = kt.ClassTable.default(5)
ASSIGNED = FIVE.assign({"water": 2, "forest": [1, 4]}, LEGEND)


def codes(table):
    return table.assignment.codes


def test_several_classes_have_one_entry_and_some_have_none():
    assert codes(ASSIGNED) == (41, 11, 0, 41, 0)
    assert ASSIGNED.legend == LEGEND
    assert ASSIGNED.assignment.classes() == {"forest": (1, 4), "water": (2,)}
    assert ASSIGNED.names == FIVE.names
    assert FIVE.assignment is None
    assert FIVE.legend is None


def test_classes_may_be_given_by_name():
    table = FIVE.rename(3, "lake").rename(1, "oak")

    made = table.assign({"water": ["lake", 2], "forest": "oak"}, LEGEND)

    assert codes(made) == (41, 11, 11, 0, 0)


def test_without_a_legend_names_make_one_in_the_colors_of_their_classes():
    made = FIVE.assign({"wood": [4, 1], "lake": [2]})

    assert made.legend == kt.Legend(["wood", "lake"], [FIVE.colors[3], FIVE.colors[1]])
    assert codes(made) == (1, 2, 0, 1, 0)


def test_a_later_assignment_replaces_the_earlier_one_but_not_the_legend():
    again = ASSIGNED.assign({"bare": 5})

    assert codes(again) == (0, 0, 0, 0, 31)
    assert again.legend == LEGEND
    assert ASSIGNED.assign({}).assignment == Assignment(LEGEND, (0,) * 5)
    assert ASSIGNED.assign(None) == FIVE
    assert ASSIGNED.assign(ASSIGNED.assignment.classes()) == ASSIGNED


def test_the_legend_may_be_whatever_can_be_read(tmp_path):
    LEGEND.save(tmp_path / "legend.csv")

    made = FIVE.assign({"forest": [1, 4], "water": 2}, tmp_path / "legend.csv")

    assert made == ASSIGNED


@pytest.mark.parametrize(
    ("given", "legend", "message"),
    [
        ({"forest": [6]}, LEGEND, "There is no class 6; the classes are 1 'class 1'"),
        ({"forest": 0}, LEGEND, "There is no class 0"),
        ({"forest": "oak"}, LEGEND, "There is no class 'oak'"),
        (
            {"forest": [1], "water": [1]},
            LEGEND,
            r"Class 1 \('class 1'\) is assigned mo",
        ),
        ({"forest": [1, 1]}, None, r"Class 1 \('class 1'\) is assigned more than once"),
        ({"sand": [1]}, LEGEND, "the legend has no 'sand': give one of its names"),
        ({"sand": []}, LEGEND, "the legend has no 'sand': give one of its names"),
        ({str(n): [] for n in range(6)}, LEGEND, "6 names are given for 5 classes"),
        ({"forest": []}, None, "'forest' has no classes, and there is no legend"),
        ({}, None, "no names are given, and there is no legend"),
        ({"forest": None}, LEGEND, "the classes of 'forest' are None; give a list"),
        ({"forest": {1: 2}}, LEGEND, "the classes of 'forest' are {1: 2}; give a list"),
        ([1, 2], LEGEND, r"classes is \[1, 2\]; give a mapping from names"),
        ({"a": 1}, 7, "the legend is 7: give a Legend"),
        ({" ": 1}, None, "' ' is not a class name"),
    ],
)
def test_assignments_that_cannot_be_made(given, legend, message):
    with pytest.raises(InputError, match=message):
        FIVE.assign(given, legend)


def test_an_assignment_must_be_for_these_classes():
    with pytest.raises(InputError, match="one code for each of 2 classes"):
        kt.ClassTable(("a", "b"), ("red", "blue"), (), Assignment(LEGEND, (41,)))
    with pytest.raises(InputError, match="the code 99, which the legend does not"):
        Assignment(LEGEND, (99,))


# --- what keeps it ---------------------------------------------------------------


def test_new_names_and_colors_keep_it():
    assert codes(ASSIGNED.rename(1, "oak").recolor(2, "teal")) == codes(ASSIGNED)


def test_tables_that_differ_in_it_are_not_equal():
    assert ASSIGNED != FIVE
    assert hash(ASSIGNED) == hash(FIVE.assign({"forest": [4, 1], "water": 2}, LEGEND))


def test_dict_and_attributes_round_trip():
    described = json.loads(json.dumps(ASSIGNED.to_dict()))

    assert kt.ClassTable.from_dict(described) == ASSIGNED
    assert kt.ClassTable.from_attrs(ASSIGNED.attrs()) == ASSIGNED


def test_without_it_nothing_else_is_written():
    assert set(FIVE.to_dict()) == {"names", "colors"}
    assert "class_legend" not in FIVE.attrs()


@pytest.mark.parametrize(
    "stored", ["{", "3", "{}", '{"legend": {"a": "red"}, "codes": ["x"]}', 7]
)
def test_damaged_attributes_are_refused(stored):
    with pytest.raises(InputError, match=r"class_legend is damaged: .* assign the cla"):
        kt.ClassTable.from_attrs({**FIVE.attrs(), "class_legend": stored})


def test_attributes_of_other_classes_are_refused():
    attrs = {**kt.ClassTable.default(2).attrs()}
    attrs["class_legend"] = ASSIGNED.attrs()["class_legend"]
    with pytest.raises(InputError, match="one code for each of 2 classes"):
        kt.ClassTable.from_attrs(attrs)


def test_classes_that_correspond_keep_their_entry():
    assert codes(ASSIGNED.matched([4, 2, 9, 3])) == (41, 11, 0, 0)


def test_parts_of_a_class_have_its_entry():
    assert codes(split_table(ASSIGNED, 2, 3)) == (41, 11, 0, 41, 0, 11, 11)
    assert split_table(FIVE, 2, 3).assignment is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2], (41, 0, 41, 0)),
        ([2, 1], (11, 0, 41, 0)),
        ([3, 2], (41, 11, 41, 0)),
        ([5, 3], (41, 11, 41, 0)),
    ],
)
def test_a_merged_class_has_the_entry_of_the_first_that_has_one(values, expected):
    table, _ = merged_table(ASSIGNED, values, None)
    assert codes(table) == expected


def test_notebooks_show_the_entry_of_each_class():
    page = ASSIGNED._repr_html_()

    assert page.count('left">forest</td>') == 2
    assert ">legend</th>" in page
    assert ">legend</th>" not in FIVE._repr_html_()


# --- class maps ------------------------------------------------------------------


def class_map(values, table):
    classes = xr.DataArray(np.array(values, np.uint8), dims=("y", "x"))
    return classes.assign_attrs(table.attrs())


def test_renumbered_classes_take_their_entry_along():
    classes = class_map([[1, 2, 3, 4, 5]], ASSIGNED)

    moved = kt.relabel_classes(classes, [2, 1, 3, 3, 0])

    table = kt.ClassTable.from_attrs(moved.attrs)
    assert codes(table) == (11, 41, 0)
    assert table.legend == LEGEND


def test_matched_maps_take_the_entries_of_the_other():
    old = class_map([[1, 2, 2, 3]], kt.ClassTable.default(3).assign({"a": 1, "b": 2}))
    new = class_map([[2, 3, 3, 1]], kt.ClassTable.default(3))

    matched = kt.ClassTable.from_attrs(kt.match_classes(new, old).attrs)

    assert matched.assignment == Assignment(
        kt.Legend.read({"a": "#0072b2", "b": "#e69f00"}), (1, 2, 0)
    )


def test_matched_maps_keep_their_own_entries_where_the_other_has_none():
    new = class_map([[2, 3, 3, 1]], kt.ClassTable.default(3).assign({"a": 1, "b": 2}))

    matched = kt.match_classes(new, np.array([[1, 2, 2, 3]]))

    assert codes(kt.ClassTable.from_attrs(matched.attrs)) == (2, 0, 1)
