"""Intercom's lists over HTTP while records change: complete under a fixed order, else skipping as at the vendor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sandbox.conftest import IntercomCaller

    Turn = Callable[[IntercomCaller, str | None], tuple[list[str], str | None]]

COUNT, SIZE = 12, 4
NAMES = [f"p{number:02}" for number in range(COUNT)]


@pytest.fixture
def dozen(intercom: IntercomCaller) -> IntercomCaller:
    """Return a workspace with twelve contacts, each with a company, a conversation and a ticket, made an hour apart."""
    intercom.sandbox.reset(customers=0, rate_limit_per_window=10**9)
    kind = intercom.workspace.library.list_documents("ticket_types")[0]["id"]
    for name in NAMES:
        contact = intercom.user(external_id=name, name=name)
        company = intercom.ok("POST /companies", {"company_id": name, "name": name})
        intercom.ok(f"POST /contacts/{contact}/companies", {"id": company["id"]})
        intercom.ok("POST /conversations", {"from": {"type": "user", "id": contact}, "body": name})
        intercom.ok("POST /tickets", {"ticket_type_id": kind, "contacts": [{"id": contact}]})
        intercom.sandbox.world.clock.advance(3600)  # `/sandbox/advance` would add activity of its own
    return intercom


def named(caller: IntercomCaller, record: dict[str, Any]) -> str:
    """Return the name of the record, or of its contact."""
    if "contacts" not in record:
        return str(record["name"])
    return str(caller.workspace.contacts.get(record["contacts"]["contacts"][0]["id"]).document["name"])


def shown(caller: IntercomCaller, answer: dict[str, Any]) -> tuple[list[str], str | None]:
    """Return the names on a page and the cursor of the next page."""
    records = next(answer[key] for key in ("data", "conversations", "tickets") if key in answer)
    following = answer["pages"].get("next")
    return [named(caller, one) for one in records], following and following["starting_after"]


def search(kind: str, field: str, order: str) -> Turn:
    """Return a function that reads one page of a search with this sort."""
    body = {"query": {"field": "updated_at", "operator": ">", "value": 1}, "sort": {"field": field, "order": order}}

    def page(caller: IntercomCaller, after: str | None) -> tuple[list[str], str | None]:
        pagination = {"per_page": SIZE, "starting_after": after}
        return shown(caller, caller.ok(f"POST /{kind}/search", body | {"pagination": pagination}))

    return page


def listed(kind: str) -> Turn:
    """Return a function that reads one page of a list by cursor."""
    return lambda caller, after: shown(
        caller, caller.ok(f"GET /{kind}?per_page={SIZE}" + (f"&starting_after={after}" if after else ""))
    )


def walked(caller: IntercomCaller, turn: Turn, between: Callable[[], object]) -> list[str]:
    """Return the names on all pages; `between` runs after the first page."""
    names, after = turn(caller, None)
    between()
    while after is not None:
        more, after = turn(caller, after)
        names += more
    return names


def touch(caller: IntercomCaller, kind: str, *names: str) -> None:
    """Change the record of each name in turn, an hour apart."""
    for name in names:
        caller.sandbox.world.clock.advance(3600)
        contact = caller.ok(f"GET /contacts/find_by_external_id/{name}")
        if kind == "contacts":
            caller.ok(f"PUT /contacts/{contact['id']}", {"phone": "+1 555 0100"})
            continue
        store = getattr(caller.workspace, kind)
        thread = next(one for one in store.live() if one.document["contacts"][0] == contact["id"])
        store.write(thread, caller.workspace.clock.now())


STEADY = {
    **{
        f"{kind} by created_at, {order}": (kind, search(kind, "created_at", order))
        for kind in ("contacts", "conversations", "tickets")
        for order in ("ascending", "descending")
    },
    "the list of contacts": ("contacts", listed("contacts")),
}
"""Lists and searches whose order does not depend on edits."""


@pytest.mark.parametrize("name", STEADY)
def test_orders_that_do_not_move_are_complete(dozen: IntercomCaller, name: str) -> None:
    """Under an order that edits do not change, each record is returned once although others are edited or created."""
    kind, turn = STEADY[name]

    def happen() -> None:
        touch(dozen, kind, "p00", "p05", "p11")
        dozen.user(external_id="late", name="late")

    assert sorted(one for one in walked(dozen, turn, happen) if one != "late") == NAMES


@pytest.mark.parametrize("kind", ["contacts", "conversations", "tickets"])
def test_updated_at_ascending_repeats_and_loses_nobody(dozen: IntercomCaller, kind: str) -> None:
    """Sorted by updated_at ascending, an edited record moves to the end: it may appear twice, and none is missed."""
    turn = search(kind, "updated_at", "ascending")
    met = walked(dozen, turn, lambda: touch(dozen, kind, "p01", "p07"))
    assert met == ["p00", "p01", "p02", "p03", "p04", "p05", "p06", "p08", "p09", "p10", "p11", "p01", "p07"]


@pytest.mark.parametrize("kind", ["contacts", "conversations", "tickets"])
def test_updated_at_descending_skips(dozen: IntercomCaller, kind: str) -> None:
    """Sorted by updated_at descending, an edited record moves to the front and is missed."""
    turn = search(kind, "updated_at", "descending")
    met = walked(dozen, turn, lambda: touch(dozen, kind, "p10", "p04"))
    assert met == ["p11", "p10", "p09", "p08", "p07", "p06", "p05", "p03", "p02", "p01", "p00"]


def test_the_list_of_conversations_skips(dozen: IntercomCaller) -> None:
    """The list of conversations is always sorted by last change, so an edited one is missed."""
    met = walked(dozen, listed("conversations"), lambda: touch(dozen, "conversations", "p04"))
    assert met == [name for name in reversed(NAMES) if name != "p04"]


def leave(caller: IntercomCaller, company: str) -> None:
    """Detach the only user of a company, so that no list shows the company any more."""
    found = caller.ok(f"GET /companies?company_id={company}")["id"]
    contact = caller.ok(f"GET /contacts/find_by_external_id/{company}")["id"]
    caller.ok(f"DELETE /contacts/{contact}/companies/{found}")


def companies(caller: IntercomCaller, leaver: str | None) -> list[str]:
    """Return the companies on all numbered pages; `leaver` loses its user after the first page."""
    found, page, more = list[str](), 1, True
    while more:
        answer = caller.ok(f"POST /companies/list?per_page={SIZE}&page={page}", {})
        found += [one["name"] for one in answer["data"]]
        if page == 1 and leaver:
            leave(caller, leaver)
        page, more = page + 1, answer["pages"]["next"] is not None
    return found


def test_companies_by_number_skip_when_one_before_them_goes(dozen: IntercomCaller) -> None:
    """When a company of the first page leaves the list, the second page misses one; a later one has no effect."""
    order = companies(dozen, None)
    assert companies(dozen, order[0]) == [*order[:4], *order[5:]]
    order = companies(dozen, None)
    assert companies(dozen, order[-1]) == order[:-1]


def test_a_scroll_misses_nobody_who_stays(intercom: IntercomCaller) -> None:
    """A scroll misses no company when another leaves the list, unlike numbered pages."""
    intercom.sandbox.reset(customers=240)
    there = sorted(one.id for one in intercom.workspace.visible_companies())
    first = intercom.ok("GET /companies/scroll")
    for contact in intercom.ok(f"GET /companies/{first['data'][0]['id']}/contacts")["data"]:
        intercom.ok(f"DELETE /contacts/{contact['id']}/companies/{first['data'][0]['id']}")
    rest = intercom.ok(f"GET /companies/scroll?scroll_param={first['scroll_param']}")
    assert sorted(one["id"] for one in (*first["data"], *rest["data"])) == there
    assert 0 < len(rest["data"]) < len(first["data"]) == 100
