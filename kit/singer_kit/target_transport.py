"""HTTP for a target, which knows which requests may be sent twice."""

from __future__ import annotations

import threading
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

import requests
from singer_sdk.exceptions import ConfigurationError, FatalAPIError, RetriableAPIError

from .page_decoder import PageDecoder, UnprovenError
from .parent import OrphanedError
from .rate_limit import LimitError
from .transport import Answer, Call, FailedCallError, NoAnswerError, Transport
from .whole_list import NotWholeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .json_types import JsonObject
    from .list_shape import ListShape
    from .page_decoder import Item, Page
    from .whole_list import WholeList

T = TypeVar("T")


class LostReplyError(RetriableAPIError):
    """A create got no reply.

    It may have been carried out, so the caller must check before it sends the create again.
    """


class TargetTransport(Transport):
    """A connection for reading and writing, shared by all workers."""

    reading_posts: ClassVar[frozenset[str]] = frozenset()
    """The paths of POST requests that only read."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._writes = threading.local()

    def forget_writes(self) -> None:
        """Start to watch the writes of this thread."""
        self._writes.made = False

    @property
    def may_have_written(self) -> bool:
        """Whether a write of this thread was accepted since `forget_writes`, or may have been as no answer came."""
        return bool(getattr(self._writes, "made", False))

    def _send_once(self, call: Call) -> Answer:
        earlier = self.may_have_written
        self._writes.made = earlier or (call.method != "GET" and call.path not in self.reading_posts)
        try:
            answer = super()._send_once(call)
        except (OrphanedError, LimitError):
            self._writes.made = earlier
            raise
        except FailedCallError as error:
            if error.status == requests.codes.too_many_requests:
                self._writes.made = earlier
            raise
        if requests.codes.multiple_choices <= answer.status < requests.codes.server_error:
            # The answer means that the request was not carried out.
            self._writes.made = earlier
        return answer

    @abstractmethod
    def _raise_refusal(self, answer: Answer) -> NoReturn:
        """Raise the error for a refusal (400 to 499)."""

    def _read_answer(
        self,
        call: Call,
        decode: Callable[[bytes], T],
        *,
        on_failure: Callable[[FailedCallError], None] | None = None,
    ) -> T:
        """Send a request that may safely be sent twice, and read its answer.

        Args:
            call: the request.
            decode: checks and decodes an answer.
            on_failure: is called with every attempt that failed.

        Raises:
            FatalAPIError: no attempt brought a valid answer.
        """
        try:
            return self.send(call, lambda answer: self._decode_answer(answer, decode), on_failure=on_failure)
        except NoAnswerError as error:
            raise self._build_fatal_error(error) from None

    def _build_fatal_error(self, error: NoAnswerError) -> FatalAPIError:
        """Return the error that ends a run after all attempts failed."""
        return FatalAPIError(
            error.demand
            or f"{self._describe_failure(error.last)} to {error.tries} attempts at {self.base_url}: no STATE was "
            "written, so the next run starts from the same point; run again later."
        )

    def _read_once(self, call: Call, decode: Callable[[bytes], T]) -> T:
        """Send a request whose answer a repetition would not bring again, such as a create.

        Raises:
            LostReplyError: no valid answer came.
            FatalAPIError: the server asks for a longer wait than a run permits.
        """
        try:
            return self.send(call, lambda answer: self._decode_answer(answer, decode), tries=1)
        except NoAnswerError as error:
            # A 429 means that nothing was created, so the caller need not look for the record.
            if error.demand or error.last.status == requests.codes.too_many_requests:
                raise FatalAPIError(
                    error.demand or f"{self._describe_failure(error.last)} to {error.tries} attempts."
                ) from None
            raise LostReplyError(self._describe_failure(error.last)) from None

    def _read_record(self, call: Call, shape: ListShape) -> JsonObject:
        """Read one record. The call may safely be sent twice."""
        decoder = PageDecoder(shape)
        return self._read_answer(call, lambda content: decoder.decode_object(content).decode_record())

    def _create_record(self, path: str, body: Any, shape: ListShape) -> JsonObject:
        """Create a record. An answer with its key proves that it exists."""
        decoder = PageDecoder(shape)
        return self._read_once(
            Call("POST", path, body=body), lambda content: decoder.decode_object(content).decode_record()
        )

    def _read_page(
        self,
        call: Call,
        decoder: PageDecoder,
        check: Callable[[Page], None] = lambda _: None,
        *,
        on_failure: Callable[[FailedCallError], None] | None = None,
    ) -> Page:
        def decode(content: bytes) -> Page:
            page = decoder.decode_page(content)
            check(page)
            return page

        return self._read_answer(call, decode, on_failure=on_failure)

    def _read_whole(self, pages: WholeList, decoder: PageDecoder) -> Iterator[list[JsonObject]]:
        """Yield the records of a list, a page at a time.

        Raises:
            FatalAPIError: the list may be incomplete.
        """
        for items in self._read_whole_items(pages, decoder):
            yield [item.decode_record() for item in items]

    def _read_whole_items(self, pages: WholeList, decoder: PageDecoder) -> Iterator[list[Item]]:
        """Yield the items of a list, a page at a time.

        Raises:
            FatalAPIError: the list may be incomplete.
        """
        try:
            yield from pages
        except NotWholeError as error:
            raise FatalAPIError(str(error)) from None
        # The setting `max_missing` permits this, and the log tells the user.
        if pages.shortage:
            self._logger.warning("%s: the run goes on, as `max_missing` permits", pages.shortage)
        self._report_odd(decoder)

    def _report_odd(self, decoder: PageDecoder) -> None:
        for line in decoder.describe_odd():
            self._logger.warning("%s", line)

    def _decode_answer(self, answer: Answer, decode: Callable[[bytes], T]) -> T:
        if answer.is_redirect:
            raise ConfigurationError(
                f"{self.base_url} redirects ({answer.status}), and a redirected write would be lost: check `api_url`."
            )
        if answer.status >= requests.codes.bad_request:
            self._raise_refusal(answer)
        try:
            return decode(answer.content)
        except UnprovenError as error:
            raise FailedCallError(f"{answer.status} without the expected content ({error})", answer) from None

    def _describe_failure(self, error: FailedCallError) -> str:
        if error.answer is None:
            return f"{self.vendor} did not answer ({error.reason})"
        if error.status == requests.codes.too_many_requests:
            return f"{self.vendor} answered 429 (another program uses up the rate limit)"
        return f"{self.vendor} answered {error.reason}"
