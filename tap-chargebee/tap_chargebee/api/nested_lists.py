"""The rest of a large invoice, whose line items come in parts, https://apidocs.chargebee.com/docs/api/invoices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_chargebee._kit.list_shape import ListShape, Text
from tap_chargebee._kit.page_decoder import PageDecoder
from tap_chargebee.api.errors import UserError

if TYPE_CHECKING:
    from tap_chargebee.api.client import ChargebeeClient

OFFSET = "line_items_next_offset"
AT_ONCE = "300"


def completed(record: dict[str, Any], client: ChargebeeClient, path: str, envelope: str) -> dict[str, Any]:
    """A record with all of its line items, and what belongs to each of them.

    Args:
        record: the record as the list has it, with the cursor of what follows.
        client: the site.
        path: where the record itself is.
        envelope: the key of the record in the answer.

    Raises:
        UserError: the parts have no end.
    """
    shape = ListShape(
        name="line items",
        items=envelope,
        single=True,
        key={"line_items": list[dict[str, Any]]},
        needed={OFFSET: Text | None},
    )
    decoder = PageDecoder(shape)
    offset = record.pop(OFFSET)
    while offset:
        query = {"line_items_limit": AT_ONCE, "line_items_offset": offset}
        part = client.read(path, query, decoder.decode).items[0].record()
        append(record, part)
        if part.get(OFFSET) == offset:
            raise UserError(
                f"The line items at {path} came to the same cursor again, so they have no end: try again later."
            )
        offset = part.get(OFFSET)
    return record


def append(record: dict[str, Any], part: dict[str, Any]) -> None:
    """Add the line items of a part to those of a record, and likewise their taxes, discounts and tiers."""
    for name, values in part.items():
        if name.startswith("line_item") and isinstance(values, list):
            record[name] = [*record.get(name, []), *values]
