"""Large files are read by the explorer where they are needed."""

import numpy as np

from ktextures.raster.read import is_lazy
from ktextures.widgets import explorer as module


def test_large_files_stay_on_disk_and_small_ones_are_read(
    explore, small, tmp_path, monkeypatch
):
    path = tmp_path / "scene.tif"
    small.rio.to_raster(path)
    assert not is_lazy(explore(path).scene)
    monkeypatch.setattr(module, "IN_MEMORY", small.nbytes - 1)
    explorer = explore(path)
    assert is_lazy(explorer.scene)
    assert explorer.scene.encoding["source"] == str(path)
    shown = np.moveaxis(explorer.preview.values, -1, 0)
    np.testing.assert_array_equal(shown, small.values)
