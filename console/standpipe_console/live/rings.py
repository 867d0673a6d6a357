"""A ring: the news that something changed, and the ids to read again. It carries no data.

Both vendors deliver more than once, in any order, and drop some, so nothing of an event but its ids is believed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Subject(StrEnum):
    """What the id of a ring is the id of."""

    CUSTOMER = "customer"
    SUBSCRIPTION = "subscription"  #: its customer has to be looked up first
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
