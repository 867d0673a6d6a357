"""What is done with a record: the one table that decides between create, update, delete and skip.

Nothing else in this package decides. The functions are pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Action = Literal["create", "update", "delete", "skip"]


@dataclass(frozen=True)
class Candidate:
    """What the decision needs to know of a record."""

    identified: bool = True  #: it has an external id
    superseded: bool = False  #: a later record of this run has the same id
    deleted: bool = False  #: it is marked as gone
    deletable: bool = False  #: what is gone may be deleted: contacts are, customers are retained
    placeable: bool = True  #: a contact's customer is in ChartMogul, or this is a customer
    found: bool = False  #: ChartMogul has it
    speaks: bool = True  #: of several records that were merged into one customer, this one speaks for it


@dataclass(frozen=True)
class Decision:
    """What to do, and why."""

    action: Action
    reason: str = ""


#: What follows from a record's situation.
TABLE: dict[str, Decision] = {
    "superseded": Decision("skip", "superseded"),
    "no_identifier": Decision("skip", "no_identifier"),
    "retained": Decision("skip", "retained"),
    "gone": Decision("skip", "gone"),
    "leaving": Decision("delete"),
    "merged": Decision("skip", "merged"),
    "known": Decision("update"),
    "homeless": Decision("skip", "no_customer"),
    "new": Decision("create"),
}


def decide(candidate: Candidate) -> Decision:
    """Decide what is done with one record."""
    return TABLE[_situation(candidate)]


def _situation(candidate: Candidate) -> str:
    if not candidate.identified:
        return "no_identifier"
    if candidate.superseded:
        return "superseded"
    if candidate.deleted:
        return _leaving(candidate)
    if candidate.found:
        return "known" if candidate.speaks else "merged"
    return "new" if candidate.placeable else "homeless"


def _leaving(candidate: Candidate) -> str:
    """Tell what is the situation of a record that is gone where it came from: no customer is deleted for that."""
    if not candidate.deletable:
        return "retained"
    return "leaving" if candidate.found else "gone"
