"""Ranges of bands: pixels they are found from, and which ranges are usable."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ktextures.errors import InputError

__all__ = [
    "band_labels",
    "check_ranges",
    "outside_shares",
    "refuse_constant",
    "refuse_huge",
    "valid_columns",
]

# Simulated images come back in the scene's units as float32.
_LARGEST = float(np.finfo(np.float32).max)


def check_ranges(low: Sequence[float], high: Sequence[float]) -> None:
    """Raise InputError unless each band has a usable range.

    Parameters
    ----------
    low, high : sequence of float
        Ends of the ranges, one number per band.
    """
    if not low or len(low) != len(high):
        raise InputError(
            f"low and high need one number per band each, got {len(low)} and "
            f"{len(high)} numbers"
        )
    for band, (first, last) in enumerate(zip(low, high, strict=True), start=1):
        if not (-_LARGEST <= first < last <= _LARGEST):
            raise InputError(
                f"the range of band {band} must be finite with high > low and within "
                f"±{_LARGEST:.1e}, got low={first!r}, high={last!r}"
            )


def valid_columns(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the valid pixels as (band, n), because contiguous bands are faster.

    Parameters
    ----------
    values : array_like, shape (..., band)
        Pixels; those that are not finite in every band are left out.

    Returns
    -------
    ndarray of float64, shape (band, n)
        At least one pixel.

    Raises
    ------
    InputError
        If there is no valid pixel, or the array has fewer than two axes.
    """
    array = np.asarray(values)
    if array.ndim < 2:
        raise InputError(
            f"pixels need the shape (n, band), got {array.shape}; for one band, use "
            "values.reshape(-1, 1)"
        )
    rows = array.reshape(-1, array.shape[-1]) if array.size else np.empty((0, 1))
    columns = np.ascontiguousarray(rows.T, dtype=np.float64)
    valid = np.isfinite(columns).all(axis=0)
    if not valid.all():
        columns = columns[:, valid]
    if columns.size == 0:
        raise InputError(
            f"no valid pixel among {array.size // max(array.shape[-1], 1)} given: each "
            "one is nodata, NaN or infinite in at least one band; check the scene's "
            "nodata value, or leave out empty bands with bands=[...]"
        )
    return columns


def band_labels(band_names: Sequence[str] | None, num_bands: int) -> list[str]:
    """Return names of bands for error messages, numbered ones if there are none."""
    if band_names is None:
        return [f"band_{index}" for index in range(1, num_bands + 1)]
    if len(band_names) != num_bands:
        raise InputError(
            f"band_names={list(band_names)!r} has {len(band_names)} names for "
            f"{num_bands} band(s)"
        )
    return list(band_names)


def refuse_constant(
    minimum: npt.NDArray[np.float64],
    maximum: npt.NDArray[np.float64],
    names: list[str],
    num_pixels: int,
) -> None:
    """Raise InputError if the minimum of a band is its maximum."""
    constant = np.flatnonzero(minimum == maximum)
    if constant.size:
        found = ", ".join(f"{names[band]!r} ({minimum[band]:g})" for band in constant)
        raise InputError(
            f"constant band(s): {found} has the same value in all {num_pixels} valid "
            "pixels and cannot distinguish classes; leave it out with bands=[...]"
        )


def refuse_huge(
    low: npt.NDArray[np.float64], high: npt.NDArray[np.float64], names: list[str]
) -> None:
    """Raise InputError if the range of a band exceeds that of float32."""
    usable = (np.abs(low) <= _LARGEST) & (np.abs(high) <= _LARGEST)
    for band in np.flatnonzero(~usable):
        raise InputError(
            f"band {names[band]!r} ranges from {low[band]:g} to {high[band]:g}, beyond "
            f"the ±{_LARGEST:.1e} of float32; if such values mark missing pixels, "
            "declare them with scene.rio.write_nodata(...), else divide the scene by a "
            "constant"
        )


def outside_shares(
    pixels: npt.NDArray[np.float64],
    low: npt.NDArray[np.float64],
    high: npt.NDArray[np.float64],
) -> tuple[float, ...]:
    """Compute the share (0..1) of pixels (band, n) outside low..high, per band."""
    outside = (pixels < low[:, None]) | (pixels > high[:, None])
    return tuple(outside.mean(axis=1).tolist())
