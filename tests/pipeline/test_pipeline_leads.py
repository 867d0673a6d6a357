"""The leads' job through real Meltano: Intercom (sandbox) → leads → ChartMogul (sandbox)."""

from __future__ import annotations

import csv
import json
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    import subprocess

    from sandbox.testing import RunningSandbox

    from tests.pipeline.conftest import ChartMogul, Project

pytestmark = pytest.mark.pipeline

TARGET = "target-chartmogul"


def kill_after(
    process: subprocess.Popen[str], executable: str, sandbox: RunningSandbox, called: tuple[str, str, str], n: int
) -> None:
    """Kill a plugin of this run with SIGKILL after `n` calls to an endpoint."""
    deadline = time.monotonic() + 60
    while sum(r["count"] for r in sandbox.calls()["calls"] if (r["api"], r["method"], r["path"]) == called) < n:
        if time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"{called} was not called {n} times within a minute")
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.02)
    for child in psutil.Process(process.pid).children(recursive=True):
        if any(part.endswith(f"/bin/{executable}") for part in child.cmdline()):
            child.send_signal(signal.SIGKILL)


def wait_for_record(process: subprocess.Popen[str], project: Project, stream: str) -> None:
    """Wait until the log shows that a record of a stream has reached the map."""
    printed = json.dumps(f'{{"type":"RECORD","stream":"{stream}"').strip('"')
    deadline = time.monotonic() + 60
    while printed not in project.log_file.read_text():
        if time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"no record of {stream} came within a minute")
        assert process.poll() is None, "the run ended before a record came"
        time.sleep(0.05)


def test_leads_say_the_same_at_every_seam(project: Project, chartmogul: ChartMogul) -> None:
    """Companies become customers, and their people become contacts. ChartMogul holds exactly what the map sent."""
    ran = project.leads()
    assert ran.code == 0, ran.log

    marker = ran.of("tap-intercom", "STATE")[-1]["value"]["bookmarks"]["_sync"]
    assert isinstance(marker.pop("completed_at"), int)
    read = Counter(m["stream"] for m in ran.of("tap-intercom", "RECORD"))
    rows = f"companies:{read['companies']},contacts:{read['contacts']}"
    whole = {"streams": "companies,contacts", "from": None, "subset": 0, "whole": "companies,contacts"}
    assert marker == {**whole, "rows": rows}

    sent = ran.of("map-leads", "RECORD")
    customers = [m["record"]["external_id"] for m in sent if m["stream"] == "customers"]
    contacts = [m["record"]["external_id"] for m in sent if m["stream"] == "contacts"]
    assert [m["stream"] for m in sent] == ["customers"] * len(customers) + ["contacts"] * len(contacts)
    assert {m["record"]["customer_external_id"] for m in sent if m["stream"] == "contacts"} <= set(customers)
    assert [m["type"] for m in ran.messages["map-leads"]][-1] == "STATE"
    (store,) = project.stores()
    state = project.state(TARGET)
    assert state == ran.of("map-leads", "STATE")[-1]["value"]
    assert state["bookmarks"]["_map"]["store"] == store.stem

    assert chartmogul.held("customers") == sorted(customers)
    assert chartmogul.held("contacts") == sorted(contacts)
    assert project.summary(TARGET)["created"] == len(customers) + len(contacts)


def test_only_leads_that_changed_are_written(project: Project, sandbox: RunningSandbox, chartmogul: ChartMogul) -> None:
    """Neither a second run nor a resend writes anything. After a month, only changes are written."""
    assert project.leads().code == 0
    first = chartmogul.writes()
    ran = project.leads()
    assert (ran.of("map-leads", "RECORD"), chartmogul.writes()) == ([], first)

    ran = project.meltano("run", "resync-leads")
    assert ran.code == 0, ran.log
    assert len(ran.of("map-leads", "RECORD")) == project.summary(TARGET)["unchanged"] > 0
    assert chartmogul.writes() == first

    held = set(chartmogul.held("customers"))
    sandbox.advance(days=30)
    assert project.meltano("run", "sync-leads").code == 0
    assert 0 < chartmogul.writes() - first <= 2 * project.summary(TARGET)["records"] < first
    assert held < set(chartmogul.held("customers"))


def test_an_idle_quarter_of_an_hour_costs_few_calls(project: Project, sandbox: RunningSandbox) -> None:
    """Discovery and run make four calls to Intercom besides the scroll, and write nothing."""
    assert project.leads().code == 0
    sandbox.advance(days=2)
    assert project.leads().code == 0
    sandbox.advance(seconds=900)
    sandbox.clear_calls()
    assert project.leads().code == 0
    calls = sandbox.calls()["calls"]
    assert {f"{one['method']} {one['path']}": one["count"] for one in calls if one["api"] == "intercom"} == {
        "GET /me": 1,
        "GET /data_attributes": 2,
        "POST /contacts/search": 1,
        "GET /companies/scroll": 2,
    }
    assert {one["method"] for one in calls} <= {"GET", "POST"}
    assert not [one for one in calls if one["api"] == "chartmogul" and one["method"] != "GET"]


def test_a_reader_of_leads_killed_half_way_changes_nothing(
    project: Project, sandbox: RunningSandbox, chartmogul: ChartMogul
) -> None:
    """The map sends nothing when contacts are incomplete. The next run starts from the same state."""
    sandbox.fault(api="intercom", path="/contacts/search", **{"from": 2}, effect={"delay": 20})
    process = project.start("run", "tap-intercom", "leads", TARGET, TAP_INTERCOM_PAGE_SIZE="20")
    wait_for_record(process, project, "contacts")
    kill_after(process, "tap-intercom", sandbox, ("intercom", "POST", "/contacts/search"), 2)
    ran = project.finish(process)
    assert ran.code != 0
    assert ran.said("The tap ended without saying that it read everything")
    assert (ran.messages.get("map-leads", []), project.state(TARGET)) == ([], {})
    assert chartmogul.writes() == 0

    sandbox.clear_faults()
    assert project.leads().code == 0
    assert project.summary(TARGET)["created"] > 0


def test_a_writer_of_leads_killed_half_way_is_finished_by_the_next_run(
    project: Project, sandbox: RunningSandbox, chartmogul: ChartMogul
) -> None:
    """The state was not confirmed, so everybody is sent again. Nobody is missing or duplicated."""
    sandbox.fault(api="chartmogul", method="POST", path="/contacts", **{"from": 5}, effect={"delay": 20})
    process = project.start("run", "tap-intercom", "leads", TARGET)
    kill_after(process, TARGET, sandbox, ("chartmogul", "POST", "/contacts"), 5)
    ran = project.finish(process)
    assert ran.code != 0
    assert project.state(TARGET) == {}

    sandbox.clear_faults()
    ran = project.leads()
    assert ran.code == 0, ran.log
    sent = ran.of("map-leads", "RECORD")
    for kind in ("customers", "contacts"):
        assert chartmogul.held(kind) == sorted(m["record"]["external_id"] for m in sent if m["stream"] == kind)


@pytest.mark.parametrize(
    ("variable", "setting"),
    [("TAP_INTERCOM_ACCESS_TOKEN", "access_token"), ("TARGET_CHARTMOGUL_API_KEY", "api_key")],
)
def test_a_wrong_key_of_the_leads_ends_in_one_sentence(
    variable: str, setting: str, project: Project, chartmogul: ChartMogul
) -> None:
    """The error names the setting and does not show the key. There is no traceback, no write and no state."""
    ran = project.leads(**{variable: "wrong-key-123"})
    assert ran.code != 0
    assert ran.said(setting)
    assert not ran.said("Traceback (most recent call last)")
    assert not ran.said("wrong-key-123")
    assert (chartmogul.writes(), project.state(TARGET)) == (0, {})


def test_a_merge_is_reported_before_it_is_made(project: Project, chartmogul: ChartMogul) -> None:
    """The job `merge-report` lists who would be merged with whom, writes nothing and changes no state."""
    ran = project.meltano("run", "merge-report", TARGET_CHARTMOGUL_MERGE_WITH="Chargebee")
    assert ran.code == 0, ran.log
    assert project.summary("target-chartmogul-merge-report")["merges"]["matched"] > 0
    assert chartmogul.writes() == 0
    assert "Intercom leads" not in chartmogul.sources()
    assert project.state(TARGET) == {}


def test_what_was_imported_is_listed_and_deleted_and_imported_again(project: Project, chartmogul: ChartMogul) -> None:
    """`sources` and `review` list the data. `delete-source` asks for the source's name. `resync-leads` restores all."""
    assert project.leads().code == 0
    customers, contacts = chartmogul.held("customers"), chartmogul.held("contacts")

    code, out, _ = project.command(f"{TARGET}:sources")
    assert (code, [line.split()[:2] for line in out.splitlines()[1:]]) == (
        0,
        [["Chargebee", "Chargebee"], ["Intercom", "leads"]],
    )
    code, out, _ = project.command(f"{TARGET}:review")
    assert code == 0
    assert f"Intercom leads: customers: {len(customers)}, contacts: {len(contacts)}" in out
    with (project.root / "output" / TARGET / "review_customers.csv").open(newline="") as file:
        assert sorted(row["external_id"] for row in csv.DictReader(file)) == customers

    code, out, log = project.command(f"{TARGET}:delete-source", typed="Intercom\n")
    assert code != 0
    assert f"contacts: {len(contacts)}" in out
    assert "That is not its name: nothing was deleted." in log
    assert "Traceback" not in log
    assert (chartmogul.held("customers"), chartmogul.held("contacts")) == (customers, contacts)

    code, out, _ = project.command(f"{TARGET}:delete-source", typed="Intercom leads\n")
    assert code == 0
    assert "meltano run resync-leads" in out
    assert "Intercom leads" not in chartmogul.sources()

    ran = project.leads()
    assert ran.said("meltano run resync-leads")
    assert project.meltano("run", "resync-leads").code == 0
    assert (chartmogul.held("customers"), chartmogul.held("contacts")) == (customers, contacts)


def test_a_merge_report_without_a_source_to_merge_with_is_one_sentence(project: Project) -> None:
    """The error names the setting and the command that lists its possible values, without a traceback."""
    ran = project.meltano("run", "merge-report")
    assert ran.code != 0
    assert ran.said("`merge_with` (TARGET_CHARTMOGUL_MERGE_WITH)")
    assert ran.said("meltano invoke target-chartmogul:sources")
    assert not ran.said("Traceback (most recent call last)")
