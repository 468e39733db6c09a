"""What an explorer shows, as a labeled Dataset."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

import ktextures.results.leaflet  # noqa: F401 - results are layers of a map
from ktextures.classes import ClassTable, relabel
from ktextures.raster.georeference import georeference
from ktextures.widgets._state import Frame

__all__ = ["dataset"]


def dataset(
    frame: Frame,
    mapping: Sequence[int],
    table: ClassTable,
    classes: npt.NDArray[np.uint8],
    like: xr.DataArray,
    whole: bool,
) -> xr.Dataset:
    """Dataset as `ktextures.segment` gives it, of the classes shown.

    Parameters
    ----------
    frame : Frame
    mapping : sequence of int
        Class shown for each class of the model.
    table : ClassTable
        Of the classes shown.
    classes : array of uint8, shape (y, x)
        As the model numbers them.
    like : DataArray
        Scene with the grid of `classes`.
    whole : bool
        Whether the frame has that grid too, so that its simulation is given.
    """
    shown = relabel(classes, np.array(mapping, np.int64))
    attrs = {**table.attrs(), "long_name": "k-textures class"}
    located = georeference(
        shown, like, dims=("y", "x"), name="classes", attrs=attrs, nodata=0
    )
    result = xr.Dataset({"classes": located})
    if whole:
        result["simulated"] = georeference(
            frame.simulated.transpose(2, 0, 1),
            like,
            dims=("band", "y", "x"),
            name="simulated",
            coords={"band": like.band.values, "role": ("band", like.role.values)},
            nodata=np.nan,
        )
    chosen = [list(mapping).index(value) for value in range(1, table.k + 1)]
    result["textures"] = xr.DataArray(
        frame.textures[chosen].transpose(0, 3, 1, 2),
        dims=("class", "band", "texture_y", "texture_x"),
        coords={"class": np.arange(1, table.k + 1), "band": like.band.values},
    )
    return result
