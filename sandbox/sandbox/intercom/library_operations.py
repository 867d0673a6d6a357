"""The lists of staff, settings and content: one row each, which says how the vendor wraps, pages and refuses.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.intercom import answers
from sandbox.intercom.errors import Refusal, parameter_invalid, parameter_missing
from sandbox.intercom.library_content import article_statistics
from sandbox.intercom.operations import Call, Operation
from sandbox.intercom.search_values import seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.intercom.bodies import Version

Document = dict[str, Any]
PAGING = frozenset({"page", "per_page"})
MAX_PAGE = 150
LOGS_PAGE = 20


@dataclass(frozen=True)
class Listing:
    """One list of documents.

    Attributes:
        kind: the library's name for them.
        sizes: records a page, when not asked for and at most; None for a list that is whole.
        wrapped: type and key of the list's envelope; None for a bare array.
        single: whether one of them can be read by its id.
        missing: code and message of the 404 when there is none with an id.
        next_as_link: whether `pages.next` is an address, else an object.
        query: what the list knows besides paging.
        since: the version that brought it.
        shown: a document as its own page shows it.
    """

    path: str
    kind: str
    sizes: answers.Sizes | None = None
    wrapped: tuple[str, str] | None = ("list", "data")
    single: bool = True
    missing: tuple[str, str] = ("not_found", "Resource Not Found")
    next_as_link: bool = False
    query: frozenset[str] = frozenset()
    since: Version = (2, 0)
    shown: Callable[[Document], Document] = lambda document: document

    def operations(self) -> list[Operation]:
        """The list, and one document of it."""
        query = self.query | (PAGING if self.sizes else frozenset())
        listed = Operation("GET", self.path, self._listed, query, self.since)
        return [listed] + [Operation("GET", f"{self.path}/{{id}}", self._one, since=self.since)] * self.single

    def _listed(self, call: Call) -> Any:
        documents = call.workspace.library.all(self.kind)
        if self.sizes is None:
            return documents if self.wrapped is None else {"type": self.wrapped[0], self.wrapped[1]: documents}
        page = answers.numbered_page(call, self.path, documents, lambda _, one: one, self.sizes)
        return page if self.next_as_link else answers.with_next_object(page)

    def _one(self, call: Call) -> Document:
        found = call.workspace.library.get(self.kind, call.path["id"])
        if found is None:
            raise Refusal(404, *self.missing)
        return self.shown(found)


def _article(document: Document) -> Document:
    return {**document, "statistics": article_statistics(document)}


LISTINGS = (
    Listing(
        "/admins", "admins", None, ("admin.list", "admins"), missing=("admin_not_found", "Admin not found"),
        query=frozenset({"display_avatar"}),
    ),
    Listing("/teams", "teams", None, ("team.list", "teams"), missing=("team_not_found", "Team Not Found")),
    Listing("/away_status_reasons", "away_status_reasons", wrapped=None, single=False, since=(2, 13)),
    Listing("/subscription_types", "subscription_types", single=False),
    Listing("/ticket_states", "ticket_states", single=False, since=(2, 12)),
    Listing("/ticket_types", "ticket_types", since=(2, 9)),
    Listing("/help_center/help_centers", "help_centers", (20, MAX_PAGE), next_as_link=True),
    Listing("/help_center/collections", "collections", (20, MAX_PAGE), next_as_link=True),
    Listing("/articles", "articles", (25, MAX_PAGE), next_as_link=True, shown=_article),
    Listing("/internal_articles", "internal_articles", (25, MAX_PAGE), since=(2, 14)),
    Listing("/news/news_items", "news_items", (20, MAX_PAGE), since=(2, 5)),
    Listing("/news/newsfeeds", "newsfeeds", (20, MAX_PAGE), since=(2, 5)),
    Listing("/ai/content_import_sources", "content_import_sources", (50, MAX_PAGE), next_as_link=True, since=(2, 11)),
    Listing("/ai/external_pages", "external_pages", (50, MAX_PAGE), next_as_link=True, since=(2, 11)),
    Listing("/calls", "calls", (25, 25), missing=("not_found", "Call not found"), since=(2, 14)),
    Listing("/brands", "brands", since=(2, 15)),
    Listing("/emails", "emails", since=(2, 15)),
)  # fmt: skip


def newsfeed_items(call: Call) -> Document:
    """A page of the live news of one feed."""
    feed = call.workspace.library.get("newsfeeds", call.path["id"])
    if feed is None:
        raise Refusal(404, "not_found", "Resource Not Found")
    found = [one for one in call.workspace.library.all("news_items") if _is_in(one, int(feed["id"]))]
    path = f"/news/newsfeeds/{feed['id']}/items"
    return answers.with_next_object(answers.numbered_page(call, path, found, lambda _, one: one, (20, MAX_PAGE)))


def _is_in(item: Document, feed_id: int) -> bool:
    return any(one["newsfeed_id"] == feed_id for one in item["newsfeed_assignments"])


def activity_logs(call: Call) -> Document:
    """A page of what admins did between two instants, both of them included, the newest first."""
    if "created_at_after" not in call.query:
        raise parameter_missing("created_at_after not specified")
    after, before = (_instant(call, name) for name in ("created_at_after", "created_at_before"))
    if before is not None and after is not None and before < after:
        raise parameter_invalid("created_at_before must not lie before created_at_after", "created_at_before")
    logs = call.workspace.library.all("activity_logs")
    found = [one for one in logs if (after or 0) <= one["created_at"] <= (call.now if before is None else before)]
    page = answers.numbered_page(call, "/admins/activity_logs", found, lambda _, one: one, (LOGS_PAGE, MAX_PAGE))
    return {"type": "activity_log.list", "pages": page["pages"], "activity_logs": page["data"]}


def _instant(call: Call, name: str) -> int | None:
    return seconds(call.query[name], name) if name in call.query else None


def transcripts(call: Call) -> Document:
    """The calls of up to twenty conversations, with what was said."""
    wanted = call.known("conversation_ids").get("conversation_ids")
    if not isinstance(wanted, list) or not all(isinstance(one, str) for one in wanted):
        raise parameter_invalid("conversation_ids must be an array of strings", "conversation_ids")
    if not 1 <= len(wanted) <= 20:  # noqa: PLR2004 - the documented most
        raise parameter_invalid("conversation_ids must have 1 to 20 entries", "conversation_ids")
    found = [one for one in call.workspace.library.all("calls") if one["conversation_id"] in wanted]
    return {"type": "list", "data": [{**one, "transcript": [], "transcript_status": "ready"} for one in found]}


def ip_allowlist(_: Call) -> Document:
    """Nobody is kept out."""
    return {"type": "ip_allowlist", "enabled": False, "ip_allowlist": []}


OPERATIONS = (
    # Before the admins: an admin's id may be any text.
    Operation(
        "GET", "/admins/activity_logs", activity_logs,
        frozenset({"created_at_after", "created_at_before", "page", "per_page"}),
    ),
    Operation("POST", "/calls/search", transcripts, since=(2, 14)),
    Operation("GET", "/ip_allowlist", ip_allowlist, since=(2, 14)),
    Operation("GET", "/news/newsfeeds/{id}/items", newsfeed_items, PAGING, (2, 5)),
    *(operation for one in LISTINGS for operation in one.operations()),
)  # fmt: skip
