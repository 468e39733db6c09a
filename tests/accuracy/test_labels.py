"""Labels, and the categories that they mean."""

import numpy as np
import pandas as pd
import pytest

from ktextures.accuracy.labels import Labels, is_empty
from ktextures.classes.legend import Legend
from ktextures.classes.table import ClassTable
from ktextures.errors import InputError
from ktextures.palette import class_colors

TABLE = ClassTable(("water", "Wood", "3", "7"), tuple(class_colors(4)))
LEGEND = Legend(["water", "wood"], ["blue", "green"], [11, 41])


@pytest.mark.parametrize(
    ("label", "place"),
    [
        (1, 0),
        (np.int64(2), 1),
        (2.0, 1),
        ("2", 1),
        ("water", 0),
        (" WATER ", 0),
        ("wood", 1),
        ("class 2", 1),
        ("3", 2),
        ("7", 3),  # a name comes before a number
        (4, 3),
    ],
)
def test_labels_of_classes(label, place):
    labels = Labels(TABLE, None)
    assert labels.place(label) == place
    assert len(labels.categories) == 4


def test_other_labels_are_added_once():
    labels = Labels(TABLE, None)
    assert [labels.place(each) for each in ("bog", 9, "bog", "9", "class 9")] == [
        *(4, 5, 4, 5, 5)
    ]
    bog, nine = labels.categories[4:]
    assert (bog.value, bog.name, bog.mapped) == (None, "bog", False)
    assert (nine.value, nine.name, nine.mapped) == (9, "class 9", False)
    colors = [each.color for each in labels.categories]
    assert len(set(colors)) == 6
    assert Labels(LEGEND, None).place(9) == 2


def test_a_legend_names_the_numbers_of_the_reference():
    labels = Labels(TABLE, Legend(["wood", "bog"], ["green", "#123456"], [1, 2]))
    assert [labels.place(each) for each in (1, "1", 1.0, "water", 2)] == [1, 1, 1, 0, 4]
    assert labels.categories[4].color == "#123456"
    with pytest.raises(InputError, match="the reference holds 3, which the legend"):
        labels.place(3)
    incomplete = Labels(TABLE, LEGEND, complete=False)
    assert incomplete.place(41) == 1
    assert incomplete.place(4) == 3


@pytest.mark.parametrize("label", [1.5, -2, True, (1, 2), np.inf])
def test_what_is_no_label(label):
    with pytest.raises(InputError, match="give numbers or names of classes"):
        Labels(TABLE, None).place(label)


@pytest.mark.parametrize(
    ("label", "empty"),
    [
        *((each, True) for each in ("", "  ", None, np.nan, pd.NA, 0, 0.0, "0", " 0")),
        *((each, False) for each in ("a", 1, 1.0, "00 a", "no", -1)),
    ],
)
def test_empty_labels(label, empty):
    assert is_empty(label) is empty
