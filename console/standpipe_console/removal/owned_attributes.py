"""Takes the attributes of Standpipe's from the records of Intercom: sets them to null, and nothing else.

An attribute itself cannot be deleted through Intercom's API; it can be archived in its settings.
"""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from standpipe_console.api import vendors
from standpipe_console.errors import ConsoleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from standpipe_console.api.vendors import Answer, Api

WORKERS = 16
TRIES = 7
#: By the kind of Intercom's record: how all of them are read.
KINDS: dict[str, Callable[[Api], Iterator[dict[str, Any]]]] = {
    "contacts": vendors.contacts,
    "companies": vendors.companies,
}


def holders(api: Api, kind: str, prefix: str) -> list[tuple[str, list[str]]]:
    """The records that hold a value under the prefix: Intercom's id, and the names of the attributes."""
    held = ((record["id"], owned(record, prefix)) for record in KINDS[kind](api))
    return [(record_id, names) for record_id, names in held if names]


def owned(record: dict[str, Any], prefix: str) -> list[str]:
    """The attributes of a record that begin with the prefix and have a value."""
    attributes: dict[str, Any] = record.get("custom_attributes") or {}
    return [name for name, value in attributes.items() if name.startswith(prefix) and value is not None]


def clear(api: Api, kind: str, found: list[tuple[str, list[str]]]) -> Counter[str]:
    """Set the attributes of these records to null; what became of them, by the vendor's words for a refusal.

    Raises:
        ConsoleError: the token may not write.
    """
    with ThreadPoolExecutor(WORKERS) as executor:
        return Counter(executor.map(lambda one: _cleared(api, kind, *one), found))


def _cleared(api: Api, kind: str, record_id: str, names: list[str]) -> str:
    answer = _patiently(api, f"/{kind}/{record_id}", {"custom_attributes": dict.fromkeys(names)})
    if answer.status in vendors.REFUSED:
        raise ConsoleError(f"Intercom does not let the token write: {answer.reason}")
    return "cleared" if answer.ok else answer.reason


def _patiently(api: Api, path: str, body: dict[str, Any]) -> Answer:
    """Write once; wait out a 429 on Intercom's own clock, and repeat what failed there: null twice is null."""
    for attempt in range(TRIES):
        answer = api.ask("PUT", path, body)
        if answer.status != HTTPStatus.TOO_MANY_REQUESTS and answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            break
        time.sleep(wait(answer, attempt))
    return answer


def wait(answer: Answer, attempt: int) -> float:
    """Seconds to wait before the next attempt, by the server's own clock where it tells one."""
    reset = answer.headers.get("X-RateLimit-Reset")
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS and reset and answer.date:
        return max(0.1, min(60.0, float(reset) - answer.date.timestamp()))
    return float(min(30, 0.5 * 2**attempt))
