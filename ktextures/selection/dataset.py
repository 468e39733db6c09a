"""What a sweep found, as a labeled Dataset."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from ktextures.raster.georeference import georeference
from ktextures.selection.found import NUMBERS, Found
from ktextures.selection.measures import STRONG, recommended

__all__ = ["as_dataset"]

LONG_NAMES = {
    "dictionary_loss": "mean squared distance of descriptors to their class",
    "silhouette": "silhouette of descriptors, -1..1",
    "calinski_harabasz": "variance between classes over that within",
    "davies_bouldin": "spread of classes over their distance; less is better",
    "stability": "agreement of k-means on random halves (adjusted Rand index)",
    "prediction_strength": "pairs found together again, in the worst group, 0..1",
    "prediction_strength_error": "standard error of prediction_strength",
    "seconds": "time taken",
}


def as_dataset(
    found: Sequence[Found], scene: xr.DataArray, attrs: dict[str, Any]
) -> xr.Dataset:
    """Put together what was found for several k.

    Parameters
    ----------
    found : sequence of Found
        In ascending order of k.
    scene : DataArray (band, y, x)
        On whose grid the maps are.
    attrs : dict
        Further attributes of the Dataset.
    """
    ks = np.array([each.k for each in found], "int64")
    classes = georeference(
        np.stack([each.classes for each in found]),
        scene,
        dims=("k", "y", "x"),
        name="classes",
        attrs={"long_name": "k-textures class for each number of classes"},
        coords={"k": ks},
        nodata=0,
    )
    result = xr.Dataset({"classes": classes})
    result["k"].attrs["long_name"] = "number of classes"
    result = result.assign_coords({"class": np.arange(1, ks.max() + 1)})
    for name, (values, long_name) in _of_classes(found).items():
        result[name] = (("k", "class"), values, {"long_name": long_name})
    for name in NUMBERS:
        values = np.array([each.numbers[name] for each in found])
        units = {"units": "s"} if name == "seconds" else {}
        attributes = {"long_name": LONG_NAMES[name]} | units
        result[name] = ("k", values, attributes)
    smallest = np.array([each.shares.min() for each in found])
    result["smallest_share"] = (
        "k",
        smallest,
        {"long_name": "share of the least class"},
    )
    _add_models(result, found)
    return _with_advice(result).assign_attrs(attrs)


def _of_classes(found: Sequence[Found]) -> dict[str, tuple[np.ndarray, str]]:
    """Values (k, class) and meaning of what each class of each k has."""
    shape = (len(found), max(each.k for each in found))
    share, color = np.full(shape, np.nan), np.full(shape, "", "<U7")
    parent = np.zeros(shape, "uint8")
    for row, each in enumerate(found):
        share[row, : each.k] = each.shares
        color[row, : each.k] = each.colors
        parent[row, : each.k] = each.parents
    return {
        "share": (share, "share of the pixels with data"),
        "color": (color, "color, kept from k to k"),
        "parent": (parent, "class of the previous k that it overlaps most; 0 = none"),
    }


def _add_models(result: xr.Dataset, found: Sequence[Found]) -> None:
    sizes = np.array([len(each.model) for each in found], "int64")
    content = np.zeros((len(found), sizes.max()), "uint8")
    for row, each in zip(content, found, strict=True):
        row[: len(each.model)] = np.frombuffer(each.model, "uint8")
    result["model_file"] = (
        ("k", "byte"),
        content,
        {"long_name": "model file, filled up with zeros; see ktextures.sweep_model"},
    )
    result["model_size"] = ("k", sizes, {"long_name": "bytes of the model file"})


def _with_advice(result: xr.Dataset) -> xr.Dataset:
    """Which k prediction strength speaks for, and how sure that is."""
    strength = result.prediction_strength.values
    error = result.prediction_strength_error.values
    result["reproducible"] = (
        "k",
        strength >= STRONG,
        {"long_name": f"prediction strength of {STRONG:g} or more"},
    )
    result["uncertain"] = (
        "k",
        np.abs(strength - STRONG) <= error,
        {"long_name": f"prediction strength within one standard error of {STRONG:g}"},
    )
    k, reason = recommended(result.k.values, strength)
    return result.assign_attrs({"recommended_k": k, "recommended_by": reason})
