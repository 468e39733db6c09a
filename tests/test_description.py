"""Profiles of the classes that a model finds, and their figure."""

import numpy as np
import pytest
import xarray as xr

import ktextures as kt
from ktextures import description


@pytest.fixture(scope="module")
def scene():
    return kt.datasets.synthetic(96, k=3, seed=2).scene


@pytest.fixture(scope="module")
def model(scene):
    made = kt.train(scene, k=3, steps=3, seed=1, progress=False)
    return made.with_classes(made.classes.rename(2, "meadow"))


@pytest.fixture(scope="module")
def profiles(scene, model):
    return kt.describe(scene, model, patch=24)


@pytest.fixture(scope="module")
def result(scene, model):
    return kt.segment(scene, model)


def test_numbers_are_those_of_the_class_map(scene, profiles, result):
    areas = kt.class_areas(result.classes)
    for column in ("pixels", "share", "area_ha"):
        np.testing.assert_allclose(profiles[column], areas[column])
    assert profiles.name.values.tolist() == ["class 1", "meadow", "class 3"]
    pixels = scene.values[:, result.classes.values == 2]
    np.testing.assert_allclose(
        profiles["mean"].sel({"class": 2}), pixels.mean(1), rtol=1e-5
    )


def test_textures_are_those_of_the_model(profiles, result):
    np.testing.assert_array_equal(profiles.texture, result.textures)


def test_patches_are_cut_from_the_scene(scene, profiles, result):
    for value in profiles["class"].values:
        one = profiles.sel({"class": value})
        row, col = int(one.patch_row), int(one.patch_col)
        place = {"y": slice(row, row + 24), "x": slice(col, col + 24)}
        np.testing.assert_array_equal(one.patch, scene.isel(place))
        inside = result.classes.isel(place) == value
        np.testing.assert_array_equal(one.patch_inside, inside)
        assert one.patch_share == pytest.approx(float(inside.mean()))


def test_large_scenes_are_sampled(monkeypatch, scene, model, profiles):
    monkeypatch.setattr(description, "MOST_PIXELS", 5000)
    lazy = scene.chunk({"y": 40, "x": 40})
    some = kt.describe(lazy, model, patch=8)
    assert some.attrs["share_looked_at"] < 0.6
    assert some.pixels.sum() <= 5000
    # Classes are spread over the scene, so that estimates are close.
    np.testing.assert_allclose(some.area_ha.sum(), profiles.area_ha.sum())
    np.testing.assert_allclose(some["mean"], profiles["mean"], rtol=0.1)


def test_windows_have_the_classes_of_the_whole_scene(monkeypatch, scene, model, result):
    monkeypatch.setattr(description, "MOST_PIXELS", 2000)
    some = kt.describe(scene, model, patch=8)
    for value in some["class"].values:
        one = some.sel({"class": value})
        row, col = int(one.patch_row), int(one.patch_col)
        there = result.classes[row : row + 8, col : col + 8]
        np.testing.assert_array_equal(one.patch_inside, there == value)


@pytest.mark.parametrize("patch", [7, 16.0, True])
def test_other_patches_are_refused(scene, model, patch):
    with pytest.raises(kt.InputError, match="whole number of 8 pixels or more"):
        kt.describe(scene, model, patch=patch)


def test_scenes_without_data_are_refused(scene, model):
    with pytest.raises(kt.InputError, match="valid pixel"):
        kt.describe(scene.where(False), model)


def test_units_are_judged_by_the_whole_scene(monkeypatch, scene, model, recwarn):
    monkeypatch.setattr(description, "MOST_PIXELS", 2000)
    snow = scene.copy(data=scene.values * 1000)
    kt.describe(snow, model, patch=8)
    assert not [
        each for each in recwarn if "are outside the range" in str(each.message)
    ]
    monkeypatch.undo()
    with pytest.warns(UserWarning, match="are outside the range"):
        kt.describe(snow, model, patch=8)


def test_other_bands_are_refused(scene, model):
    with pytest.raises(kt.InputError, match="band"):
        kt.describe(scene.isel(band=[0, 1]), model)


def test_the_figure_shows_each_class(profiles):
    figure = kt.plot_classes(profiles)
    pictures = [axes for axes in figure.axes if axes.images]
    assert len(pictures) == 2 * 3
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert "2  meadow" in texts
    nearest = int(profiles.nearest[0])
    assert f"{nearest}  {profiles.name.values[nearest - 1]}" in texts
    assert figure._repr_png_()


def test_pixels_of_other_classes_are_faded(profiles):
    profiles = profiles.assign(patch=profiles.texture.min() + 0 * profiles.patch)
    index = int(profiles.patch_share.values.argmin())
    figure = kt.plot_classes(profiles)
    pictures = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    inside = profiles.patch_inside.values[index]
    red = pictures[2 * index + 1][..., 0].astype(int)
    assert not inside.all()
    assert red[~inside].min() > red[inside].max()


def test_a_file_gives_the_same_figure(tmp_path, profiles):
    profiles.to_netcdf(tmp_path / "profiles.nc")
    with xr.open_dataset(tmp_path / "profiles.nc") as again:
        assert kt.plot_classes(again)._repr_png_() == (
            kt.plot_classes(profiles)._repr_png_()
        )


def test_bands_of_the_figure_can_be_chosen(profiles):
    names = profiles.band.values.tolist()
    by_name = kt.plot_classes(profiles, bands=[names[-1]])._repr_png_()
    assert by_name == kt.plot_classes(profiles, bands=[len(names)])._repr_png_()
    assert by_name != kt.plot_classes(profiles)._repr_png_()
    with pytest.raises(kt.InputError, match=r"no band 'swir'; choose from"):
        kt.plot_classes(profiles, bands=["swir"])
    for columns in (0, -1, 1.5, True):
        with pytest.raises(kt.InputError, match=r"columns is .* of 1 or more"):
            kt.plot_classes(profiles, columns=columns)
    with pytest.raises(kt.InputError, match="one or three"):
        kt.plot_classes(profiles, bands=names[:2])


def test_only_profiles_are_drawn(result):
    with pytest.raises(kt.InputError, match=r"what ktextures\.describe returned"):
        kt.plot_classes(result)
