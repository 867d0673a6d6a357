"""What map-leads keeps of Intercom: companies and contacts whole, who belongs to which, and how each was sent last."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    case,
    delete,
    func,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.schema import CreateColumn

from standpipe_maps.leads import models, rules
from standpipe_maps.leads.rules import Employer, Sent
from standpipe_maps.protocol import Missing
from standpipe_maps.store import with_meta
from standpipe_maps.summary import NAMED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from standpipe_maps.store import Store

PAGE = 500
TABLES = MetaData()
with_meta(TABLES)
COMPANIES = Table(
    "companies",
    TABLES,
    Column("id", Text, primary_key=True),
    Column("updated_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("company_id", Text),
    Column("body", LargeBinary, nullable=False),
    Index("companies_by_company_id", "company_id", "created_at", "id"),
    info={"version": ("updated_at",)},
)
CONTACTS = Table(
    "contacts",
    TABLES,
    Column("id", Text, primary_key=True),
    Column("updated_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("rank", Integer),
    Column("generation", Integer, nullable=False, index=True),
    # The last run in which the contact came, and how many whole reads in a row have not shown it since.
    Column("seen", Integer, nullable=False, server_default=text("0")),
    Column("absences", Integer, nullable=False, server_default=text("0")),
    Column("body", LargeBinary, nullable=False),
    info={"version": ("updated_at",)},
)
LINKS = Table(
    "links",
    TABLES,
    Column("contact_id", Text, primary_key=True),
    Column("company_id", Text, primary_key=True, index=True),
)
SENT_CUSTOMERS = Table(
    "sent_customers",
    TABLES,
    Column("external_id", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("generation", Integer, nullable=False),
)
SENT_CONTACTS = Table(
    "sent_contacts",
    TABLES,
    Column("external_id", Text, primary_key=True),
    Column("contact_id", Text, nullable=False, index=True),
    Column("customer_external_id", Text),
    Column("digest", LargeBinary, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("left_at", BigInteger),
    # The external id under which it was written before, when there was one.
    Column("previous", Text),
)
# Companies that users belong to and that no whole read has shown yet.
AWAITED = Table("awaited_companies", TABLES, Column("id", Text, primary_key=True))


def _make(connection: Connection) -> None:
    TABLES.create_all(connection)


def _add_awaited(connection: Connection) -> None:
    AWAITED.create(connection, checkfirst=True)


def _add_absences(connection: Connection) -> None:
    _add_columns(connection, CONTACTS, "seen", "absences")


def _add_previous(connection: Connection) -> None:
    _add_columns(connection, SENT_CONTACTS, "previous")


def _add_columns(connection: Connection, table: Table, *names: str) -> None:
    """Add columns that an empty database has had since it was made."""
    known = {column["name"] for column in inspect(connection).get_columns(table.name)}
    for name in names:
        if name not in known:
            clause = CreateColumn(table.c[name]).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {clause}")


MIGRATIONS = (_make, _add_awaited, _add_absences, _add_previous)


class Pair(NamedTuple):
    """A contact at a customer, as it was sent last."""

    external_id: str
    customer_external_id: str | None
    previous: str | None
    sent: Sent

    @property
    def ids(self) -> dict[str, str | None]:
        """What a record names it by."""
        return {
            "external_id": self.external_id,
            "previous_external_id": self.previous,
            "customer_external_id": self.customer_external_id,
        }


class LeadsStore:
    """The rows of one store.

    Args:
        store: open.
        generation: of this run.
        id_field: the field of a company that is the customer's external id: `company_id` or `id`.
    """

    def __init__(self, store: Store, generation: int, id_field: str) -> None:
        self._store = store
        self._generation = generation
        self._external_id = COMPANIES.c[id_field]
        self._is_linked = False

    def keep_companies(self, records: Sequence[bytes]) -> None:
        """Keep companies, of each id the newest version.

        Raises:
            UserError: a record is not as Intercom has it, or the store failed.
        """
        found = models.companies(records)
        rows = [self._company_row(one, body) for one, body in zip(found, records, strict=True)]
        self._store.upsert(COMPANIES, rows)

    def _company_row(self, company: models.Company, body: bytes) -> dict[str, Any]:
        return {
            "id": company.id,
            "updated_at": company.updated_at or 0,
            "created_at": company.created_at or 0,
            "company_id": rules.text(company.company_id),
            "body": body,
        }

    def keep_contacts(self, records: Sequence[bytes]) -> None:
        """Keep contacts, as companies are kept."""
        found = models.contacts(records)
        rows = [self._contact_row(one, body) for one, body in zip(found, records, strict=True)]
        self._store.upsert(CONTACTS, rows)
        # An older version changes nothing but that the contact is there.
        shown = CONTACTS.c.id.in_([one.id for one in found])
        self._store.execute(update(CONTACTS).where(shown).values(seen=self._generation, absences=0))

    def _contact_row(self, contact: models.Contact, body: bytes) -> dict[str, Any]:
        return {
            "id": contact.id,
            "updated_at": contact.updated_at or 0,
            "created_at": contact.created_at or 0,
            "rank": rules.rank(contact),
            "generation": self._generation,
            "seen": self._generation,
            "absences": 0,
            "body": body,
        }

    def count_absences(self) -> None:
        """Note who did not come, after a read of all contacts."""
        absent = update(CONTACTS).where(CONTACTS.c.seen != self._generation)
        self._store.execute(absent.values(absences=CONTACTS.c.absences + 1))

    def rename_contacts(self, *, deletes: bool) -> None:
        """Give what was sent under an earlier form of external id its new one, and remember the old.

        The earlier form had Intercom's id of the company, so of a company that was deleted and made again everybody may
        have been sent twice: then the oldest is renamed, and the others are what was sent once and is no more.

        Args:
            deletes: who left a company was deleted, so of those who were sent twice only who is left can be renamed.
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
            new = rules.external_id(contact, customer)
            if place == 1 and new != old:
                left = {"left_at": None} if live else {}
                change = update(table).where(table.c.external_id == old)
                self._store.execute(change.values(external_id=new, previous=old, **left))

    def link(self) -> None:
        """Note who belongs to which company, of the contacts that this run's input brought; once in a run."""
        if self._is_linked:
            return
        self._is_linked = True
        changed = CONTACTS.c.generation == self._generation
        self._store.execute(delete(LINKS).where(LINKS.c.contact_id.in_(select(CONTACTS.c.id).where(changed))))
        for page in self._store.pages(select(CONTACTS.c.body).where(changed), PAGE):
            found = map(models.CONTACT.decode, (body for (body,) in page))
            rows = [{"contact_id": one.id, "company_id": company} for one in found for company in one.company_ids]
            if rows:
                self._store.execute(insert(LINKS), rows)

    def companies(self) -> Iterator[tuple[str, models.Company]]:
        """Companies by external id; of those who share one, the newest first. Those without any are left out."""
        order = (self._external_id, COMPANIES.c.created_at.desc(), COMPANIES.c.id.desc())
        query = select(self._external_id, COMPANIES.c.body).where(self._external_id.is_not(None)).order_by(*order)
        for page in self._store.pages(query, PAGE):
            for external_id, body in page:
                yield external_id, models.COMPANY.decode(body)

    def speakers(self, external_ids: Collection[str]) -> Mapping[str, models.Contact]:
        """Of each customer's contacts with an e-mail address the one that speaks for it: users first, then by age."""
        order = (CONTACTS.c.rank, CONTACTS.c.created_at, CONTACTS.c.id)
        nth = func.row_number().over(partition_by=self._external_id, order_by=order).label("nth")
        ranked = (
            select(self._external_id.label("external_id"), CONTACTS.c.id, nth)
            .join(LINKS, LINKS.c.company_id == COMPANIES.c.id)
            .join(CONTACTS, CONTACTS.c.id == LINKS.c.contact_id)
            .where(self._external_id.in_(external_ids), CONTACTS.c.rank.is_not(None), CONTACTS.c.absences == 0)
            .subquery()
        )
        best = select(ranked.c.external_id, CONTACTS.c.body).join(CONTACTS, CONTACTS.c.id == ranked.c.id)
        rows = self._store.execute(best.where(ranked.c.nth == 1)).all()
        return {external_id: models.CONTACT.decode(body) for external_id, body in rows}

    def contacts(self) -> Iterator[Sequence[tuple[models.Contact, bool]]]:
        """Yield contacts by id, a page at a time, each with whether the person is gone."""
        query = select(CONTACTS.c.body, CONTACTS.c.absences).order_by(CONTACTS.c.id)
        for page in self._store.pages(query, PAGE):
            yield [(models.CONTACT.decode(body), rules.is_gone(absences)) for body, absences in page]

    def employers(self, company_ids: Collection[str]) -> Mapping[str, Employer]:
        """Companies with an external id, by Intercom's id."""
        query = select(COMPANIES.c.id, self._external_id, COMPANIES.c.created_at).where(self._external_id.is_not(None))
        found, ahead = {}, iter(company_ids)
        # A contact may belong to a thousand, and a statement takes only so many parameters.
        while some := list(islice(ahead, PAGE)):
            rows = self._store.execute(query.where(COMPANIES.c.id.in_(some)))
            found.update({one.id: one for one in map(Employer._make, rows)})
        return found

    def sent_customers(self, external_ids: Collection[str]) -> Mapping[str, Sent]:
        """How these customers were sent last."""
        table = SENT_CUSTOMERS
        query = select(table.c.external_id, table.c.digest, table.c.generation)
        rows = self._store.execute(query.where(table.c.external_id.in_(external_ids)))
        return {external_id: Sent(digest, generation) for external_id, digest, generation in rows}

    def pairs(self, contact_ids: Collection[str]) -> Mapping[str, Mapping[str, Pair]]:
        """How these contacts were sent last, by contact and external id."""
        table = SENT_CONTACTS
        query = select(table.c.contact_id, table.c.external_id, table.c.customer_external_id, table.c.previous,
                       table.c.digest, table.c.generation, table.c.left_at)  # fmt: skip
        found: dict[str, dict[str, Pair]] = {}
        for contact_id, external_id, customer, previous, *sent in self._store.execute(
            query.where(table.c.contact_id.in_(contact_ids)).order_by(table.c.external_id)
        ):
            found.setdefault(contact_id, {})[external_id] = Pair(external_id, customer, previous, Sent(*sent))
        return found

    def note_customers(self, rows: Sequence[dict[str, Any]]) -> None:
        """Note how customers are sent by this run: `external_id`, `digest`."""
        self._store.upsert(SENT_CUSTOMERS, [{**row, "generation": self._generation} for row in rows])

    def note_contacts(self, rows: Sequence[dict[str, Any]]) -> None:
        """Note how contacts are sent by this run: all columns but `generation`."""
        self._store.upsert(SENT_CONTACTS, [{**row, "generation": self._generation} for row in rows])

    def without_id(self) -> int:
        """How many companies have no external id."""
        query = select(func.count()).select_from(COMPANIES).where(self._external_id.is_(None))
        return self._store.execute(query).scalar() or 0

    def find_missing_companies(self, began: int, *, new: bool) -> Missing:
        """Return the companies that are unknown, though users who came with this run belong to them.

        Nothing tells how old a link is, so a company is given until the next whole read to come: a user may have joined
        a new one while the companies were read. In a new store what a user belongs to has been there for long.

        Args:
            began: when the run began, unix seconds; users who are younger may belong to a younger company.
            new: the store knows nothing from earlier runs.
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
        self._store.execute(delete(AWAITED))
        if found:
            self._store.execute(insert(AWAITED), [{"id": one} for one in found])
        known = self._store.execute(select(func.count()).select_from(COMPANIES)).scalar() or 0
        return Missing("companies", len(missing), known, missing[:NAMED])

    def waiting(self) -> tuple[int, Sequence[str]]:
        """How many links lead to a company that has not come, and the ids of some contacts that have them."""
        missing = (
            select(LINKS.c.contact_id)
            .outerjoin(COMPANIES, COMPANIES.c.id == LINKS.c.company_id)
            .where(COMPANIES.c.id.is_(None))
        )
        count = self._store.execute(select(func.count()).select_from(missing.subquery())).scalar() or 0
        named = missing.distinct().order_by(LINKS.c.contact_id).limit(NAMED)
        return count, self._store.execute(named).scalars().all()
