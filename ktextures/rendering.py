"""Pictures of arrays: class maps in color, stretched bands, and PNG files.

Everything here uses only NumPy and Pillow.
"""

import base64
import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from ktextures.errors import InputError
from ktextures.palette import rgb_values

__all__ = [
    "UInt8Array",
    "classes_to_rgba",
    "data_url",
    "palette_png",
    "rgba_png",
    "stretch_limits",
    "stretch_rgb",
]


UInt8Array = npt.NDArray[np.uint8]


def classes_to_rgba(
    classes: npt.NDArray[np.uint8], colors: Sequence[str]
) -> UInt8Array:
    """Draw a class map in colors.

    Parameters
    ----------
    classes : ndarray of uint8, (y, x)
        Values 1..k, 0 where there is no data.
    colors : sequence of str
        Color of class 1, 2, ... k.

    Returns
    -------
    ndarray of uint8, (y, x, 4)
        Opaque where there is a class, transparent elsewhere.

    Raises
    ------
    InputError
        If the shape or dtype is wrong, a class has no color, or a color is invalid.

    Examples
    --------
    >>> classes_to_rgba(np.array([[0, 1]], np.uint8), ["#0072b2"]).tolist()
    [[[0, 0, 0, 0], [0, 114, 178, 255]]]
    """
    _check_classes(classes, colors)
    lookup = np.zeros((len(colors) + 1, 4), np.uint8)
    lookup[1:, :3] = rgb_values(colors)
    lookup[1:, 3] = 255
    return lookup[classes]


def _check_classes(classes: npt.NDArray[np.uint8], colors: Sequence[str]) -> None:
    if classes.ndim != 2 or classes.dtype != np.uint8:
        raise InputError(
            f"classes are {classes.dtype} with shape {classes.shape}: "
            "give a uint8 array (y, x) with values 1..k and 0 for nodata"
        )
    if isinstance(colors, str):
        raise InputError(f"colors is the string {colors!r}: give a list of colors")
    highest = int(classes.max(initial=0))
    if highest > len(colors):
        raise InputError(
            f"class {highest} has no color, because there are {len(colors)}: give one "
            "color for each class"
        )


def stretch_limits(
    values: npt.ArrayLike,
    valid: npt.NDArray[np.bool_] | None = None,
    bands: Sequence[int] | None = None,
    percentiles: tuple[float, float] = (2.0, 98.0),
) -> npt.NDArray[np.float64]:
    """Find the values of each displayed band that become black and white.

    Pass them to `stretch_rgb` to draw several images in the same way.

    Parameters
    ----------
    values : array_like, (y, x, band)
        Any real dtype.
    valid : ndarray of bool, (y, x), optional
        Pixels with data; finite ones by default.
    bands : sequence of int, optional
        Indices of red, green, blue, or of one band shown in gray. By default
        the first three bands, or the first where there are fewer than three.
    percentiles : tuple of float
        Low and high percentile, 0..100.

    Returns
    -------
    ndarray of float64, (1 or 3, 2)
        Low and high value of each displayed band; 0 and 1 if no pixel is valid.

    Raises
    ------
    InputError
        If shapes, bands or percentiles are not usable.

    Examples
    --------
    >>> stretch_limits(np.arange(101.0).reshape(101, 1, 1)).tolist()
    [[2.0, 98.0]]
    """
    shown, valid = _displayed(values, valid, bands)
    low, high = percentiles
    if not 0 <= low < high <= 100:
        raise InputError(
            f"percentiles are {percentiles}: "
            "give 0 <= low < high <= 100, such as (2, 98)"
        )
    if not valid.any():
        return np.tile([0.0, 1.0], (shown.shape[-1], 1))
    # Halved, because interpolation between huge values of both signs overflows.
    halves = shown[valid].astype(np.float64) / 2
    limits: npt.NDArray[np.float64] = 2 * np.percentile(halves, (low, high), axis=0).T
    return limits


def stretch_rgb(
    values: npt.ArrayLike,
    valid: npt.NDArray[np.bool_] | None = None,
    bands: Sequence[int] | None = None,
    percentiles: tuple[float, float] = (2.0, 98.0),
    *,
    limits: npt.NDArray[np.float64] | None = None,
) -> UInt8Array:
    """Draw bands with any range of values as a picture.

    Parameters
    ----------
    values : array_like, (y, x, band)
        Any real dtype.
    valid : ndarray of bool, (y, x), optional
        Pixels with data; finite ones by default.
    bands : sequence of int, optional
        Indices of red, green, blue, or of one band shown in gray. By default
        the first three bands, or the first where there are fewer than three.
    percentiles : tuple of float
        Percentiles of the valid values that become 0 and 255.
    limits : ndarray, (1 or 3, 2), optional
        Values that become 0 and 255, instead of percentiles; see `stretch_limits`.

    Returns
    -------
    ndarray of uint8, (y, x, 4)
        Opaque where valid, transparent elsewhere. A constant band becomes mid-gray.

    Raises
    ------
    InputError
        If shapes, bands, percentiles or limits are not usable.

    Examples
    --------
    >>> picture = stretch_rgb(np.arange(4).reshape(2, 2, 1), percentiles=(0, 100))
    >>> picture[..., 0].tolist()
    [[0, 85], [170, 255]]
    """
    if limits is None:
        limits = stretch_limits(values, valid, bands, percentiles)
    shown, valid = _displayed(values, valid, bands)
    limits = np.asarray(limits, dtype=np.float64)
    if limits.shape != (shown.shape[-1], 2) or not np.isfinite(limits).all():
        raise InputError(
            f"limits have shape {limits.shape}: give one finite (low, high) pair for "
            f"each of the {shown.shape[-1]} displayed bands"
        )
    rgba = np.zeros((*shown.shape[:2], 4), np.uint8)
    for channel in range(3):
        index = min(channel, shown.shape[-1] - 1)
        low, high = limits[index] / 2  # halved, or the difference may overflow
        band = np.where(valid, shown[..., index], 0).astype(np.float64) / 2
        inside = np.clip(band, low, high)
        share = (inside - low) / (high - low) if high > low else 0.5
        rgba[..., channel] = np.rint(255 * share)
    rgba[..., 3] = 255
    rgba[~valid] = 0
    return rgba


def _displayed(
    values: npt.ArrayLike,
    valid: npt.NDArray[np.bool_] | None,
    bands: Sequence[int] | None,
) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.bool_]]:
    """Check and select the displayed bands (y, x, 1 or 3) and the pixels to show."""
    array = np.asarray(values)
    if array.ndim != 3 or array.shape[2] == 0 or array.dtype.kind not in "biuf":
        raise InputError(
            f"values are {array.dtype} with shape {array.shape}: "
            "give real numbers in an array (y, x, band)"
        )
    count = array.shape[2]
    if bands is None:
        bands = (0, 1, 2) if count >= 3 else (0,)
    if len(bands) not in (1, 3) or not all(0 <= band < count for band in bands):
        raise InputError(
            f"bands are {tuple(bands)} of {count}: "
            f"give one or three indices from 0 to {count - 1}"
        )
    shown = array[..., list(bands)]
    if valid is None:
        return shown, np.isfinite(shown).all(axis=-1)
    if valid.shape != array.shape[:2] or valid.dtype != np.bool_:
        raise InputError(
            f"valid is {valid.dtype} with shape {valid.shape}: "
            f"give a bool array with shape {array.shape[:2]}"
        )
    return shown, valid & np.isfinite(shown).all(axis=-1)


def palette_png(classes: npt.NDArray[np.uint8], colors: Sequence[str]) -> bytes:
    """Write a class map as a palette PNG.

    Parameters
    ----------
    classes : ndarray of uint8, (y, x)
        Values 1..k, 0 where there is no data.
    colors : sequence of str
        Color of class 1, 2, ... k.

    Returns
    -------
    bytes
        PNG whose palette index is the class value; index 0 is transparent.

    Raises
    ------
    InputError
        If the shape or dtype is wrong, there are no pixels, or a class has no color.

    Examples
    --------
    >>> palette_png(np.array([[0, 1]], np.uint8), ["#0072b2"])[1:4]
    b'PNG'
    """
    _check_classes(classes, colors)
    image = Image.frombytes("P", _png_size(classes), np.ascontiguousarray(classes))
    image.putpalette(bytes(3) + rgb_values(colors).tobytes())
    return _png(image, transparency=0)


def rgba_png(rgba: npt.NDArray[np.uint8]) -> bytes:
    """Write an RGBA array as a PNG.

    Parameters
    ----------
    rgba : ndarray of uint8, (y, x, 4)
        Red, green, blue, alpha.

    Returns
    -------
    bytes
        The PNG.

    Raises
    ------
    InputError
        If the shape or dtype is wrong, or there are no pixels.

    Examples
    --------
    >>> rgba_png(np.zeros((2, 3, 4), np.uint8))[1:4]
    b'PNG'
    """
    if rgba.ndim != 3 or rgba.shape[2] != 4 or rgba.dtype != np.uint8:
        raise InputError(
            f"rgba is {rgba.dtype} with shape {rgba.shape}: "
            "give a uint8 array (y, x, 4)"
        )
    return _png(Image.frombytes("RGBA", _png_size(rgba), np.ascontiguousarray(rgba)))


def data_url(png: bytes) -> str:
    """Convert a PNG to a data URL for an image element or a map overlay.

    Parameters
    ----------
    png : bytes
        The PNG.

    Returns
    -------
    str
        ``data:image/png;base64,...``

    Examples
    --------
    >>> data_url(rgba_png(np.zeros((2, 3, 4), np.uint8)))[:30]
    'data:image/png;base64,iVBORw0K'
    """
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _png_size(array: npt.NDArray[np.uint8]) -> tuple[int, int]:
    if 0 in array.shape[:2]:
        raise InputError(
            f"nothing to draw: the array has shape {array.shape}; check the "
            "slice it was cut with"
        )
    return array.shape[1], array.shape[0]


def _png(image: Image.Image, **options: int) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format="PNG", **options)
    return stream.getvalue()
