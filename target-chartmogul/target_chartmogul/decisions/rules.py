"""The table that decides between create, update, delete and skip for each record. Pure.

Nothing else in this package decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Action = Literal["create", "update", "delete", "skip"]


@dataclass(frozen=True)
class RecordFacts:
    """The facts about a record that the decision needs.

    Args:
        has_id: it has an external id.
        is_superseded: a later record of this run has the same id.
        is_gone: it is marked as deleted in its source.
        is_deletable: a record that is gone may be deleted. Contacts are, but customers stay.
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
    """The action and its reason."""

    action: Action
    reason: str = ""


#: The decisions by situation.
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
    """Decide about one record."""
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
