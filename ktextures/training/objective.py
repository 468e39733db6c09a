"""What a training step minimizes: the protocol that objectives follow."""

from collections.abc import Mapping
from typing import Protocol

import keras
import numpy as np

from ktextures.errors import InputError
from ktextures.files.archive import Arrays

__all__ = ["Objective", "optimizer_state", "restore_optimizer", "weights_of"]


class Objective(Protocol):
    """One way to train a model; the loop relies on nothing else.

    Attributes
    ----------
    keeps_best : bool
        Whether the weights of the best pass are kept rather than the last.
    """

    keeps_best: bool

    @property
    def steps_per_pass(self) -> int:
        """Steps in which each training tile is seen once."""

    @property
    def settled(self) -> bool:
        """Whether further steps would change little."""

    def step(self, index: int) -> dict[str, float]:
        """Do training step `index`; return its losses, "loss" among them."""

    def finish(self) -> None:
        """Finish after the last step, whether training was stopped early or not."""

    def state(self) -> Arrays:
        """Everything besides the model's weights that the next step depends on."""

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Restore what `state` returned."""


def weights_of(
    given: Mapping[str, float], defaults: Mapping[str, float]
) -> dict[str, float]:
    """The weights of an objective's losses.

    Raises
    ------
    InputError
        If a weight is given for a loss that the objective does not have.
    """
    unknown = sorted(set(given) - set(defaults))
    if unknown:
        raise InputError(
            f"loss_weights names {', '.join(unknown)}; the losses of this training "
            f"are {', '.join(defaults)}."
        )
    return {**defaults, **given}


def optimizer_state(name: str, optimizer: keras.Optimizer) -> Arrays:
    """Copies of an optimizer's variables, by their number."""
    return {f"{name}/{i}": v.numpy() for i, v in enumerate(optimizer.variables)}


def restore_optimizer(
    name: str, optimizer: keras.Optimizer, arrays: Mapping[str, np.ndarray]
) -> None:
    """Restore what `optimizer_state` returned."""
    for index, variable in enumerate(optimizer.variables):
        variable.assign(arrays[f"{name}/{index}"])
