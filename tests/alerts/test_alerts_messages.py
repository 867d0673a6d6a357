"""The whole message for each situation of a pipeline, which is never sent twice."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standpipe_console.alerts.conditions import (
    Delay,
    LiveTrouble,
    PastRun,
    Pause,
    PipelineFacts,
    Side,
    Situation,
    find_conditions,
)
from standpipe_console.alerts.delays import Timetable, find_delay
from standpipe_console.alerts.messages import Message, Told, choose_messages
from standpipe_console.alerts.reasons import clean_reason, name_cause
from standpipe_console.alerts.times import Reader, count_times

if TYPE_CHECKING:
    from collections.abc import Sequence

BERLIN = ZoneInfo("Europe/Berlin")
TOKEN = "Intercom refused the token in `access_token` (Access Token Invalid)"


def at(clock: str, day: int = 20) -> float:
    """Return a moment of November 2026 in Berlin; the 20th is a Friday."""
    hours, minutes = clock.split(":")
    return datetime(2026, 11, day, int(hours), int(minutes), tzinfo=BERLIN).timestamp()


NOON = Reader(at("12:00"), BERLIN)


def failed(clock: str, reason: str = TOKEN, day: int = 20, trigger: str = "schedule") -> PastRun:
    """Return a run that failed."""
    return PastRun(at(clock, day), "failed", reason, trigger=trigger)


def good(clock: str, day: int = 20) -> PastRun:
    """Return a run that went well."""
    return PastRun(at(clock, day), "completed", trigger="schedule")


def facts(
    *runs: PastRun, delay: Delay | None = None, pause: Pause | None = None, live: LiveTrouble | None = None
) -> PipelineFacts:
    """Return what is known of the billing sync, the latest run first."""
    return PipelineFacts("sync", "billing sync", "Intercom", runs, delay, pause, live)


def send(found: PipelineFacts, told: Sequence[Told] = (), reader: Reader = NOON) -> tuple[list[Message], list[Told]]:
    """Return the messages for a channel that has received these alerts, and what it knows afterwards."""
    messages = list(choose_messages(found, find_conditions(found, reader), told, reader))
    ended = {one for message in messages for one in message.ends}
    new = [message.tells for message in messages if message.tells]
    return messages, [one for one in told if one not in ended] + new


REFUSED = {"email is invalid": 2, "name is too long": 1}
SITUATIONS = {
    "one failure": (
        facts(failed("06:00"), good("00:00")),
        "failure",
        "Standpipe: the billing sync failed",
        (
            "The billing sync failed at 06:00: Intercom refused the token in `access_token` (Access Token Invalid). "
            "Run `standpipe setup`."
        ),
    ),
    "three failures": (
        facts(failed("11:00"), failed("09:00"), failed("06:00"), good("00:00")),
        "failure",
        "Standpipe: the billing sync failed",
        (
            "The billing sync has failed three times since 06:00: Intercom refused the token in `access_token` "
            "(Access Token Invalid). Run `standpipe setup`."
        ),
    ),
    "failures of days": (
        facts(failed("06:00"), failed("00:00"), failed("18:00", day=18), good("12:00", day=18)),
        "failure",
        "Standpipe: the billing sync failed",
        (
            "The billing sync has failed three times since Wednesday 18:00: Intercom refused the token in "
            "`access_token` (Access Token Invalid). Run `standpipe setup`."
        ),
    ),
    "a run that never started its target": (
        facts(failed("06:00", "the map's store is missing: run `meltano run --full-refresh sync`"), good("00:00")),
        "failure",
        "Standpipe: the billing sync failed",
        "The billing sync failed at 06:00: the map's store is missing: run `meltano run --full-refresh sync`.",
    ),
    "a run that was killed": (
        facts(PastRun(at("06:00"), "killed"), good("00:00")),
        "failure",
        "Standpipe: the billing sync failed",
        "The billing sync failed at 06:00: it was killed before its end.",
    ),
    "a guard": (
        facts(PastRun(at("06:00"), "guarded", "60 of 100 records would change"), good("00:00")),
        "warning",
        "Standpipe: a guard stopped the billing sync",
        (
            "A guard stopped the billing sync at 06:00, before its first write: 60 of 100 records would change. "
            "Until somebody decides, nothing more is written."
        ),
    ),
    "some records refused": (
        facts(PastRun(at("06:00"), "partly_refused", "", 490, REFUSED), good("00:00")),
        "warning",
        "Standpipe: Intercom refused records of the billing sync",
        (
            "The billing sync ran at 06:00, but Intercom refused 3 of 490 records: email is invalid (2); name is too "
            "long (1). The others were written. Correct these, then run `standpipe retry`."
        ),
    ),
    "late": (
        facts(good("00:00"), delay=Delay(at("06:00"), at("00:00"))),
        "failure",
        "Standpipe: the billing sync is late",
        (
            "The billing sync is late: its last good run began at 00:00, and the next was due at 06:00. `standpipe "
            "status` says what ran, and what runs next."
        ),
    ),
    "cron stopped": (
        facts(good("18:00", 19), delay=Delay(at("00:00"), at("18:00", 19), has_cron=False)),
        "failure",
        "Standpipe: the billing sync is late",
        (
            "The billing sync is late: its last good run began yesterday at 18:00, and the next was due at 00:00. No "
            "cron runs on the machine: start it, for example with `service cron start`."
        ),
    ),
    "crontab lost": (
        facts(good("18:00", 17), delay=Delay(at("00:00", 18), at("18:00", 17), is_scheduled=False)),
        "failure",
        "Standpipe: the billing sync is late",
        (
            "The billing sync is late: its last good run began on Tuesday at 18:00, and the next was due on "
            "Wednesday at 00:00. The crontab no longer has its schedule: run `standpipe schedule install`."
        ),
    ),
    "a run that hangs": (
        facts(PastRun(at("01:00"), "running"), good("18:00", 2), delay=Delay(at("06:00"), at("18:00", 2), at("01:00"))),
        "failure",
        "Standpipe: the billing sync is late",
        (
            "The billing sync does not end: the run that began at 01:00 is still running. See its log in "
            "logs/sync, and stop it if it hangs."
        ),
    ),
    "paused": (
        facts(good("06:00"), pause=Pause(at("10:30"), "the run of 06:00 was undone")),
        "warning",
        "Standpipe: the billing sync is paused",
        (
            "The billing sync has been paused since 10:30: the run of 06:00 was undone. Nothing is written until "
            "somebody runs `standpipe resume sync`."
        ),
    ),
    "live is stuck": (
        facts(
            good("06:00"), live=LiveTrouble(at("11:40"), "Chargebee's events cannot be read: no route", is_run=False)
        ),
        "failure",
        "Standpipe: live is stuck on the billing sync",
        (
            "Live has not delivered changes to the billing sync since 11:40: Chargebee's events cannot be read: no "
            "route. `standpipe doctor` says what to do. The changes wait, and scheduled runs continue."
        ),
    ),
}


@pytest.mark.parametrize(("found", "kind", "title", "text"), SITUATIONS.values(), ids=SITUATIONS)
def test_each_situation_has_its_message(found: PipelineFacts, kind: str, title: str, text: str) -> None:
    """A channel without earlier alerts gets one message, and none at the next check."""
    messages, told = send(found)
    assert [(one.kind, one.title, one.text) for one in messages] == [(kind, title, text)]
    assert send(found, told) == ([], told)


LATER = replace(NOON, now=at("20:00"))
ENDS = {
    "one failure": (
        SITUATIONS["one failure"][0],
        facts(good("18:00"), failed("06:00"), good("00:00")),
        "The billing sync works again: the run at 18:00 ended well. It had failed at 06:00.",
    ),
    "three failures": (
        SITUATIONS["one failure"][0],
        facts(good("18:00"), failed("15:00"), failed("12:00"), failed("06:00"), good("00:00")),
        "The billing sync works again: the run at 18:00 ended well. It had failed three times since 06:00.",
    ),
    "a guard": (
        SITUATIONS["a guard"][0],
        facts(good("18:00")),
        "The billing sync works again: the run at 18:00 ended well. A guard had stopped it since 06:00.",
    ),
    "refusals": (
        SITUATIONS["some records refused"][0],
        facts(good("18:00")),
        (
            "Intercom accepted every record of the billing sync: the run at 18:00 ended well. It had refused some "
            "since 06:00."
        ),
    ),
    "late": (
        SITUATIONS["late"][0],
        facts(good("18:00")),
        "The billing sync is on time again: the run at 18:00 ended well. It was due at 06:00.",
    ),
    "paused": (
        SITUATIONS["paused"][0],
        facts(good("06:00")),
        "The billing sync is no longer paused: its schedule runs it again. It had been paused since 10:30.",
    ),
    "live": (
        SITUATIONS["live is stuck"][0],
        facts(good("06:00")),
        "Live works again on the billing sync. It had been stuck since 11:40.",
    ),
}


@pytest.mark.parametrize(("before", "after", "text"), ENDS.values(), ids=ENDS)
def test_the_end_of_each_situation_is_told_once(before: PipelineFacts, after: PipelineFacts, text: str) -> None:
    """A channel that received the alert gets one message when the situation ends; another channel gets none."""
    _, told = send(before)
    messages, left = send(after, told, LATER)
    assert [(one.kind, one.text) for one in messages] == [("success", text)]
    assert left == []
    assert send(after, [], LATER) == ([], [])


QUIET = {
    "nothing is known": facts(),
    "all is well": facts(good("06:00")),
    "a person stopped a run": facts(PastRun(at("11:00"), "stopped", "it was stopped"), good("06:00")),
    "a run found another one under way": facts(PastRun(at("11:00"), "not_started"), good("06:00")),
    "a run is under way": facts(PastRun(at("11:00"), "running"), good("06:00")),
    "live repeats a run that failed": facts(failed("11:00", trigger="live"), good("06:00")),
}


@pytest.mark.parametrize("found", QUIET.values(), ids=QUIET)
def test_what_is_nobodys_business_is_not_told(found: PipelineFacts) -> None:
    """Runs that a person stopped, that wait, or that live repeats do not cause an alert."""
    assert send(found) == ([], [])


def test_one_more_failure_of_the_same_kind_is_not_told() -> None:
    """A further failure for the same cause sends no message, even if numbers or ids in its reason differ."""
    _, told = send(facts(failed("06:00", "customer a1 broke call 17")))
    assert send(facts(failed("12:00", "customer b22 broke call 3"), failed("06:00")), told) == ([], told)


def test_another_cause_is_told_with_the_count() -> None:
    """Another cause sends a message with the number of failures; causes that alternate send one message each."""
    _, told = send(facts(failed("06:00")))
    outage = facts(failed("09:00", "Intercom does not answer"), failed("06:00"))
    messages, told = send(outage, told)
    assert [one.text for one in messages] == [
        "The billing sync has failed twice since 06:00: Intercom does not answer. `standpipe doctor` says what to do."
    ]
    assert send(facts(failed("11:00"), *outage.runs), told) == ([], told)


def test_a_failure_that_becomes_a_refusal_is_one_message() -> None:
    """The end of one situation is the beginning of the other."""
    _, told = send(facts(failed("06:00")))
    messages, told = send(SITUATIONS["some records refused"][0], told)
    assert [one.title for one in messages] == ["Standpipe: Intercom refused records of the billing sync"]
    assert [one.situation for one in told] == [Situation.PARTLY_REFUSED]


def test_a_failure_says_all_of_what_follows_from_it() -> None:
    """While runs fail or are stopped, there is no further alert that they are late or that live waits."""
    late, stuck = Delay(at("06:00"), at("00:00")), LiveTrouble(at("11:00"), "sync failed")
    for found in (facts(failed("06:00"), delay=late, live=stuck), SITUATIONS["a guard"][0], SITUATIONS["paused"][0]):
        messages, _ = send(replace(found, delay=late, live=stuck))
        assert len(messages) == 1


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("sync failed (exit code 1): Intercom refused it.; its log is /srv/x/logs/a.log", "Intercom refused it"),
        ("sync was killed by signal 9; its log is /srv/x.log", ""),
        ("Intercom has ann.smith+x@mail.example, again", "Intercom has (an e-mail address), again"),
        ("the key live_abcdefgh is unknown", "the key … is unknown"),
        ("two\nlines\tand\x1b[1m colour", "two lines and [1m colour"),
        ("x" * 500, "x" * 300),
    ],
    ids=["from a run", "killed", "e-mail", "key", "control characters", "long"],
)
def test_a_reason_shows_no_key_and_no_address(text: str, cleaned: str) -> None:
    """A reason is one line without keys, addresses and what the message says anyway."""
    assert clean_reason(text, ["live_abcdefgh", "abc"]) == cleaned


@pytest.mark.parametrize(
    ("moment", "since", "when"),
    [
        (at("06:05"), "06:05", "at 06:05"),
        (at("23:59", 19), "yesterday 23:59", "yesterday at 23:59"),
        (at("06:00", 14), "Saturday 06:00", "on Saturday at 06:00"),
        (at("06:00", 13), "13 November 06:00", "on 13 November at 06:00"),
        (at("06:00", 21), "21 November 06:00", "on 21 November at 06:00"),
    ],
    ids=["today", "yesterday", "within a week", "earlier", "a clock that was set back"],
)
def test_times_are_told_as_a_person_says_them(moment: float, since: str, when: str) -> None:
    """Times are relative to the reader's day and in the reader's time zone."""
    assert (NOON.tell(moment), NOON.tell_moment(moment)) == (since, when)


def test_a_machine_in_utc_says_so() -> None:
    """On a machine in UTC, times name the zone, as readers may live in another one."""
    assert Reader(at("12:00"), UTC).tell_moment(at("06:00")) == "at 05:00 UTC"


def test_numbers_are_words_up_to_ten() -> None:
    """Numbers up to ten are written as words."""
    assert [count_times(n) for n in (1, 2, 3, 10, 11)] == ["once", "twice", "three times", "ten times", "11 times"]


EVERY_6_HOURS = Timetable(("0 */6 * * *",), ("0 */6 * * *",))
DELAYS = {
    "in time": ([good("06:00")], EVERY_6_HOURS, "12:59", None),
    "an hour late": ([good("06:00")], EVERY_6_HOURS, "13:01", Delay(at("12:00"), at("06:00"))),
    "a refused record is no delay": ([PastRun(at("12:00"), "partly_refused")], EVERY_6_HOURS, "13:01", None),
    "under way since its time": ([PastRun(at("12:00"), "running"), good("06:00")], EVERY_6_HOURS, "18:59", None),
    "under way past the next time": (
        [PastRun(at("12:00"), "running"), good("06:00")],
        EVERY_6_HOURS,
        "19:01",
        Delay(at("18:00"), at("06:00"), at("12:00")),
    ),
    "never ran well": ([failed("06:00")], EVERY_6_HOURS, "23:00", None),
    "only by hand": ([PastRun(at("06:00"), "completed", trigger="person")], Timetable(("0 * * * *",)), "23:00", None),
    "its line is gone": (
        [good("06:00")],
        Timetable(("0 */6 * * *",)),
        "13:01",
        Delay(at("12:00"), at("06:00"), is_scheduled=False),
    ),
    "cron stopped": (
        [good("06:00")],
        replace(EVERY_6_HOURS, has_cron=False),
        "13:01",
        Delay(at("12:00"), at("06:00"), has_cron=False),
    ),
    "an interval that cron cannot read": ([good("06:00")], Timetable(("often",), ("often",)), "23:00", None),
}


@pytest.mark.parametrize(("runs", "timetable", "now", "delay"), DELAYS.values(), ids=DELAYS)
def test_a_run_is_late_an_hour_after_its_time(
    runs: list[PastRun], timetable: Timetable, now: str, delay: Delay | None
) -> None:
    """A scheduled run is late one hour after its time, even if its schedule was removed since."""
    assert find_delay(runs, timetable, datetime.fromtimestamp(at(now), BERLIN), margin=3600) == delay


RUNS = st.sampled_from(["completed", "failed", "killed", "guarded", "partly_refused", "stopped", "not_started"])
STEPS = st.tuples(RUNS, st.sampled_from([TOKEN, "no answer", "call 7 failed"]), st.booleans(), st.booleans())


@given(st.lists(STEPS, max_size=12))
def test_no_message_comes_twice_without_an_end_between(steps: list[tuple[str, str, bool, bool]]) -> None:
    """Whatever runs do and however often the check runs, each change sends one message, and each end follows one."""
    told: list[Told] = []
    runs: list[PastRun] = []
    since_end: dict[Side, set[str]] = {side: set() for side in Side}
    for number, (status, reason, is_paused, is_late) in enumerate(steps):
        moment = at("00:00") + number * 600
        runs = [PastRun(moment, status, reason, trigger="schedule"), *runs]
        pause = Pause(at("00:00"), "undone") if is_paused else None
        found = facts(*runs, pause=pause, delay=Delay(moment, at("00:00")) if is_late else None)
        reader = Reader(moment + 300, BERLIN)
        messages, told = send(found, told, reader)
        for message in messages:
            side = message.tells.side if message.tells else message.ends[0].side
            if message.tells is None:
                assert since_end[side], message.text  # the end of something that was told
                since_end[side] = set()
            else:
                assert message.text not in since_end[side]
                since_end[side].add(message.text)
        assert send(found, told, reader)[0] == []


def test_a_cause_is_a_name_without_the_reason() -> None:
    """The name of a cause in the history reveals nothing of the reason."""
    assert re.fullmatch("[0-9a-f]{12}", name_cause("ann@a.example is refused"))
