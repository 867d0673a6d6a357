"""Each write is in the journal before it is sent, and the end of a run never hides a write."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest
from journals import Journals, change
from singer_kit.journal import Write
from singer_sdk.exceptions import ConfigurationError
from target_chartmogul.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Record = Callable[..., dict[str, Any]]


@pytest.fixture
def journals(tmp_path: Path) -> Journals:
    """Return a folder for journals."""
    return Journals(tmp_path / "journal")


def test_the_journal_of_a_run(account: Any, target: Any, lead: Record, person: Record, journals: Journals) -> None:
    """The source, the customer and the contact are writes with fields.

    Then every record has a line with its outcome.
    """
    records = [lead("acme", {"seats": 3}), person("ann", "acme")]
    target.run(records, journal_dir=journals.setting)
    uuid, contact = account.customer("acme")["uuid"], account.contacts()["ann:acme"]["uuid"]
    first, *lines, last = journals.read()
    assert (first["plugin"], last["status"]) == ("target-chartmogul", "completed")
    assert last["summary"] == json.loads((target.directory / "summary.json").read_text())
    customer = {
        "name": change(None, "Acme"),
        "company": change(None, "Acme"),
        "lead_created_at": change(None, "2025-11-05T08:30:00Z"),
        "free_trial_started_at": change(None, "2025-11-05T08:30:00Z"),
        "custom.seats": change(None, 3),
    }
    fields = {"first_name": change(None, "Ann"), "email": change(None, "ann@a.example")}
    who_acme, who_ann = {"name": "Acme", "company": "Acme"}, {"name": "Ann", "email": "ann@a.example"}
    acme, ann = {"stream": "customers", "id": "acme"}, {"stream": "contacts", "id": "ann:acme"}
    assert [{**line, "fields": dict(line.get("fields", {}))} for line in lines] == [
        {"type": "intent", "n": 1, "stream": "data_sources", "id": "Intercom leads", "action": "create", "fields": {}},
        {"type": "outcome", "n": 1, "kind": "created", "remote_id": account.source(), "fields": {}},
        {"type": "intent", "n": 2, **acme, **who_acme, "action": "create", "fields": customer},
        {"type": "outcome", "n": 2, "kind": "created", "remote_id": uuid, "fields": customer},
        {"type": "intent", "n": 3, **ann, **who_ann, "action": "create", "fields": fields},
        {"type": "outcome", "n": 3, "kind": "created", "remote_id": contact, "fields": fields},
    ]
    gone = person("ann", "acme") | {"_sdc_deleted_at": "2026-01-01T00:00:00Z"}
    target.run([lead("acme", {"seats": 4}), gone, lead("")], journal_dir=journals.setting)
    lines = [line for line in journals.read() if line["type"] in {"intent", "outcome", "record"}]
    found = [(line["type"], line.get("id"), line.get("action", line.get("kind")), line.get("fields")) for line in lines]
    seats = {"custom.seats": change(3, 4)}
    assert sorted(found, key=str) == sorted(
        [
            ("intent", "acme", "update", seats),
            ("outcome", None, "updated", seats),
            ("record", "record 2", "skipped", None),
            ("intent", "ann:acme", "delete", None),
            ("outcome", None, "deleted", None),
        ],
        key=str,
    )


def test_a_journal_costs_no_call(account: Any, target: Any, lead: Record, person: Record, journals: Journals) -> None:
    """Runs make the same calls with and without a journal."""
    first = [*(lead(f"c{n}", {"seats": n}) for n in range(9)), *(person(f"p{n}", f"c{n}") for n in range(9))]
    later = [*(lead(f"c{n}", {"seats": n % 2}, tags=["x"]) for n in range(9)), person("p1", "c1", title="CEO")]
    counts = []
    for settings in ({}, {"journal_dir": journals.setting}):
        account.reset()
        for records in (first, later, later):
            target.run(records, **settings)
            counts.append(target.calls)
            for path in (target.directory / "memory").iterdir():
                path.unlink()
    assert counts[:3] == counts[3:]


def test_merges(account: Any, target: Any, lead: Record, journals: Journals) -> None:
    """The journal has a write for each merge, and a line for each other lead; `merge: report` writes nothing."""
    into = account.add("b1", "Billing", name="Acme", company="Acme")
    records = [lead("acme"), lead("zeta")]
    merge = {"merge_with": "Billing", "merge_by": ["company"], "journal_dir": journals.setting}
    target.run(records, mode="validate", merge="report", **merge)
    planned = [line for line in journals.read() if line.get("stream") == "merges"]
    assert [(line["type"], line["id"], line["kind"], line.get("fields")) for line in planned] == [
        ("record", "acme", "matched", {"merged_into": change(None, into)}),
        ("record", "zeta", "unmatched", None),
    ]
    target.run(records)
    uuid = account.customer("acme")["uuid"]
    target.run(records, merge="apply", **merge)
    lines = [line for line in journals.read() if line.get("stream") == "merges" or line["type"] == "outcome"]
    dates = ("lead_created_at", "free_trial_started_at")
    start = {"type": "intent", "n": 1, "stream": "merges", "id": "acme", "action": "merge"}
    merged = {"merged_into": change(None, into)}
    found = sorted(lines, key=lambda line: (line["type"], len(line.get("fields", {}))))
    shown = [{name: value for name, value in line.items() if name not in {"name", "company"}} for line in found]
    whole = [set(line.get("fields", {})) for line in found]
    assert whole == [{"merged_into"}, {"merged_into", *dates}, {"merged_into", *dates}, set()]
    assert shown[0] == {**start, "remote_id": uuid, "fields": merged}
    assert (shown[2]["type"], shown[2]["kind"], shown[2]["remote_id"]) == ("outcome", "merged", into)
    assert (shown[3]["type"], shown[3]["id"], shown[3]["kind"]) == ("record", "zeta", "unmatched")


def test_a_contact_that_is_deleted_again(
    account: Any, target: Any, lead: Record, person: Record, journals: Journals
) -> None:
    """If the account drops external ids and the first contact is a duplicate, its deletion is in the journal too."""
    account.reset(chartmogul_keeps_contact_external_ids=False)
    records = [lead("acme"), person("ann", "acme")]
    account.fill(records[:1], records[1:])
    target.run(records, journal_dir=journals.setting)
    lines = [line for line in journals.read() if line.get("id") == "ann:acme"]
    assert [(line["type"], line.get("action", line.get("kind"))) for line in lines] == [
        ("intent", "create"),
        ("intent", "delete"),
        ("record", "unchanged"),
    ]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
def test_a_run_that_is_cut_off_leaves_nothing_untold(
    account: Any, target: Any, lead: Record, journals: Journals, number: signal.Signals
) -> None:
    """Everything that ChartMogul accepted has an outcome in the journal, or is unknown if no answer came."""
    delay = 20 if number == signal.SIGKILL else 0.3
    account.sandbox.fault(method="POST", path="/customers", **{"from": 7}, effect={"delay": delay})
    records = [lead(f"c{index}") for index in range(40)]
    process = target.start(records, journal_dir=journals.setting, max_concurrency=3)
    target.wait_for(process, lambda: target.calls.get("POST /customers", 0) >= 9)
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    account.sandbox.clear_faults()
    assert (out, process.returncode) == ("", -9 if number == signal.SIGKILL else 128 + number)

    entries = journals.read_entries()
    writes = [one for one in entries if isinstance(one, Write) and one.intent.stream == "customers"]
    settled = {one.intent.id for one in writes if one.outcome and one.outcome.kind == "created"}
    unknown = {one.intent.id for one in writes if one.outcome is None}
    held = set(account.customers())
    assert settled <= held <= settled | unknown
    if number == signal.SIGKILL:
        assert len(settled) >= 6
        assert len(unknown) == 3
    else:
        assert unknown == set()
        unreached = {one.id for one in entries[1:] if getattr(one, "kind", "") == "not_reached"}
        assert settled | unreached == {f"c{index}" for index in range(40)}
        assert settled & unreached == set()
        assert entries[-1].status == "stopped"
    target.run(records, journal_dir=journals.setting)
    found = {line["id"]: line["kind"] for line in journals.read() if line["type"] == "record"}
    assert found == dict.fromkeys(held, "unchanged")


def test_a_second_run_does_not_write_beside_the_first(
    account: Any, target: Any, lead: Record, journals: Journals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends with one sentence and without STATE, and its journal has the reason."""
    monkeypatch.setattr(Pipeline, "lock_patience", 0)
    account.sandbox.fault(method="POST", path="/customers", effect={"delay": 1})
    process = target.start([lead("acme")])
    target.wait_for(process, lambda: target.calls.get("POST /customers", 0) == 1)
    with pytest.raises(ConfigurationError, match=rf"is under way \(process {process.pid}, since 20"):
        target.run([lead("acme")], journal_dir=journals.setting)
    assert target.out == ""
    assert journals.read()[-1]["error"].startswith("Another run of target-chartmogul is under way")
    process.communicate(timeout=60)
    assert process.returncode == 0
