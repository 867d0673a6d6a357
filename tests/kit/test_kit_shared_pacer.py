"""Several processes share one account's rate limit through PostgreSQL or Redis."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from postgres import needs_postgres
from redis_server import needs_redis, start_redis
from sandbox.chartmogul.limits import Gate
from sandbox.settings import Settings
from sandbox.testing import RunningSandbox
from singer_kit.errors import describe_error
from singer_kit.limit_stores import UnreachableError, find_limit_url_problem, name_account, open_limit_store
from singer_kit.rate_limit import CooldownPacer, LimitError
from singer_kit.shared_limit import SECOND, Limit, parse_account
from singer_kit.shared_pacer import SharedPacer, share_limit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_kit.limit_stores import LimitStore
    from singer_kit.shared_limit import Account

PROCESS = Path(__file__).with_name("limited_process.py")
KIT = Path(__file__).parents[2] / "kit"
LIMIT, WINDOW = 30, 0.5
"""The sandbox's calls in a window, and its seconds: half of those of ChartMogul's own."""
PASSWORD = "never-shown"
NOT_BEFORE = 1_700_000_000


@pytest.fixture(scope="module")
def server() -> Iterator[RunningSandbox]:
    """Yield a sandbox for this file, as its limits are changed."""
    with RunningSandbox(Settings(customers=0)) as sandbox:
        yield sandbox


@pytest.fixture
def limited(server: RunningSandbox) -> RunningSandbox:
    """Return a sandbox that permits so many calls in any window, wherever it begins, as ChartMogul does."""
    server.reset(customers=0)
    server.world.chartmogul_gate = Gate(LIMIT, 100, lambda: time.monotonic() / WINDOW)
    return server


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """Yield the address of a Redis server."""
    with start_redis() as url:
        yield url


@pytest.fixture(
    params=[
        pytest.param("postgres_database", marks=needs_postgres, id="PostgreSQL"),
        pytest.param("redis_url", marks=needs_redis, id="Redis"),
    ]
)
def limit_url(request: pytest.FixtureRequest) -> str:
    """Return the address of the shared database, once PostgreSQL and once Redis."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def store(limit_url: str, request: pytest.FixtureRequest) -> LimitStore:
    """Return the state of an account that no other test uses."""
    return open_limit_store(limit_url, request.node.name, "standpipe-tap-intercom")


@contextmanager
def run_process(limit_url: str, sandbox: RunningSandbox, calls: int) -> Iterator[subprocess.Popen[str]]:
    """Yield a process after the first of its calls; end it if it still runs."""
    arguments = [limit_url, sandbox.chartmogul_url, str(WINDOW), str(LIMIT), str(calls)]
    command = [sys.executable, str(PROCESS), *arguments]
    environment = {"PYTHONPATH": str(KIT)}
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE, env=environment) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "started\n"
            yield process
        finally:
            process.kill()


def read_statuses(sandbox: RunningSandbox) -> dict[int, int]:
    """Return the number of the sandbox's answers by status."""
    return {one["status"]: one["count"] for one in sandbox.answers()["answers"]}


def read_account(store: LimitStore) -> Account:
    """Return the state of an account with a window of ten seconds."""
    text, now = store.read()
    return parse_account(text, Limit(10, 10 * SECOND), now)


def test_processes_on_one_key_never_see_a_429(limit_url: str, limited: RunningSandbox) -> None:
    """Two processes share the limit, and neither is refused once."""
    with run_process(limit_url, limited, 45) as one, run_process(limit_url, limited, 45) as other:
        assert [json.loads(process.communicate()[0]) for process in (one, other)] == [[45, 0], [45, 0]]
    assert read_statuses(limited) == {200: 90}


def test_a_killed_process_does_not_block_the_other(limit_url: str, limited: RunningSandbox) -> None:
    """After a `kill -9` in the middle of its calls, the other process makes all of its own, and none is refused."""
    with run_process(limit_url, limited, 10**6) as victim, run_process(limit_url, limited, 45) as other:
        victim.kill()
        victim.wait()
        assert json.loads(other.communicate()[0]) == [45, 0]
    assert set(read_statuses(limited)) == {200}


class Clock:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.stalls: list[float] = []

    def read(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(round(seconds, 3))
        # `stalls` says for how long the machine stands still after each sleep.
        self.now += seconds + (self.stalls.pop(0) if self.stalls else 0.0)


class Database:
    """A store on a clock of its own, which may be down."""

    def __init__(self, clock: Clock, ahead: float = 0.0) -> None:
        self.clock, self.ahead = clock, ahead
        self.text: str | None = None
        self.outages = 0
        self.reads = 0
        self.delay = 0.0

    def read(self) -> tuple[str | None, int]:
        """Return the state and the time of the database."""
        if self.outages:
            self.outages -= 1
            raise UnreachableError("it is down")
        self.reads += 1
        text, now = self.text, round((self.clock.now + self.ahead) * SECOND)
        self.clock.now += self.delay
        return text, now

    def replace(self, old: str | None, new: str) -> bool:
        """Replace the state."""
        if self.text != old:
            return False
        self.text = new
        return True


def pace(database: Database, clock: Clock, calls: int = 10) -> SharedPacer:
    """Return the pacer of one process, with this many calls in ten seconds."""
    return SharedPacer(
        database,
        CooldownPacer(None, clock.sleep, clock.read),
        window=10,
        calls=calls,
        logger=logging.getLogger("tap-intercom"),
        sleep=clock.sleep,
        clock=clock.read,
    )


def send(pacer: SharedPacer, clock: Clock, count: int, taken: float = 0.0) -> list[float]:
    """Send requests one after the other, and return their times."""
    times = []
    for _ in range(count):
        with pacer.wait_for_turn():
            times.append(round(clock.now, 2))
            clock.now += taken
    return times


@pytest.mark.parametrize("ahead", [0.0, 1e9], ids=["the same clock", "far ahead"])
def test_the_clock_of_the_machine_does_not_matter(ahead: float) -> None:
    """Two processes on one account take turns on the database's clock, whatever their own one says."""
    clock = Clock()
    database = Database(clock, ahead)
    one, other = pace(database, clock), pace(database, clock)
    times = [*send(one, clock, 2), *send(other, clock, 2), *send(one, clock, 1)]
    assert times == [0.0, 1.05, 2.1, 3.15, 4.2]


def test_a_slow_answer_counts_for_longer() -> None:
    """Nobody knows when a call arrived whose answer took four seconds, so it counts until a window after its answer."""
    clock = Clock()
    database = Database(clock)
    pacer = pace(database, clock, calls=2)
    assert send(pacer, clock, 2, taken=4.0) == [0.0, 5.25]
    # The first call counts until 14.0, and the database is asked once a second.
    assert send(pacer, clock, 1) == [15.0]


def test_the_vendors_limit_is_shared() -> None:
    """What the vendor's header says to one process holds for the others."""
    clock = Clock()
    database = Database(clock)
    one, other = pace(database, clock), pace(database, clock)
    one.note_limit(100)
    one.note_limit(100)
    assert database.reads == 1
    assert send(other, clock, 3) == [0.0, 0.1, 0.21]


def test_a_pause_holds_for_every_process() -> None:
    """When the vendor asks one process to wait, the others wait too."""
    clock = Clock()
    database = Database(clock)
    one, other = pace(database, clock), pace(database, clock)
    one.pause_requests(7)
    assert send(other, clock, 1) == [7.0]
    assert send(one, clock, 1) == [8.05]


def test_a_process_with_few_calls_of_its_own_delays_nobody(limit_url: str, request: pytest.FixtureRequest) -> None:
    """`requests_per_minute` bounds one process: it has its turn beside a busy one, which does not wait for it."""
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        time.sleep(seconds)

    busy, slow = (
        share_limit(
            limit_url,
            vendor="Intercom",
            base_url="https://api.intercom.io",
            owner=request.node.name,
            distribution="standpipe-tap-intercom",
            requests_per_minute=per_minute,
            sleep=sleep,
        )
        for per_minute in (None, 6)
    )
    for pacer in (busy, busy, slow, busy):
        with pacer.wait_for_turn():
            pass
    # Four calls, 63 ms apart.
    assert sum(waits) < 1


def test_a_restart_of_the_database_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    """A database that was reached once may be away for a while; the waits grow, and each is logged."""
    clock = Clock()
    database = Database(clock)
    pacer = pace(database, clock)
    send(pacer, clock, 1)
    clock.now, database.outages = 20.0, 3
    assert send(pacer, clock, 1) == [20.7]
    assert clock.slept == [0.1, 0.2, 0.4]
    assert caplog.messages == ["the database of `limit_url` cannot be reached (it is down), waiting"] * 3


@pytest.mark.parametrize(
    ("calls", "lasted", "waited"), [(0, "", 0), (1, " for 60 s", 60)], ids=["at the start", "during the run"]
)
def test_without_the_database_no_request_is_sent(calls: int, lasted: str, waited: float) -> None:
    """The run ends with a sentence: at once if the database was never reached, otherwise after a minute."""
    clock = Clock()
    database = Database(clock)
    pacer = pace(database, clock)
    send(pacer, clock, calls)
    database.outages = 10**6
    with pytest.raises(LimitError) as error:
        send(pacer, clock, 1)
    assert describe_error(error.value) == (
        f"The database of `limit_url` could not be reached{lasted} (it is down), and without it no request is sent: "
        "check the database and the setting, then run again."
    )
    assert waited - 5 <= clock.now <= waited


def test_a_database_that_is_too_slow_is_refused() -> None:
    """A grant that has always expired before it arrives ends the run with a sentence."""
    clock = Clock()
    database = Database(clock)
    database.delay = 5.0
    with pytest.raises(LimitError, match="answers too slowly to share a rate limit: use one that is near"):
        send(pace(database, clock), clock, 1)


def test_what_was_not_sent_is_given_back() -> None:
    """A call that was not sent before its grant expired, as the machine stood still, counts no longer."""
    clock = Clock()
    database = Database(clock)
    pacer = pace(database, clock)
    clock.stalls = [0.0, 2.0]
    assert send(pacer, clock, 2) == [0.0, 3.05]
    assert read_account(database).count_calls() == 2


ADDRESSES = [
    pytest.param(f"mysql://me:{PASSWORD}@host/name", id="another database"),
    pytest.param(f"{PASSWORD}@host/name", id="no scheme"),
    pytest.param(f"redis://me:{PASSWORD}@[host", id="no host"),
]


@pytest.mark.parametrize("url", ADDRESSES)
def test_another_address_is_refused(url: str) -> None:
    """A sentence says which addresses are possible, and does not show this one, as it may contain a password."""
    assert "".join(find_limit_url_problem(url)) == (
        "The setting `limit_url` is not the address of a database, such as postgresql://USER:PASSWORD@HOST/NAME or "
        "redis://HOST:6379/0."
    )
    with pytest.raises(LimitError, match="The setting `limit_url` is not the address of a database"):
        open_limit_store(url, "an account", "standpipe-tap-intercom")


@pytest.mark.parametrize(
    "url",
    [f"postgresql://me:{PASSWORD}@host/name?colour={PASSWORD}", f"redis://me:{PASSWORD}@host:{PASSWORD}/0"],
    ids=["PostgreSQL", "Redis"],
)
def test_a_damaged_address_is_refused(url: str) -> None:
    """The drivers' own errors would show the address."""
    with pytest.raises(LimitError, match="The setting `limit_url` is not an address such as") as error:
        open_limit_store(url, "an account", "standpipe-tap-intercom")
    assert PASSWORD not in str(error.value)


@pytest.mark.parametrize("scheme", ["postgresql", "redis"])
def test_a_host_that_cannot_exist_is_refused(scheme: str) -> None:
    """A name with an empty or too long part ends with a sentence, and does not show the password."""
    store = open_limit_store(f"{scheme}://me:{PASSWORD}@{'a' * 64}.example/0", "an account", "standpipe-tap-intercom")
    with pytest.raises(LimitError) as error:
        store.read()
    assert str(error.value) == (
        "The address in the setting `limit_url` has a host whose name cannot exist: correct it."
    )


@pytest.mark.parametrize("text", ["", "[0, 0, null, []]", '{"version": 2}', "7"])
def test_a_state_of_another_version_is_refused(text: str) -> None:
    """The run ends with a sentence, and the state stays as it is."""
    clock = Clock()
    database = Database(clock)
    database.text = text
    with pytest.raises(LimitError) as error:
        send(pace(database, clock), clock, 1)
    assert describe_error(error.value) == (
        "The database of `limit_url` has a state of this account that this version cannot read: run the same version "
        "everywhere, or delete the state while nothing runs."
    )
    assert database.text == text


@pytest.mark.parametrize(
    ("url", "module", "sentence"),
    [
        pytest.param(
            "postgres://host/name",
            "psycopg",
            "`limit_url` needs the driver psycopg: install `standpipe-tap-intercom[postgres]`; in meltano.yml, "
            "`-e ./tap-intercom[postgres]` in the plugin's `pip_url`.",
            id="PostgreSQL",
        ),
        pytest.param(
            "rediss://host/0",
            "redis",
            "`limit_url` needs the driver redis: install `standpipe-tap-intercom[redis]`; in meltano.yml, "
            "`-e ./tap-intercom[redis]` in the plugin's `pip_url`.",
            id="Redis",
        ),
    ],
)
def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch, url: str, module: str, sentence: str) -> None:
    """The drivers are extras, and the sentence says how to install the one that is needed."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(LimitError) as error:
        open_limit_store(url, "an account", "standpipe-tap-intercom")
    assert str(error.value) == sentence


@pytest.mark.parametrize("scheme", ["postgresql", "redis"])
def test_a_server_that_is_down(scheme: str) -> None:
    """The sentence shows the driver's reason, and not the password."""
    store = open_limit_store(f"{scheme}://me:{PASSWORD}@127.0.0.1:1/0", "an account", "standpipe-tap-intercom")
    with pytest.raises(UnreachableError, match="refused") as error:
        store.read()
    assert PASSWORD not in str(error.value)


def test_the_state_is_replaced_only_if_nobody_else_did(store: LimitStore) -> None:
    """Of two processes that read the same state, the second one to write has to read again."""
    assert store.read()[0] is None
    assert store.replace(None, "one")
    assert not store.replace(None, "two")
    assert not store.replace("two", "three")
    assert store.replace("one", "two")
    assert store.read()[0] == "two"


def test_the_time_is_the_servers(store: LimitStore) -> None:
    """It grows between two calls, in microseconds since 1970."""
    earlier, later = store.read()[1], store.read()[1]
    assert NOT_BEFORE * SECOND < earlier < later < earlier + 60 * SECOND


@needs_postgres
def test_a_user_without_rights_is_told_so(postgres_database: str) -> None:
    """A database that can only be read cannot be used."""
    url = (
        f"{postgres_database}{'&' if '?' in postgres_database else '?'}options=-c%20default_transaction_read_only%3Don"
    )
    with pytest.raises(LimitError, match=r"cannot be used \(cannot execute (UPDATE|INSERT|CREATE).* read-only"):
        open_limit_store(url, "an account", "standpipe-tap-intercom").replace(None, "one")


def test_the_name_of_an_account_hides_the_key() -> None:
    """It depends on the vendor, the host and the key, and not on the path or on letter case in the host."""
    name = name_account("Intercom", "https://api.intercom.io", "secret")
    assert name == "54ffc16b0fe4892886ffc0da5aca0460"
    assert name == name_account("Intercom", "https://API.intercom.io/v1", "secret")
    others = [("ChartMogul", "api.intercom.io", "secret"), ("Intercom", "b.io", "secret"), ("Intercom", "b.io", "c")]
    assert len({name, *(name_account(vendor, f"https://{host}", key) for vendor, host, key in others)}) == 4
