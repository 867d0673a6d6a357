"""The log of a run: its progress, and at its end the listed records, the outcomes and the figures."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from target_intercom.reporting.not_sent import BECAUSE
from target_intercom.reporting.words import explain_outcome, name_outcome

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from target_intercom._kit.json_types import JsonObject, JsonValue
    from target_intercom.reporting.links import Links
    from target_intercom.reporting.outcomes import Outcome

_KINDS = ("updated", "unchanged", "created", "converted", "unknown", "not_reached")
_ALWAYS = ("records", "updated", "created")
#: Figures that the sum or the table already shows.
_ELSEWHERE = ("totals", "not_sent", "outcomes")
_EVERY = 10.0  # seconds between two progress lines


class Progress:
    """Logs the progress of a run every ten seconds."""

    def __init__(self, logger: logging.Logger, what: str, total: int) -> None:
        self._logger, self._what, self._total = logger, what, total
        self._done = 0
        self._next = time.monotonic() + _EVERY

    def add_steps(self, count: int = 1) -> None:
        """Count completed steps."""
        self._done += count
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY
            self._logger.info("%s: %d of %d", self._what, self._done, self._total)


@dataclass
class Listing:
    """The first records of a run, at most `max_records`, each with a link."""

    max_records: int
    entries: list[tuple[str, str, Outcome]] = field(default_factory=list)

    def add_record(self, stream: str, record_id: str | None, outcome: Outcome) -> None:
        """Store the outcome of a record."""
        if len(self.entries) < self.max_records:
            self.entries.append((stream, record_id or "-", outcome))

    def format_lines(self, links: Links) -> list[str]:
        """Return a line per record: its id, its outcome, and either the reason for its skip or its link."""
        rows = []
        for stream, record_id, outcome in self.entries:
            reason = outcome.reason if outcome.kind in {"skipped", "rejected"} else ""
            address = links.build_intercom_link(stream, outcome.intercom_id) if outcome.intercom_id else ""
            rows.append((record_id, outcome.kind, "  ".join(filter(None, (reason, address)))))
        return _align(rows)


def format_outcomes(summary: Mapping[str, JsonValue], value_name: str) -> list[str]:
    """Return the table of the customers: their number, outcome and reason."""
    head = ("customers", "would" if summary["mode"] == "validate" else "became", "because")
    rows = [(f"{one['customers']:,}", one["became"], one["because"]) for one in build_outcomes(summary, value_name)]
    return _align([head, *rows])


def build_outcomes(summary: Mapping[str, JsonValue], value_name: str) -> list[JsonObject]:
    """Return the rows of the table of customers as in `summary.json`."""
    validate = summary["mode"] == "validate"
    rows: list[tuple[int, str, str]] = [
        (count, name_outcome(kind, validate=validate).removeprefix("would "), explain_outcome(kind, reason))
        for kind, reason, count in list_outcomes(summary)
    ]
    not_sent = {BECAUSE.get(reason, reason): count for reason, count in summary["not_sent"].items()}
    not_sent["unchanged since they were sent"] = summary["totals"].get("unchanged", 0)
    became = "not be sent" if validate else "not sent"
    rows += [(count, became, why.replace("{value}", value_name)) for why, count in not_sent.items() if count]
    return [dict(zip(("customers", "became", "because"), row, strict=True)) for row in rows]


def format_promise(summary: Mapping[str, JsonValue]) -> str:
    """Return one sentence about what a sync would do."""
    counts: dict[str, int] = {}
    for kind, _, count in list_outcomes(summary):
        counts[kind] = counts.get(kind, 0) + count
    parts = [f"{name_outcome(kind, validate=True)} {count:,}" for kind, count in counts.items()]
    if missing := len(summary["attributes_missing"]):
        parts.append(f"would create {missing:,} attributes")
    if sent := summary.get("events_sent"):
        parts.append(f"would send {sent:,} events")
    for name, verb in (("objects_saved", "save"), ("objects_deleted", "delete")):
        if summary.get(name):
            parts.append(f"would {verb} {summary[name]:,} custom objects")
    return f"Nothing was written. A sync {', '.join(parts) or 'would write nothing'}."


def format_figures(summary: Mapping[str, JsonValue]) -> list[str]:
    """Return a line per figure of a run, without zeros. A list counts with its length."""
    validate = summary["mode"] == "validate"
    hidden = _ELSEWHERE if validate else (*_ELSEWHERE, "attributes_missing")
    rows = []
    for name, value in summary.items():
        if name not in hidden and (value or name in _ALWAYS):
            figures = _flatten(name_outcome(name, validate=validate), value)
            rows += [(words, f"{figure:>10}") for words, figure in figures]
    return _align(rows)


def _flatten(name: str, value: JsonValue) -> Iterator[tuple[str, JsonValue]]:
    """Yield every figure of a nested value with its path as name."""
    if isinstance(value, dict):
        for key, one in value.items():
            if one:
                yield from _flatten(f"{name}: {key.replace('_', ' ')}", one)
    else:
        yield name, len(value) if isinstance(value, list) else value


def list_outcomes(summary: Mapping[str, JsonValue]) -> Iterator[tuple[str, str, int]]:
    """Yield the outcomes of the input's records: kind, reason and count, without zeros."""
    yield from ((kind, "", summary[kind]) for kind in _KINDS if summary[kind])
    for kind in ("skipped", "rejected"):
        yield from ((kind, reason, count) for reason, count in summary[kind].items())


def _align(rows: Sequence[Iterable[str]]) -> list[str]:
    """Return rows as lines, their columns aligned."""
    cells = [list(row) for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]) - 1)] if cells else []
    return [
        "  ".join([*(f"{text:<{width}}" for text, width in zip(row, widths, strict=False)), row[-1]]) for row in cells
    ]
