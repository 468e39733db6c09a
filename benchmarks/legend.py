"""Many classes assigned to few names, beside as many classes as names.

    KTEXTURES_QUALITY=folder python benchmarks/legend.py [--sets ...] [--jobs n]

The folder holds a harness: `sets.py` with `SETS` (name -> iterator of cases with name,
image, reference and k). Each case is classified into as many classes as its reference
has, matched to them one to one, and into 24 classes that are assigned to those of the
reference by `ktextures.assign_by`: by the whole reference, which is the best that any
assignment can reach, and by 10 pixels of each reference class, which a person could
name. The table of adjusted Rand indices (ARI) and accuracies is printed.
"""

import argparse
import importlib
import os
import sys
from pathlib import Path

import numpy as np
import xarray as xr
from joblib import Parallel, delayed
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score

MANY = 24
NAMED = 10
SEED = 0


def harness():
    """Module `sets` of the quality harness."""
    folder = os.environ.get("KTEXTURES_QUALITY")
    if not folder or not Path(folder, "sets.py").is_file():
        raise SystemExit(
            f"KTEXTURES_QUALITY is {folder!r}; set it to the folder of the quality "
            "harness (sets.py)."
        )
    sys.path.insert(0, folder)
    return importlib.import_module("sets")


def matched(classes, reference, k):
    """Classes with the numbers of the reference classes that they overlap most."""
    table, known = np.zeros((k, k)), reference >= 0
    np.add.at(table, (classes[known] - 1, reference[known]), 1)
    rows, cols = linear_sum_assignment(-table)
    numbers = np.empty(k, int)
    numbers[rows] = cols
    return numbers[classes - 1]


def named_pixels(reference, k):
    """A reference (y, x) that knows some pixels of each class; 0 = unknown."""
    generator = np.random.default_rng(SEED)
    few = np.zeros(reference.shape, "uint8")
    for value in range(k):
        places = np.flatnonzero(reference == value)
        chosen = generator.permutation(places)[:NAMED]
        few.ravel()[chosen] = value + 1
    return few


def by_reference(classes, codes):
    """Class of the reference, from 0, for each pixel; -1 = not assigned."""
    import ktextures as kt

    like = xr.DataArray(codes, dims=classes.dims, coords=classes.coords)
    found = kt.assign_by(classes, like)
    numbers = np.full(MANY + 1, -1)
    for name, values in found.assignment.items():
        numbers[list(values)] = int(name.removeprefix("code ")) - 1
    return numbers[classes.values]


def measure(case):
    """ARI and accuracy of each way, by its name."""
    import ktextures as kt

    def classified(k):
        model = kt.train(case.image, k, seed=SEED, progress=False)
        return kt.segment(case.image, model).classes

    reference, known = case.reference, case.reference >= 0
    alone, many = classified(case.k), classified(MANY)
    full = (reference + 1).astype("uint8")
    ways = {
        "k of the reference": matched(alone.values, reference, case.k),
        f"k = {MANY}, by {NAMED} pixels a class": by_reference(
            many, named_pixels(reference, case.k)
        ),
        f"k = {MANY}, by the reference": by_reference(many, full),
    }
    return {
        name: (
            adjusted_rand_score(reference[known], found[known]),
            float((reference[known] == found[known]).mean()),
        )
        for name, found in ways.items()
    }


def main():
    """Measure all cases, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    sets = ["chesapeake", "gid", "zion"]
    parser.add_argument("--sets", nargs="+", default=sets, choices=sets)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    xr.set_options(keep_attrs=True)
    known = harness().SETS
    print("| set | way | ARI | accuracy |\n|---|---|---|---|")
    for name in options.sets:
        jobs = Parallel(options.jobs)
        rows = jobs(delayed(measure)(case) for case in known[name]())
        for way in rows[0]:
            ari, accuracy = np.mean([row[way] for row in rows], 0)
            print(f"| {name} | {way} | {ari:.3f} | {accuracy:.3f} |", flush=True)


if __name__ == "__main__":
    main()
