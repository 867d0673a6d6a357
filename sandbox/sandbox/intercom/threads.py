"""Conversations and tickets: a document with parts, each of which moves its `updated_at`.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from sandbox.intercom.errors import Refusal
from sandbox.intercom.fixtures import read_fixture
from sandbox.intercom.stored import Searched, Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.intercom.search import Document
    from sandbox.json_types import JsonObject, JsonValue

AUTHOR_FIELDS = ("id", "name", "email")


class Part(NamedTuple):
    """One thing that happened in a thread.

    Attributes:
        author: type, id, name and e-mail of an `admin`, `user`, `lead` or `bot`.
        assigned_to: (`admin` or `team`, id) of an assignment.
        states: a ticket's state category before and after.
    """

    id: str
    part_type: str
    at: int
    author: JsonObject
    body: str | None = None
    assigned_to: tuple[str, str] | None = None
    states: tuple[str, str] | None = None

    @property
    def by_admin(self) -> bool:
        """Whether a teammate wrote the part."""
        return bool(self.author["type"] == "admin")


class Thread(Searched):
    """One conversation or ticket; its document holds `parts`, a tuple that is never changed in place."""

    def __init__(self, document: JsonObject) -> None:
        super().__init__(document)
        self.linked: list[str] = []
        """The ids of the tickets that were created from the conversation."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts, oldest first."""
        return tuple(self.document["parts"])


class Threads(Store[Thread]):
    """The conversations, or the tickets, of one workspace.

    ``fixtures/threads.json`` says of each kind what a new one holds, where the ids of threads and parts begin, what
    the 404 for an unknown id says, and where the value of a searched field stands, if not under its own name.
    """

    def __init__(self, kind: str, search_lag: int) -> None:
        super().__init__(search_lag)
        table = read_fixture("threads")[kind]
        self._missing, self._next_id, self._places = table["missing"], table["first_id"], table["places"]
        self._new: JsonObject = table["new"]

    def make_id(self) -> str:
        """Return the next id."""
        self._next_id += 1
        return str(self._next_id)

    def get(self, thread_id: str) -> Thread:
        """Return one thread, or raise a Refusal: 404."""
        if thread_id not in self._by_id:
            raise Refusal(404, *self._missing)
        return self._by_id[thread_id]

    def add(self, document: JsonObject) -> Thread:
        """Add a thread with these values and the defaults of a new one."""
        return self._add(Thread({"id": self.make_id(), **self._new, **document}), "")

    def write(self, thread: Thread, at: int, **facts: JsonValue) -> None:
        """Change values of a thread's document and move `updated_at`."""
        before = thread.document
        thread.document = {**before, **facts, "updated_at": at}
        self._note_write(thread, before, at)

    def grow(self, thread: Thread, part: Part, **facts: JsonValue) -> None:
        """Add a part, and apply what it changes."""
        self.write(thread, part.at, parts=(*thread.parts, part), **facts)

    def read(self, document: Document, field: str) -> JsonValue:
        """Return a document's value by the field's full name, whose dots lead into nested objects."""
        value: JsonValue = {"statistics": count_statistics(document)} if field.startswith("statistics.") else document
        for name in self._places.get(field, field).split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return value


def make_author(kind: str, document: Document) -> JsonObject:
    """Return a contact or admin in the form of an author."""
    return {"type": kind, **{name: document[name] for name in AUTHOR_FIELDS}}


def show_linked(data: Sequence[JsonObject]) -> JsonObject:
    """Return the tickets of a conversation, or the conversation of a ticket."""
    return {"type": "list", "total_count": len(data), "has_more": False, "data": list(data)}


def show_part(part: Part, **facts: JsonValue) -> JsonObject:
    """Return one part of a conversation or ticket, with further members of its kind."""
    return {
        "id": part.id,
        "part_type": part.part_type,
        "body": format_body(part.body),
        "created_at": part.at,
        "updated_at": part.at,
        "assigned_to": {"type": part.assigned_to[0], "id": part.assigned_to[1]} if part.assigned_to else None,
        "author": part.author,
        "attachments": [],
        "external_id": None,
        "redacted": False,
        "app_package_code": None,
        **facts,
    }


def format_body(body: str | None, *, plain: bool = False) -> str | None:
    """Return a text as HTML, or unchanged."""
    return body if plain or body is None else f"<p>{body}</p>"


def count_statistics(document: Document) -> JsonObject:
    """Return a conversation's statistics; None for what never happened."""
    parts, began = document["parts"], document["created_at"]
    comments = [one for one in parts if one.part_type == "comment"]
    answers = [one.at for one in comments if one.by_admin]
    heard = [began, *(one.at for one in comments if not one.by_admin)]
    assigned = [one.at for one in parts if one.part_type == "assignment"]
    closes = [one for one in parts if one.part_type == "close"]
    closed = [one.at for one in closes]
    waits = [at - max(one for one in heard if one <= at) for at in answers]

    def pick(instants: Sequence[int], place: int, since: int = 0) -> int | None:
        return instants[place] - since if instants else None

    return {
        "type": "conversation_statistics",
        "time_to_assignment": pick(assigned, 0, began),
        "time_to_admin_reply": pick(answers, 0, began),
        "time_to_first_close": pick(closed, 0, began),
        "time_to_last_close": pick(closed, -1, began),
        "median_time_to_reply": int(median(waits)) if waits else None,
        "first_contact_reply_at": heard[0],
        "first_assignment_at": pick(assigned, 0),
        "first_admin_reply_at": pick(answers, 0),
        "first_close_at": pick(closed, 0),
        "last_assignment_at": pick(assigned, -1),
        "last_assignment_admin_reply_at": pick([one for one in answers if assigned and one >= assigned[-1]], 0),
        "last_contact_reply_at": heard[-1],
        "last_admin_reply_at": pick(answers, -1),
        "last_close_at": pick(closed, -1),
        "last_closed_by_id": closes[-1].author["id"] if closes else None,
        "count_reopens": sum(one.part_type == "open" for one in parts),
        "count_assignments": len(assigned),
        "count_conversation_parts": len(parts) + 1,
    }
