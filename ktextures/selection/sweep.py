"""Try several numbers of classes, and recommend one."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr
from tqdm.auto import tqdm

from ktextures.errors import InputError
from ktextures.features.protocol import FeatureExtractor
from ktextures.model.ktextures import KTextures, from_bytes
from ktextures.model.masks import check_k
from ktextures.raster.scaling import BandScaler
from ktextures.raster.scene_samples import read_samples
from ktextures.raster.scene_set import SceneSet, open_scenes
from ktextures.raster.thin import thin
from ktextures.selection.dataset import as_dataset
from ktextures.selection.found import Found, Kept
from ktextures.selection.one_k import Sample, Stopped, find
from ktextures.training.checkpoint import fingerprint, prepare_folder
from ktextures.training.identity import identity
from ktextures.training.prepare import fit_bands, prepare_scenes
from ktextures.training.prepared_scenes import PreparedScenes
from ktextures.training.presets import DefaultPreset, Preset
from ktextures.training.request import Request, check_given, check_request

__all__ = ["sweep", "sweep_model", "sweep_prepared"]

STEPS, IMITATION = 150, 0.15
"""Steps of the training for each k, and the share that only learns initial labels."""

HURRY, AVERAGING = 3, 25
"""How many times faster than in a full training the masks learn, and the steps over
which their weights are averaged: 150 steps then lead further than 200 of those."""

MOST_PIXELS = 4_000_000
"""Of larger scenes, every n-th pixel is classified."""


def sweep(
    scene: xr.DataArray | PreparedScenes,
    ks: Iterable[int] = range(2, 13),
    *,
    seed: int | None = None,
    preset: str | Preset | None = None,
    texture_scale: float | str = "auto",
    features: FeatureExtractor | Sequence[FeatureExtractor] | None = None,
    scaler: BandScaler | None = None,
    checkpoint: str | Path | None = None,
    on_k: Callable[[xr.Dataset], None] | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Segment a scene into several numbers of classes, and recommend one of them.

    The scene is prepared once. For each k, a model is trained for some steps, from
    what the one before has learned to see; its map is close to that of `train`, not
    the same.

    Ctrl-C returns what was found so far.

    Parameters
    ----------
    scene : DataArray (band, y, x) or PreparedScenes
        One scene, as for `train`.
    ks : iterable of int
        Numbers of classes, 2 to 128, in any order.
    seed : int, optional
        Same seed, scene, and versions: same result. Drawn and recorded if not given.
    preset : "default" or DefaultPreset, optional
        Number of steps, ``imitation_share``, and ``averaging`` do not count here.
    texture_scale : float or "auto"
        As for `train`.
    features : FeatureExtractor or sequence of them, optional
        As for `train`.
    scaler : BandScaler, optional
        As for `train`.
    checkpoint : path, optional
        Folder that keeps what is found for each k. Called again with the same
        arguments, the sweep goes on from there, with the same result.
    on_k : callable, optional
        Called after each k with the Dataset of what was found so far.
    progress : bool
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        Over ``k``: ``classes`` (k, y, x) uint8, 1..k, 0 = nodata, with the scene's CRS
        and transform; every n-th pixel of scenes beyond 4 megapixels, where n is the
        attribute ``step``. Over (k, class): ``share`` 0..1, ``color``, and ``parent``,
        the class of the previous k that a class overlaps most, 0 = none. Over k:
        ``prediction_strength`` and its standard error, and other measures, each with a
        ``long_name``; ``reproducible``, whether prediction strength is 0.85 or more,
        and ``uncertain``, whether it lies within one standard error of that;
        ``model_file``, for `sweep_model`. Attributes ``recommended_k`` and
        ``recommended_by`` give the largest reproducible k.

    Raises
    ------
    InputError
        If an argument or the scene cannot be used, the checkpoint folder is that of
        another sweep, or Ctrl-C came before anything was found.
    OutputError
        If the checkpoint folder cannot be written.
    ModelFileError
        If a file in it is damaged.

    See Also
    --------
    plot_sweep : Draw the measures and the maps.
    plot_lineage : Draw how classes divide from k to k.

    Notes
    -----
    Prediction strength (Tibshirani & Walther 2005, Journal of Computational and
    Graphical Statistics 14:511) compares the groups that k-means finds in random halves
    of 4,000 pixels by their descriptors. Its standard error is that of the halving; it
    does not include the choice of pixels.

    Examples
    --------
    >>> import ktextures as kt
    >>> scene, truth = kt.datasets.synthetic(64, k=2, seed=1)
    >>> found = kt.sweep(scene, [2, 3], seed=1, progress=False)
    >>> found.classes.dims
    ('k', 'y', 'x')
    """
    found_ks = _check_ks(ks)
    if on_k is not None and not callable(on_k):
        raise InputError(f"on_k is {on_k!r}; give a function that takes a Dataset.")
    given = scene if isinstance(scene, PreparedScenes) else None
    scenes = given.scenes if given else open_scenes(scene)
    request = _request(given, scenes, preset, texture_scale, features, scaler, seed)
    request = replace(request, k=found_ks[0], progress=progress)
    if checkpoint is not None:
        prepare_folder(checkpoint)
    samples = given.samples if given else read_samples(scenes)
    if given:
        given.check_k(found_ks[-1])
        bands = given.preparation
    else:
        bands = fit_bands(scenes, samples, found_ks[-1], scaler)
    kept = None
    if checkpoint is not None:
        same = identity(request, scenes, samples, bands.scaler, None)
        kept = Kept(checkpoint, fingerprint({"first": same, "ks": found_ks}, []))
    try:
        prepared = given or prepare_scenes(scenes, samples, bands, request)
        run = Run(prepared, request, kept)
    except KeyboardInterrupt:
        raise _nothing_found() from None
    result = run.over(found_ks, on_k or (lambda _: None))
    if result is None:
        raise _nothing_found()
    return result


def sweep_prepared(
    prepared: PreparedScenes,
    ks: Iterable[int],
    scene: xr.DataArray,
    *,
    step: int,
    on_k: Callable[[xr.Dataset], None],
    stopped: Callable[[], bool],
) -> xr.Dataset | None:
    """Sweep with maps of another scene, such as a preview; to watch and to stop.

    Parameters
    ----------
    prepared : PreparedScenes
        What is trained on.
    ks : iterable of int
    scene : DataArray (band, y, x)
        What is classified, in memory.
    step : int
        Pixels of the prepared scene per pixel of it.
    on_k : callable
        As for `sweep`.
    stopped : callable
        Asked after each step; returning True ends the sweep.

    Returns
    -------
    Dataset or None
        As of `sweep`; None if it was stopped before anything was found.

    Raises
    ------
    InputError
        As `sweep`.
    """
    found_ks = _check_ks(ks)
    scenes = prepared.scenes
    request = _request(prepared, scenes, None, "auto", None, None, None)
    prepared.check_k(found_ks[-1])
    run = Run(prepared, replace(request, k=found_ks[0], progress=False), None)
    run.scene, run.step = scene, step
    return run.over(found_ks, on_k, stopped)


def sweep_model(sweep: xr.Dataset, k: int) -> KTextures:
    """The model of one number of classes of a sweep.

    Parameters
    ----------
    sweep : Dataset
        What `ktextures.sweep` returned, or what was read from a file of it.
    k : int
        One of the numbers of classes.

    Returns
    -------
    KTextures
        Its classes have the colors of the sweep. To train it fully, pass it to
        ``ktextures.train(scene, model=...)``.

    Raises
    ------
    InputError
        If there is no model for this k.
    ModelFileError
        If it is damaged.

    Examples
    --------
    >>> import ktextures as kt
    >>> scene, truth = kt.datasets.synthetic(64, k=2, seed=1)
    >>> found = kt.sweep(scene, [3], texture_scale=0, seed=1, progress=False)
    >>> kt.sweep_model(found, 3).k
    3
    """
    if not isinstance(sweep, xr.Dataset) or not {"model_file", "k"} <= set(
        sweep.variables
    ):
        raise InputError(
            "the sweep has no 'model_file'; give the Dataset that ktextures.sweep "
            "returned."
        )
    ks = np.atleast_1d(sweep.k.values).tolist()
    if k not in ks:
        raise InputError(
            f"k is {k!r}, but the sweep has only k = {', '.join(map(str, ks))}; choose "
            "one of these, or sweep again with ks=[...]."
        )
    one = sweep.sel(k=k)
    content = one.model_file.values[: int(one.model_size)].astype("uint8").tobytes()
    return from_bytes(content, f"the model of k = {k}")


@dataclass
class Run:
    """A sweep over a prepared scene."""

    prepared: PreparedScenes
    request: Request
    kept: Kept | None

    def __post_init__(self) -> None:
        scene, preset = self.prepared.scenes.first, self.request.preset
        basis, scale = self.prepared.basis, self.prepared.texture_scale or 0
        if basis is None or not isinstance(preset, DefaultPreset):
            raise _not_default()
        size = scene.sizes["y"] * scene.sizes["x"]
        self.step = math.ceil(math.sqrt(size / MOST_PIXELS))
        self.scene = thin(scene, self.step)
        wide = scale >= preset.wide_scale
        self.sample = Sample(basis, wide=wide, seed=self.request.seed)

    def over(
        self,
        ks: Sequence[int],
        on_k: Callable[[xr.Dataset], None],
        stopped: Callable[[], bool] = lambda: False,
    ) -> xr.Dataset | None:
        """What is found for these k, or for those before the sweep was ended."""
        done: list[Found] = []
        result = None
        bar = tqdm(ks, desc="sweep", unit="k", disable=not self.request.progress)
        try:
            for k in bar:
                done.append(self._one(k, done[-1] if done else None, stopped))
                result = self._dataset(done)
                on_k(result)
        except (KeyboardInterrupt, Stopped):
            pass  # What was found before is the result.
        finally:
            bar.close()
        return result

    def _dataset(self, done: Sequence[Found]) -> xr.Dataset:
        attrs = {
            "title": "k-textures sweep over the number of classes",
            "seed": self.request.seed,
            "texture_scale": self.prepared.texture_scale or 0.0,
            "step": self.step,
        }
        return as_dataset(done, self.scene, attrs)

    def _one(
        self, k: int, previous: Found | None, stopped: Callable[[], bool]
    ) -> Found:
        if self.kept and k in self.kept.found:
            return self.kept.found[k]
        request = replace(self.request, k=k)
        found = find(self.prepared, request, self.scene, self.sample, previous, stopped)
        if self.kept:
            self.kept.write(found)
        return found


def _check_ks(ks: object) -> list[int]:
    """The numbers of classes in ascending order, each once."""
    if isinstance(ks, str) or not isinstance(ks, Iterable):
        raise InputError(
            f"ks is {ks!r}; give numbers of classes, such as range(2, 13)."
        )
    found = sorted({check_k(k) for k in ks})
    if not found:
        raise InputError("ks is empty; give numbers of classes, such as range(2, 13).")
    return found


def _request(
    given: PreparedScenes | None,
    scenes: SceneSet,
    preset: str | Preset | None,
    texture_scale: float | str,
    features: FeatureExtractor | Sequence[FeatureExtractor] | None,
    scaler: BandScaler | None,
    seed: int | None,
) -> Request:
    """The arguments of a quick training, those of prepared scenes where given."""
    if len(scenes) != 1:
        raise InputError(
            f"There are {len(scenes)} scenes; a sweep takes one. Sweep over each, or "
            "over the one that shows most."
        )
    if given:
        check_given(given.request, preset, texture_scale, features, scaler)
        preset = preset or given.request.preset
        seed = given.request.seed if seed is None else seed
    made = check_request(None, preset, None, texture_scale, features, seed, None)
    chosen = made.preset
    if not isinstance(chosen, DefaultPreset):
        raise _not_default()
    scenes.check_sizes()
    if given:
        own = given.request
        made = replace(made, texture_scale=own.texture_scale, features=own.features)
    return replace(made, preset=_quick(chosen), may_settle=False)


def _quick(preset: DefaultPreset) -> DefaultPreset:
    """The preset with few and large steps."""
    return replace(
        preset,
        steps=STEPS,
        imitation_share=IMITATION,
        learning_rate=min(HURRY * preset.learning_rate, 1.0),
        averaging=AVERAGING,
    )


def _not_default() -> InputError:
    return InputError(
        "The preset is not 'default', the only one that a sweep can compare "
        "descriptors with. Leave preset out, or prepare the scene without it."
    )


def _nothing_found() -> InputError:
    return InputError(
        "The sweep was interrupted before anything was found. Call it again, with "
        "fewer or smaller ks if it takes too long."
    )
