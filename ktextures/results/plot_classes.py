"""Figure of class profiles: texture, typical patch, and numbers of each class."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ktextures.errors import InputError
from ktextures.rendering import stretch_limits, stretch_rgb
from ktextures.results import figure_layout as sheet
from ktextures.results.figure_layout import Box, Sheet

__all__ = ["plot_classes"]

_DPI = 110
_MARGIN, _GAP = 0.2, 0.35
_CARD_WIDTH, _CARD_HEIGHT = 5.6, 1.65
_HEAD, _TILE, _CAPTION = 0.28, 1.05, 0.2
_CHART_LEFT, _CHART_WIDTH = 2.75, 1.45
_NOTE_LEFT = 4.35

_FADED = 0.3
"""How much of its color a pixel of another class keeps."""

_NEEDED = {
    "color",
    "mean",
    "patch",
    "patch_inside",
    "separability",
    "share",
    "std",
    "texture",
}
_DISTINCT = 1.9
"""Jeffries-Matusita distance from which classes count as well separable."""


def plot_classes(
    profiles: xr.Dataset,
    *,
    classes: Sequence[int] | None = None,
    bands: Sequence[str | int] | None = None,
    columns: int | None = None,
) -> Figure:
    """Draw the profile of each class.

    For each class: its texture, the most typical part of the scene, with pixels of
    other classes faded, mean and standard deviation of each band, and the class that it
    is most easily confused with.

    Parameters
    ----------
    profiles : Dataset
        What `ktextures.describe` returned, or what was read from a file of it.
    classes : sequence of int, optional
        Class values to draw, from 1; all by default.
    bands : sequence of str or int, optional
        Three bands to show as red, green and blue, or one to show in gray, by name or
        number from 1. By default those that `ktextures.plot` shows of the scene.
    columns : int, optional
        Columns of classes; by default 1 for up to 3 classes, and 2 for more.

    Returns
    -------
    matplotlib.figure.Figure
        Notebooks show it; save it with ``.savefig(path)``.

    Raises
    ------
    InputError
        If it is not the Dataset of `describe`, a class or band is unknown, or `columns`
        is not a whole number of 1 or more.

    Examples
    --------
    >>> import ktextures as kt
    >>> scene, truth = kt.datasets.synthetic(64, k=2, seed=1)
    >>> model = kt.train(scene, k=2, steps=6, seed=1, progress=False)
    >>> figure = kt.plot_classes(kt.describe(scene, model, patch=16))
    """
    _check(profiles)
    profiles = profiles.assign(patch_inside=profiles.patch_inside.astype(bool))
    chosen = _chosen(profiles, classes)
    shown = _shown(profiles, bands)
    limits = _limits(profiles, shown)
    if columns is None:
        columns = 1 if len(chosen) <= 3 else 2
    elif isinstance(columns, bool) or not isinstance(columns, int) or columns < 1:
        raise InputError(f"columns is {columns!r}; give a whole number of 1 or more.")
    rows = math.ceil(len(chosen) / columns)
    width = 2 * _MARGIN + columns * _CARD_WIDTH + (columns - 1) * _GAP
    figure = Sheet(
        figsize=(width, 2 * _MARGIN + rows * _CARD_HEIGHT), dpi=_DPI, facecolor="white"
    )
    scale = _band_range(profiles)
    for place, index in enumerate(chosen):
        column, row = divmod(place, rows)
        box = Box(
            _MARGIN + column * (_CARD_WIDTH + _GAP),
            _MARGIN + row * _CARD_HEIGHT,
            _CARD_WIDTH,
            _CARD_HEIGHT,
        )
        _draw_card(figure, box, profiles.isel({"class": index}), shown, limits, scale)
        _draw_neighbor(figure, box, profiles, index)
    return figure


def _check(profiles: xr.Dataset) -> None:
    if not isinstance(profiles, xr.Dataset) or not _NEEDED <= set(profiles):
        raise InputError(
            "this is not the Dataset of class profiles: give what ktextures.describe "
            "returned, with all its variables"
        )


def _chosen(profiles: xr.Dataset, classes: Sequence[int] | None) -> list[int]:
    """Indices of the classes that are drawn."""
    k = profiles.sizes["class"]
    if classes is None:
        return list(range(k))
    unknown = [value for value in classes if value not in range(1, k + 1)]
    if unknown or not len(classes):
        raise InputError(
            f"classes are {list(classes)}; give one or more values from 1 to {k}."
        )
    return [int(value) - 1 for value in classes]


def _shown(profiles: xr.Dataset, bands: Sequence[str | int] | None) -> list[int]:
    """Indices of the bands that are drawn."""
    names = [str(name) for name in profiles["band"].values]
    if bands is None:
        bands = [int(n) for n in np.atleast_1d(profiles.attrs.get("shown_bands", 1))]
    if len(bands) not in (1, 3):
        raise InputError(f"bands are {list(bands)}; give one or three bands.")
    found = []
    for band in bands:
        number = int(band) - 1 if isinstance(band, int | np.integer) else None
        if number is None and band in names:
            number = names.index(str(band))
        if number is None or not 0 <= number < len(names):
            raise InputError(
                f"there is no band {band!r}; choose from {', '.join(names)}, or from "
                f"the numbers 1 to {len(names)}."
            )
        found.append(number)
    return found


def _limits(profiles: xr.Dataset, shown: list[int]) -> npt.NDArray[np.float64]:
    """Black and white of all pictures, from the patches of all classes."""
    patches = profiles.patch.transpose("class", "patch_y", "patch_x", "band").values
    return stretch_limits(patches.reshape(-1, 1, patches.shape[-1]), None, shown)


def _band_range(profiles: xr.Dataset) -> tuple[float, float]:
    """Lowest and highest value of the charts."""
    low = np.nanmin((profiles["mean"] - profiles["std"]).values, initial=np.inf)
    high = np.nanmax((profiles["mean"] + profiles["std"]).values, initial=-np.inf)
    if not low < high:
        return low - 1 if np.isfinite(low) else 0.0, high + 1 if low == high else 1.0
    return float(low), float(high)


def _draw_card(
    figure: Figure,
    box: Box,
    profile: xr.Dataset,
    shown: list[int],
    limits: npt.NDArray[np.float64],
    scale: tuple[float, float],
) -> None:
    color, name = str(profile["color"].item()), str(profile["name"].item())
    axes = sheet.blank_axes(figure, Box(box.left, box.top, box.width, _HEAD))
    axes.add_patch(Rectangle((0, 0.06), 0.16, 0.16, facecolor=color))
    title = sheet.shorten(f"{int(profile['class'])}  {name}", 9, 3.2)
    sheet.write(axes, 0.24, 0.14, title, 9, bold=True)
    offset = 0.24 + sheet.text_width(title, 9, bold=True) + 0.12
    sheet.write(axes, offset, 0.145, _size(profile), 8, color=sheet.MUTED)
    for place, (key, caption) in enumerate(
        (("texture", "texture"), ("patch", "in the scene"))
    ):
        left = box.left + place * (_TILE + 0.12)
        tile = Box(left, box.top + _HEAD, _TILE, _TILE)
        values = profile[key].transpose(f"{key}_y", f"{key}_x", "band").values
        side = profile.sizes["patch_y"]
        picture = stretch_rgb(values[:side, :side], None, shown, limits=limits)
        if key == "patch":
            picture = _faded(picture, profile["patch_inside"].values)
        _draw_tile(figure, tile, picture, caption, color)
    chart = Box(box.left + _CHART_LEFT, box.top + _HEAD, _CHART_WIDTH, _TILE)
    _draw_chart(figure.add_axes(chart.on(figure)), profile, color, scale)


def _faded(
    picture: npt.NDArray[np.uint8], inside: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint8]:
    """The picture (y, x, RGBA) in pale colors outside the class."""
    pale = picture.copy()
    pale[..., :3] = np.rint(255 - _FADED * (255.0 - picture[..., :3]))
    return np.where(inside[..., None], picture, pale)


def _size(profile: xr.Dataset) -> str:
    """Share and area as text."""
    share = float(profile["share"])
    text = "no pixels" if not share else f"{100 * share:.1f} %"
    hectares = float(profile["area_ha"]) if "area_ha" in profile else math.nan
    if share and not math.isnan(hectares):
        text += f" · {hectares:,.{1 if hectares >= 10 else 2}f} ha"
    return text


def _draw_tile(
    figure: Figure, box: Box, picture: npt.NDArray[np.uint8], caption: str, color: str
) -> None:
    axes = figure.add_axes(box.on(figure))
    axes.add_patch(sheet.hatched(picture.shape[1], picture.shape[0], -0.5, -0.5))
    axes.imshow(picture, interpolation="nearest", aspect="auto", zorder=2)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color=color, linewidth=1.6)
    below = Box(box.left, box.top + box.height, box.width, _CAPTION)
    sheet.write(sheet.blank_axes(figure, below), 0, 0.12, caption, 7, color=sheet.MUTED)


def _draw_chart(
    axes: Axes, profile: xr.Dataset, color: str, scale: tuple[float, float]
) -> None:
    """Mean and standard deviation of each band."""
    names = [str(name) for name in profile["band"].values]
    places = np.arange(len(names))
    axes.errorbar(
        places,
        profile["mean"].values,
        profile["std"].values,
        color=color,
        ecolor=color,
        linewidth=1.2,
        elinewidth=1,
        capsize=2,
        marker="o",
        markersize=3,
    )
    margin = 0.05 * (scale[1] - scale[0])
    axes.set_ylim(scale[0] - margin, scale[1] + margin)
    axes.set_xlim(-0.5, len(names) - 0.5)
    every = math.ceil(len(names) / 6)
    labels = [sheet.shorten(name, 7, 0.4) for name in names[::every]]
    axes.set_xticks(places[::every], labels)
    axes.set_title(
        "mean ± std of each band",
        fontsize=7,
        color=sheet.MUTED,
        loc="left",
        pad=2,
        family=sheet.FONT,
    )
    sheet.calm(axes)
    axes.grid(True, axis="y", color="#e6e6e6", linewidth=0.6)


def _draw_neighbor(figure: Figure, box: Box, profiles: xr.Dataset, index: int) -> None:
    """The nearest class, and how well both can be told apart."""
    height = _TILE
    axes = sheet.blank_axes(
        figure,
        Box(box.left + _NOTE_LEFT, box.top + _HEAD, box.width - _NOTE_LEFT, height),
    )
    distances = np.delete(profiles["separability"].values[index], index)
    others = np.delete(np.arange(profiles.sizes["class"]), index)
    if np.isnan(distances).all():
        return
    nearest = int(others[int(np.nanargmin(distances))])
    least = float(np.nanmin(distances))
    name = f"{nearest + 1}  {profiles['name'].values[nearest]}"
    sheet.write(axes, 0, 0.1, "nearest class", 7, color=sheet.MUTED)
    color = str(profiles["color"].values[nearest])
    axes.add_patch(Rectangle((0, 0.23), 0.12, 0.12, facecolor=color))
    sheet.write(axes, 0.18, 0.29, sheet.shorten(name, 8, 1.0), 8)
    sheet.write(axes, 0, 0.52, "separability", 7, color=sheet.MUTED)
    sheet.write(axes, 0, 0.7, f"{least:.2f} of 2", 8)
    word = "distinct" if least >= _DISTINCT else "partly overlapping"
    sheet.write(axes, 0, 0.88, word if least >= 1 else "very similar", 7)
