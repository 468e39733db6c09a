"""The explorer's worker thread, and the commands that start and end its work."""

import threading
import traceback
from collections.abc import Callable
from typing import Any

from ktextures.errors import KTexturesError
from ktextures.widgets._results import ModelShelf
from ktextures.widgets._state import ExplorerState
from ktextures.widgets._steering import Steerer
from ktextures.widgets._trainer import Trainer

__all__ = ["BUSY_MESSAGE", "Session"]

BUSY_MESSAGE = "Another task is running; press Stop first."


class Session:
    """Runs one task at a time in a thread.

    Every method may be called from any thread and returns at once; outcomes are
    reported in the state.

    Parameters
    ----------
    state : ExplorerState
    trainer : Trainer
    shelf : ModelShelf
        Holds the model that Continue trains further.
    """

    def __init__(
        self, state: ExplorerState, trainer: Trainer, shelf: ModelShelf
    ) -> None:
        self.state, self._trainer, self._shelf = state, trainer, shelf
        self._signals = trainer.signals
        self._worker: threading.Thread | None = None
        state.observe(self._steps_changed, "steps")

    # --- commands ---------------------------------------------------------------

    def train(self) -> None:
        """Train a new model with the present settings."""
        if self._is_free():
            self._start(lambda: self._trainer.train(None))

    def resume(self) -> None:
        """Go on after a pause, or else train the present model further."""
        if self._turn(("paused",), "training", "Training."):
            self._signals.go.set()
        elif self._is_free():
            model = self._shelf.model
            if model is None:
                self.state.say("There is no model to continue yet; press Train.")
            else:
                self._start(lambda: self._trainer.train(model))

    def steer(self) -> None:
        """Let the model follow the hints of the state."""
        if self._is_free():
            self._start(Steerer(self._trainer).steer)

    def pause(self) -> None:
        """Wait after the current step."""
        if self._turn(("training",), "paused", "Paused."):
            self._signals.go.clear()

    def stop(self) -> None:
        """End the current task after its current step; keep what was learned."""
        if self._turn(("training", "paused"), "stopping", "Stopping.") or (
            self.state.task
        ):
            self._signals.stop.set()
            self._signals.go.set()

    def run(self, task: str, work: Callable[[Callable[[], bool]], None]) -> None:
        """Run a task in the worker thread; its argument tells whether to stop."""
        if self._is_free():
            self._start(lambda: work(self._signals.stop.is_set), task)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing runs; False if that takes longer than the timeout."""
        worker = self._worker
        if worker is not None and worker is not threading.current_thread():
            worker.join(timeout)
        return worker is None or not worker.is_alive()

    def close(self) -> None:
        """End the threads."""
        self.stop()
        self.wait()
        self.state.unobserve(self._steps_changed, "steps")
        self._trainer.close()

    # --- its thread --------------------------------------------------------------

    def _turn(self, before: tuple[str, ...], after: str, message: str) -> bool:
        """Change the status if it is one of `before`; True if it was."""
        with self.state.lock:
            if self.state.status not in before:
                return False
            self.state.say(message, after)
            return True

    def _is_free(self) -> bool:
        # A worker that has reported "done" needs a moment to end.
        if self.state.busy or not self.wait(2.0):
            self.state.say(BUSY_MESSAGE)
            return False
        return True

    def _start(self, work: Callable[[], None], task: str = "") -> None:
        self._signals.stop.clear()
        self._signals.go.set()
        self.state.traceback = ""
        if task:
            self.state.task, self.state.progress = task, 0.0
        else:
            self.state.say("Preparing.", "training")
        self._worker = threading.Thread(
            target=self._guarded, args=(work,), name="ktextures-explorer", daemon=True
        )
        self._worker.start()

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do the work, and report any failure in the state."""
        try:
            work()
        except Exception as error:
            self.state.traceback = traceback.format_exc()
            known = isinstance(error, KTexturesError)
            text = str(error) if known else f"{type(error).__name__}: {error}"
            failed = None if self.state.task else "failed"
            self.state.say(text or type(error).__name__, failed)
        finally:
            self.state.task = ""

    def _steps_changed(self, change: Any) -> None:
        if self.state.status in ("training", "paused"):
            self._trainer.aim(change["new"])
