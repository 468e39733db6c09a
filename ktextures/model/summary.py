"""A model at a glance: a table of its classes and textures for notebooks."""

import html
from collections.abc import Sequence

import numpy as np

from ktextures.classes.table import ClassTable
from ktextures.rendering import data_url, rgba_png, stretch_rgb

__all__ = ["model_html"]

SHOWN = 32
"""Classes that are listed."""

SIDE = 48
"""Side in pixels of a texture shown."""


def model_html(
    table: ClassTable, textures: np.ndarray, roles: Sequence[str], facts: Sequence[str]
) -> str:
    """HTML with a few facts, and name, color and texture of each class.

    Parameters
    ----------
    table : ClassTable
    textures : array, shape (class, y, x, band)
        Scaled, 0..1.
    roles : sequence of str
        Of the bands: red, green and blue are shown if known, else the first bands.
    facts : sequence of str

    Returns
    -------
    str
    """
    bands = [roles.index(role) for role in ("red", "green", "blue") if role in roles]
    if len(bands) < 3:
        bands = list(range(3)) if textures.shape[-1] >= 3 else [0]
    limits = np.tile([0.0, 1.0], (len(bands), 1))
    rows = []
    for index, texture in enumerate(textures[:SHOWN]):
        picture = stretch_rgb(texture, None, bands, limits=limits)
        rows.append(
            f"<tr><td>{index + 1}</td>"
            f'<td style="background:{table.colors[index]}">&emsp;</td>'
            f'<td><img alt="texture of class {index + 1}" width="{SIDE}" '
            f'height="{SIDE}" src="{data_url(rgba_png(picture))}"></td>'
            f'<td style="text-align:left">{html.escape(table.names[index])}</td></tr>'
        )
    more = table.k - len(rows)
    if more > 0:
        rows.append(f'<tr><td colspan="4">and {more} more</td></tr>')
    head = "<tr><th>class</th><th></th><th>texture</th><th>name</th></tr>"
    said = html.escape(" · ".join(facts))
    return f"<div>{said}</div><table>{head}{''.join(rows)}</table>"
