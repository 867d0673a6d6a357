"""What Intercom counts of a conversation: worked out from its parts whenever somebody asks."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def statistics(document: Mapping[str, Any]) -> dict[str, Any]:
    """The statistics of a conversation's document; what never happened is None."""
    parts, born = document["parts"], document["created_at"]
    comments = [one for one in parts if one.part_type == "comment"]
    answers = [one.at for one in comments if one.by_admin]
    heard = [born, *(one.at for one in comments if not one.by_admin)]
    assigned = [one.at for one in parts if one.part_type == "assignment"]
    closes = [one for one in parts if one.part_type == "close"]
    closed = [one.at for one in closes]
    return {
        "type": "conversation_statistics",
        "time_to_assignment": _since(born, assigned[:1]),
        "time_to_admin_reply": _since(born, answers[:1]),
        "time_to_first_close": _since(born, closed[:1]),
        "time_to_last_close": _since(born, closed[-1:]),
        "median_time_to_reply": _median_wait(heard, answers),
        "first_contact_reply_at": heard[0],
        "first_assignment_at": _first(assigned),
        "first_admin_reply_at": _first(answers),
        "first_close_at": _first(closed),
        "last_assignment_at": _last(assigned),
        "last_assignment_admin_reply_at": _first([one for one in answers if assigned and one >= assigned[-1]]),
        "last_contact_reply_at": heard[-1],
        "last_admin_reply_at": _last(answers),
        "last_close_at": _last(closed),
        "last_closed_by_id": closes[-1].author.id if closes else None,
        "count_reopens": sum(one.part_type == "open" for one in parts),
        "count_assignments": len(assigned),
        "count_conversation_parts": len(parts) + 1,
    }


def _first(instants: Sequence[int]) -> int | None:
    return instants[0] if instants else None


def _last(instants: Sequence[int]) -> int | None:
    return instants[-1] if instants else None


def _since(born: int, instants: Sequence[int]) -> int | None:
    return instants[0] - born if instants else None


def _median_wait(heard: Sequence[int], answers: Sequence[int]) -> int | None:
    waits = [at - max(one for one in heard if one <= at) for at in answers]
    return int(median(waits)) if waits else None
