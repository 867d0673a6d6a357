"""Where a workspace keeps its tickets, and under which names a search finds what they hold."""

from __future__ import annotations

from sandbox.intercom.library_tickets import DESCRIPTION, TITLE
from sandbox.intercom.threads import Threads

FIRST_ID = 640_000_000
PLACES = {
    "contact_ids": "contacts",
    "teammate_ids": "teammates",
    "tag_ids": "tags",
    "title": f"ticket_attributes.{TITLE}",
    "description": f"ticket_attributes.{DESCRIPTION}",
    "category": "category_term",
    "state": "state_category",
}


def make_ticket_store(search_lag: int) -> Threads:
    """Return an empty store of tickets."""
    return Threads(search_lag, ("ticket_not_found", "Ticket not found"), FIRST_ID, PLACES)
