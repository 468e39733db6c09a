"""Measure how quickly the explorer responds in JupyterLab and Chromium.

    python benchmarks/explorer.py [--k 6] [--rounds 5] [--cycles 20]

Prints a Markdown table. The scene is the bundled Sentinel-2 scene of 300 x 300 pixels,
the preset the default one. Browser and kernel run on one machine, so that their clocks
agree.
"""

import argparse
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import date
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests" / "widgets"
sys.path.insert(0, str(TESTS))

from browser.conftest import write_notebook  # noqa: E402 - needs the path above
from browser.explorers import Desk, colors  # noqa: E402
from browser.pages import chromium, find_chromium, pixels  # noqa: E402
from browser.servers import lab  # noqa: E402

SETUP = """
import ktextures as kt
from stopwatch import Stopwatch, sent

scene = kt.datasets.sentinel2()
"""

MEMORY = """
import gc, psutil

def memory():
    gc.collect()
    return psutil.Process().memory_info().rss / 1e6
"""


@contextmanager
def open_desk():
    """Open a notebook in JupyterLab that counts the bytes its kernel sends."""
    with (
        tempfile.TemporaryDirectory() as folder,
        lab(notebooks(folder), Path(folder) / "lab") as url,
        chromium(find_chromium()) as browser,
    ):
        desk = Desk(browser)
        desk.received = []
        desk.page.on("websocket", lambda socket: count(socket, desk.received))
        desk.open(url, "benchmark.ipynb")
        if errors := desk.run_all():
            raise RuntimeError(errors[0])
        yield desk
        desk.shut_down()
        desk.close()


def notebooks(folder):
    work = Path(folder) / "notebooks"
    work.mkdir()
    shutil.copy(TESTS / "browser" / "stopwatch.py", work)
    write_notebook(work / "benchmark.ipynb", SETUP)
    return work


def count(socket, received):
    """Record time and length of each message from the kernel."""
    if "/channels" in socket.url:
        socket.on(
            "framereceived", lambda data: received.append((time.time(), len(data)))
        )


def show(desk, options):
    desk.cell(f"ex = kt.explore(scene, {options})\nwatch = Stopwatch(ex)\nex")
    desk.page.wait_for_selector(".leaflet-container")


def to_first_map(desk, k):
    """Seconds from the click on Train to a map with the colors of all classes."""
    desk.record()
    desk.press("Train")
    while True:
        images = desk.page.evaluate("seen.map(s => [s.src, s.time / 1000])")
        for url, when in images[1:]:
            if len(colors(pixels(url))) == k:
                return when - desk.value("watch.clicked('Train')")
        desk.page.wait_for_timeout(100)


def pace(desk, seconds):
    """Map images per second, their length, and all bytes per image, in training."""
    before, begun = desk.page.evaluate("seen.length"), time.time()
    desk.page.wait_for_timeout(1000 * seconds)
    ended = time.time()
    lengths = desk.page.evaluate("n => seen.slice(n).map(s => s.src.length)", before)
    received = sum(size for when, size in desk.received if begun <= when <= ended)
    rate = len(lengths) / (ended - begun)
    return rate, statistics.median(lengths), received / max(1, len(lengths))


def latencies(desk, number):
    """Seconds from requests of the browser until the kernel handles them."""
    found = []
    for i in range(number):
        desk.page.wait_for_timeout(100 + 37 * i % 300)
        found.append(desk.execute("import time; lag = time.time() - sent()", "lag"))
    return found


def stop(desk):
    """Seconds from the click on Stop to the last step, and to the final status."""
    desk.press("Stop")
    desk.wait_until("ex.state.status in ('idle', 'done')")
    after = desk.value(
        "next(when for when, what, new in watch.events if what == 'status'"
        " and new in ('idle', 'done') and when > watch.clicked('Stop'))"
        " - watch.clicked('Stop')"
    )
    return desk.value("watch.run_on('Stop')"), after


def one_round(desk, k):
    show(desk, f"k={k}, steps=5000, seed=1")
    desk.page.wait_for_timeout(8000)  # TensorFlow is imported in the background
    first = to_first_map(desk, k)
    desk.wait_until("ex.state.step > 0", seconds=120)
    learned = desk.value("watch.delay('Train', 'step')")
    rate, length, received = pace(desk, 10)
    lags = latencies(desk, 20)
    last_step, stopped = stop(desk)
    desk.put_away()
    return {
        "first": first,
        "learned": learned,
        "rate": rate,
        "length": length,
        "received": received,
        "lag": statistics.median(lags),
        "worst": max(lags),
        "last_step": last_step,
        "stopped": stopped,
    }


def growth(desk, k, cycles):
    """MB by which the kernel grows while explorers are opened and closed."""
    desk.execute(MEMORY)
    used = []
    for _ in range(cycles + 1):
        show(desk, f"k={k}, seed=1")
        desk.put_away()
        used.append(desk.value("memory()"))
    return used[-1] - used[0]


def table(rounds, grown, k, cycles):
    """Lines of the Markdown table."""

    def row(label, key, unit, scale=1.0, digits=2, worst=max):
        values = [scale * one[key] for one in rounds]
        middle, extreme = statistics.median(values), worst(values)
        return f"| {label} | {middle:.{digits}f} {unit} | {extreme:.{digits}f} {unit} |"

    yield f"Sentinel-2, 300 x 300 x 4, k = {k}, default preset; {len(rounds)} rounds, "
    yield f"{os.cpu_count()} cores ({platform.machine()}), {date.today():%Y-%m-%d}."
    yield ""
    yield "| | median | worst |"
    yield "| --- | --- | --- |"
    yield row("Train to first colored map", "first", "s")
    yield row("Train to first step on the map", "learned", "s")
    yield row("Map updates per second", "rate", "", worst=min)
    yield row("Class overlay, per update", "length", "kB", 1e-3, 0)
    yield row("Data sent to the browser, per update", "received", "kB", 1e-3, 0)
    yield row("Control to kernel during training, median", "lag", "s", digits=3)
    yield row("Control to kernel during training, worst of 20", "worst", "s", digits=3)
    yield row("Stop to last step", "last_step", "s")
    yield row('Stop to "done"', "stopped", "s")
    yield f"| Memory after {cycles} more explorers | {grown:+.0f} MB | |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--k", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cycles", type=int, default=20)
    given = parser.parse_args()
    with open_desk() as desk:
        rounds = [one_round(desk, given.k) for _ in range(given.rounds)]
        grown = growth(desk, given.k, given.cycles)
    print("\n".join(table(rounds, grown, given.k, given.cycles)))


if __name__ == "__main__":
    main()
