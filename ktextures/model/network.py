"""The network behind a model: masks, textures and the simulated image of tiles."""

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ktextures.classes.table import ClassTable
from ktextures.errors import InputError
from ktextures.features.protocol import FeatureExtractor
from ktextures.files.archive import Arrays
from ktextures.model.checks import check_weight, weight_names
from ktextures.model.config import ModelConfig, Snapshot, TrainingRecord
from ktextures.model.masks import ContextualMasks, PublishedMasks, check_k
from ktextures.model.textures import PublishedTextures, TileableTextures
from ktextures.raster.scaling import Preparation

__all__ = ["TEXTURE_SIDE", "Network"]

MASKS = {"published": PublishedMasks, "contextual": ContextualMasks}
TEXTURES = {"published": PublishedTextures, "tileable": TileableTextures}
TEXTURE_SIDE = 128
"""Side in pixels of the texture that is laid over the scene in the simulated image."""

STRIP = 128
"""Rows of a preview that are inferred together: bounds memory, not the result."""


class Network(keras.Model):
    """A mask network and one texture generator per class, over arrays and tensors.

    Parameters
    ----------
    config : ModelConfig
    preparation : Preparation
        Frozen scaling of the bands.
    extractors : sequence of FeatureExtractor
        What the loss compares; kept so that training can be continued.

    Attributes
    ----------
    record : TrainingRecord
        Classes, their order, losses and provenance.
    lock : threading.RLock
        Held while a training step changes weights and record.
    in_training : bool
        Whether a training is changing the model.
    """

    extractors: tuple[FeatureExtractor, ...]
    in_training = False
    optimizer = None
    """Keras's callbacks look for one; the objectives of a training have their own."""

    def __init__(
        self,
        config: ModelConfig,
        preparation: Preparation,
        extractors: Sequence[FeatureExtractor] = (),
    ) -> None:
        super().__init__(name="ktextures")
        check_k(config.k)
        self.config, self.preparation = config, preparation
        self.set_extractors(extractors)
        self.mask_network = MASKS[config.masks](
            config.k, seed=config.seed, name="masks", **config.masks_options
        )
        self.texture_bank = TEXTURES[config.textures](
            config.k, len(config.bands), seed=config.seed + 1, name="textures"
        )
        self.mask_network.build((None, None, None, len(config.bands)))
        self.texture_bank.build()
        self.built = True
        # Compiled, a look at a preview takes a third of the time.
        self._seen = _compiled(self.mask_network.row_logits, len(config.bands))
        self._drawn = _compiled(self.texture_bank, self.texture_bank.noise_channels)
        self.record = TrainingRecord(ClassTable.default(config.k), np.arange(config.k))
        self.lock = threading.RLock()

    def set_extractors(self, extractors: Sequence[FeatureExtractor]) -> None:
        """Compare by other features from the next training on."""
        # Bypasses Keras's tracking: an extractor made of layers would be trained and
        # saved as part of the model.
        object.__setattr__(self, "extractors", tuple(extractors))

    @property
    def k(self) -> int:
        """Number of classes."""
        return self.config.k

    @property
    def reach(self) -> int:
        """Radius in pixels of the neighborhood that a pixel's class depends on."""
        return self.mask_network.reach

    def call(self, tiles: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Masks (batch, y, x, mask) of scaled tiles with a halo of `reach` pixels."""
        return self.mask_network(tiles, training=training)

    def chosen(self, tiles: np.ndarray) -> np.ndarray:
        """Mask chosen for each pixel of scaled tiles, as the network numbers them.

        Parameters
        ----------
        tiles : array, shape (batch, y + 2 reach, x + 2 reach, band), float32

        Returns
        -------
        array, shape (batch, y, x), int64
            From 0.
        """
        return self._largest(self._seen(tf.constant(tiles)))

    def infer(self, tiles: np.ndarray) -> dict[str, np.ndarray]:
        """Classes of scaled tiles, in class order.

        Parameters
        ----------
        tiles : array, shape (batch, y + 2 reach, x + 2 reach, band), float32

        Returns
        -------
        dict
            "classes" (batch, y, x) uint8, 1..k; where the mask network has them also
            "probabilities" (batch, y, x, class) float32, and "confidence" (batch, y, x)
            float32, the lead of the first over the second, 0..1.
        """
        values = np.empty(self.k, "uint8")
        values[self.record.order] = np.arange(1, self.k + 1)
        if not self.mask_network.has_probabilities:
            return {"classes": values[self.chosen(tiles)]}
        rows = self._seen(tf.constant(tiles))
        logits = self.mask_network.united(rows)
        soft = tf.nn.softmax(logits).numpy()[..., self.record.order]
        two = np.partition(soft, self.k - 2, axis=-1)[..., -2:]
        return {
            "classes": values[self._largest(rows)],
            "probabilities": soft,
            "confidence": two[..., 1] - two[..., 0],
        }

    def _largest(self, rows: tf.Tensor) -> np.ndarray:
        """Mask of the largest logit of `rows` (batch, y, x, row).

        Not by the logits of masks: of two equal ones, the first counts, and merging
        masks could change which that is.
        """
        return np.asarray(self.mask_network.groups)[rows.numpy().argmax(-1)]

    def draw_textures(
        self, height: int = TEXTURE_SIDE, width: int = TEXTURE_SIDE, seed: int = 0
    ) -> np.ndarray:
        """Textures of any size.

        Parameters
        ----------
        height, width : int
            In pixels of the scene.
        seed : int
            Of the noise; the same seed draws the same textures.

        Returns
        -------
        array, shape (class, y, x, band), float32
            Scaled, 0..1, in class order.

        Raises
        ------
        InputError
            If a side is below 1.
        """
        if min(height, width) < 1:
            raise InputError(
                f"height and width must be at least 1, got {height} x {width}."
            )
        noise = self.texture_bank.noise(height, width, tf.constant([seed, 0], "int32"))
        drawn = self._drawn(noise).numpy()
        return drawn[self.record.order, :height, :width]

    def simulate(
        self, classes: np.ndarray, textures: np.ndarray, row: int = 0, col: int = 0
    ) -> np.ndarray:
        """The simulated image, masks x textures summed, in the scene's own units.

        Parameters
        ----------
        classes : array, shape (y, x), uint8
            1..k, 0 = nodata.
        textures : array, shape (class, y, x, band)
            As `draw_textures` gives them; laid side by side over the scene.
        row, col : int
            Where `classes` begins in the scene, in pixels.

        Returns
        -------
        array, shape (y, x, band), float32
            NaN where there is no data.
        """
        height, width = classes.shape
        rows = (row + np.arange(height)) % textures.shape[1]
        cols = (col + np.arange(width)) % textures.shape[2]
        index = np.maximum(classes, 1) - 1
        scaled = textures[index, rows[:, None], cols[None, :]]
        units = self.preparation.scaler.inverse(scaled)
        return np.where(classes[..., None] > 0, units, np.float32(np.nan))

    def snapshot(self, values: np.ndarray, valid: np.ndarray) -> Snapshot:
        """Show what the model makes of a preview now, even while it is trained.

        Parameters
        ----------
        values : array, shape (y + 2 reach, x + 2 reach, band), float32
            Scaled and filled, with its halo.
        valid : array, shape (y, x), bool
            Without the halo.

        Returns
        -------
        Snapshot
        """
        with self.lock:
            textures = self.draw_textures()
            inferred = self._infer_by_strips(values)
            classes = np.where(valid, inferred["classes"], 0).astype("uint8")
            losses = {
                name: trace[-1] for name, trace in self.record.losses.items() if trace
            }
            step = self.record.steps
        simulated = self.simulate(classes, textures)
        textures = self.preparation.scaler.inverse(textures)
        confidence = inferred.get("confidence")
        for array in (classes, simulated, textures, confidence):
            if array is not None:
                array.setflags(write=False)
        return Snapshot(
            step, classes, simulated, textures, MappingProxyType(losses), confidence
        )

    def _infer_by_strips(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Classes, and confidence if there is one, of an array with its halo."""
        parts = []
        for row in range(0, len(values) - 2 * self.reach, STRIP):
            part = self.infer(values[None, row : row + STRIP + 2 * self.reach])
            part.pop("probabilities", None)
            parts.append(part)
        return {
            name: np.concatenate([part[name][0] for part in parts]) for name in parts[0]
        }

    def weight_arrays(self) -> Arrays:
        """Copies of all weights, by their number."""
        # Keras counts layer names over the whole process; numbers stay the same.
        return {f"weights/{i}": weight.numpy() for i, weight in enumerate(self.weights)}

    def assign_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Assign the weights that `weight_arrays` returned.

        Raises
        ------
        KeyError, ValueError
            If one is missing, not finite, or of another shape.
        """
        more = set(weight_names(arrays))
        more -= {f"weights/{index}" for index in range(len(self.weights))}
        if more:
            raise ValueError(f"unexpected extra weights {sorted(more)}")
        for index, weight in enumerate(self.weights):
            array = arrays[f"weights/{index}"]
            check_weight(index, array, weight.shape)
            weight.assign(array)


def _compiled(call: Callable[[tf.Tensor], tf.Tensor], channels: int) -> Any:
    """A function of tensors (batch, y, x, channel), compiled once for all sizes."""
    spec = tf.TensorSpec([None, None, None, channels], "float32")
    # TensorFlow would take several models for one that is compiled again and again, and
    # warn; it tells partial functions apart.
    return tf.function(partial(call), input_signature=[spec], autograph=False)
