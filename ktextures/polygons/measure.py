"""Areas of polygons on the ground."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ktextures.raster.ground import is_mercator
from ktextures.results.areas import SQUARE_METERS_PER_HECTARE

if TYPE_CHECKING:
    import pyproj

__all__ = ["hectares"]


def hectares(polygons: npt.NDArray[Any], crs: "pyproj.CRS") -> npt.NDArray[np.float64]:
    """Compute the areas of polygons in hectares.

    Parameters
    ----------
    polygons : ndarray of shapely geometries, (n,)
    crs : pyproj.CRS
        Of their coordinates.

    Returns
    -------
    ndarray of float64, (n,)
        Planar for projected CRSs. Ellipsoidal for geographic CRSs and those of the
        Mercator family: by a cylindrical equal-area projection, in which sides along
        parallels stay straight, so that the areas of polygons that follow pixels add up
        to those of the pixels.
    """
    import shapely

    if not (crs.is_geographic or is_mercator(crs)):
        meters = crs.axis_info[0].unit_conversion_factor if crs.axis_info else np.nan
        planar = shapely.area(polygons) * meters**2 / SQUARE_METERS_PER_HECTARE
        return np.asarray(planar, np.float64)
    points = shapely.transform(polygons, _to_equal_area(crs), interleaved=False)
    return np.asarray(shapely.area(points) / SQUARE_METERS_PER_HECTARE, np.float64)


def _to_equal_area(crs: "pyproj.CRS") -> Any:
    """Transform x and y to an equal-area projection of the same ellipsoid."""
    import pyproj

    geographic = crs.geodetic_crs or crs
    ellipsoid = geographic.ellipsoid
    if ellipsoid is None:
        a = b = 6_371_007.2
    else:
        a, b = ellipsoid.semi_major_metre, ellipsoid.semi_minor_metre
    equal_area = pyproj.Proj(proj="cea", a=a, b=b)
    # Within one datum; a transformation to another CRS could bring a shift of datum.
    to_degrees = pyproj.Transformer.from_crs(crs, geographic, always_xy=True).transform
    # Longitudes are projected by hand: a polygon across 180 degrees must not be torn.
    circle = np.pi * a

    def project(x: npt.NDArray[Any], y: npt.NDArray[Any]) -> tuple[Any, Any]:
        longitudes, latitudes = to_degrees(x, y)
        unit = np.degrees(_radians_per_unit(geographic))
        _, northings = equal_area(np.zeros(len(x)), np.asarray(latitudes) * unit)
        return np.asarray(longitudes) * unit / 180 * circle, northings

    return project


def _radians_per_unit(crs: "pyproj.CRS") -> float:
    return (
        float(crs.axis_info[0].unit_conversion_factor) if crs.axis_info else np.pi / 180
    )
