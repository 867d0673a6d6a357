"""A ring is a notification that something changed, with the ids to read again. It carries no data.

Both vendors deliver more than once, in any order, and drop some, so only the ids of an event are used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeGuard

#: The longest id. No vendor has longer ones.
MAX_ID = 255


class Subject(StrEnum):
    """The kind of record that the id of a ring names."""

    CUSTOMER = "customer"
    SUBSCRIPTION = "subscription"  #: its customer has to be looked up first
    EVENT = "event"  #: of Chargebee, which becomes a moment in Intercom
    COMPANY = "company"
    CONTACT = "contact"
    EVERYTHING = "everything"  #: the event names nobody: only a plain run reads what changed


@dataclass(frozen=True, order=True)
class Target:
    """One thing to read again, in the pipeline of a job."""

    job: str
    subject: Subject
    id: str = ""


@dataclass(frozen=True)
class Ring:
    """One event of a vendor."""

    source: str  #: `chargebee` or `intercom`
    event_id: str  #: the vendor's id, by which a repeated delivery is known; empty when it has none
    type: str  #: the vendor's name for the event
    targets: frozenset[Target] = field(default_factory=frozenset)  #: nothing when the event concerns no pipeline


def is_id(value: object) -> TypeGuard[str]:
    """Return whether a value of an event can be an id: a text that every database can store."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID or "\0" in value:
        return False
    return not any("\ud800" <= one <= "\udfff" for one in value)  # half of a character
