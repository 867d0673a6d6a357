"""What is done with a record: the one table that decides between create, update, delete and skip.

Nothing else in this package decides. The functions are pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Action = Literal["create", "update", "delete", "skip"]


@dataclass(frozen=True)
class RecordFacts:
    """What the decision needs to know of a record.

    Args:
        has_id: it has an external id.
        is_superseded: a later record of this run has the same id.
        is_gone: it is marked as gone where it came from.
        is_deletable: a record that is gone may be deleted: contacts are, customers are retained.
        has_customer: a contact's customer is in ChartMogul, or this is a customer.
        is_found: ChartMogul has it.
        is_leading: of several records that were merged into one customer, this one decides on its values.
    """

    has_id: bool = True
    is_superseded: bool = False
    is_gone: bool = False
    is_deletable: bool = False
    has_customer: bool = True
    is_found: bool = False
    is_leading: bool = True


@dataclass(frozen=True)
class Decision:
    """What to do, and why."""

    action: Action
    reason: str = ""


#: What follows from a record's situation.
TABLE: dict[str, Decision] = {
    "superseded": Decision("skip", "superseded"),
    "no_identifier": Decision("skip", "no_identifier"),
    "customer_is_gone": Decision("skip", "retained"),
    "contact_is_gone": Decision("delete"),
    "contact_is_gone_everywhere": Decision("skip", "gone"),
    "merged": Decision("skip", "merged"),
    "found": Decision("update"),
    "new_without_customer": Decision("skip", "no_customer"),
    "new": Decision("create"),
}


def decide(facts: RecordFacts) -> Decision:
    """Decide what is done with one record."""
    return TABLE[_find_situation(facts)]


def _find_situation(facts: RecordFacts) -> str:
    if not facts.has_id:
        return "no_identifier"
    if facts.is_superseded:
        return "superseded"
    if facts.is_gone:
        if not facts.is_deletable:
            return "customer_is_gone"
        return "contact_is_gone" if facts.is_found else "contact_is_gone_everywhere"
    if facts.is_found:
        return "found" if facts.is_leading else "merged"
    return "new" if facts.has_customer else "new_without_customer"
