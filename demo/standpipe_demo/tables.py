"""What a run did, as tables for a person."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from standpipe_demo.project import Ran

NAMES = {"chargebee": "Chargebee", "intercom": "Intercom", "chartmogul": "ChartMogul"}
SHOWN = (
    "cb_company_name",
    "cb_cust_status",
    "cb_cust_mrr",
    "cb_cust_unpaid_amt",
    "cb_sub_plan_name",
    "cb_sub_status",
    "cb_sub_next_bill_at",
    "cb_card_expired_at",
    "cb_latest_rec_inv_amt",
    "cb_latest_rec_inv_at",
)


def plain_table(*columns: str, counted: bool = False) -> Table:
    """A table without lines; ``counted`` when the first column counts."""
    table = Table(*columns, box=None, pad_edge=False)
    table.columns[0].justify = "right" if counted else "left"
    return table


def outcomes_table(summary: Mapping[str, Any]) -> Table:
    """What became of every customer, in the words of the run's own summary."""
    table = plain_table("customers", "became", "because", counted=True)
    for one in summary["outcomes"]:
        table.add_row(str(one["customers"]), one["became"], one["because"])
    return table


def fields_table(change: Mapping[str, Any]) -> Table:
    """The attributes of one contact that differ, side by side."""
    before, after = held(change, "before"), held(change, "after")
    table = plain_table("attribute", "before", "after")
    for name in SHOWN:
        if before.get(name) != after.get(name):
            table.add_row(name, shown(name, before.get(name)), shown(name, after.get(name)))
    return table


def leads_table(streams: Mapping[str, Mapping[str, Any]]) -> Table:
    """What became of every lead that the map sent, companies and people apart."""
    table = plain_table("leads", "are", "became", counted=True)
    for stream, counts in streams.items():
        for became in ("created", "updated", "unchanged", "held", "deleted"):
            if counts[became]:
                table.add_row(str(counts[became]), stream, became)
        for became in ("skipped", "rejected"):
            for reason, count in counts[became].items():
                table.add_row(str(count), stream, f"{became}: {reason}")
    return table


def values_table(values: Iterable[tuple[str, Any]]) -> Table:
    """Fields and what they hold."""
    table = plain_table("field", "value")
    for name, value in values:
        table.add_row(name, "-" if value in (None, "") else str(value))
    return table


def calls_line(ran: Ran, apis: Sequence[str]) -> str:
    """What the run cost, as the sandbox counted it."""
    parts = [NAMES[api] + f" {ran.calls[api, 'reads']} reads" for api in apis]
    return f"calls: {', '.join(parts)} and {ran.writes()} writes"


def held(change: Mapping[str, Any], side: str) -> dict[str, Any]:
    """The custom attributes of a change, before or after, by their own names."""
    return {name.removeprefix("custom_attributes."): values[side] for name, values in change["fields"].items()}


def shown(name: str, value: Any) -> str:
    """A value for a person: Intercom's dates are unix seconds."""
    if value is None:
        return "-"
    if name.endswith("_at"):
        return time.strftime("%Y-%m-%d", time.gmtime(value))
    return str(value)
