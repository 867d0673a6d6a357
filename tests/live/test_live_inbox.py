"""The inbox keeps the ids of events until a run has read them."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from postgres import needs_postgres
from standpipe_console.errors import ConsoleError
from standpipe_console.live.commits import GroupCommits
from standpipe_console.live.inbox import KEEP_SEEN_SECONDS, SCHEMA, Inbox, Waiting
from standpipe_console.live.rings import Ring, Subject, Target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANN, BOB = (Target("sync", Subject.CUSTOMER, name) for name in ("ann", "bob"))


def ring(event: str, *targets: Target) -> Ring:
    """Return the ring of a Chargebee event."""
    return Ring("chargebee", event, "customer_changed", frozenset(targets))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of an empty database, once SQLite and once PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/inbox.sqlite"
    address: str = request.getfixturevalue("postgres_database")
    engine = sa.create_engine(address)
    with engine.begin() as connection:
        connection.execute(sa.schema.DropSchema(SCHEMA, cascade=True, if_exists=True))
    engine.dispose()
    # The address as people write it, without the driver.
    return address.replace("postgresql+psycopg:", "postgresql:")


@pytest.fixture
def inbox(url: str) -> Iterator[Inbox]:
    """Yield an empty inbox."""
    opened = Inbox(url)
    yield opened
    opened.close()


@needs_postgres
def test_one_live_works_on_an_inbox(postgres_database: str) -> None:
    """Beside it there is none on any machine, but those of other environments; after its end there may be."""
    with closing(Inbox(postgres_database)) as one, closing(Inbox(postgres_database)) as other:
        assert one.lock_for_live()
        assert one.lock_for_live()
        assert not other.lock_for_live()
        with closing(Inbox(postgres_database, "standpipe_env_us")) as environment:
            assert environment.lock_for_live()
        one.close()
        assert other.lock_for_live()


@needs_postgres
def test_the_lock_of_live_outlives_a_restart_of_the_database(postgres_database: str) -> None:
    """When its connection was lost, live takes the lock again, unless another one was faster."""
    ours = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = 7413922"
    engine = sa.create_engine(postgres_database)
    with closing(Inbox(postgres_database)) as one, closing(Inbox(postgres_database)) as other:
        assert one.lock_for_live()
        with engine.begin() as connection:
            connection.exec_driver_sql(ours)
        assert one.lock_for_live()
        with engine.begin() as connection:
            connection.exec_driver_sql(ours)
        assert other.lock_for_live()
        assert not one.lock_for_live()
    engine.dispose()


def test_an_id_waits_once(inbox: Inbox) -> None:
    """It waits once for any number of rings, with the times of the first and the last."""
    assert inbox.add([ring("e1", ANN), ring("e2", ANN, BOB)], 100) == 2
    assert inbox.add([ring("e3", ANN)], 107) == 1
    assert inbox.list_waiting("sync") == [Waiting(ANN, 100, 107, 3), Waiting(BOB, 100, 100, 1)]
    assert inbox.list_waiting("sync-leads") == []


def test_a_repeated_delivery_counts_for_nothing(inbox: Inbox) -> None:
    """The same event may come again in one delivery or days later."""
    assert inbox.add([ring("e1", ANN), ring("e1", ANN)], 100) == 1
    assert inbox.add([ring("e1", ANN)], 100 + 3 * 86_400) == 0
    assert inbox.list_waiting("sync") == [Waiting(ANN, 100, 100, 1)]
    assert inbox.list_counts() == {("chargebee", "customer_changed"): 1}


def test_an_event_without_an_id_is_always_new(inbox: Inbox) -> None:
    """Intercom's ping is such an event."""
    ping = Ring("intercom", "", "ping", frozenset())
    assert inbox.add([ping, ping], 100) == 2
    assert inbox.add([ping], 101) == 1
    assert (inbox.list_counts(), inbox.get_last_ring()) == ({("intercom", "ping"): 3}, 101)


def test_what_a_run_read_goes(inbox: Inbox) -> None:
    """Ids that rang during the run stay, and wait from the start of that run."""
    inbox.add([ring("e1", ANN), ring("e2", BOB)], 100)
    read = inbox.list_waiting("sync")
    inbox.add([ring("e3", BOB)], 112)
    inbox.settle(read, started_at=110)
    assert inbox.list_waiting("sync") == [Waiting(BOB, 110, 112, 2)]


def test_customers_wait_in_the_place_of_their_subscription(inbox: Inbox) -> None:
    """After the lookup, the customers of a subscription replace it in the inbox."""
    subscription = Target("sync", Subject.SUBSCRIPTION, "s1")
    inbox.add([ring("e1", subscription)], 100)
    inbox.add([ring("e2", ANN)], 105)
    inbox.replace(subscription, ["ann", "bob"])
    inbox.replace(subscription, ["nobody"])
    assert inbox.list_waiting("sync") == [Waiting(BOB, 100, 100, 1), Waiting(ANN, 105, 105, 2)]


def test_facts_outlive_the_process(url: str) -> None:
    """One of these facts is how far the events were read."""
    first = Inbox(url)
    first.write_fact("polled_until", 100)
    first.write_fact("polled_until", 200)
    first.close()
    again = Inbox(url)
    assert (again.read_fact("polled_until"), again.read_fact("unknown")) == (200, None)
    again.close()


def test_old_events_are_forgotten(inbox: Inbox) -> None:
    """Their ids are deleted when no vendor would repeat them any more."""
    inbox.add([ring("e1", ANN)], 100)
    inbox.prune(100 + KEEP_SEEN_SECONDS)
    assert inbox.add([ring("e1", ANN)], 200) == 0
    inbox.prune(101 + KEEP_SEEN_SECONDS)
    assert inbox.add([ring("e1", ANN)], 200) == 1


def test_rings_of_many_threads_are_all_kept(inbox: Inbox) -> None:
    """Eight threads deliver three copies of 200 events."""
    commits = GroupCommits(inbox)
    events = [ring(f"e{number % 200}", Target("sync", Subject.CUSTOMER, f"c{number % 50}")) for number in range(600)]
    with ThreadPoolExecutor(8) as threads:
        futures = list(threads.map(lambda one: commits.submit([one]), events))
        for future in futures:
            future.result(timeout=30)
    commits.close()
    assert {one.target.id: one.rings for one in inbox.list_waiting("sync")} == {f"c{number}": 4 for number in range(50)}
    with pytest.raises(RuntimeError, match="stopping"):
        commits.submit([ring("late", ANN)]).result()


def test_an_event_that_two_programs_hear_of_counts_once(url: str) -> None:
    """Both open the new database at once; each event is new for one of them, and each id has all of its rings."""
    events = [[ring(f"e{number + n}", ANN, BOB) for n in range(10)] for number in range(40)]

    def work(orders: list[list[Ring]]) -> int:
        opened = Inbox(url)
        new = sum(opened.add(group, 100) for group in orders)
        opened.close()
        return new

    with ThreadPoolExecutor(2) as threads:
        assert sum(threads.map(work, [events, events[::-1]])) == 49
    with closing(Inbox(url)) as inbox:
        assert {one.target: one.rings for one in inbox.list_waiting("sync")} == {ANN: 49, BOB: 49}


def test_what_was_erased_or_removed_is_gone(inbox: Inbox) -> None:
    """One id of all jobs, or everything of one job."""
    inbox.add([ring("e1", ANN, BOB), ring("e2", Target("sync-leads", Subject.CONTACT, "u1"))], 100)
    inbox.write_fact("sync.blocked", "a guard")
    inbox.write_fact("sync-leads.blocked", "another guard")
    assert (inbox.erase(["ann", "nobody"]), inbox.erase(["ann"])) == (1, 0)
    inbox.forget("sync")
    assert inbox.list_waiting("sync") == []
    assert [one.target.id for one in inbox.list_waiting("sync-leads")] == ["u1"]
    assert (inbox.read_fact("sync.blocked"), inbox.read_fact("sync-leads.blocked")) == (None, "another guard")


WRONG = {
    "no server": (
        "postgresql://ann:secret@127.0.0.1:9/standpipe",
        "The inbox postgresql+psycopg://ann:***@127.0.0.1:9/standpipe does not answer (",
    ),
    "no address": ("secret", "LIVE_INBOX_URL is not an address of a database"),
    "another database": ("mysql://ann:secret@127.0.0.1/standpipe", "LIVE_INBOX_URL "),
}


@pytest.mark.parametrize(("address", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_an_address_without_an_inbox_is_said(address: str, sentence: str) -> None:
    """The password in it is not."""
    with pytest.raises(ConsoleError) as error:
        Inbox(address)
    assert str(error.value).startswith(sentence)
    assert "secret" not in str(error.value)


def test_a_failed_commit_fails_its_senders(inbox: Inbox) -> None:
    """Only the senders of the failed commit get the error. They would deliver again."""
    commits = GroupCommits(inbox)
    with pytest.raises(Exception, match=r"(?i)not.null"):
        commits.submit([Ring("chargebee", "e1", "x", frozenset([Target("sync", Subject.CUSTOMER, None)]))]).result()  # type: ignore[arg-type]  # what the database refuses
    commits.submit([ring("e2", ANN)]).result(timeout=30)
    commits.close()
    assert [one.target for one in inbox.list_waiting("sync")] == [ANN]


KILLED = """
import os, sys
from standpipe_console.live.inbox import Inbox
from standpipe_console.live.rings import Ring, Subject, Target
inbox = Inbox(sys.argv[1])
inbox.add([Ring("chargebee", "e1", "customer_changed", frozenset([Target("sync", Subject.CUSTOMER, "ann")]))], 100)
os.kill(os.getpid(), 9)
"""


def test_what_was_committed_outlives_a_kill(url: str) -> None:
    """The process is killed between commit and answer. The repeated delivery then has no effect."""
    assert subprocess.run([sys.executable, "-c", KILLED, url], check=False).returncode == -9
    inbox = Inbox(url)
    assert inbox.add([ring("e1", ANN)], 220) == 0
    assert inbox.list_waiting("sync") == [Waiting(ANN, 100, 100, 1)]
    inbox.close()


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.booleans()), max_size=25))
def test_every_ring_is_read_by_a_later_run(steps: list[tuple[int, int, bool]]) -> None:
    """In any order of rings, repeats and runs, ids that rang after a run's start wait for the next run."""
    inbox = Inbox("sqlite://")
    owed: dict[str, int] = {}
    seen = set()
    for now, (event, customer, runs) in enumerate(steps):
        if runs:
            inbox.settle(inbox.list_waiting("sync"), now)
            owed.clear()
            continue
        inbox.add([ring(f"e{event}", Target("sync", Subject.CUSTOMER, f"c{customer}"))], now)
        if event not in seen:
            owed[f"c{customer}"] = owed.get(f"c{customer}", 0) + 1
        seen.add(event)
    assert {one.target.id: one.rings for one in inbox.list_waiting("sync")} == owed
    inbox.close()
