"""Exercises of part 5: training samples."""

from typing import Any

import numpy as np

from ._answers import is_close, is_share
from ._exercises import Wrong, exercise


@exercise(
    "5.1",
    "How many chips of 24 x 24 pixels does a row of 300 pixels need, if the last one "
    "may overlap? How many rows are there? `len(samples.manifest)` chips were kept.",
    "The grid has 13 rows of 13 chips: `left_out = 13 * 13 - len(samples.manifest)`.",
)
def _left_out(left_out: Any, /, *, scene: Any, samples: Any) -> str:
    """Test the number of chips of the grid that are in no split."""
    size, kept = int(samples.description["size"]), len(samples.manifest)
    rows, columns = (-(-side // size) for side in scene.shape[1:])
    true = rows * columns - kept
    near = {
        "Count the grid again: the last row and column end at the edge of the scene, "
        "and belong to it.": (rows - 1) * (columns - 1) - kept,
        "This is the number of chips in the grid: subtract those that were kept.": rows
        * columns,
        "This is the number of chips that were kept.": kept,
        "Subtract the chips that were kept from all chips, and not vice versa.": -true,
    }
    is_close(left_out, "left_out", true, near, within=0)
    return (
        f"{true} of {rows * columns} chips lie too close to another split. They are "
        "the price of a test that is honest."
    )


@exercise(
    "5.2",
    "`forest.predict(test_values)` gives the class of each pixel of the test chips. "
    "Compare it with `test_labels`.",
    "`honest = float((forest.predict(test_values) == test_labels).mean())`",
)
def _honest(
    honest: Any,
    /,
    *,
    forest: Any,
    values: Any,
    labels: Any,
    test_values: Any,
    test_labels: Any,
) -> str:
    """Test the share of test pixels that a forest classifies as the class map does."""
    right = forest.predict(test_values) == test_labels
    true = float(np.mean(right))
    near = {
        "`honest` is a number of pixels: divide it by all test pixels.": np.sum(right),
        "This is the share of pixels that are wrong.": 1 - true,
        "These are the pixels that the forest was trained on: use the test.": np.mean(
            forest.predict(values) == labels
        ),
    }
    is_share(honest, "honest", true, near)
    return (
        "On ground that it has not seen, the forest agrees with the class map in "
        f"{true:.0%} of the pixels."
    )


@exercise(
    "5.3",
    "Make a new forest, as above, and fit it to `values[rest]` and `labels[rest]`. "
    "Then compare its classes of `values[held_back]` with `labels[held_back]`.",
    "`other = new_forest().fit(values[rest], labels[rest])`, then `optimistic = "
    "float((other.predict(values[held_back]) == labels[held_back]).mean())`.",
)
def _optimistic(
    other: Any,
    optimistic: Any,
    /,
    *,
    forest: Any,
    values: Any,
    labels: Any,
    held_back: Any,
    test_values: Any,
    test_labels: Any,
) -> str:
    """Test the share of right pixels in a random part of the training chips."""
    if not hasattr(other, "predict"):
        raise Wrong(f"`other` is a {type(other).__name__}: give a forest.")
    if other is forest:
        raise Wrong("`other` is `forest`, which has seen all of these pixels.")
    true = float(np.mean(other.predict(values[held_back]) == labels[held_back]))
    honest = float(np.mean(other.predict(test_values) == test_labels))
    near = {"These are the test chips: use the pixels held back.": honest}
    is_share(optimistic, "optimistic", true, near)
    return (
        f"{true:.0%}, where the test chips say {honest:.0%}. Each pixel held back lies "
        "between pixels that the forest has seen, so part of this number is memory."
    )
