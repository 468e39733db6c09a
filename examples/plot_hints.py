"""
Steer a training by hints
=========================

A few places of known class change what a model finds, there and in what looks alike.
"""

import matplotlib.pyplot as plt

import ktextures as kt

scene = kt.datasets.sentinel2()
model = kt.train(scene, k=5, seed=1, steps=100, progress=False)

# %%
# Hints are rows, columns, and classes; or points and polygons with coordinates, as a
# GeoDataFrame or a GeoJSON file.

hints = kt.Hints([(30, 50, 2), (170, 260, 2), (85, 80, 5)])
steered = kt.train(scene, model=model, hints=hints, steps=100, progress=False)

# %%
# `model` is as it was; `steered` is another model, which keeps its hints.

figure, axes = plt.subplots(1, 2, figsize=(9, 4.5), layout="constrained")
for axis, each, title in zip(axes, (model, steered), ("before", "after"), strict=True):
    classes = kt.segment(scene, each).classes
    axis.imshow(classes, cmap="viridis", vmin=1, vmax=5, interpolation="nearest")
    for row, column, number in ((30, 50, 2), (170, 260, 2), (85, 80, 5)):
        axis.annotate(
            str(number), (column, row), color="white", weight="bold", ha="center"
        )
    axis.set(title=title, xticks=[], yticks=[])

# %%
# Where another hint would help most: large areas of which the model is unsure.

for place in kt.suggest(scene, steered, 3):
    print(f"row {place.row}, column {place.col}: now class {place.class_}")
