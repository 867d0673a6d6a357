"""`standpipe undo`, `retry`, `pause` and `resume`: what a person does about a run that has ended."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from click.testing import CliRunner
from standpipe_console.cli import main
from standpipe_console.history import open_history
from standpipe_console.live.obstacles import find_obstacle
from standpipe_console.page.words import describe_undo
from standpipe_console.project.meltano import Project
from standpipe_console.project.pipelines import LEADS, SYNC
from standpipe_console.undo.retry import find_pipelines, plan_retries
from warm_commands import run_command

from tests.history.conftest import START, JournalFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result
    from sandbox.testing import RunningSandbox

    Standpipe = Callable[..., Result]

OPERATIONS = (Path(__file__).parents[2] / "docs/operations.md").read_text()
#: Replaces Meltano: it records its arguments, and writes a journal as the target would, in which the customer c1 is
#: refused again.
MELTANO = """#!{python} -S
import json, os, pathlib, sys
if "schedule" in sys.argv:
    schedule = {{"name": "sync-every-6h", "job": {{"name": "sync"}}, "cron_interval": "0 */6 * * *"}}
    print(json.dumps({{"schedules": {{"job": [schedule]}}}}))
    sys.exit()
ids = os.environ.get("TAP_CHARGEBEE_CUSTOMER_IDS", "")
with pathlib.Path("started").open("a") as file:
    file.write(" ".join([*sys.argv[1:], ids, os.environ["STANDPIPE_TRIGGER"]]) + "\\n")
if ids:
    run_id = os.environ["STANDPIPE_RUN_ID"]
    lines = [dict(type="run", version=1, run_id=run_id, plugin="target-intercom", job="sync", at=2e9)]
    for n, id_ in enumerate(json.loads(ids)):
        kind = "rejected" if id_ == "c1" else "updated"
        head = dict(n=n, stream="contacts", id=id_, at=2e9)
        lines.append(dict(type="intent", action="update", **head))
        lines.append(dict(type="outcome", n=n, kind=kind, reason="conflict" if id_ == "c1" else "", at=2e9))
    lines.append(dict(type="end", status="completed", at=2e9))
    path = pathlib.Path(".meltano/standpipe/journal/target-intercom") / (run_id + ".jsonl")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\\n" for line in lines))
"""


@pytest.fixture
def project(
    installed_project: Project, of_plugins: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> Project:
    """Return a project that is set up for the sandbox, with a replacement for Meltano."""
    for key in SYNC.keys:
        monkeypatch.setenv(key.variable, "key")
    root = installed_project.root
    settings = {name: dict(of_plugins.get(name, {})) for name in installed_project.plugins}
    settings["target-intercom"] |= {
        "report_dir": str(root / "output/target-intercom"),
        "journal_dir": str(installed_project.system_dir / "standpipe/journal/target-intercom"),
    }
    monkeypatch.setattr(Project, "_read_settings", lambda _, plugin: settings[plugin])
    executable = installed_project.system_dir / "run/bin"
    executable.parent.mkdir(parents=True)
    executable.write_text(MELTANO.format(python=sys.executable))
    executable.chmod(0o755)
    (installed_project.shared_dir / "meltano.db").touch()
    return installed_project


@pytest.fixture
def standpipe(project: Project) -> Standpipe:
    """`standpipe(ARGUMENT…)`: run the console's command in this process."""

    def run(*args: str, answer: str = "", code: int = 0) -> Result:
        done = CliRunner().invoke(main, ["--project", str(project.root), "--environment", "prod", *args], input=answer)
        assert done.exit_code == code, (done.output, done.exception)
        return done

    return run


def read_lines(shown: str) -> list[str]:
    """Return the lines of an output without trailing spaces, and with one fixed id for all run ids."""
    return [
        re.sub(r"\b[0-9a-f]{32}\b", "5d1f6c0e7a3b4c2d9e8f1a2b3c4d5e6f", line).rstrip() for line in shown.splitlines()
    ]


@pytest.fixture
def started(project: Project) -> Callable[[], list[str]]:
    """Return a function that returns the arguments of each start of Meltano."""
    path = project.root / "started"
    return lambda: path.read_text().splitlines() if path.exists() else []


def write_journal(project: Project, run_id: str = "8f2c01", at: float = START) -> JournalFile:
    """Return a journal of a target-intercom run, to which the test can write."""
    return JournalFile(project.system_dir / "standpipe", run_id, at=at)


# Pause and resume.


def test_a_paused_pipeline_runs_nothing(
    standpipe: Standpipe, started: Callable[[], list[str]], project: Project
) -> None:
    """Runs by people, schedules and live end with one sentence and exit code 75. Validations still run."""
    said = standpipe("pause", "sync").output
    assert said.startswith("sync has been paused since ")
    assert said.endswith("UTC (it was paused by hand): it does not run until `standpipe resume sync`.\n")
    assert standpipe("run", "sync", code=75).stderr == said
    assert standpipe("run", "trial", code=75).stderr == said
    assert standpipe("schedule", "run", "sync-every-6h", code=75).stderr == said
    obstacle = find_obstacle(project, SYNC)
    assert obstacle
    assert (obstacle.sentence, obstacle.plain_run_helps) == (said.strip(), False)
    assert started() == []
    standpipe("run", "validate")
    standpipe("run", "sync-leads")
    assert standpipe("resume", "sync").output == "sync runs again.\n"
    standpipe("run", "sync")
    assert [line.split()[-2] for line in started()] == ["validate", "sync-leads", "sync"]
    assert standpipe("resume", "sync").output == "sync is not paused.\n"


def test_a_pause_is_of_a_pipeline(standpipe: Standpipe) -> None:
    """Any writing job of a pipeline can name it. Another job is refused."""
    assert standpipe("pause", "resync-leads").output.startswith("sync-leads has been paused since")
    refused = standpipe("pause", "validate", code=1).stderr
    assert refused == "Error: `validate` is not a job that writes: name one of sync, sync-leads.\n"


# Undo.


@pytest.fixture
def contact(sandbox: RunningSandbox) -> Callable[..., str]:
    """`contact(email, MRR)`: create a user with an MRR, and return its id in Intercom."""
    sandbox.reset(customers=0)
    body = {"model": "contact", "data_type": "float", "name": "cb_cust_mrr"}
    ask(sandbox, "POST", "/data_attributes", body)

    def create(email: str, mrr: float) -> str:
        body = {"role": "user", "email": email, "custom_attributes": {"cb_cust_mrr": mrr}}
        return str(ask(sandbox, "POST", "/contacts", body)["id"])

    return create


def ask(sandbox: RunningSandbox, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Call Intercom."""
    headers = {"Authorization": "Bearer sandbox_token", "Intercom-Version": "2.14"}
    answer = requests.request(method, sandbox.intercom_url + path, json=body, headers=headers, timeout=10)
    answer.raise_for_status()
    return dict(answer.json())


def read_mrr(sandbox: RunningSandbox, contact_id: str) -> float:
    """Return the MRR in Intercom."""
    return float(ask(sandbox, "GET", f"/contacts/{contact_id}")["custom_attributes"]["cb_cust_mrr"])


def change(before: float | None, after: float | None) -> dict[str, Any]:
    """Return the fields of a write that changes the MRR."""
    return {"custom_attributes.cb_cust_mrr": {"before": before, "after": after}}


def write_run(project: Project, **contacts: tuple[str, float, float]) -> None:
    """Write the journal of a run that changed contacts' MRR."""
    journal = write_journal(project)
    for record_id, (remote_id, before, after) in contacts.items():
        n = journal.intend(record_id, remote_id=remote_id, fields=change(before, after), email=f"{record_id}@a.example")
        journal.add("outcome", n=n, kind="updated", remote_id=remote_id, fields=change(before, after))
    journal.end()


def test_a_run_is_undone(
    standpipe: Standpipe, project: Project, sandbox: RunningSandbox, contact: Callable[..., str]
) -> None:
    """The command shows the writes, asks, lets the target restore the values, and pauses the pipeline."""
    ann, bea = contact("ann@a.example", 20), contact("bea@a.example", 40)
    write_run(project, ann=(ann, 10, 20), bea=(bea, 30, 40))
    ask(sandbox, "PUT", f"/contacts/{bea}", {"custom_attributes": {"cb_cust_mrr": 7}})
    said = standpipe("undo", "8f2c", answer="y\n").output
    promise = "Each record is read first: what somebody changed since stays as it is."
    end = "sync is paused: it does not run until `standpipe resume sync`."
    assert read_lines(said) == [
        "Run 8f2c01 of sync, started 2025-11-30 17:00 UTC (schedule).",
        "It changed 2 fields of 2 records.",
        "record  name  e-mail         values to restore",
        "ann     -     ann@a.example  cb_cust_mrr: 20 -> 10",
        "bea     -     bea@a.example  cb_cust_mrr: 40 -> 30",
        f"{promise} Then sync is paused until `standpipe resume sync`.",
        "Restore these values, and pause sync? Type y for yes, anything else for no:",
        "Restored 1 fields of 1 records.",
        "Not restored:",
        "fields or records  because",
        "1                  it has changed since",
        "record  who            what stays",
        "bea     bea@a.example  cb_cust_mrr: it has changed since",
        f"{end} The undo is the run 5d1f6c0e7a3b4c2d9e8f1a2b3c4d5e6f.",
    ]
    assert "\n".join(read_lines(said)) in OPERATIONS
    assert (read_mrr(sandbox, ann), read_mrr(sandbox, bea)) == (10, 7)
    with open_history(project) as history:
        pause = history.get_pause("sync")
    assert pause
    assert (pause.reason, pause.run_id) == ("the run 8f2c01 was undone", "8f2c01")


def test_nothing_is_undone_without_a_yes(
    standpipe: Standpipe, project: Project, sandbox: RunningSandbox, contact: Callable[..., str]
) -> None:
    """Without a yes nothing is written or paused. With only `--json` there is no question."""
    ann = contact("ann@a.example", 20)
    write_run(project, ann=(ann, 10, 20))
    assert standpipe("undo", "8f2c01", answer="\n").output.endswith("Nothing was undone.\n")
    shown = json.loads(standpipe("undo", "8f2c01", "--json").stdout)
    assert (shown["records"], shown["fields"], shown["created"]) == (1, 1, 0)
    assert read_mrr(sandbox, ann) == 20
    with open_history(project) as history:
        assert history.get_pause("sync") is None


def test_one_record_is_undone(
    standpipe: Standpipe, project: Project, sandbox: RunningSandbox, contact: Callable[..., str]
) -> None:
    """Other records keep the run's values. A second undo changes nothing."""
    ann, bea = contact("ann@a.example", 20), contact("bea@a.example", 40)
    write_run(project, ann=(ann, 10, 20), bea=(bea, 30, 40))
    done = json.loads(standpipe("undo", "8f2c01", "--record", "bea", "--yes", "--json").stdout)
    assert {name: done[name] for name in ("undone", "paused", "fields", "outcomes", "reason")} == {
        "undone": "8f2c01",
        "paused": "sync",
        "fields": 1,
        "outcomes": {"restored": 1},
        "reason": "",
    }
    assert [(one["id"], one["restored"]) for one in done["records"]] == [
        ("bea", {"custom_attributes.cb_cust_mrr": {"before": 40.0, "after": 30.0}})
    ]
    assert (read_mrr(sandbox, ann), read_mrr(sandbox, bea)) == (20, 30)
    with open_history(project) as history:
        undone = history.get_run("8f2c01")
        assert undone
        assert [describe_undo(one) for one in history.list_undos(undone)] == ["1 of 1 put back"]
    again = json.loads(standpipe("undo", "8f2c01", "--record", "bea", "--yes", "--json").stdout)
    assert again["outcomes"] == {"unchanged": 1}


def test_a_target_that_fails_is_told_of(
    standpipe: Standpipe, project: Project, sandbox: RunningSandbox, contact: Callable[..., str]
) -> None:
    """Its own sentence and exit code are shown. The pipeline stays paused, as some records may be restored."""
    ann = contact("ann@a.example", 20)
    write_run(project, ann=(ann, 10, 20))
    sandbox.fault(api="intercom", effect={"status": 401, "body": {"errors": [{"code": "unauthorized"}]}})
    said = standpipe("undo", "8f2c01", "--yes", code=1)
    sandbox.clear_faults()
    assert said.stderr.startswith("Intercom refused the token in `access_token` (unauthorized)")
    assert said.stderr.endswith("Run it again to continue.\n")
    with open_history(project) as history:
        assert history.get_pause("sync")


def test_what_cannot_be_undone(standpipe: Standpipe, project: Project) -> None:
    """Each case has its own sentence: an unknown run, an ambiguous id, a run without writes, a current run."""
    for run_id in ("aa1", "aa2"):
        write_journal(project, run_id).end()
    busy = write_journal(project, "bb1")
    said = [
        standpipe("undo", *args, code=1).stderr.removeprefix("Error: ").strip()
        for args in (["cc"], ["aa"], ["aa1"], ["aa1", "--record", "ann"], ["bb1"])
    ]
    busy.end()
    assert said == [
        "The history has no run `cc`: `standpipe history` lists them.",
        "Several runs begin with `aa`: give more of the id.",
        "The run aa1 wrote nothing: there is nothing to undo.",
        "The run aa1 wrote nothing to ann: there is nothing to undo.",
        "The run bb1 is still under way: undo it when it has ended.",
    ]


@pytest.fixture
def run_target(project: Project, sandbox: RunningSandbox) -> Callable[..., None]:
    """`run_target(run_id, ID=MRR, …)`: run target-intercom itself over customers; whom Intercom lacks is created."""

    def run(run_id: str, *, is_subset: bool = False, **customers: float) -> None:
        types: dict[str, Any] = {"cb_cust_id": {"type": "string"}, "cb_cust_mrr": {"type": ["number", "null"]}}
        properties = {
            "customer_id": {"type": "string"},
            "email": {"type": "string"},
            "custom_attributes": {"type": "object", "properties": types},
        }
        schema = {"type": "object", "properties": properties} | ({"x-standpipe-subset": True} if is_subset else {})
        messages: list[dict[str, Any]] = [
            {"type": "SCHEMA", "stream": "contacts", "schema": schema, "key_properties": ["customer_id"]}
        ]
        for one, mrr in customers.items():
            attributes = {"cb_cust_id": one, "cb_cust_mrr": mrr}
            record = {"customer_id": one, "email": f"{one}@a.example", "custom_attributes": attributes}
            messages.append({"type": "RECORD", "stream": "contacts", "record": record})
        config = {
            "access_token": "sandbox_token",
            "api_url": sandbox.intercom_url,
            "report_dir": str(project.root / "output/target-intercom"),
            "journal_dir": str(project.system_dir / "standpipe/journal/target-intercom"),
            "on_no_match": "create",
        }
        (project.root / "target.json").write_text(json.dumps(config))
        command: list[str | Path] = [
            Path(sys.executable).with_name("target-intercom"),
            "--config",
            project.root / "target.json",
        ]
        text = "".join(json.dumps(one) + "\n" for one in messages)
        env = os.environ | {"STANDPIPE_RUN_ID": run_id, "STANDPIPE_JOB": "sync"}
        run_command(command, text=text, env=env, check=True)

    return run


def test_runs_are_undone_in_any_order(
    standpipe: Standpipe,
    run_target: Callable[..., None],
    sandbox: RunningSandbox,
    contact: Callable[..., str],
) -> None:
    """A later run counts as somebody else: what it wrote stays, and can be undone first. Nothing is put back twice."""
    # The run creates two attributes, which stay.
    ids = {name: contact(f"{name}@a.example", 1) for name in ("ann", "bob", "cid")}
    run_target("aa1", ann=2, bob=2, cid=2, dan=2)
    run_target("aa2", ann=3, is_subset=True)
    lead = str(ask(sandbox, "POST", "/contacts", {"role": "lead", "email": "bob@a.example"})["id"])
    ask(sandbox, "POST", "/contacts/merge", {"from": lead, "into": ids["bob"]})
    ask(sandbox, "POST", f"/contacts/{ids['cid']}/archive", {})

    def undo(run_id: str) -> dict[str, Any]:
        report = json.loads(standpipe("undo", run_id, "--yes", "--json").stdout)
        kept = {one["id"]: [*one["kept"].values(), one["reason"]] for one in report["records"]}
        names = {"ann", "cid", "dan"}
        reasons = {one: found for one, found in kept.items() if any(found) and one in names}
        return {"outcomes": report["outcomes"], **reasons}

    assert undo("aa1") == {
        "outcomes": {"restored": 2, "gone": 1, "created": 1, "kept": 2},
        "ann": ["it has changed since", ""],
        "cid": ["it is archived, merged or deleted"],
        "dan": ["the run created it"],
    }
    assert (read_mrr(sandbox, ids["ann"]), read_mrr(sandbox, ids["bob"])) == (3, 1)
    assert undo("aa2")["outcomes"] == {"restored": 1}
    assert read_mrr(sandbox, ids["ann"]) == 2
    assert undo("aa1")["outcomes"] == {"restored": 1, "unchanged": 1, "gone": 1, "created": 1, "kept": 2}
    assert read_mrr(sandbox, ids["ann"]) == 1
    writes = count_writes(sandbox)
    assert undo("aa1")["outcomes"] == {"unchanged": 2, "gone": 1, "created": 1, "kept": 2}
    assert undo("aa2")["outcomes"] == {"kept": 1}
    assert count_writes(sandbox) == writes


def count_writes(sandbox: RunningSandbox) -> int:
    """Return how many calls have changed contacts."""
    return sum(row["count"] for row in sandbox.calls()["calls"] if row["method"] == "PUT")


# Retry.


@pytest.fixture
def refused(project: Project) -> Project:
    """Return a project whose last full run had three refused customers."""
    journal = write_journal(project)
    for record_id in ("c1", "c2", "c3"):
        journal.write(record_id, "rejected", "validation_error", name=record_id.upper())
    journal.end()
    report = project.root / "output/target-intercom/summary.json"
    report.parent.mkdir(parents=True)
    report.write_text('{"status": "completed"}')
    return project


@pytest.mark.usefixtures("refused")
def test_refused_records_are_sent_again(standpipe: Standpipe, started: Callable[[], list[str]]) -> None:
    """The command shows the records with their reasons, asks, runs the job over them, and shows their outcomes."""
    said = standpipe("retry", answer="y\n").output
    assert "\n".join(read_lines(said)) in OPERATIONS
    assert read_lines(said) == [
        "3 refused records of sync:",
        "record  name  because           times",
        "c1      C1    validation_error  1",
        "c2      C2    validation_error  1",
        "c3      C3    validation_error  1",
        "Read these again, and send them? Type y for yes, anything else for no:",
        "record  name  became    because",
        "c1      C1    rejected  conflict",
        "c2      C2    updated   -",
        "c3      C3    updated   -",
    ]
    assert started() == ['--environment=prod run sync ["c1", "c2", "c3"] retry']
    assert json.loads(standpipe("retry", "--json").stdout)[0]["rejects"][0]["record_id"] == "c1"


@pytest.mark.usefixtures("refused")
def test_one_refused_record_is_sent_again(standpipe: Standpipe, started: Callable[[], list[str]]) -> None:
    """The customer's id and Intercom's id both work."""
    done = json.loads(standpipe("retry", "c2", "--job", "sync", "--yes", "--json").stdout)
    assert done == [{"record": "c2", "stream": "contacts", "outcome": "updated", "reason": ""}]
    standpipe("retry", "remote-c3", "--yes")
    assert [line.split(" sync ")[1] for line in started()] == ['["c2"] retry', '["c3"] retry']


@pytest.mark.usefixtures("refused")
def test_what_cannot_be_retried(standpipe: Standpipe, started: Callable[[], list[str]]) -> None:
    """Nothing runs for a record that is not refused, an unknown job, without a yes, or in a paused pipeline."""
    said = standpipe("retry", "c9", code=1).stderr
    assert said == "Error: `c9` is not a refused record: `standpipe history` shows which records are.\n"
    said = standpipe("retry", "--job", "billing", code=1).stderr
    assert said == "Error: `billing` is not a job that can be retried: name one of sync, sync-leads.\n"
    assert standpipe("retry", "--job", "sync", answer="n\n").output.endswith("Nothing was retried.\n")
    standpipe("pause", "sync")
    refused = standpipe("retry", "--yes", code=1).stderr
    assert refused.startswith("Error: Nothing was retried. sync has been paused since")
    assert started() == []


def test_nothing_to_retry(standpipe: Standpipe) -> None:
    """The command says that no record is refused."""
    assert standpipe("retry").output == "There is nothing to retry: no record is refused.\n"


def test_refused_leads_are_named_to_the_tap_by_intercoms_ids(
    project: Project, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A contact is read by the start of its external id, a company by Intercom's id of it, if they still exist."""
    for key in LEADS.keys:
        monkeypatch.setenv(key.variable, "key")
    sandbox.reset(customers=0)
    acme = ask(sandbox, "POST", "/companies", {"company_id": "acme", "name": "Acme"})["id"]
    journal = JournalFile(project.system_dir / "standpipe", "8f2c02", plugin="target-chartmogul", at=START)
    for record_id, stream in (("acme", "customers"), ("gone", "customers"), ("5f01:acme", "contacts")):
        journal.write(record_id, "rejected", "invalid", stream=stream)
    journal.end()
    project.clear_settings()
    (retry,) = plan_retries(project, find_pipelines(project, "leads"), [])
    assert [one.record_id for one in retry.rejects] == ["acme", "gone", "5f01:acme"]
    assert retry.subset == {"TAP_INTERCOM_COMPANY_IDS": json.dumps([acme]), "TAP_INTERCOM_CONTACT_IDS": '["5f01"]'}
