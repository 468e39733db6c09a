"""Steering by hints: how much a few clicks help, beside what others do with them.

    KTEXTURES_QUALITY=folder python benchmarks/clicks.py [--sets ...] [--methods ...]
        [--clicks 10] [--places corrective suggested random]

The folder holds a harness: `sets.py` with `SETS` and `clicks.py` with `course`,
`next_click` and `matching`. Each method starts from the classes of a model trained
without hints, and then gets one click after the other:

- "ktextures": `session`; the model is trained further with all hints so far.
- "forest": a random forest on the descriptors of the segments clicked; until every
  class has a click, on those of the pixels that the model was surest of, too.
- "prototype": the nearest of the class means and of the segment mean of each click.

Places are "corrective", the middle of the largest area that is wrong, "suggested" by
`ktextures.suggest`, or "random". Rows go to clicks.json beside this file, and those
already there are not run again. The table is printed.
"""

import argparse
import importlib
import json
import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import adjusted_rand_score

import ktextures as kt

ROWS = Path(__file__).with_suffix(".json")
SHOWN = (0, 1, 2, 5, 10)
SEED = 0
MOSAICS = {"gid, others": 500, "gid, unseen": 900}
"""Seeds; the latter were drawn when everything was decided."""

SURE_PIXELS = 50
FOREST_PIXELS = 200


class Session:
    """A model without hints, and all hints so far."""

    def __init__(self, image, k):
        self.image, self.k, self.hints = image, k, []
        self.prepared = kt.prepare(image, seed=SEED, progress=False)
        self.start = kt.train(self.prepared, k, seed=SEED, progress=False)
        self.model = self.start

    def labels(self):
        """Classes (y, x), 1 to k."""
        return kt.segment(self.image, self.model).classes.values

    def hint(self, row, col, class_):
        """Train the first model further with one more hint."""
        self.hints.append((row, col, class_))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Hints contradict each other")
            self.model = kt.train(
                self.prepared,
                model=self.start,
                hints=self.hints,
                seed=SEED,
                progress=False,
            )

    def suggestions(self):
        """Rows and columns of places where a hint would help most."""
        return [(each.row, each.col) for each in kt.suggest(self.image, self.model, 5)]


def session(image, k):
    """What the harness steers."""
    return Session(image, k)


class OnDescriptors(Session):
    """Labels by descriptors of the pixels, without a network."""

    def __init__(self, image, k):
        super().__init__(image, k)
        basis = self.prepared.basis
        if len(basis.tiles) > 1:
            raise SystemExit("These methods need scenes of one tile.")
        self.segments = basis.neighborhoods(0)
        self.descriptors = basis.descriptors[0]
        self.found = super().labels()

    def labels(self):
        """Classes (y, x), 1 to k."""
        return self.found

    def hint(self, row, col, class_):
        """Classify anew."""
        self.hints.append((self.segments == self.segments[row, col], class_))
        flat = self.descriptors.reshape(-1, self.descriptors.shape[-1])
        self.found = self.classified(flat).reshape(self.found.shape)


class Forest(OnDescriptors):
    """A random forest on the segments clicked."""

    def __init__(self, image, k):
        super().__init__(image, k)
        result = kt.segment(image, self.start, outputs=("classes", "confidence"))
        sure = result.confidence.values
        self.surest = {
            value: np.argsort(-np.where(self.found == value, sure, -1), axis=None)[
                :SURE_PIXELS
            ]
            for value in range(1, k + 1)
        }

    def classified(self, flat):
        """Classes of descriptors (pixel, dimension)."""
        generator = np.random.default_rng(SEED)
        parts = []
        for mine, class_ in self.hints:
            places = np.flatnonzero(mine)
            parts.append((generator.permutation(places)[:FOREST_PIXELS], class_))
        hinted = {class_ for _, class_ in parts}
        if len(hinted) < self.k:
            parts += [(self.surest[v], v) for v in self.surest if v not in hinted]
        places = np.concatenate([each for each, _ in parts])
        classes = np.concatenate([np.full(len(each), v) for each, v in parts])
        forest = RandomForestClassifier(200, random_state=SEED, n_jobs=1)
        return forest.fit(flat[places], classes).predict(flat)


class Prototype(OnDescriptors):
    """The nearest class mean or click."""

    def classified(self, flat):
        """Classes of descriptors (pixel, dimension)."""
        start = kt.segment(self.image, self.start).classes.values
        pairs = [(start == v, v) for v in range(1, self.k + 1)] + self.hints
        centers = np.array([self.descriptors[mine].mean(0) for mine, _ in pairs])
        distance = (centers**2).sum(1) - 2 * flat @ centers.T
        return np.array([value for _, value in pairs])[distance.argmin(1)]


METHODS = {"ktextures": Session, "forest": Forest, "prototype": Prototype}


def harness():
    """Modules `clicks` and `sets` of the quality harness."""
    folder = os.environ.get("KTEXTURES_QUALITY")
    if not folder or not Path(folder, "clicks.py").is_file():
        raise SystemExit(
            f"KTEXTURES_QUALITY is {folder!r}; set it to the folder of the quality "
            "harness (sets.py, clicks.py)."
        )
    sys.path.append(folder)
    spec = importlib.util.spec_from_file_location(
        "harness_clicks", Path(folder, "clicks.py")
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, importlib.import_module("sets")


def answered_course(module, case, method, places, clicks):
    """ARI after 0, 1, ... hints where a reference answers; seconds each took."""
    found, known = method(case.image, case.k), case.reference >= 0
    generator = np.random.default_rng(SEED)
    labels = found.labels()
    match = module.matching(case.reference, labels, case.k)
    wanted = np.where(known, match[np.maximum(case.reference, 0)], 0)
    scores = [adjusted_rand_score(case.reference[known], labels[known])]
    seconds = []
    for _ in range(clicks):
        begun = time.perf_counter()
        if places == "suggested":
            good = [each for each in found.suggestions() if wanted[each]]
            row, col = good[0]
        else:
            row, col = (int(generator.integers(size)) for size in wanted.shape)
        if wanted[row, col]:
            found.hint(row, col, int(wanted[row, col]))
        labels = found.labels()
        seconds.append(time.perf_counter() - begun)
        scores.append(adjusted_rand_score(case.reference[known], labels[known]))
    return scores, seconds


def cases_of(sets, name):
    """Cases of a set; those of "gid, ..." are other mosaics of the same textures."""
    if name in MOSAICS:
        return sets.gid_mosaics(seed=MOSAICS[name])
    return sets.SETS[name]()


def run(options):
    """Rows that are missing, and all there are."""
    module, sets = harness()
    rows = json.loads(ROWS.read_text()) if ROWS.exists() else []
    done = {(row["set"], row["case"], row["method"], row["places"]) for row in rows}
    for name in options.sets:
        for case in cases_of(sets, name):
            for method in options.methods:
                for places in options.places:
                    key = (name, case.name, method, places)
                    if key in done or (
                        places != "corrective" and method != "ktextures"
                    ):
                        continue
                    factory = METHODS[method]
                    if places == "corrective":
                        course = module.course(case, factory, options.clicks)
                        scores, seconds = course[0], course[1][1:]
                    else:
                        scores, seconds = answered_course(
                            module, case, factory, places, options.clicks
                        )
                    fields = ("set", "case", "method", "places")
                    rows.append(
                        dict(zip(fields, key, strict=True))
                        | {"ari": scores, "seconds": seconds}
                    )
                    ROWS.write_text(json.dumps(rows, indent=0))
                    shown = " ".join(f"{score:.2f}" for score in scores)
                    print(*key, shown, f"{np.median(seconds):.1f} s", flush=True)
    return rows


def table(rows):
    """Means by set, method and places."""
    heads = [f"{count} clicks" for count in SHOWN]
    print("\n| set | method | places |", " | ".join(heads), "| s a click |")
    print("|---" * (4 + len(heads)) + "|")
    for key in dict.fromkeys((r["set"], r["method"], r["places"]) for r in rows):
        mine = [r for r in rows if (r["set"], r["method"], r["places"]) == key]
        means = np.mean([row["ari"] for row in mine], 0)
        scores = [f"{means[count]:.3f}" for count in SHOWN if count < len(means)]
        seconds = np.median([each for row in mine for each in row["seconds"]])
        print("|", " | ".join((*key, *scores)), f"| {seconds:.1f} |")


def main():
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    sets = ["chesapeake", "gid", "zion", *MOSAICS]
    parser.add_argument("--sets", nargs="+", default=sets, choices=sets)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--places", nargs="+", default=["corrective"])
    parser.add_argument("--clicks", type=int, default=10)
    table(run(parser.parse_args()))


if __name__ == "__main__":
    main()
