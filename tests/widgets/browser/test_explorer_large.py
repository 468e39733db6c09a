"""A scene of 10,000 x 10,000 pixels in a browser: zoomed in, it is shown in detail."""

import numpy as np
import pytest

from .explorers import colors
from .pages import pixels

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LARGE = """
import dask.array as da
import numpy as np
import xarray as xr

class Repeated:
    '''The Sentinel-2 scene again and again; only what is asked for is in memory.'''

    def __init__(self, values, size):
        self.values, self.dtype, self.ndim = values, values.dtype, 3
        self.shape = (len(values), size, size)

    def __getitem__(self, index):
        bands, rows, cols = (
            np.arange(n)[part] for n, part in zip(self.shape, index, strict=True)
        )
        _, height, width = self.values.shape
        return self.values[np.ix_(bands, rows % height, cols % width)]

sentinel2 = kt.datasets.sentinel2()
model = kt.train(sentinel2[:, :96, :96], 3, features=features, steps=8, seed=1,
                 progress=False)
data = da.from_array(Repeated(sentinel2.values, 10_000), chunks=(-1, 1000, 1000))
named = {"band": sentinel2.band.values, "role": ("band", sentinel2.role.values)}
large = kt.open_scene(
    xr.DataArray(data, dims=("band", "y", "x"), coords={"band": named["band"]}),
    roles={r: b for b, r in zip(sentinel2.band.values, sentinel2.role.values) if r},
)
moves = []
"""

WATCH = """
import time
from ktextures.widgets import _viewport

moves, shown = [], []
ex.map.observe(lambda _: moves.append(time.time()), "bounds")
ex.state.observe(
    lambda change: shown.append((time.time(), change["new"])), "viewport"
)
"""

CHECK = """
view = ex.state.viewport
rows, cols = view.view.window.slices
reach = model.reach
top, left = max(rows.start - 300, 0), max(cols.start - 300, 0)
# A part of the scene that is far larger than what a class depends on.
around = large.isel(y=slice(top, rows.stop + 300), x=slice(left, cols.stop + 300))
found = kt.segment(around.compute(), ex.model).classes.values
down, across = rows.start - top, cols.start - left
height, width = view.classes.shape
same = np.array_equal(found[down:down + height, across:across + width], view.classes)
"""


def detail(desk, name):
    """The picture of a detail layer in the browser, once it is there."""
    url = desk.value(f"ex._overlays.detail.layers[{name!r}].url")
    desk.page.wait_for_function(
        "url => [...document.images].some("
        "i => i.src === url && i.complete && i.naturalWidth > 0)",
        arg=url,
    )
    return pixels(url)


def test_zoomed_in_the_classes_of_each_pixel_are_shown(desk):
    desk.execute(LARGE)
    desk.show("large", more=", model=model")
    desk.wait_until("ex.map.bounds")
    assert desk.value("ex.state.viewport is None")
    assert desk.value("ex.preview.step") == 10
    desk.execute(WATCH)
    # The wheel zooms in around the pointer.
    middle = desk.page.locator(".leaflet-container").bounding_box()
    desk.page.mouse.move(
        middle["x"] + middle["width"] / 3, middle["y"] + middle["height"] / 3
    )
    # A turn of the wheel while the map still moves may be lost.
    for _ in range(60):
        desk.page.mouse.wheel(0, -240)
        desk.page.wait_for_timeout(300)
        if desk.value("ex.map.zoom >= 0"):
            break
    assert desk.value("ex.map.zoom >= 0")
    desk.wait_until("shown and shown[-1][1].classes is not None")
    # By the kernel's clock: from the last move of the map to each picture.
    image = desk.value("[t for t, v in shown if v is not None][0] - moves[-1]")
    classes = desk.value("shown[-1][0] - moves[-1]")
    print(f"image after {image:.2f} s, classes after {classes:.2f} s")
    # Goal: 2 s. Other work on the machine may take most of its time.
    assert image < 5
    assert classes < 25

    first = detail(desk, "classes")
    assert 1 <= len(colors(first)) <= 3
    box = desk.page.locator(".leaflet-container").bounding_box()
    assert first.shape[0] <= box["height"] + 2
    assert first.shape[1] <= box["width"] + 2
    assert detail(desk, "image").shape == first.shape
    desk.execute(CHECK)
    assert desk.value("bool(same)")

    # Moved on, another picture follows.
    before = desk.value("len(shown)")
    desk.page.mouse.down()
    desk.page.mouse.move(box["x"] + 40, box["y"] + 60, steps=4)
    desk.page.mouse.up()
    desk.wait_until(f"len(shown) > {before} and shown[-1][1].classes is not None")
    assert not np.array_equal(detail(desk, "classes"), first)
    desk.execute(CHECK)
    assert desk.value("bool(same)")

    # Zoomed out, the preview alone is left.
    desk.execute("ex.map.zoom = ex.map.zoom - 4")
    desk.wait_until("ex.state.viewport is None")
    assert desk.value(
        "not set(ex._overlays.detail.layers.values()) & set(ex.map.layers)"
    )
