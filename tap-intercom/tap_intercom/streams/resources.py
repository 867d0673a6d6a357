"""What can be read of Intercom, one row a resource, https://developers.intercom.com/docs/references/rest-api/api.intercom.io."""

from __future__ import annotations

from typing import Any

from tap_intercom.streams.resource import Resource

MOST = 150
"""Records a page at most, in most lists."""


def child(name: str, path: str, parent: str, **row: Any) -> Resource:
    """A row for a list that each record of a parent has: a call a parent, so it is read only when asked for."""
    singular = Resource(name, parent=parent).singular
    return Resource(
        name, path, parent=parent, **{"replication_key": f"{singular}_updated_at", "selected": False, **row}
    )


def part(name: str, parent: str, within: tuple[str, ...], **row: Any) -> Resource:
    """A row for a list that stands in each record of a parent: it costs no call."""
    return child(name, "", parent, within=within, **{"selected": True, **row})


def numbered(name: str, path: str, **row: Any) -> Resource:
    """A row for a list of numbered pages, of which only what changed is passed on."""
    return Resource(name, path, way="numbered", **{"per_page": MOST, "replication_key": "updated_at", **row})


STREAMS = (
    Resource(
        "contacts",
        "/contacts/search",
        way="search",
        replication_key="updated_at",
        lists=("companies", "tags", "notes"),
        joined=("companies", "company_contacts"),
    ),
    Resource("companies", "/companies/scroll", way="scroll", replication_key="updated_at", told=("user_count",)),
    Resource("conversations", "/conversations/search", "conversations", way="search", replication_key="updated_at"),
    Resource("tickets", "/tickets/search", "tickets", way="search", replication_key="updated_at", since=(2, 9)),
    part(
        "contact_companies",
        "contacts",
        ("companies", "data"),
        primary_keys=("contact_id", "company_id"),
        renamed={"company_id": "id"},
    ),
    part(
        "contact_tags",
        "contacts",
        ("tags", "data"),
        primary_keys=("contact_id", "tag_id"),
        renamed={"tag_id": "id"},
    ),
    part("ticket_parts", "tickets", ("ticket_parts", "ticket_parts"), since=(2, 9)),
    numbered(
        "activity_logs",
        "/admins/activity_logs",
        answer="activity_logs",
        replication_key="created_at",
        bounds=("created_at_after", "created_at_before"),
        expires=True,
    ),
    Resource("admins", "/admins", "admins"),
    Resource("teams", "/teams", "teams"),
    Resource("away_status_reasons", "/away_status_reasons", "", since=(2, 13)),
    Resource("workspace", "/me", "app", single=True, primary_keys=("id_code",)),
    Resource(
        "contact_attributes",
        "/data_attributes",
        params={"model": "contact", "include_archived": "true"},
        primary_keys=("full_name",),
    ),
    Resource(
        "company_attributes",
        "/data_attributes",
        params={"model": "company", "include_archived": "true"},
        primary_keys=("full_name",),
    ),
    Resource("tags", "/tags"),
    Resource("segments", "/segments", "segments", params={"include_count": "true"}),
    Resource("subscription_types", "/subscription_types"),
    Resource("ticket_types", "/ticket_types", since=(2, 9)),
    Resource("ticket_states", "/ticket_states", since=(2, 12)),
    numbered("articles", "/articles"),
    numbered("collections", "/help_center/collections"),
    numbered("help_centers", "/help_center/help_centers"),
    numbered("internal_articles", "/internal_articles", since=(2, 14)),
    numbered("news_items", "/news/news_items", since=(2, 5)),
    numbered("newsfeeds", "/news/newsfeeds", replication_key=None, since=(2, 5)),
    numbered("calls", "/calls", per_page=25, replication_key=None, since=(2, 14)),
    numbered("content_import_sources", "/ai/content_import_sources", since=(2, 11)),
    numbered("external_pages", "/ai/external_pages", since=(2, 11)),
    Resource("ip_allowlist", "/ip_allowlist", "", single=True, primary_keys=("type",), since=(2, 14)),
    Resource("brands", "/brands", since=(2, 15)),
    Resource("emails", "/emails", since=(2, 15)),
    child("conversation_parts", "/conversations/{id}", "conversations", within=("conversation_parts",) * 2),
    child("contact_notes", "/contacts/{id}/notes", "contacts", way="numbered", per_page=MOST, if_any=("notes",)),
    child("contact_segments", "/contacts/{id}/segments", "contacts", primary_keys=("contact_id", "id")),
    child(
        "contact_subscriptions",
        "/contacts/{id}/subscriptions",
        "contacts",
        primary_keys=("contact_id", "id"),
        if_any=("opted_in_subscription_types", "opted_out_subscription_types"),
    ),
    child(
        "company_contacts",
        "/companies/{id}/contacts",
        "companies",
        way="numbered",
        per_page=60,
        primary_keys=("company_id", "contact_id"),
        renamed={"contact_id": "id"},
    ),
    child("company_segments", "/companies/{id}/segments", "companies", primary_keys=("company_id", "id")),
    child("company_notes", "/companies/{id}/notes", "companies", way="numbered", per_page=MOST, since=(2, 15)),
    child(
        "newsfeed_items",
        "/news/newsfeeds/{id}/items",
        "newsfeeds",
        way="numbered",
        per_page=MOST,
        primary_keys=("newsfeed_id", "id"),
        replication_key=None,
        since=(2, 5),
    ),
    child("articles_extended", "/articles/{id}", "articles", single=True),
)
