"""The kinds and states of tickets that a workspace knows, and the subscriptions that it offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.intercom.library_draw import Document, Draw

STATES = (
    ("submitted", "Submitted", "Submitted"),
    ("submitted", "Needs triage", "Submitted"),
    ("in_progress", "In progress", "In progress"),
    ("in_progress", "With engineering", "In progress"),
    ("waiting_on_customer", "Waiting on customer", "Waiting on you"),
    ("resolved", "Resolved", "Resolved"),
    ("resolved", "Will not fix", "Closed"),
)
TYPES = (
    ("Bug report", "Customer", "🐞"),
    ("Billing question", "Customer", "💳"),
    ("Feature request", "Customer", "💡"),
    ("Refund", "Back-office", "💸"),
    ("Data correction", "Back-office", "🧹"),
    ("Incident", "Tracker", "🚨"),
)
TITLE, DESCRIPTION = "_default_title_", "_default_description_"
ATTRIBUTES = (
    (TITLE, "string", True),
    (DESCRIPTION, "string", True),
    ("Priority", "list", False),
    ("Affected since", "datetime", False),
    ("Times seen", "integer", False),
)
SUBSCRIPTIONS = (
    ("Newsletter", "opt_out", "live"),
    ("Product news", "opt_out", "live"),
    ("Billing notices", "opt_in", "live"),
    ("Incident texts", "opt_in", "live"),
    ("Webinars", "opt_out", "live"),
    ("Surveys", "opt_out", "draft"),
    ("Old newsletter", "opt_out", "archived"),
    *((f"Tips on {topic}", "opt_out", "live") for topic in ("reports", "exports", "webhooks", "roles", "apps")),
)  # fmt: skip


def subscription_types(_: Draw) -> Iterator[Document]:
    """Each in one language."""
    for number, (name, consent_type, state) in enumerate(SUBSCRIPTIONS, 1):
        translation = {"name": name, "description": f"{name} of Sandbox", "locale": "en"}
        yield {
            "type": "subscription",
            "id": str(120 + number),
            "state": state,
            "default_translation": translation,
            "translations": [translation],
            "consent_type": consent_type,
            "content_types": ["sms_message" if "texts" in name else "email"],
        }


def ticket_states(_: Draw) -> Iterator[Document]:
    """By category."""
    for number, (category, internal, external) in enumerate(STATES, 1):
        yield {
            "type": "ticket_state",
            "id": str(8600 + number),
            "category": category,
            "internal_label": internal,
            "external_label": external,
        }


def ticket_types(draw: Draw) -> Iterator[Document]:
    """Each with its attributes and all the states."""
    for number, (name, category, icon) in enumerate(TYPES, 1):
        type_id = 1200 + number
        yield {
            "type": "ticket_type",
            "id": str(type_id),
            "category": category,
            "name": name,
            "description": f"{name}s of any kind",
            "icon": icon,
            "workspace_id": draw.app_id,
            "ticket_type_attributes": {
                "type": "list",
                "data": [_attribute(draw, type_id, place) for place in range(len(ATTRIBUTES))],
            },
            "ticket_states": {"type": "list", "data": list(draw.made["ticket_states"].values())},
            "archived": False,
            "is_internal": category != "Customer",
            **draw.stamps(),
        }


def _attribute(draw: Draw, type_id: int, place: int) -> Document:
    name, data_type, default = ATTRIBUTES[place]
    options = {"list_options": [{"label": "High", "id": "p1"}, {"label": "Low", "id": "p2"}]}
    return {
        "type": "ticket_type_attribute",
        "id": str(type_id * 10 + place),
        "workspace_id": draw.app_id,
        "name": name,
        "description": "",
        "data_type": data_type,
        "input_options": options if data_type == "list" else {"multiline": name == DESCRIPTION},
        "order": place,
        "required_to_create": name == TITLE,
        "required_to_create_for_contacts": False,
        "visible_on_create": True,
        "visible_to_contacts": True,
        "default": default,
        "ticket_type_id": type_id,
        "archived": False,
        **draw.stamps(),
    }


MAKERS: dict[str, Callable[[Draw], Iterator[Document]]] = {
    "subscription_types": subscription_types,
    "ticket_states": ticket_states,
    "ticket_types": ticket_types,
}
