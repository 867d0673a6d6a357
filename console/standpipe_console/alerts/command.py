"""`alert check | test`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from standpipe_console.errors import ConsoleError

from .check import check_alerts
from .delivery import open_channels
from .messages import Message
from .settings import read_settings

if TYPE_CHECKING:
    from standpipe_console.project.meltano import Project

_NOBODY = "ALERT_URLS is not set: nobody is notified when a pipeline fails. docs/operations.md explains how to set it."


@click.group()
def alert() -> None:
    """Tell people when a pipeline fails, is late, or works again."""


@alert.command()
@click.option("--quiet", is_flag=True, help="Print only what could not be delivered, as cron mails what is printed.")
@click.pass_obj
def check(project: Project, *, quiet: bool) -> None:
    """Check every pipeline, and send new alerts. The exit code is 1 if a message was not delivered."""
    found = check_alerts(project)
    if not quiet:
        for condition in found.conditions:
            click.echo(condition.text)
        if not found.conditions:
            click.echo("Nothing is wrong.")
        for message in found.sent:
            click.echo(f"Sent: {message.title}.")
        if not read_settings(project).urls:
            click.echo(_NOBODY)
    if found.warning:
        click.echo(found.warning, err=True)
        sys.exit(1)


@alert.command()
@click.pass_obj
def test(project: Project) -> None:
    """Send a message to every address of ALERT_URLS. The exit code is 1 if one was not delivered."""
    channels = open_channels(read_settings(project).urls)
    if not channels:
        raise ConsoleError(_NOBODY)
    message = Message("info", "Standpipe: this is a test", "Alerts of Standpipe arrive here. Nothing is wrong.")
    delivered = {channel: channel.send(message) for channel in channels}
    for channel, is_delivered in delivered.items():
        click.echo(f"{channel.service}: {'delivered' if is_delivered else 'not delivered: check its address'}.")
    if not all(delivered.values()):
        sys.exit(1)
