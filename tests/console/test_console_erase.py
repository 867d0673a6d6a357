"""`erase` removes a person from ChartMogul and from all local files, and no later run brings the person back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests
from click.testing import CliRunner
from in_process import swap_streams
from singer_kit.block_list import BlockList
from standpipe_console.cli import main
from standpipe_console.errors import ConsoleError
from standpipe_console.history import open_history
from standpipe_console.live.inbox import Inbox
from standpipe_console.live.rings import Ring, Subject, Target
from standpipe_console.live.settings import read_inbox_url
from standpipe_console.project.meltano import Project
from standpipe_console.project.pipelines import LEADS, SYNC
from standpipe_console.removal.erase import find_trace
from standpipe_maps.leads.mapper import MapLeads
from standpipe_maps.subscriptions.mapper import MapSubscriptions

from tests.history.conftest import START, JournalFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.testing import RunningSandbox

ANN, BOB = "Ann.Example@x.io", "bob@x.io"
COMPANY = {"id": "co1", "company_id": "acme", "name": "Acme", "created_at": 1600000000, "updated_at": 1}
CUSTOMER = {"created_at": 1600000000, "updated_at": 1}
SUBSCRIPTION = {"status": "active", "mrr": 900, "created_at": 1600000000, "updated_at": 1}


def contact(key: str, email: str, role: str = "user") -> dict[str, Any]:
    """Return a contact of the company `co1`."""
    links = {"data": [{"id": "co1"}], "has_more": False}
    return {"id": key, "role": role, "email": email, "companies": links, "created_at": 1600000000, "updated_at": 1}


LEADS_ROWS = {
    "companies": [COMPANY],
    "contacts": [contact("ann", ANN), contact("lead", ANN.lower(), "lead"), contact("bob", BOB)],
}
BILLING_ROWS = {
    "customers": [{**CUSTOMER, "id": "acme", "email": ANN}, {**CUSTOMER, "id": "c2", "email": BOB}],
    "invoices": [{"id": "i1", "customer_id": "acme", "status": "paid", "date": 1600000000, "updated_at": 1}],
    "subscriptions": [{**SUBSCRIPTION, "id": f"s{n}", "customer_id": n} for n in ("acme", "c2")],
}


def run_map(
    kind: Any, folder: Path, rows: dict[str, list[dict[str, Any]]], state: dict[str, Any]
) -> list[dict[str, Any]]:
    """Run a map over all rows and return its records. `state` receives the map's STATE."""
    marker = {
        "completed_at": 1768478400000,
        "streams": ",".join(rows),
        "from": None,
        "subset": 0,
        "whole": ",".join(rows),
        "rows": ",".join(f"{name}:{len(records)}" for name, records in rows.items()),
    }
    bookmarks = {"_map": state} if state else {}
    lines = [{"type": "STATE", "value": {"bookmarks": bookmarks}}] if state else []
    for name, records in rows.items():
        lines.append({"type": "SCHEMA", "stream": name, "schema": {"properties": {}}, "key_properties": ["id"]})
        lines += [{"type": "RECORD", "stream": name, "record": record} for record in records]
    lines.append({"type": "STATE", "value": {"bookmarks": {"_sync": marker, **bookmarks}}})
    with swap_streams("".join(json.dumps(line) + "\n" for line in lines)) as output:
        kind(config={"store_dir": str(folder), "resend": "all"}).listen()
    messages = [json.loads(line) for line in output.getvalue().splitlines()]
    state.update(next(one["value"]["bookmarks"]["_map"] for one in messages if one["type"] == "STATE"))
    return [one["record"] for one in messages if one["type"] == "RECORD"]


@pytest.fixture
def erased(
    installed_project: Project,
    of_plugins: dict[str, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., str]:
    """`erased(PERSON, answer)`: the command's output in a project with stores, reports and contacts in ChartMogul."""
    for key in LEADS.keys:
        monkeypatch.setenv(key.variable, "key")
    settings = {
        name: dict(of_plugins.get(name, {}))
        for name in (*SYNC.plugins, *LEADS.plugins, *SYNC.inherited, *LEADS.inherited)
    }
    settings["target-chartmogul"]["report_dir"] = str(installed_project.root / "output")
    for pipeline in (SYNC, LEADS):
        settings[pipeline.map]["store_dir"] = str(installed_project.system_dir / "transforms")
    monkeypatch.setattr(Project, "_read_settings", lambda _, plugin: settings[plugin])

    def erase(person: str, answer: str = "y\n") -> str:
        command = ["--project", str(installed_project.root), "--environment", "prod", "erase", person]
        done = CliRunner().invoke(main, command, input=answer)
        assert done.exit_code == 0, (done.output, done.exception)
        return done.output

    return erase


def call(sandbox: RunningSandbox, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Call ChartMogul's API."""
    answer = requests.request(
        method, f"{sandbox.chartmogul_url}{path}", json=body, auth=("sandbox_key", ""), timeout=10
    )
    answer.raise_for_status()
    return dict(answer.json())


def fill_chartmogul(sandbox: RunningSandbox) -> None:
    """Create three contacts of one customer: two are the same person, and one of these has no address."""
    source = call(sandbox, "POST", "/data_sources", {"name": "Intercom leads"})["uuid"]
    body = {"data_source_uuid": source, "external_id": "acme", "name": "Acme", "email": ANN}
    customer = call(sandbox, "POST", "/customers", body)["uuid"]
    for external_id, email in (("ann:acme", ANN), ("lead:acme", None), ("bob:acme", BOB)):
        person = {"external_id": external_id, "email": email, "customer_uuid": customer, "data_source_uuid": source}
        call(sandbox, "POST", "/contacts", {name: value for name, value in person.items() if value})


def emails(sandbox: RunningSandbox) -> list[str]:
    """Return the external ids of ChartMogul's contacts."""
    return sorted(one["external_id"] for one in call(sandbox, "GET", "/contacts")["entries"] if one["external_id"])


@pytest.mark.parametrize("person", [ANN, ANN.lower(), "ann", "lead", "acme"])
def test_a_person_is_erased_everywhere(
    person: str, erased: Callable[..., str], project: Project, sandbox: RunningSandbox
) -> None:
    """An address or any id finds the person. Contacts, rows and report lines go, and later runs skip the person."""
    folder = project.system_dir / "transforms"
    leads: dict[str, Any] = {}
    billing: dict[str, Any] = {}
    run_map(MapLeads, folder, LEADS_ROWS, leads)
    run_map(MapSubscriptions, folder, BILLING_ROWS, billing)
    fill_chartmogul(sandbox)
    reports = project.root / "output"
    reports.mkdir()
    (reports / "skipped.csv").write_text(f'id,email\nann:acme,{ANN}\nbob:acme,"{BOB}"\n')
    (reports / "created.jsonl").write_text(f'{{"email":"{ANN}"}}\n{{"email":"{BOB}"}}\n')

    said = erased(person)
    assert "contacts in ChartMogul: 2" in said
    assert "Deleted 2 contacts in ChartMogul." in said
    assert "Removed the address from 1 customers in ChartMogul." in said
    assert emails(sandbox) == ["bob:acme"]
    assert (reports / "skipped.csv").read_text().splitlines() == ["id,email", f"bob:acme,{BOB}"]
    assert (reports / "created.jsonl").read_text() == f'{{"email":"{BOB}"}}\n'
    kept = b"".join(path.read_bytes() for path in folder.iterdir() if path.name != "erased.json").lower()
    assert ANN.lower().encode() not in kept
    assert BOB.encode() in kept
    assert ANN.lower() not in (folder / "erased.json").read_text().lower()

    sent = run_map(MapLeads, folder, LEADS_ROWS, leads)
    assert [one["external_id"] for one in sent] == ["acme", "bob:acme"]
    assert sent[0]["email"] == BOB
    sent = run_map(MapSubscriptions, folder, BILLING_ROWS, billing)
    assert [one["customer_id"] for one in sent] == ["c2"]


def test_customers_that_show_the_address(erased: Callable[..., str], project: Project, sandbox: RunningSandbox) -> None:
    """Customers of the leads' source lose the address. Those of other sources are only counted."""
    fill_chartmogul(sandbox)
    source = call(sandbox, "POST", "/data_sources", {"name": "Other"})["uuid"]
    other = {"data_source_uuid": source, "external_id": "other", "name": "Other", "email": ANN}
    call(sandbox, "POST", "/customers", other)
    (project.system_dir / "transforms").mkdir(parents=True)

    said = erased(ANN)
    assert "customers in ChartMogul that show the address: 1, and 1 of other data sources" in said
    assert "Removed the address from 1 customers in ChartMogul." in said
    assert "1 customers of other data sources in ChartMogul show the address: remove it in those sources." in said
    shown = {one["external_id"]: one["email"] for one in call(sandbox, "GET", "/customers")["entries"]}
    assert (shown["acme"], shown["other"]) == ("", ANN)


def test_nothing_is_removed_without_a_yes(
    erased: Callable[..., str], project: Project, sandbox: RunningSandbox
) -> None:
    """The question is a complete line. Any answer except yes means no."""
    run_map(MapLeads, project.system_dir / "transforms", LEADS_ROWS, {})
    fill_chartmogul(sandbox)
    said = erased(ANN, answer="\n")
    assert said.splitlines()[-2:] == [
        "Remove all of this, and keep the person out of all future runs? Type y for yes, anything else for no:",
        "Nothing was removed.",
    ]
    assert len(emails(sandbox)) == 3
    assert not BlockList(project.system_dir / "transforms")


def test_an_address_that_is_a_part_of_others(erased: Callable[..., str], project: Project) -> None:
    """Erasing `ann@x.io` keeps rows with `joann@x.io` and removes sentences that contain the address."""
    reports = project.root / "output"
    reports.mkdir()
    others = ["joann@x.io", "jo.ann@x.io", "jo-ann@x.io", "ann@x.io.example", "ann@x.iot", "ann+b@x.io"]
    named = ["ann@x.io", "The address ann@x.io, is taken.", "<Ann@X.io>", "mailto:ann@x.io", "ann@x.io."]
    path = reports / "rejected.csv"
    path.write_text("".join(f'"{one}"\n' for one in ("reason", *others, *named)))
    erased("ann@x.io")
    assert path.read_text().splitlines() == ["reason", *others]


def test_an_address_spelt_otherwise(erased: Callable[..., str], project: Project) -> None:
    """Letter case, surrounding spaces and the encoding of accents do not matter."""
    folder = project.system_dir / "transforms"
    rows = {**LEADS_ROWS, "contacts": [contact("ren", "Ren\u00e9e@x.io"), contact("bob", BOB)]}
    run_map(MapLeads, folder, rows, {})
    said = erased(" rene\u0301e@X.io ")
    assert "stores: none" not in said
    assert b"Ren" not in b"".join(path.read_bytes() for path in folder.glob("*.sqlite"))


@pytest.mark.parametrize("person", ["", "  "])
def test_nobody(person: str, project: Project) -> None:
    """An empty name is refused before any search."""
    with pytest.raises(ConsoleError, match=r"^Name the person to erase: an e-mail address or an id.$"):
        find_trace(project, person)


def test_somebody_nobody_knows(erased: Callable[..., str], project: Project) -> None:
    """An unknown person is blocked too, as a later run might read this person for the first time."""
    (project.system_dir / "transforms").mkdir(parents=True)
    assert "Deleted 0 contacts in ChartMogul." in erased("new@x.io")
    assert BlockList(project.system_dir / "transforms").is_blocked("NEW@x.io ")


PERSON = ("cust-8813", "5f0a88135f0a88135f0a8813", ANN.lower(), "ann example")


def fill_history(project: Project) -> None:
    """Two runs wrote to two people: the first one is loaded, the journal of the second one waits."""
    folder = project.system_dir / "standpipe"
    for number in range(2):
        journal = JournalFile(folder, f"r{number}", at=START + 100 * number)
        ann = {"remote_id": PERSON[1], "name": "Ann Example", "email": ANN}
        fields = {"email": {"before": f"old.{ANN}", "after": ANN}, "name": {"before": None, "after": "Ann Example"}}
        n = journal.intend(PERSON[0], fields=fields, **ann)
        journal.add("outcome", n=n, kind="updated", remote_id=PERSON[1], fields=fields)
        journal.write("c2", name="Bob", email=BOB)
        journal.end()
        if number == 0:
            with open_history(project):
                pass


def fill_files(project: Project) -> list[Path]:
    """Write reports, those of one run too, and logs of Meltano and of the console; each names both people."""
    root, line = project.root, json.dumps({"id": PERSON[0], "name": "Ann Example", "email": ANN})
    texts = {
        "output/matched.csv": f"id,name,email\n{PERSON[0]},Ann Example,{ANN}\nc2,Bob,{BOB}\n",
        "output/runs/2026-01-15T12-00-00Z/changes.jsonl": f'{line}\n{{"id": "c2", "email": "{BOB}"}}\n',
        "logs/sync/2026-01-15T12-00-00Z.log": f"updated {PERSON[0]}, Ann Example\nupdated c2 ({BOB})\n",
        ".meltano/logs/elt/prod/1/elt.log": f"https://app.intercom.com/users/{PERSON[1]}/all\n{BOB}\n",
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "output/validation.html").write_text(f"<td>{PERSON[0]}</td><td>Ann Example</td>")
    (root / "output/summary.json").write_text(json.dumps({"odd": [f"{PERSON[0]} has no date"]}))
    return [root / name for name in texts]


def test_no_file_of_the_project_names_the_person_afterwards(
    erased: Callable[..., str], project: Project, sandbox: RunningSandbox
) -> None:
    """No database, report, journal or log has an id, the address or the name; the lines about others stay."""
    sandbox.reset(customers=0)
    rows = {**LEADS_ROWS, "contacts": [contact(PERSON[1], ANN), contact("bob", BOB)]}
    run_map(MapLeads, project.system_dir / "transforms", rows, {})
    customers = [{**CUSTOMER, "id": PERSON[0], "email": ANN}, {**CUSTOMER, "id": "c2", "email": BOB}]
    subscriptions = [{**SUBSCRIPTION, "id": "s1", "customer_id": PERSON[0]}]
    rows = {"customers": customers, "subscriptions": subscriptions, "invoices": []}
    run_map(MapSubscriptions, project.system_dir / "transforms", rows, {})
    fill_history(project)
    files = fill_files(project)
    inbox = Inbox(read_inbox_url(project))
    inbox.add(
        [Ring("chargebee", "ev_1", "customer_changed", frozenset({Target("sync", Subject.CUSTOMER, PERSON[0])}))], START
    )
    inbox.close()

    said = erased(ANN)
    assert "history: 1 records" in said
    assert "Deleted 1 waiting ids of live." in said
    named = {
        (str(path.relative_to(project.root)), name)
        for path in project.root.rglob("*")
        if path.is_file() and not path.is_symlink()
        for name in PERSON
        if name.encode() in path.read_bytes().lower()
    }
    assert named == set()
    assert [BOB in path.read_text() for path in files] == [True] * 4
    with open_history(project) as history:
        assert [one.record_id for one in history.list_records("r1").rows] == ["c2"]
