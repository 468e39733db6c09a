"""A scene classified by a model, and written as the products that are wanted."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

from ktextures.blocks.progress import progress_bar
from ktextures.cleaning.changes import class_changes
from ktextures.cleaning.min_area import MinArea, smallest_area
from ktextures.cleaning.sieve import sieve
from ktextures.errors import InputError
from ktextures.files.staging import staging_folder
from ktextures.model.ktextures import KTextures, find_model
from ktextures.polygons.to_polygons import check_simplify
from ktextures.products.catalog import (
    DEFAULT_PRODUCTS,
    check_products,
    claim,
    product_paths,
)
from ktextures.products.classified import classified
from ktextures.products.shown import Shown, as_shown
from ktextures.products.writing import Material, write_product
from ktextures.raster.open import open_scene
from ktextures.results.stac_properties import Moment, read_dates
from ktextures.results.write_errors import writing_errors

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Exported", "export"]

INFERRED = ("classes", "simulated", "confidence")
"""Outputs of the model; everything else is made from them."""

CLASSIFYING = 0.7
"""Share of the time that classifying takes, roughly."""


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Attributes
    ----------
    paths : dict of str to Path
        File of each product that is complete.
    canceled : bool
        Whether it was stopped before all of them were.
    changes : pandas.DataFrame or None
        What ``min_area`` changed per class, as `ktextures.class_changes` says.
    """

    paths: dict[str, Path] = field(default_factory=dict)
    canceled: bool = False
    changes: "pd.DataFrame | None" = None


def export(
    scene: xr.DataArray | str | os.PathLike[str],
    model: KTextures | str | os.PathLike[str],
    folder: str | os.PathLike[str],
    products: str | Sequence[str] = DEFAULT_PRODUCTS,
    *,
    name: str = "",
    min_area: MinArea | None = None,
    simplify: float | None = None,
    datetime: Moment | tuple[Moment, Moment] | None = None,
    shown: Shown | None = None,
    overwrite: bool = False,
    resume: bool = False,
    progress: bool | Callable[[float, str], None] = True,
    stopped: Callable[[], bool] | None = None,
) -> Exported:
    """Classify a scene with a model, and write the results to a folder.

    The scene may be larger than memory: it is classified once, block by block, into
    temporary files in the folder, from which all products are made. If there is a
    `dask.distributed` client, its workers classify the blocks.

    Parameters
    ----------
    scene : DataArray (band, y, x), or path
        With the bands of the model.
    model : KTextures or path
        A path is that of a file written by `KTextures.save`.
    folder : path
        Created if necessary.
    products : str or sequence of str, default "classes"
        Any of these: "classes" (``classes.tif`` with names, colors, and a QGIS style),
        "masks" (``masks.tif``, one band per class), "simulated" (``simulated.tif``),
        "confidence" (``confidence.tif``), "polygons" (``polygons.gpkg`` with a QGIS
        style), "areas" (``areas.csv``, areas per class), "map" (``map.png``, with
        legend, north arrow, and scale bar), "overview" (``overview.png``, as
        `ktextures.plot` draws it), "model" (``model.ktextures``), and "stac"
        (``stac.json``, a STAC item of the files).
    name : str, optional
        What the names of the files begin with: "north" makes ``north_classes.tif``.
    min_area : float or str, optional
        Merge smaller areas into their neighbors, as `ktextures.sieve` does: pixels, or
        text with a unit, such as "0.5 ha".
    simplify : float, optional
        Smooth the borders of the polygons by about this distance, in pixels.
    datetime : str, date, datetime64, or pair of them, optional
        When the image was taken, for the STAC item, such as "2024-06-03".
    shown : Shown, optional
        Classes merged and named otherwise than in the model.
    overwrite : bool, default False
        Replace existing files.
    resume : bool, default False
        Keep the blocks that are classified in a hidden folder until all products are
        written; after a run that was killed or canceled, go on from them. The results
        are the same as those of one run.
    progress : bool or callable, default True
        Show a bar in a terminal or notebook while the scene is classified; or a
        function that is called often with the share that is done, 0..1, and what is
        being done.
    stopped : callable, optional
        Called often; returning True ends the export. Complete files are kept.

    Returns
    -------
    Exported
        Paths of the files, and what ``min_area`` changed.

    Raises
    ------
    InputError
        If a product is unknown or cannot be made: the bands differ from those of the
        model, or the scene has no CRS for polygons, units of area, or a STAC item.
    OutputError
        If a file exists and ``overwrite`` is False, or cannot be written.
    MissingExtraError
        If a package that a product needs is not installed.

    Examples
    --------
    >>> import tempfile
    >>> import ktextures as kt
    >>> scene, truth = kt.datasets.synthetic(64, k=2, seed=1)
    >>> model = kt.train(scene, k=2, steps=6, seed=1, progress=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = kt.export(scene, model, folder, ["classes", "areas"])
    ...     sorted(path.name for path in found.paths.values())
    ['areas.csv', 'classes.tif']
    """
    stop = stopped or _never
    wanted = check_products(products)
    paths = product_paths(folder, wanted, name)
    scene = open_scene(scene)
    model = find_model(model).copy()
    _check_scene(scene, wanted, min_area)
    check_simplify(simplify)
    if datetime is not None:
        read_dates(datetime)
    claim(paths, overwrite=overwrite)
    outputs = [each for each in INFERRED if each == "classes" or each in wanted]
    if "overview" in wanted and "simulated" not in outputs:
        outputs.append("simulated")
    pixels = scene.sizes["y"] * scene.sizes["x"]
    first = next(iter(paths.values()))
    with (
        _reporting(progress, pixels) as report,
        _blocks_folder(Path(folder), name, resume) as (temporary, finished),
    ):
        result = classified(
            scene,
            model,
            outputs,
            temporary,
            lambda share: report(CLASSIFYING * share, "classifying the scene"),
            stop,
            lambda: writing_errors(first, temporary),
        )
        if result is None:
            return Exported(canceled=True)
        result = as_shown(result, shown)
        changes = None
        if min_area is not None:
            report(CLASSIFYING, "merging small areas")
            before = result["classes"]
            result["classes"] = sieve(before, min_area)
            changes = class_changes(before, result["classes"])
        material = Material(scene, result, model, paths, simplify, datetime)
        written: dict[str, Path] = {}
        for number, product in enumerate(wanted):
            if stop():
                return Exported(written, True, changes)
            share = CLASSIFYING + (1 - CLASSIFYING) * number / len(wanted)
            report(share, f"writing {paths[product].name}")
            written[product] = write_product(product, material, overwrite)
        finished()
        report(1.0, "complete")
    return Exported(written, False, changes)


def _check_scene(
    scene: xr.DataArray, products: Sequence[str], min_area: MinArea | None
) -> None:
    """Find out before minutes of work what cannot be made."""
    grounded = [each for each in ("polygons", "stac") if each in products]
    if grounded and scene.rio.crs is None:
        raise InputError(
            f"{' and '.join(grounded)} need the place of the scene, but it has no CRS: "
            "leave them out, or write it with scene.rio.write_crs(...)"
        )
    if min_area is not None:
        smallest_area(min_area, scene)


@contextmanager
def _reporting(
    progress: bool | Callable[[float, str], None], pixels: int
) -> Iterator[Callable[[float, str], None]]:
    """What is called with the share that is done; a bar, unless a function is given."""
    if callable(progress):
        yield progress
        return
    with progress_bar(pixels, "classifying the scene", progress) as add:
        done = 0

        def report(share: float, what: str) -> None:
            nonlocal done
            now = min(pixels, round(share / CLASSIFYING * pixels))
            add(now - done)
            done = now

        yield report


@contextmanager
def _blocks_folder(
    folder: Path, name: str, resume: bool
) -> Iterator[tuple[Path, Callable[[], None]]]:
    """Where blocks are kept, and what is to be called when they are not needed."""
    kept = folder / f".{name or 'export'}.unfinished"

    def finished() -> None:
        shutil.rmtree(kept, ignore_errors=True)

    if resume:
        yield kept, finished
    else:
        with staging_folder(folder) as temporary:
            yield temporary, finished


def _never() -> bool:
    return False
