"""Month by month, the map's records of a simulated business equal an independent calculation in SQL.

LEDGER_CUSTOMERS and LEDGER_MONTHS widen it: `make ledger` takes a business of 2,000 through twelve months.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ledger import NOT_SENT, SENT, compute_truth, read_row
from warm_commands import run_command

if TYPE_CHECKING:
    from sandbox.testing import RunningSandbox

    from tests.map_subscriptions.conftest import Mapper, Sent

TAP = Path(sys.executable).with_name("tap-chargebee")
CUSTOMERS = int(os.environ.get("LEDGER_CUSTOMERS", "250"))
MONTHS = int(os.environ.get("LEDGER_MONTHS", "3"))


def read(sandbox: RunningSandbox, folder: Path, state: dict[str, Any] | None) -> list[str]:
    """Return the output of tap-chargebee, started with the state of its last run."""
    settings = {"site": "sandbox", "api_key": "sandbox_key", "api_url": sandbox.chargebee_url}
    (folder / "tap.json").write_text(json.dumps(settings))
    (folder / "state.json").write_text(json.dumps(state or {}))
    options: list[str | Path] = ["--state", folder / "state.json"] if state else []
    done = run_command([TAP, "--config", folder / "tap.json", *options], check=True)
    return done.stdout.splitlines(keepends=True)


def check_lists(sandbox: RunningSandbox, sent: Sent) -> None:
    """Check that every customer is in exactly one list, and that the totals equal the lists' lengths."""
    not_sent = [(one["customer_id"], one["reason"], one["instead_of"]) for one in sent.not_sent]
    assert sorted(not_sent) == compute_truth(sandbox, NOT_SENT)
    everybody = sorted({one.id for one in sandbox.world.business.tables()["customers"].records})
    assert sorted([*(one["customer_id"] for one in sent.records), *(row[0] for row in not_sent)]) == everybody
    reasons = [reason for _, reason, _ in not_sent]
    assert sent.totals == {
        "customers": len(everybody),
        "sent": len(sent.records),
        "not_sent": {name: reasons.count(name) for name in ("shares_match_value", "replaced")},
        "unchanged": 0,
    }
    assert reasons.count("shares_match_value") > 0


@pytest.mark.parametrize("catalog", [1, 2], ids=["catalog 1", "catalog 2"])
def test_every_customer_of_every_month(catalog: int, sandbox: RunningSandbox, mapper: Mapper, tmp_path: Path) -> None:
    """Incremental runs over months of renewals, failures, cancellations, sign-ups and deletions are all correct."""
    sandbox.reset(customers=CUSTOMERS, seed=11, catalog=catalog)
    state = None
    for month in range(MONTHS + 1):
        if month:
            sandbox.advance(days=30)
        sent = mapper.feed(read(sandbox, tmp_path, state), report_not_sent=True)
        state = sent.messages[-1]["value"]
        expected = compute_truth(sandbox, SENT)
        assert len(expected) > CUSTOMERS / 2
        assert sorted(read_row(one["customer_id"], one["custom_attributes"]) for one in sent.records) == expected
        check_lists(sandbox, sent)
    assert sent.bookmarks["_map"]["gen"] == MONTHS + 1
