"""Live decides when a run starts and what it reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standpipe_console.live.batches import Batch, Sleep, Timing, choose_batch
from standpipe_console.live.inbox import Waiting
from standpipe_console.live.rings import Subject, Target

TIMING = Timing(quiet_seconds=5, longest_wait=60, live_batch=3, min_full_interval=900)


def rung(name: str, first: float, last: float, subject: Subject = Subject.CUSTOMER) -> Waiting:
    """Return a waiting entry with the seconds of its first and last ring."""
    return Waiting(Target("sync", subject, name), first, last, 1)


def subset(*entries: Waiting) -> Batch:
    """Return a run over these entries."""
    return Batch(entries, is_plain=False)


def plain(*entries: Waiting) -> Batch:
    """Return a full run, which covers these entries."""
    return Batch(entries, is_plain=True)


A, B, C, D = (rung(name, 100, 100) for name in "abcd")
STILL_RINGING = rung("e", 50, 103)
NEVER_QUIET = rung("f", 44, 103)
ALL = rung("", 100, 100, Subject.EVERYTHING)
FUTURE = rung("g", 5_000, 5_000)
CASES: dict[str, tuple[list[Waiting], float | None, bool, Batch | Sleep]] = {
    "nothing waits": ([], None, False, Sleep(None)),
    "quiet for long enough": ([A], None, False, subset(A)),
    "another id still rings": ([STILL_RINGING, A], None, False, subset(A)),
    "all still ring": ([STILL_RINGING], None, False, Sleep(3)),
    "one never falls quiet": ([NEVER_QUIET], None, False, subset(NEVER_QUIET)),
    "as many as a batch holds": ([A, B, C], None, False, subset(A, B, C)),
    "more than a batch holds": ([A, B, C, D], None, False, plain(A, B, C, D)),
    "a plain run covers who still rings": ([STILL_RINGING, A, B, C, D], None, False, plain(STILL_RINGING, A, B, C, D)),
    "more than a batch, soon after a plain run": ([A, B, C, D], 100, False, subset(A, B, C)),
    "an event that names nobody": ([ALL], None, False, plain(ALL)),
    "one that names nobody, soon after a plain run": ([ALL], 100, False, Sleep(895)),
    "the others need not wait with it": ([ALL, A], 100, False, subset(A)),
    "a plain run is needed first": ([A], None, True, plain(A)),
    "and is not allowed yet": ([A], 100, True, Sleep(895)),
    "the last plain run lies in the future: the clock was set back": ([ALL], 9_999, False, Sleep(900)),
    "so does a ring": ([FUTURE], None, False, subset(FUTURE)),
}


@pytest.mark.parametrize(("waiting", "last_plain_at", "needs_plain", "expected"), CASES.values(), ids=CASES.keys())
def test_a_batch_is_chosen(
    *, waiting: list[Waiting], last_plain_at: float | None, needs_plain: bool, expected: Batch | Sleep
) -> None:
    """The choice is made at second 105."""
    assert choose_batch(waiting, 105, TIMING, last_plain_at=last_plain_at, needs_plain=needs_plain) == expected


@given(
    rings=st.lists(st.tuples(st.floats(0, 200), st.floats(0, 100), st.booleans()), max_size=12),
    last_plain_at=st.none() | st.floats(0, 300),
    needs_plain=st.booleans(),
)
def test_everything_is_read_in_the_end(
    *, rings: list[tuple[float, float, bool]], last_plain_at: float | None, needs_plain: bool
) -> None:
    """Runs cover every waiting change, and never later than the settings allow."""
    waiting = [
        rung(str(number), first, first + more, Subject.EVERYTHING if everything else Subject.CUSTOMER)
        for number, (first, more, everything) in enumerate(rings)
    ]
    now = 300.0
    while waiting:
        chosen = choose_batch(waiting, now, TIMING, last_plain_at=last_plain_at, needs_plain=needs_plain)
        if isinstance(chosen, Sleep):
            assert chosen.seconds is not None
            assert chosen.seconds > 0
            now += chosen.seconds
        else:
            assert chosen.covered
            assert chosen.is_plain or len(chosen.covered) <= TIMING.live_batch
            last_plain_at = now if chosen.is_plain else last_plain_at
            waiting = [one for one in waiting if one not in chosen.covered]
    assert now <= 300 + TIMING.longest_wait + TIMING.min_full_interval + 1
