"""The explorer's worker thread, and the commands that start and end its work."""

import threading
import traceback
from collections.abc import Callable
from typing import Any

from ktextures.errors import KTexturesError
from ktextures.widgets._state import ExplorerState
from ktextures.widgets._trainer import Trainer

__all__ = ["Session"]


class Session:
    """Does one thing at a time in a thread.

    Every method may be called from any thread and returns at once; what came of it is
    in the state.

    Parameters
    ----------
    state : ExplorerState
    trainer : Trainer
    """

    def __init__(self, state: ExplorerState, trainer: Trainer) -> None:
        self.state, self._trainer = state, trainer
        self._signals = trainer.signals
        self._worker: threading.Thread | None = None
        state.observe(self._steps_changed, "steps")

    # --- commands ---------------------------------------------------------------

    def train(self) -> None:
        """Train anew with the present settings."""
        if self._free("Train"):
            self._start(lambda: self._trainer.train(None))

    def resume(self) -> None:
        """Go on after a pause; else train the present model further."""
        if self._turn(("paused",), "training", "Training."):
            self._signals.go.set()
        elif (model := self._trainer.model) is None:
            self.state.message = "There is nothing to continue yet; press Train."
        elif self._free("Continue"):
            self._start(lambda: self._trainer.train(model))

    def pause(self) -> None:
        """Wait after the step at hand."""
        if self._turn(("training",), "paused", "Paused."):
            self._signals.go.clear()

    def stop(self) -> None:
        """End what runs after the step at hand; keep what is learned."""
        if self._turn(("training", "paused"), "stopping", "Stopping.") or (
            self.state.applying
        ):
            self._signals.stop.set()
            self._signals.go.set()

    def run(self, work: Callable[[Callable[[], bool]], None]) -> None:
        """Do other work in the worker; it is handed what tells whether to stop."""
        if self._free("Apply"):
            self._start(lambda: work(self._signals.stop.is_set), applying=True)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing runs; False if the time was not enough."""
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
        """Change the status if it is one of those; tell whether it was."""
        with self.state.lock:
            if self.state.status not in before:
                return False
            self.state.status, self.state.message = after, message
            return True

    def _free(self, wish: str) -> bool:
        # A worker that has said "done" needs a moment to end.
        if self.state.busy or not self.wait(2.0):
            self.state.message = f"{wish} has to wait: stop what runs first."
            return False
        return True

    def _start(self, work: Callable[[], None], applying: bool = False) -> None:
        self._signals.stop.clear()
        self._signals.go.set()
        self.state.traceback = ""
        if applying:
            self.state.applying, self.state.progress = True, 0.0
        else:
            self.state.status, self.state.message = "training", "Preparing."
        self._worker = threading.Thread(
            target=self._guarded, args=(work,), name="ktextures-explorer", daemon=True
        )
        self._worker.start()

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do the work; whatever fails is told in the state."""
        try:
            work()
        except Exception as error:
            self.state.traceback = traceback.format_exc()
            known = isinstance(error, KTexturesError)
            text = str(error) if known else f"{type(error).__name__}: {error}"
            self.state.message = text or type(error).__name__
            if not self.state.applying:
                self.state.status = "failed"
        finally:
            self.state.applying = False

    def _steps_changed(self, change: Any) -> None:
        if self.state.status in ("training", "paused"):
            self._trainer.aim(change["new"])
