"""Runs of tap-intercom against the sandbox, in the test's own process or as a command."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import backoff
import pytest
from sandbox.intercom.conversations import show_conversation, show_conversation_part
from sandbox.intercom.shapes import show_company, show_contact
from sandbox.intercom.tickets import show_ticket
from tap_intercom._kit.writer import Writer
from tap_intercom.api.client import IntercomClient
from tap_intercom.api.errors import UserError
from tap_intercom.api.scroll import Scroll
from tap_intercom.tap import TapIntercom
from warm_commands import run_command

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from sandbox.testing import RunningSandbox

TAP = Path(sys.executable).with_name("tap-intercom")


@dataclass
class Run:
    """The output of one run of the tap."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    refusal: str | None = None

    @property
    def records(self) -> dict[str, list[dict[str, Any]]]:
        """The records of each stream, in the order of their messages."""
        found: dict[str, list[dict[str, Any]]] = {}
        for message in self.messages:
            if message["type"] == "RECORD":
                found.setdefault(message["stream"], []).append(message["record"])
        return found

    @property
    def states(self) -> list[dict[str, Any]]:
        """The bookmarks of each STATE, with `set` in place of the marker's time."""
        return [bookmarks(message["value"]) for message in self.messages if message["type"] == "STATE"]

    @property
    def state(self) -> dict[str, Any] | None:
        """The last STATE, which is the input of the next run."""
        values = [message["value"] for message in self.messages if message["type"] == "STATE"]
        return values[-1] if values else None


def bookmarks(state: dict[str, Any]) -> dict[str, Any]:
    """Return the bookmarks of a STATE; the marker's time is checked and replaced by `set`."""
    found = {name: dict(bookmark) for name, bookmark in state["bookmarks"].items()}
    if "_sync" in found:
        assert type(found["_sync"]["completed_at"]) is int
        assert found["_sync"]["completed_at"] > 1_700_000_000_000
        found["_sync"]["completed_at"] = "set"
    return found


@cache
def discover() -> str:
    """Return the catalog of the tap, once for all tests: the SDK takes a tenth of a second for it."""
    return json.dumps(TapIntercom(config={"access_token": "sandbox_token", "intercom_version": "2.17"}).catalog_dict)


def selecting(*names: str) -> dict[str, Any]:
    """Return a catalog that selects only these streams."""
    catalog: dict[str, Any] = json.loads(discover())
    catalog["streams"] = [entry for entry in catalog["streams"] if entry["tap_stream_id"] in names]
    for entry in catalog["streams"]:
        entry["metadata"] = [
            one | {"metadata": one["metadata"] | ({} if one["breadcrumb"] else {"selected": True})}
            for one in entry["metadata"]
        ]
    return catalog


LEADS = selecting("companies", "contacts")


class Collector(Writer):
    """Keeps the messages as decoded JSON, and calls a test's function for each of them."""

    def __init__(self, run: Run, on_message: Callable[[dict[str, Any]], None] | None) -> None:
        super().__init__()
        self._run = run
        self._on_message = on_message

    def write_message(self, message: Any) -> None:
        """Keep a message."""
        self._run.messages.append(json.loads(bytes(self.format_message(message))))
        if self._on_message is not None:
            self._on_message(self._run.messages[-1])


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the tap poll for its turn to scroll without long waits."""
    monkeypatch.setattr("tap_intercom.api.scroll.PAUSE", 0.02)


@pytest.fixture
def catalog_of() -> Callable[..., dict[str, Any]]:
    """Return a function that builds a catalog with the named streams selected."""
    return selecting


@pytest.fixture
def config(sandbox: RunningSandbox) -> dict[str, Any]:
    """Return the smallest config for the sandbox."""
    return {"access_token": "sandbox_token", "api_url": sandbox.intercom_url}


@pytest.fixture
def run_tap(config: dict[str, Any]) -> Iterator[Callable[..., Run]]:
    """Return a function that runs the tap in this process, by default with the two streams that leads need.

    `run_tap(state=, catalog=, on_message=, SETTING=...)`
    """
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(
        *,
        state: dict[str, Any] | None = None,
        catalog: dict[str, Any] | None = None,
        on_message: Callable[[dict[str, Any]], None] | None = None,
        everything: bool = False,
        **settings: Any,
    ) -> Run:
        done = Run()
        state = None if state is None else json.loads(json.dumps(state))
        catalog = LEADS if catalog is None else catalog
        catalog = None if everything else json.loads(json.dumps(catalog))
        try:
            TapIntercom(
                config=config | settings,
                state=state,
                catalog=catalog,
                message_writer=Collector(done, on_message),
            ).sync_all()
        except UserError as refusal:
            done.refusal = refusal.message
        return done

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


class Clock:
    """A clock that only moves when a thread sleeps."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        """Return the seconds that have passed."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let the seconds pass."""
        self._now += seconds


@pytest.fixture
def clock(impatient: None, monkeypatch: pytest.MonkeyPatch) -> Clock:  # noqa: ARG001 it is patient again
    """Return the tap's clock, which a test can share with the sandbox, so that nothing really waits."""
    monkeypatch.setattr("tap_intercom.api.scroll.PAUSE", 5.0)
    found = Clock()
    times: dict[str, Any] = {"sleep": found.sleep, "clock": found.now}
    monkeypatch.setattr("tap_intercom.api.source.IntercomClient", partial(IntercomClient, **times))
    monkeypatch.setattr("tap_intercom.streams.shared_lists.Scroll", partial(Scroll, **times))
    return found


@pytest.fixture
def in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make retries follow without a wait."""
    monkeypatch.setattr(backoff, "full_jitter", lambda _: 0.0)


def whole(record: dict[str, Any], contact: Any) -> dict[str, Any]:
    """Return a contact as Intercom shows it, with all of its companies, tags and notes."""
    held = {"companies": contact.companies, "tags": contact.document.get("tags", ()), "notes": contact.notes}
    for name, kind in (("companies", "company"), ("tags", "tag"), ("notes", "note")):
        data = [{"id": one, "type": kind, "url": f"/{name}/{one}"} for one in held[name]]
        record[name] |= {"data": data, "total_count": len(data), "has_more": False}
    return record


@pytest.fixture
def truth(sandbox: RunningSandbox) -> Callable[[], dict[str, dict[str, Any]]]:
    """Return a function that returns the records that exist, by stream and id, in Intercom's own form."""

    def records() -> dict[str, dict[str, Any]]:
        known = sandbox.world.intercom
        version = (2, 14)
        found = {
            "contacts": {one.id: whole(show_contact(known, one, version), one) for one in known.contacts.live()},
            "companies": {one.id: show_company(known, one) for one in known.visible_companies()},
            "conversations": {one.id: show_conversation(known, one, version) for one in known.conversations.live()},
            "conversation_parts": {
                part.id: {
                    **show_conversation_part(part, one.document["state"]),
                    "conversation_id": one.id,
                    "conversation_updated_at": one.document["updated_at"],
                }
                for one in known.conversations.live()
                for part in one.parts
            },
            "tickets": {one.id: show_ticket(known, one, version) for one in known.tickets.live()},
        }
        return json.loads(json.dumps(found))  # type: ignore[no-any-return]

    return records


@pytest.fixture
def calls(sandbox: RunningSandbox) -> Callable[[], dict[str, int]]:
    """Return a function that counts the calls per path since it was last called."""

    def count() -> dict[str, int]:
        counted = {call["path"]: call["count"] for call in sandbox.calls()["calls"]}
        sandbox.clear_calls()
        return counted

    return count


@pytest.fixture
def command_line(tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that builds the command line: `command_line(config, "--discover")`.

    The config becomes the file of --config. The default catalog selects the two streams that leads need.
    """

    def words(config: dict[str, Any] | None, *arguments: str) -> list[str]:
        if config is None:
            return [str(TAP), *arguments]
        file = tmp_path / "config.json"
        file.write_text(json.dumps(config))
        catalog = tmp_path / "catalog.json"
        catalog.write_text(json.dumps(LEADS))
        chosen = [] if {"--catalog", "--discover", "--test"} & {*arguments} else ["--catalog", str(catalog)]
        return [str(TAP), *arguments, *chosen, "--config", str(file)]

    return words


@pytest.fixture
def catalog_file(tmp_path: Path) -> Callable[..., str]:
    """Return a function that writes a catalog with the named streams selected, and returns its path."""

    def written(*names: str) -> str:
        file = tmp_path / "chosen.json"
        file.write_text(json.dumps(selecting(*names)))
        return str(file)

    return written


@pytest.fixture
def command(command_line: Callable[..., list[str]]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs the command, with the arguments of `command_line`."""

    def run(config: dict[str, Any] | None, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_command(command_line(config, *arguments))

    return run
