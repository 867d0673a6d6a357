"""The pages that show Intercom's data: readable, escaped, and without anything from other hosts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from tests.sandbox.conftest import IntercomCaller


def page(intercom: IntercomCaller, path: str) -> str:
    """Return the HTML of a page, which must exist."""
    response = requests.get(intercom.sandbox.url + path, timeout=10)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    return response.text


def rows(html: str) -> list[list[str]]:
    """Return the rows of all tables as lists of cell texts, header rows included."""
    lines = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    return [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line, re.DOTALL)]
        for line in lines
    ]


def test_the_index_shows_clock_counts_and_calls(intercom: IntercomCaller) -> None:
    """The index shows the clock, the numbers of records, the calls by API, method and path, and the settings."""
    intercom.user(email="ada@example.com")
    shown = page(intercom, "/")
    assert "Business clock: 2026-01-15 12:00:00 UTC" in shown
    assert ["Intercom", "users", "1"] in rows(shown)
    assert ["intercom", "POST", "/contacts", "1"] in rows(shown)
    assert ["search_lag", "0"] in rows(shown)


def test_contacts_are_listed_with_the_attributes_of_the_prefix(intercom: IntercomCaller) -> None:
    """Contacts are listed last updated first, with the attributes of the prefix.

    Dates are readable, and null is an empty cell.
    """
    for name, data_type in (("cb_mrr", "float"), ("cb_due", "date"), ("other", "string")):
        intercom.attribute(name, data_type)
    intercom.user(
        external_id="1", name="Ada", custom_attributes={"cb_mrr": 12.5, "cb_due": 1_768_478_400, "other": "x"}
    )
    intercom.sandbox.advance(seconds=1)
    intercom.user(email="eve@example.com", name="Eve", custom_attributes={"cb_mrr": None})
    heads = ["name", "email", "role", "external_id", "updated_at"]
    assert rows(page(intercom, "/pages/contacts")) == [
        [*heads, "cb_mrr", "cb_due"],
        ["Eve", "eve@example.com", "user", "", "2026-01-15 12:00:01", "", ""],
        ["Ada", "", "user", "1", "2026-01-15 12:00:00", "12.5", "2026-01-15 12:00:00"],
    ]
    assert rows(page(intercom, "/pages/contacts?email=EVE&prefix=other")) == [
        [*heads, "other"],
        ["Eve", "eve@example.com", "user", "", "2026-01-15 12:00:01", ""],
    ]


def test_a_long_list_has_pages(intercom: IntercomCaller) -> None:
    """A long list has pages whose links keep the filter; a page number beyond the last shows the last."""
    for number in range(51):
        intercom.user(email=f"p{number}@example.com")
    first = page(intercom, "/pages/contacts?email=p")
    assert '<a href="/pages/contacts?email=p&amp;prefix=cb_&amp;page=2">Next</a>' in first
    assert len(rows(first)) == 1 + 50
    for shown in ("2", "999", "9999999999"):
        assert "51 in all" in page(intercom, f"/pages/contacts?email=p&page={shown}")
    assert len(rows(page(intercom, "/pages/contacts?email=p&page=999"))) == 1 + 1


def test_a_contacts_page_shows_all_values_and_its_history(intercom: IntercomCaller) -> None:
    """A contact's page shows all values, its companies and the history, newest change first."""
    intercom.attribute("cb_due", "date")
    acme = intercom.ok("POST /companies", {"company_id": "co-1", "name": "Acme"})["id"]
    ada = intercom.user(email="ada@example.com", name="Ada")
    intercom.sandbox.advance(seconds=5)
    intercom.ok(f"PUT /contacts/{ada}", {"custom_attributes": {"cb_due": 1_768_478_400}})
    intercom.ok(f"POST /contacts/{ada}/companies", {"id": acme})
    shown = rows(page(intercom, f"/pages/contacts/{ada}"))
    assert ["email", "ada@example.com"] in shown
    assert ["cb_due", "date", "2026-01-15 12:00:00"] in shown
    assert ["Acme", "co-1"] in shown
    assert shown[-4:] == [
        ["when (UTC)", "who", "field", "before", "after"],
        ["2026-01-15 12:00:05", "API", "companies", "", "co-1"],
        ["2026-01-15 12:00:05", "API", "custom_attributes.cb_due", "", "2026-01-15 12:00:00"],
        ["2026-01-15 12:00:00", "API", "(created)", "", ""],
    ]


def test_companies_are_listed_and_one_shows_its_contacts(intercom: IntercomCaller) -> None:
    """Companies are listed even without users, and a company's page shows its contacts."""
    acme = intercom.ok("POST /companies", {"company_id": "co-1", "name": "Acme", "plan": "pro", "monthly_spend": 7})[
        "id"
    ]
    assert rows(page(intercom, "/pages/companies?name=acme"))[1] == ["Acme", "co-1", "pro", "7", "2026-01-15 12:00:00"]
    assert "Without users, so that Intercom&#39;s lists do not show it." in page(intercom, f"/pages/companies/{acme}")
    ada = intercom.user(email="ada@example.com", name="Ada")
    intercom.ok(f"POST /contacts/{ada}/companies", {"id": acme})
    shown = page(intercom, f"/pages/companies/{acme}")
    assert ["Ada", "ada@example.com", "user", ""] in rows(shown)
    assert "Without users" not in shown


EVIL = "<script>alert('1')</script>&\""


@pytest.mark.parametrize("path", ["/pages/contacts", "/pages/contacts/{contact}", "/pages/companies/{company}"])
def test_values_are_escaped_wherever_they_stand(intercom: IntercomCaller, path: str) -> None:
    """Names, attribute values and the history are escaped."""
    intercom.attribute("cb_note", "string")
    company = intercom.ok("POST /companies", {"company_id": "1", "name": EVIL})["id"]
    contact = intercom.user(external_id=EVIL, name=EVIL, custom_attributes={"cb_note": EVIL})
    intercom.ok(f"PUT /contacts/{contact}", {"custom_attributes": {"cb_note": EVIL + "2"}})
    intercom.ok(f"POST /contacts/{contact}/companies", {"id": company})
    shown = page(intercom, path.format(contact=contact, company=company))
    assert "<script" not in shown
    assert "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&#34;" in shown


def test_what_was_asked_is_escaped_too(intercom: IntercomCaller) -> None:
    """The values of the filter are escaped in its form."""
    shown = page(intercom, "/pages/contacts?email=%22%3E%3Cscript%3E&prefix=%22%3E%3Cscript%3E")
    assert "<script" not in shown
    assert 'value="&#34;&gt;&lt;script&gt;"' in shown


def test_pages_need_nothing_from_elsewhere(intercom: IntercomCaller) -> None:
    """The pages have no scripts, and link only to the sandbox itself."""
    contact = intercom.user(email="ada@example.com")
    for path in ("/", "/pages/contacts", "/pages/companies", f"/pages/contacts/{contact}"):
        shown = page(intercom, path)
        assert re.findall(r"<script|src=|url\(|@import|https?://", shown) == []


@pytest.mark.parametrize("path", ["/pages/contacts/x", "/pages/companies/x"])
def test_a_record_that_is_not_there_has_no_page(intercom: IntercomCaller, path: str) -> None:
    """An unknown record is a 404 with an HTML page."""
    response = requests.get(intercom.sandbox.url + path, timeout=10)
    assert response.status_code == 404
    assert "There is no such record" in response.text


def test_an_archived_contact_says_so(intercom: IntercomCaller) -> None:
    """An archived contact has a page that says so, but is in no list."""
    ada = intercom.user(external_id="1", name="Ada")
    intercom.ok(f"POST /contacts/{ada}/archive")
    assert "Archived." in page(intercom, f"/pages/contacts/{ada}")
    assert "Ada" not in page(intercom, "/pages/contacts")
