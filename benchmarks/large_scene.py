"""Measure how a large file is opened in the explorer and trained on.

    python benchmarks/large_scene.py [--side 8192] [--k 6] [--steps 30] [--overviews]

Prints a Markdown table: seconds, processor seconds, and peak memory of a fresh process.
The file, a GeoTIFF of side x side x 4 uint8, is written to a temporary folder: the
bundled Sentinel-2 scene again and again, with noise. No browser is needed. Runs on
Linux and macOS.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np

BLOCK = 512


def write_scene(path, side, overviews):
    import rasterio
    from rasterio.enums import Resampling
    from rasterio.transform import from_origin

    import ktextures as kt

    values = kt.datasets.sentinel2().values.astype("float32")
    low, high = np.percentile(values, (0.5, 99.5), axis=(1, 2))[:, :, None, None]
    scaled = np.clip((values - low) / (high - low) * 254 + 1, 1, 255)
    # Mirrored, so that no edges appear where it is repeated.
    tile = np.concatenate([scaled, scaled[:, :, ::-1]], 2)
    tile = np.concatenate([tile, tile[:, ::-1]], 1)
    profile = {
        "driver": "GTiff",
        "width": side,
        "height": side,
        "count": 4,
        "dtype": "uint8",
        "crs": "EPSG:32632",
        "transform": from_origin(500_000, 5_000_000, 10, 10),
        "tiled": True,
        "blockxsize": BLOCK,
        "blockysize": BLOCK,
        "compress": "deflate",
        "zlevel": 1,
        "photometric": "MINISBLACK",
        "BIGTIFF": "IF_SAFER",
    }
    generator = np.random.default_rng(0)
    cols = np.arange(side) % tile.shape[2]
    with rasterio.open(path, "w", **profile) as file:
        for top in range(0, side, BLOCK):
            rows = np.arange(top, min(top + BLOCK, side))
            part = tile[:, rows % tile.shape[1]][:, :, cols]
            part = part + generator.normal(0, 2, part.shape)
            window = ((top, top + len(rows)), (0, side))
            file.write(np.clip(part, 1, 255).astype("uint8"), window=window)
        if overviews:
            file.build_overviews([2, 4, 8, 16, 32], Resampling.average)


def measure(path, k, steps):
    """Rows of the table: what, seconds, processor seconds, peak memory in GB."""
    rows, first = [], []
    begun, used = time.time(), time.process_time()

    def add(what):
        # Linux counts in kB, macOS in bytes.
        unit = 1e9 if sys.platform == "darwin" else 1e6
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
        spent = time.process_time() - used
        rows.append((what, time.time() - begun, spent, peak))

    import ktextures as kt

    explorer = kt.explore(path, k=k, steps=steps, seed=1)
    add("Explorer opened")

    def count(change):
        if change["new"] > 0 and not first:
            first.append(change["new"])
            add("First training step")

    explorer.state.observe(count, "step")
    begun, used = time.time(), time.process_time()
    explorer.train()
    explorer.wait()
    add(f"{steps} training steps")
    if explorer.state.step < steps:
        raise RuntimeError(explorer.state.traceback or explorer.state.message)
    explorer.close()
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=8192)
    parser.add_argument("--k", type=int, default=6)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--overviews", action="store_true")
    parser.add_argument("--file", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.file:
        for what, seconds, spent, peak in measure(given.file, given.k, given.steps):
            print(f"| {what} | {seconds:.1f} s | {spent:.1f} s | {peak:.2f} GB |")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.tif"
        write_scene(path, given.side, given.overviews)
        print(f"{given.side} x {given.side} x 4 uint8, k = {given.k}, default preset, ")
        print(
            f"{os.cpu_count()} cores ({platform.machine()}), {date.today():%Y-%m-%d}."
        )
        print("\n| | after | processor time | peak memory |")
        print("| --- | --- | --- | --- |", flush=True)
        # A process of its own, because peak memory is that of its whole life.
        options = ["--k", str(given.k), "--steps", str(given.steps)]
        command = [sys.executable, __file__, "--file", str(path), *options]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
