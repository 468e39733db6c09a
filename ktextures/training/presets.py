"""The two presets as values: every number that decides how a model is trained."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

from ktextures.errors import InputError

__all__ = ["DefaultPreset", "PaperPreset", "Preset", "default", "find_preset", "paper"]

OF_STEPS = {
    "averaging",
    "continued_learning_rate",
    "hinted_learning_rate",
    "hinted_steps",
    "imitation_share",
    "learning_rate",
    "loss_weights",
    "patience",
    "settled_change",
    "steps",
    "texture_learning_rate",
}
"""Settings that the preparation of scenes does not depend on."""


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _weights(given: object) -> dict[str, float]:
    if not isinstance(given, Mapping):
        raise InputError(
            f"loss_weights is {given!r}; give numbers by the name of their loss, "
            '{"imitation": 0.6} for example.'
        )
    for name, value in given.items():
        if not _is_number(value) or not 0 <= float(value) < math.inf:
            raise InputError(
                f"loss_weights has {value!r} for {name!r}; give a number of 0 or more."
            )
    return {str(name): float(value) for name, value in given.items()}


@dataclass(frozen=True, kw_only=True)
class Preset:
    """How a model is trained; see `DefaultPreset` and `PaperPreset`.

    Change one with `dataclasses.replace`, pass it to `ktextures.train`, and the model
    records it.

    Parameters
    ----------
    steps : int
        Gradient steps.
    learning_rate : float
        Of the masks at the first step, above 0 and up to 1.
    loss_weights : mapping of str to float
        Weight of each loss, 0 or more.
    tile_size : int
        Largest side of a training tile, in pixels.
    max_tiles : int
        Most tiles that are read from a scene.

    Raises
    ------
    InputError
        If a value is out of range.

    Examples
    --------
    >>> from dataclasses import replace
    >>> import ktextures as kt
    >>> preset = replace(kt.presets.default, steps=100)
    >>> preset.name, preset.steps
    ('default', 100)
    """

    name = ""
    steps: int
    learning_rate: float
    loss_weights: Mapping[str, float] = field(default_factory=dict)
    tile_size: int
    max_tiles: int

    def __post_init__(self) -> None:
        """Check what every preset has."""
        if not _is_whole(self.steps) or self.steps < 1:
            raise InputError(
                f"steps is {self.steps!r}; give a whole number of 1 or more."
            )
        for name in ("tile_size", "max_tiles"):
            value = getattr(self, name)
            if not _is_whole(value) or value < 1:
                raise InputError(
                    f"{name} is {value!r}; give a whole number of 1 or more."
                )
        for name in (each.name for each in fields(self) if "rate" in each.name):
            value = getattr(self, name)
            if not _is_number(value) or not 0 < value <= 1:
                raise InputError(
                    f"{name} is {value!r}; give a number above 0 and up to 1, "
                    "0.003 for example."
                )
        object.__setattr__(self, "loss_weights", _weights(self.loss_weights))

    def prepares_like(self, other: "Preset") -> bool:
        """Whether scenes prepared for one preset can be trained on with the other.

        Parameters
        ----------
        other : Preset
            The one to train with.

        Returns
        -------
        bool
            True if they differ at most in what decides about the steps: their number,
            learning rates, losses, and when labels have settled.
        """
        if self.name != other.name:
            return False
        mine, yours = self.to_dict(), other.to_dict()
        return all(mine[name] == yours[name] for name in set(mine) - OF_STEPS)

    def with_learning_rate(self, rate: float) -> Self:
        """The preset with another learning rate of the masks; others in proportion.

        Parameters
        ----------
        rate : float
            Above 0 and up to 1.

        Returns
        -------
        Preset
            A changed copy.

        Raises
        ------
        InputError
            If it is out of range.
        """
        return replace(self, learning_rate=rate)

    def to_dict(self) -> dict[str, Any]:
        """Name and values of the preset.

        Returns
        -------
        dict
            In plain JSON types.
        """
        settings = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }
        return {"name": self.name, **settings}


@dataclass(frozen=True, kw_only=True)
class DefaultPreset(Preset):
    """Contextual masks that choose among the textures of a dictionary.

    Parameters
    ----------
    steps, learning_rate, loss_weights, tile_size, max_tiles
        See `Preset`. The losses are "dictionary", "imitation" (of the initial labels,
        after the steps in which it is the only one), "simulation" (masks found again
        in the simulated image) and "hints" (classes of hinted pixels).
    continued_learning_rate : float
        Of the masks, when a model is trained further.
    texture_learning_rate : float
        Of the textures.
    hinted_steps : int
        Steps in which the masks of a model that is trained further with new hints only
        learn what the hints say; if no number of steps is asked for, there are no more.
    hinted_learning_rate : float
        Of the masks at the first of these steps; it falls from there.
    halo : int
        Pixels around a tile that descriptors and masks see.
    imitation_share : float
        Share of the steps in which the masks only learn the initial labels, 0..1.
    settled_change : float
        Share of the training pixels below which the labels that change from one review
        (40 steps) to the next count as few.
    patience : int
        Reviews in a row with few changes after which labels have settled. Training then
        ends early, unless a number of steps was asked for.
    averaging : int
        Steps over which the weights of the masks are averaged.
    segment_scales : tuple of float
        Scales of the segments over which descriptors are averaged.
    pooling : float
        Standard deviation of the descriptors' local mean, in texture scales.
    color_weight : float
        How much the color of the pixel itself counts beside texture, which has weight
        1, for pixels of up to `color_pixel`; for larger ones, in proportion to their
        size.
    color_pixel : float
        Pixel size in meters. In larger pixels, fewer objects have a texture.
    color_offset : float
        Added to bands in 0..1 before their logarithm is taken, above 0. The smaller,
        the more differences between dark pixels count.
    noise_lags : tuple of int
        Distances in pixels over which differences of texture count as noise.
    noise_shrinkage : float
        Share of the mean noise added to each channel, 0..1.
    texture_scale, wide_scale : float
        Texture scales in pixels that "auto" chooses from.
    wide_from : float
        What wide windows must gain for "auto" to take the wide scale; see
        `ktextures.training.texture_scale`.
    """

    name = "default"
    steps: int = 600
    learning_rate: float = 1e-2
    tile_size: int = 320
    max_tiles: int = 8
    continued_learning_rate: float = 3e-3
    texture_learning_rate: float = 1e-2
    hinted_steps: int = 150
    hinted_learning_rate: float = 2e-2
    halo: int = 40
    imitation_share: float = 1 / 4
    settled_change: float = 0.008
    patience: int = 2
    averaging: int = 50
    segment_scales: tuple[float, ...] = (50.0, 100.0, 200.0)
    pooling: float = 2.0
    color_weight: float = 0.3
    color_pixel: float = 3.0
    color_offset: float = 0.4
    noise_lags: tuple[int, ...] = (6, 12, 24)
    noise_shrinkage: float = 0.3
    texture_scale: float = 2.0
    wide_scale: float = 6.0
    wide_from: float = 1.53

    def __post_init__(self) -> None:
        """Check the losses, and make tuples of lists."""
        super().__post_init__()
        known = {"dictionary": 1.0, "imitation": 0.6, "simulation": 1.0, "hints": 0.3}
        unknown = sorted(set(self.loss_weights) - set(known))
        if unknown:
            raise InputError(
                f"loss_weights names {', '.join(unknown)}; the losses of preset "
                f"'default' are {', '.join(known)}."
            )
        object.__setattr__(self, "loss_weights", known | dict(self.loss_weights))
        if not _is_whole(self.hinted_steps) or self.hinted_steps < 1:
            raise InputError(
                f"hinted_steps is {self.hinted_steps!r}; give a whole number of 1 or "
                "more."
            )
        for name in ("segment_scales", "noise_lags"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not 0 <= self.imitation_share <= 1:
            raise InputError(
                f"imitation_share is {self.imitation_share!r}; give a number from 0 "
                "to 1."
            )

    def with_learning_rate(self, rate: float) -> Self:
        """The preset with another learning rate of the masks; others in proportion.

        Parameters
        ----------
        rate : float
            Above 0 and up to 1; also of a model that is trained further.

        Returns
        -------
        DefaultPreset
            A changed copy.

        Raises
        ------
        InputError
            If it is out of range.
        """
        ratio = self.texture_learning_rate / self.learning_rate
        return replace(
            self,
            learning_rate=rate,
            continued_learning_rate=rate,
            texture_learning_rate=min(rate * ratio, 1.0) if _is_number(rate) else rate,
        )


@dataclass(frozen=True, kw_only=True)
class PaperPreset(Preset):
    """The method as published (Wagner et al. 2022), except as documented.

    Parameters
    ----------
    steps, learning_rate, loss_weights, tile_size, max_tiles
        See `Preset`. The losses are "features 1", "features 2" and so on, one per
        feature map; those not named weigh 1.
    encoder_steps : int
        Gradient steps of the scene encoder that is trained if no features are given.
    """

    name = "paper"
    steps: int = 10_240
    learning_rate: float = 1e-3
    tile_size: int = 128
    max_tiles: int = 1024
    encoder_steps: int = 500


default = DefaultPreset()
"""Made for laptops without a GPU."""

paper = PaperPreset()
"""As published."""


def find_preset(preset: str | Preset | Mapping[str, Any]) -> Preset:
    """The preset of a name, of a record, or the preset itself.

    Parameters
    ----------
    preset : {"default", "paper"}, Preset, or mapping
        A mapping is what `Preset.to_dict` returned.

    Returns
    -------
    Preset

    Raises
    ------
    InputError
        If there is no such preset.

    Examples
    --------
    >>> find_preset("paper").steps
    10240
    """
    if isinstance(preset, Preset):
        return preset
    known = {each.name: each for each in (default, paper)}
    settings = dict(preset) if isinstance(preset, Mapping) else {"name": preset}
    name = settings.pop("name", None)
    if not isinstance(name, str) or name not in known:
        raise InputError(
            f"preset is {name!r}; choose from {', '.join(known)}, or pass a preset "
            "such as dataclasses.replace(ktextures.presets.default, steps=300)."
        )
    try:
        return replace(known[name], **settings)
    except TypeError as error:
        raise InputError(f"preset {name!r}: {error}") from error
