"""Finished sets moved into place; what was there stays whole until that is done."""

import contextlib
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path

from ktextures.errors import OutputError
from ktextures.samples.manifest import DESCRIPTION, IMAGES, LABELS, TABLE

__all__ = ["check_folder", "foreign_files", "publish"]

Steps = list[Callable[[], object]]

STAGING = ".ktextures-"
"""How names of temporary folders begin."""


def check_folder(out: Path, given: str) -> Path:
    """Find out whether a set can be written, without writing it.

    Parameters
    ----------
    out : Path
        Folder of the set, resolved; it need not exist.
    given : str
        As the user gave it.

    Returns
    -------
    Path
        Folder in which temporary files can be made.

    Raises
    ------
    OutputError
        If the folder cannot be made or written to.
    """
    problem = f"cannot write samples to {given!r}:"
    if out.exists() and not out.is_dir():
        raise OutputError(f"{problem} it is a file; give a folder")
    if not out.parent.is_dir():
        raise OutputError(f"{problem} folder '{out.parent}' does not exist; create it")
    for place in (out.parent, out):
        if place.exists() and os.access(place, os.W_OK | os.X_OK):
            return place
    raise OutputError(
        f"{problem} no file can be made in folder '{out.parent}'; choose another folder"
    )


def foreign_files(out: Path, own: Collection[Path]) -> list[Path]:
    """Files and empty folders in a folder that do not belong to the set in it.

    Parameters
    ----------
    out : Path
        The folder; it need not exist.
    own : collection of Path
        Files of the set, relative to the folder.

    Returns
    -------
    list of Path
        Relative to the folder; without our temporary files.
    """
    if not out.exists():
        return []
    found = {
        each.relative_to(out)
        for each in out.rglob("*")
        if not each.is_dir() or each.is_symlink() or not any(each.iterdir())
    }
    ours = {each for each in found if each.parts[0].startswith(STAGING)}
    return sorted(found - ours - {Path(IMAGES), Path(LABELS), *own})


def publish(
    new: Path,
    out: Path,
    *,
    own: Collection[Path],
    obsolete: bool,
    scratch: Path,
) -> None:
    """Move a finished set into place.

    If anything fails or interrupts, the folder is as before. A folder that holds
    nothing else is replaced as a whole. Otherwise, files are moved one by one, and the
    table of chips, which says what belongs to the set, last.

    Parameters
    ----------
    new : Path
        Folder with the new files.
    out : Path
        Where they go.
    own : collection of Path
        Files of the set in ``out``, relative to it; only these are replaced.
    obsolete : bool
        Whether that set is removed.
    scratch : Path
        Folder for what is replaced, on the same file system.

    Raises
    ------
    OutputError
        If a file cannot be moved, or would replace one that does not belong to the set.
    """
    kept = foreign_files(out, own if obsolete else ())
    for each in in_order(new):
        if each in kept and each not in own:
            raise OutputError(
                f"{str(out / each)!r} exists but does not belong to the samples there: "
                "move it away, or choose another folder"
            )
    try:
        with _undoing() as undo:
            if kept or out in scratch.parents:
                _merge(new, out, own if obsolete else (), scratch / "replaced", undo)
            else:
                _swap(new, out, scratch / "replaced", undo)
    except OSError as error:
        raise OutputError(
            f"writing samples to {str(out)!r} failed: {error}; nothing was changed"
        ) from error


@contextlib.contextmanager
def _undoing() -> Iterator[Steps]:
    """A list of what to do, last first, if the block does not end well."""
    steps: Steps = []
    try:
        yield steps
    except BaseException:
        for step in reversed(steps):
            step()
        raise


def _swap(new: Path, out: Path, aside: Path, undo: Steps) -> None:
    if out.exists():
        _move(out, aside, undo)
    _move(new, out, undo)


def _merge(
    new: Path, out: Path, old: Collection[Path], aside: Path, undo: Steps
) -> None:
    for each in old:
        if (out / each).exists():
            _move(out / each, aside / each, undo)
    for each in in_order(new):
        target, saved = out / each, aside / each
        if target.exists():
            saved.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(target, saved)
            undo.append(partial(os.replace, saved, target))
            os.replace(new / each, target)
        else:
            _move(new / each, target, undo)


def _move(source: Path, target: Path, undo: Steps) -> None:
    for folder in reversed(target.parents):
        if not folder.exists():
            undo.append(partial(_remove_folder, folder))
            folder.mkdir()
    # First, since an interrupt may come right after the move.
    undo.append(partial(_move_back, target, source))
    os.rename(source, target)


def _move_back(target: Path, source: Path) -> None:
    if not source.exists() and target.exists():
        os.rename(target, source)


def _remove_folder(folder: Path) -> None:
    if folder.exists():
        folder.rmdir()


def in_order(new: Path) -> list[Path]:
    """Files of a new set, relative to its folder: its table last."""
    found = [each.relative_to(new) for each in new.rglob("*") if each.is_file()]
    last = [Path(DESCRIPTION), Path(TABLE)]
    return sorted(set(found) - set(last)) + [each for each in last if each in found]
