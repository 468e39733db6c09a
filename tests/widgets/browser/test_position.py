"""Overlays lie exactly where the scene lies, measured in pixels of the screen."""

import numpy as np
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Magenta squares on gray noise, and their centers. The extents are so large that an
# image merely stretched over its bounds would be several pixels off.
SCENE = """
import numpy as np
import rioxarray
import xarray as xr
from affine import Affine
from ipyleaflet import CircleMarker
from pyproj import Transformer

SPOTS = [(15, 15), (15, 144), (60, 80), (104, 15), (104, 144)]
PLACES = {
    "EPSG:32633": Affine(100, 0, 700_000, 0, -100, 6_700_000),
    "EPSG:4326": Affine(0.05, 0, 18, 0, -0.05, 63),
    "EPSG:3857": Affine(100, 0, 2_000_000, 0, -100, 8_500_000),
}

def marked(crs):
    values = np.random.default_rng(0).uniform(0.4, 0.6, (3, 120, 160))
    for row, column in SPOTS:
        values[:, row - 4 : row + 5, column - 4 : column + 5] = [[[1]], [[0]], [[1]]]
    bands = ["red", "green", "blue"]
    array = xr.DataArray(values, dims=("band", "y", "x"), coords={"band": bands})
    array = array.rio.write_crs(crs).rio.write_transform(PLACES[crs])
    return kt.open_scene(array)

def mark(explorer, crs):
    project = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform
    for row, column in SPOTS:
        lon, lat = project(*(PLACES[crs] * (column + 0.5, row + 0.5)))
        explorer.map.add(CircleMarker(location=(lat, lon), radius=4))
"""

MARKERS = "[...document.querySelectorAll('path.leaflet-interactive')]"
CENTERS = (
    MARKERS
    + """.map(path => {
  const box = path.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
})"""
)


def magenta(image):
    """Mask of the magenta pixels of an RGB image."""
    red, green, blue = np.moveaxis(image.astype(int), -1, 0)
    return (red - green > 120) & (blue - green > 120)


def offsets(image, centers, reach):
    """Offset (right, down) from each center to that of the magenta square near it."""
    rows, columns = np.nonzero(magenta(image))
    found = []
    for x, y in centers:
        near = (abs(columns + 0.5 - x) < reach) & (abs(rows + 0.5 - y) < reach)
        middle = columns[near].mean() + 0.5, rows[near].mean() + 0.5
        found.append((middle[0] - x, middle[1] - y))
    return np.array(found)


@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:4326", "EPSG:3857"])
def test_overlay_lies_where_the_scene_lies(desk, crs):
    desk.execute(SCENE)
    desk.show(f"marked({crs!r})")
    # As large as possible, since Leaflet rounds to whole pixels of the screen.
    desk.execute(f"ex.map.layout.height = '1000px'; mark(ex, {crs!r})")
    desk.execute("ex.map.zoom += 1")
    page = desk.page
    page.wait_for_function(MARKERS + ".length === 5")
    page.locator(".leaflet-container").scroll_into_view_if_needed()
    page.wait_for_timeout(800)  # zooming and fading
    centers = page.evaluate(CENTERS)
    hide = "svg => { svg.style.visibility = 'hidden'; }"
    page.locator(".leaflet-overlay-pane svg").first.evaluate(hide)
    # The leftmost and the rightmost spot are 129 pixels of the scene apart.
    across = np.ptp([x for x, _ in centers]) / 129
    off = offsets(desk.shot(), centers, reach=9 * across)
    assert across > 1
    assert np.abs(off).max() < max(1, across)
