"""Faults during a run: nothing is lost, STATE is printed only when everything is done, and mistakes are sentences."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigurationError, FatalAPIError

if TYPE_CHECKING:
    from collections.abc import Callable

    Record = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the pauses between tries, which other tests cover."""
    monkeypatch.setattr("backoff._sync.time.sleep", lambda _: None)


@pytest.fixture
def records(lead: Record, person: Record) -> list[dict[str, Any]]:
    """Return a company and one of its contacts."""
    return [lead("a"), person("ann", "a")]


EFFECTS = [
    {"status": 503},
    {"status": 502, "body": "<html>"},
    {"status": 200, "body": ""},
    {"status": 429, "headers": {"Retry-After": "0"}},
    {"drop": "before"},
    {"drop": "after"},
    {"truncate": True},
]


@pytest.mark.parametrize("effect", EFFECTS, ids=str)
@pytest.mark.parametrize(
    "call", ["GET /data_sources", "GET /customers", "PATCH /customers/{uuid}", "PATCH /contacts/{uuid}"]
)
def test_a_failed_call_is_made_again(
    account: Any, target: Any, records: list[dict[str, Any]], effect: dict[str, Any], call: str
) -> None:
    """A server error, broken connection or empty reply costs one more call and has no other effect."""
    account.add("a")
    account.add_contact("ann:a", "a")
    method, _, path = call.partition(" ")
    account.sandbox.fault(method=method, path=path.replace("{uuid}", "*"), nth=1, effect=effect)
    ran = target.run(records)
    assert ran.summary == {"status": "completed", "records": 2, "updated": 2}
    assert target.calls[call] == 2


HOLLOW: dict[str, Any] = {
    "no entries": {"has_more": False},
    "entries null": {"entries": None, "has_more": False},
    "entries an object": {"entries": {}, "has_more": False},
    "no word of more": {"entries": [], "cursor": None},
    "more without a cursor": {"entries": [], "has_more": True, "cursor": None},
    "an entry without a uuid": {"entries": [{"external_id": "a"}], "has_more": False},
    "HTML": "<html>Sign in</html>",
}


@pytest.mark.parametrize("name", HOLLOW)
@pytest.mark.parametrize("path", ["/customers", "/contacts"])
def test_a_hollow_list_creates_nobody_twice(
    account: Any, target: Any, records: list[dict[str, Any]], path: str, name: str
) -> None:
    """After one incomplete list everybody is still found; if it stays incomplete, nothing is created."""
    account.add("a")
    account.add_contact("ann:a", "a")
    effect = {"status": 200, "body": HOLLOW[name]}
    account.sandbox.fault(method="GET", path=path, effect=effect)
    with pytest.raises(FatalAPIError):
        target.run(records)
    assert target.out == ""
    assert [call for call in account.calls() if call.startswith("POST")] == []
    account.sandbox.clear_faults()
    account.sandbox.fault(method="GET", path=path, nth=1, effect=effect)
    target.run(records)
    assert (len(account.customers()), len(account.contacts())) == (1, 1)


def test_a_list_that_follows_its_cursors_for_ever_ends(account: Any, target: Any, records: list[Any]) -> None:
    """A repeated cursor ends the run in a sentence."""
    account.add("a")
    body = {"entries": [{"uuid": "cus_1", "external_id": "b"}], "has_more": True, "cursor": "c"}
    account.sandbox.fault(method="GET", path="/customers", effect={"status": 200, "body": body})
    with pytest.raises(FatalAPIError, match=r"^The pages of customers repeat without end"):
        target.run(records)
    assert target.out == ""


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirected_write_is_no_write(account: Any, target: Any, records: list[dict[str, Any]], status: int) -> None:
    """A redirected PATCH ends the run in a sentence without STATE, because following it would write nothing."""
    account.add("a")
    effect = {"status": status, "headers": {"Location": f"{account.sandbox.chartmogul_url}/ping"}, "body": {}}
    account.sandbox.fault(method="PATCH", path="/customers/*", effect=effect)
    with pytest.raises(ConfigurationError, match=rf"redirects \({status}\), and a redirected write would be lost"):
        target.run(records)
    assert target.out == ""


def test_a_record_that_is_refused_does_not_stop_the_others(account: Any, target: Any, lead: Record) -> None:
    """A record refused without a named field is rejected with ChartMogul's words; the run goes on."""
    error = {"error": "No good"}
    account.sandbox.fault(method="POST", path="/customers", nth=2, effect={"status": 422, "body": error})
    ran = target.run([lead("a"), lead("b"), lead("c")], max_concurrency=1)
    assert ran.summary == {"status": "completed", "records": 3, "created": 2, "rejected": {"No good": 1}}
    assert ran.lines("rejects") == [
        {"stream": "customers", "id": "b", "uuid": None, "reason": "No good", "status": 422}
    ]
    assert ran.rows("rejected") == [["customers", "b", "", "", "No good", "", "", ""]]
    assert len(ran.states) == 1


def test_a_rival_that_was_quicker(account: Any, target: Any, lead: Record) -> None:
    """When another program created the record after a lost reply, it is updated to the sent values."""
    account.add("a", name="Rival's")
    account.sandbox.fault(method="POST", path="/customers", nth=1, effect={"drop": "before"})
    found = {"entries": [], "has_more": False, "cursor": None}
    for nth in (1, 2):
        account.sandbox.fault(method="GET", path="/customers", nth=nth, effect={"status": 200, "body": found})
    ran = target.run([lead("a", {"plan": "x"}, name="Ours")])
    assert ran.summary == {"status": "completed", "records": 1, "created": 1}
    assert account.customer("a")["name"] == "Ours"
    assert account.customer("a")["attributes"]["custom"] == {"plan": "x"}


def test_people_of_a_company_that_was_refused(account: Any, target: Any, lead: Record, person: Record) -> None:
    """Contacts of a refused company are reported, and created by the run that can create the company."""
    account.sandbox.fault(method="POST", path="/customers", nth=1, effect={"status": 422, "body": {"error": "No"}})
    records = [lead("a"), person("ann", "a")]
    assert target.run(records).summary["skipped"] == {"no_customer": 1}
    assert target.run(records).summary == {"status": "completed", "records": 2, "created": 2}


def test_too_many_refusals_stop_the_run_without_state(account: Any, target: Any, lead: Record) -> None:
    """Above `max_rejects` the run stops without STATE; completed writes are reported."""
    account.sandbox.fault(
        method="POST", path="/customers", **{"from": 2}, effect={"status": 422, "body": {"error": "No"}}
    )
    with pytest.raises(FatalAPIError, match=r"^4 of 5 records were refused, more than `max_rejects` permits \(3\)"):
        target.run([lead(f"c{number}") for number in range(20)], max_rejects=3, max_concurrency=1)
    assert target.out == ""
    summary = json.loads((target.directory / "summary.json").read_text())
    assert (summary["status"], summary["created"]) == ("stopped", 1)


def test_fail_on_rejects(account: Any, target: Any, lead: Record) -> None:
    """With `fail_on_rejects`, a run with a reject fails after its STATE."""
    account.sandbox.fault(method="POST", path="/customers", effect={"status": 422, "body": {"error": "No"}})
    with pytest.raises(FatalAPIError, match="`fail_on_rejects` is set"):
        target.run([lead("a")], fail_on_rejects=True)
    assert len(target.out.splitlines()) == 1


def test_chartmogul_down_for_good(account: Any, target: Any, lead: Record) -> None:
    """When no try succeeds, the run stops without STATE."""
    account.sandbox.fault(method="POST", path="/customers", effect={"status": 500})
    with pytest.raises(FatalAPIError, match=r"^ChartMogul answered 500 to 7 attempts to create one of the customers"):
        target.run([lead("a")])
    assert target.out == ""


def test_a_signal_acknowledges_nothing(account: Any, target: Any, lead: Record) -> None:
    """A terminated target finishes and reports calls in progress, prints no STATE and exits with 128 + the signal."""
    account.sandbox.fault(method="POST", path="/customers", effect={"delay": 0.3})
    process = target.start([lead(f"c{number}") for number in range(50)], max_concurrency=4)
    target.wait_for(process, lambda: "POST /customers" in account.calls())
    process.send_signal(signal.SIGTERM)
    out, log = process.communicate(timeout=30)
    assert (process.returncode, out) == (143, "")
    assert "stopping; STATE does not confirm the unfinished work" in log
    assert "Traceback" not in log
    made = account.calls()["POST /customers"]
    assert 0 < made < 50
    assert len((target.directory / "changes.jsonl").read_text().splitlines()) == made == len(account.customers())


def test_a_signal_while_the_index_is_read(account: Any, target: Any, lead: Record) -> None:
    """A run terminated while it reads finishes the page and writes nothing."""
    records = [lead(f"c{number}") for number in range(100)]
    account.fill([lead(f"old{number}") for number in range(10_000)], [])
    account.sandbox.fault(method="GET", path="/customers", effect={"delay": 0.5})
    account.sandbox.clear_calls()
    process = target.start(records)
    target.wait_for(process, lambda: "GET /customers" in account.calls())
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (143, "")
    assert account.calls()["GET /customers"] <= 10
    assert account.writes() == 0


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "wrong key": ({"api_key": "wrong"}, "ChartMogul refused the key in `api_key` (No valid API key provided): check"),
    "blank key": ({"api_key": " "}, "The setting `api_key` is empty."),
    "empty key": ({"api_key": ""}, "The setting `api_key` is missing: set it, or TARGET_CHARTMOGUL_API_KEY and --con"),
    "dots": ({"api_key": "…"}, "The setting `api_key` contains characters that ChartMogul's keys never have."),
    "read-only key": (
        {"api_key": "sandbox_read_only_key"},
        "The key in `api_key` may only read: use one that may also write",
    ),
    "an integration's source": (
        {"data_source_name": "Chargebee"},
        "The data source `Chargebee` belongs to ChartMogul's integration with Chargebee, and nothing can be",
    ),
    "no source": ({"data_source_name": " "}, "The setting `data_source_name` is empty."),
    "no scheme": (
        {"api_url": "api.chartmogul.com"},
        "The setting `api_url` is not a URL such as https://api.chartmogul.com/v1.",
    ),
    "no TLS": (
        {"api_url": "http://a.example"},
        "The setting `api_url` is an http:// address of another machine, to which",
    ),
    "no folder": (
        {"report_dir": "/dev/null/x"},
        "The folder of `report_dir`, /dev/null/x, cannot be created: Not a dir",
    ),
    "merge with nobody": ({"merge": "apply"}, "name the billing system's data source in `merge_with`"),
    "merge by what": (
        {"merge_by": ["shoe_size"]},
        "The setting `merge_by` must be a JSON list, each one of",
    ),
    "too fast": ({"requests_per_second": 41}, "The setting `requests_per_second` must be a whole number from 1 to 40."),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_setting_is_one_sentence(account: Any, target: Any, lead: Record, case: str) -> None:
    """A user's mistake ends in one sentence that names the setting, exit code 1 and no traceback."""
    settings, sentence = WRONG[case]
    code, out, log = target.command([lead("ann")], **settings)
    assert (code, out) == (1, "")
    assert sentence in log
    assert "Traceback" not in log
    assert account.customers() == {}


def test_another_address_of_the_same_host_is_one_sentence(account: Any, target: Any, lead: Record) -> None:
    """An address without ChartMogul's operations is reported with a question about `api_url`."""
    url = f"{account.sandbox.chartmogul_url}/wrong"
    with pytest.raises(ConfigurationError, match=r"answers, but not as ChartMogul's API does .* check `api_url`\.$"):
        target.run([lead("ann")], api_url=url)


def test_an_address_where_nobody_answers_is_one_sentence(target: Any, lead: Record) -> None:
    """An address that does not answer is reported after some tries with a question about `api_url`."""
    with pytest.raises(ConfigurationError, match=r"did not answer .* Is `api_url` right\?$"):
        target.run([lead("ann")], api_url="http://127.0.0.1:9/v1")


def test_a_name_that_never_becomes_free_is_one_sentence(account: Any, target: Any, lead: Record) -> None:
    """When a deleted source's name stays taken, the run ends after `source_patience` without STATE."""
    account.reset(chartmogul_async_calls=1_000_000)
    account.call("DELETE", f"/data_sources/{account.source()}")
    with pytest.raises(ConfigurationError, match=r"^The name `Intercom leads` still belongs to a data source that was"):
        target.run([lead("ann")], source_patience=0)
    assert target.out == ""


def test_no_log_holds_what_a_record_holds(account: Any, target: Any, lead: Record, person: Record) -> None:
    """Logs have ids and counts, but no key and no personal data."""
    records = [lead("a", email="secret@a.example"), person("ann", "a", phone="555-1234")]
    _, _, log = target.command(records)
    assert [word for word in ("sandbox_key", "secret@", "555-1234", "ann@") if word in log] == []
    assert len(account.contacts()) == 1
