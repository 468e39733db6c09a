"""Project files: everything that an explorer shows, to go on from another day."""

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from traitlets import TraitError

from ktextures.classes.table import ClassTable
from ktextures.errors import InputError, ModelFileError
from ktextures.files.archive import Arrays, pack, read_archive
from ktextures.hints.hints import Hints
from ktextures.raster.open import open_scene
from ktextures.raster.windows import Window
from ktextures.widgets._area import Area
from ktextures.widgets._preview import Preview
from ktextures.widgets._state import ExplorerState

if TYPE_CHECKING:
    from ktextures.model.ktextures import KTextures

__all__ = [
    "Project",
    "check_scene",
    "pack_project",
    "read_project",
    "scene_of",
    "show_project",
]

SETTINGS = (
    "k",
    "steps",
    "seed",
    "texture_scale",
    "preset",
    "learning_rate",
    "loss_weights",
    "first_k",
    "last_k",
    "view",
    "chosen",
    "split",
    "within",
    "opacity",
    "hint_class",
    "hints_visible",
    "by_legend",
)
"""Traits of the state that are kept as they are."""

SAMPLED = 64
"""Pixels along each side of the preview that tell whether a scene is the same."""


@dataclass(frozen=True)
class Project:
    """What a project file holds.

    Attributes
    ----------
    name : str
        The file, as messages call it.
    folder : Path
        Where the file is.
    settings : mapping
        In JSON types.
    arrays : dict of str to array
    model : KTextures or None
    """

    name: str
    folder: Path
    settings: Mapping[str, Any]
    arrays: Arrays
    model: "KTextures | None"

    @property
    def preview(self) -> int:
        """Longest side of the preview in pixels."""
        return int(self.settings["preview"])

    @property
    def bands(self) -> list[str] | None:
        """Bands shown as red, green, and blue, or one in gray."""
        return list(self.settings["shown_bands"])


def pack_project(
    state: ExplorerState,
    preview: Preview,
    longest: int,
    model: "KTextures | None",
    position: Mapping[str, Any],
) -> bytes:
    """The content of a project file.

    Parameters
    ----------
    state : ExplorerState
    preview : Preview
    longest : int
        Longest side of the preview in pixels.
    model : KTextures or None
    position : mapping
        Center and zoom of the map.

    Returns
    -------
    bytes
    """
    with state.lock:
        settings: dict[str, Any] = {name: getattr(state, name) for name in SETTINGS}
        settings |= {
            "mapping": list(state.mapping),
            "table": state.table.to_dict(),
            "hidden": sorted(state.hidden),
            "hints": state.hints.to_list(),
            "place": state.place,
            "area": None if state.area is None else list(state.area.window),
        }
        area = state.area
    names = preview.scene.band.values
    settings |= {
        "map": dict(position),
        "preview": longest,
        "shown_bands": [str(names[index]) for index in preview.bands],
        "scene": _described(preview),
    }
    arrays: Arrays = {}
    if area is not None and area.mask is not None:
        arrays["area"] = area.mask
    if model is not None:
        arrays["model"] = np.frombuffer(model.to_bytes(), np.uint8)
    return pack("project", settings, arrays)


def _described(preview: Preview) -> dict[str, Any]:
    """What a scene must be like, and where its file was."""
    scene = preview.scene
    crs = scene.rio.crs
    return {
        "source": scene.encoding.get("source"),
        "bands": [str(name) for name in scene.band.values],
        "roles": [str(role) for role in scene.role.values],
        "size": [scene.sizes["y"], scene.sizes["x"]],
        "crs": None if crs is None else crs.to_string(),
        "pixels": _fingerprint(preview),
    }


def _fingerprint(preview: Preview) -> str:
    """A name for the pixels of a preview."""
    height, width = preview.valid.shape
    step = max(math.ceil(max(height, width) / SAMPLED), 1)
    sample = np.where(preview.valid[..., None], preview.values, 0)[::step, ::step]
    content = np.ascontiguousarray(sample, "<f4").tobytes()
    return hashlib.sha256(content).hexdigest()[:16]


def read_project(path: str | os.PathLike[str]) -> Project:
    """Read a project file; nothing in it is executed.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If it is damaged, foreign, or of a later layout.
    """
    settings, arrays = read_archive(path, "project")
    name = repr(os.fspath(path))
    model = None
    if "model" in arrays:
        from ktextures.model.ktextures import from_bytes

        content = np.asarray(arrays.pop("model"), np.uint8).tobytes()
        model = from_bytes(content, f"The model in {name}")
    wanted = {*SETTINGS, "mapping", "table", "hidden", "hints", "scene", "preview"}
    wanted |= {"map", "area", "place", "shown_bands"}
    missing = sorted(wanted - set(settings))
    if missing:
        raise ModelFileError(
            f"{name} lacks {', '.join(missing)}; it is damaged, or another version of "
            "ktextures wrote it."
        )
    return Project(name, Path(path).resolve().parent, settings, arrays, model)


def scene_of(project: Project) -> xr.DataArray:
    """Open the scene of a project where it was, or beside the project's file.

    Raises
    ------
    InputError
        If it is not there; the message asks for it.
    """
    described = project.settings["scene"]
    source = described["source"]
    if source is None:
        raise InputError(
            f"{project.name} was saved for a scene that was no file; pass the scene "
            "again: kt.explore(scene, project=...)."
        )
    several = isinstance(source, list)
    files = [_found(each, project) for each in (source if several else [source])]
    roles = {
        role: name
        for name, role in zip(described["bands"], described["roles"], strict=True)
        if role
    }
    try:
        return open_scene(
            files if several else files[0], bands=described["bands"], roles=roles
        )
    except InputError as error:
        raise InputError(
            f"The scene of {project.name} cannot be opened as it was: {error}. "
            "Pass it: kt.explore(kt.open_scene(...), project=...)."
        ) from error


def _found(file: str, project: Project) -> str:
    """Where a file of the scene is: where it was, or beside the project's file."""
    for each in (file, str(project.folder / Path(file).name)):
        if "://" in each or Path(each).exists():
            return each
    raise InputError(
        f"The scene of {project.name} is not at {file} any more, nor beside the "
        "project. Where is it? Pass its new place: "
        "kt.explore(kt.open_scene(...), project=...)."
    )


def check_scene(project: Project, preview: Preview) -> None:
    """Refuse a scene other than the one that a project was saved for.

    Raises
    ------
    InputError
        If it differs.
    """
    then, now = project.settings["scene"], _described(preview)
    if then["pixels"] != now["pixels"]:
        # It may have been saved before its file had overviews.
        now["pixels"] = _fingerprint(preview.exact())
    for name in ("size", "bands", "crs", "pixels"):
        if then[name] != now[name]:
            what = (
                "other pixel values"
                if name == "pixels"
                else f"the {name} {json.dumps(now[name])} instead of "
                f"{json.dumps(then[name])}"
            )
            raise InputError(
                f"{project.name} was saved for another scene; this one has {what}. "
                "Pass the scene of the project."
            )


def show_project(project: Project, state: ExplorerState) -> None:
    """Set the state as it was when a project was saved.

    Parameters
    ----------
    project : Project
        Its model is shown already.
    state : ExplorerState

    Raises
    ------
    ModelFileError
        If a setting cannot be used.
    """
    settings = project.settings
    try:
        with state.lock:
            for name in SETTINGS:
                setattr(state, name, settings[name])
            table = ClassTable.from_dict(settings["table"])
            mapping = tuple(int(value) for value in settings["mapping"])
            _check_mapping(mapping, table, project.model)
            state.table, state.mapping = table, mapping
            state.hidden = frozenset(int(value) for value in settings["hidden"])
            state.hints = Hints.from_list(settings["hints"])
            if settings["place"] is not None:
                row, col = settings["place"]
                state.place = int(row), int(col)
            if settings["area"] is not None:
                window = Window(*map(int, settings["area"]))
                state.area = Area(window, project.arrays.get("area"))
    except (TraitError, ValueError, TypeError, KeyError) as error:
        raise ModelFileError(
            f"{project.name} holds settings that cannot be used ({error}); it is "
            "damaged, or another version of ktextures wrote it."
        ) from error


def _check_mapping(
    mapping: tuple[int, ...], table: ClassTable, model: "KTextures | None"
) -> None:
    if model is None:
        if mapping:
            raise ValueError("there are classes, but no model")
        return
    used = set(mapping) - {0}
    if len(mapping) != model.k or used != set(range(1, table.k + 1)):
        raise ValueError(f"the classes {mapping} do not fit {model.k} of the model")
