"""Training samples for supervised models, made of scenes and their class maps."""

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ktextures._loading import load_extra
from ktextures.classes.categories import Categories
from ktextures.classes.legend_maps import Values
from ktextures.errors import InputError
from ktextures.files.staging import staging_folder
from ktextures.raster.bands import Bands
from ktextures.results.write_errors import writing_errors
from ktextures.samples.assembly import assemble
from ktextures.samples.conversion import checked_dtype
from ktextures.samples.cutting import common_dtype, cut_chips
from ktextures.samples.division import divide_chips
from ktextures.samples.existing import (
    check_fits,
    existing_files,
    find_existing,
    settled,
)
from ktextures.samples.inputs import Inputs, open_inputs
from ktextures.samples.publish import check_folder, publish
from ktextures.samples.result import TrainingSamples
from ktextures.samples.settings import Settings, Split, checked_fractions

__all__ = ["training_samples"]

StrPath = str | os.PathLike[str]


def training_samples(
    scenes: Any,
    classes: Any,
    out: StrPath,
    *,
    size: int = 256,
    overlap: int = 0,
    split: Split | None = "blocks",
    fractions: Sequence[float] | Mapping[str, float] = (0.7, 0.15, 0.15),
    block_size: int | None = None,
    buffer: int | None = None,
    bands: Bands | None = None,
    dtype: npt.DTypeLike | None = None,
    max_nodata: float = 0.2,
    balance: bool = False,
    confidence: Any = None,
    min_confidence: float | None = None,
    table: Categories | None = None,
    values: Values = "classes",
    append: bool = False,
    overwrite: bool = False,
    names: str | Sequence[str] | None = None,
    source: str | Sequence[str] | None = None,
    seed: int = 0,
    progress: bool = True,
) -> TrainingSamples:
    """Write pairs of image and label chips for training a supervised model.

    Training, validation and test are apart on the ground, so that a test shows how a
    model does where it was not trained. The ground is divided into blocks, each of
    which belongs to one split, in all scenes that show it.

    The folder gets ``images/STEM.tif``, ``labels/STEM.tif``, ``samples.csv`` (one row
    per chip), ``samples.json`` and a datasheet, ``README.md``. It appears, or changes,
    only when everything is written. Lazy scenes and maps are read part by part.

    Parameters
    ----------
    scenes : scene, or list or tuple of them
        Each is what `ktextures.open_scene` takes. They have the same bands; CRSs and
        dates may differ.
    classes : class map, or list or tuple of them
        One for each scene, on its grid: a DataArray (y, x), a result of
        `ktextures.segment`, or a path for `ktextures.read_classes`.
    out : path
        Folder to make; the folder that it is in must exist.
    size : int, default 256
        Side of a chip in pixels.
    overlap : int, default 0
        Pixels by which neighboring chips overlap. The last row and column of chips end
        at the edge of the scene and may overlap more.
    split : {"blocks", None}, default "blocks"
        None: all chips are for training, for example if another set is the test.
    fractions : sequence of float, or mapping, default (0.7, 0.15, 0.15)
        Share of the chips in train, validation and test. Whole blocks are assigned, so
        that few large blocks come less close to them.
    block_size : int, optional
        Side of a block in pixels of the first scene. Blocks are counted from the origin
        of its CRS. By default up to 8 chips, fewer if the scenes are small.
    buffer : int, optional
        No pixel of one split is within so many pixels, of the first scene, of a pixel
        of another. By default a quarter of ``size``. Chips that are too close to
        another split are left out.
    bands : sequence of str or int, optional
        Bands of the images, as for `ktextures.open_scene`.
    dtype : dtype, optional
        Of the images; by default that of the scenes. It must hold every value.
    max_nodata : float, default 0.2
        Chips with a larger share of pixels without data or class are left out, and so
        are chips without any labeled pixel.
    balance : bool, default False
        Leave out training chips of frequent classes, at most half of them, so that the
        shares of the classes are more even.
    confidence : DataArray (y, x), or list or tuple of them, optional
        Confidence of each pixel, 0..1; by default that in the results of
        `ktextures.segment`. It needs ``min_confidence``.
    min_confidence : float, optional
        Pixels of a lower confidence, or of none, get the label 255.
    table : ClassTable or Legend, optional
        Names and colors; by default those in the attributes of the maps.
    values : {"classes", "legend"}, default "classes"
        "legend" takes the categories of the legend that classes are assigned to.
    append : bool, default False
        Add the chips to the samples in the folder, if there are any. What belongs to a
        split stays in it.
    overwrite : bool, default False
        Replace the samples in the folder. Other files are kept in either case.
    names : str or sequence of str, optional
        One for each scene, for the names of its chips; by default from its file.
    source : str or sequence of str, optional
        One for each scene: where it is from, for the manifest and the datasheet; by
        default the name of its file.
    seed : int, default 0
        Of the assignment of blocks to splits.
    progress : bool, default True
        Show a progress bar.

    Returns
    -------
    TrainingSamples
        ``folder``, ``manifest`` (one row per chip), ``counts`` of pixels by class and
        split, and ``chips`` by split.

    Raises
    ------
    InputError
        If scenes and maps do not go together, an argument is out of range, blocks are
        too large for the splits (the message gives the largest that works), the dtype
        cannot hold a value, or the samples in the folder are of another kind.
    OutputError
        If the folder cannot be written, or holds samples and neither ``append`` nor
        ``overwrite`` is set.
    MissingExtraError
        If shapely is not installed.

    See Also
    --------
    ktextures.read_samples : Read the chips for training with Keras.
    ktextures.training_points : Single pixels for pixel classifiers.

    Notes
    -----
    Labels are ``uint8``: class 1..k, 0 where there is no data or class, 255 where the
    confidence is too low; both are to be ignored. Of maps of a legend, the classes are
    the entries in their order, 1..k, and ``samples.json`` lists the code of each.

    Examples
    --------
    >>> import tempfile
    >>> import ktextures as kt
    >>> scene, truth = kt.datasets.synthetic(256, k=3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     samples = kt.training_samples(
    ...         scene, truth, f"{folder}/samples", size=32, progress=False
    ...     )
    ...     sorted(each.name for each in samples.folder.iterdir())
    ['README.md', 'images', 'labels', 'samples.csv', 'samples.json']
    >>> list(samples.chips)
    ['train', 'validation', 'test']
    """
    load_extra("shapely", "training samples")
    if confidence is not None and min_confidence is None:
        raise InputError(
            "confidence is given but no min_confidence, so it would not be used: add "
            "min_confidence=, such as min_confidence=0.2, or leave out confidence="
        )
    settings = Settings(
        size=size,
        overlap=overlap,
        split=split,
        fractions=checked_fractions(fractions),
        block_size=block_size,
        buffer=buffer,
        max_nodata=max_nodata,
        min_confidence=min_confidence,
        balance=balance,
        seed=seed,
    )
    folder = Path(out).resolve()
    place = check_folder(folder, str(out))
    found = find_existing(folder, append=append, overwrite=overwrite)
    joined = found if append else None
    if joined is not None:
        settings = settled(settings, joined)
    inputs = open_inputs(
        scenes,
        classes,
        confidence,
        bands=bands,
        table=table,
        values=values,
        names=names,
        source=source,
        with_confidence=min_confidence is not None,
    )
    pixels = common_dtype(inputs, None if dtype is None else checked_dtype(dtype))
    if joined is not None:
        check_fits(inputs, pixels, joined, named=names is not None)
        inputs = _renamed(inputs, joined)
    with contextlib.ExitStack() as stack:
        with writing_errors(folder):
            staging = stack.enter_context(staging_folder(place))
        _make(inputs, settings, pixels, joined, folder, staging, progress)
        own = existing_files(found)
        new, obsolete = staging / "new", joined is None
        publish(new, folder, own=own, obsolete=obsolete, scratch=staging)
    return TrainingSamples.read(folder)


def _make(
    inputs: Inputs,
    settings: Settings,
    dtype: np.dtype[Any],
    joined: TrainingSamples | None,
    folder: Path,
    staging: Path,
    progress: bool,
) -> None:
    """Write a set to the folder "new", or what is added to one."""
    chips = cut_chips(inputs, settings, dtype, staging, folder, progress)
    divided = divide_chips(chips, inputs, settings, joined)
    with writing_errors(folder, staging):
        assemble(chips, divided, inputs, settings, dtype, joined, staging / "new")


def _renamed(inputs: Inputs, existing: TrainingSamples) -> Inputs:
    """Inputs whose scenes have names that a set does not have yet."""
    taken = {each["name"].casefold() for each in existing.description["scenes"]}
    scenes = []
    for each in inputs.scenes:
        name, number = each.name, 1
        while name.casefold() in taken:
            number += 1
            name = f"{each.name}-{number}"
        taken.add(name.casefold())
        scenes.append(replace(each, name=name))
    return replace(inputs, scenes=tuple(scenes))
