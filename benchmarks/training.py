"""Pace and memory of training, compared in interleaved rounds.

    python benchmarks/training.py                         all parts but "commit"
    python benchmarks/training.py literal classes         some of them
    python benchmarks/training.py commit --against HEAD~5

Parts:

literal   ms per step of preset "paper" here, and of the published graph built literally
commit    ms per step of preset "default" here, and at another commit (--against)
classes   ms per step of preset "default" by number of classes
memory    growth of resident memory over trainings in one process (Linux)
map       seconds from the call to the final map

Within a round, all that is compared runs in turn, A B A B ..., so that a machine that
gets slower or faster changes both sides. Tables show medians over rounds, with the
range in parentheses; ratios are taken within rounds. The scene is the bundled one of
Sentinel-2.
"""

import argparse
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
K = 6
CLASSES = (2, 4, 8, 16, 32)
TRAININGS = 12


def summary(values, digits=1):
    """Median and range."""
    low, high = min(values), max(values)
    return (
        f"{statistics.median(values):.{digits}f} ({low:.{digits}f}..{high:.{digits}f})"
    )


def table(heads, rows):
    """Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def interleaved(runs, rounds):
    """Result of each run in each round: {name: [one per round]}."""
    found = {name: [] for name in runs}
    for number in range(rounds):
        # Forward and backward, so that none always runs first.
        for name in list(runs)[:: 1 if number % 2 == 0 else -1]:
            found[name].append(runs[name]())
    return found


def ratios(found, upper, lower):
    return [a / b for a, b in zip(found[upper], found[lower], strict=True)]


def pacer(step, steps, start=0, before=2):
    """A function that takes `steps` more steps and returns the mean ms of one."""
    place = [start]
    # The first steps compile, and the first pass computes what is cached.
    for _ in range(before):
        step(place[0])
        place[0] += 1

    def run():
        begun = time.perf_counter()
        for index in range(place[0], place[0] + steps):
            step(index)
        place[0] += steps
        return 1000 * (time.perf_counter() - begun) / steps

    return run


# --- the published graph, built literally ---------------------------------------------


class Literal:
    """A training step with everything computed as published, in one graph.

    Wagner et al. 2022: the features of the image and of its simulation are both
    computed in each step; each class has a stack of layers of its own, which draws
    144 x 144 pixels; a frozen network makes a step at each of the k - 1 thresholds.
    """

    def __init__(self, plan, k):
        import keras
        import tensorflow as tf

        keras.utils.set_random_seed(1)
        self.tf, self.k, self.extractors = tf, k, plan.model.extractors
        self.tiles, self.images = plan.tiles.values, plan.tiles.inner()[0]
        bands = self.images.shape[-1]
        self.score = self.network(self.score_layers(), bands)
        self.generators = [
            self.network(self.texture_layers(bands), 1) for _ in range(k)
        ]
        self.steps = [self.step_network((i + 1) / k) for i in range(k - 1)]
        trained = [self.score, *self.generators]
        self.variables = [v for each in trained for v in each.trainable_variables]
        self.optimizer = keras.optimizers.Adam(1e-3, clipnorm=1.0)
        self.optimizer.build(self.variables)
        self.train = tf.function(self.train_step)

    @staticmethod
    def network(layers, channels):
        import keras

        return keras.Sequential([keras.Input((None, None, channels)), *layers])

    @staticmethod
    def score_layers():
        from keras import layers

        made = []
        for units in (64, 64, 1):
            made += [
                layers.Conv2D(units, 1),
                layers.BatchNormalization(),
                layers.Activation("elu" if units > 1 else "sigmoid"),
            ]
        return [*made, layers.Cropping2D(4)]

    @staticmethod
    def texture_layers(bands):
        from keras import layers

        made = []
        for _ in range(4):
            made += [
                layers.Conv2D(16, 3, padding="same"),
                layers.BatchNormalization(),
                layers.LeakyReLU(),
            ]
        last = layers.Conv2D(bands, 3, padding="same", activation="sigmoid")
        return [*made, last, layers.Cropping2D(8)]

    def step_network(self, threshold):
        """1 above a threshold, 0 below it, by two layers with a clipped end."""
        import numpy as np
        from keras import layers

        clipped = layers.Lambda(
            lambda score: self.tf.clip_by_value(5000.0 * score, 0.0, 1.0)
        )
        first = layers.Conv2D(2, 1, activation="relu", trainable=False)
        second = layers.Conv2D(1, 1, trainable=False)
        made = self.network([first, second, clipped], 1)
        first.set_weights([np.array([[[[1.0, -1.0]]]]), threshold * np.array([-1, 1])])
        second.set_weights([np.array([[[[1.0], [-1.0]]]]), np.array([0.5 / 5000.0])])
        return made

    def masks(self, tile):
        tf = self.tf
        score = self.score(tile, training=True)
        score += 0.0005 * tf.random.normal(tf.shape(score))
        steps = [tf.ones_like(score), *(step(score) for step in self.steps)]
        after = [*steps[1:], tf.zeros_like(score)]
        return [one - next_one for one, next_one in zip(steps, after, strict=True)]

    def features(self, image):
        return [maps for extractor in self.extractors for maps in extractor(image)]

    def train_step(self, tile, image):
        tf = self.tf
        with tf.GradientTape() as tape:
            parts = [
                mask * generator(tf.random.normal((1, 144, 144, 1)), training=True)
                for mask, generator in zip(
                    self.masks(tile), self.generators, strict=True
                )
            ]
            pairs = zip(
                self.features(image), self.features(tf.add_n(parts)), strict=True
            )
            loss = tf.add_n([tf.reduce_mean((a - b) ** 2) for a, b in pairs])
        gradients = tape.gradient(loss, self.variables)
        self.optimizer.apply_gradients(zip(gradients, self.variables, strict=True))
        return loss

    def step(self, index):
        tile = index % len(self.tiles)
        return float(
            self.train(
                self.tf.constant(self.tiles[tile][None]),
                self.tf.constant(self.images[tile][None]),
            )
        )


def literal(options):
    """Preset "paper" against the published graph."""
    import ktextures as kt

    preset = replace(kt.presets.paper, encoder_steps=20)
    plan = kt.plan_training(kt.datasets.sentinel2(), K, preset=preset, seed=1)
    steps = min(options.steps, 20)
    runs = {
        "the published graph, literally": pacer(Literal(plan, K).step, steps),
        'preset "paper"': pacer(
            plan.objective.step, steps, before=plan.objective.steps_per_pass
        ),
    }
    found = interleaved(runs, options.rounds)
    first, second = runs
    rows = [[name, summary(found[name])] for name in runs]
    rows.append(["times as fast", summary(ratios(found, first, second), 2)])
    shape = " x ".join(map(str, plan.tiles.inner()[0].shape[1:]))
    print(f'\n## Preset "paper", k = {K}, tiles of {shape}\n')
    print(table(["", "ms per step"], rows))


# --- another commit -------------------------------------------------------------------


def pace(steps, k):
    """Median ms per step of a training in this process."""
    import ktextures as kt

    stamps = []

    class Stamp(kt.Callback):
        def on_train_batch_end(self, batch, logs=None):
            stamps.append(time.perf_counter())

    scene = kt.datasets.sentinel2()
    kt.train(scene, k, steps=steps, seed=1, callbacks=[Stamp()], progress=False)
    gaps = [b - a for a, b in pairwise(stamps[1:])]
    return {
        "package": str(Path(kt.__file__).resolve().parents[1]),
        "ms": 1000 * statistics.median(gaps),
    }


def in_process(tree, *arguments):
    """What a process of its own prints, with the package from a source tree."""
    command = [sys.executable, str(Path(__file__).resolve()), "--one", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    found = json.loads(done.stdout.splitlines()[-1])
    if found["package"] != str(tree):
        raise SystemExit(f"measured {found['package']} in place of {tree}")
    return found


def commit(options):
    """The working tree against a commit."""
    if not options.against:
        raise SystemExit('part "commit" needs --against COMMIT')
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder).resolve() / "tree"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run(
            [*git, "add", "--quiet", "--detach", str(tree), options.against], check=True
        )
        try:
            arguments = ("pace", str(options.steps), str(K))
            runs = {
                options.against: lambda: in_process(tree, *arguments)["ms"],
                "working tree": lambda: in_process(ROOT, *arguments)["ms"],
            }
            found = interleaved(runs, options.rounds)
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)
    rows = [[name, summary(found[name])] for name in runs]
    share = ratios(found, "working tree", options.against)
    rows.append(["time of a step, relative to the commit", summary(share, 2)])
    print(f'\n## Preset "default", k = {K}, against {options.against}\n')
    print(table(["", "ms per step"], rows))


# --- the rest -------------------------------------------------------------------------


def classes(options):
    """Numbers of classes."""
    import ktextures as kt

    scene = kt.datasets.sentinel2()
    # The second half of a training has the steps that cost most.
    start = kt.presets.default.steps // 2
    runs = {
        k: pacer(
            kt.plan_training(scene, k, seed=1).objective.step, options.steps, start
        )
        for k in CLASSES
    }
    found = interleaved(runs, options.rounds)
    rows = []
    for before, k in zip((None, *CLASSES), CLASSES, strict=False):
        more = summary(ratios(found, k, before), 2) if before else ""
        rows.append([k, summary(found[k]), more])
    print('\n## Preset "default" by number of classes\n')
    print(table(["k", "ms per step", "relative to the row before"], rows))
    growth = ratios(found, CLASSES[-1], CLASSES[0])
    linear = "at most" if max(growth) <= CLASSES[-1] / CLASSES[0] else "more than"
    print(
        f"\nFrom k = {CLASSES[0]} to {CLASSES[-1]}, a step takes {summary(growth, 2)} "
        f"times as long: {linear} in proportion to k."
    )


def resident():
    """Resident memory of this process in MB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def memory(options):
    """Trainings in one process."""
    import ktextures as kt

    scene, held = kt.datasets.sentinel2(), []
    for seed in range(TRAININGS):
        kt.train(scene, K, steps=options.steps, seed=seed, progress=False)
        held.append(resident())
    growth = held[-1] - held[0]
    print(f'\n## Memory over {TRAININGS} trainings of preset "default", k = {K}\n')
    rows = [
        ["after the first", f"{held[0]:.0f}"],
        ["after the last", f"{held[-1]:.0f}"],
        ["growth", f"{growth:.0f}"],
        ["growth per training", f"{growth / (TRAININGS - 1):.1f}"],
        ["growth in the second half", f"{held[-1] - held[TRAININGS // 2]:.0f}"],
    ]
    print(table(["", "resident memory, MB"], rows))


def to_map(steps, path):
    """Seconds of train and segment in this process, imports excluded."""
    import ktextures as kt

    if path:
        scene = kt.open_scene(path)
    else:
        scene = kt.datasets.sentinel2().isel(y=slice(256), x=slice(256))
    begun = time.perf_counter()
    more = {"steps": int(steps)} if steps else {}
    model = kt.train(scene, K, seed=1, progress=False, **more)
    trained = time.perf_counter()
    kt.segment(scene, model).load()
    return {
        "package": str(Path(kt.__file__).resolve().parents[1]),
        "train": trained - begun,
        "all": time.perf_counter() - begun,
        "size": f"{scene.sizes['y']} x {scene.sizes['x']} x {scene.sizes['band']}",
    }


def final_map(options):
    """From the call to the map, each time in a process of its own."""
    steps = str(options.map_steps or "")
    paths = ["", *([options.scene] if options.scene else [])]
    runs = {
        path: lambda path=path: in_process(ROOT, "map", steps, path) for path in paths
    }
    found = interleaved(runs, options.rounds)
    rows = [
        [
            figures[0]["size"],
            summary([each["train"] for each in figures]),
            summary([each["all"] for each in figures]),
        ]
        for figures in found.values()
    ]
    number = f", {steps} steps" if steps else ""
    print(f'\n## From the call to the final map, preset "default", k = {K}{number}\n')
    print(table(["scene", "train, s", "train and segment, s"], rows))


PARTS = {
    "literal": literal,
    "commit": commit,
    "classes": classes,
    "memory": memory,
    "map": final_map,
}


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--against", metavar="COMMIT", help="for part commit")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--steps", type=int, default=60, help="per round (literal: 20 at most)"
    )
    parser.add_argument(
        "--map-steps",
        type=int,
        help="of part map, for a trial; by default the preset's",
    )
    parser.add_argument("--scene", metavar="PATH", help="a larger scene for part map")
    parser.add_argument("--one", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = sorted(set(options.parts) - set(PARTS))
    if unknown:
        parser.error(
            f"unknown part {', '.join(unknown)}; choose from {', '.join(PARTS)}"
        )
    return options


def main():
    options = arguments()
    if options.one:
        kind, steps, last = options.one
        done = pace(int(steps), int(last)) if kind == "pace" else to_map(steps, last)
        print(json.dumps(done))
        return
    everything = [part for part in PARTS if part != "commit" or options.against]
    print(f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores")
    for part in options.parts or everything:
        PARTS[part](options)


if __name__ == "__main__":
    main()
