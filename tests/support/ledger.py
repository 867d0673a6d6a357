"""What Intercom must know of a simulated business, calculated in SQL without the map."""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sandbox.testing import RunningSandbox

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


def compute_truth(sandbox: RunningSandbox, query: str) -> list[tuple[Any, ...]]:
    """Return the expected rows in minor units and unix seconds, from an independent SQL query."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("create table record (kind text, body text)")
        for kind, table in sandbox.world.business.tables().items():
            rows = [(kind, table.json(record).decode()) for record in table.records]
            database.executemany("insert into record values (?, ?)", rows)
        return database.execute(TRUTH + query).fetchall()


def read_row(customer: str, attributes: Mapping[str, Any], prefix: str = "cb_") -> tuple[Any, ...]:
    """Return a record's or a contact's attributes with the columns and units of the SQL query."""
    found = {name.removeprefix(prefix): value for name, value in attributes.items() if name.startswith(prefix)}
    invoices: list[Any] = []
    for which in ("first", "latest"):
        currency = found.get(f"{which}_rec_inv_cur")
        amount, date = found.get(f"{which}_rec_inv_amt"), found.get(f"{which}_rec_inv_at")
        invoices += [to_minor_units(amount, currency), currency, to_seconds(date)]
    return (
        customer,
        int(found["cust_status"] == "deleted"),
        found.get("sub_status"),
        found.get("sub_plan_name"),
        to_seconds(found.get("sub_next_bill_at")),
        to_minor_units(found.get("cust_mrr"), found.get("cust_mrr_cur")),
        found.get("cust_mrr_cur"),
        to_minor_units(found.get("cust_unpaid_amt"), found.get("cust_unpaid_cur")),
        found.get("cust_unpaid_cur"),
        *invoices,
    )


def to_minor_units(amount: float | None, currency: str | None) -> int | None:
    """Return an amount in minor units, as Chargebee has it."""
    return amount if amount is None else round(amount * (1 if currency == "JPY" else 100))


def to_seconds(date: str | int | None) -> int | None:
    """Return a date in unix seconds, as Intercom has it; of a text, SQLite computes them."""
    if not isinstance(date, str):
        return date
    with closing(sqlite3.connect(":memory:")) as database:
        found: int | None = database.execute("select unixepoch(?)", (date,)).fetchone()[0]
        return found


def check_workspace(site: RunningSandbox, workspace: RunningSandbox, reports: Path, prefix: str = "cb_") -> None:
    """Check that every customer of a site is in the workspace as calculated, or in the lists of who is not.

    Args:
        site: whose Chargebee the customers are from.
        workspace: whose Intercom they were written to.
        reports: the folder of target-intercom's lists.
        prefix: of the attributes.
    """
    expected = {row[0]: row for row in compute_truth(site, SENT)}
    attributes = [one.document["custom_attributes"] for one in workspace.world.intercom.contacts.live()]
    rows = [read_row(one[f"{prefix}cust_id"], one, prefix) for one in attributes if one.get(f"{prefix}cust_id")]
    assert sorted(rows) == sorted(row for row in expected.values() if row[0] in {one[0] for one in rows})
    skipped = {line["id"] for line in read_lists(reports) if line["outcome"] == "skipped"}
    assert skipped.isdisjoint(row[0] for row in rows)
    assert {row[0] for row in rows} | skipped == set(expected)


def read_lists(reports: Path) -> Iterator[dict[str, str]]:
    """Yield the lines of the lists of customers that a run sent."""
    for name in ("matched", "unmatched", "ambiguous", "not_reached"):
        with (reports / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)
