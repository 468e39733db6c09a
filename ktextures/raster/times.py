"""Sources with several dates: one date as a scene, or the bands of all of them."""

import datetime
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ktextures.errors import InputError

__all__ = ["Steps", "Time", "chosen_steps", "dated_names", "steps_of"]

Time = str | int | np.datetime64 | datetime.date
"""A date, or a longer or shorter span, that one step is in; an index; or "all"."""

_TIME_NAMES = frozenset(
    ("date", "datetime", "day", "month", "season", "t", "time", "valid_time", "year")
)
# Ever longer parts of a date, until all dates are different.
_FORMATS = tuple(
    "%Y-%m %Y-%m-%d %Y-%m-%dT%H:%M %Y-%m-%dT%H:%M:%S %Y-%m-%dT%H:%M:%S.%f".split()
)
_ISO = re.compile(
    r"\d{4}(-\d\d(-\d\d(T\d\d(:\d\d(:\d\d(\.\d{1,9})?)?)?)?)?)?", re.ASCII
)
_LISTED = 12


@dataclass(frozen=True)
class Steps:
    """The steps along a dim of time.

    Attributes
    ----------
    dim : hashable
        Its name.
    labels : list of str
        What the user calls each step; empty text if it has no label.
    dates : DatetimeIndex or None
        None if the labels are not dates.
    """

    dim: Hashable
    labels: list[str]
    dates: pd.DatetimeIndex | None

    def __len__(self) -> int:
        """Number of steps."""
        return len(self.labels)

    def listing(self, places: Sequence[int]) -> str:
        """Steps as text for a message."""
        text = [self.labels[place] or f"index {place}" for place in places[:_LISTED]]
        more = len(places) - len(text)
        return ", ".join(text) + (f", and {more} more" if more else "")


def steps_of(
    source: xr.DataArray | xr.Dataset, dims: Sequence[Hashable]
) -> Steps | None:
    """Find the dim of time among those that are not rows and columns.

    Parameters
    ----------
    source : DataArray or Dataset
        Of any number of dims.
    dims : sequence of hashable
        Those that may be it.

    Returns
    -------
    Steps or None
        From the dim whose coordinate holds dates, or else from one with a name such as
        "time"; None if there is neither.
    """
    decoded = {dim: _labels(source, dim) for dim in dims}
    dated = [dim for dim, values in decoded.items() if _is_date(values)]
    named = [dim for dim in dims if str(dim).lower() in _TIME_NAMES]
    found = sorted({*dated, *named}, key=lambda dim: (dim not in dated, str(dim)))
    # What is longer than one step needs a choice.
    found.sort(key=lambda dim: source.sizes[dim] == 1)
    if not found:
        return None
    dim = found[0]
    values = decoded[dim]
    if values is None:
        return Steps(dim, [""] * source.sizes[dim], None)
    if values.dtype.kind != "M":
        return Steps(dim, [str(value) for value in values.tolist()], None)
    dates = pd.DatetimeIndex(values)
    return Steps(dim, _shortest(dates, _FORMATS[1:]), dates)


def chosen_steps(steps: Steps | None, time: Time | None) -> list[int]:
    """Find the steps to use.

    Parameters
    ----------
    steps : Steps or None
        Those of the source; None if it has no dim of time.
    time : str, int, datetime64, date, or None
        As `ktextures.open_scene` takes it.

    Returns
    -------
    list of int
        Places along the dim, from 0: one, or all of them for "all"; none without a dim.

    Raises
    ------
    InputError
        If there are several and none is chosen, or no single one is meant.
    """
    if steps is None and time is None:
        return []
    if steps is None:
        raise InputError(
            f"time is {str(time)!r}, but the source has no dim of time; leave it out, "
            "or name the dim with array.rename({'...': 'time'})"
        )
    everything = list(range(len(steps)))
    if time is None:
        if len(steps) == 1:
            return everything
        example = steps.labels[0] or 0
        raise InputError(
            f"the source has {len(steps)} steps along {steps.dim!r} "
            f"({steps.listing(everything)}); choose one with open_scene(source, "
            f"time={example!r}), or read the bands of all of them with time='all'"
        )
    if isinstance(time, str) and time == "all":
        return everything
    if isinstance(time, int | np.integer) and not isinstance(time, bool):
        if not -len(steps) <= time < len(steps):
            raise InputError(
                f"there is no step {time} among {len(steps)} along {steps.dim!r}; "
                f"give an index from 0 to {len(steps) - 1}"
            )
        return [range(len(steps))[int(time)]]
    found = _matching(steps, time)
    if len(found) == 1:
        return found
    if found:
        places = f"{found[0]} to {found[-1]}" if len(found) > 2 else f"{found}"
        raise InputError(
            f"{len(found)} steps are in time={str(time)!r} ({steps.listing(found)}); "
            f"give more of the date, or an index ({places})"
        )
    raise InputError(
        f"no step along {steps.dim!r} is in time={str(time)!r}; choose from "
        f"{steps.listing(everything)}, or give an index from 0 to {len(steps) - 1}"
    )


def dated_names(steps: Steps, names: Sequence[str | None]) -> list[list[str]]:
    """Name the bands of all steps, such as "B04_2024-06".

    Parameters
    ----------
    steps : Steps
        Those of the source.
    names : sequence of str or None
        Bands of each step; None if a band has no name.

    Returns
    -------
    list of list of str
        Names of each step, all different if `names` are.
    """
    if steps.dates is not None:
        ends = _shortest(steps.dates, _FORMATS)
    else:
        ends = [label or f"{steps.dim}_{n}" for n, label in enumerate(steps.labels)]
    if len(set(ends)) < len(ends):
        ends = [f"{end}_{number}" for number, end in enumerate(ends)]
    return [[f"{name}_{end}" if name else end for name in names] for end in ends]


def _labels(source: xr.DataArray | xr.Dataset, dim: Hashable) -> Any:
    """Values of the coordinate along a dim, with decoded dates; None if it has none."""
    if dim not in source.coords:
        return None
    coordinate = source.coords[dim].reset_coords(drop=True)
    if " since " in str(coordinate.attrs.get("units", "")):
        coordinate = _decoded(coordinate, dim)
    values = coordinate.values
    if values.size and hasattr(values[0], "calendar"):  # objects of cftime
        texts = [each.isoformat() for each in values.tolist()]
        try:
            return np.array(texts, "datetime64[us]")
        except ValueError:
            return np.array(texts)  # February 30 of a model
    return values


def _decoded(coordinate: xr.DataArray, dim: Hashable) -> xr.DataArray:
    try:
        return xr.decode_cf(coordinate.to_dataset(name="_"))[dim]
    except ValueError:
        return coordinate  # of a calendar that xarray cannot read without cftime


def _is_date(values: Any) -> bool:
    return values is not None and values.dtype.kind == "M"


def _shortest(dates: pd.DatetimeIndex, formats: Sequence[str]) -> list[str]:
    """Dates as text, as short as they remain different."""
    for form in formats:
        found = [str(text) for text in dates.strftime(form)]
        if len(set(found)) == len(found):
            break
    return found


def _matching(steps: Steps, time: Any) -> list[int]:
    """Steps that are within a date, a month, an hour, ..."""
    if not isinstance(time, str | np.datetime64 | datetime.date):
        raise InputError(
            f"time is {time!r}; give a date such as '2024-06-03', an index, or 'all'"
        )
    text = _text(time)
    if steps.dates is None:
        labels = [label.replace(" ", "T") for label in steps.labels]
        exact = [place for place, label in enumerate(labels) if label == text]
        return exact or [n for n, label in enumerate(labels) if _within(label, text)]
    if not _ISO.fullmatch(text):
        raise InputError(
            f"time={str(time)!r} is not a date such as '2024-06-03'; choose from "
            f"{steps.listing(range(len(steps)))}, or give an index or 'all'"
        )
    span = pd.Period(text)
    inside = (steps.dates >= span.start_time) & (steps.dates <= span.end_time)
    if not isinstance(time, str):
        # A time stamp at midnight means the day, unless there is a step at midnight.
        exact = steps.dates == span.start_time
        inside = exact if exact.any() else inside
    return [int(place) for place in np.flatnonzero(inside)]


def _within(label: str, text: str) -> bool:
    """Whether a date begins so: "2024-06-03T10:20:00" does with "2024-06", not "20"."""
    return bool(text) and label.startswith(text) and label[len(text)] in "-T:."


def _text(time: Any) -> str:
    """A date as ISO text in UTC, no more precise than it was meant."""
    if isinstance(time, str):
        time = time.strip().replace(" ", "T")
        if _ISO.fullmatch(time):
            return str(time)
        try:
            time = datetime.datetime.fromisoformat(time)
        except ValueError:
            return str(time)  # the label of a step that is not a date
    if isinstance(time, datetime.datetime) and not pd.isna(time):
        if time.tzinfo is not None:
            time = time.astimezone(datetime.UTC).replace(tzinfo=None)
    text = str(time).replace(" ", "T")
    return re.sub(r"T00:00:00$", "", re.sub(r"\.0+$", "", text))
