"""Conversations and tickets: both are a document that grows part by part, and every part moves its `updated_at`.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sandbox.intercom.counting import statistics
from sandbox.intercom.errors import Refusal
from sandbox.intercom.stored import Searched, Store

if TYPE_CHECKING:
    from sandbox.intercom.search import Document


class Author(NamedTuple):
    """Who wrote something: an `admin`, a `user`, a `lead`, a `bot`."""

    type: str
    id: str
    name: str | None = None
    email: str | None = None


class Part(NamedTuple):
    """One thing that happened in a thread.

    Attributes:
        assigned_to: (`admin` or `team`, id) of an assignment.
        states: a ticket's state category before and after.
    """

    id: str
    part_type: str
    at: int
    author: Author
    body: str | None = None
    assigned_to: tuple[str, str] | None = None
    states: tuple[str, str] | None = None

    @property
    def by_admin(self) -> bool:
        """Written by a teammate."""
        return self.author.type == "admin"


class Thread(Searched):
    """One conversation or ticket; its document holds `parts`, a tuple that is never changed in place."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """What happened in it, oldest first."""
        parts: tuple[Part, ...] = self.document["parts"]
        return parts


class Threads(Store[Thread]):
    """The conversations, or the tickets, of one workspace.

    Args:
        missing: code and message of the 404 for an unknown id.
        first_id: their ids, and those of their parts, count from here.
        places: where a searched field's value stands, if not under its own name.
    """

    def __init__(self, search_lag: int, missing: tuple[str, str], first_id: int, places: dict[str, str]) -> None:
        super().__init__(search_lag)
        self._missing = missing
        self._next_id = first_id
        self._places = places

    def new_id(self) -> str:
        """The next id."""
        self._next_id += 1
        return str(self._next_id)

    def get(self, thread_id: str) -> Thread:
        """One thread.

        Raises:
            Refusal: 404.
        """
        if thread_id not in self._by_id:
            raise Refusal(404, *self._missing)
        return self._by_id[thread_id]

    def add(self, document: dict[str, Any]) -> Thread:
        """Add a thread whose document is whole."""
        thread = Thread(document)
        self._by_id[thread.id] = thread
        self._written(thread, None, document["created_at"])
        return thread

    def write(self, thread: Thread, at: int, **facts: Any) -> None:
        """Lay facts over a thread's document; `updated_at` moves."""
        before = thread.document
        thread.document = {**before, **facts, "updated_at": at}
        self._written(thread, before, at)

    def grow(self, thread: Thread, part: Part, **facts: Any) -> None:
        """Add a part, with what it changes."""
        self.write(thread, part.at, parts=(*thread.parts, part), **facts)

    def delete(self, thread: Thread) -> None:
        """Remove for ever."""
        self._forget(thread)

    def read(self, document: Document, field: str) -> Any:
        """A document's value by the field's full name, its dots leading into what is nested."""
        if field.startswith("statistics."):
            return statistics(document).get(field.removeprefix("statistics."))
        value: Any = document
        for name in self._places.get(field, field).split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return value
