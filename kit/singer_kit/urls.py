"""The addresses that a key may be sent to. Pure."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

#: One part of a host name, between two dots.
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:]*:[0-9a-f:.]*")
#: Characters that no API's base has, and that programs interpret differently.
_ODD = re.compile(r"[\s\\?#]")


def is_host_label(text: str) -> bool:
    """Return whether a text is exactly one part of a host name, such as `acme` of acme.chargebee.com."""
    return bool(_LABEL.fullmatch(text))


def is_base_url(url: str) -> bool:
    """Return whether an address can be an API's base: a host, with at most a path after it."""
    try:
        parts = urlsplit(url)
        is_base = parts.scheme in {"http", "https"} and bool(_HOST.fullmatch(parts.hostname or "")) and parts.port != 0
    except ValueError:
        return False
    return is_base and "@" not in parts.netloc and url.isprintable() and not _ODD.search(url)


def is_unencrypted(url: str) -> bool:
    """Return whether a key would leave this machine unencrypted on its way to an address."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def describe_unencrypted(setting: str) -> str:
    """Return the sentence that refuses such an address."""
    return (
        f"The setting `{setting}` is an http:// address of another machine, to which the key would go unencrypted: use "
        "https://."
    )


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.casefold() == "localhost"
