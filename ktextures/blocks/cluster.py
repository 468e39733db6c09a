"""Blocks of lazy rasters, computed by the workers of a cluster."""

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

import ktextures._version as version
from ktextures.blocks.in_order import done_ahead
from ktextures.blocks.plan import Block, Plan, joined
from ktextures.errors import InputError
from ktextures.raster.windows import Window

if TYPE_CHECKING:
    from dask.array import Array

__all__ = ["active_client", "on_cluster"]

AHEAD = 2
"""Blocks that are begun per thread of the cluster."""

Arrays = tuple[npt.NDArray[Any], ...]


def active_client(array: "Array") -> Any:
    """The `dask.distributed` client that would compute an array, or None."""
    if "distributed" not in sys.modules:
        return None
    from dask.base import get_scheduler
    from distributed import Client

    scheduler = get_scheduler(collections=[array])  # type: ignore[no-untyped-call]
    client = getattr(scheduler, "__self__", None)
    return client if isinstance(client, Client) else None


def on_cluster(
    client: Any, plan: Plan, blocks: Sequence[Block]
) -> Iterator[tuple[Window, Arrays]]:
    """Blocks in order, a few for each thread of the cluster ahead.

    What all blocks need is computed once, and each worker fetches it once, or again if
    the cluster's memory manager has dropped its copy; tasks only refer to it. What a
    worker that is lost had made is made again by others.

    Parameters
    ----------
    client : distributed.Client
    plan : Plan
    blocks : sequence of Block

    Yields
    ------
    window, arrays

    Raises
    ------
    InputError
        If a worker lacks ktextures or has another version of it.
    """
    from dask.delayed import Delayed

    check_workers(client)
    # Computed, not scattered: if all copies are lost, they can be made again.
    roots = {
        key: client.compute(Delayed(key, {key: plan.graph[key]}))  # type: ignore[no-untyped-call]
        for key in plan.roots
    }

    def begin(block: Block) -> Any:
        key, graph = block_graph(plan, block)
        graph.update({root: roots[root] for root in plan.roots & graph.keys()})
        return client.compute(Delayed(key, graph))  # type: ignore[no-untyped-call]

    def cancel(future: Any) -> None:
        future.cancel()

    most = max(4, AHEAD * sum(client.nthreads().values()))
    done = done_ahead(begin, lambda future: future.result(), cancel, blocks, most)
    for block, found in done:
        yield block.window, found


def block_graph(plan: Plan, block: Block) -> tuple[str, dict[Any, Any]]:
    """The task that makes a block of all arrays, and those that it needs.

    Parameters
    ----------
    plan : Plan
    block : Block

    Returns
    -------
    key : str
        The same for the same block of the same arrays, and for no other.
    graph : dict
    """
    graph = plan.needed(block)
    names = [array.name for array in plan.arrays]
    key = "-".join(map(str, ("ktextures-block", *names, *block.window)))
    graph[key] = (_joined_all, plan.keys(block))
    return key, graph


def check_workers(client: Any) -> None:
    """Find out before the work begins whether all workers can do it.

    Parameters
    ----------
    client : distributed.Client

    Raises
    ------
    InputError
        If a worker lacks ktextures or has another version of it.
    """

    def installed() -> str:
        # Sent by value: a worker without the package cannot load it by its name.
        try:
            from ktextures._version import __version__
        except ImportError:
            return ""
        return __version__

    mine = version.__version__
    for worker, found in client.run(installed).items():
        if found != mine:
            has = f"has ktextures {found}" if found else "does not have ktextures"
            raise InputError(
                f"the worker {worker} {has}, but this session has {mine}: install the "
                f"same version on all workers, for example with "
                f'client.register_plugin(PipInstall(["ktextures=={mine}"]))'
            )


def _joined_all(arrays: list[Any]) -> Arrays:
    return tuple(map(joined, arrays))
