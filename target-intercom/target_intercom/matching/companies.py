"""Finding the companies of many records: by a scroll over all that have users, then one by one among the others.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies/scrolloverallcompanies
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from unicodedata import normalize

from target_intercom.api.transport import RecordRefusedError
from target_intercom.matching.candidates import Found, linked_to, trimmed
from target_intercom.records.payloads import match_key, match_value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from target_intercom.api.client import IntercomClient
    from target_intercom.matching.candidates import Held
    from target_intercom.records.buffer import Row, Spool
    from target_intercom.records.payloads import Shape


class CompanyMatcher:
    """Looks rows up among the scrolled companies, which the spool keeps, and asks for the rest by `company_id`.

    A company without users is in no list and no scroll. By its name Intercom gives one such company and never says
    whether there are more, so that a find by name alone is doubtful; it is asked for only where it forestalls a second
    company of that name (`by_name`).
    """

    def __init__(
        self, client: IntercomClient, shape: Shape, spool: Spool, executor: Executor, *, by_name: bool
    ) -> None:
        self._client, self._shape, self._spool, self._executor = client, shape, spool, executor
        self._by_name = by_name and shape.match_on == "name"

    def match(self, rows: Sequence[Row]) -> dict[int, Found]:
        """Give what was found for each row, by `seq`."""
        found = {row.seq: self._scrolled(row) for row in rows}
        lone = [row for row in rows if row.key and found[row.seq].unmatched]
        found |= dict(zip((row.seq for row in lone), self._executor.map(self._lone, lone), strict=True))
        return {row.seq: self._beside(row, found[row.seq]) for row in rows}

    def emailed(self, rows: Sequence[Row]) -> dict[int, Found]:
        """Give nobody: companies have no e-mail addresses."""
        return {row.seq: Found() for row in rows}

    def find_linked(self, links: Sequence[str]) -> dict[str, Found]:
        """Return the scrolled companies that carry one of these links, by link."""
        return {link: Found(self._spool.held_by("link", link)) for link in links}

    def _scrolled(self, row: Row) -> Found:
        """Look for the match value; matched by name, or without a value, then for the link and a renamed company."""
        by_id = self._shape.match_on == "company_id" and row.key
        return self._first(row, ["key"] if by_id else ["key", "link", "identity"])

    def _beside(self, row: Row, found: Found) -> Found:
        """Look for another company that carries the row's link."""
        if found.records and row.link and not found.refused:
            return found.with_linked(Found(self._spool.held_by("link", row.link)))
        return found

    def _first(self, row: Row, fields: Sequence[str]) -> Found:
        values = ((field, getattr(row, field)) for field in fields)
        kept = (self._spool.held_by(field, value) for field, value in values if value)
        return Found(next((records for records in kept if records), []))

    def _lone(self, row: Row) -> Found:
        """Ask for one company; matched by `company_id`, the link comes after this, as it is the weaker evidence."""
        try:
            found = self._unseen(row)
        except RecordRefusedError as error:
            return Found(refused=error)
        return Found([found]) if found else self._first(row, ["link"])

    def _unseen(self, row: Row) -> Held | None:
        if row.identity and (company := self._client.company_by("company_id", row.identity)):
            return trimmed(company, self._shape) | {"no_users": not company.get("user_count")}
        if not self._by_name or (company := self._unseen_of_name(row)) is None:
            return None
        doubtful = row.link is None or linked_to(company, self._shape) != row.link
        return trimmed(company, self._shape) | {"no_users": True, "doubtful": doubtful}

    def _unseen_of_name(self, row: Row) -> Held | None:
        """Ask by name, as the record has it and outside of ASCII in both codings of accents."""
        name = match_value(row.record, "name") or ""
        for spelling in dict.fromkeys((name, normalize("NFC", name), normalize("NFD", name))):
            company = self._client.company_by("name", spelling)
            if company and match_key(str(company.get("name") or ""), "name") == row.key:
                return company
        return None
