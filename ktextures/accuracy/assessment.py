"""What is known about the accuracy of a map."""

import html
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ktextures.accuracy.fields import AssessmentFields
from ktextures.accuracy.texts import (
    hectares,
    plain,
    with_interval,
)
from ktextures.classes.page import Swatch, html_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Assessment"]

_MEASURES = {
    "users_accuracy": "user's accuracy",
    "producers_accuracy": "producer's accuracy",
    "f1": "F1",
    "iou": "IoU",
}


@dataclass(frozen=True, eq=False, repr=False)
class Assessment(AssessmentFields):
    """Accuracy of a class map, and the areas of its classes.

    Notebooks show tables; `plot` draws them. Intervals are half the width of 95 %
    intervals, and NaN where the reference is not a random sample.

    Attributes
    ----------
    kind : {"points", "polygons", "raster"}
        What the reference was.
    compared : int
        Number of labeled points, or of pixels in polygons or with known reference.
    overall : float
        Share of the area that the map has right, 0..1.
    overall_interval : float
        Its interval.
    ari : float
        Adjusted Rand index of map and reference over the points or pixels compared.
    matrix : pandas.DataFrame
        Confusion matrix: points or pixels, rows = map, columns = reference.
    proportions : pandas.DataFrame
        Confusion matrix as estimated shares of the area; they sum to 1.
    classes : pandas.DataFrame
        One row per class, and per category that only the reference has: ``class``
        (number or code; missing if only the name is known), ``name``, ``color``,
        number of points or pixels with it in the map and in the reference, and
        ``users_accuracy``, ``producers_accuracy``, ``f1``, and ``iou``, 0..1, each
        followed by its interval (``users_accuracy_interval``, ...). NaN where the map
        or the reference does not have the class.
    areas : pandas.DataFrame
        The same rows: ``class``, ``name``, ``color``, ``mapped_ha`` (area in the map),
        ``estimated_ha`` (area in reality, by the reference) with ``interval_ha``, in
        hectares (NaN if areas are unknown), and the same as shares of the area, 0..1:
        ``mapped_share``, ``estimated_share``, ``share_interval``. Classes of which
        nothing is labeled have no estimate and no share (NaN).
    design : str or None
        How points were drawn, if `sample_points` drew them in this session.
    skipped : dict of str to int
        Why points, polygons, or pixels were left out, and how many.
    notes : tuple of str
        What to know about the numbers.

    See Also
    --------
    ktextures.assess : Makes it.
    """

    def plot(self) -> "Figure":
        """Draw the confusion matrix, the accuracy of each class, and its areas.

        Returns
        -------
        matplotlib.figure.Figure
            Notebooks show it; save it with ``.savefig(path)``.

        Examples
        --------
        >>> import ktextures as kt
        >>> truth = kt.datasets.synthetic(64, k=3).truth
        >>> figure = kt.assess(truth, truth).plot()
        """
        from ktextures.accuracy.figure import draw_assessment

        return draw_assessment(self)

    def to_dict(self) -> dict[str, Any]:
        """Describe the assessment in plain JSON types.

        Returns
        -------
        dict
            All fields by name; tables as lists of rows, ``matrix`` and ``proportions``
            as lists of lists with the names of ``rows`` and ``columns``; None for NaN.

        Examples
        --------
        >>> import json
        >>> import ktextures as kt
        >>> truth = kt.datasets.synthetic(64, k=3).truth
        >>> found = kt.assess(truth, truth).to_dict()
        >>> found["overall"], found["matrix"]["rows"]
        (1.0, ['class 1', 'class 2', 'class 3'])
        >>> text = json.dumps(found)
        """
        fields: dict[str, Any] = dict(vars(self))
        for name in ("matrix", "proportions"):
            table = fields[name]
            fields[name] = {
                "rows": list(table.index),
                "columns": list(table.columns),
                "values": table.to_numpy().tolist(),
            }
        described: dict[str, Any] = plain({"confidence": 0.95, **fields})
        return described

    @property
    def _heading(self) -> str:
        design = f", design {self.design!r}" if self.design else ""
        return f"Accuracy by {self.compared:,} {self.what}{design}"

    @property
    def _summary(self) -> str:
        overall = with_interval(self.overall, self.overall_interval)
        return f"Overall accuracy {overall}, adjusted Rand index {self.ari:.3f}"

    def _rows(self) -> list[list[str]]:
        """Measures and areas of each class as text."""
        rows = []
        known = self.areas["mapped_ha"].notna().any()
        for (_, row), (_, area) in zip(
            self.classes.iterrows(), self.areas.iterrows(), strict=True
        ):
            cells = [with_interval(row[n], row[f"{n}_interval"]) for n in _MEASURES]
            if known:
                cells.append(hectares(area["mapped_ha"]))
                cells.append(hectares(area["estimated_ha"], area["interval_ha"]))
            else:
                cells.append(with_interval(100 * area["mapped_share"], float("nan"), 1))
                share, interval = area["estimated_share"], area["share_interval"]
                cells.append(with_interval(100 * share, 100 * interval, 1))
            rows.append(cells)
        return rows

    def _notes(self) -> list[str]:
        if math.isnan(self.overall_interval):
            return list(self.notes)
        return ["± is half the width of a 95 % interval.", *self.notes]

    def _columns(self) -> list[str]:
        unit = "ha" if self.areas["mapped_ha"].notna().any() else "%"
        return [*_MEASURES.values(), f"mapped area, {unit}", f"estimated area, {unit}"]

    def __repr__(self) -> str:
        import pandas as pd

        names = [str(name) for name in self.matrix.columns]
        table = pd.DataFrame(self._rows(), names, self._columns())
        notes = "".join(f"\n{note}" for note in self._notes())
        return (
            f"{self._heading}\n{self._summary}\n\n{table.to_string()}\n\n"
            f"Confusion matrix (rows: map, columns: reference)\n"
            f"{self.matrix.to_string()}\n{notes}"
        )

    def _repr_html_(self) -> str:
        colors = [Swatch(color) for color in self.classes["color"]]
        names = [str(name) for name in self.matrix.columns]
        rows = zip(colors, names, self._rows(), strict=True)
        measures = html_table(
            ["", "class", *self._columns()],
            [[color, name, *cells] for color, name, cells in rows],
        )
        by_name = dict(zip(names, colors, strict=True))
        matrix = html_table(
            ["", "map \\ reference", *names],
            [
                [by_name[str(name)], str(name), *map("{:,}".format, counts)]
                for name, counts in zip(
                    self.matrix.index, self.matrix.to_numpy().tolist(), strict=True
                )
            ],
        )
        notes = "<br>".join(html.escape(note, quote=False) for note in self._notes())
        return (
            f"<p><b>{self._heading}</b><br>{self._summary}</p>"
            f"{measures}{matrix}<p><small>{notes}</small></p>"
        )
