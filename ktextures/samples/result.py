"""A set of training samples, as it is on disk."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ktextures.classes.page import Swatch, html_table
from ktextures.classes.table import ClassTable
from ktextures.samples.blocks import SPLITS
from ktextures.samples.manifest import counts_of, read_description, read_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TrainingSamples"]


@dataclass(frozen=True, eq=False)
class TrainingSamples:
    """A set of image and label chips, made by `ktextures.training_samples`.

    Notebooks show how many chips and pixels each split and class has.

    Attributes
    ----------
    folder : Path
        Where the set is.
    manifest : pandas.DataFrame
        One row per chip: ``stem`` (of its files), ``split``, ``scene``, ``source``,
        ``row`` and ``column`` of its first pixel in the scene, ``x_min``, ``y_min``,
        ``x_max``, ``y_max`` in its ``crs``, ``nodata_share`` (0..1), ``ignored``
        (pixels of too low confidence), and the pixels of each class: ``class_1``, ...
    description : dict
        The content of ``samples.json``.
    """

    folder: Path
    manifest: "pd.DataFrame"
    description: dict[str, Any]

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> Self:
        """Read a set that `ktextures.training_samples` wrote.

        Parameters
        ----------
        folder : path
            Of the set.

        Returns
        -------
        TrainingSamples
            Table and description; chips are not read.

        Raises
        ------
        InputError
            If there is no set in the folder, or it is damaged.
        """
        path = Path(folder).resolve()
        description = read_description(path)
        return cls(path, read_table(path, len(description["classes"])), description)

    @property
    def classes(self) -> ClassTable:
        """Names and colors of the labels 1..k."""
        listed = self.description["classes"]
        return ClassTable(
            tuple(each["name"] for each in listed),
            tuple(each["color"] for each in listed),
        )

    @property
    def chips(self) -> dict[str, int]:
        """Number of chips in each split."""
        counts = counts_of(self.manifest, self.classes.k)
        return {split: counts[split]["chips"] for split in SPLITS}

    @property
    def counts(self) -> "pd.DataFrame":
        """Pixels of each class in each split: class, name, color, and the splits."""
        import pandas as pd

        table = self.classes
        counts = counts_of(self.manifest, table.k)
        return pd.DataFrame(
            {
                "class": table.values,
                "name": table.names,
                "color": table.colors,
                **{split: counts[split]["pixels"] for split in SPLITS},
            }
        )

    def image(self, stem: str) -> Path:
        """Path of the image of a chip.

        Parameters
        ----------
        stem : str
            Of its files, as in the manifest.

        Returns
        -------
        Path
            A GeoTIFF.
        """
        return self.folder / "images" / f"{stem}.tif"

    def label(self, stem: str) -> Path:
        """Path of the label of a chip.

        Parameters
        ----------
        stem : str
            Of its files, as in the manifest.

        Returns
        -------
        Path
            A GeoTIFF.
        """
        return self.folder / "labels" / f"{stem}.tif"

    def __repr__(self) -> str:
        """Folder and number of chips."""
        chips = ", ".join(f"{count} {split}" for split, count in self.chips.items())
        return f"TrainingSamples({str(self.folder)!r}: {chips} chips)"

    def _repr_html_(self) -> str:
        """Pixels by class and split, for notebooks."""
        counts, chips = self.counts, self.chips
        columns = ["class", "color", "name", *SPLITS]
        totals = counts[list(SPLITS)].sum()
        rows = []
        for row in counts.to_dict("records"):
            shares = [
                f"{row[split]:,} ({row[split] / max(totals[split], 1):.1%})"
                for split in SPLITS
            ]
            rows.append((row["class"], Swatch(row["color"]), row["name"], *shares))
        said = ", ".join(f"{chips[split]} {split}" for split in SPLITS)
        table = html_table(columns, rows)
        return f"<p>{said} chips; pixels of each class:</p>{table}"
