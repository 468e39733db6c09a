"""
A large scene on a cluster
==========================

With a client of `dask.distributed`, the workers of a cluster classify a scene block by
block, and this process writes the map. Here, the cluster is two processes on this
machine.
"""

import tempfile
from pathlib import Path

import numpy as np
from dask.distributed import Client, LocalCluster

import ktextures as kt


def main() -> None:
    """Train on a scene, and apply the model with and without a cluster."""
    folder = Path(tempfile.mkdtemp())
    kt.datasets.landsat()[:, :384, :256].rio.to_raster(folder / "scene.tif")

    # A lazy scene: nothing is read yet.
    scene = kt.open_scene(folder / "scene.tif", chunks=128)
    model = kt.train(scene, k=5, seed=0, steps=60, progress=False)
    classes = kt.segment(scene, model).classes

    # Without a client, threads of this process do the work.
    kt.write_classes(classes, folder / "threads.tif")

    # With a client, the workers do. They get the model once, and read the file.
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        Client(cluster),
    ):
        kt.write_classes(classes, folder / "cluster.tif", resume=True)

    maps = [kt.read_classes(folder / f"{name}.tif") for name in ("threads", "cluster")]
    print("the two maps are equal:", np.array_equal(*maps))
    kt.plot_map(maps[1], title="Classified by two workers")


# Workers are new processes, which import this file.
if __name__ == "__main__":
    main()
