"""The training loop: steps, callbacks, the best pass, checkpoints, stopping."""

import math
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

from ktextures.errors import CallbackError, InputError
from ktextures.files.archive import Arrays
from ktextures.model.ktextures import KTextures
from ktextures.training.checkpoint import Checkpoint
from ktextures.training.last_good import LastGood
from ktextures.training.objective import Objective

__all__ = ["TrainingLoop"]

NOT_FINITE = "weights became NaN or infinite"

REMEDY = (
    "Lower the learning rate or the loss weights if you changed them, and check the "
    "scene and the features for extreme values."
)


@dataclass
class Best:
    """Weights at the end of the pass with the lowest mean loss so far."""

    loss: float = float("inf")
    weights: Arrays | None = None


class _StepFailed(Exception):
    """A step gave losses or weights that are not finite."""


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
    loop after the step in progress. A step whose losses or weights are not finite is
    undone, and ends the loop with a warning.

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
        self.failure = ""

    def run(self) -> None:
        """Train until the steps are done or something stops it.

        Raises
        ------
        CallbackError
            If a callback failed; the model then holds what was learned.
        InputError
            If the first step already gave losses or weights that are not finite.

        Warns
        -----
        UserWarning
            If a later step did; the model then holds what was learned before it.
        """
        self.model.stop_training = False
        ended = False
        with stopping_on_interrupt(self.model), _changing(self.model):
            self._resume()
            self.good = LastGood(self.model)
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
            while self.done < self.steps and not self._is_over():
                losses = self._one_step()
                bar.set_postfix(loss=f"{losses['loss']:.3f}", refresh=False)
                bar.update()
        except KeyboardInterrupt:
            # From a callback; the step is done and recorded by then.
            self.model.stop_training = True
        except _StepFailed as failed:
            if self.done == 0:
                raise InputError(
                    f"Training failed at the first step: {failed}. Nothing was "
                    f"learned. {REMEDY}"
                ) from None
            self._fail(self.done + 1, str(failed))
        finally:
            bar.close()

    def _is_over(self) -> bool:
        return bool(self.model.stop_training or self.objective.settled)

    def _one_step(self) -> dict[str, float]:
        index, last = self.done, self.objective.steps_per_pass - 1
        pass_index, place = divmod(index, last + 1)
        if place == 0:
            self._call("on_epoch_begin", pass_index)
        self._call("on_train_batch_begin", index)
        with self.model.lock:
            losses = self._checked_step(index)
            for name, value in losses.items():
                self.model.record.losses.setdefault(name, []).append(value)
            self.done += 1
            self.pass_losses.append(losses["loss"])
        if place == last:
            self._end_pass(pass_index, losses)
        self._call("on_train_batch_end", index, losses)
        if self.checkpoint and self.checkpoint.due() and self.good.keep():
            self._save()
        return losses

    def _checked_step(self, index: int) -> dict[str, float]:
        """Losses of a step, which is undone if they or the weights are not finite."""
        try:
            losses = self.objective.step(index)
        except Exception:
            # Weights that a callback damaged may show as any error.
            if self.good.keep():
                raise
            losses = {}
        bad = {name: each for name, each in losses.items() if not math.isfinite(each)}
        # A finite loss may have a gradient that is not.
        if losses and not bad and self.good.keep():
            return losses
        self.good.restore()
        parts = {name: each for name, each in bad.items() if name != "loss"} or bad
        named = ", ".join(f"{name!r} is {each}" for name, each in parts.items())
        raise _StepFailed(f"the loss {named}" if bad else NOT_FINITE)

    def _fail(self, step: int, reason: str) -> None:
        self.failure = (
            f"Training ended at step {step} of {self.steps}: {reason}. What was "
            f"learned before this step is kept. {REMEDY}"
        )

    def _end_pass(self, pass_index: int, losses: Mapping[str, float]) -> None:
        mean = float(np.mean(self.pass_losses))
        self.pass_losses = []
        if self.objective.keeps_best and mean < self.best.loss:
            self.best = Best(mean, self.model.weight_arrays())
        self._call("on_epoch_end", pass_index, {**losses, "loss": mean})

    def _end(self) -> None:
        """Choose the weights to keep; the state saved is the one before that."""
        with self.model.lock:
            if not self.failure and not self.good.keep():
                # Since the last step, by a callback.
                self.good.restore()
                self._fail(self.done, NOT_FINITE)
        if not self.failure:
            self._save()
        with self.model.lock:
            self.objective.finish()
            if self.best.weights is not None:
                self.model.assign_arrays(self.best.weights)
        self._conclude()
        if self.failure:
            # Attributed to the caller of `train`.
            warnings.warn(self.failure, UserWarning, stacklevel=4)

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
