"""
Your own feature extractor
==========================

What the image and its simulation are compared by decides what classes are. A feature
extractor is a class with three methods.
"""

import keras
import matplotlib.pyplot as plt

import ktextures as kt


# %%
# This one measures the contrast of bright and dark over a few pixels, and nothing else.
# The decorator makes it known to `kt.load`.
@kt.register_features
class LocalContrast(kt.FeatureExtractor):
    """Standard deviation of the first band over windows of some pixels."""

    kind = "example-local-contrast"

    def __init__(self, side=9):
        self.side = side

    def fit(self, pixels, bands):
        """There is nothing to learn from the pixels of the scene."""

    def __call__(self, tiles):
        """One map (batch, y, x, 1) of tiles (batch, y, x, band), scaled to 0..1."""

        def mean(maps):
            return keras.ops.average_pool(maps, self.side, 1, "same")

        first = tiles[..., :1]
        return [keras.ops.sqrt(mean((first - mean(first)) ** 2) + 1e-6)]

    def get_config(self):
        """Arguments that a model file keeps."""
        return {"side": self.side}


# %%
# Two classes have the same colors and differ in their pattern.

scene, truth = kt.datasets.synthetic(128, k=3, seed=5, contrast="texture")
maps = {"image": scene[0], "true classes": truth}
for name, features in {
    "the default's features": None,
    "local contrast": LocalContrast(),
}.items():
    options = {} if features is None else {"features": features}
    model = kt.train(scene, 3, seed=0, steps=80, progress=False, **options)
    maps[name] = kt.segment(scene, model).classes

figure, axes = plt.subplots(1, 4, figsize=(11, 3.2), layout="constrained")
for axis, (name, values) in zip(axes, maps.items(), strict=True):
    cmap = "gray" if name == "image" else "viridis"
    axis.imshow(values, cmap=cmap, interpolation="nearest")
    axis.set(title=name, xticks=[], yticks=[])
