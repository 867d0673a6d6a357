"""The commands for imported data: sources, review, delete-source and unmerge."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from singer_kit.folders import read_folders
from singer_kit.run_lock import RunLock
from target_chartmogul.admin.commands import main

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]

COMMAND = Path(sys.executable).with_name("target-chartmogul-admin")


@pytest.fixture
def command(account: Any, target: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that runs a command with typed input, and returns its output."""
    for name, value in target.config().items():
        monkeypatch.setenv(f"TARGET_CHARTMOGUL_{name.upper()}", value)

    def run(*arguments: str, typed: str = "") -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        target.capsys.readouterr()
        account.sandbox.clear_calls()
        main(arguments)
        return str(target.capsys.readouterr().out)

    return run


@pytest.fixture
def imported(target: Any, lead: Record, person: Record, account: Any) -> None:
    """Import two customers, one of them merged with billing's, and three contacts."""
    target.run([lead("a", {"plan": "x"}, ["t"]), lead("b"), *(person(name, "a") for name in ("ann", "bob", "eve"))])
    account.merge(account.customer("b")["uuid"], account.add("cb-1", "Billing", name="Billed"))


@pytest.mark.usefixtures("imported")
def test_sources(account: Any, command: Callable[..., str]) -> None:
    """`sources` lists all data sources with their numbers of imported customers."""
    lines = [line.split() for line in command("sources").splitlines()]
    assert lines[0] == ["name", "system", "status", "processed", "failed", "pending", "created_at", "uuid"]
    assert ["Intercom", "leads", "Custom", "idle", "2", "0", "0"] in [line[:7] for line in lines]
    assert account.calls() == {"GET /data_sources": 1}


@pytest.mark.usefixtures("imported")
def test_review(account: Any, target: Any, command: Callable[..., str]) -> None:
    """`review` shows the imported data on the terminal, and writes it as CSV."""
    out = command("review")
    assert "New Lead  2" in out
    assert "Intercom leads: customers: 2, contacts: 3" in out
    with (target.directory / "review_customers.csv").open(newline="") as file:
        rows = {row["external_id"]: row for row in csv.DictReader(file)}
    assert rows["a"] == {
        "external_id": "a",
        "name": "A",
        "status": "New Lead",
        "lead_created_at": "2025-11-05T08:30:00.000Z",
        "contacts": "3",
        "attributes": "plan=x; #t",
        "sources": "1",
        "last_change": "",
        "uuid": account.customer("a")["uuid"],
    }
    assert (rows["b"]["name"], rows["b"]["sources"]) == ("Billed", "2")
    with (target.directory / "review_contacts.csv").open(newline="") as file:
        assert sorted(row["external_id"] for row in csv.DictReader(file)) == ["ann:a", "bob:a", "eve:a"]
    assert (target.directory / "review_contacts.csv").stat().st_mode & 0o777 == 0o600


def test_every_file_of_reports_and_memory_is_noted(
    target: Any, lead: Record, command: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under Meltano, both folders and all file names are registered, so that they can be removed later."""
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(tmp_path))
    target.run([lead("a")])
    command("review")
    noted = read_folders(tmp_path / ".meltano/standpipe/folders.jsonl")
    assert [(one.plugin, one.folder) for one in noted] == [
        ("target-chartmogul", str(target.directory)),
        ("target-chartmogul", str(target.directory / "memory")),
    ]
    left = {path for path in target.directory.rglob("*") if path.is_file()}
    assert {path for one in noted for path in one.list_files()} == left


def test_a_name_that_is_a_formula_is_text(
    target: Any, lead: Record, person: Record, command: Callable[..., str]
) -> None:
    """A name or id that looks like a formula is text in every table."""
    target.run([lead("=1+1") | {"name": "@SUM(A1)"}, person("+x", "=1+1")])
    command("review")
    tables = {path.name: path.read_text() for path in target.directory.glob("*.csv")}
    assert {name for name, text in tables.items() if "1+1" in text} == {
        "created.csv", "review_customers.csv", "review_contacts.csv",
    }  # fmt: skip
    assert "'=1+1,'@SUM(A1)," in tables["review_customers.csv"]
    cells = [cell for text in tables.values() for row in csv.reader(text.splitlines()) for cell in row]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))] == []


@pytest.mark.usefixtures("imported")
def test_review_with_the_last_change(target: Any, command: Callable[..., str]) -> None:
    """`review --last-change` also requests each customer's last change."""
    command("review", "--last-change")
    with (target.directory / "review_customers.csv").open(newline="") as file:
        assert {row["last_change"] for row in csv.DictReader(file)} == {"2026-01-15T12:00:00.000Z"}
    assert target.calls["GET /customers/{uuid}"] == 2


@pytest.mark.usefixtures("imported")
def test_a_deletion_says_what_will_be_lost(account: Any, command: Callable[..., str]) -> None:
    """`delete-source` lists what will be deleted and what stays, and deletes once the name is typed."""
    out = command("delete-source", typed="Intercom leads\n")
    assert out.splitlines()[:4] == [
        "Deleting Intercom leads removes immediately and permanently:",
        "  customers with their attributes, tags, MRR adjustments and connected subscriptions: 1",
        "  contacts: 3",
        "  its part of customers that are merged with another source's customers, whose own data stays: 1",
    ]
    assert "meltano run resync-leads" in out.splitlines()[-1]
    assert [one.name for one in account.held.sources] == ["Chargebee", "Billing"]
    assert list(account.customers("Billing")) == ["cb-1"]


@pytest.mark.usefixtures("imported")
@pytest.mark.parametrize("typed", ["", "\n", "yes\n", "intercom leads\n"])
def test_a_deletion_needs_the_name(account: Any, command: Callable[..., str], typed: str) -> None:
    """Any other text than the name deletes nothing."""
    with pytest.raises(SystemExit, match=r"^That is not its name: nothing was deleted\.$"):
        command("delete-source", typed=typed)
    assert account.writes() == 0


@pytest.mark.usefixtures("imported")
def test_a_script_gives_the_name_too(account: Any, command: Callable[..., str]) -> None:
    """`--yes` without `--name` is refused; with both, nothing is asked."""
    with pytest.raises(SystemExit):
        command("delete-source", "--yes")
    assert account.writes() == 0
    command("delete-source", "--name", "Intercom leads", "--yes")
    assert account.calls()["DELETE /data_sources/{uuid}"] == 1


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Nowhere", "ChartMogul has no data source named `Nowhere`: there is Chargebee."),
        ("Chargebee", "The data source `Chargebee` belongs to ChartMogul's integration with Chargebee"),
    ],
)
def test_a_source_that_cannot_be_deleted(command: Callable[..., str], name: str, sentence: str) -> None:
    """An unknown source, or one that an integration fills, is refused in one sentence."""
    with pytest.raises(SystemExit, match=f"^{sentence}"):
        command("delete-source", "--name", name, "--yes")


MERGE = {"merge": "apply", "merge_with": "Billing"}


@pytest.fixture
def merged(account: Any, target: Any, lead: Any) -> None:
    """Import three leads, and merge two of them with billing's customers."""
    for name in "ab":
        account.add(f"cb-{name}", "Billing", name=f"Billed {name}", company=name)
    target.run([lead(name) for name in "abc"], **MERGE)
    account.sandbox.clear_calls()


def shared(account: Any) -> list[str]:
    """Return the leads that are merged with billing's customers."""
    return sorted(name for name, one in account.customers().items() if len(one["data_source_uuids"]) > 1)


@pytest.mark.usefixtures("merged")
def test_unmerge_takes_apart_what_was_merged(account: Any, target: Any, lead: Any, command: Callable[..., str]) -> None:
    """`unmerge` lists the merges, asks, and undoes them; later runs do not merge these pairs again."""
    out = command("unmerge", typed="2\n")
    assert [line.split()[:2] for line in out.splitlines()[:3]] == [
        ["external_id", "into"],
        ["a", "cb-a"],
        ["b", "cb-b"],
    ]
    assert "Type 2 to unmerge this many customers:\n" in out
    assert "2 customers are unmerged; this target will not merge them again" in out
    assert shared(account) == []
    ran = target.run([lead(name) for name in "abc"], **MERGE)
    assert ran.summary["merges"] == {"kept_apart": 2, "unmatched": 1}
    assert command("unmerge") == "There is nothing to unmerge: no such customer is merged now.\n"


@pytest.mark.usefixtures("merged")
def test_unmerge_of_one_lead(account: Any, command: Callable[..., str]) -> None:
    """`unmerge` with names undoes only those; `--yes` skips the question."""
    command("unmerge", "b", "--yes")
    assert shared(account) == ["a"]


@pytest.mark.usefixtures("merged")
@pytest.mark.parametrize("typed", ["", "yes\n", "1\n"])
def test_unmerge_needs_the_number(account: Any, command: Callable[..., str], typed: str) -> None:
    """Any other text than the number of customers changes nothing."""
    with pytest.raises(SystemExit, match=r"^Nothing was unmerged\.$"):
        command("unmerge", typed=typed)
    assert account.writes() == 0


@pytest.mark.usefixtures("merged")
def test_an_unmerge_that_was_cut_short_goes_on(account: Any, command: Callable[..., str]) -> None:
    """After an error in the middle, the same command undoes the remaining merges."""
    refusal = {"status": 422, "body": {"error": "No"}}
    account.sandbox.fault(method="POST", path="/customers/unmerges", nth=2, effect=refusal)
    with pytest.raises(SystemExit, match=r"^ChartMogul refused: No$"):
        command("unmerge", "--yes")
    assert shared(account) == ["b"]
    command("unmerge", "--yes")
    assert shared(account) == []


def read_journal(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of the only journal without times, and delete it."""
    (path,) = folder.iterdir()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    path.unlink()
    return [{name: value for name, value in line.items() if name != "at"} for line in lines]


@pytest.mark.usefixtures("merged")
def test_a_command_that_writes_keeps_a_journal(
    account: Any, command: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each merge that is undone, and the source that is deleted, is announced before and settled after; also refusals.

    Commands that only read keep none.
    """
    folder = tmp_path / "journal"
    monkeypatch.setenv("TARGET_CHARTMOGUL_JOURNAL_DIR", str(folder))
    command("sources")
    assert not folder.exists()
    uuid, source = account.customer("a")["uuid"], account.source()

    command("unmerge", "a", "--yes")
    start, *lines, end = read_journal(folder)
    assert (start["plugin"], start["mode"], end["status"]) == ("target-chartmogul", "unmerge", "completed")
    write, fields = {"n": 1, "remote_id": uuid}, {"merged_into": {"before": uuid, "after": None}}
    names = {"stream": "merges", "id": "a", "action": "unmerge", "name": "Billed a"}
    assert lines == [
        {"type": "intent", **write, **names, "fields": fields},
        {"type": "outcome", **write, "kind": "unmerged", "fields": fields},
    ]

    refusal = {"status": 422, "body": {"error": "No"}}
    account.sandbox.fault(method="POST", path="/customers/unmerges", nth=1, effect=refusal)
    with pytest.raises(SystemExit, match=r"^ChartMogul refused: No$"):
        command("unmerge", "--yes")
    *_, outcome, end = read_journal(folder)
    assert (outcome["kind"], outcome["reason"], end["status"]) == ("rejected", "No", "failed")

    command("delete-source", "--name", "Intercom leads", "--yes")
    start, *lines, end = read_journal(folder)
    assert (start["mode"], end["status"]) == ("delete-source", "completed")
    write = {"n": 1, "remote_id": source}
    assert lines == [
        {"type": "intent", **write, "stream": "data_sources", "id": "Intercom leads", "action": "delete"},
        {"type": "outcome", **write, "kind": "deleted"},
    ]


@pytest.mark.usefixtures("merged")
@pytest.mark.parametrize(
    "words", [["unmerge"], ["delete-source", "--name", "Intercom leads"]], ids=["unmerge", "delete"]
)
def test_no_command_writes_beside_a_run(
    account: Any, target: Any, command: Callable[..., str], words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a run holds the lock, a command that writes is refused; one that reads works."""
    monkeypatch.setattr("target_chartmogul._kit.target_run.PATIENCE", 0)
    run = RunLock(target.directory / "memory")
    with pytest.raises(SystemExit, match=r"^Another run of target-chartmogul is under way \(process "):
        command(*words, "--yes")
    assert account.writes() == 0
    assert "Intercom leads" in command("sources")
    run.release()
    command(*words, "--yes")
    assert account.writes() > 0


def test_merges_that_somebody_undid_are_passed_over(account: Any, command: Callable[..., str], request: Any) -> None:
    """A merge that has already been undone is not offered."""
    request.getfixturevalue("merged")
    one = account.customer("a")
    body = {"customer_uuid": one["uuid"], "data_source_uuid": account.source(), "external_id": "a"}
    account.call("POST", "/customers/unmerges", body)
    account.settle()
    assert [line.split()[0] for line in command("unmerge", "--yes").splitlines()[:2]] == ["external_id", "b"]


def test_the_command_itself(target: Any) -> None:
    """The command reads a configuration file, and reports a wrong key in one sentence."""
    target.directory.mkdir()
    config = target.directory / "config.json"
    config.write_text(json.dumps(target.config(api_key="wrong")))
    done = subprocess.run(
        [COMMAND, "--config", config, "sources"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "ChartMogul refused the key in `api_key` (No valid API key provided)"
    )
    assert "Traceback" not in done.stderr
