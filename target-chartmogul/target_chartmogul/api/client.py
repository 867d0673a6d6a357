"""The operations of ChartMogul's API that this target uses, with one method each.

https://dev.chartmogul.com/reference
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import msgspec

from target_chartmogul._kit import page_decoder
from target_chartmogul._kit.page_decoder import PageDecoder, decode_json
from target_chartmogul._kit.transport import Call
from target_chartmogul._kit.whole_list import WholeList
from target_chartmogul.api import shapes
from target_chartmogul.api.shapes import CustomAttributes, DataSource, Tags
from target_chartmogul.api.transport import RecordRefusedError, Transport
from target_chartmogul.records.object_types import CONTACT, CUSTOMER
from target_chartmogul.records.remote import RemoteObject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from target_chartmogul._kit.json_types import JsonObject
    from target_chartmogul.records.object_types import ObjectType
    from target_chartmogul.records.remote import RemoteContact, RemoteCustomer
    from target_chartmogul.settings import Settings

PAGE = 200
R = TypeVar("R", bound=RemoteObject)


class Page(NamedTuple, Generic[R]):
    """A page of a list. `total` is the number of pages, which ChartMogul gives on the first page of customers."""

    entries: list[R]
    is_last: bool
    total: int | None


class LookUp(NamedTuple, Generic[R]):
    """The records with an external id, and whether the answer had only those, as an account may ignore the filter."""

    entry: R | None
    is_filtered: bool


class ChartMogulClient(Transport):
    """A connection to one account, shared by all workers."""

    def list_sources(self, *, with_progress: bool = False) -> list[DataSource]:
        """Return the data sources. `with_progress` includes the progress of their imports."""
        call = Call("GET", "/data_sources", {"with_processing_status": "true"} if with_progress else None)
        page = self._read_page(call, PageDecoder(shapes.SOURCES))
        return [msgspec.convert(item.decode_record(), DataSource) for item in page.items]

    def create_source(self, name: str) -> DataSource:
        """Create a data source.

        Raises:
            LostReplyError: it may have been created.
            RecordRefusedError: the name is taken, or is not allowed.
        """
        return msgspec.convert(self._create_record("/data_sources", {"name": name}, shapes.SOURCES), DataSource)

    def delete_source(self, uuid: str) -> None:
        """Delete a data source and everything in it, if it still exists."""
        self._delete(f"/data_sources/{uuid}")

    def read_pages(self, object_type: ObjectType[R], source: str) -> Iterator[Page[R]]:
        """Yield the customers or contacts of a data source, a page per call.

        Raises:
            FatalAPIError: the list may be incomplete.
        """
        return self._read_pages(object_type, {"data_source_uuid": source, "per_page": PAGE})

    def read_all(self, object_type: ObjectType[R], source: str) -> Iterator[R]:
        """Yield the customers or contacts of a data source.

        Raises:
            FatalAPIError: the list may be incomplete.
        """
        return (entry for page in self.read_pages(object_type, source) for entry in page.entries)

    def read_contacts_of(self, customer_uuid: str) -> Iterator[RemoteContact]:
        """Yield the contacts of a customer."""
        pages = self._read_pages(CONTACT, {"customer_uuid": customer_uuid, "per_page": PAGE})
        return (entry for page in pages for entry in page.entries)

    def look_up(self, object_type: ObjectType[R], source: str, external_id: str) -> LookUp[R]:
        """Read the records with an external id in a data source."""
        is_filtered = True
        for page in self._read_pages(object_type, {"data_source_uuid": source, "external_id": external_id}):
            # ChartMogul ignores unknown filters, so every entry on every page is checked.
            fitting = [one for one in page.entries if external_id in {one.external_id, *one.list_external_ids(source)}]
            is_filtered = is_filtered and len(fitting) == len(page.entries)
            if fitting:
                # Of several contacts the oldest is listed last.
                return LookUp(fitting[-1], is_filtered)
        return LookUp(None, is_filtered)

    def create_object(self, object_type: ObjectType[R], body: JsonObject) -> R:
        """Create a customer or contact.

        Raises:
            LostReplyError: it may have been created.
            RecordRefusedError: ChartMogul refuses it, perhaps because it exists.
        """
        return object_type.decode(self._create_record(object_type.path, body, shapes.OBJECTS[object_type.stream]))

    def update_object(self, object_type: ObjectType[R], uuid: str, body: JsonObject) -> R:
        """Change fields of a customer or contact, and return it afterwards."""
        call = Call("PATCH", f"{object_type.path}/{uuid}", body=body)
        return object_type.decode(self._read_record(call, shapes.OBJECTS[object_type.stream]))

    def read_object(self, object_type: ObjectType[R], uuid: str) -> R:
        """Read a customer or contact."""
        return object_type.decode(
            self._read_record(Call("GET", f"{object_type.path}/{uuid}"), shapes.OBJECTS[object_type.stream])
        )

    def delete_contact(self, uuid: str) -> None:
        """Delete a contact if it still exists."""
        self._delete(f"/contacts/{uuid}")

    def set_attributes(self, uuid: str, custom: Sequence[JsonObject]) -> CustomAttributes:
        """Write custom attributes of a customer with their types, and return all that it has afterwards.

        A false in a PATCH of the customer came back as true (recorded in October 2023). Here it stays false.
        """
        call = Call("POST", f"/customers/{uuid}/attributes/custom", body={"custom": custom})
        return msgspec.convert(self._read_record(call, shapes.CUSTOM), CustomAttributes)

    def clear_attributes(self, uuid: str, keys: Sequence[str]) -> None:
        """Remove custom attributes of a customer."""
        self._read_answer(
            Call("DELETE", f"/customers/{uuid}/attributes/custom", body={"custom": keys}), _check_deletion
        )

    def add_tags(self, uuid: str, tags: Sequence[str]) -> Tags:
        """Add tags to a customer, and return all that it has afterwards."""
        call = Call("POST", f"/customers/{uuid}/attributes/tags", body={"tags": tags})
        return msgspec.convert(self._read_record(call, shapes.TAGS), Tags)

    def remove_tags(self, uuid: str, tags: Sequence[str]) -> None:
        """Remove tags of a customer."""
        self._read_answer(Call("DELETE", f"/customers/{uuid}/attributes/tags", body={"tags": tags}), _check_deletion)

    def start_merge(self, uuid: str, into: str) -> None:
        """Ask ChartMogul to merge a customer into another one, which remains."""
        body = {"from": {"customer_uuid": uuid}, "into": {"customer_uuid": into}}
        self._read_answer(Call("POST", "/customers/merges", body=body), _check_object)

    def start_unmerge(self, uuid: str, source: str, external_id: str) -> None:
        """Ask ChartMogul to split a data source's part off a customer."""
        body = {"customer_uuid": uuid, "data_source_uuid": source, "external_id": external_id}
        self._read_answer(Call("POST", "/customers/unmerges", body=body), _check_object)

    def read_customer(self, uuid: str, history: Sequence[str]) -> RemoteCustomer:
        """Read a customer, with the earlier values of the fields in `history`."""
        call = Call("GET", f"/customers/{uuid}", {"attributes_with_history": ",".join(history)})
        return CUSTOMER.decode(self._read_record(call, shapes.OBJECTS[CUSTOMER.stream]))

    def _read_pages(self, object_type: ObjectType[R], params: Mapping[str, str | int]) -> Iterator[Page[R]]:
        decoder = PageDecoder(shapes.OBJECTS[object_type.stream])
        latest = page_decoder.Page([])

        def fetch_page(cursor: str | None, check: Callable[[page_decoder.Page], None]) -> page_decoder.Page:
            nonlocal latest
            query = params if cursor is None else {**params, "cursor": cursor}
            latest = self._read_page(Call("GET", object_type.path, query), decoder, check)
            return latest

        whole = WholeList(object_type.stream, fetch_page, key=decoder.find_key)
        for entries in self._read_whole(whole, decoder):
            yield Page([object_type.decode(one) for one in entries], latest.cursor is None, latest.total_pages or None)

    def _delete(self, path: str) -> None:
        try:
            self._read_answer(Call("DELETE", path), _check_deletion)
        except RecordRefusedError as error:
            if not error.is_missing:
                raise


def create_client(settings: Settings) -> ChartMogulClient:
    """Return the connection for the settings."""
    return ChartMogulClient(
        settings.api_url,
        settings.api_key,
        settings.max_concurrency,
        settings.requests_per_second,
        limit_url=settings.limit_url,
        request_timeout=settings.request_timeout,
        answer_timeout=settings.answer_timeout,
    )


def _check_object(content: bytes) -> None:
    decode_json(content, dict[str, object])


def _check_deletion(content: bytes) -> None:
    """Accept any body, even an empty one, as ChartMogul answers deletions in several ways."""
    if content:
        _check_object(content)
