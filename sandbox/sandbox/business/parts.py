"""Protocols that the parts of a business use, so that they do not import the module that combines them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox.business.records import Customer, Invoice, Record, Subscription
    from sandbox.business.tables import Table
    from sandbox.clock import Clock
    from sandbox.json_types import JsonObject
    from sandbox.settings import Settings


class Events(Protocol):
    """The log to which events are written."""

    def tell(self, event_type: str, at: int, content: Iterable[tuple[str, Record]], source: str) -> None:
        """Write an event that occurred at a time."""


class Business(Protocol):
    """The tables of a business, its clock and its events."""

    settings: Settings
    clock: Clock
    began: int
    customers: Table[Customer]
    subscriptions: Table[Subscription]
    invoices: Table[Invoice]
    open_invoices: list[Invoice]
    on_event: Callable[[Any], None] | None

    @property
    def events(self) -> Events:
        """The events of every change."""

    def table(self, name: str) -> Table[Any]:
        """Return any table by name."""

    def table_of(self, record: Record) -> Table[Any]:
        """Return the table that holds a record."""

    def card(self, customer: Customer) -> JsonObject | None:
        """Return a customer's primary card; None without one."""

    def tell(self, source: str) -> None:
        """Write the events of an act that is over."""
