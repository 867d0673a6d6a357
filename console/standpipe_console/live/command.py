"""`standpipe live`, `live install | remove | status`."""

from __future__ import annotations

import logging
import secrets
import signal
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from standpipe_console import output
from standpipe_console.errors import ConsoleError
from standpipe_console.project.pipelines import LEADS, SYNC

from . import chargebee_api
from .intercom_topics import RINGING_TOPICS
from .live_status import describe_live, list_sentences
from .service import LiveService, connect_to_chargebee, find_moments
from .settings import read_settings

if TYPE_CHECKING:
    from standpipe_console.api.client import Api
    from standpipe_console.project.meltano import Project

#: The ports to which Chargebee delivers.
_PORTS = {80, 443, 8080, 8443}


@click.group(invoke_without_command=True)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help="Also receive webhooks at this address, such as 127.0.0.1:8200, behind a proxy with TLS.",
)
@click.pass_context
def live(context: click.Context, listen: str | None) -> None:
    """Deliver changes within seconds: read Chargebee's events, receive webhooks, and run jobs over changed records."""
    if context.invoked_subcommand is not None:
        return
    project: Project = context.obj
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # live itself says where it receives
    service = LiveService(project, read_settings(project), _parse_address(listen) if listen else None)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: service.stop())
    service.run()


@live.command()
@click.option("--url", required=True, help="The public address of the receiver: https://hooks.example.com.")
@click.option("--key-from-stdin", is_flag=True, help="Read the Chargebee key from standard input.")
@click.pass_obj
def install(project: Project, url: str, *, key_from_stdin: bool) -> None:
    """Create Chargebee's webhook, and show what to enter at Intercom.

    Asks for a full-access key of Chargebee, uses it once and does not keep it.
    """
    base = _check_url(url)
    if SYNC in project.ready_pipelines:
        username = project.get_variable("LIVE_CHARGEBEE_USERNAME") or "standpipe"
        password = project.get_variable("LIVE_CHARGEBEE_PASSWORD") or secrets.token_urlsafe(24)
        # The password is stored first, because a webhook with an unknown password would be useless.
        project.dotenv.set_value("LIVE_CHARGEBEE_USERNAME", username)
        project.dotenv.set_value("LIVE_CHARGEBEE_PASSWORD", password)
        api = _connect_to_write(project, key_from_stdin=key_from_stdin)
        moments = find_moments(project) if _may_have_moments(project) else ()
        id_ = chargebee_api.install_endpoint(api, f"{base}/hooks/chargebee", username, password, moments)
        click.echo(f"Chargebee: the webhook {id_} sends to {base}/hooks/chargebee; its credentials are in .env.")
    if LEADS in project.ready_pipelines:
        click.echo(_describe_intercom(base, has_secret=bool(project.get_variable("LIVE_INTERCOM_CLIENT_SECRET"))))


@live.command()
@click.option("--key-from-stdin", is_flag=True, help="Read the Chargebee key from standard input.")
@click.pass_obj
def remove(project: Project, *, key_from_stdin: bool) -> None:
    """Delete Chargebee's webhook, and say what to remove at Intercom."""
    if SYNC in project.ready_pipelines:
        removed = chargebee_api.remove_endpoint(_connect_to_write(project, key_from_stdin=key_from_stdin))
        click.echo("Chargebee: the webhook is deleted." if removed else "Chargebee: there was no webhook of Standpipe.")
    project.dotenv.remove_values(lambda name: name in {"LIVE_CHARGEBEE_USERNAME", "LIVE_CHARGEBEE_PASSWORD"})
    click.echo("Intercom: remove the address in the Developer Hub: your app > Configure > Webhooks.")


@live.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def status(project: Project, *, as_json: bool) -> None:
    """Show whether live works, what waits, and why nothing runs."""
    found = describe_live(project)
    if as_json:
        output.print_json(found)
        return
    for sentence in list_sentences(found):
        click.echo(sentence)


def _may_have_moments(project: Project) -> bool:
    """Return whether a variable or meltano.yml sets `moments`: to ask Meltano takes seconds."""
    environments = project.meltano_yml.get("environments") or []
    configs = [project.plugins[SYNC.map].get("config"), *(one.get("config") for one in environments)]
    return bool(project.get_variable("MAP_SUBSCRIPTIONS_MOMENTS")) or "'moments'" in str(configs)


def _describe_intercom(base: str, *, has_secret: bool) -> str:
    topics = "\n".join(f"     {topic}" for topic in RINGING_TOPICS if topic != "contact.unarchive")
    secret = (
        ""
        if has_secret
        else "\n  1. Put the app's client secret (Basic information) into .env: LIVE_INTERCOM_CLIENT_SECRET=…"
    )
    return (
        f"Webhooks of Intercom can only be set up by hand. In the Developer Hub open your app, then:{secret}\n"
        f"  2. Start `standpipe live --listen …`, which answers Intercom's check of the address.\n"
        f"  3. Configure > Webhooks: enter {base}/hooks/intercom and tick these topics:\n{topics}"
    )


def _connect_to_write(project: Project, *, key_from_stdin: bool) -> Api:
    prompt = "Chargebee full-access key, for this command only"
    key = sys.stdin.readline().strip() if key_from_stdin else click.prompt(prompt, hide_input=True)
    return connect_to_chargebee(project, api_key=key)


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    loopback = parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if loopback and parts.scheme == "http":
        return url.rstrip("/")
    if parts.scheme != "https" or not parts.hostname or (parts.port or 443) not in _PORTS or parts.username:
        raise ConsoleError(
            "The vendors deliver to a public https:// address on port 443, 8443, 80 or 8080: check `--url`."
        )
    return url.rstrip("/")


def _parse_address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:  # noqa: PLR2004 the highest port
        raise ConsoleError(f"`--listen` takes HOST:PORT, such as 127.0.0.1:8200, and not `{text}`.")
    return host.strip("[]"), int(port)
