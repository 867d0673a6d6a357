"""A record without its key ends the run before the completion marker, in every stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tap_intercom.streams.resources import STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

BODY = {"companies": None, "created_at": 1768000000, "updated_at": 1768000000}
LISTS = [one for one in STREAMS if not one.parent and one.name not in {"workspace", "ip_allowlist"}]
CHILDREN = [
    ("conversation_parts", {"conversation_parts": {"conversation_parts": [{"body": "Hi"}]}}, "`id` is missing"),
    ("contact_segments", {"data": [{"id": None}]}, "`id` is missing"),
    ("company_contacts", {"data": [{"id": 7}], "total_count": 1}, "`contact_id` is a number"),
]
VALUES = [
    ("missing", {}, "`id` is missing"),
    ("null", {"id": None}, "`id` is missing"),
    ("empty", {"id": ""}, "`id` is missing"),
    ("a number", {"id": 5}, "`id` is a number"),
    ("true", {"id": True}, "`id` is true or false"),
    ("a list", {"id": ["a"]}, "`id` is not a single value"),
]


def refuses(run: Any) -> None:
    """Check that the run ended without the marker."""
    assert not any("_sync" in state for state in run.states)


@pytest.mark.parametrize("resource", LISTS, ids=[one.name for one in LISTS])
def test_every_list(
    resource: Any, run_tap: Callable[..., Any], catalog_of: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    """The error names the stream and the page, and no record of that page is sent."""
    answer = [BODY] if not resource.answer else {resource.answer: [BODY], "total_count": 1, "scroll_param": "s"}
    sandbox.fault(api="intercom", path=resource.path, effect={"status": 200, "body": answer})
    run = run_tap(catalog=catalog_of(resource.name), intercom_version="2.17")
    key = resource.primary_keys[0]
    assert run.refusal.startswith(f"Intercom sent a record of {resource.name} whose `{key}` is missing (page 1): ")
    assert run.records == {}
    refuses(run)


@pytest.mark.parametrize(("key", "words"), [row[1:] for row in VALUES], ids=[row[0] for row in VALUES])
def test_every_value(key: dict[str, Any], words: str, run_tap: Callable[..., Any], sandbox: RunningSandbox) -> None:
    """A key that is null, missing, empty or of another type ends the run."""
    found = {"data": [{"id": "a", **BODY}, {**BODY, **key}], "total_count": 2}
    sandbox.fault(api="intercom", path="/contacts/search", effect={"status": 200, "body": found})
    run = run_tap()
    assert f"a record of contacts whose {words} (page 1)" in run.refusal
    refuses(run)


@pytest.mark.parametrize(("stream", "body", "words"), CHILDREN, ids=[row[0] for row in CHILDREN])
def test_what_hangs_on_a_record(  # noqa: PLR0913 one row of the table, and what runs it
    *,
    stream: str,
    body: dict[str, Any],
    words: str,
    run_tap: Callable[..., Any],
    catalog_of: Callable[..., Any],
    sandbox: RunningSandbox,
) -> None:
    """For a child stream, the error names the parent record instead of the page."""
    path = next(one.path for one in STREAMS if one.name == stream).format(id="*")
    sandbox.fault(api="intercom", method="GET", path=path, effect={"status": 200, "body": body})
    run = run_tap(catalog=catalog_of(stream))
    assert f"a record of {stream} whose {words} (of co" in run.refusal
    refuses(run)
