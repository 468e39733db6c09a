"""Class maps in the codes of a legend."""

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import ktextures as kt
from ktextures.errors import InputError

LEGEND = kt.Legend(["forest", "water", "bare"], ["green", "blue", "tan"], [41, 11, 31])
TABLE = kt.ClassTable.default(4).assign({"forest": [1, 4], "water": [2]}, LEGEND)
VALUES = np.array([[0, 1, 2], [3, 4, 4]], np.uint8)


def class_map(table=TABLE, values=VALUES):
    classes = xr.DataArray(values, dims=("y", "x"), name="classes")
    return classes.assign_attrs({**table.attrs(), "source": "a test"})


def test_codes_replace_classes_and_others_stay_visible():
    coded = kt.to_legend(class_map())

    assert coded.dtype == np.uint8
    # Class 3 has no entry: the largest code of the legend, 41, plus 3.
    assert coded.values.tolist() == [[0, 41, 11], [44, 41, 41]]
    assert coded.attrs["source"] == "a test"
    assert coded.name == "classes"
    assert coded.rio.nodata == 0
    assert "class_legend" not in coded.attrs
    found = kt.Legend.from_attrs(coded.attrs)
    assert found.names == (*LEGEND.names, "class 3 (unassigned)")
    assert found.colors == (*LEGEND.colors, TABLE.colors[2])
    assert found.codes == (41, 11, 31, 44)


def test_the_class_map_stays_as_it_is():
    classes = class_map()
    before = classes.copy(deep=True)

    kt.to_legend(classes)

    xr.testing.assert_identical(classes, before)


@pytest.mark.parametrize(
    ("highest", "unassigned", "dtype"),
    [
        (255, [], np.uint8),
        (251, [4], np.uint8),
        (252, [4], np.uint16),
        (256, [], np.uint16),
    ],
)
def test_rasters_are_as_wide_as_their_largest_code(highest, unassigned, dtype):
    rest = [value for value in (1, 2, 3, 4) if value not in unassigned]
    legend = kt.Legend(["all"], codes=[highest])

    coded = kt.to_legend(
        class_map(kt.ClassTable.default(4).assign({"all": rest}, legend))
    )

    assert coded.dtype == dtype
    assert coded.values[0, 1] == highest
    assert coded.values.max() == highest + sum(unassigned)


def test_lazy_maps_stay_lazy():
    classes = class_map().copy(data=da.from_array(VALUES, chunks=(1, 2)))

    coded = kt.to_legend(classes)

    assert coded.chunks == ((1, 1), (2, 1))
    xr.testing.assert_identical(coded.compute(), kt.to_legend(class_map()))


def test_names_that_occur_twice_are_told_apart():
    table = TABLE.rename(3, "mud").assign({"forest": [1]}, LEGEND).rename(2, "mud")

    found = kt.Legend.from_attrs(kt.to_legend(class_map(table)).attrs)

    assert found.names[3:] == (
        "mud (unassigned)",
        "class 3, mud (unassigned)",
        "class 4 (unassigned)",
    )


@given(
    st.lists(st.integers(0, 3), min_size=5, max_size=5),
    st.lists(st.integers(0, 5), min_size=12, max_size=12),
)
def test_areas_of_entries_are_the_sums_of_those_of_their_classes(owners, pixels):
    named = {
        name: [v for v, owner in enumerate(owners, 1) if owner == number]
        for number, name in enumerate(LEGEND.names, 1)
    }
    table = kt.ClassTable.default(5).assign(named, LEGEND)
    values = np.array(pixels, np.uint8).reshape(3, 4)

    by_class = kt.class_areas(class_map(table, values))["pixels"]
    by_entry = kt.class_areas(class_map(table, values), values="legend")

    assert by_entry["pixels"].sum() == by_class.sum()
    entries = by_entry.set_index("name")["pixels"]
    for name, members in named.items():
        assert entries[name] == sum(by_class[v - 1] for v in members)
    for value, owner in enumerate(owners, 1):
        if not owner:
            assert entries[f"class {value} (unassigned)"] == by_class[value - 1]


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (VALUES, "classes is a ndarray: give a class map as a DataArray"),
        (
            class_map(kt.ClassTable.default(4)),
            "the classes are not assigned to a legend",
        ),
        (class_map().drop_attrs(), "no class names in its attributes: give table="),
        (
            kt.to_legend(class_map()),
            r"holds the legend codes \[41, 11, 31, 44\] already",
        ),
        (class_map().astype("int32"), "classes are int32: give uint8"),
        (class_map(values=VALUES + 1), "holds class 5, but the table has 4 classes"),
    ],
)
def test_maps_that_have_no_legend(classes, message):
    with pytest.raises(InputError, match=message):
        kt.to_legend(classes)


def test_codes_may_run_out():
    table = kt.ClassTable.default(4).assign({"a": 1}, kt.Legend(["a"], codes=[65532]))
    with pytest.raises(
        InputError, match=r"3 classes are not assigned, .* 65532, and 65"
    ):
        kt.to_legend(class_map(table))
