"""How often a sweep finds the true number of textures of synthetic scenes.

    python benchmarks/choose_k.py [--scenes 10] [--size 256] [--no-training]

Prints a Markdown table: the true k of each scene, the recommended one, others that are
reproducible, and the one with the largest silhouette. Each scene takes about a minute.
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
    print("| scene | true k | recommended k | reproducible | k by silhouette |")
    print("| --- | --- | --- | --- | --- |", flush=True)
    right = np.zeros(2, int)
    for k, seed in SCENES[: options.scenes]:
        scene = kt.datasets.synthetic(
            options.size, k=k, bands=4, seed=seed, contrast="texture"
        ).scene
        chosen, strong, silhouette = measure(scene)
        right += np.array([chosen, silhouette]) == k
        others = ", ".join(map(str, strong))
        print(f"| {seed} | {k} | {chosen} | {others} | {silhouette} |", flush=True)
    print(f"| right | | {right[0]} of {options.scenes} | | {right[1]} |")


def swept(scene):
    """Recommended k, all reproducible ones, and that with the largest silhouette."""
    found = kt.sweep(scene, KS, seed=1, progress=False)
    strong = found.k.values[found.reproducible.values]
    best = int(found.k[found.silhouette.argmax()])
    return found.attrs["recommended_k"], strong, best


def kmeans_only(scene):
    """The same without trainings."""
    prepared = kt.prepare(scene, seed=1, progress=False)
    wide = prepared.texture_scale >= prepared.request.preset.wide_scale
    rows = Sample(prepared.basis, wide=wide, seed=1).rows
    found = [reproduction(rows, k, 1) for k in KS]
    strength = np.array([each.strength for each in found])
    error = np.array([each.error for each in found])
    silhouettes = [
        separation(rows, KMeans(k, n_init=5, random_state=1).fit_predict(rows), 1)
        for k in KS
    ]
    best = np.nanargmax([each["silhouette"] for each in silhouettes])
    chosen, _ = recommended(np.array(KS), strength, error)
    return chosen, np.array(KS)[strength + error >= STRONG], KS[best]


if __name__ == "__main__":
    main()
