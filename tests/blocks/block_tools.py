"""Scenes in files and frozen models for tests of blocks."""

import rasterio
from affine import Affine

import ktextures as kt


def write_scene(path, seed=3, size=(256, 320), hole=True):
    """Write a scene like the one the models are trained on as a tiled GeoTIFF."""
    scene = kt.datasets.synthetic(size, k=3, seed=seed, contrast="both").scene
    values = scene.values.copy()
    if hole:
        values[:, :70, :80] = 0
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=len(values),
        height=size[0],
        width=size[1],
        dtype=values.dtype,
        nodata=0,
        crs="EPSG:32633",
        transform=Affine(10, 0, 5e5, 0, -10, 5e6),
        tiled=True,
        blockxsize=64,
        blockysize=64,
    ) as file:
        file.write(values)
        for number, name in enumerate(scene.band.values, 1):
            file.set_band_description(number, str(name))
    return path


def opened(path, side=64):
    """A lazy scene of a file; its chunks are the blocks if SIDE is as small."""
    return kt.open_scene(path, chunks=side)


def pixels(path):
    with rasterio.open(path) as file:
        return file.read()


def contents(folder):
    """Bytes of all files by name, also of hidden ones."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
