"""A notebook in Chromium: its cells, its kernel, its pixels."""

import ast
import base64
import io
import json
import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",  # The sandbox fails for root, the user of most containers.
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)
PATIENCE = 60_000  # milliseconds

# Any other console error or request to the network is an error of ours.
HARMLESS = (
    "/lsp/status",  # JupyterLab looks for language servers, which are disabled.
    "/jupyter-server-proxy/servers-info",  # Likewise, if that package is installed.
    "cdn.jsdelivr.net/npm/@fortawesome/",  # Icons that Voila can do without.
)


def find_chromium():
    """Path of Chromium or a related browser; None if there is none."""
    named = os.environ.get("CHROMIUM")
    found = (shutil.which(name) for name in ([named] if named else NAMES))
    return next(filter(None, found), None)


@contextmanager
def chromium(executable):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=list(FLAGS)
        )
        try:
            yield browser
        finally:
            browser.close()


def is_local(url):
    """Whether a request stays on this machine."""
    parts = urlsplit(url)
    return parts.scheme in {"data", "blob", "about"} or parts.hostname == "127.0.0.1"


def is_known(text):
    """Whether a console error or a requested address is harmless."""
    return any(known in text for known in HARMLESS)


class Tab:
    """A page without network that records its errors and requests.

    Attributes
    ----------
    outside : list of str
        Requested addresses beyond this machine, all refused, except for `HARMLESS`.
    complaints : list of str
        Console errors and uncaught exceptions.
    """

    def __init__(self, browser, size=(1800, 1300)):
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, service_workers="block"
        )
        self.outside: list[str] = []
        self.complaints: list[str] = []
        self.context.route(lambda url: not is_local(url), self._refuse)
        self.context.route_web_socket(
            lambda url: not is_local(url),
            lambda socket: self.outside.append(socket.url),
        )
        self.context.add_init_script(path=Path(__file__).with_name("page.js"))
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _refuse(self, route):
        if not is_known(route.request.url):
            self.outside.append(route.request.url)
        route.abort()

    def _note(self, message):
        if message.type == "error":
            text = f"{message.text} [{message.location.get('url', '')}]"
            if not is_known(text):
                self.complaints.append(text)

    def close(self):
        self.context.close()

    def button(self, text):
        return self.page.get_by_role("button", name=text, exact=True)

    def slider(self, label):
        """Handle of an ipywidgets slider, which keys move once it has the focus."""
        named = self.page.locator(".widget-label").get_by_text(label, exact=True)
        return self.page.locator(".widget-slider", has=named).locator(".noUi-handle")

    def shot(self, path=None):
        """Pixels (y, x, RGB) of the visible part of the page."""
        data = self.page.screenshot(path=path)
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    def sources(self):
        """Addresses of the images on maps."""
        return self.page.evaluate("tests.overlays().map(image => image.src)")


class Notebook(Tab):
    """A notebook open in JupyterLab, alone in its workspace."""

    def open(self, url, name):
        self.page.goto(f"{url}/lab/tree/{name}?reset", wait_until="domcontentloaded")
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        self.page.wait_for_function("tests.kernel()?.status === 'idle'")
        self.page.evaluate("window.jupyterapp.shell.collapseLeft()")

    def run_all(self):
        """Run all cells and return the errors among their outputs."""
        self.page.evaluate("tests.runAll()")
        return self.errors()

    def errors(self):
        return self.page.evaluate("tests.errors()")

    def cell(self, source):
        """Add a cell at the end and run it; raise its error here."""
        before = len(self.errors())
        self.page.evaluate("source => tests.cell(source)", source)
        if errors := self.errors()[before:]:
            raise RuntimeError(errors[0])

    def clear(self):
        """Delete all cells but the first, with their outputs."""
        self.page.evaluate("tests.clear()")

    def shut_down(self):
        """End the kernel."""
        self.page.evaluate("tests.shutDown()")

    def execute(self, code, expression=None):
        """Run code in the kernel, outside any cell; return the value of `expression`.

        The value must be representable in JSON.
        """
        wanted = f"__import__('json').dumps({expression})" if expression else None
        call = "([code, wanted]) => tests.execute(code, wanted)"
        reply = succeeded(self.page.evaluate(call, [code, wanted]))
        if not expression:
            return None
        value = succeeded(reply["user_expressions"]["wanted"])
        # The reply holds the repr of a str that is JSON.
        return json.loads(ast.literal_eval(value["data"]["text/plain"]))

    def value(self, expression):
        return self.execute("", expression)

    def wait_until(self, expression, seconds=30):
        """Wait until an expression is true in the kernel."""
        deadline = time.monotonic() + seconds
        while not self.value(f"bool({expression})"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {seconds} s: {expression}")
            self.page.wait_for_timeout(100)


def succeeded(reply):
    """The kernel's reply, unless it reports an error."""
    if reply["status"] != "ok":
        raise RuntimeError(f"{reply.get('ename')}: {reply.get('evalue')}")
    return reply


def pixels(data_url):
    """Pixels (y, x, RGBA) of an image in a data URL."""
    kind, _, data = data_url.partition(";base64,")
    if not kind.startswith("data:image/"):
        raise ValueError(f"not an image in a data URL: {data_url[:60]}")
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    return np.asarray(image.convert("RGBA"))
