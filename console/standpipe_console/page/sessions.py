"""Controls who may use the page: with one password, a cookie per browser, and a token in each form.

Nothing is kept on disk: after a restart everybody logs in again.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: How long a login lasts, in seconds.
LOGIN_LASTS = 12 * 3600.0
#: The wrong passwords that one address, and all addresses together, may try within `WINDOW` seconds.
TRIES, TRIES_OF_ALL, WINDOW = 5, 50, 300.0
_TOKEN_BYTES = 32


class Password:
    """The password of the page, kept as a salted hash only."""

    def __init__(self, text: str) -> None:
        self._salt = secrets.token_bytes(16)
        self._hash = self._compute_hash(text)

    def matches(self, text: str) -> bool:
        """Return whether a text is the password, in constant time."""
        return hmac.compare_digest(self._compute_hash(text), self._hash)

    def _compute_hash(self, text: str) -> bytes:
        return hashlib.scrypt(text.encode(), salt=self._salt, n=2**14, r=8, p=1)


@dataclass
class LoginLimiter:
    """Slows down clients that try many passwords.

    Args:
        clock: seconds of a monotonic clock.
    """

    clock: Callable[[], float]
    _failures: dict[str, deque[float]] = field(default_factory=dict, init=False)

    def get_wait(self, address: str) -> float:
        """Return for how many seconds an address may not try again; 0 when it may."""
        now = self.clock()
        for name in list(self._failures):
            times = self._failures[name]
            while times and times[0] <= now - WINDOW:
                times.popleft()
            if not times:
                del self._failures[name]
        own = self._failures.get(address, deque())
        everybody = sorted(time for times in self._failures.values() for time in times)
        waits = [0.0]
        if len(own) >= TRIES:
            waits.append(own[-TRIES] + WINDOW - now)
        if len(everybody) >= TRIES_OF_ALL:
            waits.append(everybody[-TRIES_OF_ALL] + WINDOW - now)
        return max(waits)

    def count_failure(self, address: str) -> None:
        """Count a wrong password."""
        self._failures.setdefault(address, deque(maxlen=TRIES)).append(self.clock())

    def forget_failures(self, address: str) -> None:
        """Forget the wrong passwords of an address that knew the right one."""
        self._failures.pop(address, None)


class Sessions:
    """The browsers that have logged in.

    Args:
        clock: seconds of a monotonic clock.
        password: the password; None when everybody who reaches the page may use it.
    """

    def __init__(self, clock: Callable[[], float], password: Password | None) -> None:
        self._clock = clock
        self.password = password
        self._key = secrets.token_bytes(_TOKEN_BYTES)
        self._logged_in: dict[bytes, float] = {}

    def create_token(self) -> str:
        """Return a new cookie for a browser without one."""
        return secrets.token_urlsafe(_TOKEN_BYTES)

    def build_form_token(self, token: str) -> str:
        """Return the token in each form of this browser. Another site can neither read nor guess it."""
        return hmac.new(self._key, token.encode(), hashlib.sha256).hexdigest()

    def is_form_token(self, token: str, text: str) -> bool:
        """Return whether a form came from a page of this browser."""
        return hmac.compare_digest(self.build_form_token(token).encode(), text.encode())

    def may_enter(self, token: str) -> bool:
        """Return whether a browser may see the pages."""
        if self.password is None:
            return True
        return self._logged_in.get(self._digest(token), float("-inf")) > self._clock()

    def log_in(self) -> str:
        """Return a new cookie after a login, because others may know the earlier one."""
        now = self._clock()
        self._logged_in = {key: until for key, until in self._logged_in.items() if until > now}
        token = self.create_token()
        self._logged_in[self._digest(token)] = now + LOGIN_LASTS
        return token

    def log_out(self, token: str) -> None:
        """Forget a browser."""
        self._logged_in.pop(self._digest(token), None)

    def _digest(self, token: str) -> bytes:
        return hashlib.sha256(token.encode()).digest()
