"""Temporary folders go away, however the writing ends."""

import signal
import subprocess
import sys
import threading

import pytest

from ktextures.files.staging import staging_folder

WRITER = """
import sys, time
from pathlib import Path
from ktextures.files.staging import staging_folder

with staging_folder(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("half of it")
    print("writing", flush=True)
    time.sleep(60)
"""


def test_folder_exists_only_inside_the_context(tmp_path):
    with staging_folder(tmp_path) as folder:
        assert folder.parent == tmp_path
        assert folder.name.startswith(".")
        (folder / "file").write_text("content")
    assert list(tmp_path.iterdir()) == []


def test_folder_is_removed_after_an_error(tmp_path):
    def fail():
        with staging_folder(tmp_path) as folder:
            (folder / "file").write_text("content")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_folder_is_removed_when_the_process_is_terminated(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "writing\n"
        assert [path.name for path in tmp_path.glob(".ktextures-*/*")] == ["half"]
        process.terminate()
        assert process.wait(timeout=30) == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_handlers_of_the_program_stay_in_place(tmp_path):
    def own(number, frame):
        pytest.fail("no signal was sent")

    before = signal.signal(signal.SIGTERM, own)
    try:
        with staging_folder(tmp_path):
            assert signal.getsignal(signal.SIGTERM) is own
        assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)


def test_default_handler_is_restored(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    with staging_folder(tmp_path):
        assert (signal.getsignal(signal.SIGTERM) is before) == (
            before is not signal.SIG_DFL
        )
    assert signal.getsignal(signal.SIGTERM) is before


def test_other_threads_stage_too(tmp_path):
    names = []

    def stage():
        with staging_folder(tmp_path) as folder:
            names.append(folder.name)

    thread = threading.Thread(target=stage)
    thread.start()
    thread.join()
    assert len(names) == 1
    assert list(tmp_path.iterdir()) == []


INTERRUPTED = """
import os, signal, sys, threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from ktextures.files.staging import staging_folder

own = threading.Thread.start

def start(thread):
    own(thread)
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread.start = start
pool = ThreadPoolExecutor(1)
with staging_folder(Path(sys.argv[1])):
    pool.submit(pow, 2, 2).result()
    while True:
        signal.pause()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_a_signal_while_a_thread_starts_ends_the_process_too(tmp_path):
    """Otherwise the pool forgets the thread, and Python waits for it forever."""
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path)]
    assert subprocess.run(command, timeout=60).returncode == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []
