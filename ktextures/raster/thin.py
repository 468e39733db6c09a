"""Every n-th pixel of a scene, as a scene of its own."""

import rioxarray  # noqa: F401 - registers the rio accessor
import xarray as xr
from affine import Affine

from ktextures.raster.georeference import scene_transform

__all__ = ["thin"]


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
    every = slice(step // 2, None, step)
    thinned = scene.isel(y=every, x=every).compute()
    transform = scene_transform(scene)
    if transform.is_rectilinear and "y" in thinned.coords:
        return thinned  # Its coordinates define the larger pixels.
    a, b, c, d, e, f = tuple(transform)[:6]
    larger: xr.DataArray = thinned.rio.write_transform(
        Affine(a * step, b * step, c, d * step, e * step, f)
    )
    return larger
