"""The segments of contacts and companies, and what contacts are subscribed to.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/subscription-types
"""

from __future__ import annotations

from typing import Any

from sandbox.intercom import segments
from sandbox.intercom.errors import Refusal, parameter_invalid
from sandbox.intercom.operations import Call, Operation

CONSENTS = ("opt_in", "opt_out")
FLAGS = {"true": True, "false": False}
TYPES = {"contact": ("user", "contact"), "user": ("user",), "lead": ("contact",), "company": ("company",)}


def listed(call: Call) -> dict[str, Any]:
    """Every segment, with how many belong to it if that is asked for."""
    wanted, kind = call.query.get("include_count", "false"), call.query.get("type")
    if wanted not in FLAGS:
        raise parameter_invalid("include_count must be a boolean", "include_count")
    if kind is not None and kind not in TYPES:
        raise parameter_invalid(f"type must be one of: {', '.join(TYPES)}", "type")
    found = [one for one in segments.SEGMENTS if kind is None or one.person_type in TYPES[kind]]
    counts = _counts(call) if FLAGS[wanted] else None
    return {
        "type": "segment.list",
        "segments": [one.shape() | ({"count": counts[one.id]} if counts else {}) for one in found],
    }


def get(call: Call) -> dict[str, Any]:
    """One segment."""
    found = next((one for one in segments.SEGMENTS if one.id == call.path["id"]), None)
    if found is None:
        raise Refusal(404, "not_found", "Resource Not Found")
    return found.shape()


def of_contact(call: Call) -> dict[str, Any]:
    """The segments that a contact belongs to."""
    contact = call.workspace.contacts.get(call.path["id"])
    return {"type": "list", "data": [one.shape() for one in segments.segments_of("contact", contact.document)]}


def of_company(call: Call) -> dict[str, Any]:
    """The segments that a company belongs to."""
    company = call.workspace.companies.get(call.path["id"])
    return {"type": "list", "data": [one.shape() for one in segments.segments_of("company", company.document)]}


def subscriptions(call: Call) -> dict[str, Any]:
    """What a contact has consented to, or objected to."""
    contact = call.workspace.contacts.get(call.path["id"])
    return {"type": "list", "data": [_subscription(call, one) for one in contact.subscriptions or ()]}


def subscribe(call: Call) -> dict[str, Any]:
    """Note a contact's consent or objection."""
    contact = call.workspace.contacts.get(call.path["id"])
    body = call.known("id", "consent_type")
    if body.get("consent_type") not in CONSENTS:
        raise parameter_invalid("consent_type must be one of: opt_in, opt_out", "consent_type")
    found = _subscription(call, str(body.get("id")))
    call.workspace.subscribe(contact, found["id"], body["consent_type"], call.now)
    return found


def unsubscribe(call: Call) -> dict[str, Any]:
    """Forget what a contact said to a subscription type."""
    contact = call.workspace.contacts.get(call.path["id"])
    found = _subscription(call, call.path["subscription_id"])
    if found["id"] not in (contact.subscriptions or ()):
        raise Refusal(404, "not_found", "Resource Not Found")
    call.workspace.subscribe(contact, found["id"], None, call.now)
    return found


def _subscription(call: Call, type_id: str) -> dict[str, Any]:
    found = call.workspace.library.get("subscription_types", type_id)
    if found is None:
        raise Refusal(404, "not_found", "Resource Not Found")
    return found


def _counts(call: Call) -> dict[str, int]:
    workspace = call.workspace
    return segments.counts(
        (one.document for one in workspace.contacts.live()), (one.document for one in workspace.companies.live())
    )


OPERATIONS = (
    Operation("GET", "/segments", listed, frozenset({"include_count", "type"})),
    Operation("GET", "/segments/{id}", get),
    Operation("GET", "/contacts/{id}/segments", of_contact),
    Operation("GET", "/companies/{id}/segments", of_company),
    Operation("GET", "/contacts/{id}/subscriptions", subscriptions),
    Operation("POST", "/contacts/{id}/subscriptions", subscribe),
    Operation("DELETE", "/contacts/{id}/subscriptions/{subscription_id}", unsubscribe),
)
