"""Colors of classes, the same for every k."""

import functools
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from PIL import ImageColor

from ktextures.errors import InputError

__all__ = ["MAX_CLASSES", "class_colors", "free_colors", "parse_color", "rgb_values"]

MAX_CLASSES = 128

# Okabe and Ito's color-blind safe palette, with a gray in place of black, which is
# visible on white and on black.
_SAFE_COLORS = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#d55e00",
    "#f0e442",
    "#595959",
)

_GLASBEY_SETS = ("glasbey_category10", "glasbey_light", "glasbey_dark", "glasbey_hv")

# In OKLab: darker or lighter colors are hard to see on a black or white page, and more
# saturated ones stand out from the first eight.
_LIGHTNESS_RANGE = (0.33, 0.88)
_MAX_CHROMA = 0.21


def parse_color(color: str) -> str:
    """Convert a CSS color to ``"#rrggbb"``.

    Parameters
    ----------
    color : str
        A CSS color: ``"#0072B2"``, ``"#07b"``, ``"teal"``, ``"rgb(0, 114, 178)"``.

    Returns
    -------
    str
        Lower case ``"#rrggbb"``.

    Raises
    ------
    InputError
        If it is not a color, or has an alpha channel.

    Examples
    --------
    >>> parse_color("Teal")
    '#008080'
    """
    try:
        rgb = ImageColor.getrgb(color)
    except (ValueError, AttributeError, TypeError) as error:
        raise InputError(
            f"{color!r} is not a color: give '#rrggbb' or a CSS name such as 'teal'"
        ) from error
    if len(rgb) != 3:
        raise InputError(
            f"{color!r} has an alpha channel: give an opaque color, '#rrggbb'"
        )
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def class_colors(k: int) -> list[str]:
    """Return the default colors of k classes.

    The first eight are safe for color-blind readers; the others are glasbey colors,
    each as different as possible from all before it. A smaller k gives the beginning
    of the same list.

    Parameters
    ----------
    k : int
        Number of classes, 1..128.

    Returns
    -------
    list of str
        k distinct colors, ``"#rrggbb"``.

    Raises
    ------
    InputError
        If k is not a whole number in 1..128.

    Examples
    --------
    >>> class_colors(2)
    ['#0072b2', '#e69f00']
    """
    whole = isinstance(k, int | np.integer) and not isinstance(k, bool)
    if not whole or not 1 <= k <= MAX_CLASSES:
        raise InputError(f"k is {k!r}: give a whole number from 1 to {MAX_CLASSES}")
    if k <= len(_SAFE_COLORS):
        return list(_SAFE_COLORS[:k])
    return list(_far_colors()[:k])


def free_colors(taken: Sequence[str]) -> Iterator[str]:
    """Yield colors for classes, first those that are not taken.

    Parameters
    ----------
    taken : sequence of str
        Colors in use, ``"#rrggbb"``.

    Yields
    ------
    str
        ``"#rrggbb"``, from 128 different colors.

    Examples
    --------
    >>> next(free_colors(["#0072b2"]))
    '#e69f00'
    """
    colors = class_colors(MAX_CLASSES)
    yield from (color for color in colors if color not in taken)
    yield from colors


@functools.cache
def _far_colors() -> tuple[str, ...]:
    # Imported here because colorcet loads matplotlib, and most maps need 8 colors.
    import colorcet

    pool = dict.fromkeys(
        parse_color(color) for name in _GLASBEY_SETS for color in colorcet.palette[name]
    )
    candidates = [color for color in pool if color not in _SAFE_COLORS]
    points = _oklab(candidates)
    low, high = _LIGHTNESS_RANGE
    chroma = np.hypot(points[:, 1], points[:, 2])
    usable = (points[:, 0] >= low) & (points[:, 0] <= high) & (chroma <= _MAX_CHROMA)
    taken = _oklab(_SAFE_COLORS)
    gap = np.linalg.norm(points[:, None] - taken[None], axis=-1).min(axis=1)
    gap[~usable] = -1.0
    colors = list(_SAFE_COLORS)
    while len(colors) < MAX_CLASSES:
        best = int(gap.argmax())
        colors.append(candidates[best])
        gap = np.minimum(gap, np.linalg.norm(points - points[best], axis=-1))
    return tuple(colors)


def _oklab(colors: Sequence[str]) -> npt.NDArray[np.float64]:
    """Perceptual coordinates (n, 3) of "#rrggbb" colors (Ottosson's OKLab)."""
    srgb = rgb_values(colors) / 255.0
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    to_cones = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    lab: npt.NDArray[np.float64] = np.cbrt(linear @ to_cones.T) @ to_lab.T
    return lab


def rgb_values(colors: Sequence[str]) -> npt.NDArray[np.uint8]:
    """Convert colors to numbers.

    Parameters
    ----------
    colors : sequence of str
        CSS colors.

    Returns
    -------
    ndarray of uint8, (n, 3)
        Red, green, blue.

    Raises
    ------
    InputError
        If one is not a color, or has an alpha channel.

    Examples
    --------
    >>> rgb_values(["#0072b2"]).tolist()
    [[0, 114, 178]]
    """
    parsed = [ImageColor.getrgb(parse_color(color)) for color in colors]
    return np.array(parsed, dtype=np.uint8).reshape(-1, 3)
