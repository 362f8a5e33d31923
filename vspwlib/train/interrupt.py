"""Stopping cleanly: Ctrl-C and SIGTERM ask, the loop finishes its iteration and saves."""

import signal
import threading
from types import FrameType, TracebackType


class Interrupted(Exception):  # noqa: N818  it is no error: everything was saved
    """Training was asked to stop and saved its state first.

    Attributes:
        signal_number: The signal that asked (2 Ctrl-C, 15 SIGTERM).
        step: Iterations done and saved.
    """

    def __init__(self, signal_number: int, step: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signal_number).name} after iteration {step}; state saved")
        self.signal_number = signal_number
        self.step = step


class StopRequest:
    """Context in which SIGINT and SIGTERM are noted instead of ending the process.

    Outside the main thread, where Python allows no handlers, it notes nothing and changes nothing.

    Args:
        again_ends: Whether a second signal ends the process at once.
    """

    def __init__(self, *, again_ends: bool = True) -> None:
        self.signal_number: int | None = None
        self._again_ends = again_ends
        self._previous: dict[int, object] = {}

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.signal_number = number
        if self._again_ends:
            self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal itself returned
        self._previous = {}
