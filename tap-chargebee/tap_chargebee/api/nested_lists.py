"""The line items of a large invoice, which Chargebee sends in parts, https://apidocs.chargebee.com/docs/api/invoices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_chargebee._kit.json_types import JsonObject
from tap_chargebee._kit.list_shape import ListShape, Text
from tap_chargebee._kit.page_decoder import PageDecoder
from tap_chargebee.api.errors import UserError

if TYPE_CHECKING:
    from tap_chargebee.api.client import ChargebeeClient

OFFSET = "line_items_next_offset"
LIMIT = "300"
"""Line items per call, the most that Chargebee permits."""


def complete_record(record: JsonObject, client: ChargebeeClient, path: str, envelope: str) -> JsonObject:
    """Return a record with all of its line items, and the taxes, discounts and tiers of each.

    Args:
        record: the record from the list, with the cursor of the next part.
        client: the connection to the site.
        path: the path of the record.
        envelope: the key of the record in the answer.

    Raises:
        UserError: the cursor repeats, so the parts would never end.
    """
    shape = ListShape(
        name="line items",
        items=envelope,
        single=True,
        key={"line_items": list[JsonObject]},
        needed={OFFSET: Text | None},
    )
    decoder = PageDecoder(shape)
    offset = record.pop(OFFSET)
    while offset:
        query = {"line_items_limit": LIMIT, "line_items_offset": offset}
        part = client.fetch_decoded(path, query, decoder.decode_page).items[0].decode_record()
        # The lists of their taxes, discounts and tiers have names that begin with the same words.
        for name, values in part.items():
            if name.startswith("line_item") and isinstance(values, list):
                record[name] = [*record.get(name, []), *values]
        if part.get(OFFSET) == offset:
            raise UserError(
                f"The line items at {path} have the same cursor twice, so they would never end: try again later."
            )
        offset = part.get(OFFSET)
    return record
