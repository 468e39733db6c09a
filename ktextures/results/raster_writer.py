"""GeoTIFFs written block by block in a hidden folder, checked, and moved into place."""

import contextlib
import dataclasses
import os
import shutil
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.shutil
import xarray as xr
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window

from ktextures.blocks.computed import computed_blocks
from ktextures.blocks.progress import progress_bar
from ktextures.blocks.store import BlockStore
from ktextures.errors import InputError
from ktextures.files.staging import staging_folder
from ktextures.raster import windows
from ktextures.raster.small_cache import small_cache
from ktextures.results.file_options import (
    TILE,
    cog_options,
    file_tags,
    geotiff_options,
    grid_identity,
)
from ktextures.results.paths import (
    check_name_length,
    check_raster_name,
    check_writable,
    claim_places,
    raster_places,
)
from ktextures.results.write_errors import writing_errors

__all__ = ["Driver", "RasterOutput", "raster_output"]

Driver = Literal["COG", "GTiff"]
StrPath = str | os.PathLike[str]
Block = npt.NDArray[Any]

_BATCH_BYTES = 256 * 2**20


@contextlib.contextmanager
def raster_output(
    path: StrPath,
    driver: str,
    *,
    style: bool = False,
    overwrite: bool = False,
    resume: bool = False,
    progress: bool = False,
) -> Iterator["RasterOutput"]:
    """Find out that a raster can be written, and make a folder to write it in.

    Parameters
    ----------
    path : path
        The raster to make.
    driver : {"COG", "GTiff"}
        Its format.
    style : bool, default False
        Whether sidecar files with names and colors are written too.
    overwrite : bool, default False
        Whether existing files may be replaced.
    resume : bool, default False
        Whether to keep finished blocks of a lazy image in a hidden folder, and to go on
        from those that are kept there.
    progress : bool, default False
        Whether to show a bar while a lazy image is computed.

    Yields
    ------
    RasterOutput
        Nothing appears under its name before `RasterOutput.publish`.

    Raises
    ------
    InputError
        If the driver is another, or the name is one of a sidecar file.
    OutputError
        If the file exists or cannot be written.
    """
    if driver not in get_args(Driver):
        raise InputError(f"driver is {driver!r}: give 'COG' or 'GTiff'")
    check_raster_name(path)
    check_writable(path)
    target = Path(path).resolve()
    places = raster_places(target, style=style)
    if style:
        check_name_length(
            places[1],
            f"cannot write the sidecar file of {str(path)!r} (pass sidecars=False to "
            "do without):",
        )
    claim_places(places, overwrite=overwrite)
    with contextlib.ExitStack() as stack:
        stack.enter_context(small_cache())
        with writing_errors(target):
            parent = target.parent
            if resume:
                # What a process that is killed leaves there goes with the blocks.
                parent = _kept_folder(target)
                parent.mkdir(exist_ok=True)
                stack.callback(_remove_empty, parent)
            folder = stack.enter_context(staging_folder(parent))
        yield RasterOutput(target, folder, places, driver, overwrite, resume, progress)


@dataclasses.dataclass
class RasterOutput:
    """A raster that is being written.

    Parameters
    ----------
    target : Path
        Where it goes.
    folder : Path
        Where it is written.
    places : list of Path
        All files that it replaces.
    driver : str
        Its format.
    overwrite : bool
        Whether it may replace them.
    resume : bool
        Whether finished blocks are kept.
    progress : bool
        Whether a bar is shown.
    """

    target: Path
    folder: Path
    places: list[Path]
    driver: str
    overwrite: bool
    resume: bool = False
    progress: bool = False
    _checks: list[tuple[Window, int]] = dataclasses.field(default_factory=list)
    _finished: dict[Path, Path] = dataclasses.field(default_factory=dict)

    @contextlib.contextmanager
    def created(
        self, image: xr.DataArray, nodata: float | None
    ) -> Iterator[rasterio.io.DatasetWriter]:
        """Open a new tiled GeoTIFF with the shape, dtype and grid of an image.

        Parameters
        ----------
        image : DataArray, (band, y, x)
            The image; its pixels are not read.
        nodata : float or None
            Declared in the file.

        Yields
        ------
        rasterio.io.DatasetWriter
            The open file; it is closed when the block ends.

        Raises
        ------
        InputError
            If the image has no pixels.
        OutputError
            If the file cannot be written.
        """
        if 0 in image.shape:
            raise InputError(
                f"the image has shape {image.shape}, so there is nothing to write; "
                "check the slice or bounding box it was cut with"
            )
        with self._errors():
            file = rasterio.open(self._plain, "w", **geotiff_options(image, nodata))
        try:
            yield file
        finally:
            with self._errors():
                file.close()

    def write(
        self,
        file: rasterio.io.DatasetWriter,
        image: xr.DataArray,
        visit: Callable[[Block], None] | None = None,
    ) -> None:
        """Compute and write an image block by block.

        Parameters
        ----------
        file : rasterio.io.DatasetWriter
            The open file.
        image : DataArray, (band, y, x)
            NumPy or dask, of the file's shape.
        visit : callable, optional
            Called with each block (band, y, x) before it is written.

        Raises
        ------
        OutputError
            If a block cannot be written.
        """
        title = f"writing {self.target.name}"
        shown = self.progress and image.chunks is not None
        with progress_bar(image[0].size, title, shown) as report:
            for window, block in self._blocks(image, report):
                if visit is not None:
                    visit(block)
                self._checks.append((window, _checksum(block)))
                with self._errors():
                    file.write(block, window=window)

    def finish(self, resampling: str) -> None:
        """Convert the plain GeoTIFF to the format wanted, and read it to check it.

        Parameters
        ----------
        resampling : str
            How GDAL makes the overviews, such as "AVERAGE".

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        raster = self._plain
        with self._errors():
            if self.driver == "COG":
                raster = self.folder / "cog.tif"
                options = cog_options(self._plain, resampling)
                rasterio.shutil.copy(self._plain, raster, **options)
            self._check(raster)
            if raster != self._plain:
                self._plain.unlink()
        self._finished[self.target] = raster

    def add(self, place: Path, text: str) -> None:
        """Write a sidecar file.

        Parameters
        ----------
        place : Path
            Where it goes.
        text : str
            What it holds.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        finished = self.folder / f"sidecar{len(self._finished)}"
        with self._errors():
            finished.write_text(text, encoding="utf-8")
        self._finished[place] = finished

    def publish(self) -> Path:
        """Move the finished files into place, the raster first.

        Returns
        -------
        Path
            The raster.

        Raises
        ------
        OutputError
            If a file cannot be moved, or one appeared in the meantime.
        """
        claim_places(self.places, overwrite=self.overwrite)
        with self._errors():
            # Names, statistics and overviews of an older file would describe this one.
            for stale in self.places:
                if stale not in self._finished and os.path.lexists(stale):
                    stale.unlink()
            for place, source in self._finished.items():
                os.replace(source, place)
            shutil.rmtree(self._kept, ignore_errors=True)
        return self.target

    @property
    def _plain(self) -> Path:
        return self.folder / "plain.tif"

    @property
    def _kept(self) -> Path:
        return _kept_folder(self.target)

    def _blocks(
        self, image: xr.DataArray, report: Callable[[int], None]
    ) -> Iterator[tuple[Window, Block]]:
        """Parts of an image (band, y, x), in row order."""
        if image.chunks is None:
            yield from _strips(image)
            return
        if not self.resume:
            for window, (block,) in computed_blocks([image.data]):
                yield _rasterio(window), block
                report(window.height * window.width)
            return
        identity = {"tags": file_tags(image.attrs), "grid": grid_identity(image)}
        with self._errors():
            store = BlockStore(self._kept, [image.data], identity)
        for done in store.fill(self._errors):
            report(done.height * done.width)
        for window, (block,) in store.blocks():
            yield _rasterio(window), block

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        with writing_errors(self.target, self.folder), warnings.catch_warnings():
            # Scenes without georeference are welcome.
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            yield

    def _check(self, raster: Path) -> None:
        """Compare the pixels with those given, since GDAL closes files silently."""
        with rasterio.open(raster) as file:
            for window, checksum in self._checks:
                if _checksum(file.read(window=window)) != checksum:
                    raise OSError("the file does not hold what was written to it")


def _kept_folder(target: Path) -> Path:
    """Folder of the finished blocks of a run that was ended."""
    return target.with_name(f".{target.name}.unfinished")


def _remove_empty(folder: Path) -> None:
    # It may be gone already, or hold blocks.
    with contextlib.suppress(OSError):
        folder.rmdir()


def _checksum(block: Block) -> int:
    return zlib.crc32(np.ascontiguousarray(block).data)


def _rasterio(window: windows.Window) -> Window:
    return Window(window.col, window.row, window.width, window.height)


def _strips(image: xr.DataArray) -> Iterator[tuple[Window, Block]]:
    """Parts of an image (band, y, x) in memory."""
    bands, height, width = image.shape
    data = image.data
    row_bytes = bands * image.dtype.itemsize
    tall = max(1, _BATCH_BYTES // (row_bytes * width * TILE)) * TILE
    for row in range(0, height, tall):
        part = data[:, row : row + tall]
        yield Window(0, row, width, part.shape[1]), part
