"""Merging a lead into a user: what the user gains, and what is left of the lead.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/mergecontact
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.intercom.errors import refuse
from sandbox.intercom.records import Change

if TYPE_CHECKING:
    from sandbox.intercom.contacts import Contact
    from sandbox.intercom.threads import Threads
    from sandbox.intercom.workspace import Workspace

GAINED = (
    "email", "phone", "name", "avatar", "owner_id", "signed_up_at", "last_replied_at", "last_contacted_at",
    "language_override", "browser", "browser_language", "os",
)  # fmt: skip
"""What the user takes over where it has nothing of its own."""


def merge(workspace: Workspace, lead: Contact, user: Contact, at: int, source: str) -> None:
    """Give the user what the lead has, and let the lead vanish; any other pair is refused with 400."""
    if lead.is_user or not user.is_user:
        raise refuse("no merge", reason="Only a lead can be merged into a user")
    _hand_over_links(workspace, lead, user, at)
    for note in workspace.library.find_all("notes", lead.notes):
        note["contact"] = {"type": "contact", "id": user.id}
    user.notes, lead.notes = (*user.notes, *lead.notes), ()
    for store in (workspace.conversations, workspace.tickets):
        _hand_over_threads(store, lead, user, at)
    values = _gained(lead.document, user.document)
    workspace.contacts.retire(lead, user)
    workspace.contacts.update(user, values, at, source)
    user.history.append(Change(at, source, "(merged)", lead.id, user.id))
    workspace.tell("contact.merged", user)


def are_duplicates(lead: Contact, user: Contact) -> bool:
    """Whether the two share an e-mail or a phone number."""
    pairs = ((lead.document[name], user.document[name]) for name in ("email", "phone"))
    return any(one and other and one.lower() == other.lower() for one, other in pairs)


def _gained(lead: dict[str, Any], user: dict[str, Any]) -> dict[str, Any]:
    held, offered = user["custom_attributes"], lead["custom_attributes"]
    custom = {name: value for name, value in offered.items() if held.get(name) is None}
    tags = dict.fromkeys((*user.get("tags", ()), *lead.get("tags", ())))
    values = {name: lead[name] for name in GAINED if user[name] is None and lead[name] is not None}
    return values | {"custom_attributes": custom} | ({"tags": tuple(tags)} if tags else {})


def _hand_over_links(workspace: Workspace, lead: Contact, user: Contact, at: int) -> None:
    for company in workspace.companies_of(lead):
        workspace.detach(lead, company, at, "Intercom")
        workspace.attach(user, company, at, "Intercom")
    if lead.subscriptions:
        user.subscriptions = {**lead.subscriptions, **(user.subscriptions or {})}


def _hand_over_threads(store: Threads, lead: Contact, user: Contact, at: int) -> None:
    for thread in list(store.live()):
        ids = thread.document["contacts"]
        if lead.id in ids:
            store.write(thread, at, contacts=tuple(dict.fromkeys(user.id if one == lead.id else one for one in ids)))
