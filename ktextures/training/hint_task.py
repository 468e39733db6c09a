"""Hints as `train` gets them, checked: which classes they name, and where."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ktextures.classes.table import ClassTable
from ktextures.errors import InputError
from ktextures.hints.hints import Hints
from ktextures.hints.pixels import (
    HintedPixels,
    find_pixels,
    placed_in,
    print_of,
)
from ktextures.model.ktextures import KTextures
from ktextures.raster.scene_set import SceneSet
from ktextures.training.class_arguments import value_of
from ktextures.training.hint_guide import HintGuide

__all__ = ["HintTask", "make_task"]


@dataclass(frozen=True)
class HintTask:
    """What hints ask of a training.

    Attributes
    ----------
    hints : Hints
    classes : tuple of int or str
        Numbers and names that they give to classes, each once.
    groups : array, shape (hint,), int
        Place in `classes` of the class of each hint.
    pixels : HintedPixels
    is_new : bool
        Whether a model that is trained further does not know them yet.
    origin : str or None
        The scene whose columns and rows they are in.
    """

    hints: Hints
    classes: tuple[int | str, ...]
    groups: np.ndarray
    pixels: HintedPixels
    is_new: bool
    origin: str | None = None

    def of_model(self, model: KTextures) -> "HintTask":
        """The same, with the numbers that classes have in a model.

        Raises
        ------
        InputError
            If it has no such class.
        """
        numbers = [_value(each, model.classes) for each in self.classes]
        classes = tuple(dict.fromkeys(numbers))
        places = np.array([classes.index(number) for number in numbers], int)
        return replace(self, classes=classes, groups=places[self.groups])

    def numbered(self, values: Sequence[int]) -> Hints:
        """The hints, given the number of each of the classes."""
        return self.hints.of_classes([int(values[group]) for group in self.groups])


def make_task(
    hints: object, k: int, scenes: SceneSet, model: KTextures | None
) -> HintTask | None:
    """Check hints against scenes, the number of classes, and an earlier model.

    Parameters
    ----------
    hints : object
        What `ktextures.Hints` takes, or None for those of the model.
    k : int
        Number of classes of the new model.
    scenes : SceneSet
    model : KTextures or None
        Trained further.

    Returns
    -------
    HintTask or None
        None if there are no hints.

    Raises
    ------
    InputError
        If they name too many classes or one that does not exist, or a hint is outside
        the scenes or on nodata; the latter only if the hints are not the model's.
    FileNotFoundError
        If they are the path of a file that does not exist.
    """
    own = model.hints if model is not None else Hints()
    told = own if hints is None else Hints(hints)
    if not len(told):
        return None
    found = own if hints is None else placed_in(told, scenes)
    _check_contextual(model)
    classes = _classes(found, k, model)
    unique = tuple(dict.fromkeys(classes))
    groups = np.array([unique.index(each) for each in classes], int)
    given = hints is not None
    origin = None if given or model is None else model.record.hints_origin
    # Messages are about places as they were given.
    pixels = find_pixels(told, scenes, groups.tolist(), strict=given, origin=origin)
    if given and any(hint.crs is None for hint in found):
        origin = print_of(scenes)
    return HintTask(found, unique, groups, pixels, found != own, origin)


def _check_contextual(model: KTextures | None) -> None:
    if model is not None and not model.mask_network.has_probabilities:
        raise InputError(
            "Models of preset 'paper' cannot follow hints. Leave hints out, or train "
            "with preset='default'."
        )


def _classes(hints: Hints, k: int, model: KTextures | None) -> list[int | str]:
    """What each hint calls its class: numbers if there is a model with this k."""
    if model is not None and model.k == k:
        return [_value(hint.class_, model.classes) for hint in hints]
    named = [_numbered(hint.class_, k) for hint in hints]
    too_large = [each for each in named if isinstance(each, int) and each > k]
    if too_large:
        raise InputError(
            f"A hint names class {too_large[0]}, but k is {k}; use numbers from 1 to "
            f"{k}, or train with a larger k."
        )
    count = len(set(named))
    if count > k:
        raise InputError(
            f"The hints name {count} classes, but k is {k}; train with k={count} or "
            "more."
        )
    return named


def _numbered(class_: int | str, k: int) -> int | str:
    """The number of a class that goes by its default name."""
    found = (
        re.fullmatch(r"class (\d{1,3})", class_) if isinstance(class_, str) else None
    )
    return int(found[1]) if found and 1 <= int(found[1]) <= k else class_


def _value(class_: int | str, table: ClassTable) -> int:
    try:
        return value_of(class_, table)
    except InputError as error:
        raise InputError(f"A hint cannot be used: {error}") from error


def as_hinted(
    order: np.ndarray, table: ClassTable, task: HintTask, guide: HintGuide
) -> tuple[np.ndarray, ClassTable]:
    """Give hinted classes of a new model their numbers and names.

    Parameters
    ----------
    order : array, shape (k,), int
        The mask of each class without hints.
    table : ClassTable
    task : HintTask
    guide : HintGuide
        It knows the mask of each class.

    Returns
    -------
    array, shape (k,), int
        The same order, except for masks whose number hints give.
    ClassTable
    """
    pairs = list(zip(task.classes, guide.masks.tolist(), strict=True))
    fixed = {each: mask for each, mask in pairs if isinstance(each, int)}
    others = iter(mask for mask in order.tolist() if mask not in fixed.values())
    made = [fixed[v] if v in fixed else next(others) for v in range(1, len(order) + 1)]
    names = {
        made.index(mask) + 1: each for each, mask in pairs if isinstance(each, str)
    }
    for value in range(1, table.k + 1):
        name = names.get(value, f"class {value}")
        table = table.rename(value, name)
    return np.array(made), table
