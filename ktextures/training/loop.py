"""The training loop: steps, callbacks, the best pass, checkpoints, stopping."""

import signal
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from tqdm.auto import tqdm

from ktextures.archive import Arrays
from ktextures.model.ktextures import KTextures
from ktextures.training.checkpoint import Checkpoint
from ktextures.training.objective import Objective

__all__ = ["TrainingLoop"]


@dataclass
class Best:
    """Weights at the end of the best pass so far, by mean loss."""

    loss: float = float("inf")
    weights: Arrays | None = None


@contextmanager
def stopping_on_interrupt(model: KTextures) -> Iterator[None]:
    """Let Ctrl-C set `model.stop_training`.

    A KeyboardInterrupt could come between the change of the weights and its record.
    """

    def stop(*_: object) -> None:
        model.stop_training = True

    ignored = signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None)
    # Python allows handlers in the main thread alone, and interrupts no other.
    if ignored or threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


class TrainingLoop:
    """Runs an objective for a number of steps.

    A step happens whole or not at all: Ctrl-C and `model.stop_training` end the loop
    after the step at hand.

    Parameters
    ----------
    model : KTextures
    objective : Objective
    steps : int
        Number of steps of this training.
    callbacks : sequence of keras.callbacks.Callback
        An epoch is one pass over the training tiles, a batch one step.
    checkpoint : Checkpoint or None
    progress : bool
        Show a progress bar.
    """

    def __init__(
        self,
        model: KTextures,
        objective: Objective,
        *,
        steps: int,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        checkpoint: Checkpoint | None = None,
        progress: bool = True,
    ) -> None:
        self.model, self.objective, self.steps = model, objective, steps
        self.callbacks = keras.callbacks.CallbackList(list(callbacks), model=model)
        self.checkpoint, self.progress = checkpoint, progress
        self.best, self.pass_losses, self.done = Best(), list[float](), 0

    def run(self) -> None:
        """Train until the steps are done or somebody stops it."""
        self.model.stop_training = False
        with stopping_on_interrupt(self.model):
            self._resume()
            self._run()
            self._end()

    def _run(self) -> None:
        self.callbacks.on_train_begin()
        bar = tqdm(
            total=self.steps,
            initial=self.done,
            desc="training",
            unit="step",
            disable=not self.progress,
        )
        try:
            while self.done < self.steps and not self.model.stop_training:
                losses = self._one_step()
                bar.set_postfix(loss=f"{losses['loss']:.3f}", refresh=False)
                bar.update()
        except KeyboardInterrupt:
            # From a callback; the step is done and recorded by then.
            self.model.stop_training = True
        finally:
            bar.close()

    def _one_step(self) -> dict[str, float]:
        objective, index = self.objective, self.done
        pass_index, place = divmod(index, objective.steps_per_pass)
        if place == 0:
            self.callbacks.on_epoch_begin(pass_index)
        self.callbacks.on_train_batch_begin(index)
        with self.model.lock:
            losses = objective.step(index)
            for name, value in losses.items():
                self.model.record.losses.setdefault(name, []).append(value)
            self.done += 1
            self.pass_losses.append(losses["loss"])
        if place == objective.steps_per_pass - 1:
            self._end_pass(pass_index, losses)
        self.callbacks.on_train_batch_end(index, losses)
        if self.checkpoint and self.checkpoint.due():
            self._save()
        return losses

    def _end_pass(self, pass_index: int, losses: Mapping[str, float]) -> None:
        mean = float(np.mean(self.pass_losses))
        self.pass_losses = []
        if self.objective.keeps_best and mean < self.best.loss:
            self.best = Best(mean, self.model.weight_arrays())
        self.callbacks.on_epoch_end(pass_index, {**losses, "loss": mean})

    def _end(self) -> None:
        """Keep what is to be kept; the saved state is that before keeping the best."""
        if self.checkpoint:
            self._save()
        with self.model.lock:
            self.objective.finish()
            if self.best.weights is not None:
                self.model.assign_arrays(self.best.weights)
        self.callbacks.on_train_end()

    def _save(self) -> None:
        settings: dict[str, Any] = {
            "done": self.done,
            "losses": {name: list(v) for name, v in self.model.record.losses.items()},
            "pass_losses": self.pass_losses,
            "best_loss": self.best.loss,
        }
        arrays = self.model.weight_arrays() | prefixed(
            "objective", self.objective.state()
        )
        if self.best.weights is not None:
            arrays |= prefixed("best", self.best.weights)
        if self.checkpoint:
            try:
                self.checkpoint.write(settings, arrays)
            except OSError as error:
                # A full disk must not cost what was learned.
                warnings.warn(
                    f"The state of the training is not saved: {error} Training goes "
                    "on.",
                    UserWarning,
                    stacklevel=2,
                )

    def _resume(self) -> None:
        state = self.checkpoint.read() if self.checkpoint else None
        if state is None:
            return
        settings, arrays = state
        self.done, self.pass_losses = settings["done"], settings["pass_losses"]
        self.model.record.losses.clear()
        self.model.record.losses.update(settings["losses"])
        self.model.assign_arrays(arrays)
        self.objective.restore(unprefixed("objective", arrays))
        best = unprefixed("best", arrays)
        self.best = Best(settings["best_loss"], best or None)


def prefixed(prefix: str, arrays: Mapping[str, np.ndarray]) -> Arrays:
    """The arrays under names that begin with a prefix."""
    return {f"{prefix}/{name}": array for name, array in arrays.items()}


def unprefixed(prefix: str, arrays: Mapping[str, np.ndarray]) -> Arrays:
    """The arrays whose names begin with a prefix, without it."""
    return {
        name.removeprefix(f"{prefix}/"): array
        for name, array in arrays.items()
        if name.startswith(f"{prefix}/")
    }
