"""The streams of the tap, one row per resource of Intercom's API.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_intercom.streams.resource import Resource

if TYPE_CHECKING:
    from tap_intercom._kit.json_types import JsonValue

MAX_PER_PAGE = 150
"""The maximum number of records per page in most lists."""


def list_per_parent(name: str, path: str, parent: str, **row: JsonValue) -> Resource:
    """Return the row of a list that exists per parent record, at one call each."""
    singular = Resource(name, parent=parent).singular
    return Resource(
        name, path, parent=parent, **{"replication_key": f"{singular}_updated_at", "selected": False, **row}
    )


def list_in_parent(name: str, parent: str, within: tuple[str, ...], **row: JsonValue) -> Resource:
    """Return the row of a list that each parent record contains. It costs no call."""
    return list_per_parent(name, "", parent, within=within, **{"selected": True, **row})


def list_in_pages(name: str, path: str, **row: JsonValue) -> Resource:
    """Return the row of a list with numbered pages, of which a run sends only the changed records."""
    return Resource(name, path, way="numbered", **{"per_page": MAX_PER_PAGE, "replication_key": "updated_at", **row})


STREAMS = (
    Resource(
        "contacts",
        "/contacts/search",
        way="search",
        replication_key="updated_at",
        lists=("companies", "tags", "notes"),
        membership=("companies", "company_contacts"),
    ),
    Resource("companies", "/companies/scroll", way="scroll", replication_key="updated_at", counts=("user_count",)),
    Resource("conversations", "/conversations/search", "conversations", way="search", replication_key="updated_at"),
    Resource("tickets", "/tickets/search", "tickets", way="search", replication_key="updated_at", min_version=(2, 9)),
    list_in_parent(
        "contact_companies",
        "contacts",
        ("companies", "data"),
        primary_keys=("contact_id", "company_id"),
        renamed={"company_id": "id"},
    ),
    list_in_parent(
        "contact_tags",
        "contacts",
        ("tags", "data"),
        primary_keys=("contact_id", "tag_id"),
        renamed={"tag_id": "id"},
    ),
    list_in_parent("ticket_parts", "tickets", ("ticket_parts", "ticket_parts"), min_version=(2, 9)),
    list_in_pages(
        "activity_logs",
        "/admins/activity_logs",
        answer="activity_logs",
        replication_key="created_at",
        bounds=("created_at_after", "created_at_before"),
        expires=True,
    ),
    Resource("admins", "/admins", "admins"),
    Resource("teams", "/teams", "teams"),
    Resource("away_status_reasons", "/away_status_reasons", "", min_version=(2, 13)),
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
    Resource("ticket_types", "/ticket_types", min_version=(2, 9)),
    Resource("ticket_states", "/ticket_states", min_version=(2, 12)),
    list_in_pages("articles", "/articles"),
    list_in_pages("collections", "/help_center/collections"),
    list_in_pages("help_centers", "/help_center/help_centers"),
    list_in_pages("internal_articles", "/internal_articles", min_version=(2, 14)),
    list_in_pages("news_items", "/news/news_items", min_version=(2, 5)),
    list_in_pages("newsfeeds", "/news/newsfeeds", replication_key=None, min_version=(2, 5)),
    list_in_pages("calls", "/calls", per_page=25, replication_key=None, min_version=(2, 14)),
    list_in_pages("content_import_sources", "/ai/content_import_sources", min_version=(2, 11)),
    list_in_pages("external_pages", "/ai/external_pages", min_version=(2, 11)),
    Resource("ip_allowlist", "/ip_allowlist", "", single=True, primary_keys=("type",), min_version=(2, 14)),
    Resource("brands", "/brands", min_version=(2, 15)),
    Resource("emails", "/emails", min_version=(2, 15)),
    list_per_parent("conversation_parts", "/conversations/{id}", "conversations", within=("conversation_parts",) * 2),
    list_per_parent(
        "contact_notes", "/contacts/{id}/notes", "contacts", way="numbered", per_page=MAX_PER_PAGE, if_any=("notes",)
    ),
    list_per_parent("contact_segments", "/contacts/{id}/segments", "contacts", primary_keys=("contact_id", "id")),
    list_per_parent(
        "contact_subscriptions",
        "/contacts/{id}/subscriptions",
        "contacts",
        primary_keys=("contact_id", "id"),
        if_any=("opted_in_subscription_types", "opted_out_subscription_types"),
    ),
    list_per_parent(
        "company_contacts",
        "/companies/{id}/contacts",
        "companies",
        way="numbered",
        per_page=60,
        primary_keys=("company_id", "contact_id"),
        renamed={"contact_id": "id"},
    ),
    list_per_parent("company_segments", "/companies/{id}/segments", "companies", primary_keys=("company_id", "id")),
    list_per_parent(
        "company_notes",
        "/companies/{id}/notes",
        "companies",
        way="numbered",
        per_page=MAX_PER_PAGE,
        min_version=(2, 15),
    ),
    list_per_parent(
        "newsfeed_items",
        "/news/newsfeeds/{id}/items",
        "newsfeeds",
        way="numbered",
        per_page=MAX_PER_PAGE,
        primary_keys=("newsfeed_id", "id"),
        replication_key=None,
        min_version=(2, 5),
    ),
    list_per_parent("articles_extended", "/articles/{id}", "articles", single=True),
)
ROWS = {resource.name: resource for resource in STREAMS}
