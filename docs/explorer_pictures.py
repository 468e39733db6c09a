"""Draw docs/images/explorer.png and explorer.gif: the explorer while it trains.

    python docs/explorer_pictures.py [--folder docs/images]

Screenshots of JupyterLab in Chromium with the bundled Sentinel-2 scene, taken with the
tools of the browser tests. The animation has one picture per second of training; k goes
from 4 to 6 meanwhile.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "widgets"))

from browser.conftest import write_notebook  # noqa: E402 - needs the path above
from browser.explorers import Desk  # noqa: E402
from browser.pages import chromium, find_chromium  # noqa: E402
from browser.servers import lab  # noqa: E402

SETUP = "import ktextures as kt\n\nscene = kt.datasets.sentinel2()"
SHOW = "ex = kt.explore(scene, k=4, seed=1)\nex"
SECONDS = 16
MOVES = (5, 8)  # seconds at which k goes up by one
WIDTH = 720


def pictures(desk):
    """Pictures of the explorer's cell, one per second from the first step on."""
    output = desk.page.locator(".jp-OutputArea-output").last
    desk.press("Train")
    desk.wait_until("ex.state.step > 0", seconds=180)
    for second in range(SECONDS):
        desk.page.wait_for_timeout(1000)
        if second in MOVES:
            desk.press_key("k", "ArrowRight")
        box = output.bounding_box()
        image = Image.fromarray(desk.shot())
        left, top = int(box["x"]), max(0, int(box["y"]))
        right, bottom = left + int(box["width"]), int(box["y"] + box["height"])
        yield image.crop((left, top, right, min(bottom, image.height)))


def write(taken, folder):
    """Write the last picture in full size, and all of them as a small animation."""
    taken[-1].save(folder / "explorer.png", optimize=True)
    height = round(WIDTH * taken[0].height / taken[0].width)
    small = [picture.resize((WIDTH, height)).quantize(64) for picture in taken]
    small[0].save(
        folder / "explorer.gif",
        save_all=True,
        append_images=small[1:],
        duration=[800] * (len(small) - 1) + [2500],
        loop=0,
        optimize=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "images")
    folder = parser.parse_args().folder
    with (
        tempfile.TemporaryDirectory() as home,
        lab(home, Path(home) / "lab") as url,
        chromium(find_chromium()) as browser,
    ):
        write_notebook(Path(home) / "explorer.ipynb", SETUP)
        desk = Desk(browser, size=(1300, 1100))
        desk.open(url, "explorer.ipynb")
        desk.run_all()
        desk.cell(SHOW)
        desk.button("Train").wait_for()
        desk.page.wait_for_timeout(8000)  # while TensorFlow is imported
        write(list(pictures(desk)), folder)


if __name__ == "__main__":
    main()
