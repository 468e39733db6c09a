"""The command line: its commands, and what all of them do about errors and signals."""

import argparse
import os
from collections.abc import Callable, Sequence

from ktextures.cli.applying import apply
from ktextures.cli.arguments import build_parser
from ktextures.cli.assessing import assess
from ktextures.cli.interrupts import Interrupts
from ktextures.cli.messages import complain, flush_stdout, one_line_warnings
from ktextures.cli.sampling import samples
from ktextures.cli.segmenting import segment
from ktextures.cli.vectorizing import polygons
from ktextures.errors import KTexturesError

__all__ = ["main"]

COMMANDS: dict[str, Callable[[argparse.Namespace, Interrupts], int]] = {
    "segment": segment,
    "demo": segment,
    "apply": apply,
    "polygons": polygons,
    "assess": assess,
    "samples": samples,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Arguments without the name of the program; by default those in `sys.argv`.

    Returns
    -------
    int
        Exit code: 0 = completed; 1 = an input that cannot be used or an output that
        cannot be written; 130 = stopped by Ctrl-C; 143 = stopped by SIGTERM. Messages
        go to standard error.

    Raises
    ------
    SystemExit
        After ``--help`` and ``--version`` with code 0, and after wrong arguments with
        code 2.

    Examples
    --------
    >>> main(["segment", "no such file.tif", "-o", "results"])
    1
    """
    try:
        options = build_parser().parse_args(arguments)
    finally:
        flush_stdout()
    return _execute(options)


def _execute(options: argparse.Namespace) -> int:
    """Run a command; report errors and signals, and return the exit code."""
    # TensorFlow's log is about hardware and does not help users of the command.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    interrupts = Interrupts()
    with interrupts.handled(), one_line_warnings():
        try:
            code = COMMANDS[options.command](options, interrupts)
        except (KTexturesError, OSError) as error:
            interrupts.defer()
            complain(str(error))
            return 1
        except KeyboardInterrupt:
            interrupts.defer()
            complain(f"stopped by {interrupts.cause}")
            return interrupts.exit_code
    return interrupts.exit_code if interrupts.received and code != 1 else code
