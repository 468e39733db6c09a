"""What can be written of a scene and a model, and under which names."""

import os
from collections.abc import Sequence
from pathlib import Path

from ktextures._loading import load_extra
from ktextures.errors import InputError, OutputError
from ktextures.results.paths import check_writable, claim_places, raster_places

__all__ = [
    "DEFAULT_PRODUCTS",
    "PRODUCTS",
    "check_products",
    "claim",
    "places_of",
    "product_paths",
]

PRODUCTS = {
    "classes": "classes.tif",
    "masks": "masks.tif",
    "simulated": "simulated.tif",
    "confidence": "confidence.tif",
    "polygons": "polygons.gpkg",
    "areas": "areas.csv",
    "map": "map.png",
    "overview": "overview.png",
    "model": "model.ktextures",
    "stac": "stac.json",
}
"""File of each product, in the order in which they are written."""

DEFAULT_PRODUCTS = ("classes",)

WITH_STYLE = ("classes", "polygons")
PACKAGES = {"polygons": ("geopandas", "polygons"), "stac": ("pystac", "STAC items")}


def check_products(products: str | Sequence[str]) -> tuple[str, ...]:
    """Put products in the order of `PRODUCTS`.

    Parameters
    ----------
    products : str or sequence of str
        Names.

    Returns
    -------
    tuple of str

    Raises
    ------
    InputError
        If a name is unknown, or there is none.
    MissingExtraError
        If a package that a product needs is not installed.

    Examples
    --------
    >>> check_products(["polygons", "classes"])
    ('classes', 'polygons')
    """
    names = {products} if isinstance(products, str) else set(products)
    unknown = sorted(map(str, names - set(PRODUCTS)))
    if unknown or not names:
        raise InputError(
            f"products are {unknown or 'none'}: choose from {', '.join(PRODUCTS)}"
        )
    for name in names & set(PACKAGES):
        load_extra(*PACKAGES[name])
    return tuple(name for name in PRODUCTS if name in names)


def product_paths(
    folder: str | os.PathLike[str], products: Sequence[str], name: str
) -> dict[str, Path]:
    """Path of each product.

    Parameters
    ----------
    folder : path
        Folder of the products.
    products : sequence of str
    name : str
        What the names of the files begin with; "" for none.

    Returns
    -------
    dict of str to Path

    Raises
    ------
    InputError
        If the name has parts of a path.

    Examples
    --------
    >>> product_paths("out", ["classes"], "north")["classes"].as_posix()
    'out/north_classes.tif'
    """
    if Path(name).name != name:
        raise InputError(
            f"name is {name!r}: give the beginning of a file name, such as 'north', "
            "without folders"
        )
    prefix = f"{name}_" if name else ""
    return {each: Path(folder) / f"{prefix}{PRODUCTS[each]}" for each in products}


def places_of(paths: dict[str, Path]) -> list[Path]:
    """All files that products are written to, with those that describe them.

    Parameters
    ----------
    paths : dict of str to Path

    Returns
    -------
    list of Path
    """
    found: list[Path] = []
    for product, path in paths.items():
        styled = product in WITH_STYLE
        if path.suffix == ".tif":
            found += raster_places(path, style=styled)
        else:
            found += [path, path.with_suffix(".qml")] if styled else [path]
    return found


def claim(paths: dict[str, Path], *, overwrite: bool) -> None:
    """Create the folder of products, and make sure that they can be written to it.

    Parameters
    ----------
    paths : dict of str to Path
    overwrite : bool
        Whether existing files may be replaced.

    Raises
    ------
    OutputError
        If a file exists, or the folder or a file cannot be written.
    """
    places = places_of(paths)
    folder = places[0].parent
    claim_places(places, overwrite=overwrite)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot create the folder {str(folder)!r}: {error.strerror or error}; "
            "choose another folder"
        ) from error
    check_writable(places[0])
