"""Paths of results: what can be written where, and under which names."""

import errno
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ktextures.errors import InputError, OutputError

__all__ = [
    "aux_path",
    "check_name_length",
    "check_raster_name",
    "check_writable",
    "claim_places",
    "raster_places",
    "style_path",
]

StrPath = str | os.PathLike[str]

_SIDECAR_SUFFIXES = (".qml", ".aux.xml", ".ovr", ".msk")


def aux_path(raster: Path) -> Path:
    """Path of the sidecar file that GDAL reads beside a raster."""
    return raster.with_name(f"{raster.name}.aux.xml")


def style_path(raster: Path) -> Path:
    """Path of the style that QGIS reads beside a raster."""
    return raster.with_suffix(".qml")


def raster_places(raster: Path, *, style: bool) -> list[Path]:
    """List the files that belong to a raster, whether they exist or not.

    Parameters
    ----------
    raster : Path
        The raster, which comes first.
    style : bool
        Whether a style for QGIS is among them.

    Returns
    -------
    list of Path
        With what GDAL would apply to the raster: names, overviews, and mask.
    """
    described = [raster.with_name(f"{raster.name}{end}") for end in (".ovr", ".msk")]
    places = [raster, aux_path(raster), *described]
    return [*places, style_path(raster)] if style else places


def claim_places(places: Iterable[Path], *, overwrite: bool) -> None:
    """Make sure that files may be made, or replaced.

    Parameters
    ----------
    places : iterable of Path
        Files to make.
    overwrite : bool
        Whether existing files may be replaced.

    Raises
    ------
    OutputError
        Naming the files that exist; with `overwrite`, if one cannot be replaced.
    """
    # A file whose name is too long cannot exist, and lexists says so.
    existing = [place for place in places if os.path.lexists(place)]
    if existing and not overwrite:
        listed = ", ".join(repr(str(place)) for place in existing)
        verb = "exists" if len(existing) == 1 else "exist"
        raise OutputError(
            f"{listed} already {verb}; choose another name, or pass overwrite=True to "
            "replace what is there"
        )
    for place in existing:
        check_writable(place)


def check_writable(path: StrPath) -> None:
    """Find out whether a file can be written, without writing it.

    Parameters
    ----------
    path : path
        File to make or replace.

    Raises
    ------
    OutputError
        If the file cannot be written; the message says why and what to do. Nothing is
        left behind, and an existing file is not touched.

    Examples
    --------
    >>> check_writable("no such folder/classes.tif")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ktextures.errors.OutputError: cannot write 'no such folder/classes.tif': ...
    """
    target = Path(path)
    problem = f"cannot write {str(target)!r}:"
    check_name_length(target, problem)
    folder = target.resolve().parent
    if target.is_dir():
        raise OutputError(f"{problem} it is a folder; add a file name")
    if not folder.exists():
        raise OutputError(f"{problem} folder '{folder}' does not exist; create it")
    if not folder.is_dir():
        raise OutputError(f"{problem} '{folder}' is a file; choose another folder")
    if target.exists() and not target.is_file():
        raise OutputError(f"{problem} it is not a regular file; choose another name")
    if target.exists() and not os.access(target, os.W_OK):
        raise OutputError(f"{problem} the file is read-only; choose another name")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(
            f"{problem} no file can be made in folder '{folder}' "
            f"({error.strerror or error}); choose another folder"
        ) from error


def check_name_length(path: Path, problem: str) -> None:
    """Raise OutputError if the name is longer than the file system allows.

    Parameters
    ----------
    path : Path
        File to make or replace.
    problem : str
        How the error message begins, such as "cannot write 'classes.tif':".
    """
    try:
        os.lstat(path)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise OutputError(
                f"{problem} a file name has {len(os.fsencode(path.name))} bytes, which "
                "is more than the file system allows; choose a shorter name"
            ) from error


def check_raster_name(path: StrPath) -> None:
    """Raise InputError if GDAL or QGIS gives such names to sidecar files.

    Parameters
    ----------
    path : path
        Raster to write.
    """
    name = Path(path).name
    for suffix in _SIDECAR_SUFFIXES:
        if name.lower().endswith(suffix):
            raise InputError(
                f"cannot write a raster to {str(path)!r}: names ending in {suffix!r} "
                "are for files that describe a raster; use '.tif'"
            )
