"""What is asked of ChartMogul: one method an operation.

https://dev.chartmogul.com/reference
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from singer_sdk.exceptions import FatalAPIError

from target_chartmogul.kinds import CONTACT
from target_chartmogul.payloads import external_ids
from target_chartmogul.transport import RecordRefusedError, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from target_chartmogul.kinds import Kind
    from target_chartmogul.settings import Settings

PAGE = 200


class Page(NamedTuple):
    """A page of a list; `total` is the number of pages, where ChartMogul tells it (the first page of customers)."""

    entries: list[dict[str, Any]]
    is_last: bool
    total: int | None


class LookUp(NamedTuple):
    """What has an external id, and whether the answer held that alone: an account may ignore the filter."""

    entry: dict[str, Any] | None
    filtered: bool


class ChartMogulClient(Transport):
    """The operations of one account, shared by all workers."""

    def sources(self, *, processing: bool = False) -> list[dict[str, Any]]:
        """List the data sources; `processing` asks for how far their imports are."""
        params = {"with_processing_status": "true"} if processing else {}
        return list(self._call("GET", "/data_sources", params=params).get("data_sources") or [])

    def create_source(self, name: str) -> dict[str, Any]:
        """Create a data source.

        Raises:
            LostReplyError: it may have been created.
            RecordRefusedError: the name is taken, or is none.
        """
        return self._create("/data_sources", {"name": name})

    def delete_source(self, uuid: str) -> None:
        """Delete a data source with all that came with it; one that is gone already is deleted."""
        self._deleted(f"/data_sources/{uuid}")

    def listed(self, kind: Kind, source: str) -> Iterator[list[dict[str, Any]]]:
        """Yield the entries of `pages`."""
        return (page.entries for page in self.pages(kind, source))

    def contacts_of(self, customer: str) -> Iterator[list[dict[str, Any]]]:
        """Yield the contacts of a customer, a page a call."""
        return (page.entries for page in self._pages(CONTACT, {"customer_uuid": customer, "per_page": PAGE}))

    def pages(self, kind: Kind, source: str) -> Iterator[Page]:
        """Yield the customers or contacts of a data source, a page a call.

        Raises:
            FatalAPIError: a cursor came twice, so that the pages would never end.
        """
        return self._pages(kind, {"data_source_uuid": source, "per_page": PAGE})

    def _pages(self, kind: Kind, params: dict[str, Any]) -> Iterator[Page]:
        seen: set[str] = set()
        while True:
            reply = self._call("GET", kind.path, params=params)
            cursor = reply.get("cursor")
            is_last = not reply.get("has_more") or not cursor  # the last page usually has a cursor, too
            total = reply.get("total_pages")
            yield Page(list(reply.get("entries") or []), is_last, total if isinstance(total, int) else None)
            if is_last or not cursor:
                return
            if cursor in seen:
                raise FatalAPIError(
                    f"ChartMogul's pages of {kind.stream} go round in circles: nothing is acknowledged."
                )
            seen.add(cursor)
            params = params | {"cursor": cursor}

    def by_external_id(self, kind: Kind, source: str, external_id: str) -> dict[str, Any] | None:
        """Read the customer or contact that has an external id in a data source, None when there is none."""
        return self.look_up(kind, source, external_id).entry

    def look_up(self, kind: Kind, source: str, external_id: str) -> LookUp:
        """Read what has an external id in a data source.

        Unknown filters are ignored, so every entry is looked at, and where none fits the next page is. Of several
        contacts the oldest is listed last.
        """
        filtered = True
        for page in self._pages(kind, {"data_source_uuid": source, "external_id": external_id}):
            found = [one for one in page.entries if external_id in {one.get("external_id"), *external_ids(one, source)}]
            filtered = filtered and len(found) == len(page.entries)
            if found:
                return LookUp(found[-1], filtered)
        return LookUp(None, filtered)

    def create(self, kind: Kind, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create a customer or contact.

        Raises:
            LostReplyError: it may have been created.
            RecordRefusedError: ChartMogul will not have it, perhaps because it is there.
        """
        return self._create(kind.path, body)

    def update(self, kind: Kind, uuid: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change the named fields of a customer or contact and give it as it is then."""
        return self._call("PATCH", f"{kind.path}/{uuid}", json=body)

    def delete_contact(self, uuid: str) -> None:
        """Delete a contact; one that is gone already is deleted."""
        self._deleted(f"/contacts/{uuid}")

    def set_attributes(self, uuid: str, custom: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Write custom attributes of a customer with their types, and give all that it has then.

        A false in a PATCH of the customer came back true (recorded in October 2023); here it stays false.
        """
        return self._call("POST", f"/customers/{uuid}/attributes/custom", json={"custom": custom})

    def clear_attributes(self, uuid: str, keys: Sequence[str]) -> None:
        """Take custom attributes away from a customer."""
        self._call("DELETE", f"/customers/{uuid}/attributes/custom", json={"custom": keys})

    def add_tags(self, uuid: str, tags: Sequence[str]) -> dict[str, Any]:
        """Add tags to a customer, and give all that it has then."""
        return self._call("POST", f"/customers/{uuid}/attributes/tags", json={"tags": tags})

    def merge(self, uuid: str, into: str) -> None:
        """Begin to merge a customer into another, which survives."""
        self._call("POST", "/customers/merges", json={"from": {"customer_uuid": uuid}, "into": {"customer_uuid": into}})

    def unmerge(self, uuid: str, source: str, external_id: str) -> None:
        """Begin to make a customer of its own of what came into another one from a data source."""
        self._call(
            "POST",
            "/customers/unmerges",
            json={"customer_uuid": uuid, "data_source_uuid": source, "external_id": external_id},
        )

    def customer(self, uuid: str, history: Sequence[str] = ()) -> dict[str, Any]:
        """Read a customer, with what the named fields held before."""
        params = {"attributes_with_history": ",".join(history)} if history else {}
        return self._call("GET", f"/customers/{uuid}", params=params)

    def _deleted(self, path: str) -> None:
        try:
            self._call("DELETE", path)
        except RecordRefusedError as error:
            if not error.is_missing:
                raise


def client_for(settings: Settings) -> ChartMogulClient:
    """Give the connection that the settings describe."""
    return ChartMogulClient(settings.api_url, settings.api_key, settings.max_concurrency, settings.requests_per_second)
