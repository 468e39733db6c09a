"""Trained mask networks, applied to pixels as fast as a processor allows."""
