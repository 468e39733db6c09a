"""Checks of the exercises of the workshop.

A notebook calls ``watch(globals())`` once. After an exercise, ``check("1.1")`` says
whether the answer is right; if it is not, it says what is wrong and gives a hint, and
``hint("1.1")`` gives a second one. Both print, and never raise.

What is right is computed here with numpy, from the scenes, maps, and tables of the
notebook, and not with the function that the exercise is about. Whatever gives the right
value is right, in whichever type it comes.
"""

import inspect
import itertools
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["EXERCISES", "Exercise", "Wrong", "check", "hint", "verdict", "watch"]

_watched: list[Mapping[str, Any]] = []


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


def _exercise(number: str, first: str, second: str) -> Callable[..., Any]:
    """Register a test: answers are positional-only, what is given keyword-only."""

    def register(test: Callable[..., str]) -> Callable[..., str]:
        EXERCISES[number] = Exercise(number, test, (first, second))
        return test

    return register


def _no_such_exercise(number: Any) -> str:
    return f"There is no exercise {number!r}; there are {', '.join(EXERCISES)}."


# --- what answers hold ----------------------------------------------------------------


def _number(value: Any, name: str) -> float:
    """One number, whatever holds it."""
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise Wrong(f"`{name}` is a {type(value).__name__}: give a number.")
    if array.size != 1:
        raise Wrong(f"`{name}` holds {array.size} values: give one number.")
    found = float(array.reshape(()))
    if not np.isfinite(found):
        raise Wrong(f"`{name}` is {found}: give a number.")
    return found


def _is_close(
    value: Any, name: str, true: float, near: Mapping[str, float], within: float
) -> None:
    """Refuse a number that is not the true one, and say what it is instead.

    `near` holds what learners find by mistake, by what to tell them.
    """
    found = _number(value, name)
    if abs(found - true) <= within:
        return
    for said, wrong in near.items():
        if abs(found - wrong) <= within:
            raise Wrong(said)
    raise Wrong(f"`{name}` is {found:g}, which is not right.")


def _is_share(value: Any, name: str, true: float, near: Mapping[str, float]) -> None:
    """Refuse a number that is not the true share, 0..1."""
    if abs(_number(value, name) - 100 * true) < 0.5:
        raise Wrong(f"`{name}` is in percent: give a share from 0 to 1.")
    _is_close(value, name, true, near, within=0.005)


def _whole_numbers(value: Any, name: str) -> list[int]:
    """Whole numbers, from one or from any collection of them."""
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        value = [value]
    array = np.asarray(
        list(np.atleast_1d(value)) if hasattr(value, "shape") else list(value)
    )
    if array.dtype.kind == "b":
        raise Wrong(f"`{name}` holds True and False: give the numbers themselves.")
    if array.size and (
        array.dtype.kind not in "iuf" or (array != np.round(array)).any()
    ):
        raise Wrong(f"`{name}` does not hold whole numbers.")
    return [int(each) for each in array.ravel()]


def _array(value: Any, name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """An array of numbers of this shape."""
    array = np.asarray(value)
    if array.dtype.kind not in "iufb":
        raise Wrong(f"`{name}` is a {type(value).__name__}: give an array of numbers.")
    if array.shape != shape:
        raise Wrong(
            f"`{name}` has the shape {array.shape}: it should have {shape}, one value "
            "per pixel."
        )
    return array.astype(np.float64)


def _class_map(value: Any, name: str, shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """A class map of this shape, from a result of `segment` or its classes."""
    value = getattr(value, "classes", value)
    return _array(value, name, shape).astype(np.int64)


# --- part 1: look and train -----------------------------------------------------------


@_exercise(
    "1.1",
    'Take one band with `scene.sel(band="B08").astype(float)`. B08 is near infrared, '
    "and B04 is red.",
    "With `nir` and `red`, the index is `(nir - red) / (nir + red)`. Both differences "
    "and sums need their brackets.",
)
def _ndvi(ndvi: Any, /, *, scene: Any) -> str:
    """Test a vegetation index by the bands of the scene."""
    red, nir = _band(scene, "red"), _band(scene, "nir")
    found = _array(ndvi, "ndvi", red.shape)
    true = (nir - red) / (nir + red)
    if np.allclose(found, true, atol=1e-3):
        return (
            f"The index reaches from {true.min():.2f} to {true.max():.2f}: plants "
            "reflect near infrared and absorb red, so it is high where they grow."
        )
    if np.allclose(found, -true, atol=1e-3):
        raise Wrong("`ndvi` has the wrong sign: red and near infrared are swapped.")
    if np.allclose(found, nir - red, atol=1e-3):
        raise Wrong("`ndvi` is the difference only: divide it by the sum of the bands.")
    if np.allclose(found, (nir - red) / nir + red, atol=1e-3):
        raise Wrong("`ndvi` is divided by near infrared only: a bracket is missing.")
    for role in ("blue", "green"):
        other = _band(scene, role)
        for low, high in ((other, nir), (other, red), (red, other), (nir, other)):
            if np.allclose(found, (high - low) / (high + low), atol=1e-3):
                raise Wrong(f"`ndvi` is made of another band: {role} is not needed.")
    raise Wrong(
        f"`ndvi` is {found[0, 0]:.3f} in the first pixel, and should be "
        f"{true[0, 0]:.3f}."
    )


@_exercise(
    "1.2",
    "`result.masks` has the dimensions class, y, x. "
    "`result.masks.isel(y=row, x=column)` takes one pixel of each mask.",
    "`result.masks.isel(y=20, x=160).values`, which is one value per class. y comes "
    "first: it is the row.",
)
def _masks(mask_values: Any, /, *, result: Any) -> str:
    """Test the values of all masks in row 20, column 160."""
    masks = np.asarray(result.masks).astype(int)
    true = masks[:, 20, 160]
    found = np.asarray(mask_values)
    if found.dtype.kind not in "iufb":
        raise Wrong("`mask_values` holds no numbers: give one value per mask.")
    if found.size == 1 and true.size > 1:
        raise Wrong(
            "`mask_values` is a single value: give one for each mask, that is, "
            f"{true.size} values."
        )
    if found.shape != true.shape:
        raise Wrong(
            f"`mask_values` has the shape {found.shape}: give {true.size} values, one "
            "for each mask."
        )
    if (found == true).all():
        return (
            "One mask is 1 and all others are 0, because each pixel belongs to exactly "
            f"one class, here to class {true.argmax() + 1}. The masks are the class "
            "map, one class at a time."
        )
    if (found == masks[:, 160, 20]).all():
        raise Wrong("These are the masks in row 160, column 20: swap the two.")
    raise Wrong("These are not the values of the masks in row 20, column 160.")


@_exercise(
    "1.3",
    "Train with `kt.train(scene, k=3, steps=100, seed=1)`, then classify with "
    "`kt.segment(scene, small)`. `kt.class_areas(few.classes)` is a table with a "
    "column `share`.",
    "The share of a class is the number of its pixels divided by the number of all "
    "pixels: `float(kt.class_areas(few.classes).share.max())`.",
)
def _few(small: Any, few: Any, largest_share: Any, /, *, scene: Any) -> str:
    """Test a model of three classes, its map, and the share of the largest class."""
    k = getattr(small, "k", None)
    if k is None:
        raise Wrong(f"`small` is a {type(small).__name__}: give what kt.train returns.")
    if k != 3:
        raise Wrong(f"`small` has {k} classes, and should have 3.")
    classes = _class_map(few, "few", scene.shape[1:])
    if classes.max() > 3:
        raise Wrong(
            f"`few` has {classes.max()} classes: segment the scene with `small`."
        )
    pixels = np.bincount(classes[classes > 0], minlength=4)[1:]
    shares = pixels / pixels.sum()
    true, largest = float(shares.max()), int(shares.argmax()) + 1
    near = {
        "`largest_share` is a number of pixels: divide it by all pixels.": pixels.max(),
        "`largest_share` is the number of the class, not its share.": largest,
        "`largest_share` is the share of the smallest class.": shares.min(),
    }
    _is_share(largest_share, "largest_share", true, near)
    return (
        f"Class {largest} covers {true:.0%} of the scene. You have trained a model of "
        "your own."
    )


def _band(scene: Any, role: str) -> npt.NDArray[np.float64]:
    """The band of a scene with this role, (y, x)."""
    place = [str(each) for each in np.asarray(scene.role)].index(role)
    return np.asarray(scene)[place].astype(np.float64)


# --- part 2: choose k -----------------------------------------------------------------


@_exercise(
    "2.1",
    "`sweep.prediction_strength` has one value for each k in `sweep.k`. The threshold "
    "is 0.85.",
    "`sweep.k.values[sweep.prediction_strength.values >= 0.85]`; `sweep.reproducible` "
    "holds the same as True and False.",
)
def _found_again(found_again: Any, /, *, sweep: Any) -> str:
    """Test which k have a prediction strength of 0.85 or more."""
    ks = np.asarray(sweep.k)
    passes = np.asarray(sweep.prediction_strength) >= 0.85
    true = set(ks[passes].tolist())
    found = _whole_numbers(found_again, "found_again")
    if set(found) == true:
        return (
            f"{_listed(sorted(true)) or 'No k'} passed. What passes is found again in "
            "other pixels; which of them is best depends on what the map is for."
        )
    if set(found) == set(np.flatnonzero(passes).tolist()):
        raise Wrong("These are places in the list of k, counted from 0: give the k.")
    if set(found) - set(ks.tolist()):
        raise Wrong(
            f"{_listed(sorted(set(found) - set(ks.tolist())))} was not tried: the "
            f"sweep has k = {_listed(ks.tolist())}."
        )
    if set(found) < true:
        raise Wrong("More k have a prediction strength of 0.85 or more.")
    raise Wrong(
        f"k = {_listed(sorted(set(found) - true))} has a prediction strength below "
        "0.85."
    )


@_exercise(
    "2.2",
    "In the table, the row is k = 4 and the column is class 4.",
    'The sweep keeps it: `sweep.parent.sel(k=4, **{"class": 4})`, which is the class '
    "of k = 3 that has most of the pixels.",
)
def _parent(parent: Any, /, *, sweep: Any) -> str:
    """Test which class of k = 3 most pixels of class 4 of k = 4 come from."""
    three, four = (np.asarray(sweep.classes.sel(k=k)) for k in (3, 4))
    shared = np.bincount(three[four == 4], minlength=4)[1:4]
    found, true = _number(parent, "parent"), int(shared.argmax()) + 1
    if found == true:
        return (
            f"Class {true} of k = 3 holds {shared.max() / shared.sum():.0%} of the "
            "pixels of class 4. Classes are numbered anew for each k, from dark to "
            "bright; their colors follow the lineage."
        )
    if found not in (1, 2, 3):
        raise Wrong(f"`parent` is {found:g}, and k = 3 has the classes 1, 2, and 3.")
    raise Wrong(
        f"Only {shared[int(found) - 1] / shared.sum():.0%} of the pixels of class 4 "
        f"are in class {found:g} of k = 3."
    )


@_exercise(
    "2.3",
    "`kt.split(scene, model, largest, into=2)` gives a new model, and `kt.merge(finer, "
    '[1, 2], name="dark")` another one. Neither changes the model that it is given.',
    "`finer = kt.split(scene, model, largest, into=2)`, then `merged = kt.merge(finer, "
    '[1, 2], name="dark")`: split `model`, but merge `finer`.',
)
def _split_and_merge(finer: Any, merged: Any, /, *, model: Any, largest: Any) -> str:
    """Test models made by splitting the largest class and by merging 1 and 2."""
    before = _names_of(model, "model")
    names = _names_of(finer, "finer")
    part = f"{before[int(largest) - 1]}, part 2"
    if len(names) != len(before) + 1:
        raise Wrong(
            f"`finer` has {len(names)} classes: one class of `model`, which has "
            f"{len(before)}, divided in two gives {len(before) + 1}."
        )
    if names[-1] != part:
        raise Wrong(
            f"The new class of `finer` is called {names[-1]!r}: split class {largest}, "
            "the largest."
        )
    found = _names_of(merged, "merged")
    if found == names:
        raise Wrong("`merged` has the classes of `finer`: merge two of them.")
    if "dark" not in found:
        raise Wrong('`merged` has no class named "dark": pass name="dark".')
    if len(found) == len(before) - 1:
        raise Wrong("`merged` was made of `model`: merge the classes of `finer`.")
    if found != ("dark", *names[2:]):
        raise Wrong(
            f"`merged` has the classes {_listed(found)}: merge the two darkest, 1 and "
            "2."
        )
    return (
        f"`finer` has {len(names)} classes and `merged` {len(found)}, and `model` "
        f"still has {len(before)}: each step gives a new model, so that you can go "
        "back."
    )


def _names_of(model: Any, name: str) -> tuple[str, ...]:
    """Names of the classes of a model."""
    names = getattr(getattr(model, "classes", None), "names", None)
    if names is None:
        raise Wrong(f"`{name}` is a {type(model).__name__}: give a model.")
    return tuple(names)


def _listed(values: Iterable[Any]) -> str:
    """Values as in a sentence: "2, 3, and 4"."""
    *first, last = [str(value) for value in values] or [""]
    if not first:
        return last
    return f"{', '.join(first)}{',' * (len(first) > 1)} and {last}"


# --- part 3: hints and legend ---------------------------------------------------------


@_exercise(
    "3.1",
    "`places` has the attributes `row` and `col`. A hint is `(row, col, name)`, and "
    "`visit(row, col)` returns the name.",
    "`visited = [(p.row, p.col, visit(p.row, p.col)) for p in places]`",
)
def _visited(visited: Any, /, *, ground: Any, steered: Any) -> str:
    """Test that hints name what is on the ground in their places."""
    true, names = np.asarray(ground), _names_on(ground)
    hints = [_hint(each, _names_of(steered, "steered")) for each in _rows(visited)]
    if len(hints) < 3:
        raise Wrong(f"`visited` has {len(hints)} hints: visit all three places.")
    unknown = {name for *_, name in hints} - set(names)
    if unknown:
        raise Wrong(f"{_listed(map(repr, unknown))} is not one of {_listed(names)}.")
    height, width = true.shape
    for row, col, _ in hints:
        if not (0 <= row < height and 0 <= col < width):
            raise Wrong(
                f"Row {row}, column {col} is outside the scene: give pixels, not "
                "meters."
            )
    wrong = [each for each in hints if names[true[each[0], each[1]] - 1] != each[2]]
    if not wrong:
        return f"All {len(hints)} hints name what is on the ground in their places."
    if all(names[true[col, row] - 1] == name for row, col, name in hints):
        raise Wrong("Rows and columns are swapped: the row comes first.")
    row, col, name = wrong[0]
    raise Wrong(
        f"In row {row}, column {col} there is no {name}, but "
        f"{names[true[row, col] - 1]}."
    )


@_exercise(
    "3.2",
    "The field reaches from about x = 501,100 to 501,400 and from y = 4,999,800 to "
    "4,999,950. Give the polygon the CRS of the scene, `scene.rio.crs`, and pass "
    "`hints=steered.hints + field` and `model=steered` to `kt.train`.",
    'For the field, `geopandas.GeoDataFrame({"class": ["pasture"]}, geometry=[box('
    "501_100, 4_999_800, 501_400, 4_999_950)], crs=scene.rio.crs)`. Then `better = "
    "kt.train(prepared, model=steered, hints=steered.hints + field, steps=60)` and "
    "`better_map = kt.segment(scene, better)`.",
)
def _field(
    field: Any, better: Any, better_map: Any, /, *, ground: Any, steered: Any
) -> str:
    """Test a polygon of pasture, and the map of a model that follows it."""
    true, names = np.asarray(ground), _names_on(ground)
    inside = _covered(field, ground)
    known = {
        _hint_class(each, _names_of(steered, "steered")) for each in field["class"]
    }
    if known != {"pasture"}:
        raise Wrong(
            f'The class of `field` is {_listed(map(repr, known))}, not "pasture".'
        )
    if inside.sum() < 20:
        raise Wrong(
            f"`field` contains {inside.sum()} pixels of the scene: use the coordinates "
            "of the axes of the map, in meters, x before y."
        )
    share = (true[inside] == names.index("pasture") + 1).mean()
    if share < 0.95:
        raise Wrong(
            f"Only {share:.0%} of `field` is pasture: make it smaller, or move it."
        )
    number = len(getattr(better, "hints", ()))
    if not number:
        raise Wrong(
            "`better` has no hints: give what `kt.train(..., hints=...)` returns."
        )
    if number <= len(steered.hints):
        raise Wrong(
            f"`better` has {number} hints, and `steered` {len(steered.hints)}: pass "
            "both the old hints and the field."
        )
    classes = _class_map(better_map, "better_map", true.shape)
    right = np.array(["", *_names_of(better, "better")])[classes]
    agreement = (right == np.array(["", *names])[true]).mean()
    if agreement < 0.95:
        raise Wrong(
            f"`better_map` agrees with the ground in {agreement:.1%} of the pixels "
            "only: make it with `better`, and train that with `model=steered`."
        )
    return (
        f"The map now agrees with the ground in {agreement:.1%} of the pixels. The "
        "field spoke for everything that looks like it, not for itself alone."
    )


@_exercise(
    "3.3",
    "On which texture of the image does the mask of each class lie? Green and "
    "gray-brown are woods, pink is crops, and blue is pasture.",
    "`kt.assign_by(eight, ground).assignment` finds the same by counting. Each number "
    "from 1 to 8 must be in one of the lists.",
)
def _assignment(assignment: Any, /, *, eight: Any, ground: Any) -> str:
    """Test that each class is assigned to what most of its pixels are."""
    if not isinstance(assignment, Mapping):
        raise Wrong(
            f"`assignment` is a {type(assignment).__name__}: give a dictionary."
        )
    if any(values is ... for values in assignment.values()):
        raise Wrong("In `assignment`, a name is still `...`: list its classes.")
    true, names = np.asarray(ground), _names_on(ground)
    classes = np.asarray(eight)
    unknown = set(assignment) - set(names)
    if unknown:
        raise Wrong(
            f"The legend has no {_listed(map(repr, unknown))}: it has {_listed(names)}."
        )
    entries: dict[int, str] = {}
    for name, values in assignment.items():
        for value in _whole_numbers(values, "assignment"):
            if value in entries:
                raise Wrong(f"Class {value} is assigned twice.")
            entries[value] = name
    present = set(np.unique(classes[classes > 0]).tolist())
    if set(entries) - present:
        raise Wrong(f"There is no class {_listed(sorted(set(entries) - present))}.")
    for value in sorted(present):
        shares = np.bincount(true[classes == value], minlength=len(names) + 1)[1:]
        shares = shares / shares.sum()
        most = names[int(shares.argmax())]
        if value not in entries:
            raise Wrong(f"Class {value} is not assigned yet.")
        # A class that lies on two things may go to either.
        if shares[names.index(entries[value])] < min(0.4, shares.max()):
            raise Wrong(
                f"Class {value} is assigned to {entries[value]}, but lies on something "
                f"else: {shares.max():.0%} of its pixels are {most}."
            )
    return (
        "Each class goes where most of its pixels are. The classes stay as they are: "
        "the legend says what they are called on the map."
    )


def _rows(hints: Any) -> list[Any]:
    """Hints one by one, from a list, a table, or `ktextures.Hints`."""
    if hasattr(hints, "itertuples"):
        if not {"row", "col", "class"} <= set(hints.columns):
            raise Wrong("`visited` is a table without the columns row, col, and class.")
        return hints[["row", "col", "class"]].to_numpy(object).tolist()
    if isinstance(hints, str) or not isinstance(hints, Iterable):
        raise Wrong(f"`visited` is a {type(hints).__name__}: give a list of hints.")
    return list(hints)


def _hint(hint: Any, names: tuple[str, ...]) -> tuple[int, int, str]:
    """Row, column, and name of a hint at a pixel."""
    if hasattr(hint, "class_") and hasattr(hint, "geometry"):
        col, row = hint.geometry["coordinates"]
        return round(row), round(col), _hint_class(hint.class_, names)
    if isinstance(hint, str) or not isinstance(hint, Iterable) or len(list(hint)) != 3:
        raise Wrong(
            f"A hint is {hint!r}: give (row, column, name), as in (20, 160, 'woods')."
        )
    row, col, class_ = hint
    return (
        round(_number(row, "row of a hint")),
        round(_number(col, "column of a hint")),
        _hint_class(class_, names),
    )


def _hint_class(class_: Any, names: tuple[str, ...]) -> str:
    """Name of a class that is given by number or name."""
    if isinstance(class_, str):
        return str(class_)
    number = round(_number(class_, "class of a hint"))
    if not 1 <= number <= len(names):
        raise Wrong(f"There is no class {number}: give a name.")
    return names[number - 1]


def _names_on(ground: Any) -> tuple[str, ...]:
    """Names of the classes of a map, from its attributes."""
    return tuple(ground.attrs["flag_meanings"].split())


def _covered(field: Any, ground: Any) -> npt.NDArray[np.bool_]:
    """Pixels (y, x) of a map whose centers are in the polygons of a table."""
    if not hasattr(field, "geometry") or not hasattr(field, "to_crs"):
        raise Wrong(f"`field` is a {type(field).__name__}: give a GeoDataFrame.")
    if "class" not in field:
        raise Wrong('`field` has no column "class", which says what is there.')
    if field.crs is None:
        raise Wrong(
            "`field` has no CRS, so its place is unknown: pass crs=scene.rio.crs."
        )
    if field.crs != ground.rio.crs:
        field = field.to_crs(ground.rio.crs)
    x, y = np.meshgrid(np.asarray(ground.x), np.asarray(ground.y))
    inside = np.zeros(x.shape, bool)
    for shape in field.geometry:
        for polygon in getattr(shape, "geoms", [shape]):
            if not hasattr(polygon, "exterior"):
                raise Wrong(f"`field` holds a {shape.geom_type}: give a polygon.")
            inside |= _in_ring(np.asarray(polygon.exterior.coords), x, y)
    return inside


def _in_ring(
    ring: npt.NDArray[np.float64],
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
) -> npt.NDArray[np.bool_]:
    """Points with an odd number of edges of a ring (point, 2) to their right."""
    inside = np.zeros(x.shape, bool)
    for (x0, y0, *_), (x1, y1, *_) in itertools.pairwise(ring):
        if y0 != y1:
            crossing = x0 + (y - y0) * (x1 - x0) / (y1 - y0)
            inside ^= ((y0 > y) != (y1 > y)) & (x < crossing)
    return inside


# --- part 4: accuracy and area --------------------------------------------------------


@_exercise(
    "4.1",
    'Look at the row "burned" of `found.matrix`: the points that the map calls burned. '
    "How many of them are burned?",
    "Divide the number in row burned, column burned by the sum of the row: "
    '`found.matrix.loc["burned", "burned"] / found.matrix.loc["burned"].sum()`.',
)
def _users(users_accuracy: Any, /, *, points: Any, ground: Any) -> str:
    """Test the user's accuracy of burned forest by counting points."""
    mapped, real, burned = _labels(points, ground)
    both = ((mapped == burned) & (real == burned)).sum()
    true = both / (mapped == burned).sum()
    near = {
        "This is the number of points that are right: divide it.": both,
        "You divided by the sum of the column. That leads to producer's accuracy, the "
        "share of what is burned that the map has found.": both
        / (real == burned).sum(),
        "This is the share of the points of all classes that are right.": (
            mapped == real
        ).mean(),
    }
    _is_share(users_accuracy, "users_accuracy", true, near)
    return (
        f"Of the area that the map calls burned, about {true:.0%} is burned. That says "
        "nothing about burned forest that the map has missed."
    )


@_exercise(
    "4.2",
    "Multiply the mapped area of each class by the share of its points that are "
    'burned, and add up. The shares are the column "burned" of `found.matrix`, divided '
    "by the sums of the rows.",
    '`shares = found.matrix["burned"] / found.matrix.sum(axis=1)`, then '
    "`burned_ha = float((shares.values * mapped_ha.values).sum())`.",
)
def _burned(burned_ha: Any, /, *, points: Any, class_map: Any, ground: Any) -> str:
    """Test the estimated area of burned forest by the stratified estimator."""
    mapped, real, burned = _labels(points, ground)
    areas, estimates, _ = _estimated(points, class_map, ground)
    true, counted = estimates[burned - 1], areas[burned - 1]
    kept = ((mapped == burned) & (real == burned)).sum() / (mapped == burned).sum()
    near = {
        "This is the mapped area, which is what we want to correct.": counted,
        "This takes all points alike. But burned areas got more points than their "
        "share, so each class of the map must count by its own area.": (
            real == burned
        ).mean()
        * areas.sum(),
        "This leaves out the burned points that the map calls something else.": kept
        * counted,
        "This is a share of the area: multiply it by the area in hectares.": true
        / areas.sum(),
    }
    _is_close(burned_ha, "burned_ha", true, near, within=0.005 * true)
    return (
        f"{true:.1f} ha instead of the {counted:.1f} ha on the map: burned forest that "
        "the map calls forest is counted too."
    )


@_exercise(
    "4.3",
    "The interval reaches from `estimated_ha - interval_ha` to `estimated_ha + "
    "interval_ha`. Is `mapped_ha` in it?",
    "`areas = found.areas`, then `too_far = areas[abs(areas.mapped_ha - "
    "areas.estimated_ha) > areas.interval_ha].name.tolist()`.",
)
def _too_far(too_far: Any, /, *, points: Any, class_map: Any, ground: Any) -> str:
    """Test which mapped areas are outside the interval of the estimate."""
    names = _names_on(ground)
    areas, estimates, intervals = _estimated(points, class_map, ground)
    alone = isinstance(too_far, str) or not isinstance(too_far, Iterable)
    listed = [too_far] if alone else list(too_far)
    known = {*names, *range(1, len(names) + 1)}
    if any(isinstance(v, bool | np.bool_) or v not in known for v in listed):
        raise Wrong("`too_far` holds something else: list names of classes.")
    found = {v if v in names else names[int(v) - 1] for v in listed}
    excess = np.abs(areas - estimates) / intervals
    true = {n for n, e in zip(names, excess, strict=True) if e > 1}
    # Whoever rounds may see a mapped area on the other side of the end of its interval.
    close = {n for n, e in zip(names, excess, strict=True) if abs(e - 1) < 0.02}
    if found - close == true - close:
        return (
            f"The mapped areas of {_listed(sorted(true))} cannot be explained by "
            "chance: the map is biased, and no number of pixels mends that."
        )
    missing, extra = true - found - close, found - true - close
    if missing:
        raise Wrong(
            f"The interval of {_listed(sorted(missing))} does not reach its area."
        )
    raise Wrong(f"The mapped area of {_listed(sorted(extra))} is within its interval.")


@_exercise(
    "4.4",
    "The width of an interval falls with the square root of the number of points.",
    "Half the width takes four times as many points: `4 * len(points)`.",
)
def _more_points(points_needed: Any, /, *, points: Any) -> str:
    """Test how many points halve the intervals."""
    now = len(points)
    near = {
        "Twice as many points make intervals narrower by 30 % only.": 2 * now,
        "Count all points that are needed, not only the additional ones.": 3 * now,
        f"There are {now} points already; how many are needed in all?": now,
        "The width falls with the square root of the number: try a larger one.": now
        * 2**0.5,
    }
    _is_close(points_needed, "points_needed", 4 * now, near, within=0.1 * now)
    return (
        f"About {4 * now:,}. So decide how sure you need to be before you draw points, "
        "and draw more of them for the classes that matter."
    )


def _labels(points: Any, ground: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any], int]:
    """Mapped and real class of each point, and the number of burned forest."""
    mapped = np.asarray(points["class"], dtype=np.int64)
    real = np.asarray(points["reference"], dtype=np.int64)
    return mapped, real, _names_on(ground).index("burned") + 1


def _estimated(
    points: Any, class_map: Any, ground: Any
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mapped and estimated area of each class with its 95 % interval, in hectares.

    Of a sample in which each class of the map is a stratum (Cochran 1977, 5.8).
    """
    k = len(_names_on(ground))
    mapped, real, _ = _labels(points, ground)
    pixels = np.bincount(np.asarray(class_map).ravel(), minlength=k + 1)[1:]
    side = abs(float(class_map.x[1] - class_map.x[0]))
    hectares = pixels * side**2 / 10_000
    counts = np.zeros((k, k))
    np.add.at(counts, (mapped - 1, real - 1), 1)
    drawn = counts.sum(1, keepdims=True)
    shares = counts / drawn
    weights = (pixels / pixels.sum())[:, None]
    variances = (weights**2 * shares * (1 - shares) / (drawn - 1)).sum(0)
    estimates = (weights * shares).sum(0)
    return (
        hectares,
        estimates * hectares.sum(),
        1.96 * np.sqrt(variances) * hectares.sum(),
    )


# --- part 5: training samples ---------------------------------------------------------


@_exercise(
    "5.1",
    "How many chips of 24 x 24 pixels does a row of 300 pixels need, if the last one "
    "may overlap? How many rows are there? `len(samples.manifest)` chips were kept.",
    "The grid has 13 rows of 13 chips: `left_out = 13 * 13 - len(samples.manifest)`.",
)
def _left_out(left_out: Any, /, *, scene: Any, samples: Any) -> str:
    """Test the number of chips of the grid that are in no split."""
    size, kept = int(samples.description["size"]), len(samples.manifest)
    rows, columns = (-(-side // size) for side in scene.shape[1:])
    true = rows * columns - kept
    near = {
        "Count the grid again: the last row and column end at the edge of the scene, "
        "and belong to it.": (rows - 1) * (columns - 1) - kept,
        "This is the number of chips in the grid: subtract those that were kept.": rows
        * columns,
        "This is the number of chips that were kept.": kept,
        "Subtract the chips that were kept from all chips, and not vice versa.": -true,
    }
    _is_close(left_out, "left_out", true, near, within=0)
    return (
        f"{true} of {rows * columns} chips lie too close to another split. They are "
        "the price of a test that is honest."
    )


@_exercise(
    "5.2",
    "`forest.predict(test_values)` gives the class of each pixel of the test chips. "
    "Compare it with `test_labels`.",
    "`honest = float((forest.predict(test_values) == test_labels).mean())`",
)
def _honest(
    honest: Any,
    /,
    *,
    forest: Any,
    values: Any,
    labels: Any,
    test_values: Any,
    test_labels: Any,
) -> str:
    """Test the share of test pixels that a forest classifies as the class map does."""
    right = forest.predict(test_values) == test_labels
    true = float(np.mean(right))
    near = {
        "`honest` is a number of pixels: divide it by all test pixels.": np.sum(right),
        "This is the share of pixels that are wrong.": 1 - true,
        "These are the pixels that the forest was trained on: use the test.": np.mean(
            forest.predict(values) == labels
        ),
    }
    _is_share(honest, "honest", true, near)
    return (
        "On ground that it has not seen, the forest agrees with the class map in "
        f"{true:.0%} of the pixels."
    )


@_exercise(
    "5.3",
    "Make a new forest, as above, and fit it to `values[rest]` and `labels[rest]`. "
    "Then compare its classes of `values[held_back]` with `labels[held_back]`.",
    "`other = new_forest().fit(values[rest], labels[rest])`, then `optimistic = "
    "float((other.predict(values[held_back]) == labels[held_back]).mean())`.",
)
def _optimistic(
    other: Any,
    optimistic: Any,
    /,
    *,
    forest: Any,
    values: Any,
    labels: Any,
    held_back: Any,
    test_values: Any,
    test_labels: Any,
) -> str:
    """Test the share of right pixels in a random part of the training chips."""
    if not hasattr(other, "predict"):
        raise Wrong(f"`other` is a {type(other).__name__}: give a forest.")
    if other is forest:
        raise Wrong("`other` is `forest`, which has seen all of these pixels.")
    true = float(np.mean(other.predict(values[held_back]) == labels[held_back]))
    honest = float(np.mean(other.predict(test_values) == test_labels))
    near = {"These are the test chips: use the pixels held back.": honest}
    _is_share(optimistic, "optimistic", true, near)
    return (
        f"{true:.0%}, where the test chips say {honest:.0%}. Each pixel held back lies "
        "between pixels that the forest has seen, so part of this number is memory."
    )
