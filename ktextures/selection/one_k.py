"""A quick training for each k, its map, and its measures."""

import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf
import xarray as xr

from ktextures.classes.table import ClassTable
from ktextures.model.ktextures import KTextures, from_bytes
from ktextures.segmentation import segment
from ktextures.selection.found import Found, lineage
from ktextures.selection.measures import reproduction, separation
from ktextures.training.basis import Basis
from ktextures.training.callbacks import Callback
from ktextures.training.conclude import conclude, told_in_our_words
from ktextures.training.loop import TrainingLoop
from ktextures.training.plan import make_plan
from ktextures.training.prepared_scenes import PreparedScenes
from ktextures.training.request import Request

__all__ = ["Sample", "Stopped", "find"]

SAMPLE = 4_000
"""Pixels whose descriptors are compared."""

LAST = 20
"""Steps at the end of a training over which its loss is averaged."""

EMPTY = r"Only \d+ of \d+ classes hold pixels"
"""Beginning of a warning; the shares of a sweep say the same."""


class Stopped(Exception):
    """A sweep was asked to end; half a training says nothing about k."""


class Sample:
    """Pixels of the training tiles that all k are measured by.

    Parameters
    ----------
    basis : Basis
    wide : bool
        Whether wide windows vote on initial labels.
    seed : int

    Attributes
    ----------
    rows : array, shape (n, dimension), float32
        Descriptors, of wide windows where they vote.
    patterns : tensor, shape (1, 1, n, channel), float32
        What the masks see.
    """

    def __init__(self, basis: Basis, *, wide: bool, seed: int) -> None:
        views = basis.space.views(basis.channels, wide=wide)
        view = next((each for each in views if each.calm), views[0])
        valid = basis.seen.inside
        rows, fit = view.rows(valid)
        chosen = np.random.default_rng(seed).permutation(np.flatnonzero(fit))[:SAMPLE]
        self.rows = rows[chosen]
        patterns = basis.seen.patterns[valid][chosen]
        self.patterns = tf.constant(patterns[None, None].astype("float32"))

    def masks(self, model: KTextures) -> np.ndarray:
        """The mask of a model, from 0, that each pixel is in."""
        logits = model.mask_network.classify(self.patterns)[0, 0]
        return np.asarray(np.argmax(logits, -1))


def find(
    prepared: PreparedScenes,
    request: Request,
    scene: xr.DataArray,
    sample: Sample,
    previous: Found | None,
    stopped: Callable[[], bool] = lambda: False,
) -> Found:
    """Train a model of k classes quickly, apply it, and measure what it found.

    Parameters
    ----------
    prepared : PreparedScenes
        Of one scene, by preset "default".
    request : Request
        With k, and the preset of a quick training.
    scene : DataArray (band, y, x)
        What the model is applied to.
    sample : Sample
    previous : Found or None
        For the k before.
    stopped : callable
        Asked after each step; returning True ends the training.

    Raises
    ------
    Stopped
        After Ctrl-C, or if asked to.
    InputError
        If training fails.
    """
    start = time.perf_counter()
    with told_in_our_words(), _one_trace_each(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", EMPTY, UserWarning)
        warm = None if previous is None else from_bytes(previous.model)
        model = _trained(prepared, request, warm, stopped)
        reproduced = reproduction(sample.rows, request.k, request.seed)
        classes = segment(scene, model, progress=False).classes.values
    colors, parents = lineage(classes, request.k, previous)
    names = ClassTable.default(request.k).names
    numbers = {
        **separation(sample.rows, sample.masks(model), request.seed),
        "dictionary_loss": float(np.mean(model.record.losses["dictionary"][-LAST:])),
        "stability": reproduced.stability,
        "prediction_strength": reproduced.strength,
        "prediction_strength_error": reproduced.error,
    }
    content = model.with_classes(ClassTable(names, colors)).to_bytes()
    numbers["seconds"] = time.perf_counter() - start
    return Found(request.k, classes, colors, parents, content, numbers)


@contextmanager
def _one_trace_each() -> Iterator[None]:
    """Silence TensorFlow about the functions of each k, which are compiled once."""

    def told(record: logging.LogRecord) -> bool:
        return "triggered tf.function retracing" not in record.getMessage()

    logger = tf.get_logger()
    logger.addFilter(told)
    try:
        yield
    finally:
        logger.removeFilter(told)


class _Ending(Callback):
    """Ends a training once it is told to."""

    def __init__(self, stopped: Callable[[], bool]) -> None:
        super().__init__()
        self._stopped = stopped

    def on_train_batch_end(
        self, batch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Look after each step."""
        if self._stopped():
            self.model.stop_training = True


def _trained(
    prepared: PreparedScenes,
    request: Request,
    warm: KTextures | None,
    stopped: Callable[[], bool],
) -> KTextures:
    plan = make_plan(prepared, request, warm=warm)
    loop = TrainingLoop(
        plan.model,
        plan.objective,
        steps=request.preset.steps,
        callbacks=[_Ending(stopped)],
        progress=False,
        conclude=lambda: conclude(plan, request, 1, continued=False),
    )
    loop.run()
    if plan.model.stop_training:
        # The loop has answered Ctrl-C, or the callback has.
        raise Stopped
    return plan.model
