"""Quality on labeled scenes: preset "default" beside "paper" and three k-means.

    KTEXTURES_QUALITY=folder python benchmarks/quality.py [--methods ...] [--sets ...]
        [--seeds n] [--jobs n]

The folder holds a harness: `sets.py` with `SETS` (name -> iterator of cases with name,
image, reference and k) and `run.py` with `score(reference, labels)` and `BASELINES`.
Set "outex, three bands" repeats the gray band of "outex" as red, green, and blue. With
`--jobs 2`, two scenes are processed at a time, by one thread each.

Rows go to quality.json beside this file, and those already there are not run again:
delete the file after a change of the algorithm. The table is printed.
"""

import argparse
import importlib
import itertools
import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import xarray as xr
from joblib import Parallel, delayed
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

ROWS = Path(__file__).with_suffix(".json")
LABELS = Path(__file__).with_name(".labels")
PAPER_STEPS = 1_000
MEASURES = {"ari": "ARI", "miou": "mIoU", "accuracy": "accuracy", "seconds": "seconds"}


def harness():
    """Modules `run` and `sets` of the quality harness."""
    folder = os.environ.get("KTEXTURES_QUALITY")
    if not folder or not Path(folder, "sets.py").is_file():
        raise SystemExit(
            f"KTEXTURES_QUALITY is {folder!r}; set it to the folder of the quality "
            "harness (sets.py, run.py)."
        )
    sys.path.insert(0, folder)
    return importlib.import_module("run"), importlib.import_module("sets")


def default(image, k, seed):
    """Preset "default", nothing set but k."""
    import ktextures as kt

    model = kt.train(image, k, seed=seed, progress=False)
    return kt.segment(image, model).classes.values


def paper(image, k, seed):
    """Preset "paper", shortened."""
    import ktextures as kt

    model = kt.train(
        image, k, preset="paper", steps=PAPER_STEPS, seed=seed, progress=False
    )
    return kt.segment(image, model).classes.values


def planned(image, k, seed):
    """What the default preset would train, and on what."""
    import ktextures as kt

    return kt.plan_training(image, k, seed=seed)


def own_features(image, k, seed):
    """k-means on the default's own descriptors, pooled and whitened alike."""
    plan = planned(image, k, seed)
    batches = plan.objective.batches
    rows = batches.descriptors[batches.inside]
    centers = KMeans(k, n_init=10, random_state=seed).fit(
        rows[:: max(len(rows) // 100_000, 1)]
    )
    labels = np.full(batches.inside.shape, -1)
    labels[batches.inside] = centers.predict(rows)
    return assembled(plan, labels, image.shape[1:])


def start(image, k, seed):
    """The labels that training starts from."""
    plan = planned(image, k, seed)
    return assembled(plan, plan.objective.labels, image.shape[1:]) + 1


def assembled(plan, labels, shape):
    """Labels of tiles (n, y, x) as one map, -1 where there is no tile."""
    found = np.full(shape, -1)
    for window, part in zip(plan.tiles.windows, labels, strict=True):
        found[window.slices] = part
    return found


def all_sets(sets):
    """Functions that return the cases of a set, by name."""

    def outex():
        return sets.outex(2)

    def three_bands():
        for case in outex():
            bands = xr.concat([case.image] * 3, "band")
            named = bands.assign_coords(band=["red", "green", "blue"])
            yield case._replace(image=named)

    return {**sets.SETS, "outex": outex, "outex, three bands": three_bands}


def in_threads(count):
    """Let TensorFlow use so many threads, if it has not begun."""
    import tensorflow as tf

    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(count)
        tf.config.threading.set_inter_op_parallelism_threads(1)


def methods(run):
    """Functions (image, k, seed) by name, with the number of seeds each is run for."""
    found = {
        name: (lambda image, k, seed, each=function: each(image, k), 1)
        for name, function in run.BASELINES.items()
    }
    return found | {
        "k-means, the default's features": (own_features, 1),
        "start of the default": (start, 1),
        f"paper, {PAPER_STEPS} steps": (paper, 1),
        "default": (default, 3),
    }


def label_file(key):
    """Where the labels of a row are kept, to compare seeds."""
    name = "-".join(str(part) for part in key).replace(" ", "_").replace(",", "")
    return LABELS / f"{name}.npy"


def measure(case, key, jobs):
    """One row; `key` is set, case, method, and seed."""
    run, _ = harness()
    if jobs > 1:
        in_threads(1)
    function, _ = methods(run)[key[2]]
    begun = time.perf_counter()
    labels = np.asarray(function(case.image, case.k, key[-1]))
    seconds = time.perf_counter() - begun
    LABELS.mkdir(exist_ok=True)
    np.save(label_file(key), labels.astype("int16"))
    scores = run.score(case.reference, labels)
    return dict(zip(("set", "case", "method", "seed"), key, strict=True)) | {
        "k": case.k,
        "seconds": round(seconds, 1),
        **{name: round(v, 4) for name, v in scores.items()},
    }


def run_all(options):
    """Rows of everything asked for, from the file where they are there."""
    run, sets = harness()
    rows = json.loads(ROWS.read_text()) if ROWS.exists() else []
    done = {(r["set"], r["case"], r["method"], r["seed"]) for r in rows}
    known, wanted = all_sets(sets), []
    for set_name, (name, (_, seeds)) in itertools.product(
        options.sets or known, methods(run).items()
    ):
        if options.methods and name not in options.methods:
            continue
        for case in known[set_name]():
            keys = [(set_name, case.name, name, seed) for seed in range(seeds)]
            for key in keys[: options.seeds]:
                if key not in done:
                    wanted.append((case, key))
    found = Parallel(options.jobs, return_as="generator")(
        delayed(measure)(case, key, options.jobs) for case, key in wanted
    )
    for row in found:
        rows.append(row)
        ROWS.write_text("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")
        print(*row.values(), flush=True)
    return rows


def agreement(rows):
    """Mean ARI between the labels of different seeds, by set, where they are kept."""
    found = {}
    for set_name, case in sorted({(r["set"], r["case"]) for r in rows}):
        files = [label_file((set_name, case, "default", seed)) for seed in range(3)]
        maps = [np.load(file).ravel() for file in files if file.exists()]
        pairs = [adjusted_rand_score(a, b) for a, b in itertools.combinations(maps, 2)]
        found.setdefault(set_name, []).extend(pairs)
    return {name: float(np.mean(pairs)) for name, pairs in found.items() if pairs}


def table(rows):
    """Markdown: means per set and method, then the ARI of each scene."""
    lines = ["| set | method | ARI | mIoU | accuracy | s per scene | ARI per scene |"]
    lines += ["| --- " * 7 + "|"]
    for set_name in dict.fromkeys(r["set"] for r in rows):
        for method in dict.fromkeys(r["method"] for r in rows):
            mine = [r for r in rows if (r["set"], r["method"]) == (set_name, method)]
            if not mine:
                continue
            cells = [f"{np.mean([r[m] for r in mine]):.3f}" for m in MEASURES]
            cells[-1] = f"{np.mean([r['seconds'] for r in mine]):.0f}"
            by_seed = [
                np.mean([r["ari"] for r in mine if r["seed"] == seed])
                for seed in sorted({r["seed"] for r in mine})
            ]
            if len(by_seed) > 1:
                cells[0] += f" ({min(by_seed):.3f} to {max(by_seed):.3f})"
            scenes = [
                f"{np.mean([r['ari'] for r in mine if r['case'] == case]):.2f}"
                for case in dict.fromkeys(r["case"] for r in mine)
            ]
            lines.append(
                "| " + " | ".join([set_name, method, *cells, " ".join(scenes)]) + " |"
            )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", nargs="+")
    parser.add_argument("--sets", nargs="+")
    parser.add_argument("--seeds", type=int, default=3, help="at most")
    parser.add_argument("--jobs", type=int, default=1, help="scenes at a time")
    rows = run_all(parser.parse_args())
    print(table(rows))
    for name, value in agreement(rows).items():
        print(f"\nARI between seeds of the default, {name}: {value:.3f}")


if __name__ == "__main__":
    main()
