"""Which addresses a key may be sent to. Pure."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

#: One part of a host's name, between two dots.
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:]*:[0-9a-f:.]*")
#: What no base of an API has, and some programs read in another way than others do.
_ODD = re.compile(r"[\s\\?#]")


def is_host_label(text: str) -> bool:
    """Return whether a text is one part of a host's name, such as `acme` of acme.chargebee.com, and nothing more."""
    return bool(_LABEL.fullmatch(text))


def is_base_url(url: str) -> bool:
    """Return whether an address can be the base of an API: a host, and nothing but a path behind it."""
    try:
        parts = urlsplit(url)
        is_base = parts.scheme in {"http", "https"} and bool(_HOST.fullmatch(parts.hostname or "")) and parts.port != 0
    except ValueError:
        return False
    return is_base and "@" not in parts.netloc and url.isprintable() and not _ODD.search(url)


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
