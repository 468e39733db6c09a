"""What the map shows: pixels, layers, and maps of the user."""

import ipyleaflet
import numpy as np
import pytest
import xarray as xr
from explorer_tools import pixels_of
from PIL import ImageColor
from pyproj import Transformer

import ktextures as kt
from ktextures.errors import InputError


@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:4326", "EPSG:3857"])
def test_pixels_of_the_overlay_have_the_color_of_their_class(
    explore, small, trained, crs
):
    scene = small if small.rio.crs == crs else small.rio.reproject(crs)
    explorer = explore(scene, model=trained)
    picture = pixels_of(explorer.overlays["classes"].url)
    classes = kt.segment(explorer.scene, trained).classes.values
    (south, west), (north, east) = explorer.overlays["classes"].bounds
    to_mercator = Transformer.from_crs(4326, 3857, always_xy=True).transform
    left, bottom = to_mercator(west, south)
    right, top = to_mercator(east, north)
    x = explorer.scene.x.values
    y = explorer.scene.y.values
    here = Transformer.from_crs(scene.rio.crs, 3857, always_xy=True).transform
    compared = 0
    for row in range(2, len(y) - 2, 3):
        for col in range(2, len(x) - 2, 3):
            around = classes[row - 1 : row + 2, col - 1 : col + 2]
            if around.min() != around.max() or around.max() == 0:
                continue
            easting, northing = here(x[col], y[row])
            i = int((top - northing) / (top - bottom) * picture.shape[0])
            j = int((easting - left) / (right - left) * picture.shape[1])
            color = explorer.state.table.colors[classes[row, col] - 1]
            assert tuple(picture[i, j]) == (*ImageColor.getrgb(color), 255)
            compared += 1
    assert compared > 50


def test_scene_without_crs_is_shown_in_pixels_without_scale_bar(explore, trained):
    values = np.asarray(kt.datasets.synthetic(64, k=3, bands=4, seed=1).scene.values)
    names = list(trained.config.bands)
    scene = xr.DataArray(values, dims=("band", "y", "x"), coords={"band": names})
    explorer = explore(scene, model=trained)
    overlay = explorer.overlays["classes"]
    assert explorer.map.crs["name"] == "Simple"
    assert list(overlay.bounds) == [(-64.0, 0.0), (0.0, 64.0)]
    kinds = {type(control) for control in explorer.map.controls}
    assert ipyleaflet.ScaleControl not in kinds
    classes = kt.segment(explorer.scene, trained).classes.values
    colors = [ImageColor.getrgb(c) for c in explorer.state.table.colors]
    assert np.array_equal(
        pixels_of(overlay.url)[..., :3], np.array(colors)[classes - 1]
    )
    with pytest.raises(InputError, match="the scene has no CRS"):
        explorer.attach(ipyleaflet.Map(layers=()))
    with pytest.raises(InputError, match="the scene has no CRS"):
        explorer.as_leaflet_layer()


def test_no_basemap_is_fetched(shown):
    assert not [
        each for each in shown.map.layers if isinstance(each, ipyleaflet.TileLayer)
    ]
    kinds = {type(control) for control in shown.map.controls}
    assert {ipyleaflet.ScaleControl, ipyleaflet.LayersControl} <= kinds


def test_nodata_is_transparent(explore, small, trained):
    scene = small.astype("float32").copy()
    scene[:, 20:40, 20:40] = np.nan
    explorer = explore(scene, model=trained)
    for view in ("classes", "simulated", "textures", "confidence"):
        explorer.state.view = view
        picture = pixels_of(explorer.overlays[view].url)
        middle = [round(30 / 64 * side) for side in picture.shape[:2]]
        assert picture[*middle, 3] == 0
        assert picture[..., 3].max() == 255


def test_one_mask_and_hidden_classes(shown):
    state = shown.state
    whole = pixels_of(shown.overlays["classes"].url)
    state.view, state.chosen = "mask", 2
    mask = pixels_of(shown.overlays["mask"].url)
    second = ImageColor.getrgb(state.table.colors[1])
    assert {tuple(p) for p in mask[mask[..., 3] > 0]} == {(*second, 255)}
    state.view, state.hidden = "classes", frozenset({2})
    rest = pixels_of(shown.overlays["classes"].url)
    assert ((rest[..., 3] > 0) == (whole[..., 3] > 0) & (mask[..., 3] == 0)).all()


def test_the_view_alone_lies_on_the_map_and_split_shows_both(shown):
    state, layers = shown.state, shown.overlays
    state.view = "simulated"
    assert shown.map.layers == (layers["image"], layers["simulated"])
    state.opacity = 0.3
    assert layers["simulated"].opacity == pytest.approx(0.3)
    state.split = True
    (divider,) = (
        each
        for each in shown.map.controls
        if isinstance(each, ipyleaflet.SplitMapControl)
    )
    assert divider.left_layer.pane != divider.right_layer.pane
    assert divider.right_layer.url == layers["simulated"].url
    assert divider.left_layer.url == layers["image"].url
    state.split = False
    assert divider not in shown.map.controls


def test_attach_to_a_map_and_leave_it(explore, small, trained):
    explorer = explore(small, model=trained)
    other = ipyleaflet.Map(layers=())
    marker = ipyleaflet.Marker(location=(0, 0))
    other.add(marker)
    before = other.controls
    explorer.attach(other)
    assert explorer.map is other
    assert explorer.overlays["classes"] in other.layers
    bounds = explorer.preview.frame.bounds
    assert bounds[0][0] < other.center[0] < bounds[1][0]
    other.add(explorer)
    assert other.layers[-1].url == explorer.overlays["classes"].url
    explorer.close()
    assert other.layers[0] is marker
    assert explorer.overlays["classes"] not in other.layers
    assert other.controls == before
    other.close()


@pytest.mark.parametrize("target", [None, "map", ipyleaflet.Marker(location=(0, 0))])
def test_only_maps_are_attached_to(shown, target):
    with pytest.raises(InputError, match="attach needs an ipyleaflet map, such as"):
        shown.attach(target)
    assert shown.overlays["classes"] in shown.map.layers


def test_split_view_on_a_map_that_was_attached(explore, small, trained):
    explorer = explore(small, model=trained)
    marker = ipyleaflet.Marker(location=(0, 0))
    other = ipyleaflet.Map(layers=(marker,), panes={"own": {"zIndex": 700}})
    controls = other.controls
    explorer.state.split = True
    explorer.attach(other)
    (divider,) = set(other.controls) & {
        each for each in other.controls if isinstance(each, ipyleaflet.SplitMapControl)
    }
    assert set(other.panes) > {"own", divider.left_layer.pane}
    assert divider.right_layer.url == explorer.overlays["classes"].url
    explorer.state.split = False
    assert divider not in other.controls
    assert other.layers[-1] is explorer.overlays["classes"]
    explorer.state.split = True
    explorer.close()
    assert (other.layers, other.controls) == ((marker,), controls)
    other.close()


def test_maps_of_leafmap_are_attached_to(explore, small, trained, monkeypatch):
    monkeypatch.setenv("USE_MKDOCS", "true")  # no look for newer versions
    reason = "leafmap is not installed: pip install leafmap"
    leafmap = pytest.importorskip("leafmap.leafmap", reason=reason)
    explorer = explore(small, model=trained)
    other = leafmap.Map()
    explorer.attach(other)
    assert explorer.overlays["classes"] in other.layers
    before = len(other.layers)
    other.add(explorer.result)
    assert len(other.layers) == before + 1
    explorer.close()
    assert explorer.overlays["classes"] not in other.layers


def test_results_are_layers_of_a_map(explore, small, trained):
    explorer = explore(small, model=trained)
    for result in (explorer.result, kt.segment(small, trained)):
        other = ipyleaflet.Map(layers=())
        other.add(result)
        layer = other.layers[0]
        np.testing.assert_array_equal(layer.bounds, explorer.preview.frame.bounds)
        assert np.array_equal(
            pixels_of(layer.url), pixels_of(explorer.overlays["classes"].url)
        )
        other.close()


def test_results_without_crs_or_classes_are_no_layers(plain, trained):
    result = kt.segment(plain, trained)
    with pytest.raises(InputError, match="the result has no CRS, so"):
        result.as_leaflet_layer()
    with pytest.raises(InputError, match=r"'textures'\], but no 'classes'"):
        result[["textures"]].as_leaflet_layer()
