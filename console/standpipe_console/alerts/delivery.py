"""Delivery of messages through Apprise, which speaks to Slack, Teams, e-mail, PagerDuty and many others; heartbeats.

https://github.com/caronc/apprise/wiki
"""

from __future__ import annotations

import hashlib
import logging
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import requests

from standpipe_console.errors import ConsoleError

if TYPE_CHECKING:
    from collections.abc import Callable

    from apprise import NotifyBase

    from .messages import Message

#: How long one channel may take for one message, in seconds.
LIMIT = 20.0


@dataclass(frozen=True)
class Channel:
    """One address of `ALERT_URLS`.

    Args:
        id: identifies it without showing its keys.
        service: such as `slack`.
        limit: how long it may take for one message, in seconds.
    """

    id: str
    service: str
    limit: float
    _notify: NotifyBase = field(repr=False)

    def send(self, message: Message) -> bool:
        """Send a message; return whether it was delivered in time."""

        def call() -> bool:
            # The format is set so that a vendor's words are plain text in HTML e-mails too.
            return self._notify.notify(
                body=message.text, title=message.title, notify_type=message.kind, body_format="text"
            )

        return _call_within(self.limit, call)


def open_channels(urls: str, limit: float = LIMIT) -> list[Channel]:
    """Return the channels of `ALERT_URLS`.

    Raises:
        ConsoleError: Apprise cannot use one of the addresses.
    """
    if not urls.strip():
        return []
    # Loading it takes half a second, so it is imported only when there is a message.
    from apprise import Apprise  # noqa: PLC0415
    from apprise.utils.parse import parse_urls  # noqa: PLC0415

    # Its log would repeat parts of addresses, which hold keys.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    channels = []
    for number, url in enumerate(parse_urls(urls), 1):  # type: ignore[no-untyped-call]
        service = url.partition("://")[0] if "://" in url else ""
        notify = Apprise.instantiate(url)
        if notify is None:
            named = f" ({service}://…)" if service else ""
            raise ConsoleError(
                f"ALERT_URLS: address {number}{named} is not one that Apprise can use. "
                "https://github.com/caronc/apprise/wiki shows the form for each service."
            )
        channels.append(Channel(hashlib.sha256(url.encode()).hexdigest()[:12], service, limit, notify))
    return channels


def send_heartbeat(url: str, job: str, limit: float = LIMIT) -> bool:
    """Report a good run to a monitoring service; return whether it confirmed that within `limit` seconds."""
    address = url.replace("{job}", job)
    return _call_within(limit, lambda: requests.get(address, timeout=limit).ok)


def _call_within(limit: float, call: Callable[[], bool]) -> bool:
    """Return what a call returns; False when it takes longer than `limit` seconds.

    A server may send a byte every second for hours, so timeouts of sockets alone limit nothing. With Apprise's own
    limit, the process would wait at its end for a remaining thread. It does not wait for this one.
    """
    answers: list[bool] = []

    def work() -> None:
        # Whatever a service raises: the message was not delivered.
        with suppress(Exception):
            answers.append(call())

    thread = threading.Thread(target=work, name="alert", daemon=True)
    thread.start()
    thread.join(limit)
    return answers == [True]
