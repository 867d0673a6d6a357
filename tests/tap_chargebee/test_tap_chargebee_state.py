"""STATE as it came: what belongs to other plugins passes through tap-chargebee unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

OTHERS = {"other": [1.5, None], "number": 5, "text": "x", "none": None, "_map": {"store": "s", "gen": 1.25}}
REST = {"currently_syncing": None, "more": {"a": [0.1, {"b": True}]}}


def test_what_belongs_to_others_passes_through(run_tap: Callable[..., Any], catalog_of: Callable[..., Any]) -> None:
    """Fractions, bookmarks of any shape and members beside them stand in the first STATE and in the last."""
    run = run_tap(state={"bookmarks": dict(OTHERS), **REST}, catalog=catalog_of("coupons"))
    states = [message["value"] for message in run.messages if message["type"] == "STATE"]
    assert states[0] == {"bookmarks": OTHERS, **REST}
    assert {name: states[-1]["bookmarks"][name] for name in OTHERS} == OTHERS
    assert {name: states[-1][name] for name in REST} == REST
    assert "_sync" in states[-1]["bookmarks"]


@pytest.mark.parametrize("bookmark", [{}, {"progress_markers": {"Note": "unfinished"}}], ids=["empty", "markers"])
def test_an_own_bookmark_of_little_use_is_none(
    run_tap: Callable[..., Any], catalog_of: Callable[..., Any], bookmark: dict[str, Any]
) -> None:
    """An empty bookmark, and what the SDK noted of an unfinished run, read everything."""
    run = run_tap(state={"bookmarks": {"coupons": bookmark}}, catalog=catalog_of("coupons"))
    assert run.refusal is None
    assert run.records.keys() == {"coupons"}
