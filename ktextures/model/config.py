"""What a model is built from, what its training records, and what it shows."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ktextures.classes.table import ClassTable
from ktextures.errors import InputError
from ktextures.hints.hints import Hints

__all__ = ["ModelConfig", "Snapshot", "TrainingRecord", "check_bands"]


@dataclass(frozen=True)
class ModelConfig:
    """What a model is built from.

    Parameters
    ----------
    k : int
        Number of classes.
    bands : tuple of str
        Names of the bands, in order.
    roles : tuple of str
        "red", "green", "blue", "nir" or "" per band.
    preset : {"default", "paper"}
    seed : int
    masks : {"contextual", "published"}
    textures : {"tileable", "published"}
    masks_options : mapping
        Further arguments of the mask network.
    """

    k: int
    bands: tuple[str, ...]
    roles: tuple[str, ...]
    preset: str
    seed: int
    masks: str
    textures: str
    masks_options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> "ModelConfig":
        """Build from what `dataclasses.asdict` gave."""
        settings = dict(settings)
        for name in ("bands", "roles"):
            settings[name] = tuple(settings[name])
        options = dict(settings.get("masks_options", {}))
        if isinstance(options.get("groups"), list):
            options["groups"] = tuple(options["groups"])
        return cls(**{**settings, "masks_options": options})


@dataclass(frozen=True)
class TrainingRecord:
    """What training leaves behind besides weights.

    Attributes
    ----------
    classes : ClassTable
        Names and colors of the classes 1..k.
    order : array, shape (k,), int
        ``order[i]`` is the mask that is class i + 1: darkest class first.
    losses : dict of str to list of float
        One value per training step.
    provenance : dict
        Seed, steps, preset, features, weights used, versions.
    hints : Hints
        Places of known class, by number, that the model was trained with.
    """

    classes: ClassTable
    order: np.ndarray
    losses: dict[str, list[float]] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    hints: Hints = field(default_factory=Hints)

    @property
    def hints_origin(self) -> str | None:
        """The scene whose columns and rows hints without CRS are in."""
        described = self.provenance.get("hints")
        found = described.get("scene") if isinstance(described, Mapping) else None
        return None if found is None else str(found)

    @property
    def steps(self) -> int:
        """Training steps done."""
        return len(self.losses.get("loss", ()))

    def copy(self) -> "TrainingRecord":
        """A record that later training steps do not change."""
        losses = {name: list(trace) for name, trace in self.losses.items()}
        return replace(
            self,
            order=self.order.copy(),
            losses=losses,
            provenance=deepcopy(self.provenance),
        )


@dataclass(frozen=True)
class Snapshot:
    """What a model makes of a preview at one moment; its arrays are read-only.

    Attributes
    ----------
    step : int
        Training steps done.
    classes : array, shape (y, x), uint8
        1..k, 0 = nodata.
    simulated : array, shape (y, x, band), float32
        In the scene's own units; NaN where there is no data.
    textures : array, shape (class, y, x, band), float32
        In the scene's own units, in class order.
    losses : mapping of str to float
        Of the last step.
    confidence : array, shape (y, x), float32, or None
        Lead of the most probable class over the second, 0..1; None with published
        masks.
    """

    step: int
    classes: np.ndarray
    simulated: np.ndarray
    textures: np.ndarray
    losses: Mapping[str, float]
    confidence: np.ndarray | None = None

    @property
    def masks(self) -> np.ndarray:
        """Binary masks, shape (class, y, x), bool."""
        values = np.arange(1, len(self.textures) + 1, dtype="uint8")
        return np.asarray(self.classes == values[:, None, None])


def check_bands(names: Sequence[str], config: ModelConfig) -> None:
    """Refuse a scene whose bands are not the model's, in number, order or name.

    Parameters
    ----------
    names : sequence of str
        Bands of the scene, in order.
    config : ModelConfig

    Raises
    ------
    InputError
        If they differ.
    """
    found = tuple(str(name) for name in names)
    if found != config.bands:
        raise InputError(
            f"The scene has the bands {list(found)}; the model was trained on "
            f"{list(config.bands)}. Choose and order them with "
            "open_scene(..., bands=[...]), or scene.assign_coords(band=...)."
        )
