"""Lineage of classes, and the files that keep what was found."""

import numpy as np
import pytest

import ktextures as kt
from ktextures.selection.found import NUMBERS, Found, Kept, lineage

OLD = np.array([[1, 1, 2, 2, 0, 1]], np.uint8)
COLORS = ("#0072b2", "#e69f00")


def found(k=2, classes=OLD, colors=COLORS):
    numbers = dict.fromkeys(NUMBERS, 0.5) | {"silhouette": float("nan")}
    parents = np.zeros(k, "uint8")
    return Found(k, classes, colors, parents, b"a model", numbers)


def test_classes_keep_the_color_of_what_they_agree_with():
    # Numbered by brightness anew: 3 and 1 are what 1 and 2 were, and 2 is a part of 1.
    new = np.array([[3, 3, 1, 1, 2, 2]], np.uint8)
    colors, parents = lineage(new, 3, found())
    assert colors[2] == COLORS[0]
    assert colors[0] == COLORS[1]
    assert colors[1] not in COLORS
    assert parents.tolist() == [2, 1, 1]


def test_a_class_without_pixels_has_no_parent():
    _, parents = lineage(OLD, 4, found())
    assert parents.tolist() == [1, 2, 0, 0]


def test_the_first_map_has_the_default_colors():
    colors, parents = lineage(OLD, 2, None)
    assert colors == COLORS
    assert parents.tolist() == [0, 0]


def test_shares_do_not_count_nodata():
    assert found().shares.tolist() == [0.6, 0.4]


def test_a_folder_keeps_what_was_found(tmp_path):
    Kept(tmp_path, "mine").write(found())
    kept = Kept(tmp_path, "mine").found[2]
    np.testing.assert_array_equal(kept.classes, OLD)
    assert (kept.colors, kept.model) == (COLORS, b"a model")
    np.testing.assert_equal(kept.numbers, found().numbers)


def test_the_folder_of_another_sweep_is_refused(tmp_path):
    Kept(tmp_path, "mine").write(found())
    with pytest.raises(kt.InputError, match="belongs to another sweep"):
        Kept(tmp_path, "yours")


def test_a_damaged_file_is_named(tmp_path):
    Kept(tmp_path, "mine").write(found())
    (tmp_path / "k002.ktextures-sweep").write_bytes(b"torn")
    with pytest.raises(kt.ModelFileError, match=r"k002.*is damaged.*Delete it"):
        Kept(tmp_path, "mine")
