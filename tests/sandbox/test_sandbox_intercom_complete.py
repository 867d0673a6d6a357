"""Every list of Intercom is complete and free of repeats while nothing changes, with any paging and filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sandbox.intercom.api import OPERATIONS
from sandbox.intercom.finding import read_fields
from sandbox.intercom.resources import RESOURCES
from sandbox.intercom.segments import find_segments
from sandbox.settings import Settings
from sandbox.testing import RunningSandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sandbox.conftest import IntercomCaller

    Truth = Callable[[Any], set[str]]
    Row = dict[str, Any]

NEWEST = {"Intercom-Version": "2.16"}
FEW = settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def library(kind: str) -> Truth:
    """Return a function that collects the ids of all documents of a kind."""
    return lambda workspace: {str(one["id"]) for one in workspace.library.list_documents(kind)}


def ids(found: Any) -> set[str]:
    """Return the records' ids."""
    return {one.id for one in found}


def peopled(workspace: Any) -> Any:
    """Return the contact with the most companies."""
    return max(workspace.contacts.live(), key=lambda one: (len(one.companies), len(one.notes)))


def noted(workspace: Any) -> Any:
    """Return the contact with the most notes."""
    return max(workspace.contacts.live(), key=lambda one: (len(one.notes), one.id))


def crowded(workspace: Any) -> Any:
    """Return the company with the most contacts."""
    return max(workspace.companies.live(), key=lambda one: (len(one.contacts), one.id))


def told_of(workspace: Any) -> Any:
    """Return the company with the most notes."""
    return max(workspace.companies.live(), key=lambda one: (len(one.notes), one.id))


def in_feed(workspace: Any) -> set[str]:
    """Return the ids of the news in feed 150."""
    news = workspace.library.list_documents("news_items")
    return {str(one["id"]) for one in news if any(to["newsfeed_id"] == 150 for to in one["newsfeed_assignments"])}


NUMBERED: dict[str, tuple[Truth, int]] = {
    **{f"GET {one.path}": (library(one.kind), one.sizes[1]) for one in RESOURCES if one.sizes and not one.select},
    "GET /news/newsfeeds/{id}/items": (in_feed, 150),
    "GET /admins/activity_logs": (library("activity_logs"), 150),
    "GET /companies": (lambda workspace: ids(workspace.visible_companies()), 60),
    "POST /companies/list": (lambda workspace: ids(workspace.visible_companies()), 60),
    "GET /contacts/{id}/companies": (lambda workspace: ids(workspace.companies_of(peopled(workspace))), 60),
    "GET /contacts/{id}/notes": (lambda workspace: set(map(str, noted(workspace).notes)), 150),
    "GET /companies/{id}/contacts": (lambda workspace: ids(workspace.contacts_of(crowded(workspace))), 60),
    "GET /companies/{id}/notes": (lambda workspace: set(map(str, told_of(workspace).notes)), 150),
}
"""Lists by page number, each with its expected ids and its largest page size."""
CURSOR: dict[str, Truth] = {
    "GET /contacts": lambda workspace: ids(workspace.contacts.live()),
    "GET /conversations": lambda workspace: ids(workspace.conversations.live()),
}
"""Lists by cursor, each with its expected ids."""
SEARCHES: dict[str, tuple[str, dict[str, str]]] = {
    "POST /contacts/search": ("contacts", read_fields("contacts")),
    "POST /conversations/search": ("conversations", read_fields("conversations")),
    "POST /tickets/search": ("tickets", read_fields("tickets")),
}
"""Searches, each with its store and its searchable fields with their types."""
WHOLE: dict[str, Truth] = {
    **{f"GET {one.path}": library(one.kind) for one in RESOURCES if not (one.sizes or one.select) and one.envelope},
    "GET /contacts/{id}/tags": lambda workspace: set(noted(workspace).document["tags"]),
    "GET /contacts/{id}/segments": lambda workspace: ids(find_segments("contact", noted(workspace).document)),
    "GET /companies/{id}/segments": lambda workspace: ids(find_segments("company", crowded(workspace).document)),
    "GET /contacts/{id}/subscriptions": lambda workspace: set(noted(workspace).subscriptions),
}
"""Lists without pages, each with its expected ids."""
ELSEWHERE = {
    "GET /custom_object_instances/{type}": "of one type: test_sandbox_intercom_objects",
    "GET /companies/scroll": "by a test of its own, below",
    "GET /segments": "rules, not records: test_sandbox_intercom_lists counts them",
    "GET /data_attributes": "by name, not by id: test_sandbox_intercom_attributes",
    "GET /away_status_reasons": "a bare array",
    "GET /me": "one record",
    "GET /events": "of one contact: test_sandbox_intercom_data_events",
    "GET /ip_allowlist": "one record",
    "GET /contacts/find_by_external_id/{external_id}": "one record",
}
"""Operations that these tests leave out, each with the reason."""
PARENTS: dict[str, Callable[[Any], Any]] = {
    "GET /contacts/{id}/companies": peopled,
    "GET /companies/{id}/contacts": crowded,
    "GET /companies/{id}/segments": crowded,
    "GET /companies/{id}/notes": told_of,
}
KEYS = ("data", "conversations", "tickets", "activity_logs", "admins", "teams")


@pytest.fixture(scope="module")
def full(seeded: IntercomCaller) -> IntercomCaller:
    """Return the seeded workspace with three company notes more and twenty tagged companies."""
    visible = [one.id for one in seeded.workspace.visible_companies()]
    for text in ("one", "two", "three"):
        assert seeded(f"POST /companies/{visible[0]}/notes", {"body": text}, **NEWEST).status_code == 200
    workspace = seeded.workspace
    tag = workspace.name_tag("Twenty")
    for one in visible[:20]:
        workspace.tag(workspace.companies.get(one), tag["id"], workspace.clock.now(), "test", on=True)
    return seeded


def address(caller: IntercomCaller, operation: str) -> str:
    """Return the operation with the id of a parent that has records."""
    if "/newsfeeds/{id}" in operation:
        return operation.replace("{id}", "150")
    return operation.replace("{id}", PARENTS.get(operation, noted)(caller.workspace).id)


def asked(caller: IntercomCaller, call: str, body: Any = None) -> tuple[list[Row], dict[str, Any]]:
    """Return the records of one page, and the whole reply."""
    answer = caller(call, body, **NEWEST)
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    return next(shown[key] for key in KEYS if key in shown), shown


def test_every_list_has_a_row() -> None:
    """Every list and search has a row in one of the tables."""
    lists = {
        f"{one.method} {one.path}"
        for one in OPERATIONS
        if (one.method == "GET" and not one.path.endswith("/{id}")) or one.path.endswith(("/search", "/list"))
    }
    assert sorted([*NUMBERED, *CURSOR, *SEARCHES, *WHOLE, *ELSEWHERE]) == sorted(lists)


@pytest.mark.parametrize("operation", WHOLE)
def test_a_list_without_pages_holds_everything_once(full: IntercomCaller, operation: str) -> None:
    """A list without pages holds every record exactly once."""
    found = [str(one["id"]) for one in asked(full, address(full, operation))[0]]
    assert (sorted(found), found != []) == (sorted(WHOLE[operation](full.workspace)), True)


@pytest.mark.parametrize("operation", NUMBERED)
@FEW
@given(data=st.data())
def test_numbered_pages_are_complete_and_disjoint(full: IntercomCaller, operation: str, data: st.DataObject) -> None:
    """Numbered pages hold every record once, with any page size and order; the page after the last is empty."""
    truth, most = NUMBERED[operation]
    expected = truth(full.workspace)
    query: dict[str, Any] = {"per_page": data.draw(st.integers(max(1, len(expected) // 12), most), "per_page")}
    if operation.endswith(("companies", "companies/list")) and "{id}" not in operation:
        query |= data.draw(st.sampled_from([{}, {"order": "asc"}, {"order": "desc"}]), "order")
    if operation.endswith("logs"):
        query["created_at_after"] = 0
    call, found, page = address(full, operation), list[str](), 1
    while True:
        records, shown = asked(full, f"{call}?{urlencode(query | {'page': page})}")
        found += [str(one["id"]) for one in records]
        page += 1
        if shown["pages"]["next"] is None:
            break
        assert len(records) == query["per_page"]
    assert (sorted(found), found != []) == (sorted(expected), True)
    assert asked(full, f"{call}?{urlencode(query | {'page': page})}")[0] == []


@FEW
@given(
    per_page=st.integers(5, 60), order=st.sampled_from(["asc", "desc"]), by=st.sampled_from(["tag_id", "segment_id"])
)
def test_filtered_companies_are_complete_and_disjoint(full: IntercomCaller, per_page: int, order: str, by: str) -> None:
    """The pages of companies filtered by tag or segment hold every match once."""
    visible = list(full.workspace.visible_companies())
    held: Callable[[Any], list[str]] = (
        (lambda one: [str(tag) for tag in one.document.get("tags", ())])
        if by == "tag_id"
        else (lambda one: [segment.id for segment in find_segments("company", one.document)])
    )
    wanted = next(name for one in visible for name in held(one))
    expected = {one.id for one in visible if wanted in held(one)}
    found, page, more = list[str](), 1, True
    while more:
        query = urlencode({by: wanted, "per_page": per_page, "order": order, "page": page})
        records, shown = asked(full, f"GET /companies?{query}")
        found += [one["id"] for one in records]
        page, more = page + 1, shown["pages"]["next"] is not None
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("operation", CURSOR)
@FEW
@given(per_page=st.integers(20, 150))
def test_cursors_are_complete_and_disjoint(full: IntercomCaller, operation: str, per_page: int) -> None:
    """Pages by cursor hold every record once with any page size, and total_count is right."""
    found, query = list[str](), {"per_page": str(per_page)}
    while True:
        records, shown = asked(full, f"{operation}?{urlencode(query)}")
        found += [one["id"] for one in records]
        if "next" not in shown["pages"]:
            break
        assert len(records) == per_page
        query["starting_after"] = shown["pages"]["next"]["starting_after"]
    assert sorted(found) == sorted(CURSOR[operation](full.workspace))
    assert len(found) == shown["total_count"] > 20


JANUARY = 1_767_225_600
FILTERS: dict[str, list[tuple[Row, Callable[[Row], bool]]]] = {
    "contacts": [
        ({"field": "role", "operator": "=", "value": "lead"}, lambda one: one["role"] == "lead"),
        ({"field": "email", "operator": "~", "value": "example"}, lambda one: "example" in (one["email"] or "")),
        (
            {"field": "custom_attributes.nps_score", "operator": ">", "value": 5},
            lambda one: (one["custom_attributes"].get("nps_score") or 0) > 5,
        ),
    ],
    "conversations": [
        ({"field": "open", "operator": "=", "value": True}, lambda one: bool(one["open"])),
        ({"field": "updated_at", "operator": ">", "value": JANUARY}, lambda one: one["updated_at"] > JANUARY),
    ],
    "tickets": [
        ({"field": "open", "operator": "=", "value": True}, lambda one: bool(one["open"])),
        ({"field": "created_at", "operator": "<", "value": JANUARY}, lambda one: one["created_at"] < JANUARY),
    ],
}  # fmt: skip
EVERYTHING: tuple[Row, Callable[[Row], bool]] = (
    {"field": "updated_at", "operator": ">", "value": 1}, lambda _: True
)  # fmt: skip


@pytest.mark.parametrize("operation", SEARCHES)
@settings(FEW, max_examples=12)
@given(data=st.data())
def test_searches_are_complete_disjoint_and_in_order(full: IntercomCaller, operation: str, data: st.DataObject) -> None:
    """Searches return every match once and in order, with any page size, filters and sort."""
    name, fields = SEARCHES[operation]
    sortable = sorted(field for field, kind in fields.items() if kind not in ("tag", "members"))
    filters = data.draw(st.lists(st.sampled_from([*FILTERS[name], EVERYTHING]), min_size=1, max_size=3), "filters")
    operator = data.draw(st.sampled_from(["AND", "OR"]), "operator")
    together = all if operator == "AND" else any
    sort = {
        "field": data.draw(st.sampled_from(sortable), "field"),
        "order": data.draw(st.sampled_from(["ascending", "descending"]), "order"),
    }
    pagination: dict[str, Any] = {"per_page": data.draw(st.integers(15, 150), "per_page")}
    body = {"query": {"operator": operator, "value": [one for one, _ in filters]}, "sort": sort}
    found: list[Row] = []
    while True:
        records, shown = asked(full, operation, body | {"pagination": pagination})
        found += records
        if "next" not in shown["pages"]:
            break
        pagination["starting_after"] = shown["pages"]["next"]["starting_after"]
    everyone = {one["id"]: one for one in everything(full, operation)}
    expected = {key for key, one in everyone.items() if together(test(one) for _, test in filters)}
    assert sorted(one["id"] for one in found) == sorted(expected)
    if sort["field"] in ("created_at", "updated_at"):
        times = [one[sort["field"]] for one in found]
        assert times == sorted(times, reverse=sort["order"] == "descending")


def everything(caller: IntercomCaller, operation: str) -> list[Row]:
    """Return all records of a kind, each found by a search for its id."""
    store = getattr(caller.workspace, SEARCHES[operation][0])
    found: list[Row] = []
    live = sorted(one.id for one in store.live())
    for start in range(0, len(live), 15):
        query = {"operator": "OR", "value": [
            {"field": "id", "operator": "=", "value": one} for one in live[start : start + 15]
        ]}  # fmt: skip
        found += asked(caller, operation, {"query": query, "pagination": {"per_page": 150}})[0]
    assert len(found) == len(live)
    return found


def test_a_scroll_is_complete_and_disjoint(intercom: IntercomCaller) -> None:
    """A scroll returns every company with users once, in pages of a hundred, and then an empty page."""
    with RunningSandbox(Settings(customers=400)) as sandbox:
        caller = type(intercom)(sandbox)
        found, lengths, query = list[str](), list[int](), ""
        while not lengths or lengths[-1]:
            records, shown = asked(caller, f"GET /companies/scroll{query}")
            found += [one["id"] for one in records]
            lengths.append(len(records))
            query = f"?scroll_param={shown['scroll_param']}"
        assert sorted(found) == sorted(ids(caller.workspace.visible_companies()))
    assert lengths[:-2] == [100] * (len(lengths) - 2)
    assert len(lengths) > 3
