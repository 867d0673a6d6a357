"""Chooses one of the customers with the same match value, and derives its record for Intercom."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from standpipe_maps.expressions.kinds import FailedExpressionError
from standpipe_maps.json_schema import NUMBER, TEXT
from standpipe_maps.subscriptions import rules
from standpipe_maps.subscriptions.attributes import Attribute, join_name
from standpipe_maps.subscriptions.facts import FactOptions, Facts
from standpipe_maps.subscriptions.models import MISSING_MEMBER, ODD_VALUE, OddValueError, get_known, get_notes
from standpipe_maps.subscriptions.subscription_objects import FIELDS, build_heads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from standpipe_maps._kit.json_types import JsonObject
    from standpipe_maps.subscriptions.rules import Invoice, Record
    from standpipe_maps.subscriptions.store import Owner

LOSER_FIELDS = (
    Attribute("name", TEXT, "Full name", "customer.first_name, last_name", join_name),
    Attribute("company", TEXT, "Company of the customer", "customer.company", lambda one: one.customer.get("company")),
    Attribute("mrr", NUMBER, "Monthly recurring revenue, in major units", "as cust_mrr", lambda one: one.mrr.amount),
)
SHARES = "shares_match_value"
REPLACED = "replaced"
LEFT_OUT = "left_out"
UNDECIDED = "undecided"


class Candidate(NamedTuple):
    """A customer with the subscriptions that count, and the one that is shown."""

    owner: Owner
    counted: Sequence[Record]
    chosen: Record | None
    failure: str = ""
    """Why it is unknown whether the customer takes part."""


class Note(NamedTuple):
    """A note about a customer for the summary."""

    name: str
    members: str = ""
    """The odd or missing members, for notes about members."""


class DerivedRecord(NamedTuple):
    """A record and its notes for the summary."""

    record: JsonObject
    notes: Sequence[Note]
    objects: Sequence[JsonObject] = ()
    """The records of its subscriptions."""


@dataclass(frozen=True)
class RecordOptions:
    """The settings for records."""

    fields: Sequence[Attribute]
    """Intercom's standard fields."""
    attributes: Sequence[Attribute]
    """Their names with the prefix."""
    facts: FactOptions
    with_objects: bool = False
    """Whether each subscription is a record of its own, too."""


def make_candidate(owner: Owner) -> Candidate:
    """Choose a customer's subscription to show."""
    counted = rules.filter_subscriptions(owner.subscriptions, owner.customer, owner.ended)
    return Candidate(owner, counted, rules.choose_subscription(counted))


def choose_winners(
    candidates: Iterable[Candidate], lose: Callable[[Candidate], None], win: Callable[[Candidate, int], None]
) -> Iterator[Candidate]:
    """Yield the customer to send for each match value.

    Of a group, nothing is sent when it is unknown whether its best customer takes part.

    Args:
        candidates: customers in the order of their match values. A customer without a match value is a group of one.
        lose: called with each customer that is not sent, before the winner of its group is known.
        win: called with the winner of a group and the number of customers that lost to it.
    """
    for _, group in groupby(candidates, key=_find_group):
        members = iter(group)
        best, lost = next(members), 0
        for one in members:
            wins = rules.order_customer(one.owner.customer, one.chosen) > rules.order_customer(
                best.owner.customer, best.chosen
            )
            best, loser = (one, best) if wins else (best, one)
            lose(loser)
            lost += 1
        win(best, lost)
        if not best.failure:
            yield best


def _find_group(one: Candidate) -> tuple[str | None, str | None]:
    # Customers without a match value do not form a group, so each is a group of one by its id.
    return one.owner.match, one.owner.customer["id"] if one.owner.match is None else None


def find_reason(loser: Candidate) -> str:
    """Return why a customer is not sent. A deleted one was replaced by the customer that now has its match value."""
    return REPLACED if get_known(loser.owner.customer, "deleted") else SHARES


def describe_loser(loser: Candidate, options: FactOptions, reason: str | None = None) -> JsonObject:
    """Return the report's entry for a customer that is not sent; the reason follows from it if none is given."""
    facts = Facts(loser.owner.customer, loser.chosen or {}, loser.counted, (), options)
    return {
        "customer_id": loser.owner.customer["id"],
        "reason": reason or find_reason(loser),
        **_compute_values(LOSER_FIELDS, facts, {}, {}),
    }


def derive_record(one: Candidate, invoices: Iterable[Invoice], options: RecordOptions) -> DerivedRecord:
    """Return a customer's record in Intercom's form. An attribute that needs an odd member is null, with a note.

    An attribute whose expression fails is not in the record, so that Intercom keeps its value.
    """
    customer = one.owner.customer
    counted = rules.filter_invoices(invoices, customer, one.owner.ended)
    facts = Facts(customer, one.chosen or {}, one.counted, counted, options.facts)
    odd: dict[str, str] = {}
    failed: dict[str, str] = {}
    record = {
        "customer_id": customer["id"],
        **_compute_values(options.fields, facts, odd, failed),
        "custom_attributes": _compute_values(options.attributes, facts, odd, failed),
    }
    objects = [
        {**head, "custom_attributes": _compute_values(FIELDS, alone, odd, failed)}
        for head, alone in (build_heads(facts) if options.with_objects else ())
    ]
    notes = [Note(name) for name, holds in NOTES.items() if _is_noted(holds, one, facts)]
    if not all(attribute.fits(facts) for attribute in options.attributes if attribute.fits):
        notes.append(Note(UNFIT))
    notes += [Note(FAILED, f"{name}: {why}") for name, why in failed.items()]
    return DerivedRecord(record, notes + _note_odd_members(facts, odd), objects)


def _compute_values(
    attributes: Iterable[Attribute], facts: Facts, odd: dict[str, str], failed: dict[str, str]
) -> JsonObject:
    """Return the values of attributes.

    Args:
        attributes: the attributes.
        facts: the customer.
        odd: gets the names of members that make an attribute null.
        failed: gets the reason for each attribute whose expression fails.
    """
    values: JsonObject = {}
    for name, _, _, source, reader, _ in attributes:
        try:
            value = reader(facts)
            if isinstance(value, Decimal):
                # Sums are exact until here, but JSON has only binary numbers.
                value = float(value)
                if not math.isfinite(value):
                    raise ValueError("too large")  # noqa: TRY301 caught as every other value that cannot be right
            values[name] = value
        except FailedExpressionError as error:
            failed[name] = str(error)
        except OddValueError as error:
            values[name], odd[str(error)] = None, ODD_VALUE
        except (ValueError, ArithmeticError, OSError):
            values[name], odd[source] = None, ODD_VALUE
    return values


def _note_odd_members(facts: Facts, odd: dict[str, str]) -> list[Note]:
    """Return one note about odd and one about missing members, whether or not an attribute needs them."""
    for record in (facts.customer, *facts.counted):
        odd |= {member: note for note, member in get_notes(record)}
    for invoice in facts.invoices:
        if invoice.odd:
            odd |= {member: note for note, member in invoice.notes}
    if not odd:
        return []
    names = {note: [member for member, noted in odd.items() if noted == note] for note in (ODD_VALUE, MISSING_MEMBER)}
    return [Note(note, ", ".join(members)) for note, members in names.items() if members]


# The notes of the summary with their conditions. For those in ODD it also reports the customer's id.
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
        any((get_known(each, "mrr") or 0) < 0 for each in one.counted)
        or min((min(each.amount_due or 0, each.total or 0) for each in facts.invoices), default=0) < 0
    ),
}
UNFIT = "unfit_extra_field"
FAILED = "failed_expression"
ODD = frozenset(
    {
        "unknown_currency",
        "no_exchange_rate",
        "unknown_status",
        "unknown_catalog",
        "negative_amount",
        UNFIT,
        FAILED,
        ODD_VALUE,
        MISSING_MEMBER,
    }
)


def _is_noted(holds: Callable[[Candidate, Facts], bool], one: Candidate, facts: Facts) -> bool:
    try:
        return holds(one, facts)
    except (OddValueError, ValueError, ArithmeticError):
        # The odd member has its own note.
        return False


def _has_problem(facts: Facts, problem: str) -> bool:
    return problem in {facts.mrr.problem, facts.unpaid.problem}
