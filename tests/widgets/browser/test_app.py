"""The explorer as an app: Voila shows the notebook without its cells."""

from pathlib import Path

import pytest

from .explorers import colors
from .pages import pixels
from .servers import voila

pytestmark = [pytest.mark.browser, pytest.mark.slow]

APP = Path(__file__).parents[3] / "notebooks" / "explorer_app.ipynb"

WATCH = "window.watched = tests.overlays().map(image => tests.watch(image))"
SOURCES = "watched.flatMap(seen => seen.map(image => image.src))"


def test_app_trains(tab, tmp_path):
    with voila(APP, tmp_path / "voila") as url:
        tab.page.goto(url, wait_until="domcontentloaded")
        tab.button("Train").wait_for()
        assert tab.page.locator(".jp-InputArea-editor").count() == 0
        tab.button("Train").click()
        tab.page.wait_for_function("tests.overlays().some(i => i.naturalWidth)")
        tab.page.evaluate(WATCH)
        tab.page.wait_for_function("watched.some(seen => seen.length > 3)")
        # The first image shows classes by color alone; later ones come from the model.
        counts = [len(colors(pixels(url))) for url in tab.page.evaluate(SOURCES)]
        assert 6 in counts
        tab.button("Stop").click()
        tab.button("Train").wait_for()
    assert tab.outside == []
    assert tab.complaints == []
