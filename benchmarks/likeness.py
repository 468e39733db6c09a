"""Do textures look like their classes? The class nearest to each, by its statistics.

    python benchmarks/likeness.py [--k 4 6 12 24 32]

Local mean, local standard deviation and filter energies of each generated texture are
compared with those of every class in the image (each statistic in units of its spread
over the scene). Counted are the textures that are nearest to their own class.
"""

import argparse
import time

import numpy as np
import tensorflow as tf

import ktextures as kt

SCALES = 3


def statistics(bank, values):
    """Values, squares and filter energies of (1, y, x, band), (y, x, statistic)."""
    size = values.shape[1:3]
    maps = [tf.image.resize(each, size) for each in bank(tf.constant(values))]
    joined = tf.concat([values, values**2, *maps], -1)
    return joined.numpy()[0]


def summary(rows, bands):
    """Mean, standard deviation and mean energies of pixels (n, statistic)."""
    means = rows.mean(0)
    deviation = np.sqrt(np.maximum(means[bands : 2 * bands] - means[:bands] ** 2, 0))
    return np.concatenate([means[:bands], deviation, means[2 * bands :]])


def likeness(scene, model):
    """Distances (texture, class), and the share of pixels of each class."""
    classes = kt.segment(scene, model).classes.values
    values = np.moveaxis(scene.values, 0, -1)
    valid = classes > 0
    pixels = model.preparation(values, valid)[None]
    bank = kt.FilterBank(SCALES)
    bank.fit(pixels[0][valid], {})
    maps, bands = statistics(bank, pixels), pixels.shape[-1]
    numbers = range(1, model.k + 1)
    own = np.stack([summary(maps[classes == value], bands) for value in numbers])
    drawn = model.draw_textures(64, 64, seed=1)
    found = np.stack(
        [
            summary(statistics(bank, t[None]).reshape(-1, maps.shape[-1]), bands)
            for t in drawn
        ]
    )
    spread = maps[valid].std(0)
    units = np.concatenate([spread[:bands], spread[:bands], spread[2 * bands :]])
    apart = np.linalg.norm((found[:, None] - own) / (units + 1e-6), axis=-1)
    shares = np.array([(classes == value).mean() for value in numbers])
    return apart, shares


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--k", nargs="+", type=int, default=[2, 4, 6, 12, 24, 32])
    scene = kt.datasets.sentinel2()
    print("| k | own class nearest | least share, % | train, s |")
    print("| --- | --- | --- | --- |")
    for k in parser.parse_args().k:
        begun = time.perf_counter()
        model = kt.train(scene, k, seed=1, progress=False)
        seconds = time.perf_counter() - begun
        apart, shares = likeness(scene, model)
        nearest = (np.nan_to_num(apart, nan=np.inf).argmin(1) == np.arange(k)).sum()
        least = 100 * shares.min()
        print(f"| {k} | {nearest} of {k} | {least:.2f} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
