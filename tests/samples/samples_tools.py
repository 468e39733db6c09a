"""What several tests of training samples use."""

import numpy as np
import pyproj
import rasterio
import rioxarray  # noqa: F401 - registers .rio
from scipy.spatial import KDTree

import ktextures as kt

PLANE = "EPSG:32633"


def write(scene, classes, out, **options):
    """Samples of small chips, without a progress bar."""
    options = {"size": 16, "progress": False} | options
    return kt.training_samples(scene, classes, out, **options)


def read(path):
    """Pixels of a file, (band, y, x)."""
    with rasterio.open(path) as file:
        return file.read()


def files_of(folder):
    """Content of each file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def centers(path, pixel=10.0, plane=PLANE):
    """Centers (n, 2) of the pixels of a file, in pixels of the plane."""
    with rasterio.open(path) as file:
        rows, columns = np.indices(file.shape)
        x, y = rasterio.transform.xy(file.transform, rows.ravel(), columns.ravel())
        project = pyproj.Transformer.from_crs(file.crs, plane, always_xy=True)
    return np.stack(project.transform(x, y), axis=1) / pixel


def closest(samples, pixel=10.0, plane=PLANE):
    """Smallest distance of pixels of different splits, in pixels of the plane."""
    places = {}
    for split, chips in samples.manifest.groupby("split"):
        places[split] = np.vstack(
            [centers(samples.image(stem), pixel, plane) for stem in chips["stem"]]
        )
    assert len(places) == 3
    trees = {split: KDTree(each) for split, each in places.items()}
    return min(
        trees[one].query(places[other], p=np.inf)[0].min()
        for one in places
        for other in places
        if one < other
    )
