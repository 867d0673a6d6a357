"""Month by month, the map's records of a simulated business equal an independent calculation in SQL.

LEDGER_CUSTOMERS and LEDGER_MONTHS widen it: `make ledger` takes a business of 2,000 through twelve months.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from warm_commands import run_command

if TYPE_CHECKING:
    from sandbox.testing import RunningSandbox

    from tests.map_subscriptions.conftest import Mapper, Sent

TAP = Path(sys.executable).with_name("tap-chargebee")
CUSTOMERS = int(os.environ.get("LEDGER_CUSTOMERS", "250"))
MONTHS = int(os.environ.get("LEDGER_MONTHS", "3"))
TRUTH = """
with
customer as (
  select body->>'id' id, body->>'created_at' born, coalesce(body->>'deleted', 0) deleted,
         lower(trim(body->>'email')) email,
         row_number() over (partition by body->>'id' order by body->>'created_at' desc) nth
  from record where kind = 'customers'
),
subscription as (
  select body->>'id' id, body->>'customer_id' customer, body->>'status' status, body->>'currency_code' currency,
         coalesce(body->>'mrr', 0) mrr, coalesce(body->>'updated_at', body->>'created_at') changed,
         body->>'next_billing_at' next_bill,
         coalesce(body->>'plan_id', (select value->>'item_price_id' from json_each(body->'subscription_items')
                                     where value->>'item_type' = 'plan')) plan,
         coalesce(body->>'resource_version', 0) version,
         case when body->>'status' in ('active', 'non_renewing', 'in_trial') then 0
              when body->>'status' = 'paused' then 1 when body->>'status' = 'future' then 2 else 3 end grade
  from record where kind = 'subscriptions' and not coalesce(body->>'deleted', 0)
),
shown as (
  select *, row_number() over (partition by customer order by grade, changed desc, version desc, id desc) nth
  from subscription
),
revenue as (
  select customer, currency, sum(mrr) amount from subscription
  where status not in ('cancelled', 'future') and mrr > 0 group by customer, currency
),
invoice as (
  select body->>'id' id, body->>'customer_id' customer, body->>'status' status, body->>'currency_code' currency,
         body->>'amount_due' due, body->>'total' total, body->>'date' date, body->>'recurring' recurring
  from record where kind = 'invoices' and not coalesce(body->>'deleted', 0)
),
unpaid as (
  select customer, currency, sum(due) amount from invoice
  where status in ('payment_due', 'not_paid') and due > 0 group by customer, currency
),
recurring as (
  select *, row_number() over (partition by customer order by date, id + 0) nth,
         row_number() over (partition by customer order by date desc, id + 0 desc) last
  from invoice where recurring and status not in ('voided', 'pending')
),
winner as (
  select customer.*, shown.status, shown.plan, shown.next_bill, shown.currency,
         row_number() over matching place, first_value(customer.id) over matching sent
  from customer left join shown on shown.customer = customer.id and shown.nth = 1
  where customer.nth = 1
  window matching as (partition by coalesce(customer.email, customer.id || ' has none')
                      order by customer.deleted, coalesce(shown.grade, 9), born desc, customer.id desc)
)
"""
SENT = """
select winner.id, winner.deleted, winner.status, winner.plan, winner.next_bill,
  coalesce(revenue.amount, iif(winner.id in (select customer from revenue), null, 0)),
  coalesce(revenue.currency, iif(winner.id in (select customer from revenue), null, winner.currency)),
  coalesce(unpaid.amount, iif(winner.id in (select customer from unpaid), null, 0)),
  coalesce(unpaid.currency, iif(winner.id in (select customer from unpaid), null, winner.currency)),
  first.total, first.currency, first.date, latest.total, latest.currency, latest.date
from winner
left join revenue on revenue.customer = winner.id and (revenue.currency = winner.currency
  or (select count(*) from revenue other where other.customer = winner.id) = 1)
left join unpaid on unpaid.customer = winner.id and (unpaid.currency = winner.currency
  or (select count(*) from unpaid other where other.customer = winner.id) = 1)
left join recurring first on first.customer = winner.id and first.nth = 1
left join recurring latest on latest.customer = winner.id and latest.last = 1
where place = 1 order by winner.id
"""
NOT_SENT = """
select id, iif(deleted, 'replaced', 'shares_match_value'), sent from winner where place > 1 order by id
"""


def truth(sandbox: RunningSandbox, query: str) -> list[tuple[Any, ...]]:
    """Return the expected rows in minor units and unix seconds, from an independent SQL query."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("create table record (kind text, body text)")
        for kind, table in sandbox.world.business.tables().items():
            rows = [(kind, table.json(record).decode()) for record in table.records]
            database.executemany("insert into record values (?, ?)", rows)
        return database.execute(TRUTH + query).fetchall()


def minor(amount: float | None, currency: str | None) -> int | None:
    """Return an amount in minor units, as Chargebee has it."""
    return amount if amount is None else round(amount * (1 if currency == "JPY" else 100))


def said(record: dict[str, Any]) -> tuple[Any, ...]:
    """Return a record with the columns and units of the SQL query."""
    found = {name.removeprefix("cb_"): value for name, value in record["custom_attributes"].items()}
    invoices = []
    for which in ("first", "latest"):
        currency = found[f"{which}_rec_inv_cur"]
        invoices += [minor(found[f"{which}_rec_inv_amt"], currency), currency, seconds(found[f"{which}_rec_inv_at"])]
    return (
        record["customer_id"],
        int(found["cust_status"] == "deleted"),
        found["sub_status"],
        found["sub_plan_name"],
        seconds(found["sub_next_bill_at"]),
        minor(found["cust_mrr"], found["cust_mrr_cur"]),
        found["cust_mrr_cur"],
        minor(found["cust_unpaid_amt"], found["cust_unpaid_cur"]),
        found["cust_unpaid_cur"],
        *invoices,
    )


def seconds(text: str | None) -> int | None:
    """Return a date-time in unix seconds, computed by SQLite."""
    with closing(sqlite3.connect(":memory:")) as database:
        found: int | None = database.execute("select unixepoch(?)", (text,)).fetchone()[0]
        return found


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
    assert sorted(not_sent) == truth(sandbox, NOT_SENT)
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
        expected = truth(sandbox, SENT)
        assert len(expected) > CUSTOMERS / 2
        assert sorted(said(one) for one in sent.records) == expected
        check_lists(sandbox, sent)
    assert sent.bookmarks["_map"]["gen"] == MONTHS + 1
