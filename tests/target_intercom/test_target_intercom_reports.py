"""Reports for people: the page of a validation and the list of a trial."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
import shutil
import subprocess
import time
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from singer_kit.csv_files import CsvWriter
from singer_kit.folders import read_folders
from singer_kit.kept_reports import list_kept_runs
from singer_sdk.exceptions import ConfigurationError
from target_intercom.decisions import rules
from target_intercom.reporting import page
from target_intercom.reporting.links import Links
from target_intercom.reporting.outcomes import Outcome
from target_intercom.reporting.report_files import REPORT_FILES, TABLES
from target_intercom.reporting.terminal import Listing
from target_intercom.reporting.words import EVENT_REASONS, OBJECT_REASONS, REASONS
from target_intercom.target import TargetIntercom

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Record = Callable[..., dict[str, Any]]

CHROMIUM = shutil.which("chromium")
LINKS = Links("https://app.eu.intercom.com", "abc123")


def test_a_validation_is_one_page(workspace: Any, target: Any, customer: Record) -> None:
    """A validation's page has counts and all records, and refers to nothing outside of it."""
    ann = workspace.add(email="ann@a.example", name="Ann <Smith>")
    twins = [workspace.add(email="two@a.example", external_id=number) for number in ("1", "2")]
    records = [customer("ann"), customer("two"), customer("new"), customer("none", "")]
    target.run(records, mode="validate", on_no_match="create", record_url="http://h/{stream}/{id}")
    text = (target.directory / "validation.html").read_text()
    assert re.findall("<h2>(.*?)</h2>", text) == ["Ambiguous", "Not matched", "Matched"]
    assert f'<a href="http://h/contacts/{ann}">Ann &lt;Smith&gt;</a></td><td>ann@a.example</td>' in text
    assert all(f'<a href="http://h/contacts/{twin}">{twin}</a>' in text for twin in twins)
    assert "<td>would skip: several match</td><td>1</td>" in text
    assert "cb_cust_id, cb_cust_mrr, cb_created_by" in text
    assert re.findall(r"<(?:link|img|iframe)|src=|url\(|@import", text) == []
    assert (target.directory / "validation.html").stat().st_mode & 0o777 == 0o600


def unpack(text: str) -> list[list[Any]]:
    """Return the records of a page's list."""
    (packed,) = re.findall(r'<script type="text/plain" id="data">([A-Za-z0-9+/=]*)</script>', text)
    return [json.loads(line) for line in zlib.decompress(base64.b64decode(packed)).decode().splitlines()]


def test_the_list_of_a_page_has_each_record_once(workspace: Any, target: Any, customer: Record) -> None:
    """A record has its links, what a sync would do, the reason with its remedy, and the values before and after."""
    ann = workspace.add(email="ann@a.example", name="Ann <Smith>", custom_attributes={})
    twins = [workspace.add(email="two@a.example", external_id=number) for number in ("1", "2")]
    records = [customer("ann", name="Ann", cb_cust_mrr=9), customer("two")]
    url = {"record_url": "http://h/{stream}/{id}", "source_url": "http://s/{id}"}
    target.run(records, mode="validate", **url)
    two, of_ann = unpack((target.directory / "validation.html").read_text())
    links = [[f"http://h/contacts/{twin}", twin] for twin in twins]
    remedy = "merge or correct them in Intercom"
    assert two[1:3] + sorted(two[7]) + two[8:] == [
        *("two", "http://s/two", *sorted(links)),
        *("would skip", "several match", remedy, {}),
    ]
    found = [[f"http://h/contacts/{ann}", "Ann <Smith>"]]
    assert of_ann[1:4] + of_ann[6:11] == [
        *("ann", "http://s/ann", "Ann"),
        *("ann@a.example", found, "would update", "matched, and something differed", ""),
    ]
    assert of_ann[11]["cb_cust_mrr"] == [None, 9]
    assert [json.loads(line)["id"] for line in (target.directory / "plan.jsonl").read_text().splitlines()] == ["ann"]


def test_a_sync_leaves_no_plan(workspace: Any, target: Any, customer: Record) -> None:
    """The writes that a validation plans are in a file of their own, never in the one for real writes."""
    workspace.add(email="ann@a.example")
    assert target.run([customer("ann")], mode="validate").lines("changes") == []
    target.run([customer("ann")])
    assert not (target.directory / "plan.jsonl").exists()


def write_reports(folder: Path, count: int, name: str = "") -> None:
    """Write the reports of a validation of so many records, as different from each other as real ones."""
    folder.mkdir()
    for table, columns in TABLES.items():
        with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
            CsvWriter(file).writerow(columns)
    with (
        (folder / "matched.csv").open("a", encoding="utf-8", newline="") as file,
        (folder / "plan.jsonl").open("w") as plan,
    ):
        writer = CsvWriter(file)
        for number in range(count):
            token = hashlib.sha256(str(number).encode()).hexdigest()
            row = {
                "id": token[:16],
                "value": f"{token[16:24]}.{token[24:30]}@example.com",
                "intercom_id": token[30:54],
                "intercom_name": name or f"Ada {token[40:48].title()}",
                "outcome": "updated",
                "stream": "contacts",
                "name": name or f"Ada {token[40:48].title()}",
                "company": f"{token[48:56].title()} GmbH",
                "mrr": int(token[:4], 16) / 100,
                "source_link": f"https://acme.chargebee.com/d/customers/{token[:16]}",
                "intercom_link": f"https://app.intercom.com/a/apps/abc123/users/{token[30:54]}/all-conversations",
            }
            writer.writerow([row.get(column) for column in TABLES["matched"]])
            amounts = {f"custom_attributes.cb_{n}": int(token[n : n + 6], 16) / 100 for n in range(15)}
            times = {
                f"custom_attributes.cb_at_{n}": f"2026-0{1 + n % 9}-1{n % 9}T0{n % 9}:{int(token[n], 16) + 10}:00Z"
                for n in range(14)
            }
            fields = {field: {"before": None, "after": value} for field, value in {**amounts, **times}.items()}
            plan.write(json.dumps({"stream": "contacts", "id": row["id"], "fields": fields}) + "\n")


SUMMARY = dict.fromkeys(page.FIGURES, 0) | {
    "records": 10_000,
    "skipped": {},
    "rejected": {},
    "attributes_missing": [],
}


def test_a_page_of_ten_thousand_records_stays_small(tmp_path: Path) -> None:
    """With thirty values that change in each record the page has less than three million bytes."""
    write_reports(tmp_path / "reports", 10_000)
    text = "".join(page.render_page(tmp_path / "reports", SUMMARY, [], [], "today"))
    assert len(unpack(text)) == 10_000
    assert len(text.encode()) < 3_000_000


HOSTILE = "</script><script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\">"


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: `apt-get install chromium`")
def test_a_browser_shows_a_hostile_name_as_text(tmp_path: Path) -> None:
    """The list is filled by the page's own script, and no name of a record becomes a part of the page."""
    write_reports(tmp_path / "reports", 300, HOSTILE)
    path = tmp_path / "validation.html"
    path.write_text("".join(page.render_page(tmp_path / "reports", SUMMARY, [], [], "today")))
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/browser"]
    ended = subprocess.run(
        [*command, "--virtual-time-budget=5000", "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "<title>Validation for Intercom</title>" in ended.stdout
    assert "300 of 300 records, 200 shown" in ended.stdout
    assert "<summary>29 values</summary>" in ended.stdout
    assert html.escape(HOSTILE, quote=False) in ended.stdout


def test_a_name_that_is_a_formula_is_text_in_the_reports(workspace: Any, target: Any, customer: Record) -> None:
    """A contact's name that looks like a formula is text in spreadsheets and on the page."""
    workspace.add(email="ann@a.example", name='=HYPERLINK("http://x.example")')
    target.run([customer("ann")], mode="validate")
    (line,) = (target.directory / "matched.csv").read_text().splitlines()[1:]
    assert ""","'=HYPERLINK(""http://x.example"")",""" in line
    text = (target.directory / "validation.html").read_text()
    assert ">=HYPERLINK(&quot;http://x.example&quot;)</a>" in text


def test_every_file_of_a_run_is_one_of_its_own(
    workspace: Any, target: Any, customer: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under Meltano, the folders and all file names of a run are registered, so that they can be removed later."""
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(tmp_path))
    workspace.add(email="ann@a.example")
    target.run([customer("ann")])
    target.run([customer("ann")], mode="validate")
    noted = {one.folder: one for one in read_folders(tmp_path / ".meltano/standpipe/folders.jsonl")}
    assert {one.plugin for one in noted.values()} == {"target-intercom"}
    left = [path for path in target.directory.rglob("*") if path.is_file()]
    assert sorted(path for one in noted.values() for path in one.list_files()) == sorted(left)
    assert set(noted[str(target.directory)].names) == set(REPORT_FILES)


def test_a_validation_says_why_a_sync_would_stop(workspace: Any, target: Any, customer: Record) -> None:
    """A validation's page says first what would stop a sync before its first write."""
    workspace.fill({"email": f"c{number}@a.example"} for number in range(60))
    ran = target.run([customer(f"c{n}", cb_signed_up_at="soon") for n in range(60)], mode="validate")
    text = (target.directory / "validation.html").read_text()
    assert "A sync would stop: Each of the 60 records has a value of" in text
    assert ran.summary["status"] == "completed"


def test_a_long_table_is_cut_and_says_so(
    workspace: Any, target: Any, customer: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page shows a limited number of rows per table, and says how many more there are and where."""
    monkeypatch.setattr(page, "LONGEST", 3)
    workspace.fill({"email": f"c{number}@a.example"} for number in range(5))
    target.run([customer(f"c{number}") for number in range(5)], mode="validate")
    text = (target.directory / "validation.html").read_text()
    assert text.count('<a href="https://app.intercom.com/a/apps/sandboxws/users/') == 3
    assert "<p>2 more are in matched.csv.</p>" in text


def test_a_sync_leaves_no_page_of_an_earlier_validation(target: Any, customer: Record) -> None:
    """A sync removes the page of an earlier validation, which says that nothing was written."""
    target.run([customer("ann")], mode="validate")
    target.run([customer("ann")])
    assert not (target.directory / "validation.html").exists()


def test_records_are_listed_with_links(
    workspace: Any, target: Any, customer: Record, caplog: pytest.LogCaptureFixture
) -> None:
    """With `list_records` the log ends with the records, their outcomes and their addresses."""
    caplog.set_level("INFO")
    ann = workspace.add(email="ann@a.example")
    target.run([customer("ann"), customer("nobody")], list_records=10)
    assert [line for line in caplog.messages if line.startswith(("ann", "nobody"))] == [
        "nobody  skipped  no_match",
        f"ann     updated  https://app.intercom.com/a/apps/sandboxws/users/{ann}/all-conversations",
    ]


@pytest.mark.parametrize(
    ("stream", "links", "address"),
    [
        ("contacts", LINKS, "https://app.eu.intercom.com/a/apps/abc123/users/1/all-conversations"),
        ("companies", LINKS, "https://app.eu.intercom.com/a/apps/abc123/companies/1/users"),
        ("companies", Links("", "", "http://h/{stream}/{id}"), "http://h/companies/1"),
    ],
)
def test_a_record_has_an_address(stream: str, links: Links, address: str) -> None:
    """A record's address is in the region's web application, or as `record_url` says."""
    assert links.build_intercom_link(stream, "1") == address


def test_every_reason_for_a_skip_has_words() -> None:
    """Every reason for a skip in the decision table is explained in words."""
    decided = [*rules.FOUND.values(), *rules.NOT_FOUND.values()]
    skips = {reason for action, reason in decided if action == "skip"}
    assert skips | {"deleted", "cancelled", "no_company_id", "email_taken", *EVENT_REASONS, *OBJECT_REASONS} == set(
        REASONS
    )


def test_a_listing_is_as_long_as_wished() -> None:
    """Only as many records as will be listed are kept."""
    listing = Listing(1)
    listing.add_record("contacts", None, Outcome("skipped", "ambiguous", "7"))
    listing.add_record("contacts", "b", Outcome("updated"))
    assert listing.format_lines(Links("", "", "http://h/{id}")) == ["-  skipped  ambiguous  http://h/7"]


def reports(directory: Any) -> dict[str, str]:
    """Return the text of all reports except drafts."""
    return {path.name: path.read_text() for path in directory.iterdir() if path.suffix in {".csv", ".json", ".jsonl"}}


def test_a_failed_tap_touches_no_report(
    workspace: Any, target: Any, customer: Record, caplog: pytest.LogCaptureFixture
) -> None:
    """When no stream was declared, the last run's reports stay, and the log says so."""
    workspace.add(email="ann@a.example")
    target.run([customer("ann")])
    before = reports(target.directory)
    caplog.set_level("INFO")
    TargetIntercom(config=target.config()).listen(io.StringIO())
    assert reports(target.directory) == before
    assert "No stream of contacts or companies came: the reports of the last run are kept" in caplog.messages


def test_a_killed_run_leaves_the_last_reports(workspace: Any, target: Any, customer: Record) -> None:
    """A killed run leaves all reports of the run before, and the next run replaces them."""
    for name in ("ann", "bob"):
        workspace.add(email=f"{name}@a.example")
    target.run([customer("ann")])
    before = reports(target.directory)
    workspace.sandbox.fault(method="PUT", effect={"delay": 20})
    workspace.sandbox.clear_calls()
    process = target.start([customer("bob")])
    target.wait_for(process, lambda: "PUT /contacts/{id}" in target.calls)
    process.kill()
    process.communicate(timeout=30)
    (target.directory / "config.json").unlink()
    assert reports(target.directory) == before
    workspace.sandbox.clear_faults()
    assert [row[0] for row in target.run([customer("bob")]).rows("matched")] == ["bob"]
    assert list(target.directory.glob("*.draft")) == []


def test_what_a_run_has_not_looked_at_stays_remembered(workspace: Any, target: Any, customer: Record) -> None:
    """An archived user stays remembered in runs that do not look it up or that stop early."""
    archived = workspace.add(email="ann@a.example")
    workspace.call("POST", f"/contacts/{archived}/archive")
    line = target.run([customer("ann")], on_no_match="create").rows("archived")
    assert [row[:3] for row in line] == [["ann", "ann@a.example", archived]]
    assert target.run([]).rows("archived") == line
    assert target.run([customer("bob")]).rows("archived") == line
    error = {"type": "error.list", "errors": [{"code": "unauthorized", "message": "Access Token Invalid"}]}
    workspace.sandbox.fault(method="GET", path="/contacts", effect={"status": 401, "body": error})
    with pytest.raises(ConfigurationError, match="Access Token Invalid"):
        target.run([customer("ann")], on_no_match="create")
    workspace.sandbox.clear_faults()
    ran = target.run([customer("ann")], on_no_match="create")
    assert ran.rows("archived") == line
    assert "POST /contacts" not in target.calls


def test_a_memory_ends_after_a_day(target: Any, customer: Record) -> None:
    """A remembered user older than a day is dropped."""
    target.run([])
    a_day_ago = int(time.time()) - 86_401
    line = {"id": "ann", "value": "ann@a.example", "intercom_id": "x", "found_at": a_day_ago}
    (target.directory / "memory" / "archived.jsonl").write_text(json.dumps(line))
    assert target.run([customer("bob")]).rows("archived") == []


def test_the_reports_of_each_run_are_kept(workspace: Any, target: Any, customer: Record) -> None:
    """Each run has a folder with its own reports; a run over a few records has one only when it wrote or failed."""
    workspace.add(email="ann@a.example")
    counts = []

    def run(*, mrr: int, is_subset: bool) -> None:
        target.is_subset = is_subset
        target.run([customer("ann", cb_cust_mrr=mrr)])
        counts.append(len(list_kept_runs(target.directory)))

    run(mrr=1, is_subset=False)
    run(mrr=1, is_subset=False)
    run(mrr=1, is_subset=True)
    run(mrr=2, is_subset=True)
    workspace.sandbox.fault(method="PUT", path="/contacts/*", effect={"status": 401, "body": {}})
    with pytest.raises(ConfigurationError):
        run(mrr=3, is_subset=True)
    kept = [reports(path) for path in list_kept_runs(target.directory)]
    assert (counts, len(kept)) == ([1, 2, 2, 3], 4)
    changes = [texts["changes.jsonl"].count("\n") for texts in kept]
    assert changes == [1, 0, 1, 0]
    assert [json.loads(texts["summary.json"])["status"] for texts in kept] == [*["completed"] * 3, "stopped"]
    assert reports(target.directory / "latest") == reports(target.directory) == kept[-1]
