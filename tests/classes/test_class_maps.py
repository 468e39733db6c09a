"""Class maps matched to others and renumbered, with their names and colors."""

import numpy as np
import pytest
import xarray as xr

from ktextures.classes.maps import match_classes, relabel_classes
from ktextures.classes.table import ClassTable
from ktextures.datasets import synthetic
from ktextures.errors import InputError
from ktextures.palette import class_colors

BLUE, ORANGE, GREEN, PINK = class_colors(4)


def class_map(values, names=None, colors=None, **attrs):
    classes = xr.DataArray(np.array(values, "uint8"), dims=("y", "x"), name="classes")
    if names is not None:
        table = ClassTable(names, colors or class_colors(len(names)))
        attrs = {**table.attrs(), **attrs}
    return classes.assign_attrs(attrs)


def rows(classes):
    table = ClassTable.from_attrs(classes.attrs)
    return list(zip(table.names, table.colors, strict=True))


def test_any_renumbering_of_the_truth_is_matched_to_it():
    truth = synthetic(64, k=5, nodata_share=0.2).truth
    shuffled = truth.copy(data=np.array([0, 3, 5, 1, 2, 4], "uint8")[truth.values])

    matched = match_classes(shuffled, truth)

    xr.testing.assert_identical(matched, truth)


@pytest.mark.parametrize("dtype", ["int64", "uint8", "int32"])
def test_plain_arrays_are_matched_to_maps(dtype):
    labels = np.array([[3, 3, 1], [2, 2, 0]], dtype)

    matched = match_classes(labels, class_map([[1, 1, 2], [3, 3, 3]], ["a", "b", "c"]))

    assert isinstance(matched, np.ndarray)
    assert matched.dtype == np.uint8
    assert matched.tolist() == [[1, 1, 2], [3, 3, 0]]
    assert labels[0, 0] == 3


def test_matched_classes_take_names_and_colors_of_the_other_map():
    old = class_map([[1, 1, 2, 2]], ["water", "forest"], [PINK, GREEN])
    new = class_map([[2, 2, 1, 3]], ["class 1", "class 2", "class 3"], source="run 2")

    matched = match_classes(new, old)

    assert matched.values.tolist() == [[1, 1, 2, 3]]
    assert rows(matched)[:2] == [("water", PINK), ("forest", GREEN)]
    name, color = rows(matched)[2]
    assert name == "class 3"
    assert color not in (PINK, GREEN)
    assert matched.attrs["source"] == "run 2"


def test_own_names_move_along_where_the_other_map_has_none():
    new = class_map([[2, 2, 1]], ["field", "class 2"], [PINK, GREEN], long_name="use")

    matched = match_classes(new, np.array([[1, 1, 2]]))

    assert matched.values.tolist() == [[1, 1, 2]]
    assert rows(matched) == [("class 1", GREEN), ("field", PINK)]
    assert matched.attrs["long_name"] == "use"


def test_maps_without_names_stay_without():
    matched = match_classes(class_map([[2, 1]]), class_map([[1, 2]], long_name="x"))
    assert matched.attrs == {}


def test_lazy_maps_are_computed():
    lazy = class_map([[2, 1]]).chunk(1)
    assert match_classes(lazy, lazy * 0 + 1).chunks is None


def test_relabel_renumbers_with_names_and_colors():
    classes = class_map([[0, 1, 2, 3]], ["class 1", "forest", "sand"])

    relabeled = relabel_classes(classes, [3, 1, 2])

    assert relabeled.values.tolist() == [[0, 3, 1, 2]]
    assert rows(relabeled) == [("forest", ORANGE), ("sand", GREEN), ("class 3", BLUE)]
    assert classes.values.tolist() == [[0, 1, 2, 3]]


def test_relabel_merges_into_the_class_that_keeps_its_number():
    classes = class_map([[1, 2, 3]], ["water", "forest", "trees"])

    merged = relabel_classes(classes, {3: 2})

    assert merged.values.tolist() == [[1, 2, 2]]
    assert rows(merged) == [("water", BLUE), ("forest", ORANGE)]
    swapped = relabel_classes(classes, {1: 3, 2: 1})
    assert [name for name, _ in rows(swapped)] == ["forest", "class 2", "trees"]
    both = relabel_classes(classes, [2, 1, 1])
    assert [name for name, _ in rows(both)] == ["forest", "water"]


def test_relabel_errors_name_the_value():
    classes = np.array([[1, 2]])
    with pytest.raises(InputError, match=r"keys \[3, 9\], but the classes are 1..2"):
        relabel_classes(classes, {3: 1, 9: 1})
    with pytest.raises(InputError, match="1 values for 2 classes: give a new value"):
        relabel_classes(classes, [1])
    with pytest.raises(InputError, match=r"mapping is \[-1, 2\]: give values 0..255"):
        relabel_classes(classes, {1: -1})
    with pytest.raises(InputError, match=r"mapping is \[0, 0\], which leaves no class"):
        relabel_classes(classes, [0, 0])


def test_relabel_sets_classes_to_nodata():
    classes = class_map([[1, 2, 3]], ["water", "forest", "trees"])
    less = relabel_classes(classes, [0, 1, 2])
    assert less.values.tolist() == [[0, 1, 2]]
    assert [name for name, _ in rows(less)] == ["forest", "trees"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[0.5]], "new holds float64: give classes as whole numbers"),
        ([[-1]], "new holds values from -1 to 0: give classes 1..255"),
        ([[256]], "new holds values from 0 to 256"),
        ([[1, 2]], r"shapes \(1, 2\) and \(1, 1\)"),
    ],
)
def test_what_is_not_a_class_map_is_refused(values, message):
    with pytest.raises(InputError, match=message):
        match_classes(np.array(values), np.array([[1]]))
