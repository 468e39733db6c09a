"""Scenes made from a DataArray, or from the variables of a Dataset."""

import math
from collections.abc import Hashable
from dataclasses import replace

import numpy as np
import xarray as xr

from ktextures.errors import InputError
from ktextures.raster.bands import Bands, Roles, SourceBands, select_bands, unique_names
from ktextures.raster.scene import (
    Chunks,
    Raster,
    build_scene,
    checked_dtype,
    inspect_array,
    spatial_dims,
)

__all__ = ["open_array", "open_dataset"]


def open_array(
    array: xr.DataArray, bands: Bands | None, chunks: Chunks | None, roles: Roles | None
) -> xr.DataArray:
    """Make a scene from an array with dims in any order."""
    raster = inspect_array(array)
    selection = select_bands(raster.bands, bands, roles)
    data = raster.data
    # Indexing copies, so it is skipped if all bands are selected.
    if selection.indices != list(range(data.sizes["band"])):
        data = data.isel(band=selection.indices)
    return build_scene(replace(raster, data=data), selection, chunks)


def open_dataset(
    dataset: xr.Dataset, bands: Bands | None, chunks: Chunks | None, roles: Roles | None
) -> xr.DataArray:
    """Make a scene from a Dataset with one variable per band, or with one cube."""
    names = _band_variables(dataset)
    if len(names) == 1:
        return open_array(dataset[names[0]], bands, chunks, roles)
    labels = unique_names(
        [str(name) for name in names], [f"band_{i + 1}" for i in range(len(names))]
    )
    selection = select_bands(SourceBands(labels), bands, roles)
    rasters = []
    for index in selection.indices:
        variable = dataset[names[index]]
        if chunks is not None:
            variable = variable.chunk()
        rasters.append(inspect_array(variable))
    _check_alike(rasters, selection.names)
    nodata = {repr(raster.nodata): raster.nodata for raster in rasters}
    parts = [raster.data for raster in rasters]
    shared: float | None = rasters[0].nodata
    if len(nodata) > 1:
        shared = math.nan
        parts = [
            part if raster.nodata is None else part.where(part != raster.nodata)
            for part, raster in zip(parts, rasters, strict=True)
        ]
    dtype = np.result_type(*(checked_dtype(part.dtype) for part in parts))
    data = xr.concat([part.astype(dtype) for part in parts], dim="band")
    located = next((r for r in rasters if r.crs is not None), rasters[0])
    return build_scene(replace(located, data=data, nodata=shared), selection, chunks)


def _band_variables(dataset: xr.Dataset) -> list[Hashable]:
    found = [v for v in dataset.data_vars.values() if spatial_dims(v) is not None]
    if not found:
        dims = {str(name): v.dims for name, v in dataset.data_vars.items()}
        raise InputError(
            f"no variable of the Dataset has rows and columns, got {dims}; rename its "
            'dims with dataset.rename({"...": "y", "...": "x"})'
        )
    spatial = set(spatial_dims(found[0]) or ())
    for name, variable in dataset.data_vars.items():
        long = {dim for dim in variable.dims if variable.sizes[dim] > 1}
        if len(long) > 1 and not spatial & long:
            raise InputError(
                f"the variables {found[0].name!r} and {name!r} have different grids, "
                f"with dims {found[0].dims} and {variable.dims}; select those of one "
                "grid with dataset[[...]], or resample them first"
            )
    if len(found) > 1:
        for variable in found:
            extra = set(variable.dims) - set(spatial_dims(variable) or ())
            if any(variable.sizes[dim] > 1 for dim in extra):
                raise InputError(
                    f"each variable of the Dataset is read as one band, but "
                    f"{variable.name!r} has dims {variable.dims} of shape "
                    f"{variable.shape}; pass dataset[{variable.name!r}] alone, or "
                    "select with dataset.isel(...)"
                )
    return [variable.name for variable in found]


def _check_alike(rasters: list[Raster], names: list[str]) -> None:
    shapes = {raster.data.shape for raster in rasters}
    if len(shapes) > 1:
        listed = {n: r.data.shape[1:] for n, r in zip(names, rasters, strict=True)}
        raise InputError(
            f"the bands have different shapes {listed}; resample them to one grid"
        )
    crss = [raster.crs for raster in rasters if raster.crs is not None]
    if any(crs != crss[0] for crs in crss):
        described = {
            name: None if raster.crs is None else raster.crs.to_string()
            for name, raster in zip(names, rasters, strict=True)
        }
        raise InputError(
            f"the bands have different CRSs {described}; reproject them to one with "
            "variable.rio.reproject_match"
        )
