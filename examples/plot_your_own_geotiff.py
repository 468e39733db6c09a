"""
Your own GeoTIFF
================

Train on a raster file, segment it, and write the model, the class map, and an overview.

    python examples/plot_your_own_geotiff.py [SCENE [FOLDER]]

Without arguments, a part of the bundled Landsat scene is used.
"""

import sys
import tempfile
from pathlib import Path

import ktextures as kt

path = sys.argv[1] if len(sys.argv) > 1 else None
folder = Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)

scene = kt.open_scene(path) if path else kt.datasets.landsat()[:, :400, :400]
scene

# %%
# Training takes 10 to 30 s; without `steps`, until classes hardly change. The same seed
# gives the same classes.

model = kt.train(scene, k=6, seed=1, steps=150, progress=False)
model.save(folder / "scene.ktextures")
model

# %%
# The class map has the CRS and the transform of the scene, a color table, and names.
# Existing files are replaced only because of `overwrite=True`.

result = kt.segment(scene, model, outputs=("classes", "simulated"))
kt.write_classes(result.classes, folder / "classes.tif", overwrite=True)
kt.class_areas(result.classes)

# %%
# From left to right: the scene, its classes, the simulated image, and the textures.

figure = kt.plot(scene, result)
figure.savefig(folder / "overview.png")
print(*sorted(path.name for path in folder.iterdir()), sep="\n")
