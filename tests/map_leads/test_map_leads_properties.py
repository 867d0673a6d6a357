"""For any input, order, repetition, splits and stops do not change the target's final records."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.map_leads.conftest import Mapper, Sent

Row = tuple[str, dict[str, Any]]
FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
STAMPS = st.sampled_from([100, 200, 300])
IDS = [f"co{n}" for n in range(4)]

COMPANIES = st.one_of(
    *(
        st.fixed_dictionaries(
            {
                "id": st.just(key),
                "company_id": st.just(f"acme-{min(n, 2)}"),
                "created_at": st.just(10 + n),
                "updated_at": STAMPS,
                "name": st.text(max_size=3),
            }
        )
        for n, key in enumerate(IDS)
    )
).map(lambda row: ("companies", row))
CONTACTS = st.one_of(
    *(
        st.fixed_dictionaries(
            {
                "id": st.just(f"p{n}"),
                "created_at": st.just(10 - n),
                "updated_at": STAMPS,
                "email": st.sampled_from([None, f"p{n}@x.io", "one@x.io"]),
                "name": st.text(max_size=3),
                "companies": st.lists(st.sampled_from([*IDS, "unknown"]), max_size=3, unique=True).map(
                    lambda ids: {"data": [{"id": one} for one in ids], "has_more": False}
                ),
            }
        )
        for n in range(4)
    )
).map(lambda row: ("contacts", row))
# One version of an id has one content.
ROWS = st.lists(st.one_of(COMPANIES, CONTACTS), max_size=20, unique_by=lambda row: (row[1]["id"], row[1]["updated_at"]))
DELETES: dict[str, Any] = {"on_unlinked": "delete"}


def shared_company(number: int) -> Row:
    """Return a company whose external id others share; a higher number is younger."""
    created_at = 10 + number
    return "companies", {
        "id": f"co{number}", "company_id": "acme-2", "created_at": created_at, "updated_at": 100, "name": ""
    }  # fmt: skip


def member(updated_at: int, *companies: str) -> Row:
    """Return a contact of these companies."""
    linked = {"data": [{"id": one} for one in companies], "has_more": False}
    return "contacts", {
        "id": "p0", "created_at": 10, "updated_at": updated_at, "email": None, "name": "", "companies": linked
    }  # fmt: skip


class Target:
    """A target that applies the records it receives."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], dict[str, Any]] = {}

    def take(self, sent: Sent) -> None:
        """Apply the records of a run, in order."""
        for stream in ("customers", "contacts"):
            for one in sent.of(stream):
                if one.get("_sdc_deleted_at") is None:
                    self.held[stream, one["external_id"]] = one
                else:
                    self.held.pop((stream, one["external_id"]), None)


def once(rows: list[Row], leads: Mapper) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the target's records after one full run."""
    target = Target()
    target.take(leads.run(*rows, **DELETES))
    return target.held


@FEW
@given(rows=ROWS, data=st.data())
def test_the_order_of_arrival_does_not_matter(
    rows: list[Row], data: st.DataObject, fresh_leads: Callable[[], Mapper]
) -> None:
    """The same rows in any order give the same records."""
    shuffled = data.draw(st.permutations(rows))
    assert once(shuffled, fresh_leads()) == once(rows, fresh_leads())


@FEW
@given(rows=ROWS)
def test_replay_changes_nothing(rows: list[Row], fresh_leads: Callable[[], Mapper]) -> None:
    """The same rows in the next run send nothing; in the same run they change nothing."""
    leads = fresh_leads()
    first = leads.run(*rows)
    assert "RECORD" not in leads.run(*rows).kinds
    assert fresh_leads().run(*rows, *rows).of("contacts") == first.of("contacts")


@FEW
@given(rows=ROWS, cuts=st.lists(st.integers(0, 20), max_size=3))
# One of two companies with the same external id, the younger or the older, comes in the second run.
@example(rows=[shared_company(2), member(100, "co2", "co3"), shared_company(3)], cuts=[2])
@example(rows=[shared_company(3), member(100, "co2", "co3"), shared_company(2)], cuts=[2])
# The contact moves from one company to the other.
@example(rows=[shared_company(2), member(100, "co2"), shared_company(3), member(200, "co3")], cuts=[2])
@example(rows=[shared_company(3), member(100, "co3"), shared_company(2), member(200, "co2")], cuts=[2])
@pytest.mark.parametrize("resend", ["all", "changed"])
def test_any_number_of_runs_equals_one(
    resend: str, rows: list[Row], cuts: list[int], fresh_leads: Callable[[], Mapper]
) -> None:
    """However the rows are split into runs, the target has the same records as after one run."""
    leads, target = fresh_leads(), Target()
    for start, end in pairwise([0, *sorted(cuts), len(rows)]):
        target.take(leads.run(*rows[start:end], resend=resend, **DELETES))
    assert target.held == once(rows, fresh_leads())


@FEW
@given(rows=ROWS, cuts=st.lists(st.integers(0, 20), min_size=1, max_size=3), data=st.data())
def test_stopping_anywhere_and_going_on_equals_one_run(
    rows: list[Row], cuts: list[int], data: st.DataObject, fresh_leads: Callable[[], Mapper]
) -> None:
    """When the target received any part of unconfirmed runs, the next confirmed run corrects it."""
    leads, target = fresh_leads(), Target()
    target.take(leads.run(*rows[:0], **DELETES))
    for start, end in pairwise([0, *sorted(cuts)]):
        confirmed = leads.confirmed
        sent = leads.run(*rows[start:end], **DELETES)
        arrived = data.draw(st.integers(0, len(sent.messages)))
        target.take(type(sent)(sent.messages[:arrived]))
        leads.confirmed = confirmed
    target.take(leads.run(*rows[max(cuts) :], **DELETES))
    assert target.held == once(rows, fresh_leads())
    assert "RECORD" not in leads.run(**DELETES).kinds
