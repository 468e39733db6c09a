"""Scenes made from a DataArray, or from the variables of a Dataset."""

import math
from collections.abc import Hashable, Sequence
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
from ktextures.raster.times import Steps, Time, chosen_steps, dated_names, steps_of

__all__ = ["open_array", "open_dataset"]


def open_array(
    array: xr.DataArray,
    bands: Bands | None,
    chunks: Chunks | None,
    roles: Roles | None,
    time: Time | None = None,
) -> xr.DataArray:
    """Make a scene from an array with dims in any order."""
    steps = _steps(array, [array])
    places = chosen_steps(steps, time)
    if steps is None or len(places) == 1:
        raster = inspect_array(_at(array, steps, places))
    else:
        rasters = [inspect_array(_at(array, steps, [place])) for place in places]
        base = rasters[0].bands
        unnamed = base.names == ["band_1"]
        dated = dated_names(steps, [None] if unnamed else base.names)
        bands = _all_dates(bands, base, dated)
        names = [name for part in dated for name in part]
        # Which of several dates to show is for the user to say.
        described = SourceBands(unique_names(names, names), known=[""] * len(names))
        data = xr.concat([part.data for part in rasters], dim="band")
        raster = replace(rasters[0], data=data, bands=described)
    selection = select_bands(raster.bands, bands, roles)
    data = raster.data
    # Indexing copies, so it is skipped if all bands are selected.
    if selection.indices != list(range(data.sizes["band"])):
        data = data.isel(band=selection.indices)
    return build_scene(replace(raster, data=data), selection, chunks)


def open_dataset(
    dataset: xr.Dataset,
    bands: Bands | None,
    chunks: Chunks | None,
    roles: Roles | None,
    time: Time | None = None,
) -> xr.DataArray:
    """Make a scene from a Dataset with one variable per band, or with one cube."""
    names = _band_variables(dataset)
    if len(names) == 1:
        return open_array(dataset[names[0]], bands, chunks, roles, time)
    variables = [dataset[name] for name in names]
    steps = _steps(dataset, variables)
    places = chosen_steps(steps, time)
    labels = unique_names(
        [str(name) for name in names], [f"band_{i + 1}" for i in range(len(names))]
    )
    described = SourceBands(labels)
    if steps is not None and len(places) > 1:
        dated = _dated_labels(labels, variables, steps)
        bands = _all_dates(bands, described, dated)
        by_label = {
            label: _at(variable, steps, [place])
            for place, part in zip(places, dated, strict=True)
            for label, variable in zip(part, variables, strict=True)
        }
        described = SourceBands([*by_label], known=[""] * len(by_label))
        variables = [*by_label.values()]
    else:
        variables = [_at(variable, steps, places) for variable in variables]
    return _combined(variables, described, bands, chunks, roles)


def _combined(
    variables: list[xr.DataArray],
    described: SourceBands,
    bands: Bands | None,
    chunks: Chunks | None,
    roles: Roles | None,
) -> xr.DataArray:
    """Make a scene from one array for each band."""
    _check_single(variables)
    selection = select_bands(described, bands, roles)
    rasters = []
    for index in selection.indices:
        variable = variables[index]
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


def _steps(
    source: xr.DataArray | xr.Dataset, variables: Sequence[xr.DataArray]
) -> Steps | None:
    """Steps of time that any of the variables has."""
    spatial = {dim for each in variables for dim in spatial_dims(each) or ()}
    dims = dict.fromkeys(dim for each in variables for dim in each.dims)
    return steps_of(source, [dim for dim in dims if dim not in spatial])


def _at(
    array: xr.DataArray, steps: Steps | None, places: Sequence[int]
) -> xr.DataArray:
    """An array at one step, if it has steps."""
    if steps is None or steps.dim not in array.dims:
        return array
    return array.isel({steps.dim: places[0]}, drop=True)


def _dated_labels(
    labels: list[str], variables: list[xr.DataArray], steps: Steps
) -> list[list[str]]:
    """Names of the bands of each step; those without time keep theirs."""
    fixed = [steps.dim not in variable.dims for variable in variables]
    return [
        [
            label if alone else name
            for label, name, alone in zip(labels, part, fixed, strict=True)
        ]
        for part in dated_names(steps, labels)
    ]


def _all_dates(
    bands: Bands | None, base: SourceBands, dated: list[list[str]]
) -> Bands | None:
    """Replace a band without a date by that band of all dates."""
    if bands is None:
        return None
    known = select_bands(base, None, None)
    wanted: list[str | int] = []
    for band in [bands] if isinstance(bands, str | int | np.integer) else bands:
        labels = next((n for n in (known.names, known.roles) if band in n and band), [])
        if labels:
            place = labels.index(str(band))
            wanted.extend(dict.fromkeys(part[place] for part in dated))
        else:
            wanted.append(band)
    return wanted


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
    return [variable.name for variable in found]


def _check_single(variables: list[xr.DataArray]) -> None:
    for variable in variables:
        extra = set(variable.dims) - set(spatial_dims(variable) or ())
        if any(variable.sizes[dim] > 1 for dim in extra):
            raise InputError(
                f"each variable of the Dataset is read as one band, but "
                f"{variable.name!r} has dims {variable.dims} of shape "
                f"{variable.shape}; pass dataset[{variable.name!r}] alone, or "
                "select with dataset.isel(...)"
            )


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
