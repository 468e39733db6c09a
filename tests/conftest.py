"""Settings that must be in place before TensorFlow and matplotlib are imported."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest
from hypothesis import settings

# TensorFlow's messages about the processor would bury the report of a failed test.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "agg")
# k-means threads that wait in a busy loop would take the processor from the others.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Shells start background jobs with Ctrl-C ignored, which tests of Ctrl-C would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Set by pytest-xdist in its workers only.
WORKER = os.environ.get("PYTEST_XDIST_WORKER")
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))

if WORKER:
    # Workers share the cores. Child processes inherit the limit, so that rasters
    # compared across processes are computed alike.
    threads = str(max(1, (os.cpu_count() or 1) // WORKERS))
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(name, threads)

# What takes longest, longest first. Browser tests share one JupyterLab and measure
# response times, so they are one unit of work.
LONGEST = (
    "widgets/browser/",
    "test_notebooks.py",
    "test_workshop.py",
    "training/test_train.py",
    "test_minimal.py",
    "test_examples.py",
    "widgets/test_explorer.py",
)

# The same examples at each run, and no deadline: a busy machine is no error.
settings.register_profile("ktextures", derandomize=True, deadline=None)
settings.load_profile("ktextures")


def unit_of(nodeid):
    """Unit of work that a test belongs to: an entry of LONGEST, or its file."""
    name = nodeid.partition("::")[0].removeprefix("tests/")
    return next((each for each in LONGEST if name.startswith(each)), name)


def pytest_collection_modifyitems(items):
    """In workers of pytest-xdist, start the longest units first."""
    if WORKER:
        rank = {unit: index for index, unit in enumerate(LONGEST)}
        items.sort(key=lambda item: rank.get(unit_of(item.nodeid), len(rank)))


# Not `--dist loadgroup`: pytest 9.2 ignores how pytest-xdist 3.8 marks groups.
@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give each worker of pytest-xdist one unit of work after the other."""
    from xdist.scheduler import LoadScopeScheduling

    class Units(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return unit_of(nodeid)

    config.option.loadscopereorder = False
    return Units(config, log)


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No network and no cache of Keras weights, whatever the machine has."""

    def unreachable(*_, **__):
        raise OSError("no network in tests")

    monkeypatch.setattr(socket, "create_connection", unreachable)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "no keras home"))


@pytest.fixture
def eager():
    """Run tf.function without tracing: quicker wherever only a few steps are taken."""
    with running_eagerly():
        yield


@pytest.fixture
def compiled(eager):
    """Trace tf.function after all: quicker where hundreds of steps are taken."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def eagerly():
    """`running_eagerly`, for fixtures of other modules that train."""
    return running_eagerly


@contextmanager
def running_eagerly():
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def small():
    """Scene of 64 x 64 pixels, four bands, three classes of color and texture."""
    import ktextures as kt

    return kt.datasets.synthetic(64, k=3, bands=4, seed=1, contrast="both").scene


@pytest.fixture(scope="session")
def trained(small):
    """Model of `small` by the default preset, with cheap features; do not change it."""
    import ktextures as kt

    features = kt.FilterBank(scales=1, orientations=1)
    with running_eagerly():
        return kt.train(small, 3, features=features, steps=6, seed=1, progress=False)


@pytest.fixture(scope="session")
def published(small):
    """Model of `small` by the paper's preset, with cheap features; do not change it."""
    import ktextures as kt

    with running_eagerly():
        return kt.train(
            small,
            3,
            preset="paper",
            features=kt.FilterBank(scales=1, orientations=1),
            steps=2,
            seed=1,
            progress=False,
        )


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory):
    """A file system of 1 MB."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root may mount a small file system, on Linux")
    folder = tmp_path_factory.mktemp("disk")
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
