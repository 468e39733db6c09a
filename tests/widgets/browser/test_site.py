"""The documentation: built without a network and without warnings, and looked at."""

import functools
import http.server
import subprocess
import sys
import threading
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import ktextures as kt

from .conftest import missing
from .pages import Tab

ROOT = Path(__file__).parents[3]
PAGES = (
    "index",
    "getting-started",
    "explorer",
    "method",
    "gallery/index",
    "gallery/plot_stac",
    "api/generated/ktextures.train",
    "quality",
)
SIZES = {"laptop": (1440, 900), "phone": (390, 844)}

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1200)]

# First questions of newcomers in the issue trackers of similar tools, and the page with
# the answer, which the search of the site must find.
QUESTIONS = {
    "Error displaying widget": "faq",  # opengeos/leafmap 76, ipyleaflet 504, 889, 1062
    "remote JupyterHub": "faq",  # banesullivan/localtileserver 66, ipyleaflet 883
    "multispectral bands": "faq",  # opengeos/segment-geospatial 105
    "run without GPU": "faq",  # facebookresearch/segment-anything 278
    "nodata black border": "faq",  # e-sensing/sits 1234, geowombat 193
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Folder of the site."""
    if find_spec("sphinx") is None:
        missing('Sphinx is not installed (pip install "ktextures[docs]")')
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going"),
            *("-d", folder / "doctrees", ROOT / "docs", folder / "html"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return folder / "html"


@pytest.fixture(scope="module")
def address(site):
    """Where a web server shows the site."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Links(HTMLParser):
    """Targets of links, addresses of what is loaded, and anchors of a page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loaded, self.anchors = [], [], set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.anchors |= {values[name] for name in ("id", "name") if values.get(name)}
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        if tag in ("script", "img", "source", "iframe") and values.get("src"):
            self.loaded.append(values["src"])
        if tag == "link" and values.get("rel") != "canonical":
            self.loaded.append(values["href"])


@pytest.fixture(scope="module")
def parsed(site):
    """Links of each page, by path."""
    pages = [path for path in site.rglob("*.html") if "_static" not in path.parts]
    return {path: Links(path) for path in pages}


def test_every_public_name_has_a_page(site):
    public = set(kt.__all__) - {"__version__", "datasets", "presets"}
    for name in public:
        assert (site / f"api/generated/ktextures.{name}.html").is_file(), name
    for name in ("landsat", "sentinel2", "synthetic"):
        assert (site / f"api/generated/ktextures.datasets.{name}.html").is_file()


def test_every_link_within_the_site_leads_somewhere(site, parsed):
    assert len(parsed) > 100
    broken = []
    for path, page in parsed.items():
        for link in page.links + page.loaded:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = path
            if parts.path:
                target = (path.parent / unquote(parts.path)).resolve()
            if not target.exists():
                broken.append((str(path.relative_to(site)), link))
            elif parts.fragment and target in parsed:
                known = parsed[target].anchors
                if unquote(parts.fragment) not in known:
                    broken.append((str(path.relative_to(site)), link))
    assert broken == []


def test_nothing_is_loaded_from_elsewhere(parsed):
    loaded = {each for page in parsed.values() for each in page.loaded}
    assert loaded
    assert [each for each in loaded if urlsplit(each).scheme in ("http", "https")] == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_pages_fit_the_screen(browser, address, size, mode):
    tab = Tab(browser, SIZES[size])
    try:
        tab.page.emulate_media(color_scheme=mode)
        for name in PAGES:
            tab.page.goto(f"{address}/{name}.html")
            html = tab.page.locator("html")
            assert html.get_attribute("data-theme") == mode
            wide = "document.documentElement.scrollWidth - window.innerWidth"
            assert tab.page.evaluate(wide) <= 0, name
            light = tab.shot()[300:, :20].mean()  # of the margin
            assert (light > 200) == (mode == "light"), name
        assert tab.outside == []
        assert tab.complaints == []
    finally:
        tab.close()


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_search_answers_first_questions(tab, address, question):
    tab.page.goto(f"{address}/search.html?q={question.replace(' ', '+')}")
    tab.page.wait_for_selector("#search-results li a")
    found = tab.page.locator("#search-results li > a")
    first = [found.nth(n).get_attribute("href") for n in range(min(5, found.count()))]
    assert any(QUESTIONS[question] in link for link in first), first
