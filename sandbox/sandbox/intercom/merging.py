"""Merging a lead into a user: what the user gains, and what is left of the lead.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/mergecontact
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.intercom.errors import refuse
from sandbox.intercom.records import Change

if TYPE_CHECKING:
    from sandbox.intercom.contacts import Contact
    from sandbox.intercom.workspace import Workspace
    from sandbox.json_types import JsonObject

GAINS = (
    "email", "phone", "name", "avatar", "owner_id", "signed_up_at", "last_replied_at", "last_contacted_at",
    "language_override", "browser", "browser_language", "os",
)  # fmt: skip
"""Fields that the user takes from the lead where its own are empty."""


def merge_lead(workspace: Workspace, lead: Contact, user: Contact, at: int, source: str) -> None:
    """Move the lead's data to the user and hide the lead; refuse any other pair with 400."""
    if lead.is_user or not user.is_user:
        raise refuse("no merge", reason="Only a lead can be merged into a user")
    for company in workspace.companies_of(lead):
        workspace.detach(lead, company, at, "Intercom")
        workspace.attach(user, company, at, "Intercom")
    if lead.subscriptions:
        user.subscriptions = {**lead.subscriptions, **(user.subscriptions or {})}
    for note in workspace.library.find_all("notes", lead.notes):
        note["contact"] = {"type": "contact", "id": user.id}
    user.notes, lead.notes = (*user.notes, *lead.notes), ()
    for store in (workspace.conversations, workspace.tickets):
        for thread in [one for one in store.live() if lead.id in one.document["contacts"]]:
            ids = [user.id if one == lead.id else one for one in thread.document["contacts"]]
            store.write(thread, at, contacts=tuple(dict.fromkeys(ids)))
    # The lead is hidden first, so that its e-mail is free for the user.
    values = _find_gains(lead.document, user.document)
    workspace.contacts.retire(lead, user)
    workspace.contacts.update(user, values, at, source)
    user.history.append(Change(at, source, "(merged)", lead.id, user.id))
    workspace.send_webhook("contact.merged", user)


def _find_gains(lead: JsonObject, user: JsonObject) -> JsonObject:
    """Return the values that the user takes from the lead; its own values stay."""
    before = user["custom_attributes"]
    custom = {name: value for name, value in lead["custom_attributes"].items() if before.get(name) is None}
    tags = tuple(dict.fromkeys((*user.get("tags", ()), *lead.get("tags", ()))))
    values = {name: lead[name] for name in GAINS if user[name] is None and lead[name] is not None}
    return values | {"custom_attributes": custom} | ({"tags": tags} if tags else {})
