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
from ktextures.selection.measures import (
    ERRORS,
    STRONG,
    recommended,
    reproduction,
    separation,
)
from ktextures.selection.one_k import Sample

SCENES = [(2 + index % 7, index) for index in range(10)]
KS = range(2, 11)
STRICT = 0.85


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scenes", type=int, default=len(SCENES))
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--no-training", action="store_true")
    options = parser.parse_args()
    measure = kmeans_only if options.no_training else swept
    print("| scene | true k | recommended | reproducible | at 0.85 | by silhouette |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    right = np.zeros(3, int)
    for k, seed in SCENES[: options.scenes]:
        scene = kt.datasets.synthetic(
            options.size, k=k, bands=4, seed=seed, contrast="texture"
        ).scene
        strength, error, silhouette = measure(scene)
        chosen, _ = recommended(np.array(KS), strength, error)
        strong = np.array(KS)[strength + ERRORS * error >= STRONG]
        strict = max(np.array(KS)[strength >= STRICT], default=0)
        best = KS[np.nanargmax(silhouette)]
        right += np.array([chosen, strict, best]) == k
        others = ", ".join(map(str, strong))
        print(f"| {seed} | {k} | {chosen} | {others} | {strict} | {best} |", flush=True)
    print(f"| right | | {right[0]} | | {right[1]} | {right[2]} |")


def swept(scene):
    """Prediction strength of each k, its error, and silhouettes."""
    found = kt.sweep(scene, KS, seed=1, progress=False)
    names = ("prediction_strength", "prediction_strength_error", "silhouette")
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
        np.array([each.error for each in found]),
        np.array([each["silhouette"] for each in silhouettes]),
    )


if __name__ == "__main__":
    main()
