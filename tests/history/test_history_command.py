"""`standpipe history` shows runs, one run, or one record."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from standpipe_console.cli import main

from tests.history.conftest import START, JournalFile, change

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project with the journals of two runs."""
    shutil.copy(ROOT / "meltano.yml", tmp_path)
    folder = tmp_path / ".meltano/standpipe"
    first = JournalFile(folder, "8f2c" + 28 * "0", at=START)
    dates = {"custom_attributes.cb_sub_next_bill_at": {"before": 1768478400, "after": 1771156800}}
    first.write("ann", name="Ann [bold]", email="ann@a.example", fields={**change("cb_cust_mrr", 5, 7), **dates})
    first.write("bob", "rejected", "bad phone")
    first.end(summary={"records": 90, "updated": 1, "unchanged": 88, "rejected": {"bad phone": 1}, "calls": 12})
    second = JournalFile(folder, "8f3d" + 28 * "0", at=START + 3600, plugin="target-chartmogul", job="sync-leads")
    second.end("failed", error="ChartMogul refuses `api_key`.")
    return tmp_path


def run(project: Path, *args: str) -> str:
    """Run the command and return its output."""
    result = CliRunner().invoke(main, ["--project", str(project), "history", *args], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return "\n".join(line.rstrip() for line in result.output.splitlines())


def read(project: Path, *args: str) -> Any:
    """Run the command and return its parsed JSON output."""
    return json.loads(run(project, *args, "--json"))


def test_the_last_runs_are_shown(project: Path) -> None:
    """The table has the latest run first, and the reasons of failed runs. Waiting journals are loaded first."""
    assert run(project) == (
        "run       started (UTC)     job         started by  status          seconds  records  written  skipped  "
        "rejected  calls\n"
        "8f3d0000  2025-11-30 18:00  sync-leads  schedule    failed          1.0      -        -        -        "
        "-         -\n"
        "8f2c0000  2025-11-30 17:00  sync        schedule    partly_refused  5.0      90       1        0        "
        "1         12\n"
        "8f3d0000: ChartMogul refuses `api_key`."
    )
    assert [one["job"] for one in read(project, "--job", "sync")] == ["sync"]
    assert len(read(project, "--limit", "1")) == 1


def test_one_run_is_shown_with_what_it_wrote(project: Path) -> None:
    """The first letters of an id find the run. Unix seconds become dates, and brackets in names are kept."""
    _, records, changes = run(project, "8f2c").split("\n\n")
    assert records == (
        "record  outcome   reason     name        e-mail         vendor's id\n"
        "ann     updated   -          Ann [bold]  ann@a.example  remote-ann\n"
        "bob     rejected  bad phone  -           -              remote-bob"
    )
    assert changes == (
        "record  field                before            after\n"
        "ann     cb_cust_mrr          5                 7\n"
        "ann     cb_sub_next_bill_at  2026-01-15 12:00  2026-02-15 12:00"
    )
    assert "1 of 2 records: --limit shows more." in run(project, "8f2c", "--limit", "1")
    assert "cb_cust_mrr" not in run(project, "8f2c", "--record", "bob")


def test_one_run_as_json(project: Path) -> None:
    """It includes the run's records, and their changes by field."""
    found = read(project, "8f2c", "--limit", "1")
    assert (found["run"]["status"], found["total"]) == ("partly_refused", 2)
    assert [one["record_id"] for one in found["records"]] == ["ann"]
    assert [one["fields"]["custom_attributes.cb_cust_mrr"] for one in found["changes"]] == [{"before": 5, "after": 7}]
    assert read(project, "latest")["run"]["job"] == "sync-leads"
    assert read(project, "latest", "--job", "sync")["run"]["job"] == "sync"


def test_every_change_of_a_record_is_shown(project: Path) -> None:
    """Each change is shown with its run."""
    assert run(project, "--record", "ann") == (
        "2025-11-30 17:00  target-intercom  run 8f2c0000: updated\n"
        "  field                before            after\n"
        "  cb_cust_mrr          5                 7\n"
        "  cb_sub_next_bill_at  2026-01-15 12:00  2026-02-15 12:00"
    )
    assert run(project, "--record", "eve") == "No run has written, refused or skipped the record eve."
    assert [one["changes"][0]["action"] for one in read(project, "--record", "ann")] == ["update"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("7", "The history has no run `7`: `standpipe history` lists the runs."),
        ("8f", "Several runs begin with `8f`: give more of the id."),
    ],
    ids=["none", "several"],
)
def test_a_run_must_be_one(project: Path, wanted: str, said: str) -> None:
    """A prefix that matches no run or several runs gives one sentence."""
    result = CliRunner().invoke(main, ["--project", str(project), "history", wanted])
    assert (result.exit_code, result.output) == (1, f"Error: {said}\n")


def test_an_empty_history_is_no_error(tmp_path: Path) -> None:
    """The command works before the first run."""
    shutil.copy(ROOT / "meltano.yml", tmp_path)
    assert run(tmp_path) == "The history has no run yet."


def test_a_history_that_cannot_be_opened_is_said(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is one sentence without the address, which may contain a password."""
    monkeypatch.setenv("HISTORY_URL", "postgresql:/user:secret@")
    result = CliRunner().invoke(main, ["--project", str(project), "history"])
    assert result.exit_code == 1
    assert "HISTORY_URL" in result.output
    assert "secret" not in result.output
