"""ACTIVATE_VERSION: how a database target learns that rows did not come again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

NOW = 1_768_478_400


def versions(messages: list[dict[str, Any]]) -> set[tuple[str, int | None]]:
    """Return the versions that stand in the records of each stream."""
    return {(one["stream"], one.get("version")) for one in messages if one["type"] == "RECORD"}


def activated(messages: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Return what is activated, in its order."""
    return [(one["stream"], one["version"]) for one in messages if one["type"] == "ACTIVATE_VERSION"]


def test_a_stream_that_was_read_whole_activates_its_version(
    run_tap: Callable[..., Any], catalog_of: Callable[..., dict[str, Any]]
) -> None:
    """After its last record; so are the rows of a junction, where the last run's may have gone without a word."""
    run = run_tap(activate_version=True, catalog=catalog_of("contacts", "contact_companies", "tags"))
    assert activated(run.messages) == [("contact_companies", NOW), ("contacts", NOW), ("tags", NOW)]
    assert versions(run.messages) == {("contacts", NOW), ("contact_companies", NOW), ("tags", NOW)}
    places = [place for place, one in enumerate(run.messages) if one.get("stream") == "contacts"]
    assert run.messages[places[-1]]["type"] == "ACTIVATE_VERSION"
    assert run.states[-1]["contacts"]["version"] == NOW


def test_it_is_off_by_default(run_tap: Callable[..., Any]) -> None:
    """Records carry no version, nor does the bookmark."""
    run = run_tap()
    assert activated(run.messages) == []
    assert versions(run.messages) == {("companies", None), ("contacts", None)}
    assert "version" not in run.states[-1]["contacts"]


def test_what_changed_carries_the_version_of_the_last_whole_read(
    run_tap: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    """So the next whole read tells it from what is gone; nothing is activated meanwhile."""
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
    """What it does not send is not gone."""
    run = run_tap(activate_version=True, catalog=catalog_of(*streams), **settings)
    assert run.refusal is None
    assert activated(run.messages) == []
