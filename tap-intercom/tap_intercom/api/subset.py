"""Some companies and contacts, read by their ids, with the other records that a join over both needs.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from tap_intercom._kit.parallel_map import OrderedParallelMap
from tap_intercom.api.client import Call
from tap_intercom.api.errors import GoneError
from tap_intercom.api.lists import fetch_pages
from tap_intercom.api.nested_lists import complete_record
from tap_intercom.api.pages import ResourceDecoder, is_truncated
from tap_intercom.streams.resources import ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tap_intercom._kit.fetch_pool import FetchPool
    from tap_intercom._kit.whole_list import Shortage
    from tap_intercom.api.client import IntercomClient
    from tap_intercom.api.pages import Item
    from tap_intercom.streams.resource import Resource

LOGGER = logging.getLogger("tap-intercom")
MEMBERS = ("companies", "contacts")
"""The streams that a run over some records reads."""
AHEAD = 32
"""The number of calls that are requested ahead of the reader."""
CONTACT = replace(ROWS["contacts"], path="/contacts/{id}", answer="", way="whole", single=True)
COMPANY = replace(ROWS["companies"], path="/companies/{id}", answer="", way="whole", single=True)
COMPANY_CONTACTS = replace(ROWS["contacts"], path="/companies/{id}/contacts", way="numbered", per_page=60)


class Subset:
    """The companies and contacts that the settings name.

    For a company its contacts are read too, and for a contact its companies, so that a join finds both ends of a link.
    The companies of a company's other contacts are not read, as the store already has the company of an unchanged link.

    Args:
        pool: the threads that fetch.
        client: the connection to the workspace.
        company_ids: Intercom's ids of companies.
        contact_ids: Intercom's ids of contacts.
    """

    def __init__(
        self, pool: FetchPool, client: IntercomClient, company_ids: Iterable[str], contact_ids: Iterable[str]
    ) -> None:
        self._pool = pool
        self._client = client
        self._company_ids = list(dict.fromkeys(company_ids))
        self._contact_ids = list(dict.fromkeys(contact_ids))

    def open_list(self, name: str) -> SubsetReader:
        """Return the reader of the records of a stream."""
        return SubsetReader({"companies": self._read_companies, "contacts": self._read_contacts}[name])

    @cached_property
    def _contacts(self) -> list[Item]:
        """The contacts in the settings, with all their companies. Both streams need them."""
        decoder = ResourceDecoder(CONTACT)

        def fetch(contact_id: str) -> list[list[Item]] | None:
            return [[self._complete_companies(one, decoder) for one in self._fetch_one(CONTACT, decoder, contact_id)]]

        return [item for page in self._fetch_each(self._contact_ids, fetch, "contacts", 1) for item in page]

    def _complete_companies(self, contact: Item, decoder: ResourceDecoder) -> Item:
        if not is_truncated(contact.members.companies):
            return contact
        return decoder.decode_record(
            msgspec.json.encode(complete_record(contact.decode_record(), self._client, ("companies",)))
        )

    def _read_contacts(self) -> Iterator[list[Item]]:
        """Yield the contacts in the settings, then those of the companies in the settings."""
        yield self._contacts
        decoder = ResourceDecoder(COMPANY_CONTACTS)

        def fetch(company_id: str) -> list[list[Item]]:
            return fetch_pages(self._client, COMPANY_CONTACTS, _fill(COMPANY_CONTACTS, company_id), decoder)

        yield from self._fetch_each(self._company_ids, fetch, None, 2)

    def _read_companies(self) -> Iterator[list[Item]]:
        """Yield the companies in the settings, then those of the contacts in the settings."""
        decoder = ResourceDecoder(COMPANY)

        def fetch(company_id: str) -> list[list[Item]]:
            return [self._fetch_one(COMPANY, decoder, company_id)]

        yield from self._fetch_each(self._company_ids, fetch, "companies", 3)
        linked = [one.id for item in self._contacts if (links := item.members.companies) for one in links.data]
        others = [one for one in dict.fromkeys(linked) if one not in self._company_ids]
        yield from self._fetch_each(others, fetch, None, 4)

    def _fetch_one(self, resource: Resource, decoder: ResourceDecoder, record_id: str) -> list[Item]:
        return self._client.fetch_page(Call(_fill(resource, record_id)), decoder).items

    def _fetch_each(
        self, ids: Sequence[str], fetch: Callable[[str], list[list[Item]] | None], named: str | None, place: int
    ) -> Iterator[list[Item]]:
        """Yield the pages of each id. A deleted record has none.

        Args:
            ids: the ids.
            fetch: returns the pages of an id.
            named: the settings' word for these records, to log those that do not exist. None if the ids come from
                Intercom.
            place: the place among the calls.
        """

        def fetch_if_there(record_id: str) -> list[list[Item]] | None:
            try:
                return fetch(record_id)
            except GoneError:
                return None

        missing = []
        for record_id, pages in OrderedParallelMap(self._pool, ids, fetch_if_there, key=(-1, place), ahead=AHEAD):
            if pages is None:
                missing.append(record_id)
            yield from pages or ()
        if missing and named:
            LOGGER.warning("The workspace has no such %s: %s", named, ", ".join(missing))


class SubsetReader:
    """The records of one stream in a subset, as a list.

    Args:
        read: yields the pages.
    """

    shortage: Shortage | None = None

    def __init__(self, read: Callable[[], Iterator[list[Item]]]) -> None:
        self._pages = read()
        self._first: list[Item] | None = None

    def wait(self) -> None:
        """Wait for the first page.

        Raises:
            UserError: Intercom refused it, or no answer was valid.
        """
        if self._first is None:
            self._first = next(self._pages, [])

    def begin(self) -> None:
        """Do nothing, as a subset is short."""

    def __iter__(self) -> Iterator[list[Item]]:
        """Yield every page once."""
        self.wait()
        yield self._first or []
        yield from self._pages


def _fill(resource: Resource, record_id: str) -> str:
    return resource.path.format(id=quote(record_id, safe=""))
