"""The rows of map-subscriptions: complete customers and subscriptions, and only some members of invoices."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Select, Table, and_, bindparam, delete, exists, func, or_, select, union, update

from standpipe_maps.protocol import Missing
from standpipe_maps.subscriptions import rules
from standpipe_maps.subscriptions.models import ODD_VALUE, decode_json, read_notes, read_records, repair_record
from standpipe_maps.subscriptions.moments import derive_moments
from standpipe_maps.subscriptions.tables import (
    COUNTS,
    CUSTOMERS,
    ENDED,
    INVOICES,
    LEFT,
    MOMENTS,
    NAMES,
    SUBSCRIPTIONS,
    WAITING,
)
from standpipe_maps.summary import NAMED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import RowMapping

    from standpipe_maps._kit.json_types import JsonObject, JsonValue
    from standpipe_maps.store import Store
    from standpipe_maps.subscriptions.rules import Invoice, Record

PAGE = 500
PATIENCE = 7 * 86_400
"""Seconds for which a moment waits for its customer, as Chargebee's list of customers lags behind the events."""
NO_RUN = 2**31 - 1
"""The run of a moment whose customer is not known yet, which no target confirms."""
VERSION_COLUMNS = frozenset({"id", "created_at", "known_at", "live", "odd"})
INVOICE_COLUMNS = [column.name for column in INVOICES.columns if column.name not in VERSION_COLUMNS]
OWNERS = (
    select(CUSTOMERS.c.match, CUSTOMERS.c.id, CUSTOMERS.c.body, CUSTOMERS.c.odd, -ENDED.c.age)
    .outerjoin(ENDED, ENDED.c.id == CUSTOMERS.c.id)
    .order_by(CUSTOMERS.c.match, CUSTOMERS.c.id)
)


class Owner(NamedTuple):
    """A customer with its subscriptions."""

    match: str | None
    customer: Record
    ended: int | None
    """The earliest ``created_at`` of the deleted customers with this id."""
    subscriptions: Sequence[Record]


class KnownVersion(NamedTuple):
    """What the store, or an earlier record of the batch, contains of a record."""

    created_at: int = 0
    known_at: int = 0
    customer_id: str | None = None


def _build_version_row(record: Mapping[str, JsonValue]) -> JsonObject:
    created_at, known_at, live = record["version"]
    return {"id": record["id"], "created_at": created_at, "known_at": known_at, "live": live, "odd": record["odd"]}


def _build_invoice_row(record: Mapping[str, JsonValue]) -> JsonObject:
    rate = record["exchange_rate"]
    return {
        **{column: record[column] for column in INVOICE_COLUMNS},
        **_build_version_row(record),
        # An invoice without this member is recurring.
        "recurring": int(record["recurring"] is not False),
        "exchange_rate": None if rate is None else str(rate),
    }


def _rebuild_invoice(row: RowMapping) -> JsonObject:
    """Return a row of an invoice in Chargebee's form. An odd member is an empty list."""
    record = {name: row[name] for name in INVOICE_COLUMNS if row[name] is not None}
    if row["exchange_rate"] is not None:
        record["exchange_rate"] = float(row["exchange_rate"])
    odd: JsonObject = {name: [] for note, name in read_notes(row["odd"]) if note == ODD_VALUE}
    return {"id": row["id"], **record, "recurring": bool(row["recurring"]), "deleted": not row["live"], **odd}


class BillingStore:
    """The rows of one store.

    Args:
        store: the open store.
        generation: the number of this run.
        match: returns a customer's match value in the form for comparisons.
        moments: the chosen moments.
        is_erased: whether a customer was erased, so that none of its data is stored.
    """

    def __init__(
        self,
        store: Store,
        generation: int,
        match: Callable[[Record], str | None],
        moments: Collection[str] = (),
        is_erased: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._store = store
        self._generation = generation
        self._match = match
        self._new_customers = 0
        self._moments = frozenset(moments)
        self._is_erased = is_erased

    def keep_customers(self, stream: str, records: Sequence[bytes]) -> None:
        """Store customers, the greatest version of each, and mark each as touched by this run."""
        found = self._read_batch(CUSTOMERS, stream, records)
        rows = [
            {
                **_build_version_row(one),
                "match": self._match(_decode_record("customers", body, one["odd"])),
                "generation": self._generation,
                "body": body,
            }
            for one, body in zip(found, records, strict=True)
        ]
        # The match values of the store are compared before the new rows overwrite them.
        self._new_customers += self._note_left_matches({row["id"]: row["match"] for row in rows})
        self._store.upsert_rows(CUSTOMERS, rows)
        # An id can be used again. Rows from before the deletion then belong to no live customer.
        ended = [{"id": one["id"], "age": -one["version"][0]} for one in found if one["deleted"]]
        self._store.upsert_rows(ENDED, ended)

    def _read_batch(self, table: Table, stream: str, records: Sequence[bytes]) -> list[JsonObject]:
        """Read records, each with its version.

        A record without its owner or its date gets these from the known version.
        """
        found = read_records(stream, records)
        for one in found:
            one["version"] = rules.find_version(one)
        if any(one["odd"] for one in found):
            self._complete_versions(table, found)
        return found

    def _complete_versions(self, table: Table, found: Sequence[JsonObject]) -> None:
        owner = table.c.customer_id if "customer_id" in table.c else table.c.id
        query = select(table.c.id, table.c.created_at, table.c.known_at, owner)
        rows = self._store.execute(query.where(self._store.is_in(table.c.id, [one["id"] for one in found])))
        known = {key: KnownVersion(*rest) for key, *rest in rows}
        for one in found:
            last = known.get(one["id"], KnownVersion())
            odd = {name for _, name in read_notes(one["odd"])}
            created_at, known_at, live = one["version"]
            # Without its date, the record would lose against every version that has one.
            if "created_at" in odd:
                created_at = last.created_at
            if not known_at and odd & {"resource_version", "updated_at"}:
                known_at = last.known_at
            one["version"] = created_at, known_at, live
            if "customer_id" in odd:
                one["customer_id"] = last.customer_id
            known[one["id"]] = max(
                last, KnownVersion(created_at, known_at, one.get("customer_id")), key=lambda each: each[:2]
            )

    def _note_left_matches(self, matches: Mapping[str, str | None]) -> int:
        """Store the earlier match values of these customers, as another customer may now be the one to send.

        Returns:
            The number of customers that the store does not have yet.
        """
        query = select(CUSTOMERS.c.id, CUSTOMERS.c.match).where(self._store.is_in(CUSTOMERS.c.id, matches))
        known = self._store.execute(query).all()
        left = [match for key, match in known if match not in {None, matches[key]}]
        self._store.upsert_rows(LEFT, [{"match": match, "generation": self._generation} for match in left])
        return len(matches) - len(known)

    def keep_subscriptions(self, stream: str, records: Sequence[bytes]) -> None:
        """Store subscriptions. One without a known customer is joined when the customer comes."""
        found = self._read_batch(SUBSCRIPTIONS, stream, records)
        self._touch_owners(SUBSCRIPTIONS, found)
        self._note_waiting(found)
        self._store.upsert_rows(
            SUBSCRIPTIONS,
            [
                {
                    **_build_version_row(one),
                    "customer_id": one["customer_id"],
                    "has_mrr": int(one["mrr"] is not None),
                    "body": body,
                }
                for one, body in zip(found, records, strict=True)
            ],
        )

    def _note_waiting(self, found: Sequence[Mapping[str, JsonValue]]) -> None:
        """Store which of these subscriptions may have to wait for their customer."""
        owners = {one["customer_id"] for one in found} - {None}
        known = set(
            self._store.execute(select(CUSTOMERS.c.id).where(self._store.is_in(CUSTOMERS.c.id, owners))).scalars()
        )
        unknown = owners - known
        self._store.upsert_rows(WAITING, [{"id": one["id"]} for one in found if one["customer_id"] in unknown])

    def keep_invoices(self, stream: str, records: Sequence[bytes]) -> None:
        """Store the invoices' members that the rules need."""
        found = self._read_batch(INVOICES, stream, records)
        self._touch_owners(INVOICES, found)
        self._store.upsert_rows(INVOICES, [_build_invoice_row(one) for one in found])

    def _touch_owners(self, table: Table, found: Sequence[Mapping[str, JsonValue]]) -> None:
        """Mark the present and former customers of these records as touched by this run."""
        # If a subscription moves to another customer, the former owner's record changes too.
        before = select(table.c.customer_id).where(self._store.is_in(table.c.id, [one["id"] for one in found]))
        owners = {one["customer_id"] for one in found}
        owners.update(self._store.execute(before).scalars())
        self._touch_customers(owners - {None})

    def _touch_customers(self, owners: Collection[str]) -> None:
        touched = update(CUSTOMERS).where(
            self._store.is_in(CUSTOMERS.c.id, owners),
            # Most customers were touched before: by themselves, or by another of their records.
            CUSTOMERS.c.generation != self._generation,
        )
        self._store.execute(touched.values(generation=self._generation))

    def keep_names(self, stream: str, records: Sequence[bytes]) -> None:
        """Store the display names of plans or item prices."""
        rows = [{**_build_version_row(one), "name": one["name"]} for one in self._read_batch(NAMES, stream, records)]
        self._store.upsert_rows(NAMES, rows)

    def keep_events(self, _stream: str, records: Sequence[bytes]) -> None:
        """Store the chosen moments, and mark their customers as touched, so that a contact is matched for them."""
        if not self._moments:
            return
        found = [one for one in derive_moments(records, self._moments) if not self._is_erased(one["customer_id"])]
        self._store.upsert_rows(
            MOMENTS,
            [
                {
                    "id": one["event_id"],
                    "customer_id": one["customer_id"],
                    "at": one["created_at"],
                    "generation": self._generation,
                    "body": json.dumps(one).encode(),
                }
                for one in found
            ],
        )
        self._touch_customers({one["customer_id"] for one in found})

    def settle_moments(self, confirmed: int, now: int) -> None:
        """Delete the moments that the target confirmed, and those whose customer never came; the others wait.

        Args:
            confirmed: the last run that the target confirmed.
            now: Unix seconds.
        """
        is_known = exists().where(CUSTOMERS.c.id == MOMENTS.c.customer_id)
        self._store.execute(delete(MOMENTS).where(MOMENTS.c.at < now - PATIENCE, ~is_known))
        # A moment that waits has no run that could be confirmed; it gets the run in which its customer came.
        arrived = update(MOMENTS).where(MOMENTS.c.generation == NO_RUN, is_known)
        self._store.execute(arrived.values(generation=self._generation))
        self._store.execute(update(MOMENTS).where(~is_known).values(generation=NO_RUN))
        self._store.execute(delete(MOMENTS).where(MOMENTS.c.generation <= confirmed))

    def read_moments(self, since: int) -> Iterator[JsonObject]:
        """Yield the moments that came after a run, and whose customer is known, in the order of their time."""
        query = select(MOMENTS.c.body).join(CUSTOMERS, CUSTOMERS.c.id == MOMENTS.c.customer_id)
        query = query.where(MOMENTS.c.generation > since).order_by(MOMENTS.c.at, MOMENTS.c.id)
        for page in self._store.read_pages(query, PAGE):
            yield from (json.loads(body) for (body,) in page)

    def recompute_rows(self) -> None:
        """Compute match values and odd members again, because the settings or the rules have changed."""
        for table, stream in ((CUSTOMERS, "customers"), (SUBSCRIPTIONS, "subscriptions")):
            change = update(table).where(table.c.id == bindparam("key"))
            # Only customers have a match value.
            names = ("odd", "match") if table is CUSTOMERS else ("odd",)
            change = change.values({name: bindparam(f"new_{name}") for name in names})
            for page in self._store.read_pages(select(table.c.body).order_by(table.c.id), PAGE):
                bodies = [body for (body,) in page]
                rows = [{"key": one["id"], "new_odd": one["odd"]} for one in read_records(stream, bodies)]
                if table is CUSTOMERS:
                    for row, body in zip(rows, bodies, strict=True):
                        row["new_match"] = self._match(_decode_record(stream, body, row["new_odd"]))
                self._store.execute(change, rows)

    def read_owners(self, since: int | None) -> Iterator[Owner]:
        """Yield customers in the order of their match values, each with its subscriptions.

        Args:
            since: a run: only customers that a later run touched, and those that share, or shared, a match value.
        """
        return self._read_owners(OWNERS if since is None else _restrict_to_changed(OWNERS, since))

    def read_group(self, customer_id: str) -> list[Owner]:
        """Return a customer and all customers with the same match value. One of them is sent."""
        match = select(CUSTOMERS.c.match).where(CUSTOMERS.c.id == customer_id).scalar_subquery()
        return list(self._read_owners(OWNERS.where(or_(CUSTOMERS.c.id == customer_id, CUSTOMERS.c.match == match))))

    def _read_owners(self, query: Select[Any]) -> Iterator[Owner]:
        # One query reads the subscriptions of a whole page of customers.
        for page in self._store.read_pages(query, PAGE):
            subscriptions = self._read_subscriptions([key for _, key, _, _, _ in page])
            for match, key, body, odd, ended in page:
                yield Owner(match, _decode_record("customers", body, odd), ended, subscriptions.get(key, ()))

    def _read_subscriptions(self, customers: Iterable[str]) -> Mapping[str, Sequence[Record]]:
        query = select(SUBSCRIPTIONS.c.customer_id, SUBSCRIPTIONS.c.id, SUBSCRIPTIONS.c.body, SUBSCRIPTIONS.c.odd)
        found: dict[str, list[Record]] = {}
        for key, own, body, odd in self._store.execute(
            query.where(self._store.is_in(SUBSCRIPTIONS.c.customer_id, customers))
        ).all():
            found.setdefault(key, []).append(_decode_record("subscriptions", body, odd, f"subscription {own}: "))
        return found

    def count_customers(self) -> int:
        """Return the number of Chargebee's customers, including deleted ones. A reused id counts once.

        It is stored once per run, because a large store takes long to count.
        """
        counted = self._store.execute(select(COUNTS.c.count).where(COUNTS.c.name == CUSTOMERS.name)).scalar()
        if counted is None:
            count = self._store.execute(select(func.count()).select_from(CUSTOMERS)).scalar() or 0
        else:
            count = counted + self._new_customers
        self._new_customers = 0
        if count != counted:
            self._store.upsert_rows(COUNTS, [{"name": CUSTOMERS.name, "count": count}])
        return count

    def read_invoices(self, customers: Iterable[str]) -> Mapping[str, Sequence[Invoice]]:
        """Return the invoices of these customers, by customer."""
        query = select(*(INVOICES.c[field] for field in rules.Invoice._fields))
        rows = self._store.execute(query.where(self._store.is_in(INVOICES.c.customer_id, customers))).all()
        found: defaultdict[str, list[Invoice]] = defaultdict(list)
        for invoice in map(rules.Invoice._make, rows):
            found[invoice.customer_id].append(invoice)
        return found

    def find_ids(self, *, match: str) -> list[str]:
        """Return the ids of the customers with a match value in the form for comparisons."""
        query = select(CUSTOMERS.c.id).where(CUSTOMERS.c.match == match).order_by(CUSTOMERS.c.id)
        return list(self._store.execute(query).scalars())

    def has_customer(self, customer_id: str) -> bool:
        """Return whether there is a customer with this id."""
        return bool(self._store.execute(select(CUSTOMERS.c.id).where(CUSTOMERS.c.id == customer_id)).scalar())

    def read_customers(self) -> Iterator[Record]:
        """Yield every customer. This reads the whole table."""
        for page in self._store.read_pages(select(CUSTOMERS.c.body, CUSTOMERS.c.odd).order_by(CUSTOMERS.c.id), PAGE):
            for body, odd in page:
                yield _decode_record("customers", body, odd)

    def read_rows(self, customer_id: str) -> dict[str, list[JsonObject]]:
        """Return the stored data of one customer by stream, in Chargebee's own form.

        Invoices have only some members.
        """
        order = (SUBSCRIPTIONS.c.created_at, SUBSCRIPTIONS.c.id)
        customers = select(CUSTOMERS.c.body).where(CUSTOMERS.c.id == customer_id)
        subscriptions = select(SUBSCRIPTIONS.c.body).where(SUBSCRIPTIONS.c.customer_id == customer_id).order_by(*order)
        invoices = (
            select(INVOICES).where(INVOICES.c.customer_id == customer_id).order_by(INVOICES.c.date, INVOICES.c.id)
        )
        return {
            "customers": [json.loads(body) for body in self._store.execute(customers).scalars()],
            "subscriptions": [json.loads(body) for body in self._store.execute(subscriptions).scalars()],
            "invoices": [_rebuild_invoice(row) for row in self._store.execute(invoices).mappings()],
        }

    def find_last_touch(self, customer_ids: Iterable[str]) -> int:
        """Return the last run with new data about these customers."""
        query = select(func.max(CUSTOMERS.c.generation)).where(CUSTOMERS.c.id.in_(customer_ids))
        return self._store.execute(query).scalar() or 0

    def find_value_types(self, stream: str, fields: Collection[str]) -> Mapping[str, set[type]]:
        """Return the Python types of the values in fields of customers or subscriptions. This reads all rows."""
        table = {"customers": CUSTOMERS, "subscriptions": SUBSCRIPTIONS}[stream]
        found: dict[str, set[type]] = {field: set() for field in fields}
        for page in self._store.read_pages(select(table.c.body), PAGE):
            for (body,) in page:
                record = decode_json(body)
                for field in fields:
                    if record.get(field) is not None:
                        found[field].add(type(record[field]))
        return found

    def read_names(self) -> Mapping[str, str]:
        """Return the display names of plans and item prices, by id."""
        return {key: name for key, name in self._store.execute(select(NAMES.c.id, NAMES.c.name)) if name}

    def has_mrr(self) -> bool:
        """Return whether any subscription of the site carries ``mrr``."""
        carrying = select(SUBSCRIPTIONS.c.id).where(SUBSCRIPTIONS.c.has_mrr == 1)
        return self._store.execute(carrying.limit(1)).first() is not None

    def find_missing_customers(self, began: int, erased: Collection[str]) -> Missing:
        """Return the unknown customers of live subscriptions and invoices that are older than ``began``.

        A subscription has its creation time, an invoice only the time of its last change.

        Args:
            began: Unix seconds.
            erased: customers that are left out because they were erased.
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
        # An erased customer is missing on purpose, but its invoices may still come.
        found = self._store.execute(missing.order_by(owners.c.customer_id)).scalars()
        ids = [one for one in found if one not in erased]
        return Missing("customers", len(ids), known, ids[:NAMED])

    def find_waiting(self) -> tuple[int, Sequence[str]]:
        """Return the number of subscriptions whose customer may still come, and the ids of some."""
        return self._count_and_name(self._select_waiting().order_by(SUBSCRIPTIONS.c.id))

    def _select_waiting(self) -> Select[tuple[str]]:
        return (
            select(SUBSCRIPTIONS.c.id)
            .join(WAITING, WAITING.c.id == SUBSCRIPTIONS.c.id)
            .outerjoin(CUSTOMERS, CUSTOMERS.c.id == SUBSCRIPTIONS.c.customer_id)
            .where(CUSTOMERS.c.id.is_(None), SUBSCRIPTIONS.c.customer_id.is_not(None))
        )

    def forget_arrived(self) -> None:
        """Remove the subscriptions whose customer has come from those that wait."""
        self._store.execute(delete(WAITING).where(WAITING.c.id.not_in(self._select_waiting())))

    def find_without_owner(self, table: Table) -> tuple[int, Sequence[str]]:
        """Return the number of live records of a table without a customer, and the ids of some."""
        return self._count_and_name(
            select(table.c.id).where(and_(table.c.customer_id.is_(None), table.c.live == 1)).order_by(table.c.id)
        )

    def _count_and_name(self, query: Select[Any]) -> tuple[int, Sequence[str]]:
        count = self._store.execute(select(func.count()).select_from(query.subquery())).scalar() or 0
        return count, self._store.execute(query.limit(NAMED)).scalars().all()


def _decode_record(stream: str, body: bytes, odd: str | None, prefix: str = "") -> Record:
    """Return a record of the store. Reading an odd member of it raises an error."""
    record: Record = decode_json(body)
    return repair_record(stream, record, prefix) if odd else record


STREAMS: Mapping[str, Callable[[BillingStore, str, Sequence[bytes]], None]] = {
    "customers": BillingStore.keep_customers,
    "subscriptions": BillingStore.keep_subscriptions,
    "invoices": BillingStore.keep_invoices,
    "plans": BillingStore.keep_names,
    "item_prices": BillingStore.keep_names,
    "events": BillingStore.keep_events,
}


def _restrict_to_changed(query: Select[Any], since: int) -> Select[Any]:
    touched = union(
        select(CUSTOMERS.c.match).where(CUSTOMERS.c.generation > since, CUSTOMERS.c.match.is_not(None)),
        select(LEFT.c.match).where(LEFT.c.generation > since),
    )
    # A condition with OR would make PostgreSQL read every customer.
    ids = union(
        select(CUSTOMERS.c.id).where(CUSTOMERS.c.generation > since),
        select(CUSTOMERS.c.id).where(CUSTOMERS.c.match.in_(touched)),
    )
    return query.where(CUSTOMERS.c.id.in_(ids))
