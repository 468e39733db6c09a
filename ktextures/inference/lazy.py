"""Outputs over a lazy scene: a dask graph with one task per chunk."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ktextures.inference.block import BlockClassifier
from ktextures.raster.source import Source, direct_source
from ktextures.raster.windows import Window, grow

if TYPE_CHECKING:
    from dask.array import Array

__all__ = ["lazy_outputs"]

Graph = dict[Any, Any]


def lazy_outputs(data: "Array", classifier: BlockClassifier) -> "dict[str, Array]":
    """Outputs by name, each chunked like the scene.

    Parameters
    ----------
    data : dask array, shape (band, y, x)
        The scene.
    classifier : BlockClassifier
        One task of the graph holds it, and all others refer to that one, so that it is
        sent to each process once.

    Returns
    -------
    dict of str to dask array, each (..., y, x)
    """
    from dask import array as da
    from dask.base import tokenize
    from dask.highlevelgraph import HighLevelGraph

    data = data.rechunk({0: -1})  # type: ignore[no-untyped-call]
    token = tokenize(classifier, data.name)
    shared, blocks = f"ktextures-model-{token}", f"ktextures-segment-{token}"
    source = direct_source(data)
    below: HighLevelGraph = data.dask
    read = data.name
    if source is not None:
        # Each task reads its own window, so that none waits for others.
        read = f"ktextures-source-{token}"
        below = HighLevelGraph({read: {read: source}}, {read: set()})
    make = _from_chunks if source is None else _from_source
    graph = HighLevelGraph(
        {
            **below.layers,
            shared: {shared: classifier},
            blocks: make(data, classifier, shared, read, blocks),
        },
        {**below.dependencies, shared: set(), blocks: {shared, read}},
    )
    down, across = data.numblocks[1:]
    made = {}
    for output in classifier.outputs:
        name = f"ktextures-{output}-{token}"
        front, dtype = classifier.shape(output, 0, 0)
        zeros = (0,) * (len(front) - 2)
        layer: Graph = {
            (name, *zeros, i, j): (_output, (blocks, i, j), output)
            for i in range(down)
            for j in range(across)
        }
        chunks = (*((size,) for size in front[:-2]), *data.chunks[1:])
        whole = HighLevelGraph(
            {**graph.layers, name: layer}, {**graph.dependencies, name: {blocks}}
        )
        made[output] = da.Array(whole, name, chunks, dtype)  # type: ignore[no-untyped-call]
    return made


def _parts(data: "Array") -> Iterator[tuple[tuple[int, int], Window]]:
    """Place of each chunk among the others, and its pixels."""
    rows, cols = (np.cumsum((0, *sizes)) for sizes in data.chunks[1:])
    for i, tall in enumerate(data.chunks[1]):
        for j, wide in enumerate(data.chunks[2]):
            yield (i, j), Window(int(rows[i]), int(cols[j]), tall, wide)


def _from_source(
    data: "Array", classifier: BlockClassifier, shared: str, read: str, name: str
) -> Graph:
    """Tasks that read the pixels of each chunk and those around it from a file."""
    size = list(data.shape[1:])
    return {
        (name, *place): (_classified_from, shared, read, list(part), size)
        for place, part in _parts(data)
    }


def _from_chunks(
    data: "Array", classifier: BlockClassifier, shared: str, read: str, name: str
) -> Graph:
    """Tasks that classify each chunk, from it and the chunks around it."""
    height, width = data.shape[1:]
    rows, cols = (np.cumsum((0, *sizes)) for sizes in data.chunks[1:])
    tasks: Graph = {}
    for place, part in _parts(data):
        inside, _ = grow(part, classifier.reach, height, width)
        down = _overlapped(rows, inside.row, inside.height)
        across = _overlapped(cols, inside.col, inside.width)
        keys = [[(read, 0, r, c) for c in across] for r in down]
        top = inside.row - int(rows[down[0]])
        left = inside.col - int(cols[across[0]])
        cut = [top, left, inside.height, inside.width]
        size = [height, width]
        tasks[(name, *place)] = (_classified, shared, keys, cut, list(part), size)
    return tasks


def _overlapped(starts: npt.NDArray[np.int64], first: int, length: int) -> range:
    """Numbers of the chunks that a span touches."""
    low = int(np.searchsorted(starts, first, "right")) - 1
    return range(low, int(np.searchsorted(starts, first + length, "left")))


def _classified_from(
    classifier: BlockClassifier, source: Source, part: list[int], size: list[int]
) -> dict[str, npt.NDArray[Any]]:
    window = Window(*part)
    inside, _ = grow(window, classifier.reach, *size)
    return classifier(source.read(*inside.slices), window, *size)


def _classified(
    classifier: BlockClassifier,
    chunks: list[list[npt.NDArray[Any]]],
    cut: list[int],
    part: list[int],
    size: list[int],
) -> dict[str, npt.NDArray[Any]]:
    rows, cols = Window(*cut).slices
    values = np.block(chunks)[:, rows, cols]
    return classifier(values, Window(*part), *size)


def _output(outputs: dict[str, npt.NDArray[Any]], name: str) -> npt.NDArray[Any]:
    return outputs[name]
