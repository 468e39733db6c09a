"""Exercises of part 2: choose k."""

from typing import Any

import numpy as np

from ._answers import listed, names_of, one_number, whole_numbers
from ._exercises import Wrong, exercise


@exercise(
    "2.1",
    "`sweep.prediction_strength` has one value for each k in `sweep.k`. The threshold "
    "is 0.85.",
    "`sweep.k.values[sweep.prediction_strength.values >= 0.85]`; `sweep.reproducible` "
    "holds the same as True and False.",
)
def _found_again(found_again: Any, /, *, sweep: Any) -> str:
    """Test which k have a prediction strength of 0.85 or more."""
    ks = np.asarray(sweep.k)
    passes = np.asarray(sweep.prediction_strength) >= 0.85
    true = set(ks[passes].tolist())
    found = whole_numbers(found_again, "found_again")
    if set(found) == true:
        return (
            f"{listed(sorted(true)) or 'No k'} passed. What passes is found again in "
            "other pixels; which of them is best depends on what the map is for."
        )
    if set(found) == set(np.flatnonzero(passes).tolist()):
        raise Wrong("These are places in the list of k, counted from 0: give the k.")
    if set(found) - set(ks.tolist()):
        raise Wrong(
            f"{listed(sorted(set(found) - set(ks.tolist())))} was not tried: the "
            f"sweep has k = {listed(ks.tolist())}."
        )
    if set(found) < true:
        raise Wrong("More k have a prediction strength of 0.85 or more.")
    raise Wrong(
        f"k = {listed(sorted(set(found) - true))} has a prediction strength below 0.85."
    )


@exercise(
    "2.2",
    "In the table, the row is k = 4 and the column is class 4.",
    'The sweep keeps it: `sweep.parent.sel(k=4, **{"class": 4})`, which is the class '
    "of k = 3 that has most of the pixels.",
)
def _parent(parent: Any, /, *, sweep: Any) -> str:
    """Test which class of k = 3 most pixels of class 4 of k = 4 come from."""
    three, four = (np.asarray(sweep.classes.sel(k=k)) for k in (3, 4))
    shared = np.bincount(three[four == 4], minlength=4)[1:4]
    found, true = one_number(parent, "parent"), int(shared.argmax()) + 1
    if found == true:
        return (
            f"Class {true} of k = 3 holds {shared.max() / shared.sum():.0%} of the "
            "pixels of class 4. Classes are numbered anew for each k, from dark to "
            "bright; their colors follow the lineage."
        )
    if found not in (1, 2, 3):
        raise Wrong(f"`parent` is {found:g}, and k = 3 has the classes 1, 2, and 3.")
    raise Wrong(
        f"Only {shared[int(found) - 1] / shared.sum():.0%} of the pixels of class 4 "
        f"are in class {found:g} of k = 3."
    )


@exercise(
    "2.3",
    "`kt.split(scene, model, largest, into=2)` gives a new model, and `kt.merge(finer, "
    '[1, 2], name="dark")` another one. Neither changes the model that it is given.',
    "`finer = kt.split(scene, model, largest, into=2)`, then `merged = kt.merge(finer, "
    '[1, 2], name="dark")`: split `model`, but merge `finer`.',
)
def _split_and_merge(finer: Any, merged: Any, /, *, model: Any, largest: Any) -> str:
    """Test models made by splitting the largest class and by merging 1 and 2."""
    before = names_of(model, "model")
    names = names_of(finer, "finer")
    part = f"{before[int(largest) - 1]}, part 2"
    if len(names) != len(before) + 1:
        raise Wrong(
            f"`finer` has {len(names)} classes: one class of `model`, which has "
            f"{len(before)}, divided in two gives {len(before) + 1}."
        )
    if names[-1] != part:
        raise Wrong(
            f"The new class of `finer` is called {names[-1]!r}: split class {largest}, "
            "the largest."
        )
    found = names_of(merged, "merged")
    if found == names:
        raise Wrong("`merged` has the classes of `finer`: merge two of them.")
    if "dark" not in found:
        raise Wrong('`merged` has no class named "dark": pass name="dark".')
    if len(found) == len(before) - 1:
        raise Wrong("`merged` was made of `model`: merge the classes of `finer`.")
    if found != ("dark", *names[2:]):
        raise Wrong(
            f"`merged` has the classes {listed(found)}: merge the two darkest, 1 and 2."
        )
    return (
        f"`finer` has {len(names)} classes and `merged` {len(found)}, and `model` "
        f"still has {len(before)}: each step gives a new model, so that you can go "
        "back."
    )
