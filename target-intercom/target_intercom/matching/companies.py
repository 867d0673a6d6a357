"""Finds companies for many records: with a scroll over all that have users, then with single calls for others.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies/scrolloverallcompanies
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_intercom.api.transport import RecordRefusedError
from target_intercom.matching.candidates import Candidates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_intercom.matching.candidates import MatchContext
    from target_intercom.records.buffer import Row
    from target_intercom.records.remote import RemoteCompany


class CompanyMatcher:
    """Finds companies among the scrolled ones, which the buffer keeps, and requests others by `company_id`.

    A company without users is in no list and no scroll. For a name, Intercom returns one such company and never says
    whether there are more, so it may be a duplicate. It is requested only if that prevents a second company with the
    name.
    """

    def __init__(self, context: MatchContext) -> None:
        self._client, self._options = context.client, context.options
        self._buffer, self._executor = context.buffer, context.executor
        self._match_key = context.options.match_key
        self._asks_by_key = context.may_create and not self._match_key.is_unique

    def find_candidates(self, rows: Sequence[Row]) -> dict[int, Candidates]:
        """Return what Intercom has for each row, by `seq`."""
        candidates = {}
        for row in rows:
            # A unique key is the strongest evidence. With a name, or without a value, a row is also searched by its
            # link and its id.
            is_certain = self._match_key.is_unique and row.key
            candidates[row.seq] = self._find_first(row, ["key"] if is_certain else ["key", "link", "lookup_id"])
        rest = [row for row in rows if row.key and candidates[row.seq].has_no_user]
        candidates |= dict(zip((row.seq for row in rest), self._executor.map(self._ask, rest), strict=True))
        for row in rows:
            found = candidates[row.seq]
            if found.records and row.link and not found.error:
                linked = Candidates(self._buffer.find_remotes("link", row.link))
                candidates[row.seq] = found.add_linked(linked)
        return candidates

    def find_email_owners(self, rows: Sequence[Row]) -> dict[int, Candidates]:
        """Return nothing, as companies have no e-mail addresses."""
        return {row.seq: Candidates() for row in rows}

    def find_linked(self, links: Sequence[str]) -> dict[str, Candidates]:
        """Return the scrolled companies with these links, by link."""
        return {link: Candidates(self._buffer.find_remotes("link", link)) for link in links}

    def _find_first(self, row: Row, fields: Sequence[str]) -> Candidates:
        values = ((field, getattr(row, field)) for field in fields)
        found = (self._buffer.find_remotes(field, value) for field, value in values if value)
        return Candidates(next((records for records in found if records), []))

    def _ask(self, row: Row) -> Candidates:
        """Request a company that no list shows."""
        try:
            company = self._find_without_users(row)
        except RecordRefusedError as error:
            return Candidates(error=error)
        # With `company_id` as the match key, the link comes after this, as it is the weaker evidence.
        return Candidates([company]) if company else self._find_first(row, ["link"])

    def _find_without_users(self, row: Row) -> RemoteCompany | None:
        if row.lookup_id and (company := self._client.find_company("company_id", row.lookup_id)):
            return msgspec.structs.replace(self._options.trim_remote(company), user_count=company.user_count or 0)
        # With another match key, it is requested only if that prevents a second company.
        value = self._match_key.read_value(row.record) if self._asks_by_key else None
        for spelling in self._match_key.list_search_values(value) if value else ():
            company = self._client.find_company(self._match_key.field, spelling)
            if company and self._options.read_remote_key(company) == row.key:
                is_linked = row.link is not None and self._options.read_remote_link(company) == row.link
                return msgspec.structs.replace(
                    self._options.trim_remote(company), user_count=0, may_have_namesake=not is_linked
                )
        return None
