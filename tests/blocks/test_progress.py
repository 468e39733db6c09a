"""The bar that large rasters show in a terminal, and nowhere else."""

import contextlib
import io
import re

import pytest

import ktextures as kt
from ktextures.blocks import progress


class Screen(io.StringIO):
    def __init__(self, terminal=True):
        super().__init__()
        self.isatty = lambda: terminal


def shown(function, *arguments, terminal=True, **options):
    """What a call writes to standard error."""
    with contextlib.redirect_stderr(Screen(terminal)) as screen:
        function(*arguments, **options)
    return screen.getvalue()


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 0)


def test_a_terminal_shows_rate_and_remaining_time(at_once):
    def work():
        with progress.progress_bar(8_000_000, "writing") as report:
            report(2_000_000)
            report(6_000_000)

    last = shown(work).strip().split("\r")[-1]
    assert re.fullmatch(
        r"writing: 100%\|.*\| 8/8 Mpx \[\d\d:\d\d<\d\d:\d\d, *[\d.]+Mpx/s\]", last
    )


def test_a_scene_in_memory_shows_it(at_once, small, trained):
    assert "classifying the scene: 100%" in shown(kt.segment, small, trained)


def test_a_lazy_scene_shows_it_when_it_is_written(at_once, small, trained, tmp_path):
    classes = kt.segment(small.chunk(x=48), trained).classes
    found = shown(kt.write_classes, classes, tmp_path / "map.tif")
    assert "writing map.tif: 100%" in found


def test_work_that_is_soon_done_shows_none(small, trained):
    assert shown(kt.segment, small, trained) == ""


def test_nothing_is_shown_elsewhere(at_once, small, trained):
    assert shown(kt.segment, small, trained, progress=False) == ""
    assert shown(kt.segment, small, trained, terminal=False) == ""
