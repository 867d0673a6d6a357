"""Segments: a contact or company belongs to one when its fields pass the segment's test.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/segments
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.intercom.fixtures import read_fixture
from sandbox.intercom.search import read_value
from sandbox.intercom.search_values import TESTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.intercom.search import Document
    from sandbox.json_types import JsonObject, JsonValue

FIRST_CREATED = 1_700_000_000
SPACING = 86_400


@dataclass(frozen=True)
class Segment:
    """One segment in the API's form, and the test that its members pass."""

    document: JsonObject
    field: str
    operator: str
    value: JsonValue

    @property
    def id(self) -> str:
        """The segment's id."""
        return str(self.document["id"])

    @property
    def person_type(self) -> str:
        """`user`, `contact` (a lead) or `company`."""
        return str(self.document["person_type"])

    def includes(self, document: Document) -> bool:
        """Return whether a contact or company is a member."""
        return TESTS[self.operator](read_value(document, self.field), self.value)


def _make_segment(number: int, name: str, person_type: str, **rule: JsonValue) -> Segment:
    at = FIRST_CREATED + number * SPACING
    document = {"type": "segment", "id": f"5f{number:022x}", "name": name, "created_at": at, "updated_at": at}
    return Segment({**document, "person_type": person_type}, **rule)


SEGMENTS = tuple(_make_segment(number, **row) for number, row in enumerate(read_fixture("segments"), 1))
BY_MODEL = {
    model: tuple(one for one in SEGMENTS if (one.person_type == "company") == (model == "company"))
    for model in ("contact", "company")
}


def find_segments(model: str, document: Document) -> list[Segment]:
    """Return a contact's or company's segments."""
    return [one for one in BY_MODEL[model] if one.includes(document)]


def count_members(contacts: Iterable[Document], companies: Iterable[Document]) -> Counter[str]:
    """Return the number of members of each segment, by its id."""
    models = (("contact", contacts), ("company", companies))
    return Counter(one.id for model, documents in models for each in documents for one in find_segments(model, each))
