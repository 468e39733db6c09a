"""Imports inside ktextures point one way; heavy libraries stay where they belong."""

import ast
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[1] / "ktextures"

# Each line may import from those below it, not from its own. A unit is a subpackage
# or a module at the top level.
LAYERS = [
    {"__main__"},
    {"cli", "widgets"},
    {"products"},
    {"description", "selection", "suggestion"},
    {"segmentation"},
    {"accuracy", "samples"},
    {"polygons"},
    {"cleaning"},
    {"results", "training"},
    {"blocks", "inference"},
    {"model"},
    {"datasets", "features", "hints"},
    {"raster"},
    {"classes", "rendering"},
    {"files", "palette"},
    {"_arguments", "_loading"},
    {"errors"},
]

# Inside a subpackage: each module imports only from those before it.
WIDGETS = [
    "_export_settings",
    "_state",
    "_preview",
    "_frames",
    "_history",
    "_legends",
    "_classes",
    "_applying",
    "_area",
    "_hint_book",
    "_callback",
    "_links",
    "_results",
    "_style",
    "_viewport",
    "_detail_layer",
    "_overlay",
    "_hint_layer",
    "_point",
    "_view_panel",
    "_train_panel",
    "_progress_panel",
    "_class_row",
    "_legend_panel",
    "_classes_panel",
    "_choose_panel",
    "_hints_panel",
    "_export_panel",
    "_frame",
    "_trainer",
    "_steering",
    "_splitting",
    "_sweeping",
    "_session",
    "_class_commands",
    "_hint_commands",
    "_legend_commands",
    "_export_commands",
    "_project",
    "explorer",
    "__init__",
]

# Only these load TensorFlow when they are imported, directly or through others.
TENSOR_UNITS = {
    "products",
    "features",
    "model",
    "training",
    "inference",
    "segmentation",
    "selection",
    "description",
    "suggestion",
}
TENSOR_WIDGETS = {"widgets._callback"}
# Of them, what scripts and the explorer may look at without TensorFlow.
TENSOR_FREE = {
    "features",
    "inference",
    "inference.block",
    "inference.compiled",
    "inference.contextual",
    "inference.dense",
    "inference.frozen",
    "inference.layers",
    "inference.lazy",
    "inference.linear_algebra",
    "inference.neighborhoods",
    "inference.published",
    "inference.strips",
    "inference.workspace",
    "model",
    "model.config",
    "training",
    "training.checkpoint",
    "training.initial_labels",
    "training.memory",
    "training.noise_whitening",
    "training.one_thread",
    "training.presets",
}
# Units of tensor code, of which only the doors of training know scenes.
TENSOR_CODE = {"features", "model", "training"}
DOORS = {
    "training.divide",
    "training.prepare",
    "training.train",
    "training.train_encoder",
}

TENSOR_LIBRARIES = {"tensorflow", "keras"}
RASTER_LIBRARIES = {"xarray", "rioxarray", "rasterio", "dask"}
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


def name_of(path):
    """Dotted name of a module below the package; of a subpackage, its own."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def unit_of(name):
    return name.partition(".")[0]


def package_of(path):
    return ".".join(path.relative_to(PACKAGE.parent).parent.parts)


def modules():
    """Source files; the package's own __init__ only re-exports, _version only holds."""
    files = sorted(PACKAGE.rglob("*.py"))
    return [path for path in files if name_of(path) not in {"", "_version"}]


NAMES = {name_of(path) for path in modules()}
IMPORTS = {
    name_of(path): imports_of(path.read_text("utf-8"), package_of(path))
    for path in modules()
}


def inner(name):
    """Module of the package that an imported name means; None for other libraries."""
    first, _, rest = name.partition(".")
    if first != "ktextures" or rest.startswith(("_version", "__version__")):
        return None
    while rest and rest not in NAMES:
        rest = rest.rpartition(".")[0]
    return rest or "ktextures"


def inner_imports(imports):
    return {
        (module, each.at_once)
        for each in imports
        if (module := inner(each.name)) is not None
    }


def rank(unit):
    found = [index for index, layer in enumerate(LAYERS) if unit in layer]
    return found[0] if found else pytest.fail(f"give {unit} a place in LAYERS")


def test_layers_list_exactly_the_units_there_are():
    listed = [unit for layer in LAYERS for unit in layer]
    assert sorted(listed) == sorted({unit_of(name) for name in NAMES})


@pytest.mark.parametrize("name", sorted(NAMES))
def test_imports_point_downwards(name):
    mine = rank(unit_of(name))
    upwards = {
        module
        for module, _ in inner_imports(IMPORTS[name])
        if unit_of(module) != unit_of(name)
        and (module == "ktextures" or rank(unit_of(module)) <= mine)
    }
    assert not upwards, f"{name} imports {sorted(upwards)}, which do not lie below it"


def test_no_modules_import_each_other():
    below = {
        name: {module for module, _ in inner_imports(imports) if module != name}
        for name, imports in IMPORTS.items()
    }
    while free := [name for name, needs in below.items() if not needs & set(below)]:
        for name in free:
            del below[name]
    assert not below, f"in or above a cycle: {sorted(below)}"


def test_widgets_are_listed_and_import_downwards():
    names = {name for name in NAMES if unit_of(name) == "widgets"}
    mine = ["widgets" if name == "__init__" else f"widgets.{name}" for name in WIDGETS]
    assert sorted(mine) == sorted(names)
    for name in names:
        upwards = {
            module
            for module, _ in inner_imports(IMPORTS[name])
            if unit_of(module) == "widgets"
            # The package opens the explorer when it is asked for.
            and name != "widgets"
            and mine.index(module) >= mine.index(name)
        }
        assert not upwards, f"{name} imports {sorted(upwards)}"


def reached_at_once(name, seen=None):
    """Libraries that importing a module loads, through other modules too."""
    seen = set() if seen is None else seen
    if name in seen:
        return set()
    seen.add(name)
    found = set()
    for each in IMPORTS.get(name, ()):
        if not each.at_once:
            continue
        module = inner(each.name)
        if module is None:
            found.add(each.name.partition(".")[0])
        else:
            found |= reached_at_once(module, seen)
    # A module's package is loaded with it.
    if "." in name:
        found |= reached_at_once(name.rpartition(".")[0], seen)
    return found


@pytest.mark.parametrize("name", sorted(NAMES))
def test_only_tensor_modules_load_tensorflow(name):
    allowed = unit_of(name) in TENSOR_UNITS and name not in TENSOR_FREE
    if not allowed and name not in TENSOR_WIDGETS:
        assert not reached_at_once(name) & TENSOR_LIBRARIES


def test_every_exception_is_still_a_module():
    assert TENSOR_FREE | TENSOR_WIDGETS | DOORS <= NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_tensor_code_does_not_know_scenes(name):
    if unit_of(name) not in TENSOR_CODE or name in DOORS:
        return
    libraries = {each.name.partition(".")[0] for each in IMPORTS[name]}
    assert not libraries & RASTER_LIBRARIES
    if unit_of(name) != "training":  # which is handed tiles of scenes
        assert not reached_at_once(name) & RASTER_LIBRARIES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_who_uses_the_rio_accessor_loads_rioxarray(name):
    # Otherwise it works or not by what the user happened to call before.
    path = PACKAGE / (name.replace(".", "/") + ".py")
    if not path.exists():
        return
    users = [
        node
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "rio"
    ]
    assert not users or "rioxarray" in reached_at_once(name)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_only_widgets_know_widgets(name):
    # A layer is made of a result when a map asks for it, and ipyleaflet loaded then.
    if unit_of(name) == "widgets" or name == "results.leaflet":
        return
    libraries = {each.name.partition(".")[0] for each in IMPORTS[name]}
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
        ("from ktextures import train", {"ktextures"}),
        ("import ktextures", {"ktextures"}),
        ("from ktextures.raster.open import open_scene", {"raster.open"}),
        ("from ktextures.raster import open", {"raster.open"}),
        ("from ktextures._version import __version__", set()),
        ("import ktextures_extra, numpy", set()),
    ],
)
def test_names_of_the_package_are_told_from_others(source, expected):
    assert {name for name, _ in inner_imports(imports_of(source))} == expected
