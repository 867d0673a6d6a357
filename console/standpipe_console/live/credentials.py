"""The credentials by which live recognises the vendors' calls."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Credentials:
    """The credentials by which each vendor's webhooks are verified. A vendor without credentials has no route."""

    chargebee_username: str = ""
    chargebee_password: str = field(default="", repr=False)
    intercom_client_secret: str = field(default="", repr=False)
