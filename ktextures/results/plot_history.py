"""Figure of the losses of training."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from ktextures.classes.table import ClassTable
from ktextures.errors import InputError
from ktextures.palette import MAX_CLASSES
from ktextures.results import figure_layout as sheet
from ktextures.results.figure_layout import Sheet

__all__ = ["plot_history"]

DPI = 110


def plot_history(history: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the losses of training against the steps.

    Parameters
    ----------
    history : mapping of str to sequence of float
        A curve for each entry, with a value for each step. The entry ``"step"`` gives
        the numbers of the steps, which otherwise count from 1. The axis is logarithmic
        if the values are all positive and differ by more than a factor of 30.

    Returns
    -------
    matplotlib.figure.Figure
        Notebooks show it; save it with ``.savefig(path)``.

    Raises
    ------
    InputError
        If there is nothing to draw, or a curve has not one value for each step.

    Examples
    --------
    >>> figure = plot_history({"loss": [3.0, 2.0, 1.5]})
    >>> [axes.get_xlabel() for axes in figure.axes]
    ['step']
    """
    curves = {
        name: np.asarray(values, dtype=np.float64)
        for name, values in history.items()
        if name != "step"
    }
    if not curves or all(curve.size == 0 for curve in curves.values()):
        raise InputError(
            f"the history has the keys {list(history)} but no values: train at least "
            "one step"
        )
    figure = Sheet(figsize=(6.4, 3.2), dpi=DPI, facecolor="white")
    axes = figure.add_axes((0.1, 0.16, 0.86, 0.72), facecolor="white")
    for color, (name, curve) in zip(
        ClassTable.default(min(len(curves), MAX_CLASSES)).colors,
        curves.items(),
        strict=False,
    ):
        steps = np.asarray(history.get("step", np.arange(1, curve.size + 1)))
        if steps.shape != curve.shape:
            raise InputError(
                f"{name!r} has {curve.size} values for {steps.size} steps: give one "
                "value for each step"
            )
        axes.plot(steps, curve, color=color, linewidth=1.4, label=name)
    values = np.concatenate(list(curves.values()))
    values = values[np.isfinite(values)]
    if values.size and values.min() > 0 and values.max() > 30 * values.min():
        axes.set_yscale("log")
    axes.set_xlabel("step", color=sheet.MUTED, fontsize=8, family=sheet.FONT)
    sheet.calm(axes)
    axes.grid(True, axis="y", color="#e6e6e6", linewidth=0.6)
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=4,
        frameon=False,
        fontsize=8,
        labelcolor=sheet.INK,
    )
    return figure
