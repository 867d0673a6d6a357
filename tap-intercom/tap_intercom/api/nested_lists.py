"""Lists within a contact of which the record shows only the first ten items.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from tap_intercom.api.errors import GoneError, UserError
from tap_intercom.api.lists import fetch_all
from tap_intercom.api.pages import ReferenceList, is_truncated
from tap_intercom.streams.resource import Resource

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_intercom._kit.json_types import JsonObject
    from tap_intercom.api.client import IntercomClient

NESTED_LISTS = {
    "companies": ("company", Resource("companies", way="numbered", per_page=60)),
    "tags": ("tag", Resource("tags")),
    "notes": ("note", Resource("notes", way="numbered", per_page=150)),
}
"""For each list in a contact, the `type` of its items, and how to read the whole list."""


def complete_record(record: JsonObject, client: IntercomClient, names: Iterable[str]) -> JsonObject:
    """Return a contact with all items of some lists, each in the form of the first ten.

    A contact that was deleted meanwhile keeps the items in its record.

    Raises:
        UserError: Intercom refused a list, or the contact has something else in its place.
    """
    try:
        for name in names:
            try:
                shown = msgspec.convert(record.get(name), ReferenceList | None)
            except msgspec.ValidationError as error:
                raise UserError(f"Intercom sent a contact whose `{name}` is not a list: {error}.") from error
            if is_truncated(shown):
                kind, resource = NESTED_LISTS[name]
                items = fetch_all(client, resource, f"/contacts/{quote(record['id'], safe='')}/{name}")
                ids = dict.fromkeys(str(item["id"]) for item in items)
                data = [{"id": one, "type": kind, "url": f"/{name}/{one}"} for one in ids]
                record[name] = {**record[name], "data": data, "total_count": len(data), "has_more": False}
    except GoneError:
        pass
    return record
