"""How documents are drawn from the seed: whom they are about, when they were written, what a kind shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from sandbox.business.people import opaque_id
from sandbox.business.records import Record
from sandbox.business.subscribing import FIRST_STAMP, stamp
from sandbox.clock import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.business.parts import Business
    from sandbox.business.records import Customer, Invoice, Subscription

R = TypeVar("R", bound=Record)
CREATED = ("created_at",)
UPDATED = ("updated_at", "resource_version")
STAMPED = (*CREATED, *UPDATED)
DELETABLE = (*STAMPED, "deleted")
_AGE = 700 * DAY
_TRIES = 20
_DELETED_EVERY = 9


class NothingToDrawFromError(LookupError):
    """The business has nobody whom a document could be about."""


@dataclass(slots=True, eq=False, kw_only=True)
class Document(Record):
    """A record whose ``facts`` are as they are served; ``beside`` are the siblings in its envelope."""

    kind: str
    """The name of its table."""
    facts: dict[str, Any]
    beside: dict[str, Record | dict[str, Any]] = field(default_factory=dict)
    hidden: dict[str, Any] = field(default_factory=dict)
    """What lists filter by and no answer shows."""


@dataclass(frozen=True)
class Kind:
    """A kind of document: what each says, how many there are, and which of its stamps the vendor shows.

    ``make`` gets the draw and the document's number, and returns the facts, ``id`` and ``created_at`` among them if
    they are not to be drawn; ``beside`` names those of the facts that are siblings.
    """

    object: str
    make: Callable[[Draw, int], dict[str, Any]]
    count: int | Callable[[Draw], int] = 24
    stamps: tuple[str, ...] = STAMPED
    beside: tuple[str, ...] = ()
    key: str | None = "id"
    """The attribute that names it; None where the vendor has no id."""
    hidden: tuple[str, ...] = ()
    """The facts that the vendor filters by or reaches by path, and does not show."""
    always_stamped: bool = False
    """Whether the vendor has it only since it keeps stamps, so that none is without."""

    def body(self, document: Document) -> dict[str, Any]:
        """The document as the vendor's API shows it."""
        named = {self.key: document.id} if self.key else {}
        stamps = {name: getattr(document, name) for name in self.stamps}
        return {**named, **document.facts, **stamps, "object": self.object}


class Draw:
    """What one kind of document is drawn from: the business as it is at an instant."""

    def __init__(self, business: Business, name: str, now: int) -> None:
        self.business = business
        self.name = name
        self.now = now
        self.random = Random(f"{business.settings.seed}:{name}:{now}")
        self.at = self.now

    def of(self, name: str) -> Sequence[Any]:
        """The documents of another kind that are not deleted."""
        return [one for one in self.business.table(name).records if not one.deleted]

    def customer(self) -> Customer:
        """Somebody."""
        return _one_of(self.random, self.business.customers.records)

    def subscription(self) -> Subscription:
        """Some subscription."""
        return _one_of(self.random, self.business.subscriptions.records)

    def invoice(self) -> Invoice:
        """Some invoice."""
        return _one_of(self.random, self.business.invoices.records)

    def later(self, days: int) -> int:
        """An instant within so many days after the document was written."""
        return self.at + self.random.randrange(60, days * DAY)

    def opaque(self) -> str:
        """A new id."""
        return opaque_id(self.random)


def _one_of(random: Random, records: Sequence[R]) -> R:
    if not records:
        raise NothingToDrawFromError
    drawn = (random.choice(records) for _ in range(_TRIES))
    return next((one for one in drawn if not one.deleted), records[0])


def draw_all(business: Business, name: str, kind: Kind) -> list[Document]:
    """The documents of a kind that the business begins with, oldest first; none in a business without customers.

    The first was last changed before the vendor kept stamps, if the vendor had such documents then.
    """
    draw = Draw(business, name, business.began)
    try:
        count = kind.count if isinstance(kind.count, int) else kind.count(draw)
        documents = [draw_one(draw, kind, number) for number in range(count)]
    except NothingToDrawFromError:
        return []
    return sorted(documents, key=lambda document: document.created_at)


def draw_one(draw: Draw, kind: Kind, number: int) -> Document:
    """The ``number``-th document of a kind."""
    old = number == 0 and "updated_at" in kind.stamps and not kind.always_stamped
    draw.at = FIRST_STAMP - 40 * DAY if old else draw.now - draw.random.randrange(DAY, _AGE)
    document = write(draw, kind, number)
    changed = draw.at if old else draw.random.randint(document.created_at, max(document.created_at, draw.now))
    document.deleted = "deleted" in kind.stamps and number % _DELETED_EVERY == 1
    stamp(document, changed, draw.random)
    return document


def write(draw: Draw, kind: Kind, number: int) -> Document:
    """A document as it is written at ``draw.at``, without stamps."""
    facts = kind.make(draw, number)
    beside = {name: facts.pop(name) for name in kind.beside}
    hidden = {name: facts.pop(name) for name in kind.hidden}
    named = facts.pop("id", None) or (facts.get(kind.key) if kind.key else None)
    return Document(
        id=named or draw.opaque(),
        created_at=facts.pop("created_at", draw.at),
        updated_at=None,
        resource_version=None,
        kind=draw.name,
        facts=facts,
        beside=beside,
        hidden=hidden,
    )
