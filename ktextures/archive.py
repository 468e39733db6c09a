"""One file of settings and arrays: a zip of JSON and .npy members.

Nothing in such a file is executed or unpickled when it is read.
"""

import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ktextures.errors import ModelFileError, OutputError

__all__ = ["pack", "read_archive", "unpack", "write_atomically"]

HEADER = "header.json"
LAYOUT = 1

DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    # An unknown compression; an encrypted member, which no archive of ours has.
    NotImplementedError,
    RuntimeError,
    KeyError,
    ValueError,
    EOFError,
    OSError,
)
"""What zipfile, json and numpy raise over a file that is not ours or is damaged."""

Arrays = dict[str, np.ndarray]


def pack(
    kind: str, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> bytes:
    """Bytes of an archive.

    Parameters
    ----------
    kind : str
        What the archive holds, such as "model"; checked on reading.
    settings : mapping
        JSON-safe.
    arrays : mapping of str to array
        Of numbers or booleans; names may have slashes.

    Returns
    -------
    bytes
    """
    header = {"format": f"ktextures-{kind}", "layout": LAYOUT, "settings": settings}
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        _add(archive, HEADER, json.dumps(header, allow_nan=True).encode())
        for name, array in arrays.items():
            member = BytesIO()
            np.save(member, np.asarray(array), allow_pickle=False)
            _add(archive, f"{name}.npy", member.getvalue())
    return target.getvalue()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # Without today's date, so that the same content gives the same bytes.
    entry = zipfile.ZipInfo(name)
    archive.writestr(entry, content, archive.compression, archive.compresslevel)


def unpack(source: BinaryIO, kind: str, name: str) -> tuple[dict[str, Any], Arrays]:
    """Settings and arrays of an archive.

    Parameters
    ----------
    source : binary file
    kind : str
        As given to `pack`.
    name : str
        How errors call the archive.

    Raises
    ------
    ModelFileError
        If the archive is damaged, of another kind, or written by a later layout.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            header = json.loads(archive.read(HEADER))
            _check_header(header, kind, name)
            settings = header["settings"]
            arrays = {
                member.removesuffix(".npy"): np.load(
                    BytesIO(archive.read(member)), allow_pickle=False
                )
                for member in archive.namelist()
                if member != HEADER
            }
    except ModelFileError:
        raise
    except DAMAGE as error:
        raise ModelFileError(
            f"{name} is not a ktextures {kind} file, or it is damaged ({error}). "
            "Save it again, or copy it again in binary mode."
        ) from error
    return settings, arrays


def _check_header(header: Any, kind: str, name: str) -> None:
    wanted = f"ktextures-{kind}"
    found = header.get("format") if isinstance(header, dict) else None
    if found != wanted:
        raise ModelFileError(f"{name} holds {found!r}, not {wanted!r}.")
    if header.get("layout") != LAYOUT:
        raise ModelFileError(
            f"{name} has file layout {header.get('layout')!r}; this ktextures "
            f"reads layout {LAYOUT}. Install the version that wrote it."
        )


def read_archive(
    path: str | os.PathLike[str], kind: str
) -> tuple[dict[str, Any], Arrays]:
    """Read an archive from a file; see `unpack`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If it is damaged, foreign or too new.
    """
    with open(path, "rb") as file:
        return unpack(file, kind, repr(str(path)))


def write_atomically(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file so that a kill at any moment leaves the old one or the new one.

    Raises
    ------
    OutputError
        If it cannot be written; the old one is left as it was.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with _removed_on_failure(temporary):
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
    except OSError as error:
        raise OutputError(
            f"cannot write {str(path)!r}: {error.strerror or error}. Choose another "
            "place, or make room."
        ) from error
    return path


@contextmanager
def _removed_on_failure(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        # A path that cannot be opened cannot be removed either.
        with suppress(OSError):
            path.unlink()
        raise
