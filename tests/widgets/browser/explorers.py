"""An explorer on the screen: its overlays and their pixels."""

import time

import numpy as np

from .pages import Notebook, pixels

# The first cell of every notebook with an explorer.
SETUP = """
import ktextures as kt
from stopwatch import Stopwatch

features = kt.FilterBank(1, 1)
scenes = {
    "sentinel2": kt.datasets.sentinel2()[:, :96, :96],
    "landsat": kt.datasets.landsat()[:4, 500:596, 700:796],
}
"""


TRAINED = """
trained = kt.train(
    scenes["sentinel2"], 3, features=features, steps=20, seed=1, progress=False
)
"""


class Desk(Notebook):
    """A notebook that shows one explorer after another, as `ex`."""

    def show(self, scene, *, k=3, steps=2000, more=""):
        """Show an explorer of a scene, given as an expression for the kernel."""
        self.cell(
            f"ex = kt.explore({scene}, k={k}, steps={steps}, features=features, seed=1"
            f"{more})\nwatch = Stopwatch(ex)\nex"
        )
        self.page.wait_for_selector(".leaflet-container")

    def show_trained(self, *, steps=4, more=""):
        """Show an explorer with a model of three classes, trained only once."""
        if not self.value("'trained' in globals()"):
            self.execute(TRAINED)
        self.show("scenes['sentinel2']", steps=steps, more=f", model=trained{more}")
        self.wait_until("ex.state.snapshot is not None")

    def put_away(self):
        self.execute("ex.close()")
        self.clear()

    def press(self, text):
        self.button(text).click()

    def turn_to(self, title):
        """Open a tab of the explorer."""
        self.page.get_by_role("tab", name=title).click()

    def find(self, name):
        """Locator of the image that shows an overlay."""
        for _ in range(50):
            url = self.value(f"ex.overlays[{name!r}].url")
            if self.page.evaluate("([u, n]) => tests.mark(u, n)", [url, name]):
                return self.page.locator(f"img[data-test={name}]")
            self.page.wait_for_timeout(100)
        raise LookupError(f"the overlay {name!r} is not on the map")

    def pixels(self, name="classes"):
        """Pixels (y, x, RGBA) of an overlay as the browser has it."""
        return pixels(self.find(name).evaluate("image => image.src"))

    def record(self, name="classes"):
        """Keep every image that an overlay shows from now on."""
        self.find(name).evaluate("image => { window.seen = tests.watch(image); }")

    def wait_for_images(self, count):
        """All images (y, x, RGBA) since `record`, once there are that many new ones."""
        self.page.wait_for_function("count => window.seen.length > count", arg=count)
        return [pixels(url) for url in self.page.evaluate("seen.map(s => s.src)")]

    def wait_for_colors(self, count, seconds=20):
        """The latest image since `record`, once it has that many colors."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            last = pixels(self.page.evaluate("seen.at(-1).src"))
            if len(found := colors(last)) == count:
                return last
            self.page.wait_for_timeout(100)
        raise TimeoutError(f"{len(found)} colors, not {count}, after {seconds} s")

    def press_key(self, label, key):
        """Move a slider with a key."""
        handle = self.slider(label)
        handle.focus()
        handle.press(key)


def colors(image):
    """Colors of the opaque pixels of an image, as a set of (red, green, blue)."""
    opaque = image[image[..., 3] > 0][:, :3]
    return {tuple(map(int, color)) for color in np.unique(opaque, axis=0)}


def kept(before, after):
    """Share of the pixels of each color that have kept it, by color."""
    shares = {}
    for color in colors(before):
        was = np.all(before[..., :3] == color, axis=-1) & (before[..., 3] > 0)
        shares[color] = np.all(after[was][:, :3] == color, axis=-1).mean()
    return shares
