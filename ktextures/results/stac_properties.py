"""Properties of STAC items: when the image was taken, and how its map was made."""

import datetime as dates
import json
from pathlib import Path
from typing import Any

import numpy as np

from ktextures._version import __version__
from ktextures.errors import InputError
from ktextures.files.archive import read_archive

__all__ = ["Moment", "item_times", "provenance", "read_dates"]

Moment = str | dates.date | np.datetime64

_PARAMETERS = ("preset", "k", "steps", "seed", "texture_scale", "scenes")
_FILE_DATE = (
    "date of the file; the date of the image is not known: pass datetime= to "
    "ktextures.stac_item"
)


def item_times(
    given: Moment | tuple[Moment, Moment] | None, path: Path
) -> tuple[dates.datetime | None, dict[str, Any]]:
    """Find the date of an item.

    Parameters
    ----------
    given : date, pair of dates, or None
        As `ktextures.stac_item` takes it.
    path : Path
        The map; its date is used if there is no other.

    Returns
    -------
    datetime or None
        None if there are a first and a last date.
    dict
        Further properties about time.

    Raises
    ------
    InputError
        If that is not a date.
    """
    written = dates.datetime.fromtimestamp(path.stat().st_mtime, dates.UTC)
    written = written.replace(microsecond=0)
    properties: dict[str, Any] = {"created": _iso(written)}
    if given is None:
        return written, {**properties, "ktextures:datetime": _FILE_DATE}
    moments = read_dates(given)
    if len(moments) == 1:
        return moments[0], properties
    start, end = moments
    span = {"start_datetime": _iso(start), "end_datetime": _iso(end)}
    return None, {**properties, **span}


def read_dates(given: Moment | tuple[Moment, Moment]) -> tuple[dates.datetime, ...]:
    """Read a date, or the first and last of several.

    Parameters
    ----------
    given : date, or pair of dates
        As `ktextures.stac_item` takes it.

    Returns
    -------
    tuple of datetime
        One or two, in UTC.

    Raises
    ------
    InputError
        If that is not a date.
    """
    if not isinstance(given, tuple | list):
        return (_moment(given),)
    if len(given) != 2:
        raise InputError(f"datetime is {given!r}; give a date, or the first and last")
    start, end = (_moment(each) for each in given)
    if end < start:
        raise InputError(f"datetime is {given!r}; give the earlier date first")
    return start, end


def _moment(given: Any) -> dates.datetime:
    try:
        if isinstance(given, dates.datetime) or not isinstance(given, dates.date):
            text = given if isinstance(given, str) else _text(given)
            found = dates.datetime.fromisoformat(text)
        else:
            found = dates.datetime.combine(given, dates.time())
    except (TypeError, ValueError) as error:
        raise InputError(
            f"datetime is {given!r}; give a date such as '2024-06-03' or "
            "'2024-06-03T10:20:00Z'"
        ) from error
    return found.replace(tzinfo=found.tzinfo or dates.UTC).astimezone(dates.UTC)


def _text(given: Any) -> str:
    if isinstance(given, np.datetime64):
        return str(given.astype("datetime64[us]"))
    if isinstance(given, dates.datetime):
        return given.isoformat()
    raise TypeError(type(given).__name__)


def _iso(moment: dates.datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def provenance(paths: list[Path], tags: list[dict[str, str]]) -> dict[str, Any]:
    """Find out how a map was made.

    Parameters
    ----------
    paths : list of Path
        Files of the map; model files are read if the tags do not tell.
    tags : list of dict
        Those of its rasters.

    Returns
    -------
    dict
        Properties: versions, and parameters of the training.
    """
    record: dict[str, Any] = {}
    tagged = [each for each in tags if "ktextures_training" in each]
    models = [path for path in paths if path.suffix == ".ktextures"]
    if tagged:
        record = json.loads(tagged[0]["ktextures_training"])
    elif models:
        record = read_archive(models[0], "model")[0].get("provenance", {})
    found = {
        f"ktextures:{name}": record[name]
        for name in _PARAMETERS
        if record.get(name) is not None
    }
    version = str(record.get("ktextures", __version__))
    lineage = "Unsupervised segmentation by k-textures"
    return {
        **found,
        "ktextures:version": version,
        "processing:software": {"ktextures": version},
        "processing:lineage": f"{lineage} (doi:10.3389/fenvs.2022.946729)",
    }
