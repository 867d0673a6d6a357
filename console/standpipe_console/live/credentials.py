"""What the vendors prove themselves with when they call."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Credentials:
    """How each vendor proves itself; a vendor without credentials has no address here."""

    chargebee_username: str = ""
    chargebee_password: str = field(default="", repr=False)
    intercom_client_secret: str = field(default="", repr=False)
