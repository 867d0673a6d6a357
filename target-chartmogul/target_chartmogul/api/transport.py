"""HTTP to ChartMogul: key, rate and connections, retries, errors.

https://dev.chartmogul.com/docs/authentication, https://dev.chartmogul.com/docs/rate-limits
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import requests
from singer_sdk.exceptions import ConfigurationError, SkippableAPIError

from target_chartmogul._kit.page_decoder import UnprovenError, decode_json
from target_chartmogul._kit.retries import RetryTable
from target_chartmogul._kit.target_transport import LostReplyError, TargetTransport
from target_chartmogul._kit.text import clean_text
from target_chartmogul.api.rate_limit import Pace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_chartmogul._kit.transport import Answer

__all__ = ["LostReplyError", "RecordRefusedError", "Transport"]

BASE_URL = "https://api.chartmogul.com/v1"

#: ChartMogul tells no wait in its recordings: thirty 429 in a row are a quarter of an hour.
RETRIES = RetryTable(tries=7, limited_tries=30, shortest_backoff=0.5, longest_backoff=30)

_PLAIN_SHAPES = ("error", "message")


class RecordRefusedError(SkippableAPIError):
    """ChartMogul refused one request (400, 402, 404, 409, 422): the record is reported, the run goes on.

    `named` are the fields that the refusal names.
    """

    def __init__(self, status: int, reason: str, named: tuple[str, ...] = ()) -> None:
        super().__init__(f"{status}: {reason}")
        self.status, self.reason, self.named = status, reason, named

    @property
    def is_missing(self) -> bool:
        """Say whether what was asked for is not there."""
        return bool(self.status == requests.codes.not_found)

    @property
    def is_duplicate(self) -> bool:
        """Say whether what was to be created may be there already."""
        taken = "external_id" in self.named and "required" not in self.reason
        return taken or bool(self.status == requests.codes.conflict)


class _Lanes:
    """The rate, and so many requests at the same time as the account permits."""

    def __init__(self, pace: Pace, connections: int) -> None:
        self._pace = pace
        self._connections = threading.BoundedSemaphore(connections)
        self.hold = pace.hold

    @contextmanager
    def request(self) -> Iterator[None]:
        """Wait for one's turn."""
        with self._connections, self._pace.request():
            yield


class Transport(TargetTransport):
    """A connection to one account, shared by all workers.

    Args:
        base_url: e.g. `https://api.chartmogul.com/v1`.
        key: the API key, the user name of HTTP Basic; there is no password.
        connections: at most so many at once.
        per_second: at most so many requests.
        request_timeout: seconds to wait between two bytes of an answer.
        answer_timeout: seconds to wait for the whole of an answer.
    """

    def __init__(  # noqa: PLR0913 one argument a setting
        self,
        base_url: str,
        key: str,
        connections: int,
        per_second: int,
        *,
        request_timeout: float = 120,
        answer_timeout: float = 300,
    ) -> None:
        self.pace = Pace(per_second)
        super().__init__(
            "ChartMogul",
            base_url,
            distribution="standpipe-target-chartmogul",
            retries=RETRIES,
            auth=(key, ""),
            request_timeout=request_timeout,
            answer_timeout=answer_timeout,
            connections=connections,
            pacer=_Lanes(self.pace, connections),
        )

    def _refuse(self, answer: Answer) -> NoReturn:
        reason, named = refusal(_parse(answer.content), answer.status)
        self._assert_permitted(answer, reason)
        raise RecordRefusedError(answer.status, reason, named)

    def _assert_permitted(self, answer: Answer, reason: str) -> None:
        if answer.status == requests.codes.unauthorized:
            raise ConfigurationError(f"ChartMogul refused the key in `api_key` ({reason}): check it, and `api_url`.")
        if answer.status in {requests.codes.forbidden, requests.codes.method_not_allowed}:
            may = "only read: give one that may also write" if answer.method != "GET" else "not do this"
            raise ConfigurationError(f"The key in `api_key` may {may} ({reason}), or the account's trial has ended.")


def refusal(body: Any, status: int) -> tuple[str, tuple[str, ...]]:
    """Read a sentence, and the fields that it names, from any of the shapes of ChartMogul's errors.

    They are `{code, message, param}`, `{errors: {field: text}}`, `{error: text}` and `{field: [text], error_details}`.
    """
    if not isinstance(body, dict):
        return f"status {status} without a readable error", ()
    for name in _PLAIN_SHAPES:
        if isinstance(body.get(name), str):
            return clean_text(body[name]), (clean_text(body["param"]),) if body.get("param") else ()
    errors = body["errors"] if isinstance(body.get("errors"), dict) else body
    texts = {clean_text(name): clean_text(_first(value)) for name, value in errors.items() if name != "error_details"}
    return "; ".join(f"{name}: {text}" for name, text in texts.items()) or f"status {status}", tuple(texts)


def _first(value: Any) -> str:
    return str(value[0]) if isinstance(value, list) and value else str(value)


def _parse(content: bytes) -> Any:
    try:
        return decode_json(content, Any)[1]
    except UnprovenError:
        return None
