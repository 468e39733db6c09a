"""`import ktextures` is quick, and every public name exists and is documented."""

import inspect
import json
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

import ktextures as kt

ROOT = Path(__file__).parents[1]
HEAVY = {
    "tensorflow",
    "keras",
    "xarray",
    "rasterio",
    "sklearn",
    "matplotlib",
    "ipywidgets",
    "ipyleaflet",
}
IMPORT = """
import json, sys, time
start = time.process_time()
import ktextures
seconds = time.process_time() - start
print(json.dumps([seconds, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def fresh_import():
    """Processor seconds of the import in a new process, and the modules it loaded."""
    command = [sys.executable, "-c", IMPORT]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    seconds, modules = json.loads(run.stdout)
    return seconds, set(modules)


def test_import_is_quick_and_light():
    # Processor time: other processes on the machine must not decide.
    runs = [fresh_import() for _ in range(5)]
    assert statistics.median(seconds for seconds, _ in runs) < 0.3
    assert runs[0][1] & HEAVY == set()


@pytest.mark.parametrize("name", kt.__all__)
def test_public_name_exists_and_is_documented(name):
    value = getattr(kt, name)
    assert name in dir(kt)
    if inspect.isclass(value):
        assert vars(value).get("__doc__"), f"ktextures.{name} inherits its docstring"
    elif callable(value) or inspect.ismodule(value):
        assert inspect.getdoc(value), f"ktextures.{name} has no docstring"


def test_public_names_are_sorted_and_unique():
    assert list(kt.__all__) == sorted(set(kt.__all__))


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        kt.no_such_name  # noqa: B018 - the access itself is under test


def test_version_matches_the_version_file():
    namespace: dict[str, str] = {}
    exec((ROOT / "ktextures" / "_version.py").read_text("utf-8"), namespace)
    assert kt.__version__ == namespace["__version__"]
