"""Two class maps of the same pixels compared."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import rioxarray  # noqa: F401 - registers .rio
import xarray as xr

from ktextures.accuracy.comparison import Comparison
from ktextures.accuracy.crosstab import Pairs, Part, count_pairs, over_parts, parts_of
from ktextures.accuracy.estimator import adjusted_rand
from ktextures.accuracy.fields import AGREEMENT
from ktextures.accuracy.sides import (
    Side,
    change_table,
    match_table,
    wide_table,
)
from ktextures.classes.arrays import match_counts
from ktextures.classes.categories import check_map
from ktextures.errors import InputError
from ktextures.raster.georeference import georeference
from ktextures.raster.places import same_crs, same_grid
from ktextures.results.areas import SQUARE_METERS_PER_HECTARE, row_areas

__all__ = ["compare"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Block = npt.NDArray[np.unsignedinteger]


def compare(a: xr.DataArray, b: xr.DataArray, *, match: bool = True) -> Comparison:
    """Compare two class maps of the same pixels.

    Parameters
    ----------
    a, b : DataArray of uint8 or uint16, (y, x)
        Class maps, values 1..k, 0 = nodata, or maps of legend codes, on the same grid.
        Pixels that are nodata in either do not count. Dask-backed maps are read block
        by block.
    match : bool, default True
        Match each class of `b` to a different class of `a` so that the maps agree in
        the most pixels (the Hungarian method): for maps of different models, whose
        numbers are arbitrary. False compares numbers as they are: for maps of one
        model, or of one legend.

    Returns
    -------
    Comparison
        Tables of pixels and hectares, matched classes, changes, and a map of where the
        maps agree.

    Raises
    ------
    InputError
        If one is not a class map, they have other grids, or they have no pixels in
        common.

    See Also
    --------
    assess : Compare a map with better knowledge.
    match_classes : Renumber the classes of a map to agree with another.

    Examples
    --------
    >>> import ktextures as kt
    >>> a = kt.datasets.synthetic(64, k=3).truth
    >>> b = kt.relabel_classes(a, [3, 1, 2])
    >>> b[:32] = 0
    >>> found = kt.compare(a, b)
    >>> found.share, found.compared
    (1.0, 2048)
    >>> found.matched["class_b"].tolist()
    [3, 1, 2]
    """
    check_map(a, "a")
    check_map(b, "b")
    if not same_grid(a, b):
        raise InputError(_other_grid(a, b))
    pairs = _pairs(a, b)
    if not pairs.pixels.size:
        raise InputError(
            "there is no pixel in which both maps have a class: give maps of the same "
            "area"
        )
    side_a, side_b = Side.of(a, pairs.first), Side.of(b, pairs.second)
    partners = _partners(pairs, side_a, side_b, match)
    # Columns in the order of the rows that they belong to, the others behind them.
    at = [partners.get(value, np.inf) for value in side_b.values]
    order = sorted(range(len(at)), key=lambda i: (at[i], side_b.values[i]))
    side_b = Side(*([each[i] for i in order] for each in vars(side_b).values()))
    pixels, areas = pairs.table(side_a.values, side_b.values)
    hectares = areas / SQUARE_METERS_PER_HECTARE
    same = np.equal.outer(side_a.values, [partners.get(v, 0) for v in side_b.values])
    sizes = hectares if np.isfinite(areas).all() else pixels
    return Comparison(
        compared=int(pixels.sum()),
        share=float(sizes[same].sum() / sizes.sum()),
        ari=adjusted_rand(pixels),
        pixels=wide_table(pixels, side_a, side_b),
        hectares=wide_table(hectares, side_a, side_b),
        matched=match_table(side_a, side_b, pixels, hectares, same),
        changes=change_table(side_a, side_b, pixels, hectares, sizes, same),
        agreement=_agreement(a, b, partners),
        colors=(tuple(side_a.colors), tuple(side_b.colors)),
        same=same,
    )


def _other_grid(a: xr.DataArray, b: xr.DataArray) -> str:
    """Why maps cannot be compared pixel by pixel, and what to do."""
    crss = a.rio.crs, b.rio.crs
    if None in crss and crss != (None, None):
        missing = "a" if crss[0] is None else "b"
        return (
            f"{missing} has no CRS, the other map has one: set it with "
            f'{missing}.rio.write_crs("EPSG:...")'
        )
    if a.shape != b.shape:
        what = f"a has {a.shape} pixels, b {b.shape}"
    elif crss[0] is not None and not same_crs(*crss):
        names = [pyproj.CRS.from_user_input(crs).name for crs in crss]
        what = f"a has the CRS {names[0]}, b {names[1]}"
    else:
        what = "the pixels of a and b lie at other places"
    if crss[0] is None:
        return (
            f"{what}: give maps of the same pixels, or set the CRS of both "
            '(.rio.write_crs("EPSG:...")), so that one can be resampled'
        )
    return (
        f"{what}: give maps of the same pixels, such as b = "
        "b.rio.write_nodata(0).rio.reproject_match(a), which resamples b by nearest "
        "neighbor"
    )


def _pairs(a: xr.DataArray, b: xr.DataArray) -> Pairs:
    weights = row_areas(a)

    def count(part: Part, one: Block, other: Block) -> Pairs:
        return count_pairs(one, other, weights[part.rows])

    # The parts of a lazy map are its blocks.
    parts = parts_of(a.data if hasattr(a.data, "dask") else b.data)
    found = over_parts(count, parts, lambda p: a.data[p], lambda p: b.data[p])
    return Pairs.joined(found)


def _partners(pairs: Pairs, a: Side, b: Side, match: bool) -> dict[int, int]:
    """Class of a by that of b, where there is one."""
    if not match:
        return {value: value for value in b.values if value in a.values}
    counts, _ = pairs.table(a.values, b.values)
    places = match_counts(counts.T) - 1
    return {
        b.values[column]: a.values[row]
        for column, row in enumerate(places.tolist())
        if row < len(a.values) and counts[row, column]
    }


def _agreement(
    a: xr.DataArray, b: xr.DataArray, partners: dict[int, int]
) -> xr.DataArray:
    """Map of 1 where the maps agree, 2 where they differ, 0 nodata."""
    lookup = np.zeros(np.iinfo(b.dtype).max + 1, np.int64)
    lookup[list(partners)] = list(partners.values())
    values: Any
    if hasattr(a.data, "dask") or hasattr(b.data, "dask"):
        import dask.array as da

        lazy = a.data if hasattr(a.data, "dask") else b.data
        blocks = [
            da.asarray(each.data).rechunk(lazy.chunks)  # type: ignore[no-untyped-call]
            for each in (a, b)
        ]
        values = da.map_blocks(  # type: ignore[no-untyped-call]  # dask leaves it bare
            _agreeing, *blocks, lookup=lookup, dtype=np.uint8
        )
    else:
        values = _agreeing(a.data, b.data, lookup)
    return georeference(
        values,
        a,
        dims=("y", "x"),
        name="agreement",
        attrs={**AGREEMENT.attrs(), "long_name": "agreement of two class maps"},
        nodata=0,
    )


def _agreeing(a: Block, b: Block, lookup: IntArray) -> npt.NDArray[np.uint8]:
    values = np.where(lookup[b] == a, 1, 2)
    return np.where((a > 0) & (b > 0), values, 0).astype(np.uint8)
