"""The contacts of one account, https://dev.chartmogul.com/reference/contacts."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from sandbox.chartmogul.errors import Invalid, build_refusal
from sandbox.chartmogul.fields import NO_CONTACT
from sandbox.chartmogul.paging import Key, Page, PageRequest, cut_page
from sandbox.chartmogul.records import Birth, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.chartmogul.customers import Customer
    from sandbox.json_types import JsonObject

_NANOSECONDS = 1_000_000_000
TAKEN = "The external ID for this contact already exists in our system."


class Contact(Record):
    """A contact, of one customer or of none."""

    def __init__(self, birth: Birth, key: Key, owner: Customer | None, source: str | None) -> None:
        super().__init__(birth, lambda: dict(NO_CONTACT))
        self.key = key
        self.customer = owner
        self.source = source

    @property
    def customer_external_id(self) -> str | None:
        """The external id that the customer has in the contact's source."""
        members = self.customer.members if self.customer else []
        return next((member.external_id for member in members if member.source == self.source), None)


class Contacts:
    """Contacts by uuid and in order, newest first.

    Args:
        unique: whether external ids are unique within a source.
    """

    def __init__(self, *, unique: bool) -> None:
        self._unique = unique
        self._by_uuid: dict[str, Contact] = {}
        self._order: list[Key] = []
        self._orders: dict[Customer, list[Key]] = {}
        self._external: dict[tuple[str | None, str], dict[str, None]] = {}
        self._made = 0
        self._position = 0

    def __len__(self) -> int:
        return len(self._by_uuid)

    def __iter__(self) -> Iterator[Contact]:
        return iter(list(self._by_uuid.values()))

    def get(self, uuid: object) -> Contact:
        """Return the contact with this uuid.

        Raises:
            Refusal: 404, no contact has it.
        """
        if not isinstance(uuid, str) or uuid not in self._by_uuid:
            number = str(uuid).removeprefix("con_")
            raise build_refusal(404, f'Contact "{number}" does not exist', "contact_uuid")
        return self._by_uuid[uuid]

    def key(self, birth: Birth) -> Key:
        """Return the position of a new contact."""
        self._made += 1
        return str(birth.at * _NANOSECONDS + self._made), birth.uuid

    def add(self, contact: Contact, values: JsonObject) -> None:
        """Add a new contact, in the next position unless it names one.

        Raises:
            Invalid: its external id is another's.
        """
        self.check(contact, values)
        contact.values.update({"position": self._position + 1} | values)
        self._position = max(self._position, contact.values["position"])
        self._by_uuid[contact.uuid] = contact
        insort(self._order, contact.key)
        self._link(contact)

    def check(self, contact: Contact, values: JsonObject) -> None:
        """Make sure that these values may be written.

        Raises:
            Invalid: the external id is another's.
        """
        holders = self._external.get((contact.source, values.get("external_id") or ""), {})
        if self._unique and holders.keys() - {contact.uuid}:
            raise Invalid({"external_id": TAKEN})

    def write(self, contact: Contact, values: JsonObject, flags: dict[str, bool], at: int, by: str) -> None:
        """Change a contact.

        Raises:
            Invalid: its external id is another's.
        """
        self.check(contact, values)
        self._unlink(contact)
        contact.write(values, flags, at, by)
        self._position = max(self._position, contact.values["position"])
        self._link(contact)

    def remove(self, contact: Contact) -> None:
        """Remove a contact."""
        del self._by_uuid[contact.uuid]
        del self._order[bisect_left(self._order, contact.key)]
        self._unlink(contact)

    def move(self, contact: Contact, owner: Customer | None) -> None:
        """Give a contact to another customer."""
        self._unlink(contact)
        contact.customer = owner
        self._link(contact)

    def of(self, customer: Customer) -> list[Contact]:
        """Return a customer's contacts, the newest first."""
        return [self._by_uuid[uuid] for _, uuid in reversed(self._orders.get(customer, []))]

    def page(
        self, asked: PageRequest, owner: Customer | None, fits: Callable[[Contact], bool]
    ) -> tuple[list[Contact], Page]:
        """Return one page of the contacts that pass the tests, of one customer or of all."""
        order = self._order if owner is None else self._orders.get(owner, [])
        found = cut_page(order, asked, lambda key: fits(self._by_uuid[key[1]]), backwards=True)
        return [self._by_uuid[uuid] for _, uuid in found.keys], found

    def _link(self, contact: Contact) -> None:
        if contact.customer is not None:
            insort(self._orders.setdefault(contact.customer, []), contact.key)
        if contact.values["external_id"]:
            holders = self._external.setdefault((contact.source, contact.values["external_id"]), {})
            holders[contact.uuid] = None

    def _unlink(self, contact: Contact) -> None:
        if contact.customer is not None:
            order = self._orders[contact.customer]
            del order[bisect_left(order, contact.key)]
        self._external.get((contact.source, contact.values["external_id"] or ""), {}).pop(contact.uuid, None)
