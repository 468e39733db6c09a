"""Settings that must be in place before TensorFlow and matplotlib are imported."""

import os

from hypothesis import settings

# TensorFlow's notes on the processor would drown the report of a failed test.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "agg")

# The same examples at each run, and no deadline: a busy machine is no error.
settings.register_profile("ktextures", derandomize=True, deadline=None)
settings.load_profile("ktextures")
