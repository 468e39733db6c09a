"""Imports inside ktextures point one way; heavy libraries stay where they belong."""

import ast
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[1] / "ktextures"

# Each module imports only from those before it. A new module gets its place here.
ORDER = [
    "_loading",
    "errors",
    "archive",
    "scaling",
    "tiles",
    "rendering",
    "bands",
    "nodata",
    "grid",
    "mercator",
    "scene",
    "arrays",
    "opening",
    "reading",
    "synthetic",
    "datasets",
    "classes",
    "records",
    "areas",
    "sampling",
    "ops",
    "features",
    "vgg",
    "encoder",
    "whitening",
    "descriptors",
    "starting",
    "masks",
    "textures",
    "model",
    "objectives",
    "holdings",
    "regroup",
    "dictionary",
    "checkpoint",
    "autoscale",
    "presets",
    "loop",
    "training",
    "layer",
    "segmentation",
    "choosing",
    "sidecars",
    "export",
    "sheet",
    "plotting",
    "cli",
    "widgets",
]

# Only these load TensorFlow when they are imported; the others do not even through
# what they import.
TENSOR_MODULES = {
    "ops",
    "features",
    "vgg",
    "encoder",
    "whitening",
    "descriptors",
    "starting",
    "masks",
    "textures",
    "model",
    "objectives",
    "holdings",
    "regroup",
    "dictionary",
    "autoscale",
    "presets",
    "loop",
    "training",
    "segmentation",
    "choosing",
    "widgets",
}
TENSOR_LIBRARIES = {"tensorflow", "keras"}
WIDGET_LIBRARIES = {"ipywidgets", "ipyleaflet", "IPython", "traitlets"}


class Import(NamedTuple):
    name: str
    at_once: bool  # when the module is imported, not inside a function or for types


def imports_of(source, package="ktextures"):
    """Absolute dotted names that a module of `package` imports anywhere in it."""
    found = []

    def visit(node, at_once):
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, at_once) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: -(node.level - 1) or None]
                base = ".".join([*parents, base] if base else parents)
            found.extend(
                Import(f"{base}.{alias.name}", at_once) for alias in node.names
            )
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            at_once = False
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for child in node.body:
                visit(child, False)
            for child in node.orelse:
                visit(child, at_once)
            return
        for child in ast.iter_child_nodes(node):
            visit(child, at_once)

    visit(ast.parse(source), True)
    return found


def layer_of(path):
    """First part of a module's name below the package: its place in ORDER."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def package_of(path):
    return ".".join(path.relative_to(PACKAGE.parent).parent.parts)


def modules():
    """Source files of the package; __init__ only re-exports, _version only holds it."""
    files = sorted(PACKAGE.rglob("*.py"))
    return [path for path in files if layer_of(path) not in {"__init__", "_version"}]


def inner_imports(imports):
    """Layers of the package, or the public names, that are imported."""
    for name, at_once in imports:
        first, _, rest = name.partition(".")
        if first == "ktextures" and not rest.startswith(("_version", "__version__")):
            yield rest.partition(".")[0] or "ktextures", at_once


def loads_at_once():
    """By layer, the top-level libraries and layers that its import loads directly."""
    loads = {}
    for path in modules():
        imports = imports_of(path.read_text("utf-8"), package_of(path))
        direct = loads.setdefault(layer_of(path), set())
        direct |= {name.partition(".")[0] for name, at_once in imports if at_once}
        direct |= {layer for layer, at_once in inner_imports(imports) if at_once}
    return loads


def test_every_module_has_a_place():
    unknown = {layer_of(path) for path in modules()} - set(ORDER)
    assert not unknown, f"give {sorted(unknown)} a place in ORDER"


@pytest.mark.parametrize("path", modules(), ids=layer_of)
def test_imports_point_downwards(path):
    layer = layer_of(path)
    if layer not in ORDER:
        pytest.fail(f"{layer} has no place in ORDER")
    allowed = set(ORDER[: ORDER.index(layer)])
    if path.parent != PACKAGE:
        allowed.add(layer)  # within a subpackage
    imports = imports_of(path.read_text("utf-8"), package_of(path))
    upwards = {name for name, _ in inner_imports(imports)} - allowed
    assert not upwards, f"{layer} imports {sorted(upwards)}, which do not lie below it"


def reached_at_once():
    """By layer, what its import loads directly and through the layers below."""
    loads = loads_at_once()
    reached = {}
    for layer in ORDER:
        below = loads.get(layer, set())
        reached[layer] = below.union(*(reached.get(name, set()) for name in below))
    return reached


def test_only_tensor_modules_load_tensorflow():
    reached = reached_at_once()
    guilty = {name for name, names in reached.items() if names & TENSOR_LIBRARIES}
    assert guilty <= TENSOR_MODULES


def test_who_uses_the_rio_accessor_loads_rioxarray():
    # Otherwise it works or not by what the user happened to call before.
    reached = reached_at_once()
    users = {
        layer_of(path)
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "rio"
    }
    without = {layer for layer in users if "rioxarray" not in reached[layer]}
    assert not without, f"{sorted(without)} use .rio without having loaded rioxarray"


@pytest.mark.parametrize("path", modules(), ids=layer_of)
def test_only_widgets_know_widgets(path):
    # A layer is made of a result when a map asks for it, and ipyleaflet loaded then.
    if layer_of(path) in ("widgets", "layer"):
        return
    imports = imports_of(path.read_text("utf-8"), package_of(path))
    libraries = {name.partition(".")[0] for name, _ in imports}
    assert not libraries & WIDGET_LIBRARIES


@pytest.mark.parametrize(
    ("source", "package", "expected"),
    [
        ("import ktextures.model as m", "ktextures", [("ktextures.model", True)]),
        ("from .tiles import grow", "ktextures", [("ktextures.tiles.grow", True)]),
        ("from . import tiles", "ktextures", [("ktextures.tiles", True)]),
        (
            "from ..cli import main",
            "ktextures.widgets",
            [("ktextures.cli.main", True)],
        ),
        ("def f():\n    import keras", "ktextures", [("keras", False)]),
        ("class A:\n    import keras", "ktextures", [("keras", True)]),
        (
            "if TYPE_CHECKING:\n    import keras\nelse:\n    import h5py",
            "ktextures",
            [("keras", False), ("h5py", True)],
        ),
        ("try:\n    import keras\nexcept E:\n    pass", "k", [("keras", True)]),
    ],
)
def test_imports_are_found_wherever_they_stand(source, package, expected):
    assert imports_of(source, package) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from ktextures import train", {"train"}),
        ("import ktextures", {"ktextures"}),
        ("from ktextures._version import __version__", set()),
        ("import ktextures_extra, numpy", set()),
    ],
)
def test_public_names_count_as_imports_of_the_package(source, expected):
    assert {name for name, _ in inner_imports(imports_of(source))} == expected
