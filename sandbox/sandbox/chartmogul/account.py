"""One ChartMogul account: data sources, customers, contacts, attributes, and pending work."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING
from uuid import UUID

from sandbox.chartmogul.attributes import Attributes, ContactAttributes
from sandbox.chartmogul.billing import NOTHING, Billing, Facts
from sandbox.chartmogul.contacts import Contacts
from sandbox.chartmogul.customers import Customer, Customers, Member
from sandbox.chartmogul.fields import NO_CUSTOMER
from sandbox.chartmogul.jobs import Jobs
from sandbox.chartmogul.records import Birth
from sandbox.chartmogul.sources import CUSTOM_SYSTEM, Source, Sources
from sandbox.clock import START

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.business.business import Business
    from sandbox.json_types import JsonObject
    from sandbox.settings import Settings

KEY = "sandbox_key"
READ_ONLY_KEY = "sandbox_read_only_key"
BILLING_SYSTEM = "Chargebee"
USERS = frozenset({"owner@sandbox.example"})
"""The users who can own a customer; any other owner is ignored."""
_FIRST_ID = 10_000_001
_DAY = 86_400


class Account:
    """All that ChartMogul stores. It begins with the business's customers, imported from Chargebee.

    Args:
        business: its customers are imported.
        settings: the sandbox's switches.
        automate: called with the account, the rules of `chartmogul_automation` and each new customer.
    """

    def __init__(
        self, business: Business, settings: Settings, automate: Callable[[Account, str, Customer], None]
    ) -> None:
        self.settings = settings
        self._automate = automate
        self._clock = business.clock
        self._seeded = Random(f"chartmogul:seeded:{settings.seed}")
        self._random = Random(f"chartmogul:{settings.seed}")
        self._number = _FIRST_ID - 1
        self._rows = 0
        self.billing = Billing(business, websites=settings.chartmogul_billing_websites)
        self.sources = Sources()
        self.attributes = Attributes(take_null=settings.chartmogul_attributes_take_null)
        self.contact_attributes = ContactAttributes(settings.chartmogul_contact_attributes)
        self.customers = Customers(self._facts, self._since)
        self.contacts = Contacts(unique=settings.chartmogul_unique_contact_external_ids)
        self.jobs = Jobs(settings.chartmogul_async_calls)
        uuid = self._seeded_id("ds_")
        self.billing_source = self.sources.add(Source(uuid, BILLING_SYSTEM, BILLING_SYSTEM, START - 400 * _DAY))
        self._import()

    @property
    def now(self) -> int:
        """The business clock's present, in unix seconds."""
        return self._clock.now()

    def new_id(self, prefix: str) -> str:
        """Return a new id in ChartMogul's form."""
        return prefix + str(UUID(int=self._random.getrandbits(128), version=4))

    def advance(self) -> None:
        """Do pending work after the clock moved, and import what changed in Chargebee."""
        self.customers.billed_anew()
        self.jobs.run_all()
        for customer in self.customers:
            if customer.imported is not None and customer.primary.source == self.billing_source.uuid:
                self._import_changes(customer, customer.imported)
        self._import()

    def new_source(self, name: str) -> Source:
        """Create a data source over the API.

        Raises:
            Invalid: the name is taken.
        """
        return self.sources.add(Source(self.new_id("ds_"), name, CUSTOM_SYSTEM, self.now))

    def new_customer(self, member: Member, values: JsonObject, by: str) -> Customer:
        """Return a customer with a fresh uuid, not yet among the others."""
        self._number += 1
        birth = Birth(self.new_id("cus_"), self.now, by)
        return Customer(self._number, birth, member, lambda: NO_CUSTOMER | values)

    def create(self, customer: Customer) -> None:
        """Add a new customer; automation looks for duplicates of it later."""
        self.customers.add(customer)
        self.sources.get(customer.primary.source).processed += 1
        rules = self.settings.chartmogul_automation

        def automate() -> None:
            if self.customers.find(customer.primary) is customer:
                self._automate(self, rules, customer)

        if rules:
            self.jobs.run_later(automate)

    def delete_customer(self, customer: Customer) -> None:
        """Remove a customer with its contacts."""
        for contact in self.contacts.of(customer):
            self.contacts.remove(contact)
        self.customers.remove(customer)

    def empty(self, source: Source) -> None:
        """Remove everything that a source brought; a customer that other sources share stays."""
        takes_all = self.settings.chartmogul_source_delete_takes_all
        for contact in [one for one in self.contacts if one.source == source.uuid and takes_all]:
            self.contacts.remove(contact)
        for customer in self.customers.of_source(source.uuid):
            kept = [member for member in customer.members if member.source != source.uuid]
            if kept:
                self._strip(customer, kept, takes_all=takes_all)
            else:
                self.delete_customer(customer)

    def delete_source(self, source: Source) -> None:
        """Remove a source and everything that it brought; its name is released later."""
        self.empty(source)
        self.sources.delete(source)
        self.jobs.run_later(lambda: self.sources.release(source.name))

    def _strip(self, customer: Customer, kept: list[Member], *, takes_all: bool) -> None:
        self.customers.remove(customer)
        gone, customer.members = set(customer.members) - set(kept), kept
        if takes_all:
            customer.tags = {tag: origin for tag, origin in customer.tags.items() if origin not in gone}
            for field in [field for field, origin in customer.origins.items() if origin in gone]:
                del customer.origins[field]
                customer.remove(field, self.now, "API")
        self.customers.add(customer)

    def _facts(self, member: Member) -> Facts:
        return self.billing.facts(member.external_id) if member.source == self.billing_source.uuid else NOTHING

    def _since(self, member: Member) -> int | None:
        return self.billing.since(member.external_id) if member.source == self.billing_source.uuid else None

    def _seeded_id(self, prefix: str) -> str:
        return prefix + str(UUID(int=self._seeded.getrandbits(128), version=4))

    def _import(self) -> None:
        """Import the business's new customers, as long as their source exists."""
        since, self._rows = self._rows, self.billing.rows()
        if self.billing_source.uuid not in self.sources:
            return
        for customer_id, created_at in self.billing.ids(since):
            member = Member(self.billing_source.uuid, customer_id)
            if self.customers.find(member) is None:
                self._import_customer(member, created_at)

    def _import_customer(self, member: Member, at: int) -> None:
        def load() -> JsonObject:
            values = self.billing.values(member.external_id)
            one.imported = dict(values)
            return values

        self._number += 1
        one = Customer(self._number, Birth(self._seeded_id("cus_"), at, BILLING_SYSTEM), member, load)
        self.billing_source.processed += 1
        self.customers.add(one)

    def _import_changes(self, customer: Customer, imported: JsonObject) -> None:
        """Write what changed in Chargebee since the last import, except where an override is set."""
        fresh = self.billing.values(customer.primary.external_id)
        changed = {name: value for name, value in fresh.items() if value != imported[name]}
        customer.imported = fresh
        customer.write(changed, {}, self.now, BILLING_SYSTEM)
