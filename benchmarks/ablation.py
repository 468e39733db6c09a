"""What each part of preset "default" brings, and how loss and ARI move together.

    KTEXTURES_QUALITY=folder python benchmarks/ablation.py [parts] [course] [synthetic]

`parts` leaves one part of the start out at a time (mean ARI of the start by set, one
seed); what training adds to it is in quality.json. `course` follows the losses and the
ARI of a few scenes through training. `synthetic` compares on scenes with known answers,
which need no folder.
"""

import sys
from dataclasses import replace

import numpy as np
from quality import harness
from scipy.ndimage import gaussian_filter
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

import ktextures as kt

SEEDS = 1
DEFAULT = kt.presets.default
PARTS = {
    "as it is": {},
    "noise at all distances alone": {"noise_lags": ()},
    "no segments": {"segment_scales": ()},
    "no color of the pixel": {"color_weight": 0.0},
    "color weighs the same in large pixels": {"color_pixel": 1000.0},
    "usual offset of the logarithm": {"color_offsets": (0.5,)},
    "no wide windows": {"wide_from": 99.0},
    "wide windows everywhere": {"wide_from": -99.0},
    "color alone": {"color_weight": 50.0},
}
SYNTHETIC = (("texture", 0), ("texture", 1), ("texture", 2), ("color", 0))
"""What differs between the classes, and the seed."""

COURSE = {"gid": 4, "zion": 2}
"""Scenes that the course is followed on: set and number."""


def ari(reference, labels):
    """ARI over the pixels that the reference labels."""
    known = reference >= 0
    return adjusted_rand_score(reference[known], labels[known])


def start(image, k, seed, preset=DEFAULT):
    """Initial labels (y, x) of a training whose tiles cover the image."""
    plan = kt.plan_training(image, k, preset=preset, seed=seed)
    labels = np.full(image.shape[1:], -1)
    for window, part in zip(plan.tiles.windows, plan.objective.labels, strict=True):
        labels[window.slices] = part
    return labels


def parts(sets):
    """Table of the start without one part each."""
    print("| start | " + " | ".join(sets) + " |\n" + "| --- " * (1 + len(sets)) + "|")
    for name, changes in PARTS.items():
        cells = []
        for cases in sets.values():
            preset = replace(DEFAULT, **changes)
            scores = [
                ari(case.reference, start(case.image, case.k, seed, preset))
                for case in cases()
                for seed in range(SEEDS)
            ]
            cells.append(f"{np.mean(scores):.3f}")
        print("| " + " | ".join([name, *cells]) + " |", flush=True)


def follow(case):
    """Rows (step, losses, ARI) of one training."""
    scene = kt.open_scene(case.image)
    rows = []

    class Follow(kt.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if (batch + 1) % 100 == 0 or batch == 0:
                labels = kt.segment(scene, self.model).classes.values
                rows.append((batch + 1, dict(logs), ari(case.reference, labels)))

    kt.train(scene, case.k, seed=0, progress=False, callbacks=[Follow()])
    return rows


def course(sets):
    """Table of losses and ARI through training."""
    print(
        "| scene | step | dictionary | imitation | texture | ARI |\n"
        + "| --- " * 6
        + "|"
    )
    for name, number in COURSE.items():
        case = list(sets[name]())[number]
        for step, losses, found in follow(case):
            cells = [f"{losses[n]:.3f}" for n in ("dictionary", "imitation", "texture")]
            row = [f"{name} {number}", str(step), *cells, f"{found:.3f}"]
            print("| " + " | ".join(row) + " |", flush=True)


def kmeans(values, k, sigma=0.0):
    """Labels (y, x) by k-means on pixels (band, y, x), or local mean and deviation."""
    if sigma:
        mean = gaussian_filter(values, (0, sigma, sigma))
        square = gaussian_filter(values**2, (0, sigma, sigma))
        values = np.concatenate([mean, np.sqrt(np.maximum(square - mean**2, 0))])
    rows = values.reshape(len(values), -1).T
    labels = KMeans(k, n_init=4, random_state=0).fit_predict(rows / rows.std(0))
    return labels.reshape(values.shape[1:])


def synthetic(k=4, size=256):
    """Table of mosaics whose classes differ in texture or color alone."""
    print("| differs, seed | k-means, pixels | local mean + std | start | default |")
    print("| --- " * 5 + "|")
    for contrast, seed in SYNTHETIC:
        scene, truth = kt.datasets.synthetic(
            size, k=k, bands=4, seed=seed, contrast=contrast
        )
        values = scene.values.astype(float)
        model = kt.train(scene, k, seed=0, progress=False)
        found = [
            kmeans(values, k),
            kmeans(values, k, 3.0),
            start(scene, k, 0),
            kt.segment(scene, model).classes.values,
        ]
        scores = [f"{ari(truth.values, labels):.2f}" for labels in found]
        print("| " + " | ".join([f"{contrast}, {seed}", *scores]) + " |", flush=True)


def main():
    wanted = sys.argv[1:] or ["parts", "course", "synthetic"]
    if "synthetic" in wanted:
        synthetic()
    sets = harness()[1].SETS if {"parts", "course"} & set(wanted) else {}
    if "parts" in wanted:
        parts(sets)
    if "course" in wanted:
        course(sets)


if __name__ == "__main__":
    main()
