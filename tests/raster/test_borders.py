"""Warnings of borders without data that a scene does not declare."""

import warnings

import numpy as np
import pytest
import xarray as xr

import ktextures as kt
from ktextures.raster.borders import warn_of_borders
from ktextures.raster.scene_samples import read_samples
from ktextures.raster.scene_set import open_scenes


def bordered(value, width=4, bands=3, dtype="uint8", everywhere=True):
    values = np.random.default_rng(0).integers(20, 200, (bands, 40, 40)).astype(dtype)
    values[: bands if everywhere else 1, :, :width] = value
    return xr.DataArray(values, dims=("band", "y", "x"))


def check(*scenes):
    opened = open_scenes(list(scenes))
    warn_of_borders(opened, read_samples(opened))


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(0, "uint8"), (255, "uint8"), (65535, "uint16"), (-9999, "float32")],
)
def test_a_border_is_named_with_its_share_and_the_remedy(value, dtype):
    with pytest.warns(
        UserWarning,
        match=rf"10% of the pixels of the scene are {value} in every band, also in a "
        rf"corner\..*write_nodata\({value}\).*scene != {value}\)\.any",
    ):
        check(bordered(value, dtype=dtype))


def test_of_several_scenes_the_one_with_the_border_is_named():
    with pytest.warns(UserWarning, match="10% of the pixels of scene 2 "):
        check(bordered(50), bordered(0))


@pytest.mark.parametrize(
    "scene",
    [
        bordered(0).rio.write_nodata(0),
        bordered(50),  # no value that borders have
        bordered(0, everywhere=False),  # dark in one band only
        bordered(0, width=0),
        bordered(0).roll(x=10),  # a dark lake
    ],
    ids=["declared", "other", "one band", "none", "inside"],
)
def test_nothing_else_is_doubted(scene):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(scene)


def test_remedies_of_the_warning_make_the_border_nodata(eager):
    scene = bordered(0)
    for clean in (scene.rio.write_nodata(0), scene.where((scene != 0).any("band"))):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = kt.train(clean, 2, steps=1, seed=1, progress=False)
        classes = kt.segment(clean, model).classes
        assert (classes[:, :4] == 0).all()
        assert (classes[:, 4:] > 0).all()


def test_training_warns(eager):
    with pytest.warns(UserWarning, match="it becomes a class; declare it"):
        kt.train(bordered(0), 2, steps=1, seed=1, progress=False)
