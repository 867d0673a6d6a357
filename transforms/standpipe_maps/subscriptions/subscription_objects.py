"""The subscriptions of a customer as instances of a custom object of Intercom. Pure.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/custom-object-instances

`FIELDS` decides what an instance has, and nothing else does. A new field is one more row, and a row in
docs/subscription-objects.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from standpipe_maps.json_schema import DATE, NUMBER, TEXT, format_time
from standpipe_maps.subscriptions.attributes import Attribute, format_interval
from standpipe_maps.subscriptions.facts import Facts
from standpipe_maps.subscriptions.models import get_known

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from standpipe_maps._kit.json_types import JsonObject, JsonValue
    from standpipe_maps.subscriptions.rules import Record

SETTING = "subscription_objects"
STREAM = "subscription_objects"
SWITCH = "x-standpipe-objects"
"""The keyword of the SCHEMA with the object's type, the attribute that refers to it, and whether everybody is sent."""
REFERENCE = "subscriptions"
"""The name, after the prefix, of the attribute of contacts that refers to their subscriptions."""
LONGEST = 255
"""The most characters of a text."""


def _read(field: str) -> Callable[[Facts], JsonValue]:
    return lambda facts: facts.chosen.get(field)


def _read_time(field: str) -> Callable[[Facts], JsonValue]:
    return lambda facts: format_time(facts.chosen.get(field))


def _list_items(facts: Facts) -> str | None:
    """Return everything that is billed besides the plan, as in `seats x 5, support`."""
    record = facts.chosen
    items = [("id", one) for one in record.get("addons") or ()]
    items += [
        ("item_price_id", one) for one in record.get("subscription_items") or () if one.get("item_type") != "plan"
    ]
    text = ", ".join(_name_item(one.get(key), one.get("quantity"), facts.options.plan_names) for key, one in items)
    return (text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}\u2026") or None


def _name_item(item_id: str | None, quantity: int | None, names: Mapping[str, str]) -> str:
    name = names.get(item_id or "", item_id or "?")
    return f"{name} x {quantity}" if quantity and quantity > 1 else name


# fmt: off
FIELDS = (
    Attribute("plan", TEXT, "The plan", "plan_id, or item_price_id of the plan item", lambda facts: facts.plan_name),
    Attribute("quantity", NUMBER, "Quantity of the plan", "as sub_plan_quantity", lambda facts: facts.plan.quantity),
    Attribute("items", TEXT, "Add-ons and charges", "addons, or the other subscription_items", _list_items),
    Attribute("status", TEXT, "Status", "status", _read("status")),
    Attribute("mrr", NUMBER, "Monthly recurring revenue", "mrr", lambda facts: facts.mrr.amount),
    Attribute("currency", TEXT, "Currency of the MRR", "currency_code", lambda facts: facts.mrr.currency),
    Attribute("interval", TEXT, "How often the plan is billed", "billing_period, billing_period_unit", format_interval),
    Attribute("trial_end_at", DATE, "When the trial ends", "trial_end", _read_time("trial_end")),
    Attribute("term_end_at", DATE, "When the current term ends", "current_term_end", _read_time("current_term_end")),
    Attribute("next_bill_at", DATE, "When it is billed next", "next_billing_at", _read_time("next_billing_at")),
    Attribute("cancelled_at", DATE, "When it was, or will be, cancelled", "cancelled_at", _read_time("cancelled_at")),
    Attribute("cancel_reason", TEXT, "Why it was cancelled", "cancel_reason, else cancel_reason_code",
              lambda facts: facts.chosen.get("cancel_reason") or facts.chosen.get("cancel_reason_code")),
)
# fmt: on


def build_schema(type_name: str, prefix: str, *, is_whole: bool) -> JsonObject:
    """Return the schema of the stream.

    Args:
        type_name: the type of the custom object, as its name is in Intercom's settings.
        prefix: what the names of attributes of contacts begin with.
        is_whole: whether the run sends every customer, so that the objects of all others can go.
    """
    attributes = {one.name: {**one.type, "description": one.description} for one in FIELDS}
    return {
        "type": "object",
        "properties": {
            "subscription_id": {"type": ["string"]},
            "customer_id": {"type": ["string"]},
            "external_created_at": {"type": ["integer", "null"]},
            "external_updated_at": {"type": ["integer", "null"]},
            "custom_attributes": {"type": ["object"], "properties": attributes, "additionalProperties": False},
        },
        "required": ["subscription_id", "customer_id"],
        SWITCH: {"type": type_name, "reference": f"{prefix}{REFERENCE}", "is_whole": is_whole},
    }


def build_facts(subscription: Record, facts: Facts) -> Facts:
    """Return the facts about one subscription alone."""
    return Facts(facts.customer, subscription, [subscription], (), facts.options)


def build_heads(facts: Facts) -> Iterator[tuple[JsonObject, Facts]]:
    """Yield each subscription that counts: what identifies it, and the facts about it. In the order of their ids."""
    for subscription in sorted(facts.counted, key=lambda one: str(one["id"])):
        head = {
            "subscription_id": subscription["id"],
            "customer_id": facts.customer["id"],
            "external_created_at": get_known(subscription, "created_at"),
            "external_updated_at": get_known(subscription, "updated_at"),
        }
        yield head, build_facts(subscription, facts)
