"""Time and memory of GeoTIFF, sieve, and polygons for a large class map.

    python benchmarks/products.py MAP.tif            prints a table in Markdown

MAP.tif is a class map, such as `write_classes` writes it. It is repeated, mirrored at
its edges, to 10,000 x 10,000 pixels. Each row is a process of its own, so that its peak
memory is its own; that of the imports is listed too.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

SIDE = 10_000
CHUNK = 2048


def large(path, side):
    """The map, repeated to side x side pixels, in the place of its first pixel."""
    import numpy as np
    import rioxarray  # noqa: F401
    import xarray as xr

    import ktextures as kt

    small = kt.read_classes(path)
    values = small.values
    values = np.block([[values, values[:, ::-1]], [values[::-1], values[::-1, ::-1]]])
    times = [-(-side // length) for length in values.shape]
    values = np.tile(values, times)[:side, :side]
    transform = small.rio.transform()
    found = xr.DataArray(
        values,
        {
            "y": transform.f + transform.e * (np.arange(side) + 0.5),
            "x": transform.c + transform.a * (np.arange(side) + 0.5),
        },
        ("y", "x"),
        attrs=small.attrs,
    )
    return found.rio.write_crs(small.rio.crs).rio.write_nodata(0)


def opened(folder):
    import ktextures as kt

    return kt.read_classes(f"{folder}/large.tif", CHUNK)


def nothing(folder):
    opened(folder)
    return ""


def geotiff(folder):
    import ktextures as kt

    kt.write_classes(opened(folder), f"{folder}/copy.tif", overwrite=True)
    return f"{Path(folder, 'copy.tif').stat().st_size / 1e6:.0f} MB"


def sieve(folder):
    import ktextures as kt

    classes = kt.sieve(opened(folder), "1 ha")
    kt.write_classes(classes, f"{folder}/sieved.tif", overwrite=True)
    return f"{Path(folder, 'sieved.tif').stat().st_size / 1e6:.0f} MB"


def majority(folder):
    import ktextures as kt

    classes = kt.majority_filter(opened(folder), 3)
    kt.write_classes(classes, f"{folder}/filtered.tif", overwrite=True)
    return f"{Path(folder, 'filtered.tif').stat().st_size / 1e6:.0f} MB"


def polygons(folder):
    import ktextures as kt

    return f"{len(kt.to_polygons(opened(folder), '1 ha')):,} polygons"


def written(folder):
    import ktextures as kt

    found = kt.to_polygons(opened(folder), "1 ha", 1)
    kt.write_polygons(found, f"{folder}/polygons.gpkg", overwrite=True)
    return f"{Path(folder, 'polygons.gpkg').stat().st_size / 1e6:.0f} MB"


TASKS = {
    "opening the map": nothing,
    "GeoTIFF": geotiff,
    "sieve to 1 ha, GeoTIFF": sieve,
    "majority filter 3 x 3, GeoTIFF": majority,
    "polygons of 1 ha or more": polygons,
    "the same, simplified, GeoPackage": written,
}


def measure(task, folder):
    """Figures of one task, in this process."""
    begun = time.perf_counter()
    result = TASKS[task](folder)
    return {"s": time.perf_counter() - begun, "GiB": peak(), "result": result}


def peak():
    """Peak memory of this process in GiB (Linux).

    Not that of getrusage, which begins with the memory of the process that started it.
    """
    status = Path("/proc/self/status").read_text()
    line = next(each for each in status.splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) / 2**20


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("map", type=Path)
    parser.add_argument("--side", type=int, default=SIDE)
    parser.add_argument("--task", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task:
        print(json.dumps(measure(*options.task)))
        return
    import ktextures as kt

    with tempfile.TemporaryDirectory() as folder:
        kt.write_classes(large(options.map, options.side), f"{folder}/large.tif")
        print(
            f"{date.today()}, {platform.machine()}, {options.side:,} x "
            f"{options.side:,} pixels, read in chunks of {CHUNK:,} pixels.\n\n"
            "| task | s | peak memory, GiB | result |\n| --- | --- | --- | --- |"
        )
        for task in TASKS:
            command = (sys.executable, __file__, str(options.map))
            run = subprocess.run(
                [*command, "--task", task, folder],
                capture_output=True,
                text=True,
                check=True,
            )
            found = json.loads(run.stdout.splitlines()[-1])
            cells = f"{found['s']:.0f} | {found['GiB']:.1f} | {found['result']}"
            print(f"| {task} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
