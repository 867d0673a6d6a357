"""Problems that users of other Chargebee connectors reported, one test each.

Each docstring names the connector: singer-io's tap-chargebee 1.7.1, hotglue's, Airbyte's source-chargebee 0.8.0 or
Chargebee's own client 3.29. A test in tests/packaging shows that Airbyte's no longer starts with the CDK that pip
resolves.
"""

from __future__ import annotations

import json
import time
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
import requests_mock
from tap_chargebee.api.client import ChargebeeClient
from tap_chargebee.api.errors import UserError
from tap_chargebee.streams.resources import STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

    Catalog = Callable[..., dict[str, Any]]
    Calls = Callable[[], dict[str, int]]
    Records = dict[str, list[dict[str, Any]]]

NOW = 1_768_478_400
URL = "https://acme.chargebee.com/api/v2/customers"
LIMITED = {
    "status_code": 429,
    "headers": {"Retry-After": "55"},
    "json": {"api_error_code": "api_request_limit_exceeded"},
}


def asked(answers: list[dict[str, Any]]) -> tuple[int, list[float], str]:
    """Return the number of pages read, the waits in between, and the error that ended the read."""
    slept: list[float] = []
    clock = [0.0]

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    client = ChargebeeClient(site="acme", api_key="key", sleep=sleep, clock=lambda: clock[0])
    with requests_mock.Mocker() as mocker:
        mocker.get(URL, answers)
        try:
            return len(list(client.fetch_pages("/customers", {}))), slept, ""
        except UserError as refusal:
            return mocker.call_count, slept, refusal.message


def test_the_lookback_is_not_two_seconds(run_tap: Callable[..., Any], sandbox: RunningSandbox) -> None:
    """A record that a list hid for 120 s is read.

    singer-io's lookback is seconds, although its comment says minutes.
    """
    sandbox.reset(customers=20, seed=7, list_lag=120)
    first = run_tap()
    live = [one.id for one in sandbox.world.business.customers.records if not one.deleted]
    sandbox.world.clock.advance(1000)
    sandbox.world.business.edit("customers", live[0], company="Hidden until the second run was over")
    sandbox.world.clock.advance(60)
    sandbox.world.business.edit("customers", live[1], company="Hidden, too")
    sandbox.world.clock.advance(70)
    second = run_tap(state=first.state, follow_events=False)
    sandbox.world.clock.advance(60)
    third = run_tap(state=second.state, follow_events=False)
    assert [record["id"] for run in (second, third) for record in run.records["customers"]] == live[:2]


def test_an_empty_answer_moves_no_bookmark(run_tap: Callable[..., Any], sandbox: RunningSandbox) -> None:
    """An empty page leaves the bookmark alone. singer-io set it to "now" and lost records that appeared later."""
    first = run_tap()
    sandbox.world.clock.advance(9000)
    second = run_tap(state=first.state)
    assert second.records == {}
    values = [run.state["bookmarks"]["customers"]["replication_key_value"] for run in (first, second)]
    assert values[0] == values[1] < NOW


def test_a_record_without_updated_at_comes(run_tap: Callable[..., Any], truth: Callable[..., Records]) -> None:
    """Records without `updated_at` are read. singer-io failed with a TypeError; PostHog missed 436 of 7,836."""
    old = {name: [one for one in stream if "updated_at" not in one] for name, stream in run_tap().records.items()}
    assert old == {name: [one for one in stream if "updated_at" not in one] for name, stream in truth().items()}
    assert all(old.values())


def test_a_deleted_coupon_comes_once(
    catalog_of: Catalog, run_tap: Callable[..., Any], sandbox: RunningSandbox, calls: Calls
) -> None:
    """A deleted coupon is sent once. singer-io sent it once per page of coupons."""
    catalog = catalog_of("coupons")
    first = run_tap(catalog=catalog)
    for coupon in first.records["coupons"][5:]:
        sandbox.world.clock.advance(1)
        sandbox.world.business.edit("coupons", coupon["id"], note="Changed")
    victim = first.records["coupons"][3]["id"]
    sandbox.world.business.edit("coupons", victim, deleted=True)
    sandbox.world.clock.advance(1)
    calls()
    second = run_tap(catalog=catalog, state=first.state, page_size=5)
    assert calls()["/coupons"] >= 3
    assert [record["deleted"] for record in second.records["coupons"] if record["id"] == victim] == [True]


def test_a_whole_minute_of_429_is_waited_out() -> None:
    """A rate limit that lasts a minute is waited out. singer-io ignored Retry-After and gave up after six seconds."""
    assert asked([*[LIMITED] * 5, {"json": {"list": []}}]) == (1, [55.0] * 5, "")


def test_a_429_is_not_asked_again_for_ever() -> None:
    """Ten 429 in a row end the run. Chargebee's own client retried every 200 ms without end."""
    calls, slept, told = asked([LIMITED])
    assert (calls, slept) == (10, [55.0] * 9)
    assert told.startswith("Chargebee gave no valid answer to GET /customers in 10 tries, the last was 429")


def test_nobody_waits_when_nobody_says_so() -> None:
    """Calls wait only when Chargebee asks for it. singer-io never made more than a hundred calls per minute."""
    pages = [{"json": {"list": [], "next_offset": str(number)}} for number in range(129)]
    assert asked([*pages, {"json": {"list": []}}]) == (130, [], "")


def test_a_page_holds_a_hundred_records(run_tap: Callable[..., Any], sandbox: RunningSandbox, calls: Calls) -> None:
    """Pages have 100 records. Airbyte sent no `limit` and got ten per call."""
    sandbox.reset(customers=100, seed=7)
    run_tap()
    # The second call proves that nothing follows the full first page.
    assert calls()["/customers"] == 2


def test_empty_months_cost_no_call(run_tap: Callable[..., Any], calls: Calls) -> None:
    """Months without records cost no call. Airbyte made one call per month and stream since the start date."""
    run_tap(start_date="2010-01-01")
    assert calls() == {"/configurations": 1, "/customers": 1, "/invoices": 3, "/subscriptions": 1}


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "api_authentication_failed"), (403, "api_authorization_failed"), (404, "site_not_found")],
    ids=str,
)
def test_a_refusal_is_asked_once(status: int, code: str) -> None:
    """A 4xx is not retried, apart from a 429. singer-io and hotglue retried every 4xx five times."""
    calls, slept, told = asked([{"status_code": status, "json": {"api_error_code": code}}])
    assert (calls, slept) == (1, [])
    assert "setting" in told


def test_nothing_is_sorted_by_what_moves() -> None:
    """No stream is sorted by `updated_at`.

    singer-io does this for seven and skips records that change during paging.
    """
    assert {row.sort_by for row in STREAMS} == {
        None,
        "created_at",
        "date",
        "effective_from",
        "id",
        "occurred_at",
        "usage_date",
    }


@pytest.mark.usefixtures("in_no_time")
def test_no_page_moves_the_bookmark(run_tap: Callable[..., Any], sandbox: RunningSandbox) -> None:
    """A page does not move the bookmark.

    singer-io and hotglue wrote it after each page and skipped records after a crash.
    """
    sandbox.fault(api="chargebee", path="/customers", **{"from": 4}, effect={"status": 500})
    run = run_tap(page_size=10)
    assert run.refusal is not None
    assert len(run.records["customers"]) >= 20
    assert all(state.get("customers", {}) == {} for state in run.states)


def test_a_sites_own_fields_stay_as_they_are(run_tap: Callable[..., Any], sandbox: RunningSandbox) -> None:
    """Custom fields keep their name and type.

    singer-io and hotglue made them strings, Airbyte a list; all lost `cs_*`.
    """
    live = next(one for one in sandbox.world.business.customers.records if not one.deleted)
    sandbox.world.business.edit("customers", live.id, cf_Seats=7, cs_news=None, brief_xcf_y="mine")
    (customer,) = [one for one in run_tap().records["customers"] if one["id"] == live.id]
    assert (customer["cf_Seats"], customer["brief_xcf_y"]) == (7, "mine")
    assert {"cf_tier", "cf_Account_Manager", "cs_newsletter"} <= customer.keys()
    assert "custom_fields" not in customer


def test_the_card_stays_with_its_customer(run_tap: Callable[..., Any]) -> None:
    """A customer keeps its card, which all three other connectors drop."""
    assert any(customer["card"] for customer in run_tap().records["customers"])


def test_a_wrong_catalog_is_told(catalog_of: Catalog, run_tap: Callable[..., Any]) -> None:
    """A stream of the other product catalog is an error.

    Airbyte ignored `configuration_incompatible` and sent no rows.
    """
    run = run_tap(catalog=catalog_of("addons"))
    assert run.refusal == "The site `sandbox` uses Product Catalog 2, which has no `addons`: deselect that stream."


def test_lists_are_sent_only_what_they_know(catalog_of: Catalog, run_tap: Callable[..., Any]) -> None:
    """No list gets a parameter that it does not have.

    singer-io sends `include_deleted` everywhere; Airbyte's coupons had a wrong sort.
    """
    names = [row.name for row in STREAMS if 2 in row.catalogs and not row.parent]
    assert run_tap(catalog=catalog_of(*names)).refusal is None


def test_a_deleted_and_a_live_record_may_share_an_id(run_tap: Callable[..., Any]) -> None:
    """A deleted and a live record with the same id are both sent, as hotglue's users need."""
    customers = run_tap().records["customers"]
    ids = [one["id"] for one in customers]
    twice = [one["deleted"] for one in customers if ids.count(one["id"]) == 2]
    assert sorted(twice) == [False, True]


def test_a_call_that_hangs_is_given_up(
    run_tap: Callable[..., Any], sandbox: RunningSandbox, truth: Callable[..., Records], calls: Calls
) -> None:
    """A call that takes too long is repeated with half the page size. hotglue's connector waited without end."""
    sandbox.fault(api="chargebee", path="/invoices", nth=1, effect={"delay": 2.5})
    began = time.monotonic()
    run = run_tap(request_timeout=1)
    assert time.monotonic() - began < 30
    assert run.records == truth()
    assert calls()["/invoices"] == 7


def test_a_large_invoice_has_its_line_items(run_tap: Callable[..., Any], sandbox: RunningSandbox) -> None:
    """Large invoices have all line items, which singer-io and Airbyte left empty.

    A deleted invoice is sent as the list shows it.
    """
    sandbox.reset(customers=20, seed=7, large_invoices=3)
    business = sandbox.world.business
    large = business.invoices.records[-3:]
    whole = {one.id: len(business.line_items(one)) for one in large}
    business.edit("invoices", large[0].id, deleted=True)
    invoices = {one["id"]: one for one in run_tap().records["invoices"]}
    assert min(whole.values()) > 300
    assert [len(invoices[one.id].get("line_items", [])) for one in large] == [0, whole[large[1].id], whole[large[2].id]]
    assert "line_items_next_offset" not in invoices[large[1].id]
    line_ids = [line["id"] for line in invoices[large[1].id]["line_items"]]
    assert len(set(line_ids)) == len(line_ids)


def test_a_tax_rate_is_no_integer() -> None:
    """A tax rate is a number. singer-io and hotglue cut 7.7 % to 7."""
    schema = json.loads(files("tap_chargebee.schemas").joinpath("invoices.json").read_text())
    taxes = schema["properties"]["line_item_taxes"]["items"]["properties"]
    assert taxes["tax_rate"] == {"type": ["number", "null"]}
