"""How often a sweep finds the true number of textures of synthetic scenes.

    python benchmarks/choose_k.py [--scenes 10] [--size 256] [--no-training]

Prints a Markdown table: the true k of each scene, the recommended one, all that are
reproducible, the largest k with a prediction strength of 0.85 (without adding its
error), and the one with the largest silhouette. Each scene takes about a minute.
With `--no-training`, silhouettes are those of k-means on the same descriptors, which
takes seconds; prediction strength does not depend on the training.
"""

import argparse

import numpy as np
from sklearn.cluster import KMeans

import ktextures as kt
from ktextures.selection.measures import STRONG, recommended, reproduction, separation
from ktextures.selection.one_k import Sample

SCENES = [(2 + index % 7, index) for index in range(10)]
KS = range(2, 11)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scenes", type=int, default=len(SCENES))
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--no-training", action="store_true")
    options = parser.parse_args()
    measure = kmeans_only if options.no_training else swept
    print("| scene | true k | recommended | reproducible | by silhouette |")
    print("| --- | --- | --- | --- | --- |", flush=True)
    right = np.zeros(2, int)
    for k, seed in SCENES[: options.scenes]:
        scene = kt.datasets.synthetic(
            options.size, k=k, bands=4, seed=seed, contrast="texture"
        ).scene
        strength, silhouette = measure(scene)
        chosen, _ = recommended(np.array(KS), strength)
        strong = np.array(KS)[strength >= STRONG]
        best = KS[np.nanargmax(silhouette)]
        right += np.array([chosen, best]) == k
        others = ", ".join(map(str, strong))
        print(f"| {seed} | {k} | {chosen} | {others} | {best} |", flush=True)
    print(f"| right | | {right[0]} | | {right[1]} |")


def swept(scene):
    """Prediction strength of each k, and silhouettes."""
    found = kt.sweep(scene, KS, seed=1, progress=False)
    names = ("prediction_strength", "silhouette")
    return [found[name].values for name in names]


def kmeans_only(scene):
    """The same without trainings."""
    prepared = kt.prepare(scene, seed=1, progress=False)
    wide = prepared.texture_scale >= prepared.request.preset.wide_scale
    rows = Sample(prepared.basis, wide=wide, seed=1).rows
    found = [reproduction(rows, k, 1) for k in KS]
    silhouettes = [
        separation(rows, KMeans(k, n_init=5, random_state=1).fit_predict(rows), 1)
        for k in KS
    ]
    return (
        np.array([each.strength for each in found]),
        np.array([each["silhouette"] for each in silhouettes]),
    )


if __name__ == "__main__":
    main()
