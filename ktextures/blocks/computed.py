"""Blocks of lazy rasters, computed in threads of this process or on a cluster."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt
from threadpoolctl import threadpool_limits

from ktextures.blocks.cluster import active_client, on_cluster
from ktextures.blocks.in_order import in_threads, thread_count
from ktextures.blocks.plan import Block, Plan, joined, plan_blocks
from ktextures.raster.small_cache import small_cache
from ktextures.raster.windows import Window

if TYPE_CHECKING:
    from dask.array import Array

__all__ = ["computed_blocks"]

TOGETHER = 16
"""Blocks that are computed together where they share work."""

Arrays = tuple[npt.NDArray[Any], ...]


def computed_blocks(
    arrays: "Sequence[Array]",
    wanted: Callable[[Window], bool] | None = None,
    *,
    side: int | None = None,
) -> Iterator[tuple[Window, Arrays]]:
    """Compute lazy rasters block by block, a few blocks ahead.

    Blocks are computed by the workers of the active `dask.distributed` client, if there
    is one, or else in as many threads as there are cores (or as dask's setting
    ``num_workers`` says). Only a few are in memory at a time.

    Parameters
    ----------
    arrays : sequence of dask array, each (..., y, x)
        Of one height and width.
    wanted : callable, optional
        Called with the window of each block; False leaves it out.
    side : int, optional
        Rows and columns up to which chunks are computed together, 1024 by default.

    Yields
    ------
    window : Window
    arrays : tuple of array, each (..., height, width)
        In row order.

    Raises
    ------
    InputError
        If a worker lacks ktextures or has another version of it.
    """
    plan = plan_blocks(arrays, side)
    chosen = [each for each in plan.blocks if wanted is None or wanted(each.window)]
    client = active_client(plan.arrays[0])
    if client is not None:
        yield from on_cluster(client, plan, chosen)
        return
    compute = _independent if plan.independent else _together
    with small_cache():
        yield from compute(plan, chosen)


def _independent(
    plan: Plan, blocks: Sequence[Block]
) -> Iterator[tuple[Window, Arrays]]:
    """Each block by itself in a thread; reading, computing and writing overlap."""
    from dask.local import get_sync

    def compute(block: Block) -> Arrays:
        chunks = get_sync(plan.needed(block), plan.keys(block))
        return tuple(map(joined, chunks))

    for block, found in in_threads(compute, blocks, thread_count()):
        yield block.window, found


def _together(plan: Plan, blocks: Sequence[Block]) -> Iterator[tuple[Window, Arrays]]:
    """Some blocks at a time by dask, so that what they share is computed once."""
    from dask.threaded import get

    for first in range(0, len(blocks), TOGETHER):
        part = blocks[first : first + TOGETHER]
        graph: dict[Any, Any] = {}
        for block in part:
            graph.update(plan.needed(block))
        keys: Any = [plan.keys(block) for block in part]
        with threadpool_limits(limits=1, user_api="blas"):
            found = get(graph, keys, num_workers=thread_count())
        for block, chunks in zip(part, found, strict=True):
            yield block.window, tuple(map(joined, chunks))
