"""What goes wrong while a file is written, reported as an error that says why."""

import contextlib
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError

from ktextures.errors import KTexturesError, OutputError

__all__ = ["writing_errors"]

_FULL = (errno.ENOSPC, errno.EDQUOT)
_LITTLE = 2**20


@contextlib.contextmanager
def writing_errors(target: Path, folder: Path | None = None) -> Iterator[None]:
    """Raise what the file system and GDAL report as OutputError.

    Parameters
    ----------
    target : Path
        The file that is to be made.
    folder : Path, optional
        The hidden folder it is written in.

    Raises
    ------
    OutputError
        That names the target, and says so if the disk is full.
    """
    try:
        yield
    except KTexturesError:
        raise
    # Not all errors of GDAL become a RasterioError.
    except (RasterioError, CPLE_BaseError, OSError) as error:
        problem = f"cannot write {str(target)!r}"
        free = shutil.disk_usage(target.parent).free
        if getattr(error, "errno", None) in _FULL or free < _needed(folder):
            raise OutputError(
                f"{problem}: the disk is full ({free / 2**20:,.1f} MB are free); free "
                "some space, or choose another folder"
            ) from error
        raise OutputError(
            f"{problem}: {error}; check the folder, or choose another one"
        ) from error


def _needed(folder: Path | None) -> int:
    """Bytes that a file still needs at least, once it has begun."""
    if folder is None or not folder.exists():
        return 0
    # GDAL removes its own half of a conversion before it reports that it failed.
    return max(_LITTLE, sum(each.stat().st_size for each in folder.iterdir()))
