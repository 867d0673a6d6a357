"""The rows of map-leads: complete companies and contacts, their links, and how each was last sent."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import case, delete, func, insert, select, update

from standpipe_maps.leads import models, rules
from standpipe_maps.leads.rules import Sent
from standpipe_maps.leads.tables import AWAITED, COMPANIES, CONTACTS, LINKS, SENT_CONTACTS, SENT_CUSTOMERS
from standpipe_maps.protocol import Missing
from standpipe_maps.summary import NAMED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Select

    from standpipe_maps._kit.json_types import JsonObject
    from standpipe_maps.store import Store

PAGE = 500


class SentContact(NamedTuple):
    """How a contact was last sent as a contact of one customer."""

    external_id: str
    customer_external_id: str | None
    previous: str | None
    is_previous_derived: bool
    """Whether the previous id follows from the companies. Otherwise the contact was once sent under it."""
    sent: Sent

    @property
    def ids(self) -> dict[str, str | None]:
        """The ids in its record."""
        return {
            "external_id": self.external_id,
            "previous_external_id": self.previous,
            "customer_external_id": self.customer_external_id,
        }


class Touched(NamedTuple):
    """The records that a run may change."""

    customers: Sequence[str] | None = None
    """Sorted external ids of customers; None for all."""
    contacts: Sequence[str] | None = None
    """Intercom's ids, sorted: those that came, so that nothing is decided about any other person. None for all."""


class LeadsStore:
    """The rows of one store.

    Args:
        store: the open store.
        generation: the number of this run.
        id_field: the field of a company with the customer's external id: `company_id` or `id`.
    """

    def __init__(self, store: Store, generation: int, id_field: str) -> None:
        self._store = store
        self._generation = generation
        self._external_id = COMPANIES.c[id_field]
        self._is_linked = False

    def keep_companies(self, records: Sequence[bytes]) -> None:
        """Store companies, the newest version of each.

        Raises:
            UserError: a record is malformed, or the store failed.
        """
        found = models.read_companies(records)
        rows = [
            {
                "id": one.id,
                "updated_at": one.updated_at or 0,
                "created_at": one.created_at or 0,
                "company_id": rules.strip_text(one.company_id),
                "seen": self._generation,
                "body": body,
            }
            for one, body in zip(found, records, strict=True)
        ]
        self._store.upsert_rows(COMPANIES, rows)
        # A version that is older than the store's is not kept, but the company did come in this run.
        shown = self._store.is_in(COMPANIES.c.id, [one.id for one in found])
        self._store.execute(update(COMPANIES).where(shown).values(seen=self._generation))

    def keep_contacts(self, records: Sequence[bytes]) -> None:
        """Store contacts, the newest version of each, and that each came in this run."""
        found = models.read_contacts(records)
        rows = [
            {
                "id": one.id,
                "updated_at": one.updated_at or 0,
                "created_at": one.created_at or 0,
                "rank": rules.rank_speaker(one),
                "generation": self._generation,
                "seen": self._generation,
                "absences": 0,
                "body": body,
            }
            for one, body in zip(found, records, strict=True)
        ]
        self._store.upsert_rows(CONTACTS, rows)
        # A version that is older than the store's is not kept, but it proves that the contact exists.
        shown = self._store.is_in(CONTACTS.c.id, [one.id for one in found])
        self._store.execute(update(CONTACTS).where(shown).values(seen=self._generation, absences=0))

    def count_absences(self) -> None:
        """Count the contacts that a read of all contacts did not show."""
        absent = update(CONTACTS).where(CONTACTS.c.seen != self._generation)
        self._store.execute(absent.values(absences=CONTACTS.c.absences + 1))

    def rename_contacts(self, *, deletes: bool) -> None:
        """Give sent contacts the new form of external id, and store the earlier id.

        The earlier form had Intercom's id of the company. When a company was deleted and created again, its contacts
        may have been sent twice. Then the oldest row gets the new id, and the others count as having left.

        Args:
            deletes: whether contacts that left were deleted in ChartMogul, so that a row that has not left is
                preferred.
        """
        table = SENT_CONTACTS
        company = func.substr(table.c.external_id, func.length(table.c.contact_id) + 2)
        was_deleted = case((table.c.left_at.is_(None), 0), else_=int(deletes))
        order = (was_deleted, func.coalesce(COMPANIES.c.created_at, 2**62), table.c.external_id)
        whose = (table.c.contact_id, table.c.customer_external_id)
        query = (
            select(
                *whose,
                table.c.external_id,
                func.row_number().over(partition_by=whose, order_by=order),
                func.count(case((table.c.left_at.is_(None), 1))).over(partition_by=whose),
            )
            .outerjoin(COMPANIES, COMPANIES.c.id == company)
            .where(table.c.customer_external_id.is_not(None))
        )
        for contact, customer, old, place, live in self._store.execute(query).all():
            new = rules.make_external_id(contact, customer)
            if place == 1 and new != old:
                left = {"left_at": None} if live else {}
                change = update(table).where(table.c.external_id == old)
                self._store.execute(change.values(external_id=new, previous=old, is_previous_derived=0, **left))

    def link_contacts(self) -> None:
        """Update the links of the contacts that came in this run, once per run."""
        if self._is_linked:
            return
        self._is_linked = True
        # A contact that came again replaces all its links, as it may have left a company.
        changed = CONTACTS.c.generation == self._generation
        self._store.execute(delete(LINKS).where(LINKS.c.contact_id.in_(select(CONTACTS.c.id).where(changed))))
        for page in self._store.read_pages(select(CONTACTS.c.body).where(changed), PAGE):
            found = map(models.CONTACT.decode, (body for (body,) in page))
            rows = [{"contact_id": one.id, "company_id": company} for one in found for company in one.company_ids]
            if rows:
                self._store.execute(insert(LINKS), rows)

    def find_touched(self) -> Touched:
        """Return the records that this run's rows may change, after linking the contacts that came.

        A customer changes with its company, and with the contacts of the company, as one of them represents it.
        """
        came = select(CONTACTS.c.id).where(CONTACTS.c.seen == self._generation)
        # Earlier and present links both count, as a contact that left a company may have represented it.
        linked = select(self._external_id).join(LINKS, LINKS.c.company_id == COMPANIES.c.id)
        linked = linked.where(LINKS.c.contact_id.in_(came))
        customers = set(self._store.execute(linked).scalars())
        self.link_contacts()
        customers.update(self._store.execute(linked).scalars())
        named = select(self._external_id).where(COMPANIES.c.seen == self._generation)
        customers.update(self._store.execute(named).scalars())
        return Touched(sorted(customers - {None}), sorted(self._store.execute(came).scalars()))

    def read_companies(self, external_ids: Sequence[str] | None = None) -> Iterator[tuple[str, models.Company]]:
        """Yield companies by external id, the newest first of those that share one. Those without one are left out.

        Args:
            external_ids: the sorted ids to read; None reads all.
        """
        order = (self._external_id, COMPANIES.c.created_at.desc(), COMPANIES.c.id.desc())
        query = select(self._external_id, COMPANIES.c.body).where(self._external_id.is_not(None)).order_by(*order)
        for page in self._read_chosen(query, self._external_id, external_ids):
            for external_id, body in page:
                yield external_id, models.COMPANY.decode(body)

    def _read_chosen(
        self, query: Select[Any], column: ColumnElement[Any], chosen: Sequence[str] | None
    ) -> Iterator[Sequence[Any]]:
        """Yield the rows of a query in pages: all of them, or those with one of the chosen values."""
        if chosen is None:
            yield from self._store.read_pages(query, PAGE)
            return
        ahead = iter(chosen)
        while some := list(islice(ahead, PAGE)):
            yield self._store.execute(query.where(self._store.is_in(column, some))).all()

    def find_speakers(self, external_ids: Collection[str]) -> Mapping[str, models.Contact]:
        """Return the representative of each customer: of the contacts with an address, users first, then the oldest."""
        order = (CONTACTS.c.rank, CONTACTS.c.created_at, CONTACTS.c.id)
        nth = func.row_number().over(partition_by=self._external_id, order_by=order).label("nth")
        # In this order, the first contact of each customer is chosen.
        ranked = (
            select(self._external_id.label("external_id"), CONTACTS.c.id, nth)
            .join(LINKS, LINKS.c.company_id == COMPANIES.c.id)
            .join(CONTACTS, CONTACTS.c.id == LINKS.c.contact_id)
            .where(
                self._store.is_in(self._external_id, external_ids),
                CONTACTS.c.rank.is_not(None),
                CONTACTS.c.absences == 0,
            )
            .subquery()
        )
        best = select(ranked.c.external_id, CONTACTS.c.body).join(CONTACTS, CONTACTS.c.id == ranked.c.id)
        rows = self._store.execute(best.where(ranked.c.nth == 1)).all()
        return {external_id: models.CONTACT.decode(body) for external_id, body in rows}

    def read_contacts(
        self, contact_ids: Sequence[str] | None = None
    ) -> Iterator[Sequence[tuple[models.Contact, bool]]]:
        """Yield contacts by id, a page at a time, each with whether the person is gone.

        Args:
            contact_ids: the sorted ids to read; None reads all.
        """
        query = select(CONTACTS.c.body, CONTACTS.c.absences).order_by(CONTACTS.c.id)
        for page in self._read_chosen(query, CONTACTS.c.id, contact_ids):
            yield [(models.CONTACT.decode(body), rules.is_gone(absences)) for body, absences in page]

    def find_customers(self, company_ids: Collection[str]) -> Mapping[str, str]:
        """Return the external ids of the companies' customers, by Intercom's id of the company."""
        query = select(COMPANIES.c.id, self._external_id).where(self._external_id.is_not(None))
        return self._read_pairs(query, COMPANIES.c.id, company_ids)

    def find_oldest_companies(self, external_ids: Collection[str]) -> Mapping[str, str]:
        """Return Intercom's id of the oldest company with an external id, by external id."""
        # The last row of an external id remains.
        order = (COMPANIES.c.created_at.desc(), COMPANIES.c.id.desc())
        return self._read_pairs(
            select(self._external_id, COMPANIES.c.id).order_by(*order), self._external_id, external_ids
        )

    def _read_pairs(
        self, query: Select[tuple[str, str]], column: ColumnElement[str], values: Collection[str]
    ) -> Mapping[str, str]:
        """Return the results of a query with two columns for these values of a column."""
        found: dict[str, str] = {}
        ahead = iter(values)
        # A contact may belong to a thousand companies, and a statement takes a limited number of parameters.
        while some := list(islice(ahead, PAGE)):
            found.update(
                (key, value) for key, value in self._store.execute(query.where(self._store.is_in(column, some)))
            )
        return found

    def sent_customers(self, external_ids: Collection[str]) -> Mapping[str, Sent]:
        """Return how these customers were last sent."""
        table = SENT_CUSTOMERS
        query = select(table.c.external_id, table.c.digest, table.c.generation)
        rows = self._store.execute(query.where(self._store.is_in(table.c.external_id, external_ids)))
        return {external_id: Sent(digest, generation) for external_id, digest, generation in rows}

    def read_sent_contacts(self, contact_ids: Collection[str]) -> Mapping[str, Mapping[str, SentContact]]:
        """Return how these contacts were last sent, by contact and external id."""
        table = SENT_CONTACTS
        query = select(table.c.contact_id, table.c.external_id, table.c.customer_external_id, table.c.previous,
                       table.c.is_previous_derived, table.c.digest, table.c.generation, table.c.left_at)  # fmt: skip
        found: dict[str, dict[str, SentContact]] = {}
        for contact_id, external_id, customer, previous, is_derived, *sent in self._store.execute(
            query.where(self._store.is_in(table.c.contact_id, contact_ids)).order_by(table.c.external_id)
        ):
            found.setdefault(contact_id, {})[external_id] = SentContact(
                external_id, customer, previous, bool(is_derived), Sent(*sent)
            )
        return found

    def note_customers(self, rows: Sequence[JsonObject]) -> None:
        """Store how this run sends customers: `external_id`, `digest`."""
        self._store.upsert_rows(SENT_CUSTOMERS, [{**row, "generation": self._generation} for row in rows])

    def note_contacts(self, rows: Sequence[JsonObject]) -> None:
        """Store how this run sends contacts: all columns except `generation`."""
        self._store.upsert_rows(SENT_CONTACTS, [{**row, "generation": self._generation} for row in rows])

    def count_without_id(self) -> int:
        """Return the number of companies without an external id."""
        query = select(func.count()).select_from(COMPANIES).where(self._external_id.is_(None))
        return self._store.execute(query).scalar() or 0

    def find_missing_companies(self, began: int, *, new: bool) -> Missing:
        """Return the unknown companies of users who came in this run.

        A link has no date, and a user may have joined a new company while the companies were read. So a company is
        missing only if the next complete read does not show it either, or if the store is new.

        Args:
            began: when the tap began to read, in Unix seconds; a younger user may belong to a younger company.
            new: whether the store has no rows from earlier runs.
        """
        unknown = (
            select(LINKS.c.company_id)
            .join(CONTACTS, CONTACTS.c.id == LINKS.c.contact_id)
            .outerjoin(COMPANIES, COMPANIES.c.id == LINKS.c.company_id)
            .where(
                COMPANIES.c.id.is_(None),
                CONTACTS.c.seen == self._generation,
                CONTACTS.c.created_at < began,
                CONTACTS.c.rank == rules.USER,
            )
            .distinct()
        )
        found = self._store.execute(unknown.order_by(LINKS.c.company_id)).scalars().all()
        before = set(self._store.execute(select(AWAITED.c.id)).scalars())
        missing = [one for one in found if new or one in before]
        # The list contains only the result of the last complete read.
        self._store.execute(delete(AWAITED))
        if found:
            self._store.execute(insert(AWAITED), [{"id": one} for one in found])
        known = self._store.execute(select(func.count()).select_from(COMPANIES)).scalar() or 0
        return Missing("companies", len(missing), known, missing[:NAMED])

    def find_waiting(self) -> tuple[int, Sequence[str]]:
        """Return the number of links to a company that has not come, and the ids of some contacts."""
        missing = (
            select(LINKS.c.contact_id)
            .outerjoin(COMPANIES, COMPANIES.c.id == LINKS.c.company_id)
            .where(COMPANIES.c.id.is_(None))
        )
        count = self._store.execute(select(func.count()).select_from(missing.subquery())).scalar() or 0
        named = missing.distinct().order_by(LINKS.c.contact_id).limit(NAMED)
        return count, self._store.execute(named).scalars().all()
