"""The companies of one workspace, and the one scroll over them that may be open at a time.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.intercom.errors import Refusal, company_not_found
from sandbox.intercom.records import Change, Index, Record, changes, merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sandbox.intercom.search import Document

EMPTY: dict[str, Any] = dict.fromkeys(
    ("company_id", "name", "plan", "size", "website", "industry", "remote_created_at", "last_request_at")
) | {"monthly_spend": 0, "session_count": 0}
SCROLL_PAGE = 100


class Company(Record):
    """One company; `contacts` are the ids of those attached to it, oldest link first; `notes` those of its notes."""

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__(document)
        self.contacts: dict[str, None] = {}
        self.notes: tuple[str, ...] = ()
        self.gone_at: int | None = None
        """The instant at which a DELETE takes effect."""


class Companies:
    """Companies by Intercom's id, indexed by `company_id` and name."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._by_id: dict[str, Company] = {}
        self._index = Index("company_id", "name")
        self.watch: Callable[[Company, Document | None], object] = lambda *_: None
        """Called after every creation and change, with the document until then."""

    def __len__(self) -> int:
        return sum(1 for _ in self.live())

    def live(self) -> Iterator[Company]:
        """Every company that a DELETE has not yet reached, oldest first."""
        return (one for one in self._by_id.values() if self._is_live(one))

    def get(self, record_id: str) -> Company:
        """A company by Intercom's id.

        Raises:
            Refusal: 404 `company_not_found`.
        """
        found = self._by_id.get(record_id)
        if found is None or not self._is_live(found):
            raise company_not_found()
        return found

    def live_among(self, ids: Iterable[str]) -> Iterator[Company]:
        """Those of the companies with these ids that still live."""
        return (one for one in map(self._by_id.__getitem__, ids) if self._is_live(one))

    def find(self, field: str, value: str) -> Company:
        """A company by `company_id` or name: of several with one name, the oldest.

        Raises:
            Refusal: 404 `company_not_found`.
        """
        found = next((one for one in self._index.find(field, value) if self._is_live(self._by_id[one])), None)
        if found is None:
            raise company_not_found()
        return self._by_id[found]

    def has(self, company_id: str) -> bool:
        """Whether a company with the caller's own id exists."""
        return any(self._is_live(self._by_id[one]) for one in self._index.find("company_id", company_id))

    def add(self, document: dict[str, Any], source: str) -> Company:
        """Add a company whose document is whole."""
        company = Company(document)
        company.history.append(Change(document["created_at"], source, "(created)", None, None))
        self._by_id[company.id] = company
        self._index.add(document)
        self.watch(company, None)
        return company

    def update(self, company: Company, values: dict[str, Any], at: int, source: str) -> None:
        """Lay values over a company; `updated_at` moves when something changes."""
        before, after = company.document, merged(company.document, values)
        found = changes(before, after, at, source)
        if not found:
            return
        after["updated_at"] = at
        self._index.remove(before)
        company.document = after
        self._index.add(after)
        company.history.extend(found)
        self.watch(company, before)

    def delete(self, company: Company, *, takes_effect_at: int) -> None:
        """Mark it: Intercom archives and detaches some time later."""
        company.gone_at = takes_effect_at

    def _is_live(self, company: Company) -> bool:
        return company.gone_at is None or self._now() < company.gone_at


@dataclass
class _Open:
    param: str
    left: list[Company]
    touched: float


class Scroll:
    """`GET /companies/scroll`: one open at a time, which dies when nobody asks for its next page.

    Args:
        idle: seconds of real time after which an open scroll expires.
        monotonic: real time, in seconds.
    """

    def __init__(self, idle: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._idle = idle
        self._monotonic = monotonic
        self._open: _Open | None = None

    def begin(self, param: str, companies: Iterable[Company]) -> list[Company]:
        """Open a scroll and give its first page.

        Raises:
            Refusal: 400 `scroll_exists` while another is open.
        """
        if self._live():
            raise Refusal(400, "scroll_exists", "scroll already exists for this workspace")
        self._open = _Open(param, list(companies), self._monotonic())
        return self.next(param)

    def next(self, param: str) -> list[Company]:
        """The next page: empty once at the end, which closes the scroll.

        Raises:
            Refusal: 404, when this scroll ended or expired.
        """
        scroll = self._live()
        if scroll is None or scroll.param != param:
            raise Refusal(404, "not_found", "scroll parameter not found")
        page, scroll.left = scroll.left[:SCROLL_PAGE], scroll.left[SCROLL_PAGE:]
        scroll.touched = self._monotonic()
        if not page:
            self._open = None
        return page

    def _live(self) -> _Open | None:
        if self._open and self._monotonic() - self._open.touched > self._idle:
            self._open = None
        return self._open
