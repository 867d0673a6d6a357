"""The sandbox's pages that show the data in ChartMogul."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from tests.sandbox.conftest import ChartMogulCaller

LIST = "/pages/chartmogul/customers"


def page(caller: ChartMogulCaller, path: str) -> str:
    """Return the HTML of a page, which must exist."""
    response = requests.get(caller.sandbox.url + path, timeout=10)
    assert response.status_code == 200
    return response.text


def rows(html: str) -> list[list[str]]:
    """Return the rows of all tables as lists of cell texts, header rows included."""
    lines = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    return [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line, re.DOTALL)]
        for line in lines
    ]


def test_the_index_counts_customers_by_source(chartmogul: ChartMogulCaller) -> None:
    """The index counts customers by source and links to each source's list."""
    chartmogul.customer(chartmogul.source("A & B"), "a", primary_contact={"first_name": "Ada"})
    shown = page(chartmogul, "/")
    for row in (["ChartMogul", "Chargebee", "0"], ["ChartMogul", "A &amp; B", "1"], ["ChartMogul", "contacts", "1"]):
        assert row in rows(shown)
    assert f'<a href="{LIST}?source=A%20%26%20B">' in shown


def test_customers_are_listed_last_written_first(chartmogul: ChartMogulCaller) -> None:
    """Customers are listed with the last written first, and filtered by name and by source; dates are readable."""
    source, other = chartmogul.source(), chartmogul.source("Other")
    first = chartmogul.customer(source, "a", name="Acme", lead_created_at="2025-01-02")
    chartmogul.customer(other, "b", company="Bolt", email="b@example.com")
    heads = ["name", "company", "email", "sources", "status", "MRR", "lead_created_at", "free_trial_started_at"]
    acme = ["Acme", "", "", "Intercom", "New Lead", "0", "2025-01-02 00:00:00", ""]
    bolt = ["b", "Bolt", "b@example.com", "Other", "New Lead", "0", "", ""]
    assert rows(page(chartmogul, LIST)) == [heads, bolt, acme]
    chartmogul.sandbox.advance(seconds=1)
    chartmogul.ok(f"PATCH /customers/{first}", {"zip": "1"})
    assert rows(page(chartmogul, LIST)) == [heads, acme, bolt]
    assert rows(page(chartmogul, f"{LIST}?source=Intercom")) == [heads, acme]
    assert rows(page(chartmogul, f"{LIST}?name=bolt")) == [heads, bolt]
    assert rows(page(chartmogul, f"{LIST}?source=None")) == []


def test_a_customers_page_shows_who_wrote_what(chartmogul: ChartMogulCaller) -> None:
    """A customer's page shows fields, sources, attributes, contacts and the history, newest first."""
    source = chartmogul.source()
    attributes: Any = {"tags": ["t"], "custom": [{"type": "Integer", "key": "seats", "value": 3}]}
    one = chartmogul.customer(source, "a", name="Acme", attributes=attributes)
    chartmogul.contact(
        customer_uuid=one, data_source_uuid=source, email="ada@example.com", custom=[{"key": "csm_owner", "value": "A"}]
    )
    chartmogul.sandbox.advance(seconds=5)
    chartmogul.ok(f"PATCH /customers/{one}", {"name": "New", "overrides": {"name": True}})
    shown = rows(page(chartmogul, f"{LIST}/{one}"))
    for row in (
        ["name", "New", "held by an override"],
        ["status", "New Lead"],
        ["Intercom", "Custom", "a"],
        ["seats", "Integer", "3"],
        ["tag", "", "t"],
        ["", "", "ada@example.com", "", "", "A"],
    ):
        assert row in shown
    history = shown[shown.index(["when (UTC)", "who", "what", "field", "before", "after"]) + 1 :]
    assert history == [
        ["2026-01-15 12:00:05", "API", "customer", "name", "Acme", "New"],
        ["2026-01-15 12:00:00", "API", "customer", "custom.seats", "", "3"],
        ["2026-01-15 12:00:00", "API", "customer", "(created)", "", ""],
        ["2026-01-15 12:00:00", "API", "contact ada@example.com", "(created)", "", ""],
    ]


def test_a_billed_customers_page_names_the_integration(chartmogul: ChartMogulCaller) -> None:
    """The page of an imported customer names the Chargebee integration as its creator."""
    chartmogul.sandbox.reset(customers=60)
    one = next(iter(chartmogul.account.customers)).uuid
    assert ["Chargebee", "customer", "(created)", "", ""] in [
        row[1:] for row in rows(page(chartmogul, f"{LIST}/{one}"))
    ]


def test_a_long_list_has_pages(chartmogul: ChartMogulCaller) -> None:
    """A list shows fifty customers per page, and its links keep the filter."""
    source = chartmogul.source()
    for number in range(51):
        chartmogul.customer(source, f"c{number}")
    first = page(chartmogul, f"{LIST}?source=Intercom")
    assert f'<a href="{LIST}?name=&amp;source=Intercom&amp;page=2">Next</a>' in first
    assert len(rows(first)) == 1 + 50
    assert len(rows(page(chartmogul, f"{LIST}?source=Intercom&page=2"))) == 1 + 1


def test_values_are_escaped_and_nothing_comes_from_elsewhere(chartmogul: ChartMogulCaller) -> None:
    """All values on the pages are escaped; the pages have no scripts and load nothing from other hosts."""
    evil = "<script>alert('1')</script>&\""
    contact = {"email": "a@b.c", "first_name": evil, "title": evil}
    source = chartmogul.source(evil)
    one = chartmogul.customer(source, evil, name=evil, attributes={"tags": [evil]}, primary_contact=contact)
    for path in ("/", LIST, f"{LIST}/{one}", f"{LIST}?name=%22%3E%3Cscript%3E"):
        assert re.findall(r"<script|src=|url\(|@import|https?://", page(chartmogul, path)) == []
    assert "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&#34;" in page(chartmogul, f"{LIST}/{one}")


@pytest.mark.parametrize("uuid", ["x", "cus_1"])
def test_a_customer_that_is_not_there_has_no_page(chartmogul: ChartMogulCaller, uuid: str) -> None:
    """An unknown customer is a 404 with an HTML page."""
    response = requests.get(f"{chartmogul.sandbox.url}{LIST}/{uuid}", timeout=10)
    assert response.status_code == 404
    assert "There is no such record" in response.text
