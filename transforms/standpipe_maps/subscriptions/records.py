"""From the rows of one customer to the record that Intercom gets, and from customers who share a match value to one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from standpipe_maps.json_schema import NUMBER, TEXT
from standpipe_maps.subscriptions import rules
from standpipe_maps.subscriptions.attributes import Attribute, full_name
from standpipe_maps.subscriptions.facts import Facts, Options
from standpipe_maps.subscriptions.models import MISSING_MEMBER, ODD_VALUE, OddValueError, known, notes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from standpipe_maps.subscriptions.rules import Invoice, Record
    from standpipe_maps.subscriptions.store import Owner

LOSER_FIELDS = (
    Attribute("name", TEXT, "Full name", "customer.first_name, last_name", full_name),
    Attribute("company", TEXT, "Company of the customer", "customer.company", lambda one: one.customer.get("company")),
    Attribute("mrr", NUMBER, "Monthly recurring revenue, in major units", "as cust_mrr", lambda one: one.mrr.amount),
)
SHARES = "shares_match_value"
REPLACED = "replaced"


class Candidate(NamedTuple):
    """A customer with the subscriptions that count, and the one that is shown."""

    owner: Owner
    counted: Sequence[Record]
    chosen: Record | None


class Note(NamedTuple):
    """What the summary says of a customer."""

    name: str
    members: str = ""
    """The members that are odd or missing, for the notes that are about some."""


class Derived(NamedTuple):
    """A record, and what the summary says of it."""

    record: dict[str, Any]
    notes: Sequence[Note]


@dataclass(frozen=True)
class Shape:
    """The settings that decide what a record looks like."""

    fields: Sequence[Attribute]
    """Intercom's standard fields."""
    attributes: Sequence[Attribute]
    """Their names with the prefix."""
    options: Options


def make_candidate(owner: Owner) -> Candidate:
    """Choose what a customer shows."""
    counted = rules.counted(owner.subscriptions, owner.customer, owner.ended)
    return Candidate(owner, counted, rules.choose(counted))


def choose_winners(
    owners: Iterable[Owner], lose: Callable[[Candidate], None], win: Callable[[Candidate, int], None]
) -> Iterator[Candidate]:
    """Yield, of customers with one match value, the one that is sent.

    Args:
        owners: in the order of their match values; one without a match value shares it with nobody.
        lose: called with each customer that is not sent, before its group's winner is known.
        win: called with the winner of a group and how many lost to it.
    """
    for _, group in groupby(owners, key=_shared_value):
        best, lost = make_candidate(next(group)), 0
        for one in map(make_candidate, group):
            best, loser = (one, best) if _precedence(one) > _precedence(best) else (best, one)
            lose(loser)
            lost += 1
        win(best, lost)
        yield best


def _shared_value(owner: Owner) -> tuple[str | None, str | None]:
    return owner.match, owner.customer["id"] if owner.match is None else None


def _precedence(one: Candidate) -> tuple[int, int, int, str]:
    return rules.precedence(one.owner.customer, one.chosen)


def reason_of(loser: Candidate) -> str:
    """Return why a customer is not sent: a deleted one was replaced by who has its match value now."""
    return REPLACED if known(loser.owner.customer, "deleted") else SHARES


def describe_loser(loser: Candidate, options: Options) -> dict[str, Any]:
    """Return what a report says of a customer that is not sent."""
    facts = Facts(loser.owner.customer, loser.chosen or {}, loser.counted, (), options)
    return {
        "customer_id": loser.owner.customer["id"],
        "reason": reason_of(loser),
        **_values(LOSER_FIELDS, facts, {}),
    }


def _to_float(number: Decimal) -> float:
    """Return a decimal as JSON has it. Binary only here, at the last step: what comes before is exact.

    Raises:
        ValueError: it is too large.
    """
    value = float(number)
    if not math.isfinite(value):
        raise ValueError("too large")
    return value


def derive(one: Candidate, invoices: Iterable[Invoice], shape: Shape) -> Derived:
    """Return the record of a customer, in Intercom's shape: what stands on an odd member is null, and noted."""
    customer = one.owner.customer
    counted = rules.counted_invoices(invoices, customer, one.owner.ended)
    facts = Facts(customer, one.chosen or {}, one.counted, counted, shape.options)
    odd: dict[str, str] = {}
    record = {
        "customer_id": customer["id"],
        **_values(shape.fields, facts, odd),
        "custom_attributes": _values(shape.attributes, facts, odd),
    }
    notes = [Note(name) for name, holds in NOTES.items() if _holds(holds, one, facts)]
    notes += [Note(UNFIT)] * _is_unfit(shape.attributes, facts)
    return Derived(record, notes + _odd_members(facts, odd))


def _values(attributes: Iterable[Attribute], facts: Facts, odd: dict[str, str]) -> dict[str, Any]:
    """Return the values of attributes; ``odd`` takes the names of the members that make one null."""
    values: dict[str, Any] = {}
    for name, _, _, source, reader, _ in attributes:
        try:
            value = reader(facts)
            values[name] = _to_float(value) if isinstance(value, Decimal) else value
        except OddValueError as error:
            values[name], odd[str(error)] = None, ODD_VALUE
        except (ValueError, ArithmeticError, OSError):
            values[name], odd[source] = None, ODD_VALUE
    return values


def _odd_members(facts: Facts, odd: dict[str, str]) -> list[Note]:
    """Return a note of the odd and one of the missing members, whether or not an attribute stands on them."""
    for record in (facts.customer, *facts.counted):
        odd |= {member: note for note, member in notes_of(record)}
    for invoice in facts.invoices:
        if invoice.odd:
            odd |= {member: note for note, member in invoice.notes}
    if not odd:
        return []
    names = {note: [member for member, noted in odd.items() if noted == note] for note in (ODD_VALUE, MISSING_MEMBER)}
    return [Note(note, ", ".join(members)) for note, members in names.items() if members]


# What the summary counts, and when; the customer is reported by id for those of ODD.
NOTES: Mapping[str, Callable[[Candidate, Facts], bool]] = {
    "without_match_value": lambda one, _: one.owner.match is None,
    "without_subscription": lambda one, _: one.chosen is None,
    "without_mrr": lambda one, _: any(map(rules.lacks_mrr, one.counted)),
    "without_card": lambda _, facts: not facts.customer.get("card"),
    "several_currencies": lambda _, facts: _has_problem(facts, "several_currencies"),
    "unknown_currency": lambda _, facts: _has_problem(facts, "unknown_currency"),
    "no_exchange_rate": lambda _, facts: _has_problem(facts, "no_exchange_rate"),
    "unknown_status": lambda one, _: any(map(rules.has_unknown_status, one.counted)),
    "unknown_catalog": lambda one, facts: one.chosen is not None and facts.plan.id is None,
    "negative_amount": lambda one, facts: (
        any((known(each, "mrr") or 0) < 0 for each in one.counted)
        or min((min(each.amount_due or 0, each.total or 0) for each in facts.invoices), default=0) < 0
    ),
}
UNFIT = "unfit_extra_field"
ODD = frozenset(
    {
        "unknown_currency",
        "no_exchange_rate",
        "unknown_status",
        "unknown_catalog",
        "negative_amount",
        UNFIT,
        ODD_VALUE,
        MISSING_MEMBER,
    }
)


def _holds(holds: Callable[[Candidate, Facts], bool], one: Candidate, facts: Facts) -> bool:
    try:
        return holds(one, facts)
    except (OddValueError, ValueError, ArithmeticError):
        # The odd member has a note of its own.
        return False


def _is_unfit(attributes: Iterable[Attribute], facts: Facts) -> bool:
    return not all(attribute.fits(facts) for attribute in attributes if attribute.fits)


def _has_problem(facts: Facts, problem: str) -> bool:
    return problem in {facts.mrr.problem, facts.unpaid.problem}
