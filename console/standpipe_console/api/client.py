"""The console's client for one API: calls with a key, the vendor's own error texts, and checked answers."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from requests.auth import AuthBase

from standpipe_console._kit.json_types import JsonObject, JsonValue
from standpipe_console._kit.page_decoder import Page, PageDecoder, UnprovenError, decode_json
from standpipe_console._kit.rate_limit import LimitError
from standpipe_console._kit.retries import RetryTable
from standpipe_console._kit.text import clean_text
from standpipe_console._kit.transport import Call, FailedCallError, NoAnswerError, Transport
from standpipe_console._kit.urls import describe_unencrypted, is_base_url, is_host_label, is_unencrypted
from standpipe_console._kit.whole_list import NotWholeError, WholeList
from standpipe_console.errors import ConsoleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    import requests

    from standpipe_console._kit import transport
    from standpipe_console._kit.list_shape import ListShape
    from standpipe_console._kit.rate_limit import Pacer

T = TypeVar("T")
DISTRIBUTION = "standpipe-console"

#: The statuses for an unknown key or a missing permission.
REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_TIMEOUT = 30
#: A person is waiting, so a refusal is shown at once, and only invalid answers lead to another attempt.
RETRIES = RetryTable(tries=3, limited_tries=1, statuses=frozenset(), shortest_backoff=0.5)


class BearerAuth(AuthBase):
    """A token in the header. As an auth object it overrides `.netrc`."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class NoAuth(AuthBase):
    """No key. As an auth object it overrides `.netrc`."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add nothing."""
        return request


@dataclass(frozen=True)
class Response:
    """The answer of an API."""

    status: int
    body: JsonObject
    headers: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """Whether the call succeeded."""
        return self.status < HTTPStatus.BAD_REQUEST

    @property
    def reason(self) -> str:
        """The vendor's own text for a refusal."""
        words = self._first_error.get("message") or self.body.get("message") or self.body.get("error")
        return clean_text(words) or f"HTTP {self.status}"

    @property
    def code(self) -> str:
        """The vendor's word for a refusal; empty when there is none."""
        return str(self._first_error.get("code") or "")

    @property
    def _first_error(self) -> JsonObject:
        errors = self.body.get("errors")
        first = errors[0] if isinstance(errors, list) and errors else {}
        return first if isinstance(first, dict) else {}

    @property
    def date(self) -> datetime | None:
        """The time of the API's clock."""
        date = self.headers.get("Date")
        return parsedate_to_datetime(date) if date else None


class RefusedCallError(ConsoleError):
    """The API refused a call."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code  #: the vendor's word for the refusal


class Api:
    """One API with a key."""

    def __init__(
        self,
        name: str,
        base: str,
        auth: AuthBase,
        headers: Mapping[str, str] | None = None,
        pacer: Pacer | None = None,
    ) -> None:
        self.name, self.base = name, base.rstrip("/")
        self._transport = Transport(
            name,
            base,
            distribution=DISTRIBUTION,
            retries=RETRIES,
            auth=auth,
            headers=headers or {},
            request_timeout=_TIMEOUT,
            answer_timeout=2 * _TIMEOUT,
            pacer=pacer,
        )

    def call(
        self,
        method: str,
        path: str,
        body: JsonObject | None = None,
        *,
        form: Mapping[str, str] | None = None,
        **params: JsonValue,
    ) -> Response:
        """Make one call. The caller handles the response, even a refusal.

        Raises:
            ConsoleError: no response came, or a redirect, which is not followed.
        """
        return self._send(Call(method, path, params, body, form=form), _read_response, tries=1)

    def get(self, path: str) -> Response:
        """Make one GET call."""
        return self.call("GET", path)

    def fetch(
        self,
        path: str,
        decode: Callable[[bytes], T],
        *,
        if_missing: T | None = None,
        on_failure: Callable[[FailedCallError], None] | None = None,
        **params: JsonValue,
    ) -> T:
        """Read an answer that `decode` can check.

        Args:
            path: the path.
            decode: turns the body of the answer into the result.
            if_missing: the result for a 404, if there is one.
            on_failure: is called with every attempt that failed.
            params: the query.

        Raises:
            ConsoleError: the API refuses, or no attempt brings a valid answer.
        """

        def check(answer: transport.Answer) -> T:
            if answer.status == HTTPStatus.NOT_FOUND and if_missing is not None:
                return if_missing
            if answer.status >= HTTPStatus.BAD_REQUEST:
                refusal = _read_response(answer)
                raise RefusedCallError(f"{self.name} does not answer {path}: {refusal.reason}", refusal.code)
            try:
                return decode(answer.content)
            except UnprovenError as error:
                raise FailedCallError(f"an answer without the expected content: {error}", answer) from None

        return self._send(Call("GET", path, params), check, on_failure=on_failure)

    def fetch_page(self, path: str, shape: ListShape, **params: JsonValue) -> list[JsonObject]:
        """Read a list with a single answer, or the first page of a longer one."""
        page = self.fetch(path, PageDecoder(shape).decode_page, **params)
        return [item.decode_record() for item in page.items]

    def fetch_list(self, path: str, shape: ListShape, cursor_param: str, **params: JsonValue) -> Iterator[JsonObject]:
        """Read all pages of a list. A search without results may be answered with 404.

        Raises:
            ConsoleError: a page is refused, or the list is incomplete.
        """
        decoder = PageDecoder(shape)
        nothing = Page([]) if path.endswith("/search") else None

        def fetch_page(cursor: str | None, check: Callable[[Page], None]) -> Page:
            def decode(content: bytes) -> Page:
                page = decoder.decode_page(content)
                check(page)
                return page

            query = params if cursor is None else {**params, cursor_param: cursor}
            return self.fetch(path, decode, if_missing=nothing, **query)

        try:
            for items in WholeList(shape.name, fetch_page, key=decoder.find_key):
                yield from (item.decode_record() for item in items)
        except NotWholeError as error:
            raise ConsoleError(str(error)) from None

    def _send(
        self,
        call: Call,
        read: Callable[[transport.Answer], T],
        tries: int = RETRIES.tries,
        on_failure: Callable[[FailedCallError], None] | None = None,
    ) -> T:
        def check(answer: transport.Answer) -> T:
            if answer.is_redirect:
                raise ConsoleError(f"{self.name} redirects from {self.base} ({answer.status}): check the address.")
            return read(answer)

        try:
            return self._transport.send(call, check, tries=tries, on_failure=on_failure)
        except LimitError as error:
            raise ConsoleError(str(error)) from None
        except NoAnswerError as error:
            kind = error.last.reason
            raise ConsoleError(f"{self.name} does not answer at {self.base} ({kind}): check the address.") from None


def _read_response(answer: transport.Answer) -> Response:
    try:
        body: JsonValue = decode_json(answer.content, JsonValue)[1]
    except UnprovenError:
        body = {}
    return Response(answer.status, body if isinstance(body, dict) else {"data": body}, answer.headers)


def validate_site(site: JsonValue) -> str:
    """Return the name of a Chargebee site.

    Raises:
        ConsoleError: it is more than a name, and would send the key to another host.
    """
    if not isinstance(site, str) or not is_host_label(site):
        raise ConsoleError("The Chargebee site is its name alone, not a URL: `acme` for https://acme.chargebee.com.")
    return site


def validate_url(url: str) -> str:
    """Return the base address of an API.

    Raises:
        ConsoleError: it is not one, or the key would be sent unencrypted.
    """
    if not is_base_url(url):
        raise ConsoleError(
            "The address of an API begins with https:// and a host, and has only a path behind it: check `api_url`."
        )
    if is_unencrypted(url):
        raise ConsoleError(describe_unencrypted("api_url"))
    return url
