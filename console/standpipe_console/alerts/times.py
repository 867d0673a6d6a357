"""Times and numbers in the words of everyday language. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import tzinfo

_TIMES = (
    "",
    "once",
    "twice",
    *(f"{n} times" for n in ("three", "four", "five", "six", "seven", "eight", "nine", "ten")),
)
#: The number of days after which a weekday no longer identifies a day.
_WEEK = 7


def count_times(count: int) -> str:
    """Return how often something happened, such as `three times`."""
    return _TIMES[count] if count < len(_TIMES) else f"{count} times"


@dataclass(frozen=True)
class Reader:
    """The reader of a message: the time of reading, and the reader's time zone.

    Args:
        now: unix seconds.
        zone: the time zone of the reader's clock.
    """

    now: float
    zone: tzinfo

    def tell(self, at: float) -> str:
        """Return a time as it follows `since`: `06:00`, `yesterday 06:00`, `Friday 06:00`, `3 November 06:00`."""
        return " ".join(filter(None, (self._name_day(at), self._read_clock(at))))

    def tell_moment(self, at: float) -> str:
        """Return a time with its preposition: `at 06:00`, `yesterday at 06:00`, `on Friday at 06:00`."""
        day = self._name_day(at)
        preposition = "on " if day and day != "yesterday" else ""
        return f"{preposition}{day} at {self._read_clock(at)}".strip()

    def _read_clock(self, at: float) -> str:
        local = datetime.fromtimestamp(at, self.zone)
        # Many machines run in UTC while their readers do not. Then the zone is part of the time.
        return f"{local:%H:%M} UTC" if local.tzname() == "UTC" else f"{local:%H:%M}"

    def _name_day(self, at: float) -> str:
        today = datetime.fromtimestamp(self.now, self.zone).date()
        day = datetime.fromtimestamp(at, self.zone).date()
        if day == today:
            return ""
        if day == today - timedelta(days=1):
            return "yesterday"
        return f"{day:%A}" if 0 < (today - day).days < _WEEK else f"{day.day} {day:%B}"
