"""Runs, one run, its records and changes; customers; rejects."""

from __future__ import annotations

import csv
import io
import re
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from standpipe_console.errors import ConsoleError
from standpipe_console.page import customers

from tests.history.conftest import JournalFile, change
from tests.page.conftest import NOW
from tests.page.reports import HOSTILE
from tests.page.test_page_overview import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from standpipe_console.project.meltano import Project

    from tests.page.conftest import Page

RUN = "/run?id=run-1"
#: Every page that lists what the history holds.
LISTS = ["/", "/runs", RUN, f"{RUN}&kind=updated&sort=-name&page=2&q=n", "/customers?q=c", "/customer?id=ann",
         "/rejects", "/undo?id=run-1"]  # fmt: skip


def write_runs(project: Project) -> None:
    """Write a run of each pipeline: with written, refused and skipped records, some with hostile names."""
    folder = project.system_dir / "standpipe"
    run = JournalFile(folder, "run-1", at=NOW - 3 * 86_400)
    run.write("ann", "created", name="Ann Adams", email="ann@a.example", company="Acme",
              fields=change("cb_cust_mrr", None, 5.5))  # fmt: skip
    run.write(
        "bob", name=HOSTILE, email="bob@b.example", company="=HYPERLINK(1)", fields=change("cb_plan", "a", HOSTILE)
    )
    run.pass_over("cid", "skipped", "ambiguous", name="W" * 300)
    run.write("dan", "rejected", "Email is invalid", name="\u202eDan")
    run.end(summary={"records": 5, "created": 1, "updated": 1, "unchanged": 1, "skipped": {"ambiguous": 1},
                     "rejected": {"Email is invalid": 1}, "calls": 9})  # fmt: skip
    leads = JournalFile(folder, "run-2", at=NOW - 3600, plugin="target-chartmogul", job="sync-leads", trigger="live",
                        is_subset=True)  # fmt: skip
    leads.write("ann", stream="customers", name="Ann's company", fields=change("seats", 1, 2))
    leads.end(summary={"records": 1, "updated": 1, "calls": 3})


@pytest.fixture
def filled(page: Page) -> Page:
    """Return the page over two runs."""
    write_runs(page.project)
    page.project.set_setting("target-intercom", "source_url", "https://acme.chargebee.com/d/customers/{id}")
    return page


def test_runs_are_listed_the_latest_first(filled: Page) -> None:
    """The list has the latest run first, and shows who started each run and its figures."""
    text = read_text(filled.get("/runs").text)
    assert (
        "today 10:00 Sync of leads, some records completed live 3.0 s 1 1 0 0 3 "
        "27 Nov 11:00 Sync to Intercom partly refused the schedule 8.0 s 5 2 1 1 9"
    ) in text
    assert "Sync of leads, some" not in read_text(filled.get("/runs?job=sync").text)


def test_a_run_shows_its_records_by_outcome(filled: Page) -> None:
    """A run shows its records by outcome, with reason, remedy and written values."""
    text = read_text(filled.get(RUN).text)
    assert "1 records that were skipped skipped several match merge or correct them in Intercom" in text
    assert "1 records that were rejected rejected Email is invalid" in text
    assert "ann Ann Adams ann@a.example Acme created not known to Intercom 1 field Field Before After" in text
    assert "Monthly recurring revenue of all subscriptions cb_cust_mrr \N{EN DASH} 5.50" in text


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", ["ann", "bob", "cid", "dan"]),
        ("&sort=-record_id", ["dan", "cid", "bob", "ann"]),
        ("&kind=rejected", ["dan"]),
        ("&q=acme", ["ann"]),
        ("&q=<script>", ["bob"]),
        ("&kind=nothing", []),
        ("&page=9", []),
        ("&page=-1&sort=password&kind=updated", ["bob"]),
    ],
)
def test_records_are_searched_sorted_and_paged(filled: Page, query: str, ids: list[str]) -> None:
    """Invalid parts of an address are ignored, and the download has the same records on every page."""
    html = filled.get(RUN + query).text
    shown = [one for one in ("ann", "bob", "cid", "dan", "dan") if f"/customer?id={one}" in html]
    assert sorted(set(shown)) == sorted(ids)
    rows = list(csv.DictReader(io.StringIO(filled.get(f"/run/records.csv?id=run-1{query}").text)))
    expected = ["ann", "bob", "cid", "dan"] if "page=9" in query else ids
    assert [row["record_id"] for row in rows] == expected


def test_a_run_that_only_looks_or_restores_says_so(page: Page) -> None:
    """A validation and a comparison have written nothing, and an undo is no sync."""
    folder = page.project.system_dir / "standpipe"
    summary = {"records": 7, "updated": 4, "created": 1, "skipped": {"ambiguous": 2}, "calls": 9}
    for number, (job, plugin, mode) in enumerate((
        ("validate", "target-intercom", "validate"),
        ("merge-report", "target-chartmogul", "validate"),
        ("sync", "target-intercom", "undo"),
        ("sync-leads", "target-chartmogul", "undo"),
    )):  # fmt: skip
        run = JournalFile(folder, f"run-{number}", at=NOW - 3600 * (number + 1), plugin=plugin, job=job, mode=mode)
        run.end(summary=summary if mode == "validate" else {"records": 7, "restored": 5})
    text = read_text(page.get("/runs").text)
    assert "Validation completed the schedule 1.0 s 7 \N{EN DASH} 2 0 9" in text
    assert "Comparison of leads completed the schedule 1.0 s 7 \N{EN DASH} 2 0 9" in text
    assert "Undo in Intercom completed 5 of 7 put back the schedule 1.0 s 7 5 0 0" in text
    assert "Undo in ChartMogul completed" in text
    assert "wrote nothing. Validation shows what a sync would do." in read_text(page.get("/run?id=run-0").text)
    assert "wrote nothing. The merge report shows who" in read_text(page.get("/run?id=run-1").text)


def test_own_attributes_are_explained(filled: Page) -> None:
    """A renamed one says what its base says, a computed one shows its expression; the table of a run has both."""
    project = filled.project
    project.set_settings("map-subscriptions", {
        **project.get_settings("map-subscriptions"),
        "attributes": {"cust_mrr": "revenue", "cb_arr": "cust_mrr * 12", "payment_type": False, "cb_plan": HOSTILE},
    })  # fmt: skip
    assert [filled.site.view.describe_field(f"custom_attributes.{name}") for name in (
        "cb_revenue", "cb_arr", "cb_payment_type", "cb_sub_status", "revenue", "name",
    )] == [
        "Monthly recurring revenue of all subscriptions", "Computed: cust_mrr * 12", "Type of the payment method",
        "Status of the subscription", "", "",
    ]  # fmt: skip
    html = filled.get(RUN).text
    assert "<script" not in html
    assert "Computed: <script>" in read_text(html)


def test_a_download_holds_no_formula(filled: Page) -> None:
    """Spreadsheets treat a name that a stranger chose as text."""
    answer = filled.get("/run/records.csv?id=run-1")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="records-run-1.csv"'
    rows = {row["record_id"]: row for row in csv.DictReader(io.StringIO(answer.text))}
    assert rows["bob"]["company"] == "'=HYPERLINK(1)"
    assert rows["bob"]["name"] == HOSTILE
    changes = list(csv.reader(io.StringIO(filled.get("/run/changes.csv?id=run-1").text)))
    assert changes[1][:7] == ["ann", "contacts", "remote-ann", "created", "cb_cust_mrr", "", "5.5"]


def test_a_customer_is_found_and_shows_every_change(filled: Page) -> None:
    """A customer's page shows the changes of all pipelines, the latest first, each with its run."""
    text = read_text(filled.get("/customers?q=ann@a").text)
    assert "ann Ann Adams ann@a.example Acme Intercom created" in text
    text = read_text(filled.get("/customer?id=ann").text)
    assert "today 10:00 updated in ChartMogul: it was there, and something differed . The run" in text
    assert "seats 1 2" in text
    assert "27 Nov 11:00 created in Intercom: not known to Intercom . The run" in text


def test_what_stands_in_a_customers_way_comes_first(filled: Page) -> None:
    """A person who sees an old value learns why, and what to do."""
    text = read_text(filled.get("/customer?id=dan").text)
    assert (
        "27 Nov 11:00 : rejected in Intercom: Email is invalid . Intercom still shows the values from before. "
        "Correct it in Chargebee; the next run sends it again."
    ) in text
    assert "still shows" not in read_text(filled.get("/customer?id=ann").text)


EXPLAINED: dict[str, Any] = {
    "customer_id": "ann",
    "chargebee": {
        "customers": [{"id": "ann", "email": "ann@a.example", "company": HOSTILE, "created_at": 1_764_000_000}],
        "subscriptions": [{"id": "s1", "status": "active", "mrr": 500, "currency_code": "EUR"}],
        "invoices": [{"id": "7", "status": "paid", "total": 4350, "amount_due": 0, "currency_code": "JPY"}],
    },
    "zero_decimal_currencies": ["JPY"],
    "shares_match_with": ["eve"],
    "sent_is": "ann",
    "left_out": None,
    "derived": {"custom_attributes": {"cb_cust_mrr": 5, "cb_sub_status": "active", "cb_plan": None}},
    "decision": {
        "match_value": "ann@a.example",
        "intercom_ids": ["abc"],
        "intercom_links": ["https://app.intercom.com/a/apps/w/users/abc", "javascript:alert(1)"],
        "outcome": "updated",
        "because": "matched, and something differed",
        "remedy": "",
        "fields": ["cb_cust_mrr"],
    },
    "moments": [
        {
            "at": "2025-11-30T10:00:02+00:00",
            "run_id": "run-1",
            "event": "payment-failed",
            "chargebee_event_id": "ev_2",
            "outcome": "sent",
            "reason": "",
        },
        {
            "at": "2025-11-29T10:00:02+00:00",
            "run_id": "run-1",
            "event": HOSTILE,
            "chargebee_event_id": "ev_1",
            "outcome": "rejected",
            "reason": "too old",
        },
    ],
    "intercom": {"id": "abc", "custom_attributes": {"cb_cust_mrr": 4, "cb_sub_status": "active"}},
    "last_run": {},
}


@pytest.fixture
def vendors(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Return a function that lets the vendors answer.

    Meltano, the map and the target would take seconds, so they are not started.
    """
    answered = threading.Event()

    def explain(_project: Project, wanted: str) -> dict[str, Any]:
        assert answered.wait(30)
        if wanted != "ann":
            raise ConsoleError(f"No customer is {wanted}.")
        return EXPLAINED

    monkeypatch.setattr(customers, "explain_customer", explain)
    return answered


def test_a_customer_is_explained_when_the_vendors_have_answered(filled: Page, vendors: threading.Event) -> None:
    """While the vendors are asked, the page shows the history and reloads itself, unless the user has stopped that."""
    first = filled.get("/customer?id=ann")
    assert first.headers["refresh"] == "2"
    assert "asking Intercom" in first.text
    assert "created in Intercom" in read_text(first.text)
    assert "refresh" not in filled.get("/customer?id=ann&still=1").headers
    vendors.set()
    answer = filled.get("/customer?id=ann")
    assert "refresh" not in answer.headers
    text = read_text(answer.text)
    assert "It shares its match value with eve: one record is sent, that of ann." in text
    assert "Decision: updated (matched, and something differed)" in text
    mrr, status = (
        "Monthly recurring revenue of all subscriptions cb_cust_mrr",
        "Status of the subscription cb_sub_status",
    )
    assert f"{mrr} 5 4 differs {status} active active" in text
    assert "Subscriptions id status mrr s1 active 5.00 EUR" in text
    assert "Invoices id status total amount due 7 paid 4,350 JPY 0 JPY" in text
    assert "Events sent to Intercom today 10:00 sent payment-failed . The run of today 10:00" in text
    assert "yesterday 10:00 rejected <script>" in text
    assert ": too old . The run of yesterday 10:00" in text
    assert 'href="https://app.intercom.com/a/apps/w/users/abc"' in answer.text
    assert 'href="javascript' not in answer.text
    assert "<script" not in answer.text


def test_a_customer_that_nobody_knows_is_said(filled: Page, vendors: threading.Event) -> None:
    """For an unknown customer, the page shows the console's error."""
    vendors.set()
    answer = filled.get("/customer?id=nobody")
    assert "No customer is nobody." in answer.text
    assert "refresh" not in answer.headers


def test_rejects_have_their_age(filled: Page) -> None:
    """Rejects are listed with age and reason, and with buttons to try one or all of them again."""
    text = read_text(filled.get("/rejects").text)
    remedy = "Correct it in Chargebee; the next run sends it again."
    assert f"Intercom Email is invalid {remedy} 2 days 1 27 Nov 11:00 Try again dan" in text
    assert "Try all again" in text


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", [f"r{number:03}" for number in range(100)]),
        ("&page=2", ["r100", "r101", "r102", "dan"]),
        ("&sort=-record_id&page=2", ["r002", "r001", "r000", "dan"]),
        ("&q=name+7", ["r007"] + [f"r{number:03}" for number in range(70, 80)]),
        ("&q=nothing", []),
        ("&sort=password&page=x&q=email+is", ["dan"]),
    ],
    ids=["oldest first", "next page", "sorted", "searched", "not found", "what an address cannot mean"],
)
def test_rejects_are_searched_sorted_and_paged(filled: Page, query: str, ids: list[str]) -> None:
    """The download holds the same records of all pages."""
    refuse_many(filled.project, 103)
    html = filled.get(f"/rejects?{query}").text
    assert re.findall(r'<th scope="row".*/customer\?id=(\w+)"', html) == ids
    download = filled.get(f"/rejects.csv?{query}")
    assert download.headers["content-disposition"] == 'attachment; filename="rejects.csv"'
    rows = [row["record_id"] for row in csv.DictReader(io.StringIO(download.text))]
    assert len(rows) == (104 if "q=" not in query else len(ids))
    assert set(ids) <= set(rows)


def test_a_page_of_rejects_says_that_all_are_tried_again(filled: Page) -> None:
    """Also those on other pages; its links keep the search and the order."""
    refuse_many(filled.project, 103)
    text = read_text(filled.get("/rejects").text)
    assert "“Try all again” tries all 104 refused records, also those that this page does not show." in text
    assert "1 to 100 of 104" in text
    html = filled.get("/rejects?q=name&sort=-times").text
    assert 'href="/rejects?q=name&amp;sort=-times&amp;page=2" rel="next"' in html
    assert 'href="/rejects?sort=-times">Show all</a>' in html
    assert 'href="/rejects.csv?q=name&amp;sort=-times"' in html


def test_more_rejects_than_a_retry_takes_are_tried_by_a_sync(filled: Page) -> None:
    """The page offers the sync of that pipeline, and the retry of the others."""
    refuse_many(filled.project, 501)
    leads = JournalFile(filled.project.system_dir / "standpipe", "run-4", at=NOW, plugin="target-chartmogul",
                        job="sync-leads")  # fmt: skip
    leads.write("eve", "rejected", "too long", stream="customers")
    leads.end()
    html = filled.get("/rejects").text
    forms = re.findall(r'action="/actions/(\w+)">.*name="job" value="([\w-]+)"><button class="main">([^<]+)<', html)
    assert forms == [
        ("sync", "sync", "Sync all to Intercom now"),
        ("retry", "sync-leads", "Try those of ChartMogul again"),
    ]
    assert "More than 500 records are tried by a sync of everything" in read_text(html)


def refuse_many(project: Project, count: int) -> None:
    """Leave behind a run in which Intercom refused many records."""
    run = JournalFile(project.system_dir / "standpipe", "run-3", at=NOW - 4 * 86_400)
    for number in range(count):
        run.write(f"r{number:03}", "rejected", "parameter_invalid", "Phone is odd", name=f"Name {number}")
    run.end(summary={"records": count, "rejected": {"parameter_invalid": count}})


@pytest.mark.parametrize(
    ("name", "form", "args"),
    [
        ("retry", {}, "retry --yes --"),
        ("retry", {"record": "dan"}, "retry --yes -- dan"),
        ("retry", {"job": "sync-leads"}, "retry --yes --job sync-leads --"),
        ("retry", {"job": "--help"}, "retry --yes --"),
        ("retry", {"record": "--help; x"}, "retry --yes -- --help; x"),
        ("undo", {"run": "run-1"}, "undo --yes -- run-1"),
        ("resume", {"job": "sync"}, "resume sync"),
        ("validate", {}, "run validate"),
    ],
)
def test_an_action_is_the_consoles_own_command(
    filled: Page, monkeypatch: pytest.MonkeyPatch, name: str, form: dict[str, str], args: str
) -> None:
    """The values of a form become arguments, never options or words of a shell."""
    command = filled.project.root / "bin/standpipe"
    command.parent.mkdir()
    command.write_text('#!/bin/sh\nshift 4\necho "$*"\n')
    command.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(command.with_name("python")))
    assert filled.post(f"/actions/{name}", **form).status_code == 303
    (action,) = filled.site.actions.list_recent()
    assert action.ended.wait(30)
    assert action.read_output() == f"{args}\n"


@pytest.mark.parametrize(("name", "form"), [("undo", {"run": "other"}), ("retry", {"record": "a\n"}), ("drop", {})])
def test_what_is_no_action_starts_nothing(filled: Page, name: str, form: dict[str, str]) -> None:
    """A changed form is answered with a sentence."""
    assert "There is no such" in read_text(filled.post(f"/actions/{name}", **form).text)
    assert filled.site.actions.list_recent() == []


def test_an_undo_says_first_what_it_means(filled: Page) -> None:
    """The page says how many records get which values back, what stays, and that the pipeline is paused afterwards."""
    text = read_text(filled.get("/undo?id=run-1").text)
    assert "1 record that this run changed in Intercom would get back the values from before the run." in text
    assert "A field that somebody, or a later run, has changed since stays as it is." in text
    assert "1 record that it created stays in Intercom" in text
    assert "the pipeline is paused" in text
    assert "Field The run wrote Would be again cb_plan <script>alert(1)</script>\"'& a" in text


@pytest.mark.parametrize(
    ("mode", "sentence"),
    [
        ("validate", "has changed since stays as it is. 1 record that it created"),
        ("sync", "has changed since stays as it is. 1 later run has written. 1 record that it created"),
    ],
)
def test_only_a_run_that_wrote_counts_as_a_later_write(filled: Page, mode: str, sentence: str) -> None:
    """A later validation has figures of updates, too, but wrote nothing."""
    later = JournalFile(filled.project.system_dir / "standpipe", "run-3", at=NOW - 60, mode=mode)
    later.end(summary={"records": 5, "updated": 4})
    assert sentence in read_text(filled.get("/undo?id=run-1").text)


@pytest.mark.parametrize(
    ("restored", "sentence", "buttons"),
    [
        (1, "Another attempt would try the rest only: 1 record. Those that were put back stay", ["Try the rest"]),
        (2, "Nothing is left to put back.", []),
    ],
    ids=["a rest", "no rest"],
)
def test_an_undone_run_says_so(page: Page, restored: int, sentence: str, buttons: list[str]) -> None:
    """The undo names the run that it undid. That run and its undo page say when, with how many put back."""
    folder = page.project.system_dir / "standpipe"
    run = JournalFile(folder, "run-1", at=NOW - 7200)
    run.write("ann")
    run.write("bob")
    run.end(summary={"records": 2, "updated": 2})
    undo = JournalFile(folder, "run-2", at=NOW - 3600, mode="undo")
    undo.end(summary={"records": 2, "restored": restored})
    page.site.history.open(whole=True).note_undo("run-2", "run-1")
    shown = f"{restored} of 2 put back"
    assert f"Undo of the run of today 09:00 completed {shown}" in read_text(page.get("/runs").text)
    html = page.get("/run?id=run-2").text
    assert "Undo of the run of today 09:00, today 10:00" in read_text(html)
    assert 'href="/run?id=run-1"' in html
    said = f"undone today 10:00 : {shown} . See the undo"
    assert f"This run was {said}" in read_text(page.get("/run?id=run-1").text)
    html = page.get("/undo?id=run-1").text
    assert f"This run was already {said} {sentence}" in read_text(html)
    assert re.findall(r'class="danger">([^<]+)', html) == buttons


def test_a_paused_pipeline_offers_to_resume(filled: Page) -> None:
    """A paused pipeline offers only Resume and no action that writes."""
    filled.site.history.open().pause("sync", "Run run-1 was undone.", "run-1")
    html = filled.get("/").text
    assert 'action="/actions/resume"' in html
    assert "Paused" in html
    panel = html[html.index("pipeline-1") : html.index("pipeline-2")]
    assert "/actions/sync" not in panel


@pytest.mark.parametrize("address", LISTS)
def test_hostile_names_are_text(filled: Page, address: str) -> None:
    """Hostile names are shown as text on every page."""
    html = filled.get(address).text
    assert "<script" not in html
    assert "alert(1)" not in html or "&lt;script&gt;alert(1)&lt;/script&gt;" in html


@pytest.mark.parametrize(
    "address", ["/run?id=", "/run?id=other", "/run/records.csv?id=other", "/undo?id=<b>", "/action?id=1"]
)
def test_what_is_not_known_is_said(filled: Page, address: str) -> None:
    """An unknown run or action is answered with status 404."""
    assert filled.get(address).status_code == 404


@pytest.fixture
def queries(filled: Page) -> Iterator[list[str]]:
    """Collect the statements that the history executes."""
    said: list[str] = []
    engine = filled.site.history.open().database.engine
    filled.get("/")  # what the journals hold is loaded

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        said.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    yield said
    sa.event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("address", LISTS)
def test_a_page_asks_the_history_little(filled: Page, queries: list[str], address: str) -> None:
    """Each page needs fewer than ten statements, however many records it shows."""
    queries.clear()
    assert filled.get(address).status_code == 200
    asked = [one for one in queries if one.lstrip().upper().startswith(("SELECT", "INSERT", "UPDATE", "DELETE"))]
    assert len(asked) < 10
