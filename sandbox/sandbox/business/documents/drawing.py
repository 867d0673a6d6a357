"""How documents are drawn from the seed: which records they refer to, and when they were written."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from sandbox.business.documents.kinds import KINDS, read_fixture
from sandbox.business.people import draw_id
from sandbox.business.prices import CATALOG
from sandbox.business.records import Record
from sandbox.business.subscribing import FIRST_STAMP, stamp
from sandbox.clock import DAY
from sandbox.templates import fill_template

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sandbox.business.parts import Business
    from sandbox.json_types import JsonObject

R = TypeVar("R", bound=Record)
_PARTS = read_fixture("parts")
_AGE = 700 * DAY
_TRIES = 20
_DELETED_EVERY = 9


class NothingToDrawFromError(LookupError):
    """The business has no record that the document could refer to."""


@dataclass(slots=True, eq=False, kw_only=True)
class Document(Record):
    """A record whose ``facts`` are as they are served; ``beside`` are the siblings in its envelope."""

    kind: str
    """The name of its table."""
    facts: JsonObject
    beside: dict[str, Record | JsonObject] = field(default_factory=dict)
    hidden: JsonObject = field(default_factory=dict)
    """Attributes that lists filter by but no reply shows."""


def build_body(document: Document) -> JsonObject:
    """Return a document as the vendor's API shows it."""
    kind = KINDS[document.kind]
    named = {kind.key: document.id} if kind.key else {}
    stamps = {name: getattr(document, name) for name in kind.stamps}
    return {**named, **document.facts, **stamps, "object": kind.object}


class Draw:
    """Everything that one kind of document is drawn from, as the business is at an instant."""

    def __init__(self, business: Business, name: str, now: int) -> None:
        self.business = business
        self.name = name
        self.now = now
        self.random = Random(f"{business.settings.seed}:{name}:{now}")
        self.at = self.now
        kind = KINDS[name]
        self.makers: dict[str, Callable[[int], Any]] = {
            "number": lambda number: number,
            "count": lambda number: number + 1,
            "at": lambda _: self.at,
            "days": lambda _: _Days(self.at),
            "customer": lambda _: self._draw_from(business.customers.records),
            "subscription": lambda _: self._draw_from(business.subscriptions.records),
            "invoice": lambda _: self._draw_from(business.invoices.records),
            "payment": lambda _: self._draw_from(
                [one for one in self.list_records("transactions") if one.status == "success"]
            ),
            "credit_note": lambda _: self._draw_from(self.list_records("credit_notes")),
            "one": lambda number: self.list_records(kind.each)[number // kind.per],
        }
        """For each name in a template, a function from the document's number to the value."""

    def list_records(self, name: str) -> Sequence[Any]:
        """Return the records of a table that are not deleted, or a part of the catalog."""
        return CATALOG.get(name) or [one for one in self.business.table(name).records if not one.deleted]

    def _draw_from(self, records: Sequence[R]) -> R:
        """Return a random record that is not deleted, or the first record after twenty tries.

        Raises:
            NothingToDrawFromError: there is no record at all.
        """
        if not records:
            raise NothingToDrawFromError
        drawn = (self.random.choice(records) for _ in range(_TRIES))
        return next((one for one in drawn if not one.deleted), records[0])


class _Names(dict[str, Any]):
    """The values that a document's template can name. Each is made by its maker when it is first used."""

    def __init__(self, makers: Mapping[str, Callable[[int], Any]], number: int) -> None:
        super().__init__()
        self._makers, self._number = makers, number

    def __missing__(self, name: str) -> Any:
        self[name] = self._makers[name](self._number)
        return self[name]


class _Days:
    """Times by their number of days after a start, for templates."""

    def __init__(self, at: int) -> None:
        self._at = at

    def __getitem__(self, days: int) -> int:
        return self._at + days * DAY


def draw_all(business: Business, name: str) -> list[Document]:
    """Return the documents of a kind that the business begins with, oldest first.

    The list is empty when the business has no record that they could refer to.
    """
    draw, kind = Draw(business, name, business.began), KINDS[name]
    count = kind.per * len(draw.list_records(kind.each)) if kind.each else kind.count
    try:
        documents = [_draw_one(draw, number) for number in range(count)]
    except NothingToDrawFromError:
        return []
    return sorted(documents, key=lambda document: document.created_at)


def _draw_one(draw: Draw, number: int) -> Document:
    """Return a document; the first one has no timestamps if its kind is older than the vendor's timestamps."""
    kind = KINDS[draw.name]
    old = number == 0 and "updated_at" in kind.stamps and not kind.always_stamped
    draw.at = FIRST_STAMP - 40 * DAY if old else draw.now - draw.random.randrange(DAY, _AGE)
    document = write_document(draw, number)
    changed = draw.at if old else draw.random.randint(document.created_at, max(document.created_at, draw.now))
    document.deleted = "deleted" in kind.stamps and number % _DELETED_EVERY == 1
    stamp(document, changed, draw.random)
    return document


def write_document(draw: Draw, number: int) -> Document:
    """Return the ``number``-th document of a kind as it is written at ``draw.at``, without stamps."""
    kind = KINDS[draw.name]
    names = _Names(draw.makers, number)
    facts: JsonObject = fill_template(kind.facts, names, number, parts=_PARTS, keeps_nulls=False)
    beside = {name: facts.pop(name) for name in kind.beside}
    hidden = {name: facts.pop(name) for name in kind.hidden}
    named = facts.pop("id", None) or (facts.get(kind.key) if kind.key else None)
    return Document(
        id=named or draw_id(draw.random),
        created_at=facts.pop("created_at", draw.at),
        updated_at=None,
        resource_version=None,
        kind=draw.name,
        facts=facts,
        beside=beside,
        hidden=hidden,
    )
