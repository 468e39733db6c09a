"""The command line: segment a file, or try ktextures on the bundled scene."""

from ktextures.cli.command import main

__all__ = ["main"]
