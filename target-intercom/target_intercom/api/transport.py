"""HTTP for Intercom: token, version, retries and errors.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

import msgspec
import requests
from singer_sdk.exceptions import ConfigurationError, SkippableAPIError

from target_intercom._kit.page_decoder import UnprovenError, decode_json
from target_intercom._kit.retries import RetryTable
from target_intercom._kit.shared_pacer import share_limit
from target_intercom._kit.target_transport import LostReplyError, TargetTransport
from target_intercom._kit.text import clean_text

if TYPE_CHECKING:
    from target_intercom._kit.transport import Answer

__all__ = ["LostReplyError", "RecordRefusedError", "Transport"]

#: The only POST that reads.
SEARCH = "/contacts/search"

#: The API version that this code supports. Without it, Intercom would use the version in the app's settings.
VERSION = "2.14"
DISTRIBUTION = "standpipe-target-intercom"
REGIONS = {"us": "https://api.intercom.io", "eu": "https://api.eu.intercom.io", "au": "https://api.au.intercom.io"}
#: The address of a region's web application.
WEB = {"us": "https://app.intercom.com", "eu": "https://app.eu.intercom.com", "au": "https://app.au.intercom.com"}

#: Intercom counts calls in windows of ten seconds: sixty 429 in a row are ten minutes.
RETRIES = RetryTable(
    tries=7, limited_tries=60, shortest_backoff=0.5, longest_backoff=15, limited_wait=10, longest_wait=60
)

_LAPSED = "Active subscription needed"
_ID = re.compile(r"\bid=([0-9a-zA-Z_-]+)")


class RecordRefusedError(SkippableAPIError):
    """Intercom refused one request (400, 404, 409, 410, 422). The record is reported, and the run goes on.

    `other_id` is the Intercom id in a 409, and `archived` says that it is archived. `field` is the field with the
    refused value, if Intercom names it.
    """

    def __init__(self, status: int, code: str, reason: str, field: str = "") -> None:
        super().__init__(f"{status} {code}: {reason}")
        self.status, self.code, self.reason, self.field = status, code, reason, field
        named = _ID.search(reason) if status == requests.codes.conflict else None
        self.other_id = named[1] if named else None
        self.archived = "archived contact" in reason


class _Fault(msgspec.Struct):
    code: str | None = None
    message: str | None = None
    field: str | None = None


class _Problem(msgspec.Struct):
    errors: list[_Fault] = []


class Transport(TargetTransport):
    """A connection to one workspace, shared by all workers.

    Args:
        base_url: e.g. `https://api.intercom.io`.
        token: the access token.
        connections: kept open.
        limit_url: the database through which processes share the rate limit; None for no sharing.
        request_timeout: seconds to wait between two bytes of an answer.
        answer_timeout: seconds to wait for the whole of an answer.
        max_missing: the share of a list's announced items that may be missing.
    """

    reading_posts = frozenset({SEARCH})

    def __init__(  # noqa: PLR0913 one argument a setting
        self,
        base_url: str,
        token: str,
        connections: int,
        *,
        limit_url: str | None = None,
        request_timeout: float = 60,
        answer_timeout: float = 300,
        max_missing: float = 0.001,
    ) -> None:
        pacer = None
        if limit_url:
            pacer = share_limit(
                limit_url,
                vendor="Intercom",
                base_url=base_url,
                owner=token,
                distribution=DISTRIBUTION,
            )
        super().__init__(
            "Intercom",
            base_url,
            distribution=DISTRIBUTION,
            retries=RETRIES,
            headers={"Authorization": f"Bearer {token}", "Intercom-Version": VERSION},
            request_timeout=request_timeout,
            answer_timeout=answer_timeout,
            connections=connections,
            pacer=pacer,
            reserve=lambda _: 1,
        )
        self.max_missing = max_missing

    def _raise_refusal(self, answer: Answer) -> NoReturn:
        code, reason, field = _read_error(answer)
        self._assert_permitted(answer.status, code, reason)
        raise RecordRefusedError(answer.status, code, reason, field)

    def _assert_permitted(self, status: int, code: str, reason: str) -> None:
        if _LAPSED in reason or code == "api_plan_restricted" or status == requests.codes.payment_required:
            raise ConfigurationError(
                f"The Intercom workspace of `access_token` has no active subscription that permits this ({reason})."
            )
        if code == "token_unauthorized" or status == requests.codes.forbidden:
            raise ConfigurationError(
                f"The token in `access_token` lacks a permission ({reason}): it must read and write users and "
                "companies."
            )
        if status == requests.codes.unauthorized:
            raise ConfigurationError(
                f"Intercom refused the token in `access_token` ({reason}): check it, and that {self.base_url} is the "
                "workspace's own region (`region` or `api_url`)."
            )


def _read_error(answer: Answer) -> tuple[str, str, str]:
    """Return code, message and field of an error list, if the answer has them."""
    try:
        _, problem = decode_json(answer.content, _Problem)
        error = problem.errors[0]
    except (UnprovenError, IndexError):
        return "unknown", f"status {answer.status} without an error list", ""
    code = clean_text(error.code) or "unknown"
    return code, clean_text(error.message) or code, clean_text(error.field)
