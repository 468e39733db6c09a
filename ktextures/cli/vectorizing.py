"""`ktextures polygons`: a class map as polygons."""

import argparse

from ktextures.cli.interrupts import Interrupts
from ktextures.cli.messages import say, say_json

__all__ = ["polygons"]

CHUNK = 2048
"""Side in pixels of the parts in which a map is read."""


def polygons(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Write the polygons of a class map, and report how many there are.

    Parameters
    ----------
    options : Namespace
    interrupts : Interrupts

    Returns
    -------
    int
        0.
    """
    from ktextures.polygons.to_polygons import to_polygons
    from ktextures.polygons.write import polygon_places, write_polygons
    from ktextures.results.read_classes import read_classes

    polygon_places(options.output, overwrite=options.overwrite)
    classes = read_classes(options.classes, CHUNK)
    found = to_polygons(
        classes, options.min_area, options.simplify, values=options.values
    )
    interrupts.check()
    path = write_polygons(found, options.output, overwrite=options.overwrite)
    rows = found.groupby(["class", "name"], as_index=False).agg(
        polygons=("class", "size"), area_ha=("area_ha", "sum")
    )
    if options.json:
        content = {"file": str(path), "polygons": len(found)}
        say_json(content | {"classes": rows.to_dict("records")})
        return 0
    for row in rows.itertuples():
        say(f"{row.name}: {row.polygons} polygons, {row.area_ha:,.1f} ha")
    say(f"{len(found)} polygons: {path}")
    return 0
