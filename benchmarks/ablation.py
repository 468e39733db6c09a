"""What each part of preset "default" brings, and how loss and ARI move together.

    KTEXTURES_QUALITY=folder python benchmarks/ablation.py [parts] [course] [synthetic]

`parts` leaves one part out at a time (mean ARI of the final maps by set, one seed; of
Outex, seven of the fifty mosaics). `course` follows the losses and the ARI of a few
scenes through training. `synthetic` compares on scenes with known answers,
which need no folder.
"""

import sys
from contextlib import ExitStack
from dataclasses import replace
from unittest.mock import patch

import numpy as np
from joblib import Parallel, delayed
from quality import assembled, harness, in_threads
from scipy.ndimage import gaussian_filter
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

import ktextures as kt
from ktextures.training import color_contrast, dictionary
from ktextures.training.descriptors import DescriptorSpace

DEFAULT = kt.presets.default
PARTS = {
    "complete": {},
    "without textures: no simulation, entries at class means": {
        "loss_weights": {"simulation": 0.0},
        "trust": 0.0,
    },
    "without simulation": {"loss_weights": {"simulation": 0.0}},
    "without imitation after the first quarter": {"loss_weights": {"imitation": 0.0}},
    "without the color of the pixel": {"color_weight": 0.0},
    "color and segments whether colors last or not": {"color_trust": lambda *_: 1.0},
    "without segments": {"segment_scales": ()},
    "without the stretch of color by kurtosis": {"stretch": 1.0},
    "without wide windows": {"wide_from": 99.0},
}
"""What is changed: settings of the preset, and parts that it does not hold."""

CONSTANTS = {
    "trust": (dictionary, "TRUST"),
    "stretch": (color_contrast, "MOST"),
    "color_trust": (DescriptorSpace, "_color_trust"),
}

SYNTHETIC = (("texture", 0), ("texture", 1), ("texture", 2), ("color", 0))
"""What differs between the classes, and the seed."""

COURSE = {"gid": 4, "zion": 2}
"""Scenes that the course is followed on: set and number."""


def ari(reference, labels):
    """ARI over the pixels that the reference labels."""
    known = reference >= 0
    return adjusted_rand_score(reference[known], labels[known])


def start(image, k, seed):
    """Initial labels (y, x) of a training whose tiles cover the image."""
    plan = kt.plan_training(image, k, seed=seed)
    return assembled(plan, plan.objective.labels, image.shape[1:])


def without(image, k, changes):
    """Model of a training with settings or constants changed."""
    settings = {name: v for name, v in changes.items() if name not in CONSTANTS}
    with ExitStack() as stack:
        for name in set(changes) - set(settings):
            holder, constant = CONSTANTS[name]
            stack.enter_context(patch.object(holder, constant, changes[name]))
        preset = replace(DEFAULT, **settings)
        return kt.train(image, k, preset=preset, seed=0, progress=False)


def score(case, changes):
    """ARI of a final map."""
    in_threads(1)
    model = without(case.image, case.k, changes)
    labels = kt.segment(kt.open_scene(case.image), model).classes.values
    return ari(case.reference, labels)


def parts(sets):
    """Table of final maps without one part each."""
    chosen = {"gid": list(sets.SETS["gid"]()), "outex": list(sets.outex(16))}
    chosen["chesapeake"] = list(sets.SETS["chesapeake"]())
    print(
        "| part | " + " | ".join(chosen) + " |\n" + "| --- " * (1 + len(chosen)) + "|"
    )
    for name, changes in PARTS.items():
        cells = []
        for cases in chosen.values():
            scores = Parallel(2)(delayed(score)(case, changes) for case in cases)
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
        case = list(sets.SETS[name]())[number]
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
    sets = harness()[1] if {"parts", "course"} & set(wanted) else None
    if "parts" in wanted:
        parts(sets)
    if "course" in wanted:
        course(sets)


if __name__ == "__main__":
    main()
