"""Labeled points and polygons, as users have them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pyproj

from ktextures.accuracy.labels import is_empty
from ktextures.errors import InputError
from ktextures.polygons.reading import in_crs, open_vectors

if TYPE_CHECKING:
    import geopandas

__all__ = ["Marks", "read_marks"]

WANTED = (
    "a raster (DataArray, such as ktextures.read_classes returns), labeled points or "
    "polygons (GeoDataFrame), or the path of a vector file"
)
DRAWN = "class"
"""Column in which points carry the class of the map that they were drawn from."""


@dataclass(frozen=True)
class Marks:
    """Labeled places, all of one kind.

    Attributes
    ----------
    kind : {"points", "polygons"}
    geometries : ndarray of shapely geometries, (n,)
        In the CRS of the map.
    labels : list, (n,)
        What the column holds; none is empty.
    drawn : ndarray of float64, (n,), or None
        Class that each was drawn from; None if it is not known.
    design : str or None
        How points were drawn, if it is known.
    skipped : dict of str to int
        Why places were left out, and how many.
    """

    kind: Literal["points", "polygons"]
    geometries: npt.NDArray[np.object_]
    labels: list[Any]
    drawn: npt.NDArray[np.float64] | None
    design: str | None
    skipped: dict[str, int]


def read_marks(source: Any, column: str, crs: pyproj.CRS, reproject: bool) -> Marks:
    """Read labeled points or polygons.

    Parameters
    ----------
    source : GeoDataFrame or path
        See `ktextures.assess`.
    column : str
        With the labels.
    crs : pyproj.CRS
        Of the map.
    reproject : bool
        Whether another CRS is accepted.

    Returns
    -------
    Marks

    Raises
    ------
    InputError
        If they cannot be read, have no such column, no CRS or another one, none is
        labeled, or they are neither points nor polygons.
    """
    frame = open_vectors(source, "the reference", WANTED)
    if column not in frame.columns or column == frame.geometry.name:
        names = [str(each) for each in frame.columns]
        raise InputError(
            f"the reference has the columns {names} and no {column!r}: name the one "
            "with the labels, column=..."
        )
    frame = in_crs(frame, crs, "the reference", reproject=reproject)
    shaped = ~(frame.geometry.isna() | frame.geometry.is_empty).to_numpy()
    labeled = np.array([not is_empty(each) for each in frame[column]], bool)
    skipped = {
        "without geometry": int((~shaped).sum()),
        "not labeled": int((shaped & ~labeled).sum()),
    }
    used = frame[shaped & labeled]
    if not len(used):
        raise InputError(
            f"none of the {len(frame)} places in the reference is labeled: fill in the "
            f"column {column!r} with numbers or names of classes"
        )
    return Marks(
        _kind(used.geom_type.unique().tolist()),
        used.geometry.to_numpy(),
        used[column].tolist(),
        _drawn(used, column),
        frame.attrs.get("design"),
        {reason: count for reason, count in skipped.items() if count},
    )


def _kind(types: Sequence[str]) -> Literal["points", "polygons"]:
    if set(types) == {"Point"}:
        return "points"
    if set(types) <= {"Polygon", "MultiPolygon"}:
        return "polygons"
    several = " (reference.explode() divides them)" if "MultiPoint" in types else ""
    raise InputError(
        f"the reference holds {' and '.join(sorted(types))}: give points, or "
        f"polygons{several}"
    )


def _drawn(
    frame: "geopandas.GeoDataFrame", column: str
) -> npt.NDArray[np.float64] | None:
    """Classes that points were drawn from, as `sample_points` writes them."""
    import pandas as pd

    if DRAWN not in frame.columns or column == DRAWN:
        return None
    drawn = pd.to_numeric(frame[DRAWN], errors="coerce").to_numpy(np.float64)
    return None if np.isnan(drawn).any() else drawn
