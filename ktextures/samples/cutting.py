"""Chips cut out of scenes and written to a folder, before they are divided."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import xarray as xr
from tqdm.auto import tqdm

from ktextures.errors import InputError
from ktextures.raster.georeference import scene_transform
from ktextures.raster.nodata import fitted_nodata, scene_nodata, valid_pixels
from ktextures.raster.places import moved
from ktextures.results.write_errors import writing_errors
from ktextures.samples.chips import (
    IGNORED,
    NODATA,
    ImageFormat,
    LabelFormat,
    write_image,
    write_label,
)
from ktextures.samples.conversion import checked_dtype, converted
from ktextures.samples.inputs import Inputs, LabeledScene
from ktextures.samples.settings import Settings
from ktextures.samples.strips import Cut, read_chips

__all__ = ["Chip", "common_dtype", "cut_chips", "num_places"]

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Chip:
    """A chip that was written, and what it holds.

    Parameters
    ----------
    scene : int
        Which scene it is from, from 0.
    row, column : int
        Its first pixel in the scene.
    image, label : Path
        Its files.
    counts : ndarray of int64, (k,)
        Pixels of each class.
    nodata, ignored : int
        Pixels with these labels.
    """

    scene: int
    row: int
    column: int
    image: Path
    label: Path
    counts: IntArray
    nodata: int
    ignored: int


def num_places(inputs: Inputs, settings: Settings) -> int:
    """Number of chips that scenes have room for.

    Raises
    ------
    InputError
        If a scene is smaller than a chip.
    """
    total = 0
    for each in inputs.scenes:
        height, width = each.scene.sizes["y"], each.scene.sizes["x"]
        if min(height, width) < settings.size:
            raise InputError(
                f"the scene {each.name!r} has {height} x {width} pixels, a chip "
                f"{settings.size} x {settings.size}: give a smaller size"
            )
        total += len(settings.starts(height)) * len(settings.starts(width))
    return total


def common_dtype(inputs: Inputs, wanted: np.dtype[Any] | None) -> np.dtype[Any]:
    """The dtype of the images.

    Raises
    ------
    InputError
        If none is asked for, and scenes have different ones or one that a GeoTIFF
        cannot hold.
    """
    if wanted is not None:
        return wanted
    found = {each.scene.dtype for each in inputs.scenes}
    if len(found) > 1:
        names = ", ".join(sorted(map(str, found)))
        raise InputError(
            f"the scenes hold {names}: give the dtype that all images are to have, "
            "such as dtype='float32'"
        )
    return checked_dtype(found.pop())


def cut_chips(
    inputs: Inputs,
    settings: Settings,
    dtype: np.dtype[Any],
    staging: Path,
    target: Path,
    progress: bool,
) -> list[Chip]:
    """Write the chips that hold enough data.

    Parameters
    ----------
    inputs : Inputs
    settings : Settings
    dtype : dtype
        Of the images.
    staging : Path
        Folder in which a folder with the chips is made.
    target : Path
        Folder of the set, which errors name.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    list of Chip
        By scene, row and column.

    Raises
    ------
    InputError
        If a map holds a class without a name, or the dtype cannot hold a value.
    OutputError
        If a file cannot be written.
    """
    folder = staging / "chips"
    with writing_errors(target, staging):
        folder.mkdir()
    lookup = inputs.lookup()
    labels = LabelFormat(inputs.table)
    chips: list[Chip] = []
    bar = tqdm(total=num_places(inputs, settings), desc="chips", disable=not progress)
    # One environment of GDAL for all files: making one takes longer than a small chip.
    with bar, rasterio.Env():
        for index, each in enumerate(inputs.scenes):
            scissors = _Scissors(each, index, settings, dtype, lookup, labels)
            for cut in scissors.places():
                # Reading is left out: its errors say nothing about the target.
                with writing_errors(target, staging):
                    chip = scissors.write(cut, folder)
                bar.update()
                if chip is not None:
                    chips.append(chip)
    return sorted(chips, key=lambda chip: (chip.scene, chip.row, chip.column))


class _Scissors:
    """Cuts one scene."""

    def __init__(
        self,
        source: LabeledScene,
        index: int,
        settings: Settings,
        dtype: np.dtype[Any],
        lookup: npt.NDArray[np.int16],
        labels: LabelFormat,
    ) -> None:
        scene = source.scene
        self.source, self.index, self.settings = source, index, settings
        self.lookup, self.labels = lookup, labels
        self.transform = scene_transform(scene)
        self.nodata = scene_nodata(scene)
        self.image = ImageFormat(
            tuple(map(str, scene.band.values)),
            tuple(map(str, scene.role.values)),
            dtype,
            _declared(self.nodata, dtype),
            scene.rio.crs,
        )

    def places(self) -> Iterator[Cut]:
        """Every chip of the scene: labels, image and, if needed, confidence."""
        scene, sure = self.source.scene, self.source.confidence
        # The class map first: its chunks cost most to compute.
        arrays: Sequence[xr.DataArray] = [self.source.classes, scene]
        rows = self.settings.starts(scene.sizes["y"])
        columns = self.settings.starts(scene.sizes["x"])
        arrays = arrays if sure is None else [*arrays, sure]
        return read_chips(arrays, rows, columns, self.settings.size)

    def write(self, cut: Cut, folder: Path) -> Chip | None:
        """Write a chip, or return None if it holds too little."""
        classes, image, *sure = cut.values
        labels = self._labels(classes, image, sure)
        nodata = int((labels == NODATA).sum())
        ignored = int((labels == IGNORED).sum())
        too_much = nodata > self.settings.max_nodata * labels.size
        if too_much or nodata + ignored == labels.size:
            return None
        k = self.labels.table.k
        counts = np.bincount(labels.ravel(), minlength=k + 1)[1 : k + 1]
        stem = f"{self.index}-{cut.row}-{cut.column}"
        chip = Chip(
            self.index,
            cut.row,
            cut.column,
            folder / f"{stem}-image.tif",
            folder / f"{stem}-label.tif",
            counts.astype(np.int64),
            nodata,
            ignored,
        )
        place = moved(self.transform, cut.row, cut.column)
        name = f"the scene {self.source.name!r}"
        values = converted(image, self.image.dtype, name)
        write_image(chip.image, values, place, self.image)
        write_label(chip.label, labels, place, self.image.crs, self.labels)
        return chip

    def _labels(
        self,
        classes: npt.NDArray[Any],
        image: npt.NDArray[Any],
        sure: Sequence[npt.NDArray[Any]],
    ) -> npt.NDArray[np.uint8]:
        found = self.lookup[classes]
        if (found < 0).any():
            raise InputError(
                f"the class map of {self.source.name!r} holds the value "
                f"{classes[found < 0][0]}, which is not among its classes: give "
                "table= with every class"
            )
        if sure:
            # NaN is not sure either.
            doubtful = ~(sure[0] >= self.settings.min_confidence)
            found[doubtful & (found != NODATA)] = IGNORED
        found[~valid_pixels(image, self.nodata)] = NODATA
        labels: npt.NDArray[np.uint8] = found.astype(np.uint8)
        return labels


def _declared(nodata: float | None, dtype: np.dtype[Any]) -> float | None:
    """The nodata value of image files."""
    if nodata is None:
        return float("nan") if dtype.kind == "f" else None
    return fitted_nodata(nodata, dtype)
