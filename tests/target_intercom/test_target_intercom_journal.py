"""Each write is in the journal before it is sent, and the end of a run never hides a write."""

from __future__ import annotations

import io
import json
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from journals import Journals, change
from singer_kit.journal import Write, list_journals, open_journal
from singer_sdk.exceptions import ConfigurationError, FatalAPIError
from target_intercom.pipeline import Pipeline
from target_intercom.target import TargetIntercom

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]

CREATE = {"on_no_match": "create"}


@pytest.fixture
def journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journals:
    """Return a folder for the journals of runs that a person starts by hand."""
    for name in ("STANDPIPE_RUN_ID", "STANDPIPE_JOB", "STANDPIPE_TRIGGER", "MELTANO_LOADER_NAME"):
        monkeypatch.delenv(name, raising=False)
    return Journals(tmp_path / "journal")


def prepare_attributes(workspace: Any) -> None:
    """Create all attributes except one, so that the journal begins with this one and then has the records."""
    for name in ("cb_cust_id", "cb_cust_status", "cb_sub_status", "cb_company_name"):
        workspace.attribute(name, "string")
    workspace.attribute("cb_cust_mrr", "float")
    workspace.attribute("cb_created_by", "boolean")


def test_the_journal_of_a_run(
    workspace: Any, target: Any, customer: Record, journals: Journals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each write has its fields before and after, other records have their outcome, and the end has the summary."""
    prepare_attributes(workspace)
    ann = workspace.add(email="ann@a.example", custom_attributes={"cb_cust_mrr": 9})
    monkeypatch.setenv("STANDPIPE_RUN_ID", "r1")
    monkeypatch.setenv("STANDPIPE_JOB", "sync")
    monkeypatch.setenv("STANDPIPE_TRIGGER", "schedule")
    records = [customer("ann", cb_company_name="Acme"), customer("none", ""), customer("new")]
    target.run(records, journal_dir=journals.setting, max_concurrency=1, **CREATE)
    new = next(one["id"] for one in workspace.contacts() if one["email"] == "new@a.example")
    who_ann = {"name": "Ann", "email": "ann@a.example", "company": "Acme"}
    who_new = {"name": "New", "email": "new@a.example"}
    attribute = {"data_type": change(None, "date")}
    update = {
        "custom_attributes.cb_cust_id": change(None, "ann"),
        "custom_attributes.cb_cust_mrr": change(9, 10.5),
        "custom_attributes.cb_company_name": change(None, "Acme"),
        "custom_attributes.cb_created_by": change(None, after=False),
    }
    creation = {
        "email": change(None, "new@a.example"),
        "name": change(None, "New"),
        "role": change(None, "user"),
        "custom_attributes.cb_cust_id": change(None, "new"),
        "custom_attributes.cb_cust_mrr": change(None, 10.5),
        "custom_attributes.cb_created_by": change(None, after=True),
    }
    whole = creation | {"external_id": change(None, "new")}
    first, *lines, last = journals.read()
    assert first == {
        "type": "run",
        "version": 1,
        "run_id": "r1",
        "plugin": "target-intercom",
        "plugin_version": "0.1.0",
        "job": "sync",
        "trigger": "schedule",
    }
    started = {"type": "intent", "stream": "contacts"}
    assert lines == [
        {"type": "record", "stream": "contacts", "id": "none", "kind": "skipped", "reason": "no_identifier"}
        | {"name": "None"},
        {"type": "intent", "n": 1, "stream": "data_attributes", "id": "contact.cb_signed_up_at", "action": "create"}
        | {"fields": attribute},
        {"type": "outcome", "n": 1, "kind": "created", "fields": attribute},
        {**started, **who_ann, "n": 2, "id": "ann", "action": "update", "remote_id": ann, "fields": update},
        {"type": "outcome", "n": 2, "kind": "updated", "remote_id": ann, "fields": update},
        {**started, **who_new, "n": 3, "id": "new", "action": "create", "fields": creation},
        {**started, **who_new, "n": 3, "id": "new", "action": "create", "remote_id": new, "fields": whole},
        {"type": "outcome", "n": 3, "kind": "created", "remote_id": new, "fields": whole},
    ]
    assert (last["type"], last["status"]) == ("end", "completed")
    assert last["summary"] == json.loads((target.directory / "summary.json").read_text())

    target.run(records, journal_dir=journals.setting, **CREATE)
    assert [line for line in journals.read() if line["type"] not in {"run", "end"}] == [
        {"type": "record", "stream": "contacts", "id": "ann", "kind": "unchanged", "reason": "matched"}
        | {"remote_id": ann, **who_ann},
        {"type": "record", "stream": "contacts", "id": "none", "kind": "skipped", "reason": "no_identifier"}
        | {"name": "None"},
        {"type": "record", "stream": "contacts", "id": "new", "kind": "unchanged", "reason": "matched"}
        | {"remote_id": new, **who_new},
    ]


def test_state_comes_between_the_last_outcome_and_the_end(
    workspace: Any, target: Any, customer: Record, journals: Journals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal has everything that STATE confirms before STATE is printed, and its last line only afterwards."""
    workspace.add(email="ann@a.example")
    found: list[tuple[str, bool]] = []

    class Output(io.StringIO):
        def write(self, text: str) -> int:
            (path,) = list_journals(Path(journals.setting))
            with open_journal(path) as journal:
                assert journal is not None
                found.append((json.loads(path.read_text().splitlines()[-1])["type"], journal.is_busy))
            return super().write(text)

    target_intercom = TargetIntercom(config=target.config(journal_dir=journals.setting))
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", Output())
        target_intercom.listen(io.StringIO(target.build_input([customer("ann")])))
    assert found == [("outcome", True)]
    assert journals.read()[-1]["status"] == "completed"


def test_a_journal_costs_no_call(
    workspace: Any, target: Any, customer: Record, company: Record, journals: Journals
) -> None:
    """Runs make the same calls with and without a journal."""
    acme = company("acme", co_cust_mrr=1)
    records = [acme, *(customer(f"c{number}") | {"company_id": "acme"} for number in range(30))]
    later = [acme, *(customer(f"c{number}", cb_cust_mrr=number % 2) for number in range(30))]
    counts = []
    for settings in ({}, {"journal_dir": journals.setting}):
        workspace.sandbox.reset(customers=0)
        for run in (records, later, later):
            target.run(run, attach_companies=True, company_prefix="co_", **CREATE, **settings)
            counts.append(target.calls)
    assert counts[:3] == counts[3:]
    assert counts[0]["POST /contacts/{id}/companies"] == 30


def test_a_validation_lists_what_a_sync_would_write(
    workspace: Any, target: Any, customer: Record, journals: Journals
) -> None:
    """Every record has a line with its fields before and after. There is no intent, as nothing is written."""
    prepare_attributes(workspace)
    ann = workspace.add(email="ann@a.example", custom_attributes={"cb_cust_mrr": 9, "cb_created_by": False})
    target.not_sent = [{"customer_id": "old", "reason": "replaced", "instead_of": "ann", "name": "Old", "company": "X"}]
    target.run([customer("ann"), customer("new")], journal_dir=journals.setting, mode="validate")
    first, *lines, last = journals.read()
    assert (first["mode"], last["status"]) == ("validate", "completed")
    assert lines == [
        {"type": "record", "stream": "contacts", "id": "ann", "kind": "updated", "reason": "matched"}
        | {"name": "Ann", "email": "ann@a.example", "remote_id": ann}
        | {
            "fields": {
                "custom_attributes.cb_cust_id": change(None, "ann"),
                "custom_attributes.cb_cust_mrr": change(9, 10.5),
            }
        },
        {"type": "record", "stream": "contacts", "id": "new", "kind": "skipped", "reason": "no_match"}
        | {"name": "New", "email": "new@a.example"},
        {"type": "record", "stream": "not_sent", "id": "old", "kind": "not_sent", "reason": "replaced"}
        | {"name": "Old", "company": "X"},
    ]


def test_a_subset_and_what_it_clears_and_attaches(
    workspace: Any, target: Any, customer: Record, journals: Journals
) -> None:
    """The run is marked as a subset. Clearing an earlier user is a separate write, but attaching is not."""
    company = workspace.add_company(company_id="acme", name="Acme")
    old = workspace.add(email="old@a.example")
    target.run([customer("ann", "old@a.example")])
    new = workspace.add(email="new@a.example")
    target.is_subset = True
    target.run(
        [customer("ann", "new@a.example") | {"company_id": "acme"}],
        journal_dir=journals.setting,
        on_moved="clear",
        attach_companies=True,
    )
    assert company
    lines = journals.read()
    assert [line.get("is_subset") for line in lines if line["type"] == "run"] == [True]
    writes = [line for line in lines if line["type"] in {"intent", "outcome"}]
    found = [(one["n"], one.get("action", one.get("kind")), one["remote_id"], sorted(one["fields"])) for one in writes]
    values = ["custom_attributes.cb_cust_id", "custom_attributes.cb_cust_mrr"]
    own = ["custom_attributes.cb_created_by", *values]
    assert found == [
        (1, "clear", old, values),
        (1, "cleared", old, values),
        (2, "update", new, own),
        (2, "update", new, ["company_id", *own]),
        (2, "updated", new, ["company_id", *own]),
    ]


def test_a_refusal_has_its_reason_and_intercoms_words(
    workspace: Any, target: Any, customer: Record, journals: Journals
) -> None:
    """The outcome has the error code for the summary and Intercom's sentence for people."""
    workspace.add(email="ann@a.example")
    body = {"type": "error.list", "errors": [{"code": "parameter_invalid", "message": "Something is wrong"}]}
    workspace.sandbox.fault(method="PUT", path="/contacts/*", effect={"status": 422, "body": body})
    target.run([customer("ann")], journal_dir=journals.setting)
    (outcome,) = [line for line in journals.read() if line["type"] == "outcome" and line["kind"] == "rejected"]
    assert (outcome["reason"], outcome["detail"]) == ("parameter_invalid", "Something is wrong")
    assert "fields" not in outcome


def test_a_guarded_run_says_so(workspace: Any, target: Any, customer: Record, journals: Journals) -> None:
    """Nothing was written. Every record has a line, and the end names the guard."""
    workspace.fill({"email": f"c{number}@a.example"} for number in range(60))
    with pytest.raises(FatalAPIError):
        target.run([customer(f"c{n}", cb_signed_up_at="soon") for n in range(60)], journal_dir=journals.setting)
    *lines, last = journals.read()
    assert Counter(line.get("kind") for line in lines[1:]) == {"not_reached": 60}
    assert (last["status"], last["stopped_by"]) == ("failed", "guard")
    assert last["error"].startswith(
        "Each of the 60 records has a value of `cb_signed_up_at` that Intercom cannot store"
    )


def test_a_wrong_token_is_told_of_too(target: Any, customer: Record, journals: Journals) -> None:
    """Even a run that ended before its first record has a journal."""
    with pytest.raises(ConfigurationError):
        target.run([customer("ann")], journal_dir=journals.setting, access_token="wrong")
    first, last = journals.read()
    assert (first["type"], last["status"]) == ("run", "failed")
    assert last["error"].startswith("Intercom refused the token in `access_token`")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
def test_a_run_that_is_cut_off_leaves_nothing_untold(
    workspace: Any, target: Any, customer: Record, journals: Journals, number: signal.Signals
) -> None:
    """Everything that Intercom accepted has an outcome in the journal, or is unknown if no answer came."""
    workspace.fill({"email": f"c{index}@a.example"} for index in range(40))
    workspace.sandbox.fault(
        method="PUT", path="/contacts/*", **{"from": 9}, effect={"delay": 20 if number == signal.SIGKILL else 0.3}
    )
    records = [customer(f"c{index}") for index in range(40)]
    process = target.start(records, journal_dir=journals.setting, max_concurrency=4)
    target.wait_for(process, lambda: target.calls.get("PUT /contacts/{id}", 0) >= 12)
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    workspace.sandbox.clear_faults()
    assert (out, process.returncode) == ("", -9 if number == signal.SIGKILL else 128 + number)

    entries = journals.read_entries()
    writes = [one for one in entries if isinstance(one, Write) and one.intent.stream == "contacts"]
    settled = {one.intent.id for one in writes if one.outcome and one.outcome.kind == "updated"}
    unknown = {one.intent.id for one in writes if one.outcome is None}
    linked = {one["custom_attributes"]["cb_cust_id"] for one in workspace.contacts() if one["custom_attributes"]}
    assert settled <= linked <= settled | unknown
    if number == signal.SIGKILL:
        assert len(settled) >= 8
        assert len(unknown) == 4
    else:
        assert unknown == set()
        reached = {one.id for one in entries[1:] if getattr(one, "kind", "") == "not_reached"}
        assert settled | reached == {f"c{index}" for index in range(40)}
        assert (entries[-1].status, entries[-1].error[:36]) == ("stopped", "The run was stopped by a signal: no ")
    # The next run finds what was written, and writes the rest.
    target.run(records, journal_dir=journals.setting)
    kinds = {line["id"]: line["kind"] for line in journals.read() if line["type"] == "record"}
    assert set(kinds) == linked
    assert set(kinds.values()) == {"unchanged"}


FULL_DISK = """
import os, sys
write = os.write
def fail(descriptor, content):
    if b'"n":20,' in content:
        raise OSError(28, "No space left on device")
    return write(descriptor, content)
os.write = fail
from target_intercom.target import TargetIntercom
TargetIntercom.cli()
"""


def test_nothing_is_written_without_a_journal(
    workspace: Any, target: Any, customer: Record, journals: Journals, tmp_path: Path
) -> None:
    """If the disk fills up during a run, the run stops with one sentence and without STATE."""
    workspace.fill({"email": f"c{index}@a.example"} for index in range(40))
    script = tmp_path / "full_disk.py"
    script.write_text(FULL_DISK)
    records = [customer(f"c{index}") for index in range(40)]
    process = target.start(records, command=(sys.executable, script), journal_dir=journals.setting)
    out, log = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    errors = [line for line in log.splitlines() if "| ERROR " in line]
    assert len(errors) == 1
    assert (
        "cannot be written (No space left on device), and nothing is written without it: free some space" in errors[0]
    )
    announced = {intent.id for intent in journals.read_intents()}
    linked = {one["custom_attributes"]["cb_cust_id"] for one in workspace.contacts() if one["custom_attributes"]}
    assert linked
    assert linked <= announced
    assert json.loads((target.directory / "summary.json").read_text())["status"] == "stopped"


def test_an_undo_has_a_journal_too(workspace: Any, target: Any, customer: Record, journals: Journals) -> None:
    """Its writes have intents and outcomes, and it needs the lock."""
    prepare_attributes(workspace)
    ann = workspace.add(email="ann@a.example", custom_attributes={"cb_cust_mrr": 9})
    target.run([customer("ann")], journal_dir=journals.setting)
    undone = target.directory / "undone.jsonl"
    undone.write_text("".join(json.dumps(line | {"at": 1}) + "\n" for line in journals.read()))
    config = target.directory / "config.json"
    config.write_text(json.dumps(target.config(journal_dir=journals.setting)))
    done = CliRunner().invoke(TargetIntercom.cli, ["--config", str(config), "undo", "--journal", str(undone)])
    assert done.exit_code == 0, done.output
    first, *attributes, intent, outcome, last = journals.read()
    assert (first["mode"], last["status"]) == ("undo", "completed")
    assert {(one["stream"], one["kind"]) for one in attributes} == {("data_attributes", "kept")}
    assert intent == {
        "type": "intent",
        "n": 1,
        "stream": "contacts",
        "id": "ann",
        "email": "ann@a.example",
        "action": "undo",
        "remote_id": ann,
        "fields": outcome["fields"],
    }
    assert outcome["fields"]["custom_attributes.cb_cust_mrr"] == change(10.5, 9)


def test_a_second_run_does_not_write_beside_the_first(
    workspace: Any, target: Any, customer: Record, journals: Journals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends with one sentence and without STATE, and its journal has the reason. A validation may run meanwhile."""
    monkeypatch.setattr(Pipeline, "lock_patience", 0)
    workspace.add(email="ann@a.example")
    workspace.sandbox.fault(method="PUT", path="/contacts/*", effect={"delay": 1})
    process = target.start([customer("ann")])
    target.wait_for(process, lambda: target.calls.get("PUT /contacts/{id}", 0) == 1)
    with pytest.raises(ConfigurationError, match=rf"is under way \(process {process.pid}, since 20"):
        target.run([customer("ann")], journal_dir=journals.setting)
    assert target.out == ""
    _, last = journals.read()
    assert last["error"].startswith("Another run of target-intercom is under way")
    target.run([customer("ann")], mode="validate", report_dir=f"{target.directory}-validate")
    process.communicate(timeout=60)
    assert process.returncode == 0
