"""The command line: segment a file, or try it on the bundled scene."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ktextures._version import __version__
from ktextures.errors import InputError, KTexturesError, OutputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["main"]

RESULTS = ("classes.tif", "simulated.tif", "model.ktextures", "overview.png")
STOPPED = 130
"""Exit code after Ctrl-C before there is anything to keep, as shells have it."""


def build_parser() -> argparse.ArgumentParser:
    """The arguments of `ktextures`."""
    parser = argparse.ArgumentParser(
        prog="ktextures",
        description="Unsupervised segmentation of satellite and aerial images.",
    )
    parser.add_argument(
        "--version", action="version", version=f"ktextures {__version__}"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    segment = commands.add_parser("segment", help="segment a raster file")
    segment.add_argument("scene", metavar="SCENE", help="GeoTIFF, COG, NetCDF, ...")
    segment.add_argument(
        "--bands",
        metavar="NAMES",
        help="bands to use, by name or number from 1, such as red,green,blue,nir",
    )
    segment.add_argument(
        "--roles",
        metavar="ROLE=BAND",
        nargs="+",
        default=[],
        help="which band is red, green, blue, nir, such as red=3 green=2 blue=1",
    )
    demo = commands.add_parser("demo", help="segment the bundled Sentinel-2 scene")
    for command in (segment, demo):
        _add_training(command)
    return parser


def _add_training(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-k", type=int, default=6, help="number of classes, 2..128 [6]"
    )
    command.add_argument("-o", "--output", metavar="FOLDER", required=True, type=Path)
    command.add_argument("--preset", choices=("default", "paper"), default="default")
    command.add_argument("--steps", type=int, help="training steps [600; paper: 10240]")
    command.add_argument(
        "--texture-scale",
        metavar="PX",
        type=_scale,
        default="auto",
        help="pixels over which texture counts, 0 = color only [auto]",
    )
    command.add_argument(
        "--seed", type=int, default=0, help="same seed, same classes [0]"
    )
    command.add_argument("--quiet", action="store_true", help="no progress bar")


def _scale(text: str) -> float | str:
    if text == "auto":
        return text
    try:
        return float(text)
    except ValueError:
        message = f"{text!r} is no number of pixels and not 'auto'"
        raise argparse.ArgumentTypeError(message) from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str
        Without the program's name; `sys.argv` by default.

    Returns
    -------
    int
        0 = done, 1 = a scene, an option or a path that cannot be used (one line on
        standard error), 2 = wrong usage, 130 = interrupted with nothing to keep.
    """
    options = build_parser().parse_args(arguments)
    # TensorFlow's notes on hardware are no news to somebody who runs a command.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        run(options)
    except (KTexturesError, OSError) as error:
        print(f"ktextures: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("ktextures: interrupted, nothing was written", file=sys.stderr)
        return STOPPED
    return 0


def run(options: argparse.Namespace) -> None:
    """Train, segment and write the results of one scene."""
    folder: Path = options.output
    # Before the minutes of training, not after them.
    prepare_folder(folder)
    scene = open_input(options)

    from ktextures.results.geotiff import write_classes, write_simulated
    from ktextures.results.plot import plot
    from ktextures.segmentation import segment
    from ktextures.training.train import train

    model = train(
        scene,
        options.k,
        preset=options.preset,
        steps=options.steps,
        texture_scale=options.texture_scale,
        seed=options.seed,
        progress=not options.quiet,
    )
    result = segment(scene, model, outputs=("classes", "simulated"))
    classes, simulated, saved, overview = (folder / name for name in RESULTS)
    write_classes(result.classes, classes)
    write_simulated(result.simulated, simulated)
    model.save(saved)
    plot(scene, result).savefig(overview)
    print(summary(folder, model.record.provenance))


def prepare_folder(folder: Path) -> None:
    """Make the output folder, and be sure that every result can be written into it.

    Raises
    ------
    OutputError
    """
    from ktextures.results.geotiff import check_writable

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {str(folder)!r}: {error}") from error
    for name in RESULTS:
        check_writable(folder / name)


def open_input(options: argparse.Namespace) -> "xr.DataArray":
    """The scene that the arguments name."""
    from ktextures.datasets.bundled import sentinel2
    from ktextures.raster.open import open_scene

    if options.command == "demo":
        return sentinel2()
    bands = (
        [_band(name) for name in options.bands.split(",")] if options.bands else None
    )
    roles = {}
    for entry in options.roles:
        role, equals, band = entry.partition("=")
        if not equals:
            raise InputError(f"--roles {entry!r}: write it as ROLE=BAND, such as red=3")
        roles[role] = _band(band)
    return open_scene(options.scene, bands=bands, roles=roles or None)


def _band(text: str) -> str | int:
    text = text.strip()
    return int(text) if text.isdigit() else text


def summary(folder: Path, provenance: dict[str, object]) -> str:
    """What was done and where it is."""
    scale = provenance["texture_scale"]
    over = "" if scale is None else f", texture scale {scale:g} px"
    files = ", ".join(str(folder / name) for name in RESULTS)
    return (
        f"{provenance['k']} classes, {provenance['steps']} steps{over}, "
        f"seed {provenance['seed']}: {files}"
    )
