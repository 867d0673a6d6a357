"""The text of `explain` for people."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from standpipe_console import output

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from rich.console import Console

    from standpipe_console._kit.json_types import JsonObject, JsonValue

#: The shown fields of a Chargebee record, in this order, if it has them.
COLUMNS = {
    "customers": ("id", "email", "company", "created_at", "deleted"),
    "subscriptions": ("id", "status", "plan", "mrr", "updated_at", "deleted"),
    "invoices": ("id", "status", "recurring", "date", "total", "amount_due"),
}
#: The fields with amounts, which Chargebee gives in the currency's minor unit.
_MONEY = frozenset({"mrr", "total", "amount_due"})


def print_explanation(out: Console, explained: JsonObject) -> None:
    """Print everything about a customer, from Chargebee's rows to the last run."""
    _print_title(out, "1. What Chargebee says")
    for stream, records in explained["chargebee"].items():
        _print_records(out, stream, records, explained["zero_decimal_currencies"])
    _print_title(out, "2. What the map derives, and what Intercom shows")
    out.print(output.build_table(("attribute", "derived", "Intercom now"), compare_attributes(explained)))
    _print_title(out, "3. The match, and what a run would do now")
    for sentence in (*describe_decision(explained), *describe_objects(explained.get("subscription_objects", []))):
        out.print(sentence, markup=False, soft_wrap=True)
    _print_title(out, "4. What runs did")
    runs = (*describe_last_run(explained["last_run"]), *describe_runs(explained["runs"]))
    for sentence in (*runs, *describe_moments(explained.get("moments", []))):
        out.print(sentence, markup=False, soft_wrap=True)


def _print_title(out: Console, text: str) -> None:
    out.print(f"\n[bold]{text}[/bold]")


def _print_records(out: Console, stream: str, records: list[JsonObject], zero_decimal: Collection[str]) -> None:
    if not records:
        out.print(f"{stream}: none")
        return
    columns, rows = tabulate(stream, records, zero_decimal)
    out.print(output.build_table((stream, *columns[1:]), rows))


def tabulate(
    stream: str, records: list[JsonObject], zero_decimal: Collection[str]
) -> tuple[list[str], list[list[JsonValue]]]:
    """Return the columns that have a value, and a row for each record of Chargebee.

    Args:
        stream: the stream of the records.
        records: the records.
        zero_decimal: the currencies without a minor unit, according to the map.
    """
    rows = [{name: _read_field(record, name, zero_decimal) for name in COLUMNS[stream]} for record in records]
    columns = [name for name in COLUMNS[stream] if any(row[name] is not None for row in rows)]
    return columns, [[row[name] for name in columns] for row in rows]


def _read_field(record: JsonObject, name: str, zero_decimal: Collection[str]) -> JsonValue:
    if name == "plan":
        return _find_plan(record)
    value = record.get(name)
    if name in _MONEY and isinstance(value, int):
        return format_money(value, record.get("currency_code"), zero_decimal)
    return output.format_value(name, value)


def format_money(minor: int, currency: str | None, zero_decimal: Collection[str]) -> str:
    """Return an amount of Chargebee in the major unit, with its currency."""
    decimals = 0 if currency in zero_decimal else 2
    return f"{Decimal(minor).scaleb(-decimals):,.{decimals}f} {currency or ''}".rstrip()


def _find_plan(record: JsonObject) -> JsonValue:
    # In catalog 1 the plan is part of the subscription, in catalog 2 it is one of its items.
    items = record.get("subscription_items") or []
    plans = (item.get("item_price_id") for item in items if item["item_type"] == "plan")
    return record.get("plan_id") or next(plans, None)


def compare_attributes(explained: JsonObject) -> Iterator[tuple[str, JsonValue, JsonValue]]:
    """Yield every attribute that has a value on either side."""
    in_intercom = explained["intercom"].get("custom_attributes", {})
    for name, derived in (explained["derived"].get("custom_attributes") or {}).items():
        present = in_intercom.get(name)
        if derived is not None or present is not None:
            yield name, output.format_value(name, derived), output.format_value(name, present)


def describe_decision(explained: JsonObject) -> Iterator[str]:
    """Yield the match and the decision in sentences."""
    decision, sent_id = explained["decision"], explained["sent_is"]
    if left_out := explained["left_out"]:
        yield f"Not sent: {left_out['because']} ({left_out['only_customers']})."
        yield f"To change that: {left_out['remedy']}"
    if others := explained["shares_match_with"]:
        which = f"one record is sent, that of {sent_id}" if sent_id else "none of them is sent"
        yield f"It shares its match value with {', '.join(others)}: {which}."
    if not decision["outcome"]:
        yield "Nothing is sent for it."
        return
    yield f"Match value: {decision['match_value'] or 'none'}"
    yield f"Found in Intercom: {', '.join(decision['intercom_ids']) or 'no record'}"
    yield f"Decision: {decision['outcome']} ({decision['because']})"
    if decision["remedy"]:
        yield f"To change that: {decision['remedy']}"
    if decision["fields"] and decision["outcome"] != "skipped":
        yield f"It would write: {', '.join(decision['fields'])}"


def describe_last_run(last: JsonObject) -> list[str]:
    """Return sentences about what the last run did for the customer."""
    if not last:
        return ["There is no report of a run."]
    sentences = [f"The last run ended at {last['ended']}: {_describe_outcome(last)}"]
    if instead := last.get("instead"):
        sentences.append(f"{instead['customer_id']}, which was sent instead: {_describe_outcome(instead)}")
    sentences += [f"It could not write {field}: {reason}" for field, reason in last["unfit"].items()]
    return sentences + [f"It was on {', '.join(one['was_on'])} before: {one['outcome']}" for one in last["moved"]]


def _describe_outcome(reported: Mapping[str, str]) -> str:
    outcome = reported.get("outcome", "the record was not in it").replace("_", " ")
    reason = reported.get("because") or reported.get("reason")
    return f"{outcome} ({reason})" if reason else outcome


def describe_runs(runs: list[JsonObject]) -> Iterator[str]:
    """Yield what runs wrote to the record or found wrong with it, the latest first."""
    for run in runs:
        yield f"{output.format_value('_at', run['at'])}, run {run['run_id'][:8]}: {_describe_outcome(run)}"
        for write in run["wrote"]:
            yield from describe_changes(write["fields"])


def describe_moments(moments: list[JsonObject]) -> Iterator[str]:
    """Yield the data events of the contact, the latest first."""
    for one in moments:
        what = f"event {one['event'] or one['chargebee_event_id']} {one['outcome']}"
        reason = f" ({one['reason']})" if one["reason"] else ""
        yield f"{output.format_value('_at', one['at'])}, run {one['run_id'][:8]}: {what}{reason}"


def describe_objects(objects: list[JsonObject]) -> Iterator[str]:
    """Yield the custom object of each subscription, without what it does not have."""
    for one in objects:
        values = one["custom_attributes"].items()
        said = ", ".join(f"{name} {output.format_value(name, value)}" for name, value in values if value is not None)
        yield f"Custom object of subscription {one['subscription_id']}: {said}"


def describe_changes(changes: JsonObject) -> list[str]:
    """Return the written fields that had a value before, and the number of the others."""
    by_name = {name.removeprefix("custom_attributes."): change for name, change in changes.items()}
    changed = {name: change for name, change in by_name.items() if change["before"] is not None}
    sentences = [f"  It wrote {len(by_name)} fields, of which {len(by_name) - len(changed)} had no value before."]
    return sentences + [
        f"    {name}: {output.format_value(name, change['before'])} -> {output.format_value(name, change['after'])}"
        for name, change in changed.items()
    ]
