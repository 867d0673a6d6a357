"""Decides which messages to send: one for each change of a side, and none twice. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .conditions import GOOD, SIDES, Side, Situation, find_situation
from .times import count_times

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .conditions import Condition, PipelineFacts
    from .times import Reader

Kind = Literal["failure", "warning", "success", "info"]

#: The severity of a situation, and the title of its message.
_TITLES: dict[Situation, tuple[Kind, str]] = {
    Situation.FAILED: ("failure", "Standpipe: the {name} failed"),
    Situation.GUARDED: ("warning", "Standpipe: a guard stopped the {name}"),
    Situation.PARTLY_REFUSED: ("warning", "Standpipe: {system} refused records of the {name}"),
    Situation.STALE: ("failure", "Standpipe: the {name} is late"),
    Situation.PAUSED: ("warning", "Standpipe: the {name} is paused"),
    Situation.LIVE_STUCK: ("failure", "Standpipe: live is stuck on the {name}"),
}
#: The title and the text of the message that a situation has ended.
_ENDS = {
    Situation.FAILED: ("Standpipe: the {name} works again", "The {name} works again: {good}. It had failed {times}."),
    Situation.GUARDED: (
        "Standpipe: the {name} works again",
        "The {name} works again: {good}. A guard had stopped it since {since}.",
    ),
    Situation.PARTLY_REFUSED: (
        "Standpipe: {system} no longer refuses records of the {name}",
        "{system} accepted every record of the {name}: {good}. It had refused some since {since}.",
    ),
    Situation.STALE: (
        "Standpipe: the {name} is on time again",
        "The {name} is on time again: {good}. It was due {due}.",
    ),
    Situation.PAUSED: (
        "Standpipe: the {name} is no longer paused",
        "The {name} is no longer paused: its schedule runs it again. It had been paused since {since}.",
    ),
    Situation.LIVE_STUCK: (
        "Standpipe: live works again on the {name}",
        "Live works again on the {name}. It had been stuck since {since}.",
    ),
}


@dataclass(frozen=True)
class Told:
    """A situation of which a channel received an alert, and that has not ended since."""

    job: str
    situation: Situation
    cause: str
    since: float  #: unix seconds, as in the message
    sent_at: float = 0.0

    @property
    def side(self) -> Side:
        """What it was about."""
        return SIDES[self.situation]


@dataclass(frozen=True)
class Message:
    """One message to one channel, and what the channel knows once it is delivered."""

    kind: Kind
    title: str
    text: str
    ends: tuple[Told, ...] = ()  #: which no longer holds
    tells: Told | None = None


def choose_messages(
    facts: PipelineFacts, conditions: Mapping[Side, Condition | None], told: Iterable[Told], reader: Reader
) -> Iterator[Message]:
    """Yield the messages for a channel that has received these alerts so far."""
    by_side: dict[Side, list[Told]] = {side: [] for side in Side}
    for one in told:
        if one.job == facts.job:
            by_side[one.side].append(one)
    for side, condition in conditions.items():
        before = by_side[side]
        if condition is None:
            if before:
                yield _build_end(facts, before, reader)
        elif (condition.situation, condition.cause) not in {(one.situation, one.cause) for one in before}:
            # The causes of a situation are remembered until it ends, because they may alternate.
            ends = tuple(one for one in before if one.situation is not condition.situation)
            kind, title = _TITLES[condition.situation]
            tells = Told(facts.job, condition.situation, condition.cause, condition.since, reader.now)
            yield Message(kind, title.format(name=facts.name, system=facts.system), condition.text, ends, tells)


def _build_end(facts: PipelineFacts, before: list[Told], reader: Reader) -> Message:
    first = min(before, key=lambda one: one.since)
    good = next((run for run in facts.runs if run.status in GOOD), None)
    failures = sum(find_situation(run) is Situation.FAILED and run.started_at >= first.since for run in facts.runs)
    words = {
        "name": facts.name,
        "system": facts.system,
        "good": f"the run {reader.tell_moment(good.started_at)} ended well" if good else "a run ended well",
        "since": reader.tell(first.since),
        "due": reader.tell_moment(first.since),
        "times": reader.tell_moment(first.since)
        if failures <= 1
        else f"{count_times(failures)} since {reader.tell(first.since)}",
    }
    title, text = (template.format(**words) for template in _ENDS[first.situation])
    return Message("success", title, text, tuple(before))
