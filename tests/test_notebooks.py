"""Every notebook runs from top to bottom and shows pictures, but no messages."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
DATA = ROOT.parent / "shared" / "data"
"""Scenes with labels, where there are some; notebooks do without."""


def shown(notebook):
    """MIME types of all outputs."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [kind for output in outputs for kind in output.get("data", ())]


@pytest.mark.slow
@pytest.mark.timeout(900)  # a busy machine may take several times as long
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, tmp_path, monkeypatch):
    if "KTEXTURES_DATA" not in os.environ and DATA.is_dir():
        monkeypatch.setenv("KTEXTURES_DATA", str(DATA))
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=800, resources=resources).execute()
    assert "image/png" in shown(notebook)
    messages = [
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if output.output_type == "stream" and output.name == "stderr"
    ]
    assert messages == []


def test_there_are_notebooks():
    assert [path.name for path in NOTEBOOKS][:1] == ["01_explore.ipynb"]
