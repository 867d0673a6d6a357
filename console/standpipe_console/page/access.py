"""Logging in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from .formats import format_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from .site import Site


def show_login(site: Site, request: Request) -> Response:
    """Show the form that asks for the password."""
    if site.sessions.may_enter(request.state.token):
        return RedirectResponse("/", 303)
    return site.render(request, "login.html", "Log in", {"problem": ""})


def log_in(site: Site, request: Request, form: Mapping[str, str]) -> Response:
    """Let the browser in when it knows the password."""
    password = site.sessions.password
    if password is None:
        return RedirectResponse("/", 303)
    address = request.client.host if request.client else ""
    if wait := site.limiter.get_wait(address):
        problem = f"Too many wrong passwords: try again in {format_duration(max(wait, 10))}."
        return site.render(request, "login.html", "Log in", {"problem": problem}, status=429)
    if not password.matches(form.get("password", "")):
        site.limiter.count_failure(address)
        return site.render(request, "login.html", "Log in", {"problem": "This is not the password."}, status=401)
    site.limiter.forget_failures(address)
    request.state.token = site.sessions.log_in()
    return RedirectResponse("/", 303)


def log_out(site: Site, request: Request, _form: Mapping[str, str]) -> Response:
    """Forget the browser."""
    site.sessions.log_out(request.state.token)
    request.state.token = site.sessions.create_token()
    return RedirectResponse("/login", 303)
