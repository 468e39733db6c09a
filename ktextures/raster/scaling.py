"""Bands scaled from the scene's own units to 0..1 and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ktextures.errors import InputError
from ktextures.raster.band_ranges import (
    band_labels,
    check_ranges,
    outside_shares,
    refuse_constant,
    refuse_huge,
    valid_columns,
)

__all__ = ["BandScaler", "Preparation"]

# The authors' fixed scaling of Planet NICFI quads: reflectance is cut at 2540 and
# divided by 10 to give bytes up to 254; near infrared is first divided by 3.937.
_NICFI_CUT = 2540.0
_NICFI_NIR_DIVISOR = 3.937
_NICFI_TOP = 254.0 / 255.0


@dataclass(frozen=True)
class BandScaler:
    """Linear scaling of each band from ``low..high`` to ``0..top``.

    Values outside ``low..high`` are clipped. A scaler never changes, so the scaled
    value of a pixel does not depend on the tile, crop or chunk.

    Parameters
    ----------
    low, high : sequence of float
        Ends of the range of each band, in the scene's own units; ``high > low``.
    top : float, default 1.0
        The scaled value that ``high`` maps to, in (0, 1].
    method : str, default "fixed"
        How the range was found, for information only.
    clipped : sequence of float, optional
        Share (0..1) of the pixels it was fitted on that are outside ``low..high``, per
        band; None if it was not fitted on pixels.

    Raises
    ------
    InputError
        If the ranges are empty, of different lengths, not increasing, or not within
        the range of float32.

    Examples
    --------
    >>> import numpy as np
    >>> scaler = BandScaler.fixed([0, 100], [1000, 200])
    >>> scaler.scale(np.array([[500, 100], [2000, 150]], dtype="int16"))
    array([[0.5, 0. ],
           [1. , 0.5]], dtype=float32)
    >>> scaler.inverse(np.array([0.5, 0.5]))
    array([500., 150.], dtype=float32)
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    top: float = 1.0
    method: str = "fixed"
    clipped: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        """Convert to tuples of float and check them."""
        try:
            for field in ("low", "high"):
                values = tuple(float(value) for value in getattr(self, field))
                object.__setattr__(self, field, values)
            if self.clipped is not None:
                shares = tuple(float(share) for share in self.clipped)
                object.__setattr__(self, "clipped", shares)
            object.__setattr__(self, "top", float(self.top))
        except (TypeError, ValueError) as error:
            raise InputError(
                "the ranges of a BandScaler must be one number per band, got "
                f"low={self.low!r}, high={self.high!r}, top={self.top!r}, "
                f"clipped={self.clipped!r}"
            ) from error
        check_ranges(self.low, self.high)
        if self.clipped is not None and len(self.clipped) != self.num_bands:
            raise InputError(
                f"clipped needs one share per band, got {len(self.clipped)} for "
                f"{self.num_bands} band(s)"
            )
        if not 0 < self.top <= 1:
            raise InputError(f"top must be above 0 and at most 1, got {self.top!r}")

    @property
    def num_bands(self) -> int:
        """Number of bands."""
        return len(self.low)

    @classmethod
    def fit(
        cls,
        values: npt.ArrayLike,
        percentiles: tuple[float, float] = (0.5, 99.5),
        band_names: Sequence[str] | None = None,
    ) -> "BandScaler":
        """Find the range of each band from percentiles of the valid pixels.

        Parameters
        ----------
        values : array_like, shape (n, band) or (..., band)
            Pixels in the scene's own units, without nodata. A pixel with NaN or an
            infinite value in any band is left out.
        percentiles : (float, float), default (0.5, 99.5)
            Lower and upper percentile, 0..100. If both have the same value although the
            band varies, its minimum and maximum are used instead.
        band_names : sequence of str, optional
            Names used in error messages.

        Returns
        -------
        BandScaler
            With ``clipped`` set to the share of the given pixels outside the range.

        Raises
        ------
        InputError
            If there is no valid pixel, a band is constant or exceeds the range of
            float32, or the percentiles do not increase within 0..100.

        Examples
        --------
        >>> BandScaler.fit([[0, 5], [10, 6], [20, 7]], percentiles=(0, 100)).high
        (20.0, 7.0)
        """
        lower, upper = percentiles
        if not 0 <= lower < upper <= 100:
            raise InputError(
                f"percentiles={tuple(percentiles)!r} must increase within 0..100; "
                "the default is (0.5, 99.5)"
            )
        pixels = valid_columns(values)
        names = band_labels(band_names, len(pixels))
        minimum, maximum = pixels.min(axis=1), pixels.max(axis=1)
        refuse_constant(minimum, maximum, names, pixels.shape[1])
        # Interpolation between huge values may overflow, which is refused next.
        with np.errstate(over="ignore", invalid="ignore"):
            low, high = np.percentile(pixels, (lower, upper), axis=1)
        refuse_huge(low, high, names)
        # Subnormal differences may round to equal percentiles, never to equal extremes.
        flat = ~(high > low)
        low, high = np.where(flat, minimum, low), np.where(flat, maximum, high)
        return cls(
            low=tuple(low.tolist()),
            high=tuple(high.tolist()),
            method=f"percentiles {lower:g}-{upper:g}",
            clipped=outside_shares(pixels, low, high),
        )

    @classmethod
    def fixed(cls, low: Sequence[float], high: Sequence[float]) -> "BandScaler":
        """Make a scaler of given ranges.

        Parameters
        ----------
        low, high : sequence of float
            Ends of the range of each band, in the scene's own units; ``high > low``.

        Returns
        -------
        BandScaler
            That maps ``low..high`` to 0..1.

        Raises
        ------
        InputError
            If the ranges are empty, of different lengths, or not increasing.

        Examples
        --------
        >>> BandScaler.fixed([0], [255]).num_bands
        1
        """
        return cls(low=tuple(low), high=tuple(high), method="fixed")

    @classmethod
    def planet_nicfi(cls, bands: int = 4) -> "BandScaler":
        """Make the scaler that was published for Planet NICFI quads.

        Red, green and blue are ``min(DN, 2540) / 10 / 255`` and near infrared is
        ``min(DN / 3.937, 2540) / 10 / 255``, so the brightest pixel maps to 254/255.
        The published scripts also round to whole bytes, which is omitted here because
        rounding cannot be undone.

        Parameters
        ----------
        bands : {4, 3}
            Four bands in the order red, green, blue, near infrared, or the first
            three of them.

        Returns
        -------
        BandScaler
            That maps the brightest values to 254/255.

        Raises
        ------
        InputError
            If ``bands`` is neither 3 nor 4.

        Examples
        --------
        >>> BandScaler.planet_nicfi().scale([[2540, 1270, 0, 20000]]).round(3)
        array([[0.996, 0.498, 0.   , 0.996]], dtype=float32)
        """
        if bands not in (3, 4):
            raise InputError(
                f"bands={bands!r}: the Planet NICFI scaling is for 4 bands (red, "
                "green, blue, near infrared) or the first 3; for other scenes, use "
                "BandScaler.fit or BandScaler.fixed"
            )
        high = (_NICFI_CUT,) * 3 + (_NICFI_CUT * _NICFI_NIR_DIVISOR,)
        return cls((0.0,) * bands, high[:bands], _NICFI_TOP, "planet_nicfi")

    def scale(self, values: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Scale values to 0..top and clip them.

        Parameters
        ----------
        values : array_like, shape (..., band)
            In the scene's own units, any integer or float dtype.

        Returns
        -------
        ndarray of float32, shape (..., band)
            In 0..top; NaN stays NaN.

        Raises
        ------
        InputError
            If the last axis does not hold this scaler's number of bands.

        Examples
        --------
        >>> BandScaler.fixed([0], [10]).scale([[5], [20]]).tolist()
        [[0.5], [1.0]]
        """
        array = self._checked(values)
        scaled = np.empty(array.shape, dtype=np.float32)
        # Band by band, the float64 temporaries have the size of one band. Clipped first
        # and in float64, because the subtraction would overflow otherwise.
        for band, (low, high) in enumerate(zip(self.low, self.high, strict=True)):
            inside = np.clip(array[..., band].astype(np.float64), low, high)
            scaled[..., band] = (inside - low) / (high - low) * self.top
        return scaled

    def inverse(self, values: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Convert scaled values to the scene's own units.

        Parameters
        ----------
        values : array_like, shape (..., band)
            Scaled values, 0..top.

        Returns
        -------
        ndarray of float32, shape (..., band)
            ``low`` for 0 and ``high`` for ``top``; clipped values stay clipped.

        Raises
        ------
        InputError
            If the last axis does not hold this scaler's number of bands.

        Examples
        --------
        >>> BandScaler.fixed([0], [10]).inverse([[0.5], [1.0]]).tolist()
        [[5.0], [10.0]]
        """
        array = self._checked(values)
        units = np.empty(array.shape, dtype=np.float32)
        for band, (low, high) in enumerate(zip(self.low, self.high, strict=True)):
            unit = array[..., band].astype(np.float64) / self.top
            units[..., band] = low + unit * (high - low)
        return units

    def clipped_share(self, values: npt.ArrayLike) -> tuple[float, ...]:
        """Compute the share of pixels outside ``low..high`` for each band.

        Parameters
        ----------
        values : array_like, shape (..., band)
            In the scene's own units; pixels that are not finite in every band are
            left out.

        Returns
        -------
        tuple of float
            Shares in 0..1, one per band.

        Raises
        ------
        InputError
            If there is no valid pixel or the number of bands differs.

        Examples
        --------
        >>> BandScaler.fixed([0], [10]).clipped_share([[-1], [0], [10], [11]])
        (0.5,)
        """
        pixels = valid_columns(self._checked(values))
        return outside_shares(pixels, np.array(self.low), np.array(self.high))

    def to_dict(self) -> dict[str, Any]:
        """Describe the scaler in plain JSON types.

        Returns
        -------
        dict
            All fields; `from_dict` rebuilds an equal scaler.

        Examples
        --------
        >>> scaler = BandScaler.fixed([0.1], [0.3])
        >>> BandScaler.from_dict(scaler.to_dict()) == scaler
        True
        """
        return {
            "low": list(self.low),
            "high": list(self.high),
            "top": self.top,
            "method": self.method,
            "clipped": None if self.clipped is None else list(self.clipped),
        }

    @classmethod
    def from_dict(cls, config: Mapping[str, Any]) -> "BandScaler":
        """Rebuild a scaler from `to_dict`.

        Parameters
        ----------
        config : mapping
            What `to_dict` returned.

        Returns
        -------
        BandScaler
            Equal to the one described.

        Raises
        ------
        InputError
            If keys are missing or unknown, or the ranges are not usable.

        Examples
        --------
        >>> config = BandScaler.fixed([0], [10]).to_dict()
        >>> BandScaler.from_dict(config).high
        (10.0,)
        """
        expected = {"low", "high", "top", "method", "clipped"}
        if not isinstance(config, Mapping) or set(config) != expected:
            found = sorted(config) if isinstance(config, Mapping) else repr(config)
            raise InputError(
                f"a BandScaler needs the keys {sorted(expected)}, got {found}; pass "
                "what BandScaler.to_dict() returned"
            )
        return cls(**config)

    def _checked(self, values: npt.ArrayLike) -> npt.NDArray[Any]:
        array = np.asarray(values)
        if array.ndim == 0 or array.shape[-1] != self.num_bands:
            raise InputError(
                f"this scaler has {self.num_bands} band(s) and takes arrays of shape "
                f"(..., {self.num_bands}), got shape {array.shape}; select the bands "
                "that it was made for"
            )
        return array


@dataclass(frozen=True)
class Preparation:
    """Conversion of a scene's values to the input of a network.

    Parameters
    ----------
    scaler : BandScaler
        Scales bands to 0..1.
    fill : tuple of float
        Scaled value of each band that replaces invalid pixels.
    """

    scaler: BandScaler
    fill: tuple[float, ...]

    def __call__(self, values: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Scale values (..., band) and fill those not valid (...), as float32."""
        scaled = self.scaler.scale(np.where(valid[..., None], values, 0))
        return np.where(valid[..., None], scaled, np.array(self.fill, "float32"))
