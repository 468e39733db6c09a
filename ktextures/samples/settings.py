"""How a set of samples is cut and divided: arguments checked, and defaults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from ktextures._arguments import checked_whole
from ktextures.errors import InputError
from ktextures.samples.blocks import SPLITS

__all__ = ["Settings", "Split", "check_seed", "checked_fractions"]

Split = Literal["blocks"]

_MIN_SIZE = 8
_BUFFER_SHARE = 4  # of a chip: the reciprocal


@dataclass(frozen=True)
class Settings:
    """What `training_samples` was asked for.

    Parameters
    ----------
    size, overlap : int
        Side of a chip and overlap of neighbors, in pixels of each scene.
    split : "blocks" or None
        None: all chips are for training.
    fractions : tuple of float
        Of `SPLITS`, as `checked_fractions` returns them.
    block_size : int or None
        In pixels of the first scene; None: chosen later.
    buffer : int or None
        In pixels of the first scene; None: a quarter of a chip, or that of the set.
    max_nodata : float
        Share of a chip.
    min_confidence : float or None
    balance : bool
    seed : int

    Raises
    ------
    InputError
        If an argument is out of range.
    """

    size: int
    overlap: int
    split: Split | None
    fractions: tuple[float, ...]
    block_size: int | None
    buffer: int | None
    max_nodata: float
    min_confidence: float | None
    balance: bool
    seed: int

    def __post_init__(self) -> None:
        checked_whole("size", self.size, _MIN_SIZE)
        checked_whole("overlap", self.overlap, 0)
        if self.overlap >= self.size:
            raise InputError(
                f"overlap is {self.overlap} pixels, but chips have {self.size}: give "
                f"less than size={self.size}"
            )
        if self.split is not None and self.split not in get_args(Split):
            raise InputError(
                f"split is {self.split!r}: give 'blocks', or None if all chips are for "
                "training. Chips drawn at random for a test lie beside those for "
                "training and make models look better than they are"
            )
        for name in ("block_size", "buffer"):
            if getattr(self, name) is not None:
                checked_whole(name, getattr(self, name), int(name == "block_size"))
        self._check_block_size()
        _check_share("max_nodata", self.max_nodata)
        if self.min_confidence is not None:
            _check_share("min_confidence", self.min_confidence)
        check_seed(self.seed)

    def _check_block_size(self) -> None:
        smallest = self.size + self.distance
        if self.block_size is not None and self.block_size < smallest:
            raise InputError(
                f"block_size is {self.block_size} pixels, but a chip of {self.size} "
                f"pixels and a buffer of {self.distance} do not fit in less than "
                f"{smallest}: give at least block_size={smallest}, or a smaller size "
                "or buffer"
            )

    @property
    def distance(self) -> int:
        """The buffer, in pixels of the first scene."""
        return self.size // _BUFFER_SHARE if self.buffer is None else self.buffer

    def starts(self, length: int) -> list[int]:
        """First pixels of chips along an axis.

        Parameters
        ----------
        length : int
            Pixels of the scene along it, at least ``size``.

        Returns
        -------
        list of int
            Multiples of ``size - overlap``, and the last place at the edge, so that
            nothing is left out.
        """
        last = length - self.size
        step = self.size - self.overlap
        return sorted({*range(0, last + 1, step), last})


def checked_fractions(fractions: Any) -> tuple[float, ...]:
    """Read the shares of the splits.

    Parameters
    ----------
    fractions : sequence of float, or mapping of str to float
        Shares of train, validation and test, which sum to 1.

    Returns
    -------
    tuple of float
        Three numbers.

    Raises
    ------
    InputError
        If they are not three shares that sum to 1, or there is no train.
    """
    given = fractions
    if isinstance(fractions, Mapping) and set(fractions) <= set(SPLITS):
        given = [fractions.get(split, 0) for split in SPLITS]
    if (
        isinstance(given, str | Mapping)
        or not isinstance(given, Sequence)
        or len(given) != len(SPLITS)
        or not all(_is_number(each) and each >= 0 for each in given)
        or abs(sum(given) - 1) > 1e-6
        or not given[0]
    ):
        raise InputError(
            f"fractions are {fractions!r}: give the shares of {', '.join(SPLITS)}, "
            "which sum to 1, such as (0.7, 0.15, 0.15); that of train must not be 0"
        )
    return tuple(float(each) for each in given)


def check_seed(seed: Any) -> None:
    """Raise InputError unless this is a seed."""
    checked_whole("seed", seed, 0)


def _check_share(name: str, value: Any) -> None:
    if not _is_number(value) or not 0 <= value <= 1:
        raise InputError(f"{name} is {value!r}: give a share, 0 to 1")


def _is_number(value: Any) -> bool:
    number = isinstance(value, int | float | np.integer | np.floating)
    return number and not isinstance(value, bool) and bool(np.isfinite(value))
