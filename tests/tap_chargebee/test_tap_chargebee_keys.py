"""A record without its key ends the run before the completion marker, in every stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tap_chargebee.streams.resources import STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

FIRST = "configurations"
# `configurations` is left out: the first call of every run reads it for the clock.
LISTS = [one for one in STREAMS if not one.parent and not one.daily and 2 in one.catalogs and one.name != FIRST]
VALUES = [
    ("missing", {}, "`id` is missing"),
    ("null", {"id": None}, "`id` is missing"),
    ("empty", {"id": ""}, "`id` is missing"),
    ("a number", {"id": 5}, "`id` is a number"),
    ("true", {"id": True}, "`id` is true or false"),
    ("an object", {"id": {"a": 1}}, "`id` is not a single value"),
]


@pytest.mark.parametrize("resource", LISTS, ids=[one.name for one in LISTS])
def test_every_list(
    resource: Any, run_tap: Callable[..., Any], catalog_of: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    """The error names the stream and the page, and no record of that page is sent."""
    record = {"updated_at": 1768000000, "customer_id": "c"}
    item = {resource.envelope: record} if resource.envelope else record
    body = {resource.answer: [item]}
    sandbox.fault(api="chargebee", path=resource.path, effect={"status": 200, "body": body})
    run = run_tap(catalog=catalog_of(resource.name))
    key = resource.primary_keys[0]
    assert run.refusal.startswith(f"Chargebee sent a record of {resource.name} whose `{key}` is missing (page 1): ")
    assert run.records == {}
    assert not any("_sync" in state for state in run.states)


@pytest.mark.parametrize(("key", "words"), [row[1:] for row in VALUES], ids=[row[0] for row in VALUES])
def test_every_value(key: dict[str, Any], words: str, run_tap: Callable[..., Any], sandbox: RunningSandbox) -> None:
    """A key that is null, missing, empty or of another type ends the run."""
    body = {"list": [{"customer": {"id": "a"}}, {"customer": key}]}
    sandbox.fault(api="chargebee", path="/customers", effect={"status": 200, "body": body})
    run = run_tap()
    assert f"a record of customers whose {words} (page 1)" in run.refusal
    assert not any("_sync" in state for state in run.states)


@pytest.mark.parametrize("stream", ["contacts", "contract_terms"])
def test_a_parent_without_its_key(
    stream: str, run_tap: Callable[..., Any], catalog_of: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    """A parent without an id ends the run, because its child records cannot be requested."""
    parent = next(one.parent for one in STREAMS if one.name == stream)
    assert parent is not None
    body = {"list": [{parent.removesuffix("s"): {"customer_id": "c"}}]}
    sandbox.fault(api="chargebee", path=f"/{parent}", effect={"status": 200, "body": body})
    run = run_tap(catalog=catalog_of(stream))
    assert f"a record of {parent} whose `id` is missing (page 1)" in run.refusal


def test_what_hangs_on_a_record(
    run_tap: Callable[..., Any], catalog_of: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    """For a child stream, the error names the parent record instead of the page."""
    body = {"list": [{"contact": {"email": "a@x.io"}}]}
    sandbox.fault(api="chargebee", path="/customers/*/contacts", effect={"status": 200, "body": body})
    run = run_tap(catalog=catalog_of("contacts"))
    assert "a record of contacts whose `id` is missing (of " in run.refusal
    assert not any("_sync" in state for state in run.states)
