"""Blocks of lazy rasters: every value once, in order, and never too many begun."""

import threading
import time

import dask
import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktextures.blocks import plan
from ktextures.blocks.computed import TOGETHER, computed_blocks
from ktextures.blocks.in_order import in_threads
from ktextures.blocks.plan import plan_blocks
from ktextures.raster.windows import Window

SEED = np.random.default_rng(5)
EMPTY = np.empty((0, 0))


def whole(array):
    """A lazy raster in memory, put together from its blocks."""
    found = np.empty(array.shape, array.dtype)
    for window, (block,) in computed_blocks([array]):
        found[..., *window.slices] = block
    return found


@pytest.fixture
def small(monkeypatch):
    """Blocks of 20 pixels a side, so that small rasters have several."""
    monkeypatch.setattr(plan, "SIDE", 20)


@pytest.fixture
def two_threads():
    with dask.config.set(num_workers=2):
        yield


@st.composite
def chunked(draw, length):
    """Sizes of chunks that add up to a length."""
    cuts = draw(st.sets(st.integers(1, length - 1), max_size=6)) if length > 1 else ()
    edges = [0, *sorted(cuts), length]
    return tuple(np.diff(edges).tolist())


@st.composite
def rasters(draw):
    """One to three arrays of the same height and width, some lazy, in any chunks."""
    height, width = draw(st.integers(1, 60)), draw(st.integers(1, 60))
    arrays = []
    for _ in range(draw(st.integers(1, 3))):
        bands = draw(st.sampled_from([None, 1, 3]))
        front = () if bands is None else (bands,)
        values = SEED.integers(0, 255, (*front, height, width)).astype("uint8")
        chunks = [draw(chunked(length)) for length in values.shape]
        arrays.append(da.from_array(values, chunks=tuple(chunks)))
    return arrays


def logged(array, log, *, overlap=0):
    """The same values; each chunk that is computed is added to a log."""

    def add(block, block_info=None):
        log.append(tuple(block_info[0]["chunk-location"]))
        return block

    made = array.map_blocks(add, dtype=array.dtype, meta=array._meta)
    if overlap:
        made = made.map_overlap(lambda block: block, depth=overlap, boundary="reflect")
    return made


def threads():
    return [
        each for each in threading.enumerate() if each.name.startswith("ktextures-bloc")
    ]


# --- values --------------------------------------------------------------------------


@given(rasters(), st.integers(1, 30), st.sampled_from([1, 2]))
def test_all_values_once_and_in_row_order(arrays, side, workers):
    with pytest.MonkeyPatch.context() as patch, dask.config.set(num_workers=workers):
        patch.setattr(plan, "SIDE", side)
        found = list(computed_blocks(arrays))
    made = [np.zeros(array.shape, array.dtype) for array in arrays]
    times = np.zeros(arrays[0].shape[-2:], int)
    for window, blocks in found:
        times[window.slices] += 1
        for target, block in zip(made, blocks, strict=True):
            target[..., *window.slices] = block
    assert (times == 1).all()
    for target, array in zip(made, arrays, strict=True):
        np.testing.assert_array_equal(target, array.compute())
        assert target.dtype == array.dtype
    windows = [window for window, _ in found]
    assert windows == sorted(windows)


@given(st.data())
def test_blocks_are_whole_chunks_of_about_one_side(data):
    height, width = data.draw(st.integers(1, 90)), data.draw(st.integers(1, 90))
    chunks = data.draw(chunked(height)), data.draw(chunked(width))
    side = data.draw(st.integers(1, 40))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "SIDE", side)
        blocks = plan_blocks([da.zeros((height, width), chunks=chunks)]).blocks
    for axis, sizes in enumerate(chunks):
        starts = {0, *np.cumsum(sizes).tolist()}
        spans = {(block.window[axis], block.window[axis + 2]) for block in blocks}
        for first, length in spans:
            assert {first, first + length} <= starts
            assert length <= side or length in sizes
        # No two neighbors would fit into one block.
        ordered = [length for _, length in sorted(spans)]
        following = [
            sizes[np.flatnonzero(np.cumsum((0, *sizes)) == first)[0]]
            for first, _ in sorted(spans)[1:]
        ]
        assert all(
            before + after > side
            for before, after in zip(ordered, following, strict=False)
        )


def test_one_array_of_all_blocks(small):
    values = SEED.normal(size=(2, 70, 33)).astype("float32")
    lazy = da.from_array(values, chunks=(1, 9, 14))
    np.testing.assert_array_equal(whole(lazy), values)


def test_only_what_is_wanted_is_computed(small, two_threads):
    log = []
    array = logged(da.from_array(np.arange(6400).reshape(80, 80), chunks=20), log)
    wanted = computed_blocks([array], lambda window: window.col == 40)
    windows = [window for window, _ in wanted]
    assert windows == [Window(row, 40, 20, 20) for row in (0, 20, 40, 60)]
    assert sorted(log) == [(row, 2) for row in range(4)]
    assert list(computed_blocks([array], lambda window: False)) == []


# --- work ahead ----------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_few_blocks_are_begun_before_they_are_taken(small, workers):
    log = []
    array = logged(da.zeros((20, 2000), chunks=20), log)
    taken = 0
    with dask.config.set(num_workers=workers):
        for _ in computed_blocks([array]):
            time.sleep(0.002)
            taken += 1
            # Those that wait, and the one that is here.
            assert len(log) <= taken + 2 * workers
    assert len(log) == taken == 100


def test_items_are_taken_as_they_are_needed():
    taken = []

    def items():
        for number in range(50):
            taken.append(number)
            yield number

    for done, (item, result) in enumerate(in_threads(lambda n: n * n, items(), 2)):
        assert (item, result) == (done, done * done)
        assert len(taken) <= done + 4


def test_results_come_in_order_though_later_ones_are_ready_first():
    def late(number):
        time.sleep(0.05 if number % 4 == 0 else 0)
        return number

    assert [result for _, result in in_threads(late, range(12), 4)] == [*range(12)]


def test_blocks_are_computed_in_several_threads_at_a_time(small):
    together = threading.Barrier(3, timeout=20)

    def meet(block):
        together.wait()  # breaks unless three blocks are computed at a time
        return block

    array = da.zeros((20, 120), chunks=20).map_blocks(
        meet, dtype=float, meta=np.ones(0)
    )
    with dask.config.set(num_workers=3):
        assert len(list(computed_blocks([array]))) == 6


def test_synchronous_computing_means_one_thread(small):
    used = set()

    def note(block):
        time.sleep(0.01)
        used.add(threading.current_thread())
        return block

    array = da.zeros((20, 200), chunks=20).map_blocks(
        note, dtype=float, meta=np.ones(0)
    )
    with dask.config.set(scheduler="synchronous"):
        assert len(list(computed_blocks([array]))) == 10
    assert len(used) == 1


# --- errors and closing --------------------------------------------------------------


@pytest.mark.parametrize("overlap", [0, 1])
def test_an_exception_of_a_block_reaches_the_caller(small, two_threads, overlap):
    begun = []

    def fail(block, block_info=None):
        place = block_info[0]["chunk-location"][1]
        begun.append(place)
        if place == 7:
            raise ZeroDivisionError("of block 7")
        return block

    array = da.zeros((20, 2000), chunks=20).map_blocks(fail, dtype=float, meta=EMPTY)
    if overlap:
        array = array.map_overlap(lambda block: block, depth=1, boundary="reflect")
    taken = []

    def take():
        taken.extend(window.col // 20 for window, _ in computed_blocks([array]))

    with pytest.raises(ZeroDivisionError, match="of block 7"):
        take()
    assert taken == ([] if overlap else [*range(7)])
    assert max(begun) <= (TOGETHER if overlap else 7 + 4)
    assert threads() == []


def test_closing_drops_what_has_not_begun(small, two_threads):
    log = []
    array = logged(da.zeros((20, 2000), chunks=20), log)
    blocks = computed_blocks([array])
    for _ in range(5):
        next(blocks)
    blocks.close()
    ended = len(log)
    assert ended <= 5 + 4
    assert threads() == []
    time.sleep(0.05)
    assert len(log) == ended


def test_calls_that_have_not_begun_are_dropped():
    begun, go_on = [], threading.Event()

    def wait(number):
        begun.append(number)
        return number == 0 or go_on.wait(timeout=20)

    results = in_threads(wait, range(50), 2)
    assert next(results) == (0, True)
    deadline = time.monotonic() + 20
    while len(begun) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    # 1 and 2 are running, 3 waits for a thread.
    threading.Timer(0.1, go_on.set).start()
    results.close()
    assert sorted(begun) == [0, 1, 2]


def test_an_exception_of_whoever_takes_blocks_ends_the_threads(small, two_threads):
    array = da.zeros((20, 2000), chunks=20)

    def take():
        for _ in computed_blocks([array]):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take()
    assert threads() == []


# --- shared work ---------------------------------------------------------------------


def test_what_blocks_share_is_computed_once_where_they_are_computed_together(
    small, two_threads
):
    log = []
    values = SEED.integers(0, 9, (60, 60))
    array = logged(da.from_array(values, chunks=20), log, overlap=2)
    assert not plan_blocks([array]).independent
    found = list(computed_blocks([array]))
    assert len(found) == 9 <= TOGETHER
    for window, (block,) in found:
        np.testing.assert_array_equal(block, values[window.slices])
    assert sorted(log) == [(row, col) for row in range(3) for col in range(3)]


@pytest.mark.parametrize("depth", [(2, 0), (0, 2), (2, 2)])
def test_blocks_that_share_along_one_axis_only_are_not_independent(small, depth):
    log = []
    array = logged(da.zeros((60, 60), chunks=20), log, overlap=depth)
    assert not plan_blocks([array]).independent
    assert len(list(computed_blocks([array]))) == 9
    assert len(log) == 9


def test_a_single_chunk_that_all_blocks_are_cut_from_is_computed_once(small):
    log = []

    def load(shape):
        log.append(shape)
        return np.zeros(shape)

    one = da.map_blocks(load, (60, 60), chunks=((60,), (60,)), dtype=float, meta=EMPTY)
    array = one.rechunk(20)
    assert not plan_blocks([array]).independent
    assert len(list(computed_blocks([array]))) == 9
    assert log == [(60, 60)]


def test_rows_of_chunks_and_their_sums_are_computed_once(small, two_threads):
    log = []
    array = logged(da.ones((40, 40), chunks=20), log)
    both = [array, (array * 2)[None]]
    for _, (one, two) in computed_blocks(both):
        np.testing.assert_array_equal(two, 2 * one[None])
    assert len(log) == 4


def test_what_is_not_computed_may_be_shared(small):
    values = da.from_array(np.zeros((60, 60)), chunks=20)
    assert plan_blocks([values]).independent
    delayed = dask.delayed(np.ones)(1)
    for other, independent in ((np.ones(1), True), (delayed, False)):
        array = da.map_blocks(np.add, values, other, dtype=float)
        assert plan_blocks([array]).independent is independent
        np.testing.assert_array_equal(whole(array), np.ones((60, 60)))
