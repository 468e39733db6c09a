"""What importing writes where one sees it."""

import os
import subprocess
import sys

import pytest

GREETING = "All log messages before absl::InitializeLog()"
USE = """
import os, threading
{before}
import ktextures as kt
# Another thread's words, while TensorFlow is loaded.
late = threading.Timer(0.2, lambda: os.write(2, b"a word of my own\\n"))
late.start()
kt.train
late.join()
"""


def stderr(before, level="2"):
    """What a fresh process writes there when it takes `train`."""
    done = subprocess.run(
        [sys.executable, "-c", USE.format(before=before)],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": level},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_notebooks_are_spared_the_greetings_and_nothing_else():
    assert stderr("import ipykernel") == "a word of my own\n"


@pytest.mark.parametrize(
    ("before", "level"), [("", "2"), ("import ipykernel", "0")], ids=["script", "level"]
)
def test_elsewhere_they_are_shown(before, level):
    found = stderr(before, level)
    assert "a word of my own" in found
    assert GREETING in found
