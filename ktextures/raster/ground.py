"""How large pixels are on the ground, in meters."""

import math

import pyproj
import rasterio
from affine import Affine

__all__ = ["ground_size", "is_mercator"]


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
    a, b, c, d, e, f = tuple(transform)[:6]
    sizes = []
    for right, down in ((0.5, 0.0), (0.0, 0.5)):
        ends = []
        for side in (-1, 1):
            column, row = width / 2 + side * right, height / 2 + side * down
            x, y = a * column + b * row + c, d * column + e * row + f
            ends.append(to_degrees(x, y))
        sizes.append(geod.inv(*ends[0], *ends[1])[2])
    return (sizes[0], sizes[1]) if all(map(math.isfinite, sizes)) else None
