"""Mosaics of classes, and random textures and colors for each class.

Everything here is plain arrays; ``datasets.synthetic`` makes scenes of them.
"""

import math

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree
from scipy.special import ndtri

from ktextures.errors import InputError

__all__ = ["class_means", "mosaic", "swath", "texture_noise", "texture_spectra"]

_PERIODS = (2.5, 8.0)  # pixels: visible in windows of a few pixels
_NOISE_TILE = 512  # larger noise repeats, which limits time and memory
_MAX_NOISE = 0.16  # more would be clipped at the ends of the range
_PLACEMENTS = 30


def swath(
    height: int, width: int, nodata_share: float, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Choose the pixels (y, x) that have data, up to a slanted edge."""
    angle = rng.uniform(0.1, 0.4)
    across = np.add.outer(
        np.sin(angle) * np.arange(height), np.cos(angle) * np.arange(width)
    )
    valid = np.ones(height * width, dtype=bool)
    order = np.argsort(across, axis=None, kind="stable")
    valid[order[: round(nodata_share * valid.size)]] = False
    return valid.reshape(height, width)


def mosaic(
    valid: npt.NDArray[np.bool_], k: int, cells: int, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Assign classes 1..k to Voronoi cells (y, x), 0 where not valid."""
    centers = np.argwhere(valid)
    for _ in range(_PLACEMENTS):
        sites = _even_sites(centers, cells, rng)
        cell = KDTree(sites).query(centers)[1]
        areas = np.bincount(cell, minlength=cells)
        owner = _deal(areas, k, rng)
        taken = np.bincount(owner, weights=areas, minlength=k)
        if taken.min() >= 0.5 / k * len(centers):
            truth = np.zeros(valid.shape, dtype=np.uint8)
            truth[valid] = owner[cell] + 1
            return truth
    raise InputError(
        f"{len(centers)} valid pixels cannot be shared about equally by {k} classes in "
        f"{cells} cells; use a larger size, more cells or a smaller nodata_share"
    )


def _even_sites(
    centers: npt.NDArray[np.int64], cells: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Random sites, moved apart by Lloyd's iteration so that no cell is tiny."""
    count = min(len(centers), 64 * cells)
    points = centers[rng.choice(len(centers), count, replace=False)].astype(float)
    sites = points[rng.choice(count, cells, replace=False)]
    for _ in range(3):
        nearest = KDTree(sites).query(points)[1]
        num = np.bincount(nearest, minlength=cells)
        for axis in range(2):
            total = np.bincount(nearest, weights=points[:, axis], minlength=cells)
            sites[:, axis] = np.where(num, total / np.maximum(num, 1), sites[:, axis])
    return sites


def _deal(
    areas: npt.NDArray[np.int64], k: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Assign each cell, largest first, to the class with the least area."""
    owner = np.zeros(len(areas), dtype=np.int64)
    taken = np.zeros(k)
    order = rng.permutation(k)  # so that class 1 does not always get the largest cell
    for cell in np.argsort(-areas, kind="stable"):
        least = int(np.argmin(taken))
        owner[cell] = order[least]
        taken[least] += areas[cell]
    return owner


def class_means(
    k: int, bands: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float64], float]:
    """Choose means (k, band) in 0.15..0.85, and noise that keeps them separable."""
    if bands == 1:
        means = rng.permutation(np.linspace(0.15, 0.85, k))[:, None]
    else:
        candidates = rng.uniform(0.15, 0.85, (64 * k, bands))
        chosen = [0]
        distance = np.linalg.norm(candidates - candidates[0], axis=1)
        while len(chosen) < k:
            chosen.append(int(np.argmax(distance)))
            away = np.linalg.norm(candidates - candidates[chosen[-1]], axis=1)
            distance = np.minimum(distance, away)
        means = candidates[chosen]
    gaps = np.linalg.norm(means[:, None] - means[None], axis=-1)
    # A third of the smallest gap: visible noise, but neighbors overlap only by 7 %.
    return means, min(float(gaps[gaps > 0].min()) / 3, _MAX_NOISE)


def texture_noise(
    truth: npt.NDArray[np.uint8], k: int, bands: int, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Make oriented noise (band, y, x), standard normal in each class and band."""
    height, width = truth.shape
    side = min(max(height, width), _NOISE_TILE)
    noise = np.zeros((bands, height, width), dtype=np.float32)
    for index, spectrum in enumerate(texture_spectra(k, side)):
        mask = truth == index + 1
        rows, cols = np.nonzero(mask)
        count = len(rows)
        # Ranks mapped to the same quantiles give exactly equal distributions.
        quantiles = ndtri((np.arange(count) + 0.5) / count)
        for band in range(bands):
            white = np.fft.rfft2(rng.standard_normal((side, side)))
            tile = np.fft.irfft2(white * spectrum, s=(side, side))
            order = np.argsort(tile[rows % side, cols % side], kind="stable")
            values = np.empty(count)
            values[order] = quantiles
            noise[band][mask] = values
    return noise


def texture_spectra(k: int, side: int) -> list[npt.NDArray[np.float64]]:
    """Make a band-pass filter per class, over the half plane of ``rfft2``."""
    num_periods = max(2, min(8, math.ceil(math.sqrt(k / 2))))
    num_angles = math.ceil(k / num_periods)
    periods = np.geomspace(*_PERIODS, num_periods)
    y = np.fft.fftfreq(side)[:, None]
    x = np.fft.rfftfreq(side)[None, :]
    radius = np.hypot(y, x)
    radius[0, 0] = np.inf  # no mean, which would be color
    angle = np.arctan2(y, x)
    log_width = min(0.2, 0.35 * math.log(periods[1] / periods[0]))
    angle_width = min(0.35, 0.35 * math.pi / num_angles)
    spectra = []
    for index in range(k):
        ring, turn = index % num_periods, index // num_periods
        # Each ring is rotated differently, so classes differ in scale and direction.
        direction = (turn + ring / num_periods) * math.pi / num_angles
        off = np.mod(angle - direction + math.pi / 2, math.pi) - math.pi / 2
        distance = np.log(radius * periods[ring]) / log_width
        spectra.append(np.exp(-0.5 * (distance**2 + (off / angle_width) ** 2)))
    return spectra
