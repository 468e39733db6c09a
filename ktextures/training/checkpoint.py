"""A training's state on disk, so that a kill at any moment costs little."""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ktextures.errors import InputError, ModelFileError, OutputError
from ktextures.files.archive import Arrays, pack, read_archive, write_atomically

__all__ = ["Checkpoint", "fingerprint", "prepare_folder"]

NAME = "training.ktextures-checkpoint"
SECONDS_BETWEEN = 10.0


def fingerprint(settings: Mapping[str, Any], arrays: Iterable[np.ndarray]) -> str:
    """A name for one training: its settings, pixels and first weights."""
    found = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for array in arrays:
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def prepare_folder(folder: str | Path) -> None:
    """Make the folder, and be sure that it can be written into.

    Raises
    ------
    OutputError
        If not.
    """
    probe = Path(folder) / ".writable"
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        write_atomically(probe, b"")
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"checkpoint={str(folder)!r} cannot be written: {error}. Choose another "
            "folder."
        ) from error


class Checkpoint:
    """A folder that holds the latest state of one training.

    Parameters
    ----------
    folder : path
        Made if it does not exist.
    identity : str
        Fingerprint of the training; another one's state is refused.

    Raises
    ------
    OutputError
        If the folder cannot be made or written.
    """

    def __init__(self, folder: str | Path, identity: str) -> None:
        self.path, self.identity = Path(folder) / NAME, identity
        prepare_folder(folder)
        self._saved = time.monotonic()

    def read(self) -> tuple[dict[str, Any], Arrays] | None:
        """Settings and arrays of the state, or None where none was saved yet.

        Raises
        ------
        InputError
            If the state is another training's.
        ModelFileError
            If it is damaged.
        """
        if not self.path.exists():
            return None
        try:
            settings, arrays = read_archive(self.path, "checkpoint")
            identity = settings["identity"]
        except (KeyError, ModelFileError) as error:
            raise ModelFileError(
                f"The state of the training, {str(self.path)!r}, is damaged "
                f"({error}). Delete it to train from the beginning."
            ) from error
        if identity != self.identity:
            raise InputError(
                f"{str(self.path)!r} is the state of another training (another scene, "
                "seed, k or option). Choose another folder, or delete it."
            )
        return settings, arrays

    def due(self) -> bool:
        """Whether the last save is long enough ago."""
        return time.monotonic() - self._saved >= SECONDS_BETWEEN

    def write(
        self, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
    ) -> None:
        """Replace the state."""
        self._saved = time.monotonic()
        content = pack("checkpoint", {**settings, "identity": self.identity}, arrays)
        write_atomically(self.path, content)
