"""singer-io's tap-intercom 2.2.5, unchanged except for the address, reads the sandbox to its end.

It never sees archived contacts and companies without users, as they are in none of the lists that it reads.
For contacts with more than ten companies it requests all of them, at a path with two slashes and with an
undocumented parameter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sandbox.intercom.segments import SEGMENTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.intercom.workspace import Workspace
    from sandbox.testing import RunningSandbox

    from tests.conformance.conftest import Connector

pytestmark = pytest.mark.conformance

CONFIG = {"access_token": "sandbox_token", "user_agent": "conformance", "start_date": "2010-01-01T00:00:00Z"}


def attributes(known: Workspace, model: str) -> list[str]:
    """Return the names of standard attributes and of custom attributes that are not archived."""
    return [one["name"] for one in known.attributes.list_all(model, include_archived=False)]


TRUTH: dict[str, Callable[[Workspace], list[str]]] = {
    "admins": lambda known: known.library.list_ids("admins"),
    "companies": lambda known: [one.id for one in known.visible_companies()],
    "company_attributes": lambda known: attributes(known, "company"),
    "company_segments": lambda _: [one.id for one in SEGMENTS if one.person_type == "company"],
    "contact_attributes": lambda known: attributes(known, "contact"),
    "contacts": lambda known: [one.id for one in known.contacts.live()],
    "conversation_parts": lambda known: [part.id for one in known.conversations.live() for part in one.parts],
    "conversations": lambda known: [one.id for one in known.conversations.live()],
    "segments": lambda _: [one.id for one in SEGMENTS],
    "tags": lambda known: known.library.list_ids("tags"),
    "teams": lambda known: known.library.list_ids("teams"),
}
"""Functions that read the ids of a stream's records from the workspace. Attributes have names instead of ids."""


@pytest.fixture
def tap(connector: Callable[..., Connector]) -> Connector:
    """Return the connector in the version for this comparison."""
    return connector("tap-intercom", "2.2.5", "https://api.intercom.io")


def test_all_streams_are_read_to_their_end(tap: Connector, sandbox: RunningSandbox) -> None:
    """Every record is read exactly once."""
    sandbox.reset(customers=300, rate_limit_per_window=1_000_000, refuse_unknown_fields=False)
    sandbox.advance(days=3)
    records, _ = tap.read(sandbox.intercom_url, CONFIG)
    assert records.keys() == TRUTH.keys()
    for stream, ids in TRUTH.items():
        name = "name" if stream.endswith("_attributes") else "id"
        assert sorted(one[name] for one in records[stream]) == sorted(ids(sandbox.world.intercom)), stream
    assert len(records["contacts"]) > 2 * 150
