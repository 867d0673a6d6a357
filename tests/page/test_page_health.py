"""The health of a pipeline in one word."""

from __future__ import annotations

import pytest
from standpipe_console.alerts.conditions import Delay
from standpipe_console.alerts.delays import Timetable
from standpipe_console.page.health import Level, Signs, judge, list_health

NOW = 1_000_000.0
HOUR = 3600.0
EVERY_6_HOURS = ("0 */6 * * *",)
SCHEDULED = {"timetable": Timetable(EVERY_6_HOURS, EVERY_6_HOURS)}
GOOD = {"status": "completed", "ended_at": NOW - HOUR}
LATE = {"delay": Delay(NOW - 2 * HOUR, NOW - 8 * HOUR)}
FAILED = SCHEDULED | GOOD | {"status": "failed"}


@pytest.mark.parametrize(
    ("signs", "word", "level", "sentence"),
    [
        (SCHEDULED | GOOD, "fresh", Level.GOOD, "All went well 1 hour ago."),
        (SCHEDULED, "never ran", Level.NOTICE, "It has not run yet."),
        (SCHEDULED | GOOD | LATE, "late", Level.BAD, "A run was due 2 hours ago and has not ended well since."),
        (
            SCHEDULED | GOOD | {"delay": Delay(NOW - 2 * HOUR, NOW - 14 * HOUR, NOW - 8 * HOUR)},
            "late",
            Level.BAD,
            "The run that began 8 hours ago is still running, although the next one was due.",
        ),
        (GOOD, "not scheduled", Level.NOTICE, "It runs only when somebody starts it. The last run ended 1 hour ago."),
        (
            GOOD | LATE,
            "not scheduled",
            Level.BAD,
            "The crontab no longer has its schedule. A run was due 2 hours ago.",
        ),
        (
            GOOD | {"timetable": Timetable(EVERY_6_HOURS, EVERY_6_HOURS, has_cron=False)},
            "not scheduled",
            Level.BAD,
            "It is scheduled, but no cron runs on this machine.",
        ),
        (
            GOOD | LATE | {"timetable": Timetable(EVERY_6_HOURS, EVERY_6_HOURS, has_cron=False)},
            "not scheduled",
            Level.BAD,
            "It is scheduled, but no cron runs on this machine. The run that was due 2 hours ago was missed.",
        ),
        (
            FAILED | {"reason": "Intercom refused the token.", "last_good_at": NOW - 8 * HOUR},
            "failed",
            Level.BAD,
            "The last run failed 1 hour ago: Intercom refused the token. The last good one was 8 hours ago.",
        ),
        (
            SCHEDULED | GOOD | {"status": "killed"},
            "killed",
            Level.BAD,
            "The last run was killed before its end 1 hour ago.",
        ),
        (SCHEDULED | GOOD | {"status": "guarded", "reason": "412 of 500."}, "guarded", Level.BAD, "412 of 500."),
        (
            SCHEDULED | GOOD | {"status": "partly_refused"},
            "partly refused",
            Level.NOTICE,
            "The last run finished, but some records were refused.",
        ),
        (
            FAILED | {"paused_since": NOW - 2 * HOUR, "pause_reason": "Run 7 was undone."},
            "paused",
            Level.NOTICE,
            "Paused 2 hours ago: Run 7 was undone.",
        ),
    ],
    ids=[
        "fresh", "never ran", "late", "does not end", "not scheduled", "no longer scheduled", "no cron", "missed",
        "failed",
        "killed", "guarded", "partly refused", "paused comes first",
    ],
)  # fmt: skip
def test_the_health_is_one_word_and_one_sentence(
    signs: dict[str, object], word: str, level: Level, sentence: str
) -> None:
    """What stops a pipeline comes before what failed, and that before what is late."""
    health = judge(Signs(now=NOW, **signs))  # type: ignore[arg-type]
    assert (health.word, health.level, health.sentence) == (word, level, sentence)


@pytest.mark.parametrize(
    ("signs", "words"),
    [
        (SCHEDULED | GOOD, ["fresh"]),
        (GOOD, ["not scheduled"]),
        (GOOD | {"status": "partly_refused"}, ["partly refused", "not scheduled"]),
        (FAILED | LATE, ["failed"]),
        (FAILED | {"timetable": Timetable()} | LATE, ["failed", "not scheduled"]),
        (GOOD | {"status": "failed", "paused_since": NOW - HOUR}, ["paused"]),
    ],
    ids=[
        "all is well",
        "one thing",
        "refused, and not scheduled",
        "a failure explains the delay",
        "failed, and no longer scheduled",
        "a pause explains the rest",
    ],
)
def test_one_trouble_hides_no_other(signs: dict[str, object], words: list[str]) -> None:
    """A person sees everything that is wrong, the most important first."""
    assert [one.word for one in list_health(Signs(now=NOW, **signs))] == words  # type: ignore[arg-type]
