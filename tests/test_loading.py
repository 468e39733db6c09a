"""What importing TensorFlow writes to stderr, in a notebook and in a script."""

import os
import re
import subprocess
import sys

import pytest

from ktextures._loading import hidden_startup_messages

STARTUP = r"absl::InitializeLog|oneDNN|[Cc][Uu][Dd][Aa]|TensorFlow binary"
"""What startup messages are about, in different releases of TensorFlow."""
USE = """
import os, threading
{before}
import ktextures as kt
# Another thread writes while TensorFlow is loaded.
late = threading.Timer(0.2, lambda: os.write(2, b"a line of mine\\n"))
late.start()
kt.train
late.join()
# The first tensor looks for GPUs.
import tensorflow as tf
tf.zeros(1)
"""


def stderr(before, level="2"):
    """What a new process writes to stderr when it imports `train`."""
    done = subprocess.run(
        [sys.executable, "-c", USE.format(before=before)],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": level},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_notebook_does_not_show_startup_messages():
    assert stderr("import ipykernel") == "a line of mine\n"


@pytest.mark.parametrize(
    ("before", "level"), [("", "2"), ("import ipykernel", "0")], ids=["script", "level"]
)
def test_a_script_and_log_level_0_show_startup_messages(before, level):
    found = stderr(before, level)
    assert "a line of mine" in found
    assert re.search(STARTUP, found)


# As different releases of TensorFlow write them, with and without CUDA libraries.
HIDDEN = """\
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1741514430.123456    1234 port.cc:153] oneDNN custom operations are on.
I0000 00:00:1741514430.123456    1234 gpu_device.cc:2020] Created device GPU:0
E0000 00:00:1741514430.123456    1234 cuda_dnn.cc:8579] Unable to register cuDNN factory
E0000 00:00:1741514430.123456    1234 cuda_platform.cc:51] failed call to cuInit
W0000 00:00:1741514430.123456    1234 computation_placer.cc:177] already registered.
2025-03-09 10:00:30.123456: I tensorflow/core/util/port.cc:153] oneDNN
2025-03-09 10:00:30.123456: E xla/stream_executor/cuda/cuda_fft.cc:467] Unable to
2025-03-09 10:00:30.123456: W tensorflow/py_utils.cc:38] TF-TRT Warning: no TensorRT
To enable the following instructions: AVX2 FMA, rebuild TensorFlow.
"""
SHOWN = """\
E0000 00:00:1741514430.123456    1234 allocator.cc:12] out of memory
2025-03-09 10:00:30.123456: W tensorflow/core/allocator.cc:82] out of memory
WARNING: the disk is full
Ignored: I0000 00:00:1741514430.123456 is not at the beginning of this line
"""


def test_only_startup_messages_are_hidden(capfd, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    with hidden_startup_messages():
        os.write(2, (HIDDEN + SHOWN).encode())
    assert capfd.readouterr().err == SHOWN


def test_log_level_0_hides_nothing(capfd, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    with hidden_startup_messages():
        os.write(2, HIDDEN.encode())
    assert capfd.readouterr().err == HIDDEN


def test_what_was_written_before_an_error_appears(capfd, monkeypatch):
    def load():
        with hidden_startup_messages():
            os.write(2, (HIDDEN + SHOWN).encode())
            raise ImportError("no such library")

    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    with pytest.raises(ImportError, match="no such library"):
        load()
    os.write(2, b"stderr is back\n")
    assert capfd.readouterr().err == SHOWN + "stderr is back\n"
