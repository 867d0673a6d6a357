"""Lost replies, kills, bursts of errors and other writers cause no duplicate, lost update or missing report.

`FAULT_MOMENTS=50 pytest -m faults tests/target_intercom` kills at fifty moments instead of ten.
"""

from __future__ import annotations

import os
import signal
import time
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.faults

MOMENTS = int(os.environ.get("FAULT_MOMENTS", "10"))
SETTINGS = {"on_no_match": "create", "company_prefix": "cbc_", "attach_companies": True, "max_concurrency": 4}
CONTACTS, COMPANIES = range(12), range(6)


@pytest.fixture
def records(customer: Record, company: Record) -> list[dict[str, Any]]:
    """Return twelve users in six companies."""
    users = [customer(f"u{n}", cb_cust_mrr=100 + n) | {"company_id": f"c{n // 2}"} for n in CONTACTS]
    return [*users, *(company(f"c{n}", cbc_cust_mrr=200 + n) for n in COMPANIES)]


@pytest.fixture
def known(workspace: Any, records: list[dict[str, Any]]) -> None:
    """Put every second user and company into Intercom, and all attributes."""
    for prefix, model in (("cb_", "contact"), ("cbc_", "company")):
        for name in ("cust_id", "cust_status", "sub_status"):
            workspace.attribute(prefix + name, "string", model)
        workspace.attribute(f"{prefix}cust_mrr", "float", model)
        workspace.attribute(f"{prefix}signed_up_at", "date", model)
        workspace.attribute(f"{prefix}created_by", "boolean", model)
    for number in CONTACTS[::2]:
        workspace.add(email=f"U{number}@a.example", custom_attributes={"cb_cust_mrr": 1})
    workspace.fill_companies({"company_id": f"c{number}"} for number in COMPANIES[::2])
    assert len(records) == 18


def assert_complete(workspace: Any) -> None:
    """Check that every user and company exists once with its values, and that users are in their company."""
    users = [one for one in workspace.contacts() if one["email"]]
    held = {one["email"].lower(): one["custom_attributes"] for one in users}
    assert len(users) == len(held) == 12
    assert held == {
        f"u{n}@a.example": {"cb_cust_id": f"u{n}", "cb_cust_mrr": 100.0 + n, "cb_created_by": n % 2 == 1}
        for n in CONTACTS
    }
    companies = {one["company_id"]: one["custom_attributes"] for one in workspace.companies()}
    assert len(workspace.companies()) == 6
    assert companies == {
        f"c{n}": {"cbc_cust_id": f"c{n}", "cbc_cust_mrr": 200.0 + n, "cbc_created_by": n % 2 == 1} for n in COMPANIES
    }
    joined = {one["email"].lower(): workspace.companies_of(one["id"]) for one in users}
    assert joined == {f"u{n}@a.example": [f"c{n // 2}"] for n in CONTACTS}


def assert_reported(ran: Any, records: list[dict[str, Any]]) -> None:
    """Check that every record is in exactly one row of the tables."""
    rows = [row[0] for name in ("matched", "unmatched", "ambiguous") for row in ran.rows(name)]
    assert sorted(rows) == sorted(record["customer_id"] for record in records)


def expire(workspace: Any) -> None:
    """Let the open scroll expire."""
    workspace.sandbox.world.intercom.scroll._open = None  # noqa: SLF001 - real time that a test has not


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("nth", range(1, 61, 3))
def test_a_reply_lost_at_any_call(
    workspace: Any, target: Any, records: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    """When the replies to any three calls in a row are lost, the run completes without duplicates."""
    monkeypatch.setattr(time, "sleep", lambda _: expire(workspace))
    for lost in range(nth, nth + 3):
        workspace.sandbox.fault(api="intercom", nth=lost, effect={"drop": "after"})
    ran = target.run(records, **SETTINGS)
    workspace.sandbox.clear_faults()
    assert_complete(workspace)
    assert_reported(ran, records)
    assert (ran.summary["created"], ran.summary["updated"]) == (9, 9)


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("moment", range(MOMENTS))
def test_a_run_killed_at_any_moment(
    workspace: Any, target: Any, records: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """A run killed or terminated at any moment prints no STATE, and the next run completes its work."""
    random = Random(moment)  # noqa: S311 - the moments are the same in every run
    calls, how = random.randint(1, 45), random.choice([signal.SIGKILL, signal.SIGTERM])
    workspace.sandbox.fault(api="intercom", effect={"delay": 0.02})
    workspace.sandbox.clear_calls()
    process = target.start(records, **SETTINGS)
    target.wait_for(process, lambda: sum(workspace.calls().values()) >= calls)
    process.send_signal(how)
    out, _ = process.communicate(timeout=60)
    assert out == ""
    workspace.sandbox.clear_faults()
    monkeypatch.setattr(time, "sleep", lambda _: expire(workspace))
    expire(workspace)
    ran = target.run(records, **SETTINGS)
    assert_complete(workspace)
    assert_reported(ran, records)
    assert target.run(records, **SETTINGS).summary["unchanged"] == 18
    assert workspace.writes() == 0


@pytest.mark.usefixtures("known")
def test_two_targets_at_once(workspace: Any, target: Any, records: list[dict[str, Any]]) -> None:
    """Two runs over the same records at the same time have the result of one run."""
    workspace.sandbox.fault(api="intercom", effect={"delay": 0.02})
    rival = type(target)(workspace, target.directory.with_name("rival"), target.capsys)
    processes = [target.start(records, **SETTINGS), rival.start(records[::-1], **SETTINGS)]
    ended = [(process.communicate(timeout=120)[0].count("\n"), process.returncode) for process in processes]
    workspace.sandbox.clear_faults()
    assert ended == [(1, 0), (1, 0)]
    assert_complete(workspace)


@pytest.mark.usefixtures("known")
def test_a_storm_of_429(
    workspace: Any, target: Any, records: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When Intercom answers half of all calls with 429, nothing is lost and nothing is written twice."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    reset = str(workspace.sandbox.world.clock.now())
    storm = {"status": 429, "headers": {"X-RateLimit-Reset": reset, "X-RateLimit-Remaining": "0"}, "body": {}}
    workspace.sandbox.fault(api="intercom", share=0.5, effect=storm)
    ran = target.run(records, **SETTINGS)
    workspace.sandbox.clear_faults()
    assert_complete(workspace)
    assert (ran.summary["created"], ran.summary["updated"]) == (9, 9)
    assert ran.figure("waits") > 20


def test_search_that_lags_for_minutes(workspace: Any, target: Any, customer: Record) -> None:
    """Users that searches do not find for minutes are created only once, also by later runs."""
    workspace.sandbox.reset(customers=500, search_lag=600)
    before = len(workspace.contacts())
    records = [customer(f"late{number}") for number in range(5)]
    assert target.run(records, on_no_match="create").summary["created"] == 5
    assert target.calls["POST /contacts/search"] == 1
    ran = target.run([customer(f"late{number}", cb_cust_mrr=99) for number in range(5)], on_no_match="create")
    assert ran.summary["updated"] == 5
    assert len(workspace.contacts()) == before + 5
