"""`ktextures assess`: accuracy of a class map, and areas with intervals."""

import argparse
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ktextures.cli.interrupts import Interrupts
from ktextures.cli.messages import json_text, say
from ktextures.errors import InputError

if TYPE_CHECKING:
    from ktextures.accuracy.assessment import Assessment

__all__ = ["assess"]

CHUNK = 2048
"""Side in pixels of the parts in which a map is read."""

FILES = ("assessment.json", "assessment.png", "areas.csv", "classes.csv", "matrix.csv")


def assess(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Assess a class map, and print or write what was found.

    Parameters
    ----------
    options : Namespace
    interrupts : Interrupts

    Returns
    -------
    int
        0.
    """
    from ktextures.accuracy.assess import assess as assessed
    from ktextures.products.catalog import claim
    from ktextures.results.read_classes import read_classes

    if options.output is not None:
        claim(_paths(options.output), overwrite=options.overwrite)
    found = assessed(
        read_classes(options.classes, CHUNK),
        _reference(options.reference),
        column=options.column,
        values=options.values,
        legend=options.legend,
        reproject=options.reproject,
        intervals=not options.no_intervals,
    )
    interrupts.check()
    if options.output is not None:
        _write(found, options.output)
    say(json_text(found.to_dict()) if options.json else repr(found))
    return 0


def _reference(path: Path) -> Any:
    """A raster as an array; anything else as the path of a vector file."""
    import rasterio
    from rasterio.errors import RasterioError

    from ktextures.raster.open import open_scene
    from ktextures.results.read_classes import read_classes

    if not path.exists():
        return path  # whose reader says so
    try:
        with rasterio.open(path) as file:
            bands = file.count
    except RasterioError:
        return path
    if bands == 0:
        return path
    try:
        return read_classes(path, CHUNK)  # with names, if it has them
    except InputError:
        return open_scene(path, chunks=CHUNK).isel(band=0, drop=True)


def _paths(folder: Path) -> dict[str, Path]:
    return {name: folder / name for name in FILES}


def _write(found: "Assessment", folder: Path) -> None:
    from ktextures.files.archive import write_atomically

    figure = BytesIO()
    found.plot().savefig(figure, format="png", dpi=150)
    contents = (
        json_text(found.to_dict()).encode("utf-8"),
        figure.getvalue(),
        found.areas.to_csv(index=False).encode("utf-8"),
        found.classes.to_csv(index=False).encode("utf-8"),
        found.matrix.to_csv().encode("utf-8"),
    )
    for name, content in zip(FILES, contents, strict=True):
        write_atomically(folder / name, content)
