"""The table of a customer's attributes in Intercom: name, type, description, source, value.

A new attribute is one more row in ``ATTRIBUTES``, and a row in docs/attributes.md and the README.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import pendulum

from standpipe_maps.json_schema import DATE, NUMBER, TEXT, YES_NO, format_time
from standpipe_maps.subscriptions.money import to_major
from standpipe_maps.subscriptions.rules import read_identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from standpipe_maps._kit.json_types import JsonObject, JsonValue
    from standpipe_maps.json_schema import JsonSchema
    from standpipe_maps.subscriptions.facts import Facts

MONEY = NUMBER
EXPIRY_HOUR = 12


class Attribute(NamedTuple):
    """An attribute in Intercom; its name has no prefix."""

    name: str
    type: JsonSchema
    description: str
    source: str
    value: Callable[[Facts], JsonValue]
    fits: Callable[[Facts], bool] | None = None
    """Returns whether the field's value has the type; None if it was checked when the record arrived."""


def _read_customer(field: str) -> Callable[[Facts], JsonValue]:
    return lambda facts: facts.customer.get(field)


def _read_chosen(field: str) -> Callable[[Facts], JsonValue]:
    return lambda facts: facts.chosen.get(field)


def _read_chosen_time(field: str) -> Callable[[Facts], JsonValue]:
    return lambda facts: format_time(facts.chosen.get(field))


def _compute_card_expiry(facts: Facts) -> str | None:
    card = facts.customer.get("card") or {}
    month, year = card.get("expiry_month"), card.get("expiry_year")
    return None if month is None or year is None else find_month_end(month, year)


@lru_cache(maxsize=1024)
def find_month_end(month: int, year: int) -> str:
    """Return the last day of a month at noon UTC, which is the same day in nearly all time zones.

    Raises:
        ValueError: there is no such month.
    """
    first = pendulum.datetime(year, month, 1, EXPIRY_HOUR)
    return first.add(months=1).subtract(days=1).isoformat()


def format_interval(facts: Facts) -> str | None:
    """Return how often the plan is billed, as in `1 month`."""
    period, unit = facts.chosen.get("billing_period"), facts.chosen.get("billing_period_unit")
    return None if period is None or unit is None else f"{period} {unit}"


def _read_signup(facts: Facts) -> str | None:
    return format_time(facts.customer.get("created_at"))


# Members of an invoice, which is `first` or `latest` in Facts:


def _read_amount(which: str) -> Callable[[Facts], JsonValue]:
    def value(facts: Facts) -> JsonValue:
        invoice = getattr(facts, which)
        if invoice is None:
            return None
        invoice.check("total", "currency_code")
        return to_major(invoice.total, invoice.currency_code, facts.options.zero_decimal)

    return value


def _read_currency(which: str) -> Callable[[Facts], JsonValue]:
    return lambda facts: (invoice := getattr(facts, which)) and invoice.currency_code


def _read_date(which: str) -> Callable[[Facts], JsonValue]:
    return lambda facts: (invoice := getattr(facts, which)) and format_time(invoice.date)


# fmt: off
ATTRIBUTES = (
    Attribute("cust_id", TEXT, "Id of the customer in Chargebee", "customer.id", _read_customer("id")),
    Attribute("signed_up_at", DATE, "When the customer was created", "customer.created_at", _read_signup),
    Attribute("cust_status", TEXT, "Status of the customer: active or deleted", "customer.deleted",
              lambda facts: "deleted" if facts.customer.get("deleted") else "active"),
    Attribute("cust_auto_collect", TEXT, "Whether payment is collected automatically: on or off",
              "customer.auto_collection", _read_customer("auto_collection")),
    Attribute("card_expired_at", DATE, "Last day of the month in which the card expires",
              "card.expiry_month, card.expiry_year", _compute_card_expiry),
    Attribute("payment_type", TEXT, "Type of the payment method", "customer.payment_method.type",
              lambda facts: (facts.customer.get("payment_method") or {}).get("type")),
    Attribute("cust_mrr", MONEY, "Monthly recurring revenue of all subscriptions", "sum of subscription.mrr",
              lambda facts: facts.mrr.amount),
    Attribute("cust_mrr_cur", TEXT, "Currency of the monthly recurring revenue", "subscription.currency_code",
              lambda facts: facts.mrr.currency),
    Attribute("cust_unpaid_amt", MONEY, "Sum that is due of overdue invoices",
              "sum of invoice.amount_due where status is payment_due or not_paid", lambda facts: facts.unpaid.amount),
    Attribute("cust_unpaid_cur", TEXT, "Currency of the unpaid amount", "invoice.currency_code",
              lambda facts: facts.unpaid.currency),
    Attribute("company_name", TEXT, "Company of the customer", "customer.company", _read_customer("company")),
    Attribute("sub_plan_name", TEXT, "Plan of the subscription",
              "subscription.plan_id, or item_price_id of the plan item", lambda facts: facts.plan_name),
    Attribute("sub_plan_interval", TEXT, "How often the plan is billed",
              "subscription.billing_period, billing_period_unit", format_interval),
    Attribute("sub_plan_price", MONEY, "Price of the plan for one period",
              "subscription.plan_amount, or amount of the plan item", lambda facts: facts.plan.price),
    Attribute("sub_plan_quantity", NUMBER, "Quantity of the plan",
              "subscription.plan_quantity, or quantity of the plan item", lambda facts: facts.plan.quantity),
    Attribute("sub_plan_currency", TEXT, "Currency of the plan", "subscription.currency_code",
              _read_chosen("currency_code")),
    Attribute("sub_status", TEXT, "Status of the subscription", "subscription.status", _read_chosen("status")),
    Attribute("sub_created_at", DATE, "When the subscription was created", "subscription.created_at",
              _read_chosen_time("created_at")),
    Attribute("sub_activated_at", DATE, "When the subscription last became active", "subscription.activated_at",
              _read_chosen_time("activated_at")),
    Attribute("sub_trial_start_at", DATE, "When the trial starts", "subscription.trial_start",
              _read_chosen_time("trial_start")),
    Attribute("sub_trial_end_at", DATE, "When the trial ends", "subscription.trial_end",
              _read_chosen_time("trial_end")),
    Attribute("sub_cur_term_start_at", DATE, "When the current term started", "subscription.current_term_start",
              _read_chosen_time("current_term_start")),
    Attribute("sub_cur_term_end_at", DATE, "When the current term ends", "subscription.current_term_end",
              _read_chosen_time("current_term_end")),
    Attribute("sub_next_bill_at", DATE, "When the subscription is billed next", "subscription.next_billing_at",
              _read_chosen_time("next_billing_at")),
    Attribute("sub_cancelled_at", DATE, "When the subscription was, or will be, cancelled",
              "subscription.cancelled_at", _read_chosen_time("cancelled_at")),
    Attribute("sub_cancel_reason", TEXT, "Why the subscription was cancelled",
              "subscription.cancel_reason, else cancel_reason_code",
              lambda facts: facts.chosen.get("cancel_reason") or facts.chosen.get("cancel_reason_code")),
    Attribute("first_rec_inv_amt", MONEY, "Total of the earliest recurring invoice", "invoice.total",
              _read_amount("first")),
    Attribute("first_rec_inv_cur", TEXT, "Currency of the earliest recurring invoice", "invoice.currency_code",
              _read_currency("first")),
    Attribute("first_rec_inv_at", DATE, "Date of the earliest recurring invoice", "invoice.date", _read_date("first")),
    Attribute("latest_rec_inv_amt", MONEY, "Total of the latest recurring invoice", "invoice.total",
              _read_amount("latest")),
    Attribute("latest_rec_inv_cur", TEXT, "Currency of the latest recurring invoice", "invoice.currency_code",
              _read_currency("latest")),
    Attribute("latest_rec_inv_at", DATE, "Date of the latest recurring invoice", "invoice.date", _read_date("latest")),
)
# fmt: on


# The target writes this attribute, because only the target knows who created a record.
CREATED_BY = Attribute("created_by", YES_NO, "Whether Standpipe created the record", "the target", lambda _: None)
TYPE_WORDS = {"string": "text", "number": "number", "integer": "number", "boolean": "yes or no"}


def name_type(attribute: Attribute) -> str:
    """Return the type of an attribute with the words of Intercom's settings: text, number, date, yes or no."""
    if attribute.type.get("format") == "date-time":
        return "date"
    return TYPE_WORDS[attribute.type["type"][0]]


def list_contact_fields(user_id_field: str, company_id_field: str) -> tuple[Attribute, ...]:
    """Return Intercom's standard fields of a contact, and its company's id unless that is the customer's own.

    The arguments are the settings.
    """
    company = Attribute("company_id", TEXT, "Company id", f"customer.{company_id_field}", _read_field(company_id_field))
    return (
        Attribute("external_id", TEXT, "User id", f"customer.{user_id_field}", _read_field(user_id_field)),
        Attribute("email", TEXT, "E-mail", "customer.email", _read_email),
        Attribute("name", TEXT, "Full name", "customer.first_name, last_name", join_name),
        Attribute("phone", TEXT, "Phone", "customer.phone", _read_customer("phone")),
        *((company,) if company_id_field != "id" else ()),
    )


def list_company_fields(company_id_field: str, company_name_field: str) -> tuple[Attribute, ...]:
    """Return Intercom's standard fields of a company. The arguments are the settings."""
    return (
        Attribute("company_id", TEXT, "Company id", f"customer.{company_id_field}", _read_field(company_id_field)),
        Attribute("name", TEXT, "Name", f"customer.{company_name_field}", _read_field(company_name_field)),
        Attribute("plan", TEXT, "Plan", "as sub_plan_name", lambda facts: facts.plan_name),
        Attribute("monthly_spend", MONEY, "Monthly spend", "as cust_mrr", lambda facts: facts.mrr.amount),
        Attribute("remote_created_at", DATE, "When the customer was created", "customer.created_at", _read_signup),
    )


def _read_field(field: str) -> Callable[[Facts], str | None]:
    return lambda facts: read_identity(facts.customer, field)


def _read_email(facts: Facts) -> str | None:
    email = read_identity(facts.customer, "email")
    return email and email.strip()


def join_name(facts: Facts) -> str | None:
    """Return the customer's first and last name."""
    parts = (facts.customer.get("first_name"), facts.customer.get("last_name"))
    return " ".join(part for part in parts if part) or None


def build_schema(fields: Iterable[Attribute], attributes: Iterable[Attribute]) -> JsonObject:
    """Return the JSON schema of the stream: standard fields at the top, the rest under ``custom_attributes``."""
    customs = {one.name: {**one.type, "description": one.description} for one in attributes}
    return {
        "type": "object",
        "properties": {
            "customer_id": {"type": ["string"], "description": "Id of the customer in Chargebee"},
            **{one.name: {**one.type, "description": one.description} for one in fields},
            "custom_attributes": {"type": ["object"], "properties": customs, "additionalProperties": False},
        },
        "required": ["customer_id"],
    }
