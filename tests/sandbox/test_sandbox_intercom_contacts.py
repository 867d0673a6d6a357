"""Contacts: uniqueness, updates, lists, and searches that lag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import IntercomCaller

NOW = 1_768_478_400
DAY = 86_400


def conflict(contact_id: str, subject: str = "A contact") -> tuple[int, list[dict[str, str]]]:
    """Return the expected 409 that names the conflicting contact."""
    message = f"{subject} matching those details already exists with id={contact_id}"
    return 409, [{"code": "conflict", "message": message}]


def email_is(value: str) -> dict[str, Any]:
    """Return a search for an e-mail."""
    return {"query": {"field": "email", "operator": "=", "value": value}}


def test_a_new_user_is_answered_whole(intercom: IntercomCaller) -> None:
    """A new user is returned whole; times come from the business clock, and nested lists have a url and a count."""
    contact = intercom.ok(
        "POST /contacts", {"email": "ada@example.com", "name": "Ada", "avatar": "https://a.example/1"}
    )
    url = f"/contacts/{contact['id']}"
    nothing = {"type": "list", "data": [], "total_count": 0, "has_more": False}
    assert contact == {
        "type": "contact",
        "id": contact["id"],
        "workspace_id": "sandboxws",
        "external_id": None,
        "role": "user",
        "email": "ada@example.com",
        "email_domain": "example.com",
        "phone": None,
        "name": "Ada",
        "avatar": {"type": "avatar", "image_url": "https://a.example/1"},
        "owner_id": None,
        "social_profiles": {"type": "list", "data": []},
        "has_hard_bounced": False,
        "marked_email_as_spam": False,
        "unsubscribed_from_emails": False,
        "created_at": NOW,
        "updated_at": NOW,
        "signed_up_at": None,
        "last_seen_at": None,
        "last_replied_at": None,
        "last_contacted_at": None,
        "last_email_opened_at": None,
        "last_email_clicked_at": None,
        "language_override": None,
        "browser": None,
        "browser_version": None,
        "browser_language": None,
        "os": None,
        "location": {
            "type": "location",
            "country": None,
            "region": None,
            "city": None,
            "country_code": None,
            "continent_code": None,
        },
        "android_app_name": None,
        "android_app_version": None,
        "android_device": None,
        "android_os_version": None,
        "android_sdk_version": None,
        "android_last_seen_at": None,
        "ios_app_name": None,
        "ios_app_version": None,
        "ios_device": None,
        "ios_os_version": None,
        "ios_sdk_version": None,
        "ios_last_seen_at": None,
        "utm_campaign": None,
        "utm_content": None,
        "utm_medium": None,
        "utm_source": None,
        "utm_term": None,
        "referrer": None,
        "enabled_push_messaging": None,
        "custom_attributes": {},
        "tags": nothing | {"url": f"{url}/tags"},
        "notes": nothing | {"url": f"{url}/notes"},
        "companies": nothing | {"url": f"{url}/companies"},
        "opted_out_subscription_types": nothing | {"url": f"{url}/subscriptions"},
        "opted_in_subscription_types": nothing | {"url": f"{url}/subscriptions"},
    }
    assert intercom.ok(f"GET {url}") == contact


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({}, "parameter_missing", "email, external_id or role must be specified"),
        ({"name": "Ada"}, "parameter_missing", "email, external_id or role must be specified"),
        ({"email": "ada"}, "parameter_invalid", "email must be an email address"),
        ({"email": "ada@b@c"}, "parameter_invalid", "email must be an email address"),
        ({"email": "a da@example.com"}, "parameter_invalid", "email must be an email address"),
        ({"email": None}, "parameter_invalid", "email must be an email address"),
        ({"external_id": None}, "parameter_invalid", "external_id must be a string"),
        ({"external_id": 7}, "parameter_invalid", "external_id must be a string"),
        ({"external_id": " "}, "parameter_invalid", "external_id must be a string"),
        ({"role": "admin"}, "parameter_invalid", "role must be user or lead"),
        ({"role": "user", "name": 1}, "parameter_invalid", "name must be a string"),
        ({"role": "user", "phone": 1}, "parameter_invalid", "phone must be a string"),
        ({"role": "user", "signed_up_at": "now"}, "parameter_invalid", "signed_up_at must be a UNIX timestamp"),
        ({"role": "user", "last_seen_at": 1.5}, "parameter_invalid", "last_seen_at must be a UNIX timestamp"),
        ({"role": "user", "owner_id": "me"}, "parameter_invalid", "owner_id must be an admin id"),
        (
            {"role": "lead", "unsubscribed_from_emails": 0},
            "parameter_invalid",
            "unsubscribed_from_emails must be a boolean",
        ),
        ({"role": "user", "custom_attributes": []}, "parameter_invalid", "custom_attributes must be an object"),
        ({"role": "lead", "external_id": "1"}, "parameter_invalid", "external_id cannot be set for a lead"),
        ({"role": "user", "email_verified": True}, "bad_request", "bad 'email_verified' parameter"),
        ({"role": "user", "created_at": 1}, "bad_request", "bad 'created_at' parameter"),
        ({"role": "user", "colour": "red"}, "bad_request", "bad 'colour' parameter"),
    ],
)
def test_a_body_that_is_wrong_is_refused(intercom: IntercomCaller, body: Any, code: str, message: str) -> None:
    """A wrong body is a 400, and no contact is created."""
    status, errors = intercom.refused("POST /contacts", body)
    assert (status, errors[0]["code"], errors[0]["message"]) == (400, code, message)
    assert len(intercom.workspace.contacts) == 0


def test_an_email_or_external_id_belongs_to_one_user(intercom: IntercomCaller) -> None:
    """A taken e-mail or external id is a 409 that names its user; e-mails are compared without letter case."""
    ada = intercom.user(email="Ada@example.com", external_id="1")
    assert intercom.refused("POST /contacts", {"email": "ada@EXAMPLE.com"}) == conflict(ada)
    assert intercom.refused("POST /contacts", {"external_id": "1", "email": "eve@example.com"}) == conflict(ada)
    assert intercom.refused("POST /contacts", {"role": "user", "external_id": "1"}) == conflict(ada)


def test_an_archived_user_still_holds_its_email_and_external_id(intercom: IntercomCaller) -> None:
    """An archived user keeps its e-mail and external id; the 409 calls the contact archived."""
    ada = intercom.user(email="ada@example.com", external_id="1")
    intercom.ok(f"POST /contacts/{ada}/archive")
    archived = conflict(ada, "An archived contact")
    assert intercom.refused("POST /contacts", {"email": "ada@example.com"}) == archived
    assert intercom.refused("POST /contacts", {"external_id": "1"}) == archived


def test_a_live_user_in_the_way_is_named_before_an_archived_one(intercom: IntercomCaller) -> None:
    """When a live and an archived user share the e-mail, the 409 names the live one."""
    old = intercom.user(email="ada@example.com", external_id="1")
    live = intercom.user(email="ada@example.com", external_id="2")
    intercom.ok(f"POST /contacts/{old}/archive")
    assert intercom.refused("POST /contacts", {"email": "ada@example.com"}) == conflict(live)


def test_a_known_email_with_a_new_external_id_is_another_user_or_a_conflict_by_the_switch(
    intercom: IntercomCaller,
) -> None:
    """A known e-mail with a new external id creates a second user.

    A switch makes it a conflict, because the vendor does not document it.
    """
    body = {"email": "ada@example.com", "external_id": "2"}
    first = intercom.user(email="ada@example.com")
    assert intercom.user(**body) != first
    intercom.sandbox.reset(customers=0, second_user_for_new_external_id=False)
    first = intercom.user(email="ada@example.com")
    assert intercom.refused("POST /contacts", body) == conflict(first)


def test_leads_share_emails_with_anybody(intercom: IntercomCaller) -> None:
    """Leads may share e-mails. Intercom sets a lead's external id, and no user is found by it."""
    leads = [intercom.ok("POST /contacts", {"role": "lead", "email": "ada@example.com"}) for _ in range(2)]
    user = intercom.user(email="ada@example.com")
    assert len({*(one["id"] for one in leads), user}) == 3
    missing = (404, [{"code": "not_found", "message": "User Not Found"}])
    assert intercom.refused(f"GET /contacts/find_by_external_id/{leads[0]['external_id']}") == missing


def test_a_user_is_found_by_external_id_at_once(intercom: IntercomCaller) -> None:
    """find_by_external_id does not lag, and does not find archived users."""
    intercom.sandbox.reset(customers=0, search_lag=60)
    eve = intercom.user(external_id="e1 é")
    assert intercom.ok("GET /contacts/find_by_external_id/e1%20%C3%A9")["id"] == eve
    intercom.ok(f"POST /contacts/{eve}/archive")
    assert intercom("GET /contacts/find_by_external_id/e1%20%C3%A9").status_code == 404


def test_a_put_changes_what_is_sent_and_leaves_the_rest(intercom: IntercomCaller) -> None:
    """A PUT changes only the fields that are sent. Custom attributes are merged by key; null clears one."""
    intercom.attribute("plan", "string")
    intercom.attribute("seats", "integer")
    ada = intercom.user(email="ada@example.com", name="Ada", phone="1", custom_attributes={"plan": "a", "seats": 2})
    intercom.sandbox.advance(seconds=5)
    changed = intercom.ok(f"PUT /contacts/{ada}", {"phone": None, "custom_attributes": {"plan": "b", "seats": None}})
    assert (changed["email"], changed["name"], changed["phone"]) == ("ada@example.com", "Ada", None)
    assert changed["custom_attributes"] == {"plan": "b", "seats": None}
    assert (changed["created_at"], changed["updated_at"]) == (NOW, NOW + 5)


def test_a_put_that_changes_nothing_leaves_updated_at(intercom: IntercomCaller) -> None:
    """A PUT that changes no value leaves updated_at and the history alone."""
    ada = intercom.user(email="ada@example.com", name="Ada")
    intercom.sandbox.advance(seconds=5)
    assert intercom.ok(f"PUT /contacts/{ada}", {"name": "Ada", "custom_attributes": None})["updated_at"] == NOW
    assert [one.field for one in intercom.workspace.contacts.get(ada).history] == ["(created)"]


def test_who_changed_what_and_when_is_kept(intercom: IntercomCaller) -> None:
    """The history has one entry per changed field, with the full names of custom attributes."""
    intercom.attribute("plan", "string")
    ada = intercom.user(email="ada@example.com")
    intercom.sandbox.advance(seconds=5)
    intercom.ok(f"PUT /contacts/{ada}", {"name": "Ada", "custom_attributes": {"plan": "a"}})
    assert [tuple(one) for one in intercom.workspace.contacts.get(ada).history] == [
        (NOW, "API", "(created)", None, None),
        (NOW + 5, "API", "name", None, "Ada"),
        (NOW + 5, "API", "custom_attributes.plan", None, "a"),
    ]


def test_a_put_into_another_users_email_or_external_id_is_a_conflict(intercom: IntercomCaller) -> None:
    """A PUT with another user's e-mail or external id is a 409; the own e-mail in another letter case is accepted."""
    ada = intercom.user(email="ada@example.com", external_id="1")
    eve = intercom.user(email="eve@example.com", external_id="2")
    assert intercom.refused(f"PUT /contacts/{eve}", {"email": "Ada@example.com"}) == conflict(ada)
    assert intercom.refused(f"PUT /contacts/{eve}", {"external_id": "1"}) == conflict(ada)
    assert intercom.ok(f"PUT /contacts/{eve}", {"email": "Eve@example.com"})["email"] == "Eve@example.com"


def test_users_who_share_an_email_can_still_be_written(intercom: IntercomCaller) -> None:
    """Users who already share an e-mail can be updated, because only a change of e-mail is checked."""
    intercom.user(email="ada@example.com", external_id="1")
    twin = intercom.user(email="ada@example.com", external_id="2")
    assert intercom.ok(f"PUT /contacts/{twin}", {"email": "ada@example.com", "name": "Ada"})["name"] == "Ada"


def test_a_lead_becomes_a_user_by_its_role_if_nobody_is_in_the_way(intercom: IntercomCaller) -> None:
    """A PUT of the role turns a lead into a user unless another user has its e-mail. A user cannot become a lead."""
    user = intercom.user(email="ada@example.com")
    rival = intercom.ok("POST /contacts", {"role": "lead", "email": "ada@example.com"})["id"]
    lead = intercom.ok("POST /contacts", {"role": "lead", "email": "eve@example.com"})["id"]
    assert intercom.refused(f"PUT /contacts/{rival}", {"role": "user"}) == conflict(user)
    assert intercom.ok(f"PUT /contacts/{lead}", {"role": "user", "external_id": "9"})["external_id"] == "9"
    message = "role of a user cannot be changed to lead"
    errors = [{"code": "parameter_invalid", "message": message, "field": "role"}]
    assert intercom.refused(f"PUT /contacts/{user}", {"role": "lead"}) == (400, errors)


def test_null_clears_a_leads_attribute_only_where_the_switch_says_so(intercom: IntercomCaller) -> None:
    """Null for a lead's attribute is refused, as in version 1.

    A switch accepts it, because version 2 does not document it.
    """
    intercom.attribute("plan", "string")
    body = {"role": "lead", "custom_attributes": {"plan": None}}
    error = {"code": "parameter_invalid", "message": "custom attribute is not of type Numeric, String or Boolean"}
    assert intercom.refused("POST /contacts", body) == (400, [error])
    intercom.sandbox.reset(customers=0, leads_take_null=True)
    intercom.attribute("plan", "string")
    assert intercom.ok("POST /contacts", body)["custom_attributes"] == {"plan": None}


@pytest.mark.parametrize(
    "call",
    [
        "GET /contacts/x",
        "PUT /contacts/x",
        "DELETE /contacts/x",
        "POST /contacts/x/archive",
        "POST /contacts/x/unarchive",
        "GET /contacts/x/companies",
        "POST /contacts/x/companies",
    ],
)
def test_an_unknown_contact_is_not_found(intercom: IntercomCaller, call: str) -> None:
    """An unknown contact is a 404 on every path."""
    body: dict[str, Any] | None = None if call.startswith(("GET", "DELETE")) else {}
    assert intercom.refused(call, body) == (404, [{"code": "not_found", "message": "User Not Found"}])


def test_an_archived_contact_is_in_no_list_and_can_be_restored(intercom: IntercomCaller) -> None:
    """An archived contact is in no list or search, and reading or writing it is a 404 until it is restored."""
    ada = intercom.user(email="ada@example.com", external_id="1")
    stub = {"type": "contact", "id": ada, "external_id": "1"}
    assert intercom.ok(f"POST /contacts/{ada}/archive") == stub | {"archived": True}
    assert intercom.ok("GET /contacts")["data"] == []
    assert intercom.ok("POST /contacts/search", email_is("ada@example.com"))["data"] == []
    assert [intercom(f"{method} /contacts/{ada}").status_code for method in ("GET", "PUT")] == [404, 404]
    assert intercom.ok(f"POST /contacts/{ada}/unarchive") == stub | {"archived": False}
    assert intercom.ok("POST /contacts/search", email_is("ada@example.com"))["total_count"] == 1


def test_a_deleted_contact_leaves_nothing(intercom: IntercomCaller) -> None:
    """Deleting a contact frees its e-mail and external id."""
    ada = intercom.user(email="ada@example.com", external_id="1")
    assert intercom.ok(f"DELETE /contacts/{ada}") == {
        "type": "contact",
        "id": ada,
        "external_id": "1",
        "deleted": True,
    }
    assert intercom(f"GET /contacts/{ada}").status_code == 404
    assert intercom.user(email="ada@example.com", external_id="1") != ada


def test_the_owner_is_a_number_until_2_16_and_a_string_from_then_on(intercom: IntercomCaller) -> None:
    """Since version 2.16, owner_id is a string, and email_verified can be set together with email."""
    ada = intercom.user(email="ada@example.com", owner_id=12)
    version = {"Intercom-Version": "2.16"}
    assert intercom(f"GET /contacts/{ada}").json()["owner_id"] == 12
    assert intercom(f"GET /contacts/{ada}", **version).json()["owner_id"] == "12"
    verified = intercom(f"PUT /contacts/{ada}", {"email_verified": True}, **version)
    message = "email_verified can only be set together with email"
    assert verified.json()["errors"] == [{"code": "parameter_missing", "message": message}]


def test_all_contacts_are_listed_by_cursor_the_newest_first(intercom: IntercomCaller) -> None:
    """Contacts are listed newest first, ten per page by default; the last page has no next."""
    made = []
    for number in range(12):
        made.append(intercom.user(external_id=str(number)))
        intercom.sandbox.advance(seconds=1)
    first = intercom.ok("GET /contacts")
    cursor = first["pages"]["next"]["starting_after"]
    second = intercom.ok(f"GET /contacts?starting_after={cursor}")
    assert [one["id"] for one in first["data"] + second["data"]] == made[::-1]
    assert (first["total_count"], second["pages"]) == (
        12,
        {"type": "pages", "page": 2, "per_page": 10, "total_pages": 2},
    )


@pytest.mark.parametrize(
    ("call", "body", "error"),
    [
        (
            "GET /contacts?per_page=151",
            None,
            {"code": "parameter_invalid", "message": "per_page must be between 1 and 150", "field": "per_page"},
        ),
        ("GET /contacts?starting_after=x", None, {"code": "client_error", "message": "Invalid starting_after param"}),
        ("POST /contacts/search", {}, {"code": "parameter_missing", "message": "query not specified"}),
        (
            "POST /contacts/search",
            email_is("a") | {"pagination": {"starting_after": "x"}},
            {"code": "client_error", "message": "Invalid starting_after param"},
        ),
        (
            "POST /contacts/search",
            email_is("a") | {"pagination": [1]},
            {"code": "parameter_invalid", "message": "pagination must be an object", "field": "pagination"},
        ),
        (
            "POST /contacts/search",
            email_is("a") | {"sort": {"field": "name", "order": "asc"}},
            {"code": "invalid_sort_order", "message": "sort order must be ascending or descending"},
        ),
        (
            "POST /contacts/search",
            email_is("a") | {"sort": {"field": "colour", "order": "ascending"}},
            {"code": "invalid_field", "message": "Field 'colour' is not searchable"},
        ),
        (
            "POST /contacts/search",
            {"query": {"field": "custom_attributes.cb_cust_id", "operator": "=", "value": "1"}},
            {"code": "invalid_field", "message": "Field 'custom_attributes.cb_cust_id' is not searchable"},
        ),
        (
            "POST /contacts/search",
            {"query": {"field": "email", "operator": "IN", "value": ["a"] * 51}},
            {"code": "parameter_invalid", "message": "value of IN must have 1 to 50 entries"},
        ),
    ],
    ids=["page size", "cursor", "no query", "search cursor", "pagination", "order", "sort field", "attribute", "IN"],
)
def test_a_list_or_search_that_cannot_be_is_refused(intercom: IntercomCaller, call: str, body: Any, error: Any) -> None:
    """A wrong list or search parameter is a 400 with the vendor's error."""
    assert intercom.refused(call, body) == (400, [error])


def test_a_search_pages_by_cursor_in_its_order(intercom: IntercomCaller) -> None:
    """A search takes cursor and page size from its body, and ignores `pagination.page`."""
    for name in "dbac":
        intercom.user(external_id=name, name=name)
    asked = {
        "query": {"field": "role", "operator": "=", "value": "user"},
        "sort": {"field": "name", "order": "ascending"},
    }
    first = intercom.ok("POST /contacts/search", asked | {"pagination": {"per_page": 3, "page": 2}})
    following = {"per_page": 3, "starting_after": first["pages"]["next"]["starting_after"]}
    second = intercom.ok("POST /contacts/search", asked | {"pagination": following})
    assert [[one["name"] for one in page["data"]] for page in (first, second)] == [["a", "b", "c"], ["d"]]
    assert "next" not in second["pages"]


def test_a_search_sees_a_write_after_the_lag_and_the_state_before_until_then(intercom: IntercomCaller) -> None:
    """During search_lag, a search does not find new contacts and finds changed ones by their old values.

    Reading by id never lags.
    """
    intercom.sandbox.reset(customers=0, search_lag=60)
    ada = intercom.user(email="ada@example.com", name="Ada")
    assert intercom.found(email_is("ada@example.com")["query"]) == []
    intercom.sandbox.advance(seconds=60)
    assert intercom.found(email_is("ada@example.com")["query"]) == ["Ada"]
    intercom.ok(f"PUT /contacts/{ada}", {"email": "eve@example.com"})
    assert [intercom.found(email_is(one)["query"]) for one in ("ada@example.com", "eve@example.com")] == [["Ada"], []]
    assert intercom.ok(f"GET /contacts/{ada}")["email"] == "eve@example.com"
    intercom.sandbox.advance(seconds=60)
    assert [intercom.found(email_is(one)["query"]) for one in ("ada@example.com", "eve@example.com")] == [[], ["Ada"]]


def test_a_search_for_an_attribute_follows_its_changes(intercom: IntercomCaller) -> None:
    """A search by custom attribute also finds contacts that changed after its first use."""
    intercom.attribute("cb_cust_id", "string")
    query = {"field": "custom_attributes.cb_cust_id", "operator": "IN", "value": ["1", "2"]}
    ada = intercom.user(email="ada@example.com", name="Ada", custom_attributes={"cb_cust_id": "1"})
    assert intercom.found(query) == ["Ada"]
    intercom.user(email="eve@example.com", name="Eve", custom_attributes={"cb_cust_id": "2"})
    intercom.ok(f"PUT /contacts/{ada}", {"custom_attributes": {"cb_cust_id": None}})
    assert intercom.found(query) == ["Eve"]


def test_the_case_of_emails_counts_in_a_search_unless_the_switch_says_otherwise(intercom: IntercomCaller) -> None:
    """A search for an e-mail depends on letter case by default; a switch ignores it, because neither is documented."""
    query = {"field": "email", "operator": "IN", "value": ["ADA@example.com"]}
    intercom.user(email="Ada@Example.com", name="Ada")
    assert intercom.found(query) == []
    intercom.sandbox.reset(customers=0, email_search_ignores_case=True)
    intercom.user(email="Ada@Example.com", name="Ada")
    assert intercom.found(query) == ["Ada"]


def test_a_date_filter_is_cut_to_days_of_the_workspaces_zone(intercom: IntercomCaller) -> None:
    """Date filters compare whole days in the workspace's time zone.

    At 23:00 in Sydney, two hours later is already tomorrow.
    """
    intercom.user(external_id="1", name="today")
    intercom.sandbox.advance(seconds=2 * 3600)
    intercom.user(external_id="2", name="tomorrow")

    def found(operator: str) -> list[str]:
        return intercom.found({"field": "updated_at", "operator": operator, "value": NOW + 60})

    assert (found(">"), found("="), found("<")) == (["tomorrow"], ["today"], [])
