"""Exercises of part 3: hints and legend."""

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ._answers import class_map, listed, names_of, names_on, one_number, whole_numbers
from ._exercises import Wrong, exercise


@exercise(
    "3.1",
    "`places` has the attributes `row` and `col`. A hint is `(row, col, name)`, and "
    "`visit(row, col)` returns the name.",
    "`visited = [(p.row, p.col, visit(p.row, p.col)) for p in places]`",
)
def _visited(visited: Any, /, *, ground: Any, steered: Any) -> str:
    """Test that hints name what is on the ground in their places."""
    true, names = np.asarray(ground), names_on(ground)
    hints = [_hint(each, names_of(steered, "steered")) for each in _rows(visited)]
    if len(hints) < 3:
        raise Wrong(f"`visited` has {len(hints)} hints: visit all three places.")
    unknown = {name for *_, name in hints} - set(names)
    if unknown:
        raise Wrong(f"{listed(map(repr, unknown))} is not one of {listed(names)}.")
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


@exercise(
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
    true, names = np.asarray(ground), names_on(ground)
    inside = _covered(field, ground)
    known = {_hint_class(each, names_of(steered, "steered")) for each in field["class"]}
    if known != {"pasture"}:
        raise Wrong(
            f'The class of `field` is {listed(map(repr, known))}, not "pasture".'
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
    classes = class_map(better_map, "better_map", true.shape)
    right = np.array(["", *names_of(better, "better")])[classes]
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


@exercise(
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
    true, names = np.asarray(ground), names_on(ground)
    classes = np.asarray(eight)
    unknown = set(assignment) - set(names)
    if unknown:
        raise Wrong(
            f"The legend has no {listed(map(repr, unknown))}: it has {listed(names)}."
        )
    entries: dict[int, str] = {}
    for name, values in assignment.items():
        for value in whole_numbers(values, "assignment"):
            if value in entries:
                raise Wrong(f"Class {value} is assigned twice.")
            entries[value] = name
    present = set(np.unique(classes[classes > 0]).tolist())
    if set(entries) - present:
        raise Wrong(f"There is no class {listed(sorted(set(entries) - present))}.")
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
        round(one_number(row, "row of a hint")),
        round(one_number(col, "column of a hint")),
        _hint_class(class_, names),
    )


def _hint_class(class_: Any, names: tuple[str, ...]) -> str:
    """Name of a class that is given by number or name."""
    if isinstance(class_, str):
        return str(class_)
    number = round(one_number(class_, "class of a hint"))
    if not 1 <= number <= len(names):
        raise Wrong(f"There is no class {number}: give a name.")
    return names[number - 1]


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
