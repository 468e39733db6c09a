"""
One legend for several scenes
=============================

Classes of two scenes correspond only if one model produced both. Train on both, assign
the classes to a legend, and write maps with its codes.
"""

import tempfile
from pathlib import Path

import ktextures as kt

folder = Path(tempfile.mkdtemp())
landsat = kt.datasets.landsat()
north, south = landsat[:, :256, :256], landsat[:, 256:512, :256]

model = kt.train([north, south], k=6, seed=0, steps=120, progress=False)

# %%
# What the classes are, a person says; textures and the most typical part of the scene
# help.

figure = kt.plot_classes(kt.describe(north, model))

# %%
# Several classes may belong to one entry of the legend. Classes are ordered from dark
# to bright, so the first is water here.

legend = kt.Legend.read({"water": "#3b7dd8", "land": "#8a6f3c", "salt": "#f2efe6"})
model = model.assign({"water": [1, 2], "land": [3, 4], "salt": [5, 6]}, legend)

# %%
# All maps have the same codes and colors.

for name, scene in {"north": north, "south": south}.items():
    classes = kt.segment(scene, model).classes
    kt.write_classes(classes, folder / f"{name}.tif", values="legend")
    print(name, kt.class_areas(classes, values="legend"), sep="\n", end="\n\n")

# %%

result = kt.segment(south, model, outputs=("classes", "simulated"))
figure = kt.plot(south, result, values="legend")
