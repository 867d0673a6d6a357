"""ACTIVATE_VERSION messages, which let a database target delete rows that no longer exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

NOW = 1_768_478_400
STREAMS = ("customers", "invoices", "subscriptions")


def versions(messages: list[dict[str, Any]]) -> dict[str, list[int | None]]:
    """Return the versions in the records of each stream."""
    found: dict[str, list[int | None]] = {}
    for one in messages:
        if one["type"] == "RECORD" and one.get("version") not in found.setdefault(one["stream"], []):
            found[one["stream"]].append(one.get("version"))
    return found


def activated(messages: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Return stream and version of the ACTIVATE_VERSION messages, in order."""
    return [(one["stream"], one["version"]) for one in messages if one["type"] == "ACTIVATE_VERSION"]


def test_a_stream_that_was_read_whole_activates_its_version(run_tap: Callable[..., Any]) -> None:
    """A stream that is read whole activates its version after its last record and before its STATE."""
    run = run_tap(activate_version=True)
    kinds = [one["type"] for one in run.messages if one.get("stream") == "customers" or one["type"] == "STATE"]
    assert kinds[:62] == ["SCHEMA", *["RECORD"] * 60, "ACTIVATE_VERSION"]
    assert kinds[62] == "STATE"
    assert versions(run.messages) == {name: [NOW] for name in STREAMS}
    assert activated(run.messages) == [(name, NOW) for name in STREAMS]
    assert run.states[-1]["customers"]["version"] == NOW


def test_it_is_off_by_default(run_tap: Callable[..., Any]) -> None:
    """By default, neither records nor bookmarks have a version."""
    run = run_tap()
    assert activated(run.messages) == []
    assert versions(run.messages) == {name: [None] for name in STREAMS}
    assert "version" not in run.states[-1]["customers"]


def test_what_changed_carries_the_version_of_the_last_whole_read(
    run_tap: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    """Records of an incremental run have the version of the last full read, and nothing is activated."""
    first = run_tap(activate_version=True)
    sandbox.advance(days=20)
    second = run_tap(activate_version=True, state=first.state)
    assert versions(second.messages) == {name: [NOW] for name in STREAMS}
    assert activated(second.messages) == []
    assert second.states[-1]["customers"]["version"] == NOW
    third = run_tap(activate_version=True)
    later = NOW + 20 * 86_400
    assert activated(third.messages) == [(name, later) for name in STREAMS]


@pytest.mark.parametrize(
    "settings",
    [{"customer_limit": 10}, {"customer_ids": ["cust-000001"]}, {"start_date": "2025-06-01"}],
    ids=["a number of customers", "chosen customers", "a start date"],
)
def test_a_read_of_a_part_activates_nothing(run_tap: Callable[..., Any], settings: dict[str, Any]) -> None:
    """A run that reads only some records activates no version, because the others still exist."""
    run = run_tap(activate_version=True, **settings)
    assert run.refusal is None
    assert activated(run.messages) == []


@pytest.mark.usefixtures("in_no_time")
def test_a_read_that_breaks_off_activates_nothing(run_tap: Callable[..., Any], sandbox: RunningSandbox) -> None:
    """A stream that fails activates no version; finished streams do."""
    sandbox.fault(api="chargebee", path="/invoices", **{"from": 2}, effect={"status": 500})
    run = run_tap(activate_version=True)
    assert run.refusal is not None
    assert activated(run.messages) == [("customers", NOW)]


def test_what_chargebee_forgets_is_not_gone(
    run_tap: Callable[..., Any], catalog_of: Callable[..., dict[str, Any]]
) -> None:
    """Events and exchange rates never activate a version, because older rows are not listed again."""
    run = run_tap(activate_version=True, catalog=catalog_of("events", "exchange_rates", "currencies"))
    assert activated(run.messages) == [("currencies", NOW)]
