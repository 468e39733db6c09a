"""When a training may end: once few labels change from review to review."""

from collections.abc import Mapping

import numpy as np

from ktextures.files.archive import Arrays

__all__ = ["Settling"]


class Settling:
    """Watches how many labels change.

    Parameters
    ----------
    change : float
        Share of the pixels below which changed labels count as few, 0..1.
    patience : int
        Times in a row that there must be few.

    Attributes
    ----------
    settled : bool
    """

    def __init__(self, change: float, patience: int) -> None:
        self._change, self._patience = change, patience
        self._calm, self._before = 0, np.zeros(0, "int32")

    @property
    def settled(self) -> bool:
        """Whether few labels have changed for long enough."""
        return self._calm >= self._patience

    def watch(self, labels: np.ndarray) -> None:
        """Compare labels (pixel,) with those of the time before."""
        if self._before.size:
            few = float((labels != self._before).mean()) < self._change
            self._calm = self._calm + 1 if few else 0
        self._before = labels

    def state(self) -> Arrays:
        """Labels watched last, and how long they have been calm."""
        return {"settling/labels": self._before, "settling/calm": np.array(self._calm)}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Restore what `state` returned."""
        self._before = arrays["settling/labels"]
        self._calm = int(arrays["settling/calm"])
