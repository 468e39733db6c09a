"""Where chips lie, in one plane for scenes of any CRS, and which come too close.

The plane is that of the first scene: its CRS, measured in its pixels.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import rasterio
import rioxarray  # noqa: F401 - registers .rio

from ktextures.errors import InputError
from ktextures.raster.georeference import scene_transform
from ktextures.raster.places import point_at

if TYPE_CHECKING:
    import xarray as xr
    from affine import Affine

__all__ = ["Plane", "boxes_of", "conflicting"]

FloatArray = npt.NDArray[np.float64]

_POINTS = 8  # per side of a chip of another CRS, whose sides are curved
_SLACK = 1e-4  # of a pixel: rounding, far below the distance of pixel centers


@dataclass(frozen=True)
class Plane:
    """The plane of a scene, in which distances are measured in its pixels.

    Parameters
    ----------
    crs : str or None
        As WKT.
    width, height : float
        Of a pixel, in units of the CRS.
    """

    crs: str | None
    width: float
    height: float

    @classmethod
    def of(cls, scene: "xr.DataArray") -> Self:
        """Plane of a scene."""
        transform = scene_transform(scene)
        crs = scene.rio.crs
        return cls(
            None if crs is None else crs.to_wkt(),
            float(np.hypot(transform.a, transform.d)),
            float(np.hypot(transform.b, transform.e)),
        )

    def rings(
        self,
        transform: "Affine",
        crs: Any,
        rows: npt.ArrayLike,
        columns: npt.ArrayLike,
        size: int,
    ) -> FloatArray:
        """Outlines of the chips of a scene.

        Parameters
        ----------
        transform : Affine
            Of the scene.
        crs : rasterio.CRS or None
            Of the scene.
        rows, columns : array_like of int, (n,)
            First row and column of each chip.
        size : int
            Side of a chip in pixels of the scene.

        Returns
        -------
        ndarray of float64, (n, point, 2)
            Pixels of the plane, counted from the origin of its CRS.

        Raises
        ------
        InputError
            If only one of plane and scene has a CRS, or the CRSs do not fit together.
        """
        outline = _outline(1 if self._is_mine(crs) else _POINTS)
        across = np.asarray(columns)[:, None] + outline[:, 0] * size
        down = np.asarray(rows)[:, None] + outline[:, 1] * size
        return self._placed(*point_at(transform, across, down), crs)

    def rings_of_bounds(self, bounds: FloatArray, crs: Any) -> FloatArray:
        """Outlines of rectangles, as `rings`.

        Parameters
        ----------
        bounds : ndarray of float64, (n, 4)
            Smallest x and y, largest x and y, in the units of ``crs``.
        crs : rasterio.CRS or None
            Of the bounds.

        Returns
        -------
        ndarray of float64, (n, point, 2)
        """
        outline = _outline(1 if self._is_mine(crs) else _POINTS)
        low, high = bounds[:, None, :2], bounds[:, None, 2:]
        points = low + outline * (high - low)
        return self._placed(points[..., 0], points[..., 1], crs)

    def _is_mine(self, crs: Any) -> bool:
        if self.crs is None or crs is None:
            return self.crs is None and crs is None
        return bool(rasterio.CRS.from_wkt(self.crs) == crs)

    def _placed(self, x: FloatArray, y: FloatArray, crs: Any) -> FloatArray:
        if not self._is_mine(crs):
            x, y = self._projected(x, y, crs)
        return np.stack([x / self.width, y / self.height], axis=-1)

    def _projected(
        self, x: FloatArray, y: FloatArray, crs: Any
    ) -> tuple[FloatArray, FloatArray]:
        import pyproj

        if self.crs is None or crs is None:
            raise InputError(
                "some scenes have a CRS and some have none, so it is unknown which "
                "show the same ground: give all a CRS (.rio.write_crs(...)), or none"
            )
        projected = pyproj.Transformer.from_crs(
            crs.to_wkt(), self.crs, always_xy=True
        ).transform(x, y)
        if not np.isfinite(projected).all():
            raise InputError(
                f"a scene with the CRS {crs.to_string()} has no place in the CRS of "
                "the first scene: make a set of its own of it"
            )
        return projected[0], projected[1]


def _outline(points: int) -> FloatArray:
    """Ring (point, 2) around the unit square, with so many points on each side."""
    steps = np.arange(points) / points
    zeros, ones = np.zeros(points), np.ones(points)
    across = np.concatenate([steps, ones, 1 - steps, zeros])
    down = np.concatenate([zeros, steps, ones, 1 - steps])
    return np.stack([across, down], axis=-1)


def boxes_of(rings: FloatArray) -> FloatArray:
    """Bounding boxes of outlines.

    Parameters
    ----------
    rings : ndarray of float64, (n, point, 2)
        Of `Plane.rings`.

    Returns
    -------
    ndarray of float64, (n, 4)
        Left, top, right, bottom.
    """
    return np.hstack([rings.min(axis=1), rings.max(axis=1)])


def conflicting(
    rings: "list[FloatArray]",
    splits: npt.ArrayLike,
    fixed: npt.ArrayLike,
    buffer: float,
) -> npt.NDArray[np.bool_]:
    """Find chips to drop so that chips of different splits are a buffer apart.

    Parameters
    ----------
    rings : list of ndarray of float64, (point, 2)
        Outlines; those of different CRSs have different numbers of points.
    splits : array_like of int, (n,)
        Split of each.
    fixed : array_like of bool, (n,)
        Chips that must stay.
    buffer : float
        Distance in pixels.

    Returns
    -------
    ndarray of bool, (n,)
        Chips to drop: near fixed ones, those that are not; otherwise those of the
        split with the lowest number, so that training chips go first.
    """
    import shapely

    splits, fixed = np.asarray(splits), np.asarray(fixed)
    dropped = np.zeros(len(rings), bool)
    shapes = np.array([shapely.Polygon(ring) for ring in rings], object)
    shapes = shapely.buffer(shapes, -_SLACK, join_style="mitre")
    tree = shapely.STRtree(shapes)
    one, other = tree.query(shapes, predicate="dwithin", distance=buffer)
    near = (splits[one] != splits[other]) & ~(fixed[one] & fixed[other])
    one, other = one[near], other[near]
    dropped[one[fixed[other]]] = True
    for split in np.unique(splits):
        left = ~dropped[one] & ~dropped[other] & (splits[one] == split)
        dropped[one[left]] = True
    return dropped
