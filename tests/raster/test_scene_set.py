"""Several scenes opened as one set, and what does not go together."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import ktextures as kt
from ktextures.errors import InputError
from ktextures.raster.scene_set import open_scenes


def scene_of(height=40, width=50, bands=("red", "nir"), crs=None, pixel=10.0):
    values = np.arange(len(bands) * height * width, dtype="float32")
    array = xr.DataArray(
        values.reshape(len(bands), height, width),
        dims=("band", "y", "x"),
        coords={
            "band": list(bands),
            "y": 5e6 - pixel * np.arange(height),
            "x": 5e5 + pixel * np.arange(width),
        },
    )
    return array if crs is None else array.rio.write_crs(crs)


def refused(scenes, match):
    with pytest.raises(InputError, match=match):
        open_scenes(scenes)


def test_scenes_may_differ_in_size_dtype_nodata_and_laziness():
    lazy = scene_of(32, 90).chunk(16)
    whole = scene_of().astype("int16").rio.write_nodata(0)
    scenes = open_scenes((lazy, whole))
    assert scenes.sizes == [(32, 90), (40, 50)]
    assert scenes.first.chunks is not None
    assert scenes.bands == ("red", "nir") == scenes.roles
    assert [scene.dtype for scene in scenes] == ["float32", "int16"]


def test_one_scene_may_come_alone_or_in_a_list():
    alone, listed = open_scenes(scene_of()), open_scenes([scene_of()])
    assert alone.labels == listed.labels == ("The scene",)
    assert len(alone) == len(listed) == 1


def test_files_are_opened(tmp_path):
    path = tmp_path / "north.tif"
    scene_of(crs=32633).rio.to_raster(path)
    scenes = open_scenes([path, str(path)])
    assert scenes.labels == ("Scene 1 ('north.tif')", f"Scene 2 ({str(path)!r})")


@pytest.mark.parametrize("empty", [[], ()])
def test_an_empty_list_is_refused(empty):
    refused(empty, "The list of scenes is empty; give at least one scene")


@pytest.mark.parametrize(
    "scenes",
    [(scene_of() for _ in range(2)), map(kt.open_scene, [scene_of()]), iter([])],
)
def test_what_can_be_read_only_once_is_refused(scenes):
    refused(scenes, r"which can be read only once; .* a list of them: list\(")


@pytest.mark.parametrize("wrong", [np.ones((2, 40, 50)), None, 3, {"a.tif"}])
def test_what_is_no_scene_is_named_by_its_place(wrong):
    refused([scene_of(), wrong], f"Scene 2: cannot open a {type(wrong).__name__} as")


def test_lists_in_the_list_are_for_files():
    refused(
        [scene_of(), [scene_of(), scene_of()]],
        "Scene 2: item 1 of the list is a DataArray; a scene is put together from",
    )


@pytest.mark.parametrize(
    ("bands", "match"),
    [
        (
            ("red",),
            r"Scene 2 has the bands \['red'\], but scene 1 has \['red', 'nir'\]. "
            r"Choose and name them alike with open_scene\(",
        ),
        (
            ("red", "B8A"),
            r"Band 2 of scene 2 is 'B8A' \(no role\), but that of scene 1 is 'nir' "
            r"\(role 'nir'\)",
        ),
        (("nir", "red"), r"Band 1 of scene 2 is 'nir' \(role 'nir'\), but that of"),
    ],
)
def test_other_bands_are_refused(bands, match):
    refused([scene_of(), scene_of(bands=bands)], match)


def test_other_roles_are_refused():
    other = kt.open_scene(scene_of(bands=("a", "b")), roles={"red": "a"})
    refused(
        [scene_of(bands=("a", "b")), other],
        r"Band 1 of scene 2 is 'a' \(role 'red'\), .* 'a' \(no role\)",
    )


def test_a_scene_is_called_by_its_name():
    refused(
        [scene_of(), scene_of()[:1].rename("south")], r"Scene 2 \('south'\) has the"
    )


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("units", "K", "degC"),
        ("units", ("1", "1"), ("%", "%")),
        ("scale_factor", 0.0001, 1.0),
        ("add_offset", 0, -1000),
    ],
)
def test_other_declared_units_are_refused(name, one, other):
    first, second = scene_of(), scene_of()
    first.attrs[name], second.attrs[name] = one, other
    refused([first, scene_of(), second], rf"Scene 3 declares {name} = .*, but scene 1")


def test_units_may_be_spelled_otherwise_or_left_out():
    first, second, third = scene_of(), scene_of(), scene_of()
    first.attrs["units"], second.attrs["units"] = ("dB", "dB"), " db"
    third.attrs["units"] = ("", "")
    assert len(open_scenes([first, second, third])) == 3


def test_pixels_of_other_sizes_are_doubtful():
    scenes = [scene_of(crs=32633, pixel=size) for size in (10.0, 14.0, 30.0)]
    with pytest.warns(
        UserWarning, match=r"of scene 1 measures about 10 m, one of scene 3 30 m; text"
    ) as caught:
        assert open_scenes(scenes).pixel_meters == 14.0
    assert Path(caught[0].filename) == Path(__file__)


def test_similar_or_unknown_pixel_sizes_are_not():
    scenes = [scene_of(crs=32633), scene_of(crs=32634, pixel=14.9), scene_of(pixel=90)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_scenes(scenes).pixel_meters == pytest.approx(12.45)
        assert open_scenes(scenes[2:]).pixel_meters is None


def test_scenes_that_are_too_small_are_named():
    scenes = open_scenes([scene_of(), scene_of(31, 50)])
    with pytest.raises(
        InputError, match="Scene 2 has 31 x 50 pixels; training needs at least 32 x 32"
    ):
        scenes.check_sizes()
