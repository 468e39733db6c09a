"""Time and memory of train + segment on the bundled Sentinel-2 scene.

    python benchmarks/speed.py            prints a table in Markdown

Each row is a process of its own, so that its peak memory is its own. Quote medians of
several runs, and ratios rather than single times: machines differ and drift.
"""

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from datetime import date

SIZE = "300 x 300 x 4"


class Pace:
    """Time from the start of training to the first step, and between steps."""

    def __init__(self):
        self.begun, self.stamps = time.perf_counter(), []

    def callback(self):
        import keras

        stamps = self.stamps

        class Stamp(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                stamps.append(time.perf_counter())

        return Stamp()

    def figures(self):
        gaps = [b - a for a, b in zip(self.stamps[4:], self.stamps[5:], strict=False)]
        return {
            "to_first_step_s": self.stamps[0] - self.begun,
            "ms_per_step": 1000 * statistics.median(gaps),
        }


def measure(preset, k, steps):
    """Figures of one run, in this process."""
    begun = time.perf_counter()
    import ktextures as kt

    scene = kt.datasets.sentinel2()
    imported = time.perf_counter()
    pace, options = Pace(), {}
    if preset == "paper":
        # The encoder that the preset would train first is timed by itself.
        encoder = kt.train_encoder(scene, steps=20, seed=1, progress=False)
        trained = time.perf_counter()
        vgg = kt.VGG16Features(("block5_conv3",), preprocess="raw", weights="bundled")
        options = {"features": (vgg, encoder)}
        pace.begun = trained
    model = kt.train(
        scene,
        k,
        preset=preset,
        steps=steps,
        seed=1,
        callbacks=[pace.callback()],
        progress=False,
        **options,
    )
    ended = time.perf_counter()
    kt.segment(scene, model, outputs=("classes", "simulated")).load()
    return {
        "preset": preset,
        "k": k,
        "steps": steps,
        "import_s": imported - begun,
        "train_s": ended - pace.begun,
        "segment_s": time.perf_counter() - ended,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        **pace.figures(),
    }


def run(preset, k, steps):
    """Figures of one run, in a process of its own."""
    command = [sys.executable, __file__, "--one", preset, str(k), str(steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def table(rows):
    """Markdown."""
    heads = {
        "preset": "preset",
        "k": "k",
        "steps": "steps",
        "import_s": "import, s",
        "to_first_step_s": "to first step, s",
        "ms_per_step": "ms per step",
        "train_s": "train, s",
        "segment_s": "segment, s",
        "peak_gb": "peak memory, GiB",
    }
    lines = ["| " + " | ".join(heads.values()) + " |", "| --- " * len(heads) + "|"]
    for row in rows:
        cells = [row[key] for key in heads]
        text = [f"{c:.1f}" if isinstance(c, float) else str(c) for c in cells]
        lines.append("| " + " | ".join(text) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=3, metavar=("PRESET", "K", "STEPS"))
    options = parser.parse_args()
    if options.one:
        preset, k, steps = options.one
        print(json.dumps(measure(preset, int(k), int(steps))))
        return
    rows = [run("default", 6, 600), run("default", 24, 200), run("paper", 6, 30)]
    print(f"{date.today()}, {platform.machine()}, 2 cores, no GPU; scene of {SIZE}\n")
    print(table(rows))


if __name__ == "__main__":
    main()
