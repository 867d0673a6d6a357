"""The results of a run as tables for people."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from standpipe_demo.project import JsonObject, PipelineRun

_API_NAMES = {"chargebee": "Chargebee", "intercom": "Intercom", "chartmogul": "ChartMogul"}
#: The attributes that the demo shows.
SHOWN_ATTRIBUTES = (
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


def build_outcomes_table(summary: JsonObject) -> Table:
    """Return the outcomes of the customers, in the words of the run's summary."""
    table = _build_table("customers", "became", "because", starts_with_count=True)
    for one in summary["outcomes"]:
        table.add_row(str(one["customers"]), one["became"], one["because"])
    return table


def build_changes_table(change: JsonObject) -> Table:
    """Return a contact's changed attributes, with the values before and after."""
    before, after = read_attributes(change, "before"), read_attributes(change, "after")
    table = _build_table("attribute", "before", "after")
    for name in SHOWN_ATTRIBUTES:
        if before.get(name) != after.get(name):
            table.add_row(name, _format_value(name, before.get(name)), _format_value(name, after.get(name)))
    return table


def build_leads_table(streams: JsonObject) -> Table:
    """Return the outcomes of the leads that the map sent, companies and people separately."""
    table = _build_table("leads", "are", "became", starts_with_count=True)
    for stream, counts in streams.items():
        for became in ("created", "updated", "unchanged", "held", "deleted"):
            if counts[became]:
                table.add_row(str(counts[became]), stream, became)
        for became in ("skipped", "rejected"):
            for reason, count in counts[became].items():
                table.add_row(str(count), stream, f"{became}: {reason}")
    return table


def build_values_table(values: Iterable[tuple[str, object]]) -> Table:
    """Return fields and their values."""
    table = _build_table("field", "value")
    for name, value in values:
        table.add_row(name, "-" if value in (None, "") else str(value))
    return table


def describe_calls(run: PipelineRun, apis: Sequence[str]) -> str:
    """Return the calls of a run, as the sandbox counted them."""
    parts = [f"{_API_NAMES[api]} {run.calls[api, 'reads']} reads" for api in apis]
    return f"calls: {', '.join(parts)} and {run.count_writes()} writes"


def read_attributes(change: JsonObject, side: str) -> JsonObject:
    """Return the custom attributes of a change, before or after it, by their names in Intercom."""
    return {name.removeprefix("custom_attributes."): values[side] for name, values in change["fields"].items()}


def _build_table(*columns: str, starts_with_count: bool = False) -> Table:
    """Return a table without lines."""
    table = Table(*columns, box=None, pad_edge=False)
    table.columns[0].justify = "right" if starts_with_count else "left"
    return table


def _format_value(name: str, value: str | float | None) -> str:
    """Return a readable value: Intercom's dates are Unix seconds."""
    if value is None:
        return "-"
    if name.endswith("_at") and not isinstance(value, str):
        return time.strftime("%Y-%m-%d", time.gmtime(value))
    return str(value)
