"""Runs a third-party connector against the sandbox: `python redirected.py MODULE FROM TO ITS-ARGUMENTS...`.

Its calls to addresses below FROM go to TO, and its own limit of calls per minute does not apply. Its code is
not changed. This file runs in the connector's environment, not in this project's.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import requests
import singer.utils

if TYPE_CHECKING:
    from collections.abc import Callable

_send = requests.Session.request


def main() -> None:
    """Remove the limit before the connector is imported, as the limit is a decorator."""
    module, vendor, sandbox = sys.argv[1:4]
    del sys.argv[1:4]

    def redirected(session: requests.Session, method: str, url: str, **rest: Any) -> requests.Response:
        if not url.startswith((vendor, sandbox)):
            raise ValueError(f"Neither the vendor's nor the sandbox's: {url}")
        return _send(session, method, url.replace(vendor, sandbox, 1), **rest)

    setattr(requests.Session, "request", redirected)  # noqa: B010 a narrower signature, on purpose
    singer.utils.ratelimit = _unlimited
    importlib.import_module(module).main()


def _unlimited(*_: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return lambda function: function


if __name__ == "__main__":
    main()
