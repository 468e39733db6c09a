"""What a sweep found for one number of classes, and the folder that keeps it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from ktextures.classes.arrays import match_to
from ktextures.classes.table import ClassTable
from ktextures.errors import InputError, ModelFileError
from ktextures.files.archive import pack, read_archive, write_atomically
from ktextures.training.checkpoint import prepare_folder

__all__ = ["NUMBERS", "Found", "Kept", "lineage"]

NUMBERS = (
    "dictionary_loss",
    "silhouette",
    "calinski_harabasz",
    "davies_bouldin",
    "stability",
    "prediction_strength",
    "prediction_strength_error",
    "seconds",
)
"""Measures of each k, in the order in which files keep them."""

KIND, SUFFIX = "sweep", ".ktextures-sweep"


@dataclass(frozen=True)
class Found:
    """A map of k classes, its model, and measures.

    Attributes
    ----------
    k : int
    classes : array, shape (y, x), uint8
        1..k, 0 = nodata.
    colors : tuple of str
        Of the classes.
    parents : array, shape (k,), uint8
        For each class, that of the previous k which it overlaps most; 0 if none.
    model : bytes
        Content of a model file.
    numbers : dict of str to float
        Named as in `NUMBERS`.
    """

    k: int
    classes: np.ndarray
    colors: tuple[str, ...]
    parents: np.ndarray
    model: bytes
    numbers: dict[str, float]

    @property
    def shares(self) -> np.ndarray:
        """Share of each class, shape (k,), in the pixels with data."""
        counts = np.bincount(self.classes.ravel(), minlength=self.k + 1)[1:]
        return np.asarray(counts / max(counts.sum(), 1))

    def packed(self, identity: str) -> bytes:
        """The content of a file of a sweep."""
        settings = {"k": self.k, "colors": list(self.colors), "identity": identity}
        arrays = {
            "classes": self.classes,
            "parents": self.parents,
            "model": np.frombuffer(self.model, "uint8"),
            # JSON has no NaN.
            "numbers": np.array([self.numbers[name] for name in NUMBERS]),
        }
        return pack(KIND, settings, arrays)

    @classmethod
    def read(cls, path: Path, identity: str) -> Self:
        """Read the file of a sweep.

        Raises
        ------
        InputError
            If it is another sweep's.
        ModelFileError
            If it is damaged.
        """
        try:
            settings, arrays = read_archive(path, KIND)
            other = settings["identity"] != identity
            numbers = zip(NUMBERS, arrays["numbers"].tolist(), strict=True)
            found = cls(
                int(settings["k"]),
                arrays["classes"],
                tuple(settings["colors"]),
                arrays["parents"],
                arrays["model"].tobytes(),
                dict(numbers),
            )
        except (KeyError, ValueError, ModelFileError) as error:
            raise ModelFileError(
                f"The result of the sweep, {str(path)!r}, is damaged ({error}). Delete "
                "it to compute it again."
            ) from error
        if other:
            raise InputError(
                f"{str(path)!r} belongs to another sweep (another scene, seed, ks or "
                "option). Choose another folder, or delete it."
            )
        return found


class Kept:
    """A folder that holds what a sweep has found so far.

    Parameters
    ----------
    folder : path
        Made if it does not exist.
    identity : str
        Fingerprint of the sweep; another one's files are refused.

    Raises
    ------
    InputError
        If the folder holds files of another sweep.
    ModelFileError
        If one is damaged.
    OutputError
        If the folder cannot be made or written.
    """

    def __init__(self, folder: str | Path, identity: str) -> None:
        prepare_folder(folder)
        self.folder, self.identity = Path(folder), identity
        paths = sorted(self.folder.glob(f"k*{SUFFIX}"))
        read = [Found.read(path, identity) for path in paths]
        self.found = {each.k: each for each in read}

    def write(self, found: Found) -> None:
        """Keep what was found for one k."""
        path = self.folder / f"k{found.k:03d}{SUFFIX}"
        write_atomically(path, found.packed(self.identity))


def lineage(
    classes: np.ndarray, k: int, previous: Found | None
) -> tuple[tuple[str, ...], np.ndarray]:
    """Colors and parents of the classes of a map, by the map of the previous k.

    Parameters
    ----------
    classes : array, shape (y, x), uint8
        1..k, 0 = nodata.
    k : int
    previous : Found or None
        For fewer classes, with a map of the same pixels.

    Returns
    -------
    colors : tuple of str
        The classes that agree best with those of the previous map have their colors;
        the others have free ones.
    parents : array, shape (k,), uint8
        0 for a class without pixels, and if nothing is previous.
    """
    if previous is None:
        return ClassTable.default(k).colors, np.zeros(k, "uint8")
    mapping = match_to(classes, previous.classes, k, previous.k)
    earlier = ClassTable(_names(previous.k), previous.colors)
    size = previous.k + 1
    pairs = classes.astype(int) * size + previous.classes
    shared = np.bincount(pairs.ravel(), minlength=(k + 1) * size)
    shared = shared.reshape(k + 1, size)[1:, 1:]
    parents = np.where(shared.any(1), shared.argmax(1) + 1, 0).astype("uint8")
    return earlier.matched(mapping).colors, parents


def _names(k: int) -> tuple[str, ...]:
    return ClassTable.default(k).names
