"""Opening the scroll over Intercom's companies: waiting for other scrolls, and failed tries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from singer_kit.scroll import open_scroll
from singer_kit.transport import FailedCallError, NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable

PROXY = FailedCallError("an unexpected answer")


class TakenError(Exception):
    """Another scroll is open."""


class Workspace:
    """Answers openings from a list: a page, a failure that leaves a scroll open, or another scroll in the way.

    Args:
        answers: one word per attempt; the last one repeats.
    """

    def __init__(self, answers: str) -> None:
        self._answers = answers.split()
        self.attempts = 0
        self.time = 0.0

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.time += seconds

    def fetch(self, on_failure: Callable[[FailedCallError], None]) -> str:
        """Open the scroll like a client: report a failure and try again at once."""
        while True:
            answer = self._answers[min(self.attempts, len(self._answers) - 1)]
            self.attempts += 1
            if answer == "page":
                return answer
            if answer == "taken":
                raise TakenError
            if answer == "refused":
                raise ValueError(answer)
            on_failure(PROXY)


@pytest.mark.parametrize(
    ("answers", "result", "attempts", "seconds"),
    [
        ("page", "page", 1, 0),
        ("fails page", "page", 2, 0),
        ("taken taken page", "page", 3, 10),
        ("fails taken taken page", "page", 4, 10),
        ("refused", ValueError, 1, 0),
        ("taken", TakenError, 20, 95),
        ("fails taken fails taken fails taken", NoAnswerError, 6, 10),
        ("fails taken", NoAnswerError, 21, 95),
    ],
    ids=[
        "at once",
        "a failure that leaves nothing open",
        "after another one",
        "after its own lost one",
        "refused",
        "another one stays open",
        "its own are lost three times",
        "its own is lost, and another one stays open",
    ],
)
def test_the_scroll_is_opened_or_the_real_cause_is_raised(
    answers: str, result: str | type[Exception], attempts: int, seconds: float
) -> None:
    """Opening may fail three times.

    Other scrolls are awaited for a hundred seconds at most, then the real cause is raised.
    """
    workspace = Workspace(answers)

    def open_one() -> str:
        return open_scroll(
            workspace.fetch,
            is_taken=lambda error: isinstance(error, TakenError),
            tries=3,
            patience=95,
            pause=5,
            sleep=workspace.sleep,
            clock=lambda: workspace.time,
        )

    if isinstance(result, str):
        assert open_one() == result
    else:
        with pytest.raises(result):
            open_one()
    assert (workspace.attempts, workspace.time) == (attempts, seconds)
