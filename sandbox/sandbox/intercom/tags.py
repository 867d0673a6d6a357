"""Tags, by name and id; who or what bears one says its own document.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tags
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.intercom.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

FIRST = 7_500_000
NAMES = (
    "VIP", "Churn risk", "Beta", "Newsletter", "Trial", "Enterprise", "Partner", "Referral", "Needs training",
    "Late payer", "Reference customer", "Feature request", "Bug", "Feedback", "Outage", "Refund", "Onboarding",
    "Webinar", "Conference", "Press", "Student", "Non-profit", "Reseller", "Migrated",
)  # fmt: skip


@dataclass
class Tag:
    """One tag of the workspace."""

    id: str
    name: str

    def shape(self) -> dict[str, Any]:
        """The tag on the wire."""
        return {"type": "tag", "id": self.id, "name": self.name}


def tag_not_found() -> Refusal:
    """No tag has this id."""
    return Refusal(404, "tag_not_found", "Tag not found")


class Tags:
    """Every tag of a workspace; no two bear one name, whatever the letter case."""

    def __init__(self) -> None:
        self._by_id: dict[str, Tag] = {}
        self._made = 0

    def all(self) -> list[Tag]:
        """Every tag, oldest first."""
        return list(self._by_id.values())

    def get(self, tag_id: str) -> Tag:
        """One tag.

        Raises:
            Refusal: 404 `tag_not_found`.
        """
        if tag_id not in self._by_id:
            raise tag_not_found()
        return self._by_id[tag_id]

    def named(self, name: str) -> Tag:
        """The tag of that name, made when there is none."""
        found = next((one for one in self._by_id.values() if one.name.lower() == name.lower()), None)
        if found is None:
            self._made += 1
            found = Tag(str(FIRST + self._made), name)
            self._by_id[found.id] = found
        return found

    def remove(self, tag_id: str) -> None:
        """Delete a tag."""
        del self._by_id[tag_id]

    def shapes(self, ids: Iterable[str]) -> list[dict[str, Any]]:
        """The tags with these ids on the wire; those since deleted are gone."""
        return [self._by_id[one].shape() for one in ids if one in self._by_id]
