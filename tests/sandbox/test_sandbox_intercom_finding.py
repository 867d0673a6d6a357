"""Searching contacts: indexes, pages and lag do not change the result."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox.intercom.contacts import EMPTY, Contacts
from sandbox.intercom.paging import Ask, Order
from sandbox.intercom.search import Rules, parse_query

LAG = 60
TYPES = {"email": "string", "custom_attributes.link": "string"}
RULES = Rules(type_of=TYPES.get, zone=ZoneInfo("UTC"), max_in_values=3)
VALUES = st.sampled_from(["a", "A", "b"])
FILTERS = st.one_of(
    st.builds(
        lambda field, operator, value: {"field": field, "operator": operator, "value": value},
        st.sampled_from(sorted(TYPES)),
        st.sampled_from(["=", "!=", "^"]),
        VALUES,
    ),
    st.builds(
        lambda field, operator, values: {"field": field, "operator": operator, "value": values},
        st.sampled_from(sorted(TYPES)),
        st.sampled_from(["IN", "NIN"]),
        st.lists(VALUES, min_size=1, max_size=3),
    ),
)


def groups(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for groups that join filters by AND or OR."""
    return st.builds(
        lambda operator, value: {"operator": operator, "value": value},
        st.sampled_from(["AND", "OR"]),
        st.lists(parts, min_size=1, max_size=3),
    )


QUERIES = st.one_of(FILTERS, groups(st.one_of(FILTERS, groups(FILTERS))))
FACTS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"email": st.none() | VALUES, "custom_attributes": st.just({}) | st.builds(dict, link=VALUES)}
)
WRITES = st.lists(st.tuples(st.sampled_from([0, 1, LAG - 1, LAG]), st.integers(0, 2), FACTS), min_size=1, max_size=8)


@settings(max_examples=300)
@given(
    writes=WRITES, query=QUERIES, per_page=st.integers(1, 3), descending=st.booleans(), lag=st.sampled_from([0, LAG])
)
def test_a_search_finds_what_a_look_at_every_contact_would(
    writes: list[tuple[int, int, dict[str, Any]]], query: Any, per_page: int, lag: int, *, descending: bool
) -> None:
    """All pages together hold each match once, as the contacts were `lag` seconds ago, with or without an index."""
    contacts = Contacts(second_user_for_new_external_id=True, search_lag=lag)
    contacts.index_custom("custom_attributes.link")
    node, order = parse_query(query, RULES), Order("created_at", descending)
    now, seen = 1_000, []
    for seconds, number, facts in writes:
        now += seconds
        seen.append((now, write(contacts, number, facts, now)))
        visible = {document["id"]: document for at, document in seen if at <= now - lag}
        expected = sorted(one for one, document in visible.items() if node.matches(document))
        assert sorted(pages(contacts, node, order, per_page, now)) == expected


def write(contacts: Contacts, number: int, facts: dict[str, Any], at: int) -> dict[str, Any]:
    """Create or change the contact with this number, and return its document."""
    known = next((one for one in contacts.live() if one.id == f"id{number}"), None)
    if known is None:
        whole = {"id": f"id{number}", **EMPTY, "role": "lead", "created_at": at, "updated_at": at, **facts}
        return contacts.create(whole, "API").document
    contacts.update(known, facts, at, "API")
    return known.document


def pages(contacts: Contacts, query: Any, order: Order, per_page: int, now: int) -> list[str]:
    """Return the ids on all pages of a search in order."""
    ids: list[str] = []
    cursor = None
    while True:
        found = contacts.search(query, "a query", Ask(per_page, cursor, order), now)
        ids += [one.id for one in found.records]
        if "next" not in found.pages:
            return ids
        cursor = found.pages["next"]["starting_after"]
