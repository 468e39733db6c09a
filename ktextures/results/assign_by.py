"""Classes assigned to the entries of a legend by a reference map."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import rioxarray  # noqa: F401 - registers .rio
import xarray as xr
from rasterio.warp import transform_bounds

from ktextures.classes.arrays import check_uint8
from ktextures.classes.attributes import is_described
from ktextures.classes.categories import categories_of
from ktextures.classes.legend import MAX_ENTRIES, Legend
from ktextures.classes.majority import MajorityResult, count_pairs
from ktextures.classes.table import ClassTable
from ktextures.errors import InputError
from ktextures.raster.codes import known_codes
from ktextures.raster.nodata import scene_nodata
from ktextures.raster.places import same_grid

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["assign_by"]

IntArray = npt.NDArray[np.int64]

NOT_THERE = (
    "the reference has no known pixel where the map has classes: give maps of the same "
    "area"
)


def assign_by(
    classes: xr.DataArray, reference: xr.DataArray, legend: Any = None
) -> MajorityResult:
    """Assign each class to the category that most of its pixels have in a reference.

    Parameters
    ----------
    classes : DataArray of uint8, (y, x)
        Class map, values 1..k, 0 = nodata. A dask-backed one is computed.
    reference : DataArray, (y, x)
        Codes as whole numbers, 1..65535; 0 and nodata are unknown and do not count. On
        another grid or in another CRS, it is resampled to the pixels of ``classes``
        by nearest neighbor.
    legend : Legend, or what `Legend.read` takes, optional
        Names of the codes; by default those in the attributes of ``reference``
        (``flag_meanings``), or else names such as "code 41".

    Returns
    -------
    MajorityResult
        ``assignment`` lists the classes of each name, and can be edited;
        ``model.assign(result)`` takes the result as it is, with its ``legend``. The
        table ``purity`` has one row per class: ``class``; ``class_name``; ``name``, the
        category with the most pixels (of equal ones, that with the lowest code; "" if
        none are known); ``pixels`` and ``share`` of the class (of all valid pixels,
        0..1); ``known``, its pixels with a code; ``purity``, the share of these that
        have the category; ``second``, the second most frequent category.

    Raises
    ------
    InputError
        If a map is not of this form, the reference has no CRS and another grid, does
        not overlap, or holds codes that the legend does not have.

    Examples
    --------
    >>> import ktextures as kt
    >>> truth = kt.datasets.synthetic(64, k=3).truth
    >>> found = kt.assign_by(truth, truth.where(truth != 3, 1), {"wood": 1, "water": 2})
    >>> found.assignment
    {'wood': [1, 3], 'water': [2]}
    """
    import pandas as pd

    if isinstance(reference, xr.DataArray) and reference.sizes.get("band") == 1:
        reference = reference.squeeze("band", drop=True)  # as rioxarray opens files
    _check(classes, reference)
    values = np.asarray(classes.values)
    table = categories_of(classes.attrs)
    if not isinstance(table, ClassTable):
        table = ClassTable.default(max(1, int(values.max(initial=0))))
    codes, counts = count_pairs(values, _on_grid(reference, classes), table.k)
    if not codes.size:
        raise InputError(NOT_THERE)
    found = _legend(codes, reference, legend)
    by_code = dict(zip(found.codes, found.names, strict=True))
    pixels = np.bincount(values.ravel(), minlength=table.k + 1)[1:]
    rows = _rows(counts, [by_code[int(code)] for code in codes])
    purity = pd.DataFrame(rows)
    purity.insert(0, "class", table.values)
    purity.insert(1, "class_name", table.names)
    purity.insert(3, "pixels", pixels)
    purity.insert(4, "share", pixels / pixels.sum())
    return MajorityResult(_assignment(purity, found), purity, found)


def _check(classes: xr.DataArray, reference: xr.DataArray) -> None:
    for name, each in (("classes", classes), ("reference", reference)):
        if not isinstance(each, xr.DataArray) or each.dims != ("y", "x"):
            got = each.dims if isinstance(each, xr.DataArray) else type(each).__name__
            raise InputError(f"{name} is {got}: give a DataArray with dims ('y', 'x')")
    check_uint8(classes.dtype)


def _on_grid(reference: xr.DataArray, classes: xr.DataArray) -> IntArray:
    """Codes on the pixels of the class map, 0 where they are unknown."""
    if same_grid(reference, classes):
        return np.asarray(_codes(reference).values, np.int64)
    if reference.rio.crs is None or classes.rio.crs is None:
        raise InputError(
            f"the reference has {reference.shape} pixels and the CRS "
            f"{reference.rio.crs}, the class map {classes.shape} pixels and the CRS "
            f"{classes.rio.crs}: give both a CRS (.rio.write_crs(...)), or maps of the "
            "same pixels"
        )
    codes = _codes(_nearby(reference, classes))
    resampled = codes.rio.reproject_match(classes)  # nearest neighbor by default
    return np.asarray(resampled.values, np.int64)


def _nearby(reference: xr.DataArray, classes: xr.DataArray) -> xr.DataArray:
    """The part of the reference around the class map: it may cover a continent."""
    left, bottom, right, top = transform_bounds(
        classes.rio.crs, reference.rio.crs, *classes.rio.bounds()
    )
    for dim, low, high in (("x", left, right), ("y", bottom, top)):
        if dim not in reference.coords or reference.sizes[dim] < 2:
            continue
        centers = reference[dim].values
        margin = 2 * abs(centers[1] - centers[0])
        inside = np.flatnonzero((centers >= low - margin) & (centers <= high + margin))
        if not inside.size:
            raise InputError(NOT_THERE)
        reference = reference.isel({dim: slice(inside[0], inside[-1] + 1)})
    return reference


def _codes(reference: xr.DataArray) -> xr.DataArray:
    """The reference as uint16, 0 where it is unknown."""
    values = np.asarray(reference.values)
    if values.dtype.kind not in "iuf":
        raise InputError(
            f"the reference holds {values.dtype}: give codes as whole numbers"
        )
    codes = reference.copy(data=known_codes(values, scene_nodata(reference)))
    codes.attrs, codes.encoding = {}, {}
    result: xr.DataArray = codes.rio.write_nodata(0)
    return result


def _legend(codes: IntArray, reference: xr.DataArray, legend: Any) -> Legend:
    """A legend with all of the codes."""
    if legend is not None:
        found = Legend.read(legend)
        missing = sorted(set(codes.tolist()) - set(found.codes))
        if missing:
            raise InputError(
                f"the reference holds the codes {missing[:10]}, which the legend does "
                "not have: add them, or set them to 0 in the reference"
            )
        return found
    if codes.size > MAX_ENTRIES:
        raise InputError(
            f"the reference holds {codes.size} different codes: give a map of at most "
            f"{MAX_ENTRIES} categories"
        )
    names = {code: f"code {code}" for code in codes.tolist()}
    if is_described(reference.attrs):
        known = Legend.from_attrs(reference.attrs)
        if set(names) <= set(known.codes):
            return known
        names |= dict(zip(known.codes, known.names, strict=True))
    return Legend(tuple(names.values()), (), tuple(names))


def _rows(counts: IntArray, names: list[str]) -> list[dict[str, Any]]:
    """Majority, known pixels, purity, and runner-up of each class."""
    rows = []
    for row in counts:
        order = np.argsort(-row, kind="stable")  # of equal ones, the lowest code first
        first, known = row[order[0]], int(row.sum())
        second = order[1] if row.size > 1 and row[order[1]] else None
        rows.append(
            {
                "name": names[order[0]] if known else "",
                "known": known,
                "purity": first / known if known else np.nan,
                "second": "" if second is None else names[second],
            }
        )
    return rows


def _assignment(purity: "pd.DataFrame", legend: Legend) -> dict[str, list[int]]:
    """Classes by the name of their category, in the order of the legend."""
    found = {
        name: purity["class"][purity["name"] == name].tolist() for name in legend.names
    }
    return {name: values for name, values in found.items() if values}
