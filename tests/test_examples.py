"""The example scripts, run in a process of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import rasterio

import ktextures as kt

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.slow
def test_segment_a_file(tmp_path):
    scene, _ = kt.datasets.synthetic(96, k=6, bands=3, seed=2, contrast="color")
    scene.rio.to_raster(tmp_path / "scene.tif")
    command = [sys.executable, str(EXAMPLES / "segment_a_file.py"), "scene.tif", "out"]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "area_ha" in done.stdout
    with rasterio.open(tmp_path / "out" / "classes.tif") as file:
        assert file.crs == scene.rio.crs
        assert set(range(1, 7)) <= set(file.read(1).ravel().tolist())
    assert kt.load(tmp_path / "out" / "scene.ktextures").k == 6
    assert (tmp_path / "out" / "overview.png").read_bytes().startswith(b"\x89PNG")
