"""Checks host, origin and login of every request before any page gets it, and sets the headers of every answer.

https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

import logging
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from .sessions import Sessions

LOGGER = logging.getLogger(__name__)
#: The page loads only its own stylesheet, and no scripts.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: with that, browsers send `Origin: null` with the page's own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_SAFE_METHODS = {"GET", "HEAD"}
#: The routes that need no login.
_OPEN_PATHS = ("/login", "/static/")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class Guard:
    """Lets a request through to the pages, or answers it.

    Args:
        app: the pages.
        sessions: who may enter.
        origins: the addresses under which the page is opened, such as `http://127.0.0.1:8300`.
        is_secure: whether the cookie may travel over https only.
    """

    def __init__(self, app: ASGIApp, *, sessions: Sessions, origins: frozenset[str], is_secure: bool) -> None:
        self._app = app
        self._sessions = sessions
        self._origins = origins
        self._hosts = {urlsplit(origin).netloc for origin in origins}
        self._is_secure = is_secure
        # The prefix makes browsers refuse such a cookie from anywhere but this very host over https.
        self._cookie = "__Host-standpipe" if is_secure else "standpipe"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        started_at = time.perf_counter()
        found = request.cookies.get(self._cookie, "")
        token = found if _TOKEN.fullmatch(found) else self._sessions.create_token()
        state = scope.setdefault("state", {})
        state["token"] = token

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
                if state["token"] != found:
                    headers.append("Set-Cookie", self._build_cookie(state["token"]))
                self._log(scope, message["status"], time.perf_counter() - started_at)
            await send(message)

        answer = self._refuse(request, token) or self._app
        await answer(scope, receive, send_guarded)

    def _refuse(self, request: Request, token: str) -> ASGIApp | None:
        """Return the answer to a request that no page may see; None when one may."""
        if request.headers.get("host", "").lower() not in self._hosts:
            # A name that resolves to this machine is not yet an address of this page.
            return PlainTextResponse("This page is not served under this address.", 421)
        if request.method not in _SAFE_METHODS and not self._is_own_form(request):
            return PlainTextResponse("This form was sent from another site.", 403)
        if not self._sessions.may_enter(token) and not request.url.path.startswith(_OPEN_PATHS):
            if request.method in _SAFE_METHODS:
                return RedirectResponse("/login", 303)
            return PlainTextResponse("Log in first.", 401)
        return None

    def _is_own_form(self, request: Request) -> bool:
        origin = request.headers.get("origin")
        if origin is None:
            return request.headers.get("sec-fetch-site") == "same-origin"
        return origin.lower() in self._origins

    def _build_cookie(self, token: str) -> str:
        return f"{self._cookie}={token}; Path=/; HttpOnly; SameSite=Strict{'; Secure' if self._is_secure else ''}"

    def _log(self, scope: Scope, status: int, seconds: float) -> None:
        """Log a request by the page's name, because addresses contain ids and search texts."""
        endpoint = getattr(scope.get("route"), "path", None) or "-"
        LOGGER.info("%s %s %d %.0f ms", scope["method"], endpoint, status, seconds * 1000)
