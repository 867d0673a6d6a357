"""`map-subscriptions inspect CUSTOMER`: the stored data of one customer, and what the next run would derive from it.

CUSTOMER is an id in Chargebee or what the customer is matched by (an e-mail address, a user id, a company id or a
company name), compared as the map compares it. The store is read under the present settings: when `match_on` or
the rules have changed since the last run, a copy is brought up to date first. Without `--catalog`, the type of an extra
field follows from the values in the store; with it, from the tap's schema, as in a run.

With `--json`:

    {
      "customer_id": "c1",
      "found_by": "id",                  id, match_value, or the kind of another match value: email, user_id, …
      "store": {"name": "5e0c…", "path": "/…/5e0c….sqlite", "generation": 7},
      "match": {"match_on": "email", "field": "email", "value": "ada@example.com" or null},
      "group": [                         all customers with this match value, sorted by id
        {"customer_id": "c1", "is_sent": false, "reason": "shares_match_value"},
        {"customer_id": "c2", "is_sent": true, "reason": null}],
      "only_customers": "cust_mrr > 0" or null,
      "sent_is": "c2" or null,           the customer that is sent for the group; null if the filter leaves out all
      "chargebee": {"customers": […], "subscriptions": […], "invoices": […]},    the rows of this customer
      "counted_subscriptions": ["s1"],   those that are not deleted, nor of an earlier customer with this id
      "chosen_subscription": "s1" or null,
      "derived": {"customer_id": "c2", "email": …, "custom_attributes": {…}},    the record of `sent_is`, or {}
      "notes": {"odd_value": ["c2 (card.expiry_month)"], "without_subscription": []},   of the derived record
      "runs": {"touched": 5, "sent": 7, "reconciled_at": "2026-01-15T12:00:00+00:00" or null},
      "messages": [SCHEMA, RECORD, SCHEMA of not_sent, RECORD, …]
    }

`runs.touched` is the last run in which Chargebee sent new data about the group, `runs.sent` the last run that sent the
record; the target has confirmed it when STATE (`bookmarks._map.gen`) names that run or a later one. `messages` are what
the mapping `preview` would send for this group: they can be given to a target in mode `validate`. An invoice's member
with an impossible value is an empty list in `chargebee`, because the store does not keep its value.
"""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING

import click

from standpipe_maps._kit.errors import UserError
from standpipe_maps.json_schema import format_time
from standpipe_maps.printing import AS_JSON, print_result
from standpipe_maps.subscriptions.customer_filter import SETTING as ONLY_CUSTOMERS
from standpipe_maps.subscriptions.records import LEFT_OUT, UNDECIDED, choose_winners, find_reason, make_candidate
from standpipe_maps.subscriptions.rules import MATCH_KEYS, compute_match_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from standpipe_maps._kit.json_types import JsonObject
    from standpipe_maps.subscriptions.mapper import MapSubscriptions
    from standpipe_maps.subscriptions.records import Candidate
    from standpipe_maps.subscriptions.store import Owner


def find_store(mapper: MapSubscriptions, name: str | None) -> str:
    """Return the name of the store to read: the requested one, or the only one.

    Raises:
        UserError: there is no store, or several and no name.
    """
    names = mapper.place.list_names()
    name = name or mapper.config.get("store_name")
    place = mapper.place.label
    if name and name not in names:
        raise UserError(f"There is no store `{name}` in {place}: restore it, or run with --full-refresh.")
    if not names:
        raise UserError(f"There is no store in {place} yet: the first run of the pipeline fills one.")
    if not name and len(names) > 1:
        raise UserError(f"There are several stores in {place}: name one of {', '.join(names)} with --store.")
    return name or names[0]


def find_customer(mapper: MapSubscriptions, wanted: str) -> tuple[str, str]:
    """Return the id of a customer, and the kind of value that found it.

    Raises:
        UserError: no customer has this id or match value, or several have.
    """
    if mapper.billing.has_customer(wanted):
        return wanted, "id"
    match_on = mapper.config["match_on"]
    # Chargebee's ids have no white space around them, but it is easily copied too.
    keys = {MATCH_KEYS[match_on](text) for text in (wanted, wanted.strip())}
    found_by, ids = "match_value", {one for key in keys for one in mapper.billing.find_ids(match=key)}
    if not ids:
        found_by, ids = _find_by_other_value(mapper, wanted.strip())
    if not ids:
        raise UserError(
            "No customer in the store has this id or match value: Chargebee had none when the last run read it."
        )
    if len(ids) > 1:
        raise UserError(f"Several customers share this value: ask for one of {', '.join(sorted(ids))}.")
    return ids.pop(), found_by


def _find_by_other_value(mapper: MapSubscriptions, wanted: str) -> tuple[str, set[str]]:
    """Search all customers for a value that the map does not match by, without an index."""
    fields = {key: "email" if key == "email" else mapper.config[f"{key}_field"] for key in MATCH_KEYS}
    wanted_as = {key: compare(wanted) for key, compare in MATCH_KEYS.items()}
    found: dict[str, set[str]] = {key: set() for key in MATCH_KEYS}
    for customer in mapper.billing.read_customers():
        for key, field in fields.items():
            if compute_match_value(customer, key, field) == wanted_as[key]:
                found[key].add(customer["id"])
    return next(((key, ids) for key, ids in found.items() if ids), ("", set()))


def decide_group(mapper: MapSubscriptions, owners: Iterable[Owner]) -> tuple[str | None, dict[str, str]]:
    """Return which customer of a group is sent, and why each of the others is not."""
    left_out: list[Candidate] = []
    losers: list[Candidate] = []
    best: list[Candidate] = []
    candidates = mapper.filter_customers(map(make_candidate, owners), left_out.append, mapper.read_fact_options())
    winners = list(choose_winners(candidates, losers.append, lambda winner, _: best.append(winner)))
    reasons = {one.owner.customer["id"]: find_reason(one) for one in losers}
    if not winners:
        reasons = {one.owner.customer["id"]: UNDECIDED for one in (*losers, *best)}
    reasons |= {one.owner.customer["id"]: LEFT_OUT for one in left_out}
    return winners[0].owner.customer["id"] if winners else None, reasons


def inspect_customer(mapper: MapSubscriptions, wanted: str) -> JsonObject:
    """Return an open store's data about a customer, in the form that this module describes."""
    customer_id, found_by = find_customer(mapper, wanted)
    owners = mapper.billing.read_group(customer_id)
    sent_id, reasons = decide_group(mapper, owners)
    # The requested customer need not be the one that is sent.
    own = next(make_candidate(one) for one in owners if one.customer["id"] == customer_id)
    # The messages note the same failures again.
    mapper.notes.clear()
    messages = [
        json.loads(mapper.message_writer.format_message(message))
        for message in mapper.derive_stream(owners, len(owners))
    ]
    records = [one["record"] for one in messages if one["type"] == "RECORD" and one["stream"] == mapper.stream]
    group = [one.customer["id"] for one in owners]
    touched = mapper.billing.find_last_touch(group)
    reconciled_at = mapper.store.read_value("reconciled_at")
    return {
        "customer_id": customer_id,
        "found_by": found_by,
        "store": {"name": mapper.store.name, "generation": mapper.store.generation},
        "match": {"match_on": mapper.config["match_on"], "field": mapper.match_field, "value": own.owner.match},
        "group": [{"customer_id": one, "is_sent": one not in reasons, "reason": reasons.get(one)} for one in group],
        "only_customers": mapper.config.get(ONLY_CUSTOMERS) or None,
        "sent_is": sent_id,
        "chargebee": mapper.billing.read_rows(customer_id),
        "counted_subscriptions": [one["id"] for one in own.counted],
        "chosen_subscription": own.chosen["id"] if own.chosen else None,
        "derived": records[0] if records else {},
        "notes": {name: mapper.notes.ids.get(name, []) for name in mapper.notes.counts if name != "customers_out"},
        "runs": {
            "touched": touched,
            "sent": max(touched, mapper.store.read_value("all_sent", 0)),
            "reconciled_at": format_time(reconciled_at),
        },
        "messages": messages,
    }


@click.command("inspect", help="Show the stored data of one customer, and what the map derives from it.")
@click.argument("customer")
@click.option("--store", "store_name", help="Name of the store, as STATE has it.")
@click.option("--catalog", type=click.File("rb"), help="The tap's catalog, which types extra fields; - for stdin.")
@click.pass_obj
def _inspect_command(
    mapper: MapSubscriptions, customer: str, store_name: str | None, catalog: IO[bytes] | None, *, as_json: bool
) -> None:
    if catalog:
        try:
            mapper.schemas.update({one["tap_stream_id"]: one["schema"] for one in json.load(catalog)["streams"]})
        except (ValueError, KeyError, TypeError) as error:
            raise UserError("The file of --catalog is not a Singer catalog: discover it again.") from error
    name = find_store(mapper, store_name)
    with mapper.place.open_to_read(name, mapper.is_current) as store:
        mapper.open_rows(store)
        result = inspect_customer(mapper, customer)
    result["store"]["path"] = mapper.place.locate(name)
    if not as_json:
        del result["messages"]
    print_result(result, as_json=as_json)


_inspect_command.params.append(AS_JSON)
INSPECT = _inspect_command
