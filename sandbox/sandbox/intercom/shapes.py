"""Contacts and companies as they go over the wire, in the shape of API 2.14."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.intercom.segments import segments_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sandbox.intercom.bodies import Version
    from sandbox.intercom.companies import Company
    from sandbox.intercom.contacts import Contact

INLINE_LIMIT = 10
LOCATION = {
    "type": "location", "country": None, "region": None, "city": None, "country_code": None, "continent_code": None,
}  # fmt: skip
UNSAID = ("industry", "size", "website")
"""Fields of a company that its answer lacks when nobody has said them, where others are null."""
UNTRACKED = dict.fromkeys((
    "browser_version", "android_app_name", "android_app_version", "android_device", "android_os_version",
    "android_sdk_version", "android_last_seen_at", "ios_app_name", "ios_app_version", "ios_device",
    "ios_os_version", "ios_sdk_version", "ios_last_seen_at", "utm_campaign", "utm_content", "utm_medium",
    "utm_source", "utm_term", "referrer",
))  # fmt: skip
OWNER_AS_STRING: Version = (2, 16)


def contact(
    record: Contact, companies: Sequence[Company], tags: Sequence[dict[str, Any]], app_id: str, version: Version
) -> dict[str, Any]:
    """One contact with the first ten of its companies, tags, notes and subscriptions."""
    document, url = record.document, f"/contacts/{record.id}"
    said = record.subscriptions or {}
    return {
        "type": "contact",
        **document,
        "workspace_id": app_id,
        "email_domain": (document["email"] or "").rpartition("@")[2] or None,
        "avatar": document["avatar"] and {"type": "avatar", "image_url": document["avatar"]},
        "owner_id": _owner(document["owner_id"], version),
        "social_profiles": {"type": "list", "data": []},
        "location": LOCATION,
        **UNTRACKED,
        "enabled_push_messaging": None,
        "tags": addressable(_heads("tag", "/tags", [one["id"] for one in tags]), f"{url}/tags"),
        "notes": addressable(_heads("note", "/notes", record.notes), f"{url}/notes"),
        "companies": addressable(_heads("company", "/companies", [one.id for one in companies]), f"{url}/companies"),
        "opted_out_subscription_types": addressable(_consents(said, "opt_out"), f"{url}/subscriptions"),
        "opted_in_subscription_types": addressable(_consents(said, "opt_in"), f"{url}/subscriptions"),
    }


def _heads(kind: str, path: str, ids: Iterable[str]) -> list[dict[str, Any]]:
    return [{"id": one, "type": kind, "url": f"{path}/{one}"} for one in ids]


def _consents(said: Mapping[str, str], consent: str) -> list[dict[str, Any]]:
    return _heads("subscription", "/subscription_types", [one for one, held in said.items() if held == consent])


def company(record: Company, tags: Sequence[dict[str, Any]], user_count: int, app_id: str) -> dict[str, Any]:
    """One company; its plan is kept by name and shown as an object."""
    document = {name: value for name, value in record.document.items() if value is not None or name not in UNSAID}
    plan = document["plan"]
    segments = [one.shape() for one in segments_of("company", document)]
    return {
        "type": "company",
        **document,
        "app_id": app_id,
        "plan": {"type": "plan", "id": str(sum(plan.encode())), "name": plan} if plan else {},
        "user_count": user_count,
        "tags": {"type": "tag.list", "tags": list(tags)},
        "segments": {"type": "segment.list", "segments": segments},
    }


def addressable(data: list[dict[str, Any]], url: str) -> dict[str, Any]:
    """The head of a list that has an address of its own, where the rest is read."""
    return {
        "type": "list",
        "data": data[:INLINE_LIMIT],
        "url": url,
        "total_count": len(data),
        "has_more": len(data) > INLINE_LIMIT,
    }


def listed(data: Iterable[dict[str, Any]], total: int, pages: dict[str, Any]) -> dict[str, Any]:
    """A page of a list."""
    return {"type": "list", "data": list(data), "total_count": total, "pages": pages}


def stub(record: Contact, **state: bool) -> dict[str, Any]:
    """What is left of a contact in the answer to its archiving or deletion."""
    return {"type": "contact", "id": record.id, "external_id": record.document["external_id"], **state}


def _owner(owner: int | None, version: Version) -> int | str | None:
    return str(owner) if owner is not None and version >= OWNER_AS_STRING else owner
