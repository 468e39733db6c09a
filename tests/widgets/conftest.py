"""Explorers without a browser, and the scenes that they show."""

import pytest
import xarray as xr
from explorer_tools import CHEAP

import ktextures as kt


@pytest.fixture
def explore(eager):
    """Function that opens explorers, which are closed after the test."""
    opened = []

    def opening(scene, k=3, **options):
        opened.append(kt.explore(scene, k=k, **{**CHEAP, **options}))
        return opened[-1]

    yield opening
    for explorer in opened:
        explorer.close()


@pytest.fixture
def brief_hints(monkeypatch):
    """Short trainings with hints, where it matters little how well they spread."""
    steps = 30
    for module in ("_steering", "_trainer"):
        monkeypatch.setattr(f"ktextures.widgets.{module}.HINTED_STEPS", steps)
    return steps


@pytest.fixture
def shown(explore, small, trained):
    """Explorer of a scene in UTM, opened with a trained model."""
    return explore(small, model=trained)


@pytest.fixture
def plain(small):
    """The same scene without CRS."""
    return xr.DataArray(
        small.values, dims=("band", "y", "x"), coords={"band": small.band.values}
    )
