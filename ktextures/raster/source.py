"""Windows of a lazy scene, read from its file without computing whole chunks."""

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Source", "direct_source"]

# By name, so that a dask that moves them is not recognized instead of not imported.
_GETTERS = {("dask.array.core", "getter"), ("dask.array.core", "getter_nofancy")}
_SLICERS = {("dask.array.chunk", "getitem"), ("_operator", "getitem")}
_TAKE = ("dask.array._shuffle", "_getitem")

_Parts = dict[int, tuple[int, Any]]
_Chunks = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Source:
    """What a dask array reads its pixels from, and which part of it.

    It can be used from several threads at a time. If what it reads from can be pickled,
    as files that xarray and rioxarray open, it can be used in other processes too.

    Parameters
    ----------
    array : array-like, shape (band, y, x)
        Read by slices only.
    bands : tuple of int
        Its bands that are read, in this order, from 0.
    row, col : int
        Its row and column that are the first ones here.
    height, width : int
        Size in pixels.
    lock : lock, optional
        Held while reading.
    """

    array: Any
    bands: tuple[int, ...]
    row: int
    col: int
    height: int
    width: int
    lock: Any = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of bands, rows and columns."""
        return len(self.bands), self.height, self.width

    def read(self, rows: slice, cols: slice) -> npt.NDArray[Any]:
        """Read one window and nothing else.

        Parameters
        ----------
        rows, cols : slice
            As for an array of this shape; steps must not be negative.

        Returns
        -------
        array, shape (band, y, x)
            Values and dtype as the dask array computes them.
        """
        from dask.array.core import getter

        size = [
            len(range(*part.indices(length)))
            for part, length in ((rows, self.height), (cols, self.width))
        ]
        if 0 in size:
            return np.empty((len(self.bands), *size), self.array.dtype)
        first, last = min(self.bands), max(self.bands)
        window = (
            slice(first, last + 1),
            _shifted(rows, self.height, self.row),
            _shifted(cols, self.width, self.col),
        )
        values = np.asarray(getter(self.array, window, lock=self.lock))  # type: ignore[no-untyped-call]
        if self.bands == tuple(range(first, last + 1)):
            return values
        return values[[band - first for band in self.bands]]


def direct_source(data: Any) -> Source | None:
    """Find what a dask array reads, if it shows pixels just as they are stored.

    Parameters
    ----------
    data : array (band, y, x)
        Any array.

    Returns
    -------
    Source or None
        Of arrays made by ``dask.array.from_array`` from an array-like, as those of
        files, also after bands were selected, rows and columns cut off, or chunks
        changed. None for all others: arrays in memory, computed ones, and those whose
        graph is not recognized, such as that of dask before 2024.12.
    """
    graph = getattr(getattr(data, "dask", None), "layers", None)
    if graph is None or data.ndim != 3 or type(data._meta) is not np.ndarray:
        return None
    found = _trace(data.dask, data.name)
    if found is None:
        return None
    source = found[0]
    if source.shape != data.shape or source.array.dtype != data.dtype:
        return None
    return source


def _name_of(func: Any) -> tuple[str | None, str | None]:
    return getattr(func, "__module__", None), getattr(func, "__name__", None)


def _shifted(part: slice, size: int, offset: int) -> slice:
    start, stop, step = part.indices(size)
    return slice(start + offset, stop + offset, step)


def _trace(graph: Any, name: str) -> tuple[Source, _Chunks | None] | None:
    """Source and chunks of a layer; the latter are not known after rechunking."""
    layer = graph.layers.get(name)
    if layer is None:
        return None
    if type(layer).__name__ == "Blockwise":
        return _stored(graph, layer)
    if name.startswith("rechunk-"):
        below = graph.dependencies[name]
        found = _trace(graph, next(iter(below))) if len(below) == 1 else None
        return None if found is None else (found[0], None)
    return _selected(graph, dict(layer), name)


def _stored(graph: Any, layer: Any) -> tuple[Source, _Chunks] | None:
    """What `dask.array.from_array` made a layer of."""
    task = getattr(layer, "task", None)
    if _name_of(getattr(task, "func", None)) not in _GETTERS:
        return None
    slices = [
        dep for dep in layer.io_deps.values() if type(dep).__name__ == "ArraySliceDep"
    ]
    # The one input besides the slices is the array-like or the key of one.
    inputs = [getattr(key, "key", key) for key, axes in layer.indices if axes is None]
    if len(slices) != 1 or len(layer.indices) != 2 or len(inputs) != 1:
        return None
    array = inputs[0]
    if isinstance(array, str):
        original = graph.layers.get(array)
        array = None if original is None else dict(original).get(array)
    array = getattr(array, "value", array)
    chunks = slices[0].chunks
    shape = tuple(map(sum, chunks))
    if isinstance(array, np.ndarray) or getattr(array, "shape", None) != shape:
        return None
    if len(shape) != 3 or not all(shape):
        return None
    lock = layer.task.kwargs.get("lock") or None
    return Source(array, tuple(range(shape[0])), 0, 0, *shape[1:], lock), chunks


def _selected(
    graph: Any, layer: dict[Any, Any], name: str
) -> tuple[Source, _Chunks] | None:
    """What tasks of a layer select, each from one chunk of the same array."""
    tasks = {key: task for key, task in layer.items() if key[0] == name}
    found = {key: _chunk_and_index(task, layer) for key, task in tasks.items()}
    selections = {key: each for key, each in found.items() if each is not None}
    inner = {chunk[0] for chunk, _ in selections.values()}
    if len(selections) < len(tasks) or len(inner) != 1:
        return None
    (below,) = inner
    # Rows and columns that are cut off before bands are selected are in one layer.
    inside = any(key[0] == below for key in layer) and below != name
    traced = _selected(graph, layer, below) if inside else _trace(graph, below)
    if traced is None or traced[1] is None:
        return None
    return _cut(traced[0], traced[1], selections)


def _chunk_and_index(
    task: Any, layer: dict[Any, Any]
) -> tuple[tuple[Any, ...], tuple[Any, ...]] | None:
    """Key of the chunk that a task selects from, and the index; None for others."""
    key: Any
    index: Any
    if type(task).__name__ == "Alias":
        key, index = task.target, (slice(None),) * 3
    else:
        name = _name_of(getattr(task, "func", None))
        args: tuple[Any, ...] = getattr(task, "args", ())
        if len(args) != 2 or task.kwargs:
            return None
        key, index = getattr(args[0], "key", None), args[1]
        if name == _TAKE:
            taker = layer.get(getattr(index, "key", None))
            _, index = getattr(taker, "value", (0, None))
        elif name not in _SLICERS:
            return None
    if not (isinstance(key, tuple) and len(key) == 4):
        return None
    return (key, index) if isinstance(index, tuple) and len(index) == 3 else None


def _cut(
    source: Source,
    chunks: _Chunks,
    selections: dict[Any, tuple[tuple[Any, ...], tuple[Any, ...]]],
) -> tuple[Source, _Chunks] | None:
    """Part of a source, if the same is selected along each row and column of chunks."""
    axes: list[_Parts] = [{}, {}, {}]
    for key, (chunk, index) in selections.items():
        for place, number, part, parts in zip(
            key[1:], chunk[1:], index, axes, strict=True
        ):
            known = parts.setdefault(place, (number, part))
            if repr(known) != repr((number, part)):
                return None
    bands = _band_indices(axes[0], chunks[0])
    rows, cols = _span(axes[1], chunks[1]), _span(axes[2], chunks[2])
    if bands is None or rows is None or cols is None:
        return None
    selected = replace(
        source,
        bands=tuple(source.bands[band] for band in bands),
        row=source.row + rows[0],
        col=source.col + cols[0],
        height=sum(rows[1]),
        width=sum(cols[1]),
    )
    return selected, ((len(bands),), rows[1], cols[1])


def _band_indices(parts: _Parts, sizes: tuple[int, ...]) -> list[int] | None:
    """Bands selected by the indices of the chunks along their axis, if it is one."""
    if len(sizes) != 1 or set(parts) != {0}:
        return None
    index = parts[0][1]
    if isinstance(index, slice):
        return list(range(*index.indices(sizes[0]))) or None
    if isinstance(index, np.ndarray) and index.dtype.kind in "iu" and index.ndim == 1:
        return [int(band) for band in np.arange(sizes[0])[index]] or None
    return None


def _span(parts: _Parts, sizes: tuple[int, ...]) -> tuple[int, tuple[int, ...]] | None:
    """First pixel and sizes of the new chunks, if they follow without a gap."""
    starts = [0, *itertools.accumulate(sizes)]
    spans = []
    for place in range(len(parts)):
        if place not in parts or not isinstance(parts[place][1], slice):
            return None
        number, part = parts[place]
        start, stop, step = part.indices(sizes[number])
        if step != 1 or start >= stop:
            return None
        spans.append((starts[number] + start, starts[number] + stop))
    if any(one[1] != other[0] for one, other in itertools.pairwise(spans)):
        return None
    return spans[0][0], tuple(stop - start for start, stop in spans)
