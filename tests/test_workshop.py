"""The workshop: its exercises can be solved, and their checks help who is wrong."""

import importlib
import itertools
import json
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import geopandas
import nbformat
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from nbclient import NotebookClient
from shapely import box

import ktextures as kt

FOLDER = Path(__file__).parents[1] / "notebooks" / "workshop"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
EXERCISE = re.compile(r"^# Exercise (\d\.\d)$", re.MULTILINE)
CHECK = re.compile(r'^checks\.check\("(\d\.\d)"\)$', re.MULTILINE)
CELL = re.compile(r"^# %% (\d\.\d)\n", re.MULTILINE)


def load_checks():
    """The package that the notebooks import from their own folder."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "checks"]:
        del sys.modules[name]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        return importlib.import_module("checks")


checks = load_checks()


def code_cells(path):
    notebook = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def solutions_of(path):
    """Solutions by number of the exercise."""
    text = (FOLDER / "solutions" / f"{path.stem}.py").read_text(encoding="utf-8")
    parts = CELL.split(text)[1:]
    return dict(zip(parts[::2], map(str.strip, parts[1::2]), strict=True))


def exercises_of(path):
    """Exercise cells by number."""
    found = [(EXERCISE.match(cell.source), cell) for cell in code_cells(path)]
    return {match[1]: cell for match, cell in found if match}


# --- with the solutions ---------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(900)  # a busy machine may take several times as long
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_solutions_are_right(path, tmp_path, monkeypatch):
    # Threads of the linear algebra that wait for each other take many times as long
    # while something else needs the processor.
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    shutil.copytree(FOLDER / "checks", tmp_path / "checks")
    notebook, solutions = nbformat.read(path, as_version=4), solutions_of(path)
    for cell in notebook.cells:
        match = EXERCISE.match(cell.source)
        if cell.cell_type == "code" and match:
            cell.source = solutions[match[1]]
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=300, resources=resources).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    said = {
        match[1]: "".join(output.text for output in cell.outputs)
        for cell in cells
        if (match := CHECK.match(cell.source))
    }
    assert list(said) == list(solutions)
    wrong = {number: text for number, text in said.items() if text[:7] != "Right. "}
    assert wrong == {}
    outputs = [output for cell in cells for output in cell.outputs]
    assert [o.text for o in outputs if o.get("name") == "stderr"] == []
    assert any("image/png" in output.get("data", {}) for output in outputs)


# --- the notebooks --------------------------------------------------------------------


def test_there_are_five_parts():
    assert [path.name[0] for path in NOTEBOOKS] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_exercise_has_a_check_and_a_solution(path):
    cells = code_cells(path)
    exercises = [m[1] for cell in cells if (m := EXERCISE.match(cell.source))]
    following = [
        CHECK.fullmatch(after.source)
        for cell, after in itertools.pairwise(cells)
        if EXERCISE.match(cell.source)
    ]
    assert 2 <= len(exercises) <= 4
    assert [match and match[1] for match in following] == exercises
    assert list(solutions_of(path)) == exercises
    known = [number for number in checks.EXERCISES if number[0] == path.name[0]]
    assert known == exercises


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_exercises_run_as_they_are_and_name_the_answers(path):
    solutions = solutions_of(path)
    for number, cell in exercises_of(path).items():
        names = {}
        exec(cell.source, names)
        del names["__builtins__"]
        assert tuple(names) == checks.EXERCISES[number].answers
        assert "..." in cell.source
        assert "..." not in solutions[number]
        assert solutions[number].startswith(f"# Exercise {number}\n")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_clean(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    for cell in notebook["cells"]:
        assert cell["metadata"] == {}
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None


def test_parts_and_break_take_90_minutes():
    minutes = [
        int(re.search(r"\*\*Time\.\*\* (\d+) minutes", cell.source)[1])
        for path in NOTEBOOKS
        for cell in nbformat.read(path, as_version=4).cells[:1]
    ]
    guide = (FOLDER / "GUIDE.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \d:\d\d \| (\d+) min \|", guide, re.MULTILINE)
    assert sum(map(int, rows)) == 90
    assert [each for each in map(int, rows) if each in minutes] == minutes


# --- the checks, with answers of all kinds --------------------------------------------


def part_1():
    scene = kt.datasets.sentinel2()[:, :200, :200]
    truth = kt.datasets.synthetic(200, k=5, seed=1).truth
    few = kt.relabel_classes(truth, [1, 2, 2, 3, 3])
    few[:40] = 3
    masks = xr.concat([truth == value for value in range(1, 6)], "class")
    world = {"scene": scene, "result": xr.Dataset({"masks": masks})}
    blue, green, red, nir = scene.astype(float)
    ndvi = (nir - red) / (nir + red)
    right = {
        "1.1": [ndvi, ndvi.values, ndvi.astype("float32")],
        "1.2": [],
        "1.3": [],
    }
    wrong = {
        "1.1": [
            (-ndvi, "swapped"),
            (nir - red, "divide"),
            ((nir - red) / nir + red, "bracket"),
            ((nir - green) / (nir + green), "green is not needed"),
            ((blue - red) / (blue + red), "blue is not needed"),
            ((red - nir) / (nir + red) + 1, "first pixel"),
            (float(ndvi.mean()), "one value per pixel"),
            (ndvi[:100], "shape"),
            ("nir", "give an array"),
            (None, "give an array"),
        ],
    }
    values = masks[:, 20, 160]
    right["1.2"] = [values, values.values.tolist(), tuple(values.astype(int).values)]
    wrong["1.2"] = [
        (masks[:, 160, 20], "swap"),
        (masks[0], "shape"),
        (int(truth[20, 160]), "single value"),
        (masks[0, 20, 160], "single value"),
        ([1, 1, 0, 0, 0], "not the values"),
        ([1, 0, 0], "5 values"),
        ("01000", "no numbers"),
        ({"class": 2}, "no numbers"),
    ]
    pixels = np.bincount(few.values.ravel())[1:]
    share = pixels.max() / pixels.sum()
    model, result = SimpleNamespace(k=3), xr.Dataset({"classes": few})
    right["1.3"] = [
        (model, result, float(share)),
        (model, few, share + 0.004),
        (model, few.values, np.float32(share)),
        (model, result, xr.DataArray(share)),
    ]
    wrong["1.3"] = [
        ((SimpleNamespace(k=5), result, share), "should have 3"),
        ((result, result, share), "kt.train"),
        ((model, truth, share), "5 classes"),
        ((model, result, 100 * share), "percent"),
        ((model, result, int(pixels.max())), "number of pixels"),
        ((model, result, int(pixels.argmax()) + 1), "number of the class"),
        ((model, result, pixels.min() / pixels.sum()), "smallest"),
        ((model, result, 0.123), "not right"),
        ((model, result, pixels / pixels.sum()), "one number"),
        ((model, result, f"{share:.2f}"), "give a number"),
        ((model, result, np.nan), "give a number"),
        ((model, model, share), "array of numbers"),
    ]
    return world, right, wrong


def part_2():
    four = kt.datasets.synthetic(96, k=4, seed=2).truth.values
    three = np.array([0, 1, 1, 2, 3])[four]
    two = np.array([0, 1, 1, 2])[three]
    sweep = xr.Dataset(
        {
            "classes": (("k", "y", "x"), np.stack([two, three, four])),
            "prediction_strength": ("k", [0.92, 0.88, 0.54]),
            "reproducible": ("k", [True, True, False]),
        },
        {"k": [2, 3, 4]},
    )
    before = kt.ClassTable.default(3)
    parts = ("class 1", "class 2", "class 3", "class 2, part 2")
    model, finer, other, merged, unnamed, wrong_pair, early = (
        SimpleNamespace(classes=SimpleNamespace(names=names))
        for names in (
            before.names,
            parts,
            ("class 1", "class 2", "class 3", "class 1, part 2"),
            ("dark", "class 3", "class 2, part 2"),
            ("class 1", "class 3", "class 2, part 2"),
            ("class 1", "dark", "class 2, part 2"),
            ("dark", "class 3"),
        )
    )
    world = {"sweep": sweep, "model": model, "largest": 2}
    right = {
        "2.1": [[2, 3], (3, 2), {2, 3}, np.array([2, 3]), sweep.k[:2], range(2, 4)],
        "2.2": [3, 3.0, np.uint8(3), xr.DataArray(3), [3]],
        "2.3": [(finer, merged)],
    }
    wrong = {
        "2.1": [
            ([0, 1], "counted from 0"),
            (3, "More k"),
            ([2], "More k"),
            ([2, 3, 4], "below 0.85"),
            ([4], "below 0.85"),
            ([2, 3, 5], "was not tried"),
            (sweep.reproducible, "True and False"),
            (sweep.prediction_strength[:2], "whole numbers"),
            ([], "More k"),
            ("2, 3", "whole numbers"),
            (None, "whole numbers"),
        ],
        "2.2": [
            (4, "has the classes"),
            (0, "has the classes"),
            (1, "of the pixels of class 4"),
            ([1, 1, 2, 3], "one number"),
            ("class 3", "give a number"),
            (None, "give a number"),
        ],
        "2.3": [
            ((model, merged), "divided in two"),
            ((other, merged), "split class 2"),
            ((finer, finer), "merge two of them"),
            ((finer, unnamed), 'name="dark"'),
            ((finer, early), "made of `model`"),
            ((finer, wrong_pair), "1 and 2"),
            ((finer, None), "give a model"),
            ((sweep, merged), "give a model"),
        ],
    }
    return world, right, wrong


def part_3():
    names = ("woods", "crops", "pasture")
    textures = kt.datasets.synthetic(160, k=4, seed=0, contrast="both").truth
    table = kt.ClassTable(names, ("green", "pink", "blue"))
    ground = kt.relabel_classes(textures, [1, 2, 1, 3]).assign_attrs(table.attrs())
    hints = kt.Hints([(32, 24, "woods"), (66, 87, "crops")])
    steered = SimpleNamespace(
        classes=SimpleNamespace(names=("pasture", "woods", "crops")), hints=hints
    )
    places = [(121, 74), (110, 115), (9, 97)]
    visited = [(r, c, names[int(ground[r, c]) - 1]) for r, c in places]
    eight = textures.copy()
    eight[:80] = eight[:80] + 4
    best = {"woods": [1, 3, 5, 7], "crops": [2, 6], "pasture": [4, 8]}
    world = {"ground": ground, "steered": steered, "eight": eight}
    numbers = [(r, c, steered.classes.names.index(name) + 1) for r, c, name in visited]
    right = {
        "3.1": [
            visited,
            tuple(visited),
            numbers,
            kt.Hints(visited),
            pd.DataFrame(visited, columns=["row", "col", "class"]),
            [*visited, (32, 24, "woods")],
            np.array(visited, object),
        ],
    }
    swapped = [(col, row, name) for row, col, name in visited]
    renamed = [(row, col, "forest") for row, col, _ in visited]
    wrong = {
        "3.1": [
            (swapped, "swapped"),
            (visited[:1], "all three"),
            ([], "all three"),
            (renamed, "'forest' is not one of"),
            ([(row, col, "crops") for row, col, _ in visited], "there is no crops"),
            ([(500_740, 4_999_000, "woods")] * 3, "outside the scene"),
            ([name for *_, name in visited], "give (row, column, name)"),
            (places, "give (row, column, name)"),
            ("woods", "give a list"),
            (None, "give a list"),
        ],
    }

    def field(*bounds, class_="pasture", crs=ground.rio.crs):
        return geopandas.GeoDataFrame(
            {"class": [class_]}, geometry=[box(*bounds)], crs=crs
        )

    place = (501_100, 4_999_800, 501_400, 4_999_950)
    good = field(*place)
    point = geopandas.GeoDataFrame(
        {"class": ["pasture"]},
        geometry=geopandas.points_from_xy([501_200], [4_999_900]),
        crs=ground.rio.crs,
    )
    exact = np.array([0, 2, 3, 1], np.uint8)[ground.values]
    old = exact.copy()
    old[:, :20] = 1
    better = SimpleNamespace(classes=steered.classes, hints=hints + good)
    mapped = xr.Dataset({"classes": ground.copy(data=exact)})
    right["3.2"] = [
        (good, better, mapped),
        (good.to_crs("EPSG:4326"), better, mapped.classes),
        (field(*place, class_=1), better, exact),
    ]
    wrong["3.2"] = [
        ((field(*place, class_="crops"), better, mapped), 'not "pasture"'),
        ((field(*place, crs=None), better, mapped), "no CRS"),
        ((field(500_700, 4_999_200, 501_000, 4_999_500), better, mapped), "is pasture"),
        ((field(500_100, 4_999_200, 501_500, 4_999_950), better, mapped), "is pasture"),
        ((field(5, 110, 20, 140), better, mapped), "in meters"),
        ((field(4_999_800, 501_100, 4_999_950, 501_400), better, mapped), "x before y"),
        ((good.drop(columns="class"), better, mapped), 'no column "class"'),
        ((point, better, mapped), "give a polygon"),
        ((box(*place), better, mapped), "give a GeoDataFrame"),
        ((good, SimpleNamespace(hints=()), mapped), "no hints"),
        ((good, SimpleNamespace(hints=kt.Hints(good)), mapped), "the old hints"),
        ((good, None, mapped), "no hints"),
        ((good, better, old), "agrees with the ground"),
        ((good, better, better), "array of numbers"),
    ]
    mixed = {"woods": [1, 3, 5], "crops": [2, 6], "pasture": [4, 7, 8]}
    right["3.3"] = [
        best,
        {name: tuple(values) for name, values in best.items()},
        {"pasture": np.array([8, 4]), "crops": {2, 6}, "woods": range(1, 8, 2)},
    ]
    wrong["3.3"] = [
        (dict.fromkeys(names, ...), "still `...`"),
        (best | {"crops": ...}, "still `...`"),
        (mixed, "Class 7 is assigned to pasture"),
        (best | {"crops": [2]}, "Class 6 is not assigned"),
        (best | {"crops": [2, 6, 1]}, "assigned twice"),
        (best | {"crops": [2, 6, 9]}, "no class 9"),
        (best | {"water": []}, "no 'water'"),
        (best | {"crops": "2, 6"}, "whole numbers"),
        ([[1, 3], [2], [4]], "give a dictionary"),
        (None, "give a dictionary"),
    ]
    return world, right, wrong


def part_4():
    names = ("forest", "cropland", "burned")
    table = kt.ClassTable(names, ("green", "yellow", "red"))
    textures = kt.datasets.synthetic(120, k=6, seed=3).truth
    ground = kt.relabel_classes(textures, [1, 1, 1, 2, 2, 3]).assign_attrs(
        table.attrs()
    )
    forest, cropland, burned = (ground == value for value in (1, 2, 3))
    missed = burned & (ground.x < ground.x.where(burned).quantile(0.45))
    invented = cropland & (ground.y > ground.y.where(cropland).quantile(0.95))
    sparse = forest & (ground.y < ground.y.where(forest).quantile(0.03))
    class_map = ground.where(~missed, 1).where(~invented, 3).where(~sparse, 2)
    class_map = class_map.astype("uint8").assign_attrs(table.attrs())
    points = kt.sample_points(class_map, 300, seed=1)
    x, y = (xr.DataArray(v) for v in (points.geometry.x, points.geometry.y))
    points["reference"] = ground.sel(x=x, y=y, method="nearest").values
    found = kt.assess(class_map, points)  # to compare the checks with
    areas, matrix = found.areas, found.matrix
    world = {"points": points, "ground": ground, "class_map": class_map}
    users = float(found.classes["users_accuracy"][2])
    estimate, mapped = areas["estimated_ha"][2], areas["mapped_ha"][2]
    total = areas["mapped_ha"].sum()
    row, column = matrix.loc["burned"], matrix["burned"]
    outside = abs(areas["mapped_ha"] - areas["estimated_ha"]) > areas["interval_ha"]
    far = areas["name"][outside].tolist()
    assert 0 < len(far) < 3
    right = {
        "4.1": [users, np.float64(users), round(users, 2), row["burned"] / row.sum()],
        "4.2": [
            estimate,
            round(estimate, 1),
            np.float32(estimate),
            pd.Series([estimate]),
        ],
        "4.3": [far, tuple(far), set(far), np.array(far), areas["name"][outside]],
        "4.4": [1200, 1200.0, 4 * len(points), 1180],
    }
    right["4.3"].append([names.index(name) + 1 for name in far])
    wrong = {
        "4.1": [
            (100 * users, "percent"),
            (int(row["burned"]), "number of points"),
            (row["burned"] / column.sum(), "column"),
            (float((points["class"] == points["reference"]).mean()), "all classes"),
            (0.111, "not right"),
            (row / row.sum(), "one number"),
            ("82 %", "give a number"),
        ],
        "4.2": [
            (mapped, "mapped area"),
            (column.sum() / len(points) * total, "takes all points alike"),
            (users * mapped, "leaves out"),
            (estimate / total, "share of the area"),
            (float(class_map.sum()), "not right"),
            (column / matrix.sum(axis=1), "one number"),
            (None, "give a number"),
        ],
        "4.3": [
            ([], "does not reach"),
            (far[:1] if len(far) > 1 else [], "does not reach"),
            (list(names), "within its interval"),
            (outside, "list names"),
            (["water"], "list names"),
            (areas[outside], "list names"),
            (None, "list names"),
            ([0], "list names"),
        ],
        "4.4": [
            (600, "by 30 %"),
            (900, "additional"),
            (300, "how many"),
            (424, "square root"),
            (75, "not right"),
            ("4 times", "give a number"),
        ],
    }
    return world, right, wrong


class Forest:
    """Knows the labels of the values that it was given, and says 1 of others."""

    def __init__(self, known):
        self.known = set(known)

    def predict(self, values):
        found = [value if value in self.known else 1 for value in values]
        return np.array(found) % 5 + 1


def part_5():
    scene = kt.datasets.sentinel2()
    kept = pd.DataFrame({"stem": [f"chip {number}" for number in range(127)]})
    samples = SimpleNamespace(description={"size": 24}, manifest=kept)
    values, test_values = np.arange(400), np.arange(1000, 1200)
    labels, test_labels = values % 5 + 1, test_values % 5 + 1
    order = np.random.default_rng(0).permutation(400)
    held_back, rest = order[:100], order[100:]
    forest = Forest([*values[:380], *test_values[:90]])
    other = Forest([*rest, *held_back[:80], *test_values[:90]])
    world = {
        "scene": scene,
        "samples": samples,
        "forest": forest,
        "values": values,
        "labels": labels,
        "test_values": test_values,
        "test_labels": test_labels,
        "held_back": held_back,
        "rest": rest,
    }
    honest = (forest.predict(test_values) == test_labels).mean()
    optimistic = (other.predict(held_back) == labels[held_back]).mean()
    right = {
        "5.1": [42, 42.0, np.int64(42)],
        "5.2": [honest, float(honest), round(honest, 2), np.float32(honest)],
        "5.3": [(other, optimistic), (other, float(optimistic))],
    }
    wrong = {
        "5.1": [
            (12 * 12 - 127, "Count the grid again"),
            (169, "subtract"),
            (127, "were kept"),
            (-42, "vice versa"),
            (100, "not right"),
            (samples, "give a number"),
        ],
        "5.2": [
            (100 * honest, "percent"),
            (honest * 200, "number of pixels"),
            (1 - honest, "are wrong"),
            ((forest.predict(values) == labels).mean(), "was trained on"),
            (0.123, "not right"),
            (forest.predict(test_values) == test_labels, "give a number"),
        ],
        "5.3": [
            ((forest, optimistic), "which has seen"),
            ((None, optimistic), "give a forest"),
            ((other, 100 * optimistic), "percent"),
            (
                (other, (other.predict(test_values) == test_labels).mean()),
                "test chips",
            ),
            ((other, 0.123), "not right"),
        ],
    }
    return world, right, wrong


@pytest.fixture(scope="module", params=[part_1, part_2, part_3, part_4, part_5])
def part(request):
    """What a part makes, and right and typical wrong answers by exercise."""
    return request.param()


def asked(number, world, answers, capsys):
    """What a check prints about answers."""
    names = checks.EXERCISES[number].answers
    if len(names) == 1:
        answers = (answers,)
    checks.watch(world | dict(zip(names, answers, strict=True)))
    checks.check(number)
    return capsys.readouterr().out


def test_right_answers_of_any_type_are_right(part, capsys):
    world, right, _ = part
    for number, answers in right.items():
        for answer in answers:
            said = asked(number, world, answer, capsys)
            assert said.startswith("Right. "), (number, answer, said)
            assert said.count("\n") == 1


def test_typical_wrong_answers_get_a_hint(part, capsys):
    world, right, wrong = part
    assert set(wrong) == set(right)
    for number, answers in wrong.items():
        first = checks.EXERCISES[number].hints[0]
        for answer, message in answers:
            said = asked(number, world, answer, capsys)
            assert said.startswith("Not yet. "), (number, answer, said)
            assert message in said, (number, answer, said)
            assert f"\nHint: {first}\n" in said
            assert "cannot use" not in said


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_dots_get_a_hint(path, capsys):
    for number, cell in exercises_of(path).items():
        exercise = checks.EXERCISES[number]
        names = dict.fromkeys(exercise.given)
        exec(cell.source, names)
        checks.watch(names)
        checks.check(number)
        said = capsys.readouterr().out
        assert "still `...`" in said
        assert f"\nHint: {exercise.hints[0]}\n" in said
        assert f'checks.hint("{number}")' in said
        checks.hint(number)
        assert capsys.readouterr().out == f"Second hint: {exercise.hints[1]}\n"


@pytest.mark.parametrize("number", checks.EXERCISES)
@pytest.mark.parametrize(
    "value", [None, 7, -1.5, "seven", [], {}, object(), [[1, 2]], int]
)
def test_nothing_ends_in_a_traceback(number, value, capsys):
    exercise = checks.EXERCISES[number]
    for names in (
        dict.fromkeys((*exercise.given, *exercise.answers), value),
        dict.fromkeys(exercise.answers, value),
        dict.fromkeys(exercise.given, value),
        {},
    ):
        checks.watch(names)
        checks.check(number)
        said = capsys.readouterr().out
        assert said.startswith("Not yet. ")
        assert "Hint: " in said


def test_exercises_that_do_not_exist_are_named(capsys):
    checks.check("9.9")
    checks.hint(1.1)
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("There is no exercise '9.9'; there are 1.1, 1.2, ")
    assert said[1].startswith("There is no exercise 1.1; ")


def test_checks_say_what_to_run_first(capsys):
    fresh = load_checks()
    fresh.check("1.1")
    assert "Run the first code cell" in capsys.readouterr().out
    fresh.watch({"ndvi": 1})
    fresh.check("1.1")
    assert "needs `scene`, which an earlier cell makes" in capsys.readouterr().out
    fresh.watch({"scene": 1})
    fresh.check("1.1")
    assert "There is no `ndvi` yet" in capsys.readouterr().out


def test_checks_agree_with_the_estimates_of_the_package():
    world, *_ = part_4()
    areas = kt.assess(world["class_map"], world["points"]).areas
    found = checks._part_4._estimated(
        world["points"], world["class_map"], world["ground"]
    )
    for column, values in zip(
        ("mapped_ha", "estimated_ha", "interval_ha"), found, strict=True
    ):
        np.testing.assert_allclose(values, areas[column], rtol=1e-3)
