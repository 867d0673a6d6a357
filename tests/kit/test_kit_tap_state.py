"""How both taps use the last STATE: unknown members pass through, unfinished bookmarks are ignored."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.contrib.msgspec import MsgSpecWriter
from tap_chargebee.tap import TapChargebee
from tap_intercom.tap import TapIntercom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.testing import RunningSandbox

OTHERS = {"other": [1.5, None], "number": 5, "text": "x", "none": None, "_map": {"store": "s", "gen": 1.25}}
REST = {"currently_syncing": None, "more": {"a": [0.1, {"b": True}]}}
TAPS: dict[str, tuple[Any, str, str, dict[str, Any]]] = {
    "tap-chargebee": (TapChargebee, "coupons", "chargebee_url", {"site": "sandbox", "api_key": "sandbox_key"}),
    "tap-intercom": (TapIntercom, "tags", "intercom_url", {"access_token": "sandbox_token"}),
}
"""Each tap with its class, a small stream, the name of the sandbox's address, and the smallest config."""


class Collector(MsgSpecWriter):
    """Keeps the messages as decoded JSON."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []

    def write_message(self, message: Any) -> None:
        """Keep a message."""
        self.messages.append(json.loads(bytes(self.format_message(message))))


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """Restore the signal handlers, which a tap replaces."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def run(name: str, sandbox: RunningSandbox, bookmarks: dict[str, Any], **rest: Any) -> list[dict[str, Any]]:
    """Run a tap over its small stream, and return its messages."""
    tap, stream, url, config = TAPS[name]
    config = config | {"api_url": getattr(sandbox, url)}
    catalog = json.loads(json.dumps(tap(config=config, validate_config=False).catalog_dict))
    catalog["streams"] = [entry for entry in catalog["streams"] if entry["tap_stream_id"] == stream]
    writer = Collector()
    state = json.loads(json.dumps({"bookmarks": bookmarks, **rest}))
    tap(config=config, state=state, catalog=catalog, message_writer=writer).sync_all()
    return writer.messages


@pytest.mark.parametrize("name", TAPS)
def test_what_belongs_to_others_passes_through(name: str, sandbox: RunningSandbox) -> None:
    """Bookmarks of other plugins and unknown members of STATE are in the first and in the last STATE, unchanged."""
    messages = run(name, sandbox, OTHERS, **REST)
    states = [message["value"] for message in messages if message["type"] == "STATE"]
    assert states[0] == {"bookmarks": OTHERS, **REST}
    assert {name: states[-1]["bookmarks"][name] for name in OTHERS} == OTHERS
    assert {name: states[-1][name] for name in REST} == REST
    assert "_sync" in states[-1]["bookmarks"]


@pytest.mark.parametrize("name", TAPS)
@pytest.mark.parametrize("bookmark", [{}, {"progress_markers": {"Note": "unfinished"}}], ids=["empty", "markers"])
def test_an_own_bookmark_of_little_use_is_none(name: str, sandbox: RunningSandbox, bookmark: dict[str, Any]) -> None:
    """With an empty bookmark, or one that the SDK wrote in an unfinished run, everything is read."""
    stream = TAPS[name][1]
    messages = run(name, sandbox, {stream: bookmark})
    assert {message["stream"] for message in messages if message["type"] == "RECORD"} == {stream}
