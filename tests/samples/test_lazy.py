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


@pytest.mark.parametrize("chunks", [7, 16, 40, (70, 20), (13, 90)])
def test_lazy_scenes_give_the_same_samples(tmp_path, chunks):
    down, across = (chunks, chunks) if isinstance(chunks, int) else chunks
    sizes = {"y": down, "x": across}
    expected = contents(write(SCENE, TRUTH, tmp_path / "a", overlap=4))

    samples = write(SCENE.chunk(sizes), TRUTH.chunk(sizes), tmp_path / "b", overlap=4)

    assert contents(samples) == expected
    mixed = write(SCENE, TRUTH.chunk(sizes), tmp_path / "c", overlap=4)
    assert contents(mixed) == expected


@pytest.mark.parametrize("chunks", [(7, 9), (16, 16), (40, 50), (70, 90)])
@pytest.mark.parametrize("overlap", [0, 6])
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


def test_only_a_strip_is_held(monkeypatch):
    """Of a scene with many rows, one row of chunks is in memory at a time."""
    held = []
    computed = strips._computed

    def watched(parts):
        found = computed(parts)
        held.append(sum(each.nbytes for each in found))
        return found

    monkeypatch.setattr(strips, "_computed", watched)
    tall = xr.DataArray(da.zeros((1, 6_400, 64), chunks=(1, 32, 32)), dims=tuple("byx"))
    tall = tall.rename(dict(zip("byx", ("band", "y", "x"), strict=True)))
    cuts = read_chips([tall], range(0, 6_385, 16), range(0, 49, 16), 16)

    assert sum(1 for _ in cuts) == 400 * 4
    assert len(held) == 200
    assert max(held) == 32 * 64 * 8


def test_the_scene_and_the_map_made_of_it_are_computed_together(tmp_path):
    scene = Counted(SCENE, (2, 30, 45))
    data = scene.array.data
    classes = TRUTH.copy(
        data=(data[0] * 0 + da.from_array(TRUTH.values)).astype("uint8")
    )

    with dask.config.set(scheduler="synchronous"):
        write(scene.array, classes, tmp_path / "s")

    assert set(scene.times.values()) == {1}
