"""Notebooks without an explorer: a map, a plot, errors of the kernel."""

import numpy as np
import pytest

from .pages import is_local, pixels

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# A picture of 2 x 2 pixels on a map without a basemap.
MAP = """
import base64, io
import numpy as np
from ipyleaflet import ImageOverlay, Map
from PIL import Image

def address(color):
    image = Image.fromarray(np.full((2, 2, 3), color, np.uint8))
    image.save(file := io.BytesIO(), "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()

overlay = ImageOverlay(url=address((255, 0, 0)), bounds=((-1, -1), (1, 1)))
Map(layers=(overlay,), center=(0, 0), zoom=8)
"""

TRAIN = """
scene = scenes["sentinel2"][:, :48, :48]
model = kt.train(scene, 3, features=features, steps=3, seed=1, progress=False)
"""

PLOT = """
result = kt.segment(scene, model, outputs=("classes", "simulated"))
kt.plot(scene, result)
"""


def test_overlay_on_a_map_follows_the_kernel(open_notebook):
    notebook = open_notebook("map", MAP)
    assert notebook.run_all() == []
    notebook.page.wait_for_selector("img.leaflet-image-layer")
    (before,) = notebook.sources()
    assert np.all(pixels(before) == [255, 0, 0, 255])

    notebook.execute("overlay.url = address((0, 0, 255))")
    notebook.page.wait_for_function(
        "before => document.querySelector('img.leaflet-image-layer').src !== before",
        arg=before,
    )
    assert np.all(pixels(notebook.sources()[0]) == [0, 0, 255, 255])
    assert notebook.value("overlay.bounds") == [[-1, -1], [1, 1]]
    assert notebook.outside == []
    assert notebook.complaints == []


def test_training_and_plot_in_cells(open_desk):
    open_desk.cell(TRAIN)
    open_desk.cell(PLOT)
    image = open_desk.page.locator(".jp-OutputArea img").first
    image.wait_for()
    assert image.evaluate("image => image.naturalWidth") > 100
    assert open_desk.value("model.k") == 3
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        open_desk.execute("1 / 0")
    with pytest.raises(RuntimeError, match="NameError"):
        open_desk.cell("nowhere")
    open_desk.clear()
    assert open_desk.errors() == []
    assert open_desk.outside == []
    assert open_desk.complaints == []


def test_requests_to_elsewhere_are_refused_and_recorded(tab):
    tab.page.set_content("<p>Nothing here.</p>")
    answer = "fetch('https://example.org/').then(() => 'answered', () => 'refused')"
    assert tab.page.evaluate(answer) == "refused"
    assert tab.outside == ["https://example.org/"]
    tab.page.evaluate("console.error('mind this')")
    assert any("mind this" in complaint for complaint in tab.complaints)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8888/lab", True),
        ("data:image/png;base64,AAAA", True),
        ("https://tile.openstreetmap.org/1/1/1.png", False),
        ("http://127.0.0.1.example.org/", False),
    ],
)
def test_what_counts_as_local(url, local):
    assert is_local(url) == local
