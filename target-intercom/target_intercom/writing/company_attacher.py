"""Attaches contacts to the companies that their records name.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies/attachcontacttoacompany
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_intercom.api.transport import RecordRefusedError
from target_intercom.records.match_keys import COMPANY_ID
from target_intercom.records.payloads import Change
from target_intercom.records.remote import RemoteContact

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Executor

    from target_intercom._kit.journal import JournaledWrite
    from target_intercom.api.client import IntercomClient
    from target_intercom.matching.company_index import CompanyIndex
    from target_intercom.records.buffer import Row
    from target_intercom.records.payloads import Changes
    from target_intercom.records.remote import RemoteCompany, RemoteRecord


class CompanyAttacher:
    """Finds contacts that are not attached to their company, and attaches them.

    Args:
        client: the connection.
        companies: the companies that the run knows.
        executor: makes several calls at once.
    """

    def __init__(self, client: IntercomClient, companies: CompanyIndex, executor: Executor) -> None:
        self._client, self._companies, self._executor = client, companies, executor
        self.companies_not_found = 0
        """Contacts that name a company which Intercom does not have."""

    def look_up_companies(self, rows: Iterable[Row]) -> None:
        """Fetch the rows' companies that neither the scroll nor the run has."""
        names = {company_id for row in rows if (company_id := COMPANY_ID.read_value(row.record))}
        unknown = sorted(company_id for company_id in names if not self._companies.has_company(company_id))
        for company_id, company in zip(unknown, self._executor.map(self._find_company, unknown), strict=True):
            if company:
                self._companies.add_company(company_id, company.id, has_no_users=not company.user_count)

    def plan_attachment(self, row: Row, remote: RemoteRecord | None) -> Changes:
        """Return the change for attaching a contact to its company, or nothing if it is already attached."""
        company_id = COMPANY_ID.read_value(row.record)
        if company_id is None:
            return {}
        if not self._companies.has_company(company_id):
            self.companies_not_found += 1
            return {}
        if remote and self._is_attached(remote, self._companies.find_intercom_id(company_id)):
            return {}
        return {COMPANY_ID.field: Change(None, company_id)}

    def attach(self, row: Row, remote: RemoteRecord, entry: JournaledWrite) -> Changes:
        """Attach a contact to its company unless it already is, and return the change."""
        company_id = COMPANY_ID.read_value(row.record)
        company = self._companies.find_intercom_id(company_id) if company_id else None
        if not company_id or not company or self._is_attached(remote, company):
            return {}
        changes = {COMPANY_ID.field: Change(None, company_id)}
        entry.announce(remote.id, changes)
        self._client.attach_contact(remote.id, company)
        self._companies.mark_joined(company_id)
        return changes

    def _find_company(self, company_id: str) -> RemoteCompany | None:
        try:
            return self._client.find_company(COMPANY_ID.field, company_id)
        except RecordRefusedError:
            # Intercom refused to look for the id, so no company has it.
            return None

    def _is_attached(self, remote: RemoteRecord, company: str | None) -> bool:
        if company is None or not isinstance(remote, RemoteContact):
            return False
        if company in remote.company_ids:
            return True
        # A contact's record contains at most ten of its companies.
        return remote.has_more_companies and company in self._client.list_companies_of(remote.id)
