"""A run over a subset sends its customers and those who share their match values, and does not affect others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.map_subscriptions.conftest import Lines, Mapper, Sent

ANN = {"id": "ann", "email": "ann@x.io", "created_at": 100, "resource_version": 1}
BOB = {"id": "bob", "email": "bob@x.io", "created_at": 100, "resource_version": 1}
EVE = {"id": "eve", "email": "eve@x.io", "created_at": 100, "resource_version": 1}
EVERYBODY = [("customers", row) for row in (ANN, BOB, EVE)]
UNCONFIRMED = "An earlier run sent rows that the target has not confirmed."
CHANGED = "The settings of the map or its version have changed since everything was sent."


@pytest.fixture
def subset(mapper: Mapper, lines: Lines) -> Callable[..., Sent]:
    """Return a function that runs the map over a subset."""
    marker = {**lines.marker, "subset": 1}
    return lambda *rows, **settings: mapper.run(*rows, marker=marker, **settings)


@pytest.mark.parametrize("resend", ["all", "changed"])
def test_only_the_touched_customers_are_sent(mapper: Mapper, subset: Callable[..., Sent], resend: str) -> None:
    """A subset sends only its customers, in a stream marked as a subset."""
    plain = mapper.run(*EVERYBODY, resend=resend)
    sent = subset(("customers", {**BOB, "resource_version": 2}), resend=resend)
    assert sent.customers == {"bob"}
    assert ("x-standpipe-subset" in plain.schema["schema"], sent.schema["schema"]["x-standpipe-subset"]) == (
        False,
        True,
    )
    assert "plain_run_needed" not in mapper.summary()


def test_nobody_is_sent_for_ids_that_nobody_has(mapper: Mapper, subset: Callable[..., Sent]) -> None:
    """A subset of unknown ids sends nobody."""
    mapper.run(*EVERYBODY)
    assert subset().customers == set()


def test_who_shares_the_match_value_is_sent_instead(mapper: Mapper, subset: Callable[..., Sent]) -> None:
    """When a customer takes another's e-mail, the winner of the two is sent."""
    mapper.run(("customers", {**ANN, "created_at": 200}), ("customers", BOB))
    sent = subset(("customers", {**BOB, "email": "ann@x.io", "resource_version": 2}), report_not_sent=True)
    assert sent.customers == {"ann"}
    assert [(one["customer_id"], one["instead_of"]) for one in sent.not_sent] == [("bob", "ann")]


def test_who_a_touched_customer_leaves_is_sent(mapper: Mapper, subset: Callable[..., Sent]) -> None:
    """When the winner of a shared e-mail changes it, the customer behind it is sent as well."""
    mapper.run(("customers", ANN), ("customers", {**BOB, "email": "ann@x.io", "created_at": 200}))
    sent = subset(("customers", {**BOB, "created_at": 200, "resource_version": 2}))
    assert sent.customers == {"ann", "bob"}


def test_a_subset_run_confirms_nothing_that_is_owed(mapper: Mapper, subset: Callable[..., Sent]) -> None:
    """A confirmed subset does not confirm customers of an earlier, unconfirmed run."""
    mapper.run(*EVERYBODY, resend="changed")
    confirmed = mapper.confirmed
    mapper.run(("customers", {**EVE, "resource_version": 2}), resend="changed")
    mapper.confirmed = confirmed
    assert subset(("customers", {**BOB, "resource_version": 2}), resend="changed").customers == {"bob"}
    assert mapper.confirmed == confirmed
    assert mapper.summary()["plain_run_needed"] == UNCONFIRMED
    assert mapper.run(resend="changed").customers == {"bob", "eve"}
    assert mapper.run(resend="changed").customers == set()


def test_a_subset_run_is_not_the_daily_run_over_everybody(
    mapper: Mapper, subset: Callable[..., Sent], lines: Lines
) -> None:
    """Subsets do not delay the daily run over everybody."""
    mapper.run(*EVERYBODY, resend="changed")
    subset(("customers", {**BOB, "resource_version": 2}), resend="changed")
    later = {**lines.marker, "completed_at": lines.marker["completed_at"] + 86_400_000}
    assert mapper.run(marker=later, resend="changed").customers == {"ann", "bob", "eve"}


def test_changed_settings_need_a_plain_run(mapper: Mapper, subset: Callable[..., Sent]) -> None:
    """With changed settings, a subset asks for a full run and sends only its customers."""
    mapper.run(*EVERYBODY, resend="changed")
    sent = subset(("customers", {**BOB, "resource_version": 2}), resend="changed", attribute_prefix="x_")
    assert sent.customers == {"bob"}
    assert mapper.summary()["plain_run_needed"] == CHANGED
    assert mapper.run(resend="changed", attribute_prefix="x_").customers == {"ann", "bob", "eve"}


CUSTOMERS = ("ann", "bob", "eve", "joe")
STEP = st.tuples(
    st.dictionaries(st.sampled_from(CUSTOMERS), st.sampled_from(["a@x.io", "b@x.io", "c@x.io"]), max_size=3),
    st.booleans(),
    st.booleans(),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEP, min_size=1, max_size=6))
def test_subsets_and_then_everybody_is_as_everybody_at_once(
    fresh_mapper: Callable[[], Mapper], lines: Lines, steps: list[tuple[dict[str, str], bool, bool]]
) -> None:
    """Any full and subset runs, confirmed or not, leave a target with the right records after a final run.

    A step changes some e-mail addresses, in a subset run or a full one, and the target confirms it or dies.
    """
    live, whole = fresh_mapper(), fresh_mapper()
    emails = {name: f"{name}@x.io" for name in CUSTOMERS}
    received: dict[str, Any] = {}

    def take(sent: Sent) -> None:
        received.update({one["customer_id"]: one for one in sent.records})
        for one in sent.not_sent:
            received.pop(one["customer_id"], None)

    def rows(names: Any, version: int) -> list[tuple[str, dict[str, Any]]]:
        return [
            ("customers", {"id": name, "email": emails[name], "created_at": 100, "resource_version": version})
            for name in names
        ]

    take(live.run(*rows(CUSTOMERS, 1), resend="changed", report_not_sent=True))
    for version, (changes, is_subset, is_confirmed) in enumerate(steps, 2):
        emails.update(changes)
        before = live.confirmed
        sent = live.run(
            *rows(sorted(changes), version),
            resend="changed",
            report_not_sent=True,
            marker={**lines.marker, "subset": int(is_subset)},
        )
        if is_confirmed:
            take(sent)
        else:
            live.confirmed = before
    take(live.run(resend="changed", report_not_sent=True))
    everybody = whole.run(*rows(CUSTOMERS, 99))
    assert received == {one["customer_id"]: one for one in everybody.records}
