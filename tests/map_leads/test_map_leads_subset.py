"""A run over some companies and contacts sends their changes and does not affect other records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.map_leads.conftest import Mapper, Say, Sent

UNKNOWN_NAME = {"name": "New name", "updated_at": 1700000001}
DELETES: dict[str, Any] = {"on_unlinked": "delete"}


@pytest.fixture
def subset(leads: Mapper, say: type[Say]) -> Callable[..., Sent]:
    """Return a function that runs the map over a subset."""
    marker = {**say.marker, "subset": 1}
    return lambda *rows, **settings: leads.run(*rows, marker=marker, **settings)


def test_only_what_a_company_changes_is_sent(leads: Mapper, say: type[Say], subset: Callable[..., Sent]) -> None:
    """A changed company is sent without its unchanged contacts, in a stream marked as a subset."""
    people = (say.contact("ann", 1), say.contact("bob", 2))
    plain = leads.run(say.company(1), say.company(2), *people)
    sent = subset(say.company(1, **UNKNOWN_NAME), people[0])
    assert (sent.ids("customers"), sent.ids("contacts")) == ({"acme-1"}, set())
    assert ("x-standpipe-subset" in plain.schema("customers"), sent.schema("customers")["x-standpipe-subset"]) == (
        False,
        True,
    )


def test_the_company_that_a_contact_leaves_is_sent(leads: Mapper, say: type[Say], subset: Callable[..., Sent]) -> None:
    """The company that a contact leaves is sent as well, because it loses that contact's address."""
    leads.run(say.company(1), say.company(2), say.contact("ann", 1))
    sent = subset(say.company(2), say.contact("ann", 2), **DELETES)
    assert sent.one("customers", "acme-1")["email"] is None
    assert sent.one("customers", "acme-2")["email"] == "ann@x.io"
    assert (sent.ids("contacts"), sent.deleted) == ({"ann:acme-2"}, {"ann:acme-1"})


def test_changed_settings_wait_for_a_plain_run(leads: Mapper, say: type[Say], subset: Callable[..., Sent]) -> None:
    """With changed settings, only the subset is sent in the new form, and the summary asks for a full run."""
    rows = (say.company(1), say.company(2), say.contact("ann", 1), say.contact("bob", 2))
    leads.run(*rows)
    changed: dict[str, Any] = {"customer_id_field": "id", **DELETES}
    sent = subset(say.company(1), say.contact("ann", 1), **changed)
    assert (sent.ids("customers"), sent.ids("contacts"), sent.deleted) == ({"co1"}, {"ann:co1"}, {"ann:acme-1"})
    assert leads.summary()["plain_run_needed"] is not None
    assert {"co1", "co2"} == leads.run(**changed).ids("customers")


STEPS = st.lists(
    st.tuples(st.sets(st.integers(1, 3)), st.dictionaries(st.sampled_from("pqr"), st.sets(st.integers(1, 3)))),
    max_size=5,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_subsets_and_then_a_plain_run_are_as_one_plain_run(
    steps: list[tuple[set[int], dict[str, set[int]]]], fresh_leads: Callable[[], Mapper], say: type[Say]
) -> None:
    """Any subsets followed by a full run give the target the same records as one full run."""
    leads, held = fresh_leads(), {}

    def take(sent: Sent) -> None:
        for stream in ("customers", "contacts"):
            held.update({one["external_id"]: one for one in sent.of(stream)})
        for key in sent.deleted:
            del held[key]

    rows = {number: say.company(number) for number in (1, 2, 3)} | {key: say.contact(key, 1) for key in "pqr"}
    take(leads.run(*rows.values(), **DELETES))
    for version, (companies, people) in enumerate(steps, 1700000001):
        new: dict[Any, Any] = {one: say.company(one, name=f"Name {version}", updated_at=version) for one in companies}
        new |= {key: say.contact(key, *sorted(links), updated_at=version) for key, links in people.items()}
        rows |= new
        take(leads.run(*new.values(), marker={**say.marker, "subset": 1}, **DELETES))
    subsets = dict(held)
    take(leads.run(*rows.values(), **DELETES))
    at_once = fresh_leads().run(*rows.values(), **DELETES)
    expected = {one["external_id"]: one for stream in ("customers", "contacts") for one in at_once.of(stream)}
    assert held == expected == subsets
