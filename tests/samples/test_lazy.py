"""Lazy scenes and maps: the same samples, without computing chunks again and again."""

import threading

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from samples_tools import files_of, write

import ktextures as kt
from ktextures.samples import strips
from ktextures.samples.strips import read_chips

SCENE, TRUTH = kt.datasets.synthetic((70, 90), k=3, bands=2, dtype="uint8")


class Counted:
    """An array of lazy chunks that knows how often each was computed."""

    def __init__(self, array, chunks):
        self.times = {}
        self.lock = threading.Lock()
        source = da.from_array(array.values, chunks=chunks)
        data = source.map_blocks(self.count, dtype=array.dtype, meta=source._meta)
        self.array = array.copy(data=data)

    def count(self, block, block_info=None):
        if block_info:
            place = tuple(block_info[0]["chunk-location"])
            with self.lock:
                self.times[place] = self.times.get(place, 0) + 1
        return block


def contents(samples):
    files = files_of(samples.folder)
    del files["samples.json"], files["README.md"]  # hold the time
    return files


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return contents(write(SCENE, TRUTH, tmp_path_factory.mktemp("s") / "s", overlap=4))


@pytest.mark.parametrize("chunks", [7, 16, 40, (70, 20), (13, 90)])
def test_lazy_scenes_give_the_same_samples(tmp_path, expected, chunks):
    down, across = (chunks, chunks) if isinstance(chunks, int) else chunks
    sizes = {"y": down, "x": across}
    scene = SCENE if chunks == 40 else SCENE.chunk(sizes)  # or the map alone

    samples = write(scene, TRUTH.chunk(sizes), tmp_path / "s", overlap=4)

    assert contents(samples) == expected


@pytest.mark.parametrize(
    ("chunks", "overlap"), [((7, 9), 0), ((16, 16), 0), ((40, 50), 6), ((70, 90), 0)]
)
def test_each_chunk_is_computed_once(tmp_path, chunks, overlap):
    scene = Counted(SCENE, (2, *chunks))
    truth = Counted(TRUTH, chunks)

    write(scene.array, truth.array, tmp_path / "s", overlap=overlap)

    for counted, array in ((scene, SCENE), (truth, TRUTH)):
        number = -(-array.sizes["y"] // chunks[0]) * -(-array.sizes["x"] // chunks[1])
        assert len(counted.times) == number
        assert set(counted.times.values()) == {1}


def test_parts_of_wide_scenes_compute_their_border_chunks_twice(monkeypatch):
    scene = Counted(SCENE, (2, 30, 10))
    # Memory for two chips side by side.
    monkeypatch.setattr(strips, "_PART_BYTES", 46 * 2 * 32)
    cuts = list(read_chips([scene.array], [0, 30, 54], range(0, 75, 16), 16))

    assert max(scene.times.values()) == 2
    assert len(cuts) == 3 * 5
    for cut in cuts:
        place = slice(cut.row, cut.row + 16), slice(cut.column, cut.column + 16)
        np.testing.assert_array_equal(cut.values[0], SCENE.values[:, *place])


@pytest.mark.parametrize("rows", [3, 32, 40])
def test_only_a_strip_is_held(monkeypatch, rows):
    """Of a scene with many rows, one row of chunks is in memory at a time."""
    computed, joined = [], []
    compute, concatenate = strips._computed, np.concatenate

    def watched(parts):
        computed.append(parts[0].shape[-2])
        return compute(parts)

    def watched_join(blocks, axis):
        joined.append(sum(block.shape[-2] for block in blocks))
        return concatenate(blocks, axis=axis)

    monkeypatch.setattr(strips, "_computed", watched)
    monkeypatch.setattr(strips.np, "concatenate", watched_join)
    tall = da.zeros((1, 1_600, 32), chunks=(1, rows, 32))
    array = xr.DataArray(tall, dims=("band", "y", "x"))
    cuts = read_chips([array], range(0, 1_585, 16), [0, 16], 16)
    assert sum(1 for _ in cuts) == 100 * 2

    # Rows of small chunks are joined, so that there are not many small computations.
    assert max(computed) == max(rows, 18)
    assert sum(computed) == 1_600
    assert max(joined) < max(rows, 18) + 16


def test_the_chunks_of_the_class_map_count():
    """It costs most to compute, so that the other one is read twice if need be."""
    scene, truth = Counted(SCENE, (2, 11, 30)), Counted(TRUTH, (30, 45))
    arrays = [truth.array, scene.array]
    assert len(list(read_chips(arrays, [0, 20, 40, 54], [0, 30, 60], 16))) == 12
    assert set(truth.times.values()) == {1}
    assert max(scene.times.values()) == 2


@pytest.mark.parametrize("chunks", [(70, 90), (48, 45)])
def test_taller_chunks_of_the_scene_are_computed_once_too(tmp_path, chunks):
    scene, truth = Counted(SCENE, (2, *chunks)), Counted(TRUTH, (16, 45))

    write(scene.array, truth.array, tmp_path / "s")

    assert set(scene.times.values()) == {1}
    assert set(truth.times.values()) == {1}


def test_no_chunk_is_computed_more_than_twice(tmp_path):
    """Not even those that lie across several chunks of another array."""
    scene = Counted(SCENE, (2, (36, 16, 18), 90))
    truth = Counted(TRUTH, ((20, 34, 16), 90))

    write(scene.array, truth.array, tmp_path / "s")

    assert max(*scene.times.values(), *truth.times.values()) <= 2


def test_maps_without_names_are_computed_once_more(tmp_path):
    scene, truth = Counted(SCENE, (2, 30, 45)), Counted(TRUTH, (30, 45))
    truth.array.attrs = {}

    write(scene.array, truth.array, tmp_path / "s")

    assert set(scene.times.values()) == {1}
    assert set(truth.times.values()) == {2}


def test_the_scene_and_the_map_made_of_it_are_computed_together(tmp_path):
    scene = Counted(SCENE, (2, 30, 45))
    data = scene.array.data
    classes = TRUTH.copy(
        data=(data[0] * 0 + da.from_array(TRUTH.values)).astype("uint8")
    )

    with dask.config.set(scheduler="synchronous"):
        write(scene.array, classes, tmp_path / "s")

    assert set(scene.times.values()) == {1}
