"""The datasheet of a set: what it holds, how it was made, and what it is good for."""

import textwrap
from collections.abc import Mapping
from typing import Any

from ktextures.samples.blocks import SPLITS

__all__ = ["datasheet"]

_WIDTH = 88


def datasheet(description: Mapping[str, Any]) -> str:
    """Write the datasheet of a set in Markdown.

    Parameters
    ----------
    description : mapping
        The content of ``samples.json``.

    Returns
    -------
    str
        Text of ``README.md``.
    """
    parts = [
        _what(description),
        _classes(description),
        _split(description),
        _made(description),
        _limits(description),
        _loading(description),
    ]
    return "\n\n".join(parts) + "\n"


def _what(described: Mapping[str, Any]) -> str:
    counts, size = described["counts"], described["size"]
    chips = sum(counts[split]["chips"] for split in SPLITS)
    bands = ", ".join(described["bands"])
    about = (
        f"{chips} pairs of an image and a label of {size} x {size} pixels, for "
        "training supervised models of semantic segmentation."
    )
    origin = _origin(described)
    if origin:
        about += f" {origin}; nobody checked each pixel."
    return f"""\
# Training samples

{textwrap.fill(about, _WIDTH)}

- `images/STEM.tif`: bands {bands}; {described["dtype"]}, in the units of the scenes
- `labels/STEM.tif`: class 1 to {len(described["classes"])}; 0 = no data and 255 = \
too uncertain, both to be ignored
- `samples.csv`: one row per chip; `samples.json`: everything about the set"""


def _origin(described: Mapping[str, Any]) -> str:
    """Where labels are from, as far as a model is known that made them, or ""."""
    scenes = described["scenes"]
    known = [each["name"] for each in scenes if "ktextures_training" in each["model"]]
    if not known:
        return ""
    of = "" if len(known) == len(scenes) else f" of {', '.join(known)}"
    return f"Labels{of} come from an unsupervised segmentation"


def _classes(described: Mapping[str, Any]) -> str:
    counts = described["counts"]
    totals = [max(sum(counts[split]["pixels"]), 1) for split in SPLITS]
    rows = []
    for place, each in enumerate(described["classes"]):
        cells = [
            f"{counts[split]['pixels'][place]:,} "
            f"({counts[split]['pixels'][place] / total:.1%})"
            for split, total in zip(SPLITS, totals, strict=True)
        ]
        name = each["name"].replace("|", "\\|")
        rows.append(
            f"| {each['class']} | {name} | {each['color']} | {each['code']} | "
            + " | ".join(cells)
            + " |"
        )
    chips = " | ".join(str(counts[split]["chips"]) for split in SPLITS)
    head = "| class | name | color | value in the map | train | validation | test |"
    return "\n".join(
        [
            "## Classes",
            "",
            "Pixels of each class, and their share of the labeled pixels of the split:",
            "",
            head,
            "| --- " * 7 + "|",
            *rows,
            f"| | chips | | | {chips} |",
            *_absent(described),
        ]
    )


def _absent(described: Mapping[str, Any]) -> list[str]:
    """Lines about classes that a split which holds chips has no pixel of."""
    lines = []
    for split in SPLITS:
        counts = described["counts"][split]
        names = [
            each["name"]
            for each, pixels in zip(described["classes"], counts["pixels"], strict=True)
            if not pixels
        ]
        if counts["chips"] and names:
            lines.append(
                f"- The {split} split has no pixel of {', '.join(names)}; choose "
                "another seed, smaller blocks or chips, or add a scene that shows them."
            )
    return ["", *lines] if lines else []


def _split(described: Mapping[str, Any]) -> str:
    split = described["split"]
    if split["method"] is None:
        return "## Split\n\nAll chips are for training; there is no split."
    shares = ", ".join(f"{name} {split['fractions'][name]:g}" for name in SPLITS)
    size, buffer = split["block_size"], split["buffer"]
    return f"""\
## Split

By place: the ground is divided into square blocks of {size} x {size} pixels of the
first scene, and each block belongs to one split, in every scene that shows it
(fractions asked for: {shares};
seed {split["seed"]}). No pixel of one split lies within {buffer} pixels of a pixel of
another split. Chips that would are left out."""


def _made(described: Mapping[str, Any]) -> str:
    made, extended = described["created"], described["updated"]
    later = f"; extended {extended[:10]}" if extended != made else ""
    columns = [
        "scene",
        "source",
        "CRS",
        "chips",
        "nodata",
        "confidence",
        "segmented by",
    ]
    lines = [
        "## How it was made",
        "",
        f"By ktextures {described['ktextures']}, {made[:10]}{later}.",
        "",
        f"| {' | '.join(columns)} |",
        "| --- " * len(columns) + "|",
        *(_scene_row(scene) for scene in described["scenes"]),
        "",
        f"- chips overlap by {described['overlap']} pixels; at the edges of a scene, "
        "they may overlap more",
        "- nodata: chips with a larger share of pixels without data are left out",
        "- confidence: pixels below it have the label 255",
    ]
    if any(scene["balance"] for scene in described["scenes"]):
        lines.append(
            "- training chips of frequent classes are left out, so that the classes "
            "have more even shares; validation and test are as found"
        )
    return "\n".join(lines)


def _scene_row(scene: Mapping[str, Any]) -> str:
    sure = scene["min_confidence"]
    cells = [
        scene["name"],
        scene["source"],
        scene["crs"],
        str(scene["chips"]),
        f"{scene['max_nodata']:.0%}",
        "" if sure is None else f"{sure:g}",
        scene["model"].get("source", ""),
    ]
    safe = [" ".join(each.split()).replace("|", "\\|") for each in cells]
    return f"| {' | '.join(safe)} |"


def _limits(described: Mapping[str, Any]) -> str:
    origin = _origin(described)
    points = [
        f"{origin or 'Labels are those of the class maps that were given'}. A model "
        "that is trained on them learns to repeat them, with their errors; agreement "
        "with these labels is not accuracy. To measure accuracy, compare with "
        "reference data of the ground.",
        "Intended use: training and comparing models that are faster, smaller, or "
        "apply to other sensors, and training on labels that a person has checked or "
        "corrected.",
        "Not intended: as reference data in an accuracy assessment"
        + ("." if origin else ", unless the class maps are reference data."),
        "Neighboring chips of one split may overlap; pixels are then counted in each.",
    ]
    lines = (
        textwrap.fill(point, _WIDTH, initial_indent="- ", subsequent_indent="  ")
        for point in points
    )
    return "\n".join(["## Limits", "", *lines])


def _loading(described: Mapping[str, Any]) -> str:
    return f"""\
## How to load it

```python
import ktextures as kt

train = kt.read_samples("this folder", "train", shuffle=True, augment=True)
validation = kt.read_samples("this folder", "validation")
model.fit(train, validation_data=validation)  # {len(described["classes"])} outputs, \
SparseCategoricalCrossentropy
```

Files are plain GeoTIFFs with names such as `train_scene_r00000_c00000.tif`, equal in
`images` and `labels`. Their names and colors of classes are in the files too."""
