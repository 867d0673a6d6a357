"""What a run says of itself at its end: a table of what the customers became, the sum, and the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_intercom.reporting.not_sent import BECAUSE
from target_intercom.reporting.words import explain_outcome, name_outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_KINDS = ("updated", "unchanged", "created", "converted", "unknown", "not_reached")
_ALWAYS = ("records", "updated", "created")
#: Figures that the sum, or the table, has in better words.
_ELSEWHERE = ("totals", "not_sent", "outcomes")


def format_outcomes(summary: Mapping[str, Any], value_name: str) -> list[str]:
    """Return the table of the customers: how many, what they became, and why."""
    head = ("customers", "would" if summary["mode"] == "validate" else "became", "because")
    rows = [(f"{one['customers']:,}", one["became"], one["because"]) for one in build_outcomes(summary, value_name)]
    return _align([head, *rows])


def build_outcomes(summary: Mapping[str, Any], value_name: str) -> list[dict[str, Any]]:
    """Return the rows of the table of the customers, as they stand in `summary.json`."""
    validate = summary["mode"] == "validate"
    rows: list[tuple[int, str, str]] = [
        (count, _strip_would(name_outcome(kind, validate=validate)), explain_outcome(kind, reason))
        for kind, reason, count in list_outcomes(summary)
    ]
    not_sent = {BECAUSE.get(reason, reason): count for reason, count in summary["not_sent"].items()}
    not_sent["unchanged since they were sent"] = summary["totals"].get("unchanged", 0)
    became = "not be sent" if validate else "not sent"
    rows += [(count, became, why.replace("{value}", value_name)) for why, count in not_sent.items() if count]
    return [dict(zip(("customers", "became", "because"), row, strict=True)) for row in rows]


def format_promise(summary: Mapping[str, Any]) -> str:
    """Return in one sentence what a sync would do."""
    counts: dict[str, int] = {}
    for kind, _, count in list_outcomes(summary):
        counts[kind] = counts.get(kind, 0) + count
    parts = [f"{name_outcome(kind, validate=True)} {count:,}" for kind, count in counts.items()]
    if missing := len(summary["attributes_missing"]):
        parts.append(f"would create {missing:,} attributes")
    return f"Nothing was written. A sync {', '.join(parts) or 'would write nothing'}."


def format_figures(summary: Mapping[str, Any]) -> list[str]:
    """Return the figures of a run, a line each, without those that are nothing; a list counts by its length."""
    validate = summary["mode"] == "validate"
    hidden = _ELSEWHERE if validate else (*_ELSEWHERE, "attributes_missing")
    rows = []
    for name, value in summary.items():
        if name not in hidden and (value or name in _ALWAYS):
            figures = _flatten(name_outcome(name, validate=validate), value)
            rows += [(words, f"{figure:>10}") for words, figure in figures]
    return _align(rows)


def _flatten(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every figure, named by the way to it."""
    if isinstance(value, dict):
        for key, one in value.items():
            if one:
                yield from _flatten(f"{name}: {key.replace('_', ' ')}", one)
    else:
        yield name, len(value) if isinstance(value, list) else value


def list_outcomes(summary: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    """Yield what became of the records that came: kind, reason, and how many, without those that are none."""
    yield from ((kind, "", summary[kind]) for kind in _KINDS if summary[kind])
    for kind in ("skipped", "rejected"):
        yield from ((kind, reason, count) for reason, count in summary[kind].items())


def _strip_would(text: str) -> str:
    return text.removeprefix("would ")


def _align(rows: Sequence[Iterable[str]]) -> list[str]:
    """Lay rows out in columns; the first one that counts is set to the right."""
    cells = [list(row) for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]) - 1)] if cells else []
    return [
        "  ".join([*(f"{text:<{width}}" for text, width in zip(row, widths, strict=False)), row[-1]]) for row in cells
    ]
