"""Draw the pictures of the documentation: the explorer while it trains, and figures.

    python docs/pictures.py [--folder docs/images]

Screenshots of JupyterLab in Chromium with the bundled Sentinel-2 scene, taken with the
tools of the browser tests. The animation has one picture per second of training; k goes
from 4 to 6 meanwhile, and a sweep follows.
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
SIZE = (1440, 900)  # of a laptop
SECONDS = 14
MOVES = (5, 8)  # seconds at which k goes up by one
WIDTH = 720


def picture(desk):
    """Picture of the explorer's cell."""
    output = desk.page.locator(".jp-OutputArea-output").last
    output.evaluate("output => output.scrollIntoView({block: 'end'})")
    box = output.bounding_box()
    image = Image.fromarray(desk.shot())
    left, top = int(box["x"]), max(0, int(box["y"]))
    right, bottom = left + int(box["width"]), int(box["y"] + box["height"])
    return image.crop((left, top, right, min(bottom, image.height)))


def training(desk):
    """Pictures of a training, one per second from the first step on."""
    desk.press("Train")
    desk.wait_until("ex.state.step > 0", seconds=180)
    for second in range(SECONDS):
        desk.page.wait_for_timeout(1000)
        if second in MOVES:
            desk.press_key("k", "ArrowRight")
        yield picture(desk)
    desk.wait_until("ex.state.status == 'done'", seconds=300)
    desk.turn_to("Classes")
    desk.page.wait_for_timeout(1000)
    yield picture(desk)


def sweep(desk):
    """Pictures of a sweep, one for each k."""
    desk.execute("ex.state.last_k = 7")
    desk.turn_to("Choose k")
    desk.press("Sweep")
    for count in range(1, 7):
        found = f"ex.state.sweep is not None and ex.state.sweep.sizes['k'] >= {count}"
        desk.wait_until(found, seconds=120)
        desk.page.wait_for_timeout(700)
        yield picture(desk)


def classes(folder):
    """Draw the profiles of three classes."""
    import ktextures as kt

    scene = kt.datasets.sentinel2()
    model = kt.train(scene, k=6, seed=1)
    profiles = kt.describe(scene, model)
    kt.plot_classes(profiles, classes=[1, 3, 6]).savefig(folder / "classes.png")


def accuracy(folder):
    """Draw the assessment of a map that is wrong near borders and here and there."""
    import numpy as np
    import xarray as xr

    import ktextures as kt

    truth = kt.datasets.synthetic(300, k=4, seed=3).truth
    table = kt.ClassTable(
        ("water", "forest", "meadow", "settlement"),
        ("#0072b2", "#009e73", "#e69f00", "#cc79a7"),
    )
    random = np.random.default_rng(1)
    mapped = np.roll(truth.values, (3, -4), (0, 1))
    wrong = random.random(mapped.shape) < 0.06
    mapped[wrong] = random.integers(1, 5, wrong.sum())
    classes = truth.copy(data=mapped).assign_attrs(table.attrs())
    points = kt.sample_points(classes, 500, seed=1)
    x, y = (xr.DataArray(each) for each in (points.geometry.x, points.geometry.y))
    points["reference"] = truth.sel(x=x, y=y, method="nearest").values
    kt.assess(classes, points).plot().savefig(folder / "accuracy.png")


def write(taken, still, folder):
    """Write one picture in full size, and all of them as a small animation."""
    still.save(folder / "explorer.png", optimize=True)
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
        desk = Desk(browser, size=SIZE)
        desk.open(url, "explorer.ipynb")
        desk.run_all()
        desk.cell(SHOW)
        desk.button("Train").wait_for()
        desk.page.wait_for_timeout(8000)  # while TensorFlow is imported
        trained = list(training(desk))
        write(trained + list(sweep(desk)), trained[-1], folder)
    classes(folder)
    accuracy(folder)


if __name__ == "__main__":
    main()
