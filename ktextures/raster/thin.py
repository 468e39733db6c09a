"""Every n-th pixel of a scene, as a scene of its own."""

import rioxarray  # noqa: F401 - registers the rio accessor
import xarray as xr
from affine import Affine

from ktextures.raster.georeference import scene_transform

__all__ = ["every_nth", "thin"]


def thin(scene: xr.DataArray, step: int) -> xr.DataArray:
    """The middle pixel of each step x step, read into memory.

    Parameters
    ----------
    scene : DataArray (band, y, x)
        Of a lazy scene only these pixels are computed.
    step : int
        Pixels of the scene per pixel of the result, along each axis; 1 or more.

    Returns
    -------
    DataArray (band, y, x)
        With a grid of larger pixels.
    """
    if step == 1:
        return scene.compute()
    thinned = scene.isel(every_nth(scene, step)).compute()
    transform = scene_transform(scene)
    if transform.is_rectilinear and "y" in thinned.coords:
        return thinned  # Its coordinates define the larger pixels.
    a, b, c, d, e, f = tuple(transform)[:6]
    larger: xr.DataArray = thinned.rio.write_transform(
        Affine(a * step, b * step, c, d * step, e * step, f)
    )
    return larger


def every_nth(raster: xr.DataArray, step: int) -> dict[str, slice]:
    """Every n-th row and column of a raster, in the middle of those that are left out.

    Parameters
    ----------
    raster : DataArray, (..., y, x)
    step : int
        Pixels per pixel that is kept, along each axis; 1 or more.

    Returns
    -------
    dict of str to slice
        For ``isel``. At least one row and column are kept, however narrow it is.
    """
    return {
        dim: slice(min(step // 2, (raster.sizes[dim] - 1) // 2), None, step)
        for dim in ("y", "x")
    }
