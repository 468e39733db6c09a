"""One hint: a place, and the class that it is known to have."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from pyproj import CRS
from pyproj.exceptions import CRSError

from ktextures.classes.origins import parse_name
from ktextures.errors import InputError
from ktextures.hints.geometry import check_geometry

__all__ = ["Hint"]


@dataclass(frozen=True)
class Hint:
    """A place of known class: points, lines, or polygons.

    Parameters
    ----------
    class_ : int or str
        Number of the class, from 1, or its name.
    geometry : mapping
        GeoJSON geometry of points, lines, or polygons: ``{"type": "Point",
        "coordinates": (x, y)}`` for example.
    crs : str, optional
        CRS of the coordinates, "EPSG:32632" for example. Without one, they are columns
        and rows of pixels, counted from 0 at the center of the first one.

    Raises
    ------
    InputError
        If the class is neither a number nor a name, the geometry is damaged or of
        another kind, or the CRS is unknown.

    Examples
    --------
    >>> import ktextures as kt
    >>> kt.Hint("water", {"type": "Point", "coordinates": (12, 30)}).class_
    'water'
    >>> kt.Hint.at(row=30, col=12, class_="water").geometry["coordinates"]
    (12.0, 30.0)
    """

    class_: int | str
    geometry: Mapping[str, Any] = field(hash=False)
    crs: str | None = None

    def __post_init__(self) -> None:
        """Check the parts, and bring them to plain types."""
        object.__setattr__(self, "class_", _class(self.class_))
        object.__setattr__(self, "geometry", check_geometry(self.geometry))
        if self.crs is not None:
            object.__setattr__(self, "crs", _crs(self.crs))

    @classmethod
    def at(cls, row: float, col: float, class_: int | str) -> Self:
        """A hint for one pixel.

        Parameters
        ----------
        row, col : int
            The pixel, from 0.
        class_ : int or str
            Its class.

        Returns
        -------
        Hint
            In columns and rows, without a CRS.

        Raises
        ------
        InputError
            If a part cannot be used.
        """
        return cls(class_, {"type": "Point", "coordinates": (col, row)})

    def of_class(self, class_: int | str) -> Self:
        """The same place with another class.

        Parameters
        ----------
        class_ : int or str
            Number or name.

        Returns
        -------
        Hint
            A new one.

        Raises
        ------
        InputError
            If it is neither.
        """
        return replace(self, class_=class_)

    def to_dict(self) -> dict[str, Any]:
        """Describe the hint in plain JSON types.

        Returns
        -------
        dict
            With "class", "geometry", and "crs".
        """
        return {"class": self.class_, "geometry": dict(self.geometry), "crs": self.crs}

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """Rebuild a hint from `to_dict`.

        Parameters
        ----------
        settings : mapping
            What `to_dict` returned.

        Returns
        -------
        Hint
            Equal to the one described.

        Raises
        ------
        InputError
            If a part is missing or cannot be used.
        """
        if not isinstance(settings, Mapping) or not {"class", "geometry"} <= set(
            settings
        ):
            raise InputError(
                f"a hint is {settings!r}; give what Hint.to_dict() returned."
            )
        return cls(settings["class"], settings["geometry"], settings.get("crs"))


def _class(given: object) -> int | str:
    if isinstance(given, str) and given.strip():
        return parse_name(given)
    if isinstance(given, float | np.floating) and float(given).is_integer():
        given = int(given)  # a column with a gap holds numbers as floats
    whole = isinstance(given, int | np.integer) and not isinstance(given, bool)
    if not whole or int(given) < 1:  # type: ignore[call-overload]
        raise InputError(
            f"a hint has the class {given!r}; give the number of a class, from 1, or "
            "its name."
        )
    return int(given)  # type: ignore[call-overload,no-any-return]


def _crs(given: object) -> str:
    try:
        return str(CRS.from_user_input(given).to_string())
    except CRSError as error:
        raise InputError(
            f"a hint has the CRS {given!r}, which is unknown; give one such as "
            "'EPSG:32632'."
        ) from error
