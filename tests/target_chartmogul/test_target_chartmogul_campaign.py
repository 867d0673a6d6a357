"""Lost replies, kills, bursts of errors and other writers cause no duplicate, lost update or missing report.

`FAULT_MOMENTS=50 pytest -m faults tests/target_chartmogul` kills at fifty moments instead of ten.
"""

from __future__ import annotations

import os
import signal
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.faults

MOMENTS = int(os.environ.get("FAULT_MOMENTS", "10"))
CUSTOMERS, CONTACTS = range(8), range(16)
DONE = {"created": 12, "updated": 12}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the pauses between tries, which other tests cover."""
    monkeypatch.setattr("backoff._sync.time.sleep", lambda _: None)


@pytest.fixture
def records(lead: Record, person: Record) -> list[dict[str, Any]]:
    """Return eight companies with two contacts each."""
    customers = [lead(f"c{n}", {"seats": n, "vip": n % 2 == 0}, name=f"Company {n}") for n in CUSTOMERS]
    return [*customers, *(person(f"p{n}", f"c{n // 2}", {"nps_score": n}) for n in CONTACTS)]


@pytest.fixture
def known(account: Any) -> None:
    """Put every second company and its contacts into ChartMogul with old names."""
    for n in CUSTOMERS[::2]:
        account.add(f"c{n}", name="Old")
        for one in (2 * n, 2 * n + 1):
            account.add_contact(f"p{one}:c{n}", f"c{n}", first_name="Old")


def assert_complete(account: Any) -> None:
    """Check that every customer and contact exists once with its values, and contacts on their customer."""
    assert len(list(account.held.customers)) == len(account.customers()) == 8
    assert {key: (one["name"], one["attributes"]["custom"]) for key, one in account.customers().items()} == {
        f"c{n}": (f"Company {n}", {"seats": n, "vip": n % 2 == 0}) for n in CUSTOMERS
    }
    assert len(list(account.held.contacts)) == len(account.contacts()) == 16
    assert {
        key: (one["first_name"], one["custom"], one["customer_external_id"]) for key, one in account.contacts().items()
    } == {f"p{n}:c{n // 2}": (f"P{n}", {"nps_score": n}, f"c{n // 2}") for n in CONTACTS}


def assert_reported(ran: Any, records: list[dict[str, Any]]) -> None:
    """Check that every record is in exactly one row of the tables."""
    assert ran.ids() == sorted(record["external_id"] for record in records)


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("drop", ["before", "after"])
@pytest.mark.parametrize("nth", range(1, 56, 3))
def test_a_reply_lost_at_any_call(
    account: Any, target: Any, records: list[dict[str, Any]], nth: int, drop: str
) -> None:
    """When the replies to any three calls in a row are lost, the run completes without duplicates."""
    for lost in range(nth, nth + 3):
        account.sandbox.fault(api="chartmogul", nth=lost, effect={"drop": drop})
    ran = target.run(records)
    account.sandbox.clear_faults()
    assert_complete(account)
    assert_reported(ran, records)
    assert {kind: ran.summary[kind] for kind in DONE} == DONE


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("nth", range(1, 13))
@pytest.mark.parametrize("path", ["/customers", "/contacts"])
def test_a_reply_lost_after_each_creation(
    account: Any, target: Any, records: list[dict[str, Any]], path: str, nth: int
) -> None:
    """A creation whose reply was lost is found again, and not repeated."""
    account.sandbox.fault(api="chartmogul", method="POST", path=path, nth=nth, effect={"drop": "after"})
    ran = target.run(records)
    assert_complete(account)
    assert {kind: ran.summary[kind] for kind in DONE} == DONE


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("moment", range(MOMENTS))
def test_a_run_killed_at_any_moment(account: Any, target: Any, records: list[dict[str, Any]], moment: int) -> None:
    """A run killed or terminated at any moment prints no STATE, and the next run completes its work."""
    random = Random(moment)  # noqa: S311 - the moments are the same in every run
    # A run makes about 45 calls.
    calls, how = random.randint(1, 44), random.choice([signal.SIGKILL, signal.SIGTERM])
    account.sandbox.fault(api="chartmogul", effect={"delay": 0.02})
    account.sandbox.clear_calls()
    process = target.start(records, max_concurrency=4)
    target.wait_for(process, lambda: sum(account.calls().values()) >= calls)
    process.send_signal(how)
    out, _ = process.communicate(timeout=60)
    assert out == ""
    account.sandbox.clear_faults()
    ran = target.run(records)
    assert_complete(account)
    assert_reported(ran, records)
    assert target.run(records).summary["unchanged"] == 24
    assert account.writes() == 0


@pytest.mark.usefixtures("known")
def test_two_targets_at_once(account: Any, target: Any, records: list[dict[str, Any]]) -> None:
    """Two runs over the same records at the same time have the result of one run."""
    account.sandbox.fault(api="chartmogul", effect={"delay": 0.02})
    rival = type(target)(account, target.directory.with_name("rival"), target.capsys)
    ours = {"max_concurrency": 8, "requests_per_second": 20}
    processes = [target.start(records, **ours), rival.start(records, **ours)]
    ended = [(process.communicate(timeout=120)[0].count("\n"), process.returncode) for process in processes]
    account.sandbox.clear_faults()
    assert ended == [(1, 0), (1, 0)]
    assert_complete(account)


def test_two_targets_make_one_source(account: Any, target: Any, records: list[dict[str, Any]]) -> None:
    """Two first runs at the same time share the data source that one of them created."""
    account.sandbox.fault(api="chartmogul", effect={"delay": 0.02})
    rival = type(target)(account, target.directory.with_name("rival"), target.capsys)
    processes = [target.start(records, max_concurrency=8), rival.start(records, max_concurrency=8)]
    ended = [(process.communicate(timeout=120)[0].count("\n"), process.returncode) for process in processes]
    account.sandbox.clear_faults()
    assert ended == [(1, 0), (1, 0)]
    assert sorted(one.name for one in account.held.sources) == ["Chargebee", "Intercom leads"]
    assert_complete(account)


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("status", [429, 503, 500])
def test_a_storm(account: Any, target: Any, records: list[dict[str, Any]], status: int) -> None:
    """When ChartMogul refuses a fifth of all calls, nothing is lost or duplicated."""
    storm = {"status": status, "headers": {"Retry-After": "0"}, "body": {"code": status, "message": "No."}}
    account.sandbox.fault(api="chartmogul", share=0.2, effect=storm)
    ran = target.run(records)
    account.sandbox.clear_faults()
    assert_complete(account)
    assert_reported(ran, records)
    assert account.answers()[status] > 5
    assert {kind: ran.summary[kind] for kind in DONE} == DONE
