"""Evidence about a map, as tables of accuracy and areas."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ktextures.accuracy.assessment import Assessment
from ktextures.accuracy.estimator import Estimate, adjusted_rand, estimate
from ktextures.accuracy.evidence import Evidence
from ktextures.accuracy.texts import percent
from ktextures.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["summarized"]

FloatArray = npt.NDArray[np.float64]

_LISTED = 10
"""Labels or classes that a note or message lists."""


def summarized(found: Evidence, intervals: bool) -> Assessment:
    """Tables of what the evidence says, without categories that occur nowhere.

    Parameters
    ----------
    found : Evidence
    intervals : bool
        Whether they were asked for.

    Returns
    -------
    Assessment

    Raises
    ------
    InputError
        If no label is a class of the map.
    """
    mapped, labeled = found.mapped > 0, found.counts.sum(axis=0) > 0
    kept = np.flatnonzero(mapped | labeled)
    _check_any_known(found, labeled)
    estimates = estimate(found.strata)
    total = float(found.mapped[found.covered].sum())
    names = _unique_names(found)
    rows = np.flatnonzero(mapped)
    index = [names[at] for at in rows], [names[at] for at in kept]
    units = "points" if found.kind == "points" else "pixels"
    return Assessment(
        kind=found.kind,
        compared=int(found.counts.sum()),
        overall=float(estimates.overall.value),
        overall_interval=float(estimates.overall.interval),
        ari=adjusted_rand(found.counts),
        matrix=_matrix(found.counts[np.ix_(rows, kept)], *index),
        proportions=_matrix(estimates.proportions[np.ix_(rows, kept)], *index),
        classes=_class_table(
            found,
            kept,
            {
                f"mapped_{units}": found.counts.sum(axis=1)[kept],
                f"reference_{units}": found.counts.sum(axis=0)[kept],
                **_columns("users_accuracy", estimates.users, kept),
                **_columns("producers_accuracy", estimates.producers, kept),
                **_columns("f1", estimates.f1, kept),
                **_columns("iou", estimates.iou, kept),
            },
        ),
        areas=_area_table(found, kept, estimates.areas, total),
        design=found.design,
        skipped=found.skipped,
        notes=tuple(_notes(found, intervals)),
    )


def _check_any_known(found: Evidence, labeled: npt.NDArray[np.bool_]) -> None:
    """Raise InputError if map and reference seem to speak of different things."""
    pairs = list(zip(found.categories, labeled, strict=True))
    if any(category.mapped and there for category, there in pairs):
        return
    labels = [repr(category.name) for category, there in pairs if there]
    names = [repr(category.name) for category, _ in pairs if category.mapped]
    raise InputError(
        f"no label of the reference is a class of the map: it holds {_listed(labels)}, "
        f"and the map {_listed(names)}; rename the classes (table=...), assign them to "
        "a legend and pass values='legend', or say with legend=... what the numbers in "
        "the reference mean"
    )


def _listed(names: list[str]) -> str:
    more = ", ..." if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _unique_names(found: Evidence) -> list[str]:
    """Names of the categories, with their numbers where names occur twice."""
    names = [category.name for category in found.categories]
    return [
        name if names.count(name) == 1 else f"{category.value} {name}"
        for name, category in zip(names, found.categories, strict=True)
    ]


def _matrix(
    values: npt.NDArray[Any], rows: list[str], columns: list[str]
) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(
        values,
        pd.Index(rows, name="map"),
        pd.Index(columns, name="reference"),
    )


def _columns(
    name: str, found: Estimate, kept: npt.NDArray[np.int64]
) -> dict[str, FloatArray]:
    return {name: found.value[kept], f"{name}_interval": found.interval[kept]}


def _class_table(
    found: Evidence, kept: npt.NDArray[np.int64], columns: dict[str, npt.NDArray[Any]]
) -> "pd.DataFrame":
    import pandas as pd

    chosen = [found.categories[at] for at in kept.tolist()]
    return pd.DataFrame(
        {
            "class": pd.array([each.value for each in chosen], dtype="Int64"),
            "name": [each.name for each in chosen],
            "color": [each.color for each in chosen],
            **columns,
        }
    )


def _area_table(
    found: Evidence, kept: npt.NDArray[np.int64], areas: Estimate, total: float
) -> "pd.DataFrame":
    """Areas; of a class that nobody looked at or met elsewhere, unknown, not zero."""
    hectare = 1.0 if found.known_areas else np.nan
    known = found.covered[kept] | (areas.value[kept] > 0)
    looked_at = np.where(known, 1.0, np.nan)
    value, interval = looked_at * areas.value[kept], looked_at * areas.interval[kept]
    return _class_table(
        found,
        kept,
        {
            "mapped_ha": hectare * found.mapped[kept],
            "estimated_ha": hectare * total * value,
            "interval_ha": hectare * total * interval,
            "mapped_share": looked_at * found.mapped[kept] / total,
            "estimated_share": value,
            "share_interval": interval,
        },
    )


def _notes(found: Evidence, intervals: bool) -> list[str]:
    """What readers should know about the numbers."""
    notes = []
    if found.kind == "raster":
        notes.append(
            "No intervals: a raster that covers every pixel has no sampling error."
        )
        if found.coverage < 1:
            notes.append(
                f"Everything, areas too, is about the {percent(found.coverage)} of the "
                "map where the reference is known."
            )
    elif found.kind == "polygons":
        notes.append(
            "No intervals: polygons are not a random sample, and their sampling error "
            "is unknown. They contain "
            f"{percent(found.coverage)} of the map; shares of the classes are those of "
            "the whole map."
        )
    elif not intervals:
        notes.append("No intervals, as asked for (intervals=False).")
    absent = [repr(found.categories[at].name) for at in np.flatnonzero(~found.covered)]
    if absent:
        share = found.mapped[~found.covered].sum() / found.mapped.sum()
        notes.append(
            f"Without labels, and left out of all estimates: {_listed(absent)} "
            f"({percent(share)} of the map)."
        )
    labeled = found.counts.sum(axis=0)
    extra = [
        f"{found.categories[at].name!r} ({labeled[at]:,})"
        for at in np.flatnonzero((found.mapped == 0) & (labeled > 0))
    ]
    if extra:
        unit = "points" if found.kind == "points" else "pixels"
        notes.append(f"In the reference only ({unit}): {_listed(extra)}.")
    if found.skipped:
        what = "Pixels" if found.kind == "raster" else found.kind.capitalize()
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in found.skipped.items())
        notes.append(f"{what} left out: {reasons}.")
    return notes
