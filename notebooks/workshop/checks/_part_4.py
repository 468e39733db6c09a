"""Exercises of part 4: accuracy and area."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ._answers import is_close, is_share, listed, names_on
from ._exercises import Wrong, exercise


@exercise(
    "4.1",
    'Look at the row "burned" of `found.matrix`: the points that the map calls burned. '
    "How many of them are burned?",
    "Divide the number in row burned, column burned by the sum of the row: "
    '`found.matrix.loc["burned", "burned"] / found.matrix.loc["burned"].sum()`.',
)
def _users(users_accuracy: Any, /, *, points: Any, ground: Any) -> str:
    """Test the user's accuracy of burned forest by counting points."""
    mapped, real, burned = _labels(points, ground)
    both = ((mapped == burned) & (real == burned)).sum()
    true = both / (mapped == burned).sum()
    near = {
        "This is the number of points that are right: divide it.": both,
        "You divided by the sum of the column. That leads to producer's accuracy, the "
        "share of what is burned that the map has found.": both
        / (real == burned).sum(),
        "This is the share of the points of all classes that are right.": (
            mapped == real
        ).mean(),
    }
    is_share(users_accuracy, "users_accuracy", true, near)
    return (
        f"Of the area that the map calls burned, about {true:.0%} is burned. That says "
        "nothing about burned forest that the map has missed."
    )


@exercise(
    "4.2",
    "Multiply the mapped area of each class by the share of its points that are "
    'burned, and add up. The shares are the column "burned" of `found.matrix`, divided '
    "by the sums of the rows.",
    '`shares = found.matrix["burned"] / found.matrix.sum(axis=1)`, then '
    "`burned_ha = float((shares.values * mapped_ha.values).sum())`.",
)
def _burned(burned_ha: Any, /, *, points: Any, class_map: Any, ground: Any) -> str:
    """Test the estimated area of burned forest by the stratified estimator."""
    mapped, real, burned = _labels(points, ground)
    areas, estimates, _ = _estimated(points, class_map, ground)
    true, counted = estimates[burned - 1], areas[burned - 1]
    kept = ((mapped == burned) & (real == burned)).sum() / (mapped == burned).sum()
    near = {
        "This is the mapped area, which is what we want to correct.": counted,
        "This takes all points alike. But burned areas got more points than their "
        "share, so each class of the map must count by its own area.": (
            real == burned
        ).mean()
        * areas.sum(),
        "This leaves out the burned points that the map calls something else.": kept
        * counted,
        "This is a share of the area: multiply it by the area in hectares.": true
        / areas.sum(),
    }
    is_close(burned_ha, "burned_ha", true, near, within=0.005 * true)
    return (
        f"{true:.1f} ha instead of the {counted:.1f} ha on the map: burned forest that "
        "the map calls forest is counted too."
    )


@exercise(
    "4.3",
    "The interval reaches from `estimated_ha - interval_ha` to `estimated_ha + "
    "interval_ha`. Is `mapped_ha` in it?",
    "`areas = found.areas`, then `too_far = areas[abs(areas.mapped_ha - "
    "areas.estimated_ha) > areas.interval_ha].name.tolist()`.",
)
def _too_far(too_far: Any, /, *, points: Any, class_map: Any, ground: Any) -> str:
    """Test which mapped areas are outside the interval of the estimate."""
    names = names_on(ground)
    areas, estimates, intervals = _estimated(points, class_map, ground)
    alone = isinstance(too_far, str) or not isinstance(too_far, Iterable)
    given = [too_far] if alone else list(too_far)
    known = {*names, *range(1, len(names) + 1)}
    if any(isinstance(v, bool | np.bool_) or v not in known for v in given):
        raise Wrong("`too_far` holds something else: list names of classes.")
    found = {v if v in names else names[int(v) - 1] for v in given}
    excess = np.abs(areas - estimates) / intervals
    true = {n for n, e in zip(names, excess, strict=True) if e > 1}
    # Whoever rounds may see a mapped area on the other side of the end of its interval.
    close = {n for n, e in zip(names, excess, strict=True) if abs(e - 1) < 0.02}
    if found - close == true - close:
        return (
            f"The mapped areas of {listed(sorted(true))} cannot be explained by "
            "chance: the map is biased, and no number of pixels mends that."
        )
    missing, extra = true - found - close, found - true - close
    if missing:
        raise Wrong(
            f"The interval of {listed(sorted(missing))} does not reach its area."
        )
    raise Wrong(f"The mapped area of {listed(sorted(extra))} is within its interval.")


@exercise(
    "4.4",
    "The width of an interval falls with the square root of the number of points.",
    "Half the width takes four times as many points: `4 * len(points)`.",
)
def _more_points(points_needed: Any, /, *, points: Any) -> str:
    """Test how many points halve the intervals."""
    now = len(points)
    near = {
        "Twice as many points make intervals narrower by 30 % only.": 2 * now,
        "Count all points that are needed, not only the additional ones.": 3 * now,
        f"There are {now} points already; how many are needed in all?": now,
        "The width falls with the square root of the number: try a larger one.": now
        * 2**0.5,
    }
    is_close(points_needed, "points_needed", 4 * now, near, within=0.1 * now)
    return (
        f"About {4 * now:,}. So decide how sure you need to be before you draw points, "
        "and draw more of them for the classes that matter."
    )


def _labels(points: Any, ground: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any], int]:
    """Mapped and real class of each point, and the number of burned forest."""
    mapped = np.asarray(points["class"], dtype=np.int64)
    real = np.asarray(points["reference"], dtype=np.int64)
    return mapped, real, names_on(ground).index("burned") + 1


def _estimated(
    points: Any, class_map: Any, ground: Any
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mapped and estimated area of each class with its 95 % interval, in hectares.

    Of a sample in which each class of the map is a stratum (Cochran 1977, 5.8).
    """
    k = len(names_on(ground))
    mapped, real, _ = _labels(points, ground)
    pixels = np.bincount(np.asarray(class_map).ravel(), minlength=k + 1)[1:]
    side = abs(float(class_map.x[1] - class_map.x[0]))
    hectares = pixels * side**2 / 10_000
    counts = np.zeros((k, k))
    np.add.at(counts, (mapped - 1, real - 1), 1)
    drawn = counts.sum(1, keepdims=True)
    shares = counts / drawn
    weights = (pixels / pixels.sum())[:, None]
    variances = (weights**2 * shares * (1 - shares) / (drawn - 1)).sum(0)
    estimates = (weights * shares).sum(0)
    return (
        hectares,
        estimates * hectares.sum(),
        1.96 * np.sqrt(variances) * hectares.sum(),
    )
