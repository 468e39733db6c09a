"""Importing modules without TensorFlow's greetings, which notebooks show in red."""

import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

__all__ = ["load_module"]

# No setting of TensorFlow 2.21 silences what it says before its log is set up.
_GREETING = re.compile(rb"WARNING: All log messages before absl::|I0000 00:00:")

# Two threads must not turn stderr aside at once.
_ALONE = threading.Lock()


def load_module(name: str) -> ModuleType:
    """Import a module of ktextures.

    In a notebook, where each line on stderr looks like a failure, information that
    TensorFlow writes there while it is loaded is left out; all else is passed on when
    it is loaded. ``TF_CPP_MIN_LOG_LEVEL=0`` shows it.
    """
    notebook = "ipykernel" in sys.modules
    verbose = os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0"
    if verbose or not notebook or "tensorflow" in sys.modules:
        return import_module(name)
    with _ALONE, _without_greetings():
        return import_module(name)


@contextmanager
def _without_greetings() -> Iterator[None]:
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
                if not _GREETING.match(line):
                    os.write(2, line)
