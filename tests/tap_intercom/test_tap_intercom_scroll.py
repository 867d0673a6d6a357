"""The single scroll over a workspace's companies: waiting for it, interruptions, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from sandbox.intercom import companies
from tap_intercom.api.client import IntercomClient
from tap_intercom.api.pages import ResourceDecoder
from tap_intercom.api.scroll import Scroll
from tap_intercom.streams.resources import STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.testing import RunningSandbox

    Truth = Callable[[], dict[str, dict[str, Any]]]

HEADERS = {"Authorization": "Bearer sandbox_token"}
(COMPANIES,) = (row for row in STREAMS if row.name == "companies")
SCROLL = {"api": "intercom", "path": "/companies/scroll"}
pytestmark = pytest.mark.usefixtures("in_no_time")


@pytest.fixture(autouse=True)
def many(sandbox: RunningSandbox, clock: Any) -> None:
    """Add companies for three pages; scrolls expire after a minute on the tap's clock."""
    known = sandbox.world.intercom
    known.scroll = companies.Scroll(60, clock.now)
    contact = next(one for one in known.contacts.live() if one.is_user)
    for number in range(200):
        company = known.companies.add(known.new_company({"company_id": f"many-{number}", "name": "Many"}, 7), "API")
        known.attach(contact, company, 7, "API")


def ids(run: Any) -> list[str]:
    """Return the ids of the companies that were sent."""
    return [record["id"] for record in run.records["companies"]]


def test_one_scroll_serves_every_stream_that_needs_it(
    run_tap: Callable[..., Any], catalog_of: Callable[..., Any], truth: Truth, calls: Callable[[], dict[str, int]]
) -> None:
    """Companies, their contacts and their segments share one scroll of three pages and an empty one."""
    run = run_tap(catalog=catalog_of("companies", "company_contacts", "company_segments"))
    assert sorted(ids(run)) == sorted(truth()["companies"])
    counted = calls()
    assert counted["/companies/scroll"] == 4
    assert counted["/companies/{id}/contacts"] == counted["/companies/{id}/segments"] == len(truth()["companies"])


def test_it_waits_for_its_turn(run_tap: Callable[..., Any], sandbox: RunningSandbox, truth: Truth) -> None:
    """A run waits until a scroll that another client left open has expired."""
    requests.get(f"{sandbox.intercom_url}/companies/scroll", headers=HEADERS, timeout=10).raise_for_status()
    run = run_tap()
    assert run.refusal is None
    assert sorted(ids(run)) == sorted(truth()["companies"])


def test_a_turn_that_does_not_come_is_one_sentence(run_tap: Callable[..., Any], sandbox: RunningSandbox) -> None:
    """After `scroll_patience` the run ends with a sentence that another client is scrolling, and without a marker."""
    requests.get(f"{sandbox.intercom_url}/companies/scroll", headers=HEADERS, timeout=10).raise_for_status()
    run = run_tap(scroll_patience=0)
    assert run.refusal == (
        "Another program is reading the companies of the workspace (400 scroll_exists): Intercom permits one at a time."
    )
    assert not any("_sync" in state for state in run.states)


GONE = {"type": "error.list", "errors": [{"code": "not_found", "message": "scroll parameter not found"}]}


@pytest.mark.parametrize(
    "effect",
    [
        {"status": 500, "body": {"errors": [{"code": "server_error"}]}},
        {"status": 404, "body": GONE},
        {"drop": "after"},
        {"truncate": True},
        {"status": 200, "body": ""},
    ],
    ids=["500", "expired", "dropped after", "cut off", "an empty 200"],
)
def test_a_scroll_that_breaks_is_begun_again(
    run_tap: Callable[..., Any],
    sandbox: RunningSandbox,
    truth: Truth,
    effect: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A scroll whose page was lost starts again, and no company is missing or sent twice."""
    sandbox.fault(**SCROLL, nth=2, effect=effect)
    run = run_tap()
    assert run.refusal is None
    assert sorted(ids(run)) == sorted(truth()["companies"])
    assert "broke off and starts again" in caplog.text


def test_what_a_scroll_gives_a_second_time_is_passed_over(sandbox: RunningSandbox, clock: Any, truth: Truth) -> None:
    """The scroll itself drops companies that a second start repeats, however long it is."""
    sandbox.fault(**SCROLL, nth=2, effect={"status": 500, "body": {"errors": [{"code": "server_error"}]}})
    client = IntercomClient(access_token="sandbox_token", api_url=sandbox.intercom_url)
    scroll = Scroll(client, COMPANIES, ResourceDecoder(COMPANIES), patience=900, sleep=clock.sleep, clock=clock.now)
    assert sorted(item.members.id for page in scroll for item in page) == sorted(truth()["companies"])


def test_a_429_does_not_break_it(
    run_tap: Callable[..., Any], sandbox: RunningSandbox, truth: Truth, calls: Callable[[], dict[str, int]]
) -> None:
    """A 429 does not interrupt a scroll: the same page is requested again."""
    limited = {"status": 429, "headers": {"X-RateLimit-Reset": "0"}, "body": {"errors": [{"code": "x"}]}}
    sandbox.fault(**SCROLL, nth=2, effect=limited)
    assert sorted(ids(run_tap())) == sorted(truth()["companies"])
    assert calls()["/companies/scroll"] == 5


def test_a_scroll_that_always_breaks_ends_the_run(
    run_tap: Callable[..., Any], sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its last start fails, the run ends with a sentence and without a marker."""
    monkeypatch.setattr("tap_intercom.api.scroll.MAX_STARTS", 1)
    sandbox.fault(**SCROLL, nth=2, effect={"status": 500, "body": {"errors": [{"code": "server_error"}]}})
    run = run_tap()
    assert run.refusal == "The scroll over the companies broke off 1 times: run again later."
    assert not any("_sync" in state for state in run.states)


def test_a_refusal_is_told_before_the_first_message(run_tap: Callable[..., Any], sandbox: RunningSandbox) -> None:
    """A token that cannot read companies is refused before any message, contacts included."""
    body = {"type": "error.list", "errors": [{"code": "forbidden", "message": "Forbidden"}]}
    sandbox.fault(**SCROLL, effect={"status": 403, "body": body})
    run = run_tap()
    assert run.messages == []
    assert run.refusal == (
        "The token in the setting `access_token` may not read /companies/scroll (403 forbidden): its app lacks the "
        "permission `Read and list users and companies` in Intercom's Developer Hub."
    )


def test_a_first_page_that_never_proves_whole_ends_the_run_with_its_cause(
    run_tap: Callable[..., Any], sandbox: RunningSandbox, clock: Any
) -> None:
    """Each failed start leaves a scroll open for a minute. After four of them, the sentence names the real cause."""
    next(iter(sandbox.world.intercom.visible_companies())).document["updated_at"] = {"x": 1}
    run = run_tap()
    assert run.refusal == (
        "Intercom gave no valid answer to GET /companies/scroll in 4 tries, the last was an unexpected answer "
        "(Expected `int | null`, got `object` - at `$.updated_at` of item 1): try again later, or check the "
        "setting `api_url`."
    )
    assert not any("_sync" in state for state in run.states)
    assert 180 <= clock.now() < 240


def test_a_first_page_that_never_proves_whole_does_not_outlast_the_patience(
    run_tap: Callable[..., Any], sandbox: RunningSandbox
) -> None:
    """With `scroll_patience: 0`, the first failed start ends the run with the real cause."""
    next(iter(sandbox.world.intercom.visible_companies())).document["updated_at"] = {"x": 1}
    run = run_tap(scroll_patience=0)
    assert run.refusal == (
        "Intercom gave no valid answer to GET /companies/scroll in 1 try, the last was an unexpected answer "
        "(Expected `int | null`, got `object` - at `$.updated_at` of item 1): try again later, or check the "
        "setting `api_url`."
    )


@pytest.mark.parametrize("effect", [{"truncate": True}, {"drop": "after"}], ids=["cut off", "dropped after"])
def test_a_first_page_that_fails_once_is_fetched_again(
    run_tap: Callable[..., Any], sandbox: RunningSandbox, truth: Truth, effect: dict[str, Any]
) -> None:
    """After one failed start, the tap waits until that scroll has expired and reads the next one whole."""
    sandbox.fault(**SCROLL, nth=1, effect=effect)
    run = run_tap()
    assert run.refusal is None
    assert sorted(ids(run)) == sorted(truth()["companies"])
