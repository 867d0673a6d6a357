"""How the worker handles waiting ids: runs, removals, waits and reasons."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from standpipe_console.errors import ConsoleError
from standpipe_console.history.statuses import NOT_STARTED
from standpipe_console.live.backoff import compute_backoff
from standpipe_console.live.batches import Timing
from standpipe_console.live.inbox import Inbox
from standpipe_console.live.rings import Ring, Subject, Target
from standpipe_console.live.worker import LOOK_AGAIN, Obstacle, Worker
from standpipe_console.project.pipelines import LEADS, SYNC
from standpipe_console.runs.runner import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from standpipe_console.project.pipelines import Pipeline

OVER_ANN = {"TAP_CHARGEBEE_CUSTOMER_IDS": '["ann"]'}
OVER_BOTH = {"TAP_CHARGEBEE_CUSTOMER_IDS": '["ann", "bob"]'}


@dataclass
class Scene:
    """A worker with its clock, whose runs end as the test says."""

    now: float = 1_000.0
    codes: list[int] = field(default_factory=list)  #: how the next runs end; then 0
    waits: list[float] = field(default_factory=list)  #: how long the next runs wait for another one; then 0
    runs: list[dict[str, str]] = field(default_factory=list)
    during: Callable[[], None] = lambda: None  #: what happens while a run is under way
    during_wait: Callable[[], None] = lambda: None  #: what happens before, while it waits for another one
    obstacle: Obstacle | None = None
    customers: dict[str, str] = field(default_factory=dict)
    inbox: Inbox = field(default_factory=lambda: Inbox("sqlite://"))

    def build_worker(self, pipeline: Pipeline = SYNC) -> Worker:
        """Return a worker with this scene's inbox and clock."""
        timing = Timing(quiet_seconds=5, longest_wait=60, live_batch=3, min_full_interval=900)
        return Worker(
            pipeline,
            self.inbox,
            timing,
            self.run,
            lambda: self.obstacle,
            self.customers.get,
            lambda: self.now,
            alert_after=600,
        )

    def run(self, variables: Mapping[str, str], *, is_subset: bool, on_start: Callable[[float], None]) -> Outcome:
        """Replace Meltano with a run of four seconds."""
        self.during_wait()
        self.now += self.waits.pop(0) if self.waits else 0
        started = self.now
        on_start(started)
        self.runs.append(dict(variables) if is_subset else {"plain": "yes"})
        self.during()
        self.now += 4
        code = self.codes.pop(0) if self.codes else 0
        log = None if code == NOT_STARTED else Path("log")
        began, ended = (datetime.fromtimestamp(at, UTC) for at in (started, self.now))
        return Outcome("id", "sync", code, began, ended, log, f"sync failed (exit code {code})" if code else "")

    def ring(self, *names: str, subject: Subject = Subject.CUSTOMER, job: str = "sync") -> None:
        """Ring for some ids now."""
        for name in names:
            event = f"{name}-{self.now}-{len(self.runs)}"
            self.inbox.add([Ring("chargebee", event, "x", frozenset([Target(job, subject, name)]))], self.now)

    def list_ids(self) -> list[str]:
        """Return the waiting ids."""
        return [one.target.id for one in self.inbox.list_waiting("sync")]


@pytest.fixture
def scene() -> Iterator[Scene]:
    """Yield a scene without any rings."""
    made = Scene()
    yield made
    made.inbox.close()


def test_what_fell_quiet_is_run_over_once(scene: Scene) -> None:
    """Two ids with several rings become one run, and then nothing waits."""
    worker = scene.build_worker()
    assert worker.step() is None
    scene.ring("ann", "bob", "ann")
    assert worker.step() == 5
    scene.now += 5
    assert worker.step() == 0
    assert scene.runs == [OVER_BOTH]
    assert (worker.step(), scene.list_ids()) == (None, [])


def test_what_rings_during_a_run_is_run_over_again(scene: Scene) -> None:
    """The record may have changed after the run read it."""
    worker = scene.build_worker()
    scene.ring("ann", "bob")
    scene.now += 5
    scene.during = lambda: scene.ring("ann") if len(scene.runs) == 1 else None
    worker.step()
    assert scene.list_ids() == ["ann"]
    scene.now += 5
    worker.step()
    assert scene.runs == [OVER_BOTH, OVER_ANN]


def test_many_ids_are_one_plain_run(scene: Scene) -> None:
    """More ids than a batch allows become a full run. Then nothing waits."""
    scene.ring("ann", "bob", "cy", "di")
    scene.now += 5
    scene.build_worker().step()
    assert (scene.runs, scene.list_ids()) == ([{"plain": "yes"}], [])
    assert scene.inbox.read_fact("sync.plain_at") == 1_005


def test_leads_run_over_companies_and_contacts(scene: Scene) -> None:
    """Each kind of id has its own setting."""
    scene.ring("co1", subject=Subject.COMPANY, job="sync-leads")
    scene.ring("u2", "u1", subject=Subject.CONTACT, job="sync-leads")
    scene.now += 5
    scene.build_worker(LEADS).step()
    assert scene.runs == [{"TAP_INTERCOM_COMPANY_IDS": '["co1"]', "TAP_INTERCOM_CONTACT_IDS": '["u1", "u2"]'}]


def test_a_failed_run_is_made_again(scene: Scene) -> None:
    """It is repeated after 5 and 10 seconds. The next repeat is a full run, as the ids may not be the cause."""
    scene.codes = [1, 1, 1]
    worker = scene.build_worker()
    scene.ring("ann")
    scene.now += 5
    assert worker.step() == 5
    assert worker.step() == 5
    waits = []
    for seconds in (5, 10, 20):
        scene.now += seconds
        waits.append(worker.step())
    assert waits == [10, 20, 0]
    assert scene.runs == [OVER_ANN, OVER_ANN, OVER_ANN, {"plain": "yes"}]
    assert scene.list_ids() == []


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 5), (2, 10), (7, 300), (100_000, 300)], ids=["first", "second", "seventh", "weeks"]
)
def test_waits_grow_up_to_a_limit(failures: int, seconds: float) -> None:
    """Waits grow only up to a limit, however long a vendor is unavailable."""
    assert compute_backoff(failures, 5, 300) == seconds


def test_a_failure_that_lasts_is_an_alert(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """There is one line after ten minutes, and one when a run succeeds again."""
    caplog.set_level(logging.WARNING)
    scene.codes = [1] * 5
    worker = scene.build_worker()
    scene.ring("ann")
    scene.now += 5
    for seconds in (0, 300, 300, 900, 900, 900):
        scene.now += seconds
        worker.step()
    alerts = [record.getMessage() for record in caplog.records if "Live" in record.getMessage()]
    assert alerts == ["Live has failed for 10 minutes: sync failed (exit code 1)", "Live works again: sync"]


def test_alerts_read_since_when_runs_fail(scene: Scene) -> None:
    """The inbox has the time and the reason of failing runs, and nothing after a good one."""
    scene.codes = [1, 1]
    seen = []
    scene.during = lambda: seen.append(scene.inbox.read_fact("sync.trouble"))
    worker = scene.build_worker()
    scene.ring("ann")
    for seconds in (5, 100, 100):
        scene.now += seconds
        worker.step()
        seen.append(scene.inbox.read_fact("sync.trouble"))
    reason = "sync failed (exit code 1)"
    assert seen == [
        None,
        {"since": 1_009, "reason": reason, "attempt_at": None},
        {"since": 1_009, "reason": reason, "attempt_at": 1_109},
        {"since": 1_009, "reason": reason, "attempt_at": None},
        {"since": 1_009, "reason": reason, "attempt_at": 1_213},
        None,
    ]


def test_the_time_behind_another_run_is_no_failure(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """Runs that wait for forty minutes and then fail are an alert only after ten minutes of their own."""
    caplog.set_level(logging.ERROR)
    scene.codes, scene.waits = [1, 1, NOT_STARTED, 1], [0, 2400, 3600]
    worker = scene.build_worker()
    scene.ring("ann")
    scene.now += 5
    for _ in range(4):
        worker.step()
        scene.now += 20
    assert caplog.messages == []
    assert scene.inbox.read_fact("sync.trouble") == {
        "since": 1_009 + 2400 + 3604,
        "reason": "sync failed (exit code 1)",
        "attempt_at": None,
    }


def test_a_guard_is_noted_as_trouble_until_nothing_waits(scene: Scene) -> None:
    """The trouble began when the guard first stopped a run for single ids."""
    scene.obstacle = Obstacle("A guard stopped the last run.", plain_run_helps=False)
    worker = scene.build_worker()
    scene.ring("ann")
    for _ in range(2):
        worker.step()
        scene.now += 60
    found = {"since": 1_000, "reason": "A guard stopped the last run.", "attempt_at": None}
    assert scene.inbox.read_fact("sync.trouble") == found
    scene.inbox.settle(scene.inbox.list_waiting("sync"), scene.now)
    worker.step()
    assert scene.inbox.read_fact("sync.trouble") is None


def test_waiting_behind_another_run_is_no_failure(scene: Scene) -> None:
    """The ids keep waiting, and there is no alert."""
    scene.codes = [NOT_STARTED] * 5
    worker = scene.build_worker()
    scene.ring("ann")
    scene.now += 5
    for _ in range(5):
        assert worker.step() == LOOK_AGAIN
        scene.now += LOOK_AGAIN
    assert worker.step() == 0
    assert scene.runs == [OVER_ANN] * 6
    assert scene.list_ids() == []


def test_nothing_runs_while_a_person_is_needed(scene: Scene) -> None:
    """A guard stopped the last plain run. `live status` shows the reason, and the ids keep waiting."""
    scene.obstacle = Obstacle("300 of 400 linked records would change MRR.", plain_run_helps=False)
    worker = scene.build_worker()
    scene.ring("ann")
    scene.now += 5
    assert worker.step() == LOOK_AGAIN
    assert (scene.runs, scene.list_ids()) == ([], ["ann"])
    assert scene.inbox.read_fact("sync.blocked") == "300 of 400 linked records would change MRR."
    scene.obstacle = None
    worker.step()
    assert scene.runs == [OVER_ANN]
    assert scene.inbox.read_fact("sync.blocked") == ""


def test_a_plain_run_comes_first_when_one_is_owed(scene: Scene) -> None:
    """There is at most one such run in a quarter of an hour."""
    scene.obstacle = Obstacle("The settings changed.", plain_run_helps=True)
    worker = scene.build_worker()
    scene.ring("ann")
    scene.now += 5
    assert worker.step() == 0
    scene.ring("bob")
    scene.now += 5
    assert worker.step() == 900 - 9
    assert scene.runs == [{"plain": "yes"}]
    assert scene.inbox.read_fact("sync.blocked") == "The settings changed."


def test_the_customer_of_a_subscription_is_looked_up(scene: Scene) -> None:
    """A missing subscription was deleted, and the event of its deletion names the customer."""
    scene.customers = {"s1": "ann"}
    worker = scene.build_worker()
    scene.ring("s1", "s2", subject=Subject.SUBSCRIPTION)
    scene.now += 5
    assert worker.step() == 0
    assert (scene.runs, scene.list_ids()) == ([], ["ann"])
    worker.step()
    assert scene.runs == [OVER_ANN]


def test_the_run_under_way_is_known(scene: Scene) -> None:
    """Since when, over how many ids, and whether it still waits for another run of the job; nothing after its end."""
    seen: list[object] = []

    def look() -> None:
        seen.append(scene.inbox.read_fact("sync.run"))

    scene.during_wait = scene.during = look
    scene.waits = [30.0]
    scene.ring("ann", "bob")
    scene.now += 5
    assert scene.build_worker().step() == 0
    look()
    run = {"asked_at": 1_005.0, "plain": False, "ids": 2}
    assert seen == [run | {"started_at": None}, run | {"started_at": 1_035.0}, None]


def test_a_run_that_cannot_start_is_not_under_way(scene: Scene) -> None:
    """Meltano may be missing."""

    def fail() -> None:
        raise ConsoleError("Meltano is not installed.")

    scene.during = fail
    scene.ring("ann")
    scene.now += 5
    with pytest.raises(ConsoleError, match="Meltano is not installed"):
        scene.build_worker().step()
    assert scene.inbox.read_fact("sync.run") is None
