"""Which addresses a key may be sent to. Pure."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_base_url(url: str) -> bool:
    """Return whether an address can be the base of an API: a scheme, a host, and neither a query nor a password."""
    try:
        parts = urlsplit(url)
        is_base = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    extra = parts.query or parts.fragment or parts.username or parts.password
    return is_base and not extra and url.isprintable() and " " not in url


def is_unencrypted(url: str) -> bool:
    """Return whether a key that is sent to an address leaves this machine in plain sight."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def describe_unencrypted(setting: str) -> str:
    """Return one sentence that refuses such an address."""
    return (
        f"The setting `{setting}` is an http:// address of another machine, to which the key would go unencrypted: use "
        "https://."
    )


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.casefold() == "localhost"
