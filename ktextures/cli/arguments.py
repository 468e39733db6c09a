"""The arguments of the command line, checked without loading TensorFlow."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path

from ktextures._version import __version__
from ktextures.palette import MAX_CLASSES
from ktextures.training.presets import default, paper

__all__ = ["RESULTS", "build_parser"]

# In the order in which they are written: nothing that fails later costs the model.
RESULTS = ("model.ktextures", "classes.tif", "simulated.tif", "overview.png")

MIN_K, MAX_K = 2, MAX_CLASSES
# Repeated here because the modules that define them load TensorFlow.
MAX_SEED = 2**31 - 1
MAX_TEXTURE_SCALE = 16
PRESETS = ("default", "paper")


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the arguments of `ktextures`."""
    parser = argparse.ArgumentParser(
        prog="ktextures",
        description="Unsupervised segmentation of satellite and aerial images.",
    )
    parser.add_argument(
        "--version", action="version", version=f"ktextures {__version__}"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    segment = commands.add_parser(
        "segment",
        help="train on a raster file and segment it",
        description="Train a model on a raster file and segment the file with it.",
    )
    _add_scene(segment)
    demo = commands.add_parser(
        "demo",
        help="train on the bundled Sentinel-2 scene and segment it",
        description="Train a model on the bundled Sentinel-2 scene and segment the "
        "scene with it.",
    )
    for command in (segment, demo):
        _add_output(command)
        _add_model(command)
        _add_training(command)
    return parser


def _add_scene(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "scene", metavar="SCENE", help="path or URL of a GeoTIFF, COG, NetCDF, ..."
    )
    command.add_argument(
        "--bands",
        metavar="BAND,...",
        type=_bands,
        help="bands to use, by name or by number from 1, such as red,green,blue,nir "
        "(default: all)",
    )
    command.add_argument(
        "--roles",
        metavar="ROLE=BAND,...",
        type=_roles,
        help="which bands are red, green, blue, and near infrared, such as "
        "red=3,green=2,blue=1,nir=4 (default: according to the file)",
    )
    command.add_argument(
        "--time",
        metavar="DATE",
        type=_time,
        help="which of several dates in a NetCDF or Zarr file to use, such as "
        "2024-06-03, or its number from 0, or 'all' for the bands of all of them",
    )


def _add_output(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        required=True,
        type=Path,
        help=f"folder for the results ({', '.join(RESULTS)}); created if necessary",
    )
    command.add_argument(
        "--overwrite",
        action="store_true",
        help="replace results that already exist in the output folder",
    )
    command.add_argument(
        "--quiet",
        action="store_true",
        help="hide the progress bar, which only a terminal shows anyway",
    )


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-k",
        metavar="CLASSES",
        type=_whole_number(MIN_K, MAX_K),
        default=6,
        help=f"number of classes, {MIN_K} to {MAX_K} (default: %(default)s)",
    )
    command.add_argument(
        "--preset",
        choices=PRESETS,
        default=PRESETS[0],
        help="kind of model: 'paper' is the published one (default: %(default)s)",
    )
    command.add_argument(
        "--texture-scale",
        metavar="PIXELS",
        type=_texture_scale,
        default="auto",
        help="size of the neighborhood whose texture is compared, 0 (color only) to "
        f"{MAX_TEXTURE_SCALE} (default: chosen to suit the scene)",
    )


def _add_training(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--steps",
        metavar="N",
        type=_whole_number(1),
        help=f"number of training steps (default: {default.steps}; "
        f"with --preset paper: {paper.steps})",
    )
    command.add_argument(
        "--seed",
        metavar="N",
        type=_whole_number(0, MAX_SEED),
        default=0,
        help="seed of the random numbers; the same seed gives the same classes "
        "(default: %(default)s)",
    )
    command.add_argument(
        "--hints",
        metavar="FILE",
        type=Path,
        help="GeoJSON file of places with the property 'class', a number or a name, "
        "which the training follows",
    )
    command.add_argument(
        "--checkpoint",
        metavar="FOLDER",
        type=Path,
        help="save the state of the training in this folder from time to time; the "
        "same command continues from there after the process was stopped",
    )


def _whole_number(lowest: int, highest: int | None = None) -> Callable[[str], int]:
    """Make the converter of an argument with a range."""
    wanted = f"a whole number from {lowest} to {highest}"
    if highest is None:
        wanted = f"a whole number of at least {lowest}"

    def convert(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = lowest - 1
        if number < lowest or (highest is not None and number > highest):
            raise argparse.ArgumentTypeError(f"must be {wanted}, got {text!r}")
        return number

    return convert


def _texture_scale(text: str) -> float | str:
    if text == "auto":
        return text
    try:
        scale = float(text)
    except ValueError:
        scale = -1.0
    if not 0 <= scale <= MAX_TEXTURE_SCALE:
        raise argparse.ArgumentTypeError(
            f"must be a number of pixels from 0 to {MAX_TEXTURE_SCALE}, or 'auto', "
            f"got {text!r}"
        )
    return scale


def _time(text: str) -> str | int:
    # A year has four digits.
    return int(text) if re.fullmatch(r"\d{1,3}", text) else text


def _bands(text: str) -> list[str | int]:
    bands = [_band(name) for name in text.split(",")]
    if "" in bands:
        raise argparse.ArgumentTypeError(
            f"expected names or numbers separated by commas, got {text!r}"
        )
    return bands


def _roles(text: str) -> dict[str, str | int]:
    roles: dict[str, str | int] = {}
    for entry in text.split(","):
        role, equals, band = (part.strip() for part in entry.partition("="))
        if not (role and equals and band):
            raise argparse.ArgumentTypeError(
                f"expected ROLE=BAND, such as red=3, got {entry!r}"
            )
        if role in roles:
            raise argparse.ArgumentTypeError(f"{role} is given twice in {text!r}")
        roles[role] = _band(band)
    return roles


def _band(text: str) -> str | int:
    text = text.strip()
    # str.isdigit also accepts characters such as a superscript, which int refuses.
    return int(text) if text.isdecimal() else text
