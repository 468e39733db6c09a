"""What `ktextures segment` writes, of scenes in memory and of lazy ones."""

from argparse import Namespace

import numpy as np
import pytest

import ktextures as kt
from ktextures.blocks.store import BlockStore
from ktextures.cli.interrupts import Interrupts
from ktextures.cli.result_files import write_results
from ktextures.inference.block import BlockClassifier

NAMES = ["classes.qml", "classes.tif", "classes.tif.aux.xml"]
NAMES += ["overview.png", "simulated.tif"]


def written(scene, model, folder, interrupts=None):
    folder.mkdir()
    options = Namespace(output=folder, overwrite=False, quiet=True)
    write_results(scene, model, interrupts or Interrupts(), options)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_lazy_scene_is_classified_once_to_the_same_files(
    small, trained, tmp_path, monkeypatch
):
    expected = written(small, trained, tmp_path / "memory")
    assert sorted(expected) == NAMES
    calls = []
    original = BlockClassifier.__call__

    def counted(classifier, block, window, *size):
        calls.append(window)
        return original(classifier, block, window, *size)

    monkeypatch.setattr(BlockClassifier, "__call__", counted)
    found = written(small.chunk(x=48), trained, tmp_path / "lazy")
    assert found == expected
    assert len(set(calls)) == len(calls)
    assert sum(window.height * window.width for window in calls) == 64 * 64


def test_a_signal_while_it_is_classified_leaves_no_files(
    small, trained, tmp_path, monkeypatch
):
    interrupts = Interrupts()
    original = BlockStore.fill

    def interrupted(store, writing):
        for window in original(store, writing):
            interrupts.received.append(2)
            yield window

    monkeypatch.setattr(BlockStore, "fill", interrupted)
    with pytest.raises(KeyboardInterrupt):
        written(small.chunk(x=48), trained, tmp_path / "lazy", interrupts)
    assert not list((tmp_path / "lazy").iterdir())


def test_the_map_is_that_of_segment(small, trained, tmp_path):
    written(small, trained, tmp_path / "files")
    classes = kt.read_classes(tmp_path / "files" / "classes.tif")
    np.testing.assert_array_equal(classes, kt.segment(small, trained).classes)
