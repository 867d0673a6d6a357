"""What map-subscriptions keeps of Chargebee: customers and subscriptions whole, of an invoice what the rules need."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    Table,
    Text,
    bindparam,
    func,
    or_,
    select,
    union,
    update,
)

from standpipe_maps.messages import DECODER
from standpipe_maps.store import with_meta
from standpipe_maps.subscriptions import rules
from standpipe_maps.subscriptions.heads import heads
from standpipe_maps.summary import NAMED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection
    from sqlalchemy.schema import SchemaItem

    from standpipe_maps.store import Store
    from standpipe_maps.subscriptions.rules import Invoice, Record

PAGE = 500
TABLES = MetaData()
with_meta(TABLES)


def _versioned(name: str, *columns: SchemaItem) -> Table:
    """A table of records by id, of which the greatest version is kept."""
    return Table(
        name,
        TABLES,
        Column("id", Text, primary_key=True),
        Column("created_at", BigInteger, nullable=False),
        Column("known_at", BigInteger, nullable=False),
        Column("live", Integer, nullable=False),
        *columns,
        info={"version": ("created_at", "known_at", "live")},
    )


CUSTOMERS = _versioned(
    "customers",
    Column("match", Text),
    Column("generation", Integer, nullable=False, index=True),
    Column("body", LargeBinary, nullable=False),
    Index("customers_by_match", "match", "id"),
)
SUBSCRIPTIONS = _versioned(
    "subscriptions",
    Column("customer_id", Text, index=True),
    Column("has_mrr", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
INVOICES = _versioned(
    "invoices",
    Column("customer_id", Text, index=True),
    Column("status", Text),
    Column("recurring", Integer, nullable=False),
    Column("date", BigInteger),
    Column("total", BigInteger),
    Column("amount_due", BigInteger),
    Column("currency_code", Text),
    Column("exchange_rate", Text),
    Column("base_currency_code", Text),
)
# The display names of plans (catalog 1) and item prices (catalog 2).
NAMES = _versioned("names", Column("name", Text))
# The first of the deleted customers that had an id: `age` is -created_at, so that the earliest is the greatest version.
ENDED = Table(
    "ended",
    TABLES,
    Column("id", Text, primary_key=True),
    Column("age", BigInteger, nullable=False),
    info={"version": ("age",)},
)
# Match values that a customer had before its record changed: whoever shares one may be the one to send now.
LEFT = Table(
    "left_matches",
    TABLES,
    Column("match", Text, primary_key=True),
    Column("generation", Integer, nullable=False),
    info={"version": ("generation",)},
)


INVOICE_COLUMNS = [
    column.name for column in INVOICES.columns if column.name not in {"id", "created_at", "known_at", "live"}
]


def _make(connection: Connection) -> None:
    TABLES.create_all(connection)


MIGRATIONS = (_make,)


class Owner(NamedTuple):
    """A customer with its subscriptions, as the store holds them."""

    match: str | None
    customer: Record
    ended: int | None
    """The least ``created_at`` of the deleted customers that had this id."""
    subscriptions: Sequence[Record]


def _versioned_row(head: Mapping[str, Any]) -> dict[str, Any]:
    created_at, known_at, live = rules.version(head)
    return {"id": head["id"], "created_at": created_at, "known_at": known_at, "live": live}


def _invoice_row(head: Mapping[str, Any]) -> dict[str, Any]:
    rate = head["exchange_rate"]
    return {
        **{column: head[column] for column in INVOICE_COLUMNS},
        **_versioned_row(head),
        # An invoice is recurring unless it says otherwise.
        "recurring": int(head["recurring"] is not False),
        "exchange_rate": None if rate is None else str(rate),
    }


class Ledger:
    """The rows of one store.

    Args:
        store: open.
        generation: of this run.
        match: what a customer is matched by, as it is compared.
    """

    def __init__(self, store: Store, generation: int, match: Callable[[Record], str | None]) -> None:
        self._store = store
        self._generation = generation
        self._match = match

    def keep_customers(self, stream: str, records: Sequence[bytes]) -> None:
        """Keep customers, of each id the greatest version.

        Raises:
            Refusal: a field that orders or joins records is of the wrong type, or the store failed.
        """
        found = heads(stream, records)
        rows = [self._customer_row(head, body) for head, body in zip(found, records, strict=True)]
        self._leave({row["id"]: row["match"] for row in rows})
        self._store.upsert(CUSTOMERS, rows)
        ended = [{"id": head["id"], "age": -(head["created_at"] or 0)} for head in found if head["deleted"]]
        self._store.upsert(ENDED, ended)

    def _customer_row(self, head: Mapping[str, Any], body: bytes) -> dict[str, Any]:
        match = self._match(DECODER.decode(body))
        return {**_versioned_row(head), "match": match, "generation": self._generation, "body": body}

    def _leave(self, matches: Mapping[str, str | None]) -> None:
        """Note the match values that these customers have in the store and no longer in their records."""
        query = select(CUSTOMERS.c.id, CUSTOMERS.c.match).where(CUSTOMERS.c.id.in_(matches))
        left = [match for key, match in self._store.execute(query) if match not in {None, matches[key]}]
        self._store.upsert(LEFT, [{"match": match, "generation": self._generation} for match in left])

    def keep_subscriptions(self, stream: str, records: Sequence[bytes]) -> None:
        """Keep subscriptions as customers are kept; one whose customer has not come waits for it."""
        found = heads(stream, records)
        self._touch(SUBSCRIPTIONS, found)
        self._store.upsert(
            SUBSCRIPTIONS,
            [
                {
                    **_versioned_row(head),
                    "customer_id": head["customer_id"],
                    "has_mrr": int(head["mrr"] is not None),
                    "body": body,
                }
                for head, body in zip(found, records, strict=True)
            ],
        )

    def keep_invoices(self, stream: str, records: Sequence[bytes]) -> None:
        """Keep what the rules need of invoices, as subscriptions are kept."""
        found = heads(stream, records)
        self._touch(INVOICES, found)
        self._store.upsert(INVOICES, [_invoice_row(head) for head in found])

    def _touch(self, table: Table, found: Sequence[Mapping[str, Any]]) -> None:
        """Mark the customers that these records belong to, and those that they belonged to before."""
        before = select(table.c.customer_id).where(table.c.id.in_([head["id"] for head in found]))
        owners = {head["customer_id"] for head in found}
        owners.update(self._store.execute(before).scalars())
        touched = update(CUSTOMERS).where(CUSTOMERS.c.id.in_([owner for owner in owners if owner is not None]))
        self._store.execute(touched.values(generation=self._generation))

    def keep_names(self, stream: str, records: Sequence[bytes]) -> None:
        """Keep the display names of plans or item prices."""
        self._store.upsert(NAMES, [{**_versioned_row(head), "name": head["name"]} for head in heads(stream, records)])

    def match_again(self) -> None:
        """Reckon every customer's match value anew, because the settings say something else now."""
        change = update(CUSTOMERS).where(CUSTOMERS.c.id == bindparam("key")).values(match=bindparam("value"))
        for page in self._store.pages(select(CUSTOMERS.c.body).order_by(CUSTOMERS.c.id), PAGE):
            customers = [DECODER.decode(body) for (body,) in page]
            self._store.execute(change, [{"key": one["id"], "value": self._match(one)} for one in customers])

    def owners(self, since: int | None) -> Iterator[Owner]:
        """The customers in the order of their match values, each with its subscriptions.

        Args:
            since: a generation: only whom a later run touched, with all who share, or shared, a match value with them.
        """
        query = (
            select(CUSTOMERS.c.match, CUSTOMERS.c.id, CUSTOMERS.c.body, -ENDED.c.age)
            .outerjoin(ENDED, ENDED.c.id == CUSTOMERS.c.id)
            .order_by(CUSTOMERS.c.match, CUSTOMERS.c.id)
        )
        for page in self._store.pages(query if since is None else _later(query, since), PAGE):
            subscriptions = self._subscriptions([key for _, key, _, _ in page])
            for match, key, body, ended in page:
                yield Owner(match, DECODER.decode(body), ended, subscriptions.get(key, ()))

    def _subscriptions(self, customers: Iterable[str]) -> Mapping[str, Sequence[Record]]:
        query = select(SUBSCRIPTIONS.c.customer_id, SUBSCRIPTIONS.c.body)
        found: dict[str, list[Record]] = {}
        for key, body in self._store.execute(query.where(SUBSCRIPTIONS.c.customer_id.in_(customers))).all():
            found.setdefault(key, []).append(DECODER.decode(body))
        return found

    def invoices(self, customers: Iterable[str]) -> Mapping[str, Sequence[Invoice]]:
        """The invoices of these customers, by customer."""
        query = select(*(INVOICES.c[field] for field in rules.Invoice._fields))
        rows = self._store.execute(query.where(INVOICES.c.customer_id.in_(customers))).all()
        found: defaultdict[str, list[Invoice]] = defaultdict(list)
        for invoice in map(rules.Invoice._make, rows):
            found[invoice.customer_id].append(invoice)
        return found

    def names(self) -> Mapping[str, str]:
        """The display names of plans and item prices, by id."""
        return {key: name for key, name in self._store.execute(select(NAMES.c.id, NAMES.c.name)) if name}

    def has_mrr(self) -> bool:
        """Whether any subscription of the site carries ``mrr``."""
        carrying = select(SUBSCRIPTIONS.c.id).where(SUBSCRIPTIONS.c.has_mrr == 1)
        return self._store.execute(carrying.limit(1)).first() is not None

    def waiting(self) -> tuple[int, Sequence[str]]:
        """How many subscriptions belong to no customer that has come yet, and the ids of some."""
        missing = (
            select(SUBSCRIPTIONS.c.id)
            .outerjoin(CUSTOMERS, CUSTOMERS.c.id == SUBSCRIPTIONS.c.customer_id)
            .where(CUSTOMERS.c.id.is_(None))
        )
        count = self._store.execute(select(func.count()).select_from(missing.subquery())).scalar() or 0
        return count, self._store.execute(missing.order_by(SUBSCRIPTIONS.c.id).limit(NAMED)).scalars().all()


STREAMS: Mapping[str, Callable[[Ledger, str, Sequence[bytes]], None]] = {
    "customers": Ledger.keep_customers,
    "subscriptions": Ledger.keep_subscriptions,
    "invoices": Ledger.keep_invoices,
    "plans": Ledger.keep_names,
    "item_prices": Ledger.keep_names,
}


def _later(query: Select[Any], since: int) -> Select[Any]:
    touched = union(
        select(CUSTOMERS.c.match).where(CUSTOMERS.c.generation > since, CUSTOMERS.c.match.is_not(None)),
        select(LEFT.c.match).where(LEFT.c.generation > since),
    )
    return query.where(or_(CUSTOMERS.c.generation > since, CUSTOMERS.c.match.in_(touched)))
