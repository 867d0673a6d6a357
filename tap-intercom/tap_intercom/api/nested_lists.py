"""Lists in a record of which it shows the first ten only, completed, https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from tap_intercom.api.errors import GoneError, UserError
from tap_intercom.api.pages import References, is_cut
from tap_intercom.streams.lists import all_of
from tap_intercom.streams.resource import Resource

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_intercom.api.client import IntercomClient

KINDS = {
    "companies": ("company", Resource("companies", way="numbered", per_page=60)),
    "tags": ("tag", Resource("tags")),
    "notes": ("note", Resource("notes", way="numbered", per_page=150)),
}
"""What an item of a list is called, and how the list that it begins comes."""


def completed(record: dict[str, Any], client: IntercomClient, names: Iterable[str]) -> dict[str, Any]:
    """A contact with the whole of those lists, each item in the form in which the first ten stand there.

    Of a contact that is gone by now, what stood there is all that there is.

    Raises:
        UserError: Intercom refused a list, or the contact has something else in its place.
    """
    try:
        for name in names:
            if is_cut(_read_head(record, name)):
                record[name] = {**record[name], **_all(record["id"], client, name)}
    except GoneError:
        pass
    return record


def _read_head(record: dict[str, Any], name: str) -> References | None:
    try:
        return msgspec.convert(record.get(name), References | None)
    except msgspec.ValidationError as error:
        raise UserError(f"Intercom sent a contact whose `{name}` is no list: {error}.") from error


def _all(contact: str, client: IntercomClient, name: str) -> dict[str, Any]:
    kind, resource = KINDS[name]
    items = all_of(client, resource, f"/contacts/{quote(contact, safe='')}/{name}")
    ids = dict.fromkeys(str(item["id"]) for item in items)
    data = [{"id": one, "type": kind, "url": f"/{name}/{one}"} for one in ids]
    return {"data": data, "total_count": len(data), "has_more": False}
