"""Files written by the explorer: what is shown, in the background, and stoppable."""

import time

import numpy as np
import pytest
from explorer_tools import part, until

import ktextures as kt
from ktextures.blocks.store import BlockStore
from ktextures.errors import InputError
from ktextures.products import classified
from ktextures.widgets._export_panel import LABELS, ExportPanel


def finished(explorer):
    until(lambda: not explorer.state.busy)
    assert explorer.state.traceback == "", explorer.state.traceback


def test_every_product_has_a_check_box():
    from ktextures.products.catalog import PRODUCTS

    assert list(LABELS) == list(PRODUCTS)


def test_files_hold_the_classes_as_shown(shown, tmp_path):
    shown.rename(1, "forest")
    shown.merge([1, 3])
    panel = part(shown, ExportPanel)
    panel.fields["folder"].value = str(tmp_path / "out")
    panel.products["areas"].value = True
    panel.products["masks"].value = True
    assert shown.state.export.products == ("classes", "masks", "areas")
    panel.export.click()
    finished(shown)
    names = ["classes.tif", "masks.tif", "areas.csv"]
    paths = [str(tmp_path / "out" / name) for name in names]
    assert list(shown.state.exported) == paths
    assert all(path in panel.paths.value for path in paths)
    assert f"Exported 3 files to {tmp_path / 'out'}" in shown.state.message
    written = kt.read_classes(paths[0])
    np.testing.assert_array_equal(written.values, shown.result.classes.values)
    table = kt.ClassTable.from_attrs(written.attrs)
    assert table.names == shown.state.table.names
    assert "forest" in table.names


def test_the_full_scene_is_written_although_the_map_shows_less(
    explore, small, trained, tmp_path
):
    explorer = explore(small, model=trained, preview=20)
    explorer.export(tmp_path, "classes")
    finished(explorer)
    written = kt.read_classes(tmp_path / "classes.tif")
    expected = kt.segment(small, explorer.model).classes
    np.testing.assert_array_equal(written.values, expected.values)


def test_small_areas_are_merged_and_the_message_says_so(shown, tmp_path):
    panel = part(shown, ExportPanel)
    panel.fields["folder"].value = str(tmp_path)
    panel.fields["min_area"].value = "30"
    panel.export.click()
    finished(shown)
    assert "Areas below 30 were merged: " in shown.state.message
    written = kt.read_classes(tmp_path / "classes.tif")
    np.testing.assert_array_equal(kt.sieve(written, 30).values, written.values)


def test_existing_files_are_refused_with_a_message(shown, tmp_path):
    (tmp_path / "classes.tif").write_text("mine")
    panel = part(shown, ExportPanel)
    panel.fields["folder"].value = str(tmp_path)
    panel.export.click()
    until(lambda: not shown.state.busy)
    assert "already exists; choose another name" in shown.state.message
    assert (tmp_path / "classes.tif").read_text() == "mine"
    panel.fields["overwrite"].value = True
    panel.export.click()
    finished(shown)
    assert kt.read_classes(tmp_path / "classes.tif").shape == (64, 64)


@pytest.mark.filterwarnings("ignore:the chunks of the scene are")
def test_stop_ends_an_export_and_leaves_nothing_half_written(
    shown, tmp_path, monkeypatch
):
    monkeypatch.setattr(classified, "BLOCK", 16)
    monkeypatch.setattr("ktextures.blocks.plan.SIDE", 16)
    put = BlockStore._put

    def slow(*arguments):
        time.sleep(0.05)
        put(*arguments)

    monkeypatch.setattr(BlockStore, "_put", slow)
    shown.export(tmp_path, ["classes", "map"])
    until(lambda: shown.state.progress > 0)
    shown.stop()
    finished(shown)
    assert "The export was stopped; 0 files complete" in shown.state.message
    assert list(tmp_path.iterdir()) == []
    assert shown.state.exported == ()


def test_without_a_model_there_is_nothing_to_export(explore, small, tmp_path):
    explorer = explore(small)
    panel = part(explorer, ExportPanel)
    assert panel.export.disabled
    with pytest.raises(InputError, match=r"there is no model to export yet"):
        explorer.export(tmp_path)
