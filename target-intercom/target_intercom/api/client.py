"""The operations of Intercom's API that this target uses: one method per operation.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlsplit

import requests
from singer_sdk.exceptions import FatalAPIError

from target_intercom._kit.page_decoder import PageDecoder, decode_json
from target_intercom._kit.scroll import open_scroll
from target_intercom._kit.transport import Call, NoAnswerError
from target_intercom._kit.whole_list import WholeList
from target_intercom.api import shapes
from target_intercom.api.transport import RETRIES, SEARCH, LostReplyError, RecordRefusedError, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from target_intercom._kit.json_types import JsonObject
    from target_intercom._kit.list_shape import ListShape
    from target_intercom._kit.page_decoder import Item, Page
    from target_intercom.records.attributes import RemoteAttribute
    from target_intercom.records.remote import RemoteCompany, RemoteContact

PAGE = 150
EVENTS = "/events"
MAX_FILTERS = 15  # the most filters in one OR group of a search

#: The version that brought the lists of custom objects.
_LISTS_OBJECTS = {"Intercom-Version": "2.16"}
_LINKS = 50  # companies of a contact per page
_SCROLLS = 5  # how often a broken scroll is started again
_SCROLL_PAUSE = 2.0  # seconds between two attempts to open a scroll
_SCROLL_PATIENCE = 900.0
_OLDEST_FIRST = {"field": "created_at", "order": "ascending"}
_NEWEST_FIRST = {"field": "updated_at", "order": "descending"}


class _BrokenScrollError(Exception):
    """A page of a scroll did not arrive, and no later call can fetch it."""


class IntercomClient(Transport):
    """The operations of one workspace, shared by all workers."""

    def identify_token(self) -> shapes.App:
        """Return the token's workspace."""
        return self._read_answer(Call("GET", "/me"), lambda content: decode_json(content, shapes.Me)[1].app)

    def list_attributes(self, model: str) -> list[RemoteAttribute]:
        """List the data attributes of `contact` or `company`, including archived ones."""
        call = Call("GET", "/data_attributes", {"model": model, "include_archived": "true"})
        return [shapes.read_attribute(item) for item in self._read_page(call, PageDecoder(shapes.ATTRIBUTES)).items]

    def create_attribute(self, body: Mapping[str, str]) -> None:
        """Create a data attribute.

        Raises:
            LostReplyError: it may have been created.
            RecordRefusedError: Intercom refuses it.
        """
        self._create_item("/data_attributes", body, shapes.ATTRIBUTES)

    def list_contacts(self) -> Iterator[tuple[list[RemoteContact], int]]:
        """Yield all contacts that are not archived, a page per call, each page with the number of all contacts.

        Raises:
            FatalAPIError: the list may be incomplete.
        """
        decoder, total = PageDecoder(shapes.CONTACTS), 0

        def fetch_page(cursor: str | None, check: Callable[[Page], None]) -> Page:
            nonlocal total
            page = self._read_page(Call("GET", "/contacts", _paginate(cursor)), decoder, check)
            total = page.total or 0
            return page

        for items in self._read_whole_items(WholeList("contacts", fetch_page, max_missing=self.max_missing), decoder):
            yield [shapes.read_contact(item) for item in items], total

    def search_contacts(self, field: str, arrays: Sequence[Sequence[str]]) -> Iterator[RemoteContact]:
        """Yield all contacts that are not archived and whose `field` is in one of the arrays (at most `MAX_FILTERS`).

        The index may lag some minutes behind writes.

        Raises:
            FatalAPIError: the list may be incomplete.
        """
        filters = [{"field": field, "operator": "IN", "value": list(values)} for values in arrays]
        query = filters[0] if len(filters) == 1 else {"operator": "OR", "value": filters}
        decoder = PageDecoder(shapes.CONTACTS)

        def fetch_page(
            cursor: str | None, check: Callable[[Page], None], sort: Mapping[str, str] = _OLDEST_FIRST
        ) -> Page:
            body = {"query": query, "sort": sort, "pagination": _paginate(cursor)}
            return self._read_page(Call("POST", SEARCH, body=body), decoder, check)

        pages = WholeList(
            "contacts of a search",
            fetch_page,
            probe=lambda: [fetch_page(None, lambda _: None, _NEWEST_FIRST)],
            max_missing=self.max_missing,
        )
        for items in self._read_whole_items(pages, decoder):
            yield from map(shapes.read_contact, items)

    def read_contact(self, contact_id: str) -> RemoteContact:
        """Read one contact by Intercom's id."""
        return shapes.read_contact(self._read_item(Call("GET", f"/contacts/{contact_id}"), shapes.CONTACTS))

    def find_contact_by_external_id(self, external_id: str) -> RemoteContact | None:
        """Read the user with this external id; None if there is none. Unlike a search, this sees the latest write."""
        path = "/contacts/find_by_external_id"
        item = self._find_item(Call("GET", f"{path}/{quote(external_id, safe='')}", label=path), shapes.CONTACTS)
        return shapes.read_contact(item) if item else None

    def create_contact(self, body: JsonObject) -> RemoteContact:
        """Create a contact.

        Raises:
            LostReplyError: it may have been created.
            RecordRefusedError: refused. With status 409, `other_id` is the contact that has the e-mail address or
                external id.
        """
        return shapes.read_contact(self._create_item("/contacts", body, shapes.CONTACTS))

    def update_contact(self, contact_id: str, body: JsonObject) -> None:
        """Change some fields of a contact."""
        self._read_item(Call("PUT", f"/contacts/{contact_id}", body=body), shapes.CONTACTS)

    def archive_contact(self, contact_id: str) -> None:
        """Archive a contact: lists and searches no longer show it."""
        self._read_answer(Call("POST", f"/contacts/{contact_id}/archive"), _check_removal)

    def create_event(self, body: JsonObject) -> None:
        """Send a data event.

        Raises:
            LostReplyError: it may have arrived.
            RecordRefusedError: Intercom refuses it.
        """
        # The answer is 202 without a body.
        self._read_once(Call("POST", EVENTS, body=body), lambda _: None)

    def list_events(self, contact_id: str) -> Iterator[shapes.ListedEvent]:
        """Yield the data events of a contact of the last 90 days.

        Raises:
            FatalAPIError: the list has no end.
        """
        params: dict[str, str] = {"type": "user", "intercom_user_id": contact_id}
        asked = set[str]()
        while True:
            found = self._read_answer(
                Call("GET", EVENTS, params), lambda content: decode_json(content, shapes.ListedEvents)[1]
            )
            yield from found.events
            following = found.pages.next if found.pages else None
            if not following:
                return
            if following in asked:
                raise FatalAPIError("Intercom's list of a contact's events comes back to a page that was read.")
            asked.add(following)
            params = dict(parse_qsl(urlsplit(following).query))

    def has_object_type(self, name: str) -> bool:
        """Return whether the workspace has a custom object of this name."""
        call = Call("GET", _name_type(name), {"per_page": 1}, headers=_LISTS_OBJECTS)
        try:
            self._read_page(call, PageDecoder(shapes.OBJECTS))
        except RecordRefusedError as error:
            if error.status == requests.codes.not_found:
                return False
            raise
        return True

    def save_object(self, type_name: str, body: JsonObject) -> shapes.SavedObject:
        """Create an instance of a custom object, or change the one with its external id. It may safely be repeated."""
        return self._read_answer(
            Call("POST", _name_type(type_name), body=body), lambda content: decode_json(content, shapes.SavedObject)[1]
        )

    def delete_object(self, type_name: str, external_id: str) -> None:
        """Delete the instance with this external id."""
        self._read_answer(Call("DELETE", _name_type(type_name), {"external_id": external_id}), _check_removal)

    def set_references(self, contact_id: str, attribute: str, ids: list[str] | None) -> RemoteContact:
        """Write which instances a contact refers to, and return the contact."""
        body = {"custom_attributes": {attribute: ids}}
        return shapes.read_contact(self._read_item(Call("PUT", f"/contacts/{contact_id}", body=body), shapes.CONTACTS))

    def list_object_ids(self, type_name: str, contact_id: str) -> list[str]:
        """Return Intercom's ids of the instances of a custom object that a contact refers to.

        Raises:
            FatalAPIError: the list may be incomplete.
        """
        decoder = PageDecoder(shapes.OBJECTS)

        def fetch_page(number: str | None, check: Callable[[Page], None]) -> Page:
            at = int(number or 1)
            params = {"references_contact_id": contact_id, "page": at, "per_page": PAGE}
            page = self._read_page(Call("GET", _name_type(type_name), params, headers=_LISTS_OBJECTS), decoder, check)
            return replace(page, cursor=str(at + 1) if at < page.total_pages else None)

        pages = WholeList("custom objects of a contact", fetch_page)
        return [item.members.id for items in self._read_whole_items(pages, decoder) for item in items]

    def read_company(self, record_id: str) -> RemoteCompany:
        """Read one company by Intercom's id."""
        return shapes.read_company(self._read_item(Call("GET", f"/companies/{record_id}"), shapes.COMPANIES))

    def find_company_by_id(self, record_id: str) -> RemoteCompany | None:
        """Read one company by Intercom's id; None if it is gone."""
        item = self._find_item(Call("GET", f"/companies/{record_id}"), shapes.COMPANIES)
        return shapes.read_company(item) if item else None

    def find_company(self, field: str, value: str) -> RemoteCompany | None:
        """Read a company by `company_id` or `name`; None if there is none. Of several with one name, it returns any."""
        item = self._find_item(Call("GET", "/companies", {field: value}), shapes.COMPANIES)
        return shapes.read_company(item) if item else None

    def scroll_companies(self) -> Iterator[RemoteCompany]:
        """Yield every company that has users.

        A lost page cannot be requested again, so the scroll starts again and companies come twice. A workspace has one
        scroll at a time, so this one waits while another is open.

        Raises:
            FatalAPIError: the scroll broke too often, or another one was open for too long.
        """
        decoder = PageDecoder(shapes.COMPANIES)
        for _ in range(_SCROLLS):
            try:
                yield from map(shapes.read_company, self._scroll(decoder))
            except _BrokenScrollError:
                continue
            self._report_odd(decoder)
            return
        raise FatalAPIError(
            f"The list of companies broke off {_SCROLLS} times: no STATE was written, so the next run starts from the "
            "same point."
        )

    def create_company(self, body: JsonObject) -> RemoteCompany:
        """Create a company, or change the one with its `company_id`. The answer does not say which.

        Raises:
            LostReplyError: it may have been created.
            RecordRefusedError: Intercom refuses it.
        """
        return shapes.read_company(self._create_item("/companies", body, shapes.COMPANIES))

    def update_company(self, record_id: str, body: JsonObject) -> None:
        """Change some fields of a company, by Intercom's id."""
        self._read_item(Call("PUT", f"/companies/{record_id}", body=body), shapes.COMPANIES)

    def delete_company(self, record_id: str) -> None:
        """Delete a company and detach its users. Intercom does so some time later."""
        self._read_answer(Call("DELETE", f"/companies/{record_id}"), _check_removal)

    def attach_contact(self, contact_id: str, company: str) -> None:
        """Attach a contact to a company, both by Intercom's id. It may safely be repeated."""
        self._read_item(Call("POST", f"/contacts/{contact_id}/companies", body={"id": company}), shapes.COMPANIES)

    def detach_contact(self, contact_id: str, company: str) -> None:
        """Detach a contact from a company, both by Intercom's id."""
        self._read_item(Call("DELETE", f"/contacts/{contact_id}/companies/{company}"), shapes.COMPANIES)

    def list_companies_of(self, contact_id: str) -> Iterator[str]:
        """Yield Intercom's ids of all companies that a contact is attached to.

        Raises:
            FatalAPIError: the list may be incomplete.
        """
        decoder = PageDecoder(shapes.LINKS)

        def fetch_page(number: str | None, check: Callable[[Page], None]) -> Page:
            at = int(number or 1)
            call = Call("GET", f"/contacts/{contact_id}/companies", {"page": at, "per_page": _LINKS})
            page = self._read_page(call, decoder, check)
            return replace(page, cursor=str(at + 1) if at < page.total_pages else None)

        for items in self._read_whole_items(WholeList("companies of a contact", fetch_page), decoder):
            yield from (item.members.id for item in items)

    def _read_item(self, call: Call, shape: ListShape) -> Item:
        """Read one record; the call may safely be made twice."""
        return self._read_answer(call, PageDecoder(shape).decode_object)

    def _find_item(self, call: Call, shape: ListShape) -> Item | None:
        try:
            return self._read_item(call, shape)
        except RecordRefusedError as error:
            if error.status == requests.codes.not_found:
                return None
            raise

    def _create_item(self, path: str, body: object, shape: ListShape) -> Item:
        return self._read_once(Call("POST", path, body=body), PageDecoder(shape).decode_object)

    def _scroll(self, decoder: PageDecoder) -> Iterator[Item]:
        page = self._open_scroll(decoder)
        while page.items:
            yield from page.items
            call = Call("GET", "/companies/scroll", {"scroll_param": page.cursor})
            try:
                page = self._read_once(call, decoder.decode_page)
            except (LostReplyError, RecordRefusedError):
                raise _BrokenScrollError from None

    def _open_scroll(self, decoder: PageDecoder) -> Page:
        call = Call("GET", "/companies/scroll")

        def is_taken(error: Exception) -> bool:
            return isinstance(error, RecordRefusedError) and error.code == "scroll_exists"

        try:
            return open_scroll(
                lambda on_failure: self._read_page(call, decoder, on_failure=on_failure),
                is_taken=is_taken,
                tries=RETRIES.unproven_tries,
                patience=_SCROLL_PATIENCE,
                pause=_SCROLL_PAUSE,
                sleep=time.sleep,
            )
        except NoAnswerError as error:
            raise self._build_fatal_error(error) from None
        except RecordRefusedError as error:
            if not is_taken(error):
                raise
            raise FatalAPIError(
                "Another program has been reading the companies of this workspace for too long (Intercom permits one "
                "reader at a time): no STATE was written, run again when it has ended."
            ) from None


def _name_type(name: str) -> str:
    return f"/custom_object_instances/{quote(name, safe='')}"


def _check_removal(content: bytes) -> None:
    decode_json(content, shapes.Gone)


def _paginate(cursor: str | None) -> JsonObject:
    return {"per_page": PAGE} if cursor is None else {"per_page": PAGE, "starting_after": cursor}
