"""Train a model on one scene or several."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import xarray as xr

from ktextures.errors import InputError
from ktextures.features.protocol import FeatureExtractor
from ktextures.hints.hints import Hints
from ktextures.model.config import check_bands
from ktextures.model.ktextures import KTextures, find_model
from ktextures.raster.scaling import BandScaler
from ktextures.raster.scene_samples import read_samples
from ktextures.raster.scene_set import SceneSet, open_scenes
from ktextures.training.callbacks import check_callbacks, preparation_listener
from ktextures.training.checkpoint import Checkpoint, prepare_folder
from ktextures.training.conclude import (
    conclude,
    told_in_our_words,
    warn_of_few_groups,
)
from ktextures.training.hint_lineage import placed_hints
from ktextures.training.hint_task import HintTask, make_task
from ktextures.training.identity import identity
from ktextures.training.loop import TrainingLoop
from ktextures.training.plan import Plan, make_plan
from ktextures.training.prepare import fit_bands, prepare_scenes
from ktextures.training.prepared_scenes import PreparedScenes
from ktextures.training.presets import DefaultPreset, Preset
from ktextures.training.request import Request, check_given, check_request
from ktextures.training.split_merge import check_k_may_change, regroup

__all__ = ["plan_training", "train"]


def train(
    scene: xr.DataArray | Sequence[xr.DataArray] | PreparedScenes,
    k: int | None = None,
    *,
    preset: str | Preset | None = None,
    steps: int | None = None,
    texture_scale: float | str = "auto",
    features: FeatureExtractor | Sequence[FeatureExtractor] | None = None,
    scaler: BandScaler | None = None,
    seed: int | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoint: str | Path | None = None,
    model: KTextures | str | Path | None = None,
    hints: object = None,
    progress: bool = True,
) -> KTextures:
    """Learn k hard classes, each with its own texture, without labels.

    Several scenes get one legend: one scaling of the bands and one set of classes,
    which mean the same in all of them.

    Ctrl-C, and ``self.model.stop_training = True`` in a callback, end training after
    the step in progress; what was learned by then is returned.

    Parameters
    ----------
    scene : DataArray (band, y, x), list or tuple of them, or PreparedScenes
        As `open_scene` returns it; other arrays are passed through it. Several scenes
        have the same bands, roles, and units, and any size, CRS, and nodata. Each
        has at least 32 x 32 pixels; lazy ones are read by tile. What `prepare` returned
        brings its preset, texture scale, features, scaling, and seed.
    k : int, optional
        Number of classes, 2 to 128; 6 by default, or that of `model`. If it differs
        from that of `model`, classes are split or merged first, and the others keep
        their textures, names and colors.
    preset : {"default", "paper"} or Preset, optional
        "default" by default, or that of `model`: contextual masks that choose among
        textures. "paper": as published (Wagner et al. 2022), except that the weights
        kept are those of the best pass over all tiles. Variants are made by
        ``dataclasses.replace(ktextures.presets.default, ...)``.
    steps : int, optional
        Gradient steps. By default at most those of the preset (600, or 10,240 with
        "paper"); preset "default" then ends once labels have settled.
    texture_scale : float or "auto"
        Preset "default": distance in pixels over which texture is looked at, 0 to 16;
        0 = the color of each pixel alone. "auto" chooses, and the model's provenance
        records the choice.
    features : FeatureExtractor or sequence of them, optional
        What image and textures are compared by; several add up. Copies are fitted.
    scaler : BandScaler, optional
        Bands to 0..1; percentiles 0.5 and 99.5 of the scene by default, or of a sample
        in which several scenes weigh the same. If given, units are not compared.
    seed : int, optional
        Same seed, scene and versions: same classes. Drawn and recorded if not given.
    callbacks : sequence of keras.callbacks.Callback
        See `ktextures.Callback`.
    checkpoint : path, optional
        Folder for the state of this training. Called again with the same arguments
        after the process was killed, training resumes, with the same result.
    model : KTextures or path, optional
        Earlier model, or its file, to train further with its own preset and scaling. It
        stays as it is; the result is a new model.
    hints : optional
        Places of known class, which steer the training: a GeoDataFrame with a column
        "class", the path of a GeoJSON file, rows ``(row, col, class)`` of pixels, or
        `ktextures.Hints`. The class is a number, 1 to k, or a name; a new model gives
        its classes these numbers and names. By default those of `model`;
        ``model.hints + more`` adds some. With new hints for a model, `steps` are 150
        by default, which take seconds. Of preset "default".
    progress : bool
        Show a progress bar.

    Returns
    -------
    KTextures
        A new model; its ``record`` holds losses and provenance.

    Raises
    ------
    InputError
        If an argument or the scene cannot be used; the message says what to do. Also if
        the first step already gives losses or weights that are NaN or infinite.
    WeightsError
        If VGG-16 weights are needed and there are none.
    OutputError
        If the checkpoint folder cannot be written.
    ModelFileError
        If the state in the checkpoint folder is damaged.
    CallbackError
        If a callback raised an exception; its ``model`` holds what was learned.

    Warns
    -----
    UserWarning
        If a later step gives losses or weights that are NaN or infinite; training ends,
        and what was learned before that step is returned. Also if classes are lost, if
        hints contradict each other, were reprojected, or cannot all be followed, if
        fewer than k groups of pixels can be told apart, if a scene seems to have a
        border without data that it does not declare, or if the pixel sizes of scenes
        differ by more than a factor of 1.5.

    Notes
    -----
    Of several scenes, each gives the same number of tiles, as far as it has them, up to
    the preset's ``max_tiles`` together. Of more scenes than that, each gives one tile;
    of more than 4 times as many, some are chosen at random by the seed. Within tiles,
    each pixel counts the same.

    Units differ if in at least half of the bands both the median and the 99th
    percentile are 50 times larger in one scene than in another, if the data type of a
    scene cannot hold the median of another, or if arrays declare different ``units``,
    ``scale_factor``, or ``add_offset``.

    Examples
    --------
    >>> import ktextures as kt
    >>> scene, truth = kt.datasets.synthetic(64, k=2, seed=1)
    >>> model = kt.train(scene, k=2, steps=6, seed=1, progress=False)
    >>> model.k
    2
    >>> kt.train(scene, k=3, model=model, steps=2, seed=1, progress=False).k
    3
    >>> west, east = scene[:, :, :32], scene[:, :, 32:]
    >>> model = kt.train([west, east], k=2, steps=2, seed=1, progress=False)
    >>> model.record.provenance["scenes"]
    2
    >>> hints = [(4, 4, "wood"), (60, 60, "field")]
    >>> model = kt.train(scene, k=2, hints=hints, steps=8, seed=1, progress=False)
    >>> sorted(model.classes.names)
    ['field', 'wood']
    """
    given = scene if isinstance(scene, PreparedScenes) else None
    scenes = given.scenes if given else open_scenes(scene)
    check_callbacks(callbacks)
    if model is not None:
        model = find_model(model)
        check_bands(scenes.bands, model.config)
        _check_scaler(scaler, model)
    if given:
        made = given.request
        check_given(made, preset, texture_scale, features, scaler)
        preset = preset or (made.preset if model is None else None)
        features, seed = made.features, made.seed if seed is None else seed
        texture_scale = "auto" if made.texture_scale is None else made.texture_scale
    request = replace(
        check_request(k, preset, steps, texture_scale, features, seed, model),
        on_preparation=preparation_listener(callbacks),
        progress=progress,
    )
    if given and model is not None and not given.fits(model):
        raise InputError(
            "The scene was not prepared for this model: its scaling, texture scale, or "
            "preset differs. Prepare it with ktextures.prepare(scene, model=model), or "
            "pass the scene itself."
        )
    if model is not None and request.k != model.k:
        check_k_may_change(model)
    scenes.check_sizes()
    changes_k = model is not None and request.k != model.k
    task = None
    if hints is not None or not changes_k:  # its own change their numbers with k
        task = make_task(hints, request.k, scenes, model)
    request = _for_hints(request, task, model)
    if checkpoint is not None:
        prepare_folder(checkpoint)
    samples = given.samples if given else read_samples(scenes)
    if given:
        given.check_k(request.k)
        bands = given.preparation
    else:
        bands = fit_bands(scenes, samples, request.k, scaler, model)
    state = None
    if checkpoint is not None:
        told = None if task is None else task.hints
        same = identity(request, scenes, samples, bands.scaler, model, told)
        state = Checkpoint(checkpoint, same)
        state.read()  # that of another training is refused before the preparation
    with told_in_our_words():
        prepared = given or prepare_scenes(scenes, samples, bands, request, model)
        further = _continued(prepared, request, model)
        if further is not None and hints is not None and task is None:
            further.record = replace(further.record, hints=Hints())
        elif further is not None:
            task = _renumbered(task, request, scenes, further)
        plan = make_plan(prepared, request, further, task=task)
    if model is None:
        warn_of_few_groups(plan, request.k)
    loop = TrainingLoop(
        plan.model,
        plan.objective,
        steps=request.preset.steps,
        callbacks=callbacks,
        checkpoint=state,
        progress=progress,
        conclude=lambda: conclude(
            plan, request, len(scenes), task, continued=model is not None
        ),
    )
    loop.run()
    return plan.model


def plan_training(
    scene: xr.DataArray | Sequence[xr.DataArray],
    k: int,
    *,
    preset: str | Preset = "default",
    seed: int = 0,
) -> Plan:
    """Prepare a training without taking a step, to look at where it begins.

    Parameters
    ----------
    scene : DataArray (band, y, x), or list or tuple of them
        As for `train`.
    k : int
        Number of classes.
    preset : {"default", "paper"} or Preset
        As for `train`.
    seed : int
        As for `train`.

    Returns
    -------
    Plan
        The model before training, its objective (that of preset "default" holds initial
        ``labels``, and ``batches`` with ``descriptors``), and the training tiles, whose
        ``scenes`` are counted from 0.

    Raises
    ------
    InputError
        If an argument or the scene cannot be used.

    Examples
    --------
    >>> import ktextures as kt
    >>> scene, truth = kt.datasets.synthetic(64, k=2, seed=1)
    >>> kt.plan_training(scene, 2).objective.labels.shape
    (1, 64, 64)
    """
    scenes = open_scenes(scene)
    request = replace(
        check_request(k, preset, None, "auto", None, seed, None), progress=False
    )
    scenes.check_sizes()
    samples = read_samples(scenes)
    bands = fit_bands(scenes, samples, request.k)
    with told_in_our_words():
        return make_plan(prepare_scenes(scenes, samples, bands, request), request)


def _check_scaler(scaler: BandScaler | None, model: KTextures) -> None:
    if scaler is not None and scaler != model.preparation.scaler:
        raise InputError(
            "scaler differs from that of the model, which is fixed. Leave it out, or "
            "train a new model."
        )


def _for_hints(
    request: Request, task: HintTask | None, model: KTextures | None
) -> Request:
    """The request, with the steps that hints need."""
    preset = request.preset
    if task is None:
        return request
    if not isinstance(preset, DefaultPreset):
        raise InputError(
            f"Preset {preset.name!r} cannot follow hints. Leave hints out, or train "
            "with preset='default'."
        )
    if model is None or not task.is_new or not request.may_settle:
        return request
    return replace(request, preset=replace(preset, steps=preset.hinted_steps))


def _renumbered(
    task: HintTask | None, request: Request, scenes: SceneSet, model: KTextures
) -> HintTask | None:
    """The task by the classes of the model to train further, or that of its hints."""
    if task is None:
        task = make_task(None, request.k, scenes, model)
    return None if task is None else task.of_model(model)


def _continued(
    prepared: PreparedScenes, request: Request, model: KTextures | None
) -> KTextures | None:
    """A copy of the earlier model, with the number of classes asked for."""
    if model is None:
        return None
    made = model.copy()
    if request.k != made.k:
        before, found = made.hints, regroup(made, request.k, prepared.sample_for(made))
        made = found.model
        if len(before):
            hints = placed_hints(before, found.united, prepared.scenes, made)
            made.record = replace(made.record, hints=hints)
    if request.features:
        made.set_extractors(prepared.extractors)
    return made
