"""Companies: upsert by company_id, lists of companies with users, and one scroll at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sandbox.intercom.companies import Company, Scroll
from sandbox.intercom.errors import Refusal

if TYPE_CHECKING:
    from tests.sandbox.conftest import IntercomCaller

NOW = 1_768_478_400
NOT_FOUND = (404, [{"code": "company_not_found", "message": "Company Not Found"}])


def company(intercom: IntercomCaller, company_id: str, users: int = 1, **fields: Any) -> str:
    """Create a company with users, and return its id."""
    made = str(intercom.ok("POST /companies", {"company_id": company_id, **fields})["id"])
    for number in range(users):
        user = intercom.user(external_id=f"{company_id}-{number}", name=f"{company_id}-{number}")
        intercom.ok(f"POST /contacts/{user}/companies", {"id": made})
    return made


def test_a_company_is_made_or_changed_by_its_company_id(intercom: IntercomCaller) -> None:
    """The same call creates or updates a company by its company_id.

    Fields that are not sent stay, and monthly_spend loses its cents.
    """
    body = {"company_id": "1", "name": "Acme", "plan": "pro", "monthly_spend": 12.9, "remote_created_at": 7}
    made = intercom.ok("POST /companies", body)
    assert made == {
        "type": "company",
        "id": made["id"],
        "company_id": "1",
        "name": "Acme",
        "app_id": "sandboxws",
        "plan": {"type": "plan", "id": made["plan"]["id"], "name": "pro"},
        "monthly_spend": 12,
        "session_count": 0,
        "user_count": 0,
        "remote_created_at": 7,
        "last_request_at": None,
        "created_at": NOW,
        "updated_at": NOW,
        "custom_attributes": {},
        "tags": {"type": "tag.list", "tags": []},
        "segments": {"type": "segment.list", "segments": []},
    }
    intercom.sandbox.advance(seconds=5)
    changed = intercom.ok("POST /companies", {"company_id": "1", "name": "Acme Ltd"})
    assert changed == made | {"name": "Acme Ltd", "updated_at": NOW + 5}


@pytest.mark.parametrize(("name", "value"), [("size", 5), ("website", "acme.example"), ("industry", "Anvils")])
def test_what_nobody_said_of_a_company_is_absent(intercom: IntercomCaller, name: str, value: Any) -> None:
    """Industry, size and website are absent until they are set, and again after they are cleared."""
    made = intercom.ok("POST /companies", {"company_id": "1"})
    assert name not in made
    assert intercom.ok("POST /companies", {"company_id": "1", name: value})[name] == value
    assert name not in intercom.ok("POST /companies", {"company_id": "1", name: None})


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"name": "Acme"}, "parameter_missing", "company_id not specified"),
        ({"company_id": 7}, "parameter_invalid", "company_id must be a string"),
        ({"company_id": "1", "name": ""}, "parameter_invalid", "name must be a string"),
        ({"company_id": "1", "size": "5"}, "parameter_invalid", "size must be an integer"),
        ({"company_id": "1", "plan": {"name": "pro"}}, "parameter_invalid", "plan must be a string"),
        (
            {"company_id": "1", "monthly_spend": 2**31},
            "parameter_invalid",
            f"monthly_spend must be a number from 0 to {2**31 - 1}",
        ),
        (
            {"company_id": "1", "remote_created_at": "x"},
            "parameter_invalid",
            "remote_created_at must be a UNIX timestamp",
        ),
        ({"company_id": "1", "colour": "red"}, "bad_request", "bad 'colour' parameter"),
        ({"company_id": "1", "update_last_request_at": True}, "bad_request", "bad 'update_last_request_at' parameter"),
    ],
)
def test_a_body_that_is_wrong_is_refused(intercom: IntercomCaller, body: Any, code: str, message: str) -> None:
    """A wrong body is a 400 and creates no company. Unknown fields are refused whatever refuse_unknown_fields says."""
    intercom.sandbox.reset(customers=0, refuse_unknown_fields=False)
    status, errors = intercom.refused("POST /companies", body)
    assert (status, errors[0]["code"], errors[0]["message"]) == (400, code, message)
    assert len(intercom.workspace.companies) == 0


@pytest.mark.parametrize("name", ["company_id", "remote_created_at"])
def test_a_put_cannot_change_who_a_company_is(intercom: IntercomCaller, name: str) -> None:
    """A PUT updates a company by Intercom's id, but refuses to change company_id or remote_created_at."""
    acme = company(intercom, "1", name="Acme", size=5)
    error = {"code": "bad_request", "message": f"bad '{name}' parameter"}
    assert intercom.refused(f"PUT /companies/{acme}", {name: "2"}) == (400, [error])
    changed = intercom.ok(f"PUT /companies/{acme}", {"name": "Acme Ltd"})
    assert (changed["company_id"], changed["name"], changed["size"]) == ("1", "Acme Ltd", 5)


def test_one_company_is_read_by_id_company_id_or_name(intercom: IntercomCaller) -> None:
    """A company is read by id, company_id or name; a shared name returns one of the companies."""
    first = company(intercom, "1", users=0, name="Acme")
    company(intercom, "2", users=0, name="Acme")
    calls = (f"GET /companies/{first}", "GET /companies?company_id=1", "GET /companies?name=Acme")
    assert [intercom.ok(call)["id"] for call in calls] == [first] * 3


@pytest.mark.parametrize(
    "call",
    [
        "GET /companies/x",
        "PUT /companies/x",
        "DELETE /companies/x",
        "GET /companies?company_id=x",
        "GET /companies?name=x",
    ],
)
def test_an_unknown_company_is_not_found(intercom: IntercomCaller, call: str) -> None:
    """An unknown company is a 404 with the code `company_not_found`."""
    assert intercom.refused(call) == NOT_FOUND


def listed(intercom: IntercomCaller) -> list[list[str]]:
    """Return the company_ids in the two lists and in a scroll."""
    pages = [intercom.ok(call) for call in ("GET /companies", "POST /companies/list", "GET /companies/scroll")]
    if pages[2]["data"]:
        intercom.ok(f"GET /companies/scroll?scroll_param={pages[2]['scroll_param']}")
    return [sorted(one["company_id"] for one in page["data"]) for page in pages]


def test_a_company_is_listed_while_it_has_users(intercom: IntercomCaller) -> None:
    """Only companies with users are listed; leads and archived users do not count."""
    company(intercom, "empty", users=0)
    acme = company(intercom, "acme")
    lonely = company(intercom, "leads", users=0)
    lead = intercom.ok("POST /contacts", {"role": "lead"})["id"]
    intercom.ok(f"POST /contacts/{lead}/companies", {"id": lonely})
    assert listed(intercom) == [["acme"]] * 3
    (user,) = intercom.ok(f"GET /companies/{acme}/contacts")["data"]
    intercom.ok(f"POST /contacts/{user['id']}/archive")
    assert listed(intercom) == [[]] * 3
    assert intercom.ok(f"GET /companies/{acme}")["user_count"] == 0


def test_lists_are_numbered_pages_whose_next_is_an_address(intercom: IntercomCaller) -> None:
    """Lists have numbered pages with the next page's address, and are empty beyond the last page."""
    for name in "abc":
        company(intercom, name)
    first = intercom.ok("POST /companies/list?per_page=2")
    address = f"{intercom.sandbox.intercom_url}/companies/list?per_page=2&page=2"
    assert first["pages"] == {"type": "pages", "next": address, "page": 1, "per_page": 2, "total_pages": 2}
    second = intercom.ok("POST " + address.removeprefix(intercom.sandbox.intercom_url))
    assert (len(first["data"]), len(second["data"]), second["pages"]["next"]) == (2, 1, None)
    assert intercom.ok("POST /companies/list?per_page=2&page=3")["data"] == []


@pytest.mark.parametrize(
    ("query", "message", "field"),
    [
        ("page=0", "page must be at least 1", "page"),
        ("per_page=61", "per_page must be between 1 and 60", "per_page"),
        ("order=up", "order must be asc or desc", "order"),
    ],
)
def test_a_list_that_cannot_be_is_refused(intercom: IntercomCaller, query: str, message: str, field: str) -> None:
    """A wrong list parameter is a 400 that names it."""
    errors = [{"code": "parameter_invalid", "message": message, "field": field}]
    assert intercom.refused(f"POST /companies/list?{query}") == (400, errors)


def test_a_scroll_gives_all_then_nothing_then_is_not_found(intercom: IntercomCaller) -> None:
    """A scroll keeps its parameter, ends with an empty page, and is then a 404.

    A second scroll is refused while one is open.
    """
    company(intercom, "1")
    first = intercom.ok("GET /companies/scroll")
    exists = (400, [{"code": "scroll_exists", "message": "scroll already exists for this workspace"}])
    assert intercom.refused("GET /companies/scroll") == exists
    path = f"/companies/scroll?scroll_param={first['scroll_param']}"
    second = intercom.ok(f"GET {path}")
    assert (len(first["data"]), second["data"], second["scroll_param"]) == (1, [], first["scroll_param"])
    assert intercom.refused(f"GET {path}") == (404, [{"code": "not_found", "message": "scroll parameter not found"}])
    assert intercom("GET /companies/scroll").status_code == 200


def test_a_scroll_over_no_company_ends_with_its_first_page(intercom: IntercomCaller) -> None:
    """A scroll over no companies ends with its first page; its parameter is then a 404."""
    first = intercom.ok("GET /companies/scroll")
    assert first["data"] == []
    assert intercom(f"GET /companies/scroll?scroll_param={first['scroll_param']}").status_code == 404


def test_a_scroll_expires_a_minute_after_its_last_page() -> None:
    """A scroll expires one minute of real time after its last page was read."""
    time = [0.0]
    scroll = Scroll(60, monotonic=lambda: time[0])
    companies = [Company({"id": str(number)}) for number in range(250)]
    sizes = [len(scroll.begin("a", companies))]
    for seconds in (60.0, 120.0):
        time[0] = seconds
        sizes.append(len(scroll.next("a")))
    assert sizes == [100, 100, 50]
    time[0] = 180.5
    with pytest.raises(Refusal, match="scroll parameter not found"):
        scroll.next("a")
    assert scroll.begin("b", []) == []


def test_a_deleted_company_is_gone_some_time_later(intercom: IntercomCaller) -> None:
    """A deleted company can still be read until time passes; the next upsert then creates a new company."""
    acme = company(intercom, "1")
    (user,) = intercom.ok(f"GET /companies/{acme}/contacts")["data"]
    assert intercom.ok(f"DELETE /companies/{acme}") == {"id": acme, "object": "company", "deleted": True}
    assert intercom(f"GET /companies/{acme}").status_code == 200
    intercom.sandbox.advance(seconds=1)
    assert intercom.refused(f"GET /companies/{acme}") == NOT_FOUND
    assert intercom.ok(f"GET /contacts/{user['id']}/companies")["data"] == []
    assert intercom.ok("POST /companies", {"company_id": "1"})["id"] != acme


def test_attaching_twice_is_once_and_detaching_undoes_it(intercom: IntercomCaller) -> None:
    """Attaching a contact twice has the effect of once, and detaching undoes it; both reply with the company."""
    acme = company(intercom, "1")
    user = intercom.user(external_id="u")
    for _ in range(2):
        assert intercom.ok(f"POST /contacts/{user}/companies", {"id": acme})["user_count"] == 2
    contact = intercom.ok(f"GET /contacts/{user}")
    assert contact["companies"]["data"] == [{"id": acme, "type": "company", "url": f"/companies/{acme}"}]
    assert [one["id"] for one in intercom.ok(f"GET /contacts/{user}/companies")["data"]] == [acme]
    assert intercom.ok(f"DELETE /contacts/{user}/companies/{acme}")["user_count"] == 1
    assert intercom.refused(f"DELETE /contacts/{user}/companies/{acme}") == NOT_FOUND


@pytest.mark.parametrize(
    ("body", "status", "code", "message"),
    [
        ({}, 400, "parameter_not_found", "company not specified"),
        ({"id": 7}, 400, "parameter_not_found", "company not specified"),
        ({"id": "x"}, 404, "company_not_found", "Company Not Found"),
        ({"company_id": "1"}, 400, "bad_request", "bad 'company_id' parameter"),
    ],
)
def test_attaching_to_no_company_is_refused(
    intercom: IntercomCaller, body: Any, status: int, code: str, message: str
) -> None:
    """A contact is attached by Intercom's id of the company; anything else is refused."""
    user = intercom.user(external_id="u")
    assert intercom.refused(f"POST /contacts/{user}/companies", body) == (status, [{"code": code, "message": message}])


def test_a_contact_is_attached_to_a_thousand_companies_at_most(intercom: IntercomCaller) -> None:
    """A contact belongs to at most 1,000 companies. It shows ten of them; a list of its own shows all."""
    workspace = intercom.workspace
    user = intercom.user(external_id="u")
    for number in range(1000):
        made = workspace.companies.add(workspace.new_company({"company_id": str(number)}, NOW), "API")
        workspace.attach(workspace.contacts.get(user), made, NOW, "API")
    companies = intercom.ok(f"GET /contacts/{user}")["companies"]
    assert (len(companies["data"]), companies["total_count"], companies["has_more"]) == (10, 1000, True)
    message = "Contact has reached the limit of 1000 companies"
    last = intercom.ok("POST /companies", {"company_id": "last"})["id"]
    errors = [{"code": "contact_company_limit_exceeded", "message": message}]
    assert intercom.refused(f"POST /contacts/{user}/companies", {"id": last}) == (400, errors)


def test_a_deleted_contact_leaves_its_companies(intercom: IntercomCaller) -> None:
    """Deleting a contact removes it from its companies; a company without users leaves the lists."""
    acme = company(intercom, "1")
    (user,) = intercom.ok(f"GET /companies/{acme}/contacts")["data"]
    intercom.ok(f"DELETE /contacts/{user['id']}")
    assert intercom.ok(f"GET /companies/{acme}/contacts")["data"] == []
    assert listed(intercom) == [[]] * 3


def test_the_ten_thousandth_company_is_the_last_that_paged_lists_show(intercom: IntercomCaller) -> None:
    """The numbered pages show at most 10,000 companies; only the scroll shows more."""
    workspace = intercom.workspace
    user = workspace.contacts.get(intercom.user(external_id="u"))
    for number in range(10_001):
        made = workspace.companies.add(workspace.new_company({"company_id": str(number)}, NOW), "API")
        made.contacts[user.id] = None
    assert intercom.ok("POST /companies/list?per_page=50&page=200")["pages"]["next"] is None
    assert intercom.ok("POST /companies/list?per_page=50&page=201")["data"] == []
    assert sum(1 for _ in workspace.visible_companies()) == 10_001
