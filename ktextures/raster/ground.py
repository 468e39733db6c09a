"""How large pixels are on the ground, in meters."""

import math

import pyproj
import rasterio
from affine import Affine

from ktextures.raster.places import point_at

__all__ = ["ground_size", "is_mercator", "north_direction", "varying_latitude"]

_STEP = 0.01  # degrees towards the north


def ground_size(
    crs: rasterio.CRS | None, transform: Affine, width: int, height: int
) -> tuple[float, float] | None:
    """Compute the size of a pixel on the ground, at the center of a raster.

    Parameters
    ----------
    crs : rasterio.CRS or None
        Of the raster.
    transform : Affine
        From (column, row) to map coordinates.
    width, height : int
        Pixels of the raster.

    Returns
    -------
    (float, float) or None
        Meters along a row and along a column. For geographic CRSs and those of the
        Mercator family they are geodesic, for others planar. None without a CRS, and if
        its units are not known.
    """
    if crs is None:
        return None
    known = pyproj.CRS.from_user_input(crs)
    if known.is_geographic or is_mercator(known):
        return _geodesic(known, transform, width, height)
    factor = known.axis_info[0].unit_conversion_factor if known.axis_info else 0.0
    if not known.is_projected or not factor:
        return None
    across = math.hypot(transform.a, transform.d) * factor
    return across, math.hypot(transform.b, transform.e) * factor


def varying_latitude(
    crs: rasterio.CRS | None, transform: Affine, width: int, height: int
) -> float | None:
    """Find the latitude that `ground_size` is for, if it depends on that much.

    Parameters
    ----------
    crs, transform, width, height
        As for `ground_size`.

    Returns
    -------
    float or None
        Degrees of the center; None for CRSs whose meters are those on the ground.
    """
    if crs is None:
        return None
    known = pyproj.CRS.from_user_input(crs)
    if not (known.is_geographic or is_mercator(known)) or known.geodetic_crs is None:
        return None
    x, y = point_at(transform, width / 2, height / 2)
    to_degrees = pyproj.Transformer.from_crs(known, known.geodetic_crs, always_xy=True)
    return float(to_degrees.transform(x, y)[1])


def north_direction(
    crs: rasterio.CRS | None, transform: Affine, width: int, height: int
) -> tuple[float, float] | None:
    """Find the direction of true north at the center of a raster.

    Parameters
    ----------
    crs, transform, width, height
        As for `ground_size`.

    Returns
    -------
    (float, float) or None
        Change of x and y in the CRS, not normalized; None if the CRS is not on the
        Earth, or north has no direction there.
    """
    if crs is None:
        return None
    known = pyproj.CRS.from_user_input(crs)
    if known.is_geographic:
        return 0.0, 1.0
    if not known.is_projected or known.geodetic_crs is None:
        return None
    x, y = point_at(transform, width / 2, height / 2)
    to_degrees = pyproj.Transformer.from_crs(known, known.geodetic_crs, always_xy=True)
    longitude, latitude = to_degrees.transform(x, y)
    if not math.isfinite(latitude) or abs(latitude) > 90 - 2 * _STEP:
        return None
    ends = [
        to_degrees.transform(longitude, latitude + side * _STEP, direction="INVERSE")
        for side in (-1, 1)
    ]
    return ends[1][0] - ends[0][0], ends[1][1] - ends[0][1]


def is_mercator(crs: pyproj.CRS) -> bool:
    """Whether meters of a CRS are not meters on the ground, as in web maps."""
    operation = crs.coordinate_operation
    name = operation.method_name if operation is not None else ""
    return name.startswith("Mercator") or "Pseudo Mercator" in name


def _geodesic(
    crs: pyproj.CRS, transform: Affine, width: int, height: int
) -> tuple[float, float] | None:
    geod, geodetic = crs.get_geod(), crs.geodetic_crs
    if geod is None or geodetic is None:
        return None
    to_degrees = pyproj.Transformer.from_crs(crs, geodetic, always_xy=True).transform
    sizes = []
    for right, down in ((0.5, 0.0), (0.0, 0.5)):
        ends = []
        for side in (-1, 1):
            column, row = width / 2 + side * right, height / 2 + side * down
            ends.append(to_degrees(*point_at(transform, column, row)))
        sizes.append(geod.inv(*ends[0], *ends[1])[2])
    return (sizes[0], sizes[1]) if all(map(math.isfinite, sizes)) else None
