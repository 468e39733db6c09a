"""Install an offline kit and train on a live map, both without a network.

    scripts/offline-kit KIT
    python benchmarks/offline_kit.py KIT [--python PATH] [--screenshot FILE]

Prints a Markdown table. Everything runs in a network namespace of its own, which has
nothing but loopback, with an empty home folder and with none of the variables of this
shell, so that nothing in the cache of pip helps. The command that the installer prints
starts JupyterLab, and Chromium does what the first notebook asks for: run the first
cell, then press Train. Needs Linux, `unshare` and `ip`, Chromium, and the environment
of the tests.
"""

import argparse
import os
import platform
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "widgets"))

from browser.explorers import Desk
from browser.pages import chromium, find_chromium
from browser.servers import await_answer, free_port, stop

NOTEBOOK = "01_explore.ipynb"
CLASSES = 6  # of that notebook
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
PACKAGES = (
    *("ktextures", "tensorflow", "keras", "numpy", "numba", "rasterio"),
    *("jupyterlab", "ipywidgets", "ipyleaflet"),
)
VERSIONS = f"""
from importlib.metadata import version
print(*(f"{{name}} {{version(name)}}" for name in {PACKAGES!r}), sep=", ")
"""


def isolate(arguments):
    """Run this script again, without a network and with an empty home folder."""
    command = ["unshare", "--net"]
    if os.geteuid() != 0:
        command.append("--map-root-user")
    with tempfile.TemporaryDirectory() as home:
        variables = {"HOME": home, "PATH": PATH, "LANG": "C.UTF-8"}
        command += [sys.executable, __file__, *arguments, "--inside"]
        return subprocess.run(command, env=variables, check=False).returncode


def only_loopback():
    """Turn loopback on; an error if there is any other way out."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    if others := {name for _, name in socket.if_nameindex()} - {"lo"}:
        raise RuntimeError(f"there is a network: {', '.join(sorted(others))}")


def install(kit, python):
    """Run the installer; return the command it prints, which starts JupyterLab."""
    done = subprocess.run(
        [python, str(kit / "install.py")],
        cwd=Path.home(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return shlex.split(done.stdout.strip().splitlines()[-1])


@contextmanager
def started(command):
    """Address of the JupyterLab that a command starts; it opens no browser."""
    port = free_port()
    options = [
        *("--no-browser", "--allow-root", "--IdentityProvider.token="),
        *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        "--LabApp.expose_app_in_browser=True",  # for tests/widgets/browser/page.js
    ]
    log = Path.home() / "server.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [*command, *options],
            cwd=Path.home(),
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        await_answer(f"http://127.0.0.1:{port}/api/status", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        stop(process)


class Clock:
    """Seconds that each part took, in the order of the parts."""

    def __init__(self):
        self.rows = []
        self.begun = time.monotonic()

    def note(self, part):
        """Write down a part that ends now."""
        now = time.monotonic()
        self.rows.append((part, f"{now - self.begun:.0f} s"))
        self.begun = now


def explore(url, clock, screenshot):
    """Do what the first notebook asks for; return what went wrong in the browser."""
    with chromium(find_chromium()) as browser:
        desk = Desk(browser)
        desk.page.set_default_timeout(300_000)
        desk.open(url, NOTEBOOK)
        clock.note("the notebook in Chromium, with a kernel")
        desk.page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
        desk.page.keyboard.press("Shift+Enter")
        desk.page.wait_for_selector(".leaflet-container")
        clock.note("the first cell, until its map is shown")
        desk.execute("ex = explorer")  # the name that the desk expects
        desk.record()
        clock.begun = time.monotonic()
        desk.press("Train")
        desk.wait_for_colors(CLASSES, seconds=300)
        clock.note(f"Train, until the map shows {CLASSES} classes")
        desk.wait_until("ex.state.status == 'done'", seconds=600)
        clock.note("until all steps are taken")
        desk.wait_for_colors(CLASSES)
        if screenshot:
            desk.page.locator(".leaflet-container").first.scroll_into_view_if_needed()
            desk.page.wait_for_timeout(1000)  # fading
            desk.shot(screenshot)
        used = Path(desk.value("__import__('ktextures').__file__"))
        desk.shut_down()
        desk.close()
    if not used.is_relative_to(Path.home()):
        raise RuntimeError(f"the kernel took ktextures from {used}, not from the kit")
    return desk.outside, desk.complaints


def size(folder):
    """Size of a folder on the disk."""
    done = subprocess.run(["du", "-sk", folder], capture_output=True, check=True)
    return f"{int(done.stdout.split()[0]) / 1e6:.1f} GB"


def trial(kit, python, screenshot):
    """Lines of the Markdown table."""
    only_loopback()
    wheels = list((kit / "wheels").glob("*.whl"))
    clock = Clock()
    command = install(kit, python)
    clock.note("install.py")
    with started(command) as url:
        clock.note("JupyterLab, until it answers")
        outside, complaints = explore(url, clock, screenshot)
    versions = subprocess.run(
        [command[0], "-c", VERSIONS], capture_output=True, text=True, check=True
    )
    yield f"{os.cpu_count()} cores ({platform.machine()}), {date.today():%Y-%m-%d}."
    yield ""
    yield "| | |"
    yield "| --- | --- |"
    yield f"| the kit, with {len(wheels)} wheels | {size(kit)} |"
    yield f"| installed | {size(Path.home() / 'ktextures')} |"
    for part, seconds in clock.rows:
        yield f"| {part} | {seconds} |"
    yield f"| requests to other computers | {', '.join(outside) or 'none'} |"
    yield f"| errors in the browser's console | {'; '.join(complaints) or 'none'} |"
    yield ""
    yield f"Made with Python {version_of(kit)}: {versions.stdout.strip()}."


def version_of(kit):
    """Version of Python that the kit was made with, such as "3.13.2"."""
    return (kit / "FOR.txt").read_text().split()[-1]


def interpreter(kit, given):
    """Python to install with: as given, or the system's of the kit's release."""
    name = given or f"python{version_of(kit).rpartition('.')[0]}"
    if (found := shutil.which(name, path=PATH)) is None:
        sys.exit(f"there is no {name} in {PATH}; name the file with --python")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kit", type=Path, help="folder made by scripts/offline-kit")
    parser.add_argument("--python", help="interpreter that runs install.py")
    parser.add_argument("--screenshot", type=Path, help="PNG file of the final map")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    kit = given.kit.resolve()
    if not (kit / "install.py").is_file():
        sys.exit(f"{kit} is not an offline kit; make one with scripts/offline-kit")
    python = interpreter(kit, given.python)
    if not given.inside:
        sys.exit(isolate(sys.argv[1:]))
    for line in trial(kit, python, given.screenshot):
        print(line)


if __name__ == "__main__":
    main()
