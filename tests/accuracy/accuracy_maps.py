"""Maps with known pixels, for the tests of accuracy."""

import numpy as np
import rioxarray  # noqa: F401 - registers .rio
import xarray as xr
from affine import Affine

from ktextures.classes.table import ClassTable
from ktextures.palette import class_colors

UTM = Affine(10, 0, 500_000, 0, -10, 5_000_000)


def class_map(values, transform=UTM, crs=32632, names=None, dtype=np.uint8, attrs=None):
    values = np.asarray(values, dtype)
    height, width = values.shape
    made = xr.DataArray(values, dims=("y", "x"), attrs=attrs or {})
    if transform.is_rectilinear:
        made = made.assign_coords(
            y=transform.f + transform.e * (np.arange(height) + 0.5),
            x=transform.c + transform.a * (np.arange(width) + 0.5),
        )
    if names is not None:
        table = ClassTable(tuple(names), tuple(class_colors(len(names))))
        made.attrs.update(table.attrs())
    made = made.rio.write_transform(transform)
    return made if crs is None else made.rio.write_crs(crs)


def pixels_at(classes, frame):
    """Rows and columns of points, by the coordinates of an upright map."""
    rows = np.searchsorted(-classes.y.values, -frame.geometry.y.to_numpy())
    cols = np.searchsorted(classes.x.values, frame.geometry.x.to_numpy())
    return rows, cols
