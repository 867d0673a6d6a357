"""Addresses of records in Intercom and in their source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from target_intercom.records.object_types import OBJECT_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Links:
    """Builds the addresses of records.

    Args:
        web_url: Intercom's web application.
        app_id: the workspace's id.
        record_url: an address with `{stream}` and `{id}` that replaces Intercom's.
        source_url: an address in the source with `{id}`; empty for none.
    """

    web_url: str
    app_id: str
    record_url: str = ""
    source_url: str = ""

    def build_intercom_link(self, stream: str, intercom_id: str) -> str:
        """Return the address of one contact or company."""
        address = self.record_url or f"{self.web_url}/a/apps/{self.app_id}/{OBJECT_TYPES[stream].page}"
        return address.replace("{stream}", stream).replace("{id}", intercom_id)

    def build_intercom_links(self, stream: str, intercom_ids: Iterable[str]) -> str:
        """Return the addresses of contacts or companies, separated by spaces."""
        return " ".join(self.build_intercom_link(stream, one) for one in intercom_ids)

    def build_source_link(self, record_id: str | None) -> str:
        """Return the address of a record in its source, or an empty text."""
        return self.source_url.replace("{id}", quote(record_id, safe="")) if self.source_url and record_id else ""
