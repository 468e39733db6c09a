"""Exercises, and what is wrong with their answers."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class Wrong(Exception):
    """What is wrong with an answer, as one sentence for the learner."""


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Parameters
    ----------
    number : str
        Part and place in it, such as "1.2".
    test : callable
        Takes the answers by place and what the notebook has made by name; returns why
        the answers are right, or raises `Wrong`.
    hints : (str, str)
        A first hint, and one that says nearly everything.
    """

    number: str
    test: Callable[..., str]
    hints: tuple[str, str]

    @property
    def answers(self) -> tuple[str, ...]:
        """Names that the learner fills in."""
        return self._names(inspect.Parameter.POSITIONAL_ONLY)

    @property
    def given(self) -> tuple[str, ...]:
        """Names that other cells of the notebook define."""
        return self._names(inspect.Parameter.KEYWORD_ONLY)

    def _names(self, kind: Any) -> tuple[str, ...]:
        parameters = inspect.signature(self.test).parameters.values()
        return tuple(each.name for each in parameters if each.kind is kind)


EXERCISES: dict[str, Exercise] = {}
"""All exercises, by number."""


def exercise(number: str, first: str, second: str) -> Callable[..., Any]:
    """Register a test: answers are positional-only, what is given keyword-only."""

    def register(test: Callable[..., str]) -> Callable[..., str]:
        EXERCISES[number] = Exercise(number, test, (first, second))
        return test

    return register
