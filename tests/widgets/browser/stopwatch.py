"""Records an explorer's events with the kernel's clock; runs in the kernel."""

import time

from IPython import get_ipython
from ipywidgets import Button
from ipywidgets.widgets.widget import _instances  # no public list of live widgets


def sent():
    """Time at which the browser sent the message that is being handled."""
    return get_ipython().kernel.get_parent("shell")["header"]["date"].timestamp()


def buttons(text):
    """Open buttons with this text."""
    widgets = list(_instances.values())
    return [w for w in widgets if isinstance(w, Button) and w.description == text]


class Stopwatch:
    """Times of clicks, by the browser's clock, and of changes of the state."""

    def __init__(self, explorer):
        self.explorer, self.events = explorer, []
        explorer.state.observe(self._changed, ["k", "status", "step"])
        for text in ("Train", "Pause", "Continue", "Stop", "Reset"):
            for button in buttons(text):
                # Called first, so that slow handlers do not delay it.
                button._click_handlers.callbacks.insert(0, self._clicked)

    def _changed(self, change):
        self.events.append((time.time(), change["name"], change["new"]))

    def _clicked(self, button):
        self.events.append((sent(), "click", button.description))

    def clicked(self, text):
        """Time of the last click on a button."""
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
        """Seconds from the last click to the last step after it."""
        start = self.clicked(text)
        steps = [when for when, what, _ in self.events if what == "step"]
        return max((when - start for when in steps if when >= start), default=0.0)
