"""What the pixels of several scenes have in common: units, scaling, distinct values."""

import numpy as np
import numpy.typing as npt

from ktextures.errors import InputError
from ktextures.raster.nodata import require_valid
from ktextures.raster.read import read_sample
from ktextures.raster.scaling import BandScaler, Preparation
from ktextures.raster.scene_set import SceneSet, inside

__all__ = ["check_units", "fit_preparation", "joined", "read_samples"]

MOST_PIXELS, FEWEST_PIXELS = 4_000_000, 65_536
"""Read of all scenes together, and of each one even so."""

MIN_PIXELS = 1024
LOOKED_AT = 100_000
"""Pixels that units and distinct values are judged by."""

OTHER_UNITS = 50.0
"""Times that values in other units are larger; seasons and landscapes differ less."""

SAME = 1e-3
"""Share of a band's range within which values count as one."""

Samples = list[npt.NDArray[np.floating]]


def read_samples(scenes: SceneSet) -> Samples:
    """Read valid pixels of each scene, fewer of each if there are many.

    Parameters
    ----------
    scenes : SceneSet
        Lazy ones are read in windows.

    Returns
    -------
    list of array, shape (n, band)
        In the scenes' own units.

    Raises
    ------
    InputError
        If there are fewer than 1024 valid pixels, or a scene has none.
    """
    most = max(MOST_PIXELS // len(scenes), FEWEST_PIXELS)
    samples = [read_sample(scene, most)[0] for scene in scenes]
    require_valid(sum(map(len, samples)), MIN_PIXELS, "training")
    for label, sample in zip(scenes.labels, samples, strict=True):
        if not len(sample):
            raise InputError(
                f"{label} has no valid pixel; check its nodata value "
                "(scene.rio.nodata), or leave it out"
            )
    return samples


def joined(samples: Samples) -> npt.NDArray[np.floating]:
    """Join samples so that each scene weighs the same, however small it is.

    Parameters
    ----------
    samples : list of array, shape (n, band)
        One per scene.

    Returns
    -------
    array, shape (n, band)
        As many pixels of each as the largest has, evenly chosen; those of smaller ones
        are repeated.

    Examples
    --------
    >>> joined([np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([[8.0]])])[:, 0]
    array([1., 2., 3., 4., 8., 8., 8., 8.])
    """
    if len(samples) == 1:
        return samples[0]
    count = min(max(map(len, samples)), MOST_PIXELS // len(samples))
    evenly = [np.linspace(0, len(each) - 1, count).round() for each in samples]
    return np.concatenate(
        [each[index.astype(int)] for each, index in zip(samples, evenly, strict=True)]
    )


def fit_preparation(
    scenes: SceneSet,
    sample: npt.NDArray[np.floating],
    scaler: BandScaler | None,
    k: int,
) -> Preparation:
    """Scale and fill the bands of all scenes alike, by their joint sample.

    Parameters
    ----------
    scenes : SceneSet
    sample : array, shape (n, band)
    scaler : BandScaler, optional
        Percentiles 0.5 and 99.5 of the sample by default.
    k : int
        Number of classes.

    Returns
    -------
    Preparation
        Invalid pixels get the mean of each band.

    Raises
    ------
    InputError
        If the scaler has other bands, a band is constant, or fewer than k values can
        be told apart.
    """
    names = list(scenes.bands)
    distinct = len(np.unique(_thinned(sample), axis=0))
    if distinct < k:
        _refuse_k(scenes, k, f"{distinct} distinct pixel values")
    scaler = scaler or BandScaler.fit(sample, band_names=names)
    if scaler.num_bands != len(names):
        raise InputError(
            f"The scaler has {scaler.num_bands} bands, the scene {len(names)}: {names}."
        )
    found = count_distinct(scaler.scale(_thinned(sample)), k)
    if found < k:
        _refuse_k(
            scenes,
            k,
            f"{found} pixel values that differ by more than {SAME:.1%} of the range of "
            f"a band ({scaler.low[0]:g} to {scaler.high[0]:g} in {names[0]!r})",
        )
    mean = scaler.scale(sample).mean(0, dtype="float64")
    return Preparation(scaler, tuple(float(value) for value in mean))


def _refuse_k(scenes: SceneSet, k: int, what: str) -> None:
    who = "the scene has" if len(scenes) == 1 else "the scenes together have"
    raise InputError(f"k is {k}, but {who} only {what}; choose a smaller k.")


def _thinned(sample: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    return sample[:: max(len(sample) // LOOKED_AT, 1)]


def count_distinct(
    pixels: npt.NDArray[np.floating], most: int, same: float = SAME
) -> int:
    """Count values that are farther apart than `same`, up to a number.

    Parameters
    ----------
    pixels : array, shape (n, band)
        Scaled.
    most : int
    same : float
        Largest difference in any band of values that count as one.

    Returns
    -------
    int
        Values found by going again and again to the pixel farthest from all so far.

    Examples
    --------
    >>> count_distinct(np.array([[0.0], [1e-7], [0.5], [1.0]]), 8)
    3
    """
    pixels = np.unique(pixels, axis=0)
    nearest = np.full(len(pixels), np.inf)
    place = 0
    for found in range(1, most + 1):
        apart = np.abs(pixels - pixels[place]).max(1)
        nearest = np.minimum(nearest, apart)
        place = int(nearest.argmax())
        if nearest[place] <= same:
            return found
    return most


def check_units(scenes: SceneSet, samples: Samples) -> None:
    """Refuse scenes whose values are not in the same units.

    They are not if in at least half of the bands both the median and the 99th
    percentile, as absolute values, are 50 times larger in one scene than in another, or
    if the data type of one scene cannot hold the median of another.

    Parameters
    ----------
    scenes : SceneSet
    samples : list of array, shape (n, band)
        In the scenes' own units.

    Raises
    ------
    InputError
        If units differ; the message names two scenes and a band.
    """
    thinned = [_thinned(sample).astype("float64") for sample in samples]
    medians = np.array([np.median(sample, 0) for sample in thinned])
    _check_types(scenes, medians)
    sizes = np.array(
        [np.percentile(np.abs(each), (50, 99), axis=0) for each in thinned]
    )
    # The smaller of both ratios: a median may be zero, and a single cloud is bright.
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = (sizes[:, None] / sizes[None]).min(2)
    times = np.nan_to_num(ratios, nan=1.0)
    doubtful = (times >= OTHER_UNITS).mean(-1)
    large, small = np.unravel_index(doubtful.argmax(), doubtful.shape)
    if doubtful[large, small] >= 0.5:
        band = int(times[large, small].argmax())
        _refuse_units(scenes, int(large), int(small), band, medians)


def _check_types(scenes: SceneSet, medians: npt.NDArray[np.floating]) -> None:
    for place, scene in enumerate(scenes):
        if scene.dtype.kind == "f":
            continue
        limits = np.iinfo(scene.dtype)
        beyond = (medians < limits.min) | (medians > limits.max)
        for other, band in np.argwhere(beyond)[:1]:
            _refuse_units(scenes, int(other), place, int(band), medians)


def _refuse_units(
    scenes: SceneSet,
    one: int,
    other: int,
    band: int,
    medians: npt.NDArray[np.floating],
) -> None:
    first, second = sorted((one, other))
    told = [
        f"{medians[place, band]:.4g} in {inside(scenes.labels[place])} "
        f"({scenes.scenes[place].dtype})"
        for place in (first, second)
    ]
    raise InputError(
        "The scenes are not in the same units: the median of band "
        f"{scenes.bands[band]!r} is {' and '.join(told)}. Convert them to the same "
        "units; if they are, pass scaler=ktextures.BandScaler.fixed(low, high)."
    )
