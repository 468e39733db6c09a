"""What two class maps have in common."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ktextures.accuracy.fields import ComparisonFields
from ktextures.accuracy.texts import hectares, percent, plain
from ktextures.classes.page import Swatch, html_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Comparison"]

_LISTED = 10
"""Changes that notebooks list."""


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(ComparisonFields):
    """Two class maps of the same pixels, a and b, compared.

    Notebooks show tables; `plot` draws them. Areas are NaN where they are unknown.

    Attributes
    ----------
    compared : int
        Number of pixels in which both maps have a class.
    share : float
        Share of their area in which the maps agree, 0..1; of the pixels if areas are
        unknown.
    ari : float
        Adjusted Rand index of the maps, which does not depend on how classes are
        matched.
    pixels : pandas.DataFrame
        Pixels of each pair of classes: rows = a, columns = b, these in the order of the
        rows that they are matched to.
    hectares : pandas.DataFrame
        The same in hectares.
    matched : pandas.DataFrame
        One row per pair of matched classes, then those without a partner: ``class_a``,
        ``name_a``, ``class_b``, ``name_b``, ``pixels`` and ``area_ha`` that are in
        both, and ``iou``, these as a share of the pixels in either.
    changes : pandas.DataFrame
        One row per pair of classes that are not matched but share pixels, the largest
        first: ``class_a``, ``name_a``, ``color_a``, ``class_b``, ``name_b``,
        ``color_b``, ``pixels``, ``area_ha``, and ``share`` of the area compared.
    agreement : xarray.DataArray of uint8, (y, x)
        1 = same, 2 = different, 0 = nodata, with names and colors, on the grid of the
        maps; `ktextures.write_classes` writes it. Lazy if a map is.
    colors : (tuple of str, tuple of str)
        Colors of the rows and of the columns of the tables.
    same : ndarray of bool, (rows, columns)
        Which pairs are matched.

    See Also
    --------
    ktextures.compare : Makes it.
    """

    def plot(self) -> "Figure":
        """Draw where the maps agree, the table of both, and the largest changes.

        Of large maps, every n-th pixel is drawn.

        Returns
        -------
        matplotlib.figure.Figure
            Notebooks show it; save it with ``.savefig(path)``.

        Examples
        --------
        >>> import ktextures as kt
        >>> a = kt.datasets.synthetic(64, k=3).truth
        >>> figure = kt.compare(a, a).plot()
        """
        from ktextures.accuracy.comparison_figure import draw_comparison

        return draw_comparison(self)

    def to_dict(self) -> dict[str, Any]:
        """Describe the comparison in plain JSON types, without the map of agreement.

        Returns
        -------
        dict
            ``compared``, ``share``, ``ari``; ``matched`` and ``changes`` as lists of
            rows; ``pixels`` and ``hectares`` as lists of lists with the names of
            ``rows`` and ``columns``; None for NaN.

        Examples
        --------
        >>> import ktextures as kt
        >>> a = kt.datasets.synthetic(64, k=2).truth
        >>> kt.compare(a, a).to_dict()["pixels"]["rows"]
        ['class 1', 'class 2']
        """
        fields: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("compared", "share", "ari", "matched", "changes")
        }
        for name in ("pixels", "hectares"):
            table = getattr(self, name)
            fields[name] = {
                "rows": list(table.index),
                "columns": list(table.columns),
                "values": table.to_numpy().tolist(),
            }
        described: dict[str, Any] = plain(fields)
        return described

    @property
    def _summary(self) -> str:
        return (
            f"Two class maps agree in {percent(self.share)} of {self._size()}, "
            f"adjusted Rand index {self.ari:.3f}"
        )

    def _size(self) -> str:
        if not self.known_areas:
            return f"{self.compared:,} pixels"
        return f"{hectares(float(self.hectares.to_numpy().sum()))} ha"

    def __repr__(self) -> str:
        unit = "hectares" if self.known_areas else "pixels"
        table = self.hectares.round(2) if self.known_areas else self.pixels
        listed = self.changes.head(_LISTED).drop(columns=["color_a", "color_b"])
        changes = listed.to_string(index=False) if len(listed) else "none"
        return (
            f"{self._summary}\n\nMatched classes\n{self.matched.to_string(index=False)}"
            f"\n\nLargest changes\n{changes}\n\n"
            f"All pairs (rows: a, columns: b), {unit}\n{table.to_string()}"
        )

    def _repr_html_(self) -> str:
        unit = "ha" if self.known_areas else "pixels"
        rows, columns = (list(map(str, each)) for each in self.pixels.axes)
        table = html_table(
            ["", f"a \\ b, {unit}", *columns],
            [
                [Swatch(color), name, *cells]
                for color, name, cells in zip(
                    self.colors[0], rows, self._cells(), strict=True
                )
            ],
        )
        shown = self.changes.head(_LISTED)
        changes = html_table(
            ["", "in a", "", "in b", "pixels", "ha", "%"],
            [
                [
                    Swatch(row["color_a"]),
                    row["name_a"],
                    Swatch(row["color_b"]),
                    row["name_b"],
                    f"{row['pixels']:,}",
                    hectares(row["area_ha"]),
                    f"{100 * row['share']:.1f}",
                ]
                for _, row in shown.iterrows()
            ],
        )
        more = len(self.changes) - len(shown)
        rest = f"<small>{more} smaller ones in .changes</small>" if more > 0 else ""
        return (
            f"<p><b>{self._summary}</b></p>{table}"
            f"<p>Largest changes</p>{changes if len(shown) else '<p>none</p>'}{rest}"
        )

    def _cells(self) -> list[list[str]]:
        """All pairs as text, in hectares if these are known."""
        if self.known_areas:
            return [[hectares(v) for v in row] for row in self.hectares.to_numpy()]
        return [[f"{v:,}" for v in row] for row in self.pixels.to_numpy()]
