"""Borders without data that a scene does not declare, and that would become a class."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from ktextures.raster.doubts import warn_caller
from ktextures.raster.scene_samples import Samples
from ktextures.raster.scene_set import SceneSet, inside

__all__ = ["warn_of_borders"]

LEAST_SHARE = 0.01
"""Share of the pixels that have the same value in all bands."""

CUSTOMARY = (0, -9999, -32768)
"""What files fill borders with, besides the ends of an integer type."""


def warn_of_borders(scenes: SceneSet, samples: Samples) -> None:
    """Warn of scenes that seem to have a border without data.

    Parameters
    ----------
    scenes : SceneSet
    samples : list of array, shape (n, band)
        Valid pixels of each, in the scenes' own units.

    Warns
    -----
    UserWarning
        If a value that files fill borders with is found in all bands of at least one
        percent of the valid pixels, and of the pixel in a corner of the scene.
    """
    for label, scene, sample in zip(scenes.labels, scenes, samples, strict=True):
        for value in _customary(scene.dtype):
            share = _share(value, sample)
            if share >= LEAST_SHARE and _is_in_a_corner(value, scene):
                warn_caller(
                    f"{share:.0%} of the pixels of {inside(label)} are {value} in "
                    "every band, also in a corner. If this is a border without data, "
                    "it becomes a class; declare it with "
                    f"scene.rio.write_nodata({value}), or, if {value} also occurs in "
                    f'single bands, scene.where((scene != {value}).any("band")).'
                )


def _customary(dtype: np.dtype) -> list[int]:
    """Values that borders in a raster of this type have."""
    if dtype.kind not in "iu":
        return list(CUSTOMARY)
    limits = np.iinfo(dtype)
    held = {value for value in CUSTOMARY if limits.min <= value <= limits.max}
    return sorted(held | {int(limits.min), int(limits.max)})


def _share(value: int, sample: npt.NDArray[np.floating]) -> float:
    """Share of the pixels (n, band) that have a value in all bands."""
    # Most values are ruled out by the first band; samples have millions of pixels.
    places = np.flatnonzero(sample[:, 0] == value)
    return float((sample[places] == value).all(1).sum() / len(sample))


def _is_in_a_corner(value: int, scene: xr.DataArray) -> bool:
    corners: npt.NDArray[np.bool_] = (
        scene.isel(y=[0, -1], x=[0, -1]).transpose("band", "y", "x").values == value
    )
    return bool(corners.all(0).any())
