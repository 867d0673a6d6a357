"""The settings of the page, from the command line, the shell or `.env`."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from standpipe_console.errors import ConsoleError

if TYPE_CHECKING:
    from standpipe_console.project.meltano import Project

DEFAULT_ADDRESS = "127.0.0.1:8300"
#: Shorter passwords could be guessed although attempts are limited.
LEAST_PASSWORD = 8
_HIGHEST_PORT = 65_535


@dataclass(frozen=True)
class ServeSettings:
    """Where the page listens, who may open it, and under which addresses."""

    host: str
    port: int
    password: str = field(default="", repr=False)
    url: str = ""  #: the address that people open, when a proxy stands before the page

    @property
    def is_secure(self) -> bool:
        """Whether people open the page over https, so that its cookie may travel over https only."""
        return self.url.startswith("https://")

    def list_origins(self, port: int) -> frozenset[str]:
        """Return the origins of the page; `port` is the one it really listens on."""
        if self.url:
            parts = urlsplit(self.url)
            return frozenset({f"{parts.scheme}://{parts.netloc.lower()}"})
        names = {"127.0.0.1", "localhost", "[::1]", f"[{self.host}]" if ":" in self.host else self.host}
        return frozenset(f"http://{name}:{port}" for name in names)


def read_settings(project: Project, listen: str) -> ServeSettings:
    """Return the settings of the page.

    Args:
        project: the project.
        listen: the address to listen on, as HOST:PORT.

    Raises:
        ConsoleError: an address is invalid, or others could open the page without a password or without https.
    """
    host, port = parse_address(listen)
    password = project.get_variable("SERVE_PASSWORD") or ""
    url = (project.get_variable("SERVE_URL") or "").rstrip("/")
    if password and len(password) < LEAST_PASSWORD:
        raise ConsoleError(f"SERVE_PASSWORD must have at least {LEAST_PASSWORD} characters.")
    if url:
        _check_url(url)
    is_public = not is_loopback(host) or bool(url and not is_loopback(urlsplit(url).hostname or ""))
    if is_public and not password:
        raise ConsoleError("The page shows customers and can start runs: set SERVE_PASSWORD before others can open it.")
    if is_public and not url:
        raise ConsoleError(
            f"To listen on {host}, put a proxy with TLS in front of the page and set SERVE_URL to the https:// "
            "address that people open: a password must not travel unprotected."
        )
    return ServeSettings(host, port, password, url)


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port.

    Raises:
        ConsoleError: the text is not HOST:PORT.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > _HIGHEST_PORT:
        raise ConsoleError(f"`--listen` takes HOST:PORT, such as {DEFAULT_ADDRESS}, and not `{text}`.")
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """Return whether only this machine itself reaches a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    is_local = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if not (parts.scheme == "https" or is_local) or not parts.hostname or parts.path or parts.query or parts.username:
        raise ConsoleError(
            "SERVE_URL must be the https:// address that people open, without a path, such as "
            "https://standpipe.example.com (http:// only for this machine itself)."
        )
