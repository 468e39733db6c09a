"""What the command line prints: messages to stderr, results to stdout."""

import json
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

__all__ = [
    "complain",
    "flush_stdout",
    "is_terminal",
    "json_text",
    "one_line_warnings",
    "say",
    "say_json",
]


def is_terminal() -> bool:
    """Whether standard error is a terminal; Python has none if it is closed."""
    return sys.stderr is not None and sys.stderr.isatty()


def complain(message: str) -> None:
    """Print a message about the run to standard error."""
    if sys.stderr is not None:
        print(f"ktextures: {message}", file=sys.stderr, flush=True)


def say(message: str) -> None:
    """Print a result to standard output."""
    with suppress(BrokenPipeError):
        print(message)
    flush_stdout()


def say_json(content: dict[str, Any]) -> None:
    """Print a result for programs to standard output; NaN becomes null."""
    say(json_text(content))


def json_text(content: dict[str, Any]) -> str:
    """Write a result for programs as JSON; NaN becomes null."""
    return json.dumps(_plain(content), ensure_ascii=False, indent=2, allow_nan=False)


def _plain(content: Any) -> Any:
    if isinstance(content, dict):
        return {str(key): _plain(each) for key, each in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(each) for each in content]
    if hasattr(content, "tolist"):
        return _plain(content.tolist())
    if isinstance(content, float) and content - content != 0:
        return None
    if content is None or isinstance(content, str | int | float | bool):
        return content
    return str(content)


def flush_stdout() -> None:
    """Write what is buffered; it is not an error if nobody reads it."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        # Otherwise Python would try again when it exits, and fail.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


@contextmanager
def one_line_warnings() -> Iterator[None]:
    """Print the warnings of ktextures like its errors, without source code."""

    def show(
        message: Warning | str, category: type[Warning], *place: Any, **more: Any
    ) -> None:
        if category is UserWarning:
            complain(f"warning: {message}")
        else:
            show_with_source(message, category, *place, **more)

    with warnings.catch_warnings():
        show_with_source = warnings.showwarning
        warnings.showwarning = show
        yield
