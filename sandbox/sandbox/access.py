"""Decides who may control the sandbox: a client on this machine, never a page of another site in a browser.

A browser sends the page's site in ``Origin``. If a page's own host name points to this machine (DNS rebinding), the
browser sends that name in ``Host``. See https://owasp.org/www-community/attacks/csrf.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.requests import Request


def find_refusal(request: Request) -> str | None:
    """Return why a request to a control endpoint is refused; None for a request that is allowed."""
    host = request.headers.get("host", "")
    own = (request.scope.get("server") or ("",))[0]
    if not _is_own_name(host, own):
        return f"Control requests are accepted only at localhost or {own}: the Host header names another machine."
    origin = request.headers.get("origin")
    if origin is not None and origin != f"{request.url.scheme}://{host}":
        return "Control requests from another site's page are refused: the Origin header names that site."
    return None


def _is_own_name(host: str, own: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name in ("localhost", own):
        return bool(name)
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
