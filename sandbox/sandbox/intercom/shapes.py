"""Contacts and companies in the form of API 2.14."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.intercom.fixtures import read_fixture
from sandbox.intercom.segments import find_segments

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.intercom.bodies import Version
    from sandbox.intercom.companies import Company
    from sandbox.intercom.contacts import Contact
    from sandbox.intercom.workspace import Workspace
    from sandbox.json_types import JsonObject

PINNED: Version = (2, 14)
"""The app's version in the Developer Hub, used for webhooks and for calls without a version header."""
OWNER_AS_STRING: Version = (2, 16)
INLINE_LIMIT = 10
UNTRACKED = read_fixture("contact")
"""Fields of a contact that are always null here."""
UNSAID = ("industry", "size", "website")
"""Fields of a company that are left out when empty, while others are null."""


def show_contact(workspace: Workspace, contact: Contact, version: Version) -> JsonObject:
    """Return one contact with the first ten of its companies, tags, notes and subscriptions."""
    document, url = contact.document, f"/contacts/{contact.id}"
    owner, avatar = document["owner_id"], document["avatar"]
    consents = (contact.subscriptions or {}).items()
    lists = {
        "tags": ("tag", [one["id"] for one in workspace.show_tags(contact)], "tags"),
        "notes": ("note", contact.notes, "notes"),
        "companies": ("company", [one.id for one in workspace.companies_of(contact)], "companies"),
        **{
            f"opted_{way}_subscription_types": (
                "subscription", [one for one, consent in consents if consent == f"opt_{way}"], "subscriptions",
            )
            for way in ("out", "in")
        },
    }  # fmt: skip
    return {
        "type": "contact",
        **document,
        "custom_attributes": workspace.custom_objects.show_references("contact", document["custom_attributes"]),
        **UNTRACKED,
        "workspace_id": workspace.app_id,
        "email_domain": (document["email"] or "").rpartition("@")[2] or None,
        "avatar": avatar and {"type": "avatar", "image_url": avatar},
        "owner_id": str(owner) if owner is not None and version >= OWNER_AS_STRING else owner,
        **{name: _show_first(kind, ids, f"{url}/{path}") for name, (kind, ids, path) in lists.items()},
    }


def _show_first(kind: str, ids: Iterable[str], url: str) -> JsonObject:
    """Return the first ten of a list, with the address of the whole list."""
    path = {"company": "/companies", "subscription": "/subscription_types"}.get(kind, f"/{kind}s")
    data = [{"id": one, "type": kind, "url": f"{path}/{one}"} for one in ids]
    more = len(data) > INLINE_LIMIT
    return {"type": "list", "data": data[:INLINE_LIMIT], "url": url, "total_count": len(data), "has_more": more}


def show_stub(contact: Contact, **state: bool) -> JsonObject:
    """Return the reply to a contact's archiving or deletion."""
    return {"type": "contact", "id": contact.id, "external_id": contact.document["external_id"], **state}


def show_company(workspace: Workspace, company: Company) -> JsonObject:
    """Return one company; its plan is stored by name and shown as an object."""
    document = {name: value for name, value in company.document.items() if value is not None or name not in UNSAID}
    plan = document["plan"]
    segments = [one.document for one in find_segments("company", document)]
    return {
        "type": "company",
        **document,
        "custom_attributes": workspace.custom_objects.show_references("company", document["custom_attributes"]),
        "app_id": workspace.app_id,
        "plan": {"type": "plan", "id": str(sum(plan.encode())), "name": plan} if plan else {},
        "user_count": workspace.count_users(company),
        "tags": {"type": "tag.list", "tags": workspace.show_tags(company)},
        "segments": {"type": "segment.list", "segments": segments},
    }
