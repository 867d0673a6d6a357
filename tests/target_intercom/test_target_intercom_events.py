"""Data events: which are sent, once, and what is left alone; the sandbox counts the calls."""

from __future__ import annotations

import io
import json
import re
import sqlite3
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from singer_kit.journal import list_journals
from singer_sdk.exceptions import ConfigurationError, FatalAPIError
from target_intercom._kit.transport import CallCounts
from target_intercom.api.client import IntercomClient
from target_intercom.records.data_events import fit_metadata, read_event
from target_intercom.reporting.outcomes import Outcome, Summary
from target_intercom.reporting.terminal import format_promise
from target_intercom.target import TargetIntercom
from target_intercom.writing.event_ledger import EventLedger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Record = Callable[..., dict[str, Any]]

SWITCHED_ON = 1_768_478_400
AT = SWITCHED_ON + 60
NAMES = ["payment-failed", "charged"]
FIELDS = ("event_id", "customer_id", "event_name", "created_at", "metadata")


def event(
    event_id: str, customer: str = "ann", name: str = "payment-failed", at: int = AT, **more: Any
) -> dict[str, Any]:
    """Return a record of the stream of events."""
    metadata = {"chargebee_event_id": event_id, "amount": {"amount": 2999, "currency": "eur"}, **more}
    return dict(zip(FIELDS, (event_id, customer, name, at, metadata), strict=True))


@dataclass
class Events:
    """Runs the target on contacts and events, and knows what Intercom has."""

    target: Any
    workspace: Any
    customer: Record

    def feed(
        self,
        events: Sequence[dict[str, Any]],
        contacts: Sequence[str] = ("ann",),
        *,
        switch: dict[str, Any] | None = None,
        subset: bool = False,
        **settings: Any,
    ) -> Any:
        """Run the target once, and return its summary; the call counts start at zero."""
        switch = {"names": NAMES, "read_at": SWITCHED_ON} if switch is None else switch
        marks = {"x-standpipe-subset": True} if subset else {}
        self.target.is_subset = subset
        text = self.target.build_input([self.customer(one) for one in contacts])
        *lines, state = text.splitlines()
        schema = {"properties": {}, **({"x-standpipe-moments": switch} if switch else {}), **marks}
        lines.append(
            json.dumps({"type": "SCHEMA", "stream": "events", "schema": schema, "key_properties": ["event_id"]})
        )
        lines += [json.dumps({"type": "RECORD", "stream": "events", "record": one}) for one in events]
        self.workspace.sandbox.clear_calls()
        config = self.target.config(**settings)
        TargetIntercom(config=config).listen(io.StringIO("\n".join([*lines, state]) + "\n"))
        self.target.capsys.readouterr()
        return self.figures()

    def figures(self) -> dict[str, Any]:
        """Return what the summary says about events."""
        summary = json.loads((self.target.directory / "summary.json").read_text())
        names = {"events_sent": "sent", "events_skipped": "skipped", "events_rejected": "rejected"}
        return {short: summary[name] for name, short in names.items() if summary[name]}

    def known(self) -> Counter[tuple[str, str, int]]:
        """Return how often Intercom has each event: its name, the id of Chargebee's event, and its second."""
        found = self.workspace.sandbox.world.intercom.data_events.list_all()
        return Counter((one.name, one.metadata["chargebee_event_id"], one.created_at) for _, one in found)

    def rows(self) -> list[tuple[str, int, int]]:
        """Return the ledger: id, second and whether it was sent."""
        with sqlite3.connect(self.target.directory / "memory" / "events.sqlite") as ledger:
            return list(ledger.execute("SELECT event_id, second, is_sent FROM sent ORDER BY event_id"))


@pytest.fixture
def events(workspace: Any, target: Any, customer: Record) -> Events:
    """Return the target in a workspace that knows Ann, and in which the names are switched on."""
    workspace.sandbox.reset(customers=0, intercom_events_deduplicate=False)
    workspace.add(email="ann@a.example")
    events = Events(target, workspace, customer)
    events.feed([])
    return events


def test_an_event_of_a_matched_contact_is_sent_once(events: Events) -> None:
    """An event costs one call; a replay of the whole input costs none."""
    assert events.feed([event("ev_1")]) == {"sent": 1}
    assert events.target.calls["POST /events"] == 1
    assert events.feed([event("ev_1"), event("ev_1"), event("ev_2", at=AT + 1)]) == {
        "sent": 1,
        "skipped": {"already_sent": 1},
    }
    assert "GET /events" not in events.target.calls
    assert events.known() == {("payment-failed", "ev_1", AT): 1, ("payment-failed", "ev_2", AT + 1): 1}
    assert events.rows() == [("ev_1", AT, 1), ("ev_2", AT + 1, 1)]


def test_what_happened_before_the_switch_is_never_sent(events: Events) -> None:
    """Events up to the second in which a name was switched on are left out, in later runs and for new names too."""
    old = [
        event("ev_1", at=SWITCHED_ON),
        event("ev_2", at=SWITCHED_ON - 1),
        event("ev_3", name="charged", at=SWITCHED_ON),
    ]
    assert events.feed(old) == {"skipped": {"before_switch": 3}}
    more = {"names": [*NAMES, "card-expiring"], "read_at": AT + 100}
    late = [event("ev_4", name="card-expiring", at=AT + 100), event("ev_5", name="card-expiring", at=AT + 101)]
    assert events.feed(late, switch=more) == {"sent": 1, "skipped": {"before_switch": 1}}
    assert events.known() == {("card-expiring", "ev_5", AT + 101): 1}


def test_a_name_that_was_switched_off_begins_anew(events: Events) -> None:
    """What happens while a name, or the whole stream, is switched off is never sent."""
    events.feed([], switch={"names": ["charged"], "read_at": AT})
    again = {"names": NAMES, "read_at": AT + 100}
    assert events.feed([event("ev_1")], switch=again) == {"skipped": {"before_switch": 1}}
    events.target.is_subset = False
    events.target.run([events.customer("ann")])
    later = {"names": NAMES, "read_at": AT + 200}
    assert events.feed([event("ev_2", at=AT + 150)], switch=later) == {"skipped": {"before_switch": 1}}


def test_a_run_over_some_customers_switches_nothing_on(workspace: Any, target: Any, customer: Record) -> None:
    """A subset run before the first plain run sends nothing; after it, it sends its events."""
    workspace.add(email="ann@a.example")
    events = Events(target, workspace, customer)
    assert events.feed([event("ev_1")], subset=True) == {"skipped": {"before_switch": 1}}
    events.feed([])
    assert events.feed([event("ev_1")], subset=True) == {"sent": 1}
    assert events.feed([event("ev_1")]) == {"skipped": {"already_sent": 1}}


def test_an_event_without_a_matched_contact_is_left_out(events: Events) -> None:
    """Events of customers that the run did not send, or that no contact was matched for, are left out."""
    assert events.feed([event("ev_1", "bob"), event("ev_2", "eve")], ["ann", "bob"]) == {"skipped": {"no_contact": 2}}
    assert "POST /events" not in events.target.calls
    events.workspace.add(email="bob@a.example")
    assert events.feed([event("ev_1", "bob")], ["ann", "bob"]) == {"sent": 1}


def test_a_contact_that_the_run_creates_gets_its_event(events: Events) -> None:
    """The contacts are written first, so a new one gets the event, too."""
    assert events.feed([event("ev_1", "new")], ["new"], on_no_match="create") == {"sent": 1}
    assert events.known() == {("payment-failed", "ev_1", AT): 1}


def test_a_validation_lists_what_would_be_sent(events: Events) -> None:
    """A validation sends nothing, leaves the ledger alone, and lists each event with its contact."""
    before = (events.target.directory / "memory" / "events.sqlite").read_bytes()
    found = events.feed([event("ev_1"), event("ev_2", "bob"), event("ev_3", at=1)], mode="validate")
    assert found == {"sent": 1, "skipped": {"before_switch": 1, "no_contact": 1}}
    assert {"POST /events", "GET /events"}.isdisjoint(events.target.calls)
    assert (events.target.directory / "memory" / "events.sqlite").read_bytes() == before
    ann = events.workspace.contacts()[0]["id"]
    lines = (events.target.directory / "events.csv").read_text().splitlines()
    assert lines == [
        "id,customer,event,created_at,outcome,reason,intercom_id,intercom_link",
        f"ev_1,ann,payment-failed,{AT},sent,,{ann},https://app.intercom.com/a/apps/sandboxws/users/{ann}/all-conversations",
        f"ev_2,bob,payment-failed,{AT},skipped,no_contact,,",
    ]


def test_the_page_of_a_validation_lists_what_would_be_sent(events: Events) -> None:
    """It counts the events, and has a row for each, with its time, its contact, and why one would not be sent."""
    events.feed([event("ev_1"), event("ev_2", "bob")], mode="validate")
    page = (events.target.directory / "validation.html").read_text()
    assert "<td>data events would be sent</td><td>1</td>" in page
    _, _, table = page.partition("<h2>Data events</h2>")
    rows = re.findall(r"<tr>(<td>.*?)</tr>", table.partition("</table>")[0])
    ann = events.workspace.contacts()[0]["id"]
    link = f'<a href="https://app.intercom.com/a/apps/sandboxws/users/{ann}/all-conversations">{ann}</a>'
    found = [[cell.removesuffix("</td>") for cell in row.split("<td>")[1:]] for row in rows]
    assert found == [
        ["ev_1", "ann", "payment-failed", "15 January 2026, 12:01 UTC", "would send", "", link],
        [
            "ev_2",
            "bob",
            "payment-failed",
            "15 January 2026, 12:01 UTC",
            "would skip",
            "an event or a subscription of a customer for whom no contact was matched",
            "",
        ],
    ]


def test_the_page_of_a_validation_without_events_has_no_such_table(events: Events) -> None:
    """Nothing is said of events where the source has none."""
    events.feed([], mode="validate")
    page = (events.target.directory / "validation.html").read_text()
    assert "Data events" not in page
    assert "data events" not in page


def test_the_last_sentence_of_a_validation_counts_the_events() -> None:
    """A validation ends with what a sync would do, data events included."""
    summary = Summary(mode="validate", has_events=True)
    summary.count_event(Outcome("sent"))
    summary.count_outcome("contacts", Outcome("unchanged"))
    figures = summary.as_dict(CallCounts(), 0)
    assert format_promise(figures) == "Nothing was written. A sync would leave unchanged 1, would send 1 events."


def test_without_the_stream_nothing_differs(workspace: Any, target: Any, customer: Record) -> None:
    """A run without the stream makes no ledger, no table and no figure."""
    workspace.add(email="ann@a.example")
    target.run([customer("ann")])
    assert not (target.directory / "memory" / "events.sqlite").exists()
    assert not (target.directory / "events.csv").exists()
    assert "events" not in (target.directory / "summary.json").read_text()


def test_two_of_one_second_get_a_second_each(events: Events) -> None:
    """Intercom takes two events of one contact, name and second for one, so the second of them gets the next second."""
    events.workspace.sandbox.world.intercom.data_events._settings = type(  # noqa: SLF001 - the sandbox's switch
        "Switches",
        (),
        {"intercom_events_deduplicate": True, "intercom_event_names": 9, "intercom_event_metadata_keys": 10},
    )
    assert events.feed([event("ev_1"), event("ev_2"), event("ev_3", name="charged")]) == {"sent": 3}
    assert sorted(events.known()) == [
        ("charged", "ev_3", AT),
        *sorted({("payment-failed", one, at) for one, at, _ in events.rows() if one != "ev_3"}),
    ]
    assert sorted(at for name, _, at in events.known() if name == "payment-failed") == [AT, AT + 1]


def test_a_refused_event_is_reported_and_the_others_are_sent(events: Events) -> None:
    """An event that Intercom refuses is a reject; it is not in the ledger, and the next ones are sent."""
    error = {"type": "error.list", "errors": [{"code": "parameter_invalid", "message": "no more events"}]}
    events.workspace.sandbox.fault(
        api="intercom", method="POST", path="/events", nth=1, effect={"status": 400, "body": error}
    )
    found = events.feed([event("ev_1"), event("ev_2", at=AT + 1)], max_concurrency=1)
    assert found == {"sent": 1, "rejected": {"parameter_invalid": 1}}
    (line,) = events.target.read().lines("rejects")
    assert (line["stream"], line["id"], line["reason"]) == ("events", "ev_1", "no more events")
    assert events.rows() == [("ev_2", AT + 1, 1)]


@pytest.mark.parametrize(("drop", "lookups"), [("before", 1), ("after", 1)])
def test_a_lost_reply_is_looked_up_before_it_is_sent_again(
    events: Events, monkeypatch: pytest.MonkeyPatch, drop: str, lookups: int
) -> None:
    """After a lost reply the contact's events are read, and the event is sent again only if it is not among them."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    events.workspace.sandbox.fault(api="intercom", method="POST", path="/events", nth=1, effect={"drop": drop})
    assert events.feed([event("ev_1")]) == {"sent": 1}
    assert events.known() == {("payment-failed", "ev_1", AT): 1}
    assert (events.target.calls["POST /events"], events.target.calls["GET /events"]) == (
        2 if drop == "before" else 1,
        lookups,
    )


class KilledError(BaseException):
    """Ends a run like a kill: nothing of the run is done after it."""


@pytest.mark.parametrize("place", ["before the request", "before the answer", "before the outcome"])
def test_a_killed_run_loses_nothing_and_sends_nothing_twice(
    events: Events, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Wherever a run is killed around the request, the next run leaves each event in Intercom once."""
    create = IntercomClient.create_event

    def kill(*arguments: Any) -> None:
        if place != "before the request":
            create(*arguments[:2])
        raise KilledError

    with monkeypatch.context() as patch:
        if place == "before the outcome":
            patch.setattr(EventLedger, "settle", lambda *_: kill_now())
        else:
            patch.setattr(IntercomClient, "create_event", kill)
        with pytest.raises(KilledError):
            events.feed([event("ev_1")])
    assert events.rows() == [("ev_1", AT, 0)]
    events.feed([event("ev_1"), event("ev_2", at=AT + 1)])
    assert events.target.calls["GET /events"] == 1
    assert events.target.calls["POST /events"] == (2 if place == "before the request" else 1)
    assert events.known() == {("payment-failed", "ev_1", AT): 1, ("payment-failed", "ev_2", AT + 1): 1}
    assert events.rows() == [("ev_1", AT, 1), ("ev_2", AT + 1, 1)]


@pytest.mark.parametrize(("deduplicates", "times"), [(True, 1), (False, 2)], ids=["ignored", "kept"])
def test_what_remains_possible_when_the_list_lags(
    events: Events, monkeypatch: pytest.MonkeyPatch, *, deduplicates: bool, times: int
) -> None:
    """An event whose outcome was lost and that is not listed yet is sent again, with the second that it had.

    Intercom may ignore it; where it does not, the contact has it twice.
    """
    switches = {"intercom_events_deduplicate": deduplicates, "intercom_events_lag": 60}
    events.workspace.sandbox.reset(customers=0, **switches)
    events.workspace.add(email="ann@a.example")
    with monkeypatch.context() as patch:
        patch.setattr(EventLedger, "settle", lambda *_: kill_now())
        with pytest.raises(KilledError):
            events.feed([event("ev_1")])
    assert events.feed([event("ev_1")]) == {"sent": 1}
    assert events.known() == {("payment-failed", "ev_1", AT): times}


def refuse_list(events: Events, status: int) -> None:
    """Make Intercom refuse to list a contact's events."""
    body = {"type": "error.list", "errors": [{"code": "some_code", "message": "some words"}]}
    events.workspace.sandbox.fault(
        api="intercom", method="GET", path="/events", effect={"status": status, "body": body}
    )


@pytest.mark.parametrize("status", [400, 409, 410, 422, 500], ids=str)
def test_an_event_is_sent_again_only_after_intercom_said_that_it_lacks_it(
    events: Events, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """A list that is refused proves nothing: the run ends, and the next one finds the event that did arrive."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    with monkeypatch.context() as patch:
        patch.setattr(EventLedger, "settle", lambda *_: kill_now())
        with pytest.raises(KilledError):
            events.feed([event("ev_1")])
    refuse_list(events, status)
    with pytest.raises(FatalAPIError, match="no STATE was written"):
        events.feed([event("ev_1")])
    assert "POST /events" not in events.target.calls
    assert events.rows() == [("ev_1", AT, 0)]
    events.workspace.sandbox.clear_faults()
    assert events.feed([event("ev_1")]) == {"sent": 1}
    assert events.known() == {("payment-failed", "ev_1", AT): 1}


@pytest.mark.parametrize("status", [400, 422], ids=str)
def test_a_lost_reply_and_a_refused_list_end_the_run(
    events: Events, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """Nothing is sent twice, although nobody knows whether the first attempt arrived: it did."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    events.workspace.sandbox.fault(api="intercom", method="POST", path="/events", nth=1, effect={"drop": "after"})
    refuse_list(events, status)
    with pytest.raises(FatalAPIError, match="nobody knows whether it has the event ev_1"):
        events.feed([event("ev_1")])
    assert events.target.calls["POST /events"] == 1
    assert events.known() == {("payment-failed", "ev_1", AT): 1}
    assert events.rows() == [("ev_1", AT, 0)]


def test_a_list_that_is_not_there_proves_that_the_event_is_not(events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 404 is the answer for a contact that is gone: the event is sent, and Intercom's answer decides."""
    with monkeypatch.context() as patch:
        patch.setattr(IntercomClient, "create_event", lambda *_: kill_now())
        with pytest.raises(KilledError):
            events.feed([event("ev_1")])
    refuse_list(events, 404)
    assert events.feed([event("ev_1")]) == {"sent": 1}
    assert events.known() == {("payment-failed", "ev_1", AT): 1}


def kill_now() -> None:
    """Die."""
    raise KilledError


def test_a_list_of_several_pages_is_read_to_its_end(events: Events) -> None:
    """An interrupted event is found on a later page, and among events of the same name and second."""
    ann = events.workspace.contacts()[0]["id"]
    data_events = events.workspace.sandbox.world.intercom.data_events
    for number in range(60):
        metadata = {"chargebee_event_id": f"ev_{number}"}
        data_events.add(ann, "payment-failed", AT, metadata, SWITCHED_ON)
    client = TargetIntercom(config=events.target.config()).client
    found = [one.metadata["chargebee_event_id"] for one in client.list_events(ann) if one.metadata]
    assert sorted(found) == sorted(f"ev_{number}" for number in range(60))


def test_a_list_that_comes_back_to_a_page_ends_the_run(events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list without an end stops the run in a sentence."""
    client = TargetIntercom(config=events.target.config()).client
    page = {"events": [], "pages": {"next": "https://api.intercom.io/events?page=2"}}
    monkeypatch.setattr(IntercomClient, "_read_answer", lambda _self, _call, decode: decode(json.dumps(page).encode()))
    with pytest.raises(FatalAPIError, match="comes back to a page"):
        list(client.list_events("5f"))


def test_the_journal_has_every_event(events: Events, tmp_path: Path) -> None:
    """An event has its intent before the request and its outcome after it, and one that is left out its reason."""
    folder = tmp_path / "journal"
    events.feed([event("ev_1"), event("ev_2", "bob")], journal_dir=str(folder))
    (path,) = list_journals(folder)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    found = [line for line in lines if line.get("stream") == "events" or line["type"] == "outcome"]
    ann = events.workspace.contacts()[0]["id"]
    fields = {
        "event_name": {"before": None, "after": "payment-failed"},
        "created_at": {"before": None, "after": AT},
        "metadata.chargebee_event_id": {"before": None, "after": "ev_1"},
        "metadata.amount": {"before": None, "after": {"amount": 2999, "currency": "eur"}},
    }
    by_type = {one["type"]: {name: value for name, value in one.items() if name not in {"at", "n"}} for one in found}
    assert by_type == {
        "intent": {
            "type": "intent", "stream": "events", "id": "ev_1", "action": "send", "remote_id": ann, "fields": fields,
            "name": "Ann", "email": "ann@a.example",
        },
        "outcome": {"type": "outcome", "kind": "sent", "remote_id": ann, "fields": fields},
        "record": {"type": "record", "stream": "events", "id": "ev_2", "kind": "skipped", "reason": "no_contact"},
    }  # fmt: skip


def test_a_ledger_that_cannot_be_used_is_one_sentence(events: Events) -> None:
    """A damaged ledger ends the run before any event is sent."""
    (events.target.directory / "memory" / "events.sqlite").write_bytes(b"no database at all" * 90)
    with pytest.raises(ConfigurationError, match=r"The ledger of events .* cannot be used"):
        events.feed([event("ev_1")])
    assert "POST /events" not in events.target.calls


def test_a_lost_ledger_sends_nothing_twice(events: Events) -> None:
    """Without its ledger, the target starts a new one: nothing that happened before is sent."""
    events.feed([event("ev_1")])
    (events.target.directory / "memory" / "events.sqlite").unlink()
    later = {"names": NAMES, "read_at": AT + 100}
    assert events.feed([event("ev_1"), event("ev_2", at=AT + 101)], switch=later) == {
        "sent": 1,
        "skipped": {"before_switch": 1},
    }
    assert events.known() == {("payment-failed", "ev_1", AT): 1, ("payment-failed", "ev_2", AT + 101): 1}


def test_the_ledger_forgets_after_a_hundred_and_twenty_days(events: Events) -> None:
    """Old events leave the ledger, and can never be sent again: what is older counts as before the switch."""
    events.feed([event("ev_1")])
    much_later = {"names": NAMES, "read_at": AT + 121 * 86_400}
    assert events.feed([event("ev_1")], switch=much_later) == {"skipped": {"before_switch": 1}}
    assert events.rows() == []


def test_another_source_needs_no_switch(workspace: Any, target: Any, customer: Record) -> None:
    """A stream that does not say what is switched on since when begins with its first run."""
    workspace.add(email="ann@a.example")
    events = Events(target, workspace, customer)
    assert events.feed([event("ev_1")], switch={"names": None, "read_at": SWITCHED_ON}) == {"sent": 1}


@pytest.mark.parametrize(
    "odd",
    [{}, event("", "ann"), event("ev_1") | {"created_at": "x"}, event("ev_1") | {"created_at": 10**12},
     event("ev_1") | {"metadata": []}, event("ev_1") | {"customer_id": None}, event("ev_1", name=" ")],
)  # fmt: skip
def test_a_record_that_is_no_event_stops_nothing(events: Events, odd: dict[str, Any]) -> None:
    """A record without id, customer, name or time is counted, and the next one is sent."""
    assert events.feed([odd, event("ev_2")]) == {"sent": 1, "skipped": {"no_event": 1}}


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300)
VALUES = SCALARS | st.dictionaries(st.sampled_from(("url", "value", "amount", "currency")), SCALARS) | st.lists(SCALARS)


@given(metadata=st.dictionaries(st.text(max_size=20) | st.just("due_date"), VALUES, max_size=15), place=st.booleans())
def test_metadata_is_cut_to_what_intercom_holds(metadata: dict[str, Any], place: bool) -> None:  # noqa: FBT001
    """At most ten keys, flat, texts of 255, positive amounts, and always the event's own id, first."""
    given_metadata = {**metadata, "chargebee_event_id": "ev_1"} if place else metadata
    fitted = fit_metadata(given_metadata, "ev_1")
    assert next(iter(fitted.values())) == "ev_1"
    assert len(fitted) <= 10
    for key, value in fitted.items():
        assert key
        assert not set(".$~`!@#%^&*'{}|\\\"\0") & set(key)
        if isinstance(value, dict):
            assert value.keys() in ({"url", "value"}, {"amount", "currency"})
            assert value.get("amount", 1) > 0
        else:
            assert len(value) <= 255 if isinstance(value, str) else isinstance(value, int | float)
    assert fit_metadata(fitted, "ev_1") == fitted


def test_an_event_keeps_what_fits() -> None:
    """A record becomes an event with the metadata that Intercom can hold."""
    found = read_event(event("ev_1", note="x" * 300, nested={"a": 1}, link={"url": "https://x.io", "value": "X"}))
    assert found is not None
    assert found.metadata == {
        "chargebee_event_id": "ev_1",
        "amount": {"amount": 2999, "currency": "eur"},
        "note": "x" * 255,
        "link": {"url": "https://x.io", "value": "X"},
    }
