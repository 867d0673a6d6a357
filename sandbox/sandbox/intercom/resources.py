"""Lists that can only be read: one row per list says how the vendor wraps, pages, filters and refuses.

To add a list, add a kind of document to ``fixtures/library.json`` and a row to ``fixtures/lists.json``.
https://developers.intercom.com/docs/references/rest-api/api.intercom.io
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.intercom.errors import parameter_invalid, parameter_missing
from sandbox.intercom.fixtures import read_fixture
from sandbox.intercom.operations import PAGING, Call, Operation
from sandbox.intercom.search_values import read_seconds
from sandbox.intercom.segments import SEGMENTS, count_members, find_segments
from sandbox.templates import fill_template

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.intercom.bodies import Version
    from sandbox.intercom.operations import Sizes
    from sandbox.json_types import JsonObject, JsonValue

FLAGS = {"true": True, "false": False}
SEGMENT_TYPES = {"contact": ("user", "contact"), "user": ("user",), "lead": ("contact",), "company": ("company",)}


@dataclass(frozen=True)
class Resource:
    """One list of documents, and each document at a path of its own.

    Attributes:
        kind: the library's name for them.
        sizes: records on a page, when not asked for and at most; None for a list that is whole.
        envelope: type and key of the list; None for a bare array.
        alone: whether one of them can be read by its id.
        missing: code and message of the 404 when there is none with an id.
        next_as_link: whether `pages.next` is an address, else an object.
        query: what the list knows besides paging.
        since: the version that brought it.
        hidden: what only a document's own page shows.
        select: gives the documents of the list, when they are not all of their kind.
    """

    path: str
    kind: str
    sizes: Sizes | None = None
    envelope: tuple[str, str] | None = ("list", "data")
    alone: bool = True
    missing: tuple[str, str] = ("not_found", "Resource Not Found")
    next_as_link: bool = False
    query: frozenset[str] = frozenset()
    since: Version = (2, 0)
    hidden: frozenset[str] = frozenset()
    select: Callable[[Call], list[JsonObject]] | None = None

    def make_operations(self) -> list[Operation]:
        """Return the operations on the list and on one of its documents."""
        query = self.query | (PAGING if self.sizes else frozenset())
        made = [Operation("GET", self.path, self._list, query, self.since)]
        return made + [Operation("GET", f"{self.path}/{{id}}", self._show, since=self.since)] * self.alone

    def _list(self, call: Call) -> JsonValue:
        documents = self.select(call) if self.select else call.workspace.library.list_documents(self.kind)
        if self.envelope is None:
            return documents
        kind, key = self.envelope
        if self.sizes is None:
            return {"type": kind, key: documents}
        page = call.make_page(self.path.format(**call.path), documents, self._hide, self.sizes)
        pages = page["pages"]
        # The vendor's description has both forms, depending on the list.
        if not self.next_as_link and pages["next"]:
            pages["next"] = {"page": pages["page"] + 1, "per_page": pages["per_page"]}
        return page if key == "data" else {"type": kind, key: page["data"], "pages": pages}

    def _hide(self, document: JsonObject) -> JsonObject:
        return {name: value for name, value in document.items() if name not in self.hidden}

    def _show(self, call: Call) -> JsonObject:
        return call.find_document(self.kind, call.path["id"], *self.missing)


def select_logs(call: Call) -> list[JsonObject]:
    """Return admins' activity between two times, both included, newest first."""
    if "created_at_after" not in call.query:
        raise parameter_missing("created_at_after not specified")
    after, before = (
        read_seconds(call.query[name], name) if name in call.query else None
        for name in ("created_at_after", "created_at_before")
    )
    before = call.now if before is None else before
    if "created_at_before" in call.query and before < (after or 0):
        raise parameter_invalid("created_at_before must not lie before created_at_after", "created_at_before")
    logs = call.workspace.library.list_documents("activity_logs")
    return [one for one in logs if (after or 0) <= one["created_at"] <= before]


def select_news(call: Call) -> list[JsonObject]:
    """Return the live news of one feed."""
    feed_id = int(call.find_document("newsfeeds", call.path["id"])["id"])
    news = call.workspace.library.list_documents("news_items")
    return [one for one in news if any(to["newsfeed_id"] == feed_id for to in one["newsfeed_assignments"])]


def select_segments(call: Call) -> list[JsonObject]:
    """Return all segments of a type, with their number of members if requested."""
    counted, kind = call.query.get("include_count", "false"), call.query.get("type")
    if counted not in FLAGS:
        raise parameter_invalid("include_count must be a boolean", "include_count")
    if kind is not None and kind not in SEGMENT_TYPES:
        raise parameter_invalid(f"type must be one of: {', '.join(SEGMENT_TYPES)}", "type")
    found = [one for one in SEGMENTS if kind is None or one.person_type in SEGMENT_TYPES[kind]]
    if not FLAGS[counted]:
        return [one.document for one in found]
    contacts, companies = (
        (one.document for one in store.live()) for store in (call.workspace.contacts, call.workspace.companies)
    )
    counts = count_members(contacts, companies)
    return [{**one.document, "count": counts[one.id]} for one in found]


def _select_notes(call: Call, owner: str) -> list[JsonObject]:
    notes = getattr(call, owner).notes
    return call.workspace.library.find_all("notes", reversed(notes))


def _select_segments_of(call: Call, owner: str) -> list[JsonObject]:
    return [one.document for one in find_segments(owner, getattr(call, owner).document)]


def _show_single(call: Call, name: str) -> JsonObject:
    workspace = call.workspace
    names = {"app_id": workspace.app_id, "timezone": workspace.settings.intercom_timezone}
    shown: JsonObject = fill_template(read_fixture("singles")[name], names, 0)
    return shown


SELECTORS: dict[str, Callable[[Call], list[JsonObject]]] = {
    "activity logs": select_logs,
    "news of a feed": select_news,
    "segments": select_segments,
    "segments of a contact": lambda call: _select_segments_of(call, "contact"),
    "segments of a company": lambda call: _select_segments_of(call, "company"),
    "notes of a contact": lambda call: _select_notes(call, "contact"),
    "notes of a company": lambda call: _select_notes(call, "company"),
    "tags of a contact": lambda call: call.workspace.show_tags(call.contact),
    "subscriptions of a contact": lambda call: call.workspace.library.find_all(
        "subscription_types", call.contact.subscriptions or ()
    ),
}
"""Lists that return only some documents of their kind, each with its selection."""


def _read_resource(row: JsonObject) -> Resource:
    sets: JsonObject = {name: frozenset(row[name]) for name in ("query", "hidden") if name in row}
    tuples = {name: tuple(value) for name, value in row.items() if isinstance(value, list)}
    facts: JsonObject = {**row, **tuples, **sets, "select": SELECTORS.get(row.get("select", ""))}
    return Resource(**facts)


RESOURCES = tuple(map(_read_resource, read_fixture("lists")))
OPERATIONS = (
    *(operation for one in RESOURCES for operation in one.make_operations()),
    Operation("GET", "/notes/{id}", lambda call: call.find_document("notes", call.path["id"])),
    Operation("GET", "/me", lambda call: _show_single(call, "me")),
    Operation("GET", "/ip_allowlist", lambda call: _show_single(call, "ip_allowlist"), since=(2, 14)),
)
