"""One simulated business: its tables, and what changes as days pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.business import bodies
from sandbox.business.choices import CHOICES
from sandbox.business.documents.drawing import build_body, draw_all
from sandbox.business.documents.kinds import KINDS
from sandbox.business.documents.living import live
from sandbox.business.entities import FIELD, find_entity
from sandbox.business.events import EventLog
from sandbox.business.generate import Generator
from sandbox.business.journal import Journal
from sandbox.business.line_items import LINE_KINDS, list_invoice_lines
from sandbox.business.live import Step, list_open_invoices
from sandbox.business.members import SHAPES
from sandbox.business.payments import (
    PaymentSource,
    Transaction,
    build_source,
    list_first_transactions,
)
from sandbox.business.records import Customer, Invoice, Person, Subscription
from sandbox.business.tables import Table, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.business.records import Record
    from sandbox.clock import Clock
    from sandbox.json_types import JsonObject
    from sandbox.settings import Settings

_BODIES: dict[str, tuple[str, Callable[[Any], JsonObject], Callable[[Any], JsonObject]]] = {
    "customers": ("customer", bodies.build_customer, bodies.build_customer),
    "subscriptions": ("subscription", bodies.build_subscription_1, bodies.build_subscription),
    "invoices": ("invoice", bodies.build_invoice_1, bodies.build_invoice),
    "transactions": ("transaction", bodies.build_transaction, bodies.build_transaction),
    "payment_sources": ("payment_source", bodies.build_payment_source, bodies.build_payment_source),
}
"""Shape and builders (catalog 1 and 2) of the main tables' records; the other tables hold documents."""
_PARTS = 350
"""The number of line items per line of a large invoice."""
_LIVING = ("transactions", "payment_sources", "events", *KINDS)
"""Tables of documents that are built before the first day passes, in the state of the first day."""
_TABLES: dict[type, str] = {
    Customer: "customers",
    Subscription: "subscriptions",
    Invoice: "invoices",
    Transaction: "transactions",
    PaymentSource: "payment_sources",
}


class Business:
    """The tables of a seeded business at the instant of its clock."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.began = clock.now()
        self.on_event: Callable[[Any], None] | None = None
        """Called with every event once it is written."""
        self.customers: Table[Customer] = self._build_table("customers")
        self.subscriptions: Table[Subscription] = self._build_table("subscriptions")
        self.invoices: Table[Invoice] = self._build_table("invoices")
        generated = Generator(settings.customers, settings.seed, clock.now())
        self.customers.extend(generated.customers)
        self.subscriptions.extend(generated.subscriptions)
        self.invoices.extend(generated.invoices)
        for invoice in generated.invoices[max(0, len(generated.invoices) - settings.large_invoices) :]:
            invoice.parts = _PARTS
        self.open_invoices = list_open_invoices(generated.invoices)
        self._core: dict[str, Table[Any]] = {
            "customers": self.customers,
            "subscriptions": self.subscriptions,
            "invoices": self.invoices,
        }
        self._drawn: dict[str, Table[Any]] = {}
        self._journal = Journal(self)
        for table in self._core.values():
            table.on_write = self._journal.note_write

    def tables(self) -> dict[str, Table[Any]]:
        """Return the tables of customers, subscriptions and invoices by the vendor's name of the resource."""
        return self._core

    def table(self, name: str) -> Table[Any]:
        """Return any table by name; a table of documents is built when it is first used."""
        return self._core.get(name) or self._drawn.get(name) or self._draw(name)

    @property
    def events(self) -> EventLog:
        """The events of every change."""
        log = self.table("events")
        assert isinstance(log, EventLog)  # noqa: S101 what ``_draw`` makes of this name
        return log

    def _build_table(self, name: str) -> Table[Any]:
        keeps_past = self.settings.list_lag > 0
        if name not in _BODIES:
            return Table(name, build_body, keeps_past=keeps_past)
        shape, *builders = _BODIES[name]
        build = builders[self.settings.catalog - 1]
        return Table(name, self._add_entity(build), SHAPES[shape].alike, keeps_past=keeps_past)

    def _add_entity(self, build: Callable[[Any], JsonObject]) -> Callable[[Any], JsonObject]:
        """Return a builder of bodies that name the record's business entity, if the site has several."""
        count = self.settings.business_entities
        return (lambda record: {**build(record), FIELD: find_entity(record, count)}) if count else build

    def _draw(self, name: str) -> Table[Any]:
        if name == "events":
            self._drawn[name] = EventLog(self)
            return self._drawn[name]
        table = self._build_table(name)
        if name == "transactions":
            table.extend(list_first_transactions(self.invoices.records))
        elif name == "payment_sources":
            table.extend(build_source(one) for one in self.customers.records if one.has_payment_source)
        else:
            table.extend(draw_all(self, name))
        table.on_write = self._journal.note_write
        self._drawn[name] = table
        return table

    def counts(self) -> dict[str, int]:
        """Return how many records each table holds, deleted ones too."""
        return {name: len(table.records) for name, table in self.tables().items()}

    def table_of(self, record: Record) -> Table[Any]:
        """Return the table that holds a record."""
        kind = type(record)
        return self.table(_TABLES.get(kind) or record.kind)  # type: ignore[attr-defined]

    def people(self, since: int = 0) -> list[Person]:
        """Return the customers from a row on in the form that other systems know, oldest first."""
        return [
            Person(
                customer_id=customer.id,
                email=customer.email,
                first_name=customer.first_name,
                last_name=customer.last_name,
                phone=customer.phone,
                company=customer.company,
                company_id=customer.cf_company_id,
                user_id=customer.cf_user_id,
                created_at=customer.created_at,
                deleted=customer.deleted,
            )
            for customer in self.customers.records[since:]
        ]

    def card_json(self, customer: Customer) -> bytes | None:
        """Return the JSON of a customer's primary card; None without one."""
        if customer.card_json is None and customer.card:
            customer.card_json = encode(self.card(customer))
        return customer.card_json

    def line_items(self, record: Record) -> list[JsonObject]:
        """Return all line items of an invoice or a credit note, however many."""
        if isinstance(record, Invoice):
            return list_invoice_lines(record, LINE_KINDS[self.settings.catalog])
        return list(self.table_of(record).body(record)["line_items"])

    def card(self, customer: Customer) -> JsonObject | None:
        """Return a customer's primary card; None without one."""
        return bodies.build_card(customer.card, customer) if customer.card else None

    def edit(self, kind: str, record_id: str, **facts: Any) -> None:
        """Change attributes of a record now, as a user of the admin console would; None removes one.

        Raises:
            KeyError: there is no such record.
        """
        table = self.table(kind)
        record = table.get(record_id)
        if record is None:
            raise KeyError(f"No {kind} with id {record_id!r}.")
        table.change(record, self.clock.now(), **facts)
        self.tell("admin_console")

    def tell(self, source: str) -> None:
        """Write the events of an act that is over."""
        self._journal.tell(source)

    def live(self, seconds: int) -> dict[str, int]:
        """Simulate the ``seconds`` (at most a day) that have just passed; return how often each thing happened."""
        for name in _LIVING:
            self.table(name)
        happened = Step(self, seconds).take(CHOICES)
        live(self, seconds)
        self.tell("api")
        self._journal.show_late_revenue(self.clock.now())
        self.events.expire(self.clock.now())
        return happened
