"""The application: its routes, and what all pages have in common."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from standpipe_console.errors import ConsoleError
from standpipe_console.history.store import describe_error

from . import (
    access,
    action_pages,
    customers,
    leads,
    overview,
    rejects,
    runs,
    settings_page,
    undoing,
    validation,
)
from .guard import Guard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from .site import Site

    Show = Callable[[Site, Request], Response]
    Act = Callable[[Site, Request, Mapping[str, str]], Response]

LOGGER = logging.getLogger(__name__)
OUTDATED = "Standpipe was updated while this page was running. Ask the person who installed it to restart the page."
#: The most bytes of a form.
MAX_FORM = 64_000
#: The routes. The open ones need no login.
PAGES: dict[str, Show] = {
    "/": overview.show_overview,
    "/runs": runs.show_runs,
    "/run": runs.show_run,
    "/run/records.csv": runs.download_records,
    "/run/changes.csv": runs.download_changes,
    "/undo": undoing.show_undo,
    "/customers": customers.show_customers,
    "/customer": customers.show_customer,
    "/validation": validation.show_validation,
    "/rejects": rejects.show_rejects,
    "/rejects.csv": rejects.download_rejects,
    "/leads": leads.show_leads,
    "/settings": settings_page.show_settings,
    "/action": action_pages.show_action,
}
#: The pages that show settings or reports, whose folder is a setting: and Meltano takes seconds to read settings.
NEED_SETTINGS = {"/settings", "/validation", "/leads"}
OPEN_PAGES: dict[str, Show] = {"/login": access.show_login}
#: The forms.
FORMS: dict[str, Act] = {
    "/login": access.log_in,
    "/logout": access.log_out,
    "/actions/{name}": action_pages.start_action,
}


def build_app(site: Site, origins: frozenset[str], *, is_secure: bool) -> Starlette:
    """Return the ASGI application.

    Args:
        site: what the pages work with.
        origins: the addresses under which the page is opened.
        is_secure: whether it is opened over https only.
    """
    routes: list[Route | Mount] = [
        *(
            Route(path, _build_page(site, show, needs_settings=path in NEED_SETTINGS), methods=["GET"])
            for path, show in {**PAGES, **OPEN_PAGES}.items()
        ),
        *(Route(path, _build_form(site, act), methods=["POST"]) for path, act in FORMS.items()),
        Mount("/static", StaticFiles(packages=[("standpipe_console.page", "static")])),
    ]
    guard = Middleware(Guard, sessions=site.sessions, origins=origins, is_secure=is_secure)

    async def show_missing(request: Request, _error: Exception) -> Response:
        return site.show_message(request, "Not found", "There is no such page.", status=404)

    return Starlette(routes=routes, middleware=[guard], exception_handlers={404: show_missing})


def _build_page(site: Site, show: Show, *, needs_settings: bool) -> Callable[[Request], object]:
    def answer(request: Request) -> Response:
        def run() -> Response:
            site.view.start_loading()
            if needs_settings and not site.view.is_ready():
                sentence = "Reading the project's settings. This takes a few seconds after a start or a change."
                return site.show_message(request, "One moment", sentence, renews=True)
            return show(site, request)

        return _explain_errors(site, request, run)

    return answer


def _build_form(site: Site, act: Act) -> Callable[[Request], object]:
    async def answer(request: Request) -> Response:
        form = await _read_form(request)
        if form is None:
            return site.show_message(request, "Too much", "This form is larger than any form of this page.", status=413)
        if not site.sessions.is_form_token(request.state.token, form.get("token", "")):
            sentence = "This form is out of date: go back, load the page again and repeat what you did."
            return site.show_message(request, "Out of date", sentence, status=403)
        return await run_in_threadpool(_explain_errors, site, request, lambda: act(site, request, form))

    return answer


def _explain_errors(site: Site, request: Request, run: Callable[[], Response]) -> Response:
    """Return the answer, or a page with the sentence that says what is wrong."""
    try:
        return run()
    except Exception as error:  # noqa: BLE001 whatever failed, other pages still work
        sentence = OUTDATED if site.history.is_newer() else _describe_error(error)
        return site.show_message(request, "That did not work", sentence, status=500)


def _describe_error(error: Exception) -> str:
    if isinstance(error, ConsoleError):
        return error.message
    if isinstance(error, SQLAlchemyError):
        sentence = f"The history cannot be read: {describe_error(error)}."
        LOGGER.error("%s", sentence)  # SQLAlchemy's own text holds what was searched for
        return sentence
    # The error's own text may hold a customer's name or a key.
    place = "".join(traceback.format_tb(error.__traceback__))
    LOGGER.error("A page could not be shown: %s\n%s", type(error).__name__, place)
    return "The page could not be created: see the log of `standpipe serve`."


async def _read_form(request: Request) -> dict[str, str] | None:
    """Return the fields of a form; None when it is too large."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM:
            return None
    # If a field appears several times, its values are joined with line breaks.
    fields: dict[str, str] = {}
    for name, value in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
        fields[name] = f"{fields[name]}\n{value}" if name in fields else value
    return fields
