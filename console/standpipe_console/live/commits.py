"""Group commits: everything that arrives during one commit shares the next one.

A durable commit takes milliseconds, whatever its size. One commit per ring could not keep up with a burst.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING

from standpipe_console.errors import ConsoleError

from .problems import Problems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .inbox import Inbox
    from .rings import Ring

_SUBJECT = "Events cannot be stored, so their senders must send them again"
#: How long a commit waits for more rings, in seconds. A commit costs as much as a hundred rings.
_LINGER = 0.01
#: The number of rings per transaction. With more, the last sender would wait long for its answer.
_MAX_GROUP = 2_000


class GroupCommits:
    """A thread that writes rings into the inbox, and completes a future for each submission after its commit."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._problems = Problems()
        self._submitted: list[tuple[Sequence[Ring], Future[None]]] = []
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._commit_until_closed, name="inbox", daemon=True)
        self._thread.start()

    def submit(self, rings: Sequence[Ring]) -> Future[None]:
        """Return a future that completes when the rings are committed, or fails with the error of the commit."""
        future: Future[None] = Future()
        with self._changed:
            if self._is_closed:
                future.set_exception(RuntimeError("The receiver is stopping."))
                return future
            self._submitted.append((rings, future))
            if len(self._submitted) == 1:
                self._changed.notify()
        return future

    def close(self) -> None:
        """Commit what was submitted, then stop."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def _commit_until_closed(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._submitted or self._is_closed)
                self._changed.wait_for(lambda: self._is_closed, _LINGER)
                group, self._submitted = self._submitted[:_MAX_GROUP], self._submitted[_MAX_GROUP:]
            if not group:
                return
            self._commit(group)

    def _commit(self, group: Sequence[tuple[Sequence[Ring], Future[None]]]) -> None:
        failure: Exception | None = None
        try:
            self._inbox.add([ring for rings, _ in group for ring in rings], time.time())
        except Exception as error:  # noqa: BLE001 each sender is told, and delivers again
            failure = error
            # The text of other errors may hold ids.
            cause = str(error) if isinstance(error, ConsoleError) else type(error).__name__
            self._problems.report(_SUBJECT, cause)
        else:
            self._problems.end(_SUBJECT)
        for _, future in group:
            # A sender that disconnected has cancelled its future, but its ring is stored all the same.
            if not future.set_running_or_notify_cancel():
                continue
            if failure:
                future.set_exception(failure)
            else:
                future.set_result(None)
