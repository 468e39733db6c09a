"""
Chips for a neural network
==========================

Cut a scene and its class map into chips, split by blocks that are apart on the ground,
and feed them to a network.
"""

import tempfile
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np

import ktextures as kt

scene = kt.datasets.landsat()[:, 300:812, 300:812]
model = kt.train(scene, k=4, seed=0, steps=60, progress=False)
result = kt.segment(scene, model, outputs=("classes", "confidence"))

# %%
# Chips are GeoTIFF files, with a datasheet that says where they come from.

folder = Path(tempfile.mkdtemp()) / "samples"
samples = kt.training_samples(scene, result, folder, size=64, progress=False)
samples

# %%
# `kt.read_samples` gives batches for Keras: ``image``, ``label`` (0 to k-1), and
# ``weight``, which is 0 where a pixel is to be ignored. It is a `tf.data.Dataset`.

train = kt.read_samples(folder, batch_size=4, shuffle=True, augment=True)
test = kt.read_samples(folder, "test")
image, label, weight = next(iter(train))
print(
    image.shape, label.shape, f"{float(weight.numpy().mean()):.0%} of the pixels count"
)

# %%
# A small network, for a few seconds; a real one would be a U-Net.

network = keras.Sequential(
    [
        keras.layers.Conv2D(16, 5, padding="same", activation="relu"),
        keras.layers.Conv2D(16, 5, padding="same", activation="relu"),
        keras.layers.Conv2D(4, 1),
    ]
)
network.compile(
    "adam",
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    weighted_metrics=["accuracy"],
)
network.fit(train, epochs=4, shuffle=False, verbose=0)  # the samples are shuffled
loss, accuracy = network.evaluate(test, verbose=0)
print(f"{accuracy:.0%} of the test pixels get the class of the map")

# %%
# PyTorch takes the same arrays, for example ``torch.from_numpy(image.numpy())``; for
# large sets, TorchGeo reads the files themselves, as the user guide shows.

figure, axes = plt.subplots(1, 2, figsize=(7, 3.4), layout="constrained")
for axis, values, title in zip(
    axes,
    (label[0], np.argmax(network.predict(image, verbose=0)[0], -1)),
    ("label", "network"),
    strict=True,
):
    axis.imshow(values, cmap="viridis", vmin=0, vmax=3, interpolation="nearest")
    axis.set(title=title, xticks=[], yticks=[])
