"""`standpipe serve`."""

from __future__ import annotations

import logging
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING

import click
import uvicorn

from standpipe_console.alerts.check import check_until_stopped
from standpipe_console.errors import ConsoleError
from standpipe_console.live.problems import Problems
from standpipe_console.project.meltano import Project

from .actions import ActionRunner
from .app import build_app
from .background import BackgroundResults
from .history_view import HistoryView
from .project_view import ProjectView
from .render import build_templates
from .sessions import LoginLimiter, Password, Sessions
from .settings import DEFAULT_ADDRESS, read_settings
from .site import Site

if TYPE_CHECKING:
    from .settings import ServeSettings

LOGGER = logging.getLogger(__name__)


@click.command()
@click.option(
    "--listen",
    metavar="HOST:PORT",
    default=DEFAULT_ADDRESS,
    show_default=True,
    help="Where to listen. Other addresses than this machine's own need SERVE_PASSWORD and SERVE_URL.",
)
@click.pass_obj
def serve(project: Project, listen: str) -> None:
    """Serve the page: runs, customers, validation, rejects, leads and settings, in a browser."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    settings = read_settings(project, listen)
    with _open_socket(settings) as listener:
        port: int = listener.getsockname()[1]
        site = build_site(project, settings)
        app = build_app(site, settings.list_origins(port), is_secure=settings.is_secure)
        # A proxy in front of the page passes on the browser's address, by which wrong passwords are counted.
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=bool(settings.url),
        )
        click.echo(f"Open {settings.url or f'http://{_bracket(settings.host)}:{port}'} in a browser.", err=True)
        server = uvicorn.Server(config)
        stopping = threading.Event()
        # It uses a project object of its own, because a page may be reloading the other one.
        watched = Project(project.root, project.environment)
        threading.Thread(target=check_until_stopped, args=(watched, stopping, Problems()), daemon=True).start()
        try:
            server.run(sockets=[listener])
        finally:
            stopping.set()
            site.results.close()
            site.history.close()


def build_site(project: Project, settings: ServeSettings) -> Site:
    """Return the objects that all pages use."""
    return Site(
        view=ProjectView(project),
        history=HistoryView(project),
        sessions=Sessions(time.monotonic, Password(settings.password) if settings.password else None),
        limiter=LoginLimiter(time.monotonic),
        actions=ActionRunner(project),
        results=BackgroundResults(),
        templates=build_templates(time.time),
        clock=time.time,
    )


def _open_socket(settings: ServeSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        raise ConsoleError(
            f"The page cannot listen on {settings.host}:{settings.port} ({error.strerror}): choose another `--listen`."
        ) from error


def _bracket(host: str) -> str:
    return f"[{host}]" if ":" in host else host
