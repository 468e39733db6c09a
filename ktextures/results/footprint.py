"""The outline of a raster on the Earth."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.warp import transform_geom

from ktextures._loading import load_extra
from ktextures.errors import InputError

__all__ = ["Footprint", "footprint"]

_POINTS = 20  # along each edge, since edges are curves in degrees
_DECIMALS = 7  # 1 cm


@dataclass(frozen=True)
class Footprint:
    """An outline in degrees of WGS 84.

    Attributes
    ----------
    geometry : dict
        GeoJSON: a polygon, or two if it crosses the antimeridian.
    bbox : list of float
        West, south, east, north; west is larger than east if it crosses the
        antimeridian, as GeoJSON has it.
    projected : list of float
        Lowest x, lowest y, highest x, and highest y in the CRS of the raster.
    """

    geometry: dict[str, Any]
    bbox: list[float]
    projected: list[float]


def footprint(
    crs: rasterio.CRS, transform: Affine, width: int, height: int
) -> Footprint:
    """Compute the outline of a raster.

    Parameters
    ----------
    crs : rasterio.CRS
        Of the raster.
    transform : Affine
        From (column, row) to map coordinates, also rotated.
    width, height : int
        Pixels of the raster.

    Returns
    -------
    Footprint

    Raises
    ------
    InputError
        If the CRS has no known place on the Earth.
    """
    corners = [(0, 0), (0, height), (width, height), (width, 0)]
    ring = _ring(transform, corners)
    x, y = zip(*ring, strict=True)
    projected = [float(edge) for edge in (min(x), min(y), max(x), max(y))]
    polygon = {"type": "Polygon", "coordinates": [ring]}
    try:
        geometry = transform_geom(crs, "EPSG:4326", polygon, precision=_DECIMALS)
    except (RasterioError, CPLE_BaseError) as error:
        raise InputError(
            f"the place on the Earth is unknown for the CRS {crs.to_string()[:60]!r}; "
            "give maps with a geographic or projected CRS"
        ) from error
    geometry = _arranged(geometry)
    return Footprint(geometry, _bbox(geometry), projected)


def _ring(
    transform: Affine, corners: Sequence[tuple[int, int]]
) -> list[tuple[float, float]]:
    """Points along the edges between corners (column, row), in map coordinates."""
    a, b, c, d, e, f = tuple(transform)[:6]
    points = []
    for start, end in zip(corners, [*corners[1:], corners[0]], strict=True):
        for share in np.arange(_POINTS) / _POINTS:
            column = start[0] + share * (end[0] - start[0])
            row = start[1] + share * (end[1] - start[1])
            points.append((a * column + b * row + c, d * column + e * row + f))
    return [*points, points[0]]


def _arranged(geometry: dict[str, Any]) -> dict[str, Any]:
    """Polygons that run counterclockwise, as GeoJSON wants, in -180°..180°."""
    shapely = load_extra("shapely", "STAC items")
    shape, world = shapely.geometry.shape(geometry), shapely.box(-180, -90, 180, 90)
    if not world.covers(shape):  # longitudes such as 190°, which GDAL leaves alone
        parts = [
            shapely.intersection(world, shapely.affinity.translate(shape, turn))
            for turn in (-360, 0, 360)
        ]
        shape = shapely.union_all([part for part in parts if part.area > 0])
    mapping = shapely.geometry.mapping(shapely.orient_polygons(shape))
    plain: dict[str, Any] = json.loads(json.dumps(mapping))  # lists in place of tuples
    return plain


def _bbox(geometry: dict[str, Any]) -> list[float]:
    polygons = geometry["coordinates"]
    if geometry["type"] == "Polygon":
        polygons = [polygons]
    rings = [np.asarray(polygon[0]) for polygon in polygons]
    low = np.min([ring.min(0) for ring in rings], 0)
    high = np.max([ring.max(0) for ring in rings], 0)
    west, east = low[0], high[0]
    if len(rings) > 1 and (west, east) == (-180, 180):
        # Parts on both sides of the antimeridian.
        west = min(ring[:, 0].min() for ring in rings if ring[:, 0].max() == 180)
        east = max(ring[:, 0].max() for ring in rings if ring[:, 0].min() == -180)
    return [float(edge) for edge in (west, low[1], east, high[1])]
