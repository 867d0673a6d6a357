"""`target-intercom undo` restores the values before a run, where Intercom still has the run's values."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from target_intercom.target import TargetIntercom

from tests.target_intercom.conftest import COMMAND, Tool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Record = Callable[..., dict[str, Any]]
    Lines = list[dict[str, Any]]

CHANGED, GONE = "it has changed since", "it is archived, merged or deleted"


def read_journal(ran: Any) -> Lines:
    """Return the writes of a run as journal lines."""
    lines = []
    for n, one in enumerate(ran.lines("changes"), 1):
        action = "create" if one["outcome"] == "created" else "update"
        written = {"remote_id": one["intercom_id"], "fields": one["fields"], "n": n, "at": 1}
        lines.append({"type": "intent", "stream": one["stream"], "id": one["id"], "action": action, **written})
        lines.append({"type": "outcome", "kind": one["outcome"], **written})
    return lines


def intend(remote_id: str | None, **fields: Any) -> dict[str, Any]:
    """Return a write without an outcome. Each field is a pair of the earlier and the written value."""
    changes = {
        name if name in {"role", "email", "name", "external_id", "company_id"} else f"custom_attributes.{name}": {
            "before": before,
            "after": after,
        }
        for name, (before, after) in fields.items()
    }
    head = {"type": "intent", "n": 1, "at": 1, "stream": "contacts", "id": "c1", "action": "update"}
    return {**head, "remote_id": remote_id, "fields": changes}


def write(path: Path, lines: Lines) -> str:
    """Write journal lines to a file, and return its path."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


def run_undo(target: Any, folder: Path, lines: Lines, *options: str) -> Any:
    """Run the command over journal lines in this process. Calls are counted from here on."""
    config = folder / "undo.json"
    config.write_text(json.dumps(target.config()))
    target.workspace.sandbox.clear_calls()
    command = ["--config", str(config), "undo", "--journal", write(folder / "journal.jsonl", lines), *options]
    return CliRunner().invoke(TargetIntercom.cli, command)


@pytest.fixture
def undo(target: Any, tmp_path: Path) -> Callable[..., Lines]:
    """`undo(LINES, OPTION…)`: run the command over journal lines, and return its output."""

    def run(lines: Lines, *options: str) -> Lines:
        done = run_undo(target, tmp_path, lines, *options)
        assert done.exit_code == 0, (done.output, done.exception)
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


@pytest.fixture
def attributes(workspace: Any) -> None:
    """Create the attributes, so that runs need not."""
    create_attributes(workspace)


def create_attributes(workspace: Any) -> None:
    """Create the attributes of contacts."""
    for name in ("cust_id", "cust_status", "sub_status"):
        workspace.attribute(f"cb_{name}", "string")
    workspace.attribute("cb_cust_mrr", "float")
    workspace.attribute("cb_signed_up_at", "date")
    workspace.attribute("cb_created_by", "boolean")


@pytest.mark.usefixtures("attributes")
def test_a_run_is_undone(workspace: Any, target: Any, customer: Record, undo: Any) -> None:
    """Both users have all earlier values again, with one read and one write each. Another undo writes nothing."""
    ids = [workspace.add(email=f"{n}@a.example", custom_attributes={"cb_cust_mrr": n}) for n in (1, 2)]
    before = [hold(workspace, one) for one in ids]
    ran = target.run([customer(str(n), cb_cust_mrr=50 + n, cb_cust_status="active") for n in (1, 2)])
    journal = read_journal(ran)
    lines = undo(journal)
    assert lines[-1] == {"outcomes": {"restored": 2}, "fields": 8}
    assert min(lines[:-1], key=lambda line: line["id"]) == {
        "stream": "contacts",
        "id": "1",
        "remote_id": ids[0],
        "email": "1@a.example",
        "outcome": "restored",
        "reason": "",
        "restored": {
            "custom_attributes.cb_cust_id": {"before": "1", "after": None},
            "custom_attributes.cb_cust_mrr": {"before": 51.0, "after": 1.0},
            "custom_attributes.cb_cust_status": {"before": "active", "after": None},
            "custom_attributes.cb_created_by": {"before": False, "after": None},
        },
        "kept": {},
    }
    assert [hold(workspace, one) for one in ids] == before
    assert undo(journal)[-1] == {"outcomes": {"unchanged": 2}, "fields": 0}
    assert workspace.calls() == {"GET /me": 1, "GET /data_attributes": 2, "GET /contacts/{id}": 2}


@pytest.mark.usefixtures("attributes")
def test_what_somebody_changed_since_stays(workspace: Any, target: Any, customer: Record, undo: Any) -> None:
    """A different field is reported, and the others are restored, even if somebody wrote the same values again."""
    contact = workspace.add(email="ann@a.example", custom_attributes={"cb_cust_mrr": 1, "cb_cust_status": "new"})
    ran = target.run([customer("ann", cb_cust_mrr=50, cb_cust_status="active")])
    workspace.call("PUT", f"/contacts/{contact}", {"custom_attributes": {"cb_cust_mrr": 7, "cb_cust_status": "active"}})
    line, total = undo(read_journal(ran))
    assert line["kept"] == {"custom_attributes.cb_cust_mrr": CHANGED}
    assert total == {"outcomes": {"restored": 1}, "fields": 3}
    assert hold(workspace, contact) == {"cb_cust_mrr": 7.0, "cb_cust_status": "new"}


EQUAL = {
    "a whole number is its fraction": ("cb_cust_mrr", 1, 50.0, 50),
    "a date is its second": ("cb_signed_up_at", 1600000000, 1700000000, 1700000000),
    "an empty text is nothing": ("cb_cust_status", "new", None, ""),
    "the letters of an address have no case": ("email", "old@a.example", "Ann@A.example", "ann@a.example"),
    "text is itself": ("cb_cust_status", "new", "active", "active"),
}
DIFFERENT = {
    "another number": ("cb_cust_mrr", 1, 50.0, 51),
    "nothing is not zero": ("cb_cust_mrr", 1, 0, None),
    "true is not false": ("cb_created_by", None, False, True),
    "the letters of a text have a case": ("cb_cust_status", "new", "active", "Active"),
    "another address": ("email", "old@a.example", "ann@a.example", "bea@a.example"),
}


def hold(workspace: Any, contact: str) -> dict[str, Any]:
    """Return the custom attributes of a contact with a value."""
    return drop_nulls(workspace.get(contact)["custom_attributes"])


def drop_nulls(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values that are not null."""
    return {name: value for name, value in values.items() if value is not None}


def write_field(workspace: Any, contact: str, name: str, value: Any) -> None:
    """Write a standard field or an attribute as another program would."""
    body = {name: value} if name == "email" else {"custom_attributes": {name: value}}
    workspace.call("PUT", f"/contacts/{contact}", body)


def read_field(workspace: Any, contact: str, name: str) -> Any:
    """Read a standard field or an attribute."""
    document = workspace.get(contact)
    return document[name] if name == "email" else document["custom_attributes"].get(name)


@pytest.mark.usefixtures("attributes")
@pytest.mark.parametrize("case", EQUAL.values(), ids=list(EQUAL))
def test_equal_values(workspace: Any, undo: Any, case: tuple[str, Any, Any, Any]) -> None:
    """A value that Intercom shows in another form still counts as the run's."""
    name, before, written, held = case
    contact = workspace.add(email="ann@a.example")
    write_field(workspace, contact, name, held)
    assert undo([intend(contact, **{name: (before, written)})])[-1] == {"outcomes": {"restored": 1}, "fields": 1}
    assert read_field(workspace, contact, name) == before


@pytest.mark.usefixtures("attributes")
@pytest.mark.parametrize("case", DIFFERENT.values(), ids=list(DIFFERENT))
def test_different_values(workspace: Any, undo: Any, case: tuple[str, Any, Any, Any]) -> None:
    """Values that somebody else wrote stay."""
    name, before, written, held = case
    contact = workspace.add(email="ann@a.example")
    write_field(workspace, contact, name, held)
    line, total = undo([intend(contact, **{name: (before, written)})])
    assert list(line["kept"].values()) == ([CHANGED] if held != before else [])
    assert total["fields"] == 0
    assert read_field(workspace, contact, name) == held
    assert "PUT /contacts/{id}" not in workspace.calls()


@pytest.mark.usefixtures("attributes")
def test_what_intercom_refuses_is_named(workspace: Any, undo: Any) -> None:
    """A lead refuses nulls, but gets its other values. This takes three calls for any number of fields."""
    contact = workspace.add(
        role="lead",
        email="ann@a.example",
        custom_attributes={"cb_cust_mrr": 5, "cb_cust_status": "active", "cb_sub_status": "active", "cb_cust_id": "1"},
    )
    line, _ = undo(
        [
            intend(
                contact,
                cb_cust_mrr=(4, 5),
                cb_cust_status=(None, "active"),
                cb_sub_status=(None, "active"),
                cb_cust_id=(None, "1"),
            )
        ]
    )
    refused = "Intercom refused: custom attribute is not of type Numeric, String or Boolean"
    assert line["outcome"] == "restored"
    assert line["kept"] == {
        f"custom_attributes.cb_{name}": refused for name in ("cust_status", "sub_status", "cust_id")
    }
    assert workspace.get(contact)["custom_attributes"]["cb_cust_mrr"] == 4.0
    assert workspace.calls()["PUT /contacts/{id}"] == 3


@pytest.mark.usefixtures("attributes")
def test_a_refused_field_costs_no_other(workspace: Any, undo: Any) -> None:
    """An address that now belongs to another user stays."""
    contact = workspace.add(email="new@a.example", name="Ann", custom_attributes={"cb_cust_mrr": 5})
    other = workspace.add(email="old@a.example")
    line, _ = undo(
        [intend(contact, email=("old@a.example", "new@a.example"), name=("Anne", "Ann"), cb_cust_mrr=(4, 5))]
    )
    assert line["kept"] == {
        "email": f"Intercom refused: A contact matching those details already exists with id={other}"
    }
    held = workspace.get(contact)
    assert (held["email"], held["name"], held["custom_attributes"]) == ("new@a.example", "Anne", {"cb_cust_mrr": 4.0})


IMPOSSIBLE = {
    "a user cannot become a lead": ({"role": ("lead", "user")}, {"role": "Intercom cannot turn a user into a lead"}),
    "an address cannot be cleared": (
        {"email": (None, "ann@a.example")},
        {"email": "Intercom cannot clear this field"},
    ),
    "an attribute that was archived": (
        {"cb_sub_status": (None, "active")},
        {"custom_attributes.cb_sub_status": "the attribute is archived in Intercom"},
    ),
}


@pytest.mark.usefixtures("attributes")
@pytest.mark.parametrize(("fields", "kept"), IMPOSSIBLE.values(), ids=list(IMPOSSIBLE))
def test_what_cannot_be_put_back(workspace: Any, undo: Any, fields: dict[str, Any], kept: dict[str, str]) -> None:
    """Such fields are listed with their reasons, and not sent."""
    contact = workspace.add(email="ann@a.example", custom_attributes={"cb_sub_status": "active"})
    attribute = next(
        one for one in workspace.call("GET", "/data_attributes?model=contact")["data"] if one["name"] == "cb_sub_status"
    )
    workspace.call("PUT", f"/data_attributes/{attribute['id']}", {"archived": True})
    line, _ = undo([intend(contact, **fields)])
    assert (line["outcome"], line["kept"]) == ("kept", kept)
    assert "PUT /contacts/{id}" not in workspace.calls()


@pytest.mark.usefixtures("attributes")
def test_attributes_that_the_run_created_stay(workspace: Any, undo: Any) -> None:
    """They are listed, as other programs may use them now."""
    contact = workspace.add(email="ann@a.example", custom_attributes={"cb_cust_mrr": 5})
    created = intend(None, cb_cust_mrr=(None, 5)) | {"n": 2, "action": "create", "stream": "data_attributes"}
    line, _, total = undo([intend(contact, cb_cust_mrr=(4, 5)), created])
    assert (line["stream"], line["reason"]) == (
        "data_attributes",
        "an attribute that the run created stays: archive it in Intercom's settings",
    )
    assert total == {"outcomes": {"kept": 1, "restored": 1}, "fields": 1}


@pytest.mark.usefixtures("attributes")
@pytest.mark.parametrize("how", ["archived", "deleted", "merged"])
def test_a_contact_that_is_gone(workspace: Any, undo: Any, how: str) -> None:
    """It is listed, and the others are restored."""
    gone = workspace.add(role="lead", email="ann@a.example", custom_attributes={"cb_cust_mrr": 5})
    other = workspace.add(email="ann@a.example", custom_attributes={"cb_cust_mrr": 5})
    if how == "merged":
        workspace.call("POST", "/contacts/merge", {"from": gone, "into": other})
    elif how == "archived":
        workspace.call("POST", f"/contacts/{gone}/archive", {})
    else:
        workspace.call("DELETE", f"/contacts/{gone}")
    journal = [intend(gone, cb_cust_mrr=(1, 5)), intend(other, cb_cust_mrr=(2, 5)) | {"n": 2}]
    lines = undo(journal)
    assert lines[-1] == {"outcomes": {"gone": 1, "restored": 1}, "fields": 1}
    assert [(one["remote_id"], one["reason"]) for one in lines[:-1] if one["outcome"] == "gone"] == [(gone, GONE)]
    assert workspace.get(other)["custom_attributes"]["cb_cust_mrr"] == 2.0


@pytest.mark.usefixtures("attributes")
def test_created_users_stay_unless_they_are_to_be_archived(
    workspace: Any, target: Any, customer: Record, undo: Any
) -> None:
    """A user that somebody changed stays in any case. A second undo finds the other one archived."""
    ran = target.run([customer("ann"), customer("bea")], on_no_match="create")
    ids = {contact["email"]: contact["id"] for contact in workspace.contacts()}
    journal = read_journal(ran)
    lines = undo(journal)
    assert lines[-1] == {"outcomes": {"created": 2}, "fields": 0}
    assert {line["reason"] for line in lines[:-1]} == {"the run created it"}
    workspace.call("PUT", f"/contacts/{ids['bea@a.example']}", {"custom_attributes": {"cb_cust_mrr": 7}})
    lines = undo(journal, "--archive-created")
    assert {line["id"]: (line["outcome"], line["reason"]) for line in lines[:-1]} == {
        "ann": ("archived", ""),
        "bea": ("created", "the run created it, and it has changed since"),
    }
    assert workspace.emails() == ["bea@a.example"]
    assert undo(journal, "--archive-created")[-1] == {"outcomes": {"gone": 1, "created": 1}, "fields": 0}


def test_companies_are_undone_after_their_users(
    workspace: Any, target: Any, customer: Record, company: Record, undo: Any
) -> None:
    """Users are detached from a created company before it is archived. A company with other users stays."""
    settings = {"attach_companies": True, "company_prefix": "cbc_", "on_no_match": "create"}
    known = workspace.add_company(company_id="known", name="Known")
    workspace.attribute("cbc_cust_mrr", "float", "company")
    workspace.call("PUT", f"/companies/{known}", {"custom_attributes": {"cbc_cust_mrr": 3}})
    ann = workspace.add(email="ann@a.example")
    ran = target.run(
        [
            customer("ann") | {"company_id": "acme"},
            company("known", cbc_cust_mrr=9.0),
            company("acme", cbc_cust_mrr=9.0),
            company("full", cbc_cust_mrr=9.0),
        ],
        **settings,
    )
    ids = {one["company_id"]: one["id"] for one in workspace.companies()}
    workspace.join(ann, ids["full"])
    lines = {line["id"]: line for line in undo(read_journal(ran), "--archive-created") if "id" in line}
    assert lines["ann"]["restored"]["company_id"] == {"before": "acme", "after": None}
    assert {name: (line["outcome"], line["reason"]) for name, line in lines.items()} == {
        "ann": ("restored", ""),
        "known": ("restored", ""),
        "acme": ("archived", ""),
        "full": ("created", "it has users now"),
    }
    assert workspace.companies_of(ann) == ["full"]
    assert drop_nulls(workspace.company(known)["custom_attributes"]) == {"cbc_cust_mrr": 3.0}


@pytest.mark.usefixtures("attributes")
def test_an_undo_is_undone(workspace: Any, undo: Any) -> None:
    """The first run's values are written again, including the company."""
    company = workspace.add_company(company_id="acme", name="Acme")
    contact = workspace.add(email="ann@a.example", custom_attributes={"cb_cust_mrr": 1})
    assert undo([intend(contact, cb_cust_mrr=(5, 1), company_id=("acme", None))])[-1]["fields"] == 2
    assert workspace.companies_of(contact) == ["acme"]
    assert undo([intend(contact, cb_cust_mrr=(1, 5), company_id=(None, "acme"))])[-1]["fields"] == 2
    assert workspace.companies_of(contact) == []
    assert company


@pytest.mark.usefixtures("attributes")
def test_several_writes_to_one_record(workspace: Any, undo: Any) -> None:
    """The record gets its values from before the first write."""
    contact = workspace.add(email="ann@a.example", custom_attributes={"cb_cust_mrr": 3, "cb_cust_status": "active"})
    journal = [
        intend(contact, cb_cust_mrr=(1, 2)),
        intend(contact, cb_cust_mrr=(2, 3), cb_cust_status=(None, "active")) | {"n": 2},
    ]
    assert undo(journal)[-1] == {"outcomes": {"restored": 1}, "fields": 2}
    assert hold(workspace, contact) == {"cb_cust_mrr": 1.0}


@pytest.mark.usefixtures("attributes")
def test_writes_of_a_killed_run(workspace: Any, undo: Any) -> None:
    """A write without an outcome is undone if Intercom accepted it. A creation without an id is listed."""
    taken, lost = (workspace.add(email=f"{n}@a.example", custom_attributes={"cb_cust_mrr": n}) for n in (2, 1))
    journal = [
        intend(taken, cb_cust_mrr=(1, 2)),
        intend(lost, cb_cust_mrr=(1, 2)) | {"n": 2},
        intend(None, cb_cust_mrr=(None, 2)) | {"n": 3, "action": "create"},
    ]
    lines = undo(journal)
    assert lines[-1] == {"outcomes": {"restored": 1, "unchanged": 1, "kept": 1}, "fields": 1}
    assert [one["reason"] for one in lines[:-1] if one["outcome"] == "kept"] == [
        "the run was killed while creating it, so its id is unknown"
    ]
    assert [workspace.get(one)["custom_attributes"]["cb_cust_mrr"] for one in (taken, lost)] == [1.0, 1.0]


@pytest.mark.parametrize("content", ["", "no journal\n", '{"type": "run"}\n'], ids=["empty", "text", "cut"])
def test_what_is_no_journal(target: Any, tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture) -> None:
    """The error is one sentence, and there is no call."""
    config, journal = tmp_path / "undo.json", tmp_path / "journal.jsonl"
    config.write_text(json.dumps(target.config()))
    journal.write_text(content)
    done = CliRunner().invoke(TargetIntercom.cli, ["--config", str(config), "undo", "--journal", str(journal)])
    assert done.exit_code == 1
    assert caplog.messages[-1] == "The file of --journal contains no write: there is nothing to undo."


@pytest.fixture
def stop_undo(target: Any, tmp_path: Path) -> Callable[..., int]:
    """`stop_undo(LINES, SIGNAL)`: run the command, stop it after some writes, and return its exit code."""

    def run(lines: Lines, how: signal.Signals) -> int:
        config, sandbox = tmp_path / "stopped.json", target.workspace.sandbox
        config.write_text(json.dumps(target.config(max_concurrency=2)))
        sandbox.fault(api="intercom", effect={"delay": 0.02})
        sandbox.clear_calls()
        command = [str(COMMAND), "--config", str(config), "undo", "--journal", write(tmp_path / "stopped.jsonl", lines)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        target.wait_for(process, lambda: target.workspace.writes() >= 3)
        process.send_signal(how)
        process.communicate(timeout=60)
        sandbox.clear_faults()
        return process.returncode

    return run


@pytest.mark.usefixtures("attributes")
@pytest.mark.parametrize(("how", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143)], ids=["killed", "terminated"])
def test_an_undo_that_was_stopped_is_run_again(
    target: Any, undo: Any, stop_undo: Callable[..., int], how: signal.Signals, code: int
) -> None:
    """The result equals that of one complete undo, and nothing is written twice."""
    workspace = target.workspace
    ids = [workspace.add(email=f"u{n}@a.example", custom_attributes={"cb_cust_mrr": 50 + n}) for n in range(30)]
    journal = [intend(one, cb_cust_mrr=(n, 50 + n)) | {"n": n} for n, one in enumerate(ids)]
    assert stop_undo(journal, how) == code
    undone = sum(hold(workspace, one) == {"cb_cust_mrr": float(n)} for n, one in enumerate(ids))
    assert 0 < undone < 30
    left = 30 - undone
    assert undo(journal)[-1] == {"outcomes": {"restored": left, "unchanged": undone}, "fields": left}
    assert [hold(workspace, one) for one in ids] == [{"cb_cust_mrr": float(n)} for n in range(30)]


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "cb_cust_mrr": st.none() | st.sampled_from([0, 1, 1.5, 2]),
    "cb_cust_status": st.none() | st.sampled_from(["active", "deleted"]),
    "cb_signed_up_at": st.none() | st.sampled_from([1600000000, 1700000000]),
}
FIELDS = st.fixed_dictionaries(VALUES)
EDIT = st.sampled_from(sorted(VALUES)).flatmap(lambda name: st.tuples(st.integers(0, 2), st.just(name), VALUES[name]))
EDITS = st.lists(EDIT, max_size=6)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=st.lists(st.tuples(FIELDS, FIELDS), min_size=3, max_size=3), edits=EDITS)
def test_each_field_is_as_before_or_as_others_wrote_it(
    target: Tool, customer: Record, tmp_path: Path, people: list[tuple[Any, Any]], edits: list[tuple[int, str, Any]]
) -> None:
    """After any writes by a run and by others, an undo leaves one of both values, and reports which."""
    workspace = target.workspace
    workspace.sandbox.reset(customers=0)
    create_attributes(workspace)
    ids = [workspace.add(email=f"u{n}@a.example", custom_attributes=one) for n, (one, _) in enumerate(people)]
    start = [hold(workspace, one) for one in ids]
    ran = target.run([customer(f"u{n}", **build_input(one)) for n, (_, one) in enumerate(people)], accept_changes=True)
    written = [hold(workspace, one) for one in ids]
    for person, name, value in edits:
        write_field(workspace, ids[person], name, value)
    edited = [hold(workspace, one) for one in ids]
    assert run_undo(target, tmp_path, read_journal(ran)).exit_code == 0
    for first, run, others, last in zip(start, written, edited, (hold(workspace, one) for one in ids), strict=True):
        names = {*first, *run, *others, *last}
        expected = {name: (first if others.get(name) == run.get(name) else others).get(name) for name in names}
        assert last == drop_nulls(expected)


def build_input(values: dict[str, Any]) -> dict[str, Any]:
    """Return attributes in the map's form, with dates as text."""
    texts = {1600000000: "2020-09-13T12:26:40Z", 1700000000: "2023-11-14T22:13:20Z", None: None}
    return {**values, "cb_signed_up_at": texts[values["cb_signed_up_at"]]}
