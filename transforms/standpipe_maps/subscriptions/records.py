"""From the rows of one customer to the record that Intercom gets, and from customers who share a match value to one."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from standpipe_maps.errors import Refusal
from standpipe_maps.subscriptions import rules
from standpipe_maps.subscriptions.money import major, total
from standpipe_maps.subscriptions.schema import MONEY, Attribute, Facts, Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from standpipe_maps.subscriptions.ledger import Owner
    from standpipe_maps.subscriptions.rules import Invoice, Record


class Candidate(NamedTuple):
    """A customer with the subscriptions that count, and the one that is shown."""

    owner: Owner
    counted: Sequence[Record]
    chosen: Record | None


class Derived(NamedTuple):
    """A record, and what the summary says of it."""

    record: dict[str, Any]
    notes: Sequence[str]


@dataclass(frozen=True)
class Shape:
    """The settings that decide what a record looks like."""

    fields: Sequence[Attribute]
    """Intercom's standard fields."""
    attributes: Sequence[Attribute]
    """Their names with the prefix."""
    base_currency: bool
    estimate_mrr: bool
    plan_names: Mapping[str, str]
    """Display names to show instead of ids."""


def candidate(owner: Owner) -> Candidate:
    """What a customer shows."""
    counted = rules.counted(owner.subscriptions, owner.customer, owner.ended)
    return Candidate(owner, counted, rules.choose(counted))


def winners(owners: Iterable[Owner]) -> Iterator[tuple[Candidate, int]]:
    """Of customers with one match value the one that is sent, and how many it shadows.

    Args:
        owners: in the order of their match values; one without a match value shares it with nobody.
    """
    for _, group in groupby(owners, key=_shared):
        best, shadowed = candidate(next(group)), 0
        for one in map(candidate, group):
            best, shadowed = max(best, one, key=_precedence), shadowed + 1
        yield best, shadowed


def _shared(owner: Owner) -> tuple[str | None, str | None]:
    return owner.match, owner.customer["id"] if owner.match is None else None


def _precedence(one: Candidate) -> tuple[int, int, int, str]:
    return rules.precedence(one.owner.customer, one.chosen)


def derive(one: Candidate, invoices: Iterable[Invoice], shape: Shape) -> Derived:
    """The record of a customer, in Intercom's shape.

    Raises:
        Refusal: a time or a decimal is none.
    """
    customer = one.owner.customer
    counted_invoices = rules.counted_invoices(invoices, customer, one.owner.ended)
    facts = _facts(one, counted_invoices, shape)
    record = {
        "customer_id": customer["id"],
        **_values(shape.fields, facts),
        "custom_attributes": _values(shape.attributes, facts),
    }
    notes = [note for note, holds in NOTES.items() if holds(one, counted_invoices, facts)]
    return Derived(record, notes + [UNFIT] * _is_unfit(shape.attributes, facts))


def _facts(one: Candidate, invoices: Sequence[Invoice], shape: Shape) -> Facts:
    chosen = one.chosen or {}
    plan = plan_of(chosen)
    nothing = rules.money_of(chosen, 0)
    first, latest = rules.recurring_bounds(invoices)
    mrr = rules.mrr_amounts(one.counted, estimate=shape.estimate_mrr)
    return Facts(
        customer=one.owner.customer,
        chosen=chosen,
        plan=plan,
        plan_name=shape.plan_names.get(plan.id, plan.id) if plan.id else None,
        mrr=total(mrr, chosen=nothing, base=shape.base_currency),
        unpaid=total(rules.unpaid_amounts(invoices), chosen=nothing, base=shape.base_currency),
        first=first,
        latest=latest,
    )


def plan_of(subscription: Record) -> Plan:
    """The plan of a subscription: its own fields in catalog 1, the plan item of ``subscription_items`` in catalog 2."""
    currency = subscription.get("currency_code")
    if subscription.get("plan_id"):
        return _plan(subscription, "plan_id", "plan_amount", "plan_quantity", currency)
    for item in subscription.get("subscription_items") or ():
        if item.get("item_type") == "plan":
            return _plan(item, "item_price_id", "amount", "quantity", currency)
    return Plan()


def _plan(record: Record, key: str, amount: str, quantity: str, currency: str | None) -> Plan:
    price = major(record.get(amount), currency)
    if price is None and record.get(f"{amount}_in_decimal") is not None:
        # The twin that multi-decimal pricing has: text, in major units.
        price = Decimal(record[f"{amount}_in_decimal"])
    return Plan(record.get(key), price, _quantity(record, quantity))


def _quantity(record: Record, field: str) -> int | None:
    if (whole := record.get(field)) is not None or record.get(f"{field}_in_decimal") is None:
        return whole
    quantity = Decimal(record[f"{field}_in_decimal"])
    return int(quantity) if quantity == quantity.to_integral_value() else None


def _values(attributes: Iterable[Attribute], facts: Facts) -> dict[str, Any]:
    values = {}
    for name, kind, _, source, value_of, _ in attributes:
        try:
            value = value_of(facts)
        except (ValueError, ArithmeticError, OSError) as error:
            whose = f"Of the customer {facts.customer['id']}"
            raise Refusal(f"{whose}, {source} is not what Chargebee has there: check the tap.") from error
        # Binary only here, at the last step: what comes before is exact.
        values[name] = float(value) if kind is MONEY and value is not None else value
    return values


# What the summary counts, and when; the customer is reported by id for those of ODD.
NOTES: Mapping[str, Callable[[Candidate, Sequence[Invoice], Facts], bool]] = {
    "without_match_value": lambda one, _, __: one.owner.match is None,
    "without_subscription": lambda one, _, __: one.chosen is None,
    "without_mrr": lambda one, _, __: any(map(rules.lacks_mrr, one.counted)),
    "without_card": lambda _, __, facts: not facts.customer.get("card"),
    "several_currencies": lambda _, __, facts: _has_problem(facts, "several_currencies"),
    "unknown_currency": lambda _, __, facts: _has_problem(facts, "unknown_currency"),
    "no_exchange_rate": lambda _, __, facts: _has_problem(facts, "no_exchange_rate"),
    "unknown_status": lambda one, _, __: any(rules.rank(each) == rules.UNKNOWN_RANK for each in one.counted),
    "unknown_catalog": lambda one, _, facts: one.chosen is not None and facts.plan.id is None,
    "negative_amount": lambda one, invoices, _: (
        any((each.get("mrr") or 0) < 0 for each in one.counted)
        or min((min(each.amount_due or 0, each.total or 0) for each in invoices), default=0) < 0
    ),
}
UNFIT = "unfit_extra_field"
ODD = frozenset({"unknown_currency", "no_exchange_rate", "unknown_status", "unknown_catalog", "negative_amount", UNFIT})


def _is_unfit(attributes: Iterable[Attribute], facts: Facts) -> bool:
    return not all(attribute.fits(facts) for attribute in attributes if attribute.fits)


def _has_problem(facts: Facts, problem: str) -> bool:
    return problem in {facts.mrr.problem, facts.unpaid.problem}
