"""Converters of arguments, which explain what is wanted."""

import argparse
import re
from collections.abc import Callable

__all__ = [
    "bands",
    "fractions",
    "names",
    "positive",
    "roles",
    "texture_scale",
    "time",
    "whole_number",
]

MAX_TEXTURE_SCALE = 16
"""Repeated here because the module that defines it loads TensorFlow."""


def whole_number(lowest: int, highest: int | None = None) -> Callable[[str], int]:
    """Make the converter of a whole number in a range."""
    wanted = f"a whole number from {lowest} to {highest}"
    if highest is None:
        wanted = f"a whole number of at least {lowest}"

    def convert(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = lowest - 1
        if number < lowest or (highest is not None and number > highest):
            raise argparse.ArgumentTypeError(f"must be {wanted}, got {text!r}")
        return number

    return convert


def texture_scale(text: str) -> float | str:
    """Convert a texture scale in pixels, or "auto"."""
    if text == "auto":
        return text
    try:
        scale = float(text)
    except ValueError:
        scale = -1.0
    if not 0 <= scale <= MAX_TEXTURE_SCALE:
        raise argparse.ArgumentTypeError(
            f"must be a number of pixels from 0 to {MAX_TEXTURE_SCALE}, or 'auto', "
            f"got {text!r}"
        )
    return scale


def bands(text: str) -> list[str | int]:
    """Convert names and numbers of bands, separated by commas."""
    found = [_band(name) for name in text.split(",")]
    if "" in found:
        raise argparse.ArgumentTypeError(
            f"expected names or numbers separated by commas, got {text!r}"
        )
    return found


def roles(text: str) -> dict[str, str | int]:
    """Convert roles of bands, such as "red=3,green=2"."""
    found: dict[str, str | int] = {}
    for entry in text.split(","):
        role, equals, band = (part.strip() for part in entry.partition("="))
        if not (role and equals and band):
            raise argparse.ArgumentTypeError(
                f"expected ROLE=BAND, such as red=3, got {entry!r}"
            )
        if role in found:
            raise argparse.ArgumentTypeError(f"{role} is given twice in {text!r}")
        found[role] = _band(band)
    return found


def _band(text: str) -> str | int:
    text = text.strip()
    # str.isdigit also accepts characters such as a superscript, which int refuses.
    return int(text) if text.isdecimal() else text


def names(text: str) -> list[str]:
    """Convert names separated by commas."""
    found = [name.strip() for name in text.split(",")]
    if "" in found:
        raise argparse.ArgumentTypeError(
            f"expected names separated by commas, got {text!r}"
        )
    return found


def time(text: str) -> str | int:
    """Convert a date, or its number."""
    # A year has four digits.
    return int(text) if re.fullmatch(r"\d{1,3}", text) else text


def positive(text: str) -> float:
    """Convert a number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number above 0, got {text!r}")
    return number


def fractions(text: str) -> tuple[float, ...]:
    """Convert shares separated by commas."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected numbers separated by commas, got {text!r}"
        ) from None
