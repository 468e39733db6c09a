"""BandScaler against closed forms, and its properties for arbitrary input."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ktextures.errors import InputError
from ktextures.raster.scaling import BandScaler

FINITE = st.floats(-1e6, 1e6, allow_nan=False, width=32)


@st.composite
def scalers(draw):
    bands = draw(st.integers(1, 4))
    low = draw(st.lists(FINITE, min_size=bands, max_size=bands))
    width = draw(st.lists(st.floats(1.0, 1e6), min_size=bands, max_size=bands))
    top = draw(st.floats(0.1, 1.0))
    high = [first + step for first, step in zip(low, width, strict=True)]
    return BandScaler(tuple(low), tuple(high), top=top)


def test_scale_is_linear_and_clips():
    scaler = BandScaler.fixed([0, -10], [10, 10])
    values = np.array([[[-5, -10], [5, 0]], [[10, 10], [20, 30]]])
    expected = np.array([[[0, 0], [0.5, 0.5]], [[1, 1], [1, 1]]])
    scaled = scaler.scale(values)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, expected)


@given(scalers(), st.data())
def test_inverse_undoes_scale_within_the_range(scaler, data):
    share = data.draw(
        hnp.arrays(np.float64, (5, scaler.num_bands), elements=st.floats(0, 1))
    )
    low, high = np.array(scaler.low), np.array(scaler.high)
    values = low + share * (high - low)
    # float32 results: an error of some ulp of the range and of the value itself.
    slack = 1e-6 * (high - low + np.abs(low) + np.abs(high))
    back = scaler.inverse(scaler.scale(values))
    assert back.dtype == np.float32
    assert (np.abs(back - values) <= slack).all()


@given(scalers(), st.data())
def test_scaled_values_stay_within_zero_and_top(scaler, data):
    elements = st.floats(allow_nan=False)
    values = data.draw(hnp.arrays(np.float64, (7, scaler.num_bands), elements=elements))
    scaled = scaler.scale(values)
    assert scaled.min() >= 0
    assert scaled.max() <= np.float32(scaler.top)


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int16", "uint16", "int32", "int64"]
)
def test_integers_never_overflow(dtype):
    limits = np.iinfo(dtype)
    values = np.array([[limits.min], [0], [limits.max]], dtype=dtype)
    middle = BandScaler.fixed([limits.min], [limits.max]).scale(values)
    expected = -limits.min / (limits.max - limits.min)
    np.testing.assert_allclose(middle[:, 0], [0, expected, 1], atol=1e-6)
    beyond = BandScaler.fixed([float(limits.max)], [2.0 * limits.max]).scale(values)
    np.testing.assert_array_equal(beyond[:, 0], [0, 0, 0])


def test_nan_stays_nan_and_infinity_is_clipped():
    scaled = BandScaler.fixed([0], [1]).scale([[np.nan], [np.inf], [-np.inf]])
    np.testing.assert_array_equal(scaled[:, 0], [np.nan, 1, 0])


@pytest.mark.filterwarnings("error")
def test_values_far_outside_the_range_are_clipped_without_overflow():
    huge = np.finfo(np.float64).max
    scaled = BandScaler.fixed([0], [1e-3]).scale([[huge], [-huge], [0], [1e-3]])
    np.testing.assert_array_equal(scaled[:, 0], [1, 0, 0, 1])


@pytest.mark.filterwarnings("error")
def test_fit_takes_outliers_of_any_size():
    values = np.arange(2000.0).reshape(1000, 2)
    values[[0, 500]] = -1.7e308, 1.7e308
    scaler = BandScaler.fit(values, percentiles=(1, 99))
    assert 0 < scaler.low[0] < scaler.high[0] < 2000


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("values", [[-1e300, 0, 1e300], [-1.7e308, 1.7e308], [0, 1e39]])
def test_fit_refuses_bands_beyond_float32(values):
    pixels = np.stack([np.arange(len(values)), values], axis=-1)
    with pytest.raises(InputError, match=r"band 'b' ranges .* float32; .*write_nodata"):
        BandScaler.fit(pixels, band_names=["a", "b"])


@pytest.mark.filterwarnings("error")
def test_widest_range_can_be_inverted():
    largest = float(np.finfo(np.float32).max)
    scaler = BandScaler.fixed([-largest], [largest])
    np.testing.assert_array_equal(scaler.inverse([[0], [1]]), [[-largest], [largest]])


def test_fit_takes_percentiles_and_tells_the_clipped_share():
    values = np.stack([np.arange(1001), 10 * np.arange(1001)], axis=-1)
    scaler = BandScaler.fit(values, percentiles=(1, 99))
    assert scaler.low == (10.0, 100.0)
    assert scaler.high == (990.0, 9900.0)
    assert scaler.clipped == pytest.approx((20 / 1001, 20 / 1001))
    assert scaler.clipped_share(values[:11]) == pytest.approx((10 / 11, 10 / 11))
    assert scaler.method == "percentiles 1-99"
    assert scaler.top == 1.0


def test_fit_leaves_out_pixels_invalid_in_any_band():
    values = np.array([[0.0, 1], [1, 3], [1e9, np.nan], [np.inf, -1e9]])
    scaler = BandScaler.fit(values, percentiles=(0, 100))
    assert (scaler.low, scaler.high) == ((0.0, 1.0), (1.0, 3.0))
    assert scaler.clipped == (0.0, 0.0)


def test_fit_falls_back_to_extremes_where_percentiles_coincide():
    values = np.zeros((10_000, 2))
    values[:, 1] = np.arange(10_000)
    values[0, 0] = 4.0
    scaler = BandScaler.fit(values)
    assert (scaler.low[0], scaler.high[0]) == (0.0, 4.0)
    assert scaler.low[1] > 0


def test_fit_names_constant_bands_and_their_value():
    values = np.stack([np.arange(5), np.full(5, 7), np.full(5, 0.25)], axis=-1)
    with pytest.raises(InputError, match=r"'b' \(7\), 'c' \(0.25\).*5 valid.*bands="):
        BandScaler.fit(values, band_names=["a", "b", "c"])
    with pytest.raises(InputError, match=r"'band_2' \(7\)"):
        BandScaler.fit(values)


@pytest.mark.parametrize("values", [np.empty((0, 2)), np.full((3, 2), np.nan)])
def test_fit_refuses_data_without_valid_pixels(values):
    with pytest.raises(InputError, match=r"no valid pixel among \d given: .*nodata"):
        BandScaler.fit(values)


@pytest.mark.parametrize("percentiles", [(99, 1), (5, 5), (-1, 50), (0, 101)])
def test_fit_refuses_percentiles_that_do_not_increase(percentiles):
    with pytest.raises(InputError, match=r"percentiles=.*0\.\.100"):
        BandScaler.fit([[0], [1]], percentiles=percentiles)


def test_fit_refuses_names_of_another_number():
    with pytest.raises(InputError, match="2 names for 1 band"):
        BandScaler.fit([[0], [1]], band_names=["a", "b"])


def test_planet_nicfi_is_the_published_formula_without_rounding():
    numbers = np.array([[0, 1, 2539, 100], [2540, 2541, 4000, 10_000]])
    rgb = np.minimum(numbers[:, :3], 2540) / 10 / 255
    nir = np.minimum(numbers[:, 3:] / 3.937, 2540) / 10 / 255
    scaled = BandScaler.planet_nicfi().scale(numbers)
    np.testing.assert_allclose(scaled, np.hstack([rgb, nir]), rtol=1e-6)
    assert BandScaler.planet_nicfi(3).scale([[2540] * 3])[0, 0] == np.float32(254 / 255)


def test_planet_nicfi_needs_three_or_four_bands():
    with pytest.raises(InputError, match=r"bands=5.*4 bands"):
        BandScaler.planet_nicfi(5)


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        ([], [], "0 and 0 numbers"),
        ([0], [1, 2], "1 and 2 numbers"),
        ([0, 5], [1, 5], r"band 2 .*high > low.*low=5.0, high=5.0"),
        ([1], [0], "high > low"),
        ([float("nan")], [1], "finite"),
        ([0], [float("inf")], "finite"),
        ([-1.7e308], [1.7e308], r"within ±3\.4e\+38"),
        ([0], [1e39], r"within ±3\.4e\+38, got low=0.0, high=1e\+39"),
        (["a"], [1], "one number per band"),
    ],
)
def test_unusable_ranges_are_refused(low, high, message):
    with pytest.raises(InputError, match=message):
        BandScaler.fixed(low, high)


@pytest.mark.parametrize("top", [0, -1, 1.5, float("nan")])
def test_unusable_top_is_refused(top):
    with pytest.raises(InputError, match="top must be above 0 and at most 1, got"):
        BandScaler((0.0,), (1.0,), top=top)


def test_clipped_needs_one_share_per_band():
    with pytest.raises(InputError, match="2 for 1 band"):
        BandScaler((0.0,), (1.0,), clipped=(0.1, 0.2))


@pytest.mark.parametrize("method", ["scale", "inverse", "clipped_share"])
def test_arrays_of_another_band_count_are_refused(method):
    scaler = BandScaler.fixed([0, 0], [1, 1])
    with pytest.raises(InputError, match=r"2 band\(s\).*got shape \(4, 3\)"):
        getattr(scaler, method)(np.zeros((4, 3)))


@given(scalers(), st.one_of(st.none(), st.floats(0, 1)))
def test_description_survives_json_exactly(scaler, share):
    clipped = None if share is None else (share,) * scaler.num_bands
    scaler = BandScaler(scaler.low, scaler.high, scaler.top, "percentiles", clipped)
    back = BandScaler.from_dict(json.loads(json.dumps(scaler.to_dict())))
    assert back == scaler
    assert hash(back) == hash(scaler)


@pytest.mark.parametrize("config", [{}, {"low": [0]}, None, [1]])
def test_foreign_description_is_refused(config):
    with pytest.raises(InputError, match="to_dict"):
        BandScaler.from_dict(config)


def test_scaler_is_frozen():
    with pytest.raises(AttributeError):
        BandScaler.fixed([0], [1]).top = 0.5
