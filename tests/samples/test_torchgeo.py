"""The TorchGeo classes of the documentation find the files that are written."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
from samples_tools import write

import ktextures as kt

PAGE = Path(__file__).parents[2] / "docs" / "training-samples.md"


def assigned(source):
    """Constants assigned in a program, by name: those of classes as Class.name."""
    found = {}

    def visit(body, prefix):
        for node in body:
            if isinstance(node, ast.ClassDef):
                visit(node.body, f"{node.name}.")
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                found[prefix + node.targets[0].id] = node.value.value
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute):
                whose = f"{node.value.value.id}.{node.value.attr}"
                if whose in found:
                    found[prefix + node.targets[0].id] = found[whose]

    visit(ast.parse(source).body, "")
    return found


@pytest.fixture(scope="module")
def page():
    programs = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return [assigned(each) for each in programs]


def match(expression, path):
    """As TorchGeo looks at a file."""
    return re.match(re.compile(expression, re.VERBOSE), path.name)


def in_page(page, name):
    (found,) = (each[name] for each in page if name in each)
    return found


@pytest.mark.parametrize("name", ["scene", "S2B_T33UVP-20260501.v2", "r1_c2_r00003"])
def test_files_are_found_and_taken_apart(page, tmp_path, name):
    scene, truth = kt.datasets.synthetic(96, k=2, bands=1)
    samples = write(scene, truth, tmp_path / "s", names=name, buffer=0)
    chips = samples.manifest.set_index("stem")
    for kind, folder in (("Images", "images"), ("Labels", "labels")):
        expression = in_page(page, f"{kind}.filename_regex")
        pattern = in_page(page, f"{kind}.filename_glob")
        files = sorted((samples.folder / folder).iterdir())
        assert len(files) == len(chips)
        for path in files:
            groups = match(expression, path).groupdict()
            chip = chips.loc[path.stem]
            assert groups["split"] == chip["split"]
            assert groups["scene"] == name
            assert int(groups["row"]) == chip["row"]
            assert int(groups["column"]) == chip["column"]
        # TorchGeo looks for files with ** below the folder.
        train = set(samples.folder.glob(f"**/{folder}/{pattern}"))
        stems = chips.index[chips["split"] == "train"]
        assert {path.stem for path in train} == set(stems)


def test_dates_are_found(page, tmp_path):
    scene, truth = kt.datasets.synthetic(96, k=2, bands=1)
    names = ["20260501", "20260712"]
    samples = write([scene] * 2, [truth] * 2, tmp_path / "s", names=names, buffer=0)
    expression = in_page(page, "filename_regex")
    files = list((samples.folder / "images").iterdir())
    dates = [match(expression, path).groupdict()["date"] for path in files]
    assert sorted(set(dates)) == names
    assert np.unique(dates, return_counts=True)[1].tolist() == [len(files) / 2] * 2


def test_other_files_are_not_taken_for_chips(page):
    expression = in_page(page, "Images.filename_regex")
    for name in ("mine.tif", "train_scene_r1_c2.tif.aux.xml", "holdout_a_r1_c2.tif"):
        assert match(expression, Path(name)) is None


def test_the_dataset_options_are_those_that_chips_need(page):
    assert in_page(page, "Images.is_image") is True
    assert in_page(page, "Labels.is_image") is False
    for kind in ("Images", "Labels"):
        assert in_page(page, f"{kind}.separate_files") is False
