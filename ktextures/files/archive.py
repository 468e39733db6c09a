"""Files of settings and arrays: zip archives of one JSON and several .npy members.

Reading such a file executes and unpickles nothing.
"""

import json
import math
import os
import re
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np

from ktextures.errors import ModelFileError, OutputError
from ktextures.files.staging import staging_folder

__all__ = ["pack", "read_archive", "unpack", "write_atomically"]

HEADER = "header.json"
LAYOUT = 1

# Far more than any model needs. A file may unpack to the smaller limit in any case,
# because zeros compress well, and beyond it only to a multiple of its own size.
_MAX_BYTES = 2**30
_ALWAYS_ALLOWED_BYTES = 2**27
_MAX_RATIO = 20

_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    # An unknown compression; an encrypted member, which no archive of ours has.
    NotImplementedError,
    RuntimeError,
    KeyError,
    ValueError,
    EOFError,
    OSError,
    OverflowError,
)

# What numpy.save writes for arrays of numbers. Its own reader evaluates the header as
# a Python literal, which a crafted file can make slow or fail in many ways.
_ARRAY_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '(?P<dtype>\|[biu]1|[<>][iuf][248])', "
    rb"'fortran_order': (?P<fortran_order>True|False), "
    rb"'shape': \((?P<shape>[\d, ]*)\), \} *\n",
    re.DOTALL,
)

Arrays = dict[str, np.ndarray]


def pack(
    kind: str, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> bytes:
    """Pack settings and arrays into the bytes of an archive.

    Parameters
    ----------
    kind : str
        What the archive holds, such as "model"; `unpack` checks it.
    settings : mapping
        Values that JSON can represent.
    arrays : mapping of str to array
        Arrays of numbers or booleans. Names may contain slashes.

    Returns
    -------
    bytes
        The archive; equal input gives equal bytes.

    Raises
    ------
    ValueError
        If an array holds objects.

    Examples
    --------
    >>> import io
    >>> content = pack("model", {"k": 2}, {"weights": np.zeros(3)})
    >>> settings, arrays = unpack(io.BytesIO(content), "model", "the example")
    >>> settings, arrays["weights"].tolist()
    ({'k': 2}, [0.0, 0.0, 0.0])
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
    """Read the settings and arrays of an archive.

    Sizes that the file declares are checked before memory is reserved for them.

    Parameters
    ----------
    source : binary file
        The archive; it must support seeking.
    kind : str
        What the archive should hold, as given to `pack`.
    name : str
        What error messages call the archive.

    Returns
    -------
    settings : dict
        As given to `pack`, after a round trip through JSON.
    arrays : dict of str to ndarray
        As given to `pack`.

    Raises
    ------
    ModelFileError
        If the archive is damaged, holds something else, has a later layout, or
        declares more data than a file of its size can hold.
    """
    try:
        size = source.seek(0, os.SEEK_END)
        with zipfile.ZipFile(source) as archive:
            _check_size(archive, size, name)
            header = json.loads(_read_member(archive, archive.getinfo(HEADER)))
            _check_header(header, kind, name)
            settings = header["settings"]
            arrays = {
                member.filename.removesuffix(".npy"): _read_array(archive, member)
                for member in archive.infolist()
                if member.filename != HEADER
            }
    except ModelFileError:
        raise
    except _DAMAGE as error:
        raise ModelFileError(
            f"{name} is not a ktextures {kind} file, or it is damaged ({error}). "
            "Save it again, or copy it again in binary mode."
        ) from error
    return settings, arrays


def _check_size(archive: zipfile.ZipFile, size: int, name: str) -> None:
    declared = sum(member.file_size for member in archive.infolist())
    limit = min(_MAX_BYTES, max(_ALWAYS_ALLOWED_BYTES, _MAX_RATIO * size))
    if declared > limit:
        raise ModelFileError(
            f"{name} declares {declared / 2**20:,.0f} MiB of data, but a file of "
            f"{size / 2**20:,.1f} MiB holds at most {limit / 2**20:,.0f} MiB. It is "
            "damaged or was not written by ktextures; get it again from its source."
        )


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    # With a length, because read() without one inflates more than is declared.
    with archive.open(member) as file:
        return file.read(member.file_size + 1)


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    content = _read_member(archive, member)
    start = 10 + int.from_bytes(content[8:10], "little")
    header = _ARRAY_HEADER.fullmatch(content[:start])
    if header is None:
        raise ValueError(f"{member.filename} is not an array of numbers")
    dtype = np.dtype(header["dtype"].decode())
    shape = tuple(int(length) for length in re.findall(rb"\d+", header["shape"]))
    # Python's integers cannot overflow, unlike those of an array's shape.
    if math.prod(shape) * dtype.itemsize != len(content) - start:
        raise ValueError(
            f"{member.filename} declares the shape {shape} of {dtype}, which does not "
            f"fit its {len(content) - start} bytes"
        )
    order: Literal["F", "C"] = "F" if header["fortran_order"] == b"True" else "C"
    array = np.ndarray(shape, dtype, buffer=content, offset=start, order=order)
    return array.copy(order="K")


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
    """Read the settings and arrays of an archive from a file.

    Parameters
    ----------
    path : path
        The file.
    kind : str
        What the archive should hold, as given to `pack`.

    Returns
    -------
    settings : dict
        As `unpack` returns them.
    arrays : dict of str to ndarray
        As `unpack` returns them.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        As `unpack` raises it.
    """
    with open(path, "rb") as file:
        return unpack(file, kind, repr(str(path)))


def write_atomically(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file in one step: at any moment it is the old one or the new one.

    Parameters
    ----------
    path : path
        File to make or replace.
    content : bytes
        All of it.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    OutputError
        If it cannot be written; an older file stays as it was.
    """
    path = Path(path)
    try:
        with staging_folder(path.parent) as folder:
            temporary = folder / "content"
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
    except OSError as error:
        raise OutputError(
            f"cannot write {str(path)!r}: {error.strerror or error}; choose another "
            "path, or free some disk space"
        ) from error
    return path
