"""Samples as batches of tensors, for training with Keras."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ktextures._arguments import checked_whole
from ktextures._loading import load_module
from ktextures.errors import InputError
from ktextures.samples.blocks import SPLITS
from ktextures.samples.chips import read_image, read_label
from ktextures.samples.result import TrainingSamples
from ktextures.samples.settings import check_seed

__all__ = ["read_samples"]

StrPath = str | os.PathLike[str]
FloatArray = npt.NDArray[np.float32]


def read_samples(
    folder: StrPath | TrainingSamples,
    split: str = "train",
    *,
    batch_size: int = 8,
    shuffle: bool = False,
    augment: bool = False,
    scale: bool = True,
    ignore: int | str | Sequence[int | str] = (),
    seed: int = 0,
) -> Any:
    """Read samples for training or testing a Keras model.

    ``model.fit(kt.read_samples(folder))`` works with a model that gives k outputs for
    each pixel and the loss ``SparseCategoricalCrossentropy``.

    Parameters
    ----------
    folder : path or TrainingSamples
        Folder that `ktextures.training_samples` wrote, or its result.
    split : {"train", "validation", "test"}
    batch_size : int, default 8
        Chips in a batch; the last batch may have fewer.
    shuffle : bool, default False
        Read the chips in another order in each epoch.
    augment : bool, default False
        Turn each chip by a random multiple of 90 degrees and mirror half of them.
    scale : bool, default True
        Subtract the mean of each band and divide by its standard deviation, both of the
        training chips, in every split. False: values as in the files.
    ignore : int or str, or sequence of them, optional
        Classes that get weight 0 besides pixels without data, by number or name.
    seed : int, default 0
        Of order and augmentation.

    Returns
    -------
    tf.data.Dataset
        Batches of ``image`` float32 (batch, y, x, band), 0 where there is no data;
        ``label`` int32 (batch, y, x), the class minus 1, so 0..k-1; ``weight`` float32
        (batch, y, x), 1, or 0 where the pixel is ignored (its label is then 0). Its
        length is the number of batches.

    Raises
    ------
    InputError
        If there are no samples in the folder or in the split, or an argument is out of
        range.

    Examples
    --------
    >>> import tempfile
    >>> import ktextures as kt
    >>> scene, truth = kt.datasets.synthetic(256, k=3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     samples = kt.training_samples(
    ...         scene, truth, f"{folder}/samples", size=32, progress=False
    ...     )
    ...     image, label, weight = next(iter(kt.read_samples(samples, batch_size=4)))
    >>> image.shape.as_list(), label.shape.as_list(), weight.shape.as_list()
    ([4, 32, 32, 4], [4, 32, 32], [4, 32, 32])
    """
    checked_whole("batch_size", batch_size, 1)
    check_seed(seed)
    samples = folder
    if not isinstance(samples, TrainingSamples):
        samples = TrainingSamples.read(samples)
    stems = _stems(samples, split)
    reader = _Reader(samples, stems, scale=scale, ignored=_ignored(samples, ignore))
    tf = load_module("tensorflow")
    dataset = tf.data.Dataset.range(len(stems))
    if shuffle:
        dataset = dataset.shuffle(len(stems), seed=seed)
    turns = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True)
    dataset = tf.data.Dataset.zip((dataset, turns))

    def read(place: Any, number: Any) -> Any:
        turn = number % 8 if augment else tf.zeros((), tf.int64)
        parts = tf.numpy_function(
            reader, (place, turn), (tf.float32, tf.int32, tf.float32)
        )
        return tuple(
            tf.ensure_shape(part, shape)
            for part, shape in zip(parts, reader.shapes, strict=True)
        )

    dataset = dataset.map(read, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.batch(batch_size).prefetch(tf.data.AUTOTUNE)


def _stems(samples: TrainingSamples, split: str) -> list[str]:
    if split not in SPLITS:
        raise InputError(f"split is {split!r}: give one of {', '.join(SPLITS)}")
    table = samples.manifest
    stems: list[str] = table["stem"][table["split"] == split].tolist()
    if not stems:
        raise InputError(
            f"the samples in '{samples.folder}' have no chips for {split}: give one of "
            f"{[name for name, count in samples.chips.items() if count]}"
        )
    return stems


def _ignored(
    samples: TrainingSamples, given: int | str | Sequence[int | str]
) -> list[int]:
    """Numbers of the classes to ignore."""
    names = samples.classes.names
    found: list[int] = []
    for each in [given] if isinstance(given, int | str) else given:
        if isinstance(each, str) and each in names:
            found += [value for value, name in enumerate(names, 1) if name == each]
        elif isinstance(each, int | np.integer) and 1 <= each <= len(names):
            found.append(int(each))
        else:
            raise InputError(
                f"ignore: there is no class {each!r}: give numbers 1..{len(names)} or "
                f"names from {list(names)}"
            )
    return found


class _Reader:
    """Reads one chip after the other; called by number."""

    def __init__(
        self,
        samples: TrainingSamples,
        stems: Sequence[str],
        *,
        scale: bool,
        ignored: Sequence[int],
    ) -> None:
        described = samples.description
        self.paths = [(samples.image(stem), samples.label(stem)) for stem in stems]
        size, bands = described["size"], len(described["bands"])
        self.shapes = ((size, size, bands), (size, size), (size, size))
        self.mean, self.std = np.zeros(bands), np.ones(bands)
        if scale:
            known = described["statistics"]
            self.mean = np.array(known["mean"], np.float64)
            # A band without any variation becomes 0.
            self.std = np.array([each or 1.0 for each in known["std"]], np.float64)
        # Label 1..k to class 0..k-1, and whether it counts.
        self.classes = np.zeros(256, np.int32)
        self.weights = np.zeros(256, np.float32)
        k = len(described["classes"])
        for value in sorted(set(range(1, k + 1)) - set(ignored)):
            self.classes[value], self.weights[value] = value - 1, 1

    def __call__(
        self, place: Any, turn: Any
    ) -> tuple[FloatArray, npt.NDArray[np.int32], FloatArray]:
        """Image, label and weight of a chip, turned and mirrored in one of 8 ways."""
        image, label = self.paths[int(place)]
        values, valid = read_image(image)
        labels = read_label(label)
        scaled = (np.moveaxis(values, 0, -1) - self.mean) / self.std
        pixels = np.where(valid[..., None], scaled, 0).astype(np.float32)
        parts = (pixels, self.classes[labels], self.weights[labels])
        return tuple(_turned(part, int(turn)) for part in parts)  # type: ignore[return-value]  # three parts


def _turned(values: npt.NDArray[Any], turn: int) -> npt.NDArray[Any]:
    turned = np.rot90(values, turn % 4)
    return np.ascontiguousarray(turned[:, ::-1] if turn >= 4 else turned)
