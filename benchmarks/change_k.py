"""How soon a new k is seen: from its setting to the first map and to the next step.

    KTEXTURES_QUALITY=folder python benchmarks/change_k.py

An explorer without a display trains on a Sentinel-2 scene of 1068 x 1068 pixels, which
lies beside the folder of the quality harness; without it, on the bundled Landsat scene.
k changes every few seconds; the first change, which loads code, is not counted.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np

import ktextures as kt

KS = (7, 6, 8, 10, 5, 7, 9, 6, 12, 8)
PAUSE = 6.0  # seconds in which a new model trains


def scene():
    """The scene to train on, and its name."""
    folder = os.environ.get("KTEXTURES_QUALITY")
    if folder is None:
        return kt.datasets.landsat(), "Landsat, bundled"
    home = Path(folder).parent / "data" / "sentinel2_scene"
    found = next(home.glob("*_rgbn.tif"), None)
    if found is None:
        sys.exit(f"There is no scene in {home}; unset KTEXTURES_QUALITY.")
    return kt.open_scene(found), "Sentinel-2, 1068 x 1068 x 4"


def recorded(explorer):
    """Times of all training steps from now on, with the k of their model."""
    trainer, steps = explorer._trainer, []
    after = trainer._after_step

    def note(live):
        steps.append((time.perf_counter(), live.k))
        return after(live)

    trainer._after_step = note
    return steps


def change(state, steps, k):
    """Seconds until a map has k classes, and until a model of k has taken a step."""
    seen = []

    def watch(_):
        shown = state.snapshot
        if shown is not None and len(shown.textures) == k:
            seen.append(time.perf_counter())

    state.observe(watch, "version")
    start = time.perf_counter()
    state.k = k
    time.sleep(PAUSE)
    state.unobserve(watch, "version")
    stepped = next(when for when, other in steps if when > start and other == k)
    return seen[0] - start, stepped - start


def main():
    what, name = scene()
    explorer = kt.explore(what, k=6, steps=100_000, seed=1)
    steps = recorded(explorer)
    explorer.train()
    while explorer.state.step < 20:
        time.sleep(0.05)
    times = [change(explorer.state, steps, k) for k in KS]
    explorer.stop()
    explorer.wait()
    explorer.close()
    print(f"{name}: {len(KS) - 1} changes of k during training")
    print("| new k to | median | worst |\n| --- | --- | --- |")
    for place, title in enumerate(("first map", "next training step")):
        found = [each[place] for each in times[1:]]
        print(f"| {title} | {np.median(found):.2f} s | {max(found):.2f} s |")


if __name__ == "__main__":
    main()
