"""Class profiles of images made by hand, whose numbers are known."""

import numpy as np
import pytest

from ktextures.classes.table import ClassTable
from ktextures.results.profiles import Part, profile_classes
from ktextures.results.separability import bhattacharyya, jeffries_matusita
from ktextures.results.typical_patch import find_patch

BANDS = ("red", "nir")


def profiles_of(parts, k, **options):
    textures = np.zeros((k, 4, 4, len(BANDS)), "float32")
    wanted = {"texture_side": 5, "patch_side": 16}
    table = ClassTable.default(k)
    return profile_classes(parts, textures, table, BANDS, **wanted | options)


def halves(generator, top=0.0, bottom=10.0, noise=(1.0, 1.0), size=64):
    """Two classes, one above the other."""
    classes = np.repeat([1, 2], size // 2)[:, None] * np.ones((1, size), int)
    values = np.where(classes == 1, top, bottom)[..., None] * np.ones(2)
    spread = np.where(classes == 1, *noise)[..., None]
    values = values + spread * generator.normal(size=(size, size, 2))
    return Part(values.astype("float32"), classes.astype("uint8"))


@pytest.fixture
def generator():
    return np.random.default_rng(1)


def test_moments_are_those_of_all_parts_together(generator):
    parts = [halves(generator), halves(generator, 2.0, 30.0)]
    parts[1].classes[:3] = 0
    parts[1].values[:3] = np.nan
    found = profiles_of(parts, 3)
    for value in (1, 2):
        pixels = np.concatenate([p.values[p.classes == value] for p in parts])
        one = found.sel({"class": value})
        np.testing.assert_allclose(one["mean"], pixels.mean(0), rtol=1e-5)
        np.testing.assert_allclose(one["std"], pixels.std(0), rtol=1e-4)
        assert one.pixels == len(pixels)
    assert found.share.sum() == pytest.approx(1)


def test_squares_of_large_values_keep_their_digits(generator):
    part = halves(generator, 1e6, 1e6 + 5)
    part = Part(part.values.astype("float64"), part.classes)
    std = profiles_of([part], 2)["std"].values
    np.testing.assert_allclose(std, 1, atol=0.05)


def test_a_class_without_pixels_has_no_numbers(generator):
    found = profiles_of([halves(generator)], 3).sel({"class": 3})
    assert found.pixels == 0
    assert found.share == 0
    assert found.patch_row == -1
    assert found.nearest == 0
    assert np.isnan(found["mean"]).all()
    assert np.isnan(found.patch).all()
    assert np.isnan(found.separability.sel(other=1))
    assert not found.patch_inside.any()


def test_texture_separates_what_color_does_not(generator):
    part = halves(generator, 5.0, 5.0, noise=(1.0, 3.0))
    found = profiles_of([part], 2)
    by_color = float(found.color_separability[0, 1])
    by_both = float(found.separability[0, 1])
    assert by_color < 1.0 < 1.5 < by_both


def test_the_nearest_class_is_the_one_with_similar_pixels(generator):
    classes = np.repeat([1, 2, 3], 20)[:, None] * np.ones((1, 60), int)
    values = np.choose(classes - 1, [0.0, 50.0, 3.0])[..., None] * np.ones(2)
    values = values + generator.normal(size=(60, 60, 2))
    found = profiles_of([Part(values, classes.astype("uint8"))], 3)
    assert found.nearest.values.tolist() == [3, 3, 1]


def test_a_patch_is_cut_from_the_part_that_shows_its_class(generator):
    blank = Part(np.zeros((32, 32, 2)), np.ones((32, 32), "uint8"))
    other = halves(generator, size=32)
    other = Part(other.values, other.classes, row=100, col=200)
    found = profiles_of([blank, other], 2, patch_side=8).sel({"class": 2})
    row, col = int(found.patch_row) - 100, int(found.patch_col) - 200
    expected = other.values[row : row + 8, col : col + 8].transpose(2, 0, 1)
    np.testing.assert_array_equal(found.patch, expected)
    assert found.patch_share == 1
    assert found.patch_inside.all()


def test_the_typical_patch_has_spread_and_mean_of_the_class(generator):
    values = generator.normal(size=(64, 96, 1))
    values[:, :32] *= 0.1  # calmer than most
    values[:, 64:] += 3.0  # brighter than most
    values = np.concatenate([values, values[:, 32:64]], 1)
    inside = np.ones(values.shape[:2], bool)
    middle = values[:, 32:64]
    patch = find_patch(values, inside, 16, middle.mean((0, 1)), middle.std((0, 1)))
    assert 32 <= patch.col <= 48 or 96 <= patch.col <= 112
    assert patch.share == 1


def test_a_constant_band_does_not_make_flat_patches_typical(generator):
    values = generator.normal(size=(48, 48, 2))
    values[..., 0] = 7.0
    values[:16, :16, 1] = 0.0  # flat, where the class varies
    inside = np.ones(values.shape[:2], bool)
    patch = find_patch(values, inside, 16, values.mean((0, 1)), values.std((0, 1)))
    assert max(patch.row, patch.col) >= 12


def test_the_patch_of_a_thin_class_lies_along_it(generator):
    inside = np.zeros((40, 40), bool)
    inside[:, 30:32] = True
    values = generator.normal(size=(40, 40, 2))
    patch = find_patch(values, inside, 8, np.zeros(2), np.ones(2))
    assert patch.col <= 30 <= patch.col + 6
    assert patch.share == pytest.approx(2 / 8)


def test_a_class_without_pixels_has_no_patch():
    nothing = np.zeros((20, 20), bool)
    assert find_patch(np.zeros((20, 20, 1)), nothing, 8, *np.ones((2, 1))) is None


@pytest.mark.parametrize("apart", [0.5, 1.0, 3.0])
def test_jeffries_matusita_has_its_closed_form(generator, apart):
    groups = [generator.normal(each, 1, (200_000, 1)) for each in (0, apart)]
    expected = 2 * (1 - np.exp(-(apart**2) / 8))
    found = jeffries_matusita(bhattacharyya(groups))
    assert found[0, 1] == found[1, 0] == pytest.approx(expected, abs=0.01)


def test_jeffries_matusita_sees_spread_alone(generator):
    groups = [generator.normal(0, each, (200_000, 1)) for each in (1, 4)]
    # B = ln((1 + 16) / 2 / (1 * 4)) / 2
    expected = 2 * (1 - np.sqrt(4 / 8.5))
    assert jeffries_matusita(bhattacharyya(groups))[0, 1] == pytest.approx(
        expected, abs=0.01
    )


def test_jeffries_matusita_of_too_few_samples_is_unknown():
    found = bhattacharyya([np.ones((3, 2)), np.zeros((50, 2))])
    assert np.isnan(found[0, 1])
    assert found[1, 1] == 0


def test_constant_classes_are_distinct_without_warnings():
    found = bhattacharyya([np.zeros((9, 2)), np.ones((9, 2))])
    assert jeffries_matusita(found)[0, 1] == pytest.approx(2)
