"""The setting `attributes`: left out, renamed and computed attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from standpipe_maps._kit.errors import UserError

if TYPE_CHECKING:
    from tests.map_subscriptions.conftest import Mapper

CUSTOMER = {"id": "c1", "email": "ann@x.io", "company": "Ash Ltd", "created_at": 1700000000, "cf_seats": 4}
SUBSCRIPTION = {
    "id": "s1",
    "customer_id": "c1",
    "status": "active",
    "currency_code": "USD",
    "mrr": 4999,
    "plan_id": "basic",
}
ROWS = (("customers", CUSTOMER), ("subscriptions", SUBSCRIPTION))
RETIRED = {"type": ["number", "null"], "x-standpipe-retired": True, "description": "Not sent any more"}


def find_type(sent: Any, name: str) -> Any:
    """Return the schema of an attribute."""
    return sent.schema["schema"]["properties"]["custom_attributes"]["properties"].get(name)


def test_left_out_renamed_and_computed(mapper: Mapper) -> None:
    """False leaves an attribute out, a name renames it, and an expression computes one, old or new."""
    usual = mapper.run(*ROWS).attributes()
    table = {
        "cb_payment_type": False,
        "cust_mrr": "revenue",
        "company_name": "upper(company)",
        "arr": "cust_mrr * 12",
        "cb_since": "signed_up_at",
        "is_big": "cust_mrr > 20 and number(text(cf_seats)) >= 4",
        "domain": "after(email, '@')",
    }
    sent = mapper.run(*ROWS, attributes=table)
    made = {name: value for name, value in sent.attributes().items() if usual.get(name, ...) != value}
    assert made == {
        "cb_revenue": 49.99,
        "cb_company_name": "ASH LTD",
        "cb_arr": 599.88,
        "cb_since": "2023-11-14T22:13:20+00:00",
        "cb_is_big": True,
        "cb_domain": "x.io",
    }
    assert usual.keys() - sent.attributes().keys() == {"cb_payment_type", "cb_cust_mrr"}
    assert [find_type(sent, f"cb_{name}")["type"][0] for name in ("revenue", "arr", "since", "is_big", "domain")] == [
        "number",
        "number",
        "string",
        "boolean",
        "string",
    ]
    assert find_type(sent, "cb_since")["format"] == "date-time"
    # The target counts changes of the MRR under its new name too.
    assert find_type(sent, "cb_revenue")["x-standpipe-guarded"] is True


def test_an_expression_that_fails_keeps_the_old_value(mapper: Mapper) -> None:
    """For a customer without a result the attribute is not in the record, and the run names customer and reason."""
    other = ("customers", {**CUSTOMER, "id": "c2", "email": "ben@x.io", "cf_seats": 0})
    sent = mapper.run(*ROWS, other, attributes={"per_seat": "10 / number(text(cf_seats))"})
    assert sent.attributes("c1")["cb_per_seat"] == 2.5
    assert "cb_per_seat" not in sent.attributes("c2")
    assert mapper.summary(mapper.confirmed["store"])["failed_expression"] == 1


@pytest.mark.parametrize("value", [False, "state"], ids=["left out", "renamed"])
def test_the_target_still_knows_who_is_cancelled(mapper: Mapper, value: Any) -> None:
    """A status that is left out or renamed is sent beside the attributes, for the target's decisions."""
    sent = mapper.run(*ROWS, attributes={"sub_status": value})
    assert sent.records[0]["cb_sub_status"] == "active"
    assert sent.attributes().get("cb_state") == ("active" if value else None)
    assert sent.schema["schema"]["properties"]["cb_sub_status"]["type"] == ["string", "null"]


def test_old_names_are_kept_or_cleared(mapper: Mapper) -> None:
    """With `on_renamed: clear`, each name that is not used any more is null, also those of earlier settings."""
    assert "cb_cust_mrr" not in mapper.run(*ROWS, attributes={"cust_mrr": "revenue"}).attributes()
    sent = mapper.run(*ROWS, attributes={"cust_mrr": "turnover"}, on_renamed="clear")
    assert find_type(sent, "cb_cust_mrr") == RETIRED
    assert {name: sent.attributes()[name] for name in ("cb_cust_mrr", "cb_revenue", "cb_turnover")} == {
        "cb_cust_mrr": None,
        "cb_revenue": None,
        "cb_turnover": 49.99,
    }
    sent = mapper.run(*ROWS, on_renamed="clear")
    assert (sent.attributes()["cb_cust_mrr"], sent.attributes()["cb_turnover"]) == (49.99, None)
    assert "cb_turnover" not in mapper.run(*ROWS).attributes()


def test_changed_attributes_send_everything_again(mapper: Mapper) -> None:
    """With `resend: changed`, another table applies to customers that no longer come."""
    mapper.run(*ROWS, resend="changed")
    assert mapper.run(resend="changed").customers == set()
    assert mapper.run(resend="changed", attributes={"arr": "cust_mrr * 12"}).customers == {"c1"}


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (
            {"cust_mmr": False},
            "The setting `attributes` leaves out `cust_mmr`, which is not an attribute: did you mean `cust_mrr`",
        ),
        ({"arr": True}, "The setting `attributes` has True for `arr`: write false, another name, or an expression."),
        ({"cust_id": False}, "The setting `attributes` names `cust_id`, by which records are linked: take it out; the"),
        (
            {"sub_status": "upper(sub_status)"},
            "The setting `attributes` computes `sub_status`, by which the target decides: compute another attribute.",
        ),
        ({"company_name": "sub_status"}, "The setting `attributes` renames `company_name` to `sub_status`, which is"),
        (
            {"company_name": "email"},
            "The setting `attributes` has `email` for `company_name`, which is also the name of a value: to rename",
        ),
        (
            {"company_name": "firm", "payment_type": "firm"},
            "The setting `attributes` makes two attributes `firm`: rename one of them.",
        ),
        (
            {"cust_mrr": "upper(email)"},
            "The setting `attributes` for `cust_mrr` is a text but must be a number: convert it with",
        ),
        ({"arr": "cust_mrr ** 2"}, "The setting `attributes` for `arr` has the operator `**`, which is not"),
        ({"arr": "cust_mrr *"}, "The setting `attributes` for `arr` is not a valid expression (invalid syntax"),
        ({"arr": "cf_x"}, "The setting `attributes` for `arr` is a value of unknown type, so the attribute has"),
        ({"a b": "email"}, "The setting `attributes` names an attribute `a b`: use letters, digits and underscores."),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_a_wrong_table_is_refused_before_any_record(
    mapper: Mapper, lines: Any, table: dict[str, Any], sentence: str
) -> None:
    """One sentence names the setting and what is wrong, before any record was read."""
    with pytest.raises(UserError) as refused:
        mapper.feed([lines.schemas[0], "not a message\n"], attributes=table)
    assert str(refused.value).startswith(sentence)
