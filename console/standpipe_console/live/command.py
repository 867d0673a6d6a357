"""`standpipe live`, `live install | remove | status`."""

from __future__ import annotations

import logging
import secrets
import signal
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click
import psutil

from standpipe_console import output
from standpipe_console.errors import ConsoleError
from standpipe_console.project.pipelines import LEADS, SYNC

from . import chargebee_api
from .inbox import Inbox
from .intercom_topics import RINGING_TOPICS
from .service import LiveService, connect_to_chargebee
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
    help="Also receive webhooks at this address, such as 127.0.0.1:8200, behind a proxy that speaks TLS.",
)
@click.pass_context
def live(context: click.Context, listen: str | None) -> None:
    """Bring changes over within seconds: read Chargebee's events, receive webhooks, run the jobs over what changed."""
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
        # Kept first: a webhook whose password nobody knows would only ring in vain.
        project.dotenv.set_value("LIVE_CHARGEBEE_USERNAME", username)
        project.dotenv.set_value("LIVE_CHARGEBEE_PASSWORD", password)
        api = _connect_to_write(project, key_from_stdin=key_from_stdin)
        id_ = chargebee_api.install_endpoint(api, f"{base}/hooks/chargebee", username, password)
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
    """Show whether live works, what waits and why nothing runs when nothing runs."""
    found = describe_live(project)
    if as_json:
        output.print_json(found)
        return
    for sentence in list_sentences(found):
        click.echo(sentence)


def describe_live(project: Project) -> dict[str, Any]:
    """Return the state of live: the process, the last ring, and for each job what waits, for how long, and why."""
    inbox = Inbox(read_settings(project).inbox_url)
    try:
        now = time.time()
        process: Any = inbox.read_fact("live")
        jobs = {}
        for pipeline in project.ready_pipelines:
            waiting = inbox.list_waiting(pipeline.job)
            jobs[pipeline.job] = {
                "waiting": len(waiting),
                "oldest_seconds": round(now - min(one.first_rung_at for one in waiting), 1) if waiting else None,
                "last_run": inbox.read_fact(f"{pipeline.job}.last_run"),
                "blocked": inbox.read_fact(f"{pipeline.job}.blocked") or "",
            }
        last_ring = inbox.get_last_ring()
        is_running = bool(process) and psutil.pid_exists(process["pid"])
        return {
            "running": is_running,
            "was_killed": bool(process) and not is_running,
            "receiver": inbox.read_fact("receiver"),
            "poll": inbox.read_fact("poll"),
            "last_ring_seconds": None if last_ring is None else round(now - last_ring, 1),
            "events": {f"{source} {type_}": count for (source, type_), count in sorted(inbox.list_counts().items())},
            "jobs": jobs,
        }
    finally:
        inbox.close()


def list_sentences(found: dict[str, Any]) -> list[str]:
    """Return the state of live as sentences for a person."""
    if not found["running"] and found["poll"] is None and found["last_ring_seconds"] is None:
        return ["Live has never run: start it with `standpipe live`."]
    lines = ["Live is running." if found["running"] else "Live is not running: start it with `standpipe live`."]
    if found["receiver"]:
        lines.append(f"It receives webhooks at http://{found['receiver']['host']}:{found['receiver']['port']}.")
    if (found["poll"] or {}).get("error"):
        lines.append(f"Chargebee's events cannot be read: {found['poll']['error']}")
    rung = found["last_ring_seconds"]
    lines.append("Nothing has rung yet." if rung is None else f"The last ring came {output.describe_age(rung)}.")
    for job, one in found["jobs"].items():
        waits = (
            f"{one['waiting']} ids wait, the oldest for {one['oldest_seconds']:.0f} s"
            if one["waiting"]
            else "nothing waits"
        )
        lines.append(f"{job}: {waits}.")
        if one["blocked"]:
            lines.append(f"{job}: runs for single ids do not start. {one['blocked']}")
        if one["last_run"]:
            lines.append(f"{job}: {_describe_run(one['last_run'])}")
    return lines


def _describe_run(run: dict[str, Any]) -> str:
    over = "everything" if run["plain"] else f"{run['ids']} ids"
    seconds = run["ended_at"] - run["started_at"]
    if run["code"]:
        return f"the last run over {over} failed: {run['reason']}"
    lag = f", {run['lag']:.0f} s after the first of its changes" if run.get("lag") else ""
    ended = output.describe_age(time.time() - run["ended_at"])
    return f"the last run over {over} took {seconds:.0f} s and ended {ended}{lag}."


def _describe_intercom(base: str, *, has_secret: bool) -> str:
    topics = "\n".join(f"     {topic}" for topic in RINGING_TOPICS if topic != "contact.unarchive")
    secret = (
        ""
        if has_secret
        else "\n  1. Put the app's client secret (Basic information) into .env: LIVE_INTERCOM_CLIENT_SECRET=…"
    )
    return (
        f"Intercom takes webhooks by hand only. In the Developer Hub open your app, then:{secret}\n"
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
