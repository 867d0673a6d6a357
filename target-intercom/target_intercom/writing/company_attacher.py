"""Attaching contacts to the companies that their records name.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies/attachcontacttoacompany
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from target_intercom.api.transport import RecordRefusedError
from target_intercom.records.payloads import Change, match_value

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Executor

    from target_intercom.api.client import IntercomClient
    from target_intercom.matching.candidates import Held
    from target_intercom.matching.company_index import Directory
    from target_intercom.records.buffer import Row

#: The field of a contact's record that names its company, and of the change that attaching is.
COMPANY_ID = "company_id"


class Attacher:
    """Says which contacts lack their company, and attaches them. `counts` says what became of it."""

    def __init__(self, client: IntercomClient, directory: Directory, executor: Executor) -> None:
        self._client, self._directory, self._executor = client, directory, executor
        self.counts: Counter[str] = Counter()

    def prepare(self, rows: Iterable[Row]) -> None:
        """Ask for the companies of rows that neither the scroll nor the run's own companies have told of."""
        named = {company_id for row in rows if (company_id := match_value(row.record, COMPANY_ID))}
        unknown = sorted(company_id for company_id in named if not self._directory.knows(company_id))
        for company_id, company in zip(unknown, self._executor.map(self._asked, unknown), strict=True):
            if company:
                self._directory.put(company_id, company["id"], empty=not company.get("user_count"))

    def lacking(self, row: Row, held: Held | None) -> dict[str, Change]:
        """Give the change that attaching a contact to its company will be; nothing when it is attached already."""
        company_id = match_value(row.record, COMPANY_ID)
        if company_id is None:
            return {}
        if not self._directory.knows(company_id):
            self.counts["company_not_found"] += 1
            return {}
        if held and self._is_attached(held, self._directory.id_of(company_id)):
            return {}
        return {COMPANY_ID: Change(None, company_id)}

    def attach(self, row: Row, held: Held) -> dict[str, Change]:
        """Attach a contact to its company, unless it is, and give the change this was."""
        company_id = match_value(row.record, COMPANY_ID)
        company = self._directory.id_of(company_id) if company_id else None
        if not company_id or not company or self._is_attached(held, company):
            return {}
        self._client.attach(held["id"], company)
        self._directory.joined(company_id)
        return {COMPANY_ID: Change(None, company_id)}

    def _asked(self, company_id: str) -> dict[str, Any] | None:
        try:
            return self._client.company_by(COMPANY_ID, company_id)
        except RecordRefusedError:  # an id that Intercom will not even look for is one it has not
            return None

    def _is_attached(self, held: Held, company: str | None) -> bool:
        """Say whether a contact belongs to a company; a contact is read with no more than ten of its companies."""
        if company is None or company in held["companies"]:
            return company is not None
        return bool(held["more_companies"]) and company in self._client.companies_of(held["id"])
