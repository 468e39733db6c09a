"""Runs in the notebook's kernel: an explorer's events, by the kernel's clock."""

import time

from IPython import get_ipython
from ipywidgets import Button
from ipywidgets.widgets.widget import _instances  # no public list of live widgets


def sent():
    """When the browser, on the same machine, sent the message now being handled."""
    return get_ipython().kernel.get_parent("shell")["header"]["date"].timestamp()


def buttons(text):
    """Live buttons with this text."""
    widgets = list(_instances.values())
    return [w for w in widgets if isinstance(w, Button) and w.description == text]


class Stopwatch:
    """Times of clicks, as sent by the browser, and of changes of the state."""

    def __init__(self, explorer):
        self.explorer, self.events = explorer, []
        explorer.state.observe(self._changed, ["k", "status", "step"])
        for text in ("Train", "Pause", "Continue", "Stop", "Reset"):
            for button in buttons(text):
                # First in the row: a handler that takes long must not hide its time.
                button._click_handlers.callbacks.insert(0, self._clicked)

    def _changed(self, change):
        self.events.append((time.time(), change["name"], change["new"]))

    def _clicked(self, button):
        self.events.append((sent(), "click", button.description))

    def clicked(self, text):
        """When a button was clicked last."""
        found = [when for when, *what in self.events if what == ["click", text]]
        return found[-1]

    def delay(self, text, name, value=None):
        """Seconds from the last click to the first change of a trait after it."""
        start = self.clicked(text)
        for when, what, new in self.events:
            if when >= start and what == name and value in (None, new):
                return when - start
        return None

    def run_on(self, text):
        """Seconds for which steps were still taken after the last click."""
        start = self.clicked(text)
        steps = [when for when, what, _ in self.events if what == "step"]
        return max((when - start for when in steps if when >= start), default=0.0)
