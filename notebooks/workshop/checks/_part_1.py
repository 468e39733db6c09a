"""Exercises of part 1: look and train."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ._answers import class_map, is_share, pixel_values
from ._exercises import Wrong, exercise


@exercise(
    "1.1",
    'Take one band with `scene.sel(band="B08").astype(float)`. B08 is near infrared, '
    "and B04 is red.",
    "With `nir` and `red`, the index is `(nir - red) / (nir + red)`. Both differences "
    "and sums need their brackets.",
)
def _ndvi(ndvi: Any, /, *, scene: Any) -> str:
    """Test a vegetation index by the bands of the scene."""
    red, nir = _band(scene, "red"), _band(scene, "nir")
    found = pixel_values(ndvi, "ndvi", red.shape)
    true = (nir - red) / (nir + red)
    if np.allclose(found, true, atol=1e-3):
        return (
            f"The index reaches from {true.min():.2f} to {true.max():.2f}: plants "
            "reflect near infrared and absorb red, so it is high where they grow."
        )
    if np.allclose(found, -true, atol=1e-3):
        raise Wrong("`ndvi` has the wrong sign: red and near infrared are swapped.")
    if np.allclose(found, nir - red, atol=1e-3):
        raise Wrong("`ndvi` is the difference only: divide it by the sum of the bands.")
    if np.allclose(found, (nir - red) / nir + red, atol=1e-3):
        raise Wrong("`ndvi` is divided by near infrared only: a bracket is missing.")
    for role in ("blue", "green"):
        other = _band(scene, role)
        for low, high in ((other, nir), (other, red), (red, other), (nir, other)):
            if np.allclose(found, (high - low) / (high + low), atol=1e-3):
                raise Wrong(f"`ndvi` is made of another band: {role} is not needed.")
    raise Wrong(
        f"`ndvi` is {found[0, 0]:.3f} in the first pixel, and should be "
        f"{true[0, 0]:.3f}."
    )


@exercise(
    "1.2",
    "`result.masks` has the dimensions class, y, x. "
    "`result.masks.isel(y=row, x=column)` takes one pixel of each mask.",
    "`result.masks.isel(y=20, x=160).values`, which is one value per class. y comes "
    "first: it is the row.",
)
def _masks(mask_values: Any, /, *, result: Any) -> str:
    """Test the values of all masks in row 20, column 160."""
    masks = np.asarray(result.masks).astype(int)
    true = masks[:, 20, 160]
    found = np.asarray(mask_values)
    if found.dtype.kind not in "iufb":
        raise Wrong("`mask_values` holds no numbers: give one value per mask.")
    if found.size == 1 and true.size > 1:
        raise Wrong(
            "`mask_values` is a single value: give one for each mask, that is, "
            f"{true.size} values."
        )
    if found.shape != true.shape:
        raise Wrong(
            f"`mask_values` has the shape {found.shape}: give {true.size} values, one "
            "for each mask."
        )
    if (found == true).all():
        return (
            "One mask is 1 and all others are 0, because each pixel belongs to exactly "
            f"one class, here to class {true.argmax() + 1}. The masks are the class "
            "map, one class at a time."
        )
    if (found == masks[:, 160, 20]).all():
        raise Wrong("These are the masks in row 160, column 20: swap the two.")
    raise Wrong("These are not the values of the masks in row 20, column 160.")


@exercise(
    "1.3",
    "Train with `kt.train(scene, k=3, steps=100, seed=1)`, then classify with "
    "`kt.segment(scene, small)`. `kt.class_areas(few.classes)` is a table with a "
    "column `share`.",
    "The share of a class is the number of its pixels divided by the number of all "
    "pixels: `float(kt.class_areas(few.classes).share.max())`.",
)
def _few(small: Any, few: Any, largest_share: Any, /, *, scene: Any) -> str:
    """Test a model of three classes, its map, and the share of the largest class."""
    k = getattr(small, "k", None)
    if k is None:
        raise Wrong(f"`small` is a {type(small).__name__}: give what kt.train returns.")
    if k != 3:
        raise Wrong(f"`small` has {k} classes, and should have 3.")
    classes = class_map(few, "few", scene.shape[1:])
    if classes.max() > 3:
        raise Wrong(
            f"`few` has {classes.max()} classes: segment the scene with `small`."
        )
    pixels = np.bincount(classes[classes > 0], minlength=4)[1:]
    shares = pixels / pixels.sum()
    true, largest = float(shares.max()), int(shares.argmax()) + 1
    near = {
        "`largest_share` is a number of pixels: divide it by all pixels.": pixels.max(),
        "`largest_share` is the number of the class, not its share.": largest,
        "`largest_share` is the share of the smallest class.": shares.min(),
    }
    is_share(largest_share, "largest_share", true, near)
    return (
        f"Class {largest} covers {true:.0%} of the scene. You have trained a model of "
        "your own."
    )


def _band(scene: Any, role: str) -> npt.NDArray[np.float64]:
    """The band of a scene with this role, (y, x)."""
    place = [str(each) for each in np.asarray(scene.role)].index(role)
    return np.asarray(scene)[place].astype(np.float64)
