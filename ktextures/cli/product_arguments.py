"""Arguments of the commands that make products of scenes, models, and class maps."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ktextures.cli.converters import (
    bands,
    fractions,
    names,
    positive,
    roles,
    time,
    whole_number,
)
from ktextures.products.catalog import PRODUCTS

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_bands", "add_product_commands", "add_reports"]


def add_product_commands(commands: "Commands") -> None:
    """Add the commands to those of the parser.

    Parameters
    ----------
    commands : subparsers of argparse
    """
    _add_apply(commands)
    _add_polygons(commands)
    _add_assess(commands)
    _add_samples(commands)


def add_bands(command: argparse.ArgumentParser) -> None:
    """Add the choice of bands and their roles."""
    command.add_argument(
        "--bands",
        metavar="BAND,...",
        type=bands,
        help="bands to use, by name or by number from 1, such as red,green,blue,nir "
        "(default: all)",
    )
    command.add_argument(
        "--roles",
        metavar="ROLE=BAND,...",
        type=roles,
        help="which bands are red, green, blue, and near infrared, such as "
        "red=3,green=2,blue=1,nir=4 (default: according to the file)",
    )
    command.add_argument(
        "--time",
        metavar="DATE",
        type=time,
        help="which of several dates in a NetCDF or Zarr file to use, such as "
        "2024-06-03, or its number from 0, or 'all' for the bands of all of them",
    )


def add_reports(command: argparse.ArgumentParser) -> None:
    """Add what a command prints."""
    command.add_argument(
        "--json",
        action="store_true",
        help="print a summary for programs, as JSON, to standard output",
    )
    command.add_argument(
        "--quiet",
        action="store_true",
        help="hide the progress bar, which only a terminal shows anyway",
    )


def _add_apply(commands: "Commands") -> None:
    command = commands.add_parser(
        "apply",
        help="apply a model to many scenes",
        description="Classify scenes with a model, and write the products of each. "
        "Products that exist already are skipped, so that an interrupted run can be "
        "repeated. If a scene fails, the others are still done, and the exit code is "
        "1.",
    )
    command.add_argument(
        "model", metavar="MODEL", help="file that model.save or 'segment' wrote"
    )
    command.add_argument(
        "scenes", metavar="SCENE", nargs="+", help="path or URL of a scene"
    )
    add_bands(command)
    command.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        required=True,
        type=Path,
        help="folder for the products, named SCENE_classes.tif and so on; created if "
        "necessary",
    )
    command.add_argument(
        "--products",
        metavar="NAME,...",
        type=names,
        default=["classes"],
        help=f"what to write: {', '.join(PRODUCTS)} (default: classes)",
    )
    _add_min_area(command)
    _add_simplify(command)
    command.add_argument(
        "--datetime",
        metavar="DATE",
        help="when the images were taken, for the STAC items, such as 2024-06-03 "
        "(default: the date of the file)",
    )
    command.add_argument(
        "--resume",
        action="store_true",
        help="keep finished parts of a scene until its products are written, and go on "
        "from those of a run that was killed",
    )
    _add_overwrite(command)
    add_reports(command)


def _add_polygons(commands: "Commands") -> None:
    command = commands.add_parser(
        "polygons",
        help="turn a class map into polygons",
        description="Write a polygon for each connected area of a class, with name, "
        "color, and area in hectares. Neighbors share their borders, also if these are "
        "simplified.",
    )
    _add_classes(command)
    command.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        required=True,
        type=Path,
        help="file for the polygons: *.gpkg, *.parquet, *.geojson, or *.fgb",
    )
    _add_min_area(command)
    _add_simplify(command)
    _add_values(command)
    _add_overwrite(command)
    add_reports(command)


def _add_assess(commands: "Commands") -> None:
    command = commands.add_parser(
        "assess",
        help="measure the accuracy of a class map",
        description="Compare a class map with labeled points, labeled polygons, or "
        "another map. From points drawn at random it estimates accuracy and areas with "
        "95 % intervals.",
    )
    _add_classes(command)
    command.add_argument(
        "reference",
        metavar="REFERENCE",
        type=Path,
        help="points or polygons (*.gpkg, *.geojson, ...), or a raster",
    )
    command.add_argument(
        "--column",
        metavar="NAME",
        default="reference",
        help="column of the labels, numbers or names of classes (default: %(default)s)",
    )
    _add_values(command)
    command.add_argument(
        "--legend",
        metavar="FILE",
        type=Path,
        help="names of the numbers in the reference, as CSV or QGIS style (default: "
        "they are those of the map)",
    )
    command.add_argument(
        "--reproject",
        action="store_true",
        help="accept a reference in another CRS, or on another grid",
    )
    command.add_argument(
        "--no-intervals",
        action="store_true",
        help="leave out intervals, for points that are few or not drawn at random",
    )
    command.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        type=Path,
        help="also write assessment.json, a figure, and tables to this folder; created "
        "if necessary",
    )
    _add_overwrite(command)
    add_reports(command)


def _add_samples(commands: "Commands") -> None:
    command = commands.add_parser(
        "samples",
        help="write chips for training a supervised model",
        description="Write pairs of image and label chips of scenes and their class "
        "maps, divided into training, validation and test by blocks of ground.",
    )
    command.add_argument(
        "pairs",
        metavar="SCENE CLASSES",
        nargs="+",
        help="scenes, each followed by its class map",
    )
    add_bands(command)
    command.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        required=True,
        type=Path,
        help="folder for images, labels, and their description",
    )
    for name, default, text in (
        ("--size", 256, "side of a chip"),
        ("--overlap", 0, "overlap of neighboring chips"),
        ("--block-size", None, "side of a block of ground (default: up to 8 chips)"),
        ("--buffer", None, "distance between splits (default: a quarter of a chip)"),
    ):
        command.add_argument(
            name,
            metavar="PIXELS",
            type=whole_number(0),
            default=default,
            help=text if default is None else f"{text} (default: %(default)s)",
        )
    command.add_argument(
        "--fractions",
        metavar="SHARE,...",
        type=fractions,
        default=(0.7, 0.15, 0.15),
        help="shares of train, validation and test (default: 0.7,0.15,0.15)",
    )
    command.add_argument(
        "--max-nodata",
        metavar="SHARE",
        type=float,
        default=0.2,
        help="leave out chips with more nodata than this (default: %(default)s)",
    )
    command.add_argument(
        "--balance",
        action="store_true",
        help="leave out training chips of frequent classes",
    )
    _add_values(command)
    command.add_argument(
        "--seed",
        metavar="N",
        type=whole_number(0),
        default=0,
        help="of the assignment of blocks to splits (default: %(default)s)",
    )
    command.add_argument(
        "--append", action="store_true", help="add to the samples in the folder"
    )
    _add_overwrite(command)
    add_reports(command)


def _add_classes(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "classes", metavar="CLASSES", type=Path, help="class map, such as classes.tif"
    )


def _add_min_area(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--min-area",
        metavar="AREA",
        type=_area,
        help="merge smaller areas into their neighbors: pixels, or with a unit, such "
        "as 0.5ha or 500m2 (default: keep all)",
    )


def _add_simplify(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--simplify",
        metavar="PIXELS",
        type=positive,
        help="smooth the borders of polygons by about this distance (default: they "
        "follow the pixels)",
    )


def _add_values(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--values",
        choices=("classes", "legend"),
        default="classes",
        help="'legend' takes the entries of the legend that classes are assigned to "
        "(default: %(default)s)",
    )


def _add_overwrite(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--overwrite", action="store_true", help="replace existing files"
    )


def _area(text: str) -> Any:
    """Convert an area; units are checked with the map."""
    try:
        return float(text)
    except ValueError:
        return text
