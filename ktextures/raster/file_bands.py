"""The bands of a raster file that a scene is made of, and what hides their pixels."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import rasterio
from rasterio.enums import MaskFlags
from rasterio.errors import NotGeoreferencedWarning

from ktextures.errors import InputError
from ktextures.raster.bands import (
    Bands,
    Roles,
    Selection,
    bands_of_file,
    select_bands,
)
from ktextures.raster.doubts import (
    holds_measurements,
    warn_caller,
    warn_of_control_points,
    warn_of_palette,
)

__all__ = ["FileBands", "choose_bands", "has_mask", "quiet_about_georeference"]


class FileBands(NamedTuple):
    """Bands of a file that are read.

    Attributes
    ----------
    selection : Selection
        Bands of the scene, in its order.
    alpha : list of int
        Positions of other bands, from 0, that hide pixels where they are 0.
    """

    selection: Selection
    alpha: list[int]


def choose_bands(
    file: rasterio.DatasetReader, path: str, bands: Bands | None, roles: Roles | None
) -> FileBands:
    """Choose the bands of a file, and warn of those that may not be what they seem.

    Parameters
    ----------
    file : rasterio.DatasetReader
        Open file.
    path : str
        What messages call it.
    bands, roles : see `ktextures.open_scene`

    Returns
    -------
    FileBands

    Raises
    ------
    InputError
        If the file has no bands, or none of those wanted.
    """
    if file.count == 0:
        raise InputError(
            f"{path!r} holds no bands of its own but the subdatasets "
            f"{list(file.subdatasets)}; open one of them"
        )
    described = bands_of_file(file)
    mislabeled = {b for b in described.alpha if holds_measurements(file, b)}
    alpha = [band for band in described.alpha if band not in mislabeled]
    selection = select_bands(replace(described, alpha=alpha), bands, roles)
    if bands is None:
        _warn_of_alpha(path, selection, mislabeled)
    warn_of_palette(file, path, selection.indices)
    warn_of_control_points(file, path)
    return FileBands(selection, [b for b in alpha if b not in selection.indices])


def _warn_of_alpha(path: str, selection: Selection, mislabeled: set[int]) -> None:
    for place, band in enumerate(selection.indices):
        # A role that was given shows that the user knows the band.
        if band in mislabeled and not selection.roles[place]:
            warn_caller(
                f"band {band + 1} of {path!r} is marked as alpha, but holds many "
                "values and is read as a band; to confirm this, list it in bands=[...] "
                "or roles={...}; to use it as transparency, take "
                f"scene.drop_isel(band={place}).where(scene[{place}] != 0)"
            )


def has_mask(file: rasterio.DatasetReader, indices: list[int]) -> bool:
    """Tell whether a file has a mask of its own for any of these bands, from 0."""
    flags = file.mask_flag_enums
    return any(
        MaskFlags.per_dataset in flags[band] and MaskFlags.alpha not in flags[band]
        for band in indices
    )


@contextmanager
def quiet_about_georeference() -> Iterator[None]:
    """Silence rasterio's warning of files without a georeference, which are fine."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield
