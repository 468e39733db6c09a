"""Importing optional packages, and TensorFlow without its start-up messages."""

import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from types import ModuleType

from ktextures.errors import MissingExtraError

__all__ = ["hidden_startup_messages", "load_ahead", "load_extra", "load_module"]

# Neither TF_CPP_MIN_LOG_LEVEL nor absl's settings hide these lines in TensorFlow 2.21,
# because they are written before its log is initialized.
_PREFIX = rb"(?:%(level)s\d{4} [\d:.]+|\d{4}-\d\d-\d\d [\d:.]+: %(level)s )"
_STARTUP_MESSAGE = re.compile(
    rb"WARNING: All log messages before absl::"
    rb"|To enable the following instructions:"
    rb"|"
    + _PREFIX % {b"level": b"I"}
    +
    # GPU libraries that are installed twice, or without a GPU.
    rb"|"
    + _PREFIX % {b"level": b"[WE]"}
    + rb".*(?:cuda|TensorRT|computation_placer)",
    re.IGNORECASE,
)

# Two threads must not redirect stderr at the same time.
_LOCK = threading.Lock()


def load_module(name: str) -> ModuleType:
    """Import a module, in a notebook without TensorFlow's start-up messages.

    Notebooks show each line on stderr as if it were an error.

    Parameters
    ----------
    name : str
        Full name, such as "ktextures.training.train".

    Returns
    -------
    module
    """
    if "ipykernel" not in sys.modules or "tensorflow" in sys.modules:
        return import_module(name)
    with hidden_startup_messages():
        module = import_module(name)
        if "tensorflow" in sys.modules:
            # Looks for GPUs, and complains if there are none; devices stay as they are.
            sys.modules["tensorflow"].config.list_physical_devices()
        return module


def load_ahead(name: str) -> None:
    """Import a module in a thread, so that it is there when it is needed.

    Parameters
    ----------
    name : str
        Full name. If it cannot be imported, whoever needs it finds out.
    """

    def load() -> None:
        with suppress(ImportError):
            load_module(name)

    if name not in sys.modules:
        threading.Thread(target=load, name=f"ktextures-import {name}").start()


def load_extra(name: str, purpose: str) -> ModuleType:
    """Import a package that the extra "products" installs.

    Parameters
    ----------
    name : str
        Of the package, such as "geopandas".
    purpose : str
        What needs it, in the plural, as the message begins: "polygons".

    Returns
    -------
    module

    Raises
    ------
    MissingExtraError
        If it is not installed.

    Examples
    --------
    >>> load_extra("no_such_package", "polygons")
    Traceback (most recent call last):
    ...
    ktextures.errors.MissingExtraError: polygons need no_such_package, which is not \
installed; run pip install "ktextures[products]"
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != name.partition(".")[0]:
            raise
        raise MissingExtraError(
            f"{purpose} need {name}, which is not installed; run pip install "
            '"ktextures[products]"'
        ) from error


@contextmanager
def hidden_startup_messages() -> Iterator[None]:
    """Remove TensorFlow's start-up messages from what is written to stderr.

    Everything else appears when the block ends. With ``TF_CPP_MIN_LOG_LEVEL=0`` in
    the environment, nothing is removed.
    """
    # Without stderr, Python sets it to None and file descriptor 2 may be any file.
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0" or sys.__stderr__ is None:
        yield
        return
    with _LOCK, _filtered_stderr():
        yield


@contextmanager
def _filtered_stderr() -> Iterator[None]:
    import tempfile

    stderr = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            caught.seek(0)
            for line in caught:
                if not _STARTUP_MESSAGE.match(line):
                    os.write(2, line)
