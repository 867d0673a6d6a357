"""Sets Standpipe's own attributes in Intercom's records to null, and changes nothing else.

Intercom's API cannot delete an attribute itself, but a person can archive it in Intercom's settings.
"""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING

from standpipe_console.api.client import REFUSED
from standpipe_console.api.vendors import fetch_companies, fetch_contacts
from standpipe_console.errors import ConsoleError

if TYPE_CHECKING:
    from standpipe_console._kit.json_types import JsonObject
    from standpipe_console.api.client import Api, Response

_WORKERS = 16
_TRIES = 7
#: The function that reads all records of a kind.
_FETCH = {"contacts": fetch_contacts, "companies": fetch_companies}


def find_owners(api: Api, kind: str, prefix: str) -> list[tuple[str, list[str]]]:
    """Return the records with a value under the prefix: Intercom's id, and the names of the attributes."""
    owners = []
    for record in _FETCH[kind](api):
        attributes: JsonObject = record.get("custom_attributes") or {}
        names = [name for name, value in attributes.items() if name.startswith(prefix) and value is not None]
        if names:
            owners.append((record["id"], names))
    return owners


def clear_attributes(api: Api, kind: str, owners: list[tuple[str, list[str]]]) -> Counter[str]:
    """Set the attributes of these records to null. Count the outcomes, and refusals by the vendor's message.

    Raises:
        ConsoleError: the token may not write.
    """
    with ThreadPoolExecutor(_WORKERS) as executor:
        return Counter(executor.map(lambda owner: _clear_record(api, kind, *owner), owners))


def _clear_record(api: Api, kind: str, record_id: str, names: list[str]) -> str:
    body = {"custom_attributes": dict.fromkeys(names)}
    for attempt in range(_TRIES):
        response = api.call("PUT", f"/{kind}/{record_id}", body)
        if response.status != HTTPStatus.TOO_MANY_REQUESTS and response.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            break
        # After an unknown result it is sent again, which does no harm, as null stays null.
        time.sleep(compute_wait(response, attempt))
    if response.status in REFUSED:
        raise ConsoleError(f"Intercom does not let the token write: {response.reason}")
    return "cleared" if response.ok else response.reason


def compute_wait(response: Response, attempt: int) -> float:
    """Return the seconds to wait before the next attempt, by the server's own clock if it sends one."""
    reset = response.headers.get("X-RateLimit-Reset")
    if response.status == HTTPStatus.TOO_MANY_REQUESTS and reset and response.date:
        return max(0.1, min(60.0, float(reset) - response.date.timestamp()))
    return float(min(30, 0.5 * 2**attempt))
