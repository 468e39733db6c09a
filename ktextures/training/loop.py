"""The training loop: steps, callbacks, the best pass, checkpoints, stopping."""

import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from tqdm.auto import tqdm

from ktextures.errors import CallbackError
from ktextures.files.archive import Arrays
from ktextures.model.ktextures import KTextures
from ktextures.training.checkpoint import Checkpoint
from ktextures.training.objective import Objective

__all__ = ["TrainingLoop"]


@dataclass
class Best:
    """Weights at the end of the pass with the lowest mean loss so far."""

    loss: float = float("inf")
    weights: Arrays | None = None


class _CallbackFailed(Exception):
    """A callback raised an exception."""

    def __init__(self, hook: str, cause: Exception) -> None:
        super().__init__(hook)
        self.hook, self.cause = hook, cause


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


@contextmanager
def _changing(model: KTextures) -> Iterator[None]:
    model.in_training = True
    try:
        yield
    finally:
        model.in_training = False


class TrainingLoop:
    """Runs an objective for a number of steps.

    A step is taken completely or not at all: Ctrl-C and `model.stop_training` end the
    loop after the step in progress.

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
    conclude : callable
        Called once the weights to keep are in the model.
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
        conclude: Callable[[], None] = lambda: None,
    ) -> None:
        self._conclude = conclude
        self.model, self.objective, self.steps = model, objective, steps
        self.callbacks = keras.callbacks.CallbackList(list(callbacks), model=model)
        self.checkpoint, self.progress = checkpoint, progress
        self.best, self.pass_losses, self.done = Best(), list[float](), 0

    def run(self) -> None:
        """Train until the steps are done or something stops it.

        Raises
        ------
        CallbackError
            If a callback failed; the model then holds what was learned.
        """
        self.model.stop_training = False
        ended = False
        with stopping_on_interrupt(self.model), _changing(self.model):
            self._resume()
            try:
                self._run()
                self._end()
                ended = True
                self._call("on_train_end")
            except _CallbackFailed as failure:
                if not ended:
                    self._end()
                raise CallbackError(
                    f"A callback failed in {failure.hook} after step {self.done}: "
                    f"{type(failure.cause).__name__}: {failure.cause}. Training ended; "
                    "what was learned by then is in the model of this error.",
                    self.model,
                ) from failure.cause

    def _call(self, hook: str, *arguments: Any) -> None:
        """Call a hook of all callbacks; what they raise ends the training."""
        try:
            getattr(self.callbacks, hook)(*arguments)
        except Exception as error:
            raise _CallbackFailed(hook, error) from error

    def _run(self) -> None:
        self._call("on_train_begin")
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
            self._call("on_epoch_begin", pass_index)
        self._call("on_train_batch_begin", index)
        with self.model.lock:
            losses = objective.step(index)
            for name, value in losses.items():
                self.model.record.losses.setdefault(name, []).append(value)
            self.done += 1
            self.pass_losses.append(losses["loss"])
        if place == objective.steps_per_pass - 1:
            self._end_pass(pass_index, losses)
        self._call("on_train_batch_end", index, losses)
        if self.checkpoint and self.checkpoint.due():
            self._save()
        return losses

    def _end_pass(self, pass_index: int, losses: Mapping[str, float]) -> None:
        mean = float(np.mean(self.pass_losses))
        self.pass_losses = []
        if self.objective.keeps_best and mean < self.best.loss:
            self.best = Best(mean, self.model.weight_arrays())
        self._call("on_epoch_end", pass_index, {**losses, "loss": mean})

    def _end(self) -> None:
        """Choose the weights to keep; the state saved is the one before that."""
        if self.checkpoint:
            self._save()
        with self.model.lock:
            self.objective.finish()
            if self.best.weights is not None:
                self.model.assign_arrays(self.best.weights)
        self._conclude()

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
                    f"The state of the training was not saved: {error} Training "
                    "continues.",
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
