import io
import itertools

import numpy as np
import pytest
from PIL import Image

from ktextures.errors import InputError
from ktextures.palette import class_colors, parse_color
from ktextures.rendering import (
    classes_to_rgba,
    palette_png,
    rgba_png,
    stretch_limits,
    stretch_rgb,
)

# How color-blind readers see linear RGB (Machado et al. 2009, full severity).
BLINDNESS = {
    "none": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear_rgb(colors):
    srgb = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colors]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def cielab(linear):
    xyz = linear @ np.transpose(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    root = np.cbrt(np.clip(xyz / [0.95047, 1.0, 1.08883], 0, None))
    return np.stack(
        [
            116 * root[:, 1] - 16,
            500 * (root[:, 0] - root[:, 1]),
            200 * (root[:, 1] - root[:, 2]),
        ],
        axis=-1,
    )


def smallest_distance(colors, blindness="none"):
    lab = cielab(linear_rgb(colors) @ np.transpose(BLINDNESS[blindness]))
    return min(np.linalg.norm(a - b) for a, b in itertools.combinations(lab, 2))


@pytest.mark.parametrize("k", [1, 2, 8, 9, 24, 128])
def test_class_colors_are_distinct_and_a_prefix_of_the_longest_list(k):
    colors = class_colors(k)

    assert len(set(colors)) == k
    assert colors == class_colors(128)[:k]
    assert all(parse_color(color) == color for color in colors)


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_first_eight_colors_differ_for_every_reader(blindness):
    # 2.3 is a just noticeable difference side by side.
    assert smallest_distance(class_colors(8), blindness) > 8


def test_first_eight_colors_stand_out_from_white_and_black():
    luminance = linear_rgb(class_colors(8)) @ [0.2126, 0.7152, 0.0722]

    # Yellow is the only one close to white; none is close to black.
    assert (1.05 / (luminance + 0.05) > 1.25).all()
    assert ((luminance + 0.05) / 0.05 > 2.9).all()


def test_further_colors_stay_far_from_those_taken():
    assert smallest_distance(class_colors(24)) > 20
    assert smallest_distance(class_colors(128)) > 5


@pytest.mark.parametrize("k", [0, 129, -1, 2.0, True, "6"])
def test_class_colors_names_the_wrong_k(k):
    with pytest.raises(InputError, match=rf"k is '?{k}'?: give a whole number from 1"):
        class_colors(k)


@pytest.mark.parametrize("color", ["#12", "no such", "", None, 3])
def test_parse_color_rejects_what_is_no_color(color):
    with pytest.raises(InputError, match="is not a color: give '#rrggbb'"):
        parse_color(color)


def test_parse_color_rejects_alpha():
    with pytest.raises(InputError, match="'#11223344' has an alpha channel"):
        parse_color("#11223344")


def test_classes_to_rgba_paints_each_class_and_leaves_nodata_clear():
    classes = np.array([[0, 1, 2], [2, 2, 0]], np.uint8)

    rgba = classes_to_rgba(classes, ["#010203", "#fffefd"])

    assert rgba.dtype == np.uint8
    assert rgba.tolist() == [
        [[0, 0, 0, 0], [1, 2, 3, 255], [255, 254, 253, 255]],
        [[255, 254, 253, 255], [255, 254, 253, 255], [0, 0, 0, 0]],
    ]


@pytest.mark.parametrize("draw", [classes_to_rgba, palette_png])
def test_class_pictures_reject_what_they_cannot_color(draw):
    with pytest.raises(InputError, match=r"class 3 has no color, because there are 2"):
        draw(np.array([[3]], np.uint8), ["#000000", "#ffffff"])
    with pytest.raises(InputError, match=r"int64 with shape \(1, 1\): give a uint8"):
        draw(np.array([[1]]), ["#000000"])
    with pytest.raises(InputError, match=r"uint8 with shape \(4,\): give a uint8"):
        draw(np.zeros(4, np.uint8), ["#000000"])
    with pytest.raises(InputError, match="colors is the string '#000000'"):
        draw(np.array([[1]], np.uint8), "#000000")


def test_palette_png_holds_the_class_values_and_their_colors():
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 129, (37, 53)).astype(np.uint8)
    colors = class_colors(128)

    image = Image.open(io.BytesIO(palette_png(classes, colors)))

    assert image.mode == "P"
    np.testing.assert_array_equal(np.asarray(image), classes)
    np.testing.assert_array_equal(
        np.asarray(image.convert("RGBA")), classes_to_rgba(classes, colors)
    )


def test_palette_png_takes_a_view_that_is_not_contiguous():
    classes = np.arange(12, dtype=np.uint8).reshape(3, 4)[::-1, ::2]

    image = Image.open(io.BytesIO(palette_png(classes, class_colors(12))))

    np.testing.assert_array_equal(np.asarray(image), classes)


def test_rgba_png_keeps_every_pixel():
    rgba = np.random.default_rng(1).integers(0, 256, (5, 7, 4)).astype(np.uint8)

    image = Image.open(io.BytesIO(rgba_png(rgba)))

    np.testing.assert_array_equal(np.asarray(image), rgba)


def test_png_errors_name_the_shape():
    with pytest.raises(InputError, match=r"nothing to draw: .* shape \(0, 4\)"):
        palette_png(np.zeros((0, 4), np.uint8), ["#000000"])
    with pytest.raises(InputError, match=r"shape \(2, 2, 3\): give a uint8 array"):
        rgba_png(np.zeros((2, 2, 3), np.uint8))


def test_stretch_rgb_runs_from_low_to_high_percentile():
    ramp = np.linspace(-50, 50, 101)
    values = np.stack([ramp, 3 * ramp + 7, -ramp], axis=-1)[None]

    rgba = stretch_rgb(values, percentiles=(10, 90))

    expected = np.rint(255 * np.clip((np.arange(101) - 10) / 80, 0, 1))
    np.testing.assert_array_equal(rgba[0, :, 0], expected)
    np.testing.assert_array_equal(rgba[0, :, 1], expected)
    np.testing.assert_allclose(rgba[0, :, 2], 255 - expected, atol=1)
    assert (rgba[..., 3] == 255).all()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int64", "float32"])
def test_stretch_rgb_does_not_depend_on_dtype(dtype):
    values = np.arange(100).reshape(10, 10, 1)

    np.testing.assert_array_equal(
        stretch_rgb(values.astype(dtype)), stretch_rgb(values.astype("float64"))
    )


def test_stretch_rgb_ignores_and_clears_invalid_pixels():
    values = np.arange(100.0).reshape(10, 10, 1)
    valid = np.ones((10, 10), bool)
    valid[0] = False
    spoilt = values.copy()
    spoilt[0] = -9999
    spoilt[9, 9] = np.nan

    rgba = stretch_rgb(spoilt, valid, percentiles=(0, 100))

    assert not rgba[0].any()
    assert not rgba[9, 9].any()
    assert rgba[1, 0].tolist() == [0, 0, 0, 255]
    assert rgba[9, 8].tolist() == [255, 255, 255, 255]


def test_stretch_rgb_shows_one_band_in_grey_and_three_chosen_ones_in_order():
    values = np.zeros((1, 2, 4))
    values[0, 1] = [0, 10, 20, 30]
    limits = np.array([[0.0, 40.0]] * 3)

    gray = stretch_rgb(values, bands=[3], limits=limits[:1])
    color = stretch_rgb(values, bands=[3, 2, 0], limits=limits)

    assert gray[0, 1].tolist() == [191, 191, 191, 255]
    assert color[0, 1].tolist() == [191, 128, 0, 255]


def test_stretch_rgb_of_a_constant_band_is_mid_grey():
    assert stretch_rgb(np.full((1, 1, 1), 5))[0, 0].tolist() == [128, 128, 128, 255]


def test_stretch_rgb_without_valid_pixels_is_clear():
    assert not stretch_rgb(np.full((2, 2, 3), np.nan)).any()


def test_stretch_limits_let_two_images_share_a_stretch():
    first = np.array([[[0.0], [10.0]]])
    limits = stretch_limits(first, percentiles=(0, 100))

    assert limits.tolist() == [[0.0, 10.0]]
    assert stretch_rgb(first / 2, limits=limits)[0, 1, 0] == 128


def test_stretch_errors_name_the_value():
    values = np.zeros((2, 2, 4))
    with pytest.raises(InputError, match=r"bands are \(0, 1, 4\) of 4: .* from 0 to 3"):
        stretch_rgb(values, bands=(0, 1, 4))
    with pytest.raises(InputError, match=r"bands are \(0, 1\) of 4"):
        stretch_rgb(values, bands=(0, 1))
    with pytest.raises(InputError, match=r"percentiles are \(98, 2\)"):
        stretch_rgb(values, percentiles=(98, 2))
    with pytest.raises(InputError, match=r"float64 with shape \(2, 2\): give real"):
        stretch_rgb(np.zeros((2, 2)))
    with pytest.raises(InputError, match=r"complex128 with shape"):
        stretch_rgb(values.astype(complex))
    with pytest.raises(InputError, match=r"valid is bool with shape \(4, 4\)"):
        stretch_rgb(values, np.ones((4, 4), bool))
    with pytest.raises(InputError, match=r"limits have shape \(2, 2\)"):
        stretch_rgb(values, limits=np.zeros((2, 2)))


@pytest.mark.filterwarnings("error")
def test_huge_values_are_stretched_without_overflow():
    values = np.array([[[-1.7e308], [0.0], [1.7e308]]])

    picture = stretch_rgb(values, percentiles=(0, 100))

    assert picture[0, :, 0].tolist() == [0, 128, 255]
