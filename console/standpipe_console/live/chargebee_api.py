"""Live's calls to Chargebee: events, the customer of a subscription, and webhook endpoints.

https://apidocs.chargebee.com/docs/api/events, /subscriptions, /webhook_endpoints
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from standpipe_console._kit.list_shape import ListShape, Number, Text
from standpipe_console._kit.page_decoder import Page, PageDecoder
from standpipe_console._kit.whole_list import NotWholeError, WholeList
from standpipe_console.errors import ConsoleError

from .chargebee_events import RINGING_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from standpipe_console._kit.json_types import JsonObject
    from standpipe_console.api.client import Api

EVENTS = ListShape(
    name="events",
    items="list",
    envelope="event",
    key={"id": Text},
    needed={"occurred_at": Number},
    paging="next_offset",
)
ENDPOINTS = ListShape(
    name="webhook endpoints",
    items="list",
    envelope="webhook_endpoint",
    key={"id": Text},
    needed={"url": Text},
    paging="next_offset",
)
SUBSCRIPTION = ListShape(
    name="subscription", items="subscription", single=True, key={"id": Text}, needed={"customer_id": Text}
)
ENDPOINT_NAME = "Standpipe"
#: The most that Chargebee permits per site.
MOST_ENDPOINTS = 5


def read_events(api: Api, since: int, moments: Collection[str] = ()) -> Iterator[list[JsonObject]]:
    """Yield the relevant events after a time of Chargebee's clock (unix seconds), the oldest first, page by page.

    Events of the types in `moments` are included.

    Raises:
        ConsoleError: a page is refused, or does not prove to be whole.
    """
    query = {
        "sort_by[asc]": "occurred_at",
        "occurred_at[after]": since,
        "event_type[in]": json.dumps(list_types(moments)),
    }
    return _read_pages(api, "/events", EVENTS, query)


def find_latest_event(api: Api) -> int:
    """Return the time of the latest event of any type, in unix seconds of Chargebee's clock; 0 if there is none.

    Raises:
        ConsoleError: the list is refused, or does not prove to be whole.
    """
    query: dict[str, Any] = {"limit": 1, "sort_by[desc]": "occurred_at"}
    page = api.fetch("/events", PageDecoder(EVENTS).decode_page, **query)
    return next((int(item.members.occurred_at) for item in page.items), 0)


def find_customer_id(api: Api, subscription_id: str) -> str | None:
    """Return the customer of a subscription; None if the subscription no longer exists.

    Raises:
        ConsoleError: the answer is refused, or does not name the customer.
    """
    decoder = PageDecoder(SUBSCRIPTION)
    page = api.fetch(f"/subscriptions/{subscription_id}", decoder.decode_page, if_missing=Page([]))
    return next((str(item.members.customer_id) for item in page.items), None)


def find_endpoint(api: Api) -> JsonObject | None:
    """Return the webhook endpoint that `install_endpoint` created; None if there is none.

    Raises:
        ConsoleError: the list is refused, or does not prove to be whole.
    """
    pages = _read_pages(api, "/webhook_endpoints", ENDPOINTS, {})
    return next((one for page in pages for one in page if one.get("name") == ENDPOINT_NAME), None)


def list_types(moments: Collection[str]) -> list[str]:
    """Return the types of the events that live reads: those that ring, and those that become moments."""
    return list(dict.fromkeys((*RINGING_TYPES, *sorted(moments))))


def install_endpoint(api: Api, url: str, username: str, password: str, moments: Collection[str] = ()) -> str:
    """Create the webhook endpoint, or bring it up to date; return its id.

    It reports only the events that live reads, those in `moments` included, and leaves out card data.

    Raises:
        ConsoleError: Chargebee refuses it, for example because the key may not write.
    """
    body = {
        "name": ENDPOINT_NAME,
        "url": url,
        "api_version": "v2",
        "disabled": "false",
        "send_card_resource": "false",
        "basic_auth_username": username,
        "basic_auth_password": password,
        **{f"enabled_events[{number}]": event_type for number, event_type in enumerate(list_types(moments))},
    }
    present = find_endpoint(api)
    answer = _post(api, f"/webhook_endpoints/{present['id']}" if present else "/webhook_endpoints", body)
    return str((answer.get("webhook_endpoint") or {}).get("id", ""))


def remove_endpoint(api: Api) -> bool:
    """Delete the webhook endpoint; return whether there was one.

    Raises:
        ConsoleError: Chargebee refuses it.
    """
    present = find_endpoint(api)
    if present is None:
        return False
    _post(api, f"/webhook_endpoints/{present['id']}/delete", {})
    return True


def _post(api: Api, path: str, body: Mapping[str, str]) -> JsonObject:
    answer = api.call("POST", path, form=body)
    if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise ConsoleError("Chargebee refuses this key for webhooks: use a full-access key, for this command only.")
    if not answer.ok:
        raise ConsoleError(f"Chargebee refuses the webhook: {answer.reason}")
    return answer.body


def _read_pages(api: Api, path: str, shape: ListShape, query: Mapping[str, Any]) -> Iterator[list[JsonObject]]:
    decoder = PageDecoder(shape)

    def fetch(cursor: str | None, check: Callable[[Page], None]) -> Page:
        def decode(content: bytes) -> Page:
            page = decoder.decode_page(content)
            check(page)
            return page

        offset: dict[str, Any] = {} if cursor is None else {"offset": cursor}
        page: Page = api.fetch(path, decode, limit=100, **query, **offset)
        return page

    try:
        for items in WholeList(shape.name, fetch, key=decoder.find_key):
            yield [item.decode_record() for item in items]
    except NotWholeError as error:
        raise ConsoleError(str(error)) from None
