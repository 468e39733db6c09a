"""One JupyterLab and one Chromium for all tests of this folder."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from .explorers import SETUP, Desk
from .pages import Notebook, Tab, chromium, find_chromium
from .servers import lab

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def missing(what):
    """Skip if a tool is missing; fail in continuous integration, which must have it."""
    if os.environ.get("CI"):
        pytest.fail(what + "; CI is set, so the browser tests must run")
    pytest.skip(what)


# Package scope, not session: Playwright keeps an event loop running, which would break
# other tests.
@pytest.fixture(scope="package")
def browser():
    for name in ("playwright", "jupyterlab", "ipyleaflet"):
        if find_spec(name) is None:
            missing(f'{name} is not installed (pip install "ktextures[test]")')
    if (executable := find_chromium()) is None:
        missing("no Chromium on PATH (Debian: apt install chromium; or set CHROMIUM)")
    with chromium(executable) as opened:
        yield opened


@pytest.fixture(scope="package")
def folder(tmp_path_factory):
    """Folder of the notebooks that JupyterLab shows."""
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="package")
def server(browser, folder, tmp_path_factory):
    with lab(folder, tmp_path_factory.mktemp("lab")) as url:
        yield url


@pytest.fixture
def tab(browser):
    """A page, closed after the test."""
    tab = Tab(browser)
    yield tab
    tab.close()


@pytest.fixture
def open_notebook(browser, server, folder):
    """Function that opens a notebook with the given cells."""
    opened = []

    def open_it(name, *sources):
        write_notebook(folder / f"{name}.ipynb", *sources)
        opened.append(Notebook(browser))
        opened[-1].open(server, f"{name}.ipynb")
        return opened[-1]

    yield open_it
    for notebook in opened:
        notebook.shut_down()
        notebook.close()


@pytest.fixture(scope="package")
def open_desk(browser, server, folder):
    """One notebook and kernel for all tests, so that TensorFlow is imported once."""
    shutil.copy(Path(__file__).with_name("stopwatch.py"), folder)
    write_notebook(folder / "explorer.ipynb", SETUP)
    desk = Desk(browser)
    desk.open(server, "explorer.ipynb")
    assert desk.run_all() == []
    yield desk
    desk.shut_down()
    desk.close()


@pytest.fixture
def desk(open_desk):
    """The open notebook; its explorer is closed after the test."""
    yield open_desk
    open_desk.put_away()
    assert open_desk.outside == []
    complaints, open_desk.complaints[:] = open_desk.complaints[:], []
    assert complaints == []


def write_notebook(path, *sources):
    cells = [new_code_cell(source) for source in sources]
    notebook = new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    nbformat.write(notebook, path)
