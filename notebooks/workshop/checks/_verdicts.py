"""What a notebook calls: is the answer right, and if not, what helps?"""

from collections.abc import Mapping, MutableMapping
from typing import Any

from ._exercises import EXERCISES, Wrong

_watched: list[Mapping[str, Any]] = []


def watch(names: MutableMapping[str, Any]) -> None:
    """Look for answers among these names from now on.

    Parameters
    ----------
    names : mapping
        ``globals()`` of the notebook.
    """
    _watched[:] = [names]


def check(number: str) -> None:
    """Print whether the answers of an exercise are right, and if not, a hint.

    Parameters
    ----------
    number : str
        Of the exercise, such as "1.2".
    """
    if number not in EXERCISES:
        print(_no_such_exercise(number))
        return
    if not _watched:
        print("Not yet. Run the first code cell of this notebook, then this one again.")
        return
    right, said = verdict(number, _watched[0])
    if right:
        print(f"Right. {said}")
        return
    print(f"Not yet. {said}")
    print(f"Hint: {EXERCISES[number].hints[0]}")
    print(f'For a second hint, run checks.hint("{number}") in a new cell.')


def hint(number: str) -> None:
    """Print the second hint of an exercise.

    Parameters
    ----------
    number : str
        Of the exercise, such as "1.2".
    """
    if number not in EXERCISES:
        print(_no_such_exercise(number))
        return
    print(f"Second hint: {EXERCISES[number].hints[1]}")


def verdict(number: str, names: Mapping[str, Any]) -> tuple[bool, str]:
    """Judge the answers of an exercise.

    Parameters
    ----------
    number : str
        Of the exercise.
    names : mapping
        Answers, and what the notebook has made, by name.

    Returns
    -------
    right : bool
    said : str
        Why it is right, or what is wrong.
    """
    exercise = EXERCISES[number]
    for name in exercise.given:
        if name not in names:
            return False, (
                f"The check needs `{name}`, which an earlier cell makes: run the cells "
                "above this one, from the top."
            )
    for name in exercise.answers:
        if name not in names:
            return False, (
                f"There is no `{name}` yet: run the cell with the exercise, and see "
                "whether it ends with an error."
            )
        if names[name] is ...:
            return False, (
                f"`{name}` is still `...`: replace the dots in the cell above, run it, "
                "and then this one again."
            )
    answers = [names[name] for name in exercise.answers]
    given = {name: names[name] for name in exercise.given}
    try:
        return True, exercise.test(*answers, **given)
    except Wrong as wrong:
        return False, str(wrong)
    except Exception as error:
        # A learner's value can be of any type, and must not end in a traceback.
        listed = " and ".join(f"`{name}`" for name in exercise.answers)
        return False, (
            f"The check cannot use {listed} ({type(error).__name__}: {error}): see "
            "what the exercise asks for."
        )


def _no_such_exercise(number: Any) -> str:
    return f"There is no exercise {number!r}; there are {', '.join(EXERCISES)}."
