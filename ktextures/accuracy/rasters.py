"""Reference rasters and polygons on the pixels of a map, part by part."""

import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import rioxarray  # noqa: F401 - registers .rio
import xarray as xr
from affine import Affine

from ktextures.accuracy.crosstab import Pairs, Part, count_pairs, over_parts, parts_of
from ktextures.errors import InputError
from ktextures.raster.codes import known_codes
from ktextures.raster.georeference import scene_transform
from ktextures.raster.nodata import scene_nodata
from ktextures.raster.places import (
    moved,
    pixel_at,
    point_at,
    same_crs,
    same_grid,
)
from ktextures.results.areas import row_areas

__all__ = ["pairs_with_polygons", "pairs_with_raster"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_EDGE_POINTS = 21
"""Points on each edge of a part by which its place in another grid is found."""

_RASTERIZING = threading.Lock()

_WHAT = "the reference is {}: give a raster of whole numbers with dims ('y', 'x')"


def pairs_with_raster(
    classes: xr.DataArray, reference: xr.DataArray, reproject: bool
) -> Pairs:
    """Count the pixels of a map by the codes of a reference raster.

    Parameters
    ----------
    classes : DataArray of uint8 or uint16, (y, x)
        The map; a dask-backed one is read block by block.
    reference : DataArray, (y, x)
        Codes as whole numbers, 1..65535; 0 and nodata are unknown.
    reproject : bool
        Whether another grid or CRS is accepted. Each pixel of the map then takes the
        code of the pixel of the reference in which its center is.

    Returns
    -------
    Pairs
        Of classes and codes + 1; 1 where the reference is unknown. Areas are in square
        meters, NaN where unknown.

    Raises
    ------
    InputError
        If the reference is no such raster, or has another grid.
    """
    if reference.sizes.get("band") == 1:
        reference = reference.squeeze("band", drop=True)  # as rioxarray opens files
    if reference.dims != ("y", "x"):
        raise InputError(_WHAT.format(f"a DataArray with dims {reference.dims}"))
    if reference.dtype.kind not in "iuf":
        raise InputError(_WHAT.format(reference.dtype))
    nodata = scene_nodata(reference)
    weights = row_areas(classes)
    lookup = None
    if not same_grid(classes, reference):
        _check_grids(classes, reference, reproject)
        lookup = _Lookup(classes, reference)

    def part_of_reference(part: Part) -> Any:
        window = (part.rows, part.cols) if lookup is None else lookup.window(part)
        return reference.data[window]

    def count(
        part: Part, block: npt.NDArray[np.unsignedinteger], values: npt.NDArray[Any]
    ) -> Pairs:
        codes = known_codes(values, nodata)
        if lookup is not None:
            codes = lookup.codes(part, codes)
        return count_pairs(block, codes.astype(np.uint32) + 1, weights[part.rows])

    parts = parts_of(classes.data)
    return Pairs.joined(
        over_parts(count, parts, lambda part: classes.data[part], part_of_reference)
    )


def _check_grids(
    classes: xr.DataArray, reference: xr.DataArray, reproject: bool
) -> None:
    crss = classes.rio.crs, reference.rio.crs
    if None in crss:
        raise InputError(
            f"the map has {classes.shape} pixels and the CRS {crss[0]}, the reference "
            f"{reference.shape} pixels and the CRS {crss[1]}: give both a CRS "
            "(.rio.write_crs(...)), or maps of the same pixels"
        )
    if reproject:
        return
    if not same_crs(*crss):
        names = [pyproj.CRS.from_user_input(crs).name for crs in crss]
        what = f"the CRS {names[1]}, the map {names[0]}"
    else:
        what = f"other pixels than the map ({reference.shape} and {classes.shape})"
    raise InputError(
        f"the reference has {what}: pass reproject=True to take for each pixel of the "
        "map the nearest of the reference"
    )


class _Lookup:
    """Finds the pixels of a reference in which those of a map have their centers."""

    def __init__(self, classes: xr.DataArray, reference: xr.DataArray) -> None:
        self._from = scene_transform(classes)
        self._to = scene_transform(reference)
        self._shape = reference.shape
        self._crss = None
        if not same_crs(classes.rio.crs, reference.rio.crs):
            # Transformers belong to a thread; each part makes its own.
            self._crss = classes.rio.crs.to_wkt(), reference.rio.crs.to_wkt()

    def window(self, part: Part) -> tuple[slice, slice]:
        """Rows and columns of the reference around a part."""
        ends = np.linspace(0, 1, _EDGE_POINTS)
        rows = part.rows.start + ends * part.shape[0]
        cols = part.cols.start + ends * part.shape[1]
        grid = np.meshgrid(cols, rows)
        found = self._positions(*(each.ravel() for each in grid))
        return tuple(  # type: ignore[return-value]  # of two
            _around(each, size)
            for each, size in zip(reversed(found), self._shape, strict=True)
        )

    def codes(self, part: Part, codes: npt.NDArray[np.uint16]) -> Any:
        """Codes on the pixels of a part, from those in its window; 0 outside."""
        down, right = self.window(part)
        cols, rows = np.meshgrid(
            np.arange(part.cols.start, part.cols.stop) + 0.5,
            np.arange(part.rows.start, part.rows.stop) + 0.5,
        )
        x, y = self._positions(cols, rows)
        with np.errstate(invalid="ignore"):  # infinite where there is no such place
            inside = (x >= right.start) & (x < right.stop)
            inside &= (y >= down.start) & (y < down.stop)
        result = np.zeros(part.shape, np.uint16)
        row = np.floor(y[inside]).astype(np.int64) - down.start
        col = np.floor(x[inside]).astype(np.int64) - right.start
        result[inside] = codes[row, col]
        return result

    def _positions(self, cols: FloatArray, rows: FloatArray) -> list[FloatArray]:
        """Columns and rows in the reference of positions in the map."""
        x, y = point_at(self._from, cols, rows)
        if self._crss is not None:
            to = pyproj.Transformer.from_crs(*self._crss, always_xy=True)
            x, y = to.transform(x, y)
        return list(pixel_at(self._to, x, y))


def _around(positions: FloatArray, size: int) -> slice:
    """Pixels around some positions along an axis, with room for curved edges."""
    known = positions[np.isfinite(positions)]
    if not known.size:
        return slice(0, 0)
    room = 2 + 0.05 * np.ptp(known)
    low, high = np.floor(known.min() - room), np.ceil(known.max() + room)
    start, stop = np.clip([low, high], 0, size).astype(int).tolist()
    return slice(start, stop)


def pairs_with_polygons(
    classes: xr.DataArray, geometries: npt.NDArray[np.object_]
) -> Pairs:
    """Count the pixels of a map by the polygon in which their center is.

    Parameters
    ----------
    classes : DataArray of uint8 or uint16, (y, x)
        The map; a dask-backed one is read block by block.
    geometries : ndarray of shapely polygons, (n,)
        In the CRS of the map. Where they overlap, the last one counts.

    Returns
    -------
    Pairs
        Of classes and positions in `geometries` + 2; 1 outside all of them. Areas are
        in square meters, NaN where unknown.
    """
    from shapely import STRtree, polygons

    transform = scene_transform(classes)
    weights = row_areas(classes)
    tree = STRtree(geometries)

    def count(part: Part, block: npt.NDArray[np.unsignedinteger]) -> Pairs:
        height, width = part.shape
        corners = np.array([[0, width, width, 0], [0, 0, height, height]], np.float64)
        place = moved(transform, part.rows.start, part.cols.start)
        outline = polygons(np.stack(point_at(place, *corners), axis=1))
        near = np.sort(tree.query(outline))
        burned = _burned(geometries[near], near, part.shape, place)
        return count_pairs(block, burned, weights[part.rows])

    parts = parts_of(classes.data)
    return Pairs.joined(over_parts(count, parts, lambda part: classes.data[part]))


def _burned(
    geometries: npt.NDArray[np.object_],
    positions: IntArray,
    shape: tuple[int, int],
    transform: Affine,
) -> npt.NDArray[np.uint32]:
    """Position + 2 of the last polygon with the center of each pixel; 1 = none."""
    from rasterio.features import rasterize

    if not positions.size:
        return np.ones(shape, np.uint32)
    shapes = zip(geometries, (positions + 2).tolist(), strict=True)
    # At the same time in several threads, rasterio lets a warning of its own escape.
    with _RASTERIZING:
        burned = rasterize(
            shapes, out_shape=shape, fill=1, transform=transform, dtype="uint32"
        )
    return np.asarray(burned, np.uint32)
