"""What results of `assess` and `compare` hold, which their figures draw."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from ktextures.classes.table import ClassTable

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["AGREEMENT", "AssessmentFields", "ComparisonFields"]

AGREEMENT = ClassTable(("same", "different"), ("#cfcfcf", "#d55e00"))
"""Classes of a map of agreement."""


@dataclass(frozen=True, eq=False, repr=False)
class AssessmentFields:
    """Fields of an `Assessment`, which documents them."""

    kind: Literal["points", "polygons", "raster"]
    compared: int
    overall: float
    overall_interval: float
    ari: float
    matrix: "pd.DataFrame"
    proportions: "pd.DataFrame"
    classes: "pd.DataFrame"
    areas: "pd.DataFrame"
    design: str | None
    skipped: dict[str, int]
    notes: tuple[str, ...]

    @property
    def what(self) -> str:
        """What was compared with the map, in the plural."""
        return {
            "points": "labeled points",
            "polygons": "pixels in labeled polygons",
            "raster": "pixels of a reference raster",
        }[self.kind]


@dataclass(frozen=True, eq=False, repr=False)
class ComparisonFields:
    """Fields of a `Comparison`, which documents them."""

    compared: int
    share: float
    ari: float
    pixels: "pd.DataFrame"
    hectares: "pd.DataFrame"
    matched: "pd.DataFrame"
    changes: "pd.DataFrame"
    agreement: "xr.DataArray"
    colors: tuple[tuple[str, ...], tuple[str, ...]]
    same: npt.NDArray[np.bool_]

    @property
    def known_areas(self) -> bool:
        """Whether areas are known in hectares."""
        return bool(np.isfinite(self.hectares.to_numpy()).all())
