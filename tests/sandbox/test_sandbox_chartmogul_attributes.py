"""ChartMogul's custom attributes, tags and overrides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.conftest import ChartMogulCaller


@pytest.fixture
def one(chartmogul: ChartMogulCaller) -> str:
    """Return the path of a new customer."""
    return f"/customers/{chartmogul.customer(chartmogul.source(), 'a', name='Acme', email='a@example.com')}"


def entry(kind: str, value: Any, key: str = "x") -> dict[str, Any]:
    """Return the body that writes one custom attribute."""
    return {"custom": [{"type": kind, "key": key, "value": value}]}


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("String", "é" * 255, "é" * 255), ("Integer", 7, 7), ("Integer", "8", 8), ("Decimal", 1, 1.0),
        ("Decimal", "1.5", 1.5), ("Timestamp", "2025-01-02", "2025-01-02T00:00:00.000Z"), ("Boolean", True, True),
        ("Boolean", False, False), ("Boolean", "F", False), ("Boolean", 1, True),
    ],
)  # fmt: skip
def test_an_attribute_is_kept_in_its_type(
    chartmogul: ChartMogulCaller, one: str, kind: str, value: Any, kept: Any
) -> None:
    """A custom attribute is stored in its declared type; false stays false on this endpoint."""
    assert chartmogul.ok(f"POST {one}/attributes/custom", entry(kind, value)) == {"custom": {"x": kept}}
    assert chartmogul.ok(f"GET {one}")["attributes"]["custom"] == {"x": kept}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (entry("String", "a" * 256), "value"), (entry("String", 1), "value"), (entry("String", None), "value"),
        (entry("Integer", 1.5), "value"), (entry("Integer", value=True), "value"), (entry("Integer", 2**63), "value"),
        (entry("Decimal", "nan"), "value"), (entry("Timestamp", "soon"), "value"), (entry("Boolean", "yes"), "value"),
        (entry("Boolean", {}), "value"), (entry("Money", 1), "type"), (entry("String", "a", "a b"), "key"),
        ({"custom": [{"key": "x", "value": 1}]}, "type"), ({"custom": {"x": 1}}, "custom"), ({"custom": [1]}, "custom"),
    ],
)  # fmt: skip
def test_an_attribute_that_cannot_be_is_refused(chartmogul: ChartMogulCaller, one: str, body: Any, param: str) -> None:
    """A wrong custom attribute is a 422 that names the parameter, and its key stays undefined."""
    status, error = chartmogul.refused(f"POST {one}/attributes/custom", body)
    assert (status, error["code"], error["param"]) == (422, 422, param)
    assert chartmogul.account.attributes.types == {}


def test_a_key_has_one_type_in_the_account(chartmogul: ChartMogulCaller, one: str) -> None:
    """The first write of a key defines its type for the whole account."""
    chartmogul.ok(f"POST {one}/attributes/custom", entry("String", "a"))
    error = {"code": 422, "message": "The custom attribute x is of type String, not Integer.", "param": "type"}
    assert chartmogul.refused(f"POST {one}/attributes/custom", entry("Integer", 1)) == (422, error)


def test_put_changes_only_what_is_defined(chartmogul: ChartMogulCaller, one: str) -> None:
    """A PUT changes only keys that are defined; a value may be plain or an object with its source."""
    chartmogul.ok(f"POST {one}/attributes/custom", entry("Boolean", value=True))
    body = {"custom": {"x": {"value": False, "source": "Intercom"}, "unknown": 1}}
    assert chartmogul.ok(f"PUT {one}/attributes/custom", body) == {"custom": {"x": False}}


def test_delete_takes_keys_away(chartmogul: ChartMogulCaller, one: str) -> None:
    """A DELETE removes keys and ignores unknown ones; `custom` is absent when no key is left."""
    for key in ("x", "y"):
        chartmogul.ok(f"POST {one}/attributes/custom", entry("Integer", 1, key))
    response = chartmogul(f"DELETE {one}/attributes/custom", {"custom": ["x", "nope"]})
    assert (response.status_code, response.json()) == (
        202,
        {"custom": {"y": 1}, "message": "Custom attributes deleted"},
    )
    last = chartmogul.ok(f"DELETE {one}/attributes/custom", {"custom": ["y"]})
    assert last == {"message": "Custom attributes deleted"}


def test_tags_are_a_set(chartmogul: ChartMogulCaller, one: str) -> None:
    """Adding or removing a tag twice has the effect of once; a PATCH replaces all tags."""
    path = f"{one}/attributes/tags"
    assert chartmogul.ok(f"POST {path}", {"tags": ["a", "b", "a"]}) == {"tags": ["a", "b"]}
    assert chartmogul.ok(f"DELETE {path}", {"tags": ["a", "z"]}) == {"tags": ["b"]}
    assert chartmogul.ok(f"PATCH {one}", {"attributes": {"tags": ["c"]}})["attributes"]["tags"] == ["c"]
    status, error = chartmogul.refused(f"POST {path}", {"tags": "a"})
    assert (status, error["param"]) == (422, "tags")


def test_an_email_reaches_all_who_have_it(chartmogul: ChartMogulCaller, one: str) -> None:
    """A write by e-mail changes all customers with that e-mail, and is a 404 when there is none."""
    chartmogul.customer(chartmogul.source("Other"), "b", email="a@example.com")
    body = {"email": "a@example.com"} | entry("Integer", 3)
    found = chartmogul.ok("POST /customers/attributes/custom", body)["entries"]
    assert [(row["attributes"]["custom"], row["status"]) for row in found] == [({"x": 3}, "New lead")] * 2
    tagged = chartmogul.ok("POST /customers/attributes/tags", {"email": "a@example.com", "tags": ["t"]})["entries"]
    assert [row["attributes"]["tags"] for row in tagged] == [["t"], ["t"]]
    assert chartmogul.ok(f"GET {one}/attributes") == {"custom": {"x": 3}, "stripe": {}, "tags": ["t"]}
    assert chartmogul.refused("POST /customers/attributes/tags", {"email": "x@y.z", "tags": []})[0] == 404


@pytest.mark.parametrize(
    ("switches", "body", "kept"),
    [
        ({"chartmogul_patch_tags_replace": False}, {"tags": ["b"]}, ({}, ["a", "b"])),
        ({"chartmogul_patch_booleans_true": False}, {"custom": {"flag": False}}, ({"flag": False}, ["a"])),
        ({"chartmogul_attributes_take_null": True}, {"custom": {"flag": None}}, ({"flag": None}, ["a"])),
        ({}, {"tags": ["b"]}, ({}, ["b"])),
        ({}, {"custom": {"flag": False}}, ({"flag": True}, ["a"])),
    ],
    ids=["tags are added", "false stays", "null clears", "tags replace", "false turns"],
)
def test_what_a_patch_does_is_a_switch(
    chartmogul: ChartMogulCaller, switches: dict[str, bool], body: Any, kept: Any
) -> None:
    """Switches select what a PATCH does with tags, false and null where the vendor's behaviour is uncertain."""
    chartmogul.sandbox.reset(customers=0, chartmogul_requests_per_second=1_000, **switches)
    source = chartmogul.source()
    one, other = chartmogul.customer(source, "a", attributes={"tags": ["a"]}), chartmogul.customer(source, "b")
    chartmogul.ok(f"POST /customers/{other}/attributes/custom", entry("Boolean", value=True, key="flag"))
    shown = chartmogul.ok(f"PATCH /customers/{one}", {"attributes": body})["attributes"]
    assert (shown["custom"], shown["tags"]) == kept


@pytest.mark.parametrize(("takes", "kept"), [(True, ({"x": 1}, ["a"])), (False, ({}, []))])
def test_a_new_customer_may_come_with_attributes(chartmogul: ChartMogulCaller, kept: Any, *, takes: bool) -> None:
    """A new customer may come with attributes, unless a switch drops them."""
    chartmogul.sandbox.reset(
        customers=0, chartmogul_requests_per_second=1_000, chartmogul_create_takes_attributes=takes
    )
    one = chartmogul.customer(chartmogul.source(), "a", attributes={"tags": ["a"]} | entry("Integer", 1))
    shown = chartmogul.ok(f"GET /customers/{one}")["attributes"]
    assert (shown["custom"], shown["tags"]) == kept


def test_an_override_reverts_later_writes_without_a_word(chartmogul: ChartMogulCaller, one: str) -> None:
    """While an override is set, later writes are silently undone unless they set it again.

    Ending the override restores the last value written meanwhile.
    """
    pinned = chartmogul.ok(f"PATCH {one}", {"name": "Pinned", "overrides": {"name": True}})
    assert (pinned["name"], pinned["overrides"]) == ("Pinned", {"name": True})
    assert chartmogul.ok(f"PATCH {one}", {"name": "Swallowed"})["name"] == "Pinned"
    assert "overrides" not in chartmogul.ok(f"GET {one}")
    assert chartmogul.ok(f"GET {one}?with_overrides=true")["overrides"] == {"name": True}
    assert chartmogul.ok(f"PATCH {one}", {"name": "Again", "overrides": {"name": True}})["name"] == "Again"
    ended = chartmogul.ok(f"PATCH {one}", {"overrides": {"name": False}})
    assert (ended["name"], ended["overrides"]) == ("Swallowed", {})


def test_an_address_is_held_as_a_whole(chartmogul: ChartMogulCaller, one: str) -> None:
    """One override covers the whole address: country, state, city and zip."""
    chartmogul.ok(f"PATCH {one}", {"country": "US", "state": "NY", "overrides": {"address": True}})
    shown = chartmogul.ok(f"PATCH {one}", {"city": "Austin", "state": "TX", "name": "New"})
    assert (shown["state"], shown["city"], shown["name"]) == ("NY", None, "New")


def test_a_held_attribute_is_not_deleted(chartmogul: ChartMogulCaller, one: str) -> None:
    """An attribute with an override is not deleted, and the reply lists it.

    Customers and attributes show overrides in different shapes.
    """
    body = entry("Integer", 1) | {"overrides": {"custom": {"x": True}}}
    written = chartmogul.ok(f"POST {one}/attributes/custom", body)
    assert written == {"custom": {"x": 1}, "overrides": {"custom": {"x": True}}}
    assert chartmogul.ok(f"PUT {one}/attributes/custom", {"custom": {"x": 2}}) == {"custom": {"x": 1}}
    left = chartmogul.ok(f"DELETE {one}/attributes/custom", {"custom": ["x"]})
    assert left == {
        "custom": {"x": 1}, "overrides": {"custom": {"x": True}}, "message": "Custom attributes deleted",
    }  # fmt: skip
    shown = chartmogul.ok(f"GET {one}?with_overrides=true")
    assert shown["overrides"] == {"attributes": {"custom": {"x": True}}}


def test_history_tells_who_wrote_what(chartmogul: ChartMogulCaller, one: str) -> None:
    """The history of a field lists its values and their writers, newest first; an unknown field is refused."""
    chartmogul.sandbox.advance(seconds=5)
    chartmogul.ok(f"PATCH {one}", {"name": "New"})
    shown = chartmogul.ok(f"GET {one}?attributes_with_history=name,company")["historical_values"]
    first = {"update_performed_at": "2026-01-15T12:00:00.000Z", "update_performed_by": "API", "initial": True}
    assert shown == {
        "name": [
            {
                "value": "New",
                "update_performed_at": "2026-01-15T12:00:05.000Z",
                "update_performed_by": "API",
                "initial": False,
            },
            {"value": "Acme"} | first,
        ],
        "company": [{"value": ""} | first],
    }
    error = {"code": 422, "message": "Unknown attribute: Name", "param": "attributes_with_history"}
    assert chartmogul.refused(f"GET {one}?attributes_with_history=Name") == (422, error)


@pytest.mark.parametrize("overrides", [1, {"name": "yes"}, {"colour": True}, {"attributes": []}])
def test_an_override_that_cannot_be_is_refused(chartmogul: ChartMogulCaller, one: str, overrides: Any) -> None:
    """A wrong override is a 422."""
    assert chartmogul.refused(f"PATCH {one}", {"overrides": overrides})[0] == 422
