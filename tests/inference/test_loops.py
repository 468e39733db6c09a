"""Compiled loops against plain numpy and scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.special import expit

from ktextures.inference import dense, filters, neighborhoods
from ktextures.inference.layers import make_layer
from ktextures.inference.workspace import Workspace, padded
from ktextures.model.masks import FILTERS
from ktextures.raster.nodata import valid_pixels
from ktextures.raster.scaling import BandScaler, Preparation

SIDES = st.integers(1, 41)
SEEDS = st.integers(0, 2**31)

examples = settings(max_examples=25)


def floats(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def close(found, wanted, tolerance=2e-5):
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


def elu(values):
    return np.where(values > 0, values, np.expm1(np.minimum(values, 0)))


def scratch(width):
    bits = np.zeros(width, "int32")
    return bits, bits.view("float32")


# --- scaling -------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64"])
@given(bands=st.integers(1, 13), height=SIDES, width=SIDES, seed=SEEDS, data=st.data())
@examples
def test_scaling_is_exactly_that_of_the_scaler(dtype, bands, height, width, seed, data):
    random = np.random.default_rng(seed)
    if dtype.startswith("f"):
        values = random.normal(100, 80, (bands, height, width)).astype(dtype)
        for hole in (np.nan, np.inf, -np.inf, -9999):
            values[random.random(values.shape) < 0.03] = hole
        nodata = -9999
    else:
        limits = np.iinfo(dtype)
        values = random.integers(
            limits.min, limits.max, (bands, height, width), dtype, endpoint=True
        )
        nodata = int(values.flat[0])
    low = random.uniform(-50, 60, bands)
    top = data.draw(st.sampled_from([1.0, 254 / 255]))
    scaler = BandScaler(low, low + random.uniform(0.1, 90, bands), top)
    fill = tuple(random.uniform(0, 1, bands).tolist())
    valid = valid_pixels(values, nodata)
    expected = Preparation(scaler, fill)(values.transpose(1, 2, 0), valid)
    rows = sorted(data.draw(st.tuples(st.integers(0, height), st.integers(0, height))))
    cols = sorted(data.draw(st.tuples(st.integers(0, width), st.integers(0, width))))
    there = slice(*rows), slice(*cols)
    out = np.full((bands, rows[1] - rows[0], cols[1] - cols[0]), 7, "float32")
    neighborhoods.scaled(
        values,
        valid,
        rows[0],
        cols[0],
        np.array(scaler.low),
        np.array(scaler.high),
        scaler.top,
        np.array(fill),
        out,
    )
    np.testing.assert_array_equal(out, expected[there].transpose(2, 0, 1))
    known = valid[there]
    plain = scaler.scale(values.transpose(1, 2, 0))[there]
    np.testing.assert_array_equal(out[:, known], plain[known].T)
    if not dtype.startswith("f"):
        every = np.arange(limits.min, limits.max + 1)[:, None]
        tables = np.ascontiguousarray(scaler.scale(np.repeat(every, bands, 1)).T)
        again = np.full_like(out, 7)
        place = values, valid, rows[0], cols[0]
        neighborhoods.looked_up(*place, tables, limits.min, np.array(fill), again)
        np.testing.assert_array_equal(again, out)


# --- filters and means ---------------------------------------------------------------


@given(st.integers(1, 13), SIDES, SIDES, SEEDS)
@examples
def test_decorrelated_bands_are_weighted_sums(bands, height, width, seed):
    planes = floats(seed, bands, height, width)
    weights = floats(seed + 1, bands, bands + 1)
    out = np.full((bands + 1, height + 3, width + 5), 7, "float32")
    neighborhoods.decorrelated(planes, weights, out)
    wanted = np.einsum("cb,byx->cyx", weights[:, :-1].astype("float64"), planes)
    close(out[:bands, :height, :width], wanted + weights[:, -1, None, None], 1e-4)
    # Nothing else is written.
    assert (out[bands] == 7).all()
    assert (out[:, height:] == 7).all()
    assert (out[:, :, width:] == 7).all()


def test_folded_filters_are_the_filters_of_the_network():
    wanted = FILTERS.transpose(2, 0, 1)
    even, even_too, odd = filters.fold(wanted).transpose(0, 2, 1, 3)

    def whole(quarter, in_y, in_x):
        """Mirror (distance in y, distance in x) over both axes."""
        below = np.concatenate([in_y * quarter[:0:-1], quarter])
        return np.concatenate([in_x * below[:, :0:-1], below], 1)

    signs = [(1, 1), (1, 1), (1, -1)]
    laplacian, across2, across = map(whole, even, *zip(*signs, strict=True))
    down2, sum2, difference = map(whole, even_too, *zip(*signs, strict=True))
    signs = [(-1, 1), (-1, 1), (-1, -1)]
    down, total, difference2 = map(whole, odd, *zip(*signs, strict=True))
    found = [laplacian, across, across2, total + difference, sum2 + difference2]
    found += [down, down2, total - difference, sum2 - difference2]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)


@given(
    step=st.sampled_from([1, 2]),
    height=SIDES,
    width=SIDES,
    first=st.integers(0, 3),
    corner=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    seed=SEEDS,
)
@examples
def test_responses_are_those_of_correlation(step, height, width, first, corner, seed):
    top, left = corner
    reach = 6 * step
    planes = floats(seed, 3, top + height + reach, left + width + reach)
    wanted = FILTERS.transpose(2, 0, 1)
    out = np.full((11, first + height, width), 7, "float32")
    filters.absolute_responses(
        *(planes, 1, top, left, filters.fold(wanted), step),
        np.zeros((7, width + reach), "float32"),
        np.zeros((9, width), "float32"),
        *(out, 1, first),
    )
    for number, each in enumerate(wanted):
        spread = np.zeros((reach + 1, reach + 1))
        spread[::step, ::step] = each
        whole = ndimage.correlate(planes[1].astype("float64"), spread, mode="constant")
        half = reach // 2
        there = slice(top + half, top + half + height), slice(left + half, None)
        size = np.abs(whole[there][:, :width])
        close(out[1 + number, first:], size, 1e-5)
    assert (out[[0, 10]] == 7).all()
    assert (out[:, :first] == 7).all()


@given(st.integers(1, 13), SIDES, SIDES, st.integers(0, 30), st.integers(0, 3), SEEDS)
@examples
def test_means_are_those_of_correlation(channels, height, width, reach, first, seed):
    kernel = floats(seed + 1, 2 * reach + 1)
    taps = np.pad(kernel, (0, -len(kernel) % neighborhoods.PAD))
    maps = floats(seed, channels, height + 2 * reach + first, width)
    down = np.zeros((channels, height, width + 2), "float32")
    neighborhoods.smooth_along_y(maps, taps, first, down)
    wanted = ndimage.correlate1d(
        maps[:, first:].astype("float64"), kernel.astype("float64"), 1, mode="constant"
    )[:, reach : reach + height]
    close(down[..., :width], wanted, 1e-4)
    assert (down[..., width:] == 0).all()

    # As wide as the padded kernel reaches, whose weights there are zero.
    maps = floats(seed, channels, height, width + 2 * reach + first + neighborhoods.PAD)
    out = np.full((height, channels + 2, width), 7, "float32")
    neighborhoods.smooth_along_x(maps, taps, first, out, 1)
    wanted = ndimage.correlate1d(
        maps[..., first:].astype("float64"), kernel.astype("float64"), mode="constant"
    )[..., reach : reach + width]
    close(out[:, 1:-1].transpose(1, 0, 2), wanted, 1e-4)
    assert (out[:, [0, -1]] == 7).all()


# --- layers --------------------------------------------------------------------------


@given(st.integers(1, 70), SIDES, SEEDS)
@examples
def test_elu_is_exact_to_float32(channels, width, seed):
    values = floats(seed, channels, width) * 5
    values.flat[0], values.flat[-1] = -1e4, 1e4
    wanted = elu(values.astype("float64"))
    dense.elu(values, *scratch(width))
    # A small number minus 1 has lost its last digits, as in any library.
    np.testing.assert_allclose(values, wanted, rtol=1e-6, atol=2.5e-7)


@pytest.mark.parametrize("value", [0.0, -0.0, -1e-30, 1e-30, -80, -79.5, -88, 3e38])
def test_elu_at_its_ends(value):
    values = np.full((2, 5), value, "float32")
    dense.elu(values, *scratch(5))
    wanted = elu(np.float64(np.float32(value)))
    np.testing.assert_allclose(values, wanted, rtol=1e-6, atol=1e-7)


@given(st.integers(1, 128), SIDES, SEEDS)
@examples
def test_of_the_largest_values_the_first_counts(channels, width, seed):
    values = np.random.default_rng(seed).integers(0, 4, (channels, width))
    values = values.astype("float32") - 3
    out = np.zeros(width, "uint16")
    dense.largest(values, np.zeros(width, "float32"), out)
    np.testing.assert_array_equal(out, values.argmax(0))


@pytest.mark.parametrize("library", [False, True])
@given(st.integers(1, 130), st.integers(1, 130), SIDES, SEEDS)
@examples
def test_products_are_those_of_matrices(library, inputs, outputs, width, seed):
    weights, bias = floats(seed, inputs, outputs), floats(seed + 1, outputs)
    layer = make_layer(weights, bias)
    assert layer.weights.shape[0] % 2 == layer.weights.shape[1] % 4 == 0
    maps = np.zeros((layer.weights.shape[1], width), "float32")
    maps[:inputs] = floats(seed + 2, inputs, width)
    out = np.zeros((len(layer.bias), width), "float32")
    dense.product(*layer, maps, out, library)
    wanted = weights.T.astype("float64") @ maps[:inputs] + bias[:, None]
    close(out[:outputs], wanted, 2e-5 * inputs)
    assert (out[outputs:] == 0).all()


@given(
    st.integers(1, 60),
    st.integers(2, 128),
    st.integers(1, 5),
    st.integers(1, 40),
    SEEDS,
)
@examples
def test_logits_are_those_of_two_layers(channels, k, rows, width, seed):
    hidden = 16
    mix_weights, mix_bias = floats(seed, channels, hidden) / 4, floats(seed + 1, hidden)
    head_weights, head_bias = floats(seed + 2, hidden, k), floats(seed + 3, k)
    mix, head = make_layer(mix_weights, mix_bias), make_layer(head_weights, head_bias)
    seen = np.zeros((rows, mix.weights.shape[1], width), "float32")
    seen[:, :channels] = floats(seed + 4, rows, channels, width)
    logits = np.zeros((rows, len(head.bias), width), "float32")
    chosen = np.full((rows, width), 999, "uint16")
    inner = np.zeros((len(mix.bias), width), "float32")
    count = rows - 1
    dense.contextual_logits(
        *(seen, count, *mix, *head, k, inner, *scratch(width), logits, chosen),
        seed % 2 == 0,
    )
    first = np.einsum("yix,io->yox", seen[:, :channels].astype("float64"), mix_weights)
    second = np.einsum("yix,io->yox", elu(first + mix_bias[:, None]), head_weights)
    close(logits[:count, :k], (second + head_bias[:, None])[:count], 1e-4)
    np.testing.assert_array_equal(chosen[:count], logits[:count, :k].argmax(1))
    # Padding never wins, and rows that are not asked for are left alone.
    assert (chosen[:count] < k).all()
    assert (chosen[count:] == 999).all()


@given(st.integers(1, 13), st.integers(1, 5), SIDES, SEEDS)
@examples
def test_scores_are_those_of_three_layers(bands, rows, width, seed):
    layers, plain, before = [], [], bands
    for number, units in enumerate((12, 8, 1)):
        weights = floats(seed + number, before, units) / 2
        bias = floats(seed + 9 + number, units)
        plain.append((weights, bias))
        layers += make_layer(weights, bias)
        before = units
    inputs = layers[0].shape[1]
    seen = np.zeros((rows, inputs, width), "float32")
    seen[:, :bands] = floats(seed + 20, rows, bands, width)
    one, two = (np.zeros((units, width), "float32") for units in (12, 8))
    scores = np.zeros((rows, 2, width), "float32")
    dense.published_scores(
        *(seen, rows, *layers, one, two, *scratch(width), scores), seed % 2 == 0
    )
    maps = seen[:, :bands].astype("float64")
    for number, (weights, bias) in enumerate(plain):
        maps = np.einsum("yix,io->yox", maps, weights) + bias[:, None]
        maps = elu(maps) if number < 2 else maps
    close(expit(scores[:, 0]), expit(maps[:, 0]), 1e-5)


# --- scratch arrays ------------------------------------------------------------------


def test_scratch_arrays_are_used_again_while_they_fit():
    work = Workspace()
    first = work.array("a", (2, 3))
    first[:] = 5
    assert work.array("a", (2, 3)) is first
    assert work.array("b", (2, 3)) is not first
    other = work.array("a", (3, 3))
    assert other.shape == (3, 3)
    assert (other == 0).all()
    assert work.array("a", (3, 3), "int32").dtype == "int32"


@given(st.integers(0, 1000))
def test_rows_are_padded_to_whole_vectors(width):
    assert padded(width) % 32 == 0
    assert 0 <= padded(width) - width < 32
