"""Scenes, ready to be trained on with any number of classes."""

from dataclasses import dataclass
from functools import cached_property

from ktextures.features.protocol import FeatureExtractor
from ktextures.model.ktextures import KTextures
from ktextures.model.masks import MIN_K
from ktextures.raster.scaling import Preparation
from ktextures.raster.scene_samples import Samples, fit_preparation, joined
from ktextures.raster.scene_set import SceneSet
from ktextures.raster.tile_set import TileSet
from ktextures.training.basis import Basis
from ktextures.training.head_sample import HeadSample
from ktextures.training.request import Request

__all__ = ["PreparedScenes"]


@dataclass(frozen=True, eq=False)
class PreparedScenes:
    """One scene or several, ready to be trained on with any number of classes.

    Made by `prepare`; pass it to `train` in place of a scene.

    Attributes
    ----------
    scenes : SceneSet
    samples : list of array, shape (n, band)
        Pixels of each scene, in its own units.
    preparation : Preparation
        Scaling and filling of the bands.
    request : Request
        Preset, seed, texture scale, and features that were asked for.
    texture_scale : float or None
        Asked for, or chosen; None with preset "paper".
    extractors : tuple of FeatureExtractor
        Fitted.
    tiles : TileSet
        Training tiles.
    basis : Basis or None
        What preset "default" computes of the tiles.
    """

    scenes: SceneSet
    samples: Samples
    preparation: Preparation
    request: Request
    texture_scale: float | None
    extractors: tuple[FeatureExtractor, ...]
    tiles: TileSet
    basis: Basis | None = None

    def __repr__(self) -> str:
        """Sizes, preset, and texture scale."""
        sizes = ", ".join(f"{rows} x {columns}" for rows, columns in self.scenes.sizes)
        scale = self.texture_scale
        texture = "" if scale is None else f", texture scale {scale:g} px"
        return (
            f"<PreparedScenes: {sizes} pixels, {len(self.scenes.bands)} bands, preset "
            f"{self.request.preset.name!r}{texture}, seed {self.request.seed}>"
        )

    def fits(self, model: KTextures) -> bool:
        """Whether a model can be trained further on what was prepared.

        Parameters
        ----------
        model : KTextures
            The earlier model.

        Returns
        -------
        bool
            True if its preset, scaling, and texture scale are those of the scenes.
        """
        return (
            model.config.preset == self.request.preset.name
            and model.preparation == self.preparation
            and model.mask_network.texture_scale == self.texture_scale
        )

    def sample_for(self, model: KTextures) -> HeadSample:
        """Sample the training tiles as a model sees them, to change its classes.

        Parameters
        ----------
        model : KTextures
            One that fits.

        Returns
        -------
        HeadSample
            Up to 20,000 pixels.
        """
        if self.basis is not None and self.basis.seen.fits(model.mask_network):
            return HeadSample.of_seen(model, self.basis.seen)
        values, _ = self.tiles.inner(model.reach)
        return HeadSample.of_tiles(model, values, self.tiles.inner()[1])

    @cached_property
    def _known_k(self) -> list[int]:
        """Numbers of classes known to be possible."""
        return [MIN_K]

    def check_k(self, k: int) -> None:
        """Refuse more classes than there are distinct pixels.

        Parameters
        ----------
        k : int
            Number of classes.

        Raises
        ------
        InputError
            If k is too large for these scenes.
        """
        if k > max(self._known_k):
            fit_preparation(
                self.scenes, joined(self.samples), self.preparation.scaler, k
            )
            self._known_k.append(k)
