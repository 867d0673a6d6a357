"""The truth of one simulated business: its tables, and the days that pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.business import bodies
from sandbox.business.generate import Generator
from sandbox.business.live import Step, still_open
from sandbox.business.records import Customer, Invoice, Person, Subscription
from sandbox.business.tables import Table, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.business.records import Record
    from sandbox.clock import Clock
    from sandbox.settings import Settings

_SUBSCRIPTION_BODIES: dict[int, Callable[[Subscription], dict[str, Any]]] = {
    1: bodies.subscription_body_1,
    2: bodies.subscription_body,
}
_INVOICE_BODIES: dict[int, Callable[[Invoice], dict[str, Any]]] = {1: bodies.invoice_body_1, 2: bodies.invoice_body}

_KINDS: dict[type, str] = {Customer: "customers", Subscription: "subscriptions", Invoice: "invoices"}


class Business:
    """Customers, subscriptions and invoices of a seeded business, as a clock has it."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        lags = settings.list_lag > 0
        self.customers: Table[Customer] = Table(bodies.customer_body, keeps_past=lags)
        self.subscriptions: Table[Subscription] = Table(_SUBSCRIPTION_BODIES[settings.catalog], keeps_past=lags)
        self.invoices: Table[Invoice] = Table(_INVOICE_BODIES[settings.catalog], keeps_past=lags)
        generated = Generator(settings.customers, settings.seed, clock.now())
        self.customers.extend(generated.customers)
        self.subscriptions.extend(generated.subscriptions)
        self.invoices.extend(generated.invoices)
        self.open_invoices = still_open(generated.invoices)

    def tables(self) -> dict[str, Table[Any]]:
        """The tables by the vendor's name of the resource."""
        return {"customers": self.customers, "subscriptions": self.subscriptions, "invoices": self.invoices}

    def counts(self) -> dict[str, int]:
        """How many records each table holds, deleted ones too."""
        return {name: len(table.records) for name, table in self.tables().items()}

    def table_of(self, record: Record) -> Table[Any]:
        """The table that holds a record."""
        return self.tables()[_KINDS[type(record)]]

    def people(self, since: int = 0) -> list[Person]:
        """The customers from a row on, as another system may come to know them, oldest first."""
        return [person_of(customer) for customer in self.customers.records[since:]]

    def card_json(self, customer: Customer) -> bytes | None:
        """The JSON of a customer's primary card; None without one."""
        if customer.card_json is None and customer.card:
            customer.card_json = encode(bodies.card_body(customer.card, customer))
        return customer.card_json

    def edit(self, kind: str, record_id: str, **facts: Any) -> None:
        """Change attributes of a record now, as somebody at a desk would; None removes one.

        Raises:
            KeyError: there is no such record.
        """
        table = self.tables()[kind]
        record = table.get(record_id)
        if record is None:
            raise KeyError(f"No {kind} with id {record_id!r}.")
        table.change(record, self.clock.now(), **facts)

    def live(self, seconds: int) -> dict[str, int]:
        """Let happen what happens in the ``seconds`` (at most a day) that have just passed; counts by kind."""
        return Step(self, seconds).take()


def person_of(customer: Customer) -> Person:
    """A customer as another system may come to know them."""
    return Person(
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
