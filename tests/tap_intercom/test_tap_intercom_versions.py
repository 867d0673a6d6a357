"""ACTIVATE_VERSION messages, which let a database target delete rows that no longer exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

NOW = 1_768_478_400


def versions(messages: list[dict[str, Any]]) -> set[tuple[str, int | None]]:
    """Return the versions in the records, with their streams."""
    return {(one["stream"], one.get("version")) for one in messages if one["type"] == "RECORD"}


def activated(messages: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Return stream and version of the ACTIVATE_VERSION messages, in order."""
    return [(one["stream"], one["version"]) for one in messages if one["type"] == "ACTIVATE_VERSION"]


def test_a_stream_that_was_read_whole_activates_its_version(
    run_tap: Callable[..., Any], catalog_of: Callable[..., dict[str, Any]]
) -> None:
    """A stream that is read whole activates its version after its last record; so does a stream of links."""
    run = run_tap(activate_version=True, catalog=catalog_of("contacts", "contact_companies", "tags"))
    assert activated(run.messages) == [("contact_companies", NOW), ("contacts", NOW), ("tags", NOW)]
    assert versions(run.messages) == {("contacts", NOW), ("contact_companies", NOW), ("tags", NOW)}
    places = [place for place, one in enumerate(run.messages) if one.get("stream") == "contacts"]
    assert run.messages[places[-1]]["type"] == "ACTIVATE_VERSION"
    assert run.states[-1]["contacts"]["version"] == NOW


def test_it_is_off_by_default(run_tap: Callable[..., Any]) -> None:
    """By default, neither records nor bookmarks have a version."""
    run = run_tap()
    assert activated(run.messages) == []
    assert versions(run.messages) == {("companies", None), ("contacts", None)}
    assert "version" not in run.states[-1]["contacts"]


def test_what_changed_carries_the_version_of_the_last_whole_read(
    run_tap: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    """Records of an incremental run have the version of the last full read, and nothing is activated."""
    first = run_tap(activate_version=True)
    sandbox.advance(days=20)
    second = run_tap(activate_version=True, state=first.state)
    assert {version for _, version in versions(second.messages)} == {NOW}
    assert activated(second.messages) == []
    third = run_tap(activate_version=True, state=second.state, reread_every=1)
    later = NOW + 20 * 86_400
    assert activated(third.messages) == [("companies", later), ("contacts", later)]


@pytest.mark.parametrize(
    ("streams", "settings"),
    [(("companies", "contacts"), {"start_date": "2025-06-01"}), (("activity_logs",), {})],
    ids=["a start date", "what Intercom forgets"],
)
def test_a_read_of_a_part_activates_nothing(
    run_tap: Callable[..., Any],
    catalog_of: Callable[..., dict[str, Any]],
    streams: tuple[str, ...],
    settings: dict[str, Any],
) -> None:
    """A run that reads only some records activates no version, because the others still exist."""
    run = run_tap(activate_version=True, catalog=catalog_of(*streams), **settings)
    assert run.refusal is None
    assert activated(run.messages) == []
