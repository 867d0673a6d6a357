"""HTTP for ChartMogul: the key, the rate limit, retries, and the meaning of refusals.

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
from target_chartmogul._kit.shared_pacer import share_limit
from target_chartmogul._kit.target_transport import LostReplyError, TargetTransport
from target_chartmogul._kit.text import clean_text
from target_chartmogul.api.rate_limit import WindowRateLimiter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_chartmogul._kit.json_types import JsonValue
    from target_chartmogul._kit.rate_limit import Pacer
    from target_chartmogul._kit.transport import Answer

__all__ = ["LostReplyError", "RecordRefusedError", "Transport"]

DISTRIBUTION = "standpipe-target-chartmogul"
BASE_URL = "https://api.chartmogul.com/v1"

#: ChartMogul's 429 has no wait. Thirty in succession take a quarter of an hour.
RETRIES = RetryTable(tries=7, limited_tries=30, shortest_backoff=0.5, longest_backoff=30)


class RecordRefusedError(SkippableAPIError):
    """ChartMogul refused one request (400, 402, 404, 409, 422). The record is reported, and the run goes on.

    Args:
        status: the status of the answer.
        reason: ChartMogul's sentence.
        fields: the fields in the refusal.
    """

    def __init__(self, status: int, reason: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(f"{status}: {reason}")
        self.status, self.reason, self.fields = status, reason, fields

    @property
    def is_missing(self) -> bool:
        """Return whether the requested object does not exist."""
        return bool(self.status == requests.codes.not_found)

    @property
    def is_duplicate(self) -> bool:
        """Return whether the object may already exist."""
        is_taken = "external_id" in self.fields and "required" not in self.reason
        return is_taken or bool(self.status == requests.codes.conflict)


class _Limits:
    """The account's two limits: requests per second, and requests at the same time."""

    def __init__(self, pacer: Pacer, connections: int) -> None:
        self._pacer = pacer
        self._connections = threading.BoundedSemaphore(connections)
        self.pause_requests = pacer.pause_requests
        self.note_limit = pacer.note_limit

    @contextmanager
    def wait_for_turn(self) -> Iterator[None]:
        """Wait until a request may be sent."""
        with self._connections, self._pacer.wait_for_turn():
            yield


class Transport(TargetTransport):
    """A connection to one account, shared by all workers.

    Args:
        base_url: e.g. `https://api.chartmogul.com/v1`.
        key: the API key, the user name of HTTP Basic; there is no password.
        connections: how many requests may run at once.
        per_second: how many requests may be sent per second.
        limit_url: the database through which processes share that limit; None for no sharing.
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
        limit_url: str | None = None,
        request_timeout: float = 120,
        answer_timeout: float = 300,
    ) -> None:
        pacer: Pacer = WindowRateLimiter(per_second)
        if limit_url:
            pacer = share_limit(
                limit_url,
                vendor="ChartMogul",
                base_url=base_url,
                owner=key,
                distribution=DISTRIBUTION,
                calls=per_second,
            )
        super().__init__(
            "ChartMogul",
            base_url,
            distribution=DISTRIBUTION,
            retries=RETRIES,
            auth=(key, ""),
            request_timeout=request_timeout,
            answer_timeout=answer_timeout,
            connections=connections,
            pacer=_Limits(pacer, connections),
        )

    def _raise_refusal(self, answer: Answer) -> NoReturn:
        try:
            body = decode_json(answer.content, Any)[1]
        except UnprovenError:
            body = None
        reason, fields = parse_refusal(body, answer.status)
        if answer.status == requests.codes.unauthorized:
            raise ConfigurationError(f"ChartMogul refused the key in `api_key` ({reason}): check it, and `api_url`.")
        if answer.status in {requests.codes.forbidden, requests.codes.method_not_allowed}:
            may = "only read: use one that may also write" if answer.method != "GET" else "not do this"
            raise ConfigurationError(f"The key in `api_key` may {may} ({reason}), or the account's trial has ended.")
        raise RecordRefusedError(answer.status, reason, fields)


def parse_refusal(body: JsonValue, status: int) -> tuple[str, tuple[str, ...]]:
    """Return the sentence of an error, and the fields in it.

    ChartMogul's errors have four forms: `{code, message, param}`, `{errors: {field: text}}`, `{error: text}` and
    `{field: [text], error_details}`.
    """
    if not isinstance(body, dict):
        return f"status {status} without a readable error", ()
    for name in ("error", "message"):
        if isinstance(body.get(name), str):
            return clean_text(body[name]), (clean_text(body["param"]),) if body.get("param") else ()
    errors = body["errors"] if isinstance(body.get("errors"), dict) else body
    texts = {}
    for name, value in errors.items():
        if name != "error_details":
            text = value[0] if isinstance(value, list) and value else value
            texts[clean_text(name)] = clean_text(str(text))
    return "; ".join(f"{name}: {text}" for name, text in texts.items()) or f"status {status}", tuple(texts)
