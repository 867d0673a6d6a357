"""Segments: who belongs to one is nobody's choice, it follows from what a contact or company holds.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/segments
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.intercom.search import CUSTOM, value_of
from sandbox.intercom.search_values import TESTS
from sandbox.intercom.seed_tables import OWNERS, SIZES, TIERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.intercom.search import Document

BORN = 1_700_000_000
SPACING = 86_400


@dataclass(frozen=True)
class Segment:
    """One segment and the one test that makes its members.

    Attributes:
        person_type: `user`, `contact` (a lead) or `company`.
    """

    id: str
    name: str
    person_type: str
    created_at: int
    field: str
    operator: str
    wanted: Any

    def holds(self, document: Document) -> bool:
        """Whether a contact or company belongs to it."""
        return TESTS[self.operator](value_of(document, self.field), self.wanted)

    def shape(self) -> dict[str, Any]:
        """The segment on the wire."""
        return {
            "type": "segment",
            "id": self.id,
            "name": self.name,
            "created_at": self.created_at,
            "updated_at": self.created_at,
            "person_type": self.person_type,
        }


_ROWS = (
    ("Users", "user", "role", "=", "user"),
    ("Leads", "contact", "role", "=", "lead"),
    ("Promoters", "user", f"{CUSTOM}nps_score", ">=", 9),
    ("Detractors", "user", f"{CUSTOM}nps_score", "<=", 6),
    ("Beta testers", "user", f"{CUSTOM}beta_tester", "=", True),
    ("Likely buyers", "contact", f"{CUSTOM}lead_score", ">=", 75),
    ("To be called", "user", f"{CUSTOM}renewal_call_at", "!=", None),
    ("Visitors", "contact", "email_domain", "=", "visitors.example"),
    ("Without e-mail", "user", "email", "=", None),
    ("Reachable by phone", "user", "phone", "!=", None),
    ("Unsubscribed", "user", "unsubscribed_from_emails", "=", True),
    ("Hard bounced", "user", "has_hard_bounced", "=", True),
    *((f"Looked after by {name}", "user", f"{CUSTOM}csm_owner", "=", name) for name in OWNERS),
    *((f"{tier.capitalize()} accounts", "company", f"{CUSTOM}account_tier", "=", tier) for tier in TIERS),
    *((f"Companies of {size}", "company", "size", "=", size) for size in SIZES if size),
)
SEGMENTS = tuple(
    Segment(f"{0x5F0000000000000000000000 + number:024x}", name, kind, BORN + number * SPACING, field, operator, wanted)
    for number, (name, kind, field, operator, wanted) in enumerate(_ROWS, 1)
)
_OF = {
    model: tuple(one for one in SEGMENTS if (one.person_type == "company") == (model == "company"))
    for model in ("contact", "company")
}


def segments_of(model: str, document: Document) -> list[Segment]:
    """The segments that a contact or company belongs to."""
    return [one for one in _OF[model] if one.holds(document)]


def counts(contacts: Iterable[Document], companies: Iterable[Document]) -> dict[str, int]:
    """How many belong to each segment, by its id."""
    found = dict.fromkeys((one.id for one in SEGMENTS), 0)
    for model, documents in (("contact", contacts), ("company", companies)):
        for document in documents:
            for one in segments_of(model, document):
                found[one.id] += 1
    return found
