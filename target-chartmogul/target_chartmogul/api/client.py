"""What is asked of ChartMogul: one method an operation.

https://dev.chartmogul.com/reference
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from target_chartmogul._kit import page_decoder
from target_chartmogul._kit.page_decoder import PageDecoder, decode_json
from target_chartmogul._kit.transport import Call
from target_chartmogul._kit.whole_list import WholeList
from target_chartmogul.api import shapes
from target_chartmogul.api.transport import RecordRefusedError, Transport
from target_chartmogul.records.object_types import CONTACT
from target_chartmogul.records.payloads import external_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from target_chartmogul.records.object_types import Kind
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
        call = Call("GET", "/data_sources", {"with_processing_status": "true"} if processing else None)
        return [item.record() for item in self._read_page(call, PageDecoder(shapes.SOURCES)).items]

    def create_source(self, name: str) -> dict[str, Any]:
        """Create a data source.

        Raises:
            LostReplyError: it may have been created.
            RecordRefusedError: the name is taken, or is none.
        """
        return self._create("/data_sources", {"name": name}, shapes.SOURCES)

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
            FatalAPIError: the list cannot be proved whole.
        """
        return self._pages(kind, {"data_source_uuid": source, "per_page": PAGE})

    def _pages(self, kind: Kind, params: Mapping[str, Any]) -> Iterator[Page]:
        decoder = PageDecoder(shapes.OF_KIND[kind.stream])
        latest = page_decoder.Page([])

        def ask(cursor: str | None, check: Callable[[page_decoder.Page], None]) -> page_decoder.Page:
            nonlocal latest
            query = params if cursor is None else {**params, "cursor": cursor}
            latest = self._read_page(Call("GET", kind.path, query), decoder, check)
            return latest

        whole = WholeList(kind.stream, ask, key=decoder.identify)
        for entries in self._read_whole(whole, decoder):
            yield Page(entries, latest.cursor is None, latest.total_pages or None)

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
        return self._create(kind.path, body, shapes.OF_KIND[kind.stream])

    def update(self, kind: Kind, uuid: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change the named fields of a customer or contact and give it as it is then."""
        return self._read_record(Call("PATCH", f"{kind.path}/{uuid}", body=body), shapes.OF_KIND[kind.stream])

    def delete_contact(self, uuid: str) -> None:
        """Delete a contact; one that is gone already is deleted."""
        self._deleted(f"/contacts/{uuid}")

    def set_attributes(self, uuid: str, custom: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Write custom attributes of a customer with their types, and give all that it has then.

        A false in a PATCH of the customer came back true (recorded in October 2023); here it stays false.
        """
        call = Call("POST", f"/customers/{uuid}/attributes/custom", body={"custom": custom})
        return self._read_record(call, shapes.CUSTOM)

    def clear_attributes(self, uuid: str, keys: Sequence[str]) -> None:
        """Take custom attributes away from a customer."""
        self._read(Call("DELETE", f"/customers/{uuid}/attributes/custom", body={"custom": keys}), _decode_any)

    def add_tags(self, uuid: str, tags: Sequence[str]) -> dict[str, Any]:
        """Add tags to a customer, and give all that it has then."""
        return self._read_record(Call("POST", f"/customers/{uuid}/attributes/tags", body={"tags": tags}), shapes.TAGS)

    def merge(self, uuid: str, into: str) -> None:
        """Begin to merge a customer into another, which survives."""
        body = {"from": {"customer_uuid": uuid}, "into": {"customer_uuid": into}}
        self._read(Call("POST", "/customers/merges", body=body), _decode_accepted)

    def unmerge(self, uuid: str, source: str, external_id: str) -> None:
        """Begin to make a customer of its own of what came into another one from a data source."""
        body = {"customer_uuid": uuid, "data_source_uuid": source, "external_id": external_id}
        self._read(Call("POST", "/customers/unmerges", body=body), _decode_accepted)

    def customer(self, uuid: str, history: Sequence[str] = ()) -> dict[str, Any]:
        """Read a customer, with what the named fields held before."""
        params = {"attributes_with_history": ",".join(history)} if history else None
        return self._read_record(Call("GET", f"/customers/{uuid}", params), shapes.CUSTOMERS)

    def _deleted(self, path: str) -> None:
        try:
            self._read(Call("DELETE", path), _decode_any)
        except RecordRefusedError as error:
            if not error.is_missing:
                raise


def client_for(settings: Settings) -> ChartMogulClient:
    """Give the connection that the settings describe."""
    return ChartMogulClient(
        settings.api_url,
        settings.api_key,
        settings.max_concurrency,
        settings.requests_per_second,
        request_timeout=settings.request_timeout,
        answer_timeout=settings.answer_timeout,
    )


def _decode_accepted(content: bytes) -> None:
    decode_json(content, dict[str, Any])


def _decode_any(content: bytes) -> None:
    """Take any body, even none: deletions are answered in several ways."""
    if content:
        decode_json(content, dict[str, Any])
