"""The table and the description of a set, as files and in memory."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ktextures.errors import InputError
from ktextures.samples.blocks import SPLITS

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "BOUNDS",
    "DATASHEET",
    "DESCRIPTION",
    "FORMAT",
    "FORMAT_VERSION",
    "IMAGES",
    "LABELS",
    "TABLE",
    "class_columns",
    "counts_of",
    "own_files",
    "read_description",
    "read_table",
    "table_columns",
    "write_description",
    "write_table",
]

TABLE, DESCRIPTION, DATASHEET = "samples.csv", "samples.json", "README.md"
IMAGES, LABELS = "images", "labels"
FORMAT = "ktextures training samples"
FORMAT_VERSION = 1

BOUNDS = ("x_min", "y_min", "x_max", "y_max")
_TEXTS = ("stem", "split", "scene", "source", "crs")


def class_columns(k: int) -> list[str]:
    """Columns of the table with the pixels of each class."""
    return [f"class_{value}" for value in range(1, k + 1)]


def table_columns(k: int) -> list[str]:
    """Columns of the table of chips."""
    return [
        *("stem", "split", "scene", "source", "row", "column"),
        *(*BOUNDS, "crs", "nodata_share", "ignored"),
        *class_columns(k),
    ]


def write_table(table: "pd.DataFrame", path: Path) -> None:
    """Write the table of chips as CSV."""
    table.to_csv(path, index=False, lineterminator="\n")


def read_table(folder: Path, k: int) -> "pd.DataFrame":
    """Read the table of chips.

    Parameters
    ----------
    folder : Path
        Of the set.
    k : int
        Number of its classes.

    Returns
    -------
    DataFrame
        One row per chip.

    Raises
    ------
    InputError
        If there is none, or it is not one that was written here.
    """
    import pandas as pd

    path = folder / TABLE
    if not path.is_file():
        raise InputError(
            f"{str(folder)!r} holds no training samples ({TABLE} is missing): give a "
            "folder that training_samples wrote"
        )
    try:
        table = pd.read_csv(
            path,
            dtype=dict.fromkeys(_TEXTS, str),
            keep_default_na=False,
            # Exactly as they were written, which pandas' own reader does not promise.
            converters=dict.fromkeys(BOUNDS, float),
        )
    except ValueError as error:  # pandas' ParserError is one
        raise InputError(
            f"{str(path)!r} is damaged: {error}; delete it and make the set again"
        ) from error
    missing = [name for name in table_columns(k) if name not in table]
    if missing:
        raise InputError(
            f"{str(path)!r} lacks the columns {missing}: delete it and make the set "
            "again"
        )
    return table


def write_description(description: Mapping[str, Any], path: Path) -> None:
    """Write the description of a set as JSON."""
    text = json.dumps(description, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_description(folder: Path) -> dict[str, Any]:
    """Read the description of a set.

    Parameters
    ----------
    folder : Path
        Of the set.

    Returns
    -------
    dict

    Raises
    ------
    InputError
        If there is none, it is damaged, or a later version wrote it.
    """
    path = folder / DESCRIPTION
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            f"{str(folder)!r} holds no training samples ({DESCRIPTION} is missing): "
            "give a folder that training_samples wrote"
        ) from error
    except ValueError as error:
        raise InputError(
            f"{str(path)!r} is damaged: {error}; delete it and make the set again"
        ) from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise InputError(
            f"{str(path)!r} does not describe training samples: give a folder that "
            "training_samples wrote"
        )
    if found.get("format_version") != FORMAT_VERSION:
        raise InputError(
            f"{str(path)!r} has the format version {found.get('format_version')!r}, "
            f"this ktextures reads {FORMAT_VERSION}: update ktextures"
        )
    return found


def counts_of(table: "pd.DataFrame", k: int) -> dict[str, dict[str, Any]]:
    """Count the chips and the pixels of each class in each split.

    Parameters
    ----------
    table : DataFrame
        One row per chip.
    k : int
        Number of classes.

    Returns
    -------
    dict of str to dict
        For each split ``chips``, and ``pixels``, a list (k,).
    """
    pixels = table[class_columns(k)].to_numpy(np.int64)
    found = {}
    for split in SPLITS:
        chosen = (table["split"] == split).to_numpy()
        found[split] = {
            "chips": int(chosen.sum()),
            "pixels": pixels[chosen].sum(axis=0).tolist(),
        }
    return found


def own_files(stems: Sequence[str]) -> list[Path]:
    """Files of a set, relative to its folder; those that tell that it exists first."""
    chips = [Path(kind) / f"{stem}.tif" for stem in stems for kind in (IMAGES, LABELS)]
    return [Path(TABLE), Path(DESCRIPTION), Path(DATASHEET), *chips]
