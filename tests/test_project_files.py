"""Files about the project agree with each other."""

import re
import tomllib
from pathlib import Path

import yaml

from ktextures import __version__

ROOT = Path(__file__).parents[1]


def read(name):
    return (ROOT / name).read_text("utf-8")


def checks():
    """What scripts/test runs before the tests, such as "ruff check"."""
    found = re.findall(r"^ *run (.+)$", read("scripts/test"), re.MULTILINE)
    return [each for each in found if not each.startswith("pytest")]


def test_scripts_test_checks_style_and_types():
    assert [each.split()[0] for each in checks()] == ["ruff", "ruff", "mypy"]


def test_pre_commit_runs_the_same_checks():
    repos = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    (hooks,) = [each["hooks"] for each in repos if each["repo"] == "local"]
    assert [each["entry"] for each in hooks] == [f"python -m {it}" for it in checks()]
    # With the tools of the environment, on the whole checkout.
    assert {each["language"] for each in hooks} == {"system"}
    assert {each["pass_filenames"] for each in hooks} == {False}


def test_pixi_runs_the_same_checks():
    task = tomllib.loads(read("pixi.toml"))["tasks"]["test"]["cmd"]
    *before, tests = task.split(" && ")
    assert before == checks()
    assert tests.startswith("pytest ")


def test_the_citation_and_the_changelog_name_this_version():
    citation = yaml.safe_load(read("CITATION.cff"))
    assert citation["version"] == __version__
    heading = f"## {__version__} ({citation['date-released']})"
    assert heading in read("CHANGELOG.md").splitlines()


def test_the_recipe_builds_this_version():
    recipe = yaml.safe_load(read("recipe/recipe.yaml"))
    assert recipe["context"]["version"] == __version__


def test_the_source_archive_has_what_the_documentation_includes():
    targets = tomllib.loads(read("pyproject.toml"))["tool"]["hatch"]["build"]["targets"]
    archived = [entry.removeprefix("/") for entry in targets["sdist"]["include"]]
    included = {
        target
        for page in (ROOT / "docs").glob("*.md")
        for target in re.findall(r"{include} \.\./(\S+)", page.read_text("utf-8"))
    }
    assert included
    missing = {each for each in included if each.partition("/")[0] not in archived}
    assert missing == set()
