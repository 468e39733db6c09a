"""A scene's contract, checked once: dims, band names, roles, CRS, transform, nodata.

A *scene* is a DataArray with dims ``("band", "y", "x")``. ``open_scene`` makes one out
of whatever rasterio or xarray opens; ``read_window`` and ``read_sample`` hand its
pixels to code that knows only arrays; ``georeference`` turns arrays back into rasters.
"""

import itertools
import math
import os
import re
import warnings
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import rasterio
import rioxarray
import xarray as xr
from affine import Affine
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window
from rioxarray.exceptions import RioXarrayError

from ktextures.errors import InputError

__all__ = [
    "ROLES",
    "georeference",
    "is_lazy",
    "open_scene",
    "read_sample",
    "read_window",
    "require_valid",
    "role_indices",
    "scene_nodata",
    "scene_transform",
    "valid_pixels",
]

ROLES = ("red", "green", "blue", "nir")

# Only names that mean one thing on every sensor: "B4" is red on Sentinel-2 and
# Landsat 8 but near infrared on Landsat 7, "B04" is always red.
_ROLE_ALIASES = {
    "b04": "red",
    "b03": "green",
    "b02": "blue",
    "b08": "nir",
    "nearinfrared": "nir",
    "nir08": "nir",
}
_SPATIAL_NAMES = (
    ("y", "x"),
    ("lat", "lon"),
    ("latitude", "longitude"),
    ("northing", "easting"),
    ("row", "col"),
    ("rows", "cols"),
    ("row", "column"),
    ("rows", "columns"),
)
_BAND_NAMES = ("band", "bands", "channel", "channels")
# Descriptions that say nothing of a band's content.
_NEUTRAL_NAME = re.compile(r"(band|layer|channel|b)?[ _-]?\d*", re.IGNORECASE)
_XARRAY_SUFFIXES = tuple(".nc .nc4 .cdf .h5 .hdf5 .zarr .grib .grib2 .grb".split())
_EAGER_BYTES = 512 * 2**20
_LAZY_CHUNK = 1024
_EVEN_TOLERANCE = 0.05  # of a pixel: leaves room for coordinates stored as float32
_SAMPLE_WINDOW = 256
_SAMPLE_WINDOWS = 64

Bands = str | int | Sequence[str | int]
Roles = Mapping[str, str | int]
Chunks = int | str | Mapping[str, Any]


class _Selection(NamedTuple):
    """Chosen bands of a source: positions, and their names and roles."""

    indices: list[int]
    names: list[str]
    roles: list[str]


@dataclass(frozen=True)
class _Bands:
    """What a source says of all its bands."""

    names: list[str]
    known: list[str] | None = None  # roles of an earlier scene
    colours: list[str] | None = None  # roles by colour interpretation
    alpha: Collection[int] = ()


@dataclass(frozen=True)
class _Raster:
    """An array reduced to bare data in (band, y, x) and what locates it."""

    data: xr.DataArray  # without coordinates
    bands: _Bands
    y: npt.NDArray[np.float64] | None
    x: npt.NDArray[np.float64] | None
    crs: rasterio.CRS | None
    cached: Affine | None
    nodata: float | None


# --- opening ---------------------------------------------------------------------


def open_scene(
    source: str | os.PathLike[str] | xr.DataArray | xr.Dataset,
    bands: Bands | None = None,
    chunks: Chunks | None = None,
    *,
    roles: Roles | None = None,
) -> xr.DataArray:
    """Open a raster as a scene, or make a scene of an array at hand.

    Parameters
    ----------
    source : path, URL, DataArray or Dataset
        GeoTIFF, COG or another raster file that rasterio opens; NetCDF, HDF5, Zarr or
        GRIB that xarray opens; an array with dims in any order, whose rows and columns
        are named y/x, lat/lon, latitude/longitude, northing/easting, row(s)/col(s) or
        as ``.rio`` knows them; or a Dataset with one variable per band. Values stay as
        stored, except that packed NetCDF variables are unpacked as xarray does.
    bands : sequence of str or int, optional
        Bands to keep, in this order: names, roles, or numbers from 1 as in rasterio.
        All bands by default, without alpha bands.
    chunks : int, "auto" or mapping of "y", "x", "band", optional
        Chunk sizes of a lazy (dask) scene. By default arrays stay as they are, and
        files are read at once when below 512 MB, else opened in chunks of 1024.
    roles : mapping of {"red", "green", "blue", "nir"} to str or int, optional
        The band that plays each role, by name or number from 1. Roles not given are
        taken from the band names (such as "red", "B04", "near infrared") or else from
        the file's colour interpretation; what is ambiguous stays unknown.

    Returns
    -------
    DataArray, dims ("band", "y", "x")
        With unique band names, the coordinate ``role`` along band ("" when unknown),
        pixel centres ``y`` and ``x`` (0.5, 1.5, ... without georeference, absent when
        the transform is rotated), CRS, transform and nodata; other attributes are
        dropped. The orientation is kept. An alpha band or mask of the file becomes NaN
        in a float scene. An alpha band counts as one unless it is named otherwise,
        given in ``roles``, or listed in ``bands``; a warning tells when it looks like
        a band.

    Raises
    ------
    InputError
        If the source cannot be opened or is empty, its dims, coordinates or dtype
        cannot be used, or a band or role does not exist.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> array = xr.DataArray(np.ones((3, 5, 2)), dims=("row", "col", "band"))
    >>> open_scene(array, bands=[2]).sizes
    Frozen({'band': 1, 'y': 3, 'x': 5})
    """
    _check_chunks(chunks)
    if isinstance(source, xr.Dataset):
        return _open_dataset(source, bands, chunks, roles)
    if isinstance(source, xr.DataArray):
        return _open_array(source, bands, chunks, roles)
    if not isinstance(source, str | os.PathLike):
        raise InputError(
            f"cannot open a {type(source).__name__} as a scene; give a path, a URL, an "
            "xarray.Dataset or a DataArray, such as "
            'xarray.DataArray(values, dims=("band", "y", "x"))'
        )
    path = os.fspath(source)
    try:
        if path.split("?")[0].rstrip("/").lower().endswith(_XARRAY_SUFFIXES):
            return _open_xarray_file(path, bands, chunks, roles)
        return _open_raster_file(path, bands, chunks, roles)
    except InputError:
        raise
    except (OSError, RasterioError, ValueError, RioXarrayError) as error:
        raise InputError(
            f"cannot open {path!r} as a scene: {error}; check the path, or open it "
            "another way and pass the DataArray"
        ) from error


def _open_raster_file(
    path: str, bands: Bands | None, chunks: Chunks | None, roles: Roles | None
) -> xr.DataArray:
    with _unreferenced_is_fine(), rasterio.open(path) as file:
        if file.count == 0:
            raise InputError(
                f"{path!r} holds no bands of its own but the subdatasets "
                f"{list(file.subdatasets)}; open one of these"
            )
        described = _file_bands(file)
        selection = _select(described, bands, roles)
        hidden = [band for band in described.alpha if band not in selection.indices]
        masked = _has_mask(file, selection.indices)
        itemsize = np.dtype(file.dtypes[0]).itemsize * (4 if masked or hidden else 1)
        size = len(selection.indices) * file.height * file.width * itemsize
        nodata = file.nodatavals[selection.indices[0]]
        _warn_of_doubtful_alpha(file, path, hidden)
        if file.gcps[0] and file.transform == Affine.identity():
            warnings.warn(
                f"{path!r} is located by ground control points only, which are left "
                "out; warp it first (gdalwarp) for a georeferenced result",
                UserWarning,
                stacklevel=4,
            )
    if chunks is None and size > _EAGER_BYTES:
        chunks = _LAZY_CHUNK
    with _unreferenced_is_fine():
        opened = rioxarray.open_rasterio(path, masked=masked)
        # Dataset and list come only from files without bands of their own.
        opened = cast(xr.DataArray, opened)
        raster = _inspect(opened)
        data = raster.data.isel(band=[*selection.indices, *hidden])
        if chunks is not None:
            data = data.chunk(_chunk_sizes(chunks))
        data, nodata = _hide(data, len(selection.indices), nodata, masked)
        raster = _replaced(raster, data, nodata)
        scene = _build(raster, selection, chunks)
    if chunks is None:
        opened.close()
    else:
        scene.set_close(opened.close)
    return scene


def _file_bands(file: rasterio.DatasetReader) -> _Bands:
    count = file.count
    names = _unique(file.descriptions, [f"band_{i}" for i in range(1, count + 1)])
    neutral = [not d or bool(_NEUTRAL_NAME.fullmatch(d)) for d in file.descriptions]
    colours = [
        colour.name if colour.name in ROLES and neutral[band] else ""
        for band, colour in enumerate(file.colorinterp)
    ]
    # GDAL marks the fourth of four byte bands as alpha unless told otherwise, so a
    # name such as "nir" is believed rather than the mark.
    alpha = [
        band
        for band, colour in enumerate(file.colorinterp)
        if colour == ColorInterp.alpha
        and (neutral[band] or "alpha" in names[band].lower())
    ]
    return _Bands(names, colours=colours, alpha=alpha)


def _has_mask(file: rasterio.DatasetReader, indices: list[int]) -> bool:
    flags = [file.mask_flag_enums[band] for band in indices]
    nodata = {repr(file.nodatavals[band]) for band in indices}
    own = any(
        MaskFlags.per_dataset in each and MaskFlags.alpha not in each for each in flags
    )
    return own or len(nodata) > 1


def _hide(
    data: xr.DataArray, num_bands: int, nodata: float | None, masked: bool
) -> tuple[xr.DataArray, float | None]:
    """Set to NaN what a mask or the alpha bands behind ``num_bands`` hide."""
    alpha = data.isel(band=slice(num_bands, None))
    data = data.isel(band=slice(num_bands))
    if not masked and not alpha.sizes["band"]:
        return data, nodata
    if alpha.sizes["band"]:
        data = data.where((alpha != 0).all("band"))
    # GDAL lets a mask hide the nodata value, which marks missing pixels all the same.
    return data if nodata is None else data.where(data != nodata), math.nan


def _warn_of_doubtful_alpha(
    file: rasterio.DatasetReader, path: str, hidden: list[int]
) -> None:
    """Say so when an alpha band looks like a mislabelled band of the image."""
    height, width = min(file.height, 256), min(file.width, 256)
    middle = Window(
        (file.width - width) // 2, (file.height - height) // 2, width, height
    )
    for band in hidden:
        if len(np.unique(file.read(band + 1, window=middle))) > 2:
            warnings.warn(
                f"band {band + 1} of {path!r} is marked as alpha and taken for "
                "transparency, though it holds many values; if it is a band such as "
                f'near infrared, open it with roles={{"nir": {band + 1}}} or list it '
                "in bands=[...]",
                UserWarning,
                stacklevel=4,
            )


def _open_xarray_file(
    path: str, bands: Bands | None, chunks: Chunks | None, roles: Roles | None
) -> xr.DataArray:
    options: dict[str, Any] = {"decode_coords": "all", "decode_times": False}
    dataset = xr.open_dataset(path, mask_and_scale=False, **options)
    packing = {"scale_factor", "add_offset", "_Unsigned"}
    if any(packing & set(variable.attrs) for variable in dataset.variables.values()):
        dataset.close()
        dataset = xr.open_dataset(path, **options)
    if chunks is None and dataset.nbytes > _EAGER_BYTES:
        chunks = _LAZY_CHUNK
    try:
        scene = _open_dataset(dataset, bands, chunks, roles)
    except BaseException:
        dataset.close()
        raise
    if chunks is None:
        dataset.close()
    else:
        scene.set_close(dataset.close)
    return scene


def _open_array(
    array: xr.DataArray, bands: Bands | None, chunks: Chunks | None, roles: Roles | None
) -> xr.DataArray:
    raster = _inspect(array)
    selection = _select(raster.bands, bands, roles)
    data = raster.data
    # Indexing copies, so it is left out when nothing is selected.
    if selection.indices != list(range(data.sizes["band"])):
        data = data.isel(band=selection.indices)
    return _build(_replaced(raster, data, raster.nodata), selection, chunks)


def _open_dataset(
    dataset: xr.Dataset, bands: Bands | None, chunks: Chunks | None, roles: Roles | None
) -> xr.DataArray:
    names = _band_variables(dataset)
    if len(names) == 1:
        return _open_array(dataset[names[0]], bands, chunks, roles)
    labels = _unique(
        [str(name) for name in names], [f"band_{i + 1}" for i in range(len(names))]
    )
    selection = _select(_Bands(labels), bands, roles)
    rasters = []
    for index in selection.indices:
        variable = dataset[names[index]]
        if chunks is not None:
            variable = variable.chunk()
        rasters.append(_inspect(variable))
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
    dtype = np.result_type(*(_checked_dtype(part.dtype) for part in parts))
    data = xr.concat([part.astype(dtype) for part in parts], dim="band")
    located = next((r for r in rasters if r.crs is not None), rasters[0])
    return _build(_replaced(located, data, shared), selection, chunks)


def _band_variables(dataset: xr.Dataset) -> list[Hashable]:
    found = [v for v in dataset.data_vars.values() if _spatial_dims(v) is not None]
    if not found:
        dims = {str(name): v.dims for name, v in dataset.data_vars.items()}
        raise InputError(
            f"no variable of the Dataset has rows and columns, got {dims}; rename its "
            'dims with dataset.rename({"...": "y", "...": "x"})'
        )
    spatial = set(_spatial_dims(found[0]) or ())
    for name, variable in dataset.data_vars.items():
        long = {dim for dim in variable.dims if variable.sizes[dim] > 1}
        if len(long) > 1 and not spatial & long:
            raise InputError(
                f"the variables {found[0].name!r} and {name!r} lie on different grids, "
                f"with dims {found[0].dims} and {variable.dims}; choose those of one "
                "grid with dataset[[...]], or resample them first"
            )
    if len(found) > 1:
        for variable in found:
            extra = set(variable.dims) - set(_spatial_dims(variable) or ())
            if any(variable.sizes[dim] > 1 for dim in extra):
                raise InputError(
                    f"each variable of the Dataset is taken for one band, but "
                    f"{variable.name!r} has dims {variable.dims} of shape "
                    f"{variable.shape}; pass dataset[{variable.name!r}] alone, or "
                    "select with dataset.isel(...)"
                )
    return [variable.name for variable in found]


def _check_alike(rasters: list[_Raster], names: list[str]) -> None:
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


# --- dims, names, roles ----------------------------------------------------------


def _inspect(array: xr.DataArray) -> _Raster:
    """Bring an array to (band, y, x) and note what its coordinates say."""
    spatial = _spatial_dims(array)
    if spatial is None:
        raise InputError(
            f"cannot tell rows from columns among the dims {array.dims} of shape "
            f'{array.shape}; rename them: array.rename({{"...": "y", "...": "x"}})'
        )
    y_dim, x_dim = spatial
    band_dim = _band_dim(array, spatial)
    bare = array.drop_vars(list(array.coords))
    extra = [dim for dim in bare.dims if dim not in (band_dim, y_dim, x_dim)]
    bare = bare.isel(dict.fromkeys(extra, 0))
    if band_dim is None:
        data = bare.transpose(y_dim, x_dim).rename({y_dim: "y", x_dim: "x"})
        data = data.expand_dims("band")
    else:
        data = bare.transpose(band_dim, y_dim, x_dim)
        data = data.rename({band_dim: "band", y_dim: "y", x_dim: "x"})
    return _Raster(
        data=data,
        bands=_array_bands(array, band_dim),
        y=_axis(array, y_dim),
        x=_axis(array, x_dim),
        crs=array.rio.crs,
        cached=_cached_transform(array),
        nodata=_declared_nodata(array),
    )


def _spatial_dims(array: xr.DataArray) -> tuple[Hashable, Hashable] | None:
    try:
        spatial = (array.rio.y_dim, array.rio.x_dim)
        if set(spatial) <= set(array.dims):
            return spatial
    except RioXarrayError:
        pass  # it knows fewer names than are looked for below
    by_name = {str(dim).lower(): dim for dim in array.dims}
    for y_name, x_name in _SPATIAL_NAMES:
        if y_name in by_name and x_name in by_name:
            return by_name[y_name], by_name[x_name]
    return None


def _band_dim(array: xr.DataArray, spatial: tuple[Any, Any]) -> Hashable | None:
    others = [dim for dim in array.dims if dim not in spatial]
    long = [dim for dim in others if array.sizes[dim] != 1]
    if len(long) > 1:
        raise InputError(
            f"a scene has rows, columns and bands, got the dims {array.dims} of shape "
            f"{array.shape}; select along one of {long} with array.isel(...), or "
            'rename and transpose to ("band", "y", "x")'
        )
    if long:
        return long[0]
    return next((dim for dim in others if str(dim).lower() in _BAND_NAMES), None)


def _array_bands(array: xr.DataArray, band_dim: Hashable | None) -> _Bands:
    count = 1 if band_dim is None else array.sizes[band_dim]
    labels: list[Any] = []
    known = None
    if band_dim is not None:
        if band_dim in array.coords:
            labels = array.coords[band_dim].values.tolist()
        if "role" in array.coords and array.coords["role"].dims == (band_dim,):
            found = [str(role) for role in array.coords["role"].values]
            known = [role if role in ROLES else "" for role in found]
    if labels and all(isinstance(label, str) for label in labels):
        return _Bands(_unique(labels, labels), known=known)
    numbers = list(range(1, count + 1))
    if labels and all(isinstance(n, int) and n > 0 for n in labels):
        numbers = labels
    described = _long_names(array.attrs.get("long_name"), numbers)
    if band_dim is None and described == [None] and isinstance(array.name, str):
        # xarray's own placeholder for arrays saved without a name is no name.
        described = [None if array.name.startswith("__") else array.name]
    return _Bands(_unique(described, [f"band_{n}" for n in numbers]), known=known)


def _long_names(long_name: object, numbers: list[int]) -> list[str | None]:
    if isinstance(long_name, str):
        return [long_name] if len(numbers) == 1 else [None] * len(numbers)
    if not isinstance(long_name, Sequence | np.ndarray):
        return [None] * len(numbers)
    listed = [None if name is None else str(name) for name in long_name]
    if len(listed) == len(numbers):
        return listed
    # Bands were selected after opening; their numbers still point into the list.
    if max(numbers) <= len(listed):
        return [listed[number - 1] for number in numbers]
    return [None] * len(numbers)


def _unique(names: Sequence[str | None], fallback: Sequence[str]) -> list[str]:
    """Fill in missing names, and number those that occur more than once."""
    cleaned = [
        (name or "").strip() or fallback[position]
        for position, name in enumerate(names)
    ]
    unique: list[str] = []
    for position, name in enumerate(cleaned, start=1):
        result = name if cleaned.count(name) == 1 else f"{name}_{position}"
        while result in unique or (result != name and result in cleaned):
            result += "_"
        unique.append(result)
    return unique


def _select(
    described: _Bands,
    bands: Bands | None,
    roles: Roles | None,
) -> _Selection:
    names = described.names
    given = _given_roles(names, roles)
    assigned = _assign_roles(described, given)
    if bands is None:
        indices = [
            band
            for band in range(len(names))
            if band not in described.alpha or band in given.values()
        ]
    else:
        wanted = [bands] if isinstance(bands, str | int | np.integer) else list(bands)
        indices = [_find_band(names, assigned, band, "bands") for band in wanted]
    if not indices:
        raise InputError(
            f"bands={bands!r} leaves no band; choose among {_listing(names)}"
        )
    if len(set(indices)) < len(indices):
        raise InputError(
            f"bands={bands!r} names a band twice; it means "
            f"{[names[band] for band in indices]}"
        )
    return _Selection(
        indices,
        [names[band] for band in indices],
        [assigned[band] for band in indices],
    )


def _given_roles(names: list[str], roles: Roles | None) -> dict[str, int]:
    given: dict[str, int] = {}
    for role, band in (roles or {}).items():
        if role not in ROLES:
            raise InputError(f"roles has {role!r}; the roles are {', '.join(ROLES)}")
        given[role] = _find_band(names, [""] * len(names), band, f"roles[{role!r}]")
    if len(set(given.values())) < len(given):
        raise InputError(f"roles={dict(roles or {})!r} gives one band two roles")
    return given


def _assign_roles(described: _Bands, given: dict[str, int]) -> list[str]:
    keys = [re.sub(r"[ _-]", "", name.lower()) for name in described.names]
    if described.known is not None:
        ranks = [described.known]
    else:
        exact = [key if key in ROLES else "" for key in keys]
        alias = [_ROLE_ALIASES.get(key, "") for key in keys]
        ranks = [exact, alias]
        # Files of any content carry red, green, blue by default, so names come first.
        if not any(exact) and not any(alias) and described.colours:
            ranks.append(described.colours)
    assigned = [""] * len(keys)
    for role, band in given.items():
        assigned[band] = role
    for role in ROLES:
        claims = next(
            (
                c
                for rank in ranks
                if (c := [b for b, r in enumerate(rank) if r == role])
            ),
            [],
        )
        if role not in given and len(claims) == 1 and not assigned[claims[0]]:
            assigned[claims[0]] = role
    return assigned


def _find_band(
    names: list[str], roles: list[str], band: str | int, argument: str
) -> int:
    if isinstance(band, str):
        for labels in (names, roles):
            if band and band in labels:
                return labels.index(band)
    elif isinstance(band, int | np.integer) and not isinstance(band, bool):
        if 1 <= band <= len(names):
            return int(band) - 1
    raise InputError(
        f"{argument}: there is no band {band!r}; choose a name, a role or a number "
        f"from 1 among {_listing(names, roles)}"
    )


def _listing(names: Sequence[str], roles: Sequence[str] = ()) -> str:
    shown = [*roles, *[""] * (len(names) - len(roles))]
    return ", ".join(
        f"{number}: {name!r}" + (f" ({role})" if role and role != name else "")
        for number, (name, role) in enumerate(zip(names, shown, strict=True), start=1)
    )


# --- grid, nodata, building ------------------------------------------------------


def _axis(array: xr.DataArray, dim: Hashable) -> npt.NDArray[np.float64] | None:
    if dim not in array.coords:
        return None
    values = array.coords[dim].values
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise InputError(
            f"the coordinate {dim!r} must hold finite numbers, got dtype "
            f"{values.dtype}; drop it with array.drop_vars({dim!r})"
        )
    values = np.asarray(values, dtype=np.float64)
    even = np.linspace(values[0], values[-1], len(values)) if len(values) else values
    step = abs(values[-1] - values[0]) / (len(values) - 1) if len(values) > 1 else 1.0
    if step == 0 or np.abs(values - even).max(initial=0) > _EVEN_TOLERANCE * step:
        steps = np.diff(values)
        raise InputError(
            f"the coordinate {dim!r} is unevenly spaced, with steps from "
            f"{steps.min():g} to {steps.max():g}; resample the scene to a regular "
            f"grid, or drop it with array.drop_vars({dim!r})"
        )
    return values


def _cached_transform(array: xr.DataArray) -> Affine | None:
    mapping = array.coords.get(array.rio.grid_mapping)
    text = None if mapping is None else mapping.attrs.get("GeoTransform")
    if text is not None:
        return Affine.from_gdal(*(float(number) for number in str(text).split()))
    listed = array.attrs.get("transform")
    return None if listed is None else Affine(*tuple(listed)[:6])


def _declared_nodata(array: xr.DataArray) -> float | None:
    try:
        nodata = array.rio.nodata
    except (OverflowError, ValueError):
        return None  # a value that no pixel of this dtype can hold
    if nodata is None or isinstance(nodata, complex | np.complexfloating):
        return None
    return cast(float, nodata.item() if isinstance(nodata, np.generic) else nodata)


def _is_rotated(transform: Affine) -> bool:
    return bool(transform.b != 0 or transform.d != 0)


def _affine(
    y: npt.NDArray[np.float64] | None,
    x: npt.NDArray[np.float64] | None,
    cached: Affine | None,
) -> Affine | None:
    """Transform from pixel centres, which outlive slicing, or else the cached one."""
    if y is None or x is None or (cached is not None and _is_rotated(cached)):
        return cached
    spacing = [
        (axis[-1] - axis[0]) / (len(axis) - 1) if len(axis) > 1 else None
        for axis in (x, y)
    ]
    # A single row or column tells no pixel size of its own.
    default_x = cached.a if cached is not None else abs(spacing[1] or 1.0)
    default_y = cached.e if cached is not None else abs(spacing[0] or 1.0)
    dx, dy = spacing[0] or default_x, spacing[1] or default_y
    found = Affine(dx, 0.0, x[0] - dx / 2, 0.0, dy, y[0] - dy / 2)
    if cached is None:
        return found
    # First and last centre agree within the tolerance, so the cached one is as good
    # and free of rounding.
    same = all(
        abs(start + (place + 0.5) * size - axis[place]) <= _EVEN_TOLERANCE * abs(size)
        for axis, start, size in ((x, cached.c, cached.a), (y, cached.f, cached.e))
        for place in (0, len(axis) - 1)
    )
    return cached if same else found


def _centres(transform: Affine, height: int, width: int) -> dict[str, Any]:
    if _is_rotated(transform):
        return {}
    return {
        "y": transform.f + (np.arange(height) + 0.5) * transform.e,
        "x": transform.c + (np.arange(width) + 0.5) * transform.a,
    }


def _checked_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype.kind not in "iuf":
        remedy = "take abs() or the parts" if dtype.kind == "c" else "convert it first"
        raise InputError(
            f"a scene needs integer or float values, got dtype {dtype}; {remedy}"
        )
    return dtype.newbyteorder("=")


def _replaced(raster: _Raster, data: xr.DataArray, nodata: float | None) -> _Raster:
    return _Raster(
        data, raster.bands, raster.y, raster.x, raster.crs, raster.cached, nodata
    )


def _build(
    raster: _Raster, selection: _Selection, chunks: Chunks | None
) -> xr.DataArray:
    """Assemble a scene from checked parts; this is where eager data is read."""
    dtype = _checked_dtype(raster.data.dtype)
    height, width = raster.data.sizes["y"], raster.data.sizes["x"]
    if height == 0 or width == 0:
        raise InputError(
            f"the scene is empty: {height} rows x {width} columns; check the slice or "
            "the bounding box it was cut with"
        )
    transform = _affine(raster.y, raster.x, raster.cached)
    if (raster.y is None) != (raster.x is None):
        raise InputError(
            "the scene has coordinates for only one of rows and columns; drop them "
            "with array.drop_vars(...), or assign both"
        )
    if transform is None and raster.crs is not None:
        raise InputError(
            f"the scene has the CRS {raster.crs.to_string()} but neither coordinates "
            "nor a transform; write one with array.rio.write_transform(...), or drop "
            f"the CRS with array.drop_vars({'spatial_ref'!r})"
        )
    centres = _centres(transform or Affine.identity(), height, width)
    if raster.y is not None and centres:
        centres = {"y": raster.y, "x": raster.x}
    data = raster.data if chunks is None else raster.data.chunk(_chunk_sizes(chunks))
    values = data.data if data.dtype == dtype else data.data.astype(dtype)
    scene = xr.DataArray(
        values,
        dims=("band", "y", "x"),
        coords={"band": selection.names, "role": ("band", selection.roles), **centres},
    )
    scene.name = None  # or else xarray takes over dask's own name
    return _located(scene, raster.crs, transform, raster.nodata)


def _located(
    array: xr.DataArray,
    crs: rasterio.CRS | None,
    transform: Affine | None,
    nodata: float | None,
) -> xr.DataArray:
    # In place, because rioxarray else copies the pixels each time; array is ours.
    if crs is not None:
        array.rio.write_crs(crs, inplace=True)
    if crs is not None or transform not in (None, Affine.identity()):
        array.rio.write_transform(transform, inplace=True)
    if nodata is not None and (array.dtype.kind == "f" or _fits(nodata, array.dtype)):
        array.rio.write_nodata(nodata, inplace=True)
    return array


def _fits(nodata: float, dtype: np.dtype[Any]) -> bool:
    if not np.isfinite(nodata) or nodata != int(nodata):
        return False
    limits = np.iinfo(dtype)
    return bool(limits.min <= nodata <= limits.max)


def _check_chunks(chunks: Any) -> None:
    sizes = chunks.values() if isinstance(chunks, Mapping) else (chunks,)
    keys = set(chunks) if isinstance(chunks, Mapping) else set()
    for size in sizes:
        number = isinstance(size, int | np.integer) and not isinstance(size, bool)
        if size is None or size == "auto" or (number and (size > 0 or size == -1)):
            continue
        if isinstance(chunks, Mapping) and isinstance(size, tuple):
            continue
        keys.add(f"size {size!r}")
    if keys - {"band", "y", "x"}:
        raise InputError(
            f"chunks={chunks!r} is not usable; give a positive int for rows and "
            'columns, "auto", or a mapping such as {"y": 1024, "x": 1024}'
        )


def _chunk_sizes(chunks: Chunks) -> dict[str, Any]:
    if isinstance(chunks, Mapping):
        return {"band": -1, **chunks}
    return {"band": -1, "y": chunks, "x": chunks}


@contextmanager
def _unreferenced_is_fine() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


# --- reading ---------------------------------------------------------------------


def is_lazy(scene: xr.DataArray) -> bool:
    """Tell whether a scene is dask-backed, so that reading computes."""
    return scene.chunks is not None


def scene_nodata(scene: xr.DataArray) -> float | None:
    """Give a scene's nodata value; None when it has none or when it is NaN."""
    nodata = _declared_nodata(scene)
    return None if nodata is None or math.isnan(nodata) else nodata


def scene_transform(scene: xr.DataArray) -> Affine:
    """Give the transform from (column, row) to map coordinates of a scene.

    It follows the coordinates, so it stays true when a scene is sliced. A rotated
    scene has none: cut it with ``scene.rio.isel_window`` instead of by slices.
    """
    y = scene.coords["y"].values if "y" in scene.coords else None
    x = scene.coords["x"].values if "x" in scene.coords else None
    transform = _affine(y, x, _cached_transform(scene))
    return Affine.identity() if transform is None else transform


def role_indices(scene: xr.DataArray, roles: Sequence[str]) -> list[int] | None:
    """Find the bands that play the given roles.

    Parameters
    ----------
    scene : DataArray
        A scene.
    roles : sequence of str
        Such as ``("red", "green", "blue")``.

    Returns
    -------
    list of int or None
        Positions along band from 0, in the order asked for; None if any is unknown.
    """
    known = [str(role) for role in scene.coords["role"].values]
    if any(role not in known for role in roles):
        return None
    return [known.index(role) for role in roles]


def valid_pixels(
    values: npt.NDArray[Any], nodata: float | None
) -> npt.NDArray[np.bool_]:
    """Tell which pixels are finite and not nodata in every band.

    Parameters
    ----------
    values : array, shape (band, y, x)
        NumPy or dask, any integer or float dtype.
    nodata : float or None
        Value that marks missing pixels; NaN and infinite values always do.

    Returns
    -------
    array of bool, shape (y, x)

    Examples
    --------
    >>> import numpy as np
    >>> valid_pixels(np.array([[[1.0, np.nan, 3.0]], [[0.0, 1.0, 2.0]]]), nodata=0)
    array([[False, False,  True]])
    """
    floating = values.dtype.kind == "f"
    good = np.isfinite(values) if floating else np.ones_like(values, dtype=bool)
    if nodata is not None and not math.isnan(nodata):
        if floating or _fits(nodata, values.dtype):
            # In the values' own dtype, since float32(0.1) is not 0.1.
            good = good & (values != values.dtype.type(nodata))
    return cast(npt.NDArray[np.bool_], good.all(axis=0))


def read_window(
    scene: xr.DataArray, row: int, col: int, height: int, width: int
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Read one window of a scene; of a lazy scene nothing else is computed.

    Parameters
    ----------
    scene : DataArray
        A scene.
    row, col : int
        First row and column, from 0.
    height, width : int
        Size in pixels; the window must lie within the scene.

    Returns
    -------
    values : ndarray, shape (height, width, band)
        In the scene's own units, invalid pixels as stored: float64 for float64 and
        for integers of 32 bits and more, else float32.
    valid : ndarray of bool, shape (height, width)
        Where every band is finite and not nodata.

    Raises
    ------
    InputError
        If the window reaches beyond the scene or is empty.
    """
    rows, cols = scene.sizes["y"], scene.sizes["x"]
    inside = 0 <= row < row + height <= rows and 0 <= col < col + width <= cols
    if not inside:
        raise InputError(
            f"the window of {height} x {width} pixels at row {row}, column {col} is "
            f"not within the scene of {rows} x {cols} pixels"
        )
    block = np.asarray(scene.data[:, row : row + height, col : col + width])
    return _channel_last(block), valid_pixels(block, scene_nodata(scene))


def _channel_last(block: npt.NDArray[Any]) -> npt.NDArray[Any]:
    small = block.dtype.itemsize <= (4 if block.dtype.kind == "f" else 2)
    dtype = np.float32 if small else np.float64
    return np.ascontiguousarray(np.moveaxis(block, 0, -1), dtype=dtype)


def read_sample(
    scene: xr.DataArray, max_pixels: int = 4_000_000
) -> tuple[npt.NDArray[Any], float]:
    """Read the valid pixels of a scene, or of windows spread evenly over a large one.

    The same scene always gives the same sample.

    Parameters
    ----------
    scene : DataArray
        A scene; of a lazy one only the windows are computed.
    max_pixels : int, default 4_000_000
        Scenes up to this many pixels are read whole; of larger ones up to 64 windows
        of 256 x 256 on a regular grid that reaches all edges, within this number.

    Returns
    -------
    values : ndarray, shape (n, band)
        Valid pixels in the scene's own units, float32 or float64 as in
        ``read_window``; n may be 0.
    valid_share : float
        Valid pixels among those read, 0..1.

    Raises
    ------
    InputError
        If ``max_pixels`` is below 1.
    """
    if max_pixels < 1:
        raise InputError(f"max_pixels={max_pixels!r} must be at least 1")
    blocks = [
        scene.data[:, row : row + height, col : col + width]
        for row, col, height, width in _sample_windows(
            scene.sizes["y"], scene.sizes["x"], max_pixels
        )
    ]
    if is_lazy(scene):
        from dask.base import compute

        # All at once, so that chunks which windows share are read once.
        blocks = list(compute(*blocks))  # type: ignore[no-untyped-call]
    nodata = scene_nodata(scene)
    total = sum(block[0].size for block in blocks)
    pixels = [_channel_last(block)[valid_pixels(block, nodata)] for block in blocks]
    values = np.concatenate(pixels)
    return values, len(values) / total


def _sample_windows(
    rows: int, cols: int, max_pixels: int
) -> list[tuple[int, int, int, int]]:
    if rows * cols <= max_pixels:
        return [(0, 0, rows, cols)]
    # Small enough for some sixteen windows, so that a small sample is spread as well.
    side = max(1, min(_SAMPLE_WINDOW, math.isqrt(max_pixels // 16)))
    height = rows if rows < 2 * side else side
    width = cols if cols < 2 * side else side
    count = max(1, min(_SAMPLE_WINDOWS, max_pixels // (height * width)))
    down = min(max(1, round(math.sqrt(count * rows / cols))), rows // height, count)
    across = max(1, min(count // down, cols // width))
    down = max(1, min(count // across, rows // height))
    if down * across == 1:
        return [((rows - height) // 2, (cols - width) // 2, height, width)]
    # A single line of windows runs diagonally, so that it too reaches all edges.
    line = down == 1 or across == 1
    tops = np.linspace(0, rows - height, down * across if line else down).astype(int)
    lefts = np.linspace(0, cols - width, down * across if line else across).astype(int)
    places = zip(tops, lefts, strict=True) if line else itertools.product(tops, lefts)
    return [(int(top), int(left), height, width) for top, left in places]


def require_valid(num_valid: int, num_needed: int, purpose: str) -> None:
    """Raise unless enough valid pixels were found.

    Parameters
    ----------
    num_valid, num_needed : int
        Pixels found and wanted.
    purpose : str
        What they are for, such as "training"; part of the message.

    Raises
    ------
    InputError
        If ``num_valid`` is below ``num_needed``.
    """
    if num_valid < num_needed:
        raise InputError(
            f"{purpose} needs at least {num_needed} valid pixels, got {num_valid}: the "
            "others are nodata, NaN or infinite in at least one band; check the nodata "
            "value (scene.rio.nodata), or leave out empty bands with bands=[...]"
        )


# --- back to rasters -------------------------------------------------------------


def georeference(
    values: npt.NDArray[Any],
    like: xr.DataArray,
    *,
    dims: Sequence[str],
    name: str | None,
    attrs: Mapping[str, Any] | None = None,
    coords: Mapping[str, Any] | None = None,
    nodata: float | None = None,
) -> xr.DataArray:
    """Lay an array over a scene's grid, with CRS and transform and nothing else of it.

    Parameters
    ----------
    values : array, shape (y, x) or (n, y, x)
        NumPy or dask (stays lazy), the scene's height and width.
    like : DataArray
        The scene whose pixel centres, CRS and transform are taken.
    dims : sequence of str
        Names of the axes of ``values``, "y" and "x" among them.
    name : str or None
        Name of the result.
    attrs : mapping, optional
        Its attributes; none come from the scene.
    coords : mapping, optional
        Further coordinates, such as ``{"band": names}``.
    nodata : float, optional
        Written as ``_FillValue``.

    Returns
    -------
    DataArray
        What ``.rio.to_raster`` writes with the scene's CRS and transform.

    Raises
    ------
    InputError
        If ``dims`` does not fit the array, or its size differs from the scene's.
    """
    dims = tuple(dims)
    if len(dims) != values.ndim or not {"y", "x"} <= set(dims):
        raise InputError(
            f"dims={dims!r} must name the {values.ndim} axes of an array of shape "
            f"{values.shape}, 'y' and 'x' among them"
        )
    sizes = dict(zip(dims, values.shape, strict=True))
    if (sizes["y"], sizes["x"]) != (like.sizes["y"], like.sizes["x"]):
        raise InputError(
            f"an array of {sizes['y']} x {sizes['x']} pixels cannot be laid over a "
            f"scene of {like.sizes['y']} x {like.sizes['x']} pixels; give the scene it "
            "was made from"
        )
    centres = {axis: like.coords[axis].values for axis in "yx" if axis in like.coords}
    array = xr.DataArray(
        values,
        dims=dims,
        coords={**centres, **(coords or {})},
        attrs=dict(attrs or {}),
    )
    array.name = name  # given to the constructor, None would become dask's own name
    return _located(array, like.rio.crs, scene_transform(like), nodata)
