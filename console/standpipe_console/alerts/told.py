"""The alerts that each channel has received, in the history's table `alerts`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standpipe_console.history import AlertRow

from .conditions import Situation
from .messages import Told

if TYPE_CHECKING:
    from standpipe_console.history import History

    from .messages import Message


def list_told(history: History, channel: str) -> list[Told]:
    """Return the situations of which a channel has received an alert, but not yet the end."""
    known = {one.value for one in Situation}
    return [
        Told(row.job, Situation(row.situation), row.cause, row.since, row.sent_at or row.since)
        for row in history.list_alerts()
        if row.channel == channel and row.situation in known
    ]


def note_sent(history: History, channel: str, message: Message) -> None:
    """Remember that a channel received a message."""
    for one in message.ends:
        history.remove_alert(one.job, one.situation, one.cause, channel)
    if (new := message.tells) is not None:
        history.write_alert(AlertRow(new.job, new.situation, new.since, new.sent_at, new.cause, channel))
