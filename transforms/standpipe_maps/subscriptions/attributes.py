"""The attributes that a customer gets in Intercom, as a table: name, type, description, source, value."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import pendulum

from standpipe_maps.json_schema import DATE, NUMBER, TEXT, YES_NO, when
from standpipe_maps.subscriptions.money import major
from standpipe_maps.subscriptions.rules import identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from standpipe_maps.subscriptions.facts import Facts

MONEY = NUMBER
EXPIRY_HOUR = 12


class Attribute(NamedTuple):
    """One attribute of Intercom, its prefix left out."""

    name: str
    type: Mapping[str, Any]
    description: str
    source: str
    value: Callable[[Facts], Any]
    fits: Callable[[Facts], bool] | None = None
    """Whether what stands there is of the type; None where the type was checked as the record came."""


def _customer(field: str) -> Callable[[Facts], Any]:
    return lambda facts: facts.customer.get(field)


def _chosen(field: str) -> Callable[[Facts], Any]:
    return lambda facts: facts.chosen.get(field)


def _chosen_time(field: str) -> Callable[[Facts], Any]:
    return lambda facts: when(facts.chosen.get(field))


def _card_expired(facts: Facts) -> str | None:
    card = facts.customer.get("card") or {}
    month, year = card.get("expiry_month"), card.get("expiry_year")
    return None if month is None or year is None else month_end(month, year)


@lru_cache(maxsize=1024)
def month_end(month: int, year: int) -> str:
    """The last day of a month at noon UTC: the same day in nearly every workspace's zone.

    Raises:
        ValueError: there is no such month.
    """
    first = pendulum.datetime(year, month, 1, EXPIRY_HOUR)
    return first.add(months=1).subtract(days=1).isoformat()


def _interval(facts: Facts) -> str | None:
    period, unit = facts.chosen.get("billing_period"), facts.chosen.get("billing_period_unit")
    return None if period is None or unit is None else f"{period} {unit}"


def _signed_up(facts: Facts) -> str | None:
    return when(facts.customer.get("created_at"))


# Of an invoice by its name in Facts, "first" or "latest":


def _amount(which: str) -> Callable[[Facts], Any]:
    def value(facts: Facts) -> Any:
        invoice = getattr(facts, which)
        if invoice is None:
            return None
        invoice.check("total", "currency_code")
        return major(invoice.total, invoice.currency_code, facts.options.zero_decimal)

    return value


def _currency(which: str) -> Callable[[Facts], Any]:
    return lambda facts: (invoice := getattr(facts, which)) and invoice.currency_code


def _date(which: str) -> Callable[[Facts], Any]:
    return lambda facts: (invoice := getattr(facts, which)) and when(invoice.date)


# fmt: off
ATTRIBUTES = (
    Attribute("cust_id", TEXT, "Id of the customer in Chargebee", "customer.id", _customer("id")),
    Attribute("signed_up_at", DATE, "When the customer was created", "customer.created_at", _signed_up),
    Attribute("cust_status", TEXT, "Status of the customer: active or deleted", "customer.deleted",
              lambda facts: "deleted" if facts.customer.get("deleted") else "active"),
    Attribute("cust_auto_collect", TEXT, "Whether payment is collected automatically: on or off",
              "customer.auto_collection", _customer("auto_collection")),
    Attribute("card_expired_at", DATE, "Last day of the month in which the card expires",
              "card.expiry_month, card.expiry_year", _card_expired),
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
    Attribute("company_name", TEXT, "Company of the customer", "customer.company", _customer("company")),
    Attribute("sub_plan_name", TEXT, "Plan of the subscription",
              "subscription.plan_id, or item_price_id of the plan item", lambda facts: facts.plan_name),
    Attribute("sub_plan_interval", TEXT, "How often the plan is billed",
              "subscription.billing_period, billing_period_unit", _interval),
    Attribute("sub_plan_price", MONEY, "Price of the plan for one period",
              "subscription.plan_amount, or amount of the plan item", lambda facts: facts.plan.price),
    Attribute("sub_plan_quantity", NUMBER, "Quantity of the plan",
              "subscription.plan_quantity, or quantity of the plan item", lambda facts: facts.plan.quantity),
    Attribute("sub_plan_currency", TEXT, "Currency of the plan", "subscription.currency_code",
              _chosen("currency_code")),
    Attribute("sub_status", TEXT, "Status of the subscription", "subscription.status", _chosen("status")),
    Attribute("sub_created_at", DATE, "When the subscription was created", "subscription.created_at",
              _chosen_time("created_at")),
    Attribute("sub_activated_at", DATE, "When the subscription last became active", "subscription.activated_at",
              _chosen_time("activated_at")),
    Attribute("sub_trial_start_at", DATE, "When the trial starts", "subscription.trial_start",
              _chosen_time("trial_start")),
    Attribute("sub_trial_end_at", DATE, "When the trial ends", "subscription.trial_end", _chosen_time("trial_end")),
    Attribute("sub_cur_term_start_at", DATE, "When the current term started", "subscription.current_term_start",
              _chosen_time("current_term_start")),
    Attribute("sub_cur_term_end_at", DATE, "When the current term ends", "subscription.current_term_end",
              _chosen_time("current_term_end")),
    Attribute("sub_next_bill_at", DATE, "When the subscription is billed next", "subscription.next_billing_at",
              _chosen_time("next_billing_at")),
    Attribute("sub_cancelled_at", DATE, "When the subscription was, or will be, cancelled",
              "subscription.cancelled_at", _chosen_time("cancelled_at")),
    Attribute("sub_cancel_reason", TEXT, "Why the subscription was cancelled",
              "subscription.cancel_reason, else cancel_reason_code",
              lambda facts: facts.chosen.get("cancel_reason") or facts.chosen.get("cancel_reason_code")),
    Attribute("first_rec_inv_amt", MONEY, "Total of the earliest recurring invoice", "invoice.total",
              _amount("first")),
    Attribute("first_rec_inv_cur", TEXT, "Currency of the earliest recurring invoice", "invoice.currency_code",
              _currency("first")),
    Attribute("first_rec_inv_at", DATE, "Date of the earliest recurring invoice", "invoice.date", _date("first")),
    Attribute("latest_rec_inv_amt", MONEY, "Total of the latest recurring invoice", "invoice.total",
              _amount("latest")),
    Attribute("latest_rec_inv_cur", TEXT, "Currency of the latest recurring invoice", "invoice.currency_code",
              _currency("latest")),
    Attribute("latest_rec_inv_at", DATE, "Date of the latest recurring invoice", "invoice.date", _date("latest")),
)
# fmt: on


# The target writes it, because only the target knows who created a record.
CREATED_BY = Attribute("created_by", YES_NO, "Whether Standpipe created the record", "the target", lambda _: None)
TYPE_WORDS = {"string": "text", "number": "number", "integer": "number", "boolean": "yes or no"}


def name_type(attribute: Attribute) -> str:
    """Return the type of an attribute in the words of Intercom's settings: text, number, date, yes or no."""
    if attribute.type.get("format") == "date-time":
        return "date"
    return TYPE_WORDS[attribute.type["type"][0]]


def contact_fields(user_id_field: str, company_id_field: str) -> tuple[Attribute, ...]:
    """Intercom's standard fields of a contact, and the id of its company, which is not the customer's own.

    The arguments are the settings.
    """
    company = Attribute("company_id", TEXT, "Company id", f"customer.{company_id_field}", _identity(company_id_field))
    return (
        Attribute("external_id", TEXT, "User id", f"customer.{user_id_field}", _identity(user_id_field)),
        Attribute("email", TEXT, "E-mail", "customer.email", _email),
        Attribute("name", TEXT, "Full name", "customer.first_name, last_name", full_name),
        Attribute("phone", TEXT, "Phone", "customer.phone", _customer("phone")),
        *((company,) if company_id_field != "id" else ()),
    )


def company_fields(company_id_field: str, company_name_field: str) -> tuple[Attribute, ...]:
    """Intercom's standard fields of a company; the arguments are the settings."""
    return (
        Attribute("company_id", TEXT, "Company id", f"customer.{company_id_field}", _identity(company_id_field)),
        Attribute("name", TEXT, "Name", f"customer.{company_name_field}", _identity(company_name_field)),
        Attribute("plan", TEXT, "Plan", "as sub_plan_name", lambda facts: facts.plan_name),
        Attribute("monthly_spend", MONEY, "Monthly spend", "as cust_mrr", lambda facts: facts.mrr.amount),
        Attribute("remote_created_at", DATE, "When the customer was created", "customer.created_at", _signed_up),
    )


def _identity(field: str) -> Callable[[Facts], str | None]:
    return lambda facts: identity(facts.customer, field)


def _email(facts: Facts) -> str | None:
    email = identity(facts.customer, "email")
    return email and email.strip()


def full_name(facts: Facts) -> str | None:
    """Return the customer's first and last name."""
    parts = (facts.customer.get("first_name"), facts.customer.get("last_name"))
    return " ".join(part for part in parts if part) or None


def stream_schema(fields: Iterable[Attribute], attributes: Iterable[Attribute]) -> dict[str, Any]:
    """The JSON schema of the derived stream: standard fields at the top, the rest under ``custom_attributes``."""
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
