"""For any input, order, repetition and splits change nothing, and the newest version counts."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.map_subscriptions.conftest import Mapper

Row = tuple[str, dict[str, Any]]
FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
BIRTHS = st.sampled_from([100, 200])
STAMPS = st.sampled_from([150_000, 250_000, 350_000, 450_000])
EMAILS = st.sampled_from(["ann@x.io", " Ann@X.io", "bob@x.io", None])


def versioned(row_id: str) -> dict[str, st.SearchStrategy[Any]]:
    """Return strategies for the members that order the versions of an id."""
    return {"id": st.just(row_id), "created_at": BIRTHS, "resource_version": STAMPS, "deleted": st.booleans()}


CUSTOMERS = st.one_of(
    *(st.fixed_dictionaries({**versioned(f"c{n}"), "email": EMAILS, "company": st.text(max_size=3)}) for n in range(3))
).map(lambda row: ("customers", row))
SUBSCRIPTIONS = st.one_of(
    *(
        st.fixed_dictionaries(
            {
                **versioned(f"s{n}"),
                "customer_id": st.sampled_from(["c0", "c1", "c2", "unknown"]),
                "status": st.sampled_from(["active", "in_trial", "paused", "future", "cancelled", "odd"]),
                "currency_code": st.sampled_from(["USD", "JPY"]),
                "mrr": st.integers(0, 10**6),
                "plan_id": st.just("basic"),
            }
        )
        for n in range(4)
    )
).map(lambda row: ("subscriptions", row))
INVOICES = st.one_of(
    *(
        st.fixed_dictionaries(
            {
                "id": st.just(f"i{n}"),
                "resource_version": STAMPS,
                "deleted": st.booleans(),
                "customer_id": st.sampled_from(["c0", "c1", "c2", "unknown"]),
                "status": st.sampled_from(["paid", "payment_due", "not_paid", "voided"]),
                "recurring": st.booleans(),
                "date": st.sampled_from([100, 150, 250]),
                "total": st.integers(0, 10**6),
                "amount_due": st.integers(0, 10**6),
                "currency_code": st.sampled_from(["USD", "JPY"]),
            }
        )
        for n in range(4)
    )
).map(lambda row: ("invoices", row))


def version(row: Row) -> tuple[Any, ...]:
    """Return the key by which versions are ordered."""
    return row[1].get("created_at", 0), row[1]["resource_version"], not row[1]["deleted"]


# One version of an id has one content.
ROWS = st.lists(
    st.one_of(CUSTOMERS, SUBSCRIPTIONS, INVOICES), max_size=20, unique_by=lambda row: (row[1]["id"], version(row))
)


def newest(rows: list[Row]) -> list[Row]:
    """Return the greatest version of each id, and all deleted customers, which show that an id was used before."""
    greatest: dict[str, Row] = {}
    for row in sorted(rows, key=version):
        greatest[row[1]["id"]] = row
    return [*(row for row in rows if row[0] == "customers" and row[1]["deleted"]), *greatest.values()]


@FEW
@given(rows=ROWS, data=st.data())
def test_the_order_of_arrival_does_not_matter(
    rows: list[Row], data: st.DataObject, fresh_mapper: Callable[[], Mapper]
) -> None:
    """The same rows in any order give the same records."""
    shuffled = data.draw(st.permutations(rows))
    assert fresh_mapper().run(*shuffled).records == fresh_mapper().run(*rows).records


@FEW
@given(rows=ROWS)
def test_replay_changes_nothing(rows: list[Row], fresh_mapper: Callable[[], Mapper]) -> None:
    """The same rows again, in the same or the next run, give the same records."""
    mapper = fresh_mapper()
    once = mapper.run(*rows).records
    assert mapper.run(*rows).records == once
    assert fresh_mapper().run(*rows, *rows).records == once


@FEW
@given(rows=ROWS)
def test_the_newest_version_wins(rows: list[Row], fresh_mapper: Callable[[], Mapper]) -> None:
    """Older versions of a record have no effect."""
    assert fresh_mapper().run(*rows).records == fresh_mapper().run(*newest(rows)).records


@FEW
@given(rows=ROWS, cuts=st.lists(st.integers(0, 20), max_size=3))
@pytest.mark.parametrize("resend", ["all", "changed"])
def test_any_number_of_runs_equals_one(
    resend: str, rows: list[Row], cuts: list[int], fresh_mapper: Callable[[], Mapper]
) -> None:
    """However the rows are split into runs, the last record of each customer is the same as after one run."""
    last: dict[str, dict[str, Any]] = {}
    mapper = fresh_mapper()
    for start, end in pairwise([0, *sorted(cuts), len(rows)]):
        sent = mapper.run(*rows[start:end], resend=resend).records
        last.update({one["customer_id"]: one for one in sent})
    for one in fresh_mapper().run(*rows).records:
        assert last[one["customer_id"]] == one


@FEW
@given(rows=ROWS, cut=st.integers(0, 20))
def test_an_unconfirmed_run_is_made_good_for(rows: list[Row], cut: int, fresh_mapper: Callable[[], Mapper]) -> None:
    """Records that the target did not confirm are sent again, even with `resend: changed`."""
    mapper = fresh_mapper()
    last = {one["customer_id"]: one for one in mapper.run(resend="changed").records}
    confirmed = mapper.confirmed
    mapper.run(*rows[:cut], resend="changed")
    mapper.confirmed = confirmed
    last.update({one["customer_id"]: one for one in mapper.run(*rows[cut:], resend="changed").records})
    for one in fresh_mapper().run(*rows).records:
        assert last[one["customer_id"]] == one
