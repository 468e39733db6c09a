"""Scenes far larger than memory: only what is needed is read."""

import json
import subprocess
import sys

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.windows import Window

import ktextures as kt

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="memory is limited as on Linux"
)

SIDE = 60_000
"""Rows and columns: 4 bands of bytes are 14 GB."""

PLACES = ((0, 0), (31_700, 20_300), (SIDE - 512, SIDE - 512))
"""Where the scene has pixels: 512 rows and columns each."""

# Not ru_maxrss, in which a new process has the peak of the one that started it.
PEAK = """
def peak():
    with open("/proc/self/status") as status:
        (line,) = (line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1])
"""
"""Function that returns the peak memory of a process, in KiB."""

LARGE = """
import json, resource, sys
limit = 4 * 2**30
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
import numpy as np
import rasterio
import ktextures as kt

path, folder, side, places = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
places = json.loads(places)
scene = kt.open_scene(path, chunks=2048)
assert scene.shape == (4, side, side)
assert scene.nbytes > 3 * limit
features = kt.FilterBank(scales=1, orientations=1)
(row, col) = places[1]
part = scene[:, row - 512 : row + 1024, col - 512 : col + 1024]
model = kt.train(part, 3, features=features, steps=2, seed=1, progress=False)
classes = kt.segment(scene, model).classes
assert classes.shape == (side, side)
found = {}
for row, col in places:
    window = classes[row : row + 512, col : col + 512].compute()
    found[f"{row} {col}"] = np.bincount(window.values.ravel(), minlength=4).tolist()
strip = classes[:, side - 512 :][-20_000:]
areas = kt.class_areas(strip)
found["strip"] = areas.pixels.tolist()
row, col = places[1]
around = classes[row - 1500 : row + 2596, col - 1500 : col + 2596]
written = kt.write_classes(around, f"{folder}/map.tif", progress=False)
with rasterio.open(written) as file:
    values = file.read(1)
    found["written"] = np.bincount(values.ravel(), minlength=4).tolist()
print(json.dumps([found, peak()]))
"""

WRITE = """
import json, sys
import dask
import ktextures as kt

small, scene, model, target = sys.argv[1:]
dask.config.set(num_workers=2)
model = kt.load(model)

def write(path):
    lazy = kt.open_scene(path, chunks=512)
    kt.write_classes(kt.segment(lazy, model).classes, target, overwrite=True)
    return peak()

print(json.dumps([write(small), write(scene)]))
"""


def write_scene(path, side, places=None, part=512):
    """Write a scene of 4 bands of bytes; what is at no place is nodata and sparse."""
    scene = kt.datasets.synthetic(part, k=3, seed=3, contrast="both").scene
    values = np.clip(scene.values // 40, 1, 255).astype("uint8")
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=4,
        height=side,
        width=side,
        dtype="uint8",
        nodata=0,
        crs="EPSG:32633",
        transform=Affine(10, 0, 5e5, 0, -10, 5e6),
        tiled=True,
        blockxsize=512,
        blockysize=512,
        SPARSE_OK=True,
        compress="deflate",
        BIGTIFF="YES",
        photometric="MINISBLACK",
    ) as file:
        for row, col in places:
            file.write(values, window=Window(col, row, part, part))
    return path


def run(code, *arguments):
    """What a new process prints, from JSON."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_a_scene_of_14_gb_with_less_memory(tmp_path):
    path = write_scene(tmp_path / "large.tif", SIDE, PLACES)
    assert path.stat().st_size < 50 * 2**20
    found, peak = run(LARGE, path, tmp_path, SIDE, json.dumps(PLACES))
    pixels = 512 * 512
    for row, col in PLACES:
        counts = found[f"{row} {col}"]
        assert counts[0] == 0
        assert sum(counts) == pixels
    # The last place is at the end of the strip, and all else there is nodata.
    assert sum(found["strip"]) == pixels
    assert found["written"][0] == 4096**2 - pixels
    assert sum(found["written"]) == 4096**2
    # In KiB: far less than the scene, even with TensorFlow.
    assert peak < 3 * 2**20


@pytest.mark.slow
def test_memory_does_not_grow_with_the_scene(tmp_path):
    """Four times as many pixels: beyond what importing and loading take."""
    sides = 1024, 1536, 3072
    for side in sides:
        cells = [(r, c) for r in range(0, side, 512) for c in range(0, side, 512)]
        write_scene(tmp_path / f"{side}.tif", side, cells)
    trained = kt.open_scene(tmp_path / "1024.tif")[:, :64, :64]
    features = kt.FilterBank(scales=1, orientations=1)
    model = kt.train(trained, 3, features=features, steps=2, seed=1, progress=False)
    model.save(tmp_path / "m.ktextures")
    base, large = {}, {}
    for side in sides[1:]:
        base[side], large[side] = run(
            WRITE,
            tmp_path / "1024.tif",
            tmp_path / f"{side}.tif",
            tmp_path / "m.ktextures",
            tmp_path / "map.tif",
        )
    assert large[3072] < 1.1 * large[1536]
