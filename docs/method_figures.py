"""Draw the figures of docs/method.md.

    python docs/method_figures.py [--folder docs/images]

Takes about a minute.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

import ktextures as kt

SIDE = 128


def rgb(values, reference=None):
    """The first three bands (red, green, blue), stretched like those of a reference."""
    reference = values if reference is None else reference
    low, high = np.nanpercentile(reference[:3], (1, 99))
    return np.clip((values[:3] - low) / (high - low), 0, 1).transpose(1, 2, 0)


def parts():
    """Masks, textures, and what they make together."""
    scene = kt.datasets.synthetic(SIDE, k=3, seed=4, contrast="both").scene
    model = kt.train(scene, 3, seed=0, progress=False)
    result = kt.segment(scene, model, outputs=("masks", "simulated", "classes"))

    figure, axes = plt.subplots(2, 4, figsize=(10, 5.4), layout="constrained")
    for number, (mask, texture) in enumerate(
        zip(result.masks.values, result.textures.values, strict=True)
    ):
        axes[0, number].imshow(mask, cmap="gray")
        axes[0, number].set_title(f"mask {number + 1}")
        axes[1, number].imshow(rgb(texture[:, :SIDE, :SIDE], scene.values))
        axes[1, number].set_title(f"texture {number + 1}")
    axes[0, 3].imshow(rgb(scene.values))
    axes[0, 3].set_title("image")
    axes[1, 3].imshow(rgb(result.simulated.values, scene.values))
    axes[1, 3].set_title("simulated image")
    for axis in axes.flat:
        axis.set_axis_off()
    return figure


def slices():
    """Masks of the published method, by the score of a pixel."""
    k, slope = 6, 5000
    score = np.linspace(0, 1, 2000)
    steps = [
        np.clip(slope * (score - edge) + 0.5, 0, 1) for edge in np.arange(1, k) / k
    ]
    above = np.array([np.ones_like(score), *steps, np.zeros_like(score)])
    figure, axis = plt.subplots(figsize=(8, 2.2), layout="constrained")
    for number, mask in enumerate(above[:-1] - above[1:], 1):
        axis.fill_between(score, mask, alpha=0.5, label=f"mask {number}")
    axis.set(xlabel="score of a pixel", ylabel="mask", yticks=[0, 1])
    axis.legend(ncols=6, loc="upper center", bbox_to_anchor=(0.5, 1.35), frameon=False)
    return figure


def contrasts():
    """Where textures decide."""
    rows = ("color", "texture", "both")
    titles = ("image", "k-means on colors", 'preset="default"')
    figure, axes = plt.subplots(3, 3, figsize=(7.5, 7.7), layout="constrained")
    for row, contrast in zip(axes, rows, strict=True):
        scene, truth = kt.datasets.synthetic(SIDE, k=3, seed=4, contrast=contrast)
        pixels = scene.values.reshape(len(scene), -1).T
        kmeans = KMeans(3, n_init=3, random_state=0).fit_predict(pixels)
        maps = [kmeans.reshape(SIDE, SIDE)]
        model = kt.train(scene, 3, seed=0, progress=False)
        maps.append(kt.segment(scene, model, progress=False).classes.values)
        row[0].imshow(rgb(scene.values))
        row[0].set_ylabel(
            f"{contrast} differ" if contrast == "both" else f"{contrast} differs"
        )
        for axis, found in zip(row[1:], maps, strict=True):
            axis.imshow(found, cmap="viridis", interpolation="nearest")
            rand = adjusted_rand_score(truth.values.ravel(), found.ravel())
            axis.set_xlabel(f"{rand:.2f}")
        for axis, title in zip(row, titles, strict=True):
            axis.set(xticks=[], yticks=[])
            if contrast == "color":
                axis.set_title(title)
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = Path(__file__).parent / "images"
    parser.add_argument("--folder", type=Path, default=here)
    folder = parser.parse_args().folder
    for draw in (parts, slices, contrasts):
        draw().savefig(folder / f"method-{draw.__name__}.png", dpi=110)


if __name__ == "__main__":
    main()
