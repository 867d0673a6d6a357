"""The webhook topics of a write to a contact or company, as a table.

https://developers.intercom.com/docs/references/webhooks/webhook-models
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.intercom.search import Document

RULES: tuple[tuple[str, Callable[[Document, Document], bool]], ...] = (
    ("contact.lead.signed_up", lambda old, new: (old["role"], new["role"]) == ("lead", "user")),
    ("contact.email.updated", lambda old, new: new["role"] == "user" and old["email"] != new["email"]),
    ("contact.lead.added_email", lambda old, new: new["role"] == "lead" and not old["email"] and bool(new["email"])),
    ("contact.unsubscribed", lambda old, new: _turned(old, new, on=True)),
    ("contact.subscribed", lambda old, new: _turned(old, new, on=False)),
    ("contact.user.updated", lambda _old, new: new["role"] == "user"),
    ("contact.lead.updated", lambda _old, new: new["role"] == "lead"),
)
"""Topics, each with a test of (document before, document after)."""


def find_contact_topics(old: Document | None, new: Document) -> Iterator[str]:
    """Return the topics of a contact's creation (`old` is None) or change."""
    if old is None:
        yield f"contact.{new['role']}.created"
        return
    yield from (topic for topic, holds in RULES if holds(old, new))


def find_company_topics(old: Document | None, _: Document) -> Iterator[str]:
    """Return the topic of a company's creation (`old` is None) or change."""
    yield "company.created" if old is None else "company.updated"


def _turned(old: Document, new: Document, *, on: bool) -> bool:
    name = "unsubscribed_from_emails"
    return bool(old[name]) is not on and bool(new[name]) is on
