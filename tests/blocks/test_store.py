"""Blocks that are kept: a run that was ended goes on, and ends with the same files."""

import os
import signal
import subprocess
import sys
import time
import zlib

import dask.array as da
import numpy as np
import pytest
from block_tools import contents, opened, pixels, write_scene
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import ktextures as kt
from ktextures.blocks import plan
from ktextures.blocks.store import BlockStore
from ktextures.errors import OutputError
from ktextures.inference.block import BlockClassifier
from ktextures.products import classified as classified_module
from ktextures.raster.windows import Window

ALL = 20
"""Blocks of the scene: 256 x 320 pixels by 64 x 64."""

WRITER = """
import sys, time
import ktextures as kt
from ktextures.blocks import plan
from ktextures.inference.block import BlockClassifier

plan.SIDE = 64
original = BlockClassifier.__call__

def slower(*arguments):
    time.sleep(0.1)
    return original(*arguments)

BlockClassifier.__call__ = slower
scene, model, path = sys.argv[1:]
lazy = kt.open_scene(scene, chunks=64)
kt.write_classes(kt.segment(lazy, model).classes, path, resume=True)
"""


@pytest.fixture(autouse=True)
def blocks_of_64_pixels(monkeypatch):
    monkeypatch.setattr(plan, "SIDE", 64)
    monkeypatch.setattr(classified_module, "BLOCK", 64)


@pytest.fixture(scope="module")
def scene_file(tmp_path_factory):
    return write_scene(tmp_path_factory.mktemp("scene") / "scene.tif")


@pytest.fixture(scope="module")
def other_file(tmp_path_factory):
    """Another scene on the same grid, with the same nodata."""
    return write_scene(tmp_path_factory.mktemp("scene") / "scene.tif", seed=9)


@pytest.fixture
def computed(monkeypatch):
    """Windows of the blocks that are classified."""
    windows = []
    original = BlockClassifier.__call__

    def counted(self, values, part, height, width):
        windows.append(part)
        return original(self, values, part, height, width)

    monkeypatch.setattr(BlockClassifier, "__call__", counted)
    return windows


def kept(folder, name="map.tif"):
    return sorted((folder / f".{name}.unfinished").glob("*.block"))


def write(scene_file, model, path, **options):
    classes = kt.segment(opened(scene_file), model).classes
    return kt.write_classes(classes, path, **options)


def end_in_the_middle(scene_file, model, path, blocks=8):
    """Write a map, and end with an exception after some blocks."""
    original, done = BlockStore._put, []

    def put(self, window, arrays):
        if len(done) == blocks:
            raise KeyboardInterrupt
        original(self, window, arrays)
        done.append(window)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BlockStore, "_put", put)
        with pytest.raises(KeyboardInterrupt):
            write(scene_file, model, path, resume=True)
    assert len(kept(path.parent, path.name)) == blocks


# --- runs that are ended -------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_map_goes_on_after_the_process_was_killed(
    scene_file, trained, computed, tmp_path
):
    for folder in ("killed", "once"):
        (tmp_path / folder).mkdir()
    trained.save(tmp_path / "m.ktextures")
    path = tmp_path / "killed" / "map.tif"
    command = [sys.executable, "-c", WRITER, scene_file, tmp_path / "m.ktextures", path]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        while len(kept(path.parent)) < 5:
            assert process.poll() is None, process.stderr.read().decode()
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    before = len(kept(path.parent))
    assert 5 <= before < ALL
    assert not path.exists()

    write(scene_file, tmp_path / "m.ktextures", path, resume=True)
    # One that was kept is computed again, to see that it is of this scene.
    assert len(computed) == ALL - before + 1
    computed.clear()
    once = write(scene_file, trained, tmp_path / "once" / "map.tif")
    assert len(computed) == ALL
    assert contents(path.parent) == contents(once.parent)


def found_names(folder):
    return {path.name for path in folder.iterdir()}


def test_a_map_goes_on_after_an_exception(scene_file, trained, computed, tmp_path):
    path = tmp_path / "map.tif"
    end_in_the_middle(scene_file, trained, path)
    computed.clear()
    write(scene_file, trained, path, resume=True)
    assert len(computed) == ALL - 8 + 1
    in_memory = kt.segment(kt.open_scene(scene_file), trained).classes
    np.testing.assert_array_equal(pixels(path)[0], in_memory)
    assert found_names(tmp_path) == {"map.tif", "map.qml", "map.tif.aux.xml"}


def test_a_run_that_is_not_to_go_on_begins_anew(
    scene_file, trained, computed, tmp_path
):
    path = tmp_path / "map.tif"
    end_in_the_middle(scene_file, trained, path)
    computed.clear()
    write(scene_file, trained, path)
    assert len(computed) == ALL
    assert not kept(tmp_path)


def test_an_export_goes_on_after_it_was_canceled(
    scene_file, trained, computed, tmp_path
):
    products = ("classes", "confidence", "areas")
    steps = []

    def stopped():
        steps.append(1)
        return len(steps) > 7

    def run(folder, **options):
        return kt.export(
            opened(scene_file), trained, tmp_path / folder, products, **options
        )

    first = run("canceled", resume=True, stopped=stopped)
    assert first.canceled
    assert first.paths == {}
    files = kept(tmp_path / "canceled", "export")
    before = len(files) // 2  # one of the classes, one of the confidence
    assert 0 < before < ALL
    with pytest.raises(OutputError, match="are of another scene, model, or version"):
        kt.export(
            opened(scene_file), trained, tmp_path / "canceled", "masks", resume=True
        )
    computed.clear()
    second = run("canceled", resume=True)
    assert not second.canceled
    assert len(computed) == ALL - before + 1
    run("once")
    assert contents(tmp_path / "canceled") == contents(tmp_path / "once")


def test_a_full_disk_is_told_and_with_more_room_the_run_goes_on(
    scene_file, trained, computed, small_disk
):
    path, filler = small_disk / "map.tif", small_disk / "filler"
    state = os.statvfs(small_disk)
    filler.write_bytes(bytes((state.f_bavail - 14) * state.f_frsize))
    with pytest.raises(
        OutputError, match=r"cannot write '.*map\.tif': the disk is full"
    ):
        write(scene_file, trained, path, resume=True)
    before = len(kept(small_disk))
    assert 0 < before < ALL
    assert found_names(small_disk) == {"filler", ".map.tif.unfinished"}
    filler.unlink()
    computed.clear()
    write(scene_file, trained, path, resume=True)
    assert len(computed) == ALL - before + 1
    in_memory = kt.segment(kt.open_scene(scene_file), trained).classes
    np.testing.assert_array_equal(pixels(path)[0], in_memory)
    assert not kept(small_disk)


@pytest.mark.parametrize("lazy", [True, False])
def test_nothing_is_kept_of_what_has_not_begun(scene_file, trained, lazy, tmp_path):
    classes = kt.segment(kt.open_scene(scene_file), trained).classes
    classes = classes.chunk({"y": 64}) if lazy else classes
    table = kt.ClassTable.default(1)
    with pytest.raises(kt.InputError, match="class"):
        kt.write_classes(classes * 2, tmp_path / "map.tif", table=table, resume=True)
    names = found_names(tmp_path)
    assert names == ({".map.tif.unfinished"} if lazy else set())


# --- what does not belong together ---------------------------------------------------


def test_blocks_of_another_scene_are_refused(scene_file, other_file, trained, tmp_path):
    # The first block of either scene is nodata, and so the same.
    path = tmp_path / "map.tif"
    end_in_the_middle(scene_file, trained, path)
    before = contents(tmp_path / ".map.tif.unfinished")
    message = r"\.map\.tif\.unfinished' are of another scene, .* remove the folder"
    with pytest.raises(OutputError, match=message):
        write(other_file, trained, path, resume=True)
    assert contents(tmp_path / ".map.tif.unfinished") == before
    assert not path.exists()
    write(scene_file, trained, path, resume=True)


def test_blocks_of_another_model_are_refused(scene_file, trained, published, tmp_path):
    path = tmp_path / "map.tif"
    end_in_the_middle(scene_file, trained, path)
    with pytest.raises(OutputError, match="of another scene, model, or version"):
        write(scene_file, published, path, resume=True)
    renamed = trained.rename({1: "forest"})
    with pytest.raises(OutputError, match="of another scene, model, or version"):
        write(scene_file, renamed, path, resume=True)


@pytest.mark.parametrize("place", [0, -1])
@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "longer"])
def test_a_damaged_block_is_told(scene_file, trained, place, damage, tmp_path):
    path = tmp_path / "map.tif"
    end_in_the_middle(scene_file, trained, path)
    block = sorted(kept(tmp_path), key=lambda each: each.stat().st_size)[place]
    content = block.read_bytes()
    middle = len(content) // 2
    flipped = bytes([content[middle] ^ 255])
    block.write_bytes(
        {
            "cut": content[:-5],
            "changed": content[:middle] + flipped + content[middle + 1 :],
            "empty": b"",
            "longer": zlib.compress(zlib.decompress(content) + bytes(1)),
        }[damage]
    )
    with pytest.raises(
        OutputError, match=rf"{block.name} is damaged .*: remove the fo"
    ):
        write(scene_file, trained, path, resume=True)
    assert not path.exists()


def test_a_lost_block_is_computed_again(scene_file, trained, computed, tmp_path):
    path = tmp_path / "map.tif"
    end_in_the_middle(scene_file, trained, path)
    kept(tmp_path)[2].unlink()
    computed.clear()
    write(scene_file, trained, path, resume=True)
    assert len(computed) == ALL - 7 + 1


# --- the store -----------------------------------------------------------------------


@given(
    values=hnp.arrays(
        st.sampled_from(["uint8", "float32", "bool"]),
        st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 40)),
    ),
    side=st.integers(6, 17),
)
@settings(max_examples=15)
def test_what_is_kept_is_read_back(values, side, tmp_path_factory):
    folder = tmp_path_factory.mktemp("store") / "kept"
    arrays = [da.from_array(each, chunks=side) for each in (values[0], values)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "SIDE", side)
        store = BlockStore(folder, arrays, {"of": "this"})
        windows = list(store.fill())
        again = BlockStore(folder, arrays, {"of": "this"})
    assert windows == sorted(windows)
    assert [window for window, _ in store.blocks()] == windows
    for window, (one, two) in again.blocks():
        np.testing.assert_array_equal(one, values[0][window.slices])
        np.testing.assert_array_equal(two, values[:, *window.slices])
    for number, array in enumerate(arrays):
        lazy = again.lazy(number)
        np.testing.assert_array_equal(lazy.compute(), array.compute())
        assert lazy.dtype == array.dtype
    assert len(list(folder.glob("*.begun"))) == 0


@pytest.mark.parametrize(
    ("shape", "dtype", "identity"),
    [
        ((64, 128), "uint8", {"of": "that"}),
        ((64, 127), "uint8", {"of": "this"}),
        ((64, 128), "uint16", {"of": "this"}),
    ],
)
def test_a_store_is_of_one_identity(shape, dtype, identity, tmp_path):
    BlockStore(tmp_path / "kept", [da.zeros((64, 128), dtype="uint8")], {"of": "this"})
    with pytest.raises(OutputError, match="are of another scene"):
        BlockStore(tmp_path / "kept", [da.zeros(shape, dtype=dtype)], identity)


def test_nan_is_equal_to_itself(tmp_path):
    lazy = da.full((64, 128), np.nan, "float32", chunks=64)
    store = BlockStore(tmp_path / "kept", [lazy], {})
    next(store.fill())
    assert list(store.fill()) == [Window(0, 0, 64, 64), Window(0, 64, 64, 64)]


def test_other_blocks_are_not_mixed_with_those_that_are_kept(tmp_path):
    """The block that is compared is not the first one here."""
    values = np.zeros((64, 192), "uint8")
    values[:, 128:] = np.random.default_rng(0).integers(0, 9, (64, 64))
    store = BlockStore(tmp_path / "kept", [da.from_array(values, chunks=64)], {})
    list(store.fill())
    store._place(Window(0, 0, 64, 64), 0).unlink()
    before = contents(tmp_path / "kept")
    other = da.from_array(values + 1, chunks=64)
    with pytest.raises(OutputError, match="are of another scene"):
        list(BlockStore(tmp_path / "kept", [other], {}).fill())
    assert contents(tmp_path / "kept") == before
