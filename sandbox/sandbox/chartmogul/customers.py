"""The customers of one account: look-up and lists, https://dev.chartmogul.com/docs/system-overview."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sandbox.chartmogul import times
from sandbox.chartmogul.billing import Facts, combine_facts
from sandbox.chartmogul.errors import unknown_customer
from sandbox.chartmogul.paging import Key, Page, PageRequest, cut_page
from sandbox.chartmogul.records import Birth, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sandbox.json_types import JsonObject

    Test: TypeAlias = Callable[["Customer"], bool]


class Member(NamedTuple):
    """One data source's customer; a merged customer has several."""

    source: str
    external_id: str


class Customer(Record):
    """A customer; the first of its members is the primary one.

    Attributes:
        tags: each with the member that brought it.
        origins: the member that brought a custom attribute, by the attribute's field name.
        imported: what the integration wrote last, once the values were read.
    """

    def __init__(self, number: int, birth: Birth, member: Member, load: Callable[[], JsonObject]) -> None:
        super().__init__(birth, load)
        self.id = number
        self.members = [member]
        self.tags: dict[str, Member] = {}
        self.origins: dict[str, Member] = {}
        self.imported: JsonObject | None = None

    @property
    def primary(self) -> Member:
        """The member whose source and external id stand for the customer."""
        return self.members[0]

    def add_tags(self, tags: Iterable[str]) -> None:
        """Add tags; those that the customer has stay as they are."""
        for tag in tags:
            self.tags.setdefault(tag, self.primary)


class Customers:
    """Customers by uuid, by member and in order: leads first, then payers by the day of their first payment.

    Args:
        facts: what is billed to a member.
        since: the instant of a member's first payment; the same as in its facts, and quicker.
    """

    def __init__(self, facts: Callable[[Member], Facts], since: Callable[[Member], int | None]) -> None:
        self._facts = facts
        self._since = since
        self._by_uuid: dict[str, Customer] = {}
        self._by_id: dict[str, Customer] = {}
        self._by_member: dict[Member, Customer] = {}
        self._sources: set[str] = set()
        self._orders: dict[str | None, list[Key]] = {}
        self._emails: dict[str, list[Customer]] | None = None

    def __len__(self) -> int:
        return len(self._by_uuid)

    def __iter__(self) -> Iterator[Customer]:
        return iter(list(self._by_uuid.values()))

    def __contains__(self, customer: Customer) -> bool:
        return self._by_uuid.get(customer.uuid) is customer

    def facts(self, customer: Customer) -> Facts:
        """Return what is billed to a customer, all members together."""
        return combine_facts(map(self._facts, customer.members))

    def get(self, uuid: object) -> Customer:
        """Return the customer with this uuid.

        Raises:
            Refusal: 404, no customer has it.
        """
        if not isinstance(uuid, str) or uuid not in self._by_uuid:
            raise unknown_customer(str(uuid))
        return self._by_uuid[uuid]

    def find(self, member: Member) -> Customer | None:
        """Return the customer that a member belongs to."""
        return self._by_member.get(member)

    def of_source(self, source: str) -> list[Customer]:
        """Return the customers that have a member of this source."""
        return [self._by_id[number] for _, number in self._order(source)]

    def size(self, source: str) -> int:
        """Return how many customers have a member of this source."""
        return len(self._order(source))

    def with_email(self, email: str) -> list[Customer]:
        """Return the customers with exactly this e-mail."""
        if self._emails is None:
            self._emails = {}
            for one in self:
                self._emails.setdefault(one.values["email"], []).append(one)
        return self._emails.get(email, [])

    def add(self, customer: Customer) -> None:
        """Add a new customer."""
        self._by_uuid[customer.uuid] = self._by_id[str(customer.id)] = customer
        self._by_member.update(dict.fromkeys(customer.members, customer))
        self._sources.update(member.source for member in customer.members)
        self._emails = None
        for order in self._orders_of(customer):
            insort(order, self._key(customer))

    def remove(self, customer: Customer) -> None:
        """Remove a customer with all its members; an order that later billing has changed is sorted again."""
        for order in self._orders_of(customer):
            at = bisect_left(order, self._key(customer))
            if order[at : at + 1] == [self._key(customer)]:
                del order[at]
            else:
                self._orders.clear()
        del self._by_uuid[customer.uuid], self._by_id[str(customer.id)]
        for member in customer.members:
            del self._by_member[member]
        self._emails = None

    def changed(self) -> None:
        """Drop the index of e-mails, because they may have changed."""
        self._emails = None

    def billed_anew(self) -> None:
        """Drop the sorted orders, because billing may have changed."""
        self._orders.clear()
        self._emails = None

    def keys(self, source: str | None, external_id: str | None) -> Sequence[Key]:
        """Return the sorted positions of a source's customers, of those with an external id, or of all."""
        if external_id is None:
            return self._order(source)
        names = self._sources if source is None else {source}
        found = (self._by_member.get(Member(name, external_id)) for name in names)
        return sorted({self._key(one) for one in found if one})

    def page(self, asked: PageRequest, keys: Sequence[Key], tests: Sequence[Test]) -> tuple[list[Customer], Page]:
        """Return one page of the customers at these positions that pass all tests."""
        found = cut_page(keys, asked, lambda key: self._passes(key, tests))
        return [self._by_id[number] for _, number in found.keys], found

    def count(self, keys: Sequence[Key], tests: Sequence[Test]) -> int:
        """Return how many customers at these positions pass all tests."""
        return sum(self._passes(key, tests) for key in keys) if tests else len(keys)

    def _passes(self, key: Key, tests: Sequence[Test]) -> bool:
        one = self._by_id[key[1]]
        return all(test(one) for test in tests)

    def _orders_of(self, customer: Customer) -> Iterable[list[Key]]:
        """Return the sorted orders that contain a customer."""
        names = (None, *{member.source for member in customer.members})
        return [self._orders[name] for name in names if name in self._orders]

    def _order(self, source: str | None) -> list[Key]:
        if source not in self._orders:
            self._orders[source] = sorted(
                self._key(one)
                for one in self
                if source is None or any(member.source == source for member in one.members)
            )
        return self._orders[source]

    def _key(self, customer: Customer) -> Key:
        starts = [start for start in map(self._since, customer.members) if start is not None]
        return times.format_with_offset(min(starts, default=None)) or "", str(customer.id)
