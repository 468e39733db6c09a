"""Blocks computed by the workers of a cluster: the same rasters, little is sent."""

import os
import pickle
import signal
import sys
import threading
import time
from importlib.metadata import version

import dask
import dask.array as da
import numpy as np
import pytest
from block_tools import opened, pixels, write_scene

import ktextures as kt
from ktextures.blocks import plan
from ktextures.blocks.cluster import (
    active_client,
    block_graph,
    check_workers,
    on_cluster,
)
from ktextures.blocks.computed import computed_blocks
from ktextures.blocks.plan import plan_blocks
from ktextures.errors import InputError
from ktextures.inference.block import BlockClassifier
from ktextures.inference.frozen import FrozenModel

distributed = pytest.importorskip(
    "distributed", reason="clusters need the package distributed"
)

MOST_BYTES = 5_000
"""Of what a task for one block may be sent as."""

SECONDS = 20
"""Within which the graph of a large scene must be made."""


@pytest.fixture(autouse=True)
def blocks_of_64_pixels(monkeypatch):
    monkeypatch.setattr(plan, "SIDE", 64)


@pytest.fixture(scope="module")
def cluster():
    with (
        dask.config.set(
            {
                "distributed.comm.timeouts.connect": "60s",
                # It would drop copies of the model that no task waits for at the time.
                "distributed.scheduler.active-memory-manager.start": False,
            }
        ),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            memory_limit=0,
        ) as cluster,
    ):
        yield cluster


@pytest.fixture
def client(cluster):
    with distributed.Client(cluster) as client:
        client.wait_for_workers(2, timeout=120)
        yield client


@pytest.fixture(scope="module")
def scene_file(tmp_path_factory):
    return write_scene(tmp_path_factory.mktemp("scene") / "scene.tif")


@pytest.fixture(scope="module")
def wanted(scene_file, trained):
    """Classes of the scene in memory."""
    return kt.segment(kt.open_scene(scene_file), trained).classes.values


class CountUnpickling(distributed.WorkerPlugin):
    """Counts in each worker how often a model arrives."""

    name = "count"

    def setup(self, worker):
        from ktextures.inference import frozen

        worker.models = 0

        def set_state(model, state):
            worker.models += 1
            model.__dict__.update(state)

        frozen.FrozenModel.__setstate__ = set_state

    def teardown(self, worker):
        from ktextures.inference import frozen

        del frozen.FrozenModel.__setstate__


def slow(block, seconds, place):
    """A block of a raster that takes time; says in a file who computes it."""
    with open(place, "a") as log:
        log.write(f"{os.getpid()}\n")
    time.sleep(seconds)
    return block + 1


# --- the same results ----------------------------------------------------------------


def test_a_cluster_writes_what_memory_and_threads_do(
    client, scene_file, trained, wanted, tmp_path
):
    lazy = kt.segment(opened(scene_file), trained).classes
    assert active_client(lazy.data) is client
    kt.write_classes(lazy, tmp_path / "cluster.tif")
    np.testing.assert_array_equal(pixels(tmp_path / "cluster.tif")[0], wanted)
    np.testing.assert_array_equal(lazy.compute(), wanted)
    np.testing.assert_array_equal(lazy.compute(scheduler="threads"), wanted)
    with dask.config.set(scheduler="threads"):
        assert active_client(lazy.data) is None
        kt.write_classes(lazy, tmp_path / "threads.tif")
    for one, other in (("cluster", "threads"),):
        for suffix in (".tif", ".qml", ".tif.aux.xml"):
            first, second = (tmp_path / f"{each}{suffix}" for each in (one, other))
            assert first.read_bytes() == second.read_bytes()


def test_blocks_come_in_order_with_all_outputs(client, scene_file, trained):
    outputs = ("classes", "confidence", "masks")
    expected = kt.segment(kt.open_scene(scene_file), trained, outputs=outputs)
    lazy = kt.segment(opened(scene_file), trained, outputs=outputs)
    windows = []
    for window, blocks in computed_blocks([lazy[name].data for name in outputs]):
        windows.append(window)
        for name, block in zip(outputs, blocks, strict=True):
            there = expected[name].values[..., *window.slices]
            np.testing.assert_allclose(block, there, atol=1e-5, equal_nan=True)
            assert block.dtype == there.dtype
    assert windows == sorted(windows)
    assert len(windows) == 20


def test_an_export_is_classified_by_the_cluster(
    client, scene_file, trained, wanted, tmp_path, monkeypatch
):
    def never(*_):
        raise AssertionError("this process classifies a block")

    monkeypatch.setattr("ktextures.products.classified.BLOCK", 64)
    monkeypatch.setattr(BlockClassifier, "__call__", never)
    found = kt.export(opened(scene_file), trained, tmp_path)
    np.testing.assert_array_equal(pixels(found.paths["classes"])[0], wanted)


def test_scenes_that_no_worker_can_read_from_a_file(client, trained):
    """Chunks that are computed, and shared by neighbors."""
    scene = kt.datasets.synthetic((128, 192), k=3, seed=8, contrast="both").scene
    expected = kt.segment(scene, trained).classes.values
    lazy = scene.copy(data=da.from_array(scene.values, chunks=(-1, 64, 64)) + 0)
    found = kt.segment(lazy, trained).classes
    assert not plan_blocks([found.data]).independent
    for window, (block,) in computed_blocks([found.data]):
        np.testing.assert_array_equal(block, expected[window.slices])


def test_only_what_is_wanted_is_computed(client, tmp_path):
    place = tmp_path / "log"
    array = da.zeros((64, 640), chunks=64).map_blocks(
        slow, 0, str(place), dtype=float, meta=np.empty((0, 0))
    )
    found = list(computed_blocks([array], lambda window: window.col in (128, 576)))
    assert [window.col for window, _ in found] == [128, 576]
    assert len(place.read_text().split()) == 2


def test_other_rasters_begun_meanwhile_are_not_mixed_up(client):
    one = da.arange(640, chunks=64)[None].repeat(64, axis=0).rechunk(64)
    alone, both = computed_blocks([one]), computed_blocks([one, one * 2])
    for _ in range(10):
        (window, (block,)), (same, (first, second)) = next(alone), next(both)
        assert window == same
        np.testing.assert_array_equal(block, first)
        np.testing.assert_array_equal(2 * block, second)


# --- what is sent --------------------------------------------------------------------


def test_each_worker_receives_the_model_once(client, scene_file, trained):
    client.register_plugin(CountUnpickling())
    try:
        lazy = kt.segment(opened(scene_file), trained).classes
        assert len(list(computed_blocks([lazy.data]))) == 20
        counts = client.run(lambda dask_worker: dask_worker.models)
    finally:
        client.unregister_worker_plugin("count")
    assert len(counts) == 2
    # A busy machine may leave all blocks to one of them.
    assert max(counts.values()) == 1
    assert "__setstate__" not in vars(FrozenModel)


def test_tasks_carry_no_weights(client, scene_file, trained, monkeypatch):
    sent = {}
    compute = client.compute

    def noted(collection):
        sent[collection.key] = len(pickle.dumps(dict(collection.dask)))
        return compute(collection)

    monkeypatch.setattr(client, "compute", noted)
    lazy = kt.segment(opened(scene_file), trained).classes
    assert len(list(computed_blocks([lazy.data]))) == 20
    blocks = [size for key, size in sent.items() if key.startswith("ktextures-block")]
    (model,) = (size for key, size in sent.items() if "model" in key)
    assert len(blocks) == 20
    assert max(blocks) < MOST_BYTES < model


def test_the_graph_of_ten_thousand_chunks_is_made_soon(trained, capsys):
    data = da.zeros((4, 6400, 6400), chunks=(4, 64, 64), dtype="uint8")
    scene = kt.datasets.synthetic(64, k=3, seed=1).scene
    large = kt.open_scene(
        scene.isel(y=[0] * 6400, x=[0] * 6400)
        .copy(data=data)
        .assign_coords(y=-10.0 * np.arange(6400), x=10.0 * np.arange(6400))
    )
    begun = time.perf_counter()
    lazy = kt.segment(large, trained).classes
    made = plan_blocks([lazy.data])
    for block in made.blocks[:50]:
        block_graph(made, block)
    took = time.perf_counter() - begun
    assert len(made.blocks) == 10_000
    with capsys.disabled():
        print(f"\ngraph of 10,000 chunks: {took:.1f} s")
    assert took < SECONDS


def test_few_blocks_are_begun_ahead(client, tmp_path):
    place = tmp_path / "log"
    place.touch()
    array = da.zeros((64, 64 * 60), chunks=64).map_blocks(
        slow, 0, str(place), dtype=float, meta=np.empty((0, 0))
    )
    for taken, _ in enumerate(computed_blocks([array]), 1):
        time.sleep(0.01)
        assert len(place.read_text().split()) <= taken + 4
    assert taken == 60


# --- what goes wrong -----------------------------------------------------------------


def test_an_exception_of_a_block_reaches_the_caller(client):
    def fail(block, block_info=None):
        if block_info[0]["chunk-location"][1] == 3:
            raise ZeroDivisionError("of block 3")
        return block

    array = da.zeros((64, 640), chunks=64).map_blocks(
        fail, dtype=float, meta=np.empty((0, 0))
    )
    blocks = computed_blocks([array])
    assert [next(blocks)[0].col for _ in range(3)] == [0, 64, 128]
    with pytest.raises(ZeroDivisionError, match="of block 3"):
        next(blocks)


def test_a_run_that_is_closed_can_begin_again(client):
    array = da.arange(640, chunks=64)[None].repeat(64, axis=0).rechunk(64)
    for _ in range(5):
        blocks = computed_blocks([array])
        next(blocks)
        blocks.close()
    found = [block[0, 0] for _, (block,) in computed_blocks([array])]
    assert found == list(range(0, 640, 64))


def test_a_worker_with_another_version_is_told(client, monkeypatch, tmp_path):
    place = tmp_path / "log"
    array = da.zeros((64, 640), chunks=64).map_blocks(
        slow, 0, str(place), dtype=float, meta=np.empty((0, 0))
    )
    monkeypatch.setattr("ktextures._version.__version__", "99.0")
    message = (
        rf"the worker tcp://.* has ktextures {version('ktextures')}, but this session "
        r"has 99\.0: install the same version on all workers, .*ktextures==99\.0"
    )
    with pytest.raises(InputError, match=message):
        next(computed_blocks([array]))
    assert not place.exists()


def test_a_worker_without_the_package_is_told(client):
    def forget():
        import sys

        names = ("ktextures", "ktextures._version")
        sys.kept_by_this_test = {name: sys.modules.pop(name, None) for name in names}
        sys.modules["ktextures"] = None  # as if it was not installed

    def remember():
        import sys

        del sys.modules["ktextures"]
        found = {n: each for n, each in sys.kept_by_this_test.items() if each}
        sys.modules.update(found)

    client.run(forget)
    try:
        with pytest.raises(InputError, match="does not have ktextures, but this ses"):
            check_workers(client)
    finally:
        client.run(remember)
    check_workers(client)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_worker_that_is_killed_changes_nothing(
    cluster, scene_file, trained, wanted, tmp_path
):
    """Last of those with a cluster, since one of its workers is another afterwards."""
    with distributed.Client(cluster) as client:
        client.wait_for_workers(2, timeout=120)
        before = client.run(os.getpid)
        lazy = kt.segment(opened(scene_file), trained).classes
        made = plan_blocks([lazy.data])
        found = np.zeros(lazy.shape, "uint8")
        writers = set()
        for number, (window, (block,)) in enumerate(
            on_cluster(client, made, made.blocks)
        ):
            if number == 3:
                os.kill(next(iter(before.values())), signal.SIGKILL)
            writers.add(threading.get_ident())
            found[window.slices] = block
        assert writers == {threading.get_ident()}
        np.testing.assert_array_equal(found, wanted)
        client.wait_for_workers(2, timeout=120)
        after = client.run(os.getpid)
        assert set(before.values()) != set(after.values())
        # And once more while files are written.
        timer = threading.Timer(
            0.5, os.kill, (next(iter(after.values())), signal.SIGKILL)
        )
        timer.start()
        kt.write_classes(lazy, tmp_path / "map.tif")
        timer.join()
        np.testing.assert_array_equal(pixels(tmp_path / "map.tif")[0], wanted)
        assert {path.name for path in tmp_path.iterdir()} == {
            "map.tif",
            "map.qml",
            "map.tif.aux.xml",
        }
