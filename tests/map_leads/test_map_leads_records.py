"""Companies and people as ChartMogul's records: literal output for literal input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from standpipe_maps._kit.errors import UserError
from standpipe_maps.leads import models

if TYPE_CHECKING:
    from tests.map_leads.conftest import Mapper, Say

ANN = {
    "name": " Ann  Marie Example ",
    "email": " Ann@Example.com ",
    "phone": "+1 555 0100",
    "location": {"country": "Ireland", "country_code": "IRL", "region": "Leinster", "city": "Dublin"},
    "social_profiles": {
        "type": "list",
        "data": [
            {"type": "social_profile", "name": "Facebook", "url": "https://facebook.com/ann"},
            {"type": "social_profile", "name": "Twitter", "url": "http://twitter.com/ann"},
            {"type": "social_profile", "name": "LinkedIn", "url": "https://linkedin.com/in/ann"},
        ],
    },
    "custom_attributes": {"job_title": "CTO", "nps_score": 9, "renewal_call_at": 1700000000},
}
ACME = {
    "website": "Acme.example/en",
    "remote_created_at": 1500000000,
    "tags": {"type": "tag.list", "tags": [{"name": "VIP"}, {"name": "Beta"}, {"name": "VIP"}]},
    "custom_attributes": {
        "account tier": "gold",
        "seats_used": 7,
        "expected_value": 12.5,
        "self_serve": False,
        "trial_started_at": 1400000000,
    },
}


def test_a_customer_and_a_contact(leads: Mapper, say: Say) -> None:
    """With all attributes selected, a company and a contact become these two records."""
    settings: dict[str, Any] = {
        "company_attributes": ["*"],
        "contact_attributes": ["*"],
        "title_attribute": "job_title",
    }
    sent = leads.run(say.company(1, **ACME), say.contact("ann", 1, **ANN), **settings)
    assert sent.of("customers") == [
        {
            "external_id": "acme-1",
            "name": "Acme 1",
            "company": "Acme 1",
            "email": "Ann@Example.com",
            "website_url": "https://acme.example/en",
            "lead_created_at": "2020-09-13T12:26:40+00:00",
            "free_trial_started_at": "2020-09-13T12:26:40+00:00",
            "country": "IE",
            "city": "Dublin",
            "attributes": {
                "custom": {
                    "account_tier": "gold",
                    "expected_value": 12.5,
                    "seats_used": 7,
                    "self_serve": False,
                    "trial_started_at": "2014-05-13T16:53:20+00:00",
                },
                "tags": ["Beta", "VIP"],
            },
        }
    ]
    assert sent.of("contacts") == [
        {
            "external_id": "ann:acme-1",
            "previous_external_id": "ann:co1",
            "customer_external_id": "acme-1",
            "first_name": "Ann",
            "last_name": "Marie Example",
            "email": "Ann@Example.com",
            "phone": "+1 555 0100",
            "title": "CTO",
            "linked_in": "https://linkedin.com/in/ann",
            "twitter": "http://twitter.com/ann",
            "custom": {"job_title": "CTO", "nps_score": 9, "renewal_call_at": "2023-11-14T22:13:20+00:00"},
        }
    ]


def test_the_schemas(leads: Mapper, say: Say) -> None:
    """Custom attributes are declared with their types; `*` leaves out lists and objects."""
    sent = leads.run(say.company(1), company_attributes=["*"], contact_attributes=["nps_score"], on_unlinked="delete")
    attributes = sent.schema("customers")["properties"]["attributes"]["properties"]
    assert attributes["custom"]["properties"] == {
        "account_tier": {"type": ["string", "null"], "description": "account tier"},
        "expected_value": {"type": ["number", "null"], "description": "expected_value"},
        "seats_used": {"type": ["integer", "null"], "description": "seats_used"},
        "self_serve": {"type": ["boolean", "null"], "description": "self_serve"},
        "trial_started_at": {"type": ["string", "null"], "format": "date-time", "description": "trial_started_at"},
    }
    assert attributes["tags"]["items"] == {"type": "string"}
    contacts = sent.schema("contacts")["properties"]
    assert contacts["custom"]["properties"] == {
        "nps_score": {"type": ["integer", "null"], "description": "nps_score"},
    }
    assert contacts["_sdc_deleted_at"]["format"] == "date-time"
    assert [message["stream"] for message in sent.messages if message["type"] == "SCHEMA"] == ["customers", "contacts"]


def test_what_little_is_known(leads: Mapper, say: Say) -> None:
    """Missing values are null; a company without a name shows its id."""
    bare = {"name": " ", "created_at": None, "custom_attributes": None}
    person = {"name": None, "email": "", "role": "lead", "social_profiles": None, "custom_attributes": None}
    sent = leads.run(say.company(1, **bare), say.contact("ann", 1, **person))
    assert sent.of("customers") == [
        {
            "external_id": "acme-1",
            "name": "acme-1",
            "company": None,
            "email": None,
            "website_url": None,
            "lead_created_at": None,
            "free_trial_started_at": None,
            "country": None,
            "city": None,
            "attributes": {"custom": {}, "tags": []},
        }
    ]
    assert sent.of("contacts") == [
        {
            "external_id": "ann:acme-1",
            "previous_external_id": "ann:co1",
            "customer_external_id": "acme-1",
            "first_name": None,
            "last_name": None,
            "email": None,
            "phone": None,
            "title": None,
            "linked_in": None,
            "twitter": None,
            "custom": {},
        }
    ]
    summary = leads.summary()
    assert {name: summary[name] for name in ("without_name", "without_email", "without_date", "no_website")} == {
        "without_name": 1,
        "without_email": 1,
        "without_date": 1,
        "no_website": 0,
    }


SETTINGS: list[tuple[dict[str, Any], str, Any]] = [
    ({"customer_id_field": "id"}, "external_id", "co1"),
    ({"trial_date_field": "remote_created_at"}, "free_trial_started_at", "2017-07-14T02:40:00+00:00"),
    ({"trial_date_field": "trial_started_at"}, "lead_created_at", "2014-05-13T16:53:20+00:00"),
    ({"trial_date_field": "none"}, "lead_created_at", None),
    ({"country_field": "none"}, "country", None),
    ({"city_field": "none"}, "city", None),
    ({"city_field": "account tier"}, "city", "gold"),
    ({"country_field": "account tier"}, "country", None),
    ({"company_tags": False}, "attributes", {"custom": {}}),
    ({"company_attributes": ["seats_used"]}, "attributes", {"custom": {"seats_used": 7}, "tags": ["Beta", "VIP"]}),
]


@pytest.mark.parametrize(("settings", "name", "value"), SETTINGS, ids=[str(row[0]) for row in SETTINGS])
def test_a_setting(settings: dict[str, Any], name: str, value: Any, leads: Mapper, say: Say) -> None:
    """Each setting has its documented effect."""
    sent = leads.run(say.company(1, **ACME), say.contact("ann", 1, **ANN), **settings)
    assert sent.of("customers")[0][name] == value


SPEAKERS: list[tuple[str, list[dict[str, Any]], str | None]] = [
    ("the earliest", [{"id": "a", "created_at": 200}, {"id": "b", "created_at": 100}], "b@x.io"),
    ("users before leads", [{"id": "a", "role": "lead", "created_at": 100}, {"id": "b", "created_at": 200}], "b@x.io"),
    ("who has an address", [{"id": "a", "email": None, "created_at": 100}, {"id": "b", "created_at": 200}], "b@x.io"),
    ("a lead if need be", [{"id": "a", "role": "lead"}], "a@x.io"),
    ("of one age, by id", [{"id": "b", "created_at": 100}, {"id": "a", "created_at": 100}], "a@x.io"),
    ("nobody", [], None),
]


@pytest.mark.parametrize(("people", "email"), [row[1:] for row in SPEAKERS], ids=[row[0] for row in SPEAKERS])
def test_who_speaks_for_a_company(people: list[dict[str, Any]], email: str | None, leads: Mapper, say: Say) -> None:
    """A customer's e-mail address is the one of the company's oldest contact."""
    contacts = [say.contact("x", 1, **{"email": f"{one['id']}@x.io", **one}) for one in people]
    assert leads.run(say.company(1), *contacts).of("customers")[0]["email"] == email


def test_a_contact_in_three_companies(leads: Mapper, say: Say) -> None:
    """A contact of three companies is sent three times, each with its own external id."""
    sent = leads.run(*[say.company(one) for one in (1, 2, 3)], say.contact("ann", 1, 2, 3))
    assert {one["external_id"]: one["customer_external_id"] for one in sent.of("contacts")} == {
        "ann:acme-1": "acme-1",
        "ann:acme-2": "acme-2",
        "ann:acme-3": "acme-3",
    }


def test_a_contact_without_a_company(leads: Mapper, say: Say) -> None:
    """A contact without a company is counted and not sent, unless a setting asks for it."""
    assert leads.run(say.company(1), say.contact("ann")).of("contacts") == []
    assert leads.summary()["contacts_without_company"] == 1
    (alone,) = leads.run(only_linked_contacts=False).of("contacts")
    assert (alone["external_id"], alone["customer_external_id"], alone["email"]) == ("ann:", None, "ann@x.io")


@pytest.mark.parametrize("company_id", [None, "", "  "])
def test_a_company_without_an_id(company_id: str | None, leads: Mapper, say: Say) -> None:
    """A company without a company_id is skipped with its contacts; with `customer_id_field: id` it is sent."""
    rows = [say.company(1, company_id=company_id), say.contact("ann", 1)]
    sent = leads.run(*rows)
    assert (sent.of("customers"), sent.of("contacts")) == ([], [])
    assert (leads.summary()["companies_without_id"], leads.summary()["contacts_without_company"]) == (1, 1)
    sent = leads.run(*rows, customer_id_field="id")
    assert (sent.ids("customers"), sent.ids("contacts")) == ({"co1"}, {"ann:co1"})
    assert leads.summary()["companies_without_id"] == 0


def test_two_companies_with_one_id(leads: Mapper, say: Say) -> None:
    """When a company was deleted and created again, the newer one is the customer of both one's contacts."""
    old = say.company(1, company_id="acme", name="Old", created_at=100)
    new = say.company(2, company_id="acme", name="New", created_at=200)
    people = [say.contact("ann", 1), say.contact("bob", 2), say.contact("eve", 1, 2)]
    sent = leads.run(old, new, *people)
    assert [(one["external_id"], one["name"]) for one in sent.of("customers")] == [("acme", "New")]
    assert sent.ids("contacts") == {"ann:acme", "bob:acme", "eve:acme"}
    assert {one["customer_external_id"] for one in sent.of("contacts")} == {"acme"}
    assert leads.summary()["shadowed"] == 1


UNFIT = [
    ("text for a number", {"custom_attributes": {"seats_used": "many"}}, "seats_used"),
    ("a number without end", {"custom_attributes": {"seats_used": 10**30}}, "seats_used"),
    ("yes for a number", {"custom_attributes": {"seats_used": True}}, "seats_used"),
    ("a date outside the calendar", {"custom_attributes": {"trial_started_at": 10**15}}, "trial_started_at"),
    ("text for a date", {"custom_attributes": {"trial_started_at": "soon"}}, "trial_started_at"),
    ("a list for text", {"custom_attributes": {"account tier": ["gold"]}}, "account_tier"),
]


@pytest.mark.parametrize(("values", "key"), [row[1:] for row in UNFIT], ids=[row[0] for row in UNFIT])
def test_a_value_of_another_type(
    values: dict[str, Any], key: str, leads: Mapper, say: Say, caplog: pytest.LogCaptureFixture
) -> None:
    """A value of a wrong type is null, and counted and logged with the company's id."""
    sent = leads.run(say.company(1, **values), say.company(2, **ACME), company_attributes=["*"])
    customs = {one["external_id"]: one["attributes"]["custom"] for one in sent.of("customers")}
    assert (customs["acme-1"][key], customs["acme-2"]["seats_used"]) == (None, 7)
    assert leads.summary()["unfit_attribute"] == 1
    assert "unfit attribute: co1" in caplog.messages


def test_odd_values_are_reported_by_id(leads: Mapper, say: Say, caplog: pytest.LogCaptureFixture) -> None:
    """A text that is not a website or country is left out and logged by id, without personal data."""
    place = {"country": "Atlantis", "city": "Poseidonis"}
    sent = leads.run(say.company(1, website="ask me"), say.contact("ann", 1, location=place))
    (customer,) = sent.of("customers")
    assert (customer["website_url"], customer["country"], customer["city"]) == (None, None, "Poseidonis")
    assert {"no website: co1", "unknown country: co1"} <= set(caplog.messages)
    assert "@" not in caplog.text


def test_the_attributes_of_a_tap_that_declares_none(leads: Mapper, say: Say) -> None:
    """When a tap's schema declares no attributes, named ones are sent as text, and `*` selects none."""
    open_schema = {"type": "object", "properties": {"id": {"type": "string"}, "custom_attributes": {"type": "object"}}}
    schemas = [say.line("SCHEMA", stream="companies", schema=open_schema, key_properties=["id"]), say.schemas[1]]
    rows = [say.record(*say.company(1, **ACME)), say.state()]
    sent = leads.feed([*schemas, *rows], company_attributes=["seats_used", "self_serve", "*"])
    assert sent.of("customers")[0]["attributes"]["custom"] == {"seats_used": "7", "self_serve": "false"}


def test_a_record_that_is_no_utf_8() -> None:
    """A record that is not UTF-8 ends the run in a sentence that does not repeat its content."""
    with pytest.raises(UserError, match=r"^A record of contacts is not UTF-8: the tap's output was damaged\.$"):
        models.read_contacts([b'{"id": "ann", "email": "\xff@x.io"}'])
