"""The companies of one workspace, and the one scroll over them that may be open at a time.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.intercom.errors import refuse
from sandbox.intercom.records import Record, Records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox.json_types import JsonObject

EMPTY: JsonObject = dict.fromkeys(
    ("company_id", "name", "plan", "size", "website", "industry", "remote_created_at", "last_request_at")
) | {"monthly_spend": 0, "session_count": 0}
SCROLL_PAGE = 100


class Company(Record):
    """One company; `contacts` are the ids of attached contacts, oldest link first, and `notes` the ids of notes."""

    def __init__(self, document: JsonObject) -> None:
        super().__init__(document)
        self.contacts: dict[str, None] = {}
        self.notes: tuple[str, ...] = ()
        self.gone_at: int | None = None
        """The time at which a DELETE takes effect."""


class Companies(Records[Company]):
    """Companies by Intercom's id, indexed by `company_id` and name."""

    def __init__(self, now: Callable[[], int]) -> None:
        super().__init__("company_id", "name")
        self._now = now

    def get(self, record_id: str) -> Company:
        """Return a company by Intercom's id, or raise a Refusal: 404 `company_not_found`."""
        for one in self.live_among([record_id]):
            return one
        raise refuse("no company")

    def find(self, field: str, value: str) -> Company:
        """Return a company by `company_id` or name (the oldest with that name), or raise a 404 Refusal."""
        for one in self.live_among(self._index.find(field, value)):
            return one
        raise refuse("no company")

    def has(self, company_id: str) -> bool:
        """Return whether a company with this `company_id` exists."""
        return any(self.live_among(self._index.find("company_id", company_id)))

    def add(self, document: JsonObject, source: str) -> Company:
        """Add a company with a complete document."""
        return self._add(Company(document), source)

    def delete(self, company: Company, *, takes_effect_at: int) -> None:
        """Mark a company for deletion, which Intercom carries out later."""
        company.gone_at = takes_effect_at

    def _is_live(self, company: Company) -> bool:
        return company.gone_at is None or self._now() < company.gone_at


@dataclass
class _Open:
    param: str
    left: list[Company]
    touched: float


class Scroll:
    """`GET /companies/scroll`: one open at a time, which expires when its next page is not requested.

    Args:
        idle: seconds of real time after which an open scroll expires.
        monotonic: real time, in seconds.
    """

    def __init__(self, idle: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._idle = idle
        self._monotonic = monotonic
        self._open: _Open | None = None

    def begin(self, param: str, companies: Iterable[Company]) -> list[Company]:
        """Open a scroll and return its first page, or raise a Refusal: 400 `scroll_exists` while another is open."""
        if self._find_open():
            raise refuse("scroll open")
        self._open = _Open(param, list(companies), self._monotonic())
        return self.next(param)

    def next(self, param: str) -> list[Company]:
        """Return the next page: empty once at the end, which closes the scroll; 404 after it or when it expired."""
        scroll = self._find_open()
        if scroll is None or scroll.param != param:
            raise refuse("no scroll")
        page, scroll.left = scroll.left[:SCROLL_PAGE], scroll.left[SCROLL_PAGE:]
        # Real time, unlike everywhere else, because the vendor's scroll expires while a client waits.
        scroll.touched = self._monotonic()
        if not page:
            self._open = None
        return page

    def _find_open(self) -> _Open | None:
        if self._open and self._monotonic() - self._open.touched > self._idle:
            self._open = None
        return self._open
