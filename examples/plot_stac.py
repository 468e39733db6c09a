"""
STAC items
==========

Load items of a STAC catalog with `odc-stac` as one lazy cube, and segment a date of it.

The items here are made from two files on this disk, so that the script needs no
network. Those of a catalog come from its search, for example with `pystac-client`::

    items = Client.open(url).search(collections=["sentinel-2-l2a"], bbox=box).items()
"""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import odc.stac
import pystac
from pystac.extensions.projection import ProjectionExtension
from shapely.geometry import box, mapping

import ktextures as kt

folder = Path(tempfile.mkdtemp())
scene, _ = kt.datasets.synthetic((128, 192), k=4, seed=2, contrast="both")


def item(part, name):
    """A STAC item with one file per band."""
    west, south, east, north = part.rio.transform_bounds("EPSG:4326")
    made = pystac.Item(
        id=name,
        geometry=mapping(box(west, south, east, north)),
        bbox=[west, south, east, north],
        datetime=datetime(2026, 6, 3, 10, 20, tzinfo=UTC),
        properties={},
    )
    projection = ProjectionExtension.ext(made, add_if_missing=True)
    projection.apply(
        epsg=part.rio.crs.to_epsg(),
        shape=list(part.shape[1:]),
        transform=list(part.rio.transform())[:6],
    )
    for band in part.band.values:
        path = folder / f"{name}_{band}.tif"
        part.sel(band=band).rio.to_raster(path)
        made.add_asset(
            str(band), pystac.Asset(str(path), media_type=pystac.MediaType.COG)
        )
    return made


items = [item(scene[..., :112], "west"), item(scene[..., 112:], "east")]

# %%
# `chunks` keeps the cube lazy: only what is needed is read.

cube = odc.stac.load(
    items,
    bands=["red", "green", "blue", "nir"],
    crs=scene.rio.crs,
    resolution=10,
    chunks={"x": 1024, "y": 1024},
    groupby="solar_day",
)
june = kt.open_scene(cube, time="2026-06")
june

# %%
# Training reads the windows that it samples; the class map is computed when it is
# written.

model = kt.train(june, k=4, seed=0, steps=80, progress=False)
result = kt.segment(june, model)
kt.write_classes(result.classes, folder / "classes.tif")
figure = kt.plot_map(kt.read_classes(folder / "classes.tif"), title="June 2026")

# %%
# The map is a STAC item again, with names and colors of the classes.

described = kt.stac_item(
    folder / "classes.tif", datetime=datetime(2026, 6, 3, tzinfo=UTC)
)
print(described.id, sorted(described.assets))
