"""How `explain` reads for a person."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from standpipe_console import output

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rich.console import Console

#: What an outcome and its reason mean.
MEANING = {
    "matched": "it is the one match, and something differs",
    "no_match": "Intercom does not know the customer",
    "ambiguous": "several records match, and none is guessed",
    "archived": "the match is archived in Intercom",
    "cancelled": "Intercom does not know the customer, who has cancelled",
    "claimed": "the match is linked to another customer",
    "deleted": "Intercom does not know the customer, who is deleted in Chargebee",
    "email_taken": "Intercom does not know the id, and another user has the e-mail address",
    "lead": "Intercom knows the customer as a lead only",
    "no_company_id": "Intercom does not know the company, which has no company id",
    "no_identifier": "the customer has no value to match by",
    "no_users": "the company has no users in Intercom",
}
#: What is shown of a record of Chargebee's, in this order, when it is there.
COLUMNS = {
    "customers": ("id", "email", "company", "created_at", "deleted"),
    "subscriptions": ("id", "status", "plan", "mrr", "currency_code", "updated_at", "deleted"),
    "invoices": ("id", "status", "recurring", "date", "total", "amount_due", "currency_code"),
}
TIMES = ("_at", "date")


def tell(out: Console, explained: Mapping[str, Any]) -> None:
    """Print it, from the rows to the last write."""
    _title(out, "1. What Chargebee said")
    for stream, records in explained["chargebee"].items():
        _rows(out, stream, records)
    _title(out, "2. What follows, and what Intercom shows")
    out.print(output.table(("attribute", "derived", "Intercom now"), _attributes(explained)))
    _title(out, "3. The match, and what a run would do now")
    for sentence in decision(explained):
        out.print(sentence, markup=False, soft_wrap=True)
    _title(out, "4. The last run")
    for sentence in last_run(explained["last_run"]):
        out.print(sentence, markup=False, soft_wrap=True)


def _title(out: Console, text: str) -> None:
    out.print(f"\n[bold]{text}[/bold]")


def _rows(out: Console, stream: str, records: list[dict[str, Any]]) -> None:
    if not records:
        out.print(f"{stream}: none")
        return
    columns = [name for name in COLUMNS[stream] if any(_field(record, name) is not None for record in records)]
    out.print(output.table((stream, *columns[1:]), ([_field(row, name) for name in columns] for row in records)))


def _field(record: Mapping[str, Any], name: str) -> Any:
    if name == "plan":
        return record.get("plan_id") or next(
            (one.get("item_price_id") for one in record.get("subscription_items") or [] if one["item_type"] == "plan"),
            None,
        )
    value = record.get(name)
    return _time(value) if name.endswith(TIMES) else value


def _time(value: Any) -> Any:
    """A time for a person, whether it comes as unix seconds or as an ISO date-time."""
    if isinstance(value, int | float):
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M}"
    if isinstance(value, str) and "T" in value:
        return f"{datetime.fromisoformat(value).astimezone(UTC):%Y-%m-%d %H:%M}"
    return value


def _attributes(explained: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Every attribute that has a value on either side."""
    held = explained["intercom"].get("custom_attributes", {})
    for name, value in (explained["derived"].get("custom_attributes") or {}).items():
        now = held.get(name)
        if value is not None or now is not None:
            yield name, _shown(name, value), _shown(name, now)


def _shown(name: str, value: Any) -> Any:
    return _time(value) if name.endswith(TIMES) else value


def decision(explained: Mapping[str, Any]) -> Iterator[str]:
    """The match and the decision, in sentences."""
    decided, sent = explained["decision"], explained["sent_is"]
    if shared := explained["shares_match_with"]:
        yield f"It shares its match value with {', '.join(shared)}: one record is sent, that of {sent}."
    if not decided["outcome"]:
        yield "Nothing is sent for it."
        return
    yield f"Matched by: {decided['match_value'] or 'nothing, as it has no value'}"
    yield f"Found in Intercom: {', '.join(decided['intercom_ids']) or 'nobody'}"
    meaning = MEANING.get(decided["reason"], decided["reason"])
    if decided["outcome"] == "unchanged":
        meaning = "it is the one match, and nothing differs"
    yield f"Decision: {decided['outcome']}, because {meaning}."
    if decided["fields"] and decided["outcome"] != "skipped":
        yield f"It would write: {', '.join(decided['fields'])}"


def last_run(last: Mapping[str, Any]) -> Iterable[str]:
    """What the last run did about it, in sentences."""
    if not last:
        return ["There is no report of a run."]
    told = [f"It ended at {last['ended']}: {_outcome(last)}"]
    if instead := last.get("instead"):
        told.append(f"{instead['customer_id']}, which was sent instead: {_outcome(instead)}")
    told += written(last["wrote"])
    told += [f"It could not write {field}: {reason}" for field, reason in last["unfit"].items()]
    return told + [f"It was on {', '.join(one['was_on'])} before: {one['outcome']}" for one in last["moved"]]


def _outcome(reported: Mapping[str, Any]) -> str:
    outcome = str(reported.get("outcome", "the record was not in it")).replace("_", " ")
    return f"{outcome} ({reported['reason']})" if reported.get("reason") else outcome


def written(changes: Mapping[str, Any]) -> list[str]:
    """What was written: what had a value before one by one, what had none as a number."""
    if not changes:
        return ["It wrote nothing for this customer."]
    named = {name.removeprefix("custom_attributes."): change for name, change in changes.items()}
    changed = {name: change for name, change in named.items() if change["before"] is not None}
    told = [f"It wrote {len(named)} fields, of which {len(named) - len(changed)} had no value before."]
    return told + [
        f"  {name}: {_shown(name, change['before'])} -> {_shown(name, change['after'])}"
        for name, change in changed.items()
    ]
