"""The objects that every page uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jinja2 import Environment
    from starlette.requests import Request

    from standpipe_console.project.meltano import Project

    from .actions import ActionRunner
    from .background import BackgroundResults
    from .history_view import HistoryView
    from .project_view import ProjectView
    from .sessions import LoginLimiter, Sessions

#: The pages of the menu, in its order.
MENU = (
    ("/", "Overview"),
    ("/runs", "Runs"),
    ("/customers", "Customers"),
    ("/validation", "Validation"),
    ("/rejects", "Rejects"),
    ("/leads", "Leads"),
    ("/settings", "Settings"),
)
#: Seconds after which a page that shows progress reloads.
RENEW_AFTER = 2


@dataclass(frozen=True)
class Site:
    """The parts that all pages share."""

    view: ProjectView
    history: HistoryView
    sessions: Sessions
    limiter: LoginLimiter
    actions: ActionRunner
    results: BackgroundResults
    templates: Environment
    clock: Callable[[], float]  #: unix seconds

    @property
    def project(self) -> Project:
        """The project."""
        return self.view.project

    def render(  # noqa: PLR0913 what a page may differ in
        self,
        request: Request,
        template: str,
        title: str,
        context: Mapping[str, Any] | None = None,
        *,
        section: str = "",
        status: int = 200,
        renews: bool = False,
    ) -> HTMLResponse:
        """Return a page.

        Args:
            request: the request that it answers.
            template: the file of the template.
            title: the title of the page.
            context: what the template shows.
            section: the entry of the menu that the page belongs to.
            status: the status of the answer.
            renews: whether the browser is to ask for the page again after some seconds.
        """
        token: str = request.state.token
        text = self.templates.get_template(template).render(
            {
                "title": title,
                "section": section or title,
                "menu": MENU,
                "form_token": self.sessions.build_form_token(token),
                "may_enter": self.sessions.may_enter(token),
                "has_password": self.sessions.password is not None,
                "environment": self.project.environment,
                "describe_field": self.view.describe_field,
                **(context or {}),
            }
        )
        headers = {"Refresh": str(RENEW_AFTER)} if renews else None
        return HTMLResponse(text, status, headers)

    def show_message(
        self, request: Request, title: str, sentence: str, *, status: int = 200, renews: bool = False
    ) -> HTMLResponse:
        """Return a page with one sentence."""
        context = {"sentence": sentence, "back": "" if renews else "/"}
        return self.render(request, "message.html", title, context, status=status, renews=renews)
