"""Which customers an event of Chargebee concerns.

https://apidocs.chargebee.com/docs/api/events: `content` holds the resources that the event is about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .rings import Ring, Subject, Target, is_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from standpipe_console._kit.json_types import JsonObject

JOB = "sync"
SOURCE = "chargebee"

_BACKDATED = ("", "_with_backdating")
#: The events after which one of the attributes of map-subscriptions may differ. Reminders change nothing.
RINGING_TYPES: tuple[str, ...] = (
    # customer fields and status
    *(
        f"customer_{change}"
        for change in ("created", "changed", "deleted", "moved_in", "moved_out", "business_entity_changed")
    ),
    *("hierarchy_created", "hierarchy_deleted"),
    # card expiry and payment type
    *(f"card_{change}" for change in ("added", "updated", "deleted", "expired")),
    *(f"payment_source_{change}" for change in ("added", "updated", "deleted", "locally_deleted", "expired")),
    # MRR: Chargebee computes it up to a minute after the change itself
    "mrr_updated",
    # subscription fields
    *(f"subscription_created{suffix}" for suffix in _BACKDATED),
    *(f"subscription_activated{suffix}" for suffix in _BACKDATED),
    *(f"subscription_changed{suffix}" for suffix in _BACKDATED),
    *(f"subscription_reactivated{suffix}" for suffix in _BACKDATED),
    # Chargebee spells this one with one l.
    *("subscription_cancelled", "subscription_canceled_with_backdating"),
    *(
        f"subscription_{change}"
        for change in (
            *("started", "trial_extended", "cancellation_scheduled", "scheduled_cancellation_removed"),
            *("renewed", "items_renewed", "paused", "resumed", "pause_scheduled", "scheduled_pause_removed"),
            *("resumption_scheduled", "scheduled_resumption_removed", "deleted", "moved_in", "moved_out"),
            *("business_entity_changed", "ramp_applied"),
        )
    ),
    # unpaid amount, first and latest recurring invoice
    *(f"invoice_generated{suffix}" for suffix in _BACKDATED),
    *("invoice_updated", "invoice_deleted", "pending_invoice_created", "pending_invoice_updated"),
    *("unbilled_charges_invoiced", "payment_succeeded", "payment_failed", "payment_refunded"),
    *(f"credit_note_created{suffix}" for suffix in _BACKDATED),
    *("credit_note_updated", "credit_note_deleted", "dunning_updated", "transaction_deleted"),
    *("tax_withheld_recorded", "tax_withheld_deleted", "tax_withheld_refunded"),
)


def parse_event(event: JsonObject, moments: Collection[str] = ()) -> Ring:
    """Return the ring for an event: its customers, or the subscriptions whose customers must be looked up.

    An event that can change an attribute, but names no customer, concerns all customers.

    Args:
        event: the event.
        moments: the types of the events that are read themselves, because they become moments in Intercom.
    """
    event_type, event_id = event.get("event_type"), event.get("id")
    is_moment = is_id(event_type) and event_type in moments
    rings = is_moment or event_type in RINGING_TYPES
    targets = frozenset(_find_targets(event.get("content"))) if rings else frozenset()
    if is_moment and is_id(event_id):
        targets |= {Target(JOB, Subject.EVENT, event_id)}
    return Ring(SOURCE, event_id if is_id(event_id) else "", event_type if is_id(event_type) else "", targets)


def _find_targets(content: object) -> Iterator[Target]:
    resources = list(_iterate_resources(content))
    customers = {
        found
        for name, resource in resources
        # A move or a hierarchy names two customers, so every resource is read, not only the first.
        if is_id(found := resource.get("id" if name == "customer" else "customer_id"))
    }
    subscriptions = {found for _, resource in resources if is_id(found := resource.get("subscription_id"))}
    if customers:
        yield from (Target(JOB, Subject.CUSTOMER, one) for one in customers)
    elif subscriptions:
        # Contract terms and ramps name only a subscription.
        yield from (Target(JOB, Subject.SUBSCRIPTION, one) for one in subscriptions)
    else:
        yield Target(JOB, Subject.EVERYTHING)


def _iterate_resources(content: object) -> Iterator[tuple[str, JsonObject]]:
    """Yield each resource with its name in the singular: lists come under `unbilled_charge` or `unbilled_charges`."""
    for name, value in content.items() if isinstance(content, dict) else ():
        for resource in value if isinstance(value, list) else (value,):
            if isinstance(resource, dict):
                yield name.removesuffix("s") if isinstance(value, list) else name, resource
