"""The command ``sandbox``: serves one world until it is stopped."""

from __future__ import annotations

import gc
import logging
import socket
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click
from uvicorn import Server

from sandbox.app import create_app
from sandbox.server import server_config
from sandbox.settings import Settings, read_settings
from sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Callable


def _add_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add one option per field of ``Settings``; the README describes them."""
    for field in reversed(fields(Settings)):
        option = field.name.replace("_", "-")
        flag = f"--{option}/--no-{option}" if isinstance(field.default, bool) else f"--{option}"
        command = click.option(flag, default=field.default, show_default=True)(command)
    return command


def _build_world(settings: Settings) -> World:
    """Return a world whose records the garbage collector never visits, because there may be millions of objects."""
    gc.disable()
    world = World(settings)
    world.chartmogul  # noqa: B018 - made now rather than when it is first asked for
    gc.freeze()
    gc.enable()
    return world


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8100, show_default=True, help="Port to listen on.")
@_add_options
def main(host: str, port: int, **switches: Any) -> None:
    """Serve a simulated Chargebee, Intercom and ChartMogul that share one business."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    try:
        settings = read_settings(switches)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    app = create_app(_build_world(settings))
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        raise click.ClickException(f"--host {host} --port {port} cannot be used: {error.strerror}.") from error
    click.echo(f"Sandbox of {settings.customers} customers at http://{host}:{port}/")
    Server(server_config(app, host, port)).run([listener])
