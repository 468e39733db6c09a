"""`ktextures segment` and `ktextures demo`: train on a scene, and segment it."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ktextures._loading import hidden_startup_messages
from ktextures.cli.arguments import RESULTS
from ktextures.cli.interrupts import Interrupts
from ktextures.cli.messages import complain, is_terminal, say, say_json
from ktextures.cli.result_files import write_results
from ktextures.errors import InputError, KTexturesError, OutputError
from ktextures.results.paths import raster_places

if TYPE_CHECKING:
    import xarray as xr

    from ktextures.model.ktextures import KTextures

__all__ = ["SIDECARS", "segment"]

SIDECARS = ("classes.tif.aux.xml", "classes.qml")
"""Files that `write_classes` adds to a class map."""


def segment(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Train on a scene, segment it, and report what was written in any case.

    Parameters
    ----------
    options : Namespace
    interrupts : Interrupts

    Returns
    -------
    int
        0, or 1 after an error.
    """
    results = Results(options.output)
    try:
        run(options, interrupts, results)
    except (KTexturesError, OSError) as error:
        interrupts.defer()
        outcome = f"; {results.report()}" if results.written() else ""
        complain(f"{error}{outcome}")
        return 1
    except KeyboardInterrupt:
        interrupts.defer()
        complain(f"stopped by {interrupts.cause}; {results.report()}")
        return interrupts.exit_code
    return 0


def run(
    options: argparse.Namespace, interrupts: Interrupts, results: "Results"
) -> None:
    """Train on a scene, segment it, and write the results."""
    # What can be found out before minutes of training is found out first.
    if not options.overwrite:
        results.refuse_existing()
    scene = open_input(options)
    prepare_folders(options)
    model = train_model(scene, options, interrupts)
    model.save(results.folder / "model.ktextures")
    interrupts.resume()
    if interrupts.received:
        complain(
            f"training was stopped by {interrupts.cause} after step "
            f"{model.record.steps}; the model is saved, writing the other results "
            "(press Ctrl-C to skip them)"
        )
    write_results(scene, model, interrupts, options)
    if options.json:
        files = {path.stem: str(path) for path in results.paths}
        say_json({"files": files, "training": model.record.provenance})
    else:
        say(summary(results.folder, model.record.provenance))
    if interrupts.received and options.checkpoint is not None:
        complain("to continue training, run the same command with --overwrite")


def open_input(options: argparse.Namespace) -> "xr.DataArray":
    """Open the scene that the arguments name."""
    from ktextures.datasets.bundled import sentinel2
    from ktextures.raster.open import open_scene

    if options.command == "demo":
        return sentinel2()
    return open_scene(
        options.scene, bands=options.bands, roles=options.roles, time=options.time
    )


def prepare_folders(options: argparse.Namespace) -> None:
    """Create the folders, and make sure that files can be written to them.

    Raises
    ------
    OutputError
        If a folder cannot be created or written to.
    """
    from ktextures.results.paths import check_writable
    from ktextures.training.checkpoint import prepare_folder

    folder: Path = options.output
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot create the output folder {str(folder)!r}: "
            f"{error.strerror or error}; choose another folder"
        ) from error
    for name in (*RESULTS, *SIDECARS):
        check_writable(folder / name)
    if options.checkpoint is not None:
        prepare_folder(options.checkpoint)


def train_model(
    scene: "xr.DataArray", options: argparse.Namespace, interrupts: Interrupts
) -> "KTextures":
    """Train a model; from the first step on, signals are deferred."""
    # An interrupted import of a compiled library can fail in many ways.
    with interrupts.deferred(), hidden_startup_messages():
        import keras
        import tensorflow as tf

        from ktextures.training.train import train

        # Looks for GPUs, which is what many of the messages are about.
        tf.config.list_logical_devices()

    def begin(logs: object) -> None:
        interrupts.reinstall()
        interrupts.defer()

    def stop_if_asked(step: int, logs: object) -> None:
        if interrupts.accept():
            callback.model.stop_training = True

    callback = keras.callbacks.LambdaCallback(
        on_train_begin=begin, on_train_batch_end=stop_if_asked
    )
    return train(
        scene,
        options.k,
        preset=options.preset,
        steps=options.steps,
        texture_scale=options.texture_scale,
        seed=options.seed,
        checkpoint=options.checkpoint,
        hints=options.hints,
        callbacks=[callback],
        progress=not options.quiet and is_terminal(),
    )


class Results:
    """The files that a run writes to its output folder.

    Parameters
    ----------
    folder : Path
        Need not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths = [folder / name for name in RESULTS]
        self._before = {path: _identity(path) for path in self.paths}

    def refuse_existing(self) -> None:
        """Raise an error if there are results of an earlier run.

        Raises
        ------
        InputError
            Naming the files.
        """
        # Files of other programs that describe a raster are replaced with it.
        sidecars = [
            place
            for path in self.paths
            if path.suffix == ".tif"
            for place in raster_places(path, style=path.name == "classes.tif")[1:]
        ]
        existing = [path for path in self.paths + sidecars if path.exists()]
        if existing:
            raise InputError(
                f"these files already exist: {_listed(existing)}; choose another "
                "folder, or replace them with --overwrite"
            )

    def written(self) -> list[Path]:
        """Files that have been written since the run began."""
        return [
            path
            for path in self.paths
            if _identity(path) not in (None, self._before[path])
        ]

    def report(self) -> str:
        """Which files have been written and which have not."""
        written = self.written()
        if not written:
            return "no files were written"
        others = [path for path in self.paths if path not in written]
        parts = {
            "written": written,
            "not written": [path for path in others if not path.exists()],
            "left from an earlier run": [path for path in others if path.exists()],
        }
        return "; ".join(f"{part}: {_listed(p)}" for part, p in parts.items() if p)


def _identity(path: Path) -> tuple[int, int] | None:
    """What changes whenever a file is replaced; None if there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _listed(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths))


def summary(folder: Path, provenance: dict[str, Any]) -> str:
    """What was done and where the results are, in one line."""
    scale = provenance["texture_scale"]
    texture = "" if scale is None else f", texture scale {scale:g} px"
    return (
        f"{provenance['k']} classes, {provenance['steps']} steps{texture}, "
        f"seed {provenance['seed']}: {_listed([folder / name for name in RESULTS])}"
    )
