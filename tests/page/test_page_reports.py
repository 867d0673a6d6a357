"""The pages over reports: the validation, and the leads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.page.reports import HOSTILE, LONG, write_reports
from tests.page.test_page_overview import read_text

if TYPE_CHECKING:
    from tests.page.conftest import Page

TABS = ["imported", "contacts", "last", "overrides", "merges"]


@pytest.fixture
def filled(page: Page) -> Page:
    """Return the page over a validation, a run of the leads and a merge report."""
    write_reports(page.project.root / "output")
    return page


def test_the_totals_of_a_validation_add_up(filled: Page) -> None:
    """Each customer of Chargebee is in one row of the table, with the reason and what to do."""
    text = read_text(filled.get("/validation").text)
    assert "5 customers in Chargebee: 4 looked up in Intercom, 1 not sent." in text
    table = text[text.index("Customers With a sync Because What to do") : text.index("in all")]
    assert [int(count) for count in re.findall(r"(\d+) customers that would", table)] == [1, 1, 1, 1, 1]
    assert "would be skipped several match merge or correct them in Intercom" in table
    assert text[text.index("in all") - 2] == "5"


def test_a_validation_shows_the_values_before_and_after(filled: Page) -> None:
    """A validation shows values before and after, and links to every match, but never a link to a script."""
    html = filled.get("/validation").text
    assert "cb_cust_mrr 5 7.50" in read_text(html)
    assert re.findall(r'href="(https://app[^"]*)"', html) == [
        "https://app.intercom.com/a/apps/w/users/1",
        "https://app.intercom.com/a/apps/w/users/2",
        "https://app.intercom.com/a/apps/w/users/3",
    ]
    assert 'href="javascript' not in html
    assert "<script" not in html


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", ["ann", "bob", "cid", "dan", "eve"]),
        ("?kind=skipped", ["cid", "dan"]),
        ("?kind=skipped&reason=ambiguous", ["dan"]),
        ("?kind=not_sent&reason=shares_match_value", ["eve"]),
        ("?q=D@D", ["dan"]),
        ("?q=nobody", []),
    ],
)
def test_customers_of_a_validation_are_filtered_and_searched(filled: Page, query: str, ids: list[str]) -> None:
    """Customers are filtered by planned outcome and reason, and searched by id, name, company and match value."""
    html = filled.get(f"/validation{query}").text
    assert sorted(set(re.findall(r"/customer\?id=(\w+)", html))) == ids


def test_without_a_validation_there_is_a_button(page: Page) -> None:
    """Without a validation, the page has only the button that starts one."""
    text = read_text(page.get("/validation").text)
    assert "No validation has run yet." in text
    assert "Totals" not in text


@pytest.mark.parametrize("tab", TABS)
def test_no_lead_is_markup(filled: Page, tab: str) -> None:
    """Names of leads are shown as text in every table."""
    answer = filled.get(f"/leads?tab={tab}")
    assert answer.status_code == 200
    assert "<script" not in answer.text


def test_leads_show_what_is_kept_by_hand_and_who_would_be_merged(filled: Page) -> None:
    """The page shows values changed by hand and possible merges, with the target's texts for the outcomes."""
    assert f"customers co-1 name {HOSTILE} {LONG} kept as ChartMogul has it" in read_text(
        filled.get("/leads?tab=overrides").text
    )
    assert "ChartMogul refused the merge, for the reason behind the colon: no" in read_text(
        filled.get("/leads?tab=merges").text
    )
    assert "co-1 created it was not in ChartMogul's data source" in read_text(filled.get("/leads").text)


@pytest.mark.parametrize("address", ["/validation", "/leads"])
def test_a_pipeline_that_is_not_set_up_is_said(page: Page, address: str) -> None:
    """For a pipeline that is not set up, the page shows the command that sets it up."""
    (page.project.root / ".env").unlink()
    answer = page.get(address)
    assert "standpipe:setup" in answer.text
