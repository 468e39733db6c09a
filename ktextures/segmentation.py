"""Apply a model to a scene of any size: numpy or dask in, a labeled Dataset out."""

import json
import math
import os
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

import ktextures.results.leaflet  # noqa: F401 - results are layers of a map
from ktextures.blocks.in_order import in_threads, thread_count
from ktextures.blocks.progress import progress_bar
from ktextures.errors import InputError
from ktextures.inference.block import SOFT, BlockClassifier
from ktextures.inference.freeze import freeze
from ktextures.inference.frozen import FrozenModel
from ktextures.inference.lazy import lazy_outputs
from ktextures.model.config import TrainingRecord, check_bands
from ktextures.model.ktextures import KTextures, find_model
from ktextures.model.network import TEXTURE_SIDE
from ktextures.raster.georeference import georeference
from ktextures.raster.nodata import scene_nodata, valid_pixels
from ktextures.raster.open import open_scene
from ktextures.raster.read import is_lazy
from ktextures.raster.windows import Window, cover_regularly, grow

__all__ = ["segment"]

OUTPUTS = ("classes", "masks", "simulated", "probabilities", "confidence")
MOST_OUTSIDE = 0.5
"""Share of a band's values outside the model's range that makes classes doubtful."""

SMALLEST, LARGEST = 512, 1024
"""Sides in pixels of the parts of a scene in memory that threads classify."""

LOOKED_AT = 100_000
"""Pixels that are checked for that."""


def segment(
    scene: xr.DataArray,
    model: KTextures | str | os.PathLike[str],
    *,
    outputs: Sequence[str] = ("classes",),
    progress: bool = True,
) -> xr.Dataset:
    """Classify each pixel of a scene.

    A pixel's class depends on the bands within `model.reach` pixels, and on nothing
    else: not on chunks, windows, or the rest of the scene. Beyond the edge of the
    scene, pixels are mirrored. The whole result, lazy or not, comes from the state that
    the model has at the call. A warning says so if most values of a scene in memory are
    outside the range that the model was trained on, or if chunks of a lazy scene are
    smaller than `model.reach`, which makes the work several times longer.

    Parameters
    ----------
    scene : DataArray (band, y, x)
        With the bands the model was trained on; lazy where it is dask-backed.
    model : KTextures or path
        A path is that of a file written by `KTextures.save`.
    outputs : sequence of str
        Any of these: "classes" (y, x) uint8, 1..k, 0 = nodata; "masks" (class, y, x)
        bool; "simulated" (band, y, x) float32, in the scene's units, NaN = nodata;
        with contextual masks also "probabilities" (class, y, x) float32 and
        "confidence" (y, x) float32, the lead of the most probable class over the
        second, 0..1.
    progress : bool, default True
        Whether a terminal or notebook shows a bar with the rate and the remaining time,
        if a scene in memory takes more than a second. For lazy results, the functions
        that write them do.

    Returns
    -------
    xarray.Dataset
        The outputs with the scene's CRS and transform, and "textures" (class, band,
        texture_y, texture_x) in the scene's units; names of the classes are in the
        coordinate ``class_name``.

    Raises
    ------
    InputError
        If bands differ from the model's, or an output is unknown or not available for
        this model.
    FileNotFoundError, ModelFileError
        If `model` is a path and there is no such file, or it is damaged.

    Examples
    --------
    >>> import ktextures as kt
    >>> scene, truth = kt.datasets.synthetic(64, k=2, seed=1)
    >>> model = kt.train(scene, k=2, steps=6, seed=1, progress=False)
    >>> kt.segment(scene, model).classes.dims
    ('y', 'x')
    """
    scene = open_scene(scene)
    model = find_model(model)
    check_bands(scene.band.values, model.config)
    outputs = _checked(outputs, model)
    if is_lazy(scene):
        _warn_of_small_chunks(scene, model.reach)
    else:
        _warn_of_other_units(scene, model)
    with model.lock:  # one state, even of a model that is being trained
        frozen, record = freeze(model), model.record.copy()
        scaled = model.draw_textures(TEXTURE_SIDE, TEXTURE_SIDE, model.config.seed)
    textures = frozen.scaler.inverse(scaled).transpose(0, 3, 1, 2)
    classifier = BlockClassifier(frozen, textures, scene_nodata(scene), outputs)
    arrays = _arrays(scene, classifier, progress)
    variables = {
        name: _labeled(name, arrays[name], scene, record, model.config.preset)
        for name in OUTPUTS
        if name in outputs
    }
    result = xr.Dataset(variables)
    result["textures"] = xr.DataArray(
        textures,
        dims=("class", "band", "texture_y", "texture_x"),
        coords={**_class_coords(record), "band": scene.band.values},
        attrs={"long_name": "texture of each class, in the scene's units"},
    )
    result.attrs = _provenance(record, model.config.preset, frozen)
    return result


def _warn_of_other_units(scene: xr.DataArray, model: KTextures) -> None:
    """Warn if most values of a band are outside the range the model was trained on."""
    step = max(1, int(np.sqrt(scene.sizes["y"] * scene.sizes["x"] / LOOKED_AT)))
    values = np.asarray(scene.data[:, ::step, ::step])
    valid = valid_pixels(values, scene_nodata(scene))
    if not valid.any():
        return
    scaler = model.preparation.scaler
    shares = scaler.clipped_share(values.transpose(1, 2, 0)[valid])
    worst = int(np.argmax(shares))
    if shares[worst] > MOST_OUTSIDE:
        warnings.warn(
            f"{shares[worst]:.0%} of the values of band "
            f"{str(scene.band.values[worst])!r} are outside the range that the model "
            f"was trained on, {scaler.low[worst]:g} to {scaler.high[worst]:g}; the "
            "classes are doubtful. Check that the units are the same.",
            UserWarning,
            stacklevel=3,
        )


def _warn_of_small_chunks(scene: xr.DataArray, reach: int) -> None:
    """Warn if chunks are smaller than the neighborhood that is read around each."""
    sizes = [scene.chunksizes[axis] for axis in ("y", "x")]
    tall, wide = map(max, sizes)
    if any(len(each) > 1 and max(each) < reach for each in sizes):
        warnings.warn(
            f"the chunks of the scene are {tall} x {wide} pixels, and the model looks "
            f"{reach} pixels around each: most pixels are read and prepared many "
            "times. Make the chunks larger, for example with "
            "scene.chunk({'y': 1024, 'x': 1024}).",
            UserWarning,
            stacklevel=3,
        )


def _checked(outputs: Sequence[str], model: KTextures) -> tuple[str, ...]:
    names = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    unknown = [name for name in names if name not in OUTPUTS]
    if unknown or not names:
        raise InputError(f"outputs={list(names)}; choose from {', '.join(OUTPUTS)}.")
    soft = [name for name in names if name in SOFT]
    if soft and not model.mask_network.has_probabilities:
        raise InputError(
            f"{' and '.join(soft)} cannot be computed for models of preset 'paper', "
            "whose masks are slices of one score; leave them out, or train with "
            "preset='default'."
        )
    return names


def _arrays(
    scene: xr.DataArray, classifier: BlockClassifier, progress: bool
) -> dict[str, Any]:
    """Arrays by output, all with y and x last; lazy where the scene is."""
    if is_lazy(scene):
        return lazy_outputs(scene.data, classifier)
    values = np.asarray(scene.data)
    height, width = values.shape[1:]
    results = {
        name: np.empty(*classifier.shape(name, height, width))
        for name in classifier.outputs
    }

    def classify(window: Window) -> dict[str, np.ndarray]:
        inside, _ = grow(window, classifier.reach, height, width)
        return classifier(values[:, *inside.slices], window, height, width)

    threads = thread_count()
    # Of small scenes, each thread takes a part.
    side = math.ceil(math.sqrt(height * width / threads))
    side = min(max(side, SMALLEST), LARGEST)
    windows = cover_regularly(height, width, side)
    with progress_bar(height * width, "classifying the scene", progress) as report:
        for window, found in in_threads(classify, windows, threads):
            for name, part in found.items():
                results[name][..., *window.slices] = part
            report(window.height * window.width)
    return results


def _class_coords(record: TrainingRecord) -> dict[str, Any]:
    names = list(record.classes.names)
    return {
        "class": np.arange(1, len(names) + 1, dtype="uint8"),
        "class_name": ("class", names),
    }


def _labeled(
    name: str, array: Any, scene: xr.DataArray, record: TrainingRecord, preset: str
) -> xr.DataArray:
    """An output over the scene's grid, with attributes of its own."""
    long_names = {
        "classes": "k-textures class",
        "masks": "binary mask of each class",
        "simulated": "simulated image: masks x textures",
        "probabilities": "probability of each class",
        "confidence": "lead of the most probable class over the second",
    }
    # Files of single outputs tell where they come from, too.
    attrs: dict[str, Any] = {"long_name": long_names[name], **_source(record, preset)}
    coords: dict[str, Any] = {}
    if name == "classes":
        attrs |= record.classes.attrs()
    if name in ("masks", "probabilities"):
        coords = _class_coords(record)
    if name == "simulated":
        coords = {"band": scene.band.values, "role": ("band", scene.role.values)}
    dims = (*list(coords)[:1], "y", "x")
    nodata = {"classes": 0, "masks": None}.get(name, np.nan)
    return georeference(
        array, scene, dims=dims, name=name, attrs=attrs, coords=coords, nodata=nodata
    )


def _source(record: TrainingRecord, preset: str) -> dict[str, str]:
    version = record.provenance.get("ktextures", "")
    return {
        "source": f"ktextures {version}, preset {preset}",
        "ktextures_training": json.dumps(record.provenance),
    }


def _provenance(
    record: TrainingRecord, preset: str, frozen: FrozenModel
) -> dict[str, Any]:
    return {
        "title": "k-textures segmentation",
        "references": "Wagner et al. 2022, doi:10.3389/fenvs.2022.946729",
        **_source(record, preset),
        "ktextures_scaler": json.dumps(frozen.scaler.to_dict()),
    }
