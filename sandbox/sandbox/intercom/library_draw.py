"""What the tables of the library draw from: chance, instants, and what was made before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

DAY = 86_400
OLDEST = 400
Document = dict[str, Any]
T = TypeVar("T")

TOPICS = (
    "billing", "invoices", "your first week", "importing data", "roles and permissions", "single sign-on", "webhooks",
    "the mobile app", "reports", "time zones", "custom fields", "exports",
)  # fmt: skip


@dataclass(frozen=True)
class Draw:
    """Chance, the present, and the kinds made so far."""

    random: Random
    now: int
    app_id: str
    made: Mapping[str, Mapping[str, Document]]

    def stamps(self) -> dict[str, int]:
        """When a document was made and last changed."""
        created_at = self.now - self.random.randrange(DAY, OLDEST * DAY)
        return {"created_at": created_at, "updated_at": self.random.randint(created_at, self.now)}

    def pick(self, values: Sequence[T]) -> T:
        """One of them."""
        return self.random.choice(values)

    def one_of(self, kind: str) -> str:
        """The id of a document of an earlier kind."""
        return self.pick(list(self.made[kind]))

    def topic(self, number: int) -> str:
        """What a piece of content is about."""
        return TOPICS[number % len(TOPICS)]
