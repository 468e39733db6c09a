"""Time and memory of classifying a scene from file to file, next to k-means.

    python benchmarks/segmentation.py                  throughput, 8192 x 8192 pixels
    python benchmarks/segmentation.py --memory         peak memory by side and dtype
    python benchmarks/segmentation.py --parts          what the time is spent on
    python benchmarks/segmentation.py --workers        one and two cluster workers

prints tables in Markdown. The scene has four bands: the bundled Sentinel-2 scene,
repeated, mirrored at its edges, with noise of two gray values. Methods alternate, and
each run is a process of its own, so that its peak memory is its own; the time is that
of reading, classifying, and writing, without imports and without what is compiled once
on each machine.
"""

import argparse
import functools
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

K, SIDE, PART_SIDE, BLOCK, RUNS = 6, 8192, 4096, 1024, 5
SCALES = {"uint8": 1, "uint16": 100, "float32": 0.01}


def make_scene(path, side, dtype):
    """Write the scene to a tiled GeoTIFF."""
    import numpy as np
    import rasterio
    from rasterio.transform import from_origin
    from rasterio.windows import Window

    import ktextures as kt

    small = kt.datasets.sentinel2()
    values = small.values.astype(float)
    low, high = np.percentile(values, (0.5, 99.5), axis=(1, 2))[..., None, None]
    tile = np.clip((values - low) / (high - low) * 254 + 1, 1, 255)
    tile = np.concatenate([tile, tile[:, :, ::-1]], 2)
    tile = np.concatenate([tile, tile[:, ::-1]], 1)
    generator = np.random.default_rng(0)
    profile = {
        **{"driver": "GTiff", "width": side, "height": side, "count": 4},
        **{"dtype": dtype, "crs": "EPSG:32632"},
        "transform": from_origin(500_000, 5_000_000, 10, 10),
        **{"tiled": True, "blockxsize": 512, "blockysize": 512, "nodata": 0},
        **{"compress": "deflate", "zlevel": 1, "photometric": "MINISBLACK"},
    }
    with rasterio.open(path, "w", BIGTIFF="IF_SAFER", **profile) as file:
        file.descriptions = tuple(small.band.values.tolist())
        for top in range(0, side, 512):
            height = min(512, side - top)
            rows = (top + np.arange(height)) % tile.shape[1]
            strip = tile[:, rows][:, :, np.arange(side) % tile.shape[2]]
            strip = np.clip(strip + generator.normal(0, 2, strip.shape), 1, 255)
            window = Window(0, top, side, height)
            file.write((strip * SCALES[dtype]).astype(dtype), window=window)


def train_models(path, folder):
    """Both kinds of masks, trained on a corner of the scene."""
    import ktextures as kt

    corner = kt.open_scene(path, chunks=BLOCK)[:, :512, :512].compute()
    options = {"seed": 0, "progress": False}
    kt.train(corner, K, steps=60, **options).save(folder / "contextual.ktextures")
    paper = kt.train(corner, K, preset="paper", steps=10, **options)
    paper.save(folder / "published.ktextures")


def by_blocks(path, out, predict):
    """Read, predict, and write blocks, one after the other."""
    import rasterio
    from rasterio.windows import Window

    with rasterio.open(path) as file:
        profile = file.profile | {"count": 1, "dtype": "uint8", "nodata": 0}
        profile.pop("photometric", None)
        with rasterio.open(out, "w", **profile) as target:
            for top in range(0, file.height, BLOCK):
                for left in range(0, file.width, BLOCK):
                    size = min(BLOCK, file.width - left), min(BLOCK, file.height - top)
                    window = Window(left, top, *size)
                    target.write(predict(file.read(window=window)), 1, window=window)


def copy(path, out, folder):
    return lambda: by_blocks(path, out, lambda block: block[0])


def k_means(path, out, folder):
    import numpy as np
    import rasterio
    from rasterio.windows import Window
    from sklearn.cluster import MiniBatchKMeans

    with rasterio.open(path) as file:
        pixels = file.read(window=Window(0, 0, BLOCK, BLOCK)).reshape(4, -1).T
    chosen = np.random.default_rng(0).choice(len(pixels), 100_000, replace=False)
    model = MiniBatchKMeans(K, random_state=0, n_init=3).fit(
        pixels[chosen].astype("float32")
    )

    def predict(block):
        classes = model.predict(block.reshape(4, -1).T.astype("float32"))
        return (classes + 1).reshape(block.shape[1:]).astype("uint8")

    return lambda: by_blocks(path, out, predict)


def ours(name):
    def prepare(path, out, folder):
        import ktextures as kt

        model = kt.load(folder / f"{name}.ktextures")
        scene = kt.open_scene(path, chunks=BLOCK)
        # Compiles, on a machine's first run, what is kept for all later ones.
        kt.segment(scene[:, :64, :64].compute(), model)

        def run():
            classes = kt.segment(scene, model).classes
            kt.write_classes(classes, out, driver="GTiff", sidecars=False)

        return run

    return prepare


METHODS = {
    "reading and writing": copy,
    "k-means": k_means,
    "published masks": ours("published"),
    "contextual masks": ours("contextual"),
}


def peak_bytes():
    """Peak memory of this process; that of `resource` includes the one it came from."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (line,) = (each for each in status.read_text().splitlines() if "VmHWM" in each)
    return int(line.split()[1]) * 1024


def one(method, path, folder):
    """Run a method in this process; print its time, memory, and processor time."""
    out = folder / "out.tif"
    out.unlink(missing_ok=True)
    run = METHODS[method](path, out, folder)
    used = resource.getrusage(resource.RUSAGE_SELF)
    begun = time.perf_counter()
    run()
    seconds = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_SELF)
    processor = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    gigabytes = peak_bytes() / 1e9
    print(json.dumps({"seconds": seconds, "cpu": processor, "peak": gigabytes}))


def in_process(method, path, folder):
    command = [sys.executable, __file__, "--one", method, str(path), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def throughput(folder, side, runs):
    path = folder / "scene.tif"
    make_scene(path, side, "uint8")
    train_models(path, folder)
    found = {method: [] for method in METHODS}
    for _ in range(runs):
        for method in METHODS:
            found[method].append(in_process(method, path, folder))
    print(
        "| method | median, s | range, s | processor time, s | peak, GB | x k-means |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    base = [each["seconds"] for each in found["k-means"]]
    for method, results in found.items():
        times = [each["seconds"] for each in results]
        ratios = [mine / other for mine, other in zip(times, base, strict=True)]
        print(
            f"| {method} | {statistics.median(times):.1f} "
            f"| {min(times):.1f} to {max(times):.1f} "
            f"| {statistics.median(each['cpu'] for each in results):.1f} "
            f"| {max(each['peak'] for each in results):.2f} "
            f"| {statistics.median(ratios):.2f} |"
        )


def memory(folder):
    print("| side, pixels | dtype | masks | time, s | s per Mpx | peak, GB |")
    print("| --- | --- | --- | --- | --- | --- |")
    cases = [(4096, "uint8"), (8192, "uint8"), (16384, "uint8")]
    cases += [(4096, "uint16"), (8192, "uint16"), (4096, "float32"), (8192, "float32")]
    trained = None
    for side, dtype in cases:
        path = folder / "scene.tif"
        make_scene(path, side, dtype)
        if dtype != trained:
            train_models(path, folder)
            trained = dtype
        found = in_process("contextual masks", path, folder)
        each = found["seconds"] / (side**2 / 1e6)
        print(
            f"| {side} | {dtype} | contextual | {found['seconds']:.1f} | {each:.2f} "
            f"| {found['peak']:.2f} |",
            flush=True,
        )


def parts(folder):
    """Time of each part of a block, on one thread of a new process."""
    path = folder / "scene.tif"
    make_scene(path, PART_SIDE, "uint8")
    train_models(path, folder)
    command = [sys.executable, __file__, "--one", "parts", str(path), str(folder)]
    subprocess.run(command, check=True)


def timed_parts(path, folder):
    import numpy as np

    import ktextures as kt
    from ktextures.blocks.computed import computed_blocks
    from ktextures.inference import contextual, frozen
    from ktextures.raster.source import direct_source

    spent = {}

    def timed(owner, name, title):
        function = getattr(owner, name)

        def call(*arguments):
            begun = time.perf_counter()
            result = function(*arguments)
            spent[title] = spent.get(title, 0) + time.perf_counter() - begun
            return result

        setattr(owner, name, call)

    model = kt.load(folder / "contextual.ktextures")
    scene = kt.open_scene(path, chunks=BLOCK)
    kt.segment(scene[:, :64, :64].compute(), model)
    masks = contextual.FrozenContextual
    timed(frozen.FrozenModel, "prepared", "scaling the bands")
    timed(masks, "_decorrelated", "decorrelating the bands")
    timed(masks, "_maps", "responses to the filters")
    timed(masks, "_means", "local means")
    timed(masks, "_decided", "the two layers, and the largest logit")
    import dask

    begun = time.perf_counter()
    with dask.config.set(scheduler="synchronous"):
        classes = np.empty((PART_SIDE, PART_SIDE), "uint8")
        for window, (block,) in computed_blocks(
            [kt.segment(scene, model).classes.data]
        ):
            classes[window.slices] = block
    total = time.perf_counter() - begun
    begun = time.perf_counter()
    source = direct_source(scene.data)
    for top in range(0, PART_SIDE, BLOCK):
        source.read(slice(top, top + BLOCK), slice(0, PART_SIDE))
    spent["reading"] = time.perf_counter() - begun
    lazy = kt.segment(scene, model).classes.copy(data=classes)
    begun = time.perf_counter()
    kt.write_classes(lazy, folder / "o.tif", driver="GTiff", sidecars=False)
    writing = time.perf_counter() - begun
    spent["writing, and reading what was written"] = writing
    total += writing
    spent["everything else"] = total - sum(spent.values())
    print("| part | ns per pixel | share |")
    print("| --- | --- | --- |")
    for title, seconds in sorted(spent.items(), key=lambda each: -each[1]):
        each = seconds / PART_SIDE**2 * 1e9
        print(f"| {title} | {each:.0f} | {seconds / total:.0%} |")


def workers(folder):
    """The same work on one worker process and on two, one thread each."""
    from dask.distributed import Client, LocalCluster

    import ktextures as kt

    path = folder / "scene.tif"
    make_scene(path, 4096, "uint8")
    train_models(path, folder)
    model = kt.load(folder / "contextual.ktextures")
    scene = kt.open_scene(path, chunks=BLOCK)
    found = {1: [], 2: []}
    for _ in range(3):
        for count, times in found.items():
            options = {"threads_per_worker": 1, "dashboard_address": None}
            with LocalCluster(n_workers=count, **options) as cluster, Client(cluster):
                kt.segment(scene[:, :1024, :2048], model).classes.compute()
                begun = time.perf_counter()
                classes = kt.segment(scene, model).classes
                options = {"driver": "GTiff", "sidecars": False, "overwrite": True}
                kt.write_classes(classes, folder / "o.tif", progress=False, **options)
                times.append(time.perf_counter() - begun)
    print("| workers | median, s | range, s |")
    print("| --- | --- | --- |")
    for count, times in found.items():
        print(
            f"| {count} | {statistics.median(times):.1f} "
            f"| {min(times):.1f} to {max(times):.1f} |"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--side", type=int, default=SIDE)
    parser.add_argument("--runs", type=int, default=RUNS)
    for name in ("memory", "parts", "workers"):
        parser.add_argument(f"--{name}", action="store_true")
    options = parser.parse_args()
    if options.one:
        method, path, folder = options.one
        run = timed_parts if method == "parts" else functools.partial(one, method)
        run(path, Path(folder))
        return
    print(f"{date.today()}, {platform.machine()}, Python {platform.python_version()}\n")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        if options.memory:
            memory(folder)
        elif options.parts:
            parts(folder)
        elif options.workers:
            workers(folder)
        else:
            throughput(folder, options.side, options.runs)


if __name__ == "__main__":
    main()
