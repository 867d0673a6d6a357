"""What map-subscriptions keeps of Chargebee: customers and subscriptions whole, of an invoice what the rules need."""

from __future__ import annotations

import json
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
    and_,
    bindparam,
    func,
    inspect,
    or_,
    select,
    text,
    union,
    update,
)

from standpipe_maps.protocol import Missing
from standpipe_maps.store import with_meta
from standpipe_maps.subscriptions import rules
from standpipe_maps.subscriptions.models import ODD_VALUE, decode, read_notes, read_records, repair
from standpipe_maps.summary import NAMED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping
    from sqlalchemy.schema import SchemaItem

    from standpipe_maps._kit.json_types import JsonObject
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
        # The members that cannot be right, or are missing, see `odd.write_notes`; null where all is well.
        Column("odd", Text),
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


VERSION_COLUMNS = frozenset({"id", "created_at", "known_at", "live", "odd"})
INVOICE_COLUMNS = [column.name for column in INVOICES.columns if column.name not in VERSION_COLUMNS]


def _make_tables(connection: Connection) -> None:
    TABLES.create_all(connection)


def _add_odd(connection: Connection) -> None:
    """Add the column to a store of the first version; the tables of a new store have it."""
    for table in (CUSTOMERS, SUBSCRIPTIONS, INVOICES, NAMES):
        columns = {column["name"] for column in inspect(connection).get_columns(table.name)}
        if "odd" not in columns:
            connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN odd TEXT"))


MIGRATIONS = (_make_tables, _add_odd)


OWNERS = (
    select(CUSTOMERS.c.match, CUSTOMERS.c.id, CUSTOMERS.c.body, CUSTOMERS.c.odd, -ENDED.c.age)
    .outerjoin(ENDED, ENDED.c.id == CUSTOMERS.c.id)
    .order_by(CUSTOMERS.c.match, CUSTOMERS.c.id)
)


class Owner(NamedTuple):
    """A customer with its subscriptions, as the store holds them."""

    match: str | None
    customer: Record
    ended: int | None
    """The least ``created_at`` of the deleted customers that had this id."""
    subscriptions: Sequence[Record]


class Known(NamedTuple):
    """What the store, or an earlier record of the batch, says of an id."""

    created_at: int = 0
    known_at: int = 0
    customer_id: str | None = None


def _version_row(record: Mapping[str, Any]) -> dict[str, Any]:
    created_at, known_at, live = record["version"]
    return {"id": record["id"], "created_at": created_at, "known_at": known_at, "live": live, "odd": record["odd"]}


def _invoice_row(record: Mapping[str, Any]) -> dict[str, Any]:
    rate = record["exchange_rate"]
    return {
        **{column: record[column] for column in INVOICE_COLUMNS},
        **_version_row(record),
        # An invoice is recurring unless it says otherwise.
        "recurring": int(record["recurring"] is not False),
        "exchange_rate": None if rate is None else str(rate),
    }


def _invoice_record(row: RowMapping) -> JsonObject:
    """Return a row of an invoice as Chargebee sends it; a member that cannot be right is an empty list."""
    record = {name: row[name] for name in INVOICE_COLUMNS if row[name] is not None}
    if row["exchange_rate"] is not None:
        record["exchange_rate"] = float(row["exchange_rate"])
    odd: JsonObject = {name: [] for note, name in read_notes(row["odd"]) if note == ODD_VALUE}
    return {"id": row["id"], **record, "recurring": bool(row["recurring"]), "deleted": not row["live"], **odd}


class BillingStore:
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
        """Keep customers, of each the greatest version; whoever is touched is of this generation."""
        found = self._read(CUSTOMERS, stream, records)
        rows = [self._customer_row(one, body) for one, body in zip(found, records, strict=True)]
        self._leave({row["id"]: row["match"] for row in rows})
        self._store.upsert(CUSTOMERS, rows)
        ended = [{"id": one["id"], "age": -one["version"][0]} for one in found if one["deleted"]]
        self._store.upsert(ENDED, ended)

    def _read(self, table: Table, stream: str, records: Sequence[bytes]) -> list[dict[str, Any]]:
        """Read records, each with its version; one that cannot say whose or how old it is, is as the last one was."""
        found = read_records(stream, records)
        for one in found:
            one["version"] = rules.version(one)
        if any(one["odd"] for one in found):
            self._complete(table, found)
        return found

    def _complete(self, table: Table, found: Sequence[dict[str, Any]]) -> None:
        known = self._known(table, [one["id"] for one in found])
        for one in found:
            last = known.get(one["id"], Known())
            odd = {name for _, name in read_notes(one["odd"])}
            created_at, known_at, live = one["version"]
            if "created_at" in odd:
                created_at = last.created_at
            if not known_at and odd & {"resource_version", "updated_at"}:
                known_at = last.known_at
            one["version"] = created_at, known_at, live
            if "customer_id" in odd:
                one["customer_id"] = last.customer_id
            known[one["id"]] = max(last, Known(created_at, known_at, one.get("customer_id")), key=lambda each: each[:2])

    def _known(self, table: Table, ids: Sequence[str]) -> dict[str, Known]:
        owner = table.c.customer_id if "customer_id" in table.c else table.c.id
        query = select(table.c.id, table.c.created_at, table.c.known_at, owner).where(table.c.id.in_(ids))
        return {key: Known(*rest) for key, *rest in self._store.execute(query)}

    def _customer_row(self, record: Mapping[str, Any], body: bytes) -> dict[str, Any]:
        match = self._match(_whole("customers", body, record["odd"]))
        return {**_version_row(record), "match": match, "generation": self._generation, "body": body}

    def _leave(self, matches: Mapping[str, str | None]) -> None:
        """Note the match values that these customers have in the store and no longer in their records."""
        query = select(CUSTOMERS.c.id, CUSTOMERS.c.match).where(CUSTOMERS.c.id.in_(matches))
        left = [match for key, match in self._store.execute(query) if match not in {None, matches[key]}]
        self._store.upsert(LEFT, [{"match": match, "generation": self._generation} for match in left])

    def keep_subscriptions(self, stream: str, records: Sequence[bytes]) -> None:
        """Keep subscriptions as customers are kept; one whose customer has not come waits for it."""
        found = self._read(SUBSCRIPTIONS, stream, records)
        self._touch(SUBSCRIPTIONS, found)
        self._store.upsert(
            SUBSCRIPTIONS,
            [
                {
                    **_version_row(one),
                    "customer_id": one["customer_id"],
                    "has_mrr": int(one["mrr"] is not None),
                    "body": body,
                }
                for one, body in zip(found, records, strict=True)
            ],
        )

    def keep_invoices(self, stream: str, records: Sequence[bytes]) -> None:
        """Keep what the rules need of invoices, as subscriptions are kept."""
        found = self._read(INVOICES, stream, records)
        self._touch(INVOICES, found)
        self._store.upsert(INVOICES, [_invoice_row(one) for one in found])

    def _touch(self, table: Table, found: Sequence[Mapping[str, Any]]) -> None:
        """Mark the customers that these records belong to, and those that they belonged to before."""
        before = select(table.c.customer_id).where(table.c.id.in_([one["id"] for one in found]))
        owners = {one["customer_id"] for one in found}
        owners.update(self._store.execute(before).scalars())
        touched = update(CUSTOMERS).where(CUSTOMERS.c.id.in_([owner for owner in owners if owner is not None]))
        self._store.execute(touched.values(generation=self._generation))

    def keep_names(self, stream: str, records: Sequence[bytes]) -> None:
        """Keep the display names of plans or item prices."""
        rows = [{**_version_row(one), "name": one["name"]} for one in self._read(NAMES, stream, records)]
        self._store.upsert(NAMES, rows)

    def read_again(self) -> None:
        """Compute match values and odd members anew, because the settings or the rules say something else now."""
        for table, stream in ((CUSTOMERS, "customers"), (SUBSCRIPTIONS, "subscriptions")):
            change = update(table).where(table.c.id == bindparam("key"))
            names = ("odd", "match") if table is CUSTOMERS else ("odd",)
            change = change.values({name: bindparam(f"new_{name}") for name in names})
            for page in self._store.pages(select(table.c.body).order_by(table.c.id), PAGE):
                bodies = [body for (body,) in page]
                rows = [self._row_again(stream, *one) for one in zip(read_records(stream, bodies), bodies, strict=True)]
                self._store.execute(change, rows)

    def _row_again(self, stream: str, record: Mapping[str, Any], body: bytes) -> dict[str, Any]:
        row = {"key": record["id"], "new_odd": record["odd"]}
        return row | ({"new_match": self._match(_whole(stream, body, record["odd"]))} if stream == "customers" else {})

    def owners(self, since: int | None) -> Iterator[Owner]:
        """The customers in the order of their match values, each with its subscriptions.

        Args:
            since: a generation: only whom a later run touched, with all who share, or shared, a match value with them.
        """
        return self._read_owners(OWNERS if since is None else _later(OWNERS, since))

    def read_group(self, customer_id: str) -> list[Owner]:
        """Return a customer and all who share its match value, of whom one is sent."""
        match = select(CUSTOMERS.c.match).where(CUSTOMERS.c.id == customer_id).scalar_subquery()
        return list(self._read_owners(OWNERS.where(or_(CUSTOMERS.c.id == customer_id, CUSTOMERS.c.match == match))))

    def _read_owners(self, query: Select[Any]) -> Iterator[Owner]:
        for page in self._store.pages(query, PAGE):
            subscriptions = self._subscriptions([key for _, key, _, _, _ in page])
            for match, key, body, odd, ended in page:
                yield Owner(match, _whole("customers", body, odd), ended, subscriptions.get(key, ()))

    def _subscriptions(self, customers: Iterable[str]) -> Mapping[str, Sequence[Record]]:
        query = select(SUBSCRIPTIONS.c.customer_id, SUBSCRIPTIONS.c.id, SUBSCRIPTIONS.c.body, SUBSCRIPTIONS.c.odd)
        found: dict[str, list[Record]] = {}
        for key, own, body, odd in self._store.execute(query.where(SUBSCRIPTIONS.c.customer_id.in_(customers))).all():
            found.setdefault(key, []).append(_whole("subscriptions", body, odd, f"subscription {own}: "))
        return found

    def count(self) -> int:
        """Return how many customers Chargebee has, deleted ones too; an id that is used again is one customer."""
        return self._store.execute(select(func.count()).select_from(CUSTOMERS)).scalar() or 0

    def invoices(self, customers: Iterable[str]) -> Mapping[str, Sequence[Invoice]]:
        """The invoices of these customers, by customer."""
        query = select(*(INVOICES.c[field] for field in rules.Invoice._fields))
        rows = self._store.execute(query.where(INVOICES.c.customer_id.in_(customers))).all()
        found: defaultdict[str, list[Invoice]] = defaultdict(list)
        for invoice in map(rules.Invoice._make, rows):
            found[invoice.customer_id].append(invoice)
        return found

    def find_ids(self, *, match: str) -> list[str]:
        """Return the ids of the customers with a match value, which is given as it is compared."""
        query = select(CUSTOMERS.c.id).where(CUSTOMERS.c.match == match).order_by(CUSTOMERS.c.id)
        return list(self._store.execute(query).scalars())

    def has_customer(self, customer_id: str) -> bool:
        """Return whether there is a customer of this id."""
        return bool(self._store.execute(select(CUSTOMERS.c.id).where(CUSTOMERS.c.id == customer_id)).scalar())

    def read_customers(self) -> Iterator[Record]:
        """Yield every customer; this reads all of them."""
        for page in self._store.pages(select(CUSTOMERS.c.body, CUSTOMERS.c.odd).order_by(CUSTOMERS.c.id), PAGE):
            for body, odd in page:
                yield _whole("customers", body, odd)

    def read_rows(self, customer_id: str) -> dict[str, list[JsonObject]]:
        """Return what is kept of one customer, by stream, in Chargebee's own form; of invoices only some members."""
        order = (SUBSCRIPTIONS.c.created_at, SUBSCRIPTIONS.c.id)
        customers = select(CUSTOMERS.c.body).where(CUSTOMERS.c.id == customer_id)
        subscriptions = select(SUBSCRIPTIONS.c.body).where(SUBSCRIPTIONS.c.customer_id == customer_id).order_by(*order)
        invoices = (
            select(INVOICES).where(INVOICES.c.customer_id == customer_id).order_by(INVOICES.c.date, INVOICES.c.id)
        )
        return {
            "customers": [json.loads(body) for body in self._store.execute(customers).scalars()],
            "subscriptions": [json.loads(body) for body in self._store.execute(subscriptions).scalars()],
            "invoices": [_invoice_record(row) for row in self._store.execute(invoices).mappings()],
        }

    def find_last_touch(self, customer_ids: Iterable[str]) -> int:
        """Return the last run in which something of these customers came."""
        query = select(func.max(CUSTOMERS.c.generation)).where(CUSTOMERS.c.id.in_(customer_ids))
        return self._store.execute(query).scalar() or 0

    def types_of(self, stream: str, fields: Collection[str]) -> Mapping[str, set[type]]:
        """Return the types of the values that fields of customers or subscriptions have; this reads all of them."""
        table = {"customers": CUSTOMERS, "subscriptions": SUBSCRIPTIONS}[stream]
        found: dict[str, set[type]] = {field: set() for field in fields}
        for page in self._store.pages(select(table.c.body), PAGE):
            for (body,) in page:
                record = decode(body)
                for field in fields:
                    if record.get(field) is not None:
                        found[field].add(type(record[field]))
        return found

    def names(self) -> Mapping[str, str]:
        """The display names of plans and item prices, by id."""
        return {key: name for key, name in self._store.execute(select(NAMES.c.id, NAMES.c.name)) if name}

    def has_mrr(self) -> bool:
        """Whether any subscription of the site carries ``mrr``."""
        carrying = select(SUBSCRIPTIONS.c.id).where(SUBSCRIPTIONS.c.has_mrr == 1)
        return self._store.execute(carrying.limit(1)).first() is not None

    def find_missing_customers(self, began: int, erased: Collection[str]) -> Missing:
        """Return the customers that are unknown, though a subscription or an invoice from before ``began`` is theirs.

        A subscription says when it was created, an invoice only when it was last changed. Deleted ones decide nothing.

        Args:
            began: unix seconds.
            erased: customers that are left out on purpose.
        """
        subscriptions = select(SUBSCRIPTIONS.c.customer_id).where(
            SUBSCRIPTIONS.c.live == 1, SUBSCRIPTIONS.c.created_at < began
        )
        invoices = select(INVOICES.c.customer_id).where(INVOICES.c.live == 1, INVOICES.c.known_at < began * 1000)
        owners = union(subscriptions, invoices).subquery()
        missing = (
            select(owners.c.customer_id)
            .outerjoin(CUSTOMERS, CUSTOMERS.c.id == owners.c.customer_id)
            .where(owners.c.customer_id.is_not(None), CUSTOMERS.c.id.is_(None))
        )
        known = self._store.execute(select(func.count()).select_from(CUSTOMERS)).scalar() or 0
        found = self._store.execute(missing.order_by(owners.c.customer_id)).scalars()
        ids = [one for one in found if one not in erased]
        return Missing("customers", len(ids), known, ids[:NAMED])

    def waiting(self) -> tuple[int, Sequence[str]]:
        """Return how many subscriptions belong to a customer that has not come yet, and the ids of some."""
        missing = (
            select(SUBSCRIPTIONS.c.id)
            .outerjoin(CUSTOMERS, CUSTOMERS.c.id == SUBSCRIPTIONS.c.customer_id)
            .where(CUSTOMERS.c.id.is_(None), SUBSCRIPTIONS.c.customer_id.is_not(None))
        )
        return self._some(missing.order_by(SUBSCRIPTIONS.c.id))

    def without_owner(self, table: Table) -> tuple[int, Sequence[str]]:
        """Return how many live records of a table do not say whose they are, and the ids of some."""
        return self._some(
            select(table.c.id).where(and_(table.c.customer_id.is_(None), table.c.live == 1)).order_by(table.c.id)
        )

    def _some(self, query: Select[Any]) -> tuple[int, Sequence[str]]:
        count = self._store.execute(select(func.count()).select_from(query.subquery())).scalar() or 0
        return count, self._store.execute(query.limit(NAMED)).scalars().all()


def _whole(stream: str, body: bytes, odd: str | None, prefix: str = "") -> Record:
    """Return a record as it came; its odd members raise when they are read."""
    record: Record = decode(body)
    return repair(stream, record, prefix) if odd else record


STREAMS: Mapping[str, Callable[[BillingStore, str, Sequence[bytes]], None]] = {
    "customers": BillingStore.keep_customers,
    "subscriptions": BillingStore.keep_subscriptions,
    "invoices": BillingStore.keep_invoices,
    "plans": BillingStore.keep_names,
    "item_prices": BillingStore.keep_names,
}


def _later(query: Select[Any], since: int) -> Select[Any]:
    touched = union(
        select(CUSTOMERS.c.match).where(CUSTOMERS.c.generation > since, CUSTOMERS.c.match.is_not(None)),
        select(LEFT.c.match).where(LEFT.c.generation > since),
    )
    return query.where(or_(CUSTOMERS.c.generation > since, CUSTOMERS.c.match.in_(touched)))
