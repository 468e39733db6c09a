"""What the explorer writes to files when it is asked to."""

from dataclasses import dataclass

__all__ = ["ExportSettings"]


@dataclass(frozen=True)
class ExportSettings:
    """What to export, and where to.

    Attributes
    ----------
    folder : str
        Created if necessary.
    products : tuple of str
        As for `ktextures.export`.
    name : str
        What the names of the files begin with.
    min_area : str
        Smallest area, such as "0.5 ha" or "20" (pixels); empty = all areas.
    simplify : float
        Distance in pixels by which borders of polygons are smoothed; 0 = not at all.
    overwrite : bool
        Whether existing files are replaced.
    """

    folder: str = "export"
    products: tuple[str, ...] = ("classes",)
    name: str = ""
    min_area: str = ""
    simplify: float = 0.0
    overwrite: bool = False
