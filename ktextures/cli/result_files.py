"""The files that `ktextures segment` writes besides the model."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ktextures.cli.interrupts import Interrupts

if TYPE_CHECKING:
    import xarray as xr

    from ktextures.model.ktextures import KTextures

__all__ = ["write_results"]


def write_results(
    scene: "xr.DataArray",
    model: "KTextures",
    interrupts: Interrupts,
    options: argparse.Namespace,
) -> None:
    """Segment the scene, and write everything except the model.

    Parameters
    ----------
    scene : DataArray (band, y, x)
    model : KTextures
    interrupts : Interrupts
    options : Namespace

    Raises
    ------
    OutputError
        If a file cannot be written.
    KeyboardInterrupt
        After a signal; files that are complete by then stay.
    """
    from ktextures.files.archive import write_atomically
    from ktextures.results.geotiff import write_classes
    from ktextures.results.plot import plot
    from ktextures.results.write_layers import write_simulated

    folder: Path = options.output
    writing: dict[str, Any] = {"overwrite": options.overwrite, "progress": False}
    with segmented(scene, model, interrupts, options) as result:
        interrupts.check()
        write_classes(result.classes, folder / "classes.tif", **writing)
        interrupts.check()
        write_simulated(result.simulated, folder / "simulated.tif", **writing)
        interrupts.check()
        image = BytesIO()
        plot(scene, result).savefig(image, format="png")
    interrupts.check()
    write_atomically(folder / "overview.png", image.getvalue())


@contextmanager
def segmented(
    scene: "xr.DataArray",
    model: "KTextures",
    interrupts: Interrupts,
    options: argparse.Namespace,
) -> Iterator["xr.Dataset"]:
    """What `segment` returns; for a lazy scene, from files that exist meanwhile."""
    from ktextures.blocks.progress import progress_bar
    from ktextures.files.staging import staging_folder
    from ktextures.products.classified import classified
    from ktextures.raster.read import is_lazy
    from ktextures.results.write_errors import writing_errors
    from ktextures.segmentation import segment

    outputs = ("classes", "simulated")
    if not is_lazy(scene):
        yield segment(scene, model, outputs=outputs, progress=not options.quiet)
        return
    folder: Path = options.output
    pixels = scene.sizes["y"] * scene.sizes["x"]
    title = "classifying the scene"
    with staging_folder(folder) as kept:
        with progress_bar(pixels, title, not options.quiet) as report:
            done = 0

            def advance(share: float) -> None:
                nonlocal done
                interrupts.check()
                now = round(share * pixels)
                report(now - done)
                done = now

            result = classified(
                scene,
                model,
                outputs,
                kept,
                advance,
                lambda: False,
                lambda: writing_errors(folder / "classes.tif", kept),
            )
        yield cast("xr.Dataset", result)  # signals end it, nothing cancels it
