"""What is asked of Intercom: one method an operation.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError

from target_intercom.transport import RecordRefusedError, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_LINKS = 50  # companies of a contact a page
_SCROLLS = 5  # times a broken scroll is begun again
_SCROLL_PAUSE = 2.0  # seconds between two attempts to open a scroll
_SCROLL_PATIENCE = 900.0

PAGE = 150
MAX_FILTERS = 15  # in one OR group of a search


class _BrokenScrollError(Exception):
    """A page of a scroll did not arrive, and no later call gives it."""


class IntercomClient(Transport):
    """The operations of one workspace, shared by all workers."""

    def me(self) -> dict[str, Any]:
        """Identify the token; `app` names the workspace and its region."""
        return self._call("GET", "/me")

    def data_attributes(self, model: str) -> list[dict[str, Any]]:
        """List the data attributes of `contact` or `company`, archived ones included."""
        reply = self._call("GET", "/data_attributes", params={"model": model, "include_archived": "true"})
        return list(reply.get("data", []))

    def create_data_attribute(self, body: Mapping[str, str]) -> dict[str, Any]:
        """Create a data attribute.

        Raises:
            LostReplyError: it may have been created.
            RecordRefusedError: Intercom will not have it.
        """
        return self._create("/data_attributes", body)

    def contact_pages(self) -> Iterator[tuple[list[dict[str, Any]], int]]:
        """Yield every live contact, a page a call, each page with the number of all contacts."""
        for reply in _pages(lambda page: self._call("GET", "/contacts", params=page)):
            yield list(reply.get("data", [])), int(reply.get("total_count") or 0)

    def search_contacts(self, field: str, arrays: Sequence[Sequence[str]]) -> Iterator[dict[str, Any]]:
        """Yield every live contact whose `field` is in one of the arrays (at most `MAX_FILTERS`).

        The index may lag some minutes behind writes.
        """
        filters = [{"field": field, "operator": "IN", "value": list(values)} for values in arrays]
        query = filters[0] if len(filters) == 1 else {"operator": "OR", "value": filters}
        body: dict[str, Any] = {"query": query}
        for reply in _pages(lambda page: self._call("POST", "/contacts/search", json=body | {"pagination": page})):
            yield from reply.get("data", [])

    def contact(self, contact_id: str) -> dict[str, Any]:
        """Read one contact by Intercom's id."""
        return self._call("GET", f"/contacts/{contact_id}")

    def contact_by_external_id(self, external_id: str) -> dict[str, Any] | None:
        """Read the user with this external id, None when there is none. Unlike search this sees the latest write."""
        try:
            return self._call("GET", f"/contacts/find_by_external_id/{quote(external_id, safe='')}")
        except RecordRefusedError as error:
            if error.status == requests.codes.not_found:
                return None
            raise

    def create_contact(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create a contact.

        Raises:
            LostReplyError: it may have been created.
            RecordRefusedError: refused; with status 409 `other_id` names who has the e-mail address or external id.
        """
        return self._create("/contacts", body)

    def update_contact(self, contact_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change the named fields of one contact and give it as it is then."""
        return self._call("PUT", f"/contacts/{contact_id}", json=body)

    def company_by(self, field: str, value: str) -> dict[str, Any] | None:
        """Read a company by `company_id` or `name`, None when there is none; of several of one name any."""
        try:
            return self._call("GET", "/companies", params={field: value})
        except RecordRefusedError as error:
            if error.status == requests.codes.not_found:
                return None
            raise

    def scroll_companies(self) -> Iterator[dict[str, Any]]:
        """Yield every company that has users.

        A page that got lost cannot be asked for again: the scroll starts anew, and companies come twice. A workspace
        has one scroll at a time: while another is open this one waits for its turn.

        Raises:
            FatalAPIError: the scroll broke, or another one was open, for too long.
        """
        for _ in range(_SCROLLS):
            try:
                yield from self._scrolled()
            except _BrokenScrollError:
                continue
            return
        raise FatalAPIError(f"The list of companies broke off {_SCROLLS} times: nothing is acknowledged.")

    def create_company(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create a company, or change the one that has its `company_id`: Intercom does not tell which.

        Raises:
            LostReplyError: it may have been created.
            RecordRefusedError: Intercom will not have it.
        """
        return self._create("/companies", body)

    def update_company(self, record_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change the named fields of one company, by Intercom's id, and give it as it is then."""
        return self._call("PUT", f"/companies/{record_id}", json=body)

    def attach(self, contact_id: str, company: str) -> None:
        """Attach a contact to a company, both by Intercom's id; attaching twice is attaching once."""
        self._call("POST", f"/contacts/{contact_id}/companies", json={"id": company})

    def companies_of(self, contact_id: str) -> Iterator[str]:
        """Yield Intercom's ids of all companies that a contact is attached to."""
        page, pages = 1, 1
        while page <= pages:
            reply = self._call("GET", f"/contacts/{contact_id}/companies", params={"page": page, "per_page": _LINKS})
            yield from (company["id"] for company in reply.get("data", []))
            page, pages = page + 1, int((reply.get("pages") or {}).get("total_pages") or 1)

    def _scrolled(self) -> Iterator[dict[str, Any]]:
        reply = self._opened_scroll()
        while companies := reply.get("data"):
            yield from companies
            try:
                reply = self._once("GET", "/companies/scroll", params={"scroll_param": reply.get("scroll_param")})
            except (RetriableAPIError, RecordRefusedError):
                raise _BrokenScrollError from None

    def _opened_scroll(self) -> dict[str, Any]:
        """Open a scroll. A lost reply may have opened one that nobody can read: it expires when idle for a minute."""
        deadline = time.monotonic() + _SCROLL_PATIENCE
        while time.monotonic() < deadline:
            try:
                return self._call("GET", "/companies/scroll")
            except RecordRefusedError as error:
                if error.code != "scroll_exists":
                    raise
            time.sleep(_SCROLL_PAUSE)
        raise FatalAPIError(
            "Something else has been reading the companies of this workspace for too long (Intercom permits one reader "
            "at a time): nothing is acknowledged, run again when it has ended."
        )


def _pages(ask: Callable[[dict[str, Any]], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the replies to one query, following the cursor.

    Raises:
        FatalAPIError: a cursor came twice, so that the pages would never end.
    """
    page: dict[str, Any] = {"per_page": PAGE}
    seen: set[str] = set()
    while True:
        reply = ask(page)
        yield reply
        if not (cursor := _next_cursor(reply)):
            return
        if cursor in seen:
            raise FatalAPIError("Intercom's pages of contacts go round in circles: nothing is acknowledged.")
        seen.add(cursor)
        page = {"per_page": PAGE, "starting_after": cursor}


def _next_cursor(reply: Mapping[str, Any]) -> str | None:
    return ((reply.get("pages") or {}).get("next") or {}).get("starting_after")
