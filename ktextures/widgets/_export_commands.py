"""The command of the explorer that writes its results to files."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import xarray as xr

from ktextures.errors import InputError
from ktextures.widgets._export_settings import ExportSettings
from ktextures.widgets._session import Session
from ktextures.widgets._state import ExplorerState

if TYPE_CHECKING:
    from ktextures.model.ktextures import KTextures
    from ktextures.products.export import Exported
    from ktextures.products.shown import Shown

__all__ = ["ExportCommands"]


class ExportCommands:
    """Results of the full scene, written in the background."""

    state: ExplorerState
    scene: xr.DataArray
    _session: Session

    if TYPE_CHECKING:

        @property
        def model(self) -> "KTextures | None":
            """The model after the last complete step."""

    def export(
        self,
        folder: str | os.PathLike[str] | None = None,
        products: str | Sequence[str] | None = None,
        *,
        name: str | None = None,
        min_area: float | str | None = None,
        simplify: float | None = None,
        overwrite: bool | None = None,
    ) -> None:
        """Write results of the full scene to files, in the background.

        Classes are written as they are shown, with merges, names, and colors. Arguments
        that are left out are as in `state.export`; the paths of the files are in
        `state.exported` when they are complete. Stop ends an export and keeps them.

        Parameters
        ----------
        folder : path, optional
            Created if necessary.
        products : str or sequence of str, optional
            As for `ktextures.export`: "classes", "polygons", "map", and others.
        name : str, optional
            What the names of the files begin with.
        min_area : float or str, optional
            Merge smaller areas into their neighbors: pixels, or "0.5 ha"; "" = keep
            all.
        simplify : float, optional
            Distance in pixels by which borders of polygons are smoothed; 0 = not at
            all.
        overwrite : bool, optional
            Replace existing files.

        Raises
        ------
        InputError
            If there is no model yet.
        """
        given: dict[str, Any] = {
            "folder": None if folder is None else os.fspath(folder),
            "products": _as_tuple(products),
            "name": name,
            "min_area": None if min_area is None else str(min_area),
            "simplify": simplify,
            "overwrite": overwrite,
        }
        given = {key: value for key, value in given.items() if value is not None}
        self.state.export = settings = replace(self.state.export, **given)
        model, shown = self._exported_model()
        self._session.run(
            "export", lambda stopped: self._export(model, shown, settings, stopped)
        )

    def _exported_model(self) -> "tuple[KTextures, Shown]":
        """The model, and its classes as they are shown now."""
        from ktextures.products.shown import Shown

        with self.state.lock:
            model = self.model
            if model is None:
                raise InputError("there is no model to export yet; press Train.")
            return model, Shown(self.state.mapping, self.state.table)

    def _export(
        self,
        model: "KTextures",
        shown: "Shown",
        settings: ExportSettings,
        stopped: Callable[[], bool],
    ) -> None:
        from ktextures.products.export import export

        def progress(share: float, what: str) -> None:
            self.state.progress = share
            self.state.say(f"Exporting: {what}.")

        self.state.exported = ()
        found = export(
            self.scene,
            model,
            settings.folder,
            settings.products,
            name=settings.name,
            min_area=settings.min_area or None,
            simplify=settings.simplify or None,
            shown=shown,
            overwrite=settings.overwrite,
            progress=progress,
            stopped=stopped,
        )
        self.state.exported = tuple(map(str, found.paths.values()))
        self.state.say(_outcome(found, settings))


def _as_tuple(products: str | Sequence[str] | None) -> tuple[str, ...] | None:
    if products is None:
        return None
    return (products,) if isinstance(products, str) else tuple(products)


def _outcome(found: "Exported", settings: ExportSettings) -> str:
    count = len(found.paths)
    files = "1 file" if count == 1 else f"{count} files"
    where = os.path.abspath(settings.folder)
    if found.canceled:
        return f"The export was stopped; {files} complete in {where}."
    merged = ""
    if found.changes is not None:
        pixels = int(found.changes["lost"].sum())
        merged = f" Areas below {settings.min_area} were merged: {pixels} pixels."
    return f"Exported {files} to {where}.{merged}"
