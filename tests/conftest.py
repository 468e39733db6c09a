"""Settings that must be in place before TensorFlow and matplotlib are imported."""

import os
import socket
from contextlib import contextmanager

import pytest
from hypothesis import settings

# TensorFlow's notes on the processor would drown the report of a failed test.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "agg")
# Threads of k-means that wait by spinning would take the processor from the others.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# The same examples at each run, and no deadline: a busy machine is no error.
settings.register_profile("ktextures", derandomize=True, deadline=None)
settings.load_profile("ktextures")


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
