"""The arguments of the command line, checked without loading TensorFlow."""

import argparse
from pathlib import Path

from ktextures._version import __version__
from ktextures.cli.converters import (
    MAX_TEXTURE_SCALE,
    texture_scale,
    whole_number,
)
from ktextures.cli.product_arguments import (
    add_bands,
    add_product_commands,
    add_reports,
)
from ktextures.palette import MAX_CLASSES
from ktextures.training.presets import default, paper

__all__ = ["RESULTS", "build_parser"]

# In the order in which they are written: nothing that fails later costs the model.
RESULTS = ("model.ktextures", "classes.tif", "simulated.tif", "overview.png")

MIN_K, MAX_K = 2, MAX_CLASSES
# Repeated here because the module that defines it loads TensorFlow.
MAX_SEED = 2**31 - 1
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
    add_product_commands(commands)
    return parser


def _add_scene(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "scene", metavar="SCENE", help="path or URL of a GeoTIFF, COG, NetCDF, ..."
    )
    add_bands(command)


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
    add_reports(command)


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-k",
        metavar="CLASSES",
        type=whole_number(MIN_K, MAX_K),
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
        type=texture_scale,
        default="auto",
        help="size of the neighborhood whose texture is compared, 0 (color only) to "
        f"{MAX_TEXTURE_SCALE} (default: chosen to suit the scene)",
    )


def _add_training(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--steps",
        metavar="N",
        type=whole_number(1),
        help=f"number of training steps (default: {default.steps}; "
        f"with --preset paper: {paper.steps})",
    )
    command.add_argument(
        "--seed",
        metavar="N",
        type=whole_number(0, MAX_SEED),
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
